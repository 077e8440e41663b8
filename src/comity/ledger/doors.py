"""Creating and opening ledgers, without naming the store that keeps them.

SQLite is loaded when a ledger is opened and not before:
who checks a receipt imports `comity.ledger` too, and needs `cryptography` alone.
"""

from collections.abc import Sequence
from pathlib import Path

from comity.ledger.store import Ledger


def create_ledger(path: Path, *, origin: str, schema: Sequence[str] = ()) -> Ledger:
    """Begin a new, empty ledger at `path` and open it. Refuses if anything is there already."""
    from comity.ledger import sqlite

    return sqlite.create_ledger(path, origin=origin, schema=schema)


def open_ledger(path: Path, *, schema: Sequence[str] = ()) -> Ledger:
    """Open an existing ledger; `schema` statements (`CREATE … IF NOT EXISTS …`) are run first.
    Never creates.
    """
    from comity.ledger import sqlite

    return sqlite.open_ledger(path, schema=schema)
