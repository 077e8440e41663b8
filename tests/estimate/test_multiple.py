"""Many questions at once, and events that were never or seldom seen."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import (
    EstimateError,
    benjamini_hochberg,
    beta_quantile,
    e_bh,
    holm,
    pass_at_k,
    tries_needed,
    zero_event_bound,
)

CHANCES = st.lists(st.floats(0.0, 1.0), max_size=12)


@given(st.lists(st.floats(0.0, 1.0), max_size=6), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_is_the_closure_of_bonferroni(p_values: list[float], level: float) -> None:
    """A finding is one if every set of questions with it in is refuted by its smallest p-value, times its size."""
    places = range(len(p_values))
    sets = [chosen for size in range(1, len(p_values) + 1) for chosen in combinations(places, size)]
    for place, adjusted in enumerate(holm(p_values)):
        sizes = [len(chosen) * min(p_values[one] for one in chosen) for chosen in sets if place in chosen]
        assert (adjusted <= level) == all(size <= level for size in sizes)


@given(CHANCES.filter(len))
def test_benjamini_hochberg_agrees_with_scipy(p_values: list[float]) -> None:
    """A second implementation gives the same adjusted values."""
    stats = pytest.importorskip("scipy.stats")

    assert list(benjamini_hochberg(p_values)) == pytest.approx(list(stats.false_discovery_control(p_values)), abs=1e-12)


@given(st.lists(st.floats(0.0, 1e6), max_size=12), st.sampled_from([0.01, 0.05, 0.2]))
def test_e_bh_is_benjamini_hochberg_of_the_reciprocals(e_values: list[float], rate: float) -> None:
    """The largest set of which each e-value is at least the number of questions over rate times size."""
    found = e_bh(e_values, rate)
    sizes = [s for s in range(1, len(e_values) + 1) if sum(e * s * rate >= len(e_values) for e in e_values) >= s]
    largest = max(sizes, default=0)

    assert [largest > 0 and e * largest * rate >= len(e_values) for e in e_values] == list(found)


def test_order_and_emptiness_are_kept() -> None:
    """Values come back in the order in which they were given."""
    assert (0.04, 0.03, 0.5) == pytest.approx(holm([0.02, 0.01, 0.5]))
    assert () == holm([]) == benjamini_hochberg([]) == e_bh([], 0.05)
    with pytest.raises(EstimateError, match="p-values of 0 to 1"):
        holm([float("nan")])
    with pytest.raises(EstimateError, match="e-values of 0 or more"):
        e_bh([float("nan")], 0.1)
    with pytest.raises(EstimateError, match="a rate of 0"):
        e_bh([1.0], 0)


@given(st.integers(1, 100_000), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_the_bound_of_nothing_seen_is_the_exact_one(n: int, level: float) -> None:
    """It is the one-sided quantile of Beta(1, n), and about 3/n."""
    assert zero_event_bound(n, level) == pytest.approx(beta_quantile(level, 1, n), rel=1e-6)
    assert zero_event_bound(n, 0.95) <= 3 / n


@given(st.floats(1e-6, 0.9), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_so_many_tries_are_enough_and_one_fewer_is_not(bound: float, level: float) -> None:
    """The number needed shows the bound, and is the least that does."""
    n = tries_needed(bound, level)

    assert zero_event_bound(n, level) <= bound
    assert n == 1 or zero_event_bound(n - 1, level) > bound


@given(st.integers(1, 9), st.data())
def test_pass_at_k_is_the_share_of_choices_with_a_success(n: int, data: st.DataObject) -> None:
    """Counted one by one; so its expectation is the chance itself, for every chance."""
    successes, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    choices = list(combinations(range(n), k))

    assert pass_at_k(successes, n, k) == pytest.approx(
        sum(any(one < successes for one in chosen) for chosen in choices) / len(choices)
    )


@pytest.mark.parametrize("bad", [(-1, 5, 1), (6, 5, 1), (1, 5, 0), (1, 5, 6)])
def test_tries_that_are_none_are_refused(bad: tuple[int, int, int]) -> None:
    """More tries than there were would be a forecast."""
    with pytest.raises(EstimateError):
        pass_at_k(*bad)
    with pytest.raises(EstimateError):
        zero_event_bound(0, 0.95)
    with pytest.raises(EstimateError):
        tries_needed(1.0, 0.95)
