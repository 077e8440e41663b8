"""The SQLite store: the contract, and what is particular to a file that several processes share."""

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from contract import SPEND_TABLE, Reopen, StoreContract

from comity.ledger import sqlite_writer
from comity.ledger.sqlite import SqliteTooOld, create_ledger, open_ledger
from comity.ledger.store import Ledger, LedgerExists, LedgerMissing, NotALedger, NotDurable

ORIGIN = "operator.example/a/1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with create_ledger(path, origin=ORIGIN, schema=(SPEND_TABLE,)) as made:
        yield made


@pytest.fixture
def reopened(ledger: Ledger, path: Path) -> Iterator[Reopen]:
    opened: list[Ledger] = []

    def reopen() -> Ledger:
        ledger.close()
        opened.append(open_ledger(path))
        return opened[-1]

    yield reopen
    for each in opened:
        each.close()


class TestSqliteKeepsTheContract(StoreContract):
    """The contract, over one SQLite file."""


def test_a_ledger_is_created_once(path: Path) -> None:
    """Creating over an existing file is refused, whatever the file is, and leaves it as it was."""
    path.write_bytes(b"precious")
    with pytest.raises(LedgerExists, match="not overwritten"):
        create_ledger(path, origin=ORIGIN)
    assert b"precious" == path.read_bytes()


def test_a_missing_ledger_is_never_created_by_opening(path: Path) -> None:
    """Opening a ledger that is not there tells the operator to restore it and why; no file appears."""
    with pytest.raises(LedgerMissing, match="never create it anew: signing from a wrong size forks the ledger"):
        open_ledger(path)
    assert [] == list(path.parent.iterdir())


@pytest.mark.parametrize("content", [b"", b"not a database" * 100], ids=["empty", "text"])
def test_another_file_is_not_mistaken_for_a_ledger(path: Path, content: bytes) -> None:
    """An empty file or a text file is refused with advice."""
    path.write_bytes(content)
    with pytest.raises(NotALedger, match="restore it"):
        open_ledger(path)


def test_another_database_is_not_mistaken_for_a_ledger(path: Path) -> None:
    """A SQLite database of another program is refused."""
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(NotALedger, match="not 1131375921 and wal"):
        open_ledger(path)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\nbreak"])
def test_an_origin_that_no_checkpoint_could_carry_is_refused(path: Path, origin: str) -> None:
    """An origin is non-empty, without spaces or plus signs (signed-note key names)."""
    with pytest.raises(NotALedger, match="origin"):
        create_ledger(path, origin=origin)


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite before 3.51.3 is refused with the version found and the one needed."""
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(SqliteTooOld, match=r"3\.51\.2.*3\.51\.3"):
        create_ledger(path, origin=ORIGIN)


def test_the_file_is_private_and_nothing_else_is_left_beside_it(ledger: Ledger, path: Path) -> None:
    """The ledger's file has mode 600, and creating it leaves no draft."""
    assert 0o600 == path.stat().st_mode & 0o777
    ledger.close()
    assert [path] == list(path.parent.iterdir())


def test_the_database_itself_refuses_gaps_changes_and_deletes(ledger: Ledger, path: Path) -> None:
    """Even a program that goes around the two doors meets triggers that keep the sequence append-only."""
    ledger.append([b"a"])
    other = apsw.Connection(str(path))
    for statement, words in (
        ("INSERT INTO ledger_entries VALUES (5, x'00')", "without gaps"),
        ("UPDATE ledger_entries SET entry = x'00'", "never changed"),
        ("DELETE FROM ledger_entries", "never deleted"),
    ):
        with pytest.raises(apsw.ConstraintError, match=words):
            other.execute(statement)
    other.close()


def test_opening_adds_the_callers_tables_once(ledger: Ledger, path: Path) -> None:
    """`schema` at open may be repeated, and cannot touch the ledger's own tables."""
    ledger.close()
    for _ in range(2):
        with open_ledger(path, schema=("CREATE TABLE IF NOT EXISTS later (x)",)) as again:
            again.transact(lambda tx: tx.execute("INSERT INTO later VALUES (1)"))
    with pytest.raises(AssertionError, match="belongs to the ledger"):
        open_ledger(path, schema=("DROP TABLE ledger_entries",))


def test_the_write_ahead_log_is_folded_in_while_the_ledger_runs(ledger: Ledger, path: Path) -> None:
    """The log does not grow without bound under steady writing:
    batches of large entries keep it near 4 MB.
    """
    for _ in range(40):
        ledger.append([b"x" * 60_000] * 10)
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size < 12_000_000
    assert 400 == ledger.size()


def test_a_cancelled_await_leaves_the_ledger_working(ledger: Ledger) -> None:
    """A gateway task that is cancelled while it waits loses its answer, and nothing else."""

    async def story() -> int:
        tasks = [
            asyncio.ensure_future(asyncio.wrap_future(ledger.submit(lambda tx: tx.append(b"x")))) for _ in range(8)
        ]
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert 4 == sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        return await asyncio.wrap_future(ledger.submit(lambda tx: tx.append(b"after")))

    assert 8 == asyncio.run(story())


def test_a_lock_that_is_never_released_is_reported_as_not_recorded(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When another process holds the file too long nothing is recorded, the caller is told,
    and later work passes.
    """
    monkeypatch.setattr(sqlite_writer, "BUSY_SECONDS", 0.005)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotDurable, match="not recorded") as refused:
        ledger.append([b"a"])
    assert "absent" == refused.value.state
    other.execute("ROLLBACK")
    other.close()
    assert (0,) == ledger.append([b"b"])


WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from comity.ledger.sqlite import open_ledger
    name, count = sys.argv[2], int(sys.argv[3])
    with open_ledger(Path(sys.argv[1])) as ledger:
        sys.stdin.readline()
        for number in range(count):
            print(ledger.transact(lambda tx: tx.append(f"{name} {number}".encode())))
    """
)


def test_two_processes_on_one_file_skip_no_index_and_give_none_twice(ledger: Ledger, path: Path) -> None:
    """Writers in separate processes share one sequence;
    each finds its own entries where it was told they are.
    """
    count = 150
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), name, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ},
        )
        for name in ("left", "right")
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [[int(line) for line in child.communicate(timeout=30)[0].split()] for child in children]

    assert [0, 0] == [child.returncode for child in children]
    assert list(range(2 * count)) == sorted(told[0] + told[1])
    entries = ledger.read(0, 2 * count)
    for name, indexes in zip(("left", "right"), told, strict=True):
        assert [f"{name} {number}".encode() for number in range(count)] == [entries[index] for index in indexes]
