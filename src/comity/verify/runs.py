"""Runs: the plan was frozen first, and every run that exists is counted.

Order, by index in the ledger: `plan.frozen`, then `run.begun` under that plan, then the calls that name the
run, then one `run.finished` or `run.aborted`.  `scores.committed` comes under the same plan after the run
began, and its counts do not contradict one another.

That all runs stand in one ledger is what lets a reader ask for the runs beside the reported one.

Not checked here: the score table itself, whose digest alone stands in the entry.
"""

from dataclasses import dataclass
from itertools import pairwise

from comity.records import (
    CallPermitted,
    PlanFrozen,
    RunAborted,
    RunBegun,
    RunFinished,
    ScoresCommitted,
)
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import History, entry


@dataclass(slots=True)
class _Run:
    index: int
    begun: RunBegun
    calls: int = 0
    ended: int | None = None
    finished: bool = False
    scores: int = 0


def check_runs(history: History) -> Fact:
    """Plans before runs before calls; each run ends once."""
    faults = Faults("runs")
    plans: dict[str, int] = {}
    runs: dict[str, _Run] = {}
    for index, record in history:
        match record:
            case PlanFrozen():
                plans.setdefault(record.plan, index)
            case RunBegun():
                if record.run in runs:
                    faults.add(entry(index), f"the run {record.run} began at entry {runs[record.run].index} already")
                    continue
                if record.plan not in plans:
                    faults.add(entry(index), f"the run began before its plan {record.plan} was frozen")
                runs[record.run] = _Run(index=index, begun=record)
            case CallPermitted() if record.run:
                _call(index, record, runs.get(record.run), faults)
            case RunFinished() | RunAborted():
                run = _named(index, record, runs, faults)
                if run is not None and run.ended is not None:
                    faults.add(entry(index), f"the run ended at entry {run.ended} already")
                elif run is not None:
                    run.ended, run.finished = index, isinstance(record, RunFinished)
            case ScoresCommitted():
                run = _named(index, record, runs, faults)
                if run is not None:
                    run.scores += 1
                _check_counts(index, record, faults)
            case _:
                pass
    finished = sum(1 for run in runs.values() if run.finished)
    aborted = sum(1 for run in runs.values() if run.ended is not None and not run.finished)
    calls = sum(run.calls for run in runs.values())
    scored = sum(1 for run in runs.values() if run.scores)
    return faults.fact(
        f"{counted(len(plans), 'plan')} frozen; {counted(len(runs), 'run')} begun, each under a plan frozen before it: "
        f"{finished} finished, {aborted} aborted, {len(runs) - finished - aborted} open; "
        f"{counted(calls, 'call')} within them; scores committed for {scored}"
    )


def _call(index: int, permit: CallPermitted, run: _Run | None, faults: Faults) -> None:
    if run is None:
        faults.add(entry(index), f"the call names the run {permit.run}, which had not begun")
        return
    run.calls += 1
    if run.ended is not None:
        faults.add(entry(index), f"the call names a run that ended at entry {run.ended}")
    if permit.grant != run.begun.grant:
        faults.add(entry(index), "the call names a run of another grant")


def _named(
    index: int, record: RunFinished | RunAborted | ScoresCommitted, runs: dict[str, _Run], faults: Faults
) -> _Run | None:
    run = runs.get(record.run)
    if run is None:
        faults.add(entry(index), f"the run {record.run} had not begun")
    elif record.plan != run.begun.plan:
        faults.add(entry(index), "it names another plan than the run began under")
    return run


def _check_counts(index: int, scores: ScoresCommitted, faults: Faults) -> None:
    falling = (scores.intended, scores.attempted, scores.answered, scores.judged, scores.correct)
    if any(later > earlier for earlier, later in pairwise(falling)):
        told = ", ".join(map(str, falling))
        faults.add(entry(index), f"intended, attempted, answered, judged, correct do not fall: {told}")
