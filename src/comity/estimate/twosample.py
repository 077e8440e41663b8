"""Do two sets of answers come from one source?  A permutation test of answers to the same prompts.

For each prompt there are answers from before and fresh ones.  Answers of different prompts are never compared: the
kernel between them is 0, so which prompts were asked how often tells nothing.  Per prompt, with n answers before and m
fresh, one of two statistics is taken, and these are averaged with the weights nm/(n + m):

| kind | statistic of one prompt | source |
| --- | --- | --- |
| `completions` | squared maximum mean discrepancy (MMD²) with the kernel below | A. Gretton and others (2012) |
| `first-token` | total variation of the first tokens, ½ Σ abs(p − q) | |

The kernel of two texts is the share of characters that agree place by place: agreements/√(length · length), and 0
between prompts.  Its use on answers of models is that of I. Gao, P. Liang and C. Guestrin (2024).

Under "one source" the fresh answers of a prompt are any m of its n + m.  So they are drawn again `permutations` times,
prompt by prompt, and

    p = (#{drawn > seen − margin} + u · (1 + #{drawn = seen − margin})) / (permutations + 1)

with one u from (0, 1) that splits ties.  At margin 0 this p is uniform under one source, whatever the counts are.  With
a margin it asks whether the distance is greater than the margin.  That is no longer exact: the draws have the scatter
of a distance of 0.

`distance` is the statistic less its mean over the draws, so that it is about 0 for one source.

The draws come from SHA-256 in counter mode under `seed`, so that anybody who has the answers recomputes the same p.

    >>> before, fresh = [["one", "two"] * 5, ["red"] * 10], [["six"] * 5, ["red"] * 2]
    >>> compare(before, fresh, kind="completions", margin=0.0, permutations=199, seed=b"1").p < 0.05
    True

Not promised: that a difference is found.  What the answers' first characters do not show is not seen.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final, Literal

from comity.estimate.functions import EstimateError

__all__ = ["Comparison", "Kind", "compare", "power_of", "similarity"]

Kind = Literal["completions", "first-token"]

LENGTH: Final = 48
"""Characters of an answer that are compared; what follows is drawn from what came before it."""
TIES: Final = 1e-12
"""Statistics nearer than this are equal: sums in another order differ by rounding."""
MOST: Final = 1_000_000
"""Answers in one comparison, and permutations; beyond it a wrong call, not a large test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a permutation test found."""

    kind: Kind
    before: int
    """Answers from before, at prompts that have fresh ones."""
    fresh: int
    prompts: int
    """Prompts that have both."""
    distance: float
    """The statistic less its mean over the permutations; may lie a little below 0."""
    upper: float
    """The distance plus the 95 % quantile of the permutations less their mean: what it may well be."""
    margin: float
    p: float


def similarity(first: str, second: str) -> float:
    """The kernel of two answers, from 0 to 1: the share of characters that agree place by place."""
    one, other = first[:LENGTH] or "\0", second[:LENGTH] or "\0"
    return sum(a == b for a, b in zip(one, other, strict=False)) / math.sqrt(len(one) * len(other))


def compare(
    before: Sequence[Sequence[str]],
    fresh: Sequence[Sequence[str]],
    *,
    kind: Kind,
    margin: float,
    permutations: int,
    seed: bytes,
) -> Comparison:
    """Test fresh answers against those from before, given per prompt in the same order.

    Prompts without fresh answers, or without any from before, do not count.  Raises `EstimateError` where nothing is
    left to compare.
    """
    strata = _strata(before, fresh, kind)
    if not 0.0 <= margin < math.inf:
        raise EstimateError(f"a margin of {margin}, expected 0 or more")
    if not 1 <= permutations <= MOST:
        raise EstimateError(f"{permutations} permutations, expected 1 to {MOST}")
    stream = _Stream(seed)
    seen = _average(strata, [each.statistic(range(each.n, each.size)) for each in strata])
    drawn = [_average(strata, [each.statistic(stream.choose(each)) for each in strata]) for _ in range(permutations)]
    held = seen - margin
    greater = sum(value > held + TIES for value in drawn)
    equal = sum(abs(value - held) <= TIES for value in drawn)
    middle = math.fsum(drawn) / permutations
    quantile = sorted(drawn)[max(0, math.ceil(0.95 * permutations) - 1)]
    return Comparison(
        kind=kind,
        before=sum(each.n for each in strata),
        fresh=sum(each.m for each in strata),
        prompts=len(strata),
        distance=seen - middle,
        upper=max(0.0, seen - middle) + max(0.0, quantile - middle),
        margin=margin,
        p=(greater + stream.uniform() * (equal + 1)) / (permutations + 1),
    )


def power_of(
    before: Sequence[Sequence[str]],
    fresh: Sequence[Sequence[str]],
    *,
    kind: Kind,
    margin: float,
    effect: float,
    level: float,
    permutations: int,
    rounds: int,
    seed: bytes,
) -> float:
    """How often a test of this size says p ≤ `level` where the distance is `effect`, by simulation.

    In each round the fresh answers are drawn from all answers of their prompt, as under one source, and a share of them
    is replaced by answers that belong elsewhere: by another prompt's (`completions`), or by a token that never came
    (`first-token`).  The share is the one that makes the distance `effect`; where even a share of 1 does not, it is 1.
    """
    strata = _strata(before, fresh, kind)
    if effect <= margin:
        raise EstimateError(f"an effect of {effect} within the margin {margin}: what is tolerated is not to be seen")
    stream = _Stream(seed)
    drawn = sorted(
        _average(strata, [each.statistic(stream.choose(each)) for each in strata]) for _ in range(permutations)
    )
    allowed = math.floor(level * (permutations + 1))
    critical = drawn[-allowed] if 1 <= allowed <= permutations else math.inf
    share = _share(strata, kind, effect)
    found = 0
    for _ in range(rounds):
        values = []
        for place, each in enumerate(strata):
            chosen = stream.choose(each)
            strange = [stream.uniform() < share for _ in chosen]
            other = strata[(place + 1) % len(strata)]
            aliens = [stream.below(other.size) if alien else -1 for alien in strange]
            values.append(each.contaminated(chosen, aliens, other))
        found += _average(strata, values) - margin > critical + TIES
    return found / rounds


class _Stream:
    """Numbers out of SHA-256 in counter mode."""

    def __init__(self, seed: bytes) -> None:
        self._words = self._make(seed)

    @staticmethod
    def _make(seed: bytes) -> Iterator[int]:
        block = 0
        while True:
            digest = sha256(b"comity permutations/1\n" + seed + b"\n" + block.to_bytes(8, "big")).digest()
            for at in range(0, 32, 4):
                yield int.from_bytes(digest[at : at + 4], "big")
            block += 1

    def below(self, bound: int) -> int:
        """A number from 0 to bound − 1; what 2^32 leaves over is drawn again."""
        most = (1 << 32) - (1 << 32) % bound
        while (word := next(self._words)) >= most:
            pass
        return word % bound

    def uniform(self) -> float:
        """A number strictly between 0 and 1."""
        return (next(self._words) + 0.5) / (1 << 32)

    def choose(self, stratum: "_Stratum") -> list[int]:
        """As many of a prompt's answers as there are fresh ones, each set equally likely."""
        places = list(range(stratum.size))
        for at in range(stratum.m):
            other = at + self.below(stratum.size - at)
            places[at], places[other] = places[other], places[at]
        return places[: stratum.m]


