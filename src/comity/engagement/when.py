"""When: a time as exactly as it is known.

The record of talks is often inexact.  `on` of an item is one of

| written | first | last |
|---|---|---|
| `2026-05-11T09:30:00.000Z` | that instant | that instant |
| `2026-05-11` | that day | that day |
| `2026-05` | 1 May | 31 May |
| `2026` | 1 January | 31 December |
| `2026-05-07/2026-05-11` | begin of the first | end of the second |
| any other words, such as `spring 2026` | not known | not known |

A text that looks like a date and is none (`2026-13`, `2026-02-30`) is refused, because it would sort nowhere.

    >>> parse_when("2026-05").last
    datetime.date(2026, 5, 31)
    >>> parse_when("spring 2026").exact
    False

Words sort by nothing but their entry; a clock never counts from them.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from comity.engagement.errors import NotACase
from comity.records import MalformedInstant, parse_instant

__all__ = ["When", "parse_when"]

Moment = date | datetime

_DATED = re.compile(r"\d{4}(-\d{2}(-\d{2}(T[0-9:.]+Z)?)?)?", re.ASCII)
_LIKE_A_DATE = re.compile(r"[0-9][0-9TZ:./ -]*", re.ASCII)
MAX_WORDS = 120
"""Characters: a time in words is a phrase, and a longer text belongs in the summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A time as it was stated, and what it comes to."""

    text: str
    first: Moment | None
    """The first day, or the instant; `None` for words."""
    last: Moment | None

    @property
    def exact(self) -> bool:
        """Whether it is one day or one instant, so that a clock can count from it."""
        return self.first is not None and self.first == self.last

    @property
    def day(self) -> date | None:
        """The first day in UTC, by which items are sorted; `None` for words."""
        return _day(self.first) if self.first is not None else None

    def after(self, at: datetime) -> bool:
        """Whether all of it lies later than a time."""
        if self.first is None:
            return False
        return self.first > at if isinstance(self.first, datetime) else self.first > _day(at)


def parse_when(text: str) -> When:
    """Read a time; raises `NotACase` for a text that looks like a date and is none."""
    if not text.strip() or len(text) > MAX_WORDS or not text.isprintable():
        raise NotACase(f"expected a time of 1 to {MAX_WORDS} printable characters; got {text[:40]!r}")
    first, middle, second = text.partition("/")
    if middle and _DATED.fullmatch(first) and _DATED.fullmatch(second):
        begin, end = _read(first), _read(second)
        if _day(begin[0]) > _day(end[1]):
            raise NotACase(f"expected a span that ends after it begins; got {text}")
        return When(text=text, first=begin[0], last=end[1])
    if _DATED.fullmatch(text):
        begin = _read(text)
        return When(text=text, first=begin[0], last=begin[1])
    if _LIKE_A_DATE.fullmatch(text):
        raise NotACase(f"expected a time such as 2026-05-11, 2026-05, 2026, or two with / between; got {text!r}")
    return When(text=text, first=None, last=None)


def _day(moment: Moment) -> date:
    return moment.astimezone(UTC).date() if isinstance(moment, datetime) else moment


def _read(text: str) -> tuple[Moment, Moment]:
    try:
        if "T" in text:
            instant = parse_instant(text)
            return instant, instant
        parts = [int(part) for part in text.split("-")]
        first = date(*(parts + [1, 1])[:3])
    except (MalformedInstant, ValueError):
        raise NotACase(f"expected a day that the calendar has; got {text!r}") from None
    if len(parts) == 3:
        return first, first
    following = first.replace(year=first.year + 1) if len(parts) == 1 else (first + timedelta(days=31)).replace(day=1)
    return first, following - timedelta(days=1)
