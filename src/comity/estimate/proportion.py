"""Intervals for a rate: so many successes among n units that were judged.

`wilson` inverts the score test (E. B. Wilson, 1927).  Its coverage is close to the level on average
over rates, and can lie a little below it at a given one.  `clopper_pearson` inverts the exact binomial
test (C. J. Clopper and E. S. Pearson, 1934): coverage is never below the level, and the interval is
wider for it.  `jeffreys` takes the quantiles of the beta distribution that Jeffreys' prior leaves, and 0 or 1
at no and at all successes (L. Brown, T. Cai and A. DasGupta, 2001); on average it covers as its level says.

All take the units as independent draws.  For a sample without replacement from a finite bank they are
wider than they need be for the rate of the bank itself, and about right for the rate of such questions.

What is missing is never counted as a failure.  It stands beside the interval as worst-case bounds (C.
F. Manski, 1989).

    >>> print(clopper_pearson(0, 10, 0.95))
    0.0% (0.0%–30.8%, 95% clopper-pearson, n=10, missing 0)
"""

import math

from comity.estimate.estimate import Estimate, Method
from comity.estimate.functions import EstimateError, beta_quantile, normal_quantile


def wilson(successes: int, n: int, level: float, *, missing: int = 0) -> Estimate:
    """Score interval for a rate."""
    _check(successes, n, level, missing)
    z = normal_quantile((1.0 + level) / 2.0)
    rate = successes / n
    spread = z * math.sqrt(rate * (1.0 - rate) / n + (z / n) ** 2 / 4.0)
    centre = rate + z * z / (2.0 * n)
    scale = 1.0 + z * z / n
    # At no and at all successes one end is 0 or 1 by algebra; rounding must not move it past the point.
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == n else (centre + spread) / scale
    return _estimate("wilson", low, high, successes, n, level, missing)


def clopper_pearson(successes: int, n: int, level: float, *, missing: int = 0) -> Estimate:
    """Exact interval for a rate: quantiles of two beta distributions."""
    _check(successes, n, level, missing)
    tail = (1.0 - level) / 2.0
    low = 0.0 if successes == 0 else beta_quantile(tail, successes, n - successes + 1)
    # The upper end by the mirror image, so that it is as accurate near 1 as the lower end is near 0.
    high = 1.0 if successes == n else 1.0 - beta_quantile(tail, n - successes, successes + 1)
    return _estimate("clopper-pearson", low, high, successes, n, level, missing)


def jeffreys(successes: int, n: int, level: float, *, missing: int = 0) -> Estimate:
    """Equal-tailed interval for a rate under Jeffreys' prior."""
    _check(successes, n, level, missing)
    tail, right, wrong = (1.0 - level) / 2.0, successes + 0.5, n - successes + 0.5
    low = 0.0 if successes == 0 else beta_quantile(tail, right, wrong)
    high = 1.0 if successes == n else 1.0 - beta_quantile(tail, wrong, right)
    return _estimate("jeffreys", low, high, successes, n, level, missing)


def worst_case(successes: int, n: int, missing: int) -> tuple[float, float]:
    """The rate over n + missing units if every missing one failed, and if every one succeeded."""
    _check_counts(successes, n, missing)
    whole = n + missing
    return successes / whole, (successes + missing) / whole


def _estimate(method: Method, low: float, high: float, successes: int, n: int, level: float, missing: int) -> Estimate:
    point = successes / n
    worst_low, worst_high = worst_case(successes, n, missing)
    return Estimate(
        point=point,
        low=max(0.0, min(low, point)),
        high=min(1.0, max(high, point)),
        level=level,
        method=method,
        n=n,
        successes=successes,
        missing=missing,
        worst_low=min(worst_low, point),
        worst_high=max(worst_high, point),
    )


def _check(successes: int, n: int, level: float, missing: int) -> None:
    _check_counts(successes, n, missing)
    check_level(level)


def check_level(level: float) -> None:
    """Refuse a level that is none."""
    if not 0.0 < level < 1.0:
        raise EstimateError(f"level {level}, expected between 0 and 1, such as 0.95")


def _check_counts(successes: int, n: int, missing: int) -> None:
    if n < 1:
        raise EstimateError(f"n is {n}: nothing was judged, so there is no rate to estimate")
    if not 0 <= successes <= n:
        raise EstimateError(f"{successes} successes among {n}, expected 0 to {n}")
    if missing < 0:
        raise EstimateError(f"{missing} missing, expected 0 or more")
