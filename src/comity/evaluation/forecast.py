"""Forecast: what a plan takes before anything is spent, and how exact its answer can be.

For each clause there are three figures.  *At most* is what the gateway reserves if no call is repeated, computed as
the gateway computes it (`bound_call`): body bytes plus the declared overhead, capped by the context window; the output
limit; both at the model's prices.  A plan *fits* if these are within what is left.  *With every repeat* is the same if
each call is repeated as often as the plan allows.  *Expected* is a rule of thumb: four bytes of text a token, and for
a suite answers as long as the accepted ones; it settles nothing.

The body is written here as the engine's providers write it, with `SPARE` bytes for another spelling.  What a guest's
solver will send is not known beforehand, so its calls count with the whole context window.

The intervals are Wilson's, if every sample is judged, at a rate of one half, where they are widest, and at two others.

A clock is no part of this: how long the plan takes at the agreed rate is a lower bound, the provider's speed is not
known.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from comity.arrangement import Model, Terms
from comity.estimate import Estimate, wilson
from comity.evaluation.banks import Bank, SuiteBank
from comity.evaluation.plan import Plan, Population
from comity.records import Amount

SPARE: Final = 48
"""Bytes by which a provider's body may differ from ours; a test holds real bodies to it."""
BYTES_A_TOKEN: Final = 4
RATES: Final = (0.5, 0.2, 0.05)
CLAUSES: Final = ("budget.calls", "budget.input_tokens", "budget.output_tokens", "budget.cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseForecast:
    """One clause of the budget, and what the plan takes of it."""

    clause: str
    left: int
    expected: int
    most: int
    with_repeats: int
    items: int
    """How many of the plan's items fit into what is left, at most counted, in the order in which they are asked."""

    @property
    def fits(self) -> bool:
        """Whether every call passes if none is repeated."""
        return self.most <= self.left


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a plan takes of an arrangement, and what it can show."""

    clauses: tuple[ClauseForecast, ...]
    problems: tuple[str, ...]
    """Other clauses under which calls would be refused, each a sentence that begins with the clause."""
    items: int
    calls: int
    minutes: int
    """The least that the rate allows."""
    calls_per_minute: int
    currency: str
    intervals: tuple[Estimate, ...]

    @property
    def fits(self) -> bool:
        """Whether nothing in the terms stands against the plan, as far as can be known."""
        return not self.problems and all(clause.fits for clause in self.clauses)

    @property
    def items_that_fit(self) -> int:
        """How many of the plan's items fit under every clause of the budget."""
        return min(clause.items for clause in self.clauses)

    def as_json(self) -> dict[str, Any]:
        """The members that `comity plan check --json` prints."""
        return {
            "fits": self.fits,
            "items": self.items,
            "items_that_fit": self.items_that_fit,
            "calls": self.calls,
            "minutes": self.minutes,
            "currency": self.currency,
            "clauses": {
                one.clause: {
                    "left": one.left,
                    "expected": one.expected,
                    "most": one.most,
                    "with_repeats": one.with_repeats,
                    "fits": one.fits,
                    "items": one.items,
                }
                for one in self.clauses
            },
            "problems": list(self.problems),
            "intervals": [estimate.as_json() for estimate in self.intervals],
        }


def bound_call(model: Model, *, body_bytes: int, messages: int, max_tokens: int) -> Amount:
    """The most that one call can take: the gateway's reservation for a body of text with this limit."""
    overhead = model.overhead.request + model.overhead.message * messages
    input_tokens = min(body_bytes + overhead, model.context_window)
    return Amount(
        input_tokens=input_tokens, output_tokens=max_tokens, cost_nano=model.cost_nano(input_tokens, max_tokens)
    )


def forecast(plan: Plan, bank: Bank, terms: Terms, taken: Mapping[str, int], *, now: datetime) -> Forecast:
    """What the plan takes of these terms, of which so much is taken already by clause."""
    model = terms.model(plan.target.model)
    problems = _problems(plan, terms, model, now)
    asked = [] if model is None else [_item(plan, bank, model, item) for item in bank.chosen]
    times = plan.design.epochs * plan.calls_a_sample
    budget = terms.budget
    agreed = (budget.calls, budget.input_tokens, budget.output_tokens, budget.cost_nano)
    clauses = tuple(
        _clause(
            clause,
            left=max(0, whole - taken.get(clause, 0)),
            most=[times * _figures(most)[place] for most, _ in asked],
            expected=[times * _figures(expected)[place] for _, expected in asked],
            repeats=plan.access.repeats,
        )
        for place, (clause, whole) in enumerate(zip(CLAUSES, agreed, strict=True))
    )
    return Forecast(
        clauses=clauses,
        problems=problems,
        items=plan.design.items,
        calls=plan.access.calls,
        minutes=(plan.access.calls - 1) // terms.rate.calls_per_minute,
        calls_per_minute=terms.rate.calls_per_minute,
        currency=budget.currency,
        intervals=intervals(plan),
    )


def intervals(plan: Plan) -> tuple[Estimate, ...]:
    """The interval to be expected at a few rates, if every item is judged."""
    n = plan.design.items
    return tuple(wilson(round(rate * n), n, plan.level) for rate in RATES)


def body_of(plan: Plan, question: str) -> bytes:
    """The body of a suite's call, as the engine's provider writes it."""
    said: dict[str, Any] = {"model": plan.target.model, "max_tokens": plan.decoding.max_tokens}
    if plan.target.protocol == "openai":
        messages = [{"role": "system", "content": plan.instruction}, {"role": "user", "content": question}]
        said |= {"messages": messages}
        if plan.decoding.temperature is not None:
            said["temperature"] = float(plan.decoding.temperature)
        if plan.decoding.seed is not None:
            said["seed"] = plan.decoding.seed
    else:
        said |= {
            "system": [{"type": "text", "text": plan.instruction}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": question}]}],
        }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _item(plan: Plan, bank: Bank, model: Model, item: str) -> tuple[Amount, Amount]:
    """At most and expected, for one call of one item."""
    limit = plan.decoding.max_tokens
    if not isinstance(bank, SuiteBank):
        most = bound_call(model, body_bytes=model.context_window, messages=0, max_tokens=limit)
        return most, _thumb(model, len(str(bank.guest.samples[item].input).encode()), limit)
    asked = bank.suite.item(item)
    body = body_of(plan, asked.question)
    most = bound_call(model, body_bytes=len(body) + SPARE, messages=2, max_tokens=limit)
    longest = max(len(answer.encode()) for answer in asked.answers)
    text = len(plan.instruction.encode()) + len(asked.question.encode())
    return most, _thumb(model, text, min(limit, 2 + longest // 2))


def _thumb(model: Model, text_bytes: int, output_tokens: int) -> Amount:
    input_tokens = min(model.context_window, 8 + -(-text_bytes // BYTES_A_TOKEN))
    return Amount(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_nano=model.cost_nano(input_tokens, output_tokens),
    )


def _figures(amount: Amount) -> tuple[int, int, int, int]:
    return 1, amount.input_tokens, amount.output_tokens, amount.cost_nano


def _clause(clause: str, *, left: int, most: Sequence[int], expected: Sequence[int], repeats: int) -> ClauseForecast:
    items = spent = 0
    for one in most:
        spent += one
        if spent > left:
            break
        items += 1
    return ClauseForecast(
        clause=clause,
        left=left,
        expected=sum(expected),
        most=sum(most),
        with_repeats=sum(most) * (1 + repeats),
        items=items,
    )


def _problems(plan: Plan, terms: Terms, model: Model | None, now: datetime) -> tuple[str, ...]:
    found = []
    if now >= terms.window.until:
        found.append(f"window.until: access ended at {terms.window.until:%Y-%m-%d %H:%M} UTC")
    if plan.arrangement != terms.id:
        found.append(f"arrangement: the plan names {plan.arrangement}, the terms are those of {terms.id}")
    if model is None:
        names = ", ".join(one.name for one in terms.models)
        return (*found, f"models.name: the terms list {names}; the plan asks {plan.target.model}")
    if plan.target.protocol not in model.protocols:
        spoken = ", ".join(model.protocols)
        found.append(f"models.protocols: {model.name} is agreed over {spoken}, the plan speaks {plan.target.protocol}")
    if plan.decoding.max_tokens > model.max_output:
        found.append(
            f"models.max_output: {model.max_output} tokens are agreed, the plan asks for {plan.decoding.max_tokens}"
        )
    if plan.access.connections > terms.rate.concurrency:
        found.append(
            f"rate.concurrency: {terms.rate.concurrency} calls at once are agreed, "
            f"the plan makes {plan.access.connections}"
        )
    for feature, used in (
        ("system_prompt", isinstance(plan.claim.population, Population)),
        ("sampling", plan.decoding.temperature is not None),
        ("seed", plan.decoding.seed is not None),
    ):
        if used and feature not in terms.features:
            found.append(f"features.{feature}: the plan uses it, the terms do not list it")
    return tuple(found)
