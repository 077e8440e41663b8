"""What a run asks next, and when it asks no more.

A sample from a frame (`comity.estimate.Sampled`) and a simple random one that may stop early are both asked batch by
batch; `Asking` is what they share.

A plan with `design.stopping.rule: betting_cs` looks after each batch: `comity.estimate.Rule`, or the bets of the
sample, say whether the question is decided.  The engine asks for more whenever nothing is in flight (`Source`), so a
batch ends before the next begins, and answers that come late are not passed over.

What is asked is a function of the seed and of the scores: a run that broke off asks what is left of its batch, and goes
on from there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from comity.estimate import Design, Frame, Placed, Reached, Rule, Sampled
from comity.evaluation import plan as p

__all__ = ["Asking", "FromFrame", "Simple", "rule_of", "source_of"]

Scores = Mapping[str, int | None]
"""By item, what ended: 1, 0, or None where it is missing."""


def rule_of(plan: p.Plan) -> Rule | None:
    """The plan's rule; None where all of its sample is asked."""
    parts = plan.parts
    if parts.stopping.rule == "fixed" or parts.threshold is None:
        return None
    return Rule(
        bank=plan.claim.population.size,
        cap=plan.design.items,
        batch=parts.stopping.batch or parts.sampling.batch or plan.design.items,
        least=parts.stopping.least,
        level=1.0 - float(parts.alpha) / max(1, len(parts.family)),
        threshold=float(parts.threshold.value),
    )


class Asking(Protocol):
    """The items of one run in their order, and how far they are to be asked."""

    def reached(self) -> Reached:
        """How many are to be asked by now, and what is decided."""

    def items(self) -> tuple[str, ...]:
        """Those that are to be asked by now, in their order."""

    def left(self) -> tuple[str, ...]:
        """Those of them that have not ended."""

    def end(self, item: str, score: int | None) -> None:
        """Take note of an item that ended."""

    def described(self, item: str) -> dict[str, Any]:
        """What its sample's metadata state; empty where its chance is that of every other."""


class Simple:
    """A simple random sample that may stop early."""

    def __init__(self, rule: Rule, order: Sequence[str], ended: Scores) -> None:
        self._rule, self._order = rule, tuple(order)
        self._ended = dict(ended)

    def reached(self) -> Reached:
        known: list[int | None] = []
        for item in self._order:
            if item not in self._ended:
                break
            known.append(self._ended[item])
        return self._rule.replay(known)

    def items(self) -> tuple[str, ...]:
        return self._order[: self.reached().asked]

    def left(self) -> tuple[str, ...]:
        return tuple(item for item in self.items() if item not in self._ended)

    def end(self, item: str, score: int | None) -> None:
        self._ended[item] = score

    def described(self, item: str) -> dict[str, Any]:
        return {}


class FromFrame:
    """A sample that is drawn from a frame; `names` are the bank's items by their names in it."""

    def __init__(self, design: Design, frame: Frame, seed: str, names: Mapping[str, str], ended: Scores) -> None:
        self._ids, self._names = names, {item: name for name, item in names.items()}
        self.sampled = Sampled(design, frame, seed, {self._names[item]: score for item, score in ended.items()})

    def reached(self) -> Reached:
        return self.sampled.reached()

    def items(self) -> tuple[str, ...]:
        return tuple(self._ids[one.item] for one in self.sampled.placed)

    def left(self) -> tuple[str, ...]:
        return tuple(self._ids[one.item] for one in self.sampled.placed if one.item not in self.sampled.scores)

    def end(self, item: str, score: int | None) -> None:
        self.sampled.end(self._names[item], score)

    def placed(self) -> dict[str, Placed]:
        """Place and chance of each item that is asked."""
        return {self._ids[one.item]: one for one in self.sampled.placed}

    def described(self, item: str) -> dict[str, Any]:
        return self.sampled.described(self.placed()[item])


def source_of(asking: Asking, sample_of: Callable[[str], Any], score_of: Callable[[Any], int | None]) -> Any:
    """Inspect's source of samples: the batch at hand, and the next whenever all of it has ended."""
    from inspect_ai import SampleSource

    class Source(SampleSource):
        def initial_samples(self) -> list[Any]:
            return [sample_of(item) for item in asking.left()]

        async def next_samples(self) -> list[Any] | None:
            return [sample_of(item) for item in asking.left()] or None

        async def sample_complete(self, sample: Any) -> list[Any] | None:
            asking.end(str(sample.id), score_of(sample))
            return None

        async def sample_abandoned(self, sample: Any, epoch: int) -> list[Any] | None:
            asking.end(str(sample.id), None)
            return None

    return Source()
