"""The special functions that intervals need, from published formulas.

`regularised_beta(x, a, b)` is the distribution function of Beta(a, b) at x.  It is the continued
fraction of the incomplete beta function (NIST Digital Library of Mathematical Functions, 8.17.22)
evaluated by the modified Lentz method, on the side of the mean where it converges fast; the factor in
front comes from `math.lgamma`.

`beta_quantile(p, a, b)` inverts it by bisection on the floating-point line: slow next to Newton's
method, and sure to end at the right place.

`student_quantile(p, ν)` is a quantile of Beta(ν/2, 1/2), turned around.

`normal_quantile(p)` starts at Acklam's rational approximation (relative error below 1.2e-9) and takes
one step of Halley's method with `math.erfc`, which brings it to the accuracy of `erfc`.

Limits: a and b up to 10^7 (more units than any run has); there the error of `lgamma` costs about seven
digits and leaves eight.  Arguments outside the domain raise `EstimateError`.
"""

import math
from typing import Final

MAX_SHAPE: Final = 10_000_000.0
MAX_TERMS: Final = 200_000
"""Terms of the continued fraction; near the mean it needs of the order of the square root of a + b."""
EPSILON: Final = 1e-16
TINY: Final = 1e-300


class EstimateError(Exception):
    """The numbers given are no counts, levels or shapes that an estimate can be made of."""


def regularised_beta(x: float, a: float, b: float) -> float:
    """I_x(a, b): the chance that a Beta(a, b) variable is at most `x`."""
    if not (0 < a <= MAX_SHAPE and 0 < b <= MAX_SHAPE):
        raise EstimateError(f"shapes {a} and {b}, expected both above 0 and up to {MAX_SHAPE:.0f}")
    if not 0.0 <= x <= 1.0:
        raise EstimateError(f"x is {x}, expected 0 to 1")
    if x in (0.0, 1.0):
        return x
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    # The fraction converges fast below the mean; above it the other tail is computed.
    if x <= (a + 1.0) / (a + b + 2.0):
        return min(1.0, math.exp(log_front) * _fraction(x, a, b) / a)
    return max(0.0, 1.0 - math.exp(log_front) * _fraction(1.0 - x, b, a) / b)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of DLMF 8.17.22 by the modified Lentz method."""
    upper = 1.0
    lower = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = lower
    for m in range(1, MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for coefficient in (even, odd):
            lower = 1.0 / _away_from_zero(1.0 + coefficient * lower)
            upper = _away_from_zero(1.0 + coefficient / upper)
            value *= lower * upper
        if abs(lower * upper - 1.0) <= EPSILON * 4:
            return value
    raise AssertionError(f"the continued fraction did not converge at x={x}, a={a}, b={b}")


def _away_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY


def beta_quantile(p: float, a: float, b: float) -> float:
    """The x at which `regularised_beta(x, a, b)` reaches `p`."""
    if not 0.0 <= p <= 1.0:
        raise EstimateError(f"p is {p}, expected 0 to 1")
    if p in (0.0, 1.0):
        return p
    low, high = 0.0, 1.0
    while (middle := (low + high) / 2) not in (low, high):
        if regularised_beta(middle, a, b) < p:
            low = middle
        else:
            high = middle
        if high - low <= high * EPSILON * 4:
            break
    return (low + high) / 2


# P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003).
_A: Final = (
    -3.969683028665376e01,
    2.209460984245205e02,
    -2.759285104469687e02,
    1.383577518672690e02,
    -3.066479806614716e01,
    2.506628277459239e00,
)
_B: Final = (
    -5.447609879822406e01,
    1.615858368580409e02,
    -1.556989798598866e02,
    6.680131188771972e01,
    -1.328068155288572e01,
    1.0,
)
_C: Final = (
    -7.784894002430293e-03,
    -3.223964580411365e-01,
    -2.400758277161838e00,
    -2.549732539343734e00,
    4.374664141464968e00,
    2.938163982698783e00,
)
_D: Final = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00, 1.0)
_TAIL: Final = 0.02425


def normal_quantile(p: float) -> float:
    """The z that a standard normal variable stays below with chance `p`."""
    if not 0.0 < p < 1.0:
        raise EstimateError(f"p is {p}, expected between 0 and 1")
    if p > 0.5:
        # Exact by symmetry for the levels that people use: 1 − p has no rounding of its own above 1/2.
        return -normal_quantile(1.0 - p)
    if p < _TAIL:
        q = math.sqrt(-2.0 * math.log(p))
        z = _horner(_C, q) / _horner(_D, q)
    else:
        q = p - 0.5
        z = q * _horner(_A, q * q) / _horner(_B, q * q)
    error = 0.5 * math.erfc(-z / math.sqrt(2.0)) - p
    step = error * math.sqrt(2.0 * math.pi) * math.exp(z * z / 2.0)
    return z - step / (1.0 + z * step / 2.0)


def student_quantile(p: float, freedom: float) -> float:
    """The t that a variable of Student's distribution with so many degrees of freedom stays below with chance `p`."""
    if not 0.0 < p < 1.0:
        raise EstimateError(f"p is {p}, expected between 0 and 1")
    if not 0.0 < freedom <= MAX_SHAPE:
        raise EstimateError(f"{freedom} degrees of freedom, expected above 0 and up to {MAX_SHAPE:.0f}")
    if p == 0.5:
        return 0.0
    if p < 0.5:
        return -student_quantile(1.0 - p, freedom)
    # Of t² / (ν + t²), which is Beta(1/2, ν/2): its other tail is accurate where t is large, itself where it is small.
    if p > 0.9:
        rest = beta_quantile(2.0 * (1.0 - p), freedom / 2.0, 0.5)
        return math.sqrt(freedom * (1.0 - rest) / rest)
    share = beta_quantile(2.0 * p - 1.0, 0.5, freedom / 2.0)
    return math.sqrt(freedom * share / (1.0 - share))


def _horner(coefficients: tuple[float, ...], x: float) -> float:
    value = 0.0
    for coefficient in coefficients:
        value = value * x + coefficient
    return value
