"""Memory of Comity over many calls, and its cost per call beside a ledger that has grown.

A ledger is grown through the ledger's own door: after real calls through the gateway have left their entries, rows and
sealed items, copies of them are appended under new indexes until the size is reached, entries and rows together, so
that no table stays small beside a long ledger.  What is copied differs from what new calls would leave in this only:
times, commitments and sealed bytes repeat.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.load.wrk import Round, Target, measure, middle
from benchmarks.measures.calls import Effort, line
from benchmarks.peers.comity import Arranged, Served
from benchmarks.peers.machine import Cores, cpu_seconds, resident_mb

from comity.gateway import open_arrangement
from comity.ledger import Ledger, Transaction

__all__ = ["grow", "measure_ledger_size", "measure_memory"]

CONNECTIONS: Final = 32
ROW_PER_CALL: Final = {"gate_call": "permit", "vault_item": "call"}
"""The gateway's tables that grow with the calls, and the column that holds the call's number."""
SUMS: Final = """UPDATE gate_sum SET calls = (SELECT count(*) FROM gate_call),
    input_tokens = (SELECT sum(input_tokens) FROM gate_call),
    output_tokens = (SELECT sum(output_tokens) FROM gate_call),
    cost_nano = (SELECT sum(cost_nano) FROM gate_call) WHERE span = 'all'"""
CALLS_A_COMMIT: Final = 2_000
IDLE_SECONDS: Final = 1.0
STARTED_SECONDS: Final = 180.0


def measure_memory(target: Target, milestones: Sequence[int], at: Cores, folder: Path) -> dict[str, Any]:
    """Resident memory of one gateway after so many calls at 32 connections; keys are the calls really made."""
    found: dict[str, float] = {}
    calls = 0
    for milestone in milestones:
        while calls < milestone:
            seen = measure(target, connections=CONNECTIONS, seconds=2, core=at.load, folder=folder)
            calls += seen.answers - seen.wrong
        found[str(calls)] = round(resident_mb(target.pid), 1)
    first, last = next(iter(found.values())), list(found.values())[-1]
    return {"rss_mb_after_calls": found, "last_over_first": round(last / first, 3)}


def grow(ledger_file: Path, entries: int) -> None:
    """Append copies of the newest settled call of a ledger, with its rows and sealed items, up to a size."""
    with open_arrangement(ledger_file) as ledger:
        size = ledger.size()
        recent = list(enumerate(ledger.read(max(0, size - 64), size), max(0, size - 64)))
        settled = next(entry for _, entry in reversed(recent) if b'"kind":"call.settled"' in entry)
        permit = next(index for index, _ in recent if b'"permit":%d,' % index in settled)
        permitted = dict(recent)[permit]
        named = b'"permit":%d,' % permit

        copies = [_copying(ledger, table, column) for table, column in ROW_PER_CALL.items()]

        def copy(tx: Transaction, calls: int) -> None:
            for _ in range(calls):
                index = tx.append(permitted)
                for statement in copies:
                    tx.execute(statement, (index, permit))
                tx.append(settled.replace(named, b'"permit":%d,' % index))

        while (missing := (entries - ledger.size()) // 2) > 0:
            ledger.transact(partial(copy, calls=min(missing, CALLS_A_COMMIT)))
        ledger.transact(lambda tx: tx.execute(SUMS))


def _copying(ledger: Ledger, table: str, column: str) -> str:
    """A statement that copies one call's rows of a table to another call's number."""
    with closing(ledger.reader()) as reader:
        names = [row[0] for row in reader.query("SELECT name FROM pragma_table_info(?)", (table,))]
    rest = ", ".join("?" if name == column else f'"{name}"' for name in names)
    return f"INSERT INTO {table} SELECT {rest} FROM {table} WHERE {column} = ?"


def _wait_until_idle(pid: int) -> float:
    """Wait until a process that has started does nothing more; how long that took."""
    began = time.monotonic()
    before = cpu_seconds(pid)
    while time.monotonic() - began < STARTED_SECONDS:
        time.sleep(IDLE_SECONDS)
        now = cpu_seconds(pid)
        if now - before < IDLE_SECONDS / 10:
            break
        before = now
    return time.monotonic() - began


def measure_ledger_size(
    arranged: Arranged, upstream: str, effort: Effort, at: Cores, folder: Path, say: Callable[[str], None], *,
    package: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Rates and latencies at 1 and 32 connections, each size of ledger behind a gateway of its own, rounds in turns."""
    load = partial(measure, core=at.load, folder=folder)
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        gateways: dict[int, Served] = {}
        for entries in effort.ledger_sizes:
            home = arranged.copy(f"size-{entries}")
            with arranged.served(home, upstream, at, package=package) as served:
                load(served.target, connections=CONNECTIONS, seconds=1)
            began = time.monotonic()
            grow(served.ledger, entries)
            grown = time.monotonic() - began
            again = arranged.served(home, upstream, at, granted=True, package=package)
            gateways[entries] = served = stack.enter_context(again)
            idle = _wait_until_idle(served.target.pid)
            load(served.target, connections=CONNECTIONS, seconds=effort.warm_seconds)
            size = served.ledger.stat().st_size / 1e6
            found[str(entries)] = {
                "megabytes": round(size, 1),
                "grown_s": round(grown, 1),
                "idle_after_start_s": round(idle, 1),
            }
        for connections in (1, CONNECTIONS):
            rounds: dict[int, list[Round]] = {entries: [] for entries in gateways}
            for _ in range(effort.rounds):
                for entries, served in gateways.items():
                    rounds[entries].append(load(served.target, connections=connections, seconds=effort.seconds))
            for entries, seen in rounds.items():
                found[str(entries)][f"c{connections}"] = middle(seen)
                say(line(f"{entries:,} entries, {connections:2}", middle(seen)))
    return found
