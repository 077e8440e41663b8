"""The PostgreSQL store: the contract, and what is particular to a database that many processes and roles share."""

import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pytest
import world
from contract import SPEND_TABLE, Reopen, StoreContract

from comity.ledger import Published, create_ledger, open_ledger
from comity.ledger.store import (
    HeadMoved,
    Ledger,
    LedgerExists,
    LedgerMissing,
    LedgerUnreachable,
    NotALedger,
    NotDurable,
    Transaction,
)

psycopg = pytest.importorskip("psycopg", reason="needs psycopg, which comity[postgres] brings")

from postgres_server import Server, administer, as_user, drop, new_origin, role  # noqa: E402

from comity.ledger.postgres import schema_name  # noqa: E402

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "use-postgresql.md"


@pytest.fixture
def origin(postgres: str) -> Iterator[str]:
    origin = new_origin()
    yield origin
    drop(postgres, origin)


@pytest.fixture
def ledger(postgres: str, origin: str) -> Iterator[Ledger]:
    with create_ledger(postgres, origin=origin, schema=(SPEND_TABLE,)) as made:
        yield made


@pytest.fixture
def reopened(ledger: Ledger, postgres: str) -> Iterator[Reopen]:
    opened: list[Ledger] = []

    def reopen() -> Ledger:
        ledger.close()
        opened.append(open_ledger(postgres, origin=ledger.origin))
        return opened[-1]

    yield reopen
    for each in opened:
        each.close()


class TestPostgresKeepsTheContract(StoreContract):
    """The contract, over one schema of a PostgreSQL database."""


def test_a_ledger_is_created_once(ledger: Ledger, postgres: str) -> None:
    """Creating over an existing ledger is refused and leaves it as it was."""
    ledger.append([b"precious"])
    with pytest.raises(LedgerExists, match="not overwritten"):
        create_ledger(postgres, origin=ledger.origin)
    assert (b"precious",) == ledger.read(0, 9)


def test_a_missing_ledger_is_never_created_by_opening(postgres: str) -> None:
    """Opening a ledger that is not there tells the operator to restore it and why; no schema appears."""
    origin = new_origin()
    with pytest.raises(LedgerMissing, match="never create it anew: signing from a wrong size forks the ledger"):
        open_ledger(postgres, origin=origin)
    assert [(None,)] == administer(postgres, f"SELECT to_regnamespace('{schema_name(origin)}')::text")


def test_two_ledgers_of_one_database_know_nothing_of_each_other(ledger: Ledger, postgres: str) -> None:
    """Each ledger has its own schema, with its own callers' tables."""
    origin = new_origin()
    with create_ledger(postgres, origin=origin, schema=(SPEND_TABLE,)) as other:
        other.append([b"elsewhere"])
        assert 0 == ledger.size()
    drop(postgres, origin)


def test_a_schema_that_states_another_origin_is_not_opened(ledger: Ledger, postgres: str) -> None:
    """A schema that was renamed or copied under another ledger's name is refused."""
    other = new_origin()
    ledger.close()
    administer(postgres, "ALTER SCHEMA {} RENAME TO {}", schema_name(ledger.origin), schema_name(other))
    with pytest.raises(NotALedger, match="states the origin"):
        open_ledger(postgres, origin=other)
    drop(postgres, other)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\nbreak"])
def test_an_origin_that_no_checkpoint_could_carry_is_refused(postgres: str, origin: str) -> None:
    """An origin is non-empty, without spaces or plus signs (signed-note key names)."""
    with pytest.raises(NotALedger, match="origin"):
        create_ledger(postgres, origin=origin)


@pytest.mark.parametrize(
    "address", ["postgresql://me:hidden@127.0.0.1/test", "postgresql://127.0.0.1/test?password=hidden"]
)
def test_an_address_with_a_password_is_refused_and_not_repeated(address: str) -> None:
    """A password in an address would show in process lists: it is refused, with where to put it, and is not shown."""
    with pytest.raises(NotALedger, match="PGPASSWORD") as refused:
        open_ledger(address, origin="operator.example/a/1")
    assert "hidden" not in str(refused.value)


def test_a_malformed_address_is_not_repeated() -> None:
    """What cannot be read as an address may hold a password, so the error does not quote it."""
    with pytest.raises(NotALedger, match="not a PostgreSQL URL") as refused:
        open_ledger("postgresql://me:hid%zzden@/x?y", origin="operator.example/a/1")
    assert "zzden" not in str(refused.value)
    assert None is refused.value.__cause__


