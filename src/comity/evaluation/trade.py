"""The trade of a plan: what its items buy, what as many drawn uniformly would, and what is best bought next.

| figure | is |
| --- | --- |
| a width | so many standard errors as the level has, 1.96 at 95 %; an interval for any time is wider |
| the gain | how many uniform items tell as much as one of this design |
| what it asks | of a plan that draws batch by batch and may stop: by simulated runs |

The gain is what earlier models lead to expect of each item, f: uniform items have the variance of their mean,
p (1 − p); a stratified sample has that within strata; an active one has (Σ √(f (1 − f)) / N)² (J. Neyman, 1934).
That is what an active plan draws by that decides; for one that estimates it is a guide, because that one draws by
f (1 − f) and its estimate rests on the predictor.  Without earlier models nothing is foreseen, and no gain is stated.

Simulated runs draw as the run draws, over outcomes drawn by f, moved on the scale of log odds to the rate in question.
Their seed is the plan's digest, so that two checks of one plan print the same.

Not promised: that the next model is like those before. The run's own interval does not rest on any of this.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from comity.estimate import Bets, Expected, Frame, normal_quantile
from comity.evaluation.framing import design_of
from comity.evaluation.plan import Plan

__all__ = ["Option", "Trade", "items_for", "trade_of"]

RUNS: Final = 60
"""Simulated at each rate; a share is then known within 13 points."""
STEPS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Times the plan's items, at which widths are shown."""
FLOOR: Final = 0.05
MORE: Final = 50
"""Calls, of which it is said what they would buy."""
CANARIES: Final = 25
"""Answers to a border input by which a coarser quantisation was found (docs/explanation/identity.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something that the next calls could be spent on."""

    name: str
    said: str
    best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What a plan's items buy."""

    gain: float | None
    """Over uniform items; None where nothing is foreseen."""
    widths: tuple[tuple[int, float, float | None], ...]
    """Items, the width if they are uniform, and that of this design, at a rate of one half."""
    needed: int | None
    """Items that the width takes at which the claim aims; None where it aims at none."""
    expected: tuple[Expected, ...]
    """Of an active plan that may stop, at rates around its threshold."""
    options: tuple[Option, ...]


def trade_of(plan: Plan, distances: Sequence[float] = ()) -> Trade:
    """The trade; the plan's frame is at hand where it has one.  `distances` are from the threshold."""
    bank, n = plan.claim.population.size, plan.design.items
    gain = None if plan.framed is None else _gain(plan.framed.frame)
    at = sorted({min(bank, max(1, round(step * n))) for step in STEPS})
    aim = plan.stated.get("claim.half_width")
    threshold, expected = plan.parts.threshold, []
    stops = plan.parts.sampling.kind == "active" and plan.parts.stopping.rule != "fixed"
    if stops and threshold is not None:
        middle = float(threshold.value)
        expected = [_simulated(plan, middle + one) for one in distances if 0.0 < middle + one < 1.0]
    known = gain or 1.0
    return Trade(
        gain=gain,
        widths=tuple((k, _width(k, bank, plan), None if gain is None else _width(k, bank, plan, gain)) for k in at),
        needed=None if aim is None else items_for(float(str(aim)), bank, plan, known),
        expected=tuple(expected),
        options=_options(plan, _width(n, bank, plan, known), _width(min(bank, n + MORE), bank, plan, known)),
    )


def items_for(half_width: float, bank: int, plan: Plan, gain: float = 1.0) -> int:
    """Items that a width takes, at a rate of one half."""
    z = normal_quantile((1.0 + plan.level) / 2.0)
    infinite = z * z * 0.25 / (half_width * half_width) / gain
    return min(bank, math.ceil(infinite / (1.0 + infinite / bank)))


def _width(n: int, bank: int, plan: Plan, gain: float = 1.0) -> float:
    z = normal_quantile((1.0 + plan.level) / 2.0)
    return z * math.sqrt(0.25 / n * max(0.0, 1.0 - n / bank) / gain)


