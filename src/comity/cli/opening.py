"""Opening an engagement: entry 0 of its own ledger, for the terminal and for the portal alike."""

from comity.cli.cases import begin_case
from comity.cli.home import Home
from comity.cli.law_at_hand import law_at_hand
from comity.engagement import add, read_records
from comity.law import Pack
from comity.records import CaseOpened, Hex32, Instant, instant_text

__all__ = ["LAW", "open_engagement"]

LAW = "eu-ai-act"
"""The law pack of an engagement that names none."""


def open_engagement(
    home: Home,
    *,
    provider: str,
    authority: str,
    initiated_by: str,
    summary: str,
    subjects: tuple[str, ...] = (),
    track: str = "model",
    law: str = LAW,
    on: str = "",
    source: str = "",
    refs: tuple[str, ...] = (),
) -> tuple[str, Pack]:
    """Open the case between one authority and one provider; its id, and the law pack that it keeps."""
    at = home.clock()
    identity = home.random(16).hex()
    name, _, version = law.partition("@")
    pack = law_at_hand(name, version or None)
    record = CaseOpened(
        at=Instant(instant_text(at)),
        item=Hex32(home.random(16).hex()),
        on=on or at.date().isoformat(),
        source=source,
        confidence="reported" if source else "stated",
        refs=refs,
        engagement=Hex32(identity),
        track=track,
        law=pack.name,
        law_version=pack.version,
        authority=authority,
        provider=provider,
        initiated_by=initiated_by,
        subjects=subjects,
        summary=summary,
    )
    read_records([record])
    ledger = begin_case(home, identity)
    try:
        add(ledger, record, at)
    finally:
        ledger.close()
    return identity, pack
