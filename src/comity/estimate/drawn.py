"""Estimates from items that were drawn with unequal probabilities from a finite bank.

An evaluation may ask where it learns most: items whose outcome is hard to foresee are drawn more often.  Nothing is
bent by that as long as each draw's probability is written down.  Item i is drawn from those that are left with
probability q, its outcome y was predicted as f, the predictions of all that were left sum up to F, the outcomes known
before to S; then

    x = (F + (y − f) / q) / r        is an unbiased guess at the mean of the r items that were left
    (S + r x) / N                    is one at the mean of the whole bank

whatever the predictions are worth (D. Raj, 1956, with a difference estimator; C.-E. Särndal et al., 1992; today also
"augmented inverse probability weighting").  `drawn_mean` averages these guesses, each weighted by the variance that was
foreseen for it.

`Bets` decides whether the bank's mean lies above or below a threshold.  Under the mean m the items left have the mean
(N m − S) / r, so for each side the capital of a gambler who bets on x,

    K ← K · (1 + λ (x − (N m − S) / r))

is a martingale where λ depends on the past alone and the factor cannot be negative; it ever reaches 2/α with a chance
of at most α/2 (I. Waudby-Smith & A. Ramdas, 2020 and 2024).  The stakes λ are a gambler's best for the distance that
seems likely (J. Kelly, 1956), up to `CARE` of what keeps the factor positive.  `drawn_interval` is the set of means
that no such bet refuted, at any time, so it may be looked at after every answer.

A missing outcome counts as each side likes it least: 0 where the bet is on above, 1 where it is on below.

A draw also states `low` and `high`, the least and the greatest that (y − f) / q could have been for any item left and
any outcome from 0 to 1.  Whoever recomputes takes these, q, f and F from the run's rows; only predictions that are
opened can show that they are what the predictor gave, and a wrong bound is caught where an answer falls outside it.

Not promised: an interval that is shorter than that of one fixed time.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from comity.estimate.functions import EstimateError
from comity.estimate.proportion import check_level
from comity.estimate.sequence import Decision

__all__ = ["Bets", "Draw", "Drawn", "assisted_mean", "drawn_interval", "drawn_mean"]

CARE: Final = 0.9
"""Of the greatest stake that cannot ruin the gambler."""
DISTANCES: Final = (0.025, 0.05, 0.1, 0.2, 0.3)
"""How far from the threshold the mean may lie, as the gambler sees it before the first answer."""
SHARES: Final = (0.02, 0.08, 0.4, 0.3, 0.2)
TRUST: Final = 10.0
"""The foreseen variance counts as so many answers when it is corrected by the variance that was seen."""
OUTLIER: Final = 25.0
"""No single answer counts for more than so many times the foreseen variance in that correction."""
SUMMED: Final = 0.8
"""Of the assisted mean: the share of what is known and predicted, summed up."""
LEAST: Final = 1e-6
ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Draw:
    """One item that was drawn and judged; in the units of outcomes between 0 and 1."""

    outcome: float | None
    """None where it is missing."""
    probability: float
    """Of this item among those that were left, at this draw: q."""
    predicted: float
    rest: float
    """The predictions of all items that were left, this one included: F."""
    low: float
    high: float
    variance: float
    """Foreseen for x."""


@dataclass(slots=True)
class _Side:
    """A gambler who bets that the bank's mean is above (`sign` 1) or below (−1) the one in question."""

    sign: int
    known: float = 0.0
    """The sum of the outcomes, each missing one as this side likes it least."""
    capital: float = 0.0
    """Its logarithm."""
    guess: float = 0.0
    weight: float = 0.0

    def bet(self, draw: Draw, mean: float, scale: float, left: int, correction: float) -> None:
        """Stake on one draw, then learn from it."""
        outcome = draw.outcome
        if outcome is None:
            outcome = 0.0 if self.sign > 0 else 1.0
        null = (left * scale * mean - self.known) / left
        x = (draw.rest + (outcome - draw.predicted) / draw.probability) / left
        worst = draw.low if self.sign > 0 else draw.high
        loss = self.sign * (null - (draw.rest + worst) / left)
        gain = self.sign * (x - null)
        if gain < -loss - ROUNDING:
            raise EstimateError(f"a draw of {x:.6g} lies outside the bounds that it states")
        variance = max(draw.variance * correction, LEAST)
        distance = self.sign * (self.guess / self.weight - mean) if self.weight else 0.0
        stake = _stake(distance, self.weight, scale, variance)
        if loss > 0.0:
            stake = min(stake, CARE / loss)
        self.capital += math.log1p(stake * max(gain, -max(loss, 0.0)))
        precision = scale * scale / variance
        self.guess += precision * (self.known + left * x) / (left * scale)
        self.weight += precision
        self.known += outcome


