"""Casebooks: an engagement's own ledger, read and written as records.

The ledger's origin is `<host>/e/<engagement id>`.  An entry is added only to a case that somebody has read to its
end: `add` reads, folds the case with the new records (so that one that cannot follow is refused before it is
written), and appends on the condition that nothing came in between.

Two officers at once: whoever states how many entries were `seen` is told when more came since, and what they are;
nothing is overwritten and nothing is lost.  Who states nothing is compared with what `add` itself read.
"""

from collections.abc import Sequence
from datetime import datetime

from comity.engagement.case import Case, read_entries
from comity.engagement.errors import CaseMoved
from comity.engagement.stages import EngagementView, stand
from comity.ledger import Ledger
from comity.records import Record, parse_record, to_bytes

__all__ = ["add", "add_all", "open_book", "origin_of", "read_case", "view"]

CASE = "case"
"""The tag of every entry: an engagement is one thing, read as a whole."""


def origin_of(host: str, engagement: str) -> str:
    """The name of an engagement's ledger."""
    return f"{host}/e/{engagement}"


def read_case(ledger: Ledger) -> tuple[Record, ...]:
    """Every record of the case, oldest first; raises a `RecordError` for what this release does not know."""
    return tuple(parse_record(entry) for entry in ledger.read(0, ledger.size()))


def open_book(ledger: Ledger, until: datetime | None = None) -> Case:
    """The case that the ledger tells, or told at a past time."""
    return read_entries(ledger.read(0, ledger.size()), until=until)


def view(ledger: Ledger, at: datetime) -> EngagementView:
    """Where the case stands."""
    return stand(open_book(ledger), at)


def add(ledger: Ledger, record: Record, at: datetime, *, seen: int | None = None) -> int:
    """Add one record and return its index.

    Raises an `EngagementError` for a record that cannot follow, `CaseMoved` if more came than was `seen`,
    `PositionMoved` if somebody else added one in this moment.
    """
    return add_all(ledger, [record], at, seen=seen)[0]


def add_all(ledger: Ledger, records: Sequence[Record], at: datetime, *, seen: int | None = None) -> list[int]:
    """Add records that belong together, all or none, and return their indexes; raises as `add` does."""
    told = ledger.tagged(CASE)
    entries = [entry for _, entry in told.entries]
    if seen is not None and seen != len(entries):
        raise CaseMoved(seen, [parse_record(entry).kind for entry in entries[seen:]])
    added = [to_bytes(record) for record in records]
    stand(read_entries([*entries, *added]), at)
    return list(ledger.append(added, expect=told.position, tags=(CASE,)))
