"""Judging by a model: a run's answers go to a judge that the terms list, through a gateway of its own.

The clause `content.recipients` of the terms under which the target is asked lists who is given answers.  A judge is
there with its endpoint: an arrangement of its own, at a gateway of its own or the same.  So a judge's calls are
permitted, counted and recorded as any others are, in that arrangement's ledger, under the same run id:

    there   plan.frozen → run.begun → the judge's calls → run.finished
    here    judge.called, which names that ledger, where the run begins in it, and how many calls it took

    find_receiver(plan, recipients)   the judge in the clause, or `RecipientRefused` with the clause
    begin_judging(plan, run, door)    the run's beginning in the judge's ledger, once, whatever breaks off
    read_judging(…)                   the judge's calls held against that ledger, call for call

What the judge made of an answer is in the engine's log, as a scorer's value; nothing of it is an entry.

Not promised: that the judge is right. `comity label` draws answers for people, and takes the judge's error off.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from comity.evaluation import plan as p
from comity.evaluation.edge import Door
from comity.evaluation.errors import EvaluationError
from comity.evaluation.freezing import Ledger
from comity.evaluation.journal import JUDGE_FILE, read_journal
from comity.evaluation.plan_parts import Judge
from comity.evaluation.reading import LoggedSample
from comity.evaluation.reconciliation import Reconciliation, find_lost, reconcile
from comity.records import Record, RunBegun

__all__ = [
    "CLAUSE",
    "JudgeRun",
    "RecipientRefused",
    "begin_judging",
    "check_recipients",
    "find_receiver",
    "judge_door",
    "read_judging",
]

CLAUSE: Final = "content.recipients"

ReadEntries = Callable[[Ledger, int], Mapping[int, Record]]
"""What a ledger holds after an entry."""
Recipients = Iterable[Mapping[str, Any]]
"""Each `name`, `kind`, `what` and `endpoint`, as a gateway's status and the terms' receivers tell them."""


class RecipientRefused(EvaluationError):
    """Answers would go to somebody whom the terms do not list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRun:
    """A run in its judge's ledger."""

    door: Ledger
    ledger: str
    begun: int


def check_recipients(plan: p.Plan, recipients: Recipients) -> tuple[str, ...]:
    """Whom the plan gives answers to and the terms do not list, each a sentence that begins with the clause."""
    listed = [dict(one) for one in recipients]
    found = []
    judge, audit = plan.parts.judge, plan.parts.audit
    if judge is not None and _judge_in(judge, listed) is None:
        found.append(
            f"{CLAUSE}: the plan gives answers to the model {judge.model} as {judge.recipient}, at an endpoint that "
            f"ends in /a/{judge.arrangement}; {_told(listed, 'model')}"
        )
    if audit is not None and not any((one["name"], one["kind"]) == (audit.recipient, "people") for one in listed):
        found.append(f"{CLAUSE}: the plan gives answers to the people {audit.recipient}; {_told(listed, 'people')}")
    return tuple(found)


def find_receiver(plan: p.Plan, recipients: Recipients) -> str:
    """The endpoint of the plan's judge by the terms; empty without a judge. Raises `RecipientRefused`."""
    listed = [dict(one) for one in recipients]
    if problems := check_recipients(plan, listed):
        raise RecipientRefused("\n".join(problems))
    judge = plan.parts.judge
    found = None if judge is None else _judge_in(judge, listed)
    return "" if found is None else str(found["endpoint"])


def judge_door(plan: p.Plan, endpoint: str, secret: str) -> Door:
    """The judge's arrangement at its gateway, for the same person's key."""
    judge = plan.parts.judge
    if judge is None:
        raise AssertionError("a plan without a judge has no judge's door")
    return Door(endpoint.removesuffix(f"/a/{judge.arrangement}"), judge.arrangement, secret)


def begin_judging(plan: p.Plan, run: str, door: Ledger, entries: ReadEntries) -> JudgeRun:
    """The run's beginning in the judge's ledger, made now unless it is there."""
    ledger, frozen = door.append("plan.frozen", plan=plan.digest)
    for index, entry in entries(door, frozen).items():
        if isinstance(entry, RunBegun) and entry.run == run:
            return JudgeRun(door=door, ledger=ledger, begun=index)
    _, index = door.append("run.begun", run=run, plan=plan.digest)
    return JudgeRun(door=door, ledger=ledger, begun=index)


def read_judging(
    judged: JudgeRun,
    samples: Iterable[LoggedSample],
    entries: Mapping[int, Record],
    *,
    run: str,
    folder: Path,
    ended: set[tuple[str, int, int]],
) -> Reconciliation:
    """The judge's calls of the logs, held against the entries of its ledger since the run began there."""
    logged = [call for sample in samples for call in sample.judge_calls]
    sent = read_journal(folder, file=JUDGE_FILE)
    lost = find_lost(logged, entries, origin=judged.ledger, run=run, sent=sent, ended=ended)
    return reconcile(logged, entries, origin=judged.ledger, run=run, lost=lost.keys())


def _judge_in(judge: Judge, listed: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next(
        (
            one
            for one in listed
            if (one["name"], one["kind"], one["what"]) == (judge.recipient, "model", judge.model)
            and str(one["endpoint"]).endswith(f"/a/{judge.arrangement}")
        ),
        None,
    )


def _told(listed: list[dict[str, Any]], kind: str) -> str:
    of = [f"{one['name']} ({one['what']}{' at ' if one['endpoint'] else ''}{one['endpoint']})"
          for one in listed if one["kind"] == kind]  # fmt: skip
    called = {"model": "judge model", "people": "group of people"}[kind]
    return f"the terms list {', '.join(of)}" if of else f"the terms list no {called}"
