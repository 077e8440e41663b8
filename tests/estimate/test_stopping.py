"""Stopping early: the rule looks where it says, decides on bets alone, and holds what it promises."""

import random

import pytest

from comity.estimate import EstimateError, Reached, Rule, estimate_rate

RULE = Rule(bank=200, cap=120, batch=20, least=40, level=0.95, threshold=0.5)


def test_it_looks_after_each_batch_from_the_least_on_and_at_the_cap() -> None:
    """Looks are at whole batches, and the last one is at the cap even where no batch ends."""
    assert list(RULE.looks()) == [40, 60, 80, 100, 120]
    assert list(Rule(bank=50, cap=25, batch=10, least=0, level=0.9, threshold=0.1).looks()) == [10, 20, 25]


def test_it_stops_at_the_first_look_that_decides() -> None:
    """What comes later is not looked at, and a decision between two looks waits for the next."""
    assert RULE.replay([1] * 120) == Reached(40, "above")
    assert RULE.replay([0] * 55) == Reached(40, "below")
    assert RULE.replay([1] * 39) == Reached(40, "open")
    assert RULE.replay([1, 0] * 30) == Reached(80, "open")
    assert RULE.replay([1, 0] * 60) == Reached(120, "open")


def test_what_is_missing_decides_nothing() -> None:
    """Where the missing would change the side if they came out otherwise, the question stays open."""
    assert RULE.decision([1] * 40) == "above"
    assert RULE.decision([1] * 22 + [None] * 18) == "open"
    assert RULE.decision([None] * 40) == "open"
    found = estimate_rate("betting-bank", 22, 22, 0.95, missing=18, bank=200)
    assert found.low < 0.5 < found.high


@pytest.mark.parametrize("successes", [100, 20, 4])
def test_a_decision_is_false_no_more_often_than_its_level_says(successes: int) -> None:
    """At the threshold itself, where any decision is false; 1,500 random orders of a bank."""
    bank = [1] * successes + [0] * (200 - successes)
    rule = Rule(bank=200, cap=120, batch=10, least=0, level=0.9, threshold=successes / 200)
    chosen = random.Random(successes)
    decided = sum(rule.replay(chosen.sample(bank, 120)).decision != "open" for _ in range(1_500))

    assert decided / 1_500 <= 0.1 + 2 * (0.1 * 0.9 / 1_500) ** 0.5


def test_a_rule_that_makes_no_sense_is_refused() -> None:
    """A cap beyond the bank, a least beyond the cap, an empty batch."""
    for wrong in ({"cap": 201}, {"least": 121}, {"batch": 0}):
        with pytest.raises(EstimateError, match="expected a batch"):
            Rule(**{"bank": 200, "cap": 120, "batch": 20, "least": 40, "level": 0.95, "threshold": 0.5} | wrong)
    with pytest.raises(EstimateError, match="how many units"):
        estimate_rate("betting-bank", 1, 2, 0.95)


def test_what_is_expected_is_what_happens() -> None:
    """The exact expectation agrees with 4,000 random orders of the bank."""
    rule = Rule(bank=100, cap=60, batch=10, least=0, level=0.9, threshold=0.3)
    bank = [1] * 45 + [0] * 55
    chosen = random.Random(1)
    ended = [rule.replay(chosen.sample(bank, 60)) for _ in range(4_000)]

    found = rule.expect(0.45)

    assert found.above + found.below + found.open == pytest.approx(1.0)
    assert sum(one.asked for one in ended) / 4_000 == pytest.approx(found.queries, abs=1.0)
    assert sum(one.decision == "above" for one in ended) / 4_000 == pytest.approx(found.above, abs=0.03)
    assert rule.expect(0.3).above + rule.expect(0.3).below <= 0.1
    with pytest.raises(EstimateError, match="expected 0 to 1"):
        rule.expect(1.5)