class Bets:
    """The bets for and against one mean of a bank of N items; `take` one draw after the other."""

    __slots__ = ("_above", "_below", "_foreseen", "_goal", "_seen", "bank", "decided", "mean", "taken")

    def __init__(self, bank: int, mean: float, level: float) -> None:
        check_level(level)
        if not 0.0 <= mean <= 1.0:
            raise EstimateError(f"a threshold of {mean}, expected 0 to 1")
        self.bank, self.mean = bank, mean
        self.taken = 0
        self.decided: Decision = "open"
        """The first decision that is not "open" stays."""
        self._above, self._below = _Side(1), _Side(-1)
        self._seen = self._foreseen = TRUST
        self._goal = math.log(2.0 / (1.0 - level))

    @property
    def evidence(self) -> tuple[float, float]:
        """The capital of who bets on above and of who bets on below: e-values, each 1 at the first draw."""
        return math.exp(self._above.capital), math.exp(self._below.capital)

    def take(self, draw: Draw) -> Decision:
        """Whether the bank's mean is above or below, after one more draw."""
        left = self.bank - self.taken
        if left <= 0:
            raise EstimateError(f"more draws than the bank's {self.bank} items")
        if self.decided == "open":
            correction, scale = self._seen / self._foreseen, self.bank / left
            self._above.bet(draw, self.mean, scale, left, correction)
            self._below.bet(draw, self.mean, scale, left, correction)
        if draw.outcome is not None:
            surprise = (draw.outcome - draw.predicted) / draw.probability / left
            self._seen += min(surprise * surprise / max(draw.variance, LEAST), OUTLIER)
            self._foreseen += 1.0
        self.taken += 1
        if self.decided == "open":
            needed = self.bank * self.mean
            if self._above.capital >= self._goal or self._above.known > needed + ROUNDING:
                self.decided = "above"
            elif self._below.capital >= self._goal or self._below.known + left - 1 < needed - ROUNDING:
                self.decided = "below"
        return self.decided


_LOG_SHARES: Final = tuple(math.log(share) for share in SHARES)


