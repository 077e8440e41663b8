"""What was acknowledged by PostgreSQL is never lost, and what became of a broken commit is said truly."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from itertools import count
from urllib.parse import urlsplit

import pytest

from comity.ledger import create_ledger, open_ledger
from comity.ledger.store import Ledger, LedgerUnreachable, NotDurable, Transaction

psycopg = pytest.importorskip("psycopg", reason="needs psycopg, which comity[postgres] brings")

from cut_wire import CutWire, Loss  # noqa: E402
from postgres_server import Server, administer, drop, new_origin  # noqa: E402

from comity.ledger import postgres as store  # noqa: E402
from comity.ledger.postgres import schema_name  # noqa: E402

COUNTER = "CREATE TABLE IF NOT EXISTS spend (amount INTEGER NOT NULL) STRICT"


@pytest.fixture
def origin(postgres: str) -> Iterator[str]:
    origin = new_origin()
    create_ledger(postgres, origin=origin, schema=(COUNTER,)).close()
    yield origin
    drop(postgres, origin)


@pytest.fixture
def wire(postgres: str) -> Iterator[CutWire]:
    parts = urlsplit(postgres)
    wire = CutWire(parts.hostname or "127.0.0.1", parts.port or 5432)
    yield wire
    wire.close()


@pytest.fixture
def ledger(postgres: str, origin: str, wire: CutWire) -> Iterator[Ledger]:
    """A ledger that reaches its database over a wire that can be cut."""
    parts = urlsplit(postgres)
    user = f"{parts.username}@" if parts.username else ""
    address = parts._replace(netloc=f"{user}127.0.0.1:{wire.port}", query="sslmode=disable").geturl()
    with open_ledger(address, origin=origin) as opened:
        yield opened


def record(entry: bytes, tx: Transaction) -> int:
    """One decision: a row of the caller's own and an entry, together."""
    tx.execute("INSERT INTO spend VALUES (?)", (1,))
    return tx.append(entry)


def check_whole(ledger: Ledger) -> tuple[bytes, ...]:
    """Every entry, after seeing that rows and entries agree."""
    entries = ledger.read(0, ledger.size())
    reader = ledger.reader()
    assert [(len(entries), len(entries) - 1)] == reader.query("SELECT count(*), max(position) FROM ledger_entries")
    assert [(len(entries),)] == reader.query("SELECT count(*) FROM spend")
    reader.close()
    return entries


def batch_that_loses(ledger: Ledger, wire: CutWire, loss: Loss, *, for_good: bool = False) -> list[object]:
    """Submit three decisions that become one batch, whose COMMIT meets a cut wire; their outcomes."""
    hold = threading.Event()
    ledger.submit(lambda tx: hold.wait(5))

    def last(tx: Transaction) -> int:
        index = record(b"c", tx)
        tx.execute("SELECT 1")
        wire.lose(loss, for_good=for_good)
        return index

    futures = [ledger.submit(lambda tx: record(b"a", tx)), ledger.submit(lambda tx: record(b"b", tx))]
    futures.append(ledger.submit(last))
    hold.set()
    return [future.exception(30) or future.result() for future in futures]


def test_a_commit_whose_answer_is_lost_is_looked_up_and_stands(ledger: Ledger, wire: CutWire) -> None:
    """The server committed and the answer was lost: its callers get their indexes, once it was asked."""
    assert [0, 1, 2] == batch_that_loses(ledger, wire, "answer")
    assert 3 == ledger.transact(lambda tx: record(b"d", tx))
    assert (b"a", b"b", b"c", b"d") == check_whole(ledger)


def test_a_commit_that_never_arrived_is_looked_up_and_is_absent(ledger: Ledger, wire: CutWire) -> None:
    """The server never saw COMMIT: its callers are told that nothing was recorded, and nothing was."""
    outcomes = batch_that_loses(ledger, wire, "request")
    for outcome in outcomes:
        assert isinstance(outcome, NotDurable)
        assert "absent" == outcome.state
    assert 0 == ledger.transact(lambda tx: record(b"d", tx))
    assert (b"d",) == check_whole(ledger)


