"""Classification: what a pack's rules say about a model, given the facts that are known.

Each question is answered `yes`, `no` or `unknown`, with the reasons, their sources and marks, and what would
have to be known.  The numbers are the pack's; here is only how they are compared:

- An amount of compute is *over* a threshold if it is strictly more, compared exactly.
- Compute that contributes to updates of parameters is a part of the cumulative amount.  So updates alone can
  show that a cumulative threshold is passed, and not that it is not; and where only the cumulative amount is
  given, it stands in for the updates, and the answer says so.
- An indication yields to facts on generality, either way; a presumption does not (a rebuttal is a decision).
- Within the tolerance of a threshold the answer stands and says that an error of estimation could turn it.
- A modifier is a provider from a share of the original's compute on; where that is unknown, from the same
  share of the threshold of the indicator that the pack names.
- Open models are relieved if every condition holds, none of what defeats it does, and no indicator that ends
  the relief is passed, nor a designation stands.

Not promised: that the facts are true. The answer is as good as they are, and it is no decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Literal, TypeAlias

from comity.law.compute import Estimate, two_figures
from comity.law.errors import FactsRefused
from comity.law.pack import Classification, Confidence, Indicator, Modifier, OpenSource, Pack, Rule

__all__ = ["Answer", "Facts", "Reason", "Verdict", "classify"]

Verdict: TypeAlias = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about a model; `None` and what is left out are unknown."""

    cumulative: Estimate | None = None
    """All training compute."""
    updates: Estimate | None = None
    """The part of it that contributes to updates of parameters."""
    modalities: frozenset[str] | None = None
    """What it can generate: text, audio, image, video."""
    general: bool | None = None
    """Whether facts show that it is general, or narrow, whatever its compute."""
    designated: bool | None = None
    """Whether a decision classes it."""
    modification: Estimate | None = None
    original: Estimate | None = None
    original_systemic: bool | None = None
    placed: date | None = None
    """When it was placed on the market."""
    conditions: Mapping[str, bool] = field(default_factory=dict)
    """Conditions of openness, by their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One step of an answer and where its rule is from."""

    text: str
    ref: str
    src: tuple[str, ...]
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question."""

    question: str
    """The id of an indicator, or designation · modifier · open-source · legacy."""
    asks: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    unknown: tuple[str, ...]
    """What is not known, or was assumed."""
    relieves: tuple[str, ...] = ()
    """Duties that fall away, for a `yes` on open source."""
    comply_by: date | None = None
    """The later date, for a `yes` on legacy."""


def classify(pack: Pack, facts: Facts) -> tuple[Answer, ...]:
    """Answer each question that the pack has a rule for; raises `FactsRefused` where facts contradict each other."""
    rules = pack.classification
    if rules is None:
        return ()
    _check(rules, facts)
    answers = [_indicated(one, rules, facts) for one in rules.indicators]
    verdicts = {one.question: one.verdict for one in answers}
    if rules.designation is not None:
        answers.append(_designated(rules.designation, facts))
    if rules.modifier is not None:
        answers.append(_modified(rules.modifier, rules, facts))
    if rules.open_source is not None:
        answers.append(_open(rules.open_source, verdicts, facts))
    for rule in rules.legacy:
        asks = f"Was it placed on the market before {rule.placed_before.isoformat()}?"
        if facts.placed is None:
            answers.append(
                _answer("legacy", asks, "unknown", rule, rule.means, unknown=("when it was placed on the market",))
            )
        else:
            before = facts.placed < rule.placed_before
            said = f"placed on {facts.placed.isoformat()}: " + (
                f"comply by {rule.comply_by.isoformat()}" if before else "no later date"
            )
            found = _answer("legacy", asks, "yes" if before else "no", rule, said, rule.means)
            answers.append(replace(found, comply_by=rule.comply_by) if before else found)
    return tuple(answers)


def _check(rules: Classification, facts: Facts) -> None:
    if facts.cumulative and facts.updates and facts.updates.flop > facts.cumulative.flop:
        raise FactsRefused(
            f"expected compute for updates to be a part of the cumulative amount; got {facts.updates} "
            f"of {facts.cumulative}"
        )
    rule = rules.open_source
    known = [one.id for one in (*rule.conditions, *rule.defeated_by, *rule.spared_by)] if rule is not None else []
    for name in facts.conditions:
        if name not in known:
            raise FactsRefused(f"expected conditions out of {', '.join(known) or 'none'}; got {name[:60]!r}")


def _answer(
    question: str, asks: str, verdict: Verdict, rule: Rule, *said: str, unknown: tuple[str, ...] = ()
) -> Answer:
    reasons = tuple(
        Reason(text=text, ref=rule.ref, src=rule.src, confidence=rule.confidence) for text in said if text
    )
    return Answer(question=question, asks=asks, verdict=verdict, reasons=reasons, unknown=unknown)


def _indicated(rule: Indicator, rules: Classification, facts: Facts) -> Answer:
    kind = "cumulative training compute" if rule.counts == "cumulative" else "training compute for updates"
    asks = f"Is its {kind} more than {two_figures(rule.flop)} FLOP ({rule.effect})?"
    verdict, said, unknown = _over(rule, facts)
    reasons = [said, rule.means]
    if (near := _near(rule, rules, facts)) and verdict != "unknown":
        reasons.insert(1, near)
    if rule.modalities and verdict == "yes":
        listed = ", ".join(rule.modalities)
        if facts.modalities is None:
            verdict, unknown = "unknown", (*unknown, f"whether it generates {listed}")
        elif not set(rule.modalities) & facts.modalities:
            verdict = "no"
            reasons.insert(1, f"it generates none of {listed}")
    if rule.effect == "indication" and facts.general is not None:
        turned: Verdict = "yes" if facts.general else "no"
        if turned != verdict:
            reasons.insert(0, f"facts show that it is {'general' if facts.general else 'narrow'}, which decides")
        verdict = turned
    return _answer(rule.id, asks, verdict, rule, *reasons, unknown=unknown)


def _over(rule: Indicator, facts: Facts) -> tuple[Verdict, str, tuple[str, ...]]:
    """Whether the amount that the rule counts is over its threshold, the words for it, and what is unknown."""
    bound = f"{two_figures(rule.flop)} FLOP"
    if rule.counts == "cumulative":
        if facts.cumulative is not None:
            return _compared(facts.cumulative, rule.flop)
        if facts.updates is None:
            return "unknown", "no amount of compute is known", ("the cumulative training compute",)
        if facts.updates.flop > rule.flop:
            return "yes", f"its compute for updates alone, {facts.updates}, is more than {bound}", ()
        said = f"its compute for updates is {facts.updates}; all of it may be more"
        return "unknown", said, ("the cumulative training compute",)
    if facts.updates is not None:
        return _compared(facts.updates, rule.flop)
    if facts.cumulative is None:
        return "unknown", "no amount of compute is known", ("the training compute",)
    verdict, said, _ = _compared(facts.cumulative, rule.flop)
    if verdict == "no":
        return verdict, said, ()
    return verdict, said, ("how much of the compute contributes to updates; all of it was assumed to",)


def _compared(estimate: Estimate, flop: Fraction) -> tuple[Verdict, str, tuple[str, ...]]:
    over = estimate.flop > flop
    return "yes" if over else "no", f"{estimate} is {'' if over else 'not '}more than {two_figures(flop)} FLOP", ()


def _near(rule: Indicator, rules: Classification, facts: Facts) -> str:
    estimate = facts.cumulative if rule.counts == "cumulative" else facts.updates or facts.cumulative
    if rules.tolerance is None or estimate is None:
        return ""
    error = Fraction(rules.tolerance.percent, 100)
    if estimate.flop * (1 - error) <= rule.flop < estimate.flop * (1 + error):
        percent, ref = rules.tolerance.percent, rules.tolerance.ref
        return f"an error of estimation within {percent} percent could turn this ({ref})"
    return ""


def _designated(rule: Rule, facts: Facts) -> Answer:
    asks = "Does a decision class it, whatever its compute?"
    if facts.designated is None:
        return _answer("designation", asks, "unknown", rule, rule.means, unknown=("whether there is a decision",))
    said = "there is a decision" if facts.designated else "there is no decision"
    return _answer("designation", asks, "yes" if facts.designated else "no", rule, said, rule.means)


def _modified(rule: Modifier, rules: Classification, facts: Facts) -> Answer:
    share = f"{rule.share.numerator}/{rule.share.denominator}"
    asks = f"Is it a modification with more than {share} of the original's compute?"
    if facts.modification is None:
        return _answer(
            "modifier", asks, "unknown", rule, rule.means, unknown=("the compute of a modification, if it is one",)
        )
    unknown: tuple[str, ...] = ()
    if facts.original is not None:
        bound, of = facts.original.flop * rule.share, "the original's compute"
    else:
        systemic = rules.indicator(rule.unknown_original_systemic)
        other = rules.indicator(rule.unknown_original)
        verdicts = {facts.modification.flop > one.flop * rule.share for one in (systemic, other)}
        if facts.original_systemic is None and len(verdicts) > 1:
            said = f"the original's compute is unknown, and so is whether it has systemic risk; {facts.modification}"
            return _answer(
                "modifier", asks, "unknown", rule, said, rule.means,
                unknown=("the original's compute", "whether the original has systemic risk"),
            )  # fmt: skip
        chosen = systemic if facts.original_systemic else other
        bound, of = chosen.flop * rule.share, f"{two_figures(chosen.flop)} FLOP, for an original of unknown compute"
        unknown = ("the original's compute; the threshold stands in for it",)
    over = facts.modification.flop > bound
    said = f"{facts.modification} is {'' if over else 'not '}more than {two_figures(bound)} FLOP, {share} of {of}"
    return _answer("modifier", asks, "yes" if over else "no", rule, said, rule.means, unknown=unknown)


def _open(rule: OpenSource, verdicts: Mapping[str, Verdict], facts: Facts) -> Answer:
    asks = "Is it relieved of duties as a free and open model?"
    against = [f"does not hold: {one.means}" for one in rule.conditions if facts.conditions.get(one.id) is False]
    against += [f"defeats it: {one.means}" for one in rule.defeated_by if facts.conditions.get(one.id)]
    against += [f"ends it: {name}" for name in rule.unless if verdicts.get(name) == "yes"]
    if facts.designated:
        against.append("ends it: a decision classes the model")
    unknown = [f"{one.id}: {one.means}" for one in rule.conditions if one.id not in facts.conditions]
    unknown += [f"{one.id}: {one.means}" for one in rule.defeated_by if one.id not in facts.conditions]
    unknown += [f"{name}: the answer above is unknown" for name in rule.unless if verdicts.get(name) == "unknown"]
    verdict: Verdict = "no" if against else "unknown" if unknown else "yes"
    said = against or ([] if unknown else ["every condition holds, and nothing ends or defeats it"])
    found = _answer("open-source", asks, verdict, rule, *said, rule.means, unknown=() if against else tuple(unknown))
    return replace(found, relieves=rule.relieves) if verdict == "yes" else found
