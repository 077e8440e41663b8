"""Item statistics: what a real model made of each item of our suites, measured and kept beside them.

`statistics.json` is written by `tools/measure_suites.py`, never by hand:

    {"format":"comity suite statistics/1","model":"…","suites":{NAME:{"right":{ITEM:1},"sha256":…}},"weights":…}

Each item was asked once, as a run asks it, at temperature 0.  `sha256` is the suite's digest, so statistics of another
version are refused.

Not promised: that an item is as hard for another model.  One small model was measured; `history` gathers more.
"""

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from comity.estimate import Estimate, wilson
from comity.evaluation.suites import Suite, SuiteError

__all__ = ["FILE", "FORMAT", "ItemStatistics", "read_statistics"]

FORMAT: Final = "comity suite statistics/1"
FILE: Final = "statistics.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemStatistics:
    """What one model made of a suite."""

    model: str
    weights: str
    """SHA-256 of the weights."""
    right: Mapping[str, int]

    def by_difficulty(self, suite: Suite) -> Mapping[int, Estimate]:
        """The share right at each difficulty."""
        found: dict[int, list[int]] = {}
        for item in suite.items:
            found.setdefault(item.difficulty, []).append(self.right[item.id])
        return {level: wilson(sum(scores), len(scores), 0.95) for level, scores in sorted(found.items())}

    def whole(self) -> Estimate:
        """The share right of all."""
        return wilson(sum(self.right.values()), len(self.right), 0.95)


def read_statistics(suite: Suite) -> ItemStatistics:
    """The statistics of a suite as it ships; raises `SuiteError` where they are of another version."""
    members = json.loads(importlib.resources.files(__package__ or "").joinpath(FILE).read_text(encoding="utf-8"))
    known = members["suites"].get(suite.name)
    if known is None or known["sha256"] != suite.sha256 or set(known["right"]) != {item.id for item in suite.items}:
        raise SuiteError(f"the item statistics of {suite.name} are of another version; measure again")
    return ItemStatistics(model=members["model"], weights=members["weights"], right=known["right"])
