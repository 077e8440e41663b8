"""Opening an arrangement's ledger: entry 0, and the tables beside the entries.

Entry 0 is `arrangement.signed` with the digest of the terms and both parties'
signatures, so a ledger without a signed arrangement cannot exist.  The tables
follow from the entries, except the texts of the terms, the leases of running gateways
and the running minute's count of refusals: `rebuild` makes them anew from the ledger alone.
"""

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from comity.arrangement import Offer, in_force
from comity.gateway import life, state
from comity.gateway.acts import act_digest
from comity.gateway.amend import record_terms
from comity.ledger import Ledger, Transaction, create_ledger, open_ledger
from comity.records import (
    AccessClosed,
    AccessExited,
    AccessResumed,
    AccessStopped,
    AccessSuspended,
    ArrangementSigned,
    CallAbandoned,
    CallOverran,
    CallPermitted,
    CallRefused,
    CallSettled,
    CallsRefused,
    ContentErased,
    DrawCommitted,
    DrawRevealed,
    GrantIssued,
    GrantRevoked,
    GuardCounted,
    PlanFrozen,
    Record,
    RunAborted,
    RunBegun,
    RunFinished,
    ScoresCommitted,
    UpstreamAnomaly,
    parse_instant,
    parse_record,
    to_bytes,
)
from comity.vault import SCHEMA as VAULT_SCHEMA

__all__ = ["SCHEMA", "begin_ledger", "open_arrangement", "rebuild"]

SCHEMA: Final = (*VAULT_SCHEMA, *state.SCHEMA, *life.SCHEMA)

_TABLES: Final = (
    "gate_grant", "gate_sum", "gate_call", "gate_overrun", "gate_stop", "gate_suspension", "gate_clock", "gate_act",
    "gate_plan", "gate_run", "gate_scores", "gate_draw", "gate_refusal", "gate_anomaly", *life.TABLES,
)  # fmt: skip
_ACTS: Final = (
    GrantIssued,
    GrantRevoked,
    AccessStopped,
    AccessSuspended,
    AccessResumed,
    AccessExited,
    ContentErased,
    DrawCommitted,
    DrawRevealed,
    GuardCounted,
)


def begin_ledger(place: Path | str, offer: Offer, *, now: datetime) -> Ledger:
    """Create the ledger of an arrangement that both parties signed; raises `NotInForce` for any other.

    `place` is a file's path or a database's URL `postgresql://…` without a password.
    """
    in_force(offer, max(now, offer.terms.window.begins))
    terms = offer.terms
    ledger = create_ledger(place, origin=terms.ledger.origin, schema=SCHEMA)
    ledger.transact(partial(_begin, offer=offer, now=now))
    return ledger


def _begin(tx: Transaction, *, offer: Offer, now: datetime) -> None:
    tx.append(to_bytes(record_terms(offer, now)))
    life.keep_offer(tx, offer)
    life.begin_version(tx, offer.terms.version)


def open_arrangement(place: Path | str, *, origin: str | None = None) -> Ledger:
    """Open the ledger of an arrangement; a database needs its `origin`, and a file's is compared where it is given."""
    return open_ledger(place, origin=origin, schema=SCHEMA)


def rebuild(tx: Transaction, entries: tuple[bytes, ...]) -> None:
    """Make the gateway's tables anew from the entries alone: leases, counts of refusals and sealed items aside."""
    for table in _TABLES:
        tx.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in (*state.SCHEMA, *life.SCHEMA):
        tx.execute(statement)
    models: dict[int, str] = {}
    newest = 0
    for index, entry in enumerate(entries):
        record = parse_record(entry)
        newest = max(newest, state.millis(parse_instant(record.at)))
        if isinstance(record, CallPermitted):
            models[index] = record.model
        if isinstance(record, UpstreamAnomaly):
            state.count_anomaly(tx, models[record.permit], record.what)
        else:
            _replay(tx, index, record)
    state.forget_seconds(tx, now_ms=newest)


def _replay(tx: Transaction, index: int, record: Record) -> None:
    if isinstance(record, _ACTS):
        tx.execute("INSERT INTO gate_act VALUES (?, ?)", (act_digest(record.note.encode()), index))
    match record:
        case ArrangementSigned() as record:
            life.begin_version(tx, record.terms_version)
        case AccessExited() as record:
            life.leave(tx, by=record.by, cause=record.cause, from_ms=state.millis(parse_instant(record.effective)))
        case AccessClosed():
            life.close(tx)
        case GrantIssued() as record:
            values = (record.grant, record.person, record.key, record.expires)
            tx.execute("INSERT INTO gate_grant VALUES (?, ?, ?, ?, '')", values)
        case GrantRevoked() as record:
            tx.execute('UPDATE gate_grant SET revoked = ? WHERE "grant" = ?', (record.cause, record.grant))
        case AccessStopped() as record:
            tx.execute("INSERT INTO gate_stop VALUES (?, ?, ?)", (record.by, record.cause, index))
        case AccessSuspended() as record:
            state.suspend(tx, by=record.by, cause=record.cause, clock=record.clock, at_index=index, at_ms=_ms(record))
        case AccessResumed() as record:
            state.resume(tx, by=record.by, at_ms=_ms(record))
        case CallPermitted() as record:
            state.reserve(
                tx,
                permit=index,
                at_ms=_ms(record),
                incarnation=record.incarnation,
                rerun=state.repeats(tx.execute, record.run),
                amount=record.reserved,
            )
        case CallSettled() | CallAbandoned() as record:
            reserved = state.open_reservation(tx, record.permit)
            if reserved is not None:
                state.settle(tx, permit=record.permit, reserved=reserved, charged=record.charged)
        case CallOverran() as record:
            state.close_clauses(tx, record.clauses, record.permit)
        case CallRefused() as record:
            state.count_refusals(tx, record.clause, 1)
        case CallsRefused() as record:
            state.count_refusals(tx, record.clause, record.count)
        case PlanFrozen() as record:
            tx.execute("INSERT INTO gate_plan VALUES (?, ?) ON CONFLICT (plan) DO NOTHING", (record.plan, index))
        case RunBegun() as record:
            state.begin_run(tx, run=record.run, plan=record.plan, grant=record.grant)
        case RunFinished() as record:
            tx.execute("UPDATE gate_run SET open = ? WHERE run = ?", (state.FINISHED, record.run))
        case RunAborted() as record:
            tx.execute("UPDATE gate_run SET open = ? WHERE run = ?", (state.ABORTED, record.run))
        case ScoresCommitted() as record:
            tx.execute("INSERT INTO gate_scores VALUES (?, ?) ON CONFLICT (run) DO NOTHING", (record.run, index))
        case DrawCommitted() as record:
            tx.execute(
                "INSERT INTO gate_draw VALUES (?, ?, ?, ?, NULL)", (record.run, record.by, record.commitment, index)
            )
        case DrawRevealed() as record:
            tx.execute('UPDATE gate_draw SET revealed = ? WHERE run = ? AND "by" = ?', (index, record.run, record.by))
        case _:
            pass  # an entry that no decision reads


def _ms(record: Record) -> int:
    return state.millis(parse_instant(record.at))
