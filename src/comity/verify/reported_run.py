"""One run as the entries of its ledger tell it, and the runs beside it.

Everything is counted over the first `as_of` entries, the size that a report says it covers; what came later is
counted apart, so that a report which stops counting early is told from one that could not know.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from comity.records import (
    Amount,
    CallAbandoned,
    CallPermitted,
    CallRefused,
    CallSettled,
    CallsRefused,
    LabelsCommitted,
    PlanFrozen,
    ReportPublished,
    RunAborted,
    RunBegun,
    RunFinished,
    ScoresCommitted,
)
from comity.verify.history import History
from comity.verify.terms import TermsView

SERVED: Final = ("agreed", "mismatch", "unstated", "none")
COUNTED: Final = ("plans_frozen", "begun", "finished", "aborted")


@dataclass(slots=True)
class ReportedRun:
    """The entries about one run."""

    run: str
    begun: tuple[int, RunBegun] | None = None
    frozen: int | None = None
    """Where the plan that the run began under was frozen first."""
    permits: dict[int, CallPermitted] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    settled: dict[int, CallSettled] = field(default_factory=dict)
    abandoned: set[int] = field(default_factory=set)
    counted: int = 0
    """Refusals under the run's grant that were only counted, between its beginning and its end."""
    scores: list[tuple[int, ScoresCommitted]] = field(default_factory=list)
    finished: tuple[int, RunFinished] | None = None
    aborted: int | None = None
    labels: list[tuple[int, LabelsCommitted]] = field(default_factory=list)
    published: list[tuple[int, ReportPublished]] = field(default_factory=list)

    @property
    def first_call(self) -> int | None:
        """Index of the first permitted call."""
        return min(self.permits, default=None)


def find_run(history: History, run: str) -> ReportedRun:
    """Every entry about one run, wherever it stands."""
    found = ReportedRun(run=run)
    plans: dict[str, int] = {}
    for index, record in history:
        match record:
            case PlanFrozen():
                plans.setdefault(record.plan, index)
            case RunBegun(run=name) if name == run and found.begun is None:
                found.begun, found.frozen = (index, record), plans.get(record.plan)
            case CallPermitted(run=name) if name == run:
                found.permits[index] = record
            case CallRefused(run=name) if name == run:
                found.refused.add(index)
            case CallSettled() if record.permit in found.permits:
                found.settled.setdefault(record.permit, record)
            case CallAbandoned() if record.permit in found.permits:
                found.abandoned.add(record.permit)
            case CallsRefused() if found.begun is not None and found.begun[1].grant == record.grant:
                found.counted += record.count
            case ScoresCommitted(run=name) if name == run:
                found.scores.append((index, record))
            case RunFinished(run=name) if name == run and found.finished is None:
                found.finished = (index, record)
            case RunAborted(run=name) if name == run:
                found.aborted = index
            case LabelsCommitted(run=name) if name == run:
                found.labels.append((index, record))
            case ReportPublished(run=name) if name == run:
                found.published.append((index, record))
            case _:
                pass
    return found


def count_runs(history: History) -> dict[str, int]:
    """Plans frozen, and runs begun, finished and aborted."""
    kinds = Counter(record.kind for _, record in history)
    plans = {record.plan for _, record in history if isinstance(record, PlanFrozen)}
    found = (len(plans), kinds["run.begun"], kinds["run.finished"], kinds["run.aborted"])
    return dict(zip(COUNTED, found, strict=True))


def count_calls(history: History, run: str, frozen: int) -> dict[str, int]:
    """The run's calls and refusals, and the calls that stand outside what its plan covers."""
    permits = [(index, record) for index, record in history if isinstance(record, CallPermitted)]
    return {
        "run": sum(record.run == run for _, record in permits),
        "refused": sum(isinstance(record, CallRefused) and record.run == run for _, record in history),
        "before_freeze": sum(index < frozen for index, _ in permits),
        "outside_plan": sum(not record.run for _, record in permits),
    }


def count_served(history: History, run: ReportedRun) -> dict[str, int]:
    """What the answers of the run's settled calls said about the model that wrote them."""
    served = Counter(
        record.served_check for _, record in history if isinstance(record, CallSettled) and record.permit in run.permits
    )
    return {name: served[name] for name in SERVED}


def count_refusals(history: History) -> list[dict[str, Any]]:
    """All refusals by clause, those that were only counted included."""
    clauses: Counter[str] = Counter()
    for _, record in history:
        match record:
            case CallRefused(clause=clause):
                clauses[clause] += 1
            case CallsRefused(clause=clause, count=count):
                clauses[clause] += count
            case _:
                pass
    return [{"clause": clause, "count": count} for clause, count in sorted(clauses.items())]


def count_spend(history: History, terms: TermsView) -> list[dict[str, Any]]:
    """What is settled or reserved under each clause of the budget."""
    reserved: dict[int, Amount] = {}
    charged: dict[int, Amount] = {}
    for index, record in history:
        match record:
            case CallPermitted():
                reserved[index] = record.reserved
            case CallSettled() | CallAbandoned() if record.permit in reserved:
                charged[record.permit] = record.charged
            case _:
                pass
    taken: Mapping[int, Amount] = reserved | charged
    budget = terms.budget
    return [
        {"clause": "budget.calls", "agreed": budget.calls, "taken": len(taken)},
        {
            "clause": "budget.input_tokens",
            "agreed": budget.input_tokens,
            "taken": sum(amount.input_tokens for amount in taken.values()),
        },
        {
            "clause": "budget.output_tokens",
            "agreed": budget.output_tokens,
            "taken": sum(amount.output_tokens for amount in taken.values()),
        },
        {
            "clause": "budget.cost",
            "agreed": budget.cost_nano,
            "taken": sum(amount.cost_nano for amount in taken.values()),
        },
    ]
