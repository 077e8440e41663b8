"""What the next answer will be, item by item: the predictor of a run, in pure Python.

`comity.evaluation.predictor` makes, out of earlier models' answers, each item's base rate and the directions in which
these models differed; that is a `Foresight`, and stands in a run's frame (`comity.estimate.frame`).  `Fit` says from
it and from the answers so far what each item will show.  Three experts predict, each weighted by how well it foresaw
what came in: the rate so far; the base rates, moved and stretched; the same with the directions.  The second and third
are ridge regressions.

This is the predictor of `comity.evaluation` for one run, so that whoever checks a run can compute it again.

Not promised: that a prediction is good. Predictions decide what is asked and how wide an interval becomes, never
whether it covers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from comity.estimate.functions import EstimateError

__all__ = ["Fit", "Foresight"]

EDGE: Final = 0.03
CERTAIN: Final = 0.02
PRIOR: Final = (0.2, 0.3, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What history says about the items of a bank, in their order."""

    centre: float
    """The mean outcome of earlier models."""
    base: tuple[float, ...]
    columns: tuple[tuple[float, ...], ...]
    """Of each direction, its value for each item; none where there is no history."""
    variances: tuple[float, ...]
    """The prior variance of each direction's coefficient."""
    levels: int
    """How many of the first directions the second expert uses."""


class _Ridge:
    """One regression: its sufficient statistics, and the coefficients that follow."""

    def __init__(self, variances: Sequence[float]) -> None:
        size = len(variances)
        self.gram = [[1.0 / variances[i] if i == j else 0.0 for j in range(size)] for i in range(size)]
        self.right = [0.0] * size
        self.coefficients = [0.0] * size

    def add(self, row: Sequence[float], weight: float, rest: float) -> None:
        for i, left in enumerate(row):
            weighted = weight * left
            self.right[i] += weighted * rest
            line = self.gram[i]
            for j, other in enumerate(row):
                line[j] += weighted * other

    def solve(self) -> None:
        """By Cholesky's decomposition; the prior keeps the matrix positive."""
        size = len(self.right)
        lower = [[0.0] * size for _ in range(size)]
        for i in range(size):
            for j in range(i + 1):
                rest = self.gram[i][j]
                for k in range(j):
                    rest -= lower[i][k] * lower[j][k]
                if i == j and not rest > 0.0:
                    raise EstimateError("the frame's predictor gives no prediction")
                lower[i][j] = math.sqrt(rest) if i == j else rest / lower[j][j]
        half = [0.0] * size
        for i in range(size):
            rest = self.right[i]
            for k in range(i):
                rest -= lower[i][k] * half[k]
            half[i] = rest / lower[i][i]
        for i in reversed(range(size)):
            rest = half[i]
            for k in range(i + 1, size):
                rest -= lower[k][i] * self.coefficients[k]
            self.coefficients[i] = rest / lower[i][i]


class Fit:
    """What is predicted after the answers so far."""

    def __init__(self, foresight: Foresight) -> None:
        self.foresight = foresight
        self.asked = self.right = 0.0
        informed = bool(foresight.columns)
        self.rows = list(zip(*foresight.columns, strict=True)) if informed else [()] * len(foresight.base)
        widths = (foresight.levels, len(foresight.columns)) if informed else ()
        self.ridges = [_Ridge(foresight.variances[:width]) for width in widths]
        self.scores = [math.log(prior) for prior in PRIOR] if informed else [0.0]

    def _flat(self) -> float:
        return (self.right + self.foresight.centre) / (self.asked + 1.0)

    def _guess(self, ridge: _Ridge, item: int) -> float:
        guess = self.foresight.base[item]
        for coefficient, value in zip(ridge.coefficients, self.rows[item], strict=False):
            guess += coefficient * value
        return guess

    def predictions(self) -> list[float]:
        """The predicted outcome of every item, between 0 and 1."""
        top = max(self.scores)
        shares = [math.exp(score - top) for score in self.scores]
        whole = sum(shares)
        flat = shares[0] / whole * min(max(self._flat(), 0.0), 1.0)
        found = []
        for item in range(len(self.rows)):
            mixed = flat
            for share, ridge in zip(shares[1:], self.ridges, strict=True):
                mixed += share / whole * min(max(self._guess(ridge, item), 0.0), 1.0)
            found.append(min(mixed, 1.0))
        return found

    def observe(self, answers: Sequence[tuple[int, float | None]]) -> None:
        """Learn a batch: items and their outcomes.  A missing one (None) teaches nothing."""
        known = [(item, outcome) for item, outcome in answers if outcome is not None]
        guesses = [
            [self._flat() for _ in known], *([self._guess(ridge, item) for item, _ in known] for ridge in self.ridges)
        ]
        for place, line in enumerate(guesses):
            for guess, (_, outcome) in zip(line, known, strict=True):
                sure = min(max(guess, CERTAIN), 1.0 - CERTAIN)
                self.scores[place] += outcome * math.log(sure) + (1.0 - outcome) * math.log1p(-sure)
        for item, outcome in known:
            base = self.foresight.base[item]
            inner = min(max(base, EDGE), 1.0 - EDGE)
            for ridge in self.ridges:
                row = self.rows[item][: len(ridge.right)]
                ridge.add(row, 1.0 / (inner * (1.0 - inner)), outcome - base)
        for ridge in self.ridges:
            ridge.solve()
        self.asked += len(known)
        self.right += sum(outcome for _, outcome in known)
