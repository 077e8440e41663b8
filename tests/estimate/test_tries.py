"""The best of several tries: without bias, and with an interval that is sure of no more than its items show."""

import itertools
import random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import EstimateError, best_of, best_over_bank, pass_at_k


@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=7), data=st.data())
def test_it_is_the_mean_of_the_best_over_all_choices(scores: list[float], data: st.DataObject) -> None:
    """By the definition: every choice of k among n, the best of each, averaged."""
    k = data.draw(st.integers(1, len(scores)))
    every = [max(chosen) for chosen in itertools.combinations(scores, k)]

    assert best_of(scores, k) == pytest.approx(mean(every))


@given(n=st.integers(1, 12), data=st.data())
def test_for_tries_that_succeed_or_fail_it_is_pass_at_k(n: int, data: st.DataObject) -> None:
    """The two agree, so each checks the other."""
    right, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))

    assert best_of([1.0] * right + [0.0] * (n - right), k) == pytest.approx(pass_at_k(right, n, k))


def test_the_interval_covers_the_bank() -> None:
    """Over 300 samples from banks with easy, hard and mixed items the 90 % interval misses no oftener than it may."""
    chance = random.Random(7)
    for shape in ((0.5, 0.5), (5.0, 0.2), (0.05, 1.0)):
        bank = [chance.betavariate(*shape) for _ in range(120)]
        k, n = 3, 5
        truth = mean(1.0 - (1.0 - rate) ** k for rate in bank)
        missed = 0
        for _ in range(100):
            drawn = chance.sample(bank, 40)
            items = [[float(chance.random() < rate) for _ in range(n)] for rate in drawn]
            found = best_over_bank(items, k, bank=120, level=0.90)
            missed += not found.low <= truth <= found.high
        assert missed <= 100 * 0.1 + 2 * (100 * 0.09) ** 0.5 + 1, (shape, missed)


def test_repeating_one_item_makes_nobody_surer_of_the_bank() -> None:
    """Ten times as many tries of the same items leave the interval about as wide."""
    few = [[1.0] * 3 + [0.0] * 2] * 20
    many = [[1.0] * 30 + [0.0] * 20] * 20
    one, two = (best_over_bank(items, 1, bank=1000, level=0.95) for items in (few, many))

    assert abs((one.high - one.low) - (two.high - two.low)) < 0.01 and one.point == pytest.approx(0.6)


def test_all_right_is_not_certain() -> None:
    """Where every try of every item succeeded the interval still has a width, and the whole bank has none."""
    found = best_over_bank([[1.0, 1.0]] * 30, 2, bank=300, level=0.95)
    whole = best_over_bank([[1.0, 0.0]] * 30, 2, bank=30, level=0.95)

    assert found.high == 1.0 and 0.8 < found.low < 0.999
    assert (1.0, 1.0, 1.0) == (whole.point, whole.low, whole.high) and "best-of-2" in str(whole)


def test_an_item_with_too_few_tries_is_missing_and_widens() -> None:
    """It is neither a failure nor left out."""
    items: list[list[float | None]] = [[1.0, 0.0, 1.0]] * 25
    full = best_over_bank(items, 3, bank=200, level=0.95)
    holed = best_over_bank([*items[:20], *[[1.0, None, 1.0]] * 5], 3, bank=200, level=0.95)

    assert (25, 0, 20, 5) == (full.n, full.missing, holed.n, holed.missing)
    assert holed.low < full.low


@pytest.mark.parametrize(
    ("items", "k", "bank"), [([], 1, 5), ([[1.0]], 0, 5), ([[1.0]] * 6, 1, 5), ([[1.5]], 1, 5)]
)
def test_what_makes_no_sense_is_refused(items: list[list[float]], k: int, bank: int) -> None:
    """No item, no try, more items than the bank, a score outside its bounds."""
    with pytest.raises(EstimateError):
        best_over_bank(items, k, bank=bank, level=0.95)
    with pytest.raises(EstimateError):
        best_of([1.0], 2)
