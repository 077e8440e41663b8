"""The rate of a run by the method that its plan names."""

from dataclasses import replace
from typing import assert_never

from comity.estimate.estimate import Estimate, Method
from comity.estimate.functions import EstimateError
from comity.estimate.proportion import clopper_pearson, jeffreys, wilson
from comity.estimate.sequence import betting_sequence

__all__ = ["estimate_rate"]


def estimate_rate(
    method: Method, successes: int, n: int, level: float, *, missing: int = 0, bank: int | None = None
) -> Estimate:
    """The estimate by the method of that name; `bank` is how many units there are, which "betting-bank" needs.

    The interval of "betting-bank" holds however the missing units would have come out.
    """
    match method:
        case "wilson":
            return wilson(successes, n, level, missing=missing)
        case "clopper-pearson":
            return clopper_pearson(successes, n, level, missing=missing)
        case "jeffreys":
            return jeffreys(successes, n, level, missing=missing)
        case "betting-bank":
            return _whatever_is_missing(successes, n, level, missing, bank)
        case _:
            assert_never(method)


def _whatever_is_missing(successes: int, n: int, level: float, missing: int, bank: int | None) -> Estimate:
    if bank is None:
        raise EstimateError("betting-bank is about a bank; expected how many units it has")
    found = betting_sequence(successes, n, level, bank=bank, missing=missing)
    if not missing:
        return found
    whole = n + missing
    return replace(
        found,
        low=min(betting_sequence(successes, whole, level, bank=bank).low, found.point),
        high=max(betting_sequence(successes + missing, whole, level, bank=bank).high, found.point),
    )
