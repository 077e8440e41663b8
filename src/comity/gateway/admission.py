"""Admission: decide and record as one act, then settle as one act.

Each function here runs inside one transaction of the ledger.  What it returns
is durable when the caller sees it: a `Permit` in hand means that its entry, its
reservation and the sealed request are on the disk.  Nothing else can make one,
and the upstream takes nothing else (*no record, no call*).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from comity.arrangement import Model, Terms
from comity.gateway import state
from comity.gateway.asked import Asked
from comity.gateway.decide import decide, refuse_key
from comity.gateway.refusal import Refusal
from comity.ledger import Transaction
from comity.records import (
    Amount,
    CallAbandoned,
    CallOverran,
    CallPermitted,
    CallRefused,
    CallSettled,
    CallsRefused,
    Digest,
    GatewayEnded,
    GatewayStarted,
    Hex32,
    Index,
    Instant,
    Record,
    instant_text,
    to_bytes,
)
from comity.vault import SealedItem, store_item

__all__ = [
    "LEASE_MS",
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

EQUAL_REFUSALS_A_MINUTE: Final = 60

_CLAUSES: Final = {
    "input_tokens": "budget.input_tokens",
    "output_tokens": "budget.output_tokens",
    "cost_nano": "budget.cost",
}


class LeaseLost(Exception):
    """This gateway was silent for longer than its lease; it must begin anew before it permits again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as the request's headers say."""

    key: str
    """SHA-256 of the bearer secret, in hex."""
    irid: str
    run: str


class Permit:
    """The durable leave for one upstream send. Only `admit` makes one, and `use` works once."""

    __slots__ = ("_used", "amount", "index", "model")

    def __init__(self, index: int, model: Model, amount: Amount, *, made_by_admit: object) -> None:
        if made_by_admit is not _ADMIT:
            raise AssertionError("a permit was made outside admission")
        self.index, self.model, self.amount, self._used = index, model, amount, False

    def use(self) -> None:
        """Spend the permit on a send; a second send under one permit is a bug."""
        if self._used:
            raise AssertionError(f"permit {self.index} was used twice")
        self._used = True


_ADMIT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A recorded refusal; `index` is None where the refusal was only counted."""

    refusal: Refusal
    index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a permitted call, before it is priced."""

    outcome: str
    status: int
    served: str
    served_check: str
    answer: SealedItem | None
    answer_bytes: int
    input_tokens: int | None
    output_tokens: int | None
    complete: bool
    """The answer ended in order, so that its figures are those of the whole call."""
    sent: bool
    upstream_id: str
    millis: int


def _append(tx: Transaction, record: Record, *tags: str) -> int:
    return tx.append(to_bytes(record), tags=tags)


def begin(tx: Transaction, *, incarnation: str, software: str, now: datetime) -> int:
    """Record that a gateway process serves from now on, and take its lease."""
    tx.execute("INSERT INTO gate_lease VALUES (?, ?)", (incarnation, _ms(now) + LEASE_MS))
    return _append(tx, GatewayStarted(at=_at(now), incarnation=Hex32(incarnation), software=software))


def renew(tx: Transaction, *, incarnation: str, now: datetime) -> None:
    """Prolong a lease; raises `LeaseLost` where another gateway has already taken its permits over."""
    until = tx.execute("SELECT until_ms FROM gate_lease WHERE incarnation = ?", (incarnation,))
    if not until:
        raise LeaseLost
    tx.execute("UPDATE gate_lease SET until_ms = ? WHERE incarnation = ?", (_ms(now) + LEASE_MS, incarnation))


def end(tx: Transaction, *, incarnation: str, now: datetime) -> None:
    """Record an orderly end; permits that are still open count as abandoned."""
    _abandon(tx, incarnation, now)
    _append(tx, GatewayEnded(at=_at(now), incarnation=Hex32(incarnation)))


def abandon_expired(tx: Transaction, *, now: datetime) -> int:
    """Settle at their reservation the open permits of every gateway whose lease is over; returns how many."""
    expired = tx.execute("SELECT incarnation FROM gate_lease WHERE until_ms < ?", (_ms(now),))
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
    """Decide one call and record the decision."""
    lease = tx.execute("SELECT until_ms FROM gate_lease WHERE incarnation = ?", (incarnation,))
    if not lease or lease[0][0] < _ms(now):
        raise LeaseLost
    standing = state.standing(tx, key=caller.key, run=caller.run, now_ms=_ms(now))
    decision = decide(terms, standing, asked, now=now)
    if isinstance(decision, Refusal):
        return _record_refusal(tx, standing.grant, caller, decision, asked.protocol, asked.route, asked.model, now)
    grant = standing.grant
    if grant is None:
        raise AssertionError("a call was decided without a grant")
    index = _append(
        tx,
        CallPermitted(
            at=_at(now),
            grant=Hex32(grant.grant),
            person=grant.person,
            incarnation=Hex32(incarnation),
            protocol=asked.protocol,
            route=asked.route,
            model=asked.model,
            features=asked.features,
            request=Digest(request.commitment),
            request_bytes=asked.body_bytes,
            irid=caller.irid,
            run=caller.run,
            reserved=decision.amount,
        ),
    )
    state.reserve(tx, permit=index, at_ms=_ms(now), grant=grant.grant, incarnation=incarnation, amount=decision.amount)
    store_item(tx, index, request)
    return Permit(index, decision.model, decision.amount, made_by_admit=_ADMIT)


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
    standing = state.standing(tx, key=caller.key, run="", now_ms=_ms(now))
    refusal = refuse_key(standing.grant, now=now) or refusal
    return _record_refusal(tx, standing.grant, caller, refusal, protocol, route, model, now)


