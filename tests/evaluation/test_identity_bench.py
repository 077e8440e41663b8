"""The benchmark's fast arithmetic is that of the test which a real session uses."""

import random
from typing import Any

import numpy as np
import pytest
from benchmarks.identity import Borders, Completions, table

from comity.estimate import compare


def collected() -> dict[str, Any]:
    """A few answers of four variants, out of a die."""
    die = random.Random(4)

    def answers(letters: str, count: int) -> list[list[str]]:
        return [["".join(die.choices(letters, k=die.randint(3, 8))) for _ in range(count)] for _ in range(5)]

    first = [[["a", -0.7], ["b", -0.75]], [["a", -0.1], ["c", -3.0]]]
    return {
        "reference": {"pools": answers("aab", 60), "first": first},
        "flash-attention-off": {"pools": answers("aab", 30), "first": first},
        "other": {"pools": answers("abb", 30), "first": [[["b", -0.5], ["a", -0.9]], [["c", -0.3], ["a", -1.5]]]},
    }


@pytest.mark.parametrize("margin", [0.0, 0.02])
def test_completions_are_compared_as_in_a_session(margin: float) -> None:
    """Distance and p-value of the same answers agree up to the scatter of the permutations."""
    pools, rng = collected(), np.random.default_rng(1)
    bench = Completions(pools)
    for variant in ("reference", "other"):
        before = bench.baseline(rng)
        fresh = bench.session(variant, 1.0, 40, [set(places) for places in before], rng)
        texts = [[text for held in pools.values() for text in held["pools"][prompt]] for prompt in range(5)]
        told = [[[texts[prompt][place] for place in group] for prompt, group in enumerate(groups)]
                for groups in (before, fresh)]  # fmt: skip
        p, upper = bench.compare(before, fresh, margin, rng)
        again = compare(*told, kind="completions", margin=margin, permutations=1999, seed=b"1")

        assert abs(p - again.p) < 0.08
        assert abs(upper - again.upper) < 0.01
        assert 40 == again.fresh and not any(set(b) & set(f) for b, f in zip(before, fresh, strict=True))


def test_first_tokens_are_compared_as_in_a_session() -> None:
    """The same counts give the same distance and p-value up to the scatter of the permutations."""
    bench, rng = Borders(collected()), np.random.default_rng(2)
    for variant in ("reference", "other"):
        before = [bench.draw("reference", 1.0, one, 20, rng) for one in (0, 1)]
        fresh = [bench.draw(variant, 0.3, one, 12, rng) for one in (0, 1)]
        told = [[[str(t) for t, many in enumerate(counts) for _ in range(many)] for counts in side]
                for side in (before, fresh)]  # fmt: skip
        p, upper = bench.compare(before, fresh, 0.0, rng)
        again = compare(*told, kind="first-token", margin=0.0, permutations=1999, seed=b"1")

        assert abs(p - again.p) < 0.25  # few tokens tie often, and a tie is split by chance
        assert abs(upper - again.upper) < 0.03


def test_the_table_names_every_row_with_both_shares() -> None:
    """What is printed is what was measured, to two places."""
    sizes = {str(size): {"p05": 0.051, "changed": 0.5} for size in (25, 100, 500)}
    row = {"name": "same file again", "looks": 0.02, **sizes}
    text = table({"completions": [row], "first_token": [row]})

    assert 2 == text.count("same file again") and 6 == text.count("0.05 / 0.50") and "| 0.02 |" in text
