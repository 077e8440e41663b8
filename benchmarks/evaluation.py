"""How much the planner learns per query, whether what it says holds, and what running through Comity costs.

    python -m benchmarks.evaluation [--matrix FILE.csv]… [--quick] [--json] [--parts learning,counts,overhead,identity]

Settings are frozen: they were chosen on the matrices of shared/data, and a matrix that is named on the command line is
measured with the same ones.  Seeds are fixed.  Every query counts, those of undecided runs up to the cap included.

1. Queries to a decision: is the rate above a threshold that lies 10 or 20 points from it?  The power-analysed uniform
   design asks 263.  `uniform` is the sequence of bets on simple random sampling, `active` with history.
2. Queries for an error: those that the better of simple random sampling without replacement and proportional
   stratification by published topic needs for the same mean squared error, for each of ours.
3. Validity: at the boundary every decision is false.  Coverage is that of the betting interval at all times at once.
4. Overhead, and 5. identity: see `overhead.py` and `identity.py`.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.learning.cells import FIXED
from benchmarks.learning.counts import count_cells
from benchmarks.learning.matrices import LEAST_ITEMS, Table, Target, named_table, shared_tables, targets
from benchmarks.learning.one import measure
from benchmarks.overhead import measure_overhead
from benchmarks.peers.machine import BENCH, CannotMeasure

from comity.estimate import normal_quantile
from comity.evaluation.history import HistoryError

REPETITIONS: Final = 4_000
"""Of each cell, at least."""
ALPHA: Final = 0.05
PARTS: Final = ("learning", "counts", "overhead", "identity")


def learning(tables: Sequence[Table], repetitions: int, jobs: int) -> dict[str, Any]:
    """Parts 1 to 3, by matrix."""
    found: dict[str, Any] = {}
    with ProcessPoolExecutor(jobs) as pool:
        waiting = []
        for table in tables:
            own = targets(table)
            if not own:
                found[table.name] = {"skipped": "no model with five earlier ones of others, or all outcomes equal"}
                continue
            each = math.ceil(repetitions / (2 * len(own)))
            at_boundary = {0, len(own) // 2}
            made = [
                pool.submit(measure, target, each, repetitions if place in at_boundary else 0)
                for place, target in enumerate(own)
            ]
            waiting.append((table, own, made))
        for table, own, made in waiting:
            began = time.monotonic()
            found[table.name] = _summary(table, own, [one.result() for one in made])
            _say(f"{table.name}: {_line(found[table.name])} ({time.monotonic() - began:.0f} s)")
    return found


def _summary(table: Table, own: Sequence[Target], results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    banks = [len(target.outcomes) for target in own]
    summary: dict[str, Any] = {
        "models": len(table.subjects),
        "targets": len(own),
        "items": int(statistics.median(banks)),
        "counted": min(banks) >= LEAST_ITEMS,
        "history": int(statistics.median(len(target.history) for target in own)),
        "rules_off": list(table.rules.off()),
        "note": table.note,
    }
    for margin, name in (("0.1", "10"), ("0.2", "20")):
        for design in ("uniform", "active", *(["shuffled"] if margin == "0.1" else [])):
            asked = [question for one in results for question in one["decision"][margin][design]]
            queries = statistics.fmean(question["queries"] for question in asked)
            summary[f"decision_{name}_{design}"] = {
                "queries": round(queries, 1),
                "gain": round(FIXED / queries, 3),
                "right": round(statistics.fmean(question["right"] for question in asked), 4),
                "wrong": round(statistics.fmean(question["wrong"] for question in asked), 4),
            }
        summary[f"decision_gain_{name}"] = summary[f"decision_{name}_active"]["gain"]
    corrected = FIXED / (1 + (FIXED - 1) / summary["items"])
    summary["decision_gain_10_finite"] = round(corrected / summary["decision_10_active"]["queries"], 3)
    for name, key in (
        ("error", "rmse_gain"), ("error_leaky", "rmse_gain_leaky"), ("error_shuffled", "rmse_gain_shuffled"),
    ):  # fmt: skip
        summary[key] = round(statistics.median(one[name]["gain"] for one in results), 3)
    summary["rmse_queries"] = results[0]["error"]["queries"]
    summary["rmse_gain_over_difficulty"] = round(
        statistics.median(one["error"]["gain_over_difficulty"] for one in results), 3
    )
    summary["rmse_gain_hindsight"] = round(statistics.median(one["error"]["hindsight"] for one in results), 3)
    summary["mse_gain"] = round(statistics.median(one["error"]["gain_squared"] for one in results), 3)
    summary["boundary"] = [
        {"model": one["model"], "rate": round(one["rate"], 4), "design": design, **cell}
        for one in results
        if "boundary" in one
        for design, cell in one["boundary"].items()
    ]
    return summary


def _line(summary: dict[str, Any]) -> str:
    worst = max(cell["false"] for cell in summary["boundary"])
    return (
        f"{summary['models']} × {summary['items']}, history {summary['history']}; "
        f"decision {summary['decision_10_uniform']['gain']:.2f} → {summary['decision_gain_10']:.2f} × at 10 points "
        f"(right {summary['decision_10_active']['right']:.1%}), {summary['decision_20_uniform']['gain']:.2f} → "
        f"{summary['decision_gain_20']:.2f} × at 20; error {summary['rmse_gain']:.2f} × "
        f"(in hindsight {summary['rmse_gain_hindsight']:.2f}, "
        f"over difficulty {summary['rmse_gain_over_difficulty']:.2f}, leaky {summary['rmse_gain_leaky']:.2f}, "
        f"shuffled {summary['rmse_gain_shuffled']:.2f}); false at the boundary at most {worst:.2%}"
    )


def verdict(by_matrix: dict[str, Any], counts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures that the project holds itself to."""
    measured = [one for one in by_matrix.values() if "skipped" not in one]
    counted = [one for one in measured if one["counted"]] or measured
    cells = [cell for one in measured for cell in one["boundary"]]
    result: dict[str, Any] = {}
    if counted:
        result |= {
            key: round(statistics.median(one[key] for one in counted), 3)
            for key in ("decision_gain_10", "decision_gain_20", "rmse_gain", "rmse_gain_over_difficulty",
                        "rmse_gain_hindsight", "rmse_gain_shuffled", "decision_gain_10_finite")
        }  # fmt: skip
        result["stopping_alone_10"] = round(statistics.median(one["decision_10_uniform"]["gain"] for one in counted), 3)
        result["stopping_alone_20"] = round(statistics.median(one["decision_20_uniform"]["gain"] for one in counted), 3)
        result["power_min_10"] = min(one["decision_10_active"]["right"] for one in counted)
        result["power_min_20"] = min(one["decision_20_active"]["right"] for one in counted)
    coverages = [(1.0 - cell["false"], cell["repetitions"]) for cell in cells]
    coverages += [(cell["coverage"], cell["repetitions"]) for cell in counts]
    if coverages:
        strictness = normal_quantile(1.0 - ALPHA / len(coverages))
        result["coverage_cells"] = len(coverages)
        result["coverage_min"] = round(min(coverage for coverage, _ in coverages), 4)
        result["coverage_ok"] = all(
            coverage >= 1 - ALPHA - strictness * math.sqrt(ALPHA * (1 - ALPHA) / count) for coverage, count in coverages
        )
    if cells:
        result["false_decision_max"] = round(max(cell["false"] for cell in cells), 4)
        result["false_decision_ok"] = all(
            cell["false"] <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / cell["repetitions"]) for cell in cells
        )
    return result


