"""Two sets of answers: exact where nothing changed, and able to see where something did."""

import math
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import (
    EstimateError,
    Kind,
    capital_of,
    compare,
    decisive_p,
    e_of_p,
    power_of,
    similarity,
)

KINDS: tuple[Kind, ...] = ("completions", "first-token")
TEXTS = st.text("abc", max_size=60)


def answers(random: Random, prompts: int, each: int, letters: str = "aabbc", length: int = 12) -> list[list[str]]:
    return [["".join(random.choices(letters, k=length)) for _ in range(each)] for _ in range(prompts)]


@given(TEXTS, TEXTS)
def test_the_similarity_is_symmetric_and_whole_for_equal_texts(one: str, other: str) -> None:
    """Equal texts are alike by 1, and no order of two texts matters."""
    assert similarity(one, other) == similarity(other, one)
    assert math.isclose(1.0, similarity(one, one))
    assert 0.0 <= similarity(one, other) <= 1.0 + 1e-12


@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_the_similarity_is_a_kernel(texts: list[str]) -> None:
    """No set of texts has a negative discrepancy: the matrix of similarities has no negative eigenvalue."""
    matrix = np.array([[similarity(one, other) for other in texts] for one in texts])

    assert np.linalg.eigvalsh(matrix).min() > -1e-9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fresh", [1, 4])
def test_p_values_are_uniform_where_nothing_changed(kind: Kind, fresh: int) -> None:
    """At margin 0 a p-value is below u with a chance of u, whatever the counts are."""
    random, found = Random(f"{kind} {fresh}"), []
    for number in range(400):
        both = answers(random, 3, 5 + fresh, length=4 if kind == "completions" else 1)
        before, now = [each[:5] for each in both], [each[5:] for each in both]
        found.append(
            compare(before, now, kind=kind, margin=0.0, permutations=99, seed=str(number).encode()).p
        )
    for level in (0.05, 0.25, 0.5, 0.75):
        share = sum(p <= level for p in found) / len(found)
        assert abs(share - level) < 3.5 * math.sqrt(level * (1 - level) / len(found))


def test_the_statistic_is_the_discrepancy_of_an_independent_reading() -> None:
    """The distance is MMD² less its mean over permutations, computed here with matrices."""
    random = Random(7)
    before, now = answers(random, 4, 9), answers(random, 4, 3, letters="abbbc")
    found = compare(before, now, kind="completions", margin=0.0, permutations=4000, seed=b"1")

    def discrepancy(old: list[str], new: list[str]) -> float:
        texts = [*old, *new]
        sides = np.array([1 / len(old)] * len(old) + [-1 / len(new)] * len(new))
        kernel = np.array([[np.mean([a == b for a, b in zip(x, y, strict=True)]) for y in texts] for x in texts])
        return float(sides @ kernel @ sides)

    generator, seen = np.random.default_rng(1), np.mean([discrepancy(*pair) for pair in zip(before, now, strict=True)])
    drawn = []
    for _ in range(300):
        values = []
        for old, new in zip(before, now, strict=True):
            mixed = list(generator.permutation([*old, *new]))
            values.append(discrepancy(mixed[: len(old)], mixed[len(old) :]))
        drawn.append(np.mean(values))
    assert math.isclose(found.distance, seen - np.mean(drawn), abs_tol=4 * float(np.std(drawn)) / math.sqrt(300))


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_seen_and_a_margin_tolerates_it(kind: Kind) -> None:
    """Another distribution gives a small p-value, which a margin beyond the distance takes away."""
    random = Random(3)
    before, now = answers(random, 8, 20, "ab", 8), answers(random, 8, 12, "abbbb", 8)
    if kind == "first-token":
        before, now = ([[text[0] for text in group] for group in groups] for groups in (before, now))
    seen = compare(before, now, kind=kind, margin=0.0, permutations=499, seed=b"1")
    wide = compare(before, now, kind=kind, margin=seen.distance * 1.5, permutations=499, seed=b"1")

    assert seen.p < 0.01 < seen.distance <= seen.upper
    assert wide.p > 0.3


