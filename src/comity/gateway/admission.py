"""Admission: leases of running gateways, and single decisions.

Each function here runs inside one transaction of the ledger.  What it returns
is durable when the caller sees it.  A gateway decides many calls together in one
`Round`; `admit`, `settle` and `refuse` are rounds of one.
"""

from datetime import datetime
from typing import Final

from comity.arrangement import Terms
from comity.gateway import state
from comity.gateway.asked import Asked
from comity.gateway.calls import Anomaly, Caller, LeaseLost, Outcome, Permit, Refused
from comity.gateway.decide import refuse_key
from comity.gateway.refusal import Refusal
from comity.gateway.round import EQUAL_REFUSALS_A_MINUTE, Round
from comity.ledger import Transaction
from comity.records import (
    CallAbandoned,
    CallsRefused,
    GatewayEnded,
    GatewayStarted,
    Hex32,
    Index,
    Instant,
    Record,
    instant_text,
    to_bytes,
)
from comity.vault import SealedItem

__all__ = [
    "EQUAL_REFUSALS_A_MINUTE",
    "LEASE_MS",
    "Anomaly",
    "Caller",
    "LeaseLost",
    "Outcome",
    "Permit",
    "Refused",
    "abandon_expired",
    "admit",
    "begin",
    "end",
    "flush_refusals",
    "refuse",
    "renew",
    "settle",
]

LEASE_MS: Final = 10_000
"""How long a gateway may be silent before its open permits count as abandoned; renewed every fifth of it."""


def _append(tx: Transaction, record: Record) -> int:
    return tx.append(to_bytes(record))


def begin(tx: Transaction, *, incarnation: str, software: str, now: datetime) -> int:
    """Record that a gateway process serves from now on, and take its lease."""
    tx.execute("INSERT INTO gate_lease VALUES (?, ?)", (incarnation, state.millis(now) + LEASE_MS))
    return _append(tx, GatewayStarted(at=_at(now), incarnation=Hex32(incarnation), software=software))


def renew(tx: Transaction, *, incarnation: str, now: datetime) -> None:
    """Prolong a lease; raises `LeaseLost` where another gateway has already taken its permits over."""
    until = tx.execute("SELECT until_ms FROM gate_lease WHERE incarnation = ?", (incarnation,))
    if not until:
        raise LeaseLost
    row = (state.millis(now) + LEASE_MS, incarnation)
    tx.execute("UPDATE gate_lease SET until_ms = ? WHERE incarnation = ?", row)


def end(tx: Transaction, *, incarnation: str, now: datetime) -> None:
    """Record an orderly end; permits that are still open count as abandoned."""
    _abandon(tx, incarnation, now)
    _append(tx, GatewayEnded(at=_at(now), incarnation=Hex32(incarnation)))


def abandon_expired(tx: Transaction, *, now: datetime) -> int:
    """Settle at their reservation the open permits of every gateway whose lease is over; returns how many."""
    expired = tx.execute("SELECT incarnation FROM gate_lease WHERE until_ms < ?", (state.millis(now),))
    return sum(_abandon(tx, incarnation, now) for (incarnation,) in expired)


def _abandon(tx: Transaction, incarnation: str, now: datetime) -> int:
    rows = tx.execute("SELECT permit FROM gate_call WHERE incarnation = ? AND open = 1 ORDER BY permit", (incarnation,))
    for (permit,) in rows:
        reserved = state.open_reservation(tx, permit)
        if reserved is None:
            raise AssertionError(f"permit {permit} is open and has no reservation")
        state.settle(tx, permit=permit, reserved=reserved, charged=reserved)
        _append(
            tx,
            CallAbandoned(at=_at(now), permit=Index(permit), incarnation=Hex32(incarnation), charged=reserved),
        )
    tx.execute("DELETE FROM gate_lease WHERE incarnation = ?", (incarnation,))
    return len(rows)


def admit(
    tx: Transaction,
    *,
    terms: Terms,
    caller: Caller,
    asked: Asked,
    request: SealedItem,
    incarnation: str,
    now: datetime,
) -> Permit | Refused:
    """Decide one call and record the decision; raises `LeaseLost`."""
    one = Round(tx, incarnation=incarnation, now=now)
    decision = one.admit(terms=terms, caller=caller, asked=asked, request=request)
    one.close()
    return decision


def settle(tx: Transaction, *, permit: Permit, outcome: Outcome, now: datetime) -> bool:
    """Record what became of a call and charge it; False where it was abandoned in the meantime."""
    one = Round(tx, incarnation="", now=now)
    [done] = one.settle([(permit, outcome)])
    one.close()
    return done


def refuse(
    tx: Transaction,
    *,
    caller: Caller,
    refusal: Refusal,
    protocol: str,
    route: str,
    model: str = "",
    now: datetime,
) -> Refused:
    """Record a refusal that needs no decision: an unknown route, a body that cannot be read."""
    grant = state.find_grant(tx.execute, caller.key)
    refusal = refuse_key(grant, now=state.window_time(tx.execute, now)) or refusal
    one = Round(tx, incarnation="", now=now)
    refused = one.refuse(grant, caller, refusal, protocol=protocol, route=route, model=model)
    one.close()
    return refused


def flush_refusals(tx: Transaction, *, now: datetime, all_of_them: bool = False) -> None:
    """Record, with their count, the equal refusals beyond the first of each minute that is over."""
    before = state.millis(now) // 60_000 + (1 if all_of_them else 0)
    rows = tx.execute('SELECT "grant", person, status, clause, seen FROM gate_refused WHERE minute < ?', (before,))
    for grant, person, status, clause, seen in rows:
        if seen > EQUAL_REFUSALS_A_MINUTE:
            count = seen - EQUAL_REFUSALS_A_MINUTE
            state.count_refusals(tx, clause, count)
            _append(
                tx,
                CallsRefused(at=_at(now), grant=Hex32(grant), person=person, status=status, clause=clause, count=count),
            )
    if rows:
        tx.execute("DELETE FROM gate_refused WHERE minute < ?", (before,))


def _at(now: datetime) -> Instant:
    return Instant(instant_text(now))
