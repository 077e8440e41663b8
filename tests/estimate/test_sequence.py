"""Confidence sequences hold whenever they are looked at: shown exactly, path by path, not by simulation."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import Estimate, EstimateError, betting_sequence, clopper_pearson, decide

PRIORS = st.tuples(st.floats(0.1, 20), st.floats(0.1, 20))


@st.composite
def counts(draw: st.DrawFn, largest: int = 400) -> tuple[int, int]:
    """Successes among answers."""
    n = draw(st.integers(1, largest))
    return draw(st.integers(0, n)), n


def misses(k: int, bank: int, level: float, prior: tuple[float, float]) -> float:
    """The chance that an interval ever excludes k of a bank, over all orders of drawing it to its end."""
    rate, alive, missed = k / bank, {0: 1.0}, 0.0
    for n in range(1, bank + 1):
        after: dict[int, float] = {}
        for successes, chance in alive.items():
            left = bank - n + 1
            for more, share in ((1, (k - successes) / left), (0, (left - k + successes) / left)):
                if share > 0:
                    after[successes + more] = after.get(successes + more, 0.0) + chance * share
        alive = {}
        for successes, chance in after.items():
            found = betting_sequence(successes, n, level, bank=bank, prior=prior)
            if found.low <= rate <= found.high:
                alive[successes] = chance
            else:
                missed += chance
    return missed


@pytest.mark.parametrize("prior", [(0.5, 0.5), (8.0, 2.0)], ids=["unknown", "a wrong guess for most"])
@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("bank", [12, 24])
def test_no_rate_of_a_bank_is_ever_excluded_too_often(bank: int, level: float, prior: tuple[float, float]) -> None:
    """For each rate that a bank can have, over every path: at most α, though each step is looked at."""
    worst = max(misses(k, bank, level, prior) for k in range(bank + 1))

    assert 0 < worst <= 1 - level + 1e-12


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.83])
def test_no_rate_is_ever_excluded_too_often(rate: float) -> None:
    """The same for independent draws, looked at after each of 150; an ordinary interval fails the same test."""
    ever = {"betting": 0.0, "clopper-pearson": 0.0}
    for method in ever:
        alive = {0: 1.0}
        for n in range(1, 151):
            after: dict[int, float] = {}
            for successes, chance in alive.items():
                after[successes] = after.get(successes, 0.0) + chance * (1 - rate)
                after[successes + 1] = after.get(successes + 1, 0.0) + chance * rate
            alive = {}
            for successes, chance in after.items():
                if chance < 1e-12:
                    ever[method] += chance
                    continue
                make = betting_sequence if method == "betting" else clopper_pearson
                found = make(successes, n, 0.95)
                if found.low <= rate <= found.high:
                    alive[successes] = chance
                else:
                    ever[method] += chance

    assert ever["betting"] <= 0.05
    assert rate == 0.01 or ever["clopper-pearson"] > 0.05


@given(counts(60), st.integers(0, 60), PRIORS, st.sampled_from([0.8, 0.95, 0.999]))
def test_the_set_is_that_of_prior_over_posterior(
    sample: tuple[int, int], more: int, prior: tuple[float, float], level: float
) -> None:
    """A second way to the same set: what stays is each k whose prior is less than 1/α times its posterior (SciPy)."""
    stats = pytest.importorskip("scipy.stats")
    (successes, n), (a, b) = sample, prior
    bank = n + more
    before = stats.betabinom(bank, a, b)
    after = stats.betabinom(more, a + successes, b + n - successes) if more else None
    stays = []
    for k in range(successes, successes + more + 1):
        held = float(after.logpmf(k - successes)) if after is not None else 0.0
        ratio = float(before.logpmf(k)) - held - math.log(1 / (1 - level))
        if abs(ratio) < 1e-6:
            return
        if ratio < 0:
            stays.append(k / bank)
    found = betting_sequence(successes, n, level, bank=bank, prior=prior)

    assert (min(*stays, found.point), max(*stays, found.point)) == (found.low, found.high)


@given(counts(), st.sampled_from([0.8, 0.95, 0.999]), PRIORS)
def test_the_ends_are_where_the_bets_have_won_enough(
    sample: tuple[int, int], level: float, prior: tuple[float, float]
) -> None:
    """At an end inside 0 and 1 the capital is 1/α; the integral of the bets is SciPy's."""
    special = pytest.importorskip("scipy.special")
    (successes, n), (a, b) = sample, prior
    found = betting_sequence(successes, n, level, prior=prior)
    for end in (found.low, found.high):
        if 1e-9 < end < 1 - 1e-9:
            won = special.betaln(a + successes, b + n - successes) - special.betaln(a, b)
            capital = float(won) - special.xlogy(successes, end) - special.xlog1py(n - successes, -end)
            assert capital == pytest.approx(-math.log(1 - level), abs=1e-6)


