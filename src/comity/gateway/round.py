"""Rounds: decisions and settlements that share one transaction.

Calls come together under load, and so do their decisions: a round reads what all
of them depend on once, decides and settles each in turn on what the earlier ones
left, and writes all entries, rows and sealed items at the end.  It is durable
whole or not at all, as its transaction is; nothing is remembered between rounds.

Settlements come first, because they give back what new calls may take.

Each call's entries are those that it would have alone: `call.permitted` or
`call.refused`; then `call.metered` and `upstream.anomaly` where there is
something to say, `call.settled`, and `call.overran` where it was exceeded.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from comity.arrangement import Terms
from comity.gateway import state
from comity.gateway.asked import Asked
from comity.gateway.calls import MADE_BY_ROUND, Caller, LeaseLost, Outcome, Permit, Refused
from comity.gateway.decide import decide, reserve
from comity.gateway.refusal import Refusal
from comity.ledger import Transaction
from comity.records import (
    Amount,
    CallMetered,
    CallOverran,
    CallRefused,
    Hex32,
    Index,
    Instant,
    Record,
    UpstreamAnomaly,
    instant_text,
    permitted_bytes,
    settled_bytes,
    to_bytes,
)
from comity.vault import SealedItem, store_items

__all__ = ["EQUAL_REFUSALS_A_MINUTE", "Round"]

EQUAL_REFUSALS_A_MINUTE: Final = 60

NOTHING: Final = Amount(input_tokens=0, output_tokens=0, cost_nano=0)

_CLAUSES: Final = {
    "input_tokens": "budget.input_tokens",
    "output_tokens": "budget.output_tokens",
    "cost_nano": "budget.cost",
}


class Round:
    """One transaction's decisions, on one gateway's incarnation; `close` writes them."""

    def __init__(self, tx: Transaction, *, incarnation: str, now: datetime) -> None:
        self._tx, self._incarnation, self._now, self._now_ms = tx, incarnation, now, state.millis(now)
        self._at = Instant(instant_text(now))
        self._shared = state.Shared(tx, incarnation=incarnation, now_ms=self._now_ms)
        self._grants: dict[str, state.Grant | None] = {}
        self._runs: dict[str, state.Run | None] = {}
        self._first, self._entries = tx.size, list[bytes]()
        self._opened, self._closed = list[tuple[object, ...]](), list[tuple[object, ...]]()
        self._items: list[tuple[int, SealedItem]] = []

    def _append(self, record: Record) -> int:
        self._entries.append(to_bytes(record))
        return self._first + len(self._entries) - 1

    def close(self) -> None:
        """Write what was decided; the round is over."""
        tx = self._tx
        if self._entries:
            tx.extend(self._entries)
        if self._opened:
            tx.execute_many(state.OPENED, self._opened)
        if self._closed:
            tx.execute_many(state.CLOSED, self._closed)
        if self._items:
            store_items(tx, self._items)
        self._shared.write(tx)

    @property
    def version(self) -> int:
        """The version of the terms in force."""
        return self._shared.life.version

    def lasting(self) -> None:
        """Raise `LeaseLost` where this gateway may permit nothing any more."""
        if self._shared.lease_ms < self._now_ms:
            raise LeaseLost

    def admit(self, *, terms: Terms, caller: Caller, asked: Asked, request: SealedItem) -> Permit | Refused:
        """Decide one call and record the decision; raises `LeaseLost`."""
        self.lasting()
        grant, run = self._grant(caller.key), self._run(caller.run)
        standing = self._shared.standing(
            grant,
            run_open=not caller.run
            or (run is not None and grant is not None and run.grant == grant.grant and run.open == state.OPEN),
            run_repeats=run is not None and bool(run.rerun),
        )
        decision = decide(terms, standing, asked, now=self._now)
        if isinstance(decision, Refusal):
            if decision.retry_after is not None and decision.clause == "rate.tokens_per_minute":
                decision = self._wait_for_tokens(terms, asked, decision)
            return self.refuse(grant, caller, decision, protocol=asked.protocol, route=asked.route, model=asked.model)
        if grant is None:
            raise AssertionError("a call was decided without a grant")
        amount, rerun = decision.amount, standing.run_repeats
        index = self._first + len(self._entries)
        self._entries.append(
            permitted_bytes(
                at=self._at,
                grant=grant.grant,
                person=grant.person,
                incarnation=self._incarnation,
                protocol=asked.protocol,
                route=asked.route,
                model=asked.model,
                features=asked.features,
                request=request.commitment,
                request_bytes=asked.body_bytes,
                irid=caller.irid,
                run=caller.run,
                reserved=amount,
            )
        )
        spent = (amount.input_tokens, amount.output_tokens, amount.cost_nano)
        self._opened.append((index, self._now_ms, self._incarnation, int(rerun), *spent))
        self._shared.take(amount, rerun=rerun)
        self._items.append((index, request))
        return Permit(
            index, self._now, decision.model, amount, bills=asked.bills, rerun=rerun, made_by=MADE_BY_ROUND
        )

    def _wait_for_tokens(self, terms: Terms, asked: Asked, refusal: Refusal) -> Refusal:
        """The refusal with the time after which this very call has room, which only the rows of seconds tell."""
        amount = reserve(next(model for model in terms.models if model.name == asked.model), asked)
        tokens = self._shared.minute_tokens + amount.input_tokens + amount.output_tokens
        excess = tokens - terms.rate.tokens_per_minute
        wait = state.seconds_until_room(self._tx.execute, excess=excess, now_ms=self._now_ms)
        return replace(refusal, retry_after=wait)

    def _grant(self, key: str) -> state.Grant | None:
        if key not in self._grants:
            self._grants[key] = state.find_grant(self._tx.execute, key)
        return self._grants[key]

    def _run(self, run: str) -> state.Run | None:
        if run and run not in self._runs:
            self._runs[run] = state.find_run(self._tx.execute, run)
        return self._runs.get(run)

    def refuse(
        self, grant: state.Grant | None, caller: Caller, refusal: Refusal, *, protocol: str, route: str, model: str
    ) -> Refused:
        """Record a refusal; beyond `EQUAL_REFUSALS_A_MINUTE` equal ones it is only counted."""
        if grant is None:
            return Refused(refusal=refusal, index=None)
        seen = self._tx.execute(
            "INSERT INTO gate_refused VALUES (?, ?, ?, ?, ?, 1) "
            'ON CONFLICT ("grant", status, clause, minute) DO UPDATE SET seen = gate_refused.seen + 1 RETURNING seen',
            (grant.grant, grant.person, refusal.status, refusal.clause, self._now_ms // 60_000),
        )[0][0]
        if seen > EQUAL_REFUSALS_A_MINUTE:
            return Refused(refusal=refusal, index=None)
        state.count_refusals(self._tx, refusal.clause, 1)
        index = self._append(
            CallRefused(
                at=self._at,
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

    def settle(self, calls: Sequence[tuple[Permit, Outcome]]) -> list[bool]:
        """Record what became of calls and charge them; False for one that was abandoned in the meantime."""
        still = state.open_among(self._tx, [permit.index for permit, _ in calls])
        done: list[bool] = []
        for permit, outcome in calls:
            done.append(permit.index in still)
            if permit.index in still:
                still.discard(permit.index)
                self._settle(permit, outcome)
        return done

    def _settle(self, permit: Permit, outcome: Outcome) -> None:
        charged, usage = _charge(permit, outcome)
        self._closed.append((charged.input_tokens, charged.output_tokens, charged.cost_nano, permit.index))
        self._shared.give(permit.amount, charged, at_ms=state.millis(permit.at), rerun=permit.rerun)
        self._note_more(permit, outcome)
        self._entries.append(
            settled_bytes(
                at=self._at,
                permit=permit.index,
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
            )
        )
        if outcome.answer is not None:
            self._items.append((permit.index, outcome.answer))
        if over := charged.exceeds(permit.amount):
            clauses = tuple(_CLAUSES[name] for name in over)
            state.close_clauses(self._tx, clauses, permit.index)
            self._shared.overrun = min(filter(None, (*clauses, self._shared.overrun)))
            self._append(
                CallOverran(
                    at=self._at, permit=Index(permit.index), clauses=clauses, reserved=permit.amount, charged=charged
                ),
            )

    def _note_more(self, permit: Permit, outcome: Outcome) -> None:
        """What else is known of a call, before its settlement: tokens by price class, an anomaly of the provider."""
        usage, anomaly = outcome.usage, outcome.anomaly
        if usage is not None and (usage.cached_read or usage.cache_write):
            self._append(
                CallMetered(
                    at=self._at,
                    permit=Index(permit.index),
                    input_tokens=usage.input_tokens or 0,
                    cached_read=usage.cached_read or 0,
                    cache_write=usage.cache_write or 0,
                    output_tokens=usage.output_tokens or 0,
                ),
            )
        if anomaly is not None:
            state.count_anomaly(self._tx, permit.model.name, anomaly.what)
            self._append(
                UpstreamAnomaly(
                    at=self._at,
                    permit=Index(permit.index),
                    what=anomaly.what,
                    status=outcome.status,
                    millis=anomaly.millis,
                    usual_millis=anomaly.usual_millis,
                ),
            )


def _charge(permit: Permit, outcome: Outcome) -> tuple[Amount, str]:
    """What a call is charged, and by which figures; nothing is charged where nothing was sent or billed."""
    if not outcome.sent or not permit.bills:
        return NOTHING, "nothing"
    usage = outcome.usage
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return permit.amount, "reservation"
    spent_in, spent_out = usage.input_tokens, usage.output_tokens
    if not outcome.complete or usage.unpriced:
        # figures of a part, or of a class without a price: what was reserved stands, unless they are larger already
        spent_in, spent_out = max(spent_in, permit.amount.input_tokens), max(spent_out, permit.amount.output_tokens)
        cost = permit.model.most_nano(spent_in, spent_out)
        return Amount(input_tokens=spent_in, output_tokens=spent_out, cost_nano=cost), "reservation"
    cost = permit.model.cost_nano(
        spent_in, spent_out, cached_read=usage.cached_read or 0, cache_write=usage.cache_write or 0
    )
    return Amount(input_tokens=spent_in, output_tokens=spent_out, cost_nano=cost), "stated"