def _record_refusal(
    tx: Transaction,
    grant: state.Grant | None,
    caller: Caller,
    refusal: Refusal,
    protocol: str,
    route: str,
    model: str,
    now: datetime,
) -> Refused:
    if grant is None:
        return Refused(refusal=refusal, index=None)
    slot = (grant.grant, refusal.status, refusal.clause, _ms(now) // 60_000)
    tx.execute(
        "INSERT INTO gate_refused VALUES (?1, ?5, ?2, ?3, ?4, 1) "
        'ON CONFLICT ("grant", status, clause, minute) DO UPDATE'
        " SET seen = seen + 1",
        (*slot, grant.person),
    )
    seen = tx.execute(
        'SELECT seen FROM gate_refused WHERE "grant" = ? AND status = ? AND clause = ? AND minute = ?', slot
    )[0][0]
    if seen > EQUAL_REFUSALS_A_MINUTE:
        return Refused(refusal=refusal, index=None)
    state.count_refusals(tx, refusal.clause, 1)
    index = _append(
        tx,
        CallRefused(
            at=_at(now),
            grant=Hex32(grant.grant),
            person=grant.person,
            protocol=protocol,
            route=route[:200],
            model=model[:200],
            status=refusal.status,
            clause=refusal.clause,
            because=refusal.because,
            irid=caller.irid,
            run=caller.run,
        ),
    )
    return Refused(refusal=refusal, index=index)


def flush_refusals(tx: Transaction, *, now: datetime, all_of_them: bool = False) -> None:
    """Record, with their count, the equal refusals beyond the first of each minute that is over."""
    before = _ms(now) // 60_000 + (1 if all_of_them else 0)
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


def settle(tx: Transaction, *, permit: Permit, outcome: Outcome, now: datetime) -> bool:
    """Record what became of a call and charge it; False where it was abandoned in the meantime."""
    reserved = state.open_reservation(tx, permit.index)
    if reserved is None:
        return False
    charged, usage = _charge(permit, outcome)
    _append(
        tx,
        CallSettled(
            at=_at(now),
            permit=Index(permit.index),
            outcome=outcome.outcome,
            status=outcome.status,
            served=outcome.served[:200],
            served_check=outcome.served_check,
            answer=outcome.answer.commitment if outcome.answer else "",
            answer_bytes=outcome.answer_bytes,
            usage=usage,
            charged=charged,
            upstream_id=outcome.upstream_id,
            millis=outcome.millis,
        ),
    )
    state.settle(tx, permit=permit.index, reserved=reserved, charged=charged)
    if outcome.answer is not None:
        store_item(tx, permit.index, outcome.answer)
    over = charged.exceeds(reserved)
    if over:
        clauses: Sequence[str] = tuple(_CLAUSES[name] for name in over)
        state.close_clauses(tx, clauses, permit.index)
        _append(
            tx,
            CallOverran(
                at=_at(now),
                permit=Index(permit.index),
                clauses=tuple(clauses),
                reserved=reserved,
                charged=charged,
            ),
        )
    return True


def _charge(permit: Permit, outcome: Outcome) -> tuple[Amount, str]:
    if not outcome.sent:
        return Amount(input_tokens=0, output_tokens=0, cost_nano=0), "nothing"
    if outcome.input_tokens is None or outcome.output_tokens is None:
        return permit.amount, "reservation"
    spent_in, spent_out, usage = outcome.input_tokens, outcome.output_tokens, "stated"
    if not outcome.complete:  # figures of a part: what was reserved stands, unless they are larger already
        spent_in, spent_out = max(spent_in, permit.amount.input_tokens), max(spent_out, permit.amount.output_tokens)
        usage = "reservation"
    cost = permit.model.cost_nano(spent_in, spent_out)
    return Amount(input_tokens=spent_in, output_tokens=spent_out, cost_nano=cost), usage


def _ms(at: datetime) -> int:
    return state.millis(at)


def _at(now: datetime) -> Instant:
    return Instant(instant_text(now))