@given(counts(), PRIORS)
def test_counting_failures_instead_mirrors_it(sample: tuple[int, int], prior: tuple[float, float]) -> None:
    """For independent draws and for a bank."""
    successes, n = sample
    for bank in (None, n + 17):
        one = betting_sequence(successes, n, 0.95, bank=bank, prior=prior)
        other = betting_sequence(n - successes, n, 0.95, bank=bank, prior=prior[::-1])
        assert one.low == pytest.approx(1 - other.high, abs=1e-9)


@given(counts(200), st.integers(0, 200))
def test_a_bank_is_no_wider_and_ends_in_its_own_rate(sample: tuple[int, int], more: int) -> None:
    """Drawing without replacement says more about the bank, and everything once nothing is left."""
    successes, n = sample
    apart = betting_sequence(successes, n, 0.95)
    whole = betting_sequence(successes, n, 0.95, bank=n)
    assert whole.low == whole.point == whole.high

    banked = betting_sequence(successes, n, 0.95, bank=n + more)
    step = 1 / (n + more)
    assert apart.low - step <= banked.low and banked.high <= apart.high + step


def test_it_is_printed_with_its_bank() -> None:
    """A reader sees what the interval is about."""
    found = betting_sequence(45, 50, 0.95, bank=60, missing=2)

    assert "90.0% (81.7%–91.7%, 95% betting-bank, n=50 of 60, missing 2: 86.5%–90.4% at worst)" == str(found)
    assert (60, "betting-bank") == (found.as_json()["bank"], found.as_json()["method"])
    assert "bank" not in betting_sequence(45, 50, 0.95).as_json()


def test_a_decision_is_open_until_the_interval_leaves_the_threshold() -> None:
    """Above, below, or not yet: the threshold itself is neither."""
    found = betting_sequence(45, 50, 0.95)

    assert ["above", "open", "below"] == [decide(found, at) for at in (0.7, 0.9, 0.99)]
    assert "open" == decide(found, found.low) == decide(found, found.high)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"prior": (0.0, 1.0)}, "a prior of 0.0"),
        ({"prior": (math.inf, 1.0)}, "expected two numbers above 0"),
        ({"bank": 9}, "a bank of 9 units with 10 drawn"),
        ({"level": 1.0}, "level 1.0"),
        ({"successes": 11}, "11 successes among 10"),
    ],
)
def test_what_is_no_count_is_refused(how: dict[str, object], message: str) -> None:
    """The refusal says what came."""
    words: dict[str, object] = {"successes": 5, "n": 10, "level": 0.95, **how}
    with pytest.raises(EstimateError, match=message):
        betting_sequence(**words)  # type: ignore[arg-type]
    with pytest.raises(EstimateError, match="a threshold of 2"):
        decide(betting_sequence(5, 10, 0.95), 2)


def test_large_counts_are_read_to_the_end() -> None:
    """A million answers out of ten million: an interval as narrow as it has to be, around the rate."""
    found: Estimate = betting_sequence(300_000, 1_000_000, 0.95, bank=10_000_000)

    assert 0.001 < found.high - found.low < 0.005
    assert found.low < 0.3 < found.high
