"""Calendars by name and by hand: what they hold, where it is from, and what is refused."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.law import PLAIN, CalendarRefused, named_calendar, parse_calendar
from comity.law.calendars import FIRST_YEAR, LAST_YEAR, easter

WRITTEN = b"""\
calendar: 1
name: office
weekend: [fri, sat]
country: BE
holidays: [2026-12-24]
years: {from: 2026, until: 2027}
zone: Europe/Brussels
move_last_day: true
about: our own days
confidence: primary
"""


@pytest.mark.parametrize(
    ("year", "day"),
    [(1961, date(1961, 4, 2)), (2000, date(2000, 4, 23)), (2024, date(2024, 3, 31)), (2026, date(2026, 4, 5)),
     (2027, date(2027, 3, 28)), (2038, date(2038, 4, 25)), (2285, date(2285, 3, 22))],
)  # fmt: skip
def test_easter_is_where_almanacs_have_it(year: int, day: date) -> None:
    """The moving holidays hang on it; 2038 has the latest date that there can be and 2285 the earliest."""
    assert easter(year) == day


def test_easter_agrees_with_a_second_implementation() -> None:
    """The library of holidays brings another one along; both agree for three centuries."""
    other = pytest.importorskip("dateutil.easter").easter

    assert [easter(year) for year in range(1900, 2200)] == [other(year) for year in range(1900, 2200)]


def test_the_institutions_calendar_has_what_recurs_and_says_that_it_is_unconfirmed() -> None:
    """Maundy Thursday, the day after Ascension and the end of the year are holidays there; no year is certain."""
    calendar = named_calendar("eu-institutions")
    off = [(2026, 4, 2), (2026, 4, 3), (2026, 4, 6), (2026, 5, 14), (2026, 5, 15), (2026, 5, 25), (2026, 12, 28)]

    assert not [day for day in off if calendar.is_business_day(date(*day))]
    assert calendar.is_business_day(date(2026, 4, 1))
    assert (calendar.confidence, calendar.zone) == ("unconfirmed", "Europe/Brussels")


def test_a_country_has_its_public_holidays() -> None:
    """A country's code, with a part of it where holidays differ."""
    assert not named_calendar("BE").is_business_day(date(2026, 7, 21))
    assert named_calendar("DE").is_business_day(date(2026, 3, 8 + 1))
    assert not named_calendar("DE-BY").is_business_day(date(2026, 1, 6))
    assert named_calendar("DE").is_business_day(date(2026, 1, 6))
    with pytest.raises(CalendarRefused, match=f"knows the holidays of {FIRST_YEAR} to {LAST_YEAR}"):
        named_calendar("BE").is_business_day(date(2050, 1, 3))


@pytest.mark.parametrize("name", ["XX", "BE-XYZ", "be", "nowhere", "", "BE-"])
def test_a_calendar_that_is_not_there_is_refused(name: str) -> None:
    """Neither a name nor a country."""
    with pytest.raises(CalendarRefused, match=r"^expected "):
        named_calendar(name)


def test_a_calendar_can_be_written_by_hand() -> None:
    """Its own days, a country's, its weekend, its zone and its rule for the last day."""
    calendar = parse_calendar(WRITTEN, "office.yaml")

    assert calendar.weekend == frozenset({4, 5})
    assert not calendar.is_business_day(date(2026, 12, 24))
    assert not calendar.is_business_day(date(2026, 7, 21))
    assert calendar.is_business_day(date(2026, 7, 19))  # a Sunday
    assert (calendar.zone, calendar.move_last_day, calendar.confidence) == ("Europe/Brussels", True, "primary")
    with pytest.raises(CalendarRefused, match="knows the holidays of 2026 to 2027"):
        calendar.is_business_day(date(2028, 1, 4))


def test_a_calendar_without_holidays_knows_every_year() -> None:
    """What is left out is as in the plain one."""
    calendar = parse_calendar(b"calendar: 1\nname: bare\n", "bare.yaml")

    assert (calendar.weekend, calendar.years, calendar.zone) == (PLAIN.weekend, None, "UTC")
    assert not calendar.move_last_day


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"calendar: 1", b"calendar: 2", "office.yaml:1: calendar: expected 1; got the integer 2"),
        (b"years: {from: 2026, until: 2027}\n", b"", "years: expected the years whose holidays it knows; got nothing"),
        (b"until: 2027", b"until: 2025", "expected a first year and a last one"),
        (b"[fri, sat]", b"[mon, tue, wed, thu, fri, sat, sun]", "expected a business day in the week"),
        (b"[fri, sat]", b"[friday]", "weekend[0]: expected one of mon, tue"),
        (b"2026-12-24", b"2026-12-32", "holidays[0]: expected a date such as"),
        (b"Europe/Brussels", b"Europe/Brussel", "a time zone such as UTC or Europe/Brussels"),
        (b"country: BE", b"country: QQ", "the code of a country that has a list of holidays"),
        (b"about:", b"abuot:", "abuot: expected one of calendar"),
    ],
)
def test_a_fault_in_a_calendar_is_named(old: bytes, new: bytes, message: str) -> None:
    """With its line and what was expected."""
    with pytest.raises(CalendarRefused) as refused:
        parse_calendar(WRITTEN.replace(old, new), "office.yaml")

    assert message in str(refused.value)


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=12).map(lambda more: WRITTEN[:60] + more + WRITTEN[70:])))
def test_any_bytes_are_a_calendar_or_refused(source: bytes) -> None:
    """A value, or the room's error."""
    try:
        assert parse_calendar(source, "drawn.yaml").name
    except CalendarRefused as error:
        assert "drawn.yaml" in str(error)


def test_the_page_s_example_is_a_calendar() -> None:
    """What the reference shows as a calendar's file is one."""
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "law.md"
    blocks = page.read_text(encoding="utf-8").split("```yaml\n")[1:]
    (example,) = [block.split("```")[0] for block in blocks if block.startswith("calendar: 1")]

    assert parse_calendar(example.encode(), "law.md").years == (2026, 2027)
