"""By when: the clauses of a deadline, turned into days and instants, or into the reason why there is none.

Each clause becomes one `Limit`:

| kind | means |
|---|---|
| `limit` | act no later than this |
| `earliest` | not earlier than this |
| `keep` | keep at least until this |
| `guideline` | an example of a guideline; no hard limit |
| `binds` | the day from which the duty binds: no limit falls earlier |
| `legacy` | the same day for what was there before |
| `until` | the duty ends with this |
| `void` | nothing is owed: the event was before the day from which the duty binds |
| `words` | no date follows from it |

The due time is the earliest `limit` that is known, and no earlier than the day from which the duty binds.
A length of time that an earlier event would have begun is not owed at all.

Time that was added goes to the end of a limit; then the end moves by the time in which the clock stood
still (`comity.law.calendar.shift`); then, where the calendar says so, to a business day.  What counts
backwards from an event, or is the event itself, does not stand still, because it follows the event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final, Literal, TypeAlias, assert_never

from comity.law.calendar import Calendar, Moment, Standing, shift
from comity.law.deadline import (
    AtEvent,
    Clause,
    Deadline,
    Every,
    FromEvent,
    Interim,
    InWords,
    OnDate,
    SameAs,
    Window,
    Within,
)
from comity.law.duration import Duration

__all__ = ["Limit", "LimitKind", "Time", "limits_of", "said", "the_due"]

LimitKind: TypeAlias = Literal["limit", "earliest", "keep", "guideline", "binds", "legacy", "until", "void", "words"]

WORDS: Final = {
    "on_request": "no fixed time: the request sets the period",
    "continuous": "no fixed time: it is owed all the time",
    "without_undue_delay": "without undue delay",
    "immediately": "no fixed time: at once",
    "reasonable_time": "no fixed time: within a reasonable time",
    "as_needed": "no fixed time: when it is needed",
    "optional": "no fixed time: it is optional",
    "none": "no fixed time: the law sets none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What one clause comes to."""

    clause: str
    """The clause as the pack writes it; `fixed` where an act set the day."""
    kind: LimitKind
    end: Moment | None
    """The last day (to its end) or the instant; `None` where no date follows, or its event is not noted."""
    why: str
    """The reason, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """What happened to one clock, as far as counting needs it."""

    noted: Mapping[str, Moment]
    """Events, each with when it happened."""
    anchor: tuple[Moment, str] | None = None
    """What a recurring duty counts from, and its name."""
    trigger: str = ""
    """The event that a recurring duty waits for, if one is named."""
    standing: tuple[Standing, ...] = ()
    extended: tuple[tuple[Duration, str], ...] = ()
    fixed: tuple[Moment, Moment, str] | None = None
    """The day that an act set, when it was set, and why."""


def said(moment: Moment) -> str:
    """A day, or an instant to the minute, as people read it."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return moment.isoformat()


def limits_of(deadline: Deadline, time: Time, calendar: Calendar) -> tuple[Limit, ...]:
    """Each clause's limit, in the order of the deadline; a day that an act set comes last."""
    binds = max((one.day for one in deadline.clauses if isinstance(one, OnDate) and one.word == "date"), default=None)
    found = [
        _void(clause, time.noted[clause.event], binds)
        if binds is not None and _began_before(clause, time, binds, calendar) and isinstance(clause, FromEvent)
        else _limit(clause, time, calendar)
        for clause in deadline.clauses
    ]
    if time.fixed is not None:
        end, since, because = time.fixed
        end, more = _moved(end, since, Duration(days=1), time, replace(calendar, move_last_day=False))
        found.append(Limit(clause="fixed", kind="limit", end=end, why=f"set to {said(time.fixed[0])}: {because}{more}"))
    return tuple(found)


