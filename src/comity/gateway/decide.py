"""The decision: may this call pass?

A pure function from the terms, the standing and what is asked to a permit's
reservation or a refusal with its clause.  It runs inside the transaction that
records its outcome, so no other decision can come between.

The order of the checks is fixed, so that the same request under the same
standing is refused under the same clause on every gateway: key, stop, window,
person, model, features, output limit, context window, overrun, budget, rate.

The reservation bounds what the call can take (promise 2).  Input: a token of
text is at least one byte, so the body's bytes plus the overhead that the
provider declares bound it, and the model's context window caps it; a request
whose content is not wholly in its body reserves the whole window.  Output: the
largest limit that the body states, times the candidates, or the model's
declared maximum.  Money: both at the model's prices, rounded up.
"""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from comity.arrangement import Model, Terms
from comity.gateway.asked import Asked
from comity.gateway.refusal import Refusal
from comity.gateway.state import Grant, Standing
from comity.records import Amount, parse_instant

__all__ = ["Reservation", "decide", "refuse_key", "reserve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The decision that a call may pass, and the most that it can take."""

    model: Model
    amount: Amount


def reserve(model: Model, asked: Asked) -> Amount:
    """The most that the call can take; see the module's text for why it is a bound."""
    overhead = model.overhead
    by_bytes = asked.body_bytes + overhead.request + overhead.message * asked.messages + overhead.tool * asked.tools
    input_tokens = min(by_bytes, model.context_window) if asked.self_contained else model.context_window
    limit = model.max_output if asked.output_limit is None else asked.output_limit
    output_tokens = limit * asked.candidates
    return Amount(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_nano=model.cost_nano(input_tokens, output_tokens),
    )


def decide(terms: Terms, standing: Standing, asked: Asked, *, now: datetime) -> Reservation | Refusal:
    """Decide one call; pure, and the only maker of a `Reservation`."""
    refusal = (
        refuse_key(standing.grant, now=now) or _refuse_time(terms, standing, now) or _refuse_person(terms, standing)
    )
    if refusal is not None:
        return refusal
    model = terms.model(asked.model)
    if model is None:
        agreed = ", ".join(model.name for model in terms.models)
        return _terms("models.name", f"the terms list {agreed}; the request asks for {asked.model[:80]!r}")
    refusal = _refuse_what(terms, model, asked)
    if refusal is not None:
        return refusal
    if not standing.run_open:
        return Refusal(
            slug="request-malformed",
            clause="request.run",
            because="the header comity-run names no run that this key has begun and not yet finished",
        )
    amount = reserve(model, asked)
    refusal = _refuse_budget(terms, standing, amount) or _refuse_rate(terms, standing, now)
    return refusal if refusal is not None else Reservation(model=model, amount=amount)


def refuse_key(grant: Grant | None, *, now: datetime) -> Refusal | None:
    """Whether a key is in force."""
    if grant is None:
        return Refusal(slug="key-unknown", clause="grant.key", because="no grant is known for this key")
    if grant.revoked:
        return Refusal(slug="key-revoked", clause="grant.revoked", because=f"this grant was revoked: {grant.revoked}")
    if now >= parse_instant(grant.expires):
        return Refusal(slug="key-expired", clause="grant.expires", because=f"this grant expired at {grant.expires}")
    return None


def _terms(clause: str, because: str) -> Refusal:
    return Refusal(slug="terms-refused", clause=clause, because=because)


def _refuse_time(terms: Terms, standing: Standing, now: datetime) -> Refusal | None:
    if standing.stop is not None:
        return _terms("stop.by", f"the {standing.stop.by} stopped this access: {standing.stop.cause}")
    if now < terms.window.begins:
        return _terms("window.from", f"access begins at {terms.window.begins:%Y-%m-%d %H:%M} UTC")
    if now >= terms.window.until:
        return _terms("window.until", f"access ended at {terms.window.until:%Y-%m-%d %H:%M} UTC")
    return None


def _refuse_person(terms: Terms, standing: Standing) -> Refusal | None:
    person = standing.grant.person if standing.grant else ""
    listed = terms.person(person)
    if listed is None:
        return _terms("people.id", f"{person} is not among the people of the terms")
    if not listed.eligible:
        return _terms("people.eligible", f"the terms mark {person} as not eligible")
    return None


def _refuse_what(terms: Terms, model: Model, asked: Asked) -> Refusal | None:
    if asked.protocol not in model.protocols:
        spoken = ", ".join(model.protocols)
        return _terms("models.protocols", f"{model.name} is agreed over {spoken}; the request speaks {asked.protocol}")
    if asked.unknown:
        return Refusal(
            slug="feature-unknown",
            clause="features",
            because=f"the request uses {', '.join(asked.unknown[:5])}, which no clause of this release can allow",
        )
    for feature in asked.features:
        if feature not in terms.features:
            return _terms(f"features.{feature}", f"{feature} is not among the features that the terms allow")
    if asked.output_limit is None and terms.budget.output_unstated == "refuse":
        return _terms(
            "budget.output_unstated",
            "the terms want every request to state its output limit; this one states none",
        )
    if asked.output_limit is not None and asked.output_limit > model.max_output:
        because = f"{model.name} may write {model.max_output} tokens a call; this request asks {asked.output_limit}"
        return _terms("models.max_output", because)
    return None


def _refuse_budget(terms: Terms, standing: Standing, amount: Amount) -> Refusal | None:
    budget = terms.budget
    for clause in sorted(standing.overrun):
        return _terms(clause, "the provider's usage exceeded a reservation, so nothing more passes under this clause")
    if standing.calls + 1 > budget.calls:
        return _terms("budget.calls", f"{budget.calls} calls agreed, {standing.calls} permitted")
    for clause, agreed, taken, needed in (
        ("budget.input_tokens", budget.input_tokens, standing.spent.input_tokens, amount.input_tokens),
        ("budget.output_tokens", budget.output_tokens, standing.spent.output_tokens, amount.output_tokens),
    ):
        if taken + needed > agreed:
            return _terms(clause, f"{agreed} tokens agreed, {taken} spent or reserved; this call may take {needed}")
    if standing.spent.cost_nano + amount.cost_nano > budget.cost_nano:
        return _terms(
            "budget.cost",
            f"{_money(budget.cost_nano)} {budget.currency} agreed, {_money(standing.spent.cost_nano)} "
            f"spent or reserved; this call may cost {_money(amount.cost_nano)}",
        )
    return None


def _refuse_rate(terms: Terms, standing: Standing, now: datetime) -> Refusal | None:
    rate = terms.rate
    if standing.open_calls >= rate.concurrency:
        return Refusal(
            slug="rate-exceeded",
            clause="rate.concurrency",
            because=f"{rate.concurrency} calls at once agreed, {standing.open_calls} open",
            retry_after=1,
        )
    if standing.calls_last_minute >= rate.calls_per_minute:
        wait = standing.oldest_ms / 1000 + 60 - now.timestamp()
        return Refusal(
            slug="rate-exceeded",
            clause="rate.calls_per_minute",
            because=f"{rate.calls_per_minute} calls a minute agreed, {standing.calls_last_minute} in the last",
            retry_after=max(1, ceil(wait)),
        )
    return None


def _money(nano: int) -> str:
    return f"{nano // 10**9}.{nano % 10**9:09d}".rstrip("0").rstrip(".")
