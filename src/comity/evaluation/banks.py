"""Banks: what a plan draws its sample from, loaded: a suite of this release, or a guest.

A bank answers three questions for the rest of a run: which items there are, how an answered sample is judged, and, for
what is known before a call, what will be asked.
"""

from dataclasses import dataclass
from typing import Any, assert_never

from comity.evaluation import plan as p
from comity.evaluation.guests import Guest, judge_value, load_guest
from comity.evaluation.reading import Judge, judge_short_answers
from comity.evaluation.suites import Suite, load_suite


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteBank:
    """A suite, with the plan's sample of it."""

    suite: Suite
    chosen: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestBank:
    """An installed task, with the plan's sample of it."""

    guest: Guest
    scoring: p.TaskScoring
    chosen: tuple[str, ...]


Bank = SuiteBank | GuestBank


def load_bank(plan: p.Plan) -> Bank:
    """The plan's bank; raises `EvaluationError` where what is installed is not what the plan pins."""
    population = plan.claim.population
    if isinstance(population, p.Population):
        suite = load_suite(population.suite)
        chosen = p.select_ids(plan.design, (item.id for item in suite.items))
        return SuiteBank(suite=suite, chosen=chosen)
    if not isinstance(plan.scoring, p.TaskScoring):
        raise AssertionError("a plan over a task has the scoring of a suite")
    guest = load_guest(population, plan.scoring)
    return GuestBank(guest=guest, scoring=plan.scoring, chosen=p.select_ids(plan.design, guest.samples))


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
        scored = scores.get(bank.scoring.scorer)
        return (None, "unscored") if scored is None else judge_value(scored.value, bank.scoring)

    return judge