def the_due(limits: tuple[Limit, ...], *, legacy: bool, calendar: Calendar) -> Limit | None:
    """The limit that counts: the earliest one known, not earlier than the day from which the duty binds.

    A deadline that is nothing but the day from which it binds is due on that day.
    """

    def end(limit: Limit) -> datetime:
        if limit.end is None:
            raise AssertionError("only limits with an end are compared")
        return calendar.end_of(limit.end)

    known = [limit for limit in limits if limit.kind == "limit" and limit.end is not None]
    bounds = [limit for limit in limits if limit.kind == "binds" or (legacy and limit.kind == "legacy")]
    binds = max(bounds, key=end, default=None)
    first = min(known, key=end, default=None)
    if first is None:
        return binds if all(limit.kind in ("binds", "legacy") for limit in limits) else None
    return first if binds is None else max(first, binds, key=end)


def _began_before(clause: Clause, time: Time, binds: date, calendar: Calendar) -> bool:
    """Whether a limit counts from an event that happened before the duty bound."""
    if not isinstance(clause, FromEvent) or clause.back or _kind(clause) != "limit" or clause.event not in time.noted:
        return False
    return calendar.day_of(time.noted[clause.event]) < binds


def _void(clause: FromEvent, on: Moment, binds: date) -> Limit:
    why = f"not owed: {clause.event} was on {said(on)}, and the duty binds from {said(binds)}"
    return Limit(clause=str(clause), kind="void", end=None, why=why)


def _limit(clause: Clause, time: Time, calendar: Calendar) -> Limit:
    match clause:
        case FromEvent():
            return _from_event(clause, time, calendar)
        case AtEvent():
            return _at_event(clause, time, calendar)
        case OnDate(word=word, day=day):
            return _on_date(str(clause), word, day)
        case Every(length=length):
            return _every(clause, length, time, calendar)
        case Window(length=length):
            return _words(clause, f"the window is {length.in_words()} or more")
        case Within(phase=phase):
            return _words(clause, f"no fixed time: within the phase '{phase}'")
        case Interim():
            return _words(clause, "something provisional at once")
        case SameAs(text=text):
            return _words(clause, f"no fixed time: as {text} says, which this pack does not state")
        case InWords(word=word):
            return _words(clause, WORDS[word])
        case _:
            assert_never(clause)


def _words(clause: Clause, why: str) -> Limit:
    return Limit(clause=str(clause), kind="words", end=None, why=why)


def _kind(clause: FromEvent) -> LimitKind:
    match clause.word:
        case "retain":
            return "keep"
        case "guideline":
            return "guideline"
        case "not_before":
            return "earliest"
        case "min":
            return "limit" if clause.back else "earliest"
        case "max":
            return "earliest" if clause.back else "limit"
        case "due":
            return "limit"
        case _:
            assert_never(clause.word)


MEANT: Final = {
    "keep": "to be kept until then, which ends",
    "guideline": "an example of a guideline, no hard limit; ends",
    "earliest": "not earlier; ends",
    "limit": "ends",
}


def _from_event(clause: FromEvent, time: Time, calendar: Calendar) -> Limit:
    kind, direction = _kind(clause), "before" if clause.back else "after"
    span = f"{clause.length.in_words()} {direction} {clause.event}"
    start = time.noted.get(clause.event)
    if start is None:
        return Limit(clause=str(clause), kind=kind, end=None, why=f"{span}, which is not noted")
    more = ""
    if clause.back:
        end = calendar.before(start, clause.length)
    else:
        end = calendar.after(start, clause.length)
    if kind == "limit" and not clause.back:
        end, more = _moved(end, start, clause.length, time, calendar)
    elif kind == "limit":
        end, more = _extended(end, time, calendar)
    counted = _counted(start, clause.length, calendar)
    why = f"{span} ({said(start)}{counted}): {MEANT[kind]} {_said_in(end, calendar)}{more}"
    return Limit(clause=str(clause), kind=kind, end=end, why=why)


