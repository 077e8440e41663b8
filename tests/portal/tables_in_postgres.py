"""A database with two roles for the tests: the projector's, which may make its schema, and the reader's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from postgres_server import administer, as_user, role

from comity.portal.house import House

SCHEMAS: Final = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'comity_portal%'"


@dataclass(frozen=True, slots=True)
class Tables:
    """Where a house's projections may lie."""

    administrator: str
    """The address of the database's superuser."""
    reader: str
    projector: str
    read_by: str
    """The reader's role."""
    written_by: str

    def house(self, world: Any, **more: Any) -> House:
        """The house with its projections here."""
        made: House = world.house(projections_reader=self.reader, projections_projector=self.projector, **more)
        return made


@contextmanager
def two_roles(database: str) -> Iterator[Tables]:
    """The reader's may log in; the projector's may also make schemas in this database."""
    name = database.rpartition("/")[2]
    with role(database, "reader") as reader, role(database, "projector") as projector:
        administer(database, "GRANT CREATE ON DATABASE {} TO {}", name, projector)
        yield Tables(database, as_user(database, reader), as_user(database, projector), reader, projector)
        for (schema,) in administer(database, SCHEMAS):
            administer(database, "DROP SCHEMA {} CASCADE", schema)


@contextmanager
def read_from(house: House) -> Iterator[None]:
    """Pages of this process read a house's tables in PostgreSQL meanwhile."""
    from django.db import connections

    from comity.portal.projections.place import reading

    before, settings = connections["projections"], connections.databases["projections"]
    connections.databases["projections"] = {**settings, "TIME_ZONE": None, **reading(house)}
    del connections["projections"]
    try:
        if connections["projections"].vendor != "postgresql":
            raise AssertionError("pages would still read the file")
        yield
    finally:
        connections["projections"].close()
        connections.databases["projections"], connections["projections"] = settings, before


@contextmanager
def written(house: House) -> Iterator[None]:
    """This process may write a house's tables in PostgreSQL, as `pg`, meanwhile."""
    from django.db import connections

    from comity.portal.projections.tables import open_database

    open_database(house, "pg")
    try:
        yield
    finally:
        connections["pg"].close()
        del connections["pg"], connections.databases["pg"]
