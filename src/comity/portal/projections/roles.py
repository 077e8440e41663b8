"""Roles in PostgreSQL: the projector's owns the tables, the reader's may SELECT, and the database is asked whether so.

A role counts as one that could write if it could do so itself or through any role that it may become: as a superuser,
by making or entering roles, as owner of the database, the schema or a table, by a privilege on the schema, on a table
or on a column, or by running programs on the server.
"""

from typing import Any, Final

from comity.portal.house import HouseRefused

__all__ = ["HINT", "grant", "make_schema", "quoted", "why_it_could_write"]

WRITES: Final = "INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER"
BECOMES: Final = "SELECT * FROM pg_roles WHERE pg_has_role(%(who)s::name, oid, 'MEMBER')"
WAYS: Final = (
    ("is a superuser", f"SELECT 1 FROM ({BECOMES}) AS one WHERE rolsuper"),
    ("may make roles and enter them", f"SELECT 1 FROM ({BECOMES}) AS one WHERE rolcreaterole"),
    (
        "may write what it likes on this server",
        f"SELECT 1 FROM ({BECOMES}) AS one WHERE rolname IN "
        "('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program')",
    ),
    (
        "owns the database",
        "SELECT 1 FROM pg_database WHERE datname = current_database() AND pg_has_role(%(who)s::name, datdba, 'MEMBER')",
    ),
    (
        "owns the schema of the tables",
        "SELECT 1 FROM pg_namespace WHERE nspname = %(schema)s AND pg_has_role(%(who)s::name, nspowner, 'MEMBER')",
    ),
    (
        "may make tables in their schema",
        f"SELECT 1 FROM pg_namespace, ({BECOMES}) AS one WHERE nspname = %(schema)s "
        "AND has_schema_privilege(one.oid, pg_namespace.oid, 'CREATE')",
    ),
    (
        "owns a table",
        "SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) "
        "AND pg_has_role(%(who)s::name, relowner, 'MEMBER')",
    ),
    (
        "may write a table",
        f"SELECT 1 FROM pg_class, ({BECOMES}) AS one WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) "
        f"AND relkind IN ('r', 'p', 'v', 'm', 'f') AND (has_table_privilege(one.oid, pg_class.oid, '{WRITES}') "
        "OR has_any_column_privilege(one.oid, pg_class.oid, 'INSERT, UPDATE'))",
    ),
)
"""What a role may be or do, and the question that the database answers with a row if it may."""

HINT: Final = (
    "expected in keys/projections-reader the address of a role that may log in and nothing else "
    "(CREATE ROLE … LOGIN), to which the projector grants SELECT"
)


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def why_it_could_write(cursor: Any, role: str, schema: str) -> str:
    """The first way in which a role could write the tables of a schema; empty where there is none."""
    for way, question in WAYS:
        cursor.execute(f"{question} LIMIT 1", {"who": role, "schema": schema})
        if cursor.fetchone() is not None:
            return way
    return ""


def make_schema(cursor: Any, schema: str) -> None:
    """Make the schema where it is missing; raises `HouseRefused` where it is another role's, or not in UTF-8."""
    cursor.execute("SHOW server_encoding")
    (encoding,) = cursor.fetchone()
    if encoding != "UTF8":
        raise HouseRefused(f"the database has the encoding {encoding}; expected one that was made with UTF8")
    cursor.execute("SELECT pg_get_userbyid(nspowner) = current_user FROM pg_namespace WHERE nspname = %s", [schema])
    found = cursor.fetchone()
    if found is None:
        cursor.execute(f"CREATE SCHEMA {quoted(schema)}")
    elif not found[0]:
        raise HouseRefused(f"the schema {schema} belongs to another role than that of keys/projections-projector")


def grant(cursor: Any, schema: str, reader: str) -> None:
    """Let the reader SELECT and nothing else, and nobody else anything; raises `HouseRefused` if it could write still.

    Called in the transaction that makes the tables: of a reader that could write, none are made.
    """
    cursor.execute("SELECT pg_has_role(%s::name, current_user, 'MEMBER')", [reader])
    if cursor.fetchone()[0]:
        raise _refusal(reader, "is or may become the projector's role")
    name, to = quoted(schema), quoted(reader)
    for statement in (
        f"REVOKE ALL ON SCHEMA {name} FROM PUBLIC, {to}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {name} FROM PUBLIC, {to}",
        f"GRANT USAGE ON SCHEMA {name} TO {to}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {to}",
    ):
        cursor.execute(statement)
    why = why_it_could_write(cursor, reader, schema)
    if why:
        raise _refusal(reader, why)


def _refusal(reader: str, why: str) -> HouseRefused:
    """One message for whoever set up the roles."""
    return HouseRefused(f"portal.E002: the role {reader}, under which pages read, {why}; {HINT}")

