"""Evidence that a person puts into the ledger: plans, runs, scores, labels, disclosures, comparisons of identity.

The evaluator's process never opens the operator's ledger; it sends a record's
own members, and the gateway adds who sent it and when.  Order is held here: a
run begins under a frozen plan, what follows names a run of the same grant, and labels
and reports are about a run that has finished, of which there may be several.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from comity.gateway.refusal import Refusal
from comity.gateway.state import ABORTED, FINISHED, OPEN, Grant, begin_run
from comity.ledger import Transaction
from comity.records import (
    ContentDisclosed,
    IdentityEnrolled,
    IdentityTested,
    JudgeCalled,
    LabelsCommitted,
    MalformedRecord,
    PlanFrozen,
    Record,
    ReportPublished,
    RunAborted,
    RunBegun,
    RunFinished,
    ScoresCommitted,
    SeedRevealed,
    instant_text,
    to_bytes,
)

__all__ = ["KINDS", "append_evidence"]

_RECORDS: Final = (
    PlanFrozen,
    RunBegun,
    RunFinished,
    RunAborted,
    ScoresCommitted,
    LabelsCommitted,
    SeedRevealed,
    JudgeCalled,
    ReportPublished,
    ContentDisclosed,
    IdentityEnrolled,
    IdentityTested,
)
KINDS: Final[Mapping[str, type[Record]]] = {cls.kind: cls for cls in _RECORDS}


def append_evidence(tx: Transaction, *, grant: Grant, members: Mapping[str, Any], now: datetime) -> int | Refusal:
    """Append one record for a person; returns its index, or why it does not fit."""
    cls = KINDS.get(str(members.get("kind")))
    if cls is None:
        return _no(f"expected a kind among {', '.join(sorted(KINDS))}, got {str(members.get('kind'))[:60]!r}")
    own = {name: value for name, value in members.items() if name not in ("kind", "grant", "person", "at")}
    try:
        record = cls.from_members({**own, "grant": grant.grant, "person": grant.person, "at": instant_text(now)})
        entry = to_bytes(record)
    except MalformedRecord as error:
        return _no(str(error))
    match record:
        case PlanFrozen():
            rows = tx.execute("SELECT at_index FROM gate_plan WHERE plan = ?", (record.plan,))
            if rows:
                return int(rows[0][0])
            index = tx.append(entry)
            tx.execute("INSERT INTO gate_plan VALUES (?, ?)", (record.plan, index))
            return index
        case RunBegun():
            if not tx.execute("SELECT 1 FROM gate_plan WHERE plan = ?", (record.plan,)):
                return _no("the plan is not frozen; freeze it before the first run under it")
            if tx.execute("SELECT 1 FROM gate_run WHERE run = ?", (record.run,)):
                return _no("a run of this id was begun before")
            begin_run(tx, run=record.run, plan=record.plan, grant=grant.grant)
        case RunFinished() | RunAborted() | ScoresCommitted() | SeedRevealed() | JudgeCalled():
            rows = tx.execute(
                'SELECT open FROM gate_run WHERE run = ? AND plan = ? AND "grant" = ?',
                (record.run, record.plan, grant.grant),
            )
            if not rows:
                return _no("no run of this id was begun under this plan with this key")
            if rows[0][0] != OPEN:
                return _no("this run has ended; what comes after it is a new run")
            if isinstance(record, SeedRevealed | JudgeCalled):
                return tx.append(entry)
            if isinstance(record, ScoresCommitted):
                if tx.execute("SELECT 1 FROM gate_draw WHERE run = ?", (record.run,)):
                    return _no("a draw over this run's scores has begun; they can no longer be replaced")
                index = tx.append(entry)
                values = (record.run, index)
                tx.execute("INSERT INTO gate_scores VALUES (?, ?) ON CONFLICT (run) DO NOTHING", values)
                return index
            ended = FINISHED if isinstance(record, RunFinished) else ABORTED
            tx.execute("UPDATE gate_run SET open = ? WHERE run = ?", (ended, record.run))
        case LabelsCommitted() | ReportPublished():
            rows = tx.execute(
                'SELECT 1 FROM gate_run WHERE run = ? AND plan = ? AND "grant" = ? AND open = ?',
                (record.run, record.plan, grant.grant, FINISHED),
            )
            if not rows:
                return _no("no run of this id was finished under this plan with this key; it is of one that was")
        case ContentDisclosed():
            if not tx.execute("SELECT 1 FROM gate_call WHERE permit = ?", (record.permit,)):
                return _no(f"entry {record.permit} is no permitted call")
        case IdentityEnrolled() | IdentityTested():
            pass  # no decision rests on them; who checks a disclosed comparison checks their order
        case _:
            raise AssertionError(f"no rule for {record.kind}")
    return tx.append(entry)


def _no(because: str) -> Refusal:
    return Refusal(slug="request-malformed", clause="request.body", because=because)
