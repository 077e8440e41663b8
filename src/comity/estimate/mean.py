"""Means of scores, and differences between two models on the same units.

A mean is printed with its interval, its method, its n and what is missing, as a rate is:

    0.042 (-0.011 to 0.095, 95% t, n=200, missing 0)

`mean_of` takes the units as independent.  With `clusters` (the passage, template or document that a unit belongs to)
units of one cluster may resemble each other as they like, and the clusters are what is independent: the error is the
sandwich of K.-Y. Liang and S. Zeger (1986), times G/(G − 1) for G clusters, and Student's t has G − 1 degrees of
freedom.  Questions about one passage can make an ordinary error more than three times too small (E. Miller, 2024).

With `bank` units are drawn at random without replacement from so many, the mean is that of the bank, and the error is
multiplied by √(1 − n/N) (W. Cochran, 1977).

`paired_difference` is the mean of the differences unit by unit: what both models find hard cancels out.

Not promised: coverage for few units.  Intervals by Student's t are too narrow for a few dozen skewed scores; for a
rate, use `clopper_pearson` or `betting_sequence`, which are exact.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from comity.estimate.functions import EstimateError, student_quantile
from comity.estimate.proportion import check_level

__all__ = ["Mean", "mean_of", "paired_difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean with its interval and what it is made of; there is no way to print the point alone."""

    point: float
    low: float
    high: float
    error: float
    """The standard error."""
    level: float
    method: Literal["t", "t-clustered"]
    n: int
    clusters: int | None = None
    missing: int = 0
    bank: int | None = None

    def __str__(self) -> str:
        of = f" of {self.bank}" if self.bank is not None else ""
        groups = f" in {self.clusters} clusters" if self.clusters is not None else ""
        return (
            f"{self.point:.4g} ({self.low:.4g} to {self.high:.4g}, {self.level * 100:.6g}% {self.method}, "
            f"n={self.n}{of}{groups}, missing {self.missing})"
        )

    __repr__ = __str__

    def __format__(self, specification: str) -> str:
        """As text in full; a format specification cannot cut the interval off."""
        if specification:
            raise EstimateError(f"a mean is printed in full, not as {specification!r}")
        return str(self)


def mean_of(
    scores: Sequence[float],
    level: float,
    *,
    clusters: Sequence[Hashable] | None = None,
    bank: int | None = None,
    missing: int = 0,
) -> Mean:
    """The mean of scores with its interval by Student's t.

    `clusters` names the cluster of each score; not together with `bank`, because whole clusters are drawn then.
    Raises `EstimateError` for fewer than two independent units, for what is no number, and for lengths that differ.
    """
    check_level(level)
    n = len(scores)
    if not all(math.isfinite(score) for score in scores):
        raise EstimateError("expected scores that are numbers; a score that is none is missing, and not a score")
    if clusters is not None and len(clusters) != n:
        raise EstimateError(f"{len(clusters)} clusters for {n} scores, expected one for each")
    if missing < 0:
        raise EstimateError(f"{missing} missing, expected 0 or more")
    sums: dict[Hashable, list[float]] = {}
    for place, score in enumerate(scores):
        sums.setdefault(place if clusters is None else clusters[place], []).append(score)
    groups = len(sums)
    if groups < 2:
        raise EstimateError(f"expected at least two independent units; got {groups}")
    point = math.fsum(scores) / n
    squares = math.fsum((math.fsum(found) - len(found) * point) ** 2 for found in sums.values())
    error = math.sqrt(squares * groups / (groups - 1)) / n
    if bank is not None:
        if clusters is not None:
            raise EstimateError("expected clusters or a bank: where whole clusters are drawn, the bank is of clusters")
        if bank < n:
            raise EstimateError(f"a bank of {bank} units with {n} drawn from it, expected at least {n}")
        error *= math.sqrt(1.0 - n / bank)
    reach = student_quantile((1.0 + level) / 2.0, groups - 1) * error
    return Mean(
        point=point, low=point - reach, high=point + reach, error=error, level=level, n=n, missing=missing, bank=bank,
        method="t" if clusters is None else "t-clustered", clusters=None if clusters is None else groups,
    )  # fmt: skip


def paired_difference(
    first: Sequence[float],
    second: Sequence[float],
    level: float,
    *,
    clusters: Sequence[Hashable] | None = None,
    missing: int = 0,
) -> Mean:
    """How much higher `first` scored than `second` on the same units, in the same order."""
    if len(first) != len(second):
        raise EstimateError(f"{len(first)} scores beside {len(second)}, expected the same units in the same order")
    return mean_of([a - b for a, b in zip(first, second, strict=True)], level, clusters=clusters, missing=missing)
