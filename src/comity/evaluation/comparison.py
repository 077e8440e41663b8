"""Comparison: versions and models side by side, item by item where they were asked the same items.

    compare(exports, level) -> Comparison

Each run has its rate.  Each further run is compared with the first, over the items that both have a judgement of: the
mean of the differences, with an interval that knows the clusters of the items, and a p-value, which Holm's method
adjusts for how many comparisons there are.  Without clusters and with one epoch the p-value is that of the exact sign
test; otherwise that of Student's t.

Runs of another bank, under another scorer, or whose items were drawn with unequal chances stand beside and are not
compared, and the sentence says why.  A run that
was compared is "higher", "lower" or "not told apart": two models are never called equal, since no number of items
shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from comity.estimate import (
    Estimate,
    EstimateError,
    Mean,
    clopper_pearson,
    holm,
    mean_test,
    paired_difference,
    sign_test,
)
from comity.evaluation.errors import EvaluationError
from comity.evaluation.history import Export

__all__ = ["Comparison", "Difference", "Standing", "compare"]

Verdict = Literal["higher", "lower", "not told apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One run with its own rate."""

    export: Export
    rate: Estimate | None
    """Over the first epoch; none where nothing was judged, or where the share of the answers is not the bank's rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One run less the first, over the items that both judged."""

    run: str
    mean: Mean
    alone: tuple[int, int]
    """Items that this run alone, and the first alone, got right in their first epoch."""
    p_value: float
    adjusted: float
    """By Holm's method, over all comparisons made here."""
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Runs side by side."""

    level: float
    standings: tuple[Standing, ...]
    differences: tuple[Difference, ...]
    apart: tuple[tuple[str, str], ...]
    """Runs that are not compared, and why."""

    def as_json(self) -> dict[str, Any]:
        """What `comity compare --json` prints."""
        return {
            "level": f"{self.level:.12g}",
            "runs": [
                {
                    "run": one.export.run,
                    "model": one.export.subject.model,
                    "bank": one.export.bank,
                    "date": str(one.export.subject.days.first) if one.export.subject.days else None,
                    "rate": one.rate.as_json() if one.rate else None,
                }
                for one in self.standings
            ],
            "differences": [
                {
                    "run": one.run,
                    "with": self.standings[0].export.run,
                    "point": f"{one.mean.point:.6f}",
                    "low": f"{one.mean.low:.6f}",
                    "high": f"{one.mean.high:.6f}",
                    "method": one.mean.method,
                    "items": one.mean.n,
                    "clusters": one.mean.clusters,
                    "missing": one.mean.missing,
                    "alone": list(one.alone),
                    "p_value": f"{one.p_value:.6g}",
                    "adjusted": f"{one.adjusted:.6g}",
                    "verdict": one.verdict,
                }
                for one in self.differences
            ],
            "not_compared": [{"run": run, "because": why} for run, why in self.apart],
        }


def compare(exports: Sequence[Export], level: float) -> Comparison:
    """Put runs side by side; raises `EvaluationError` for fewer than two, or one twice."""
    if len(exports) < 2 or len({one.run for one in exports}) != len(exports):
        raise EvaluationError("a comparison is of two runs or more, each once")
    first, *others = exports
    found: list[tuple[str, Mean, tuple[int, int], float]] = []
    apart: list[tuple[str, str]] = []
    for other in others:
        made = _difference(first, other, level)
        if isinstance(made, str):
            apart.append((other.run, made))
        else:
            found.append((other.run, *made))
    adjusted = holm([p_value for *_, p_value in found])
    differences = tuple(
        Difference(
            run=run, mean=mean, alone=alone, p_value=p_value, adjusted=held, verdict=_verdict(mean, held, 1.0 - level)
        )
        for (run, mean, alone, p_value), held in zip(found, adjusted, strict=True)
    )
    standings = tuple(Standing(export=one, rate=_rate(one, level)) for one in exports)
    return Comparison(level=level, standings=standings, differences=differences, apart=tuple(apart))


def _difference(first: Export, other: Export, level: float) -> tuple[Mean, tuple[int, int], float] | str:
    if (first.bank, first.bank_sha256) != (other.bank, other.bank_sha256):
        known, asked = (f"{run.bank} ({run.bank_sha256[:8]})" for run in (first, other))
        return f"it was asked other items: {asked}, not {known}"
    if first.scorer != other.scorer:
        return f"it was judged by {other.scorer}, not by {first.scorer}"
    if first.unequal or other.unequal:
        which = "the first's" if first.unequal else "its"
        return f"{which} items were drawn with unequal chances, so their differences are not the bank's"
    shared = [item for item in first.outcomes if item in other.outcomes]
    both = [item for item in shared if _judged(first, item) and _judged(other, item)]
    ours, theirs = ([_mean(run, item) for item in both] for run in (other, first))
    names = {**other.clusters, **first.clusters}
    clusters = [names.get(item, item) for item in both] if names else None
    try:
        mean = paired_difference(ours, theirs, level, clusters=clusters, missing=len(shared) - len(both))
    except EstimateError:
        return f"{len(both)} items have a judgement in both; expected two at least, in two clusters"
    alone = [(other.outcomes[item][0], first.outcomes[item][0]) for item in both]
    split = alone.count((1, 0)), alone.count((0, 1))
    repeated = any(len(run.outcomes[item]) > 1 for run in (first, other) for item in both)
    return mean, split, mean_test(mean) if clusters or repeated else sign_test(*split)


def _verdict(mean: Mean, adjusted: float, alpha: float) -> Verdict:
    if adjusted > alpha:
        return "not told apart"
    return "higher" if mean.point > 0 else "lower"


def _rate(export: Export, level: float) -> Estimate | None:
    scores = [scores[0] for scores in export.outcomes.values() if scores]
    judged = [score for score in scores if score is not None]
    missing = len(export.outcomes) - len(judged)
    known = bool(judged) and not export.unequal
    return clopper_pearson(sum(judged), len(judged), level, missing=missing) if known else None


def _judged(export: Export, item: str) -> bool:
    return any(score is not None for score in export.outcomes[item])


def _mean(export: Export, item: str) -> float:
    known = [score for score in export.outcomes[item] if score is not None]
    return sum(known) / len(known)
