"""Projections in PostgreSQL: the same pages as out of a file, and a reader that the database holds to reading."""

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from houses import RICH, ROLES, WRITTEN, World

psycopg = pytest.importorskip("psycopg", reason="needs psycopg, which comity[postgres] brings")

from postgres_server import administer, as_user, role  # noqa: E402
from tables_in_postgres import SCHEMAS, Tables, read_from, two_roles, written  # noqa: E402
from test_size import every_page  # noqa: E402

TOKEN = re.compile(rb'csrfmiddlewaretoken" value="[^"]+"')
PROVIDERS = ("Zeta", "alpha", "Äpfel", "äpfel", "a_b", "a%b", "aXb", "ALPHA", "Ω", "b\0c", "é", "z")


@pytest.fixture
def tables(database: str) -> Iterator[Tables]:
    """Two roles in a database of the test's own."""
    with two_roles(database) as made:
        yield made


@pytest.fixture
def filled(world: World, tables: Tables) -> Iterator[dict[str, tuple[str, str]]]:
    """The tables of the house in PostgreSQL, made for the times of those in the file; the digests of both."""
    from comity.portal.projections.rebuild import rebuilt

    with written(tables.house(world)):
        yield rebuilt(world.house(), "pg", "projector", tables.read_by)


def test_both_stores_hold_the_same_rows(filled: dict[str, tuple[str, str]]) -> None:
    """Table by table the digest out of PostgreSQL is the one out of the file."""
    assert len(filled) > 15
    assert [] == [name for name, (file, database) in filled.items() if file != database]


def test_every_page_is_the_same_out_of_both_stores(
    world: World, visit: Callable[[str], Any], tables: Tables, filled: dict[str, tuple[str, str]]
) -> None:
    """Byte for byte: order, case, numbers and members of JSON do not depend on where the tables lie."""
    from django.core.cache import cache
    from django.urls import reverse

    asked = [(who, reverse(name, kwargs=arguments)) for name, (who, arguments) in sorted(every_page().items())]
    asked += [("handler", f"/?sort={way}") for way in ("stage", "due", "newest")]
    asked += [("handler", f"/case/{RICH}/timeline/?kind=session.held"), ("expert", "/"), ("access", "/inbox/")]
    asked += [("handler", f"/case/{RICH}/timeline/?kind=%00"), ("handler", f"/case/{RICH}/timeline/?after={'9' * 30}")]

    def seen() -> dict[tuple[str, str], tuple[int, bytes]]:
        cache.clear()
        answers = {one: visit(one[0]).get(one[1]) for one in asked}
        return {one: (each.status_code, TOKEN.sub(b"", each.content)) for one, each in answers.items()}

    for who in ROLES:
        visit(who)
    out_of_a_file = seen()
    with read_from(tables.house(world)):
        out_of_postgres = seen()

    statuses = [status for status, _ in out_of_a_file.values()]
    assert statuses.count(200) > 30 and max(statuses) < 500
    assert [] == [one for one in asked if out_of_a_file[one] != out_of_postgres[one]]


def test_text_is_ordered_compared_and_kept_alike(world: World, tables: Tables, files: Path) -> None:
    """Bytes give the order, ASCII alone is compared without case, JSON keeps its order, NUL becomes U+FFFD."""
    from django.db import connections

    from comity.portal.projections.models import CaseRow
    from comity.portal.projections.tables import digest_of, make_tables, open_for_writing, turn

    def told(alias: str) -> list[Any]:
        template = CaseRow.objects.using("projector").get(key=RICH)
        members = {field.name: getattr(template, field.name) for field in CaseRow._meta.fields}
        lines = {"z": 1, "a": {"y": "\0", "b": "\ud800"}, "é": [2**62, 0.5]}
        rows = [
            CaseRow(**members | {"key": f"{n:032x}", "engagement": f"{n:032x}", "provider": name, "lines": lines,
                                 "authority": name * 90, "size": 2**62, "summary": "half \ud800, none \0"})
            for n, name in enumerate(PROVIDERS)
        ]  # fmt: skip
        make_tables(alias, tables.read_by)
        with turn(alias):
            CaseRow.objects.using(alias).bulk_create(rows, batch_size=5)
        found = CaseRow.objects.using(alias)
        return [
            list(found.order_by("provider").values_list("provider", flat=True)),
            list(found.filter(provider__gt="Ä").order_by("-provider").values_list("provider", flat=True)),
            {name: sorted(found.filter(provider__iexact=name).values_list("key", flat=True)) for name in PROVIDERS},
            [(list(one.lines), one.lines, one.size, one.summary, one.authority) for one in found.order_by("key")],
            digest_of(alias),
        ]

    open_for_writing(files / "tricky.sqlite", "tricky")
    file = told("tricky")
    connections["tricky"].close()
    with written(tables.house(world)):
        database = told("pg")

    assert file == database
    assert sorted((name.replace("\0", "\ufffd") for name in PROVIDERS), key=str.encode) == database[0]
    assert ["z", "a", "é"] == database[3][0][0]


