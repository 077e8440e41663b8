"""Judges err: how often, and what a rate becomes once that is taken off.

A judge (a scorer or a model) says of each answer yes or no; a rater says what is so.  Over answers that both saw:

| | the judge says yes | the judge says no |
| --- | --- | --- |
| the rater says yes | `both` | `missed` |
| the rater says no | `invented` | `neither` |

`sensitivity` is both / (both + missed), `specificity` is neither / (neither + invented).  `rogan_gladen` turns a
judge's rate p into (p + Sp − 1) / (Se + Sp − 1) (W. Rogan and B. Gladen, 1978).  Its `error` is that of the delta
method,

    √( p(1 − p)/n + r²·Se(1 − Se)/n₁ + (1 − r)²·Sp(1 − Sp)/n₀ ) / (Se + Sp − 1),    r the corrected rate,

and its interval plugs adjusted counts into the same formula (J. Reiczigel and Z. Lang, 2014), which keeps its level
where the delta method does not: for few labels, and near 0 and 1.

It rests on the judge erring *here* as it did where it was labelled.  Where the labels are a random sample of the very
answers that are judged, `powered` needs no such assumption, and this is the check beside it.

    >>> error = JudgeError(both=45, missed=15, invented=2, neither=58)
    >>> print(rogan_gladen(90, 250, error, 0.95))
    45.6% (34.1%–57.9%, 95% rogan-gladen, judged n=250, labelled 120, missing 0)

`agreement` says how far raters agree among themselves, beyond chance: α of K. Krippendorff (1970) for categories, for
any number of raters of whom each may have left some out.  It is 1 where they always agree, 0 where chance would.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from comity.estimate.corrected import Corrected
from comity.estimate.estimate import Estimate
from comity.estimate.functions import EstimateError, normal_quantile
from comity.estimate.proportion import check_level, clopper_pearson

__all__ = ["JudgeError", "agreement", "judge_error", "rogan_gladen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeError:
    """How a judge's word and a rater's fell together."""

    both: int
    missed: int
    invented: int
    neither: int

    def __post_init__(self) -> None:
        if min(self.both, self.missed, self.invented, self.neither) < 0:
            raise EstimateError("expected four counts of 0 or more")

    @property
    def labelled(self) -> int:
        """Answers that both saw."""
        return self.both + self.missed + self.invented + self.neither

    def sensitivity(self, level: float) -> Estimate:
        """Of what the rater calls yes, how much the judge does; raises `EstimateError` where there is none."""
        if self.both + self.missed == 0:
            raise EstimateError("the rater said yes to nothing, so nothing shows how often the judge sees a yes")
        return clopper_pearson(self.both, self.both + self.missed, level)

    def specificity(self, level: float) -> Estimate:
        """Of what the rater calls no, how much the judge does; raises `EstimateError` where there is none."""
        if self.neither + self.invented == 0:
            raise EstimateError("the rater said no to nothing, so nothing shows how often the judge sees a no")
        return clopper_pearson(self.neither, self.neither + self.invented, level)

    def accuracy(self, level: float) -> Estimate:
        """How often the two say the same; raises `EstimateError` where nothing is labelled."""
        return clopper_pearson(self.both + self.neither, self.labelled, level)


def judge_error(pairs: Iterable[tuple[int, int]]) -> JudgeError:
    """Count pairs of the rater's word and the judge's, each 1 or 0."""
    counted = Counter(pairs)
    if not set(counted) <= {(1, 1), (1, 0), (0, 1), (0, 0)}:
        raise EstimateError("expected pairs of 1 and 0: the rater's word and the judge's")
    return JudgeError(
        both=counted[1, 1], missed=counted[1, 0], invented=counted[0, 1], neither=counted[0, 0]
    )


def rogan_gladen(yes: int, n: int, error: JudgeError, level: float, *, missing: int = 0) -> Corrected:
    """The rate that the rater would find where a judge with this error found `yes` of `n`.

    Raises `EstimateError` without labels of both kinds, and for a judge who is no better than chance: from its word
    nothing follows.
    """
    check_level(level)
    if n < 1 or not 0 <= yes <= n or missing < 0:
        raise EstimateError(f"{yes} yes among {n} and {missing} missing; expected counts with n from 1")
    positives, negatives = error.both + error.missed, error.neither + error.invented
    sensitivity, specificity = error.sensitivity(level).point, error.specificity(level).point
    if sensitivity + specificity <= 1.0:
        raise EstimateError(
            f"sensitivity {sensitivity:.3f} and specificity {specificity:.3f}: a judge who is no better than chance "
            f"says nothing about the rate"
        )
    rate = yes / n
    free, spread = _corrected(rate, sensitivity, specificity, n, positives, negatives)
    point = min(1.0, max(0.0, free))

    z = normal_quantile((1.0 + level) / 2.0)
    adjusted = (n * rate + z * z / 2.0) / (n + z * z)
    seen, cleared = (error.both + 1.0) / (positives + 2.0), (error.neither + 1.0) / (negatives + 2.0)
    low, high = 0.0, 1.0
    if seen + cleared > 1.0:
        centre, reach = _corrected(adjusted, seen, cleared, n + z * z, positives + 2.0, negatives + 2.0)
        skew = centre * seen * (1.0 - seen) / (positives + 2.0)
        skew -= (1.0 - centre) * cleared * (1.0 - cleared) / (negatives + 2.0)
        middle = centre + 2.0 * z * z * skew
        low, high = max(0.0, middle - z * reach), min(1.0, middle + z * reach)
    return Corrected(
        point=point, low=min(low, point), high=max(high, point), error=spread, level=level, method="rogan-gladen",
        n=n, labelled=error.labelled, missing=missing,
    )  # fmt: skip


def _corrected(
    rate: float, sensitivity: float, specificity: float, n: float, positives: float, negatives: float
) -> tuple[float, float]:
    """The corrected rate, which may leave 0 to 1, and its standard error by the delta method."""
    power = sensitivity + specificity - 1.0
    corrected = (rate + specificity - 1.0) / power
    variance = rate * (1.0 - rate) / n
    variance += corrected**2 * sensitivity * (1.0 - sensitivity) / positives
    variance += (1.0 - corrected) ** 2 * specificity * (1.0 - specificity) / negatives
    return corrected, math.sqrt(variance) / power


def agreement(units: Iterable[Sequence[Hashable]]) -> float:
    """Krippendorff's α over units, each with the labels that raters gave it; units with fewer than two do not count.

    Raises `EstimateError` where no unit has two labels, and where all labels are the same: chance then agrees as well.
    """
    together: Counter[tuple[Hashable, Hashable]] = Counter()
    weights: dict[tuple[Hashable, Hashable], float] = {}
    for labels in units:
        if len(labels) < 2:
            continue
        for place, first in enumerate(labels):
            for other, second in enumerate(labels):
                if place != other:
                    together[first, second] += 1
                    weights[first, second] = weights.get((first, second), 0.0) + 1.0 / (len(labels) - 1)
    if not together:
        raise EstimateError("no unit has labels of two raters, so nothing shows how far they agree")
    totals: dict[Hashable, float] = {}
    for (first, _), weight in weights.items():
        totals[first] = totals.get(first, 0.0) + weight
    whole = math.fsum(totals.values())
    if len(totals) < 2:
        raise EstimateError("every label is the same, so agreement cannot be told from chance")
    apart = whole - math.fsum(weight for (first, second), weight in weights.items() if first == second)
    by_chance = (whole * whole - math.fsum(total * total for total in totals.values())) / (whole - 1.0)
    return 1.0 - apart / by_chance
