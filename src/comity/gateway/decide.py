"""The decision: may this call pass?

A pure function from the terms, the standing and what is asked to a permit's
reservation or a refusal with its clause.  It runs inside the transaction that
records its outcome, so no other decision can come between.

The order of the checks is fixed, so that the same request under the same
standing is refused under the same clause on every gateway: key, stop,
suspension, window, hours, person, model, protocol, features and their bounds,
retention, output limit, run, overrun, budget (in all, reserve for re-runs, a
day), rate.

The reservation bounds what the call can take (promise 2).  Input: a token of
text is at least one byte, so the body's bytes plus the overhead that the
provider declares bound it, and the model's context window caps it for one
prompt; a request whose content is not wholly in its body reserves the whole
window, once for each turn that the provider's own tools may take.  Output: the
largest limit that the body states, or the model's declared maximum, times the
candidates, times the turns.  Money: at the dearest price that can apply,
rounded up.

The window's clock stands still in a suspension whose cause stops it, so the
window and the grants under it end later by as much.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from comity.arrangement import Model, Person, Terms
from comity.arrangement.features import BOUNDED, NEVER
from comity.arrangement.terms import DAY_MINUTES, DAYS
from comity.gateway.asked import Asked
from comity.gateway.refusal import Refusal
from comity.gateway.state import MINUTE_SECONDS, NO_TIME, Grant, Standing, Taken, millis
from comity.records import Amount, parse_instant

__all__ = ["Reservation", "decide", "refuse_key", "reserve"]

NOTHING: Final = Amount(input_tokens=0, output_tokens=0, cost_nano=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The decision that a call may pass, and the most that it can take."""

    model: Model
    amount: Amount


def reserve(model: Model, asked: Asked) -> Amount:
    """The most that the call can take; see the module's text for why it is a bound."""
    if not asked.bills:
        return NOTHING
    overhead = model.overhead
    input_tokens = asked.body_bytes + overhead.request + overhead.message * asked.messages + overhead.tool * asked.tools
    if not asked.self_contained:
        input_tokens = model.context_window * asked.turns
    elif asked.writes and asked.candidates == 1:
        input_tokens = min(input_tokens, model.context_window)
    limit = model.max_output if asked.output_limit is None else asked.output_limit
    output_tokens = limit * asked.candidates * asked.turns if asked.writes else 0
    return Amount(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_nano=model.most_nano(input_tokens, output_tokens),
    )


def decide(terms: Terms, standing: Standing, asked: Asked, *, now: datetime) -> Reservation | Refusal:
    """Decide one call; pure, and the only maker of a `Reservation`."""
    clock, agreed = now, _agreed(terms)
    if standing.clock is not NO_TIME:
        clock = now - timedelta(milliseconds=standing.clock.stood(millis(now)))
    refusal = (
        refuse_key(standing.grant, now=clock)
        or _refuse_time(terms, agreed, standing, now, clock)
        or _refuse_person(agreed, standing)
    )
    if refusal is not None:
        return refusal
    model = agreed.models.get(asked.model)
    if model is None:
        names = ", ".join(agreed.models)
        return _terms("models.name", f"the terms list {names}; the request asks for {asked.model[:80]!r}")
    refusal = _refuse_what(terms, agreed, model, asked)
    if refusal is not None:
        return refusal
    if not standing.run_open:
        return Refusal(
            slug="request-malformed",
            clause="request.run",
            because="the header comity-run names no run that this key has begun and not yet finished",
        )
    amount = reserve(model, asked)
    refusal = _refuse_budget(terms, agreed, standing, amount) or _refuse_rate(terms, standing, amount, now)
    return refusal if refusal is not None else Reservation(model=model, amount=amount)


class _Agreed(NamedTuple):
    """What a decision needs of the terms, brought into its form once."""

    models: Mapping[str, Model]
    people: Mapping[str, Person]
    features: frozenset[str]
    all: Taken
    first: Taken
    """What calls that repeat no run may take: the whole less the reserve."""
    day: Taken
    always: bool
    """The window has no hours in which it is closed."""


_AGREED: dict[str, _Agreed] = {}


