"""Deadlines: by when a duty is to be met, as text and as a value.

A deadline is one clause, or several joined by ` & `.

| clause | says |
|---|---|
| `due:EVENT+DUR`, `due:EVENT-DUR` | a hard limit, after or before what happens |
| `max:EVENT±DUR`, `min:EVENT±DUR` | at most so long, at least so long |
| `by:EVENT`, `before:EVENT`, `until:EVENT` | no later than it, earlier than it, for as long as it has not happened |
| `delete_at:EVENT` | erase what is held when it happens |
| `retain:EVENT+DUR` | keep at least so long |
| `guideline:EVENT+DUR` | what a guideline gives as an example; no hard limit |
| `not_before:EVENT[+DUR]`, `not_before:DATE` | not earlier |
| `date:DATE` | the day from which the duty binds |
| `legacy_date:DATE` | that day, for what was there before |
| `every:DUR` | again and again |
| `min_window:DUR` | a window of at least so long |
| `within:PHASE` | as a part of that phase |
| `interim:immediately` | something provisional at once |
| `same_as:TEXT` | as that provision says |
| `on_request` `continuous` `without_undue_delay` `immediately` `reasonable_time` `as_needed` `optional` | in words |
| `none` | the law sets none; stands alone |

EVENT is a name in capitals, PHASE a name, DATE an ISO 8601 date, DUR a length of
time (`comity.law.duration`).  One spelling for each value: `str(parse_deadline(x)) == x`.

    >>> str(parse_deadline("due:NOTIFIED_52_1+P4W & due:EU_PLACEMENT-P2W"))
    'due:NOTIFIED_52_1+P4W & due:EU_PLACEMENT-P2W'

Not promised: that a clause is enough to know a date. `comity.law.due` says when it is not, and why.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias, get_args

from comity.law.duration import Duration, parse_duration
from comity.law.errors import DeadlineRefused

__all__ = [
    "EVENT",
    "AtEvent",
    "Clause",
    "Deadline",
    "Every",
    "FromEvent",
    "InWords",
    "Interim",
    "OnDate",
    "SameAs",
    "Window",
    "Within",
    "parse_deadline",
]

MAX_TEXT: Final = 500
"""Characters of one deadline; the longest known has 60."""

MAX_CLAUSES: Final = 12

EVENT: Final = r"[A-Z][A-Z0-9_]{0,63}"
"""The form of an event's name, as a regular expression."""

FromWord = Literal["due", "min", "max", "retain", "guideline", "not_before"]
AtWord = Literal["by", "before", "until", "delete_at", "not_before"]
DateWord = Literal["date", "legacy_date", "not_before"]
PlainWord = Literal[
    "on_request",
    "continuous",
    "without_undue_delay",
    "immediately",
    "reasonable_time",
    "as_needed",
    "optional",
    "none",
]

_EVENT: Final = re.compile(EVENT, re.ASCII)
_MEASURED: Final = re.compile(rf"({EVENT})([+-])(.*)", re.ASCII)
_PHASE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_DATE: Final = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FORWARD_ONLY: Final = ("retain", "guideline", "not_before")


