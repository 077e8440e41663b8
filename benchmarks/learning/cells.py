"""What is measured on one target: queries to a decision, error at a number of queries, and whether guarantees hold.

Every number comes from the classes that a real run uses: `Predictor`, `Sampler`, `Bets`, `assisted_mean`.  Repetitions
differ in their seed alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from benchmarks.learning.matrices import Target
from numpy.typing import NDArray

from comity.estimate import Bets, Draw, assisted_mean
from comity.evaluation.predictor import Predictor
from comity.evaluation.sampling import BATCH, Sampler, batches

__all__ = ["CAP", "FIXED", "LEVEL", "Decisions", "Errors", "decisions", "errors", "queries_for", "spread_within"]

Array = NDArray[np.float64]

FIXED: Final = 263
"""Queries of the power-analysed uniform design: 90 % power at 10 points, two-sided 5 %, a rate of one half."""
CAP: Final = 2 * FIXED
"""Whoever has not decided by then stops, undecided, and is counted with all these queries."""
LEVEL: Final = 0.95
CELLS: Final = 1_500_000
"""Repetitions times items that are in memory at once."""


@dataclass(frozen=True)
class Decisions:
    """What became of the repetitions of one question."""

    queries: Array
    decided: NDArray[np.int_]
    """1 above, −1 below, 0 undecided."""


def _chunks(repetitions: int, items: int) -> Iterable[int]:
    return batches(repetitions, max(1, CELLS // items))


def decisions(
    target: Target, history: Array, threshold: float, repetitions: int, seed: Iterable[int], *, cap: int, uniform: bool,
    deciding: bool = True,
) -> Decisions:  # fmt: skip
    """Ask until the bank's mean is known to be above or below the threshold, so many times."""
    predictor = Predictor(history, target.topics)
    generator = np.random.default_rng(tuple(seed))
    found = [
        _decide(target.outcomes, predictor, threshold, count, generator, cap, uniform=uniform, deciding=deciding)
        for count in _chunks(repetitions, len(target.outcomes))
    ]
    return Decisions(np.concatenate([one.queries for one in found]), np.concatenate([one.decided for one in found]))


def _decide(
    outcomes: Array, predictor: Predictor, threshold: float, repetitions: int, generator: np.random.Generator,
    cap: int, *, uniform: bool, deciding: bool,
) -> Decisions:  # fmt: skip
    bank = len(outcomes)
    cap = min(cap, bank)
    sampler = Sampler(predictor, generator, repetitions=repetitions, uniform=uniform, deciding=deciding)
    bets = [Bets(bank, threshold, LEVEL) for _ in range(repetitions)]
    queries, decided = np.full(repetitions, float(cap)), np.zeros(repetitions, dtype=int)
    live = np.arange(repetitions)
    while sampler.taken < cap and len(live):
        before = sampler.taken
        batch = sampler.next_batch(min(BATCH, cap - before))
        answers = outcomes[batch.items]
        sampler.learn(batch, answers)
        stay = np.ones(len(live), dtype=bool)
        for place, row in enumerate(batch.draws(answers)):
            own = live[place]
            for draw in row:
                if bets[own].take(draw) != "open":
                    queries[own] = bets[own].taken
                    decided[own] = 1 if bets[own].decided == "above" else -1
                    stay[place] = False
                    break
        live = live[stay]
        sampler.keep(stay)
    return Decisions(queries, decided)


@dataclass(frozen=True)
class Errors:
    """Squared error at one number of queries, and how many queries others need for the same."""

    queries: int
    squared: float


def errors(target: Target, history: Array, queries: int, repetitions: int, seed: Iterable[int]) -> Errors:
    """The mean squared error of the assisted mean after so many queries."""
    predictor = Predictor(history, target.topics)
    generator = np.random.default_rng(tuple(seed))
    truth = float(target.outcomes.mean())
    guesses = [
        _guesses(target.outcomes, predictor, queries, count, generator)
        for count in _chunks(repetitions, len(target.outcomes))
    ]
    return Errors(queries, float(np.mean((np.concatenate(guesses) - truth) ** 2)))


def _guesses(
    outcomes: Array, predictor: Predictor, queries: int, repetitions: int, generator: np.random.Generator
) -> Array:
    sampler = Sampler(predictor, generator, repetitions=repetitions, deciding=False)
    draws: list[list[Draw]] = [[] for _ in range(repetitions)]
    items = []
    for size in batches(queries):
        batch = sampler.next_batch(size)
        answers = outcomes[batch.items]
        sampler.learn(batch, answers)
        items.append(batch.items)
        for own, row in zip(draws, batch.draws(answers), strict=True):
            own.extend(row)
    final = sampler.fit.predictions()
    last = np.take_along_axis(final, np.concatenate(items, 1), 1).tolist()
    left = (final * sampler.left).sum(1).tolist()
    bank = len(outcomes)
    return np.array(
        [assisted_mean(*one) for one in zip(draws, [bank] * repetitions, last, left, strict=True)]
    )


def spread_within(outcomes: Array, strata: Iterable[object]) -> float:
    """The variance that is left within strata, weighted by their sizes: what proportional stratification pays."""
    groups: dict[object, list[float]] = {}
    for stratum, outcome in zip(strata, outcomes.tolist(), strict=True):
        groups.setdefault(stratum, []).append(outcome)
    total = len(outcomes)
    return sum(len(found) / total * float(np.var(found, ddof=1)) for found in groups.values() if len(found) > 1)


def queries_for(squared: float, spread: float, bank: int) -> float:
    """How many draws without replacement have this squared error, where the variance is `spread`: W. Cochran, 1977."""
    return 1.0 / (squared / max(spread, 1e-12) + 1.0 / bank)

