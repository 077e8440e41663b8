"""E-values: evidence that may be looked at, added to, and stopped at any time.

An e-value is what a bet of 1 against a hypothesis has become.  Where the hypothesis is true it is 1 or less on average,
so it reaches 1/α with a chance of at most α.  Bets made one after another multiply, and their product ever reaches 1/α
with a chance of at most α: whoever looks after each test and stops when it suits needs no correction.

`e_of_p` turns a p-value into an e-value for a level α that was chosen beforehand:

    e(p) = (1/α if p ≤ α/5 else 0) + 4/5 · (1 − p + p ln p)/(p (ln p)²)

The first part stakes a fifth on one clear test, so that a single p ≤ α/5 decides at once.  The second is the mixture of
the bets κ p^(κ−1) over all κ (V. Vovk and R. Wang, 2021), which gathers what many middling tests say.

    >>> e_of_p(0.01, 0.05) > 20, e_of_p(0.5, 0.05) < 1
    (True, True)

A product holds if each p is valid whatever the earlier ones were.  The p-values of `comity.estimate.twosample` are, at
margin 0, where each test compares its answers with all that came before them.
"""

import math
from collections.abc import Sequence
from typing import Final

from comity.estimate.functions import EstimateError

__all__ = ["capital_of", "decisive_p", "e_of_p"]

STAKE: Final = 0.2
"""The share that is bet on one clear test."""
NEAR_ONE: Final = 1e-4
"""Where 1 − p is smaller, the mixture is taken from its series: the formula loses its digits there."""


def decisive_p(alpha: float) -> float:
    """The p-value at which one test decides by itself."""
    _check_alpha(alpha)
    return STAKE * alpha


def e_of_p(p: float, alpha: float) -> float:
    """The e-value of a p-value, at a level that was chosen before it."""
    if not 0.0 < p <= 1.0:
        raise EstimateError(f"a p-value of {p}, expected above 0 and at most 1")
    clear = STAKE / decisive_p(alpha) if p <= decisive_p(alpha) else 0.0
    return clear + (1 - STAKE) * _mixture(p)


def capital_of(e_values: Sequence[float]) -> tuple[float, float]:
    """What the bets have come to, and the most that they ever came to; both 1 before the first."""
    capital = most = 1.0
    for value in e_values:
        if not value >= 0.0:
            raise EstimateError(f"an e-value of {value}, expected 0 or more")
        capital *= value
        most = max(most, capital)
    return capital, most


def _mixture(p: float) -> float:
    if 1 - p < NEAR_ONE:
        return 0.5 + (1 - p) / 6
    log = math.log(p)
    return (1 - p + p * log) / (p * log * log)


def _check_alpha(alpha: float) -> None:
    if not 0.0 < alpha < 1.0:
        raise EstimateError(f"a level of {alpha}, expected between 0 and 1, such as 0.05")
