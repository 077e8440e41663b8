"""Intervals for a rate keep their order, their nesting and, where promised, their coverage."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import (
    Estimate,
    EstimateError,
    Method,
    clopper_pearson,
    estimate_rate,
    jeffreys,
    wilson,
    worst_case,
)

METHODS: tuple[Method, ...] = ("wilson", "clopper-pearson", "jeffreys")
LEVELS = st.floats(0.01, 0.999)


@st.composite
def counts(draw: st.DrawFn, largest: int = 300) -> tuple[int, int]:
    n = draw(st.integers(1, largest))
    return draw(st.integers(0, n)), n


@given(st.sampled_from(METHODS), counts(), LEVELS, st.integers(0, 50))
def test_the_point_lies_within_its_interval(
    method: Method, sample: tuple[int, int], level: float, missing: int
) -> None:
    """0 ≤ low ≤ point ≤ high ≤ 1, whatever the counts, and the worst cases enclose the point."""
    estimate = estimate_rate(method, *sample, level, missing=missing)
    assert 0.0 <= estimate.low <= estimate.point <= estimate.high <= 1.0
    assert 0.0 <= estimate.worst_low <= estimate.point <= estimate.worst_high <= 1.0
    assert estimate.point == sample[0] / sample[1]


@given(st.sampled_from(METHODS), counts(), LEVELS, LEVELS)
def test_a_higher_level_gives_a_wider_interval(
    method: Method, sample: tuple[int, int], one: float, other: float
) -> None:
    """Intervals of two levels are nested."""
    narrow = estimate_rate(method, *sample, min(one, other))
    wide = estimate_rate(method, *sample, max(one, other))
    assert wide.low <= narrow.low + 1e-12
    assert narrow.high <= wide.high + 1e-12


@given(st.sampled_from(METHODS), st.integers(1, 300), st.data(), LEVELS)
def test_one_more_success_moves_both_ends_up(
    method: Method, n: int, data: st.DataObject, level: float
) -> None:
    """The ends rise with the successes."""
    successes = data.draw(st.integers(0, n - 1))
    before, after = (estimate_rate(method, successes + more, n, level) for more in (0, 1))
    assert before.low <= after.low + 1e-12
    assert before.high <= after.high + 1e-12


@given(st.sampled_from(METHODS), counts(), LEVELS)
def test_counting_failures_instead_mirrors_the_interval(
    method: Method, sample: tuple[int, int], level: float
) -> None:
    """The interval for the rate of failures is the interval for successes, turned around."""
    successes, n = sample
    one, other = estimate_rate(method, successes, n, level), estimate_rate(method, n - successes, n, level)
    assert one.low == pytest.approx(1 - other.high, abs=1e-12)
    assert one.high == pytest.approx(1 - other.low, abs=1e-12)


@given(st.sampled_from(METHODS[:2]), counts(), st.sampled_from([0.8, 0.9, 0.95, 0.99, 0.999]))
def test_the_ends_agree_with_scipy(method: Method, sample: tuple[int, int], level: float) -> None:
    """A second implementation gives the same interval."""
    stats = pytest.importorskip("scipy.stats")
    theirs = stats.binomtest(*sample).proportion_ci(level, {"wilson": "wilson"}.get(method, "exact"))
    estimate = estimate_rate(method, *sample, level)
    assert estimate.low == pytest.approx(float(theirs.low), abs=1e-10)
    assert estimate.high == pytest.approx(float(theirs.high), abs=1e-10)


@pytest.mark.parametrize("n", [1, 5, 100, 10_000])
def test_no_success_and_no_failure_have_closed_forms(n: int) -> None:
    """At none of n the exact upper end is 1 − (α/2)^(1/n); at all of n the lower end is its mirror image."""
    edge = 1 - 0.025 ** (1 / n)
    assert clopper_pearson(0, n, 0.95).low == 0.0
    assert clopper_pearson(0, n, 0.95).high == pytest.approx(edge, rel=1e-10)
    assert clopper_pearson(n, n, 0.95).low == pytest.approx(1 - edge, rel=1e-10)
    assert clopper_pearson(n, n, 0.95).high == 1.0
    z2 = 1.959963984540054**2
    assert wilson(0, n, 0.95).high == pytest.approx(z2 / (n + z2), rel=1e-12)


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("n", [10, 25, 60])
def test_the_exact_interval_never_covers_less_than_its_level(n: int, level: float) -> None:
    """Summed over all outcomes, the chance that the interval holds the true rate is at least the level."""
    intervals = [clopper_pearson(k, n, level) for k in range(n + 1)]
    for rate in (i / 200 for i in range(1, 200)):
        covered = math.fsum(
            math.comb(n, k) * rate**k * (1 - rate) ** (n - k)
            for k, interval in enumerate(intervals)
            if interval.low <= rate <= interval.high
        )
        assert covered >= level - 1e-12


def test_a_large_sample_has_its_interval_at_once() -> None:
    """A million units are no reason to wait."""
    estimate = clopper_pearson(600_000, 1_000_000, 0.95)
    assert estimate.low < 0.6 < estimate.high
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * math.sqrt(0.24 / 1e6), rel=1e-2)


def test_missing_units_are_neither_right_nor_wrong() -> None:
    """They leave the rate alone and open the worst-case bounds on both sides."""
    assert worst_case(72, 100, 4) == (72 / 104, 76 / 104)
    without, with_missing = wilson(72, 100, 0.95), wilson(72, 100, 0.95, missing=4)
    assert (without.point, without.low, without.high) == (
        with_missing.point,
        with_missing.low,
        with_missing.high,
    )
    assert (with_missing.worst_low, with_missing.worst_high) == (72 / 104, 76 / 104)


def test_an_estimate_is_printed_whole_or_not_at_all() -> None:
    """Text, representation and formatting all carry interval, method, n and what is missing."""
    estimate = wilson(72, 100, 0.95, missing=4)
    text = "72.0% (62.5%–79.9%, 95% wilson, n=100, missing 4: 69.2%–73.1% at worst)"
    assert {str(estimate), repr(estimate), f"{estimate}"} == {text}
    with pytest.raises(EstimateError, match="in full"):
        f"{estimate:.1f}"
    assert f"{clopper_pearson(1, 2, 0.999)}" == "50.0% (0.0%–100.0%, 99.9% clopper-pearson, n=2, missing 0)"


@given(st.sampled_from(METHODS), counts(), LEVELS, st.integers(0, 50))
def test_the_json_of_an_estimate_never_narrows_it(
    method: Method, sample: tuple[int, int], level: float, missing: int
) -> None:
    """Decimals are texts, rounded outwards, so an entry can hold them."""
    estimate = estimate_rate(method, *sample, level, missing=missing)
    members = estimate.as_json()
    assert all(type(value) in (str, int) for value in members.values())
    assert float(members["low"]) <= estimate.low + 2e-12
    assert float(members["high"]) >= estimate.high - 2e-12
    assert 0.0 <= float(members["worst_low"]) <= estimate.worst_low + 2e-12
    assert 1.0 >= float(members["worst_high"]) >= estimate.worst_high - 2e-12


@pytest.mark.parametrize(
    ("successes", "n", "level", "missing"),
    [(0, 0, 0.95, 0), (-1, 5, 0.95, 0), (6, 5, 0.95, 0), (1, 5, 0.0, 0), (1, 5, 1.0, 0), (1, 5, 95, 0)]
    + [(1, 5, math.nan, 0), (1, 5, 0.95, -1)],
)
def test_counts_that_cannot_be_are_refused(successes: int, n: int, level: float, missing: int) -> None:
    """No rate is estimated from nothing judged, and no level is read as a percentage."""
    for method in METHODS:
        with pytest.raises(EstimateError):
            estimate_rate(method, successes, n, level, missing=missing)


def test_an_interval_that_does_not_hold_its_point_cannot_be_built() -> None:
    """The type itself refuses an incoherent estimate."""
    sound = wilson(5, 10, 0.95)
    members = {name: getattr(sound, name) for name in Estimate.__slots__}
    with pytest.raises(EstimateError):
        Estimate(**{**members, "low": 0.6})
    with pytest.raises(EstimateError):
        Estimate(**{**members, "worst_high": 0.4})


@given(counts(), LEVELS)
def test_jeffreys_ends_are_quantiles_of_his_posterior(sample: tuple[int, int], level: float) -> None:
    """Against SciPy's beta distribution; at no and at all successes the end is 0 or 1."""
    stats = pytest.importorskip("scipy.stats")
    right, n = sample
    low, high = stats.beta.interval(level, right + 0.5, n - right + 0.5)
    made = jeffreys(right, n, level)

    assert made.low == pytest.approx(min(low, right / n) if right else 0.0, abs=1e-9)
    assert made.high == pytest.approx(max(high, right / n) if right < n else 1.0, abs=1e-9)
