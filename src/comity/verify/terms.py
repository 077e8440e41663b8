"""The terms as a verifier reads them: the clauses that entries can be held against, and who signed.

A third party's own reading of the file that the parties exchange (`comity offer/1`), independent of the code
that wrote and executed it:

    {"format": "comity offer/1", "note": "<signed note>", "terms": "<canonical JSON of arrangement/1>"}

The note's text has five lines: `comity arrangement/1`, id, version, sha256 of the terms' canonical bytes in
hex, digest of the version before or `-`.

The file is judged by its two signatures under the party keys in the terms.  Whose keys these are, the file
cannot say; an entry 0 that holds the same digest says that the ledger is kept under these terms.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from comity.ledger import LedgerError, Policy, Verifier, open_note, parse_policy, parse_vkey
from comity.records import NotCanonical, canonical_bytes, parse_canonical
from comity.verify.errors import MalformedOfferFile

FORMAT: Final = "comity offer/1"
SIGNED: Final = "comity arrangement/1"
ROLES: Final = ("authority", "provider")
MAX_OFFER: Final = 600_000
NANO: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelClause:
    """What one model may be asked and may answer as."""

    serves: frozenset[str]
    refuse_mismatch: bool
    refuse_unstated: bool
    protocols: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsView:
    """The clauses that entries are held against."""

    id: str
    version: int
    digest: str
    previous: str
    origin: str
    policy: Policy
    keys: Mapping[str, Verifier]
    """Party key by role."""
    note: bytes
    """The note that came with the terms."""
    begins: datetime
    until: datetime
    people: frozenset[str]
    """Those who are eligible."""
    models: Mapping[str, ModelClause]
    features: frozenset[str]
    calls: int
    input_tokens: int
    output_tokens: int
    cost_nano: int
    concurrency: int
    blindness: str
    """`content.blindness`: who could see the benchmark."""

    def text(self) -> str:
        """What both parties signed."""
        return f"{SIGNED}\n{self.id}\n{self.version}\n{self.digest}\n{self.previous or '-'}\n"


def read_offer(data: bytes) -> TermsView:
    """Read an offer envelope, or raise `MalformedOfferFile` and nothing else. Signatures are not checked here."""
    try:
        envelope = parse_canonical(data.removesuffix(b"\n"), limit=MAX_OFFER)
    except NotCanonical as error:
        raise MalformedOfferFile(f"the file is no offer ({FORMAT}): {error}") from None
    terms, note = envelope.get("terms"), envelope.get("note")
    if envelope.get("format") != FORMAT or not isinstance(terms, str) or not isinstance(note, str):
        raise MalformedOfferFile(f"the file is no offer: expected the members format ({FORMAT}), terms and note")
    try:
        members = parse_canonical(terms.encode(), limit=MAX_OFFER)
        return _view(members, note.encode())
    except (NotCanonical, LedgerError) as error:
        raise MalformedOfferFile(f"the terms in the file cannot be read: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedOfferFile(f"the terms in the file lack a clause that is needed: {error!r}") from None


def signers(view: TermsView, note: bytes) -> tuple[str, ...]:
    """The roles whose party keys signed `note` over exactly these terms; raises `LedgerError`."""
    opened = open_note(note, view.keys.values())
    if opened.text != view.text():
        lines = opened.text.split("\n")
        raise MalformedOfferFile(f"the note is over {' '.join(lines[1:4])[:120]}, not over these terms")
    signed = {found.verifier.vkey for found in opened.verified}
    return tuple(role for role in ROLES if view.keys[role].vkey in signed)


def _view(terms: Mapping[str, Any], note: bytes) -> TermsView:
    if terms["terms"] != "arrangement/1":
        raise ValueError(f"terms of the format {terms['terms']!r}")
    budget, window = terms["budget"], terms["window"]
    return TermsView(
        id=_text(terms["id"]),
        version=int(terms["version"]),
        digest=hashlib.sha256(canonical_bytes(terms)).hexdigest(),
        previous=_text(terms["previous"] or ""),
        origin=_text(terms["ledger"]["origin"]),
        policy=parse_policy(_text(terms["ledger"]["policy"])),
        keys={role: parse_vkey(_text(terms["parties"][role]["key"])) for role in ROLES},
        note=note,
        begins=_time(window["from"]),
        until=_time(window["until"]),
        people=frozenset(_text(person["id"]) for person in terms["people"] if person["eligible"] is True),
        models={_text(model["name"]): _model(model) for model in terms["models"]},
        features=frozenset(_text(feature) for feature in terms["features"]),
        calls=int(budget["calls"]),
        input_tokens=int(budget["input_tokens"]),
        output_tokens=int(budget["output_tokens"]),
        cost_nano=_nano(_text(budget["cost"])),
        concurrency=int(terms["rate"]["concurrency"]),
        blindness=_text(terms["content"]["blindness"]),
    )


def _model(model: Mapping[str, Any]) -> ModelClause:
    return ModelClause(
        serves=frozenset(_text(name) for name in model["serves"]),
        refuse_mismatch=model["on_mismatch"] == "refuse",
        refuse_unstated=model["unstated"] == "refuse",
        protocols=frozenset(_text(name) for name in model["protocols"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is expected, {value!r:.40} came")
    return value


def _time(value: object) -> datetime:
    at = datetime.fromisoformat(_text(value))
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {value!r}")
    return at


def _nano(decimal: str) -> int:
    whole, _, fraction = decimal.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit() or len(fraction) > 9:
        raise ValueError(f"{decimal!r:.40} is no decimal")
    return int(whole) * NANO + int(fraction.ljust(9, "0"))
