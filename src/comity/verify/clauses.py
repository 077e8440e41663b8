"""Clauses: whether the permits and answers in a ledger keep the terms.

- *budget*: at every entry, what is settled and what is reserved together are within each clause.  Beyond a
  clause they may be only by what one settlement exceeded its reservation, which `call.overran` states (and
  after which nothing more is permitted, see `comity.verify.calls`).
- *days*: so it is with the budget of each day, in UTC; a call counts on the day of its permit.
- *reruns*: so it is with what is left to calls of no repeated run (`comity.verify.spending`).
- *concurrency*: no more calls are open at once than agreed.
- *permits*: each falls into the window and its hours, to an eligible person, for a model, protocol and features
  agreed.  The window's end is held to the arrangement's clock, which stands still during some suspensions; its
  beginning, hours and days to the time in the entry.  None is from the day on that an exit names.
- *clock*: a suspension stops the clock where the terms say so of its cause, and nowhere else.
- *prices*: a reservation costs what its tokens cost at most; a settlement what its tokens cost, those read from and
  written to a cache by `call.metered`, all others at the price of input; what was not stated, its reservation.
- *models*: an answer that names a model names one that the terms let it be served by, or is marked as a
  mismatch, and is withheld where the terms say so.

The terms hold from the entry that signs them until an amendment: permits under another version, and what became
of them, are counted in the budget and not held against these clauses.  No version lets anything pass after the
entry that closes the access.

Not checked: `rate.calls_per_minute` and `rate.tokens_per_minute`, because entries of several gateways bear several
clocks; `limits`, because a permit names its features and not how often it uses them.
"""

from collections import Counter
from dataclasses import dataclass, field

from comity.records import (
    AccessClosed,
    AccessExited,
    AccessResumed,
    AccessSuspended,
    ArrangementSigned,
    CallAbandoned,
    CallMetered,
    CallPermitted,
    CallSettled,
    RunBegun,
    parse_instant,
)
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import History, entry
from comity.verify.spending import NOTHING, Spend, Spending
from comity.verify.standstill import RUNS, STOPS, Standstill
from comity.verify.terms import TermsView

NAMES = ("budget", "days", "reruns", "concurrency", "permits", "clock", "prices", "models")


@dataclass(slots=True)
class _Reading:
    """Everything that is remembered while the entries are read in order."""

    faults: dict[str, Faults] = field(default_factory=lambda: {name: Faults(name) for name in NAMES})
    spending: Spending = field(default_factory=Spending)
    standstill: Standstill = field(default_factory=Standstill)
    open: dict[int, CallPermitted] = field(default_factory=dict)
    held_permits: set[int] = field(default_factory=set)
    """Open calls that were permitted under the terms in hand."""
    metered: dict[int, CallMetered] = field(default_factory=dict)
    served: Counter[str] = field(default_factory=Counter)
    suspensions: int = 0
    most_open: int = 0
    exits: str = ""
    """The instant from which an exit ends access, the earliest; empty where nobody leaves."""
    closed: int = -1
    """The entry that closes access; -1 where none does."""
    held: bool = False
    """Whether the terms in hand are in force."""


def check_clauses(history: History, terms: TermsView) -> list[Fact]:
    """Hold every entry against the terms in force when it was written."""
    reading = _Reading()
    for index, record in history:
        match record:
            case ArrangementSigned():
                reading.held = record.digest == terms.digest
            case AccessExited():
                reading.exits = min(filter(None, (reading.exits, record.effective)))
            case AccessClosed():
                reading.closed = index
            case RunBegun():
                reading.spending.begin(record)
            case AccessSuspended():
                reading.suspensions += 1
                reading.standstill.suspend(index, record)
                if reading.held:
                    _check_clock(index, record, terms, reading.faults["clock"])
            case AccessResumed():
                reading.standstill.resume(record)
            case CallPermitted():
                _permit(reading, index, record, terms)
            case CallMetered():
                reading.metered.setdefault(record.permit, record)
            case CallSettled() | CallAbandoned() if record.permit in reading.open:
                _end(reading, index, record, terms)
            case _:
                pass
    return _facts(reading, terms)


