"""Calls: every permit, what became of it, and whether the ledger keeps its own rules.

The entries are replayed in order, from nothing:

- *calls*: a settlement, an abandonment and an overrun name one earlier permit; a permit ends once.  Counts by price
  class (`call.metered`) stand before the settlement of their call, once, and agree with it.
- *grants*: a permit stands under a grant that was issued before it, to that person, and had neither expired
  (by the arrangement's clock, see `comity.verify.standstill`) nor been revoked.
- *gateways*: a permit names a gateway that had started and not ended; only a dead gateway's permits are
  abandoned, at their reservation; a gateway that ended in order left none open.
- *overruns*: a settlement beyond its reservation is followed by exactly one `call.overran` that states the
  same amounts and names every clause exceeded, and after it no permit stands under these clauses.
- *stops*, *suspensions*: between a party's stop or suspension and its resumption no call is permitted.

The clauses of the terms are the matter of `comity.verify.clauses`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from comity.records import (
    AccessResumed,
    AccessStopped,
    AccessSuspended,
    CallAbandoned,
    CallMetered,
    CallOverran,
    CallPermitted,
    CallRefused,
    CallSettled,
    CallsRefused,
    ContentDisclosed,
    GatewayEnded,
    GatewayStarted,
    GrantIssued,
    GrantRevoked,
    parse_instant,
)
from comity.records.instants import MalformedInstant
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import History, entry
from comity.verify.standstill import RUNS, STOPS, Standstill

CLAUSES: Final = {
    "input_tokens": "budget.input_tokens",
    "output_tokens": "budget.output_tokens",
    "cost_nano": "budget.cost",
}


@dataclass(slots=True)
class Call:
    """One permit and what became of it."""

    index: int
    permit: CallPermitted
    ended: int | None = None
    """Index of the settlement or abandonment; None while open."""
    settled: CallSettled | None = None
    metered: CallMetered | None = None
    overrun_due: tuple[str, ...] = ()
    overran: int | None = None


@dataclass(slots=True)
class Replay:
    """The state that the entries lead to, and what was wrong on the way."""

    calls: dict[int, Call] = field(default_factory=dict)
    faults: dict[str, Faults] = field(
        default_factory=lambda: {
            name: Faults(name)
            for name in ("calls", "grants", "gateways", "overruns", "stops", "suspensions", "disclosures")
        }
    )
    refused: int = 0
    stops: int = 0
    suspensions: int = 0
    resumptions: int = 0
    overruns: int = 0
    disclosed: int = 0
    grants: dict[str, GrantIssued] = field(default_factory=dict)
    _revoked: dict[str, int] = field(default_factory=dict)
    _running: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)
    _stopped: dict[str, int] = field(default_factory=dict)
    standstill: Standstill = field(default_factory=Standstill)
    _closed: dict[str, int] = field(default_factory=dict)
    _due: Call | None = None

    def wrong(self, name: str, index: int, detail: str) -> None:
        """One thing that is wrong at an entry."""
        self.faults[name].add(entry(index), detail)


def replay_calls(history: History) -> Replay:
    """Read the entries in order."""
    replay = Replay()
    for index, record in history:
        if replay._due is not None and not isinstance(record, CallOverran):
            _missing_overrun(replay)
        match record:
            case GrantIssued():
                if replay.grants.setdefault(record.grant, record) is not record:
                    replay.wrong("grants", index, f"the grant {record.grant} was issued before")
            case GrantRevoked():
                if record.grant not in replay.grants:
                    replay.wrong("grants", index, f"it revokes the grant {record.grant}, which was never issued")
                replay._revoked.setdefault(record.grant, index)
            case GatewayStarted():
                if record.incarnation in replay._known:
                    replay.wrong("gateways", index, f"the gateway {record.incarnation} started before")
                replay._known.add(record.incarnation)
                replay._running.add(record.incarnation)
            case GatewayEnded():
                _end_gateway(replay, index, record)
            case AccessStopped():
                replay.stops += 1
                replay._stopped.setdefault(record.by, index)
            case AccessSuspended():
                replay.suspensions += 1
                replay.standstill.suspend(index, record)
                if record.clock not in (STOPS, RUNS):
                    said = f"its clock {record.clock!r:.40}; expected {STOPS} or {RUNS}"
                    replay.wrong("suspensions", index, said)
            case AccessResumed():
                replay.resumptions += 1
                suspended, stopped = replay.standstill.resume(record), replay._stopped.pop(record.by, None) is not None
                if not suspended and not stopped:
                    replay.wrong("stops", index, f"the {record.by} resumes what it had neither stopped nor suspended")
            case CallPermitted():
                _permit(replay, index, record)
            case CallMetered():
                _meter(replay, index, record)
            case CallSettled():
                _settle(replay, index, record)
            case CallAbandoned():
                _abandon(replay, index, record)
            case CallOverran():
                _overrun(replay, index, record)
            case CallRefused():
                replay.refused += 1
            case CallsRefused():
                replay.refused += record.count
            case ContentDisclosed():
                replay.disclosed += 1
                if record.permit not in replay.calls or record.part not in ("request", "answer"):
                    replay.wrong(
                        "disclosures", index, f"it names the {record.part} of call {record.permit}, which is none"
                    )
            case _:
                pass
    if replay._due is not None:
        _missing_overrun(replay)
    return replay


def call_facts(replay: Replay) -> list[Fact]:
    """What the replay established."""
    calls = replay.calls.values()
    abandoned = sum(1 for call in calls if call.ended is not None and call.settled is None)
    still_open = sum(1 for call in calls if call.ended is None)
    settled = len(replay.calls) - abandoned - still_open
    faults = replay.faults
    stops = f"{counted(replay.stops, 'stop')}, {counted(replay.resumptions, 'resumption')}"
    return [
        faults["calls"].fact(
            f"{len(replay.calls)} permitted: {settled} settled, {abandoned} abandoned, {still_open} open; "
            f"each ended once at most; {replay.refused} refused"
        ),
        faults["grants"].fact(f"{counted(len(replay.grants), 'grant')} issued; every permit stands under one in force"),
        faults["gateways"].fact(
            f"{counted(len(replay._known), 'gateway process', 'gateway processes')}; "
            f"every permit names one that was running"
        ),
        faults["overruns"].fact(
            f"{counted(replay.overruns, 'overrun')}, one for each settlement beyond its reservation"
        ),
        faults["stops"].fact(f"{stops}; no call was permitted in between"),
        faults["suspensions"].fact(
            f"{counted(replay.suspensions, 'suspension')}; no call was permitted in one; the clock of window and "
            f"grants stood still for {_span(replay.standstill.total)}"
        ),
        faults["disclosures"].fact(
            f"{counted(replay.disclosed, 'disclosure')} recorded, each of a call in this ledger"
        ),
    ]


def _permit(replay: Replay, index: int, record: CallPermitted) -> None:
    replay.calls[index] = Call(index=index, permit=record)
    grant = replay.grants.get(record.grant)
    if grant is None:
        replay.wrong("grants", index, f"permitted under the grant {record.grant}, which was never issued")
    elif grant.person != record.person:
        replay.wrong("grants", index, f"permitted to {record.person}; the grant is {grant.person}'s")
    elif record.grant in replay._revoked:
        replay.wrong("grants", index, f"permitted after the grant was revoked at entry {replay._revoked[record.grant]}")
    elif _expired(grant.expires, replay.standstill.clock(record.at)):
        replay.wrong("grants", index, f"permitted at {record.at}; the grant expired at {grant.expires}")
    if record.incarnation not in replay._running:
        known = "had ended" if record.incarnation in replay._known else "never started"
        replay.wrong("gateways", index, f"permitted by the gateway {record.incarnation}, which {known}")
    for by, at in replay._stopped.items():
        replay.wrong("stops", index, f"permitted although the {by} had stopped the access at entry {at}")
    for by, at in replay.standstill.suspended.items():
        replay.wrong("suspensions", index, f"permitted although the {by} had suspended the access at entry {at}")
    for clause, at in replay._closed.items():
        replay.wrong("overruns", index, f"permitted although {clause} was exceeded at entry {at}")


def _expired(expires: str, clock: datetime) -> bool:
    try:
        return clock >= parse_instant(expires)
    except MalformedInstant:
        return True


def _span(stood: timedelta) -> str:
    return str(stood - timedelta(microseconds=stood.microseconds))


def _ending(replay: Replay, index: int, permit: int) -> Call | None:
    """The open call that an entry ends, or None with the fault noted."""
    call = replay.calls.get(permit)
    if call is None:
        replay.wrong("calls", index, f"it ends call {permit}, and no earlier entry permits that call")
        return None
    if call.ended is not None:
        replay.wrong("calls", index, f"it ends call {permit}, which ended at entry {call.ended} already")
        return None
    call.ended = index
    return call


def _meter(replay: Replay, index: int, record: CallMetered) -> None:
    call = replay.calls.get(record.permit)
    if call is None or call.ended is not None or call.metered is not None:
        replay.wrong(
            "calls", index, f"it counts tokens of call {record.permit}, which is none, ended or counted before"
        )
        return
    call.metered = record


def _settle(replay: Replay, index: int, record: CallSettled) -> None:
    call = _ending(replay, index, record.permit)
    if call is None:
        return
    call.settled = record
    metered = call.metered
    if metered is not None and record.usage == "stated":
        if (metered.input_tokens, metered.output_tokens) != (record.charged.input_tokens, record.charged.output_tokens):
            replay.wrong("calls", index, f"call {record.permit} is charged for other tokens than were counted before")
        if metered.cached_read + metered.cache_write > metered.input_tokens:
            replay.wrong("calls", index, f"call {record.permit}: more tokens in a cache than were sent")
    over = tuple(CLAUSES[name] for name in record.charged.exceeds(call.permit.reserved))
    if over:
        call.overrun_due = over
        replay._due = call


def _abandon(replay: Replay, index: int, record: CallAbandoned) -> None:
    call = _ending(replay, index, record.permit)
    if call is None:
        return
    if record.charged != call.permit.reserved:
        replay.wrong("calls", index, f"call {record.permit} was abandoned, but not charged at its reservation")
    if record.incarnation != call.permit.incarnation:
        replay.wrong("gateways", index, f"another gateway permitted call {record.permit}")
    replay._running.discard(record.incarnation)


def _end_gateway(replay: Replay, index: int, record: GatewayEnded) -> None:
    if record.incarnation not in replay._known:
        replay.wrong("gateways", index, f"the gateway {record.incarnation} ends and never started")
    replay._running.discard(record.incarnation)
    left = [c.index for c in replay.calls.values() if c.ended is None and c.permit.incarnation == record.incarnation]
    if left:
        replay.wrong("gateways", index, f"the gateway ended in order with call {left[0]} open")


def _overrun(replay: Replay, index: int, record: CallOverran) -> None:
    replay.overruns += 1
    call, replay._due = replay._due, None
    if call is None or call.index != record.permit:
        if call is not None:
            replay._due = call
            _missing_overrun(replay)
        replay.wrong("overruns", index, f"call {record.permit} was not settled beyond its reservation just before")
        return
    call.overran = index
    charged = call.settled.charged if call.settled is not None else None
    if record.charged != charged or record.reserved != call.permit.reserved:
        replay.wrong("overruns", index, f"its amounts are not those of call {record.permit}")
    if set(record.clauses) != set(call.overrun_due):
        replay.wrong(
            "overruns", index, f"exceeded were {', '.join(call.overrun_due)}; it names {', '.join(record.clauses)}"
        )
    for clause in call.overrun_due:
        replay._closed.setdefault(clause, index)


def _missing_overrun(replay: Replay) -> None:
    call, replay._due = replay._due, None
    if call is not None and call.ended is not None:
        what = ", ".join(call.overrun_due)
        replay.wrong(
            "overruns", call.ended, f"call {call.index} exceeds its reservation ({what}) and no call.overran follows"
        )
        for clause in call.overrun_due:
            replay._closed.setdefault(clause, call.ended)
