"""Drawing items where an answer teaches most, batch by batch, as a function of a frame, a seed and the answers.

Within a batch items are drawn one after the other without replacement, each with a probability in proportion to its
weight among those that are left.  The weight is a share `mix` that is equal for all, and a share that follows the
predicted outcome f: √(f (1 − f)) where the run ends once a threshold is decided, because the bets rest on the unbiased
mean (J. Neyman, 1934; T. Zrnic and E. Candès, 2024), and f (1 − f) where it estimates, because the assisted mean rests
on the predictor, to which an answer tells so much (V. Fedorov, 1972).  Each item has a clock,

    clock = −ln((k + ½) / 2⁵²),   k the first 52 bits of SHA-256("comity draw/1\\n" + seed + "\\n" + item)

which is exponential, and arrives after clock ÷ weight (P. Efraimidis and P. Spirakis, 2006).  When a batch ends, at
the arrival τ of its last item, the clocks of all others are set back by τ times their weight: what is left of an
exponential clock is again one, whatever was learned, so each draw has the probability that is stated for it.

`Drawing` replays a run.  It is asked by whoever carries it out, before each batch, and by whoever checks it, at the
end; the next batch depends on the outcomes of those before and on nothing else.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from comity.estimate.drawn import Bets, Draw, assisted_mean, drawn_interval
from comity.estimate.estimate import Estimate
from comity.estimate.foreseen import Fit
from comity.estimate.frame import Frame, Placed
from comity.estimate.functions import EstimateError
from comity.estimate.sequence import Decision

__all__ = ["Drawing", "Rules", "estimate_drawn"]

FLOOR: Final = 0.05
"""No outcome is foreseen with more certainty than this when weights and variances are computed."""
BITS: Final = 52
MAX_WORK: Final = 5 * 10**8
"""Predictions of one item by one column in a whole run: some minutes of a checker's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a run draws, and when it ends."""

    batch: int
    mix: float
    """The share of the weight that is equal for all items."""
    cap: int
    least: int = 0
    """Items that are asked before it may stop."""
    threshold: float | None = None
    """Where it stops as soon as it is known on which side of this the rate lies; None: at the cap alone."""
    level: float = 0.95

    def __post_init__(self) -> None:
        if not (0 < self.batch and 0 <= self.least <= self.cap and 0 < self.cap and 0.0 < self.mix <= 1.0):
            raise EstimateError(f"batches of {self.batch}, {self.least} to {self.cap} items, mix {self.mix}: no rules")


