"""Creating and opening ledgers, without naming the store that keeps them.

A ledger's place is a path, for one in an SQLite file,
or a URL `postgresql://…` without a password, for one in a PostgreSQL database that may hold many.

Each store is loaded when a ledger is opened in it and not before:
who checks a receipt imports `comity.ledger` too, and needs `cryptography` alone.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from comity.ledger.store import Ledger, LedgerUnreachable, NotALedger

_URLS: Final = ("postgresql://", "postgres://")


def create_ledger(place: Path | str, *, origin: str, schema: Sequence[str] = ()) -> Ledger:
    """Begin a new, empty ledger at `place` and open it. Refuses if anything is there already."""
    if is_url(place):
        _need_psycopg()
        from comity.ledger import postgres

        return postgres.create_postgres_ledger(str(place), origin=origin, schema=schema)
    from comity.ledger import sqlite

    return sqlite.create_ledger(Path(place), origin=origin, schema=schema)


def open_ledger(place: Path | str, *, origin: str | None = None, schema: Sequence[str] = ()) -> Ledger:
    """Open an existing ledger; `schema` statements (`CREATE … IF NOT EXISTS …`) are run first.
    Never creates.

    `origin` says which ledger of a database is meant; a file holds one, whose origin must be this where it is given.
    """
    if is_url(place):
        if origin is None:
            raise AssertionError("a database may hold many ledgers: say which by its origin")
        _need_psycopg()
        from comity.ledger import postgres

        return postgres.open_postgres_ledger(str(place), origin=origin, schema=schema)
    from comity.ledger import sqlite

    ledger = sqlite.open_ledger(Path(place), schema=schema)
    if origin not in (None, ledger.origin):
        found = ledger.origin
        ledger.close()
        raise NotALedger(Path(place), f"it states the origin {found!r}, not {origin!r}")
    return ledger


def is_url(place: Path | str) -> bool:
    """Whether a ledger's place is a database's address rather than a file's path."""
    return isinstance(place, str) and place.startswith(_URLS)


def _need_psycopg() -> None:
    if find_spec("psycopg") is None:
        raise LedgerUnreachable("a ledger in PostgreSQL needs psycopg; install comity[postgres]")