@dataclass(frozen=True, slots=True, kw_only=True)
class FromEvent:
    """A length of time counted from an event, forwards or backwards."""

    word: FromWord
    event: str
    back: bool
    length: Duration

    def __str__(self) -> str:
        return f"{self.word}:{self.event}{'-' if self.back else '+'}{self.length}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtEvent:
    """A limit that is the event itself."""

    word: AtWord
    event: str

    def __str__(self) -> str:
        return f"{self.word}:{self.event}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDate:
    """A day of the calendar."""

    word: DateWord
    day: date

    def __str__(self) -> str:
        return f"{self.word}:{self.day.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """Again and again, at most so far apart."""

    length: Duration

    def __str__(self) -> str:
        return f"every:{self.length}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of at least so long."""

    length: Duration

    def __str__(self) -> str:
        return f"min_window:{self.length}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """As a part of a phase of work."""

    phase: str

    def __str__(self) -> str:
        return f"within:{self.phase}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interim:
    """Something provisional at once."""

    def __str__(self) -> str:
        return "interim:immediately"


@dataclass(frozen=True, slots=True, kw_only=True)
class SameAs:
    """As another provision says, which is not in the pack."""

    text: str

    def __str__(self) -> str:
        return f"same_as:{self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InWords:
    """A deadline in words, without a number."""

    word: PlainWord

    def __str__(self) -> str:
        return self.word


Clause: TypeAlias = FromEvent | AtEvent | OnDate | Every | Window | Within | Interim | SameAs | InWords


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The clauses of one deadline, in the order in which they are written."""

    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        return " & ".join(str(clause) for clause in self.clauses)

    @property
    def events(self) -> tuple[str, ...]:
        """The events that the clauses name, each once, in their order."""
        named = [clause.event for clause in self.clauses if isinstance(clause, FromEvent | AtEvent)]
        return tuple(dict.fromkeys(named))

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases that the clauses name."""
        return tuple(clause.phase for clause in self.clauses if isinstance(clause, Within))


def parse_deadline(text: str) -> Deadline:
    """Read a deadline; raises `DeadlineRefused` for any other text."""
    if not 0 < len(text) <= MAX_TEXT or not text.isprintable():
        raise DeadlineRefused(f"expected a deadline of 1 to {MAX_TEXT} printable characters; got {text[:60]!r}")
    parts = text.split(" & ")
    if len(parts) > MAX_CLAUSES:
        raise DeadlineRefused(f"expected at most {MAX_CLAUSES} clauses in a deadline; got {len(parts)}")
    clauses = tuple(_clause(part) for part in parts)
    if len(set(clauses)) < len(clauses):
        raise DeadlineRefused(f"expected each clause of a deadline once; got {text[:80]!r}")
    if len(clauses) > 1 and InWords(word="none") in clauses:
        raise DeadlineRefused(f"expected 'none' to stand alone; got {text[:80]!r}")
    return Deadline(clauses=clauses)


def _clause(part: str) -> Clause:
    word, colon, rest = part.partition(":")
    if not colon:
        if word in get_args(PlainWord):
            return InWords(word=word)  # type: ignore[arg-type]  # the line above is the check
        raise _refused(part, f"a clause such as due:EVENT+P2W, or one of {', '.join(get_args(PlainWord))}")
    match word:
        case "due" | "min" | "max" | "retain" | "guideline":
            return _from_event(word, rest, part)
        case "by" | "before" | "until" | "delete_at":
            if _EVENT.fullmatch(rest):
                return AtEvent(word=word, event=rest)
            raise _refused(part, f"{word}: and an event's name in capitals")
        case "not_before":
            if _EVENT.fullmatch(rest):
                return AtEvent(word=word, event=rest)
            return OnDate(word=word, day=_day(rest, part)) if rest[:1].isdigit() else _from_event(word, rest, part)
        case "date" | "legacy_date":
            return OnDate(word=word, day=_day(rest, part))
        case "every":
            return Every(length=parse_duration(rest))
        case "min_window":
            return Window(length=parse_duration(rest))
        case "within":
            if _PHASE.fullmatch(rest):
                return Within(phase=rest)
            raise _refused(part, "within: and a phase's name in small letters")
        case "interim":
            if rest == "immediately":
                return Interim()
            raise _refused(part, "interim:immediately")
        case "same_as":
            if rest and rest == rest.strip() and "&" not in rest:
                return SameAs(text=rest)
            raise _refused(part, "same_as: and a provision, without '&' and without space around it")
        case _:
            raise _refused(part, "a clause that begins with a word of the grammar (docs/reference/law.md)")


def _from_event(word: FromWord, rest: str, part: str) -> FromEvent:
    found = _MEASURED.fullmatch(rest)
    back = found is not None and found[2] == "-"
    if found is None or (back and word in _FORWARD_ONLY):
        signs = "EVENT+DUR" if word in _FORWARD_ONLY else "EVENT+DUR or EVENT-DUR"
        raise _refused(part, f"{word}:{signs}")
    return FromEvent(word=word, event=found[1], back=back, length=parse_duration(found[3]))


def _day(text: str, part: str) -> date:
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise _refused(part, "a date such as 2026-08-02")


def _refused(part: str, expected: str) -> DeadlineRefused:
    return DeadlineRefused(f"expected {expected}; got {part[:80]!r}")
