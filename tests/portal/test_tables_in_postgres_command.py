"""`comity portal` with its projections in PostgreSQL, as processes of their own."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_command import ENVIRONMENT, run

from comity.cli.sample import make_sample

psycopg = pytest.importorskip("psycopg", reason="needs psycopg, which comity[postgres] brings")

from postgres_server import administer  # noqa: E402
from tables_in_postgres import SCHEMAS, Tables, two_roles  # noqa: E402

pytestmark = pytest.mark.slow

WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted"
CONSISTENT = (
    "SELECT p.size, c.size, (SELECT count(*) FROM {0}.projections_entryrow e WHERE e.engagement = p.engagement) "
    "FROM {0}.projections_position p JOIN {0}.projections_caserow c ON c.key = p.engagement ORDER BY p.key"
)


@pytest.fixture
def tables(database: str) -> Iterator[Tables]:
    """Two roles in a database of the test's own."""
    with two_roles(database) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, tables: Tables) -> Path:
    """The sample, with both addresses in its keys."""
    folder = tmp_path / "home"
    make_sample(folder)
    for whose in ("reader", "projector"):
        keep(folder, whose, getattr(tables, whose))
    return folder


def keep(home: Path, whose: str, address: str) -> None:
    file = home / "keys" / f"projections-{whose}"
    file.touch(mode=0o600)
    file.write_text(f"{address}\n")


def schema_of(tables: Tables) -> str:
    ((schema,),) = administer(tables.administrator, SCHEMAS)
    return str(schema)


def entries(tables: Tables) -> int:
    """How many entries the tables hold of all cases."""
    rows = administer(tables.administrator, CONSISTENT.format(schema_of(tables)))
    return sum(row[0] for row in rows)


def cases(tables: Tables) -> int:
    """How many cases the tables hold."""
    return len(administer(tables.administrator, CONSISTENT.format(schema_of(tables))))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def reading(tables: Tables) -> Iterator[list[int]]:
    """How many cases the reader's role sees, asked again and again meanwhile."""
    schema, ended, seen = schema_of(tables), threading.Event(), list[int]()
    asked = f"SELECT count(*) FROM {schema}.projections_caserow JOIN {schema}.projections_position USING (engagement)"

    def ask() -> None:
        with psycopg.connect(tables.reader, autocommit=True) as connection:
            while not ended.is_set():
                found = connection.execute(asked.encode()).fetchone()
                seen.append(found[0] if found else -1)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield seen
        finally:
            ended.set()
        asking.result(10)


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "comity", "--home", str(home), "portal", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def topic(home: Path) -> None:
    entered = [sys.executable, "-m", "comity", "--home", str(home), "engagement", "topic", "openai", "--topic", "new"]
    subprocess.run(entered, env=ENVIRONMENT, check=True, capture_output=True)


def test_pages_wait_for_tables_that_another_process_makes(home: Path, tables: Tables) -> None:
    """The web process starts without the projector's address and without tables, and says "not ready" until they come.

    Nothing is left in a file, and the reader's role makes nothing.
    """
    (home / "keys" / "projections-projector").rename(home / "aside")
    with running(home, "serve", "--listen", "127.0.0.1:0", "--no-projector") as serving:
        if serving.stdout is None:
            raise AssertionError("a process without its output")
        with httpx.Client(base_url=json.loads(serving.stdout.readline())["portal"]) as browser:
            early = browser.get("/register/")
            assert (503, "5") == (early.status_code, early.headers["Retry-After"])
            assert "not ready yet" in early.text and "Traceback" not in early.text
            french = browser.get("/register/", headers={"Accept-Language": "fr"})
            assert "pas encore prêtes" in french.text
            assert "keys/projections-projector" in run(home, "project", "--once", expect=1)
            assert [] == administer(tables.administrator, SCHEMAS)

            (home / "aside").rename(home / "keys" / "projections-projector")
            assert {"projected": 2} == run(home, "project", "--once")
            late = browser.get("/register/")
            assert 200 == late.status_code and "OpenAI" in late.text
    assert not list((home / "portal").glob("projections.sqlite*"))


def test_one_command_serves_pages_and_projector(home: Path, tables: Tables) -> None:
    """With the projector in a process of its own beside it, the pages come by themselves."""
    with running(home, "serve", "--listen", "127.0.0.1:0") as serving:
        if serving.stdout is None:
            raise AssertionError("a process without its output")
        with httpx.Client(base_url=json.loads(serving.stdout.readline())["portal"]) as browser:
            until(lambda: "OpenAI" in browser.get("/register/").text)
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(30) in (0, -signal.SIGTERM)


def test_a_role_that_could_write_is_not_served(home: Path, tables: Tables) -> None:
    """`comity portal serve` ends with one sentence that names the role, the way, and what to do."""
    run(home, "project", "--once")
    administer(tables.administrator, f"GRANT DELETE ON {schema_of(tables)}.projections_caserow TO {tables.read_by}")

    said = run(home, "serve", "--listen", "127.0.0.1:0", "--no-projector", expect=1)

    assert f"portal.E002: the role {tables.read_by}, under which pages read, may write a table" in said
    assert "CREATE ROLE" in said and "Traceback" not in said
    keep(home, "reader", tables.projector)
    assert "portal.E002" in run(home, "project", "--once", expect=1)


