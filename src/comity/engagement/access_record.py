"""Access record: what an arrangement's access ledger says of the access, each figure with the entries behind it.

`read_access` goes once through the entries, a few in memory at a time, and counts.  It judges nothing.

| figure | is |
|---|---|
| `permitted`, `answered`, `abandoned` | permits, settlements with the outcome `answered`, permits of a dead gateway |
| `refused` | refusals by clause; those that have only a common entry with their number included |
| `mismatched` | settlements in which another model answered than agreed |
| `anomalies` | what the provider denied, throttled or delayed, by kind |
| `models`, `features` | the same for calls of one model, and for calls that made use of one feature |
| `closures` | stops, suspensions, exits and the close (`comity.engagement.closures`) |
| `down` | when no gateway ran |
| `days` | each day with calls, in the calendar's zone: sent, failed at the provider |
| `grants` | grants issued, neither revoked nor expired |
| `charged`, `open` | what settled and abandoned calls cost, and what calls under way have reserved |

A call *failed at the provider* if no whole answer came, or its status says so: 401, 403, 404, 429, 451, 500 and above.

A `Figure` counts everything and keeps the indexes of the first `MOST_CITED` entries behind it: where there are
thousands, they are a sample, and `in_full` says so.  Entries of a kind that this release does not know are passed over.

`leaving_out` reads the ledger as if given entries were not there, so that a test can ask what a figure rests on.

Not promised: that the entries are true or complete, or signed by anybody; `comity verify` says what can be established.
A gateway that died without a word and with no call open looks as if it ran on.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from comity.engagement.closures import Closures
from comity.law import PLAIN, Calendar
from comity.records import (
    Amount,
    ArrangementSigned,
    CallAbandoned,
    CallPermitted,
    CallRefused,
    CallSettled,
    CallsRefused,
    GatewayEnded,
    GatewayStarted,
    GrantIssued,
    GrantRevoked,
    Record,
    RunBegun,
    ScoresCommitted,
    UnknownKind,
    UpstreamAnomaly,
    parse_instant,
    parse_record,
)

__all__ = [
    "MOST_CITED", "AccessReader", "AccessRecord", "Calls", "Day", "Down", "Figure", "Grant", "Run", "read_access",
]  # fmt: skip

MOST_CITED: Final = 12
"""Entries that a figure keeps: enough to look at, and a page stays a page where a run made 100,000 calls."""

AT_THE_PROVIDER: Final = (401, 403, 404, 429, 451)
"""Statuses below 500 by which a provider turns a permitted call away."""
NOTHING: Final = Amount(input_tokens=0, output_tokens=0, cost_nano=0)


@dataclass(slots=True)
class Figure:
    """A count and the entries behind it, oldest first; an entry may stand for several."""

    count: int = 0
    entries: int = 0
    """How many entries are behind it."""
    cites: list[int] = field(default_factory=list)
    """The first of them."""

    def add(self, index: int, count: int = 1) -> None:
        """Count an entry, which may stand for several."""
        self.count += count
        self.entries += 1
        if len(self.cites) < MOST_CITED:
            self.cites.append(index)

    @property
    def in_full(self) -> bool:
        """Whether every entry behind the count is among those that are kept."""
        return len(self.cites) == self.entries


@dataclass(slots=True)
class Calls:
    """Calls of one kind, such as those of one model."""

    permitted: Figure = field(default_factory=Figure)
    answered: Figure = field(default_factory=Figure)
    abandoned: Figure = field(default_factory=Figure)
    refused: Figure = field(default_factory=Figure)
    tokens: int = 0
    """Input and output, of settled and abandoned calls."""


@dataclass(slots=True)
class Day:
    """One day with calls."""

    sent: Figure = field(default_factory=Figure)
    failed: Figure = field(default_factory=Figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """A time in which no gateway ran; `until` is `None` where none has started since."""

    since: datetime | None
    """`None`: from the beginning."""
    until: datetime | None
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One person's access."""

    index: int
    person: str
    expires: datetime


@dataclass(slots=True)
class Run:
    """One run: the models that its calls asked for, and the items of its committed score table."""

    begun: int
    models: set[str] = field(default_factory=set)
    scores: int | None = None
    items: int = 0


