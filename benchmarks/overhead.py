"""What plan, gateway, ledger and sealing cost a run, beside Inspect alone on the same questions.

    python -m benchmarks.overhead [--rounds 5] [--items 120] [--connections 4] [--ms 200] [--json]

A model on this machine answers each call 200 ms after it was asked.  The same items go to it twice a round: by Inspect
alone (`benchmarks.load.bare_inspect`), and by `comity run` under a frozen plan through `comity serve` with everything
on: a durable permit before each call, a durable settlement before each answer, sealing to two recipients, the
reconciliation and the committed scores at the end.  Each is a process of its own, timed from its start to its end, with
all that it loads.  The rounds alternate, and each begins with the other one; the middle of the rounds counts.

`overhead` is how much longer the run takes, as a share: 0.10 is a tenth.  `seconds` are the walls, `inside` is the run
without the start of its process, and `before` is what making and freezing the plan took, which is done once.

Not shown: a model that is slower or faster, another number of connections, or gateway and evaluator on two machines,
where the processor that both share here is not shared.
"""

import argparse
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.load.wrk import MODEL
from benchmarks.peers import comity
from benchmarks.peers.machine import BENCH, ROOT, CannotMeasure, Cores, cores, describe, started

__all__ = ["TARGET", "measure_overhead", "overhead_of"]

TARGET: Final = 0.10
"""What is aimed at: a tenth of the time of Inspect alone."""
FOLDER: Final = BENCH / "overhead"
PLAN: Final = "plan.yaml"
SECONDS: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run of each, in seconds from start to end."""

    bare: float
    run: float
    inside: float
    """What the run says of itself: without the start of its process."""


def overhead_of(rounds: Sequence[Round]) -> dict[str, Any]:
    """The shares and the middles of the rounds."""
    bare, run = (statistics.median(getattr(one, name) for one in rounds) for name in ("bare", "run"))
    shares = sorted(one.run / one.bare - 1 for one in rounds)
    overhead = round(run / bare - 1, 4)
    return {
        "overhead": overhead,
        "overhead_rounds": [round(share, 4) for share in shares],
        "seconds": {"bare": round(bare, 3), "run": round(run, 3)},
        "inside": round(statistics.median(one.inside for one in rounds), 3),
        "target": TARGET,
        "reached": overhead <= TARGET,
    }


def measure_overhead(
    *, rounds: int = 5, items: int = 120, connections: int = 4, milliseconds: int = 200, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure it; raises `CannotMeasure` where this machine does not let us."""
    at = cores()
    shutil.rmtree(FOLDER, ignore_errors=True)
    with _model(milliseconds, at) as url:
        arranged = comity.arrange(FOLDER / "comity", url)
        with arranged.served(arranged.copy("overhead"), url, at) as served:
            gateway = served.url.partition("/a/")[0]
            before = _frozen(arranged, gateway, items, connections)
            found = []
            for number in range(rounds):
                took: dict[str, tuple[float, Any]] = {}
                for which in ("bare", "run") if number % 2 == 0 else ("run", "bare"):
                    took[which] = _bare(arranged, url, at, number) if which == "bare" else _run(arranged, gateway, at)
                _check(took["bare"][1], took["run"][1], items)
                inside = float(took["run"][1]["seconds"])
                found.append(Round(bare=took["bare"][0], run=took["run"][0], inside=inside))
                one = found[-1]
                say(f"  round {number + 1}: Inspect alone {one.bare:6.2f} s, comity run {one.run:6.2f} s "
                    f"({one.run / one.bare - 1:+.1%})")  # fmt: skip
    return {
        **overhead_of(found),
        "before": round(before, 3),
        "rounds": rounds,
        "items": items,
        "connections": connections,
        "model_ms": milliseconds,
        "machine": describe(FOLDER),
        "durability": comity.SETTINGS,
    }


def _check(bare: dict[str, Any], run: dict[str, Any], items: int) -> None:
    """Both asked every item, and the run's log and ledger agree: else the times are of something else."""
    if (bare["samples"], bare["status"]) != (items, "success"):
        raise CannotMeasure(f"Inspect alone did not finish: {bare}")
    if (run["counts"]["judged"], run["status"], run["differences"]) != (items, "success", []):
        raise CannotMeasure(f"the run did not finish: {run['counts']}, {run['status']}, {run['differences'][:3]}")


def _frozen(arranged: comity.Arranged, gateway: str, items: int, connections: int) -> float:
    """A plan, made and frozen; how long both commands took."""
    plan, began = FOLDER / PLAN, time.perf_counter()
    home = arranged.folder / "evaluator"
    _command(home, "plan", "new", "--arrangement", arranged.id, "--protocol", "openai", "--model", MODEL,
             "--items", str(items), "--out", str(plan))  # fmt: skip
    text = plan.read_text()
    assert "connections: 4" in text
    plan.write_text(text.replace("connections: 4", f"connections: {connections}"))
    _command(home, "plan", "freeze", str(plan), "--gateway", gateway)
    return time.perf_counter() - began


def _run(arranged: comity.Arranged, gateway: str, at: Cores) -> tuple[float, dict[str, Any]]:
    home = arranged.folder / "evaluator"
    return _timed(at, "-m", "comity", "--home", str(home), "run", str(FOLDER / PLAN), "--gateway", gateway, "--json")


def _bare(arranged: comity.Arranged, url: str, at: Cores, number: int) -> tuple[float, dict[str, Any]]:
    plan, logs = FOLDER / PLAN, FOLDER / "bare" / str(number)
    logs.mkdir(parents=True)
    return _timed(at, "-m", "benchmarks.load.bare_inspect", str(plan), f"{plan}.seed", "--url", url,
                  "--log-dir", str(logs))  # fmt: skip


def _command(home: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "comity", "--home", str(home), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        raise CannotMeasure(f"'comity {' '.join(arguments[:2])}' failed: {done.stderr[-1500:]}")


def _timed(at: Cores, *arguments: str) -> tuple[float, dict[str, Any]]:
    """How long a process takes from start to end, and the JSON of its last line."""
    command = ["taskset", "--cpu-list", str(at.load), sys.executable, *arguments]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=SECONDS)
    took = time.perf_counter() - began
    if done.returncode:
        raise CannotMeasure(f"'{' '.join(arguments[:3])}' failed: {done.stdout[-500:]} {done.stderr[-1500:]}")
    return took, json.loads(done.stdout.strip().splitlines()[-1])


@contextlib.contextmanager
def _model(milliseconds: int, at: Cores) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.load.slow_model", "--ms", str(milliseconds)]
    with started(command, core=at.load, log=FOLDER / "model.log", cwd=ROOT, piped=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}/v1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--items", type=int, default=120)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--ms", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object, last")
    asked = parser.parse_args(arguments)
    try:
        found = measure_overhead(
            rounds=asked.rounds, items=asked.items, connections=asked.connections, milliseconds=asked.ms, say=print
        )
    except CannotMeasure as fault:
        print(f"not measured: {fault}", file=sys.stderr)
        raise SystemExit(1) from None
    walls = found["seconds"]
    print(f"Inspect alone {walls['bare']:.2f} s, comity run {walls['run']:.2f} s: {found['overhead']:+.1%} "
          f"(aimed at: at most {TARGET:.0%}); the plan took {found['before']:.2f} s before, once")  # fmt: skip
    if asked.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
