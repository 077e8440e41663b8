"""Stopping early: a sample that ends at the first batch after which the question is decided.

A `Rule` asks a random order of a bank in batches, at most `cap` of its items.  After each batch, once `least` are
asked, it looks at the bank's betting sequence: as soon as that lies on one side of the threshold the question is
decided, and nothing more is asked.  Looking costs nothing, because a betting sequence holds at all times at once.

What is missing counts against each side, so no decision rests on why it is missing.

    >>> Rule(bank=200, cap=120, batch=20, least=0, level=0.95, threshold=0.5).replay([1] * 20)
    Reached(asked=20, decision='above')

Whoever has the scores in the order in which they were asked replays the rule, and sees whether a run stopped where it
had to.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from comity.estimate.functions import EstimateError
from comity.estimate.proportion import check_level
from comity.estimate.rate import estimate_rate
from comity.estimate.sequence import Decision, decide

__all__ = ["Expected", "Reached", "Rule"]


class Reached(NamedTuple):
    """How far a run is to ask, and what was decided there."""

    asked: int
    decision: Decision


class Expected(NamedTuple):
    """What a rule does where the bank's rate is known: queries on average, and the chance of each end."""

    rate: float
    queries: float
    above: float
    below: float
    open: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When to stop; see the module's text."""

    bank: int
    cap: int
    batch: int
    least: int
    level: float
    """One less the chance that the decision may be wrong with."""
    threshold: float

    def __post_init__(self) -> None:
        check_level(self.level)
        if not (0 < self.batch and 0 <= self.least <= self.cap and 0 < self.cap <= self.bank):
            raise EstimateError(
                f"batches of {self.batch}, at least {self.least} and at most {self.cap} of {self.bank}; "
                "expected a batch of 1 or more, and least ≤ cap ≤ bank"
            )

    def looks(self) -> Iterator[int]:
        """How many are asked at each look."""
        asked = 0
        while asked < self.cap:
            asked = min(asked + self.batch, self.cap)
            if asked >= self.least:
                yield asked

    def decision(self, scores: Sequence[int | None]) -> Decision:
        """What the scores so far decide; 1 is a success, None is missing."""
        judged = [score for score in scores if score is not None]
        if not judged:
            return "open"
        estimate = estimate_rate(
            "betting-bank", sum(judged), len(judged), self.level, missing=len(scores) - len(judged), bank=self.bank
        )
        return decide(estimate, self.threshold)

    def replay(self, scores: Sequence[int | None]) -> Reached:
        """Given the scores in the order in which they were asked, how many are to be asked, and what is decided.

        Where the scores end before a look, that look is reached and open.
        """
        for asked in self.looks():
            if asked > len(scores):
                return Reached(asked, "open")
            found = self.decision(scores[:asked])
            if found != "open" or asked == self.cap:
                return Reached(asked, found)
        raise AssertionError("the last look is at the cap")

    def expect(self, rate: float) -> Expected:
        """What is to be expected if this share of the bank are successes and nothing is missing; exact, no simulation.

        Successes among the items of a batch are hypergeometric, given those before; Markov's chain over the looks.
        """
        if not 0.0 <= rate <= 1.0:
            raise EstimateError(f"a rate of {rate}, expected 0 to 1")
        right = round(rate * self.bank)
        chances, before = {0: 1.0}, 0
        queries = above = below = 0.0
        for asked in self.looks():
            after: dict[int, float] = {}
            for successes, chance in chances.items():
                left, hits = self.bank - before, right - successes
                for more in range(max(0, asked - before - (left - hits)), min(asked - before, hits) + 1):
                    after[successes + more] = after.get(successes + more, 0.0) + chance * _drawn(
                        more, asked - before, hits, left
                    )
            chances = {}
            for successes, chance in after.items():
                found = self.decision([1] * successes + [0] * (asked - successes))
                above += chance * (found == "above")
                below += chance * (found == "below")
                if found == "open":
                    chances[successes] = chance
                if found != "open" or asked == self.cap:
                    queries += chance * asked
            before = asked
        return Expected(right / self.bank, queries, above, below, sum(chances.values()))


def _drawn(successes: int, drawn: int, right: int, bank: int) -> float:
    """The chance of so many successes among the items drawn from a bank."""
    return math.comb(right, successes) * math.comb(bank - right, drawn - successes) / math.comb(bank, drawn)