def test_a_database_that_does_not_answer_is_named_as_such() -> None:
    """Nobody listens: the error says that the database cannot be used."""
    with pytest.raises(LedgerUnreachable, match="check that it runs"):
        open_ledger("postgresql://127.0.0.1:1/test", origin="operator.example/a/1")


def test_the_database_itself_refuses_gaps_changes_and_deletes(ledger: Ledger, postgres: str) -> None:
    """Even a superuser who goes around the two doors meets triggers that keep the sequence append-only."""
    ledger.append([b"a"], tags=["t"])
    ledger.swap_head(None, b"head")
    schema = schema_name(ledger.origin)
    for statement, words in (
        ("INSERT INTO {}.ledger_entries VALUES (5, '')", "without gaps"),
        ("INSERT INTO {}.ledger_entries VALUES (1, ''), (3, '')", "without gaps"),
        ("UPDATE {}.ledger_entries SET entry = ''", "ledger entries are never changed"),
        ("DELETE FROM {}.ledger_entries", "DELETE is refused"),
        ("TRUNCATE {}.ledger_entries", "TRUNCATE is refused"),
        ("DELETE FROM {}.ledger_tags", "never changed"),
        ("UPDATE {}.ledger_about SET value = 'x'", "never changed"),
        ("DELETE FROM {}.ledger_head", "never changed"),
        ("DELETE FROM {}.ledger_turn", "never changed"),
    ):
        with pytest.raises(psycopg.errors.RaiseException, match=words):
            administer(postgres, statement, schema)
    assert (b"a",) == ledger.read(0, 9)


def test_opening_adds_the_callers_tables_once(ledger: Ledger, postgres: str) -> None:
    """`schema` at open may be repeated, and cannot touch the ledger's own tables."""
    later = ("CREATE TABLE IF NOT EXISTS later (x INTEGER) STRICT", "CREATE INDEX IF NOT EXISTS later_x ON later (x)")
    for _ in range(2):
        with open_ledger(postgres, origin=ledger.origin, schema=later) as again:
            again.transact(lambda tx: tx.execute("INSERT INTO later VALUES (1)"))
    assert [(2,)] == ledger.reader().query("SELECT count(*) FROM later")
    with pytest.raises(AssertionError, match="belongs to the ledger"):
        open_ledger(postgres, origin=ledger.origin, schema=("DROP TABLE ledger_entries",))


def test_a_failed_statement_ends_its_function_alone(ledger: Ledger) -> None:
    """A broken constraint, noticed late, undoes its own function; those before and after it in the batch stand."""
    ledger.transact(lambda tx: tx.execute("CREATE TABLE once (n INTEGER PRIMARY KEY)"))
    hold = threading.Event()
    ledger.submit(lambda tx: hold.wait(5))

    def take(number: int, entry: bytes) -> Future[int]:
        def fn(tx: Transaction) -> int:
            index = tx.append(entry)
            tx.execute("INSERT INTO once VALUES (?)", (number,))
            return index

        return ledger.submit(fn)

    def swallow(tx: Transaction) -> str:
        try:
            tx.execute("SELECT 1 FROM nowhere")
        except psycopg.Error:
            tx_failed.append(True)
        return "as if nothing had happened"

    tx_failed: list[bool] = []
    futures = [take(1, b"first"), take(1, b"again"), take(2, b"second"), ledger.submit(swallow), take(3, b"third")]
    late = ledger.submit(lambda tx: tx.execute("INSERT INTO once VALUES (2)"))
    read = ledger.submit(lambda tx: tx.execute("SELECT n FROM once ORDER BY n"))
    hold.set()

    assert [0, 1, 2] == [futures[index].result(5) for index in (0, 2, 4)]
    for failed in (futures[1], late):
        assert isinstance(failed.exception(5), psycopg.errors.UniqueViolation)
    assert isinstance(futures[3].exception(5), psycopg.errors.UndefinedTable)
    assert [True] == tx_failed
    assert [(1,), (2,), (3,)] == read.result(5)
    assert (b"first", b"second", b"third") == ledger.read(0, 9)


def test_a_transaction_reads_its_own_entries(ledger: Ledger) -> None:
    """What a function appended is in the tables when it looks, and is gone from them when it fails afterwards."""

    def look(tx: Transaction) -> object:
        tx.append(b"b", tags=["t"])
        return tx.execute("SELECT position, entry FROM ledger_entries ORDER BY position"), tx.position(["t", "u"]).seen

    def fails(tx: Transaction) -> None:
        look(tx)
        raise ValueError("after looking")

    ledger.append([b"a"])
    with pytest.raises(ValueError, match="after looking"):
        ledger.transact(fails)
    assert ([(0, b"a"), (1, b"b")], 1) == ledger.transact(look)
    assert (b"a", b"b") == ledger.read(0, 9)


