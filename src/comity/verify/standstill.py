"""The clock of an arrangement: wall time less the time for which it stood still.

Window and grants end by this clock.  It stands still while at least one suspension is in force whose entry says
`stops`.  A party's suspension is in force until that party resumes; a stop does not hold the clock.

Whether an entry may say `stops` is the matter of the clause `suspension.clock_stops` (`comity.verify.clauses`).
The hours of the window and the days of the budget are wall time, and not looked at here.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from comity.records import AccessResumed, AccessSuspended, parse_instant

STOPS: Final = "stops"
RUNS: Final = "runs"
NOTHING: Final = timedelta()


@dataclass(slots=True)
class Standstill:
    """Which suspensions are in force after the entries so far, and how long the clock has stood still."""

    suspended: dict[str, int] = field(default_factory=dict)
    """Party → where it suspended first since it last resumed."""
    total: timedelta = NOTHING
    """For how long the clock stood still, up to the last time that it began to run again."""
    _holding: set[str] = field(default_factory=set)
    _since: datetime | None = None

    def suspend(self, index: int, record: AccessSuspended) -> None:
        """A party suspends."""
        self.suspended.setdefault(record.by, index)
        if record.clock == STOPS:
            self._holding.add(record.by)
            self._since = self._since or parse_instant(record.at)

    def resume(self, record: AccessResumed) -> bool:
        """A party resumes; whether it had suspended."""
        self._holding.discard(record.by)
        if self._since is not None and not self._holding:
            self.total = self.stood(record.at)
            self._since = None
        return self.suspended.pop(record.by, None) is not None

    def stood(self, at: str) -> timedelta:
        """For how long the clock has stood still at a time; entries' times may step back a little."""
        now = NOTHING if self._since is None else max(NOTHING, parse_instant(at) - self._since)
        return self.total + now

    def clock(self, at: str) -> datetime:
        """What the arrangement's clock shows at a time."""
        return parse_instant(at) - self.stood(at)
