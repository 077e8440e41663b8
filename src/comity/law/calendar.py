"""Calendars: how time is counted from a moment, by the day, by the clock and by business days.

The rules, each a choice that a lawyer may check:

1. The day of an event is not counted. `P2W` after 2 March ends on 16 March.
2. A period ends at the end of its last day, in the calendar's time zone.
3. Weeks are seven days, a year twelve months.  A month ends on the day with the same number; where
   the month is too short, on its last day (31 January + 1 month = 28 or 29 February; 29 February
   + 1 year = 28 February).  Years and months are counted first, as one number of months, then days.
4. Hours and minutes run by the clock from the event's instant.  An event without an hour counts
   from the first instant of its day, which makes the limit the earliest that it can be.
5. The n-th business day after an event is the n-th day after it that is neither of the weekend nor
   a holiday.  Backwards the same way: the n-th business day before it.
6. Counting backwards from an event, the last day on which to act is the day so reached.
7. Whether a last day that is no business day moves to the next one is a setting, `move_last_day`,
   and off unless it is set.  It moves neither hours nor periods that are counted backwards.

Rules 1 to 4 and 7 have the shape of Regulation (EEC, Euratom) No 1182/71; that it applies to the AI Act
is unconfirmed, and the Code of Practice says nothing on either, so all of it can be configured.

Not promised: that a calendar's holidays are right. Each states its source and how sure it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from comity.law.duration import Duration
from comity.law.errors import CalendarRefused

__all__ = ["PLAIN", "Calendar", "Moment", "Standing", "shift", "standing_before"]

Moment: TypeAlias = date | datetime
"""A day without an hour, or an instant; an instant knows its zone."""

Standing: TypeAlias = tuple[Moment, Moment]
"""From when until when a clock stood still; from the first, not the last."""

MOMENT: Final = timedelta(microseconds=1)
"""The smallest time that Python tells apart."""

LATEST: Final = date(9000, 1, 1)
"""No period reaches further; beyond it Python's own calendar ends."""

EARLIEST: Final = date(1000, 1, 1)

MOST_STEPS: Final = 60_000
"""Days that one count of business days may walk over: more than the 9,999 of a length can need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Which days are business days, in which time zone a day ends, and whether a last day moves."""

    name: str
    weekend: frozenset[int] = frozenset({5, 6})
    """Days of the week that are no business days; 0 is Monday."""
    holidays: frozenset[date] = frozenset()
    years: tuple[int, int] | None = None
    """The first and the last year whose holidays are known; `None` where no year can be missing."""
    zone: str = "UTC"
    move_last_day: bool = False
    about: str = ""
    """What the holidays are and where they are known from."""
    confidence: Literal["primary", "secondary", "unconfirmed", "set"] = "set"
    """How sure the holidays are; `set` where whoever made the calendar chose them."""

    def is_business_day(self, day: date) -> bool:
        """Whether a day counts; raises `CalendarRefused` for a year whose holidays are not known."""
        if self.years is not None and not self.years[0] <= day.year <= self.years[1]:
            raise CalendarRefused(
                f"the calendar {self.name} knows the holidays of {self.years[0]} to {self.years[1]}, and "
                f"{day.isoformat()} was asked for; choose or write a calendar that covers that year"
            )
        return day.weekday() not in self.weekend and day not in self.holidays

    def business_days(self, start: date, end: date) -> int:
        """The business days after `start`, up to and with `end`."""
        if end <= start:
            return 0
        if (end - start).days > MOST_STEPS:
            raise CalendarRefused(f"expected at most {MOST_STEPS} days to count over; got {(end - start).days}")
        return sum(self.is_business_day(day) for day in _days(start + timedelta(days=1), end))

    def day_of(self, moment: Moment) -> date:
        """The day in this calendar's zone."""
        return _aware(moment).astimezone(_zone(self.zone)).date() if isinstance(moment, datetime) else moment

    def first_instant(self, moment: Moment) -> datetime:
        """The instant itself, or the first one of a day."""
        if isinstance(moment, datetime):
            return _aware(moment).astimezone(UTC)
        return datetime.combine(_within(moment), time(0), tzinfo=_zone(self.zone)).astimezone(UTC)

    def end_of(self, moment: Moment) -> datetime:
        """The instant itself, or the one at which a day is over: the first of the next day."""
        if isinstance(moment, datetime):
            return _aware(moment).astimezone(UTC)
        return self.first_instant(moment + timedelta(days=1))

    def last_instant(self, moment: Moment) -> datetime:
        """The instant itself, or the last one of a day, to the microsecond."""
        return self.end_of(moment) if isinstance(moment, datetime) else self.end_of(moment) - MOMENT

    def after(self, moment: Moment, length: Duration) -> Moment:
        """The last day, or the instant, of a period that an event begins (rules 1 to 5)."""
        if length.by_the_clock:
            return self._instant(self.first_instant(moment), length.hours, length.minutes)
        day = self.day_of(moment)
        if length.business_days:
            return self._step(day, length.business_days)
        return _shifted(day, length, 1)

    def before(self, moment: Moment, length: Duration) -> Moment:
        """The last day, or the instant, on which to act so long before an event (rule 6)."""
        if length.by_the_clock:
            return self._instant(self.first_instant(moment), -length.hours, -length.minutes)
        day = self.day_of(moment)
        if length.business_days:
            return self._step(day, -length.business_days)
        return _shifted(day, length, -1)

    def extended(self, end: Moment, length: Duration) -> Moment:
        """A later end: of an instant by the clock, or else of the day it falls on.

        An instant that is extended by days ends with the last of them, so that it never ends earlier.
        Hours added to a day count from the end of that day.
        """
        if length.by_the_clock:
            return self._instant(self.end_of(end), length.hours, length.minutes)
        return self.after(end, length)

    def moved(self, end: Moment) -> Moment:
        """The last day as rule 7 sets it: the next business day where it is none and this calendar moves it."""
        if not self.move_last_day or isinstance(end, datetime) or self.is_business_day(end):
            return end
        return self._step(end, 1)

    def _step(self, day: date, number: int) -> date:
        step = timedelta(days=1 if number > 0 else -1)
        left = abs(number)
        for _ in range(MOST_STEPS):
            day = _within(day) + step
            left -= self.is_business_day(day)
            if not left:
                return day
        raise CalendarRefused(
            f"the calendar {self.name} has no {abs(number)} business days within {MOST_STEPS} days; check its weekend"
        )

    def _instant(self, start: datetime, hours: int, minutes: int) -> datetime:
        _within(start.date())
        return start + timedelta(hours=hours, minutes=minutes)


