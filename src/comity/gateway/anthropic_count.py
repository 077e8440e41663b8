"""Anthropic count_tokens: how many tokens a request has, before it is sent.

Route: `POST /v1/messages/count_tokens`.  The provider charges nothing for it and
the model writes nothing, yet the request's content reaches the provider: it needs
the features that the same request would need, and `token_counting`.  The answer
names no model.

Sources: the published API reference and the official SDK's parameter types.
"""

from collections.abc import Mapping
from typing import Any, Final

from comity.gateway.anthropic import QUERY, SHARED
from comity.gateway.asked import (
    Asked,
    Field,
    MalformedRequest,
    Reading,
    read_body,
    read_fields,
    read_model,
    read_query,
)
from comity.gateway.usage import NOTHING, Usage

__all__ = ["COUNT", "FIELDS", "read_count", "served", "usage"]

COUNT: Final = "/v1/messages/count_tokens"

FIELDS: Final[Mapping[str, Field]] = SHARED
"""Every field of a request to count tokens that this gateway knows, and what it uses of the terms."""


def read_count(path: str, query: str, body: bytes) -> Asked:
    """Read a request to count tokens; raises `MalformedRequest`."""
    reading, members = Reading(), read_body(body)
    model = read_model(members.get("model"))
    if not members.get("messages"):
        raise MalformedRequest("messages: expected a list with at least one message")
    reading.use("token_counting")
    read_fields(reading, members, FIELDS)
    target = path + read_query(reading, query, QUERY)
    return reading.asked(
        protocol="anthropic", route=COUNT, target=target, model=model, body=body, writes=False, bills=False
    )


def served(answer: Mapping[str, Any]) -> str | None:
    """No model answers, so none is named."""
    return None


def usage(answer: Mapping[str, Any]) -> Usage | None:
    """Nothing, if the answer states a number."""
    return NOTHING if "input_tokens" in answer else None
