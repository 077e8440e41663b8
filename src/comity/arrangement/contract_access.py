"""Articles on access: what may be called, with what, by whom, when, and how much of it.

Each function yields the provisions of one article, in the order of the contract.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from comity.arrangement.clauses import A, E, V, money
from comity.arrangement.contract_words import Item, Provision, clock, counted, days, joined, moment, sentence
from comity.arrangement.features import BOUNDED, FEATURES
from comity.arrangement.promises import ACCESS_ITEMS
from comity.arrangement.terms import Model, Terms

__all__ = ["beside", "budget", "features", "models", "people", "rate", "time"]

Said = Iterator[Provision]

NAMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "streaming": "answers in pieces",
        "stream_usage": "token counts at the end of a streamed answer",
        "sampling": "settings of sampling",
        "seed": "a random seed",
        "stop": "texts that end an answer",
        "penalties": "penalties and token biases",
        "n": "several answers to one request",
        "logprobs": "log-probabilities",
        "system_prompt": "system instructions of the caller",
        "prefill": "the beginning of an answer",
        "completion": "the continuation of bare text",
        "embeddings": "vectors of texts",
        "token_counting": "counts of a request's tokens",
        "tools": "tools of the caller",
        "server_tools": "tools of the Provider",
        "mcp": "tools of servers that the Provider calls",
        "structured_output": "answers held to a schema",
        "reasoning": "settings of reasoning",
        "reasoning_summary": "summaries of reasoning",
        "reasoning_raw": "reasoning as it was written",
        "images": "pictures",
        "audio": "sound",
        "files": "documents",
        "urls": "content by address",
        "file_ids": "files stored at the Provider",
        "earlier_answers": "earlier answers stored at the Provider",
        "stored_prompts": "prompts stored at the Provider",
        "stored_state": "exchanges kept by the Provider",
        "citations": "citations",
        "prompt_caching": "directions to the Provider's cache",
        "service_tier": "a service class",
        "safety_settings": "settings of content filters",
        "metadata": "labels",
        "user_tag": "tags for persons",
    }
)
"""Each feature as a noun, for the sentence that lists what is refused."""


CHANNEL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "api": "a programming interface of the Provider",
        "on-premises": "a copy that runs on the premises of the Authority",
        "provider-hardware": "hardware of the Provider, on its premises",
        "open-weights": "weights that are open to everybody",
    }
)

BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "call": "By calls, the Provider gives what follows, and the Record shows what was given:",
        "session": "In sessions that are not calls, each recorded and countersigned or contested, the Provider gives:",
        "document": "As documents, each with its entry, the Provider gives:",
        "term": "By clauses of these terms, as promises that no record shows to be kept, the Provider gives:",
    }
)
"""By which act a promise is delivered, and what shows it."""


def models(terms: Terms) -> Said:
    """The models that may be called, and what answers for them."""
    yield Provision(text=f"The models are reached through {CHANNEL[terms.channel]}.", mark=A, clauses=("channel",))
    yield Provision(
        text="The Authority may call each model of Schedule 1 under the name, and in the protocols, that stand there. "
        "No other model may be called.",
        mark=E,
        clauses=("models.name", "models.protocols"),
    )
    yield Provision(
        text="Each of these models is the variant that Schedule 1 names, in the Provider's own words.",
        mark=A,
        clauses=("models.variant",),
    )
    for refused, some, whole in _split(terms.models, lambda model: model.on_mismatch == "refuse"):
        fate = "is withheld" if refused else "is passed on and flagged in the Record"
        yield Provision(
            text=_of(
                some,
                whole,
                "the answer to a call names one of the models that Schedule 1 lists as serving it. "
                f"An answer by any other model {fate}.",
            ),
            mark=E if refused else V,
            clauses=("models.serves", "models.on_mismatch"),
        )
    for refused, some, whole in _split(terms.models, lambda model: model.unstated == "refuse"):
        fate = "is withheld" if refused else "is passed on and flagged in the Record"
        yield Provision(
            text=_of(some, whole, f"an answer that names no model {fate}."),
            mark=E if refused else V,
            clauses=("models.unstated",),
        )
    yield Provision(
        text="A request fills at most the context window of its model, and an answer has at most the length, that "
        "Schedule 1 states in tokens.",
        mark=E,
        clauses=("models.context_window", "models.max_output"),
    )


def _split(
    models: Sequence[Model], asked: Callable[[Model], bool]
) -> Iterator[tuple[bool, list[str], bool]]:
    """The models for which something is so, then those for which it is not; the last tells whether they are all."""
    for wanted in (True, False):
        some = [model.name for model in models if asked(model) is wanted]
        if some:
            yield wanted, some, len(some) == len(models)


def _of(some: list[str], whole: bool, text: str) -> str:
    """A sentence about all models, or one that names the models it is about."""
    return f"{text[0].upper()}{text[1:]}" if whole else f"For {joined(some)}, {text}"


def features(terms: Terms) -> Said:
    """What a request may make use of."""
    allowed = []
    for name in terms.features:
        bound = terms.limits.get(name)
        most = "" if bound is None else f", with at most {bound:,} {BOUNDED[name]}"
        names = (f"features.{name}",) if bound is None else (f"features.{name}", f"limits.{name}")
        allowed.append(Item(text=f"{FEATURES[name]}{most}", clauses=names))
    if allowed:
        yield Provision(
            text="A request may use what follows, and within the numbers that stand beside it:",
            mark=E,
            items=tuple(allowed),
        )
    refused = [NAMED[name] for name in FEATURES if name not in terms.features]
    rest = f" This holds, among others, for {joined(refused)}." if refused else ""
    yield Provision(
        text=f"A request that uses anything that is not allowed here is refused.{rest}", mark=E, clauses=("features",)
    )


def beside(terms: Terms) -> Said:
    """What the Provider promises of access, by the act that delivers it; what no act delivers is a promise alone."""
    for means, head in BY.items():
        promised = [one for one in terms.access if one.means == means]
        if promised:
            yield Provision(
                text=head,
                mark=A if means == "term" else V,
                clauses=("access.item", "access.means", "access.promise"),
                items=tuple(Item(text=f"{ACCESS_ITEMS[one.item]}: {sentence(one.promise)}") for one in promised),
            )
    more = "else " if terms.access else ""
    yield Provision(text=f"Beside calls, nothing {more}is promised.", mark=A, clauses=("access",))


def people(terms: Terms) -> Said:
    """Who may be granted access."""
    yield Provision(
        text="Access is granted to nobody but the persons of Schedule 2, who stand there under pseudonyms, and to none "
        "of them while the Schedule says that they are not eligible.",
        mark=E,
        clauses=("people.id", "people.eligible"),
    )
    yield Provision(
        text="Each of them takes part in the function that the Schedule states.", mark=A, clauses=("people.role",)
    )


def time(terms: Terms) -> Said:
    """When calls may pass."""
    window, hours = terms.window, terms.window.hours
    yield Provision(
        text=f"Calls pass from {moment(window.begins)}, until {moment(window.until)}. This time is the Window.",
        mark=E,
        clauses=("window.from", "window.until"),
    )
    yield Provision(
        text=f"Within the Window calls pass on {days(hours.days)}, from {clock(hours.begins)} until "
        f"{clock(hours.until)} of such a day, in UTC.",
        mark=E,
        clauses=("window.hours.days", "window.hours.from", "window.hours.until"),
    )
    promised = (
        f"Of the Window, access is promised for at least {counted(terms.access_days, 'business day')}"
        if terms.access_days
        else "No number of business days of access is promised"
    )
    yield Provision(
        text=f"{promised}. Business days are counted by the holiday calendar {terms.calendar}.",
        mark=V,
        clauses=("access_days", "calendar"),
    )


def budget(terms: Terms) -> Said:
    """What may be spent."""
    whole, day, currency = terms.budget, terms.budget.per_day, terms.budget.currency
    yield Provision(
        text=f"In all, the Authority may make at most {counted(whole.calls, 'call')}, use at most "
        f"{counted(whole.input_tokens, 'input token')} and {counted(whole.output_tokens, 'output token')}, and spend "
        f"at most {money(whole.cost_nano)} {currency}.",
        mark=E,
        clauses=("budget.calls", "budget.input_tokens", "budget.output_tokens", "budget.cost"),
    )
    yield Provision(
        text=f"On any one day, counted in UTC, these bounds are {counted(day.calls, 'call')}, "
        f"{counted(day.input_tokens, 'input token')}, {counted(day.output_tokens, 'output token')} and "
        f"{money(day.cost_nano)} {currency}.",
        mark=E,
        clauses=tuple(f"budget.per_day.{name}" for name in ("calls", "input_tokens", "output_tokens", "cost")),
    )
    kept = (
        f"Of each bound in all, {whole.rerun_reserve} percent is kept for runs that repeat an earlier one; "
        "other calls may not take it."
        if whole.rerun_reserve
        else "Of the bounds in all, nothing is kept for runs that repeat an earlier one."
    )
    yield Provision(text=kept, mark=E, clauses=("budget.rerun_reserve",))
    yield Provision(
        text="A call is charged at the prices of Schedule 1 for what it used. Before it is sent, the most that it can "
        "use is reserved, at the dearest price that can apply.",
        mark=E,
        clauses=tuple(f"models.prices.{name}" for name in ("input", "cached_read", "cache_write", "output")),
    )
    yield Provision(
        text="Beside what its body holds, a request reserves the input tokens that Schedule 1 states for itself, for "
        "each of its messages and for each of its tools.",
        mark=E,
        clauses=tuple(f"models.overhead.{name}" for name in ("request", "message", "tool")),
    )
    unstated = (
        "reserves the longest answer of its model" if whole.output_unstated == "reserve" else "is refused"
    )
    yield Provision(
        text=f"A request that states no limit for its answer {unstated}.", mark=E, clauses=("budget.output_unstated",)
    )
    yield Provision(text=f"Prices and bounds are in {currency}.", mark=A, clauses=("budget.currency",))
    payer = {
        "authority": "What the access costs is borne by the Authority.",
        "provider": "What the access costs is borne by the Provider, and the Authority pays none of it.",
        "each-own": "Each party bears what the access costs on its own side.",
    }[terms.costs.borne_by]
    yield Provision(text=payer, mark=A, clauses=("costs.borne_by",))


def rate(terms: Terms) -> Said:
    """How fast it may be spent."""
    pace = terms.rate
    yield Provision(
        text=f"In any one minute the Authority may make at most {counted(pace.calls_per_minute, 'call')} and use at "
        f"most {counted(pace.tokens_per_minute, 'token')}, input and output together; at any one time, at most "
        f"{counted(pace.concurrency, 'call')} may be under way.",
        mark=E,
        clauses=("rate.calls_per_minute", "rate.tokens_per_minute", "rate.concurrency"),
    )