PLAIN: Final = Calendar(name="plain", about="Monday to Friday, without holidays")
"""The default: no holiday is left out of the count, so a limit is never later than it can be."""


def shift(end: Moment, start: Moment, standing: tuple[Standing, ...], unit: Duration, calendar: Calendar) -> Moment:
    """The end of a period after the time in which its clock stood still.

    A day is not counted if the clock stands at its end.  So a period in days moves by the days from the
    stop's to the resumption's, that one not included; one in business days by the business days among
    them; one in hours by the standing time itself.  What stood before the period's first day, or after
    its end, moves nothing.
    """
    for stop, resumed in sorted(standing, key=lambda one: calendar.first_instant(one[0])):
        if isinstance(end, datetime):
            begin = max(calendar.first_instant(stop), calendar.first_instant(start))
            if begin < end and begin < (until := calendar.first_instant(resumed)):
                end += until - begin
            continue
        first = max(calendar.day_of(stop), calendar.day_of(start) + timedelta(days=1))
        last = calendar.day_of(resumed) - timedelta(days=1)
        if first > end or first > last:
            continue
        if unit.business_days:
            if stood := calendar.business_days(first - timedelta(days=1), last):
                moved = calendar.after(end, Duration(business_days=stood))
                end = calendar.day_of(moved)
        else:
            end = _within(end + timedelta(days=(last - first).days + 1))
    return end


def standing_before(standing: tuple[Standing, ...], at: Moment, calendar: Calendar) -> timedelta:
    """How long a clock stood still until a time, all its standings together."""
    now = calendar.end_of(at)
    spans = ((calendar.first_instant(stop), min(now, calendar.first_instant(resumed))) for stop, resumed in standing)
    return sum((end - begin for begin, end in spans if end > begin), timedelta())


@cache
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CalendarRefused(f"expected a time zone such as UTC or Europe/Brussels; got {name[:40]!r}") from None


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise CalendarRefused(f"expected an instant with its time zone; got {moment.isoformat()} without one")
    _within(moment.date())
    return moment


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


def _within(day: date) -> date:
    if not EARLIEST <= day <= LATEST:
        raise CalendarRefused(f"expected a day from {EARLIEST.year} to {LATEST.year}; got {day.isoformat()}")
    return day


def _shifted(day: date, length: Duration, sign: int) -> date:
    """Rule 3, forwards or backwards."""
    months = (_within(day).year * 12 + day.month - 1) + sign * (length.years * 12 + length.months)
    year, month = divmod(months, 12)
    if not EARLIEST.year <= year < LATEST.year:
        raise CalendarRefused(f"expected a period that ends from {EARLIEST.year} to {LATEST.year}; got the year {year}")
    reached = date(year, month + 1, min(day.day, _month_length(year, month + 1)))
    return _within(reached + sign * timedelta(days=length.weeks * 7 + length.days))


def _month_length(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day
