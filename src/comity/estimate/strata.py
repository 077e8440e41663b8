"""Rates of a bank from a stratified sample: so many units of each stratum, drawn at random without replacement.

The bank has N units, stratum h has N_h of them and W_h = N_h / N of the weight; of the n_h that were judged, x_h were
successes.  The rate is estimated by

    Σ W_h x_h / n_h

without bias, whatever the allocation (J. Neyman, 1934).

| method | is |
| --- | --- |
| `korn-graubard` | Clopper and Pearson's interval at the effective number of units, for any allocation |
| `clopper-pearson` | their interval at the pooled counts, where the allocation is proportional to size |

`korn-graubard` (E. Korn and B. Graubard, 1998) divides p (1 − p) by the variance of the estimate and takes this for
the number of units, less for the degrees of freedom that the strata cost.  The variances within strata are those of
(x_h + ½) / (n_h + 1), so that a stratum without any success is not taken for certain, and shrink as a stratum is
exhausted.  It is shorter where strata differ.  It is approximate: `docs/reference/estimates.md` has its coverage.

`clopper-pearson` is exact.  The number of successes in one stratum is a sum of independent trials (V. Vatutin and
V. Mikhailov, 1982), so that of all strata is one too; of all such sums with one mean the binomial has the heaviest
tails (W. Hoeffding, 1956), and its mean is n times the bank's rate if n_h / n = W_h.  Where rounding or missing units
part the two, the ends move outwards by half of Σ |n_h / n − W_h|, which is the most that the rate can be off by.
Hoeffding's bound leaves out the one case of less than one success in forty samples; there the chance of missing the
rate is at most 1 in 39.  It gains nothing from the strata, and a decision rests on it.

A stratum of which nothing was judged counts as a half, and all its weight widens the interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from comity.estimate.estimate import Estimate
from comity.estimate.functions import EstimateError, beta_quantile, student_quantile
from comity.estimate.proportion import check_level, clopper_pearson

__all__ = ["StrataMethod", "Stratum", "allocate", "disproportion", "estimate_strata"]

StrataMethod = Literal["korn-graubard", "clopper-pearson"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One stratum of a bank, and what became of its sample."""

    size: int
    """Units of the bank in it."""
    n: int
    """Units that were judged."""
    successes: int
    missing: int = 0
    """Units that were drawn and have no judgement."""


def allocate(n: int, sizes: Sequence[int], weights: Sequence[int]) -> tuple[int, ...]:
    """How many of n units each stratum gets: in proportion to size times weight (Webster's method).

    Each gets two first, or all that it has, so that its variance can be seen; the next one always goes to the stratum
    whose size times weight is largest beside twice what it has and one.  Equal weights make it proportional, weights
    in proportion to the spread within make it Neyman's.
    """
    if len(sizes) != len(weights) or min(sizes, default=0) < 1 or min(weights, default=0) < 1:
        raise EstimateError("expected a size and a weight of at least 1 for each stratum")
    given = [min(2, size) for size in sizes]
    if not sum(given) <= n <= sum(sizes):
        raise EstimateError(f"{n} units over {len(sizes)} strata, expected {sum(given)} to {sum(sizes)}")
    for _ in range(n - sum(given)):
        places = (place for place, size in enumerate(sizes) if given[place] < size)
        given[max(places, key=lambda h: Fraction(sizes[h] * weights[h], 2 * given[h] + 1))] += 1
    return tuple(given)


def disproportion(sizes: Sequence[int], counts: Sequence[int]) -> float:
    """The most by which the mean of a sample with so many units a stratum can be off the bank's rate."""
    bank, n = sum(sizes), sum(counts)
    return math.fsum(abs(count / n - size / bank) for size, count in zip(sizes, counts, strict=True)) / 2.0


def estimate_strata(method: StrataMethod, strata: Sequence[Stratum], level: float) -> Estimate:
    """The bank's rate from a stratified sample; raises `EstimateError` where nothing was judged."""
    check_level(level)
    for one in strata:
        if not (0 <= one.successes <= one.n and one.missing >= 0 and 0 <= one.n + one.missing <= one.size):
            raise EstimateError(f"{one.successes} of {one.n} and {one.missing} missing in a stratum of {one.size}")
    n, successes = sum(one.n for one in strata), sum(one.successes for one in strata)
    if not n:
        raise EstimateError("n is 0: nothing was judged, so there is no rate to estimate")
    bank = sum(one.size for one in strata)
    point = math.fsum(one.size / bank * (one.successes / one.n if one.n else 0.5) for one in strata)
    point = min(max(point, 0.0), 1.0)
    if method == "clopper-pearson":
        pooled = clopper_pearson(successes, n, level)
        off = disproportion([one.size for one in strata], [one.n for one in strata])
        low, high = pooled.low - off, pooled.high + off
    else:
        blind = math.fsum(one.size / bank for one in strata if not one.n) / 2.0
        low, high = _korn_graubard(strata, bank, n, point, level)
        low, high = low - blind, high + blind
    worst_low, worst_high = (
        math.fsum(one.size / bank * _worst(one, right=right) for one in strata) for right in (False, True)
    )
    return Estimate(
        point=point,
        low=max(0.0, min(low, point)),
        high=min(1.0, max(high, point)),
        level=level,
        method=method,
        n=n,
        successes=successes,
        missing=sum(one.missing for one in strata),
        worst_low=max(0.0, min(worst_low, point)),
        worst_high=min(1.0, max(worst_high, point)),
        bank=bank,
        strata=len(strata),
    )


def _korn_graubard(
    strata: Sequence[Stratum], bank: int, n: int, point: float, level: float
) -> tuple[float, float]:
    variance = smooth = 0.0
    for one in strata:
        rate = (one.successes + 0.5) / (one.n + 1.0)
        smooth += one.size / bank * rate
        if one.n:
            variance += (one.size / bank) ** 2 * (1.0 - one.n / one.size) * rate * (1.0 - rate) / one.n
    if variance <= 0.0:
        return point, point
    sure = (1.0 + level) / 2.0
    freedom = max(1, n - sum(one.n > 0 for one in strata))
    cost = student_quantile(sure, max(1, n - 1)) / student_quantile(sure, freedom)
    effective = smooth * (1.0 - smooth) / variance * cost * cost
    right, wrong, tail = effective * point, effective * (1.0 - point), (1.0 - level) / 2.0
    low = 0.0 if right < 1e-9 else beta_quantile(tail, right, wrong + 1.0)
    high = 1.0 if wrong < 1e-9 else 1.0 - beta_quantile(tail, wrong, right + 1.0)
    return low, high


def _worst(stratum: Stratum, *, right: bool) -> float:
    whole = stratum.n + stratum.missing
    if not whole:
        return 1.0 if right else 0.0
    return (stratum.successes + (stratum.missing if right else 0)) / whole
