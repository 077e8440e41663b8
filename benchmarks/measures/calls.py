"""Calls: how many a second, how long each takes, and how much memory the peer has afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.load.wrk import Round, Target, measure, middle, round_seconds
from benchmarks.peers.machine import Cores, resident_mb

__all__ = ["CONNECTIONS", "FULL", "QUICK", "Effort", "line", "measure_calls", "ratios"]

CONNECTIONS: Final = (1, 32, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much time a run takes."""

    rounds: int
    seconds: float
    warm_seconds: float
    events: int
    memory_calls: tuple[int, ...]
    ledger_sizes: tuple[int, ...]


FULL: Final = Effort(
    rounds=3,
    seconds=4,
    warm_seconds=3,
    events=100,
    memory_calls=(10_000, 50_000, 100_000),
    ledger_sizes=(10_000, 1_000_000),
)
QUICK: Final = Effort(
    rounds=1, seconds=3, warm_seconds=1, events=25, memory_calls=(2_000, 10_000), ledger_sizes=(10_000, 50_000)
)


def measure_calls(
    targets: Mapping[str, Target], effort: Effort, at: Cores, folder: Path, say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Each peer at each number of connections, the peers' rounds alternating; medians over the rounds.

    `added_p50_ms` and `added_p99_ms` are a percentile of the peer less the same percentile of `direct`, where that was
    measured.  Raises `CannotMeasure` where wrk does not run.
    """
    found: dict[str, dict[str, Any]] = {name: {} for name in targets}
    load = partial(measure, core=at.load, folder=folder)
    seen = {name: load(target, connections=32, seconds=effort.warm_seconds).rps for name, target in targets.items()}
    for connections in CONNECTIONS:
        rounds: dict[str, list[Round]] = {name: [] for name in targets}
        for _ in range(effort.rounds):
            for name, target in targets.items():
                seconds = round_seconds(effort.seconds, connections, seen[name])
                rounds[name].append(load(target, connections=connections, seconds=seconds))
                seen[name] = rounds[name][-1].rps
        for name in targets:
            figures = found[name][f"c{connections}"] = middle(rounds[name])
            if "direct" in found:
                plain = found["direct"][f"c{connections}"]
                for each in ("p50_ms", "p99_ms"):
                    figures[f"added_{each}"] = round(figures[each] - plain[each], 3)
            say(line(f"{name:8} {connections:4} connections", figures))
    for name, target in targets.items():
        found[name]["rss_mb"] = round(resident_mb(target.pid), 1)
    return found


def line(name: str, figures: Mapping[str, float]) -> str:
    """One row of the table."""
    wrong = f"   {figures['wrong']:.0f} WRONG" if figures["wrong"] else ""
    return (
        f"  {name:26} {figures['rps']:10,.1f} calls/s   ({figures['rps_min']:,.0f} to {figures['rps_max']:,.0f})"
        f"   p50 {figures['p50_ms']:9.3f} ms   p99 {figures['p99_ms']:9.3f} ms"
        f"   {figures['cpu_us']:9.1f} µs of its core{wrong}"
    )


def ratios(found: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Comity's rate at 32 connections over each peer's, of the same run's medians."""
    if "comity" not in found:
        return {}
    ours = found["comity"]["c32"]["rps"]
    others = {name: found[name]["c32"]["rps"] for name in found if name not in ("comity", "direct", "interpreted")}
    return {f"comity / {name}": round(ours / rate, 3) for name, rate in others.items() if rate}
