"""Estimates from unequal draws: exact on small banks, where every order of draws can be enumerated."""

import math
import random
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from comity.estimate import Bets, Draw, EstimateError, assisted_mean, drawn_interval, drawn_mean

Weights = Callable[[tuple[int, ...]], list[float]]


def weights_of(outcomes: list[float], predictions: list[float]) -> Weights:
    """Weights that change with what was drawn, as an adaptive sampler's do."""

    def weights(drawn: tuple[int, ...]) -> list[float]:
        left = [place for place in range(len(outcomes)) if place not in drawn]
        return [1.0 + place + len(drawn) * predictions[place] for place in left]

    return weights


def draw_of(
    outcomes: list[float], predictions: list[float], weights: Weights, drawn: tuple[int, ...], item: int
) -> Draw:
    """The draw of one item after others, with all that a sampler states."""
    left = [place for place in range(len(outcomes)) if place not in drawn]
    shares = weights(drawn)
    whole = sum(shares)
    chance = {place: share / whole for place, share in zip(left, shares, strict=True)}
    return Draw(
        outcome=outcomes[item],
        probability=chance[item],
        predicted=predictions[item],
        rest=sum(predictions[place] for place in left),
        low=min(-predictions[place] / chance[place] for place in left),
        high=max((1.0 - predictions[place]) / chance[place] for place in left),
        variance=0.2,
    )


def orders(outcomes: list[float], predictions: list[float], length: int) -> Iterator[tuple[float, list[Draw]]]:
    """Every order of so many draws, with its chance."""
    weights = weights_of(outcomes, predictions)

    def after(drawn: tuple[int, ...], chance: float, draws: list[Draw]) -> Iterator[tuple[float, list[Draw]]]:
        if len(drawn) == length:
            yield chance, draws
            return
        for item in range(len(outcomes)):
            if item not in drawn:
                draw = draw_of(outcomes, predictions, weights, drawn, item)
                yield from after((*drawn, item), chance * draw.probability, [*draws, draw])

    yield from after((), 1.0, [])


BANKS = [
    ([1.0, 0.0, 0.0, 1.0, 0.0], [0.9, 0.1, 0.3, 0.4, 0.5]),
    ([0.0, 0.0, 0.0, 0.0, 1.0], [0.9, 0.8, 0.7, 0.9, 0.05]),
    ([0.2, 0.7, 0.5, 1.0, 0.3], [0.5, 0.5, 0.5, 0.5, 0.5]),
]


@pytest.mark.parametrize(("outcomes", "predictions"), BANKS)
def test_the_mean_has_no_bias(outcomes: list[float], predictions: list[float]) -> None:
    """Over all orders of draws the estimate's mean is the bank's, however bad the predictions."""
    expected = sum(chance * drawn_mean(draws, 5) for chance, draws in orders(outcomes, predictions, 3))

    assert expected == pytest.approx(sum(outcomes) / 5, abs=1e-12)


@pytest.mark.parametrize(("outcomes", "predictions"), BANKS)
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_capital_is_a_martingale_under_the_true_mean(
    outcomes: list[float], predictions: list[float], length: int
) -> None:
    """At the bank's own mean neither gambler wins or loses on average: the guarantee rests on this alone."""
    above = below = 0.0
    for chance, draws in orders(outcomes, predictions, length):
        bets = Bets(5, sum(outcomes) / 5, 0.999999)
        for draw in draws:
            bets.take(draw)
        above += chance * bets.evidence[0]
        below += chance * bets.evidence[1]

    assert above == pytest.approx(1.0, abs=1e-9)
    assert below == pytest.approx(1.0, abs=1e-9)


def sequence_of(outcomes: list[float], predictions: list[float], seed: int, length: int) -> list[Draw]:
    """One order of draws by its chance."""
    chosen, draws, drawn = random.Random(seed), [], ()
    weights = weights_of(outcomes, predictions)
    for _ in range(length):
        left = [place for place in range(len(outcomes)) if place not in drawn]
        item = chosen.choices(left, weights(drawn))[0]
        draws.append(draw_of(outcomes, predictions, weights, drawn, item))
        drawn = (*drawn, item)
    return draws


def bank_of(size: int, rate: float, seed: int) -> tuple[list[float], list[float]]:
    chosen = random.Random(seed)
    outcomes = [float(chosen.random() < rate) for _ in range(size)]
    return outcomes, [0.8 if outcome else 0.3 for outcome in outcomes]


