"""OpenAI embeddings: vectors of texts.

Route: `POST /v1/embeddings`.  The call writes no tokens; its input is bounded as
a completion's prompts are.

Sources: the published API reference and the official SDK's parameter types.
"""

from collections.abc import Mapping
from typing import Any, Final

from comity.gateway.asked import (
    Asked,
    Field,
    MalformedRequest,
    Reading,
    core,
    read_body,
    read_fields,
    read_model,
    read_query,
    uses,
)
from comity.gateway.openai import QUERY
from comity.gateway.openai_completions import texts
from comity.gateway.usage import Usage, count, member, unknown_counts

__all__ = ["EMBEDDINGS", "FIELDS", "read_embeddings", "usage"]

EMBEDDINGS: Final = "/v1/embeddings"


def _input(reading: Reading, value: Any) -> None:
    reading.messages = texts("input", value)


FIELDS: Final[Mapping[str, Field]] = {
    "model": core,
    "input": _input,
    "dimensions": core,
    "encoding_format": core,
    "user": uses("user_tag"),
}
"""Every field of a request for embeddings that this gateway knows, and what it uses of the terms."""


def read_embeddings(path: str, query: str, body: bytes) -> Asked:
    """Read a request for embeddings; raises `MalformedRequest`."""
    reading, members = Reading(), read_body(body)
    model = read_model(members.get("model"))
    if members.get("input") is None:
        raise MalformedRequest("input: expected a text, found none")
    reading.use("embeddings")
    read_fields(reading, members, FIELDS)
    target = path + read_query(reading, query, QUERY)
    return reading.asked(protocol="openai", route=EMBEDDINGS, target=target, model=model, body=body, writes=False)


def usage(answer: Mapping[str, Any]) -> Usage | None:
    """The usage that an answer states, if it states one."""
    fields = member(answer, "usage")
    spent = count(fields, "prompt_tokens")
    if spent is None:
        return None
    known = {"prompt_tokens": None, "total_tokens": None}
    total = max(spent, count(fields, "total_tokens") or 0)
    return Usage(input_tokens=total, output_tokens=0, unpriced=unknown_counts(fields, known))