def test_prompts_without_both_sides_do_not_count() -> None:
    """What was asked only once cannot be compared, and nothing at all is refused."""
    before, now = [["a", "b"], ["c"], []], [["a"], [], ["d"]]
    found = compare(before, now, kind="completions", margin=0.0, permutations=9, seed=b"")

    assert (2, 1, 1) == (found.before, found.fresh, found.prompts)
    with pytest.raises(EstimateError, match="nothing to compare"):
        compare([["a"], []], [[], ["b"]], kind="completions", margin=0.0, permutations=9, seed=b"")


@pytest.mark.parametrize(("kind", "effect"), [("completions", 0.04), ("first-token", 0.3)])
def test_the_stated_power_is_what_is_found(kind: Kind, effect: float) -> None:
    """Where a share of the answers is routed elsewhere that makes the effect, it is found as often as stated."""
    random, found, stated, rounds = Random(f"power {kind}"), 0, [], 80
    sets, size = ("ab", "cd", "ef", "gh"), 8 if kind == "completions" else 1
    # answers out of another prompt's letters agree nowhere: all of them are 1/2 + 1/2 away, a share s of them s²
    share = effect if kind == "first-token" else math.sqrt(effect)

    def drawn(each: int, strange: float) -> list[list[str]]:
        return [
            ["".join(random.choices(sets[prompt - (random.random() < strange)], k=size)) for _ in range(each)]
            for prompt in range(len(sets))
        ]

    for number in range(rounds):
        before, now, seed = drawn(20, 0.0), drawn(8, share), str(number).encode()
        found += compare(before, now, kind=kind, margin=0.0, permutations=199, seed=seed).p <= 0.05
        if number < 8:
            stated.append(
                power_of(
                    before, drawn(8, 0.0), kind=kind, margin=0.0, effect=effect, level=0.05, permutations=199,
                    rounds=200, seed=seed,
                )
            )
    assert 0.2 < sum(stated) / len(stated) < 0.95
    assert abs(found / rounds - sum(stated) / len(stated)) < 0.2


def test_a_power_within_the_margin_is_refused() -> None:
    """What is tolerated is not what is to be seen."""
    with pytest.raises(EstimateError, match="tolerated"):
        power_of(
            [["a", "b"]], [["a"]], kind="completions", margin=0.1, effect=0.1, level=0.05, permutations=9, rounds=9,
            seed=b"",
        )  # fmt: skip


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_an_e_value_is_at_most_one_on_average(alpha: float) -> None:
    """The bet is fair: over uniform p-values its value has a mean of at most 1."""
    steps = 200_000
    edges = np.concatenate([[0.0], np.logspace(-12, 0, steps)])
    # e falls in p, so its value at each cell's right end times the cell's width stays below the integral
    below = sum(
        e_of_p(float(high), alpha) * float(high - low) for low, high in zip(edges[:-1:50], edges[50::50], strict=False)
    )
    assert 0.85 < below <= 1.0


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_one_clear_test_decides_by_itself(alpha: float) -> None:
    """At a fifth of the level one p-value makes the capital reach 1/α; above it, it does not."""
    assert e_of_p(decisive_p(alpha), alpha) >= 1 / alpha
    assert e_of_p(decisive_p(alpha) * 1.01, alpha) < 1 / alpha


def test_looking_after_each_of_fifty_tests_keeps_the_level() -> None:
    """The capital of uniform p-values ever reaches 1/α in at most a share α of the paths."""
    random, paths = Random(11), 1500
    alarms = sum(
        capital_of([e_of_p(1 - random.random(), 0.05) for _ in range(50)])[1] >= 20 for _ in range(paths)
    )
    assert alarms / paths <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / paths)


@pytest.mark.parametrize(("p", "alpha"), list(product([0.0, -1.0, 1.1, math.nan], [0.05])) + [(0.5, 0.0), (0.5, 1.0)])
def test_what_is_no_p_value_or_level_is_refused(p: float, alpha: float) -> None:
    """A bet is made on a p-value above 0 and at most 1, at a level between."""
    with pytest.raises(EstimateError):
        e_of_p(p, alpha)
