"""A judge's error, what a rate becomes without it, and how far raters agree."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import EstimateError, JudgeError, agreement, judge_error, rogan_gladen

ERROR = JudgeError(both=45, missed=15, invented=2, neither=58)
COUNTS = st.builds(
    JudgeError,
    both=st.integers(1, 60), missed=st.integers(0, 60), invented=st.integers(0, 60), neither=st.integers(1, 60),
)  # fmt: skip


def test_the_error_is_counted_from_pairs() -> None:
    """The rater's word first; sensitivity and specificity come with exact intervals."""
    found = judge_error([(1, 1)] * 45 + [(1, 0)] * 15 + [(0, 1)] * 2 + [(0, 0)] * 58)
    assert found == ERROR and found.labelled == 120
    assert (found.sensitivity(0.95).point, found.specificity(0.95).point) == (0.75, 58 / 60)
    assert found.accuracy(0.95).successes == 103
    assert {found.sensitivity(0.9).method} == {"clopper-pearson"}
    for wrong in ([(1, 2)], [(None, 1)]):
        with pytest.raises(EstimateError):
            judge_error(wrong)  # type: ignore[arg-type]


@given(COUNTS, st.integers(0, 200))
def test_the_corrected_rate_is_that_of_its_formula(error: JudgeError, yes: int) -> None:
    """Exact fractions agree, cut to 0 and 1; the interval holds the point; a judge who guesses is refused."""
    seen = Fraction(error.both, error.both + error.missed)
    cleared = Fraction(error.neither, error.neither + error.invented)
    if seen + cleared <= 1:
        with pytest.raises(EstimateError, match="no better than chance"):
            rogan_gladen(yes, 200, error, 0.95)
        return
    found = rogan_gladen(yes, 200, error, 0.95)
    free = (Fraction(yes, 200) + cleared - 1) / (seen + cleared - 1)
    assert found.point == pytest.approx(float(min(1, max(0, free))), abs=1e-9)
    assert 0.0 <= found.low <= found.point <= found.high <= 1.0


def test_the_error_of_the_corrected_rate_is_that_of_the_delta_method() -> None:
    """The derivatives are taken numerically, one argument at a time."""
    found = rogan_gladen(90, 250, ERROR, 0.95)

    def corrected(rate: float, seen: float, cleared: float) -> float:
        return (rate + cleared - 1) / (seen + cleared - 1)

    at, sizes = [0.36, 0.75, 58 / 60], [250, 60, 60]
    variance = 0.0
    for place, (value, size) in enumerate(zip(at, sizes, strict=True)):
        up, down = list(at), list(at)
        up[place] += 1e-6
        down[place] -= 1e-6
        slope = (corrected(*up) - corrected(*down)) / 2e-6
        variance += slope**2 * value * (1 - value) / size
    assert found.error == pytest.approx(math.sqrt(variance), rel=1e-6)


def test_a_judge_without_error_changes_little() -> None:
    """With many labels and no error found, the corrected rate is the judge's and the interval hardly wider."""
    found = rogan_gladen(90, 250, JudgeError(both=5000, missed=0, invented=0, neither=5000), 0.95)
    assert found.point == pytest.approx(0.36)
    assert (found.low, found.high) == pytest.approx((0.303, 0.421), abs=0.003)
    assert str(found).startswith("36.0% (") and "rogan-gladen, judged n=250, labelled 10000" in f"{found}"
    with pytest.raises(EstimateError):
        format(found, ".1f")
    assert str(found.as_json()["low"]) < "0.360000" < str(found.as_json()["high"])
    assert "weight" not in found.as_json()


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "seen", "cleared"), [(0.05, 0.75, 0.97), (0.3, 0.6, 0.99), (0.6, 0.9, 0.9)])
def test_the_interval_keeps_its_level(rate: float, seen: float, cleared: float) -> None:
    """Over simulated judges labelled on 40 of each kind, within three Monte-Carlo standard errors."""
    die, runs, kept = random.Random(f"{rate}"), 500, 0

    def draw(chance: float, count: int) -> int:
        return sum(die.random() < chance for _ in range(count))

    for _ in range(runs):
        both, neither = draw(seen, 40), draw(cleared, 40)
        error = JudgeError(both=both, missed=40 - both, invented=40 - neither, neither=neither)
        found = rogan_gladen(draw(rate * seen + (1 - rate) * (1 - cleared), 250), 250, error, 0.95)
        kept += found.low <= rate <= found.high
    assert kept / runs >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


def test_what_shows_nothing_about_the_judge_is_refused() -> None:
    """Labels of one kind alone leave the other half of the error unknown."""
    for both, missed, invented, neither in ((5, 1, 0, 0), (0, 0, 1, 5)):
        error = JudgeError(both=both, missed=missed, invented=invented, neither=neither)
        with pytest.raises(EstimateError, match="nothing shows"):
            rogan_gladen(3, 10, error, 0.95)
    with pytest.raises(EstimateError):
        JudgeError(both=-1, missed=0, invented=0, neither=0)
    with pytest.raises(EstimateError):
        rogan_gladen(11, 10, ERROR, 0.95)


def test_agreement_is_that_of_krippendorffs_example() -> None:
    """His table of four raters, twelve units and gaps, as categories: alpha is 0.743."""
    table = [
        "11.1", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", ".555", "..11", ".3..",
    ]  # fmt: skip
    units = [[label for label in unit if label != "."] for unit in table]
    assert agreement(units) == pytest.approx(0.743, abs=5e-4)


@given(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=4), min_size=1, max_size=20))
def test_agreement_is_one_only_where_everybody_agrees(units: list[list[int]]) -> None:
    """It does not depend on the order of raters or units, and never exceeds 1."""
    try:
        found = agreement(units)
    except EstimateError:
        assert len({label for unit in units for label in unit}) < 2
        return
    assert found == pytest.approx(agreement([list(reversed(unit)) for unit in reversed(units)]))
    assert found <= 1.0 + 1e-12
    assert (abs(found - 1.0) < 1e-12) == all(len(set(unit)) == 1 for unit in units)


def test_agreement_needs_two_raters_on_a_unit() -> None:
    """One rater agrees with nobody."""
    with pytest.raises(EstimateError, match="two raters"):
        agreement([(1,), (0,)])
