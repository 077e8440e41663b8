"""What was acknowledged is never lost: power cuts, killed processes, full and failing disks."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Literal

import pytest
from lossy_disk import LossyDisk

from comity.ledger import sqlite
from comity.ledger.sqlite import SqliteLedger, create_ledger, open_ledger
from comity.ledger.store import Ledger, NotDurable, Transaction

ORIGIN = "operator.example/a/1"
COUNTER = "CREATE TABLE spend (amount INTEGER)"
_names = count()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    create_ledger(path, origin=ORIGIN, schema=(COUNTER,)).close()
    return path


@pytest.fixture
def disk() -> Iterator[LossyDisk]:
    disk = LossyDisk(f"lossy-{next(_names)}")
    yield disk
    disk.unregister()


def record(entry: bytes, tx: Transaction) -> int:
    """One decision: a row of the caller's own and an entry, together."""
    tx.execute("INSERT INTO spend (amount) VALUES (1)")
    return tx.append(entry)


class Load:
    """Threads that submit without pause, and the list of what was acknowledged to them."""

    def __init__(self, ledger: Ledger, *, threads: int = 4) -> None:
        self.acknowledged: dict[int, bytes] = {}
        self._ledger = ledger
        self._go_on = True
        self._threads = [threading.Thread(target=self._submit, args=(number,)) for number in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._go_on = False
        for thread in self._threads:
            thread.join()

    def _submit(self, who: int) -> None:
        for number in count():
            if not self._go_on:
                return
            entry = f"{who} {number} ".encode() * 40
            index = self._ledger.transact(lambda tx, entry=entry: record(entry, tx))  # type: ignore[misc]
            self.acknowledged[index] = entry

    def wait_for(self, entries: int) -> None:
        while len(self.acknowledged) < entries:
            threading.Event().wait(0.001)


def lost_after_power_cut(
    path: Path, disk: LossyDisk, *, synchronous: Literal["FULL", "OFF"], rounds: int = 6
) -> tuple[int, int]:
    """Cut the power `rounds` times under load; returns how many acknowledged entries there were,
    and were gone.
    """
    told = gone = 0
    with SqliteLedger(path, vfs=disk.name, synchronous=synchronous) as ledger, Load(ledger) as load:
        for number in range(rounds):
            load.wait_for(40 * (number + 1))
            acknowledged = dict(load.acknowledged)
            choice = random.Random(number)
            odds = (0.0, 0.5, 0.9)[number % 3]
            wreck = path.parent / f"wreck-{number}"
            disk.after_power_loss(wreck, keeps=lambda odds=odds, choice=choice: choice.random() < odds)  # type: ignore[misc]
            with open_ledger(wreck / path.name) as found:
                entries = found.read(0, found.size())
                assert [(len(entries),)] == found.reader().query("SELECT count(*) FROM spend")
                assert (len(entries),) == found.append([b"after"])
            told += len(acknowledged)
            gone += sum(not (index < len(entries) and entries[index] == e) for index, e in acknowledged.items())
    return told, gone


@pytest.mark.slow
@pytest.mark.parametrize("fold_at", [1_000, 8], ids=["log kept", "log folded in often"])
def test_a_power_cut_loses_nothing_that_was_acknowledged(
    path: Path, disk: LossyDisk, fold_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the disk forgets of unsynced writes, in any order, each acknowledged entry is at its index,
    rows and entries agree, and the ledger goes on from there."""
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", fold_at)
    told, gone = lost_after_power_cut(path, disk, synchronous="FULL")
    assert told > 200
    assert 0 == gone


def test_without_syncs_the_same_power_cut_loses_acknowledged_entries(path: Path, disk: LossyDisk) -> None:
    """The test above can see a missing sync: with `synchronous=OFF` it finds losses."""
    with SqliteLedger(path, vfs=disk.name, synchronous="OFF") as ledger:
        acknowledged = [ledger.transact(lambda tx: record(b"promised", tx)) for _ in range(20)]
        disk.after_power_loss(path.parent / "wreck")
    with open_ledger(path.parent / "wreck" / path.name) as found:
        assert found.size() < len(acknowledged)


def test_each_lone_transaction_is_synced_before_it_is_acknowledged(path: Path, disk: LossyDisk) -> None:
    """At queue depth one there is at least one sync per acknowledged transaction, and not many more."""
    with SqliteLedger(path, vfs=disk.name) as ledger:
        ledger.append([b"first"])
        before = disk.syncs
        for _ in range(20):
            ledger.append([b"x"])
        assert 20 <= disk.syncs - before <= 22


def test_a_full_disk_acknowledges_nothing_and_the_ledger_recovers(path: Path, disk: LossyDisk) -> None:
    """When the disk is full every caller of the batch gets `NotDurable`, nothing of it is in the ledger,
    and once there is room the next entry takes the next index."""
    with SqliteLedger(path, vfs=disk.name) as ledger:
        ledger.append([b"before"])
        hold = threading.Event()
        ledger.submit(lambda tx: hold.wait(5))
        futures = [ledger.submit(lambda tx: record(b"x" * 5_000, tx)) for _ in range(10)]
        disk.writes_left = 3
        hold.set()
        for future in futures:
            failure = future.exception(timeout=5)
            assert isinstance(failure, NotDurable)
            assert "absent" == failure.state
        disk.writes_left = None

        assert (b"before",) == ledger.read(0, 99)
        assert 1 == ledger.transact(lambda tx: record(b"after", tx))
        assert [(1,)] == ledger.reader().query("SELECT count(*) FROM spend")
        disk.after_power_loss(path.parent / "wreck")
    with open_ledger(path.parent / "wreck" / path.name) as found:
        assert (b"before", b"after") == found.read(0, 99)


def test_after_a_failed_sync_nothing_more_is_acknowledged(path: Path, disk: LossyDisk) -> None:
    """A sync that fails leaves the disk's state unknown: its batch and everything later gets `NotDurable`,
    and reopening finds one consistent history that holds all that was acknowledged before."""
    with SqliteLedger(path, vfs=disk.name) as ledger:
        ledger.append([b"before"])
        disk.sync_fails = True
        with pytest.raises(NotDurable, match="start this process again") as failed:
            ledger.append([b"during"])
        assert "unknown" == failed.value.state
        disk.sync_fails = False
        with pytest.raises(NotDurable, match="start this process again") as failed:
            ledger.append([b"later"])
        assert "absent" == failed.value.state
        disk.after_power_loss(path.parent / "wreck", keeps=lambda: True)
    for copy in (path.parent / "wreck" / path.name, path):
        with open_ledger(copy) as found:
            assert found.read(0, 99) in ((b"before",), (b"before", b"during"))
            found.append([b"after"])


CHILD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from comity.ledger.sqlite import open_ledger
    ledger = open_ledger(Path(sys.argv[1]))
    name, waiting, number = sys.argv[2], [], 0
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
def test_kill_minus_nine_loses_nothing_that_was_acknowledged(path: Path) -> None:
    """Twenty times a process is killed while it appends: all it had acknowledged is there, once,
    in its place.
    """
    seen = 0
    for number in range(20):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), f"child-{number}"],
            stdout=subprocess.PIPE,
            env={**os.environ},
        )
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(20 + 7 * number)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().split(b"\n")
        child.stdout.close()
        child.wait()
        acknowledged = [int(line) for line in lines if line.strip().isdigit()][:-1]  # the last line may be cut short
        with open_ledger(path) as found:
            size = found.size()
            assert acknowledged == list(range(seen, seen + len(acknowledged)))
            entries = found.read(seen, size)
            mine = [f"child-{number} {n} ".encode() * 20 for n in range(len(entries))]
            assert mine == list(entries)
            assert size >= seen + len(acknowledged)
            assert [(size,)] == found.reader().query("SELECT count(*) FROM spend")
        seen = size
    assert seen > 1_000