class Drawing:
    """One run's draws, as far as its outcomes are known."""

    def __init__(self, frame: Frame, seed: str, rules: Rules, outcomes: Mapping[str, int | None]) -> None:
        """Replay; `outcomes` are those of all items that have ended, by name, None where one is missing."""
        if frame.foresight is None:
            raise EstimateError("the frame holds no predictor, so nothing can be drawn by it")
        if rules.cap > len(frame.items):
            raise EstimateError(f"{rules.cap} items of a bank of {len(frame.items)}")
        columns = 1 + len(frame.foresight.columns) + frame.foresight.levels
        if len(frame.items) * -(-rules.cap // rules.batch) * columns > MAX_WORK:
            raise EstimateError("so many draws of so many items are not drawn again here; take larger batches")
        self.frame, self.rules = frame, rules
        self.placed: list[Placed] = []
        """All that were drawn, in their order; those of a batch that has not ended stand last."""
        self.draws: list[Draw] = []
        """Those whose batch has ended, with their outcomes."""
        self._fit = Fit(frame.foresight)
        self._left = dict.fromkeys(range(len(frame.items)))
        self._pending: list[tuple[Placed, Draw]] = []
        self._clocks = [_clock(seed, item) for item in frame.items]
        self._bets = None if rules.threshold is None else Bets(len(frame.items), rules.threshold, rules.level)
        self.advance(outcomes)

    def advance(self, outcomes: Mapping[str, int | None]) -> None:
        """Go on as far as the outcomes reach."""
        while not self.ended:
            if not self._pending:
                self._pending = self._draw()
                self.placed += (one for one, _ in self._pending)
            if any(one.item not in outcomes for one, _ in self._pending):
                return
            self._learn([(one, replace(draw, outcome=outcomes[one.item])) for one, draw in self._pending])
            self._pending = []

    def drawn(self, place: int) -> Draw:
        """What is known of a draw, its outcome too once its batch has ended."""
        ended = len(self.draws)
        return self.draws[place] if place < ended else self._pending[place - ended][1]

    @property
    def decision(self) -> Decision:
        """What is decided by now."""
        return "open" if self._bets is None else self._bets.decided

    @property
    def ended(self) -> bool:
        """Whether nothing more is asked."""
        taken = len(self.draws)
        return taken >= self.rules.cap or (self.decision != "open" and taken >= self.rules.least)

    def last_predictions(self) -> tuple[list[float], float]:
        """Of each item that was drawn, in that order, and the sum of those of all that never were."""
        places = {item: place for place, item in enumerate(self.frame.items)}
        found = self._fit.predictions()
        own = [found[places[one.item]] for one in self.placed[: len(self.draws)]]
        return own, sum(found[place] for place in self._left)

    def _draw(self) -> list[tuple[Placed, Draw]]:
        left, items = list(self._left), len(self._left)
        size = min(self.rules.batch, self.rules.cap - len(self.draws), items)
        predicted = self._fit.predictions()
        spread, taught, total = {}, {}, 0.0
        for i in left:
            sure = min(max(predicted[i], FLOOR), 1.0 - FLOOR)
            spread[i] = sure * (1.0 - sure)
            taught[i] = spread[i] if self.rules.threshold is None else math.sqrt(spread[i])
            total += taught[i]
        mix = self.rules.mix
        weights = {i: mix / items + (1.0 - mix) * taught[i] / total for i in left}
        arrivals = sorted((self._clocks[i] / weights[i], i) for i in left)
        whole, rest, foreseen, down, up = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in left:
            whole += weights[i]
            rest += predicted[i]
            foreseen += spread[i] / weights[i]
            down = max(down, predicted[i] / weights[i])
            up = max(up, (1.0 - predicted[i]) / weights[i])
        found = []
        for place, (_, i) in enumerate(arrivals[:size]):
            count = items - place
            draw = Draw(
                outcome=None,
                probability=weights[i] / whole,
                predicted=predicted[i],
                rest=rest,
                low=-down * whole,
                high=up * whole,
                variance=foreseen * whole * (count / items) / count**2,
            )
            at = len(self.draws) + place
            found.append((Placed(item=self.frame.items[i], place=at, probability=draw.probability), draw))
            whole -= weights[i]
            rest -= predicted[i]
            del self._left[i]
        last = arrivals[size - 1][0]
        for i in self._left:
            self._clocks[i] -= last * weights[i]
        return found

    def _learn(self, batch: list[tuple[Placed, Draw]]) -> None:
        places = {item: place for place, item in enumerate(self.frame.items)}
        for _, draw in batch:
            self.draws.append(draw)
            if self._bets is not None:
                self._bets.take(draw)
        self._fit.observe([(places[one.item], draw.outcome) for one, draw in batch])


def estimate_drawn(drawing: Drawing, level: float) -> Estimate:
    """The bank's rate from the draws whose batch has ended, with the betting interval.

    The point is the assisted mean, moved into the interval; the interval holds however the missing ones would have
    come out.  Raises `EstimateError` where nothing was judged.
    """
    draws, bank = drawing.draws, len(drawing.frame.items)
    judged = [draw.outcome for draw in draws if draw.outcome is not None]
    if not judged:
        raise EstimateError("n is 0: nothing was judged, so there is no rate to estimate")
    found = drawn_interval(draws, bank, level)
    missing = len(draws) - len(judged)
    final, left = drawing.last_predictions()

    def assisted(whatever: float | None) -> float:
        told = [replace(draw, outcome=whatever) if draw.outcome is None else draw for draw in draws]
        return assisted_mean(told, bank, final, left) if len(judged) < bank else found.point

    point = min(max(assisted(None), found.low), found.high)
    worst = (assisted(0.0), assisted(1.0)) if missing else (point, point)
    return Estimate(
        point=point,
        low=found.low,
        high=found.high,
        level=level,
        method="betting-drawn",
        n=len(judged),
        successes=round(sum(judged)),
        missing=missing,
        worst_low=max(0.0, min(worst[0], point)),
        worst_high=min(1.0, max(worst[1], point)),
        bank=bank,
    )


def _clock(seed: str, item: str) -> float:
    digest = sha256(f"comity draw/1\n{seed}\n{item}".encode()).digest()
    return -math.log((float(int.from_bytes(digest[:8]) >> (64 - BITS)) + 0.5) / 2.0**BITS)
