"""Testing: fresh answers against all that came before, and the two words that may be said of them.

    choose(enrolment, count, random)      which prompts are asked again
    judge(enrolment, earlier, session)    p-value, e-value, capital, power and verdict of each part

Answers of a session are compared with the baseline and with those of every session before it; so the p-values of a row
of sessions are independent where nothing changed, and their e-values multiply (`comity.estimate.evidence`).  A part is
"changed" once its capital has reached 1/α, and stays so.  Else it is "not distinguishable within margin m at power p":
m is the distance that is tolerated, p how often a session of this size alone says "changed" where the distance is the
effect that was fixed at enrolment.

A `benign` session follows a change that is known to be harmless.  It says what such a change looks like: from then on
the margin is the largest distance that a benign session may well have had.  It adds no evidence, its answers are no
baseline, and after the first session that does test there is none any more: a margin is not widened after an alarm.

First tokens at border inputs are a tripwire.  They move when an attention kernel changes, and say nothing of what a
change is: "changed" there is a reason to ask, and to look at the completions, never a finding that another model
answers.
"""

import math
from collections.abc import Sequence
from typing import Final

from comity.estimate import Kind, capital_of, compare, decisive_p, e_of_p, power_of
from comity.evaluation.identity.edge import Question
from comity.evaluation.identity.enrolling import Random, shuffled
from comity.evaluation.identity.enrolment import Enrolment, IdentityError, Part, Result, Session

__all__ = ["CHANGED", "calibrating", "choose", "judge"]

CHANGED: Final = "changed"
ROUNDS: Final = 200
"""Simulated sessions by which the power is stated."""
SHORT: Final = 6
"""Digits of a decimal text."""


def choose(enrolment: Enrolment, count: int, random: Random) -> list[tuple[Kind, int, Question]]:
    """So many questions out of the enrolment, each kind's prompts in turn, half of them border inputs where there are.

    A border input tells most when it is asked often, so at most a quarter of the baseline's repeats goes to each.
    """
    if count < 1:
        raise IdentityError("a test takes at least one call")
    border = enrolment.part("first-token")
    few = min(count // 2, len(border.prompts) * _repeats(border)) if border else 0
    chosen = [*_in_turn(enrolment.part("completions"), count - few, random), *_in_turn(border, few, random)]
    return [chosen[place] for place in shuffled(len(chosen), random)]


def calibrating(earlier: Sequence[Session]) -> bool:
    """Whether a benign session may still set the margin: no session has tested anything yet."""
    return all(session.purpose == "benign" for session in earlier)


def judge(enrolment: Enrolment, earlier: Sequence[Session], session: Session) -> tuple[Result, ...]:
    """What a session says, given the sessions before it with their results; a pure function of both."""
    if session.purpose == "benign" and not calibrating(earlier):
        raise IdentityError("a session has tested already: a margin is set before the first test, not after it")
    found = []
    for part in enrolment.parts:
        if any(session.fresh(part)):
            found.append(_judge_part(enrolment, part, earlier, session))
    if not found:
        raise IdentityError("the session has no answers, so there is nothing to compare")
    return tuple(found)


def _judge_part(enrolment: Enrolment, part: Part, earlier: Sequence[Session], session: Session) -> Result:
    alpha, benign = float(enrolment.alpha), session.purpose == "benign"
    before = [[answer.text for answer in answers] for answers in part.answers]
    e_values, margin = list[float](), float(part.margin)
    for one in earlier:
        result = next((each for each in one.results or () if each.kind == part.kind), None)
        if result is None:
            continue
        if one.purpose == "benign":
            margin = max(margin, float(result.upper))
            continue
        e_values.append(float(result.e))
        for texts, more in zip(before, one.fresh(part), strict=True):
            texts.extend(more)
    fresh, effect = session.fresh(part), max(float(part.effect), 2 * margin)
    seed = f"{enrolment.seed} {part.kind} {session.number}".encode()
    tested = compare(
        before, fresh, kind=part.kind, margin=margin, permutations=enrolment.permutations, seed=seed
    )
    e = 1.0 if benign else e_of_p(_least(tested.p), alpha)
    now, most = capital_of([*e_values, float(_short(e))])
    power = power_of(
        before, fresh, kind=part.kind, margin=margin, effect=effect, level=decisive_p(alpha),
        permutations=enrolment.permutations, rounds=ROUNDS, seed=seed + b" power",
    )  # fmt: skip
    verdict = f"not distinguishable within margin {_short(margin)} at power {power:.2f}"
    return Result(
        kind=part.kind,
        answers=tested.fresh,
        prompts=tested.prompts,
        distance=_short(tested.distance),
        upper=_short(tested.upper),
        margin=_short(margin),
        effect=_short(effect),
        p=_short(tested.p),
        e=_short(e),
        capital=_short(now),
        power=f"{power:.2f}",
        verdict=CHANGED if most >= 1 / alpha else verdict,
    )


def _in_turn(part: Part | None, count: int, random: Random) -> list[tuple[Kind, int, Question]]:
    """Each prompt once before any is asked again, in an order drawn anew each time."""
    if part is None:
        return []
    places: list[int] = []
    while len(places) < count:
        places.extend(shuffled(len(part.prompts), random))
    return [
        (
            part.kind,
            place,
            Question(prompt=part.prompts[place], temperature=part.temperature, max_tokens=part.max_tokens),
        )
        for place in places[:count]
    ]


def _repeats(part: Part) -> int:
    return max(2, math.ceil(max(len(answers) for answers in part.answers) / 4))


def _least(p: float) -> float:
    return min(1.0, max(p, 10.0**-SHORT))


def _short(value: float) -> str:
    """A decimal text of a few digits; what is compared later is what stands here."""
    return f"{value:.{SHORT}g}"