@dataclass(slots=True)
class AccessRecord:
    """What one access ledger says up to a time."""

    origin: str
    size: int = 0
    """Entries that were read."""
    last_at: datetime | None = None
    signed: dict[str, int] = field(default_factory=dict)
    """Digest of each version of the terms that was in force → its entry."""
    started: list[int] = field(default_factory=list)
    """Entries by which the first gateways started, up to `MOST_CITED`."""
    calls: Calls = field(default_factory=Calls)
    models: dict[str, Calls] = field(default_factory=dict)
    features: dict[str, Calls] = field(default_factory=dict)
    refused: dict[str, Figure] = field(default_factory=dict)
    """By clause."""
    mismatched: Figure = field(default_factory=Figure)
    anomalies: dict[str, Figure] = field(default_factory=dict)
    days: dict[date, Day] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    """Issued and not revoked; `live_grants` leaves out those that are expired."""
    runs: dict[str, Run] = field(default_factory=dict)
    first_call: tuple[int, datetime] | None = None
    last_call: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    """By model: the newest call that was answered."""
    charged: Amount = NOTHING
    open: dict[int, Amount] = field(default_factory=dict)
    """What calls under way have reserved, by permit."""
    closures: Closures = field(default_factory=Closures)
    down: list[Down] = field(default_factory=list)

    @property
    def arrangement(self) -> str:
        """The arrangement's id, with which the origin ends."""
        return self.origin.rpartition("/")[2]

    @property
    def taken(self) -> Amount:
        """Charged and reserved together."""
        return sum(self.open.values(), self.charged)

    def cite(self, entries: Iterable[int]) -> tuple[str, ...]:
        """Citations of entries of this ledger."""
        return tuple(f"{self.origin}#{index}" for index in dict.fromkeys(entries))

    def live_grants(self, at: datetime) -> tuple[Grant, ...]:
        """Grants that still let somebody call."""
        return tuple(grant for grant in self.grants.values() if at < grant.expires)


def read_access(
    origin: str,
    entries: Iterable[bytes],
    *,
    until: datetime | None = None,
    calendar: Calendar = PLAIN,
    leaving_out: Collection[int] = (),
) -> AccessRecord:
    """Read an access ledger from its beginning, up to a time; raises `MalformedRecord` for what is no entry."""
    reading = _Reading(record=AccessRecord(origin=origin), day_of=_days(calendar))
    left = frozenset(leaving_out)
    for index, data in enumerate(entries):
        try:
            record = parse_record(data)
        except UnknownKind:
            reading.record.size = index + 1
            continue
        at = parse_instant(record.at)
        if until is not None and at > until:
            break
        reading.record.size = index + 1
        if index not in left:
            reading.take(index, record, at)
    return reading.done()


class AccessReader:
    """Reads an access ledger that grows: each entry once, however often the figures are asked for."""

    def __init__(self, origin: str, calendar: Calendar = PLAIN) -> None:
        self._reading = _Reading(record=AccessRecord(origin=origin), day_of=_days(calendar))

    @property
    def size(self) -> int:
        """Entries that were read."""
        return self._reading.record.size

    def read(
        self, entries: Iterable[bytes], beside: Callable[[int, Record], object] = lambda index, record: None
    ) -> None:
        """Read the entries that follow on those read before; raises `MalformedRecord` for what is no entry.

        `beside` takes each record too, so that two readers of one ledger parse it once.
        """
        found = self._reading.record
        for data in entries:
            index, found.size = found.size, found.size + 1
            try:
                record = parse_record(data)
            except UnknownKind:
                continue
            self._reading.take(index, record, parse_instant(record.at))
            beside(index, record)

    def record(self) -> AccessRecord:
        """What the entries say so far; its figures go on counting with what is read after."""
        return self._reading.done()


def _days(calendar: Calendar) -> Callable[[datetime], date]:
    """The day of an instant; calls come by the thousand an hour, and so the last hour's day is remembered."""
    known: dict[datetime, date] = {}

    def day_of(at: datetime) -> date:
        hour = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)  # no zone is off by less
        if hour not in known:
            known[hour] = calendar.day_of(at)
        return known[hour]

    return day_of


@dataclass(slots=True)
class _Permit:
    model: str
    features: tuple[str, ...]
    day: date