def test_a_rebuild_proves_the_tables_and_mends_them_in_postgres(home: Path, tables: Tables) -> None:
    """Equal digests and exit 0 for untouched tables, 1 for a changed row; the reader reads the new ones and no more."""
    run(home, "project", "--once")
    schema, beside = schema_of(tables), run(home, "rebuild")
    assert beside["same"] and len(beside["tables"]) > 15
    administer(tables.administrator, f"UPDATE {schema}.projections_caserow SET stage = 'closed'")

    said = run(home, "rebuild", expect=1)

    assert (False, ["CaseRow"]) == (said["same"], said["differ"])
    assert run(home, "rebuild")["tables"] == beside["tables"]
    assert schema == schema_of(tables)
    with psycopg.connect(tables.reader) as connection:
        assert (2,) == connection.execute(f"SELECT count(*) FROM {schema}.projections_caserow".encode()).fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"DELETE FROM {schema}.projections_caserow".encode())


def test_a_rebuild_beside_a_projector_loses_nothing(home: Path, tables: Tables) -> None:
    """The projector waits for its turn while the tables are made anew, then writes on in the new ones.

    Whoever reads meanwhile sees every case at each moment, and no error.
    """
    with running(home, "project", "--every", "0.05"):
        until(lambda: administer(tables.administrator, SCHEMAS) != [])
        until(lambda: 2 == cases(tables))
        with reading(tables) as seen:
            assert run(home, "rebuild")["same"]
        assert {2} == set(seen) and len(seen) > 20
        before = entries(tables)
        topic(home)
        until(lambda: entries(tables) == before + 1)
    assert run(home, "rebuild")["same"]


def test_a_killed_projector_leaves_rows_and_position_of_one_entry(home: Path, tables: Tables) -> None:
    """Killed between two tables of one case it leaves the case as it was, and the next one brings it up."""
    run(home, "project", "--once")
    schema = schema_of(tables)
    before = administer(tables.administrator, CONSISTENT.format(schema))
    topic(home)
    with psycopg.connect(tables.administrator) as blocking:
        blocking.execute(f"LOCK TABLE {schema}.projections_matterrow IN SHARE MODE".encode())
        with running(home, "project") as projector:
            until(lambda: administer(tables.administrator, WAITS) != [(0,)])
            projector.send_signal(signal.SIGKILL)
            assert -signal.SIGKILL == projector.wait(10)
        blocking.rollback()

    assert before == administer(tables.administrator, CONSISTENT.format(schema))
    assert {"projected": 1} == run(home, "project", "--once")
    after: list[tuple[Any, ...]] = administer(tables.administrator, CONSISTENT.format(schema))
    assert sum(row[0] for row in before) + 1 == sum(row[0] for row in after)
    assert all(1 == len(set(row)) for row in after)
    assert run(home, "rebuild")["same"]


def test_no_refusal_shows_a_password(home: Path, tables: Tables) -> None:
    """An address may hold one, in a file that others cannot read; what goes wrong is said without it."""
    secret = "correct-horse"
    keep(home, "projector", f"postgresql://projector:{secret}@127.0.0.1:1/nowhere")
    said = run(home, "project", "--once", expect=1)
    assert "127.0.0.1" in said and secret not in said and "Traceback" not in said
    keep(home, "reader", f"postgresql://reader:{secret}@127.0.0.1:1/nowhere")
    said = run(home, "serve", "--listen", "127.0.0.1:0", "--no-projector", expect=1)
    assert "portal.E002" in said and secret not in said and "Traceback" not in said

    (home / "keys" / "projections-reader").chmod(0o644)
    assert "chmod 600" in run(home, "project", "--once", expect=1)
    (home / "keys" / "projections-reader").unlink()
    assert "keys/projections-reader is not" in run(home, "project", "--once", expect=1)


def test_a_server_that_ends_its_connections_is_asked_anew(home: Path, tables: Tables) -> None:
    """After a restart of the database, pages and projector go on without being started again."""
    ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename IN ('{}', '{}')"
    with running(home, "serve", "--listen", "127.0.0.1:0") as serving:
        if serving.stdout is None:
            raise AssertionError("a process without its output")
        with httpx.Client(base_url=json.loads(serving.stdout.readline())["portal"]) as browser:
            until(lambda: 200 == browser.get("/register/").status_code)
            until(lambda: 2 == cases(tables))
            assert administer(tables.administrator, ended.format(tables.read_by, tables.written_by)) != []
            assert 200 == browser.get("/register/").status_code
            before = entries(tables)
            topic(home)
            until(lambda: entries(tables) == before + 1)
        serving.send_signal(signal.SIGTERM)
        serving.wait(30)
