"""Closures: when access under an arrangement was shut, by whom and why, out of its access ledger.

| entry | begins or ends |
|---|---|
| `access.stopped` | a stop, which ends access at once |
| `access.suspended` | a suspension, after which no new call passes |
| `access.resumed` | ends whatever its own signer stopped and suspended |
| `access.exited` | an exit, from its day on; nothing ends it |
| `access.closed` | the close by both; nothing ends it |

Access is open again when nothing is shut.  The window's clock stands still while at least one suspension is in force
whose entry says `stops`; one that has no end counts up to the time that is asked for.

Times of entries may step back a little between gateways; a span never gets shorter than nothing by that.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from comity.records import (
    AccessClosed,
    AccessExited,
    AccessResumed,
    AccessStopped,
    AccessSuspended,
    Record,
    parse_instant,
)

__all__ = ["Closure", "Closures"]


Kind = Literal["stop", "suspension", "exit", "close"]


@dataclass(slots=True, kw_only=True)
class Closure:
    """One stop, suspension, exit or close; `until` is empty while it is in force."""

    kind: Kind
    by: str
    """authority · provider · both"""
    cause: str
    clock: str
    """Whether the window's clock `stops` or `runs`; only a suspension can let it stand still."""
    since: str
    begun: int
    """The entry by which it began."""
    until: str = ""
    ended: int | None = None
    """The entry by which it ended."""

    @property
    def entries(self) -> tuple[int, ...]:
        """What it follows from."""
        return (self.begun,) if self.ended is None else (self.begun, self.ended)


@dataclass(slots=True)
class Closures:
    """What the records so far say."""

    found: list[Closure] = field(default_factory=list)

    def read(self, index: int, record: Record) -> None:
        """One more record."""
        match record:
            case AccessStopped():
                self._begin("stop", index, record.by, record.cause, record.at)
            case AccessSuspended():
                self._begin("suspension", index, record.by, record.cause, record.at, clock=record.clock)
            case AccessExited():
                self._begin("exit", index, record.by, record.cause, record.effective)
            case AccessClosed():
                self._begin("close", index, "both", "closed", record.at)
            case AccessResumed():
                for closure in self.found:
                    lifted = closure.kind in ("stop", "suspension") and closure.by == record.by
                    if lifted and not closure.until:
                        closure.until, closure.ended = str(record.at), index
            case _:
                pass

    def _begin(self, kind: Kind, index: int, by: str, cause: str, since: str, *, clock: str = "runs") -> None:
        self.found.append(Closure(kind=kind, by=by, cause=cause, clock=clock, since=since, begun=index))

    @property
    def suspensions(self) -> list[Closure]:
        """The suspensions alone, in the order in which they began."""
        return [closure for closure in self.found if closure.kind == "suspension"]

    def standing(self, until: datetime) -> list[tuple[datetime, datetime]]:
        """The spans up to a time in which the window's clock stood still, suspensions that overlap as one.

        In the order of the entries, each from its first suspension to the resumption after which none is left.
        """
        stopping = [closure for closure in self.found if closure.clock == "stops"]
        moves = [(one.begun, 1, parse_instant(one.since)) for one in stopping]
        moves += [(one.ended, -1, parse_instant(one.until)) for one in stopping if one.ended is not None]
        spans: list[tuple[datetime, datetime]] = []
        count, since = 0, until
        for _, step, at in sorted(moves):
            since = since if count else at
            count += step
            if not count:
                spans.append((since, max(since, at)))
        return [*spans, (since, max(since, until))] if count else spans

    def stood(self, until: datetime) -> timedelta:
        """How long the window's clock stood still up to a time."""
        return sum((end - begin for begin, end in self.standing(until)), timedelta())