def test_entries_that_were_read_back_survive_the_failure_of_the_next(ledger: Ledger) -> None:
    """Undoing a function that wrote brings back what earlier ones of its batch had in the tables, and leaves no tag."""
    hold = threading.Event()
    ledger.submit(lambda tx: hold.wait(5))

    def look(tx: Transaction) -> object:
        tx.append(b"kept", tags=["kept"])
        return tx.execute("SELECT entry FROM ledger_entries")

    def fails(tx: Transaction) -> None:
        tx.append(b"gone", tags=["gone"])
        tx.execute("INSERT INTO spend VALUES (?, ?)", ("x", 1))
        raise ValueError("after writing")

    looked, failed = ledger.submit(look), ledger.submit(fails)
    after = ledger.submit(lambda tx: tx.append(b"after", tags=["after"]))
    hold.set()

    assert [(b"kept",)] == looked.result(5)
    assert isinstance(failed.exception(5), ValueError)
    assert 1 == after.result(5)
    assert (b"kept", b"after") == ledger.read(0, 9)
    assert [((0, b"kept"),), (), ((1, b"after"),)] == [ledger.tagged(t).entries for t in ("kept", "gone", "after")]


@pytest.mark.parametrize("setting", ["off", "local", "remote_write"])
def test_a_roles_habit_of_not_waiting_is_overridden(ledger: Ledger, postgres: str, setting: str) -> None:
    """Where a role's default is not to wait for the disk, the ledger's connections wait all the same."""
    with role(postgres, "hasty") as hasty:
        administer(postgres, "ALTER ROLE {} SUPERUSER", hasty)
        administer(postgres, f"ALTER ROLE {{}} SET synchronous_commit = '{setting}'", hasty)
        with open_ledger(as_user(postgres, hasty), origin=ledger.origin) as opened:
            found = opened.transact(lambda tx: tx.execute("SELECT current_setting('synchronous_commit')"))
        assert [("on",)] == found


