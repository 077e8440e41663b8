"""Access days: on how many business days of the window access could be used, and which were lost to what.

Days are those of the terms' calendar, in its zone.  A business day counts as one of the window if at least half of the
hours in which the terms let calls pass on it lie in the window.  The window ends later by as long as suspensions made
its clock stand still, and earlier where the authority leaves or both close: nobody took those days from it.

A day that is over is *lost* if access was shut for at least half of these hours, or if at least half of the calls sent
on it failed at the provider.  Access is shut

| while | by | cites |
|---|---|---|
| a stop or a suspension is in force | a party | its entries in the access ledger |
| an exit of the provider is in effect | the provider | its entry |
| no gateway runs | the operator | the end of the last and the begin of the next gateway |
| a suspension is imposed that reaches every model of the terms | a third party | its items in the case |

All other days that are over are *granted*, whether anybody called or not: who has access need not use it.  A day lost
to several causes is lost once, and names each.  The day that is not over is still to come.

Half a day is a choice: a pause of ten minutes takes no day away, and one of an afternoon does.

Not promised: that a provider's model was reachable on a day on which nobody called.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from comity.arrangement import Terms
from comity.engagement.access_record import AccessRecord
from comity.engagement.closures import Closure
from comity.law import Calendar
from comity.records import parse_instant

__all__ = ["EXAMPLE", "AccessDays", "DayLost", "Shut", "access_days"]

EXAMPLE: Final = 20
"""Business days: the Code's own example for most risks and methods (Safety and Security, App. 3.4(3))."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """A time in which access was shut, from outside the access ledger or within it."""

    since: datetime
    until: datetime | None
    """`None` while it lasts."""
    cause: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLost:
    """A business day on which access could not be used."""

    day: date
    causes: tuple[str, ...]
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDays:
    """The business days of one arrangement up to a time."""

    calendar: str
    promised: int
    """Business days that the terms promise; 0 where they promise no number."""
    granted: tuple[date, ...]
    lost: tuple[DayLost, ...]
    to_come: int
    """Business days of the window that are not over."""

    @property
    def in_all(self) -> int:
        """Business days of the window."""
        return len(self.granted) + len(self.lost) + self.to_come

    @property
    def most(self) -> int:
        """How many can be granted at best: those that were, and all to come."""
        return len(self.granted) + self.to_come


def access_days(
    terms: Terms, record: AccessRecord, calendar: Calendar, at: datetime, outside: Iterable[Shut] = ()
) -> AccessDays:
    """Count the days of the window up to a time; raises `CalendarRefused` for years that the calendar does not know."""
    shut = (*shut_times(record, terms), *outside)
    end = min(_left(record), _last(terms, record, at))
    granted: list[date] = []
    lost: list[DayLost] = []
    to_come = 0
    for day, hours in _days(terms, calendar, end):
        if calendar.end_of(day) > at:
            to_come += 1
            continue
        one = _lost(day, hours, shut, record)
        if one is None:
            granted.append(day)
        else:
            lost.append(one)
    return AccessDays(
        calendar=calendar.name,
        promised=terms.access_days,
        granted=tuple(granted),
        lost=tuple(lost),
        to_come=to_come,
    )


def shut_times(record: AccessRecord, terms: Terms) -> Iterator[Shut]:
    """When access was shut by the access ledger: stops, suspensions, and times without a gateway."""
    for one in record.closures.found:
        if _by_choice(one):
            continue
        yield Shut(
            since=parse_instant(one.since),
            until=parse_instant(one.until) if one.until else None,
            cause=f"{one.kind} by the {one.by}: {one.cause}",
            cites=record.cite(one.entries),
        )
    for down in record.down:
        since = down.since or terms.window.begins
        if down.until is None or since < down.until:
            yield Shut(since=since, until=down.until, cause="no gateway ran", cites=record.cite(down.entries))


def _by_choice(closure: Closure) -> bool:
    """Whether the authority itself ended access for good, alone or with the provider."""
    return closure.kind == "close" or (closure.kind == "exit" and closure.by == "authority")


def _left(record: AccessRecord) -> datetime:
    """When access ended by the authority's own choice; far ahead where it did not."""
    ends = [parse_instant(one.since) for one in record.closures.found if _by_choice(one)]
    return min(ends, default=datetime.max.replace(tzinfo=UTC))


def _last(terms: Terms, record: AccessRecord, at: datetime) -> datetime:
    """The end of the window by its own clock: a suspension that begins before it moves it by its whole length."""
    end = terms.window.until
    for begin, until in record.closures.standing(at):
        if begin < end:
            end += until - begin
    return end


def _days(terms: Terms, calendar: Calendar, end: datetime) -> Iterator[tuple[date, tuple[Span, ...]]]:
    """Each business day of the window with the spans of it in which calls may pass."""
    day, last = calendar.day_of(terms.window.begins), calendar.day_of(end)
    while day <= last:
        if calendar.is_business_day(day):
            whole = tuple(_open(terms, calendar, day))
            inside = tuple(_cut(whole, terms.window.begins, end))
            if whole and 2 * _length(inside) >= _length(whole):
                yield day, inside
        day += timedelta(days=1)


def _open(terms: Terms, calendar: Calendar, day: date) -> Iterator[Span]:
    """When the hours of the terms, which are in UTC, let calls pass on a day of the calendar's zone."""
    begin, end = calendar.first_instant(day), calendar.end_of(day)
    hours = terms.window.hours
    one = begin.astimezone(UTC).date()
    while one <= end.astimezone(UTC).date():
        if hours.on_day(one):
            midnight = datetime.combine(one, time(0), tzinfo=UTC)
            spans = ((midnight + timedelta(minutes=hours.begins), midnight + timedelta(minutes=hours.until)),)
            yield from _cut(spans, begin, end)
        one += timedelta(days=1)


def _cut(spans: Iterable[Span], begin: datetime, end: datetime) -> Iterator[Span]:
    for since, until in spans:
        if max(since, begin) < min(until, end):
            yield max(since, begin), min(until, end)


def _length(spans: Iterable[Span]) -> timedelta:
    return sum((until - since for since, until in spans), timedelta())


def _lost(day: date, hours: tuple[Span, ...], shut: Sequence[Shut], record: AccessRecord) -> DayLost | None:
    causes: dict[str, tuple[str, ...]] = {}
    spans: list[Span] = []
    for one in shut:
        for since, until in hours:
            found = list(_cut(((since, until),), one.since, one.until or until))
            if found:
                spans += found
                causes[one.cause] = (*causes.get(one.cause, ()), *one.cites)
    closed = 2 * _length(_united(spans)) >= _length(hours)
    if not closed:
        causes.clear()
    calls = record.days.get(day)
    if calls is not None and calls.sent.count and 2 * calls.failed.count >= calls.sent.count:
        share = f"{calls.failed.count:,} of {calls.sent.count:,} calls failed at the provider"
        causes[share] = record.cite(calls.failed.cites)
    if not causes:
        return None
    cites = dict.fromkeys(cite for named in causes.values() for cite in named)
    return DayLost(day=day, causes=tuple(causes), cites=tuple(cites))


def _united(spans: list[Span]) -> Iterator[Span]:
    """The same time without counting any of it twice."""
    reached: datetime | None = None
    for since, until in sorted(spans):
        begin = since if reached is None else max(since, reached)
        if begin < until:
            yield begin, until
            reached = until