def test_a_whole_bank_leaves_no_doubt() -> None:
    """Once every item was asked, the interval is the mean itself."""
    outcomes, predictions = bank_of(40, 0.3, 1)

    estimate = drawn_interval(sequence_of(outcomes, predictions, 1, 40), 40, 0.95)

    assert estimate.low == pytest.approx(sum(outcomes) / 40, abs=2e-4)
    assert estimate.high == pytest.approx(sum(outcomes) / 40, abs=2e-4)


def test_the_interval_is_what_the_bets_left() -> None:
    """A threshold outside the interval is decided on its own side, and one well inside is open."""
    outcomes, predictions = bank_of(120, 0.4, 2)
    draws = sequence_of(outcomes, predictions, 3, 60)
    estimate = drawn_interval(draws, 120, 0.95)

    def decision(threshold: float) -> str:
        bets = Bets(120, threshold, 0.95)
        return [bets.take(draw) for draw in draws][-1]

    assert 0.0 < estimate.low < estimate.point < estimate.high < 1.0
    assert decision(estimate.low - 0.01) == "above"
    assert decision(estimate.high + 0.01) == "below"
    assert decision(estimate.point) == "open"


def test_the_interval_only_shrinks() -> None:
    """What a bet refuted stays refuted."""
    outcomes, predictions = bank_of(60, 0.5, 4)
    draws = sequence_of(outcomes, predictions, 5, 60)

    found = [drawn_interval(draws[:length], 60, 0.9, grid=50) for length in (15, 30, 45, 60)]

    for before, after in pairwise(found):
        assert after.low >= before.low - 1e-4
        assert after.high <= before.high + 1e-4


def test_what_is_missing_counts_against_either_side() -> None:
    """With missing outcomes the interval holds those of every way in which they might have come out."""
    outcomes, predictions = bank_of(50, 0.5, 6)
    draws = sequence_of(outcomes, predictions, 7, 40)
    places = {5, 11, 30}

    def with_missing(value: float | None) -> list[Draw]:
        return [
            Draw(value, d.probability, d.predicted, d.rest, d.low, d.high, d.variance) if place in places else d
            for place, d in enumerate(draws)
        ]

    unknown = drawn_interval(with_missing(None), 50, 0.95)

    assert unknown.missing == 3
    assert unknown.n == 37
    assert unknown.low <= drawn_interval(with_missing(0.0), 50, 0.95).low + 1e-2
    assert unknown.high >= drawn_interval(with_missing(1.0), 50, 0.95).high - 1e-2


def test_the_assisted_mean_follows_the_last_predictions() -> None:
    """With predictions that are right it is right, whatever was drawn."""
    outcomes, predictions = bank_of(30, 0.4, 8)
    drawn = sequence_of(outcomes, predictions, 9, 10)
    final = [draw.outcome or 0.0 for draw in drawn]

    estimate = assisted_mean(drawn, 30, final, sum(outcomes) - sum(final))

    assert estimate == pytest.approx(sum(outcomes) / 30)


def test_a_draw_outside_its_bounds_is_refused() -> None:
    """Bounds that an answer breaks were no bounds, and the bets that trusted them are void."""
    with pytest.raises(EstimateError, match="outside the bounds"):
        Bets(10, 0.5, 0.95).take(Draw(1.0, 0.01, 0.0, 5.0, low=0.0, high=1.0, variance=0.2))


def test_bad_calls_are_refused() -> None:
    """A threshold that is no rate, no draw, more draws than items, and predictions that do not match."""
    draw = Draw(1.0, 1.0, 0.5, 0.5, low=-0.5, high=0.5, variance=0.2)
    with pytest.raises(EstimateError, match="expected 0 to 1"):
        Bets(10, 1.5, 0.95)
    with pytest.raises(EstimateError, match="at least one draw"):
        drawn_mean([], 10)
    with pytest.raises(EstimateError, match="one for each"):
        assisted_mean([draw], 1, [], 0.0)
    bets = Bets(1, 0.5, 0.95)
    assert bets.take(draw) == "above"
    with pytest.raises(EstimateError, match="more draws"):
        bets.take(draw)


def test_an_estimate_is_printed_whole() -> None:
    """Interval, method, n, bank and what is missing stand beside the point."""
    draws = [Draw(1.0, 1.0, 0.5, 0.5, low=-0.5, high=0.5, variance=0.2)]

    assert str(drawn_interval(draws, 1, 0.95)) == "100.0% (100.0%–100.0%, 95% betting-drawn, n=1 of 1, missing 0)"
    assert math.isclose(drawn_interval(draws, 1, 0.95).low, 1.0, abs_tol=1e-4)
