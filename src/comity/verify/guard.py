"""The provider's guard: what it counted, day by day, beside what the ledger holds.

`guard.counted` holds a signed note of nine lines, one field a line:

    comity guard-counters/1 / ledger / digest of the terms / day / time / passed <n> /
    refused <reason>=<n> … / indexes <lowest> <highest> / SHA-256 of the indexes

The indexes are those of the permits that passed, ascending, in decimal, a line each.

- *counters*: each note is signed by the key of the clause `guard.key`, says what its entry says, and stands once.
- *guard*: on every day with calls the latest counters agree with the ledger.

The ledger's permits of a day are in one of two sets, or in none: *sure* were settled with an answer whose status is
below 400, which the model alone can have given; *open* were sent and settled otherwise, abandoned, or not settled.
What was `not-sent` is in none.  The day of a permit is that of its entry.

| outcome | means |
| --- | --- |
| `equal` | the digest is that of the sure ones, or of these and the open ones together |
| `more` | more passed the guard than the ledger holds |
| `fewer` | fewer passed the guard than were surely answered |
| `different` | the number fits and the digest does not, which an open call alone can cause |
| `uncounted` | the ledger holds calls of the day, and no counters of it |

The counters are one party's word: where they differ, `guard` is not established, and no number that follows from the
ledger fails for it.

Not established: that a guard stands before every door of the model; that it counted truly.
"""

from collections.abc import Set
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from comity.ledger import LedgerError, open_note
from comity.records import ArrangementSigned, CallPermitted, CallSettled, GuardCounted
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import History, entry
from comity.verify.terms import TermsView

NAMES: Final = ("counters", "guard")
HEADER: Final = "comity guard-counters/1"
LINES: Final = 9
ANSWERED_BELOW: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardDay:
    """One day: the guard's latest counters of it, and the ledger's calls."""

    day: str
    outcome: str
    passed: int
    refused: int
    sure: int
    open: int

    def members(self) -> dict[str, Any]:
        """The day in a report; what nobody counted has no figures."""
        counts = {"sure": self.sure, "open": self.open}
        if self.outcome != "uncounted":
            counts |= {"passed": self.passed, "refused": self.refused}
        return {"day": self.day, "outcome": self.outcome, **counts}


def guard_days(history: History) -> tuple[GuardDay, ...]:
    """Every day with calls or counters, in order."""
    sure: dict[str, set[int]] = {}
    unsure: dict[str, set[int]] = {}
    days: dict[int, str] = {}
    latest: dict[str, GuardCounted] = {}
    for index, record in history:
        match record:
            case CallPermitted():
                days[index] = record.at[:10]
                unsure.setdefault(record.at[:10], set()).add(index)
            case CallSettled() if record.permit in days:
                day = days.pop(record.permit)
                if record.outcome == "not-sent":
                    unsure[day].discard(record.permit)
                elif 0 < record.status < ANSWERED_BELOW:
                    unsure[day].discard(record.permit)
                    sure.setdefault(day, set()).add(record.permit)
            case GuardCounted():
                latest[record.day] = record
            case _:
                pass
    called = {day for day, indexes in (*sure.items(), *unsure.items()) if indexes}
    return tuple(
        _compare(day, latest.get(day), sure.get(day, set()), unsure.get(day, set()))
        for day in sorted(called | latest.keys())
    )


def _compare(day: str, counters: GuardCounted | None, sure: Set[int], unsure: Set[int]) -> GuardDay:
    passed, refused = (counters.passed, counters.refused) if counters is not None else (0, 0)
    if counters is None:
        outcome = "uncounted"
    elif counters.indexes in (_digest(sure), _digest(sure | unsure)):
        outcome = "equal"
    elif passed > len(sure) + len(unsure):
        outcome = "more"
    else:
        outcome = "fewer" if passed < len(sure) else "different"
    return GuardDay(day=day, outcome=outcome, passed=passed, refused=refused, sure=len(sure), open=len(unsure))


def _digest(indexes: Set[int]) -> str:
    return sha256("".join(f"{index}\n" for index in sorted(indexes)).encode()).hexdigest()


def check_guard(history: History, terms: TermsView, origin: str) -> list[Fact]:
    """The counters in the ledger, and whether they and the ledger agree."""
    faults = Faults("counters")
    digests: set[str] = set()
    notes: dict[str, int] = {}
    held = False
    for index, record in history:
        if isinstance(record, ArrangementSigned):
            digests.add(record.digest)
            held = record.digest == terms.digest
        if isinstance(record, GuardCounted):
            if record.note in notes:
                faults.add(entry(index), f"the same counters stand at entry {notes[record.note]} already")
            notes.setdefault(record.note, index)
            if held:
                _check_counters(index, record, terms, origin, digests, faults)
    fact = faults.fact(f"{counted(len(notes), 'count')} of a day by the guard, each signed with its key")
    return [fact, _agreement(history, terms)]


def _check_counters(
    index: int, record: GuardCounted, terms: TermsView, origin: str, digests: Set[str], faults: Faults
) -> None:
    if terms.guard_key is None:
        faults.add(entry(index), "counters of a guard, and the terms agree none (guard.by)")
        return
    try:
        opened = open_note(record.note.encode(), [terms.guard_key])
    except LedgerError as error:
        faults.add(entry(index), f"the guard's key did not sign it: {error}")
        return
    lines = opened.text.removesuffix("\n").split("\n")
    passed, refused = f"passed {record.passed}", f"refused {record.refused}"
    said = [HEADER, origin, "", record.day, "", passed, refused, "", record.indexes]
    if len(lines) != LINES or [_comparable(place, line) for place, line in enumerate(lines)] != said:
        faults.add(entry(index), "the counters that were signed are not those of the entry")
    elif lines[2] not in digests:
        faults.add(entry(index), "the counters name other terms than those of this ledger")


def _comparable(place: int, line: str) -> str:
    """A line as the entry has it: without what it does not hold, and with refusals summed."""
    if place in (2, 4, 7):
        return ""
    if place != 6:
        return line
    numbers = [part.rpartition("=")[2] for part in line.removeprefix("refused ").split(" ")]
    if not all(number.isascii() and number.isdigit() and len(number) < 16 for number in numbers):
        return line
    return f"refused {sum(map(int, numbers))}"


def _agreement(history: History, terms: TermsView) -> Fact:
    days = guard_days(history)
    if terms.guard_by == "none":
        said = "the terms agree no guard (guard.by): that no call went round the gateway is not excluded"
        return Fact(name="guard", holds=None, detail=said)
    wrong = [day for day in days if day.outcome != "equal"]
    if wrong or not days:
        told = "; ".join(f"{day.day} {_words(day)}" for day in wrong[:3]) or "no calls yet"
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        said = f"guard and ledger agree on {len(days) - len(wrong)} of {counted(len(days), 'day')}: {told}{more}"
        return Fact(name="guard", holds=None, detail=said)
    said = f"on {counted(len(days), 'day')}, every day with calls, the guard let through what the ledger holds"
    return Fact(name="guard", holds=True, detail=said)


def _words(day: GuardDay) -> str:
    if day.outcome == "uncounted":
        return "no counters"
    held = f"{day.sure} to {day.sure + day.open}" if day.open else f"{day.sure}"
    return f"{day.outcome}, {day.passed} passed the guard and the ledger holds {held}"
