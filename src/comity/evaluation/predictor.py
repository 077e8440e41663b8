"""What the next model will answer, item by item, from what earlier models answered and what it has answered so far.

Three experts predict every item that was not asked yet:

| expert | predicts |
| --- | --- |
| `flat` | the rate so far, for each item |
| `level` | how hard the item was for earlier models, shifted and stretched to this one |
| `full` | the same, and the directions in which earlier models differed from each other |

The second and third are ridge regressions whose prior variances are what earlier models show (linear empirical Bayes).
The experts are weighted by how well they foresaw the answers before these came in (the prequential principle of A. P.
Dawid, 1984), so a history that says nothing about this model loses its say within a few dozen answers, and an item
may be predicted badly without any harm to the validity of what is concluded: predictions decide what is asked and how
wide an interval becomes, never whether it covers.

Many repetitions of one evaluation are predicted at once: arrays have a row for each (R) and a column for each item (N).
A real run has one row.  Outcomes lie between 0 and 1.

Not promised: that a prediction is good.  `docs/explanation/sampling.md` has what was measured.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from comity.estimate import Foresight

__all__ = ["Fit", "Predictor"]

Array = NDArray[np.float64]

DIRECTIONS: Final = 12
"""At most so many directions of earlier models' differences; more did not help on any matrix that was looked at."""
MOST_TOPICS: Final = 48
"""The largest; a frame holds 64 columns."""
EDGE: Final = 0.03
"""No earlier rate is taken to be nearer to 0 or 1: a handful of models cannot show that."""
LEVEL_DOUBT: Final = 10.0
"""The prior variance of the level is so many times what earlier models show: the next one may be unlike them all."""
CERTAIN: Final = 0.02
"""An expert's prediction is taken to be no nearer to 0 or 1 when it is judged."""
PRIOR: Final = (0.2, 0.3, 0.5)
"""The experts' weights before the first answer."""


class Predictor:
    """What a history says about the items; shared by all repetitions.

    `history` has a row for each earlier model and a column for each item, without gaps; without a row there is one
    expert, `flat`.  `topics` names the topic of each item, where it is published.
    """

    def __init__(self, history: Array, topics: Sequence[object] | None = None) -> None:
        models, items = history.shape
        self.items = items
        self.informed = models > 1
        rates = history.mean(0) if models else np.full(items, 0.5)
        self.centre = float(rates.mean())
        self.base = rates.copy()
        self.columns = np.ones((items, 1))
        self.variances = np.array([0.05])
        self.levels = 1
        if not self.informed:
            return
        spread = rates - self.centre
        size = float(spread @ spread)
        slopes = _slopes(history)
        slope = float(np.clip(np.mean(slopes), 0.0, 1.0)) if models > 2 else 0.5
        self.base = self.centre + slope * spread
        columns = [np.ones(items)]
        levels = (history - self.base).mean(1)
        variances = [LEVEL_DOUBT * max(float(levels.var()), 0.02**2)]
        if size > 1e-9 and models > 2:
            columns.append(spread * np.sqrt(items / size))
            variances.append(max(float(np.var(slopes)), 1e-4) * size / items)
        rest = history - history.mean(1, keepdims=True) - spread
        for direction, variance in _topic_columns(rest, topics):
            columns.append(direction)
            variances.append(variance)
        self.levels = len(columns)
        orthogonal, _ = np.linalg.qr(np.array(columns).T)
        rest = rest - (rest @ orthogonal) @ orthogonal.T
        for direction, variance in _directions(rest):
            columns.append(direction)
            variances.append(variance)
        self.columns = np.array(columns).T
        self.variances = np.array(variances)

    @classmethod
    def of(cls, foresight: Foresight) -> "Predictor":
        """The predictor that a run's frame holds."""
        made = cls(np.zeros((0, len(foresight.base))))
        made.base, made.centre, made.levels = np.array(foresight.base), foresight.centre, foresight.levels
        made.informed = bool(foresight.columns)
        if made.informed:
            made.columns, made.variances = np.array(foresight.columns).T, np.array(foresight.variances)
        return made

    def start(self, repetitions: int = 1) -> "Fit":
        """Nothing asked yet, for so many repetitions."""
        return Fit(self, repetitions)


def _slopes(history: Array) -> Array:
    """How much of the others' item rates each earlier model follows: regression slopes, leaving the model out."""
    models, _ = history.shape
    total = history.sum(0)
    found = []
    for own in history:
        others = (total - own) / max(models - 1, 1)
        spread = others - others.mean()
        found.append(float(spread @ (own - own.mean())) / max(float(spread @ spread), 1e-12))
    return np.array(found)


