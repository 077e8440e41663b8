"""Clocks as a calendar file: iCalendar, RFC 5545.

One component for each clock that has a due time and is still owed: by default an all-day `VEVENT`, because
most calendar programs show these and leave tasks out; with `tasks`, a `VTODO` with `DUE`.  A limit by the
clock is an instant in UTC.

The file is the same for the same clocks and time: UIDs are derived from the clock's id, and the stamp is the
time that the caller names.  Lines fold at 75 octets, never inside a character (section 3.1); commas,
semicolons, backslashes and line ends are escaped (section 3.3.11).

Not promised: alarms. Who wants to be reminded sets that in their own program.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from comity.law.clocks import Clock
from comity.law.due import said

__all__ = ["export", "folded", "uid_of"]

FOLD: Final = 75
"""Octets of a line, without its end (section 3.1)."""


def export(clocks: Iterable[Clock], at: datetime, *, tasks: bool = False) -> bytes:
    """The clocks as one calendar file, stamped with a time."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Comity//clocks//EN", "CALSCALE:GREGORIAN"]
    for clock in clocks:
        if clock.due is not None and clock.state in ("running", "overdue", "standing still"):
            lines += _component(clock, at, "VTODO" if tasks else "VEVENT")
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in folded(line)).encode()


def uid_of(clock: Clock) -> str:
    """An id that stays the same while the clock does, whatever happens to it."""
    return hashlib.sha256(f"comity clock\n{clock.id}".encode()).hexdigest()[:32] + "@comity"


def _component(clock: Clock, at: datetime, kind: str) -> list[str]:
    duty = clock.duty
    mark = " [unconfirmed]" if duty.confidence == "unconfirmed" else ""
    subject = f" ({clock.about})" if clock.about else ""
    summary = f"{duty.id}: {duty.title}{subject}{mark}"
    source = f"{clock.pack} {clock.version}, {duty.ref}; {duty.force}; sources {', '.join(duty.src)}{mark}"
    due = said(clock.due) if clock.due is not None else ""
    text = "\n".join([f"Due {due}. State: {clock.state}.", *clock.why, source])
    return [
        f"BEGIN:{kind}",
        f"UID:{uid_of(clock)}",
        f"DTSTAMP:{_utc(at)}",
        *_times(clock, kind),
        f"SUMMARY:{_escaped(summary)}",
        f"DESCRIPTION:{_escaped(text)}",
        f"CATEGORIES:{_escaped(clock.pack)}",
        *([f"URL:{duty.link}"] if duty.link else []),
        *(["TRANSP:TRANSPARENT"] if kind == "VEVENT" else ["STATUS:NEEDS-ACTION"]),
        f"END:{kind}",
    ]


def _times(clock: Clock, kind: str) -> Iterator[str]:
    if isinstance(clock.due, datetime):
        yield f"{'DUE' if kind == 'VTODO' else 'DTSTART'}:{_utc(clock.due)}"
    elif clock.due is not None:
        yield f"{'DUE' if kind == 'VTODO' else 'DTSTART'};VALUE=DATE:{clock.due:%Y%m%d}"
        if kind == "VEVENT":
            yield f"DTEND;VALUE=DATE:{clock.due + timedelta(days=1):%Y%m%d}"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\n", "\\n")):
        text = text.replace(plain, written)
    return "".join(mark for mark in text if mark.isprintable())


def folded(line: str) -> Iterator[str]:
    """A content line in parts of at most 75 octets; each part but the first begins with a space."""
    part, size = "", 0
    for mark in line:
        octets = len(mark.encode())
        if size + octets > FOLD:
            yield part
            part, size = " ", 1
        part, size = part + mark, size + octets
    yield part
