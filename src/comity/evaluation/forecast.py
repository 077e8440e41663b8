"""Forecast: what a plan takes before anything is spent, and how exact its answer can be.

For each clause there are three figures.  *At most* is what the gateway reserves if no call is repeated, computed as
the gateway computes it (`bound_call`): body bytes plus the declared overhead, capped by the context window; the output
limit; input at the dearest price that it can have.  *With every repeat* is the same if each call is repeated as often
as the plan allows.  *Expected* is a rule of thumb: four bytes of text a token, and for a suite answers as long as the
accepted ones; it settles nothing.

Where the sample is not known beforehand, because it is active or its seed is not at hand, the dearest items of the
bank are counted.

What a plan sets aside for a pilot, for canaries and as a reserve (`access.split`) counts at most, each call as the
dearest of the sample.

A plan *fits* if the most is within what is left: of the whole budget, less what is kept for repeated runs if this is
none, and of this day's, because no run waits for the next day.

The body is written here as the engine's providers write it, with `SPARE` bytes for another spelling.  What a guest's
solver will send is not known beforehand, so its calls count with the whole context window.

The intervals are Wilson's, if every sample is judged, at a rate of one half, where they are widest, and at two others.

How long the plan takes at the agreed rate is a lower bound: the provider's speed is not known.  Tokens count in it as
expected.  Where even that is longer than calls pass, by the hours or the window's end, it stands against the plan.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from comity.arrangement import Model, Terms
from comity.arrangement.terms import DAYS, Hours
from comity.estimate import Estimate, wilson
from comity.evaluation.banks import Bank, SuiteBank
from comity.evaluation.framing import design_of
from comity.evaluation.judging import check_recipients
from comity.evaluation.plan import Plan, Population
from comity.evaluation.standing import Standing
from comity.evaluation.stopping import FromFrame
from comity.records import Amount

SPARE: Final = 48
"""Bytes by which a provider's body may differ from ours; a test holds real bodies to it."""
BYTES_A_TOKEN: Final = 4
RATES: Final = (0.5, 0.2, 0.05)
CLAUSES: Final = ("calls", "input_tokens", "output_tokens", "cost")
"""The figures of `budget` and of `budget.per_day`, in the order of `_figures`."""
DAY: Final = timedelta(days=1)
WEEK: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseForecast:
    """One clause of the budget, and what the plan takes of it."""

    clause: str
    left: int
    """What this run can take, without what is kept from it."""
    kept: int
    """What is kept for repeated runs; 0 for these, and for a day."""
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
    """The least that the rate allows, with tokens as expected."""
    minutes_with_repeats: int
    rate: str
    """The clause of the rate that is reached first, and its figure."""
    repeats: bool
    """Whether a run of this plan was begun before, so that the reserve for repeated runs is open to it."""
    rerun_reserve: int
    currency: str
    intervals: tuple[Estimate, ...]

    @property
    def fits(self) -> bool:
        """Whether nothing in the terms stands against the plan, as far as can be known."""
        return not self.problems and all(clause.fits for clause in self.clauses)

    @property
    def fits_another_day(self) -> bool:
        """Whether nothing is short but what is left of this day."""
        short = [clause.clause for clause in self.clauses if not clause.fits]
        return bool(short) and all(clause.startswith("budget.per_day.") for clause in short)

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
            "minutes_with_repeats": self.minutes_with_repeats,
            "repeats": self.repeats,
            "rerun_reserve": self.rerun_reserve,
            "currency": self.currency,
            "clauses": {
                one.clause: {
                    "left": one.left,
                    "kept": one.kept,
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
        input_tokens=input_tokens, output_tokens=max_tokens, cost_nano=model.most_nano(input_tokens, max_tokens)
    )


def forecast(
    plan: Plan, bank: Bank, terms: Terms, standing: Standing, *, now: datetime, repeats: bool = False
) -> Forecast:
    """What the plan takes of these terms as they stand; `repeats` if a run of it was begun before."""
    model = terms.model(plan.target.model)
    asked = [] if model is None else _amounts(plan, bank, model)
    times = plan.design.epochs * plan.calls_a_sample
    most = [tuple(times * figure for figure in _figures(amount)) for amount, _ in asked]
    expected = [tuple(times * figure for figure in _figures(amount)) for _, amount in asked]
    tokens = sum(row[1] + row[2] for row in expected)
    minutes, rate = _minutes(terms, plan.access.calls, tokens)
    over = 1 + plan.access.repeats
    return Forecast(
        clauses=tuple(
            _clause(
                clause,
                left=left,
                kept=kept,
                most=[row[place] for row in most],
                expected=[row[place] for row in expected],
                plan=plan,
                times=times,
            )
            for clause, place, left, kept in _left(terms, standing, repeats)
        ),
        problems=(
            *standing.against,
            *_problems(plan, terms, model, [amount for amount, _ in asked]),
            *_times(terms, standing, now, minutes),
        ),
        items=plan.design.items,
        calls=plan.access.calls,
        minutes=minutes,
        minutes_with_repeats=_minutes(terms, plan.access.calls * over, tokens * over)[0],
        rate=rate,
        repeats=repeats,
        rerun_reserve=terms.budget.rerun_reserve,
        currency=terms.budget.currency,
        intervals=intervals(plan),
    )


def _left(terms: Terms, standing: Standing, repeats: bool) -> Iterator[tuple[str, int, int, int]]:
    """Each clause of the budget with its place among the figures, what is left of it, and what is kept from the run."""
    budget, day = terms.budget, terms.budget.per_day
    whole = (budget.calls, budget.input_tokens, budget.output_tokens, budget.cost_nano)
    for place, (name, agreed) in enumerate(zip(CLAUSES, whole, strict=True)):
        clause = f"budget.{name}"
        left = standing.left(clause, agreed)
        if left is None:
            continue
        kept = 0 if repeats else agreed * budget.rerun_reserve // 100
        first = max(0, left - max(0, kept - standing.by_repeats.get(clause, 0)))
        yield clause, place, first, left - first
    for place, (name, agreed) in enumerate(
        zip(CLAUSES, (day.calls, day.input_tokens, day.output_tokens, day.cost_nano), strict=True)
    ):
        clause = f"budget.per_day.{name}"
        left = standing.left(clause, agreed)
        if left is not None:
            yield clause, place, left, 0


def _minutes(terms: Terms, calls: int, tokens: int) -> tuple[int, str]:
    """The least time that so many calls and tokens take, and the rate that decides it."""
    rate = terms.rate
    by_calls, by_tokens = (calls - 1) // rate.calls_per_minute, max(0, tokens - 1) // rate.tokens_per_minute
    if by_tokens > by_calls:
        return by_tokens, f"{rate.tokens_per_minute:,} tokens a minute"
    return by_calls, f"{rate.calls_per_minute:,} calls a minute"


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


def _amounts(plan: Plan, bank: Bank, model: Model) -> list[tuple[Amount, Amount]]:
    """At most and expected, for one call of each item; of a sample that is not known, for the dearest items."""
    if plan.framed is not None and plan.parts.sampling.kind == "stratified":
        sample = FromFrame(design_of(plan), plan.framed.frame, plan.design.seed, bank.names, {})
        return [_item(plan, bank, model, item) for item in sample.items()]
    if len(bank.chosen) == plan.design.items:
        return [_item(plan, bank, model, item) for item in bank.chosen]
    every = [_item(plan, bank, model, item) for item in bank.chosen]
    every.sort(key=lambda pair: _figures(pair[0])[::-1], reverse=True)
    return every[: plan.design.items]


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


def _clause(
    clause: str, *, left: int, kept: int, most: Sequence[int], expected: Sequence[int], plan: Plan, times: int
) -> ClauseForecast:
    split, dearest = plan.parts.split, max(most, default=0) // times
    beside = dearest * (split.pilot + split.canary + split.reserve)
    repeated = sum(most) * plan.access.repeats if split.reask is None else dearest * split.reask
    items, spent = 0, beside
    for one in most:
        spent += one
        if spent > left:
            break
        items += 1
    return ClauseForecast(
        clause=clause,
        left=left,
        kept=kept,
        expected=sum(expected),
        most=beside + sum(most),
        with_repeats=beside + sum(most) + repeated,
        items=items,
    )


def _problems(plan: Plan, terms: Terms, model: Model | None, most: Sequence[Amount]) -> tuple[str, ...]:
    found = []
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
    tokens = max((amount.input_tokens + amount.output_tokens for amount in most), default=0)
    if tokens > terms.rate.tokens_per_minute:
        agreed = f"{terms.rate.tokens_per_minute} tokens a minute are agreed"
        found.append(f"rate.tokens_per_minute: {agreed}, one call may take {tokens}")
    found += check_recipients(plan, (asdict(one) for one in terms.content.receivers))
    for feature, used in (
        ("system_prompt", isinstance(plan.claim.population, Population)),
        ("sampling", plan.decoding.temperature is not None),
        ("seed", plan.decoding.seed is not None),
    ):
        if used and feature not in terms.features:
            found.append(f"features.{feature}: the plan uses it, the terms do not list it")
    return tuple(found)


def _times(terms: Terms, standing: Standing, now: datetime, minutes: int) -> Iterator[str]:
    """Whether calls pass now, and for as long as the plan takes at least."""
    window, hours = terms.window, terms.window.hours
    clock = now - standing.stood
    if clock >= window.until:
        yield f"window.until: access ended at {window.until + standing.stood:%Y-%m-%d %H:%M} UTC"
        return
    if now < window.begins:
        return
    least = f"the plan takes at least {_span(timedelta(minutes=minutes))}"
    if clock + timedelta(minutes=minutes) >= window.until:
        yield f"window.until: {least}, access ends in {_span(window.until - clock)}"
    if not hours.open_at(now):
        said = f"calls pass on {', '.join(hours.days)} from {_clock(hours.begins)} to {_clock(hours.until)} UTC"
        yield f"window.hours: {said}; it is {now:%a %H:%M} UTC"
        return
    left = _open_for(hours, now)
    if left is not None and timedelta(minutes=minutes) >= left:
        yield f"window.hours: {least}, calls pass for {_span(left)} from now"


def _open_for(hours: Hours, now: datetime) -> timedelta | None:
    """For how long calls pass without a break; `None` where there is none."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    whole = hours.begins == 0 and hours.until == DAY // timedelta(minutes=1)
    days = 1
    while whole and days <= WEEK and DAYS[(now.weekday() + days) % WEEK] in hours.days:
        days += 1
    if days > WEEK:
        return None
    return midnight + (days - 1) * DAY + timedelta(minutes=hours.until) - now


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _span(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds())) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
