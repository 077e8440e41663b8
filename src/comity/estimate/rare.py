"""What was never seen, and what is seen in some of many tries.

`zero_event_bound` is how common something can still be that `n` tries did not show: the one-sided exact bound, about
3/n at 95 % (C. J. Clopper and E. S. Pearson, 1934).  `tries_needed` turns it around: how many clean tries it takes to
show a rate below a bound.  To show less than one in ten thousand takes thirty thousand, and "not observed" after sixty
says less than five in a hundred.

`pass_at_k` is the chance that at least one of `k` tries succeeds, from `n` tries of which `successes` did, without
bias (M. Chen and others, 2021): the share of all choices of k among the n tries with a success in them.

    >>> round(zero_event_bound(300, 0.95), 4)
    0.0099
    >>> tries_needed(0.0001, 0.95)
    29956
"""

import math

from comity.estimate.functions import EstimateError
from comity.estimate.proportion import check_level

__all__ = ["pass_at_k", "tries_needed", "zero_event_bound"]


def zero_event_bound(n: int, level: float) -> float:
    """The rate that is not exceeded at this level, if none of `n` independent tries showed the event."""
    check_level(level)
    if n < 1:
        raise EstimateError(f"n is {n}: nothing was tried, so nothing bounds the rate")
    return -math.expm1(math.log1p(-level) / n)


def tries_needed(bound: float, level: float) -> int:
    """How many clean tries show at this level that the rate is not above a bound."""
    check_level(level)
    if not 0.0 < bound < 1.0:
        raise EstimateError(f"a bound of {bound}, expected between 0 and 1")
    least = max(1, math.ceil(math.log1p(-level) / math.log1p(-bound)) - 1)
    return next(n for n in range(least, least + 3) if zero_event_bound(n, level) <= bound)


def pass_at_k(successes: int, n: int, k: int) -> float:
    """The chance that one of `k` tries succeeds, estimated without bias from `n` tries; needs k of n at most."""
    if not 0 <= successes <= n:
        raise EstimateError(f"{successes} successes among {n}, expected 0 to {n}")
    if not 1 <= k <= n:
        raise EstimateError(f"k is {k}, expected 1 to the {n} tries that there are; more tries would be a forecast")
    return 1.0 - math.comb(n - successes, k) / math.comb(n, k)
