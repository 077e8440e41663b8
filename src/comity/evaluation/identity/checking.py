"""Checking: whoever is given an enrolment with its sessions computes every number again.

    {"enrolment":{"content":"…","salt":"<64 hex>"},"format":"comity identity disclosure/1",
     "sessions":[{"content":"…","salt":"…"},…]}

Facts, each on its own:

| fact | holds where |
| --- | --- |
| `results` | every p, e, capital, power and verdict follows from the answers |
| `commitments` | an entry of the ledger holds the commitment of each item, in the order of their numbers |
| `complete` | no comparison with this enrolment stands in the ledger and is left out here |
| `calls` | each answer names a permitted call of its own, of this model and key, before its item was committed |

Not shown: that the texts are what the model answered.  A call's own disclosure (`comity disclose`) shows that.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from comity.evaluation.identity.enrolment import (
    Answer,
    Enrolment,
    IdentityError,
    Session,
    parse_enrolment,
    parse_session,
)
from comity.evaluation.identity.keeping import Kept
from comity.evaluation.identity.testing import judge
from comity.records import CallPermitted, IdentityEnrolled, IdentityTested, Record
from comity.vault import commitment_of

__all__ = ["Disclosed", "Finding", "check_against_ledger", "check_results", "format_disclosed", "parse_disclosed"]

FORMAT: Final = "comity identity disclosure/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """What was shown, each item with its commitment."""

    enrolment: Enrolment
    sessions: tuple[Session, ...]
    commitments: tuple[str, ...]
    """The enrolment's, then the sessions'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact and whether it holds."""

    name: str
    holds: bool
    detail: str


def format_disclosed(items: Sequence[Kept]) -> bytes:
    """The file that discloses an enrolment, which comes first, and its sessions."""
    shown = [{"content": item.content.decode(), "salt": item.salt.hex()} for item in items]
    return json.dumps({"format": FORMAT, "enrolment": shown[0], "sessions": shown[1:]}, sort_keys=True).encode() + b"\n"


def parse_disclosed(data: bytes) -> Disclosed:
    """Read such a file; raises `IdentityError`."""
    try:
        members = json.loads(data)
        if members["format"] != FORMAT:
            raise ValueError("another format")
        items = [(each["content"].encode(), bytes.fromhex(each["salt"])) for each in
                 (members["enrolment"], *members["sessions"])]  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        raise IdentityError(f"this is no disclosed enrolment; expected a JSON object of format {FORMAT}") from None
    return Disclosed(
        enrolment=parse_enrolment(items[0][0]),
        sessions=tuple(parse_session(content) for content, _ in items[1:]),
        commitments=tuple(commitment_of(salt, content) for content, salt in items),
    )


def check_results(shown: Disclosed) -> Finding:
    """Compute every result again from the answers."""
    for place, session in enumerate(shown.sessions):
        if (session.enrolment, session.number) != (shown.enrolment.id, place + 1):
            return _no("results", f"item {place + 1} is no session {place + 1} of this enrolment")
        try:
            again = judge(shown.enrolment, shown.sessions[:place], session)
        except (IdentityError, IndexError) as problem:
            return _no("results", f"session {session.number}: {problem}")
        if again != session.results:
            return _no("results", f"session {session.number} says other numbers than follow")
    return Finding(
        name="results", holds=True, detail=f"every number of {len(shown.sessions)} sessions follows from the answers"
    )


def check_against_ledger(shown: Disclosed, entries: Iterable[tuple[int, Record]]) -> list[Finding]:
    """Hold what was shown against a ledger's entries."""
    enrolled: list[tuple[int, IdentityEnrolled]] = []
    tested: dict[int, tuple[int, IdentityTested]] = {}
    permits: dict[int, CallPermitted] = {}
    for index, record in entries:
        match record:
            case IdentityEnrolled(enrolment=id) if id == shown.enrolment.id:
                enrolled.append((index, record))
            case IdentityTested(enrolment=id) if id == shown.enrolment.id:
                known = tested.get(record.number)
                if known is None or known[1].commitment != record.commitment:
                    tested[record.number] = (index, record)
            case CallPermitted():
                permits[index] = record
            case _:
                pass
    held: list[tuple[int, Any]] = [*enrolled[:1], *(tested[number] for number in sorted(tested))]
    return [_commitments(shown, held), _complete(shown, enrolled, tested), _calls(shown, held, permits)]


def _commitments(shown: Disclosed, held: Sequence[tuple[int, Any]]) -> Finding:
    said = [record.commitment for _, record in held][: len(shown.commitments)]
    indexes = [index for index, _ in held]
    holds = said == list(shown.commitments) and indexes == sorted(indexes)
    if not holds:
        return _no("commitments", "the ledger holds other commitments, or none")
    return Finding(name="commitments", holds=True, detail=f"entries {', '.join(map(str, indexes))} hold them")


def _complete(shown: Disclosed, enrolled: Sequence[Any], tested: dict[int, Any]) -> Finding:
    left_out = sorted(set(tested) - {session.number for session in shown.sessions})
    holds = len(enrolled) == 1 and not left_out
    if left_out:
        detail = f"the ledger holds comparisons {', '.join(map(str, left_out))}, which are left out here"
    else:
        detail = f"{len(tested)} comparisons in the ledger, all of them shown" if holds else "no such enrolment, or two"
    return Finding(name="complete", holds=holds, detail=detail)


def _calls(shown: Disclosed, held: Sequence[tuple[int, Any]], permits: dict[int, CallPermitted]) -> Finding:
    items: list[list[Answer]] = [[each for part in shown.enrolment.parts for group in part.answers for each in group]]
    items += [[answer for _, _, answer in session.answers] for session in shown.sessions]
    used: set[int] = set()
    for answers, (index, record) in zip(items, held, strict=False):
        for answer in answers:
            permit = permits.get(answer.entry)
            wrong = (
                permit is None
                or (permit.grant, permit.model, permit.run) != (record.grant, shown.enrolment.model, "")
                or answer.entry >= index
                or answer.entry in used
            )
            if wrong:
                return _no("calls", f"entry {answer.entry} is no call that this answer can be of")
            used.add(answer.entry)
    return Finding(name="calls", holds=True, detail=f"{len(used)} answers, each of a permitted call of its own")


def _no(name: str, detail: str) -> Finding:
    return Finding(name=name, holds=False, detail=detail)
