"""Plans and runs of an access ledger: what entries alone say of each, and the rate that follows from committed counts.

The interval is the exact one (Clopper-Pearson) for answers that are judged one by one and independent of one another.
The plan may name another method and clusters; the report's number is the one that the plan asks for, and the page says
so.  What is unscored stands beside the rate and is never left out of it: the worst and the best case go with it.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from comity.estimate import clopper_pearson
from comity.portal.projections.models import PlanRow, RunRow
from comity.records import (
    CallPermitted,
    DrawRevealed,
    PlanDeviated,
    PlanFrozen,
    Record,
    ReportPublished,
    RunAborted,
    RunBegun,
    RunFinished,
    ScoresCommitted,
)

__all__ = ["RunReader"]

LEVEL = 0.95
COUNTS = ("intended", "attempted", "answered", "judged", "unscored", "repeated", "correct")


@dataclass(slots=True)
class _Run:
    begun: int
    at: str
    person: str
    plan: str
    frozen: int | None
    calls: int = 0
    status: str = "open"
    because: str = ""
    ended: int | None = None
    ended_at: str = ""
    scores: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    reports: list[int] = field(default_factory=list)
    draws: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Plan:
    frozen: int
    at: str
    person: str
    deviations: list[dict[str, Any]] = field(default_factory=list)


class RunReader:
    """Takes the records of an access ledger that grows, each once and in their order."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._runs: dict[str, _Run] = {}
        self._plans: dict[str, _Plan] = {}

    def take(self, index: int, record: Record) -> None:
        """The record of the next entry."""
        if isinstance(record, PlanFrozen):
            self._plans.setdefault(record.plan, _Plan(index, str(record.at), record.person))
        elif isinstance(record, PlanDeviated):
            if (left := self._plans.get(record.plan)) is not None:
                left.deviations.append(
                    {"entry": index, "by": record.by, "because": record.because, "amended": record.amended}
                )
        elif isinstance(record, RunBegun):
            frozen = self._plans.get(record.plan)
            at = None if frozen is None else frozen.frozen
            self._runs.setdefault(record.run, _Run(index, str(record.at), record.person, record.plan, at))
        else:
            run = self._runs.get(str(getattr(record, "run", "")))
            if run is not None:
                _add(run, index, record)

    def rows(self) -> list[RunRow]:
        """The runs so far."""
        arrangement = self.origin.rpartition("/")[2]
        return [
            RunRow(
                key=f"{self.origin}/{name}", engagement="", arrangement=arrangement, run=name, plan=run.plan,
                person=run.person, begun=run.begun, begun_at=run.at, status=run.status,
                stand={
                    "frozen": run.frozen, "calls": run.calls, "because": run.because, "ended": run.ended,
                    "ended_at": run.ended_at, "scores": run.scores, "counts": run.counts, "reports": run.reports,
                    "draws": run.draws, "estimate": _estimate(run.counts),
                },
            )
            for name, run in self._runs.items()
        ]  # fmt: skip


    def plans(self) -> list[PlanRow]:
        """The plans frozen so far."""
        arrangement = self.origin.rpartition("/")[2]
        runs, calls = Counter[str](), Counter[str]()
        for run in self._runs.values():
            runs[run.plan] += 1
            calls[run.plan] += run.calls
        return [
            PlanRow(
                key=f"{arrangement}/{plan}", engagement="", arrangement=arrangement, plan=plan, person=one.person,
                frozen=one.frozen, frozen_at=one.at, runs=runs[plan], calls=calls[plan], deviations=one.deviations,
            )
            for plan, one in self._plans.items()
        ]  # fmt: skip


def _add(run: _Run, index: int, record: Any) -> None:
    match record:
        case CallPermitted():
            run.calls += 1
        case RunFinished():
            run.status, run.ended, run.ended_at = record.status, index, str(record.at)
        case RunAborted():
            run.status, run.because, run.ended, run.ended_at = "aborted", record.because, index, str(record.at)
        case ScoresCommitted():
            run.scores, run.counts = index, {name: int(getattr(record, name)) for name in COUNTS}
        case ReportPublished():
            run.reports.append(index)
        case DrawRevealed():
            run.draws.append(index)
        case _:
            pass


def _estimate(counts: dict[str, int]) -> dict[str, Any] | None:
    if not counts or counts["judged"] < 1 or counts["correct"] > counts["judged"]:
        return None
    found = clopper_pearson(counts["correct"], counts["judged"], LEVEL, missing=counts["unscored"])
    return {
        "text": str(found), "point": round(found.point, 6), "low": round(found.low, 6), "high": round(found.high, 6),
        "worst_low": round(found.worst_low, 6), "worst_high": round(found.worst_high, 6),
    }  # fmt: skip