class _Stratum(ABC):
    """One prompt's answers: those from before, then the fresh ones."""

    def __init__(self, before: Sequence[str], fresh: Sequence[str]) -> None:
        self.n, self.m = len(before), len(fresh)
        self.size = self.n + self.m
        self.weight = self.n * self.m / self.size
        self.answers = [*before, *fresh]

    @abstractmethod
    def statistic(self, chosen: Sequence[int]) -> float:
        """The statistic if the fresh answers were those at these places."""

    @abstractmethod
    def contaminated(self, chosen: Sequence[int], aliens: Sequence[int], other: "_Stratum") -> float:
        """The same, with answers of another prompt in the place of those whose alien is not −1."""


class _Completions(_Stratum):
    @cached_property
    def _kernel(self) -> list[list[float]]:
        known: dict[tuple[str, str], float] = {}
        for one in set(self.answers):
            for other in set(self.answers):
                if (other, one) in known:
                    known[one, other] = known[other, one]
                else:
                    known[one, other] = similarity(one, other)
        return [[known[one, other] for other in self.answers] for one in self.answers]

    @cached_property
    def _rows(self) -> list[float]:
        return [math.fsum(row) for row in self._kernel]

    def _of(self, among_all: float, within: float, across: float) -> float:
        """MMD² (V form) out of the kernel's sums: over all answers, over the fresh, between fresh and all."""
        between = across - within
        rest = among_all - 2 * across + within
        return rest / self.n**2 + within / self.m**2 - 2 * between / (self.n * self.m)

    def statistic(self, chosen: Sequence[int]) -> float:
        rows = [self._kernel[one] for one in chosen]
        within = math.fsum(row[other] for row in rows for other in chosen)
        return self._of(math.fsum(self._rows), within, math.fsum(self._rows[one] for one in chosen))

    def contaminated(self, chosen: Sequence[int], aliens: Sequence[int], other: _Stratum) -> float:
        fresh = [
            self.answers[one] if alien < 0 else other.answers[alien]
            for one, alien in zip(chosen, aliens, strict=True)
        ]
        left = set(range(self.size)) - set(chosen)
        among = math.fsum(self._rows)
        inside = math.fsum(self._kernel[one][two] for one in chosen for two in chosen)
        rest = among - 2 * math.fsum(self._rows[one] for one in chosen) + inside
        between = math.fsum(self._similar(one, self.answers[two]) for one in fresh for two in left)
        within = math.fsum(self._similar(one, two) for one in fresh for two in fresh)
        return rest / self.n**2 + within / self.m**2 - 2 * between / (self.n * self.m)

    @cached_property
    def _known(self) -> dict[tuple[str, str], float]:
        return {}

    def _similar(self, one: str, other: str) -> float:
        found = self._known.get((one, other))
        if found is None:
            found = self._known[one, other] = similarity(one, other)
        return found

    def apart(self, other: "_Completions") -> float:
        """MMD² between this prompt's answers and another's, unbiased enough to size a share by."""
        across = [self._similar(one, two) for one in self.answers for two in other.answers]
        return self._among() + other._among() - 2 * math.fsum(across) / len(across)

    def _among(self) -> float:
        if self.size < 2:
            return 1.0
        own = math.fsum(self._kernel[place][place] for place in range(self.size))
        return (math.fsum(self._rows) - own) / (self.size * (self.size - 1))


