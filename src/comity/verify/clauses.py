"""Clauses: whether the permits and answers in a ledger keep the terms.

- *budget*: at every entry, what is settled and what is reserved together are within each clause.  Beyond a
  clause they may be only by what one settlement exceeded its reservation, which `call.overran` states (and
  after which nothing more is permitted, see `comity.verify.calls`).
- *concurrency*: no more calls are open at once than agreed.
- *permits*: each falls into the window, to an eligible person, for a model, protocol and features agreed.
- *models*: an answer that names a model names one that the terms let it be served by, or is marked as a
  mismatch, and is withheld where the terms say so.

The terms hold from the entry that signs them until an amendment: permits under another version are counted in
the budget and not held against these clauses.

Not checked: `rate.calls_per_minute`, because entries of several gateways bear several clocks.
"""

from collections import Counter
from dataclasses import dataclass

from comity.records import Amount, ArrangementSigned, CallAbandoned, CallPermitted, CallSettled, parse_instant
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import History, entry
from comity.verify.terms import TermsView

NAMES = ("budget", "concurrency", "permits", "models")
NOTHING = Amount(input_tokens=0, output_tokens=0, cost_nano=0)


@dataclass(slots=True)
class _Spend:
    calls: int = 0
    taken: Amount = NOTHING
    excess: Amount = NOTHING
    """By how much settlements exceeded their reservations: each is stated by an overrun of its own."""
    open_calls: int = 0
    most_open: int = 0


def check_clauses(history: History, terms: TermsView) -> list[Fact]:
    """Hold every entry against the terms in force when it was written."""
    budget, concurrency, permits, models = (Faults(name) for name in NAMES)
    spend, held = _Spend(), False
    open_permits: dict[int, CallPermitted] = {}
    checked: Counter[str] = Counter()
    for index, record in history:
        match record:
            case ArrangementSigned():
                held = record.digest == terms.digest
            case CallPermitted():
                open_permits[index] = record
                spend.calls += 1
                spend.open_calls += 1
                spend.most_open = max(spend.most_open, spend.open_calls)
                spend.taken += record.reserved
                if held:
                    _within(index, spend, terms, budget)
                    _check_permit(index, record, terms, permits)
                    if spend.open_calls > terms.concurrency:
                        concurrency.add(entry(index), f"{spend.open_calls} calls open, {terms.concurrency} agreed")
            case CallSettled() if record.permit in open_permits:
                permit = open_permits.pop(record.permit)
                _settle(spend, permit.reserved, record.charged)
                checked[record.served_check] += 1
                if held:
                    _check_answer(index, permit, record, terms, models)
                    _within(index, spend, terms, budget)
            case CallAbandoned() if record.permit in open_permits:
                _settle(spend, open_permits.pop(record.permit).reserved, record.charged)
            case _:
                pass
    taken = spend.taken
    return [
        budget.fact(
            f"{spend.calls} of {terms.calls} calls, {taken.input_tokens} of {terms.input_tokens} input tokens, "
            f"{taken.output_tokens} of {terms.output_tokens} output tokens, {_money(taken.cost_nano)} of "
            f"{_money(terms.cost_nano)} settled or reserved; within the clauses at every entry"
        ),
        concurrency.fact(f"at most {counted(spend.most_open, 'call')} open at once, {terms.concurrency} agreed"),
        permits.fact(f"{counted(spend.calls, 'permit')} within window, people, models, protocols and features"),
        models.fact(
            f"answers that name a model agreed: {checked['agreed']}; that name none: {checked['unstated']}; that name "
            f"another, and are marked so: {checked['mismatch']}; calls without an answer: {checked['none']}"
        ),
    ]


def _settle(spend: _Spend, reserved: Amount, charged: Amount) -> None:
    spend.open_calls -= 1
    spend.taken = _minus(spend.taken + charged, reserved)
    spend.excess += Amount(
        input_tokens=max(0, charged.input_tokens - reserved.input_tokens),
        output_tokens=max(0, charged.output_tokens - reserved.output_tokens),
        cost_nano=max(0, charged.cost_nano - reserved.cost_nano),
    )


def _minus(amount: Amount, other: Amount) -> Amount:
    return Amount(
        input_tokens=amount.input_tokens - other.input_tokens,
        output_tokens=amount.output_tokens - other.output_tokens,
        cost_nano=amount.cost_nano - other.cost_nano,
    )


def _within(index: int, spend: _Spend, terms: TermsView, faults: Faults) -> None:
    if spend.calls > terms.calls:
        faults.add(entry(index), f"call {spend.calls}; budget.calls allows {terms.calls}")
    for clause, taken, excess, agreed in (
        ("budget.input_tokens", spend.taken.input_tokens, spend.excess.input_tokens, terms.input_tokens),
        ("budget.output_tokens", spend.taken.output_tokens, spend.excess.output_tokens, terms.output_tokens),
        ("budget.cost", spend.taken.cost_nano, spend.excess.cost_nano, terms.cost_nano),
    ):
        if taken > agreed + excess:
            faults.add(entry(index), f"{taken} settled or reserved; {clause} allows {agreed}")


def _check_permit(index: int, permit: CallPermitted, terms: TermsView, faults: Faults) -> None:
    at = parse_instant(permit.at)
    if not terms.begins <= at < terms.until:
        faults.add(entry(index), f"permitted at {permit.at}, outside the window")
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