def _topic_columns(rest: Array, topics: Sequence[object] | None) -> list[tuple[Array, float]]:
    """A column for each large topic of more than one item: 1 for its items, and how far earlier models stray on it."""
    sizes = Counter(topics or ())
    found = []
    for topic, size in sizes.most_common(MOST_TOPICS) if len(sizes) > 1 else ():
        own = np.array([one == topic for one in topics or ()])
        if size > 1:
            found.append((own.astype(float), LEVEL_DOUBT * max(float(rest[:, own].mean(1).var()), 1e-3)))
    return found


def _directions(rest: Array) -> list[tuple[Array, float]]:
    """The leading directions, scaled to mean square 1, with the variance beyond what noise alone would show."""
    models, items = rest.shape
    most = min(DIRECTIONS, models - 3, items - 1)
    if most <= 0:
        return []
    _, sizes, axes = np.linalg.svd(rest, full_matrices=False)
    share = sizes**2 / (models - 1) / items
    noise = float(share[most:].mean()) if len(share) > most else 0.0
    return [
        (axes[k] * np.sqrt(items), float(share[k] - noise)) for k in range(most) if share[k] - noise > 1e-6
    ]


@dataclass(slots=True)
class _Ridge:
    """The sufficient statistics of one regression, a row for each repetition."""

    columns: Array
    gram: Array
    right: Array

    def coefficients(self) -> Array:
        return np.asarray(np.linalg.solve(self.gram, self.right[..., None])[..., 0])


class Fit:
    """What is predicted after the answers so far, for R repetitions."""

    def __init__(self, predictor: Predictor, repetitions: int) -> None:
        self.predictor = predictor
        self.asked = np.zeros(repetitions)
        self.right = np.zeros(repetitions)
        experts = 3 if predictor.informed else 1
        self.scores = np.tile(np.log(np.array(PRIOR if experts == 3 else (1.0,))), (repetitions, 1))
        base = np.clip(predictor.base, EDGE, 1.0 - EDGE)
        self.weights = 1.0 / (base * (1.0 - base))
        widths = (predictor.levels, predictor.columns.shape[1]) if predictor.informed else ()
        self.ridges = [
            _Ridge(
                columns=predictor.columns[:, :width],
                gram=np.tile(np.diag(1.0 / predictor.variances[:width]), (repetitions, 1, 1)),
                right=np.zeros((repetitions, width)),
            )
            for width in widths
        ]

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Go on with these repetitions alone."""
        self.asked, self.right, self.scores = self.asked[rows], self.right[rows], self.scores[rows]
        for ridge in self.ridges:
            ridge.gram, ridge.right = ridge.gram[rows], ridge.right[rows]

    def _flat(self) -> Array:
        level: Array = (self.right + self.predictor.centre) / (self.asked + 1.0)
        return level[:, None]

    def predictions(self) -> Array:
        """The predicted outcome of every item, R × N, between 0 and 1."""
        shares = np.exp(self.scores - self.scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        mixed = shares[:, :1] * np.clip(self._flat(), 0.0, 1.0) + np.zeros((1, self.predictor.items))
        for place, ridge in enumerate(self.ridges, start=1):
            expected = ridge.coefficients() @ ridge.columns.T
            expected += self.predictor.base
            np.clip(expected, 0.0, 1.0, out=expected)
            expected *= shares[:, place : place + 1]
            mixed += expected
        return np.asarray(np.minimum(mixed, 1.0))

    def observe(self, items: NDArray[np.intp], outcomes: Array) -> None:
        """Learn the outcomes of these items; both R × B.  A missing outcome (NaN) teaches nothing."""
        known = ~np.isnan(outcomes)
        count = known.astype(float)
        found = np.where(known, outcomes, 0.0)
        base = self.predictor.base[items]
        weights = self.weights[items] * count
        guesses = [np.broadcast_to(self._flat(), items.shape)]
        for ridge in self.ridges:
            chosen = ridge.columns[items]
            guesses.append(base + (chosen @ ridge.coefficients()[..., None])[..., 0])
            weighted = chosen * weights[..., None]
            ridge.gram += np.swapaxes(weighted, 1, 2) @ chosen
            ridge.right += (np.swapaxes(weighted, 1, 2) @ (found - base)[..., None])[..., 0]
        for place, guess in enumerate(guesses):
            sure = np.clip(guess, CERTAIN, 1.0 - CERTAIN)
            self.scores[:, place] += (count * (found * np.log(sure) + (1.0 - found) * np.log1p(-sure))).sum(1)
        self.asked += count.sum(1)
        self.right += found.sum(1)
