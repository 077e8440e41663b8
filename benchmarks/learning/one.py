"""All that is measured on one target, as one job of a pool: numbers in, numbers out."""

import zlib
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from benchmarks.learning.cells import CAP, FIXED, decisions, errors, queries_for, spread_within
from benchmarks.learning.hindsight import gain_in_hindsight
from benchmarks.learning.matrices import Target
from numpy.typing import NDArray

__all__ = ["MARGINS", "error", "measure"]

Array = NDArray[np.float64]

MARGINS: Final = (0.1, 0.2)
STRATA: Final = 10
LEAST_QUERIES, MOST_QUERIES, SHARE = 40, 200, 10
"""The error is measured after a tenth of the bank, but not fewer or more queries than these."""
ERROR_TIMES: Final = 5
"""A mean of R squared errors is off by √(2 / R) of itself: 200 of a model leave 10 %, five times as many leave 4 %."""


def measure(target: Target, repetitions: int, boundary: int) -> dict[str, Any]:
    """Everything about one target: so many repetitions of each question, and so many at the boundary (0: none)."""
    generator = np.random.default_rng(_seed(target, "shuffle"))
    shuffled = target.history[:, generator.permutation(target.history.shape[1])]
    nothing = target.history[:0]
    found: dict[str, Any] = {"model": target.model, "rate": float(target.outcomes.mean())}
    found["decision"] = {
        f"{margin:g}": {
            "uniform": _questions(target, nothing, margin, repetitions, uniform=True),
            "active": _questions(target, target.history, margin, repetitions, uniform=False),
        }
        for margin in MARGINS
    }
    found["decision"]["0.1"]["shuffled"] = _questions(target, shuffled, 0.1, repetitions // 4, uniform=False)
    found["error"] = error(target, repetitions)
    found["error_leaky"] = _error(target, target.leaky, repetitions // 2)
    found["error_shuffled"] = _error(target, shuffled, repetitions)
    if boundary:
        found["boundary"] = {
            "uniform": _boundary(target, nothing, boundary, uniform=True),
            "active": _boundary(target, target.history, boundary, uniform=False),
            "anti": _boundary(target, 1.0 - target.history, boundary, uniform=False),
            "estimating": _boundary(target, target.history, boundary, uniform=False, deciding=False),
        }
    return found


def error(target: Target, repetitions: int) -> dict[str, float]:
    """The gain in error with history, more often repeated than the rest, and what hindsight would make of it."""
    spread = _compared(target)
    bank = len(target.outcomes)
    hindsight = gain_in_hindsight(target, _queries(bank), spread)
    return _error(target, target.history, ERROR_TIMES * repetitions) | {"hindsight": hindsight}


def _seed(target: Target, *words: object) -> tuple[int, ...]:
    return tuple(zlib.crc32(str(word).encode()) for word in (target.table, target.model, *words))


def _questions(
    target: Target, history: Array, margin: float, repetitions: int, *, uniform: bool
) -> list[dict[str, float]]:
    """One question on each side of the rate, where the threshold is none that no rate could miss."""
    found = []
    for side in (1, -1):
        threshold = float(target.outcomes.mean()) - side * margin
        if not 0.01 <= threshold <= 0.99:
            continue
        seed = _seed(target, "decide", margin, side, uniform)
        made = decisions(target, history, threshold, repetitions, seed, cap=CAP, uniform=uniform)
        found.append(
            {
                "queries": float(made.queries.mean()),
                "right": float((made.decided == side).mean()),
                "wrong": float((made.decided == -side).mean()),
            }
        )
    return found


def _boundary(
    target: Target, history: Array, repetitions: int, *, uniform: bool, deciding: bool = True
) -> dict[str, float]:
    """At the rate itself every decision is false, and the interval has lost the rate."""
    truth = float(target.outcomes.mean())
    seed = _seed(target, "boundary", uniform)
    made = decisions(target, history, truth, repetitions, seed, cap=FIXED, uniform=uniform, deciding=deciding)
    return {"false": float((made.decided != 0).mean()), "repetitions": repetitions}


def _error(target: Target, history: Array, repetitions: int) -> dict[str, float]:
    """How many times as many queries the designs that we compare with need for the same squared error."""
    bank = len(target.outcomes)
    queries = _queries(bank)
    made = errors(target, history, queries, repetitions, _seed(target, "error"))
    by_topic = _compared(target)
    by_difficulty = spread_within(target.outcomes, _tenths(target.history.mean(0)))
    return {
        "queries": queries,
        "gain": queries_for(made.squared, by_topic, bank) / queries,
        "gain_over_difficulty": queries_for(made.squared, by_difficulty, bank) / queries,
        "gain_squared": by_topic * (1 / queries - 1 / bank) / max(made.squared, 1e-12),
    }


def _queries(bank: int) -> int:
    return min(max(LEAST_QUERIES, round(bank / SHARE)), MOST_QUERIES, bank // 2)


def _compared(target: Target) -> float:
    """The variance that the better design pays of the two that we compare with."""
    spread = float(np.var(target.outcomes, ddof=1))
    return spread if target.topics is None else min(spread, spread_within(target.outcomes, target.topics))


def _tenths(difficulty: Array) -> Iterable[int]:
    order = np.argsort(np.argsort(difficulty, kind="stable"), kind="stable")
    return [int(place) for place in order * STRATA // len(difficulty)]
