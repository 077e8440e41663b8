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
and every later one has; no answer is longer than its model's context window.

Not promised: that what the terms say is lawful, or wise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from comity.arrangement.source import MAX_SOURCE
from comity.ledger import Policy
from comity.records import parse_canonical

__all__ = [
    "FORMAT",
    "Budget",
    "Content",
    "LedgerClause",
    "Model",
    "Operator",
    "Overhead",
    "Parties",
    "Party",
    "Person",
    "Prices",
    "Publication",
    "Rate",
    "Recipient",
    "Role",
    "Terms",
    "Window",
    "nano_ceil",
]

FORMAT: Final = "arrangement/1"

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
    """Price per million tokens, in millionths of the budget's currency."""

    input_micros: int
    output_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model that may be called, and what it may answer as."""

    name: str
    serves: tuple[str, ...]
    on_mismatch: Literal["refuse", "flag"]
    unstated: Literal["flag", "refuse"]
    protocols: tuple[Literal["openai", "anthropic"], ...]
    context_window: int
    max_output: int
    overhead: Overhead
    prices: Prices

    def cost_nano(self, input_tokens: int, output_tokens: int) -> int:
        """The cost of these tokens in nano-units of the currency, rounded up once."""
        return nano_ceil(self.prices.input_micros * input_tokens + self.prices.output_micros * output_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may be granted access, under a pseudonym."""

    id: str
    role: str
    eligible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When calls may pass: from `begins` on, until just before `until`."""

    begins: datetime
    until: datetime


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast it may be spent."""

    calls_per_minute: int
    concurrency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whose key opens the sealed content."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Who may read what was asked and answered."""

    recipients: tuple[Recipient, ...]
    blindness: Literal["open", "sealed-record", "provider-room", "enclave"]
    retention: Literal["none", "until-closure", "provider-policy"]


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
    basis: str
    purpose: tuple[str, ...]
    models: tuple[Model, ...]
    features: tuple[str, ...]
    people: tuple[Person, ...]
    window: Window
    budget: Budget
    rate: Rate
    content: Content
    record_provider_sees: Literal["entries", "counters", "checkpoints"]
    stop_by: tuple[Role, ...]
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
