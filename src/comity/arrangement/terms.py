"""Terms: what two parties agree, as a value a machine can hold them to.

`arrangement/1` is one object.  Every clause is required, so nothing is agreed by
silence; `comity.arrangement.clauses` names each clause and says how it is kept,
and docs/reference/terms.md shows the whole.

Authors write YAML (`parse_terms_yaml`); parties sign the canonical JSON of the
same value (`parse_terms_json`).  Both go through one set of checks.  `Terms.raw`
is the canonical bytes and `Terms.digest` their SHA-256: the bytes that were
signed are kept and never written again from the parsed form.

Bounds and why: see the constants.  Money is integers: a price is millionths of the
currency per million tokens, a cost is nano-units (billionths), rounded up once per
sum.  The bounds keep every cost of one call and every budget below 2^53, so that
an entry can state it.

Checks across clauses: the window ends after it begins and lasts at most
`MAX_WINDOW`; the ledger's origin is `<host>/a/<id>`; the policy's log keys carry
that origin and its quorum needs somebody beside the log; the party keys are two
different Ed25519 note keys; names are unique; version 1 has no previous digest
and every later one has; no answer is longer than its model's context window; a
feature that needs a bound has one; no day's budget exceeds the whole; the hours of
a day end after they begin; a window holds the business days of access that are
promised; compulsory access does not end in silence; a guard has a key, and nobody has a guard's key without
one; permits and a guard's counters are signed with keys used for nothing else.

Not promised: that what the terms say is lawful, or wise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from comity.arrangement.promises import Costs, ExitClause, IncidentContacts, Promise, Successor
from comity.arrangement.source import MAX_SOURCE
from comity.ledger import Policy
from comity.records import parse_canonical

__all__ = [
    "DAYS",
    "FORMAT",
    "Budget",
    "Content",
    "Costs",
    "DayBudget",
    "ExitClause",
    "Guard",
    "Hours",
    "IncidentContacts",
    "LedgerClause",
    "Model",
    "Operator",
    "Overhead",
    "Parties",
    "Party",
    "Person",
    "Prices",
    "Promise",
    "Publication",
    "Rate",
    "Recipient",
    "Role",
    "SafeHarbour",
    "Successor",
    "SuspensionClause",
    "Terms",
    "Window",
    "nano_ceil",
]

FORMAT: Final = "arrangement/1"

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Role = Literal["authority", "provider"]
"""The two parties who sign."""

MAX_MODELS: Final = 64
MAX_PEOPLE: Final = 1_000
MAX_RECIPIENTS: Final = 16
"""Each recipient costs one encapsulation (about 1.2 KB) per process and grant."""
MAX_TOKENS: Final = 10**12
"""Tokens of a budget: the largest evaluation known used under 10^9."""
MAX_CALLS: Final = 10**9
MAX_CONTEXT: Final = 10**8
"""Tokens of a context window or an answer: ten times the longest on offer in 2026."""
MAX_OVERHEAD: Final = 10**6
MAX_PRICE: Final = 10_000
"""Currency per million tokens: the cost of one call stays below 2^53 nano-units."""
MAX_COST: Final = 9_000_000
"""Currency of a budget: in nano-units below 2^53, the largest integer of an entry."""
MAX_RATE: Final = 1_000_000
MAX_LIMIT: Final = 1_000
"""Items of one feature in one request; more is a mistyped bound."""
MAX_RERUN_RESERVE: Final = 90
"""Percent of the budget that may be kept for re-runs."""
DAY_MINUTES: Final = 24 * 60
MAX_CONCURRENCY: Final = 100_000
MAX_VERSION: Final = 10_000
MAX_REVIEW_DAYS: Final = 366
MAX_WINDOW: Final = timedelta(days=3_660)
"""Ten years: a longer window is a mistyped one."""
MAX_POLICY: Final = 32_768
"""Characters of policy text: room for a dozen ML-DSA-44 keys of 1.8 KB."""
MAX_RECIPIENT_KEY: Final = 4_096
"""Bytes of a recipient key: MLKEM768-X25519 has 1,216."""


def nano_ceil(micros_times_tokens: int) -> int:
    """Nano-units for a sum of (millionths per million tokens x tokens), rounded up."""
    return -(-micros_times_tokens // 1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerClause:
    """Where the record is, and who must have seen it before it counts as held by both."""

    origin: str
    policy: Policy
    policy_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who runs the gateway, where, and who holds the key to the model."""

    by: Literal["authority", "provider", "third-party"]
    name: str
    placement: str
    upstream_key_held_by: Literal["operator", "provider", "authority"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side and the key it signs with."""

    name: str
    key: str
    """A vkey of an Ed25519 note key, used for party acts and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """The two sides."""

    authority: Party
    provider: Party

    def keys(self) -> dict[Role, str]:
        """The vkey of each side."""
        return {"authority": self.authority.key, "provider": self.provider.key}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """Input tokens that the provider may add to what the body holds."""

    request: int
    message: int
    tool: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Price per million tokens of each class, in millionths of the budget's currency."""

    input_micros: int
    cached_read_micros: int
    cache_write_micros: int
    output_micros: int

    @property
    def dearest_input_micros(self) -> int:
        """The most that one token of input can cost, whatever the provider's cache does."""
        return max(self.input_micros, self.cached_read_micros, self.cache_write_micros)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model that may be called, and what it may answer as."""

    name: str
    variant: str
    """Which version of the model this is, in the provider's words: standard, fewest-mitigations, …"""
    serves: tuple[str, ...]
    on_mismatch: Literal["refuse", "flag"]
    unstated: Literal["flag", "refuse"]
    protocols: tuple[Literal["openai", "anthropic", "gemini"], ...]
    context_window: int
    max_output: int
    overhead: Overhead
    prices: Prices

    def most_nano(self, input_tokens: int, output_tokens: int) -> int:
        """The most that these tokens can cost, in nano-units of the currency, rounded up once."""
        return nano_ceil(self.prices.dearest_input_micros * input_tokens + self.prices.output_micros * output_tokens)

    def cost_nano(self, input_tokens: int, output_tokens: int, *, cached_read: int = 0, cache_write: int = 0) -> int:
        """The cost of these tokens; those read from and written to a cache are among the input tokens."""
        prices, plain = self.prices, max(0, input_tokens - cached_read - cache_write)
        return nano_ceil(
            prices.input_micros * plain
            + prices.cached_read_micros * cached_read
            + prices.cache_write_micros * cache_write
            + prices.output_micros * output_tokens
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may be granted access, under a pseudonym."""

    id: str
    role: str
    eligible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """On which days, and between which minutes of a day, calls may pass; all in UTC."""

    days: tuple[str, ...]
    begins: int
    """Minutes after midnight."""
    until: int
    """Minutes after midnight, up to 1440."""

    def open_at(self, at: datetime) -> bool:
        """Whether a call may pass at this time of this day."""
        return self.on_day(at.date()) and self.begins <= at.hour * 60 + at.minute < self.until

    def on_day(self, day: date) -> bool:
        """Whether calls may pass at some time of this day."""
        return DAYS[day.weekday()] in self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When calls may pass: from `begins` on, until just before `until`, within `hours`."""

    begins: datetime
    until: datetime
    hours: Hours


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBudget:
    """What may be spent on one day, counted in UTC."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent in all."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_nano: int
    currency: str
    output_unstated: Literal["reserve", "refuse"]
    """A call that states no output limit: reserve the model's maximum, or refuse."""
    per_day: DayBudget
    rerun_reserve: int
    """Percent of each figure in all that only calls of a repeated run may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast it may be spent."""

    calls_per_minute: int
    tokens_per_minute: int
    """Input and output together, at the reservation until a call is settled."""
    concurrency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whose key opens the sealed content."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who else receives answers: a judge model at its endpoint, people who rate, a tool."""

    name: str
    kind: Literal["model", "people", "tool"]
    what: str
    """The model's name, or in words which people or which tool."""
    endpoint: str
    """Of a model: the address of the arrangement under which it is called; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Who may read what was asked and answered."""

    recipients: tuple[Recipient, ...]
    receivers: tuple[Receiver, ...]
    """The recipients without a key, who are given answers by the evaluator; nobody else is."""
    blindness: Literal["open", "sealed-record", "provider-room", "enclave"]
    retention: Literal["none", "until-closure", "provider-policy"]
    training: Literal["none", "permitted"]
    """Whether the provider may train on questions and answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionClause:
    """Who may suspend access, and for which causes the window's clock stands still meanwhile."""

    by: tuple[Role, ...]
    clock_stops: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeHarbour:
    """By which the provider knows these calls from misuse, and what it promises of them."""

    tag: str
    """Sent with each request in the header `x-engagement-tag`."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Whether the provider lets only permitted calls reach the model, and the keys that show it."""

    by: Literal["none", "provider"]
    permit_key: str
    """vkey by which the gateway signs the permit that each request carries."""
    key: str
    """vkey by which the provider's guard signs its counters; empty without a guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Who may publish results, and how long the other side reviews them."""

    by: Literal["authority", "provider", "both", "nobody"]
    review_days: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version of the terms. Built by the parsers alone."""

    id: str
    version: int
    previous: str
    title: str
    ledger: LedgerClause
    operator: Operator
    parties: Parties
    basis_kind: Literal["voluntary", "code", "compulsory"]
    """Why access is given: freely, under a code of practice, or because the law (Art. 92) compels it."""
    basis: str
    purpose: tuple[str, ...]
    channel: Literal["api", "on-premises", "provider-hardware", "open-weights"]
    models: tuple[Model, ...]
    features: tuple[str, ...]
    limits: Mapping[str, int]
    """Feature of `BOUNDED` → how many of its items one request may hold."""
    access: tuple[Promise, ...]
    """What is promised beside calls."""
    people: tuple[Person, ...]
    window: Window
    calendar: str
    """Name of the holiday calendar by which business days of these terms count."""
    access_days: int
    """Business days of access that are promised; 0 where no number is."""
    budget: Budget
    rate: Rate
    costs: Costs
    content: Content
    record_provider_sees: Literal["entries", "counters", "checkpoints"]
    stop_by: tuple[Role, ...]
    suspension: SuspensionClause
    exit: ExitClause
    successor: Successor
    incident_contacts: IncidentContacts
    safe_harbour: SafeHarbour
    guard: Guard
    publication: Publication
    raw: bytes
    """The canonical bytes: what is signed."""
    digest: str
    """SHA-256 of `raw`, in hex."""

    def model(self, name: str) -> Model | None:
        """The model of this name, or `None` where the terms have none."""
        return next((model for model in self.models if model.name == name), None)

    def person(self, name: str) -> Person | None:
        """The person of this pseudonym, or `None`."""
        return next((person for person in self.people if person.id == name), None)

    def value(self) -> Mapping[str, Any]:
        """The terms in JSON's types, read from the canonical bytes."""
        return parse_canonical(self.raw, limit=MAX_SOURCE)
