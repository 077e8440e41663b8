"""Casebooks: an engagement's own ledger, read and written as records.

The ledger's origin is `<host>/e/<engagement id>`.  An entry is added only to a case
that somebody has read to its end: `add` reads, projects the case with the new record
(so a record that cannot follow is refused before it is written), and appends on the
condition that nothing came in between.  Two clerks at once: one of them is told to
read again.
"""

from datetime import datetime

from comity.engagement.stages import EngagementView, project
from comity.ledger import Ledger
from comity.records import Record, parse_record, to_bytes

__all__ = ["add", "origin_of", "read_case", "view"]

CASE = "case"
"""The tag of every entry: an engagement is one thing, read as a whole."""


def origin_of(host: str, engagement: str) -> str:
    """The name of an engagement's ledger."""
    return f"{host}/e/{engagement}"


def read_case(ledger: Ledger) -> tuple[Record, ...]:
    """Every record of the case, oldest first; raises a `RecordError` for what this release does not know."""
    return tuple(parse_record(entry) for entry in ledger.read(0, ledger.size()))


def view(ledger: Ledger, at: datetime) -> EngagementView:
    """Where the case stands."""
    return project(read_case(ledger), at)


def add(ledger: Ledger, record: Record, at: datetime) -> int:
    """Add one record and return its index.

    Raises an `EngagementError` for a record that cannot follow, `PositionMoved` if
    somebody else added one first.
    """
    told = ledger.tagged(CASE)
    project([*(parse_record(entry) for _, entry in told.entries), record], at)
    (index,) = ledger.append([to_bytes(record)], expect=told.position, tags=(CASE,))
    return index
