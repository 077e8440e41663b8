"""Calendar files: what an `.ics` says of meetings (iCalendar, RFC 5545), as far as a case needs it.

Read with the library `icalendar`; from each `VEVENT` come the id, the times, the state and how many were invited.
Words and names stay in the file, which is sealed: a summary may name a person, so what is said in the clear is said
by whoever takes the file in.

| in the file | is |
|---|---|
| `UID` | `uid`: its SHA-256, because the id may hold an address |
| `DTSTART`, `DTEND`, `DURATION` with a zone | a span of instants in UTC |
| without a zone ("floating") or a date alone | days, because nobody can say which instant is meant |
| `STATUS:CANCELLED`, `METHOD:CANCEL` | cancelled |
| `SEQUENCE`, then `DTSTAMP` | which revision of the event it is (RFC 5546, 2.1.5) |
| `ATTENDEE` | counted, never named |

An event that recurs is refused, and so is one without id or begin: each meeting is entered by itself.

Limits: 1 MiB, 200 events.

Not promised: that the meeting took place. A calendar says what was planned.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import icalendar

from comity.engagement.errors import EngagementError
from comity.records import instant_text

__all__ = ["CalendarEvent", "IntakeRefused", "Revision", "read_calendar"]

MAX_CALENDAR: Final = 1024 * 1024
MAX_EVENTS: Final = 200
RECURS: Final = ("RRULE", "RDATE", "RECURRENCE-ID")


Revision = tuple[int, str]
"""Which of two revisions of an event is newer: its `SEQUENCE`, then its `DTSTAMP` in UTC, empty where it has none."""


class IntakeRefused(EngagementError):
    """A file cannot be taken in; the text says what was expected and never repeats its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEvent:
    """One event of a calendar file."""

    uid: str
    """SHA-256 of the event's id, in hex."""
    on: str
    """When, as an item of a case states it."""
    begins: datetime
    """When it begins, for comparison: a day without an hour begins at its first moment in UTC."""
    cancelled: bool
    revision: Revision
    invited: int


def read_calendar(source: bytes) -> tuple[CalendarEvent, ...]:
    """The events of a calendar file, in its order; raises `IntakeRefused`."""
    if len(source) > MAX_CALENDAR:
        raise IntakeRefused(f"expected a calendar file of at most {MAX_CALENDAR} bytes; got {len(source)}")
    try:
        calendar = icalendar.Calendar.from_ical(source)
        method = str(calendar.get("METHOD", "")).upper()
        events = list(calendar.walk("VEVENT"))
    except Exception as fault:  # the library names no error of its own, and what it raises may hold the file's words
        why = type(fault).__name__
        raise IntakeRefused(f"expected a calendar file (iCalendar); this one is not read ({why})") from None
    if not events:
        raise IntakeRefused("expected a calendar file with at least one event; this one has none")
    if len(events) > MAX_EVENTS:
        raise IntakeRefused(f"expected at most {MAX_EVENTS} events in one file; got {len(events)}")
    return tuple(_event(number, part, method) for number, part in enumerate(events, 1))


def _event(number: int, part: Any, method: str) -> CalendarEvent:
    uid = str(part.get("UID", "")).strip()
    if not uid:
        raise IntakeRefused(f"event {number}: expected an id (UID); without one it could be entered twice unseen")
    if any(part.get(name) is not None for name in RECURS):
        raise IntakeRefused(f"event {number}: expected a single meeting; this one recurs. Export each that was held")
    try:
        begin, end = _times(part)
        revision = _revision(part)
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise IntakeRefused(f"event {number}: expected a begin and an end that a calendar has") from None
    attendees = part.get("ATTENDEE", [])
    state = str(part.get("STATUS", "")).upper()
    return CalendarEvent(
        uid=sha256(uid.encode("utf-8", "replace")).hexdigest(),
        on=_on(begin, end),
        begins=_first(begin),
        cancelled=state == "CANCELLED" or method == "CANCEL",
        revision=revision,
        invited=len(attendees) if isinstance(attendees, list) else 1,
    )


def _revision(part: Any) -> Revision:
    stamp = part["DTSTAMP"].dt if "DTSTAMP" in part else None
    made = stamp.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") if isinstance(stamp, datetime) and _zoned(stamp) else ""
    return max(0, min(int(part.get("SEQUENCE", 0)), 2**31)), made


def _times(part: Any) -> tuple[date, date]:
    """Begin and end; an end is exclusive where it is a day."""
    begin = part["DTSTART"].dt if "DTSTART" in part else None
    if not isinstance(begin, date):
        raise ValueError
    if "DTEND" in part:
        end = part["DTEND"].dt
    elif "DURATION" in part:
        end = begin + part["DURATION"].dt
    else:
        end = begin if isinstance(begin, datetime) else begin + timedelta(days=1)
    if not isinstance(end, date) or isinstance(end, datetime) != isinstance(begin, datetime):
        raise ValueError
    if _zoned(begin) != _zoned(end):
        raise ValueError
    return begin, max(begin, end)


def _zoned(moment: date) -> bool:
    return isinstance(moment, datetime) and moment.utcoffset() is not None


def _on(begin: date, end: date) -> str:
    """A span as items state it; without a zone in days."""
    if isinstance(begin, datetime) and isinstance(end, datetime) and _zoned(begin):
        first, last = instant_text(begin), instant_text(end)
        return first if first == last else f"{first}/{last}"
    first_day = begin.date() if isinstance(begin, datetime) else begin
    last_day = end.date() if isinstance(end, datetime) else end - timedelta(days=1)
    last_day = max(first_day, last_day)
    return first_day.isoformat() if first_day == last_day else f"{first_day.isoformat()}/{last_day.isoformat()}"


def _first(begin: date) -> datetime:
    if isinstance(begin, datetime):
        return begin.astimezone(UTC) if _zoned(begin) else begin.replace(tzinfo=UTC)
    return datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
