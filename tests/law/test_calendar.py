"""Counting time: the rules, their edges, and what always holds."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from made_law import business, by_the_clock, calendars, days, durations, instants, moments, whole_days

from comity.law import PLAIN, Calendar, CalendarRefused, Duration, Moment, parse_duration
from comity.law.calendar import shift, standing_before

MONDAY = date(2026, 3, 2)
ONE_HOLIDAY = Calendar(name="one", holidays=frozenset({date(2026, 3, 4)}), years=(2026, 2026))


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        (date(2026, 3, 2), "P2W", date(2026, 3, 16)),
        (date(2026, 3, 2), "P1D", date(2026, 3, 3)),
        (date(2026, 1, 31), "P1M", date(2026, 2, 28)),
        (date(2028, 1, 31), "P1M", date(2028, 2, 29)),
        (date(2026, 1, 31), "P3M", date(2026, 4, 30)),
        (date(2028, 2, 29), "P1Y", date(2029, 2, 28)),
        (date(2028, 2, 29), "P4Y", date(2032, 2, 29)),
        (date(2027, 2, 28), "P1Y", date(2028, 2, 28)),
        (date(2026, 11, 30), "P3M", date(2027, 2, 28)),
        (date(2026, 12, 31), "P1Y6M", date(2028, 6, 30)),
        (date(2026, 1, 31), "P1M1D", date(2026, 3, 1)),
        (date(2026, 3, 6), "1BD", date(2026, 3, 9)),
        (date(2026, 3, 7), "1BD", date(2026, 3, 9)),
        (date(2026, 3, 2), "5BD", date(2026, 3, 9)),
    ],
)
def test_a_period_ends_on_the_day_that_the_rules_give(start: date, length: str, end: date) -> None:
    """The event's day is not counted, a month too short ends on its last day, and weekends are no business days."""
    assert PLAIN.after(start, parse_duration(length)) == end


@pytest.mark.parametrize(
    ("event", "length", "end"),
    [
        (date(2026, 3, 16), "P2W", date(2026, 3, 2)),
        (date(2026, 3, 31), "P1M", date(2026, 2, 28)),
        (date(2028, 2, 29), "P1Y", date(2027, 2, 28)),
        (date(2026, 3, 9), "5BD", date(2026, 3, 2)),
        (date(2026, 3, 8), "1BD", date(2026, 3, 6)),
    ],
)
def test_counting_backwards_reaches_the_last_day_on_which_to_act(event: date, length: str, end: date) -> None:
    """What must be done so long before an event is done on that day at the latest."""
    assert PLAIN.before(event, parse_duration(length)) == end


def test_hours_run_by_the_clock() -> None:
    """72 hours are 72 hours, whatever days lie between; a day without an hour counts from its first instant."""
    assert PLAIN.after(datetime(2026, 3, 6, 22, 15, tzinfo=UTC), parse_duration("PT72H")) == datetime(
        2026, 3, 9, 22, 15, tzinfo=UTC
    )
    assert PLAIN.after(MONDAY, parse_duration("PT24H")) == datetime(2026, 3, 3, tzinfo=UTC)


def test_hours_do_not_follow_a_change_of_the_clocks() -> None:
    """A night in which the clocks go forward has 23 hours, and 24 hours are still 24."""
    brussels = Calendar(name="b", zone="Europe/Brussels")
    before = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Brussels"))

    assert brussels.after(before, parse_duration("PT24H")) == datetime(2026, 3, 29, 11, tzinfo=UTC)
    assert brussels.end_of(date(2026, 3, 29)) - brussels.first_instant(date(2026, 3, 29)) == timedelta(hours=23)


def test_the_zone_decides_which_day_an_instant_is_on() -> None:
    """Half past eleven in the evening in UTC is the next day in Brussels, so the period ends a day later there."""
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)

    assert PLAIN.after(late, parse_duration("P2D")) == date(2026, 3, 4)
    assert Calendar(name="b", zone="Europe/Brussels").after(late, parse_duration("P2D")) == date(2026, 3, 5)


