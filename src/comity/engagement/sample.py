"""The sample: public facts of 2026 about two providers, as two cases.

The facts lie in `samples/press-2026.yaml`, each with its source, its date as exactly as the source gives it, and how
sure it is.  They are press reports and law; no party to the talks wrote or saw them, and the cases say so.

The sample is loaded today and tells of last spring.  So that it can be replayed, its entries state as `at` not the time
of loading but the end of the day by which the fact was public (`known`).  The opening of each case says so in its
`refs`: `MARK` names the sample, and `loaded …` the time at which it was really loaded.  No other writer does this.

Ids follow from the names of the facts, so that everybody's sample has the same.  What was reported is cleared for
publication at the end of its day; what is unconfirmed is not.

Not promised: that a report is right. Only that it was made.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Final, get_type_hints

import yaml

from comity.engagement.case import read_records
from comity.engagement.errors import NotACase
from comity.engagement.when import parse_when
from comity.records import (
    CaseItem,
    CaseOpened,
    Hex32,
    Instant,
    MalformedRecord,
    PublicationCleared,
    Record,
    instant_text,
    known_kinds,
)

__all__ = ["AUTHORITY", "MARK", "NOTICE", "SampleCase", "sample_cases"]

FILE: Final = Path(__file__).parent / "samples" / "press-2026.yaml"
MARK: Final = "comity sample/1"
"""In the `refs` of an opening: the case is a sample."""

NOTICE: Final = (
    "Sample: built from press reports of 2026. No party to these talks wrote or saw it, and it may be wrong; "
    "each line names its report."
)

AUTHORITY: Final = "European Commission (sample)"
"""The name of the sample's home, so that nobody takes it for the Commission's own."""

OWN: Final = ("name", "kind", "known", "cleared")
"""Members of a fact that are not members of its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCase:
    """One case of the sample, ready to be entered."""

    engagement: str
    provider: str
    records: tuple[Record, ...]


def sample_cases(loaded: datetime) -> tuple[SampleCase, ...]:
    """The cases of the sample, as loaded at a time; raises `NotACase` for a file that tells no case."""
    source = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    if source["sample"] != MARK or source["authority"] != AUTHORITY:
        raise NotACase(f"{FILE.name}: expected {MARK} of {AUTHORITY}")
    return tuple(_case(case["provider"], case["facts"], loaded) for case in source["cases"])


def _case(provider: str, facts: list[dict[str, Any]], loaded: datetime) -> SampleCase:
    engagement = _id(provider, "engagement")
    opening = {
        "engagement": engagement,
        "authority": AUTHORITY,
        "provider": provider,
        "refs": [MARK, f"loaded {instant_text(loaded)}"],
    }
    days = [fact["known"] for fact in facts]
    if days != sorted(days):
        raise NotACase(f"{FILE.name}: expected the facts about {provider} in the order of their days; got {days}")
    records: list[Record] = []
    for known, group in groupby(facts, key=lambda fact: str(fact["known"])):
        told = list(group)
        records += [_fact(provider, fact, opening if fact["kind"] == CaseOpened.kind else {}) for fact in told]
        records += _clearance(provider, known, told)
    read_records(records)
    return SampleCase(engagement=engagement, provider=provider, records=tuple(records))


def _fact(provider: str, fact: Mapping[str, Any], more: Mapping[str, Any]) -> Record:
    last = parse_when(fact["on"]).last
    if isinstance(last, date) and last.isoformat() > fact["known"]:
        raise NotACase(f"{FILE.name}: {fact['name']} is known on {fact['known']}, before {fact['on']} was over")
    own = {member: _resolved(provider, value) for member, value in fact.items() if member not in OWN}
    return _record(fact["kind"], {"at": _end_of(fact["known"]), "item": _id(provider, fact["name"]), **own, **more})


def _clearance(provider: str, known: str, facts: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
    """What became public on a day is cleared on that day."""
    names = [name for fact in facts for name in fact.get("cleared", [f"@{fact['name']}"])]
    if names:
        members = {
            "at": _end_of(known), "item": _id(provider, f"cleared {known}"), "on": known, "confidence": "stated",
            "items": [_resolved(provider, name) for name in names], "by": "the sample",
            "because": "It was public already.",
        }  # fmt: skip
        yield _record(PublicationCleared.kind, members)


def _end_of(day: str) -> Instant:
    return Instant(f"{day}T23:59:59.999Z")


def _record(kind: str, given: Mapping[str, Any]) -> Record:
    """The record with what is left out empty; raises `NotACase` for a member that it does not have."""
    cls = _kinds()[kind]
    hints = get_type_hints(cls)
    empty = {
        one.name: [] if getattr(hints[one.name], "__origin__", None) is tuple else "" for one in fields(cls)
    }
    try:
        return cls.from_members({**empty, **given})
    except MalformedRecord as error:
        raise NotACase(f"{FILE.name}: {error}") from None


@cache
def _kinds() -> Mapping[str, type[Record]]:
    return {kind: cls for (kind, _), cls in known_kinds().items() if issubclass(cls, CaseItem)}


def _resolved(provider: str, value: Any) -> Any:
    """A value, with the name of a fact (`@name`) as its id."""
    if isinstance(value, str) and value.startswith("@"):
        return _id(provider, value[1:])
    return value


def _id(provider: str, name: str) -> Hex32:
    return Hex32(sha256(f"{MARK}\n{provider}\n{name}".encode()).hexdigest()[:32])
