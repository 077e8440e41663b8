"""Banks: what a plan draws its sample from, loaded: a suite of this release, or a guest.

A simple random sample is known at once; one from a frame becomes known as it is drawn (`asking`), so `chosen` is then
the whole bank, and `names` its items by their names in the frame.

A bank answers three questions for the rest of a run: which items there are, how an answered sample is judged, and, for
what is known before a call, what will be asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from comity.evaluation import plan as p
from comity.evaluation.errors import EvaluationError
from comity.evaluation.framing import names_in
from comity.evaluation.guests import Guest, judge_score, load_guest
from comity.evaluation.reading import Judge, judge_short_answers
from comity.evaluation.suites import Suite, load_suite


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteBank:
    """A suite, with the plan's sample of it."""

    suite: Suite
    chosen: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestBank:
    """An installed task, with the plan's sample of it."""

    guest: Guest
    scoring: p.TaskScoring
    chosen: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)


Bank = SuiteBank | GuestBank


def load_bank(plan: p.Plan) -> Bank:
    """The plan's bank; raises `EvaluationError` where what is installed is not what the plan pins."""
    population = plan.claim.population
    if isinstance(population, p.Population):
        suite = load_suite(population.suite)
        fields = suite_fields(suite, plan.parts.sampling.strata_by)
        chosen, names = _sample(plan, fields)
        return SuiteBank(suite=suite, chosen=chosen, names=names)
    if not isinstance(plan.scoring, p.TaskScoring):
        raise AssertionError("a plan over a task has the scoring of a suite")
    guest = load_guest(population, plan.scoring, judged=plan.parts.judge is not None)
    chosen, names = _sample(plan, guest_fields(guest, plan.parts.sampling.strata_by))
    return GuestBank(guest=guest, scoring=plan.scoring, chosen=chosen, names=names)


def whole_suite(plan: p.Plan) -> SuiteBank | None:
    """A suite's bank where nobody needs the sample, so that neither seed nor frame does; `None` for a task's.

    Raises `EvaluationError` where this release ships another version of the suite than the plan pins.
    """
    population = plan.claim.population
    if not isinstance(population, p.Population):
        return None
    suite = load_suite(population.suite)
    if suite.sha256 != population.sha256:
        raise EvaluationError(
            f"claim.population.sha256: expected {suite.sha256[:16]}…, the suite {suite.name} of this release; "
            f"the plan has {population.sha256[:16]}…"
        )
    return SuiteBank(suite=suite, chosen=tuple(item.id for item in suite.items))


def suite_fields(suite: Suite, by: str) -> dict[str, str]:
    """Every item of a suite with one of its fields, or with nothing; raises `EvaluationError`."""
    return {item.id: _field(item.id, by, getattr(item, by, None) if by else "") for item in suite.items}


def guest_fields(guest: Guest, by: str) -> dict[str, str]:
    """Every item of a task with one field of its metadata, or with nothing; raises `EvaluationError`."""
    return {
        item: _field(item, by, (sample.metadata or {}).get(by) if by else "") for item, sample in guest.samples.items()
    }


def _field(item: str, by: str, value: object) -> str:
    if value is None or not str(value).isprintable():
        raise EvaluationError(f"design.sampling.strata_by: item {item!r:.60} has no field {by!r:.60}")
    return str(value)


def _sample(plan: p.Plan, fields: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    if plan.parts.sampling.kind == "srs":
        return p.select_ids(plan.design, fields), {}
    return tuple(fields), names_in(plan, fields)


def judge_of(bank: Bank) -> Judge:
    """How the bank's answered samples are judged."""
    match bank:
        case SuiteBank():
            return judge_short_answers({item: bank.suite.item(item).answers for item in bank.chosen})
        case GuestBank():
            return _judge_guest(bank)
        case _:
            assert_never(bank)


def _judge_guest(bank: GuestBank) -> Judge:
    def judge(sample: Any) -> tuple[int | None, str]:
        scores = sample.scores or {}
        return judge_score(scores, bank.scoring)

    return judge
