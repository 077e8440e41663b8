"""Calendars by name, and calendars written by hand.

| name | is |
|---|---|
| `plain` | Monday to Friday, no holidays; the default |
| `eu-institutions` | the days on which the Union's institutions usually do not work [unconfirmed] |
| a country's code, such as `BE` or `DE-BE` | its public holidays out of the library `holidays` |

The list of the institutions is published for each year and differs a little from year to year; the one
here is what recurs (1 and 2 January, Thursday and Friday before and Monday after Easter, 1 and 9 May,
Ascension and the day after, Whit Monday, 21 July, 15 August, 1 and 2 November, 24 to 31 December).  For a
year that matters, write the published list into a file:

    calendar: 1
    name: brussels-2026
    weekend: [sat, sun]              # left out: these two
    country: BE                      # left out: none
    holidays: [2026-12-24]           # further days; left out: none
    years: {from: 2026, until: 2027} # the years that it knows
    zone: Europe/Brussels            # left out: UTC
    move_last_day: false             # left out: false
    about: the list published for 2026, with our office's own days
    confidence: primary              # or secondary, unconfirmed, set

Where it states holidays or a country, it states the years; a count that leaves them is refused, because a
holiday that nobody listed would make a limit too early without a word.
"""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, Literal, cast

from comity.law.calendar import PLAIN, Calendar
from comity.law.errors import CalendarRefused
from comity.law.reading import Reading
from comity.law.source import read_source

__all__ = ["FIRST_YEAR", "LAST_YEAR", "easter", "eu_institutions", "named_calendar", "parse_calendar"]

FIRST_YEAR: Final = 2020
LAST_YEAR: Final = 2045
"""The years that calendars by name know: from before the first of the laws to a retention of ten years."""

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CERTAINTY: Final = ("set", "primary", "secondary", "unconfirmed")
MOST_YEARS: Final = 200

_COUNTRY: Final = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?", re.ASCII)

_FIXED: Final = (
    (1, 1), (1, 2), (5, 1), (5, 9), (7, 21), (8, 15), (11, 1), (11, 2), *((12, day) for day in range(24, 32)),
)  # fmt: skip
_FROM_EASTER: Final = (-3, -2, 1, 39, 40, 50)
"""Maundy Thursday, Good Friday, Easter Monday, Ascension and the day after, Whit Monday."""


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm, as Meeus gives it)."""
    century, place = divmod(year, 100)
    leaps, quarter = divmod(century, 4)
    golden = year % 19
    moon = (19 * golden + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * quarter + 2 * (place // 4) - moon - place % 4) % 7
    correction = (golden + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * correction + 114, 31)
    return date(year, month, day + 1)


def eu_institutions() -> Calendar:
    """What recurs in the published lists of the institutions' holidays; unconfirmed for any single year."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    fixed = {date(year, month, day) for year in years for month, day in _FIXED}
    moving = {easter(year) + timedelta(days=days) for year in years for days in _FROM_EASTER}
    return Calendar(
        name="eu-institutions",
        holidays=frozenset(fixed | moving),
        years=(FIRST_YEAR, LAST_YEAR),
        zone="Europe/Brussels",
        about="days that recur in the yearly lists of the Union's institutions; check the list of the year",
        confidence="unconfirmed",
    )


def named_calendar(name: str) -> Calendar:
    """A calendar that comes with Comity, or a country's; raises `CalendarRefused`."""
    if name == PLAIN.name:
        return PLAIN
    if name == "eu-institutions":
        return eu_institutions()
    if _COUNTRY.fullmatch(name):
        return Calendar(
            name=name,
            holidays=_of_country(name, FIRST_YEAR, LAST_YEAR),
            years=(FIRST_YEAR, LAST_YEAR),
            about=f"public holidays of {name} out of the library holidays",
            confidence="secondary",
        )
    raise CalendarRefused(
        f"expected plain, eu-institutions, a country's code such as BE, or a file; got {name[:60]!r}"
    )


def _of_country(code: str, first: int, last: int) -> frozenset[date]:
    import holidays  # here, because it is large and most calendars need none of it

    country, _, part = code.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=range(first, last + 1))
    except NotImplementedError:
        raise CalendarRefused(f"expected the code of a country that has a list of holidays; got {code!r}") from None
    return frozenset(found)


def parse_calendar(source: bytes, file: str) -> Calendar:
    """Read a calendar's file; raises `CalendarRefused` with every fault, a line each."""
    root, faults = read_source(source, file)
    reading = Reading(file=file, faults=list(faults))
    optional = ("weekend", "country", "holidays", "years", "zone", "move_last_day", "about", "confidence")
    own = reading.members(root, "", ("calendar", "name"), optional)
    if own["calendar"].value is not None and own["calendar"].value != 1:
        reading.refuse(own["calendar"], "calendar", "1")
    weekend = frozenset(DAYS.index(day) for day in reading.choices(own["weekend"], "weekend", DAYS))
    if len(weekend) == len(DAYS):
        reading.refuse(own["weekend"], "weekend", "a business day in the week")
    country = reading.matching(own["country"], "country", _COUNTRY.pattern, "a country's code such as BE or DE-BE")
    listed = {reading.day(node, path) for node, path in reading.items(own["holidays"], "holidays")}
    years: tuple[int, int] | None = None
    if own["years"].value is not None:
        span = reading.members(own["years"], "years", ("from", "until"))
        years = (
            reading.number(span["from"], "years.from", 1900, 2200),
            reading.number(span["until"], "years.until", 1900, 2200),
        )
        if not 0 <= years[1] - years[0] < MOST_YEARS:
            reading.refuse(own["years"], "years", f"a first year and a last one, at most {MOST_YEARS} years")
    elif country or listed:
        reading.refuse(root, "years", "the years whose holidays it knows", "nothing")
    calendar = Calendar(
        name=reading.text(own["name"], "name", 60),
        weekend=weekend if own["weekend"].value is not None else PLAIN.weekend,
        holidays=frozenset(listed),
        years=years,
        zone=reading.text(own["zone"], "zone", 60) or PLAIN.zone,
        move_last_day=reading.flag(own["move_last_day"], "move_last_day", False),
        about=reading.text(own["about"], "about"),
        confidence=cast(
            Literal["primary", "secondary", "unconfirmed", "set"],
            reading.choice(own["confidence"], "confidence", CERTAINTY),
        ),
    )
    if not reading.faults:
        try:
            calendar.first_instant(date(2026, 1, 1))
            if country and years is not None:
                return replace(calendar, holidays=calendar.holidays | _of_country(country, *years))
        except CalendarRefused as error:
            reading.refuse(own["country" if country else "zone"], "", str(error).removeprefix("expected "))
    if reading.faults:
        raise CalendarRefused("\n".join(str(fault) for fault in reading.faults))
    return calendar