@dataclass(slots=True)
class _Reading:
    """The record while it is read."""

    record: AccessRecord
    day_of: Callable[[datetime], date]
    permits: dict[int, _Permit] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    down_since: tuple[int | None, datetime | None] | None = (None, None)
    """Since when no gateway runs, and by which entry; `None` while one runs."""

    def take(self, index: int, record: Record, at: datetime) -> None:
        found = self.record
        found.last_at = at if found.last_at is None else max(found.last_at, at)
        found.closures.read(index, record)
        match record:
            case ArrangementSigned():
                found.signed.setdefault(record.digest, index)
            case GrantIssued():
                expires = parse_instant(record.expires)
                found.grants[record.grant] = Grant(index=index, person=record.person, expires=expires)
            case GrantRevoked():
                found.grants.pop(record.grant, None)
            case GatewayStarted():
                self._started(index, record.incarnation, at)
            case GatewayEnded():
                self._ended(index, record.incarnation, at)
            case RunBegun():
                found.runs.setdefault(record.run, Run(begun=index))
            case ScoresCommitted() if record.run in found.runs:
                run = found.runs[record.run]
                run.scores, run.items = index, record.intended
            case _:
                self._call(index, record, at)

    def _call(self, index: int, record: Record, at: datetime) -> None:
        found = self.record
        match record:
            case CallPermitted():
                self._permitted(index, record, at)
            case CallSettled() if record.permit in self.permits:
                self._settled(index, record, at)
            case CallAbandoned() if record.permit in self.permits:
                for calls in self._close(record.permit, record.charged):
                    calls.abandoned.add(index)
                if record.incarnation in self.running:
                    self._ended(index, record.incarnation, at)
            case CallRefused():
                self._refused(index, record.clause, 1)
                found.models.setdefault(record.model, Calls()).refused.add(index)
            case CallsRefused():
                self._refused(index, record.clause, record.count)
            case UpstreamAnomaly():
                found.anomalies.setdefault(record.what, Figure()).add(index)
            case _:
                pass

    def _permitted(self, index: int, record: CallPermitted, at: datetime) -> None:
        found, day = self.record, self.day_of(at)
        self.permits[index] = _Permit(record.model, record.features, day)
        found.open[index] = record.reserved
        for calls in self._of(record.model, record.features):
            calls.permitted.add(index)
        found.days.setdefault(day, Day()).sent.add(index)
        found.first_call = found.first_call or (index, at)
        if record.run in found.runs:
            found.runs[record.run].models.add(record.model)

    def _settled(self, index: int, record: CallSettled, at: datetime) -> None:
        found, permit = self.record, self.permits[record.permit]
        every = self._close(record.permit, record.charged)
        if record.outcome == "answered" and not _turned_away(record):
            for calls in every:
                calls.answered.add(index)
            found.last_call[permit.model] = (index, at)
        if record.outcome == "not-sent":
            return
        if record.outcome in ("provider-failed", "half-answer") or _turned_away(record):
            found.days[permit.day].failed.add(index)
        if record.served_check == "mismatch":
            found.mismatched.add(index)

    def _close(self, permit: int, charged: Amount) -> tuple[Calls, ...]:
        one = self.permits.pop(permit)
        self.record.open.pop(permit, None)
        self.record.charged += charged
        every = self._of(one.model, one.features)
        for calls in every:
            calls.tokens += charged.input_tokens + charged.output_tokens
        return every

    def _of(self, model: str, features: tuple[str, ...]) -> tuple[Calls, ...]:
        found = self.record
        by_feature = (found.features.setdefault(name, Calls()) for name in features)
        return (found.calls, found.models.setdefault(model, Calls()), *by_feature)

    def _refused(self, index: int, clause: str, count: int) -> None:
        found = self.record
        found.refused.setdefault(clause, Figure()).add(index, count)
        found.calls.refused.add(index, count)
        if clause.startswith("features."):
            found.features.setdefault(clause.removeprefix("features."), Calls()).refused.add(index, count)

    def _started(self, index: int, incarnation: str, at: datetime) -> None:
        if len(self.record.started) < MOST_CITED:
            self.record.started.append(index)
        self.running.add(incarnation)
        if self.down_since is not None:
            before, since = self.down_since
            entries = (index,) if before is None else (before, index)
            self.record.down.append(Down(since=since, until=at, entries=entries))
            self.down_since = None

    def _ended(self, index: int, incarnation: str, at: datetime) -> None:
        self.running.discard(incarnation)
        if not self.running and self.down_since is None:
            self.down_since = (index, at)

    def done(self) -> AccessRecord:
        """The record, with the time in which no gateway runs now; reading may go on after."""
        if self.down_since is None:
            return self.record
        before, since = self.down_since
        entries = () if before is None else (before,)
        return replace(self.record, down=[*self.record.down, Down(since=since, until=None, entries=entries)])


def _turned_away(record: CallSettled) -> bool:
    return record.status >= 500 or record.status in AT_THE_PROVIDER