def _facts(reading: _Reading, terms: TermsView) -> list[Fact]:
    faults, spending, served = reading.faults, reading.spending, reading.served
    whole, agreed = spending.whole, terms.budget
    first, left = spending.first, terms.budget.less(terms.rerun_reserve)
    busiest = max(spending.days.items(), key=lambda day: day[1].calls, default=("any day", Spend()))
    return [
        faults["budget"].fact(
            f"{whole.calls} of {agreed.calls} calls, {whole.taken.input_tokens} of {agreed.input_tokens} input tokens, "
            f"{whole.taken.output_tokens} of {agreed.output_tokens} output tokens, {_money(whole.taken.cost_nano)} of "
            f"{_money(agreed.cost_nano)} settled or reserved; within the clauses at every entry"
        ),
        faults["days"].fact(
            f"calls on {counted(len(spending.days), 'day')}, each within the budget of a day; the most on "
            f"{busiest[0]}: {busiest[1].calls} of {terms.per_day.calls}"
        ),
        faults["reruns"].fact(
            f"{terms.rerun_reserve} percent kept for repeated runs; other calls: {first.calls} of {left.calls}"
        ),
        faults["concurrency"].fact(
            f"at most {counted(reading.most_open, 'call')} open at once, {terms.concurrency} agreed"
        ),
        faults["permits"].fact(
            f"{counted(whole.calls, 'permit')} within window, hours, people, models, protocols and features"
        ),
        faults["clock"].fact(
            f"{counted(reading.suspensions, 'suspension')}, the clock stopped or not as the terms say of its cause"
        ),
        faults["prices"].fact("every reservation and every charge is what its tokens cost at the prices agreed"),
        faults["models"].fact(
            f"answers that name a model agreed: {served['agreed']}; that name none: {served['unstated']}; that name "
            f"another, and are marked so: {served['mismatch']}; calls without an answer: {served['none']}"
        ),
    ]


def _permit(reading: _Reading, index: int, record: CallPermitted, terms: TermsView) -> None:
    faults = reading.faults
    reading.open[index] = record
    reading.most_open = max(reading.most_open, len(reading.open))
    reading.spending.permit(record)
    _check_end(index, record, reading, faults["permits"])
    if not reading.held:
        return
    reading.held_permits.add(index)
    reading.spending.hold(index, record, terms, faults)
    _check_permit(index, record, terms, reading.standstill, faults["permits"])
    _check_reservation(index, record, terms, faults["prices"])
    if len(reading.open) > terms.concurrency:
        said = f"{len(reading.open)} calls open, {terms.concurrency} agreed"
        faults["concurrency"].add(entry(index), said)


def _end(reading: _Reading, index: int, record: CallSettled | CallAbandoned, terms: TermsView) -> None:
    faults = reading.faults
    permit = reading.open.pop(record.permit)
    reading.spending.settle(permit, record.charged)
    if isinstance(record, CallSettled):
        reading.served[record.served_check] += 1
    if record.permit not in reading.held_permits:
        return
    reading.spending.hold(index, permit, terms, faults)
    if isinstance(record, CallSettled):
        _check_answer(index, permit, record, terms, faults["models"])
        _check_charge(index, permit, record, reading.metered.get(record.permit), terms, faults["prices"])


def _check_end(index: int, permit: CallPermitted, reading: _Reading, faults: Faults) -> None:
    """Nothing is permitted, under any version, once a side has left or both have closed the access."""
    if reading.exits and permit.at >= reading.exits:
        faults.add(entry(index), f"permitted at {permit.at}, and an exit ended access at {reading.exits}")
    if reading.closed >= 0:
        faults.add(entry(index), f"permitted after access was closed at entry {reading.closed}")