def granted(postgres: str, ledger: Ledger, stack: ExitStack) -> dict[str, str]:
    """Run the how-to page's own statements for this ledger; the three roles' names."""
    names = {name: stack.enter_context(role(postgres, name)) for name in ("comity_writer", "comity_reader")}
    blocks = re.findall(r"```sql\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), flags=re.DOTALL)
    grants = next(block for block in blocks if "GRANT EXECUTE" in block)
    grants = grants.replace(':"schema"', f'"{schema_name(ledger.origin)}"')
    for name, unique in names.items():
        grants = grants.replace(name, unique)
    for statement in filter(None, map(str.strip, grants.split(";"))):
        administer(postgres, statement)
    return names


def test_a_writers_role_writes_and_can_change_nothing(ledger: Ledger, postgres: str) -> None:
    """The role that the how-to page gives to gateways serves both doors and the publisher's head;
    the past, the tables' definition and the triggers are out of its reach even beside Comity.
    """
    with ExitStack() as stack:
        writer = granted(postgres, ledger, stack)["comity_writer"]
        schema = schema_name(ledger.origin)
        with open_ledger(as_user(postgres, writer), origin=ledger.origin, schema=(SPEND_TABLE,)) as opened:
            assert (0,) == opened.append([b"a"], tags=["t"])
            opened.transact(lambda tx: tx.execute("INSERT INTO spend VALUES (?, ?)", ("x", 1)))
            opened.transact(lambda tx: tx.execute("UPDATE spend SET amount = amount + 1"))
            opened.swap_head(None, b"one")
            with pytest.raises(HeadMoved):
                opened.swap_head(None, b"two")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                opened.transact(lambda tx: tx.execute("CREATE TABLE mine (n INTEGER)"))
        newer = (SPEND_TABLE, "CREATE TABLE IF NOT EXISTS newer (n INTEGER)")
        with pytest.raises(NotALedger, match="open it once as the role that owns it"):
            open_ledger(as_user(postgres, writer), origin=ledger.origin, schema=newer)
        for statement in (
            "UPDATE {}.ledger_entries SET entry = ''",
            "DELETE FROM {}.ledger_entries",
            "TRUNCATE {}.ledger_entries",
            "UPDATE {}.ledger_head SET note = ''",
            "INSERT INTO {}.ledger_head VALUES (1, '')",
            "DELETE FROM {}.ledger_tags",
            "DELETE FROM {}.ledger_turn",
            "INSERT INTO {}.ledger_about VALUES ('a', 'b')",
            "ALTER TABLE {}.ledger_entries DISABLE TRIGGER ALL",
            "DROP TRIGGER ledger_no_gap ON {}.ledger_entries",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                administer(as_user(postgres, writer), statement, schema)


def test_a_readers_role_reads_and_cannot_take_the_turn(ledger: Ledger, postgres: str) -> None:
    """The role that the how-to page gives to projections sees entries, and can neither write nor hold writers up."""
    ledger.append([b"a"])
    with ExitStack() as stack:
        reader = as_user(postgres, granted(postgres, ledger, stack)["comity_reader"])
        schema = schema_name(ledger.origin)
        assert [(1,)] == administer(reader, "SELECT count(*) FROM {}.ledger_entries", schema)
        for statement in (
            "INSERT INTO {}.ledger_entries VALUES (1, '')",
            "INSERT INTO {}.spend VALUES ('x', 1)",
            "SELECT {}.ledger_begin()",
            "SELECT {}.ledger_swap_head(NULL, '')",
            "SELECT 1 FROM {}.ledger_turn FOR UPDATE",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                administer(reader, statement, schema)
        with open_ledger(reader, origin=ledger.origin) as opened:
            assert (b"a",) == opened.read(0, 9)
            with pytest.raises(NotDurable, match="permission denied") as refused:
                opened.append([b"b"])
            assert "absent" == refused.value.state


def test_a_ledger_in_a_database_is_published_and_its_receipts_hold(
    ledger: Ledger, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Publisher, witnesses, tiles and receipts are as for a file, and go on after everything was opened again."""
    monkeypatch.setattr(world, "ORIGIN", ledger.origin)
    story = world.World(tmp_path)
    try:
        for size, opened in ((3, ledger), (300, open_ledger(postgres, origin=ledger.origin))):
            story.ledger.close()
            story.ledger = opened
            story.publisher = story.new_publisher()
            story.append([b"entry %d" % number for number in range(opened.size(), size)])
            outcome = story.publisher.publish_once()
            assert isinstance(outcome, Published), outcome
            assert size == outcome.size == story.check_everything()
    finally:
        story.close()


WRITER = textwrap.dedent(
    """
    import sys
    from comity.ledger import open_ledger
    name, count = sys.argv[3], int(sys.argv[4])
    with open_ledger(sys.argv[1], origin=sys.argv[2]) as ledger:
        sys.stdin.readline()
        futures = []
        for number in range(count):
            futures.append(ledger.submit(lambda tx, number=number: tx.append(f"{name} {number}".encode())))
            if len(futures) == 5:
                print(*[future.result() for future in futures])
                futures = []
    """
)


def test_two_processes_on_one_ledger_skip_no_index_and_give_none_twice(ledger: Ledger, postgres: str) -> None:
    """Writers in separate processes share one sequence;
    each finds its own entries where it was told they are.
    """
    count = 150
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, postgres, ledger.origin, name, str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for name in ("left", "right")
    ]  # fmt: skip
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [[int(word) for word in child.communicate(timeout=60)[0].split()] for child in children]

    assert [0, 0] == [child.returncode for child in children]
    assert list(range(2 * count)) == sorted(told[0] + told[1])
    entries = ledger.read(0, 2 * count)
    for name, indexes in zip(("left", "right"), told, strict=True):
        assert [f"{name} {number}".encode() for number in range(count)] == [entries[index] for index in indexes]


@pytest.mark.slow
def test_a_server_that_does_not_sync_is_refused() -> None:
    """With `fsync=off` nothing is created or opened, and a server that is switched to it takes no more entries."""
    origin = new_origin()
    with Server() as server:
        server.start("fsync=off")
        with pytest.raises(NotALedger, match="fsync=off"):
            create_ledger(server.address, origin=origin)
        server.crash()
        server.start()
        with create_ledger(server.address, origin=origin) as ledger:
            ledger.append([b"a"])
            administer(server.address, "ALTER SYSTEM SET fsync = off")
            administer(server.address, "SELECT pg_reload_conf()")
            with pytest.raises(NotDurable, match="fsync=off") as refused:
                for _ in range(1_000):
                    ledger.append([b"until the server has read its settings"])
            assert "absent" == refused.value.state