def _gain(frame: Frame) -> float | None:
    """How many uniform items tell as much as one of this design, by what earlier models lead to expect."""
    if frame.foresight is None:
        return None
    base = [min(max(one, FLOOR), 1.0 - FLOOR) for one in frame.foresight.base]
    mean = sum(base) / len(base)
    if not frame.strata:
        roots = sum(math.sqrt(one * (1.0 - one)) for one in base) / len(base)
        return max(1.0, mean * (1.0 - mean) / roots**2)
    within = 0.0
    for place, size in enumerate(frame.sizes):
        rate = sum(one for one, own in zip(base, frame.stratum, strict=True) if own == place) / size
        within += size / len(base) * rate * (1.0 - rate)
    return max(1.0, mean * (1.0 - mean) / within)


def _simulated(plan: Plan, rate: float) -> Expected:
    """What the run does at a rate, by simulated runs."""
    import numpy as np

    from comity.evaluation.predictor import Predictor
    from comity.evaluation.sampling import Sampler

    if plan.framed is None or plan.framed.frame.foresight is None:
        raise AssertionError("an active plan has a frame with a predictor")
    design, foresight = design_of(plan), plan.framed.frame.foresight
    bank = len(foresight.base)
    generator = np.random.default_rng(int(plan.digest[:12], 16))
    chances = _moved(foresight.base, rate)
    outcomes = (generator.random((RUNS, bank)) < np.array(chances)).astype(float)
    sampler = Sampler(Predictor.of(foresight), generator, repetitions=RUNS, mix=design.mix)
    bets = [Bets(bank, design.threshold or 0.0, design.level) for _ in range(RUNS)]
    asked, taken = [0] * RUNS, 0
    while taken < design.items and any(not one for one in asked):
        batch = sampler.next_batch(min(design.batch, design.items - taken))
        found = np.take_along_axis(outcomes, batch.items, 1)
        for one, draws in zip(bets, batch.draws(found), strict=True):
            for draw in draws:
                one.take(draw)
        sampler.learn(batch, found)
        taken += batch.items.shape[1]
        for place, one in enumerate(bets):
            if not asked[place] and one.decided != "open" and taken >= design.least:
                asked[place] = taken
    share = {word: sum(one.decided == word for one in bets) / RUNS for word in ("above", "below", "open")}
    return Expected(rate, sum(one or taken for one in asked) / RUNS, share["above"], share["below"], share["open"])


def _moved(base: Sequence[float], rate: float) -> list[float]:
    """The predictions, moved by one amount on the scale of log odds so that their mean is the rate."""
    odds = [math.log(one / (1.0 - one)) for one in (min(max(each, FLOOR), 1.0 - FLOOR) for each in base)]
    low, high = -12.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2.0
        mean = sum(1.0 / (1.0 + math.exp(-each - middle)) for each in odds) / len(odds)
        low, high = (middle, high) if mean < rate else (low, middle)
    return [1.0 / (1.0 + math.exp(-each - low)) for each in odds]


def _options(plan: Plan, now: float, then: float) -> tuple[Option, ...]:
    """What the next calls could buy; the first that a number hangs on most is the best."""
    judged = plan.parts.judge is not None
    labels, canaries = plan.parts.audit, plan.parts.identity
    whole = plan.design.items >= plan.claim.population.size
    items = "nothing: the whole bank is asked" if whole else f"±{now:.1%} becomes ±{then:.1%}"
    heat = plan.decoding.temperature
    if heat is None:
        repeats = "how far an answer varies is not known; a few of each item would tell"
    elif float(heat) == 0.0:
        repeats = "next to nothing: at temperature 0 an answer comes again much the same"
    else:
        repeats = "less than as many new items: an item asked again is the same item"
    if not judged:
        people = "a check that the scorer is right; it is an exact one, so few are needed"
    elif labels is None:
        people = "the judge's error, which is often larger than that of the draw and is not bounded so far"
    else:
        people = f"the judge's error, bounded by {labels.n} labels so far"
    if canaries is None:
        same = f"a sign that the model changed; {CANARIES} found a coarser quantisation, and none are planned"
    else:
        same = f"a sign that the model changed; {canaries.canaries} are planned"
    best = "labels" if judged and labels is None else "canaries" if canaries is None else "items"
    best = "nothing" if best == "items" and whole else best
    return tuple(
        Option(name=name, said=said, best=key == best)
        for key, name, said in (
            ("items", f"{MORE} more items", items),
            ("repeats", "repeats", repeats),
            ("labels", "labels by people", people),
            ("canaries", "identity canaries", same),
        )
    )
