"""The rate of a bank from a stratified sample: allocation, point, intervals, and how often they hold."""

from itertools import product
from math import prod

import pytest
from scipy import stats

from comity.estimate import EstimateError, Stratum, allocate, clopper_pearson, disproportion, estimate_strata
from comity.estimate.strata import StrataMethod

METHODS: tuple[StrataMethod, ...] = ("korn-graubard", "clopper-pearson")


def coverage(method: StrataMethod, sizes: list[int], right: list[int], counts: tuple[int, ...], level: float) -> float:
    """The exact chance that the interval holds the bank's rate, summed over all samples."""
    truth, held = sum(right) / sum(sizes), 0.0
    chances = [
        stats.hypergeom(size, good, n).pmf(range(n + 1)) for size, good, n in zip(sizes, right, counts, strict=True)
    ]
    for found in product(*(range(n + 1) for n in counts)):
        chance = prod(chances[h][x] for h, x in enumerate(found))
        if chance > 1e-12:
            strata = [Stratum(size=s, n=n, successes=x) for s, n, x in zip(sizes, counts, found, strict=True)]
            made = estimate_strata(method, strata, level)
            held += chance * (made.low - 1e-12 <= truth <= made.high + 1e-12)
    return held


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("sizes", "right", "n"),
    [
        ([50, 150], [1, 1], 16),
        ([60, 60, 60], [1, 6, 30], 18),
        ([50, 100, 150], [0, 0, 6], 18),
        ([40, 160], [36, 160], 20),
        ([100, 100], [50, 50], 12),
        ([100, 100], [0, 100], 12),
    ],
)
def test_an_interval_holds_the_bank_s_rate_as_often_as_it_says(
    method: StrataMethod, sizes: list[int], right: list[int], n: int
) -> None:
    """Few units, rare outcomes and strata that differ: over all samples that there are, in 95 of 100 at least."""
    counts = allocate(n, sizes, [1] * len(sizes))

    assert coverage(method, sizes, right, counts, 0.95) >= 0.95 - 1e-9


def test_an_interval_of_a_sample_out_of_proportion_holds_as_well() -> None:
    """Neyman's allocation takes more where outcomes differ; korn-graubard holds there too."""
    sizes, weights = [60, 60, 60], [1, 2, 4]
    counts = allocate(21, sizes, weights)

    assert (3, 6, 12) == counts
    assert coverage("korn-graubard", sizes, [1, 6, 30], counts, 0.95) >= 0.95


def test_pooled_counts_out_of_proportion_are_widened_by_what_they_can_be_off() -> None:
    """The exact interval of pooled counts moves outwards by half of what the shares differ by."""
    strata = [Stratum(size=60, n=3, successes=1), Stratum(size=60, n=12, successes=6)]

    made = estimate_strata("clopper-pearson", strata, 0.95)
    pooled = clopper_pearson(7, 15, 0.95)

    assert 0.3 == pytest.approx(disproportion([60, 60], [3, 12]))
    assert (pooled.low - 0.3 if pooled.low > 0.3 else 0.0) == pytest.approx(made.low)
    assert min(1.0, pooled.high + 0.3) == pytest.approx(made.high)


def test_the_point_is_the_weighted_mean_and_a_census_is_certain() -> None:
    """Each stratum counts by its share of the bank; nothing is left open when all of it was judged."""
    part = [Stratum(size=30, n=10, successes=1), Stratum(size=10, n=4, successes=2)]
    census = [Stratum(size=5, n=5, successes=2), Stratum(size=3, n=3, successes=3)]
    made, whole = (estimate_strata("korn-graubard", one, 0.9) for one in (part, census))

    assert 0.75 * 0.1 + 0.25 * 0.5 == pytest.approx(made.point)
    assert (0.625, 0.625, 0.625) == (whole.low, whole.point, whole.high)
    assert "n=14 of 40 in 2 strata" in str(made)


def test_one_stratum_is_a_simple_random_sample() -> None:
    """Without strata korn-graubard is Clopper and Pearson's interval, at the units that the bank's end leaves."""
    made = estimate_strata("korn-graubard", [Stratum(size=10**6, n=50, successes=10)], 0.95)
    units = 50 / (1 - 50 / 10**6)
    low = stats.beta.ppf(0.025, units / 5, units * 0.8 + 1)
    high = stats.beta.ppf(0.975, units / 5 + 1, units * 0.8)

    assert (low, high) == pytest.approx((made.low, made.high), abs=1e-9)


def test_strata_that_differ_make_the_interval_shorter() -> None:
    """Where one stratum always fails and the other never, the strata have said nearly all that there is to say."""
    apart = [Stratum(size=100, n=20, successes=0), Stratum(size=100, n=20, successes=20)]
    alike = [Stratum(size=100, n=20, successes=10), Stratum(size=100, n=20, successes=10)]

    lengths = [made.high - made.low for made in (estimate_strata("korn-graubard", one, 0.95) for one in (apart, alike))]

    assert lengths[0] < lengths[1] / 2


def test_missing_units_stand_beside_the_interval_and_a_blind_stratum_widens_it() -> None:
    """Missing ones are bounds at worst; a stratum without any judgement could be anything."""
    strata = [Stratum(size=50, n=8, successes=4, missing=2), Stratum(size=50, n=0, successes=0, missing=5)]
    made = estimate_strata("korn-graubard", strata, 0.95)

    assert (0.5 * 0.4 + 0.0, 0.5 * 0.6 + 0.5) == pytest.approx((made.worst_low, made.worst_high))
    assert made.low <= 0.5 * 0.2 and made.high >= 0.5 * 0.8 + 0.25
    assert 7 == made.missing


@pytest.mark.parametrize(
    ("n", "sizes", "weights", "expected"),
    [
        (20, [50, 100, 150, 300], [1, 1, 1, 1], (2, 3, 5, 10)),
        (60, [100, 200, 300], [1, 1, 1], (10, 20, 30)),
        (6, [1, 1, 100], [1, 1, 1], (1, 1, 4)),
        (10, [4, 100], [10**6, 1], (4, 6)),
        (4, [10, 10], [1, 9], (2, 2)),
    ],
)
def test_allocation_is_in_proportion_and_leaves_no_stratum_out(
    n: int, sizes: list[int], weights: list[int], expected: tuple[int, ...]
) -> None:
    """Whole shares come out exactly, each stratum has two or all that it has, and none more than that."""
    assert expected == allocate(n, sizes, weights)


def test_a_sample_too_small_for_its_strata_is_refused() -> None:
    """Two units a stratum are the least from which its variance can be seen."""
    with pytest.raises(EstimateError, match="expected 6 to 30"):
        allocate(5, [10, 10, 10], [1, 1, 1])