def test_a_holiday_is_no_business_day() -> None:
    """Five business days over a holiday take a day longer."""
    assert ONE_HOLIDAY.after(MONDAY, parse_duration("5BD")) == date(2026, 3, 10)


def test_a_count_into_an_unknown_year_is_refused() -> None:
    """Holidays that nobody listed are not taken for business days without a word."""
    with pytest.raises(CalendarRefused, match="knows the holidays of 2026 to 2026, and 2027-01-01 was asked for"):
        ONE_HOLIDAY.after(date(2026, 12, 30), parse_duration("5BD"))


def test_a_last_day_moves_only_where_the_calendar_says_so() -> None:
    """A Saturday stays the last day by default, and becomes the Monday where that is set; an instant never moves."""
    saturday, moving = date(2026, 3, 7), Calendar(name="m", move_last_day=True)

    assert PLAIN.moved(saturday) == saturday
    assert moving.moved(saturday) == date(2026, 3, 9)
    assert moving.moved(date(2026, 3, 6)) == date(2026, 3, 6)
    assert moving.moved(datetime(2026, 3, 7, 9, tzinfo=UTC)) == datetime(2026, 3, 7, 9, tzinfo=UTC)


def test_an_instant_without_a_zone_is_refused() -> None:
    """Nobody can say which day it is on."""
    with pytest.raises(CalendarRefused, match="without one"):
        PLAIN.first_instant(datetime(2026, 3, 2, 9))


@pytest.mark.parametrize(("start", "length"), [(date(8999, 1, 1), "P9999Y"), (date(1000, 1, 1), "P9999D")])
def test_a_period_beyond_the_calendar_is_refused(start: date, length: str) -> None:
    """A length that no law has leads to the room's error and to no other."""
    with pytest.raises(CalendarRefused):
        PLAIN.after(start, parse_duration(length))
        PLAIN.before(start, parse_duration(length))


@given(moments, durations, calendars)
def test_a_period_ends_after_its_event(start: Moment, length: Duration, calendar: Calendar) -> None:
    """No length of time leads backwards, and the day of the event is never the last day."""
    end = calendar.after(start, length)

    assert calendar.end_of(end) > calendar.first_instant(start)
    if not length.by_the_clock:
        assert calendar.day_of(end) > calendar.day_of(start)


@given(moments, durations, calendars)
def test_counting_backwards_ends_before_the_event(event: Moment, length: Duration, calendar: Calendar) -> None:
    """What must be done before an event is due before it."""
    assert calendar.first_instant(calendar.before(event, length)) < calendar.first_instant(event)


@given(days, business, calendars)
def test_business_days_count_back_to_their_number(start: date, length: Duration, calendar: Calendar) -> None:
    """Between an event and the n-th business day after it lie n business days, and the n-th is one of them."""
    end = calendar.day_of(calendar.after(start, length))

    assert calendar.business_days(start, end) == length.business_days
    assert calendar.is_business_day(end)


@given(days, business, calendars)
def test_business_days_go_back_where_they_came_from(start: date, length: Duration, calendar: Calendar) -> None:
    """From a business day n forward and n back is the same day."""
    assume(calendar.is_business_day(start))

    assert calendar.before(calendar.after(start, length), length) == start