class _FirstTokens(_Stratum):
    def __init__(self, before: Sequence[str], fresh: Sequence[str]) -> None:
        super().__init__(before, fresh)
        numbers = {text: number for number, text in enumerate(sorted(set(self.answers)))}
        self._tokens = [numbers[text] for text in self.answers]
        self._counts = [self._tokens.count(number) for number in range(len(numbers))]

    def statistic(self, chosen: Sequence[int]) -> float:
        return self.contaminated(chosen, [-1] * len(chosen), self)

    def contaminated(self, chosen: Sequence[int], aliens: Sequence[int], other: _Stratum) -> float:
        before = list(self._counts)
        fresh = [0] * len(before)
        strange = 0
        for one, alien in zip(chosen, aliens, strict=True):
            before[self._tokens[one]] -= 1
            if alien < 0:
                fresh[self._tokens[one]] += 1
            else:
                strange += 1
        apart = math.fsum(abs(b / self.n - f / self.m) for b, f in zip(before, fresh, strict=True))
        return (apart + strange / self.m) / 2


def _strata(before: Sequence[Sequence[str]], fresh: Sequence[Sequence[str]], kind: Kind) -> list[_Stratum]:
    if len(before) != len(fresh):
        raise EstimateError(f"answers to {len(before)} prompts before and to {len(fresh)} now, expected the same")
    if kind not in ("completions", "first-token"):
        raise EstimateError(f"a comparison of kind {kind!r}, expected completions or first-token")
    make = _Completions if kind == "completions" else _FirstTokens
    found: list[_Stratum] = [make(old, new) for old, new in zip(before, fresh, strict=True) if old and new]
    if not found or sum(each.size for each in found) > MOST:
        raise EstimateError("no prompt has answers from before and fresh ones, so there is nothing to compare")
    return found


def _average(strata: Sequence[_Stratum], values: Sequence[float]) -> float:
    weights = math.fsum(each.weight for each in strata)
    return math.fsum(each.weight * value for each, value in zip(strata, values, strict=True)) / weights


def _share(strata: Sequence[_Stratum], kind: Kind, effect: float) -> float:
    """The share of strange answers that makes the distance `effect`."""
    if kind == "first-token":
        return min(1.0, effect)
    completions = [each for each in strata if isinstance(each, _Completions)]
    apart = [each.apart(completions[(place + 1) % len(completions)]) for place, each in enumerate(completions)]
    whole = _average(strata, apart)
    return 1.0 if whole <= effect else math.sqrt(effect / whole)
