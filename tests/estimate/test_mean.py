"""Means and paired differences: what is independent is counted as such, and nothing else."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import EstimateError, mean_of, paired_difference, student_quantile

SCORES = st.lists(st.floats(-10, 10).map(lambda score: round(score, 3)), min_size=2, max_size=40)


@given(st.floats(0.001, 0.9999), st.one_of(st.integers(1, 5000), st.floats(0.5, 50)))
def test_students_quantile_agrees_with_scipy(p: float, freedom: float) -> None:
    """A second implementation gives the same quantile."""
    stats = pytest.importorskip("scipy.stats")

    assert student_quantile(p, freedom) == pytest.approx(float(stats.t.ppf(p, freedom)), rel=1e-8, abs=1e-8)


@given(SCORES, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_of_a_mean_agrees_with_scipy(scores: list[float], level: float) -> None:
    """That of a one-sample t-test."""
    stats = pytest.importorskip("scipy.stats")
    found = mean_of(scores, level)
    if statistics.pstdev(scores) > 1e-6:
        theirs = stats.ttest_1samp(scores, 0.0).confidence_interval(level)
        assert (found.low, found.high) == pytest.approx((float(theirs.low), float(theirs.high)), rel=1e-7, abs=1e-7)
    assert found.low <= found.point <= found.high


@given(SCORES, st.integers(2, 5))
def test_copies_of_a_unit_add_nothing(scores: list[float], copies: int) -> None:
    """Each unit asked again with the same outcome: in clusters the error stays, without them it shrinks."""
    once = mean_of(scores, 0.95)
    again = [score for score in scores for _ in range(copies)]
    clustered = mean_of(again, 0.95, clusters=[place for place in range(len(scores)) for _ in range(copies)])

    assert clustered.error == pytest.approx(once.error, abs=1e-9)
    assert (clustered.low, clustered.high) == pytest.approx((once.low, once.high), abs=1e-8)
    assert mean_of(again, 0.95).error <= once.error + 1e-12


@given(SCORES)
def test_clusters_of_one_are_no_clusters(scores: list[float]) -> None:
    """The order and the names of clusters do not matter either."""
    assert mean_of(scores, 0.95, clusters=[f"c{n}" for n in range(len(scores))]).error == mean_of(scores, 0.95).error


def test_the_clustered_error_is_that_of_its_formula() -> None:
    """By hand: 16 scores in 4 passages of which one is all right; within a passage scores are alike."""
    scores = [1.0] * 4 + [0.0] * 12
    found = mean_of(scores, 0.95, clusters=[place // 4 for place in range(16)])

    # Residual sums 3, −1, −1, −1: squares 12; times 4/3, root 4; over 16.
    assert (0.25, 0.25) == (found.point, found.error)
    assert "0.25 (-0.5456 to 1.046, 95% t-clustered, n=16 in 4 clusters, missing 0)" == str(found) == repr(found)
    assert found.error > 2 * mean_of(scores, 0.95).error


@given(SCORES)
def test_a_bank_that_was_asked_whole_has_no_error(scores: list[float]) -> None:
    """Nothing is left to chance, and with more left there is more."""
    whole, half = mean_of(scores, 0.95, bank=len(scores)), mean_of(scores, 0.95, bank=2 * len(scores))

    assert whole.low == whole.point == whole.high
    assert half.error == pytest.approx(mean_of(scores, 0.95).error * 0.5**0.5)
    assert f" of {len(scores)}" in str(whole)


def test_what_both_find_hard_cancels_out() -> None:
    """Two models that differ by a little everywhere: the paired error is far below that of either."""
    draw = random.Random(7)
    hard = [draw.random() for _ in range(200)]
    first = [score + 0.05 + draw.gauss(0, 0.01) for score in hard]
    found = paired_difference(first, hard, 0.95)

    assert found.low < 0.05 < found.high
    assert found.error < mean_of(first, 0.95).error / 10


def test_a_mean_is_never_cut_to_its_point() -> None:
    """A format specification is refused."""
    found = mean_of([0.0, 1.0], 0.95)
    assert f"{found}" == str(found)
    with pytest.raises(EstimateError, match="printed in full"):
        f"{found:.2f}"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"scores": [1.0]}, "at least two independent units; got 1"),
        ({"clusters": ["a", "a", "a"]}, "at least two independent units; got 1"),
        ({"clusters": ["a"]}, "1 clusters for 3 scores"),
        ({"scores": [1.0, float("nan")]}, "is missing, and not a score"),
        ({"bank": 2}, "a bank of 2 units with 3 drawn"),
        ({"bank": 9, "clusters": ["a", "b", "c"]}, "expected clusters or a bank"),
        ({"level": 0.0}, "level 0.0"),
        ({"missing": -1}, "-1 missing"),
    ],
)
def test_what_gives_no_mean_is_refused(how: dict[str, object], message: str) -> None:
    """The refusal says what came."""
    words: dict[str, object] = {"scores": [0.0, 1.0, 1.0], "level": 0.95, **how}
    with pytest.raises(EstimateError, match=message):
        mean_of(**words)  # type: ignore[arg-type]
    with pytest.raises(EstimateError, match="the same units"):
        paired_difference([1.0], [], 0.95)
