"""Where the tables lie: in a file of the home, or in a schema of a PostgreSQL database.

A database is named by two addresses as libpq reads them, `postgresql://role@host/database`: the reader's, under which
pages read, and the projector's, whose role owns the tables.  A process of pages is given the first alone.

The schema is named after the house, because one database may hold the tables of several:

    >>> schema_of("office.example", "authority", "Office for AI")
    'comity_portal_b1f29cb259c1'
"""

from hashlib import sha256
from importlib.util import find_spec
from typing import Any, Final

from comity.portal.house import House, HouseRefused

__all__ = ["PROJECTIONS", "in_postgres", "reading", "schema_of", "writing"]

PROJECTIONS: Final = "projections.sqlite"
FRESH: Final = "_new"
WAIT: Final = "60s"
"""How long the projector waits for a rebuild that holds the tables before it tries again."""


def schema_of(host: str, role: str, name: str) -> str:
    """The schema of a house's tables."""
    return f"comity_portal_{sha256(chr(0).join((host, role, name)).encode()).hexdigest()[:12]}"


def in_postgres(house: House) -> bool:
    """Whether this house keeps its projections in PostgreSQL."""
    return bool(house.projections_reader)


def reading(house: House) -> dict[str, Any]:
    """Django's settings of the connection that pages have; nothing can be written through it."""
    if not in_postgres(house):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{(house.path / PROJECTIONS).as_uri()}?mode=ro",
            "CONN_MAX_AGE": None,
            "OPTIONS": {"uri": True, "timeout": 5},
            "TEST": {"MIGRATE": False},
        }
    return _database(house, house.projections_reader, "reader", {"default_transaction_read_only": "on"})


def writing(house: House, *, fresh: bool = False) -> dict[str, Any]:
    """The same of the projector's connection, to the tables in use or to those of a rebuild."""
    if not house.projections_projector:
        raise HouseRefused(
            "this home keeps its projections in PostgreSQL, and this process has no address to write them: "
            "expected it in keys/projections-projector"
        )
    also = {"default_transaction_read_only": "off", "lock_timeout": WAIT}
    return _database(house, house.projections_projector, "projector", also, FRESH if fresh else "")


def _database(house: House, address: str, whose: str, session: dict[str, str], more: str = "") -> dict[str, Any]:
    members, schema = _parsed(address, f"keys/projections-{whose}"), _schema(house) + more
    told = {"search_path": f"{schema},pg_temp", "row_security": "off"} | session
    options = " ".join([members.pop("options", ""), *(f"-c {name}={value}" for name, value in told.items())]).strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": members.pop("dbname", ""),
        "USER": members.pop("user", ""),
        "PASSWORD": members.pop("password", ""),
        "HOST": members.pop("host", ""),
        "PORT": members.pop("port", ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**members, "options": options},
        "TEST": {"MIGRATE": False},
        "SCHEMA": schema,
    }


def _schema(house: House) -> str:
    return schema_of(house.host, house.role, house.name)


def _parsed(address: str, file: str) -> dict[str, Any]:
    """What an address says, with bounds for every wait; a refusal never quotes it, for it may hold a password."""
    if find_spec("psycopg") is None:
        raise HouseRefused("projections in PostgreSQL need psycopg: install comity[postgres]")
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    from comity.ledger.postgres_wire import PATIENCE

    try:
        members = conninfo_to_dict(address)
    except Error:
        raise HouseRefused(f"{file}: expected a PostgreSQL URL such as postgresql://role@db.example/comity") from None
    if not members.get("dbname") and not members.get("service"):
        raise HouseRefused(f"{file}: expected the address to name a database or a service of libpq")
    return {**PATIENCE, **members}
