"""Enrolling: a baseline of what the model answers, taken before the evaluation it is to vouch for.

    design(…)                       how many calls an enrolment takes at most
    enrol(design, asker, …)         asks, and returns the enrolment

In order: completion prompts are asked, each `repeats` times; border candidates are asked twice each, and those whose
two first tokens differ become border inputs, until there are enough or no candidate is left; the border inputs are
asked `border_repeats` times.  The two answers that found an input are not in its baseline: they were selected for
differing.

The order of the calls is drawn, so that a prompt's repeats do not follow each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from comity.estimate import Kind
from comity.evaluation.identity.edge import Asker, Question
from comity.evaluation.identity.enrolment import Enrolment, IdentityError, Part
from comity.evaluation.identity.material import border_candidates, completion_prompts

__all__ = ["Design", "Random", "enrol", "shuffled"]

Random = Callable[[int], bytes]

LOOKS: Final = 2
"""Answers by which a candidate is judged."""
BATCH: Final = 20
"""Candidates looked at before it is asked whether there are enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a baseline is taken, and what later tests tolerate and look for."""

    prompts: int = 25
    repeats: int = 20
    max_tokens: int = 12
    temperature: str = "1"
    margin: str = "0.02"
    effect: str = "0.08"
    border: int = 5
    border_repeats: int = 20
    border_temperature: str = "0.1"
    border_margin: str = "0"
    border_effect: str = "0.5"
    search: int = 120
    """Border candidates at most."""
    alpha: str = "0.05"
    permutations: int = 999

    def __post_init__(self) -> None:
        if self.prompts < 2 or self.repeats < 2:
            raise IdentityError("a baseline has at least two prompts, each asked at least twice")
        if self.border and self.border_repeats < 2:
            raise IdentityError("a border input is asked at least twice")
        if not float(self.margin) < float(self.effect) or not float(self.border_margin) < float(self.border_effect):
            raise IdentityError("a margin lies below the effect that is to be seen: what is tolerated is not sought")
        if not 0 < float(self.alpha) < 1:
            raise IdentityError(f"a level of {self.alpha}, expected between 0 and 1, such as 0.05")

    @property
    def most_calls(self) -> int:
        """Calls if every candidate is looked at and none is repeated."""
        border = LOOKS * self.search + self.border * self.border_repeats if self.border else 0
        return self.prompts * self.repeats + border


def enrol(
    design: Design, asker: Asker, *, id: str, ledger: str, model: str, protocol: str, random: Random
) -> Enrolment:
    """Take the baseline; raises what the asking raises."""
    material = random(32)
    parts = [_completions(design, asker, material, random)]
    if design.border and design.search:
        found = _search(design, asker, material)
        if found:
            parts.append(_border(design, asker, found, random))
    return Enrolment(
        id=id,
        ledger=ledger,
        model=model,
        protocol=protocol,
        seed=random(32).hex(),
        alpha=design.alpha,
        permutations=design.permutations,
        parts=tuple(parts),
        calls=asker.calls,
    )


def shuffled(count: int, random: Random) -> list[int]:
    """The numbers below `count` in an order that nobody can foresee."""
    return sorted(range(count), key=lambda _: random(8))


def _completions(design: Design, asker: Asker, material: bytes, random: Random) -> Part:
    prompts = completion_prompts(material, design.prompts)
    return _baseline(
        asker, random, "completions", prompts, design.repeats, design.temperature, design.max_tokens,
        design.margin, design.effect,
    )  # fmt: skip


def _border(design: Design, asker: Asker, prompts: Sequence[str], random: Random) -> Part:
    return _baseline(
        asker, random, "first-token", prompts, design.border_repeats, design.border_temperature, 1,
        design.border_margin, design.border_effect,
    )  # fmt: skip


def _search(design: Design, asker: Asker, material: bytes) -> list[str]:
    """The candidates whose first token differed between two answers."""
    candidates, found = border_candidates(material, design.search), list[str]()
    for start in range(0, len(candidates), BATCH):
        batch = candidates[start : start + BATCH]
        answers = asker.ask_all(
            [
                Question(prompt=prompt, temperature=design.border_temperature, max_tokens=1)
                for _ in range(LOOKS)
                for prompt in batch
            ]
        )
        for place, prompt in enumerate(batch):
            if len({answers[place + look * len(batch)].text for look in range(LOOKS)}) > 1:
                found.append(prompt)
        if len(found) >= design.border:
            break
    return found[: design.border]


def _baseline(
    asker: Asker,
    random: Random,
    kind: Kind,
    prompts: Sequence[str],
    repeats: int,
    temperature: str,
    max_tokens: int,
    margin: str,
    effect: str,
) -> Part:
    order = shuffled(len(prompts) * repeats, random)
    asked = [
        Question(prompt=prompts[place % len(prompts)], temperature=temperature, max_tokens=max_tokens)
        for place in order
    ]
    by_place = dict(zip(order, asker.ask_all(asked), strict=True))
    return Part(
        kind=kind,
        temperature=temperature,
        max_tokens=max_tokens,
        prompts=tuple(prompts),
        answers=tuple(
            tuple(by_place[prompt + number * len(prompts)] for number in range(repeats))
            for prompt in range(len(prompts))
        ),
        margin=margin,
        effect=effect,
    )