def _stake(distance: float, weight: float, scale: float, variance: float) -> float:
    """The best stake for the distance that is likely on one side, given the guess at it and the guess's precision."""
    half = -0.5 * weight
    logs = [
        share + half * (distance - possible) * (distance - possible)
        for share, possible in zip(_LOG_SHARES, DISTANCES, strict=True)
    ]
    top = max(logs)
    total = mean = 0.0
    for log, possible in zip(logs, DISTANCES, strict=True):
        part = math.exp(log - top)
        total += part
        mean += part * possible
    edge = mean / total * scale
    return edge / (variance + edge * edge)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A mean of a bank from unequal draws, with its interval; there is no way to print the point alone."""

    point: float
    low: float
    high: float
    level: float
    n: int
    bank: int
    missing: int = 0
    method: str = "betting-drawn"

    def __str__(self) -> str:
        return (
            f"{self.point:.1%} ({self.low:.1%}–{self.high:.1%}, {self.level * 100:.6g}% {self.method}, "
            f"n={self.n} of {self.bank}, missing {self.missing})"
        )

    __repr__ = __str__


def drawn_mean(draws: Sequence[Draw], bank: int) -> float:
    """The bank's mean, without bias whatever the predictions are worth; not confined to 0 to 1.

    A missing outcome counts as what was predicted.  Raises `EstimateError` without a draw.
    """
    if not draws:
        raise EstimateError("expected at least one draw")
    weights = guesses = known = 0.0
    for place, draw in enumerate(draws):
        left = bank - place
        outcome = draw.predicted if draw.outcome is None else draw.outcome
        x = (draw.rest + (outcome - draw.predicted) / draw.probability) / left
        weight = (bank / left) ** 2 / max(draw.variance, LEAST)
        weights += weight
        guesses += weight * (known + left * x) / bank
        known += outcome
    return guesses / weights


def assisted_mean(draws: Sequence[Draw], bank: int, final: Sequence[float], left: float) -> float:
    """The bank's mean with the predictions as they were after the last answer: nearer to it, and not without bias.

    `final` is the last prediction of each item that was drawn, in the order of the draws, `left` the sum of the last
    predictions of all that never were.  Four fifths of it are what is known and predicted, summed up; one is
    `drawn_mean` with the last predictions, which takes out what the others are wrong by.  The first has the smaller
    variance, the second the smaller bias; so mixed they were nearest to the truth on the matrices that were looked at.
    """
    if len(final) != len(draws):
        raise EstimateError(f"{len(final)} last predictions for {len(draws)} draws, expected one for each")
    rest = left + math.fsum(final)
    anew = []
    known = left
    for draw, predicted in zip(draws, final, strict=True):
        anew.append(Draw(draw.outcome, draw.probability, predicted, rest, draw.low, draw.high, draw.variance))
        rest -= predicted
        known += predicted if draw.outcome is None else draw.outcome
    return SUMMED * known / bank + (1.0 - SUMMED) * drawn_mean(anew, bank)


def drawn_interval(draws: Sequence[Draw], bank: int, level: float, *, grid: int = 200) -> Drawn:
    """The means that no bet refuted at any time, as the ends of the interval that holds them all.

    Where every mean was refuted, which has a chance of at most 1 − level, the point alone is left.
    """
    point = min(max(drawn_mean(draws, bank), 0.0), 1.0)
    known = [draw.outcome for draw in draws if draw.outcome is not None]
    if len(known) == bank:
        point = math.fsum(known) / bank
        return Drawn(point=point, low=point, high=point, level=level, n=bank, bank=bank)
    stays = [step / grid for step in range(grid + 1) if _open(draws, bank, step / grid, level)]
    low, high = (min(stays), max(stays)) if stays else (point, point)
    low = _end(draws, bank, level, outside=max(low - 1.0 / grid, 0.0), inside=min(low, point))
    high = _end(draws, bank, level, outside=min(high + 1.0 / grid, 1.0), inside=max(high, point))
    point = min(max(point, low), high)
    missing = sum(draw.outcome is None for draw in draws)
    return Drawn(point=point, low=low, high=high, level=level, n=len(draws) - missing, bank=bank, missing=missing)


def _open(draws: Iterable[Draw], bank: int, mean: float, level: float) -> bool:
    bets = Bets(bank, mean, level)
    return all(bets.take(draw) == "open" for draw in draws)


def _end(draws: Sequence[Draw], bank: int, level: float, *, outside: float, inside: float) -> float:
    """Where the refuted means begin, by bisection, on the refuted side."""
    if _open(draws, bank, outside, level):
        return outside
    while abs(outside - inside) > 1e-5:
        middle = (outside + inside) / 2
        if _open(draws, bank, middle, level):
            inside = middle
        else:
            outside = middle
    return outside
