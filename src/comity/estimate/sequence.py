"""Confidence sequences for a rate: intervals that may be looked at after every answer.

An ordinary interval that is looked at again and again excludes the truth far more often than its level says.  A
confidence sequence holds at all times at once, so an evaluation may stop as soon as the question is decided and
nothing is to be corrected for the looking.

`betting_sequence` is the set of rates that no bet could refute yet.  Against each rate m a gambler bets on every
answer, with the stakes of a Beta(a, b) mixture; its capital after S successes among t answers is

    K(m) = B(a + S, b + t − S) / B(a, b) / P_m(S, t)

where P_m is how likely this order of answers is under m.  Under the true rate the capital is a martingale that begins
at 1, so it ever reaches 1/α with a chance of at most α (J. Ville, 1939).  Rates whose capital is below 1/α stay:

| the units | P_m(S, t) |
| --- | --- |
| independent draws | m^S (1 − m)^(t − S) |
| drawn from a `bank` of N, k = mN | k!/(k − S)! · (N − k)!/(N − k − t + S)! · (N − t)!/N! |

The first is the mixture of H. Robbins (1970), the second of I. Waudby-Smith and A. Ramdas (NeurIPS 2020): units are
drawn at random without replacement.  The second is about the rate of the bank itself, and is that rate once all of it
was asked.

Both depend on the counts alone, so whoever has the counts recomputes them.  The mixture (`prior`) says before the
first answer where the rate is expected.  A good guess decides sooner, a bad one later, and neither makes it wrong.

    >>> print(betting_sequence(45, 50, 0.95))
    90.0% (71.3%–98.4%, 95% betting, n=50, missing 0)
    >>> decide(betting_sequence(45, 50, 0.95), 0.7)
    'above'

Not promised: that it is short. At one time that was fixed beforehand an ordinary interval is shorter.
"""

import math
from collections.abc import Callable
from typing import Final, Literal

from comity.estimate.estimate import Estimate
from comity.estimate.functions import EstimateError
from comity.estimate.proportion import check_level, worst_case

__all__ = ["Decision", "betting_sequence", "decide"]

Decision = Literal["above", "below", "open"]

PRIOR: Final = (0.5, 0.5)
"""Where nothing is known beforehand: the mixture of R. Krichevsky and V. Trofimov (1981)."""
SLACK: Final = 1e-9
"""Of the capital's logarithm: what rounding explains refutes no rate."""
MAX_BANK: Final = 10_000_000


def betting_sequence(
    successes: int,
    n: int,
    level: float,
    *,
    bank: int | None = None,
    prior: tuple[float, float] = PRIOR,
    missing: int = 0,
) -> Estimate:
    """The interval after `n` answers, valid whenever it is looked at.

    `bank` is how many units there are, where they are drawn at random without replacement, else None.  `prior` is
    the Beta mixture of the bets, fixed before the first answer.  Raises `EstimateError` for counts, levels or shapes
    that are none.
    """
    worst = worst_case(successes, n, missing)
    check_level(level)
    first, second = prior
    if not (0 < first < math.inf and 0 < second < math.inf):
        raise EstimateError(f"a prior of {first} and {second}, expected two numbers above 0")
    if bank is not None and not n <= bank <= MAX_BANK:
        raise EstimateError(f"a bank of {bank} units with {n} drawn from it, expected {n} to {MAX_BANK}")
    won = _log_beta(first + successes, second + n - successes) - _log_beta(first, second)
    refuted = won + math.log1p(-level) - SLACK
    low, high = (
        _independent(successes, n, refuted) if bank is None else _from_bank(successes, n, bank, refuted)
    )
    point = successes / n
    return Estimate(
        point=point,
        low=max(0.0, min(low, point)),
        high=min(1.0, max(high, point)),
        level=level,
        method="betting" if bank is None else "betting-bank",
        n=n,
        successes=successes,
        missing=missing,
        worst_low=min(worst[0], point),
        worst_high=max(worst[1], point),
        bank=bank,
    )


def decide(estimate: Estimate, threshold: float) -> Decision:
    """Whether the rate lies above or below a threshold, as far as its interval says.

    Wrong with a chance of at most 1 − level however often it is asked, if the interval is a confidence sequence; of
    an ordinary interval at one time that was fixed beforehand.
    """
    if not 0.0 <= threshold <= 1.0:
        raise EstimateError(f"a threshold of {threshold}, expected 0 to 1")
    if estimate.low > threshold:
        return "above"
    return "below" if estimate.high < threshold else "open"


def _independent(successes: int, n: int, refuted: float) -> tuple[float, float]:
    """The ends of {m : log P_m > refuted}; log P_m rises up to the point and falls from there on."""
    failures, point = n - successes, successes / n

    def log_chance(rate: float) -> float:
        return (successes * math.log(rate) if successes else 0.0) + (failures * math.log1p(-rate) if failures else 0.0)

    low = 0.0 if successes == 0 else _end(0.0, point, lambda rate: log_chance(rate) > refuted)
    high = 1.0 if failures == 0 else _end(1.0, point, lambda rate: log_chance(rate) > refuted)
    return low, high


def _end(outside: float, inside: float, stays: Callable[[float], bool]) -> float:
    """The last rate on the way from one that stays to one that does not that is known to be outside, by bisection."""
    while (middle := (outside + inside) / 2) not in (outside, inside):
        if stays(middle):
            inside = middle
        else:
            outside = middle
        if abs(inside - outside) <= 1e-15:
            break
    return outside


def _from_bank(successes: int, n: int, bank: int, refuted: float) -> tuple[float, float]:
    """The smallest and the largest k/N that stays; the chance rises up to the likeliest k and falls from there on."""
    failures = n - successes
    least, most = successes, bank - failures
    common = math.lgamma(bank - n + 1) - math.lgamma(bank + 1)

    def stays(k: int) -> bool:
        chance = math.lgamma(k + 1) - math.lgamma(k - successes + 1)
        chance += math.lgamma(bank - k + 1) - math.lgamma(bank - k - failures + 1)
        return chance + common > refuted

    likeliest = min(max(successes * (bank + 1) // n, least), most)
    low, high = likeliest, likeliest
    reach = least
    while reach < low:
        middle = (reach + low) // 2
        if stays(middle):
            low = middle
        else:
            reach = middle + 1
    reach = most
    while high < reach:
        middle = (high + reach + 1) // 2
        if stays(middle):
            high = middle
        else:
            reach = middle - 1
    return low / bank, high / bank


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
