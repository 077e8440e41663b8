"""Rebuilding: every table made anew out of the ledgers, compared with the one in use, and put in its place.

SQLite makes the new tables in a second file and copies it over the first in one transaction; PostgreSQL makes them in
a second schema, which takes the name of the first: a change of two names waits for no reader and stops none.
Readers see the one or the other.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError, connections

from comity.portal.house import House
from comity.portal.projections.fence import PROJECTOR
from comity.portal.projections.models import Position
from comity.portal.projections.place import PROJECTIONS, in_postgres
from comity.portal.projections.projector import Projector
from comity.portal.projections.roles import quoted
from comity.portal.projections.tables import (
    digest_of,
    make_tables,
    open_database,
    open_for_writing,
    open_projector,
    turn,
)
from comity.records import parse_instant

__all__ = ["rebuild", "rebuilt"]

FRESH: Final = "fresh"


def rebuild(house: House) -> dict[str, tuple[str, str]]:
    """Put new tables in the place of those in use; table → the digests of both."""
    open_projector(house)
    new = make_tables()
    return _schemas(house, new=new) if in_postgres(house) else _files(house, new=new)


def rebuilt(house: House, alias: str, live: str, reader: str = "") -> dict[str, tuple[str, str]]:
    """Make every table anew in `alias`, for the times of the live ones; table → the digests of both."""
    make_tables(alias, reader)
    times: dict[str, Any] = dict(Position.objects.using(live).values_list("engagement", "computed"))
    again = Projector(
        house, alias=alias, computed=lambda name: parse_instant(times[name]) if name in times else None
    )
    again.run_once()
    before, after = digest_of(live), digest_of(alias)
    return {name: (before[name], after[name]) for name in before}


def _schemas(house: House, *, new: bool) -> dict[str, tuple[str, str]]:
    """The projector waits for its turn meanwhile, so nothing that it writes is lost with the old schema."""
    open_database(house, FRESH, fresh=True)
    live, fresh = connections[PROJECTOR], connections[FRESH]
    name, made = (str(one.settings_dict["SCHEMA"]) for one in (live, fresh))
    old = f"{name}_old"
    try:
        with turn(PROJECTOR), live.cursor() as cursor:
            with fresh.cursor() as other:
                for left in (made, old):
                    other.execute(f"DROP SCHEMA IF EXISTS {quoted(left)} CASCADE")
            if not new:
                Projector(house).run_once()
            found = rebuilt(house, FRESH, PROJECTOR)
            for one, called in ((name, old), (made, name)):
                cursor.execute(f"ALTER SCHEMA {quoted(one)} RENAME TO {quoted(called)}")
        with suppress(DatabaseError), live.cursor() as cursor:  # a page may still read it; the next rebuild drops it
            cursor.execute(f"DROP SCHEMA {quoted(old)} CASCADE")
    finally:
        fresh.close()
        live.close()
    return found


def _files(house: House, *, new: bool) -> dict[str, tuple[str, str]]:
    live, fresh = house.path / PROJECTIONS, house.path / f"new-{PROJECTIONS}"
    for file in _of(fresh):
        file.unlink(missing_ok=True)
    if not new:
        Projector(house).run_once()
    open_for_writing(fresh, FRESH)
    found = rebuilt(house, FRESH, PROJECTOR)
    for alias in (FRESH, PROJECTOR):
        connections[alias].close()
    source, target = sqlite3.connect(fresh), sqlite3.connect(live, timeout=30)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    for file in _of(fresh):
        file.unlink(missing_ok=True)
    return found


def _of(path: Path) -> tuple[Path, ...]:
    return (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"))