@pytest.mark.parametrize("statement", [
    "INSERT INTO projection_shape VALUES ('x')", "UPDATE projections_caserow SET stage = 'closed'",
    "DELETE FROM projections_caserow", "TRUNCATE projections_caserow", "DROP TABLE projections_caserow",
    "ALTER TABLE projections_caserow ADD COLUMN more text", "CREATE TABLE mine (one int)",
    "CREATE INDEX mine ON projections_caserow (stage)", "SELECT * FROM projections_caserow FOR UPDATE",
    "LOCK TABLE projection_shape IN SHARE ROW EXCLUSIVE MODE",
])  # fmt: skip
def test_the_database_refuses_what_a_page_might_write(
    world: World, tables: Tables, filled: dict[str, tuple[str, str]], statement: str
) -> None:
    """Through the pages' own connection, and still when the session itself is no longer read-only: by privilege."""
    from django.db import DatabaseError, connections, transaction

    from comity.portal.projections.models import CaseRow

    with read_from(tables.house(world)):
        with connections["projections"].cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            assert ("on",) == cursor.fetchone()
        for read_only, states in (("on", ("25006", "42501")), ("off", ("42501",))):
            with connections["projections"].cursor() as cursor:
                cursor.execute(f"SET default_transaction_read_only = {read_only}")
            with pytest.raises(DatabaseError) as no, transaction.atomic(using="projections"):
                with connections["projections"].cursor() as cursor:
                    cursor.execute(statement)
            assert getattr(no.value.__cause__, "sqlstate", "") in states
        assert "closed" not in set(CaseRow.objects.values_list("stage", flat=True))


@pytest.mark.parametrize(("given", "why"), [
    ("ALTER ROLE {reader} SUPERUSER", "is a superuser"),
    ("ALTER ROLE {reader} CREATEROLE", "may make roles"),
    ("GRANT pg_write_all_data TO {reader}", "may write what it likes"),
    ("GRANT {projector} TO {reader}", "owns the schema"),
    ("GRANT CREATE ON SCHEMA {schema} TO {reader}", "may make tables"),
    ("ALTER TABLE {schema}.projections_caserow OWNER TO {reader}", "owns a table"),
    ("GRANT INSERT ON {schema}.projections_caserow TO {reader}", "may write a table"),
    ("GRANT UPDATE (stage) ON {schema}.projections_caserow TO {reader}", "may write a table"),
    ("GRANT DELETE ON {schema}.projections_position TO PUBLIC", "may write a table"),
    ("GRANT TRUNCATE ON {schema}.projections_caserow TO {other}; GRANT {other} TO {reader}", "may write a table"),
    ("ALTER ROLE {reader} NOINHERIT; GRANT TRUNCATE ON {schema}.projections_caserow TO {other}; "
     "GRANT {other} TO {reader}", "may write a table"),
])  # fmt: skip
def test_a_reader_that_could_write_is_found(
    world: World, tables: Tables, filled: dict[str, tuple[str, str]], given: str, why: str
) -> None:
    """`portal.E002` asks the database about every way, direct or through another role, and says what to do."""
    from comity.portal import checks

    ((schema,),) = administer(tables.administrator, SCHEMAS)
    with read_from(tables.house(world)), role(tables.administrator, "other") as other:
        names = {"reader": tables.read_by, "projector": tables.written_by, "schema": schema, "other": other}
        from django.conf import settings
        from django.db import connections

        with pytest.MonkeyPatch.context() as patched:
            patched.setitem(settings.DATABASES, "projections", connections.databases["projections"])
            assert [] == list(checks.projections_are_read_only(None))
            for statement in given.format(**names).split("; "):
                administer(tables.administrator, statement)
            (found,) = checks.projections_are_read_only(None)

    assert "portal.E002" == found.id and why in found.msg and tables.read_by in found.msg
    assert "keys/projections-reader" in found.hint


