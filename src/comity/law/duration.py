"""Lengths of time, as laws write them: `P2W`, `P6M`, `PT72H`, `5BD`.

| spelling | is |
|---|---|
| `P1Y`, `P6M`, `P10D`, `P1Y6M` | years, months and days of the calendar (ISO 8601) |
| `P2W` | weeks; they stand alone, as in ISO 8601 |
| `PT72H`, `PT30M`, `PT1H30M` | hours and minutes by the clock |
| `5BD` | business days of a calendar |

A number is 1 to 9999 without leading zeros; what is zero is left out.  Days and
hours are not mixed, because a law counts either whole days or by the clock.

    >>> parse_duration("P2W").in_words()
    '2 weeks'
"""

import re
from dataclasses import dataclass
from typing import Final

from comity.law.errors import DeadlineRefused

__all__ = ["Duration", "parse_duration"]

_N: Final = r"([1-9][0-9]{0,3})"
_DATES: Final = re.compile(rf"P(?:{_N}Y)?(?:{_N}M)?(?:{_N}D)?", re.ASCII)
_WEEKS: Final = re.compile(rf"P{_N}W", re.ASCII)
_TIMES: Final = re.compile(rf"PT(?:{_N}H)?(?:{_N}M)?", re.ASCII)
_BUSINESS: Final = re.compile(rf"{_N}BD", re.ASCII)
_UNITS: Final = (
    ("years", "year"),
    ("months", "month"),
    ("weeks", "week"),
    ("days", "day"),
    ("hours", "hour"),
    ("minutes", "minute"),
    ("business_days", "business day"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A length of time in the units in which it was written; never zero."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    business_days: int = 0

    @property
    def by_the_clock(self) -> bool:
        """Whether hours and minutes are counted, and not whole days."""
        return bool(self.hours or self.minutes)

    def __str__(self) -> str:
        if self.business_days:
            return f"{self.business_days}BD"
        if self.weeks:
            return f"P{self.weeks}W"
        if self.by_the_clock:
            return "PT" + _spelled((self.hours, "H"), (self.minutes, "M"))
        return "P" + _spelled((self.years, "Y"), (self.months, "M"), (self.days, "D"))

    def in_words(self) -> str:
        """The length as a sentence has it: `1 year and 6 months`."""
        parts = [
            f"{number} {name}" + ("" if number == 1 else "s")
            for unit, name in _UNITS
            if (number := getattr(self, unit))
        ]
        return " and ".join(parts)


def _spelled(*parts: tuple[int, str]) -> str:
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def parse_duration(text: str) -> Duration:
    """Read a length of time; raises `DeadlineRefused` for any other text."""
    if found := _BUSINESS.fullmatch(text):
        return Duration(business_days=int(found[1]))
    if found := _WEEKS.fullmatch(text):
        return Duration(weeks=int(found[1]))
    if (found := _TIMES.fullmatch(text)) and text != "PT":
        return Duration(hours=int(found[1] or 0), minutes=int(found[2] or 0))
    if (found := _DATES.fullmatch(text)) and text != "P":
        return Duration(years=int(found[1] or 0), months=int(found[2] or 0), days=int(found[3] or 0))
    raise DeadlineRefused(
        f"expected a length of time such as P2W, P6M, P10D, PT72H or 5BD; got {text[:40]!r}"
    )