@given(days, st.integers(1, 400), calendars)
def test_business_days_of_a_span_add_up(start: date, length: int, calendar: Calendar) -> None:
    """The business days of two spans that touch are those of both together."""
    middle, end = start + timedelta(days=length // 2), start + timedelta(days=length)
    parts = calendar.business_days(start, middle) + calendar.business_days(middle, end)

    assert parts == calendar.business_days(start, end)


@given(moments, durations, durations, calendars)
def test_time_that_is_added_never_leads_to_an_earlier_end(
    start: Moment, length: Duration, more: Duration, calendar: Calendar
) -> None:
    """An extension makes a limit later, in whatever unit it is counted."""
    end = calendar.after(start, length)

    assert calendar.end_of(calendar.extended(end, more)) > calendar.end_of(end)


@given(instants, by_the_clock, st.integers(1, 100_000), st.integers(1, 100_000))
def test_hours_move_by_exactly_the_standing_time(start: datetime, length: Duration, wait: int, stood: int) -> None:
    """A clock that runs by the hour ends as much later as it stood still."""
    end = PLAIN.after(start, length)
    stop = start + timedelta(seconds=wait)
    assume(stop < end)
    later = shift(end, start, ((stop, stop + timedelta(seconds=stood)),), length, PLAIN)

    assert later - end == timedelta(seconds=stood)  # type: ignore[operator]  # two instants


@given(days, whole_days, st.integers(1, 60), st.integers(0, 60), calendars)
def test_days_move_by_exactly_the_days_that_stood_still(
    start: date, length: Duration, wait: int, stood: int, calendar: Calendar
) -> None:
    """A period in days ends as many days later as its clock stood still at their end."""
    end = calendar.day_of(calendar.after(start, length))
    stop = start + timedelta(days=wait)
    assume(stop <= end)
    later = shift(end, start, ((stop, stop + timedelta(days=stood)),), length, calendar)

    assert calendar.day_of(later) - end == timedelta(days=stood)


@given(days, business, st.integers(1, 60), st.integers(0, 60), calendars)
def test_business_days_move_by_the_business_days_that_stood_still(
    start: date, length: Duration, wait: int, stood: int, calendar: Calendar
) -> None:
    """Days that stood still are left out of the count; the business days that remain are as many as before."""
    end = calendar.day_of(calendar.after(start, length))
    stop = start + timedelta(days=wait)
    assume(stop <= end)
    resumed = stop + timedelta(days=stood)
    later = calendar.day_of(shift(end, start, ((stop, resumed),), length, calendar))
    left_out = calendar.business_days(stop - timedelta(days=1), resumed - timedelta(days=1))

    assert calendar.business_days(start, later) - left_out == length.business_days


@given(days, whole_days, st.integers(1, 30), st.integers(0, 30))
def test_one_stop_is_the_same_as_two_that_touch(start: date, length: Duration, first: int, second: int) -> None:
    """Whoever stops a clock twice in a row gains nothing over stopping it once."""
    end = PLAIN.after(start, length)
    stop = start + timedelta(days=2)
    middle, resumed = stop + timedelta(days=first), stop + timedelta(days=first + second)

    once = shift(end, start, ((stop, resumed),), length, PLAIN)
    assert shift(end, start, ((stop, middle), (middle, resumed)), length, PLAIN) == once


def test_a_stop_outside_of_the_period_moves_nothing() -> None:
    """What stood still before the event, or after the end, changes no limit."""
    end, length = date(2026, 3, 16), parse_duration("P2W")
    before, after = (date(2026, 2, 1), date(2026, 2, 20)), (date(2026, 3, 17), date(2026, 3, 30))

    assert shift(end, MONDAY, (before, after), length, PLAIN) == end


def test_a_stop_that_began_before_the_event_counts_from_the_event() -> None:
    """What stood before a period began is no part of it, by the hour and by the day."""
    event, hours = datetime(2026, 3, 2, 12, tzinfo=UTC), parse_duration("PT24H")
    standing = ((datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 2, 18, tzinfo=UTC)),)

    assert shift(PLAIN.after(event, hours), event, standing, hours, PLAIN) == datetime(2026, 3, 3, 18, tzinfo=UTC)
    days_off = ((date(2026, 2, 20), date(2026, 3, 5)),)
    assert shift(date(2026, 3, 16), MONDAY, days_off, parse_duration("P2W"), PLAIN) == date(2026, 3, 18)


def test_the_standing_time_is_counted_up_to_the_time_asked_for() -> None:
    """A stop that lasts has lasted until now."""
    standing = ((date(2026, 3, 4), date(2026, 3, 10)),)

    assert standing_before(standing, datetime(2026, 3, 6, tzinfo=UTC), PLAIN) == timedelta(days=2)
    assert standing_before(standing, date(2026, 3, 30), PLAIN) == timedelta(days=6)
