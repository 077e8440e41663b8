"""Which items are asked next: batches from a finite bank, drawn where an answer teaches most.

Within a batch items are drawn one after the other without replacement, each with a probability proportional to its
weight among those that are left.  The weight is a share `mix` that is equal for all, so that no item is ever out of
reach, and a share that follows the predicted outcome f:

| a run that | draws in proportion to | because |
| --- | --- | --- |
| decides | √(f (1 − f)) | its bets rest on the unbiased mean (J. Neyman, 1934; T. Zrnic & E. Candès, 2024) |
| estimates | f (1 − f) | the assisted mean rests on the predictor, which so much is told (V. Fedorov, 1972) |

The order comes from one exponential variable for each item, divided by its weight (P. Efraimidis & P. Spirakis, 2006),
so a run is a function of its seed and of the answers.

With `uniform` all weights are equal: simple random sampling, and predictions serve the estimate alone.

Arrays have a row for each repetition (R) and a column for each draw of the batch (B); a real run has one row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from comity.estimate import Draw
from comity.evaluation.predictor import Fit, Predictor

__all__ = ["Batch", "Sampler"]

Array = NDArray[np.float64]

FLOOR: Final = 0.05
"""No outcome is foreseen with more certainty than this when weights and variances are computed."""
MIX_DECIDING: Final = 0.4
"""The share of the weight that is equal for all items."""
MIX_ESTIMATING: Final = 0.2
"""Less of it where no bet is bounded by the rarest draw."""
BATCH: Final = 5
"""Few enough that early answers soon tell where to ask."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that were drawn, in their order, with what `Draw` needs beside the outcome; each R × B."""

    items: NDArray[np.intp]
    probability: Array
    predicted: Array
    rest: Array
    low: Array
    high: Array
    variance: Array

    def draws(self, outcomes: Array) -> list[list[Draw]]:
        """The draws of each repetition, given the outcomes (R × B; NaN where missing)."""
        parts = (self.probability, self.predicted, self.rest, self.low, self.high, self.variance)
        return [
            [Draw(None if outcome != outcome else outcome, *numbers) for outcome, *numbers in zip(*row, strict=True)]
            for row in zip(outcomes.tolist(), *(part.tolist() for part in parts), strict=True)
        ]


class Sampler:
    """Draws batches, learning between them; `next_batch`, then `learn`."""

    def __init__(
        self, predictor: Predictor, generator: np.random.Generator, *, repetitions: int = 1, mix: float | None = None,
        uniform: bool = False, deciding: bool = True,
    ) -> None:  # fmt: skip
        self.fit: Fit = predictor.start(repetitions)
        self.left: NDArray[np.bool_] = np.ones((repetitions, predictor.items), dtype=bool)
        self.taken = 0
        self._generator = generator
        self._deciding = deciding
        usual = MIX_DECIDING if deciding else MIX_ESTIMATING
        self._mix = 1.0 if uniform else usual if mix is None else mix

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Go on with these repetitions alone."""
        self.left = self.left[rows]
        self.fit.keep(rows)

    def next_batch(self, size: int = BATCH) -> Batch:
        """The next items, at most as many as are left."""
        repetitions, items = self.left.shape
        size = min(size, items - self.taken)
        predicted = self.fit.predictions()
        sure = np.clip(predicted, FLOOR, 1.0 - FLOOR)
        spread = sure * (1.0 - sure)
        left = self.left
        weights = left * (self._mix / (items - self.taken))
        if self._mix < 1.0:
            taught = (np.sqrt(spread) if self._deciding else spread) * left
            weights = weights + (1.0 - self._mix) * taught / taught.sum(1, keepdims=True)
        inverse = np.divide(1.0, weights, out=np.zeros_like(weights), where=left)
        arrival = np.where(left, self._generator.standard_exponential((repetitions, items)) * inverse, np.inf)
        chosen = np.argpartition(arrival, size - 1, axis=1)[:, :size]
        order = np.argsort(np.take_along_axis(arrival, chosen, 1), axis=1)
        chosen = np.take_along_axis(chosen, order, 1)
        own, expected = np.take_along_axis(weights, chosen, 1), np.take_along_axis(predicted, chosen, 1)
        whole = weights.sum(1, keepdims=True) - (np.cumsum(own, 1) - own)
        rest = (predicted * left).sum(1, keepdims=True) - (np.cumsum(expected, 1) - expected)
        low = -(predicted * inverse).max(1, keepdims=True) * whole
        high = ((1.0 - predicted) * inverse).max(1, keepdims=True) * whole
        count = items - self.taken - np.arange(size)
        share = count / (items - self.taken)
        variance = (spread * inverse).sum(1, keepdims=True) * whole * share / count**2
        return Batch(chosen, own / whole, expected, rest, low, high, variance)

    def learn(self, batch: Batch, outcomes: Array) -> None:
        """Take note of a batch's outcomes (R × B; NaN where missing)."""
        self.fit.observe(batch.items, outcomes)
        np.put_along_axis(self.left, batch.items, False, axis=1)
        self.taken += batch.items.shape[1]


def batches(total: int, size: int = BATCH) -> Iterator[int]:
    """Sizes of batches that make up a total."""
    while total > 0:
        yield min(size, total)
        total -= size
