"""The access statement's numbers: suspensions, and what the provider's guard counted beside the ledger's calls.

`AccessReading` is shown each record in order and counts; it judges nothing.

| count | is |
| --- | --- |
| `sure` | permits of a day that were settled with a status below 400: only the model can have answered them |
| `open` | permits of a day that were sent and settled otherwise, abandoned, or not settled |
| `passed`, `refused` | the guard's latest `guard.counted` of the day |

The outcome of a day is `equal` if the guard's digest is that of the sure permits' indexes, or of these and the open
ones together; else `more`, `fewer` or `different`, by number; `uncounted` without counters.

Suspensions, and how long the window's clock stood still, are read by `comity.engagement.closures`; one that has no end
counts up to the last record.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from comity.engagement.closures import Closure, Closures
from comity.records import CallPermitted, CallSettled, GuardCounted, Record, parse_instant

__all__ = ["AccessReading", "GuardDay", "Suspended"]

ANSWERED_BELOW: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """One suspension; `until` is empty while it is in force."""

    by: str
    cause: str
    clock: str
    since: str
    until: str

    @staticmethod
    def of(closure: Closure) -> "Suspended":
        """A suspension without the entries that it follows from."""
        return Suspended(
            by=closure.by, cause=closure.cause, clock=closure.clock, since=closure.since, until=closure.until
        )

    def members(self) -> dict[str, str]:
        """The suspension in a report."""
        return {"by": self.by, "cause": self.cause, "clock": self.clock, "from": self.since, "until": self.until}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardDay:
    """One day of the guard's counters and the ledger's calls."""

    day: str
    outcome: str
    passed: int
    refused: int
    sure: int
    open: int

    def members(self) -> dict[str, Any]:
        """The day in a report; what nobody counted has no figures."""
        counted = {} if self.outcome == "uncounted" else {"passed": self.passed, "refused": self.refused}
        return {"day": self.day, "outcome": self.outcome, "sure": self.sure, "open": self.open} | counted


@dataclass(slots=True)
class AccessReading:
    """What the records so far say."""

    _closures: Closures = field(default_factory=Closures)
    _sent: dict[int, tuple[str, bool]] = field(default_factory=dict)
    """Permit → its day, and whether it was surely answered by the model."""
    _counted: dict[str, GuardCounted] = field(default_factory=dict)

    def read(self, index: int, record: Record) -> None:
        """One more record."""
        self._closures.read(index, record)
        match record:
            case CallPermitted():
                self._sent[index] = (record.at[:10], False)
            case CallSettled() if record.permit in self._sent:
                day, _ = self._sent[record.permit]
                if record.outcome == "not-sent":
                    del self._sent[record.permit]
                else:
                    self._sent[record.permit] = (day, 0 < record.status < ANSWERED_BELOW)
            case GuardCounted():
                self._counted[record.day] = record
            case _:
                pass

    def days(self) -> list[GuardDay]:
        """Every day with calls or counters, in order."""
        days = {day for day, _ in self._sent.values()} | self._counted.keys()
        return [self._day(day) for day in sorted(days)]

    @property
    def suspensions(self) -> list[Suspended]:
        """Every suspension, in the order in which they began."""
        return [Suspended.of(closure) for closure in self._closures.suspensions]

    def stood_still_seconds(self, last_at: str) -> int:
        """For how long the clock stood still up to the last record, in whole seconds."""
        return self._closures.stood(parse_instant(last_at)) // timedelta(seconds=1)

    def _day(self, day: str) -> GuardDay:
        sure = sorted(index for index, (at, answered) in self._sent.items() if at == day and answered)
        every = sorted(index for index, (at, _) in self._sent.items() if at == day)
        counters = self._counted.get(day)
        passed, refused = (counters.passed, counters.refused) if counters is not None else (0, 0)
        if counters is None:
            outcome = "uncounted"
        elif counters.indexes in (_digest(sure), _digest(every)):
            outcome = "equal"
        elif passed > len(every):
            outcome = "more"
        else:
            outcome = "fewer" if passed < len(sure) else "different"
        return GuardDay(
            day=day, outcome=outcome, passed=passed, refused=refused, sure=len(sure), open=len(every) - len(sure)
        )


def _digest(indexes: list[int]) -> str:
    return sha256("".join(f"{index}\n" for index in indexes).encode()).hexdigest()
