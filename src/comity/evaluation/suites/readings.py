"""What two of our suites say beyond a share of right answers.

`read_confidence`: each answer states how likely a statement is, in percent.  Its side is the side of 50 it is on, its
confidence the distance from the other end.

| | is |
| --- | --- |
| over-confidence | mean of (confidence − right), from −1 to 1: above 0 the model is surer than it is right |
| Brier score | mean of (stated likelihood − truth)²: 0 is perfect, 0.25 is what "50" earns always |

`read_pairs`: each question stands in two wordings.  The difference is that of the second wording less the first, pair
by pair; beside it stands how often the two come out otherwise, whichever way.

An answer that states no number is missing, and is no half.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from comity.estimate import Estimate, EstimateError, Mean, clopper_pearson, mean_of, paired_difference
from comity.evaluation.errors import EvaluationError

__all__ = ["ConfidenceReading", "PairReading", "read_confidence", "read_pairs", "stated_percent"]

PERCENT: Final = re.compile(r"\s*(\d{1,3})\s*(?:%|percent)?\s*\.?\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceReading:
    """How sure a model is, beside how often it is right."""

    overconfidence: Mean
    brier: Mean


@dataclass(frozen=True, slots=True, kw_only=True)
class PairReading:
    """What a wording changes."""

    difference: Mean
    """Second wording less first."""
    differing: Estimate
    """Pairs whose wordings came out otherwise."""


def stated_percent(answer: str) -> int | None:
    """The number from 0 to 100 that the first line of an answer states, and nothing else."""
    lines = answer.strip().splitlines()
    found = PERCENT.fullmatch(lines[0]) if lines else None
    number = int(found[1]) if found else None
    return number if number is not None and number <= 100 else None


def read_confidence(stated: Mapping[str, int | None], true: Mapping[str, bool], level: float) -> ConfidenceReading:
    """From what was stated of each item, and whether it is so; raises `EvaluationError` for fewer than two numbers."""
    pairs = [(percent / 100, true[item]) for item, percent in stated.items() if percent is not None]
    missing = len(stated) - len(pairs)
    gaps = [max(likely, 1 - likely) - _right(likely, so) for likely, so in pairs]
    try:
        return ConfidenceReading(
            overconfidence=mean_of(gaps, level, missing=missing),
            brier=mean_of([(likely - so) ** 2 for likely, so in pairs], level, missing=missing),
        )
    except EstimateError as error:
        raise EvaluationError(f"too few answers state a number from 0 to 100: {error}") from None


def read_pairs(scores: Mapping[str, int | None], level: float) -> PairReading:
    """From the score of each item `…-a` and `…-b`; raises `EvaluationError` for fewer than two whole pairs."""
    names = sorted({item.rpartition("-")[0] for item in scores})
    both = [
        (first, second)
        for name in names
        if (first := scores.get(f"{name}-a")) is not None and (second := scores.get(f"{name}-b")) is not None
    ]
    try:
        difference = paired_difference(
            [float(second) for _, second in both], [float(first) for first, _ in both], level,
            missing=len(names) - len(both),
        )  # fmt: skip
    except EstimateError as error:
        raise EvaluationError(f"too few questions were judged in both wordings: {error}") from None
    changed = sum(first != second for first, second in both)
    return PairReading(
        difference=difference, differing=clopper_pearson(changed, len(both), level, missing=len(names) - len(both))
    )


def _right(likely: float, so: bool) -> float:
    """1 on the true side, 0 on the other, a half on neither."""
    return 0.5 if likely == 0.5 else float((likely > 0.5) == so)
