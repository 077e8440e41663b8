"""Usage: what the provider says a call took, read from an answer or from a stream's events.

Figures come from the provider and are taken as stated; a figure that is no
integer from 0 counts as not stated, and the call is then settled at its
reservation.  In a stream the figures are running totals, so that of two the
larger stands: an event that states less, or only a part, takes nothing back.

An answer may name the class of service that it was given under.  The terms have one
price for each class of tokens, which `TIERS` cost at most; under another class the
usage is `unpriced` too.

A usage object may count classes of tokens that no price of the terms names
(sound, pictures, searches), or members that this release does not know.  Each
adapter lists the members that it understands; any other that holds a number
above 0 makes the usage `unpriced`.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

__all__ = ["NOTHING", "TIERS", "Usage", "count", "dear", "member", "unknown_counts"]

TIERS: Final = frozenset(("auto", "default", "flex", "standard", "standard_only"))
"""Classes of service at the provider's plain price or below; `auto` leaves the choice to the provider's account."""


class Usage(NamedTuple):
    """Tokens that a provider states; None for a member that an event leaves out."""

    input_tokens: int | None
    """All of them, those that were read from or written to a cache included."""
    output_tokens: int | None
    """All of them, hidden reasoning included."""
    cached_read: int | None = None
    """Of the input tokens, those read from a cache."""
    cache_write: int | None = None
    """Of the input tokens, those written to a cache."""
    unpriced: bool = False
    """The usage counts something that no price of the terms names."""

    def then(self, later: "Usage") -> "Usage":
        """This usage with what a later event states."""
        return Usage(
            input_tokens=_larger(self.input_tokens, later.input_tokens),
            output_tokens=_larger(self.output_tokens, later.output_tokens),
            cached_read=_larger(self.cached_read, later.cached_read),
            cache_write=_larger(self.cache_write, later.cache_write),
            unpriced=self.unpriced or later.unpriced,
        )


NOTHING: Final = Usage(input_tokens=0, output_tokens=0)
"""The usage of a call that the provider does not charge for."""


def member(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under `name`, empty where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def count(fields: Mapping[str, Any], name: str) -> int | None:
    """The integer from 0 under `name`, if there is one."""
    value = fields.get(name)
    return value if type(value) is int and 0 <= value <= 2**40 else None


def unknown_counts(fields: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether a member that `known` does not list holds a number above 0.

    `known` maps a member to None where its value is understood, or to the table
    of its own members.
    """
    for name, value in fields.items():
        if name not in known:
            if _counts(value):
                return True
        elif known[name] is not None and isinstance(value, dict) and unknown_counts(value, known[name]):
            return True
    return False


def dear(tier: Any) -> bool:
    """Whether an answer says that it was given under a class of service which no price of the terms names."""
    return isinstance(tier, str) and tier not in TIERS


def _counts(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_counts(item) for item in value.values())
    if isinstance(value, list):
        return any(_counts(item) for item in value)
    return isinstance(value, int | float) and not isinstance(value, bool) and value != 0


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
