"""The best of several tries, over a bank: pass@k and best-of-N, with how sure they are.

Each item was tried n times.  `best_of` is the expected best of k of these tries, without bias: the mean of the best
over all choices of k among the n.  For tries that succeed or fail that is pass@k (M. Chen and others, 2021).

`best_over_bank` is its mean over a bank of which some items were drawn at random without replacement.  Items are what
is independent, and not tries: a hundred tries of one item say nothing of another.  The interval is that of bets against
each mean (`drawn`), exact for whatever values lie between 0 and 1, at any number of items.  An item with fewer than k
judged tries is missing, and counts for each side as that side likes it least.

    >>> best_of([1.0, 0.0, 0.0, 0.0], 2)
    0.5

Not promised: anything about more than n tries; that is a forecast, and how success grows with tries differs by attack.
"""

import math
from collections.abc import Sequence

from comity.estimate.drawn import Draw, Drawn, drawn_interval
from comity.estimate.functions import EstimateError

__all__ = ["best_of", "best_over_bank"]

EVEN = 0.5
"""What is foreseen of an item of which nothing is known."""


def best_of(scores: Sequence[float], k: int) -> float:
    """The expected best of `k` of these tries, each choice of k as likely as the next."""
    n = len(scores)
    if not 1 <= k <= n:
        raise EstimateError(f"k is {k}, expected 1 to the {n} tries that there are; more tries would be a forecast")
    if not all(math.isfinite(score) for score in scores):
        raise EstimateError("expected scores that are numbers; a try without one is missing, and not a score")
    ways = math.comb(n, k)
    return math.fsum(math.comb(place, k - 1) / ways * score for place, score in enumerate(sorted(scores)))


def best_over_bank(items: Sequence[Sequence[float | None]], k: int, *, bank: int, level: float) -> Drawn:
    """The mean over the bank of the best of `k` tries, from items in the order in which they were drawn.

    Scores are between 0 and 1, `None` where a try has none.  Raises `EstimateError` without an item, for more items
    than the bank has, and for a score outside its bounds.
    """
    if not items:
        raise EstimateError("expected at least one item")
    if len(items) > bank:
        raise EstimateError(f"{len(items)} items from a bank of {bank}")
    draws = []
    for place, tries in enumerate(items):
        known = [score for score in tries if score is not None]
        if not all(0.0 <= score <= 1.0 for score in known):
            raise EstimateError("expected scores between 0 and 1")
        left = bank - place
        draws.append(
            Draw(
                outcome=best_of(known, k) if len(known) >= k else None, probability=1.0 / left, predicted=EVEN,
                rest=EVEN * left, low=-EVEN * left, high=EVEN * left, variance=EVEN * EVEN,
            )
        )  # fmt: skip
    if k < 1:
        raise EstimateError(f"k is {k}, expected 1 at least")
    found = drawn_interval(draws, bank, level)
    return Drawn(
        point=found.point, low=found.low, high=found.high, level=level, n=found.n, bank=bank, missing=found.missing,
        method=f"best-of-{k}",
    )  # fmt: skip
