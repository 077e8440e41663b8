"""Replay: a home's ledgers as they stood at a past time.

A replay goes by when something was *entered*, because that is when it was known here; when it was so stands beside
it (`on`).  A day means its last millisecond in UTC.  What is folded is a beginning of the ledger: the entries before
the first one that was entered later.  Cases (`comity.engagement.case.read_entries`) and access ledgers
(`comity.engagement.access_record.read_access`) are read up to a time under the same rule.

    >>> until = asked_instant("2026-05-11", datetime(2026, 6, 1, tzinfo=UTC))
    >>> until.isoformat(timespec="milliseconds")
    '2026-05-11T23:59:59.999+00:00'

Not promised: that what was known was entered at once.  A ledger's checkpoints, where it has any, say when a part of
it was there at the latest.
"""

from datetime import UTC, date, datetime, time
from typing import Final

from comity.engagement.errors import ReplayRefused
from comity.records import MalformedInstant, instant_text, parse_instant

__all__ = ["asked_instant"]

END: Final = time(23, 59, 59, 999_000, tzinfo=UTC)
"""The last instant of a day that an entry can state."""


def asked_instant(text: str, now: datetime) -> datetime:
    """The instant that a replay is asked for: the end of a day, or an instant; today means now.

    Raises `ReplayRefused` for a text that is neither, and for a time that has not come.
    """
    try:
        asked = parse_instant(text) if "T" in text else _end_of(text)
    except (MalformedInstant, ValueError):
        raise ReplayRefused(
            f"expected a day such as 2026-05-11, or an instant such as 2026-05-11T09:30:00.000Z; got {text[:40]!r}"
        ) from None
    if asked.date() > now.astimezone(UTC).date() or ("T" in text and asked > now):
        raise ReplayRefused(f"expected a day that has come, by {instant_text(now)}; got {text}")
    return min(asked, now)


def _end_of(text: str) -> datetime:
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(text)
    return datetime.combine(day, END)