def test_no_table_is_made_for_a_reader_that_could_write(world: World, tables: Tables) -> None:
    """The projector asks before it commits: one role for both, or a reader that may become it, gets no tables."""
    from comity.portal.house import HouseRefused
    from comity.portal.projections.tables import make_tables

    with written(tables.house(world)):
        for reader in (tables.written_by, "postgres"):
            with pytest.raises(HouseRefused, match=r"portal\.E002.*LOGIN"):
                make_tables("pg", reader)

    assert [] == administer(tables.administrator, SCHEMAS)


def test_a_privilege_that_somebody_gave_is_taken_back(world: World, tables: Tables) -> None:
    """The projector leaves the reader SELECT alone, whenever it starts, on old tables and on new ones."""
    from comity.portal.projections.models import CaseRow
    from comity.portal.projections.tables import make_tables

    with written(tables.house(world)):
        assert make_tables("pg", tables.read_by)
        ((schema,),) = administer(tables.administrator, SCHEMAS)
        administer(tables.administrator, f"GRANT ALL ON {{}}.{CaseRow._meta.db_table} TO {{}}", schema, tables.read_by)
        assert not make_tables("pg", tables.read_by)
        administer(tables.administrator, f"UPDATE {schema}.projection_shape SET shape = 'older'")
        assert make_tables("pg", tables.read_by)

    asked = "SELECT privilege_type FROM information_schema.table_privileges WHERE grantee = '{}'"
    kinds = {kind for (kind,) in administer(tables.administrator, asked.format(tables.read_by))}
    assert {"SELECT"} == kinds


def test_rows_and_position_move_together_in_postgres(
    world: World, tables: Tables, filled: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A projector that fails between two tables leaves the case as it was, and the next one goes on."""
    from comity.portal.projections.models import CaseRow, EntryRow, MatterRow, Position
    from comity.portal.projections.projector import Projector

    def seen() -> tuple[int, int, int]:
        rows = EntryRow.objects.using("pg").filter(engagement=WRITTEN).count()
        size = CaseRow.objects.using("pg").get(key=WRITTEN).size
        return Position.objects.using("pg").get(engagement=WRITTEN).size, size, rows

    def die(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    Position.objects.using("pg").filter(engagement=WRITTEN).update(size=0)
    before = seen()
    with monkeypatch.context() as patched:
        patched.setattr(MatterRow.objects, "using", die)
        with pytest.raises(RuntimeError, match="killed"):
            Projector(world.house(), alias="pg").run_once()
    assert before == seen()

    assert 1 <= Projector(world.house(), alias="pg").run_once()
    assert 1 == len(set(seen()))


def test_an_address_is_shown_to_nobody(world: World, tables: Tables) -> None:
    """What may hold a password stands in no representation of a house, and in no refusal."""
    from comity.portal.house import HouseRefused
    from comity.portal.projections.place import reading, writing

    secret = "correct-horse"
    house = world.house(
        projections_reader=f"postgresql://reader:{secret}@db.example", projections_projector=f"postgres:/{secret}"
    )
    assert secret not in repr(house)
    for settings in (reading, writing):
        with pytest.raises(HouseRefused) as no:
            settings(house)
        assert secret not in str(no.value) and "keys/projections-" in str(no.value)
    assert as_user(tables.administrator, tables.read_by) == tables.reader
    assert tables.reader not in repr(tables.house(world))


def test_a_database_in_another_encoding_is_refused(world: World, postgres: str) -> None:
    """Its text would be in another order, and some of it refused, so the projector makes nothing there."""
    from comity.portal.house import HouseRefused
    from comity.portal.projections.tables import make_tables

    name = f"comity_test_{uuid.uuid4().hex}"
    administer(postgres, "CREATE DATABASE {} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", name)
    try:
        with two_roles(urlsplit(postgres)._replace(path=f"/{name}").geturl()) as tables:
            with written(tables.house(world)), pytest.raises(HouseRefused, match="UTF8"):
                make_tables("pg", tables.read_by)
    finally:
        administer(postgres, "DROP DATABASE {} WITH (FORCE)", name)


def test_two_houses_of_one_database_have_tables_of_their_own(world: World, tables: Tables) -> None:
    """The schema is named after host, role and name, so no house shows another's cases."""
    from comity.portal.projections.place import reading

    one, other = (reading(tables.house(world, name=name))["SCHEMA"] for name in ("Office for AI", "Another office"))

    assert one != other
