"""Assertions: what a side claims, and how far that is more than its word.

Nobody sets the status of a claim (`assertion.made`); it follows from what was put forward for it
(`assertion.supported`) and from who looked for themselves (`assertion.checked`):

| status | there is |
|---|---|
| `asserted` | nothing but the word |
| `evidenced` | something put forward, or attached to it, that is evidence (`comity.engagement.citations`) |
| `verified` | somebody of another side who looked and upheld it, citing evidence; and nobody who contradicts it |
| `contradicted` | the same who contradicted it; and nobody who upholds it |
| `inconclusive` | checks that disagree, that ended open, or that contradict it and cite no evidence |

The last three outweigh the first two.  A check by the side whose claim it is counts for nothing.  One that upholds a
claim and cites no evidence leaves the claim where it is.  Of one checker's checks the newest counts.

What was put forward or checked before the claim or its subject was corrected is about another claim and counts no
longer.  Where what is cited is withdrawn or erased, the status goes back.

Not promised: that what is verified is true. Somebody looked, and says what they saw.
"""

from dataclasses import dataclass
from typing import Literal

from comity.engagement.case import Case, Entry, Item
from comity.engagement.citations import NOTHING, AtHand, Cited, cited_by, follow
from comity.engagement.sides import side_of
from comity.records import AssertionChecked, AssertionMade, AssertionSupported, ItemCorrected

__all__ = ["Assertion", "AssertionStatus", "Looked", "read_assertions", "reworded"]

AssertionStatus = Literal["asserted", "evidenced", "verified", "contradicted", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Something put forward for a claim or attached to it, or a check of it."""

    item: Item
    by: str
    says: str
    """`put forward`, `attached`, or the outcome of the check."""
    cited: tuple[Cited, ...]
    ignored: str
    """Why it counts for nothing; empty where it counts."""

    @property
    def shows(self) -> bool:
        """Whether it counts, and cites evidence."""
        return not self.ignored and any(one.shows for one in self.cited)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One claim as it stands."""

    item: Item
    record: AssertionMade
    status: AssertionStatus
    because: str
    supports: tuple[Looked, ...]
    checks: tuple[Looked, ...]

    @property
    def cited(self) -> tuple[Cited, ...]:
        """What the status rests on; of the checks if they decide it, else of what was put forward."""
        decided = self.status in ("verified", "contradicted", "inconclusive")
        return tuple(one for looked in (self.checks if decided else self.supports) for one in looked.cited)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The claim, what was put forward and the checks, oldest first."""
        items = (self.item, *(one.item for one in (*self.supports, *self.checks)))
        return tuple(sorted({one.entry for one in items}, key=lambda entry: entry.index))


def read_assertions(case: Case, hand: AtHand) -> tuple[Assertion, ...]:
    """Every standing claim of a case, in the order in which they were entered."""
    return tuple(_assertion(case, item, record, hand) for item, record in case.records(AssertionMade))


def reworded(item: Item, *members: str) -> int:
    """The index of the last correction that changed one of these members; -1 where none did."""
    changed = [
        entry.index
        for entry in item.corrected
        if isinstance(entry.record, ItemCorrected) and {row[0] for row in entry.record.changes} & set(members)
    ]
    return max(changed, default=-1)


def _assertion(case: Case, item: Item, record: AssertionMade, hand: AtHand) -> Assertion:
    since = reworded(item, "claim", "subject")
    supports = _attached(case, item, record, since) + tuple(
        _looked(case, other, support.by, "put forward", since, hand)
        for other, support in case.about(item.id, AssertionSupported)
    )
    checks = _checks(case, item, record, since, hand)
    status, because = _status(supports, checks)
    return Assertion(item=item, record=record, status=status, because=because, supports=supports, checks=checks)


def _attached(case: Case, item: Item, record: AssertionMade, since: int) -> tuple[Looked, ...]:
    """The documents that belong to the claim itself, which is one way to put something forward."""
    names = [name for name in item.documents if name not in case.documents or case.entry_of(name).index > since]
    cited = tuple(follow(case, name, NOTHING) for name in names)
    return (Looked(item=item, by=record.by, says="attached", cited=cited, ignored=""),) if cited else ()


def _looked(case: Case, item: Item, by: str, says: str, since: int, hand: AtHand, ignored: str = "") -> Looked:
    if item.index < since:
        ignored = "it is about the claim before its correction"
    return Looked(item=item, by=by, says=says, cited=cited_by(case, item, hand), ignored=ignored)


def _checks(case: Case, item: Item, record: AssertionMade, since: int, hand: AtHand) -> tuple[Looked, ...]:
    owner = side_of(case, record.by)
    found = list(case.about(item.id, AssertionChecked))
    newest = {side_of(case, check.by): other.id for other, check in found}
    looked = []
    for other, check in found:
        side, ignored = side_of(case, check.by), ""
        if side == owner:
            ignored = "it is by the side whose claim it is"
        elif newest[side] != other.id:
            ignored = "a later check by the same side replaces it"
        looked.append(_looked(case, other, check.by, check.outcome, since, hand, ignored))
    return tuple(looked)


def _status(supports: tuple[Looked, ...], checks: tuple[Looked, ...]) -> tuple[AssertionStatus, str]:
    counting = [one for one in checks if not one.ignored]
    upheld = [one.by for one in counting if one.says == "upheld" and one.shows]
    against = [one.by for one in counting if one.says == "contradicted" and one.shows]
    open_ones = [one for one in counting if one.says == "contradicted" and not one.shows]
    unsure = [one.by for one in (*open_ones, *(one for one in counting if one.says == "inconclusive"))]
    if upheld and against:
        return "inconclusive", f"{_names(upheld)} upheld it and {_names(against)} contradicted it"
    if upheld:
        return "verified", f"{_names(upheld)} looked and upheld it"
    if against:
        return "contradicted", f"{_names(against)} looked and contradicted it"
    if unsure:
        return "inconclusive", f"{_names(unsure)} looked, and no check that cites evidence decides it"
    if any(one.shows for one in supports):
        count = sum(cited.shows for one in supports if not one.ignored for cited in one.cited)
        return "evidenced", f"{count} cited {'thing stands' if count == 1 else 'things stand'}"
    cited = [one for support in supports for one in support.cited]
    if not cited:
        return "asserted", "nothing was put forward for it"
    return "asserted", f"nothing that was put forward is evidence: {', '.join(dict.fromkeys(_lacks(supports)))}"


def _lacks(supports: tuple[Looked, ...]) -> list[str]:
    return [
        support.ignored or (f"{one.what} is a word" if one.state == "word" else one.what)
        for support in supports
        for one in support.cited
    ]


def _names(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))