def _check_clock(index: int, record: AccessSuspended, terms: TermsView, faults: Faults) -> None:
    agreed = STOPS if record.cause in terms.clock_stops else RUNS
    if record.clock != agreed:
        said = f"suspended for {record.cause}: the clock {agreed} by suspension.clock_stops"
        faults.add(entry(index), f"{said}; the entry says that it {record.clock:.40}")


def _check_permit(index: int, permit: CallPermitted, terms: TermsView, standstill: Standstill, faults: Faults) -> None:
    at = parse_instant(permit.at)
    if at < terms.begins or standstill.clock(permit.at) >= terms.until:
        stood = standstill.stood(permit.at)
        less = f" (by a clock that stood still for {stood})" if stood else ""
        faults.add(entry(index), f"permitted at {permit.at}, outside the window{less}")
    elif not terms.hours.open_at(at):
        faults.add(entry(index), f"permitted at {permit.at}, outside the hours of the window")
    if permit.person not in terms.people:
        faults.add(entry(index), f"permitted to {permit.person}, who is not among the eligible people")
    model = terms.models.get(permit.model)
    if model is None:
        faults.add(entry(index), f"permitted for {permit.model!r}, which the terms do not list")
    elif permit.protocol not in model.protocols:
        faults.add(entry(index), f"permitted over {permit.protocol!r}, which is not agreed for {permit.model}")
    for feature in permit.features:
        if feature not in terms.features:
            faults.add(entry(index), f"permitted with {feature!r}, which the terms do not allow")


def _check_reservation(index: int, permit: CallPermitted, terms: TermsView, faults: Faults) -> None:
    model, reserved = terms.models.get(permit.model), permit.reserved
    if model is None:
        return
    cost = model.prices.most_nano(reserved.input_tokens, reserved.output_tokens)
    if reserved.cost_nano != cost:
        said = f"{_money(reserved.cost_nano)} reserved; its tokens cost at most {_money(cost)}"
        faults.add(entry(index), said)


def _check_charge(
    index: int,
    permit: CallPermitted,
    settled: CallSettled,
    metered: CallMetered | None,
    terms: TermsView,
    faults: Faults,
) -> None:
    """Whether a charge is what its tokens cost, or what its usage says that it is."""
    model, charged = terms.models.get(permit.model), settled.charged
    if model is None:
        return
    tokens = (charged.input_tokens, charged.output_tokens)
    match settled.usage:
        case "nothing":
            cost = 0
            if charged != NOTHING:
                faults.add(entry(index), "charged although nothing was to be paid")
                return
        case "stated":
            read, written = (metered.cached_read, metered.cache_write) if metered is not None else (0, 0)
            cost = model.prices.cost_nano(*tokens, cached_read=read, cache_write=written)
        case _:
            cost = model.prices.most_nano(*tokens)
            reserved = (permit.reserved.input_tokens, permit.reserved.output_tokens)
            if any(less < most for less, most in zip(tokens, reserved, strict=True)):
                faults.add(entry(index), "no usage was stated, and less is charged than was reserved")
                return
    if charged.cost_nano != cost:
        said = f"{_money(charged.cost_nano)} charged; its tokens cost {_money(cost)} at the prices agreed"
        faults.add(entry(index), said)


def _check_answer(index: int, permit: CallPermitted, settled: CallSettled, terms: TermsView, faults: Faults) -> None:
    model = terms.models.get(permit.model)
    if model is None or settled.served_check == "none":
        return
    agreed = "unstated" if not settled.served else "agreed" if settled.served in model.serves else "mismatch"
    if settled.served_check != agreed:
        said = f"the answer names {settled.served!r}, which is {agreed}; the entry says {settled.served_check}"
        faults.add(entry(index), said)
    refused = (agreed == "mismatch" and model.refuse_mismatch) or (agreed == "unstated" and model.refuse_unstated)
    if refused and settled.outcome == "answered":
        faults.add(entry(index), f"an answer that is {agreed} was handed on, and the terms say to withhold it")


def _money(nano: int) -> str:
    whole, fraction = divmod(nano, 10**9)
    return f"{whole}.{fraction:09d}".rstrip("0").rstrip(".")
