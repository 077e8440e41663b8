"""Promises: what terms hold beside calls, and the words for it.

A provider may promise more than calls: activations in a session, documentation, earlier
results.  Each promise names one item of `ACCESS_ITEMS`, the things that adequate access
consists of (they carry the names of the law pack `eu-ai-act`, whose sources say where each
is asked for; a test holds the two together).  The names stand here and not in the pack,
because a pack may be replaced by a newer one while signed terms are read for ever.

`means` says by which act the item is delivered: a *call* through the gateway, a *session*
that is not a call, a *document* handed over, or a *term* that these terms state elsewhere.

Not promised: that a text names no person. A machine cannot tell a function from a person;
whoever writes `incident_contacts` names a desk or a function.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from comity.arrangement.terms import Role

__all__ = [
    "ACCESS_ITEMS",
    "CHANNELS",
    "Costs",
    "ExitClause",
    "IncidentContacts",
    "Means",
    "Promise",
    "Successor",
]

MAX_ACCESS_DAYS: Final = 1_000
"""Business days of access: about four years, and the longest window has ten."""
MAX_NOTICE_DAYS: Final = 366

Means = Literal["call", "session", "document", "term"]

CHANNELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "api": "a programming interface",
        "on-premises": "a copy that runs on the authority's premises",
        "provider-hardware": "hardware of the provider, on its premises",
        "open-weights": "weights that are open to everybody",
    }
)
"""Ways in which a model is reached (Code of Practice, Safety and Security, Measure 3.5)."""

ACCESS_ITEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "most-capable-version": "the most capable version on the market",
        "reasoning": "chains of thought",
        "least-mitigated": "the version with fewest mitigations",
        "activations": "activations",
        "gradients": "gradients",
        "raw-outputs": "logits or other raw outputs",
        "model-specification": "the model specification",
        "system-prompt": "the system prompt",
        "training-data": "relevant training data",
        "test-sets": "the provider's own test sets",
        "past-results": "earlier results",
        "time": "enough time",
        "compute": "enough compute",
        "staff": "enough staff",
        "engineering-support": "engineering support",
        "channel": "a way in that fits",
        "free-of-charge": "access free of charge",
        "no-storing": "tests neither stored nor analysed",
        "no-training": "no training on tests",
        "safe-harbour": "a safe harbour",
        "draft.api": "programming interfaces",
        "draft.internal-access": "internal access",
        "draft.source-code": "source code",
        "draft.weights": "weights",
        "draft.hosting": "hosting infrastructure",
        "draft.state": "the system's state, to look at and to change",
        "draft.parity": "every level that the provider's employees have",
        "draft.no-logging": "logging switched off where ordered",
        "draft.timely": "access that comes when it is of use",
    }
)
"""Item → what it is, as part of a sentence.  What a request has to state (`request.…`) is nobody's promise."""

MEANS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "call": "by calls through the gateway",
        "session": "in sessions that are not calls",
        "document": "as documents",
        "term": "by a clause of these terms",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One thing promised beside calls."""

    item: str
    means: Means
    promise: str
    """What exactly, in the parties' words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Who pays for the access."""

    borne_by: Literal["authority", "provider", "each-own"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentContacts:
    """Whom each side tells of an incident: a function, never a person."""

    authority: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """What the provider owes when it releases a newer version; days are counted from its release."""

    notice_days: int
    """Days within which it gives notice; 0 where none is promised."""
    access_days: int
    """Days within which it gives access; 0 where none is promised."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitClause:
    """Who may leave the arrangement, with which notice, and what is said of it."""

    by: "tuple[Role, ...]"
    notice_days: int
    """Whole days between the day on which the exit is recorded and the day on which access ends."""
    statement: Literal["public", "recorded", "none"]
