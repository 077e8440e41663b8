"""Reconciliation: the guard's counters of a day against the ledger's calls of that day.

From the ledger come the permits whose entries are of the day, in two sets:

| set | permits |
| --- | --- |
| sure | settled with an answer whose status is below 400: only the model can have given it |
| open | sent, and settled without such an answer; abandoned; not settled yet: they may have passed the guard |

A permit that was settled as `not-sent` is in neither.  Honest sides agree when everything sure passed the guard,
and nothing passed that is neither sure nor open.  With the indexes' file both are looked at index by index.
Without it, the digest is compared with that of the sure ones, alone and together with the open ones; where it is
neither, the number alone is judged, and a number that fits proves nothing.

| outcome | means |
| --- | --- |
| `equal` | the guard and the ledger saw the same calls |
| `more` | the guard saw calls that the ledger does not have: signed with the permit key beside this ledger |
| `fewer` | the ledger has answered calls that did not pass this guard: another guard, or another way to the model |
| `different` | the numbers fit and the calls are not the same, or not shown to be; the indexes' file tells |

Not promised: anything about requests that reached the model beside the guard and beside the gateway.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from comity.gateway.guard_counters import Counters, write_indexes
from comity.records import CallPermitted, CallSettled, Record

__all__ = ["Outcome", "Reconciliation", "reconcile"]

Outcome = Literal["equal", "more", "fewer", "different"]

ANSWERED_BELOW: Final = 400
"""A guard's own answers are errors, and so may be an endpoint's: from this status on who said it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What the comparison of one day shows."""

    day: str
    outcome: Outcome
    passed: int
    """Requests that passed the guard."""
    sure: int
    """Calls of the ledger that certainly passed a guard, or reached the model in another way."""
    open: int
    """Calls of the ledger that may have."""
    digest_matches: bool
    """The indexes of the guard are those of the ledger, by digest or one by one."""
    beyond: tuple[int, ...]
    """Indexes that passed the guard and are no sent calls of the ledger; empty without the indexes' file."""
    missing: tuple[int, ...]
    """Answered calls of the ledger that did not pass the guard; empty without the indexes' file."""


def reconcile(
    counters: Counters, records: Iterable[tuple[int, Record | None]], indexes: tuple[int, ...] | None = None
) -> Reconciliation:
    """Compare counters with a ledger's records, each with its index, in order; an entry of an unknown kind is None."""
    sure, open_ = _calls(records, counters.day)
    passed, least, most = counters.passed, len(sure), len(sure) + len(open_)
    beyond: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    if indexes is not None:
        seen = set(indexes)
        beyond = tuple(sorted(seen - sure - open_))
        missing = tuple(sorted(sure - seen))
        matches = not beyond and not missing
    else:
        matches = counters.indexes in (_digest(sure), _digest(sure | open_))
    outcome: Outcome
    if matches:
        outcome = "equal"
    elif passed > most or (beyond and not missing):
        outcome = "more"
    elif passed < least or (missing and not beyond):
        outcome = "fewer"
    else:
        outcome = "different"
    return Reconciliation(
        day=counters.day,
        outcome=outcome,
        passed=passed,
        sure=least,
        open=len(open_),
        digest_matches=matches,
        beyond=beyond,
        missing=missing,
    )


def _calls(records: Iterable[tuple[int, Record | None]], day: str) -> tuple[set[int], set[int]]:
    """The permits of a day that surely passed a guard, and those that may have."""
    sure: set[int] = set()
    open_: set[int] = set()
    for index, record in records:
        match record:
            case CallPermitted() if record.at.startswith(day):
                open_.add(index)
            case CallSettled() if record.permit in open_ and record.outcome == "not-sent":
                open_.discard(record.permit)
            case CallSettled() if record.permit in open_ and 0 < record.status < ANSWERED_BELOW:
                open_.discard(record.permit)
                sure.add(record.permit)
            case _:
                pass  # whether an abandoned call was sent died with its gateway: it stays open
    return sure, open_


def _digest(indexes: set[int]) -> str:
    return sha256(write_indexes(sorted(indexes))).hexdigest()
