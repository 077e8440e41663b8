"""What the tests of the law share: a pack made for them, and examples of every value of the grammar."""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from comity.law import (
    PLAIN,
    Act,
    Calendar,
    Clock,
    Duration,
    Moment,
    Noted,
    Opened,
    Pack,
    load_pack,
    read_clocks,
)

PACKS = Path(__file__).parent / "packs"
LATER = date(2030, 1, 1)
FIRST = "2026-01-01"

days = st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 12, 31))
instants = st.datetimes(
    min_value=datetime(2020, 1, 1), max_value=datetime(2040, 12, 31), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=0))
moments: st.SearchStrategy[Moment] = st.one_of(days, instants)

small = st.integers(min_value=1, max_value=60)
whole_days = st.one_of(
    small.map(lambda n: Duration(days=n)),
    small.map(lambda n: Duration(weeks=n)),
    small.map(lambda n: Duration(months=n)),
    st.integers(min_value=1, max_value=10).map(lambda n: Duration(years=n)),
    st.builds(Duration, years=small, months=small, days=small),
)
business = small.map(lambda n: Duration(business_days=n))
by_the_clock = st.builds(Duration, hours=st.integers(1, 200), minutes=st.integers(0, 59))
durations = st.one_of(whole_days, business, by_the_clock)

calendars = st.builds(
    Calendar,
    name=st.just("drawn"),
    weekend=st.frozensets(st.integers(0, 6), max_size=4),
    holidays=st.frozensets(st.dates(min_value=date(2025, 1, 1), max_value=date(2028, 12, 31)), max_size=30),
    zone=st.sampled_from(["UTC", "Europe/Brussels", "America/Los_Angeles", "Pacific/Auckland"]),
    move_last_day=st.booleans(),
)


@cache
def made(version: str = FIRST) -> Pack:
    """The pack made for tests."""
    return load_pack("test-law", version, [PACKS])


def opened(duty: str, at: Moment = date(2026, 1, 1), *, legacy: bool = False) -> Opened:
    """A clock `c` for one duty of the made pack."""
    return Opened(clock="c", at=at, pack="test-law", version=FIRST, duty=duty, legacy=legacy)


def noted(event: str, on: Moment, at: Moment | None = None) -> Noted:
    """An event of the clock `c`, entered when it happened unless said otherwise."""
    return Noted(clock="c", at=on if at is None else at, event=event, on=on)


def clock_of(*acts: Act, at: Moment = LATER, calendar: Calendar = PLAIN) -> Clock:
    """The one clock that these acts make."""
    (clock,) = read_clocks(acts, [made()], at, calendar)
    return clock