def _agreed(terms: Terms) -> _Agreed:
    agreed = _AGREED.get(terms.digest)
    if agreed is None:
        budget, hours = terms.budget, terms.window.hours
        whole = Taken(budget.calls, budget.input_tokens, budget.output_tokens, budget.cost_nano)
        day = budget.per_day
        agreed = _AGREED[terms.digest] = _Agreed(
            models={model.name: model for model in terms.models},
            people={person.id: person for person in terms.people},
            features=frozenset(terms.features),
            all=whole,
            first=Taken(*(figure - figure * budget.rerun_reserve // 100 for figure in whole)),
            day=Taken(day.calls, day.input_tokens, day.output_tokens, day.cost_nano),
            always=set(hours.days) == set(DAYS) and (hours.begins, hours.until) == (0, DAY_MINUTES),
        )
    return agreed


@lru_cache(maxsize=4096)
def _instant(text: str) -> datetime:
    return parse_instant(text)


def refuse_key(grant: Grant | None, *, now: datetime) -> Refusal | None:
    """Whether a key is in force at this time of the window's clock."""
    if grant is None:
        return Refusal(slug="key-unknown", clause="grant.key", because="no grant is known for this key")
    if grant.revoked:
        return Refusal(slug="key-revoked", clause="grant.revoked", because=f"this grant was revoked: {grant.revoked}")
    if now >= _instant(grant.expires):
        return Refusal(slug="key-expired", clause="grant.expires", because=f"this grant expired at {grant.expires}")
    return None


def _terms(clause: str, because: str) -> Refusal:
    return Refusal(slug="terms-refused", clause=clause, because=because)


def _refuse_time(
    terms: Terms, agreed: _Agreed, standing: Standing, now: datetime, clock: datetime
) -> Refusal | None:
    window, hours = terms.window, terms.window.hours
    if standing.stop is not None:
        return _terms("stop.by", f"the {standing.stop.by} stopped this access: {standing.stop.cause}")
    if standing.suspension is not None:
        suspension = standing.suspension
        because = f"the {suspension.by} suspended this access until it resumes it: {suspension.cause}"
        return _terms("suspension.by", because)
    if (life := standing.life).closed:
        return _terms("closed", "this arrangement is closed: both sides ended its access for good")
    if life.exit_by and millis(now) >= life.exit_ms:
        return _terms("exit", f"the {life.exit_by} left this arrangement, and access has ended: {life.exit_cause}")
    if now < window.begins:
        return _terms("window.from", f"access begins at {window.begins:%Y-%m-%d %H:%M} UTC")
    if clock >= window.until:
        stood = now - clock
        later = f", and {_days(stood)} later for suspensions" if stood else ""
        return _terms("window.until", f"access ended at {window.until:%Y-%m-%d %H:%M} UTC{later}")
    if not (agreed.always or hours.open_at(now)):
        because = (
            f"calls pass on {', '.join(hours.days)} from {_time(hours.begins)} to {_time(hours.until)} UTC; "
            f"it is {now:%a %H:%M} UTC"
        )
        return _terms("window.hours", because)
    return None


def _days(span: timedelta) -> str:
    return f"{span.days} d {span.seconds // 3600} h" if span.days else f"{span.seconds // 60} min"


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _refuse_person(agreed: _Agreed, standing: Standing) -> Refusal | None:
    person = standing.grant.person if standing.grant else ""
    listed = agreed.people.get(person)
    if listed is None:
        return _terms("people.id", f"{person} is not among the people of the terms")
    if not listed.eligible:
        return _terms("people.eligible", f"the terms mark {person} as not eligible")
    return None


def _refuse_what(terms: Terms, agreed: _Agreed, model: Model, asked: Asked) -> Refusal | None:
    if asked.protocol not in model.protocols:
        spoken = ", ".join(model.protocols)
        return _terms("models.protocols", f"{model.name} is agreed over {spoken}; the request speaks {asked.protocol}")
    for feature in asked.never:
        return _terms(f"features.{feature}", f"no terms of this release can allow {feature}: {NEVER[feature]}")
    if asked.unknown:
        return Refusal(
            slug="feature-unknown",
            clause="features",
            because=(
                f"the request uses {', '.join(asked.unknown[:5])}, which no clause of this release can allow; leave it "
                f"out, or ask for a feature that covers it in a later version of the software and the terms"
            ),
        )
    for feature in asked.features:
        if feature not in agreed.features:
            because = (
                f"{feature} is not among the features that the terms allow; "
                f"an amendment with features.{feature}=allowed would allow it"
            )
            return _terms(f"features.{feature}", because)
    return _refuse_bounds(terms, model, asked)


def _refuse_bounds(terms: Terms, model: Model, asked: Asked) -> Refusal | None:
    for feature in asked.unbounded:
        because = f"the terms allow at most {terms.limits.get(feature, 0)} {BOUNDED[feature]}; this one states no bound"
        return _terms(f"limits.{feature}", because)
    for feature, count in asked.counts.items():
        if count > (most := terms.limits.get(feature, 0)):
            return _terms(
                f"limits.{feature}", f"the terms allow at most {most} {BOUNDED[feature]}; the request has {count}"
            )
    if asked.keeps and terms.content.retention == "none":
        because = (
            "the terms want the provider to keep nothing, and this request lets it keep the exchange; "
            "a request that says store: false does not"
        )
        return _terms("content.retention", because)
    if not asked.writes:
        return None
    if asked.output_limit is None and terms.budget.output_unstated == "refuse":
        return _terms(
            "budget.output_unstated",
            "the terms want every request to state its output limit; this one states none",
        )
    if asked.output_limit is not None and asked.output_limit > model.max_output:
        because = f"{model.name} may write {model.max_output} tokens a call; this request asks {asked.output_limit}"
        return _terms("models.max_output", because)
    return None


def _refuse_budget(terms: Terms, agreed: _Agreed, standing: Standing, amount: Amount) -> Refusal | None:
    currency = terms.budget.currency
    if standing.overrun:
        because = "the provider's usage exceeded a reservation, so nothing more passes under this clause"
        return _terms(standing.overrun, because)
    return (
        _refuse_more("budget", "agreed", agreed.all, standing.all, amount, currency)
        or _refuse_first(terms, agreed, standing, amount)
        or _refuse_more("budget.per_day", "a day agreed", agreed.day, standing.day, amount, currency)
    )


def _refuse_first(terms: Terms, agreed: _Agreed, standing: Standing, amount: Amount) -> Refusal | None:
    """Whether a call that repeats no run would take what is kept for those that do."""
    percent = terms.budget.rerun_reserve
    if not percent or standing.run_repeats:
        return None
    needs = (1, amount.input_tokens, amount.output_tokens, amount.cost_nano)
    whats = ("calls", "input tokens", "output tokens", "nano-units of money")
    for first, taken, repeated, needed, what in zip(
        agreed.first, standing.all, standing.rerun, needs, whats, strict=True
    ):
        if taken - repeated + needed > first:
            because = (
                f"{percent} percent are kept for repeated runs, so others may take {first} {what}; "
                f"{taken - repeated} are taken, this call may take {needed}"
            )
            return _terms("budget.rerun_reserve", because)
    return None


def _refuse_more(clause: str, said: str, agreed: Taken, taken: Taken, amount: Amount, currency: str) -> Refusal | None:
    if taken.calls + 1 > agreed.calls:
        return _terms(f"{clause}.calls", f"{agreed.calls} calls {said}, {taken.calls} permitted")
    if taken.input_tokens + amount.input_tokens > agreed.input_tokens:
        return _tokens(f"{clause}.input_tokens", said, agreed.input_tokens, taken.input_tokens, amount.input_tokens)
    if taken.output_tokens + amount.output_tokens > agreed.output_tokens:
        return _tokens(f"{clause}.output_tokens", said, agreed.output_tokens, taken.output_tokens, amount.output_tokens)
    if taken.cost_nano + amount.cost_nano > agreed.cost_nano:
        return _terms(
            f"{clause}.cost",
            f"{_money(agreed.cost_nano)} {currency} {said}, {_money(taken.cost_nano)} "
            f"spent or reserved; this call may cost {_money(amount.cost_nano)}",
        )
    return None


def _tokens(clause: str, said: str, agreed: int, taken: int, needed: int) -> Refusal:
    return _terms(clause, f"{agreed} tokens {said}, {taken} spent or reserved; this call may take {needed}")


def _refuse_rate(terms: Terms, standing: Standing, amount: Amount, now: datetime) -> Refusal | None:
    rate, tokens = terms.rate, amount.input_tokens + amount.output_tokens
    if tokens > rate.tokens_per_minute:  # first, because no wait would help
        return _terms("rate.tokens_per_minute", _said_of_tokens(rate.tokens_per_minute, standing, tokens))
    if standing.open_calls >= rate.concurrency:
        because = f"{rate.concurrency} calls at once agreed, {standing.open_calls} open"
        return Refusal(slug="rate-exceeded", clause="rate.concurrency", because=because, retry_after=1)
    if standing.minute_calls >= rate.calls_per_minute:
        because = f"{rate.calls_per_minute} calls a minute agreed, {standing.minute_calls} in the last"
        return Refusal(
            slug="rate-exceeded",
            clause="rate.calls_per_minute",
            because=because,
            retry_after=_wait(standing, now),
        )
    if standing.minute_tokens + tokens > rate.tokens_per_minute:
        return Refusal(
            slug="rate-exceeded",
            clause="rate.tokens_per_minute",
            because=_said_of_tokens(rate.tokens_per_minute, standing, tokens),
            retry_after=_wait(standing, now),
        )
    return None


def _said_of_tokens(agreed: int, standing: Standing, tokens: int) -> str:
    return (
        f"{agreed} tokens a minute agreed, {standing.minute_tokens} spent or reserved in the last; "
        f"this call may take {tokens}"
    )


def _wait(standing: Standing, now: datetime) -> int:
    """Seconds until the oldest second that counts counts no longer."""
    return max(1, standing.oldest + MINUTE_SECONDS + 1 - millis(now) // 1000)


def _money(nano: int) -> str:
    return f"{nano // 10**9}.{nano % 10**9:09d}".rstrip("0").rstrip(".")