def _counted(start: Moment, length: Duration, calendar: Calendar) -> str:
    """What the reader has to know about the counting."""
    if length.by_the_clock:
        return "" if isinstance(start, datetime) else ", no hour noted, so from its first instant"
    if length.business_days:
        unsure = " [unconfirmed]" if calendar.confidence == "unconfirmed" else ""
        return f", that day not counted, calendar {calendar.name}{unsure}"
    return ", that day not counted"


def _said_in(end: Moment, calendar: Calendar) -> str:
    return f"at {said(end)}" if isinstance(end, datetime) else f"with {said(end)} ({calendar.zone})"


def _at_event(clause: AtEvent, time: Time, calendar: Calendar) -> Limit:
    event, start = clause.event, time.noted.get(clause.event)
    match clause.word:
        case "by":
            kind, meant = "limit", f"no later than {event}"
        case "before":
            kind, meant = "limit", f"before {event}"
        case "until":
            kind, meant = "until", f"until {event}"
        case "delete_at":
            kind, meant = "limit", f"erased when {event} happens"
        case "not_before":
            kind, meant = "earliest", f"not before {event}"
        case _:
            assert_never(clause.word)
    if start is None:
        return Limit(clause=str(clause), kind=kind, end=None, why=f"{meant}, which is not noted")  # type: ignore[arg-type]
    end, more = start, ""
    if clause.word == "before" and not isinstance(start, datetime):
        end = calendar.before(start, Duration(days=1))
    if kind == "limit":
        end, more = _extended(end, time, calendar)
    return Limit(clause=str(clause), kind=kind, end=end, why=f"{meant} ({said(start)}){more}")  # type: ignore[arg-type]


def _on_date(clause: str, word: str, day: date) -> Limit:
    match word:
        case "date":
            return Limit(clause=clause, kind="binds", end=day, why=f"binds from {said(day)}")
        case "legacy_date":
            why = f"binds from {said(day)} for what was there before"
            return Limit(clause=clause, kind="legacy", end=day, why=why)
        case _:
            return Limit(clause=clause, kind="earliest", end=day, why=f"not earlier than {said(day)}")


def _every(clause: Every, length: Duration, time: Time, calendar: Calendar) -> Limit:
    if time.anchor is None:
        waits = f"from {time.trigger}, which is not noted" if time.trigger else "and nothing is noted to count from"
        why = f"every {length.in_words()}, {waits}"
        return Limit(clause=str(clause), kind="limit", end=None, why=why)
    start, name = time.anchor
    end, more = _moved(calendar.after(start, length), start, length, time, calendar)
    why = f"{length.in_words()} after {name} ({said(start)}{_counted(start, length, calendar)}): ends "
    return Limit(clause=str(clause), kind="limit", end=end, why=f"{why}{_said_in(end, calendar)}{more}")


def _extended(end: Moment, time: Time, calendar: Calendar) -> tuple[Moment, str]:
    parts = []
    for length, because in time.extended:
        end = calendar.extended(end, length)
        parts.append(f"; extended by {length.in_words()}: {because}")
    return end, "".join(parts)


def _moved(end: Moment, start: Moment, unit: Duration, time: Time, calendar: Calendar) -> tuple[Moment, str]:
    """The end after what was added, what stood still, and the rule on the last day; with the words for each."""
    end, more = _extended(end, time, calendar)
    later = shift(end, start, time.standing, unit, calendar)
    if later != end:
        stood = later - end if isinstance(later, datetime) == isinstance(end, datetime) else None
        span = _span(stood.total_seconds()) if stood is not None else "the time"
        more += f"; {span} later, because the clock stood still"
        end = later
    if (last := calendar.moved(end)) != end:
        more += f"; moved from {said(end)}, which is no business day of the calendar {calendar.name}"
        end = last
    return end, more


def _span(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86_400)
    hours, minutes = rest // 3_600, rest % 3_600 // 60
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    said_parts = [f"{number} {name}" + ("" if number == 1 else "s") for number, name in parts if number]
    return " ".join(said_parts) or f"{int(seconds)} seconds"
