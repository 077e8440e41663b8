"""Is one model better than another, or is that the chance of the draw?  p-values for paired scores.

`sign_test` is for right and wrong on the same items (Q. McNemar, 1947, in its exact form): of the items that one of the
two alone got right, how lopsided the split is.  Items on which both agree say nothing.  It holds for any number.

`mean_test` is for a `Mean` of differences, with its clusters: Student's t, two-sided; asymptotic.

A small p-value says that the difference is not chance.  A large one does not say that there is none.

    >>> round(sign_test(15, 5), 4)
    0.0414
"""

import math

from comity.estimate.functions import EstimateError, regularised_beta
from comity.estimate.mean import Mean

__all__ = ["mean_test", "sign_test"]


def sign_test(first_alone: int, second_alone: int) -> float:
    """The two-sided p-value that both are equally good, from how many items each alone got right."""
    if first_alone < 0 or second_alone < 0:
        raise EstimateError(f"{first_alone} and {second_alone}, expected counts of 0 or more")
    n, less = first_alone + second_alone, min(first_alone, second_alone)
    if n == 2 * less:
        return 1.0
    # P(X ≤ less) for X ~ Binomial(n, 1/2) is I_{1/2}(n − less, less + 1).
    return min(1.0, 2.0 * regularised_beta(0.5, n - less, less + 1))


def mean_test(mean: Mean) -> float:
    """The two-sided p-value that the true mean is 0."""
    freedom = (mean.clusters if mean.clusters is not None else mean.n) - 1
    if mean.point == 0.0:
        return 1.0
    if mean.error == 0.0:
        return 0.0
    square = (mean.point / mean.error) ** 2
    return 1.0 if math.isnan(square) else regularised_beta(freedom / (freedom + square), freedom / 2.0, 0.5)
