"""The tables themselves: opened to be written, made, locked for a turn, and reduced to digests.

A file of SQLite gives one writer its turn by `BEGIN IMMEDIATE`, and PostgreSQL by a lock on `projection_shape` that
stops no reader.  A projector and a rebuild of one house so never write between each other's statements.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.forms.models import model_to_dict

from comity.portal.house import House
from comity.portal.projections import roles
from comity.portal.projections.fence import PROJECTOR, READ
from comity.portal.projections.models import TABLES
from comity.portal.projections.place import PROJECTIONS, in_postgres, writing

__all__ = ["digest_of", "make_tables", "open_for_writing", "open_projector", "turn"]


def open_projector(house: House) -> None:
    """Give this process the connection by which a house's projections are written; a web process has none."""
    if in_postgres(house):
        open_database(house, PROJECTOR)
    else:
        open_for_writing(house.path / PROJECTIONS)


def open_for_writing(file: Path, alias: str = PROJECTOR) -> None:
    """Open a file of tables to write it."""
    connections.databases[alias] = {
        **connections.databases["default"], "NAME": str(file), "OPTIONS": {
            "timeout": 30, "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }  # fmt: skip


def open_database(house: House, alias: str, *, fresh: bool = False) -> None:
    """Open the house's schema in PostgreSQL to write it, or the one of a rebuild."""
    connections.databases[alias] = {**connections.databases["default"], **writing(house, fresh=fresh)}


@contextmanager
def turn(alias: str) -> Iterator[None]:
    """One transaction that nobody else writes beside."""
    with transaction.atomic(using=alias):
        if connections[alias].vendor == "postgresql":
            with connections[alias].cursor() as cursor:
                cursor.execute("LOCK TABLE projection_shape IN SHARE ROW EXCLUSIVE MODE")
        yield


def make_tables(alias: str = PROJECTOR, reader: str = "") -> bool:
    """Make the tables where they are missing or of another shape; tells whether they are new, and so empty.

    In PostgreSQL the role `reader` is left SELECT and nothing else; where none is named it is the role of the pages.
    """
    connection: BaseDatabaseWrapper = connections[alias]
    if connection.vendor != "postgresql":
        return _made(connection)
    reader, schema = reader or _reader(), connection.settings_dict["SCHEMA"]
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        roles.make_schema(cursor, schema)
        new = _made(connection)
        roles.grant(cursor, schema, reader)
    return new


def _reader() -> str:
    """Under which role pages read, asked of the database, because an address may leave it to libpq."""
    try:
        with connections[READ].cursor() as cursor:
            cursor.execute("SELECT session_user")
            return str(cursor.fetchone()[0])
    finally:
        connections[READ].close()


def _made(connection: BaseDatabaseWrapper) -> bool:
    alias, shape = connection.alias, _shape(connection)
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS projection_shape (shape TEXT PRIMARY KEY)")
    with turn(alias), connection.cursor() as cursor:
        cursor.execute("SELECT shape FROM projection_shape")
        if cursor.fetchone() == (shape,):
            return False
    with connection.schema_editor() as editor:
        present = connection.introspection.table_names()
        for model in TABLES:
            if model._meta.db_table in present:
                editor.delete_model(model)
            editor.create_model(model)
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute("DELETE FROM projection_shape")
        cursor.execute("INSERT INTO projection_shape VALUES (%s)", [shape])
    return True


def _shape(connection: BaseDatabaseWrapper) -> str:
    """A digest over every table's columns and indexes: tables of another release are dropped and made again."""
    told = [
        f"{model._meta.db_table} {column.column} {column.db_type(connection)}"
        for model in TABLES
        for column in model._meta.fields
    ]
    told += [f"{model._meta.db_table} {index.name} {index.fields}" for model in TABLES for index in model._meta.indexes]
    return sha256("\n".join(told).encode()).hexdigest()


def digest_of(alias: str, leaving_out: Iterable[str] = ()) -> dict[str, str]:
    """Table → SHA-256 over its rows in the order of their keys, without columns that are left out.

    The digest is of what the rows say, and so the same for the same rows in either kind of database.
    """
    out = set(leaving_out)
    found = {}
    for model in TABLES:
        told = sha256()
        for row in model.objects.using(alias).order_by("key").iterator():
            kept = {name: value for name, value in model_to_dict(row).items() if name not in out}
            told.update(repr(sorted(kept.items())).encode() + b"\n")
        found[model.__name__] = told.hexdigest()
    return found
