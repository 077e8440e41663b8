"""Reports: every member of `report.json` recomputed, and the one that differs named.

The numbers follow from the terms, the plan, the score table and the first `as_of` entries of the ledger, and from
nothing else.  What the report says of itself is `as_of`, and it is held to the ledger: the run had finished by then,
and no run began between then and the publication, so no report can stop counting before a run that it leaves out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from comity.estimate import Sampled
from comity.records import NotCanonical, parse_canonical
from comity.verify.access import state_access
from comity.verify.facts import Fact, Faults
from comity.verify.history import History
from comity.verify.planned import planned_members
from comity.verify.reported_run import (
    ReportedRun,
    count_calls,
    count_refusals,
    count_runs,
    count_served,
    count_spend,
)
from comity.verify.scores import COUNTS, PlanView, ScoreTable, estimates, missing
from comity.verify.terms import TermsView

FORMAT: Final = "comity report/1"
MAX_REPORT: Final = 1024 * 1024
WHERE: Final = "report.json"


def read_report(data: bytes) -> dict[str, Any] | str:
    """The members, or why the bytes are no report."""
    try:
        members = parse_canonical(data, limit=MAX_REPORT)
    except NotCanonical as error:
        return str(error)
    if members.get("format") != FORMAT or type(members.get("as_of")) is not int:
        return f"expected the format {FORMAT} and as_of, the number of entries that it covers"
    return members


def recompute(
    *,
    terms: TermsView,
    plan: PlanView,
    table: ScoreTable,
    run: ReportedRun,
    history: History,
    as_of: int,
    labels: Sequence[Mapping[str, Any]] = (),
    sample: Sampled | None = None,
) -> dict[str, Any]:
    """The report that the record gives, over the first `as_of` entries.

    `labels` are what each rater's file gives, `sample` is the run's where it was drawn from a frame.
    """
    covered = tuple((index, record) for index, record in history if index < as_of)
    [(scored, committed)] = run.scores
    if run.begun is None or run.finished is None or run.frozen is None:
        raise AssertionError("a run is recomputed once it has been found whole")
    members = {
        "format": FORMAT,
        "ledger": terms.origin,
        "arrangement": terms.id,
        "terms": terms.digest,
        "run": run.run,
        "plan": run.begun[1].plan,
        "suite": dict(plan.suite),
        "protocol": plan.protocol,
        "model": plan.model,
        "title": plan.title,
        "counts": {name: getattr(committed, name) for name in COUNTS},
        "missing": missing(table),
        "estimates": estimates(table, plan, sample),
        "runs": {**count_runs(covered), "reported": 1},
        "calls": count_calls(covered, run.run, run.frozen),
        "served": count_served(covered, run),
        "spend": count_spend(covered, terms),
        "refusals": count_refusals(covered),
        "access": state_access(covered, terms, plan.model),
        "blindness": terms.blindness,
        "as_of": as_of,
        "entries": {"plan": run.frozen, "begun": run.begun[0], "scores": scored, "finished": run.finished[0]},
    }
    first = tuple(row.score for row in table.rows if row.epoch == 1)
    planned = planned_members(plan.members, first, covered, run=run.run, digest=run.begun[1].plan, sample=sample)
    if planned:
        members["planned"] = planned
    return {**members, "labels": list(labels)} if labels else members


def compare(told: Mapping[str, Any], found: Mapping[str, Any]) -> Fact:
    """Member by member: what the report says and what the record gives."""
    faults = Faults("report")
    members = 0
    for path, said, gives in differences(told, found):
        members += 1
        if said != gives:
            faults.add(WHERE, f"{path} says {_shown(said)}, the record gives {_shown(gives)}")
    return faults.fact(f"all {members} members are those that terms, plan, rows and entries give")


def differences(told: Any, found: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every leaf of both, with its path and what stands there in each; `...` where there is nothing."""
    if isinstance(told, Mapping) and isinstance(found, Mapping):
        for name in sorted(told.keys() | found.keys()):
            yield from differences(told.get(name, ...), found.get(name, ...), f"{path}.{name}".lstrip("."))
    elif isinstance(told, list) and isinstance(found, list):
        for place in range(max(len(told), len(found))):
            said, gives = (side[place] if place < len(side) else ... for side in (told, found))
            yield from differences(said, gives, f"{path}.{place}")
    elif type(told) is not type(found):  # true is no 1
        yield path, repr(told) if told is not ... else ..., found
    else:
        yield path, told, found


def check_as_of(as_of: int, published: int, run: ReportedRun, history: History) -> Fact:
    """The report counts until just before it is published, as far as runs go, and says what came later."""
    faults = Faults("as_of")
    if run.finished is not None and not run.finished[0] < as_of <= published:
        faults.add(WHERE, f"as_of says {as_of}; the run finished at {run.finished[0]}, the report came at {published}")
    began = [index for index, record in history if record.kind == "run.begun" and index >= as_of]
    between = [index for index in began if index < published]
    if between:
        faults.add(WHERE, f"it counts up to entry {as_of - 1} and leaves out the run begun at entry {between[0]}")
    later = f"; {len(began)} begun since" if began else ""
    return faults.fact(f"it counts the first {as_of} entries; no run began between these and its publication{later}")


def _shown(value: Any) -> str:
    return "nothing" if value is ... else str(value)[:80]
