"""The access statement's numbers: suspensions, and what the provider's guard counted beside the ledger's calls.

`AccessReading` is shown each record in order and counts; it judges nothing.

| count | is |
| --- | --- |
| `sure` | permits of a day that were settled with a status below 400: only the model can have answered them |
| `open` | permits of a day that were sent and settled otherwise, abandoned, or not settled |
| `passed`, `refused` | the guard's latest `guard.counted` of the day |

The outcome of a day is `equal` if the guard's digest is that of the sure permits' indexes, or of these and the open
ones together; else `more`, `fewer` or `different`, by number; `uncounted` without counters.

The clock stands still while at least one suspension is in force whose entry says `stops`; one that has no end counts up
to the last record.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from comity.records import (
    AccessResumed,
    AccessSuspended,
    CallPermitted,
    CallSettled,
    GuardCounted,
    Record,
    parse_instant,
)

__all__ = ["AccessReading", "GuardDay", "Suspended"]

ANSWERED_BELOW: Final = 400


@dataclass(slots=True, kw_only=True)
class Suspended:
    """One suspension; `until` is empty while it is in force."""

    by: str
    cause: str
    clock: str
    since: str
    until: str = ""

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

    suspensions: list[Suspended] = field(default_factory=list)
    _stood: timedelta = timedelta()
    _since: datetime | None = None
    """Since when the clock stands still; `None` while it runs."""
    _sent: dict[int, tuple[str, bool]] = field(default_factory=dict)
    """Permit → its day, and whether it was surely answered by the model."""
    _counted: dict[str, GuardCounted] = field(default_factory=dict)

    def read(self, index: int, record: Record) -> None:
        """One more record."""
        match record:
            case AccessSuspended():
                self.suspensions.append(
                    Suspended(by=record.by, cause=record.cause, clock=record.clock, since=record.at)
                )
                if record.clock == "stops" and self._since is None:
                    self._since = parse_instant(record.at)
            case AccessResumed():
                self._resume(record)
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

    def stood_still_seconds(self, last_at: str) -> int:
        """For how long the clock stood still up to the last record, in whole seconds."""
        return (self._stood + self._running(last_at)) // timedelta(seconds=1)

    def _resume(self, record: AccessResumed) -> None:
        for suspension in self.suspensions:
            if suspension.by == record.by and not suspension.until:
                suspension.until = record.at
        if not any(one.clock == "stops" and not one.until for one in self.suspensions):
            self._stood += self._running(record.at)
            self._since = None

    def _running(self, at: str) -> timedelta:
        """The span that is not over; times may step back a little between gateways."""
        return timedelta() if self._since is None else max(timedelta(), parse_instant(at) - self._since)

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
