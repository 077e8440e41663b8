"""Usage: what the provider says a call took, read from an answer or from a stream's events.

Figures come from the provider and are taken as stated; a figure that is no
integer from 0 counts as not stated, and the call is then settled at its
reservation.  In a stream later figures replace earlier ones member by member,
because Anthropic's protocol states input first and the running output after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Usage", "count", "member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that a provider states; None for a member that an event leaves out."""

    input_tokens: int | None
    output_tokens: int | None

    def then(self, later: "Usage") -> "Usage":
        """This usage with the members that a later event states."""
        return Usage(
            input_tokens=self.input_tokens if later.input_tokens is None else later.input_tokens,
            output_tokens=self.output_tokens if later.output_tokens is None else later.output_tokens,
        )


def member(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under `name`, empty where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def count(fields: Mapping[str, Any], name: str) -> int | None:
    """The integer from 0 under `name`, if there is one."""
    value = fields.get(name)
    return value if type(value) is int and 0 <= value <= 2**40 else None