def overhead(*, quick: bool) -> dict[str, Any]:
    """Part 4; `overhead` is None, with the reason, where this machine does not let us measure it."""
    try:
        found = measure_overhead(rounds=3 if quick else 5, say=_say)
    except CannotMeasure as error:
        return {"overhead": None, "overhead_details": str(error)}
    return {"overhead": found.pop("overhead"), "overhead_details": found}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matrix", action="append", default=[], type=Path, help="a further table of models by items")
    parser.add_argument("--no-shared", action="store_true", help="leave the matrices of shared/data out")
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    parser.add_argument("--repetitions", type=int, default=None, help=f"of each cell; {REPETITIONS} unless told")
    parser.add_argument("--parts", help=f"some of {', '.join(PARTS)}; all but identity unless told, and all to record")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--record", action="store_true", help="write the page on sampling and its chart anew")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(arguments)
    parts = options.parts.split(",") if options.parts else list(PARTS if options.record else PARTS[:-1])
    if unknown := set(parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; expected some of {', '.join(PARTS)}")
    repetitions = options.repetitions or (REPETITIONS // 10 if options.quick else REPETITIONS)
    try:
        tables = [] if options.no_shared else list(shared_tables())
        tables += [named_table(path) for path in options.matrix]
    except (HistoryError, OSError) as error:
        parser.error(str(error))
    if "learning" in parts and not tables:
        _say("no matrix: shared/data is absent and no --matrix was named; queries and errors are not measured")
    by_matrix = learning(tables, repetitions, options.jobs) if "learning" in parts else {}
    counts = count_cells(repetitions) if "counts" in parts else []
    result = verdict(by_matrix, counts) | {"repetitions": repetitions}
    if "overhead" in parts:
        result |= overhead(quick=options.quick)
    if "identity" in parts:
        from benchmarks.identity import run_identity

        kept = BENCH / "identity"
        kept.mkdir(parents=True, exist_ok=True)
        result["identity"] = run_identity(kept, kept / "answers.json")
    result |= {"by_matrix": by_matrix, "counts": counts}
    if options.record:
        from benchmarks.learning.published import publish

        publish(result)
    if options.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            if key not in ("by_matrix", "counts", "overhead_details", "identity"):
                print(f"{key:26} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