def test_a_commit_that_nobody_can_be_asked_about_is_unknown(
    ledger: Ledger, wire: CutWire, postgres: str, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was lost and the server is out of reach: `NotDurable` says unknown, later ones absent;
    once the server is back the ledger goes on by itself, with whatever was recorded.
    """
    monkeypatch.setattr(store, "DECIDE_SECONDS", 0.3)
    for outcome in batch_that_loses(ledger, wire, "answer", for_good=True):
        assert isinstance(outcome, NotDurable)
        assert "unknown" == outcome.state
    with pytest.raises(NotDurable, match="not recorded") as refused:
        ledger.append([b"x"])
    assert "absent" == refused.value.state
    wire.refuses = False
    assert 3 == ledger.transact(lambda tx: record(b"d", tx))
    assert (b"a", b"b", b"c", b"d") == check_whole(ledger)


def test_another_server_is_not_believed(ledger: Ledger, wire: CutWire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another server, or another history, answers after the break, a transaction's id means nothing there."""
    monkeypatch.setattr(store, "_CLUSTER", "SELECT 'another', '00000002'")
    for outcome in batch_that_loses(ledger, wire, "answer"):
        assert isinstance(outcome, NotDurable)
        assert "unknown" == outcome.state


def terminate(postgres: str, pid: int) -> None:
    """End a backend as an administrator does, and wait until it is gone."""
    administer(postgres, f"SELECT pg_terminate_backend({pid}, 5000)")


def test_a_backend_that_is_ended_in_the_middle_of_a_batch_leaves_nothing(ledger: Ledger, postgres: str) -> None:
    """Functions whose connection is ended under them are absent, all of the batch; the ledger then goes on."""

    def cut(tx: Transaction) -> int:
        index = record(b"during", tx)
        terminate(postgres, tx.execute("SELECT pg_backend_pid()")[0][0])
        return index

    def cut_and_look(tx: Transaction) -> object:
        cut(tx)
        try:
            return tx.execute("SELECT count(*) FROM spend")
        except Exception:
            return "swallowed"

    ledger.transact(lambda tx: record(b"before", tx))
    for fn in (cut, cut_and_look):
        with pytest.raises(NotDurable, match="not recorded") as refused:
            ledger.transact(fn)
        assert "absent" == refused.value.state
    assert 1 == ledger.transact(lambda tx: record(b"after", tx))
    assert (b"before", b"after") == check_whole(ledger)


def test_a_connection_that_broke_while_idle_is_made_again(ledger: Ledger, postgres: str) -> None:
    """Between batches nothing is under way: the next caller does not notice that the connection had been ended."""
    pid = ledger.transact(lambda tx: tx.execute("SELECT pg_backend_pid()"))[0][0]
    reader = ledger.reader()
    readers = reader.query("SELECT pg_backend_pid()")[0][0]
    for each in (pid, readers):
        terminate(postgres, each)
    assert 0 == ledger.transact(lambda tx: record(b"a", tx))
    assert [(1,)] == reader.query("SELECT count(*) FROM ledger_entries")
    reader.close()
    with pytest.raises(LedgerUnreachable, match="closed"):
        reader.query("SELECT 1")


def test_a_lock_that_is_never_released_is_reported_as_not_recorded(
    ledger: Ledger, postgres: str, origin: str
) -> None:
    """When somebody holds the turn too long nothing is recorded, the caller is told, and later work passes."""
    ledger._writer.wire.ask("SELECT set_config('lock_timeout', '50ms', false)")  # type: ignore[attr-defined]
    with psycopg.connect(postgres) as other:
        other.execute(f"SELECT 1 FROM {schema_name(origin)}.ledger_turn FOR UPDATE")
        with pytest.raises(NotDurable, match="lock timeout") as refused:
            ledger.append([b"a"])
        assert "absent" == refused.value.state
        other.rollback()
    assert 0 == ledger.transact(lambda tx: record(b"b", tx))


def test_readers_see_nothing_before_it_is_durable(ledger: Ledger) -> None:
    """While a batch runs its entries are invisible; once its future is resolved they are there."""
    wrote, go_on = threading.Event(), threading.Event()

    def slow(tx: Transaction) -> int:
        index = record(b"a", tx)
        tx.execute("SELECT count(*) FROM ledger_entries")  # brings the entry into the table
        wrote.set()
        go_on.wait(5)
        return index

    future = ledger.submit(slow)
    assert wrote.wait(5)
    assert (0, ()) == (ledger.size(), ledger.read(0, 9))
    go_on.set()
    assert 0 == future.result(5)
    assert (1, (b"a",)) == (ledger.size(), ledger.read(0, 9))


CHILD = textwrap.dedent(
    """
    import sys
    from comity.ledger import open_ledger
    ledger = open_ledger(sys.argv[1], origin=sys.argv[2])
    name, waiting, number = sys.argv[3], [], 0
    while True:
        entry = f"{name} {number} ".encode() * 20
        number += 1
        waiting.append(ledger.submit(lambda tx, entry=entry: (tx.execute("INSERT INTO spend VALUES (1)"),
        tx.append(entry))))
        if len(waiting) == 8:
            for future in waiting:
                print(future.result()[1], flush=False)
            sys.stdout.flush()
            waiting = []
    """
)


@pytest.mark.slow
def test_kill_minus_nine_loses_nothing_that_was_acknowledged(postgres: str, origin: str) -> None:
    """Ten times one of two writing processes is killed: all that was acknowledged is there, once, in its place,
    and the other one goes on.
    """

    def start(name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, postgres, origin, name],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    told: dict[str, list[int]] = {}

    def end(name: str, child: subprocess.Popen[bytes], lines: list[bytes]) -> None:
        assert child.stdout is not None
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().split(b"\n")
        child.stdout.close()
        child.wait()
        told[name] = [int(line) for line in lines if line.strip().isdigit()][:-1]  # the last may be cut short

    steady = start("steady")
    for number in range(10):
        child = start(f"child-{number}")
        assert child.stdout is not None
        end(f"child-{number}", child, [child.stdout.readline() for _ in range(20 + 7 * number)])
    end("steady", steady, [])

    with open_ledger(postgres, origin=origin) as ledger:
        entries = check_whole(ledger)
    assert sum(map(len, told.values())) > 500
    for name, indexes in told.items():
        mine = [index for index, entry in enumerate(entries) if entry.startswith(name.encode() + b" ")]
        assert [f"{name} {n} ".encode() * 20 for n in range(len(mine))] == [entries[index] for index in mine]
        assert indexes == mine[: len(indexes)]


@pytest.mark.slow
def test_a_crash_of_the_server_loses_nothing_that_was_acknowledged() -> None:
    """Three times and more the server crashes under load and comes back: each acknowledged entry is at its index, what
    was said to be absent is absent, rows and entries agree, and the ledger goes on by itself.

    It crashes again, a dozen times at most, until a crash has met a transaction that was known to be absent.
    """
    origin = new_origin()
    acknowledged: dict[int, bytes] = {}
    absent: list[bytes] = []
    enough = threading.Event()

    def load(ledger: Ledger, who: int) -> None:
        for number in count():
            if enough.is_set():
                return
            entry = f"{who} {number} ".encode() * 40
            try:
                acknowledged[ledger.transact(lambda tx, entry=entry: record(entry, tx))] = entry  # type: ignore[misc]
            except NotDurable as failed:
                if failed.state == "absent":
                    absent.append(entry)
                enough.wait(0.01)

    with Server() as server:
        server.start()
        with create_ledger(server.address, origin=origin, schema=(COUNTER,)) as ledger:
            threads = [threading.Thread(target=load, args=(ledger, who)) for who in range(4)]
            for thread in threads:
                thread.start()
            try:
                for number in range(12):
                    if number > 2 and absent:
                        break
                    while len(acknowledged) < 100 * (number + 1):
                        enough.wait(0.001)
                    server.crash()
                    server.start()
            finally:
                enough.set()
                for thread in threads:
                    thread.join()
            entries = check_whole(ledger)
    assert all(entries[index] == entry for index, entry in acknowledged.items())
    assert absent
    assert not set(absent) & set(entries)
