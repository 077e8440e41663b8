"""Instants: points in time as records write them, `2026-11-23T21:00:00.123Z`.

UTC, RFC 3339, exactly three decimals, capital `T` and `Z`: one spelling an
instant, so that equal times are equal bytes.

    >>> instant_text(datetime(2026, 11, 23, 21, tzinfo=UTC))
    '2026-11-23T21:00:00.000Z'
"""

import re
from datetime import UTC, datetime

from comity.records.canonical import RecordError

__all__ = ["MalformedInstant", "instant_text", "parse_instant"]

_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII)


class MalformedInstant(RecordError):
    """The text is no instant in the one spelling."""


def instant_text(at: datetime) -> str:
    """Write an aware time in UTC, cut to the millisecond."""
    if at.tzinfo is None:
        raise AssertionError("a time without a zone reached a record")
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")[:23] + "Z"


def parse_instant(text: str) -> datetime:
    """Read what `instant_text` writes; raises `MalformedInstant` for anything else."""
    if not _FORM.fullmatch(text):
        raise MalformedInstant(f"expected a time such as 2026-11-23T21:00:00.123Z, got {text[:40]!r}")
    try:
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    except ValueError:
        raise MalformedInstant(f"{text} has the form of a time but names none") from None
