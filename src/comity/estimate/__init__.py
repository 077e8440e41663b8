"""Estimates: how sure is this number?

A rate from a sample is a point with an interval, a method, a number of units and a count of what is
missing.  This package makes such values from counts, in pure Python: no SciPy, no NumPy, nothing of
ours, so that a third party who checks a result needs no more than this package.

    >>> print(wilson(72, 100, 0.95))
    72.0% (62.5%–79.9%, 95% wilson, n=100, missing 0)

There is no way to print the point alone.
"""

from comity.estimate.estimate import Estimate, Method
from comity.estimate.functions import EstimateError, beta_quantile, normal_quantile, regularised_beta
from comity.estimate.proportion import clopper_pearson, estimate_rate, wilson, worst_case

__all__ = [
    "Estimate",
    "EstimateError",
    "Method",
    "beta_quantile",
    "clopper_pearson",
    "estimate_rate",
    "normal_quantile",
    "regularised_beta",
    "wilson",
    "worst_case",
]
