"""Many questions at once: how many of the findings are chance?

| function | takes | bounds | source |
| --- | --- | --- | --- |
| `holm` | p-values | the chance of any false finding | S. Holm (1979) |
| `benjamini_hochberg` | p-values | the expected share of false findings | Y. Benjamini, Y. Hochberg (1995) |
| `e_bh` | e-values | the expected share of false findings | R. Wang, A. Ramdas (2022) |

`holm` and `e_bh` hold whatever depends on what, and `e_bh` whenever each test was stopped; `benjamini_hochberg` holds
for tests that are independent or positively dependent.

Holm is for the few endpoints on which a decision rests, the others are for looking around.  An e-value is a capital
as in `comity.estimate.sequence`: of an expectation of at most 1 where nothing is to be found.
"""

from collections.abc import Sequence

from comity.estimate.functions import EstimateError

__all__ = ["benjamini_hochberg", "e_bh", "holm"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: a finding is one at level α where its own is at most α."""
    order = _ranked(p_values)
    count, found, reached = len(order), [0.0] * len(order), 0.0
    for rank, place in enumerate(order):
        reached = max(reached, min(1.0, (count - rank) * p_values[place]))
        found[place] = reached
    return tuple(found)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: a finding is one at rate α where its own is at most α."""
    order = _ranked(p_values)
    count, found, reached = len(order), [0.0] * len(order), 1.0
    for rank, place in reversed(list(enumerate(order, start=1))):
        reached = min(reached, count * p_values[place] / rank)
        found[place] = reached
    return tuple(found)


def e_bh(e_values: Sequence[float], rate: float) -> tuple[bool, ...]:
    """Which e-values are findings at a rate of false ones, in the order given."""
    if not 0.0 < rate < 1.0:
        raise EstimateError(f"a rate of {rate}, expected between 0 and 1, such as 0.05")
    if any(not value >= 0.0 for value in e_values):
        raise EstimateError("expected e-values of 0 or more")
    falling, count = sorted(e_values, reverse=True), len(e_values)
    enough = [value for rank, value in enumerate(falling, start=1) if value * rank * rate >= count]
    return tuple(bool(enough) and value >= enough[-1] for value in e_values)


def _ranked(p_values: Sequence[float]) -> list[int]:
    if any(not 0.0 <= value <= 1.0 for value in p_values):
        raise EstimateError("expected p-values of 0 to 1")
    return sorted(range(len(p_values)), key=lambda place: p_values[place])
