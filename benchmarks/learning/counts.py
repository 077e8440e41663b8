"""Coverage of the intervals that are computed from counts alone, rare outcomes included.

What is published as a guarantee is measured: Clopper–Pearson at one time, and the bank's betting sequence after a fixed
number of draws.  Wilson's interval is for display; it is measured beside them and not held to the guarantee.
"""

from collections import Counter
from typing import Any, Final

import numpy as np

from comity.estimate import Estimate, betting_sequence, clopper_pearson, wilson

__all__ = ["count_cells", "display_cells"]

RATES: Final = (0.01, 0.02, 0.05, 0.1, 0.3, 0.5)
QUERIES: Final = (60, 263)
BANK: Final = 1_000
LEVEL: Final = 0.95
SEED: Final = 20261130


def _cells(repetitions: int, methods: tuple[str, ...]) -> list[dict[str, Any]]:
    found = []
    for rate in RATES:
        right = round(rate * BANK)
        for queries in QUERIES:
            generator = np.random.default_rng((SEED, round(rate * 1000), queries))
            drawn = {
                "independent": Counter(generator.binomial(queries, rate, repetitions).tolist()),
                "bank": Counter(generator.hypergeometric(right, BANK - right, queries, repetitions).tolist()),
            }
            for method in methods:
                counts = drawn["bank" if method == "betting-bank" else "independent"]
                covered = sum(
                    times for successes, times in counts.items() if _holds(_interval(method, successes, queries), rate)
                )
                found.append(
                    {
                        "method": method, "rate": rate, "n": queries, "repetitions": repetitions,
                        "coverage": round(covered / repetitions, 4),
                    }
                )  # fmt: skip
    return found


def _interval(method: str, successes: int, queries: int) -> Estimate:
    if method == "betting-bank":
        return betting_sequence(successes, queries, LEVEL, bank=BANK)
    return (clopper_pearson if method == "clopper-pearson" else wilson)(successes, queries, LEVEL)


def _holds(estimate: Estimate, rate: float) -> bool:
    return estimate.low <= rate + 1e-12 and estimate.high >= rate - 1e-12


def count_cells(repetitions: int) -> list[dict[str, Any]]:
    """Coverage of the intervals that guarantee it."""
    return _cells(repetitions, ("clopper-pearson", "betting-bank"))


def display_cells(repetitions: int) -> list[dict[str, Any]]:
    """Coverage of the interval for display."""
    return _cells(repetitions, ("wilson",))
