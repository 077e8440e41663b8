"""What a plan's sample is, and what it shows: one reading for whoever runs it, reports it and checks it.

    Sampled(design, frame, seed, scores)

draws the sample of a `stratified` or an `active` design from its frame and seed, as far as the scores reach, and says
how many items are to be asked, with which chance each was drawn, and what follows: the estimates and the decision.
`scores` are by the frame's own names, for each item that has ended: 1, 0, or None where it is missing.

| kind | its methods | a decision rests on |
| --- | --- | --- |
| `stratified` | `korn-graubard`; `clopper-pearson` where the allocation is proportional | `clopper-pearson` |
| `active` | `betting-drawn` | the bets at the threshold itself, with the ends of `betting-drawn` beside them |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from comity.estimate.drawing import Drawing, Rules, estimate_drawn
from comity.estimate.drawn import Bets
from comity.estimate.estimate import Estimate, outwards
from comity.estimate.frame import Frame, Placed, stratified_sample
from comity.estimate.functions import EstimateError
from comity.estimate.proportion import clopper_pearson
from comity.estimate.sequence import Decision
from comity.estimate.stopping import Reached
from comity.estimate.strata import Stratum, disproportion, estimate_strata

__all__ = ["KINDS", "SAMPLE_METHODS", "Decided", "Design", "Sampled"]

KINDS: Final = ("stratified", "active")
"""Samples that are drawn from a frame."""
SAMPLE_METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "srs": ("wilson", "clopper-pearson", "jeffreys", "betting-bank"),
    "stratified": ("korn-graubard", "clopper-pearson"),
    "active": ("betting-drawn",),
}
"""The intervals that hold for each kind of sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a sample is drawn from a frame, and when it ends."""

    kind: Literal["stratified", "active"]
    items: int
    """How many are asked, or at most."""
    batch: int
    mix: float
    least: int
    threshold: float | None
    """Of a plan that may stop early."""
    level: float
    """Of the bets by which it stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """On which side of a threshold the rate lies, and the interval beside it."""

    low: str
    high: str
    decision: Decision
    method: str


class Sampled:
    """A sample as far as its scores are known."""

    def __init__(self, design: Design, frame: Frame, seed: str, scores: Mapping[str, int | None]) -> None:
        self.design, self.frame = design, frame
        self.scores = dict(scores)
        self._drawing: Drawing | None = None
        self._fixed: tuple[Placed, ...] = ()
        if design.kind == "stratified":
            self._fixed = stratified_sample(frame, seed, design.items)
        else:
            rules = Rules(
                batch=design.batch, mix=design.mix, cap=design.items, least=design.least, threshold=design.threshold,
                level=design.level,
            )  # fmt: skip
            self._drawing = Drawing(frame, seed, rules, self.scores)

    def end(self, item: str, score: int | None) -> None:
        """Take note of an item that ended."""
        self.scores[item] = score
        if self._drawing is not None:
            self._drawing.advance(self.scores)

    @property
    def placed(self) -> tuple[Placed, ...]:
        """All that are to be asked by now, in their order."""
        return self._fixed if self._drawing is None else tuple(self._drawing.placed)

    def reached(self) -> Reached:
        """How many are to be asked by now, and what is decided."""
        return Reached(len(self.placed), "open" if self._drawing is None else self._drawing.decision)

    def described(self, placed: Placed) -> dict[str, Any]:
        """What the estimate needs to know of one item, as a sample's metadata state it."""
        said: dict[str, Any] = {"place": placed.place, "probability": placed.probability}
        if placed.stratum is not None:
            return {**said, "stratum": self.frame.strata[placed.stratum]}
        if self._drawing is None:
            raise AssertionError("an item of no stratum was drawn")
        draw = self._drawing.drawn(placed.place)
        names = ("predicted", "rest", "low", "high", "variance")
        return {
            **said, "batch": placed.place // self.design.batch, **{name: getattr(draw, name) for name in names}
        }  # fmt: skip

    def estimates(self, methods: tuple[str, ...], level: float) -> tuple[Estimate, ...]:
        """The rate by each of the plan's methods; none where nothing was judged."""
        for method in methods:
            if method not in SAMPLE_METHODS[self.design.kind]:
                raise EstimateError(f"{method} is no interval of a sample that is {self.design.kind}")
        if not any(self.scores.get(one.item) is not None for one in self.placed):
            return ()
        if self._drawing is not None:
            return tuple(estimate_drawn(self._drawing, level) for _ in methods)
        strata = self._strata()
        return tuple(
            estimate_strata("clopper-pearson" if method == "clopper-pearson" else "korn-graubard", strata, level)
            for method in methods
        )

    def decide(self, threshold: float, level: float) -> Decided:
        """On which side of the threshold the rate lies, however the missing ones would have come out."""
        if self._drawing is None:
            return self._decide_pooled(threshold, level)
        draws, bank = self._drawing.draws, len(self.frame.items)
        bets = Bets(bank, threshold, level)
        for draw in draws:
            bets.take(draw)
        low, high = "0.000000", "1.000000"
        if any(draw.outcome is not None for draw in draws):
            made = estimate_drawn(self._drawing, level)
            low, high = outwards(made.low, made.high)
        return Decided(low=low, high=high, decision=bets.decided, method="betting-drawn")

    def _strata(self) -> list[Stratum]:
        found = []
        for h, size in enumerate(self.frame.sizes):
            own = [self.scores.get(one.item) for one in self.placed if one.stratum == h]
            judged = [score for score in own if score is not None]
            found.append(Stratum(size=size, n=len(judged), successes=sum(judged), missing=len(own) - len(judged)))
        return found

    def _decide_pooled(self, threshold: float, level: float) -> Decided:
        strata = self._strata()
        right, missing = sum(one.successes for one in strata), sum(one.missing for one in strata)
        off = disproportion([one.size for one in strata], [one.n + one.missing for one in strata])
        n = len(self.placed)
        low = max(0.0, clopper_pearson(right, n, level).low - off)
        high = min(1.0, clopper_pearson(right + missing, n, level).high + off)
        ends = outwards(low, high)
        decision: Decision = (
            "above" if float(ends[0]) > threshold else "below" if float(ends[1]) < threshold else "open"
        )
        return Decided(low=ends[0], high=ends[1], decision=decision, method="clopper-pearson")
