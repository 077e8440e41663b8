"""OpenAI completions: a bare text, continued.

Route: `POST /v1/completions`.  `prompt` is a text, a list of texts, a list of
token numbers or a list of such lists; a token number takes at least one byte of
the body, so that the bytes bound these too.  Output is bounded by `max_tokens`
for each prompt and candidate; of `n` and `best_of` the larger is written and
charged.  A stream ends as a chat completion's does.

Sources: the published API reference and the official SDK's parameter types.
"""

from collections.abc import Mapping
from typing import Any, Final

from comity.gateway.asked import (
    Asked,
    Field,
    MalformedRequest,
    Reading,
    candidates,
    core,
    limit,
    read_body,
    read_fields,
    read_model,
    read_query,
    uses,
    whole_number,
)
from comity.gateway.openai import FIELDS as CHAT_FIELDS
from comity.gateway.openai import QUERY, SHARED

__all__ = ["COMPLETIONS", "FIELDS", "MAX_PROMPTS", "read_completion", "texts"]

COMPLETIONS: Final = "/v1/completions"
MAX_PROMPTS: Final = 2048
"""Texts in one request: what the provider takes at most for embeddings."""


def texts(name: str, value: Any) -> int:
    """How many texts `value` holds; raises `MalformedRequest` where it holds something else."""
    if isinstance(value, str):
        return 1
    if isinstance(value, list) and 1 <= len(value) <= MAX_PROMPTS and all(isinstance(one, str) for one in value):
        return len(value)
    if _tokens(value):
        return 1
    if isinstance(value, list) and 1 <= len(value) <= MAX_PROMPTS and all(map(_tokens, value)):
        return len(value)
    raise MalformedRequest(f"{name}: expected a text, a list of tokens, or a list of 1 to {MAX_PROMPTS} of either")


def _tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(one) is int for one in value)


def _prompt(reading: Reading, value: Any) -> None:
    reading.messages = texts("prompt", value)


def _logprobs(reading: Reading, value: Any) -> None:
    reading.use_most("logprobs", whole_number("logprobs", value, least=0))


_AS_IN_CHAT: Final = "stream_options frequency_penalty presence_penalty logit_bias seed stop".split()

FIELDS: Final[Mapping[str, Field]] = {
    **SHARED,
    **{name: CHAT_FIELDS[name] for name in _AS_IN_CHAT},
    "prompt": _prompt,
    "suffix": uses("completion"),
    "echo": core,
    "max_tokens": limit("max_tokens"),
    "n": candidates("n"),
    "best_of": candidates("best_of"),
    "logprobs": _logprobs,
}
"""Every field of a completion that this gateway knows, and what it uses of the terms."""


def read_completion(path: str, query: str, body: bytes) -> Asked:
    """Read a completion; raises `MalformedRequest`."""
    reading, members = Reading(), read_body(body)
    model = read_model(members.get("model"))
    if members.get("prompt") is None:
        raise MalformedRequest("prompt: expected a text, found none")
    reading.use("completion")
    read_fields(reading, members, FIELDS)
    reading.candidates *= reading.messages
    target = path + read_query(reading, query, QUERY)
    return reading.asked(protocol="openai", route=COMPLETIONS, target=target, model=model, body=body)
