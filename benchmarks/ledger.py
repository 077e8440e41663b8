"""How fast a ledger records, against plain SQLite with the same durability, in the same run.

    python benchmarks/ledger.py [--rounds N] [--seconds S] [--json]

Four ways of writing the same 400-byte entries, each of which also raises a counter in a table of the caller's own:

- `ledger, one caller`: `submit(fn)`, and the next only when the last is durable;
- `ledger, 64 in flight`: the same with 64 calls waiting at once, which group commit serves together;
- `plain, one commit each`: the same two statements and a COMMIT for each, as a program without group commit does;
- `plain, 64 to a commit`: the same statements, 64 entries to each COMMIT: what the disk would allow at best.

All use the SQLite that apsw carries, WAL, synchronous=FULL and immediate transactions, in one folder of one disk.
Rounds of the ways alternate, so that a busy machine slows all of them; the middle round of each is reported.
Ratios travel between machines; rates do not.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Final

import apsw

from comity.ledger import Ledger, Transaction, create_ledger

ENTRY: Final = b'{"kind":"bench","filling":"' + b"x" * 371 + b'"}'
COUNTER: Final = "CREATE TABLE IF NOT EXISTS spent (only INTEGER PRIMARY KEY CHECK (only = 0), calls INTEGER NOT NULL)"
RAISE: Final = "INSERT INTO spent VALUES (0, 1) ON CONFLICT DO UPDATE SET calls = calls + 1"
IN_FLIGHT: Final = 64
FOLDER: Final = Path(__file__).resolve().parents[1] / ".bench"


def record(tx: Transaction) -> int:
    """What each call does to a ledger."""
    tx.execute(RAISE)
    return tx.append(ENTRY)


def through_ledger(path: Path, seconds: float, in_flight: int) -> float:
    """Entries a second through the ledger's door."""
    ledger: Ledger = create_ledger(path, origin="bench.example/a", schema=[COUNTER])
    open_calls: set[Future[int]] = set()
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        while len(open_calls) < in_flight:
            open_calls.add(ledger.submit(record))
        finished, open_calls = wait(open_calls, return_when=FIRST_COMPLETED)
        done += len([future.result() for future in finished])
    done += len([future.result() for future in open_calls])
    took = time.perf_counter() - began
    if ledger.size() != done:
        raise AssertionError(f"{done} calls returned and {ledger.size()} entries are recorded")
    ledger.close()
    return done / took


def through_plain_sqlite(path: Path, seconds: float, to_a_commit: int) -> float:
    """Entries a second into a table, with the ledger's own settings and nothing else of it."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE entries (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT; " + COUNTER)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(to_a_commit):
            connection.execute(RAISE)
            connection.execute("INSERT INTO entries (entry) VALUES (?)", (ENTRY,))
        connection.execute("COMMIT")
        done += to_a_commit
    took = time.perf_counter() - began
    connection.close()
    return done / took


WAYS: Final[dict[str, Callable[[Path, float], float]]] = {
    "ledger, one caller": lambda path, seconds: through_ledger(path, seconds, 1),
    f"ledger, {IN_FLIGHT} in flight": lambda path, seconds: through_ledger(path, seconds, IN_FLIGHT),
    "plain, one commit each": lambda path, seconds: through_plain_sqlite(path, seconds, 1),
    f"plain, {IN_FLIGHT} to a commit": lambda path, seconds: through_plain_sqlite(path, seconds, IN_FLIGHT),
}


def measure(rounds: int, seconds: float) -> dict[str, list[float]]:
    """Each way in each round, alternating, every time on a fresh file."""
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    FOLDER.mkdir(exist_ok=True)
    for _ in range(rounds):
        for name, way in WAYS.items():
            folder = Path(tempfile.mkdtemp(dir=FOLDER))
            try:
                rates[name].append(way(folder / "bench.sqlite", seconds))
            finally:
                shutil.rmtree(folder)
    return rates


def main() -> None:
    """Measure, and print rates and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each way runs in each round")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()

    rates = measure(asked.rounds, asked.seconds)
    middle = {name: statistics.median(found) for name, found in rates.items()}
    lone, many, plain, best = middle.values()
    ratios = {
        "ledger / plain, one caller, one commit each": lone / plain,
        f"ledger with {IN_FLIGHT} in flight / plain, one commit each": many / plain,
        f"ledger with {IN_FLIGHT} in flight / plain, {IN_FLIGHT} to a commit": many / best,
    }
    settings = f"SQLite {apsw.sqlite_lib_version()}, WAL, synchronous=FULL, BEGIN IMMEDIATE, {len(ENTRY)}-byte entries"
    if asked.json:
        print(json.dumps({"settings": settings, "entries_a_second": rates, "ratios": ratios}))
        return
    print(f"{settings}; {asked.rounds} rounds of {asked.seconds:g} s\n")
    for name, found in rates.items():
        print(f"  {name:28} {middle[name]:9,.0f} entries/s   (rounds {min(found):,.0f} to {max(found):,.0f})")
    print()
    for name, ratio in ratios.items():
        print(f"  {ratio:6.2f} × {name}")


if __name__ == "__main__":
    main()
