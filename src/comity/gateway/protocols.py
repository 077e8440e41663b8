"""The calls that a gateway speaks: one value each, joining its adapter's parts.

`find_call` says which call a request below `/a/<id>` is, byte for byte; what it
does not find is no call.  `find_never` knows routes that no terms can allow, so
that their refusal can say why.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from comity.arrangement import Model, Terms
from comity.gateway import (
    anthropic,
    anthropic_count,
    gemini,
    openai,
    openai_completions,
    openai_embeddings,
    openai_responses,
)
from comity.gateway.asked import Asked, Field, Query
from comity.gateway.stream import NO_STREAM, Ending
from comity.gateway.usage import Usage

__all__ = [
    "CALLS",
    "MODELS",
    "PLAIN",
    "Protocol",
    "find_call",
    "find_never",
    "find_protocol",
    "model_body",
    "models_body",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One call of one provider protocol: how to read it and its answer, and how to refuse in its shape."""

    name: str
    """The protocol, as the terms name it and as the first part of the path below `/a/<id>`."""
    call: str
    route: str
    """The path of the call below `/a/<id>/<name>`, or its pattern."""
    fields: Mapping[str, Field]
    query: Query
    read: Callable[[str, str, bytes], Asked]
    """Path, query and body → what is asked; raises `MalformedRequest`."""
    served: Callable[[Mapping[str, Any]], str | None]
    names_model: bool = True
    """Whether an answer of this call names a model at all."""
    usage: Callable[[Mapping[str, Any]], Usage | None]
    terminal: Ending
    error_body: Callable[[int, str, str, Mapping[str, Any]], dict[str, Any]]
    key_headers: Callable[[str], list[tuple[str, str]]]
    """The headers that carry the provider's own key."""


def _openai_key(key: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {key}")]


def _anthropic_key(key: str) -> list[tuple[str, str]]:
    return [("x-api-key", key)]


def _gemini_key(key: str) -> list[tuple[str, str]]:
    return [("x-goog-api-key", key)]


CALLS: Final[tuple[Protocol, ...]] = (
    Protocol(
        name="openai",
        call="chat",
        route=openai.CHAT,
        fields=openai.FIELDS,
        query=openai.QUERY,
        read=openai.read_chat,
        served=openai.served,
        usage=openai.usage,
        terminal=openai.ENDING,
        error_body=openai.error_body,
        key_headers=_openai_key,
    ),
    Protocol(
        name="openai",
        call="completions",
        route=openai_completions.COMPLETIONS,
        fields=openai_completions.FIELDS,
        query=openai.QUERY,
        read=openai_completions.read_completion,
        served=openai.served,
        usage=openai.usage,
        terminal=openai.ENDING,
        error_body=openai.error_body,
        key_headers=_openai_key,
    ),
    Protocol(
        name="openai",
        call="responses",
        route=openai_responses.RESPONSES,
        fields=openai_responses.FIELDS,
        query=openai.QUERY,
        read=openai_responses.read_response,
        served=openai_responses.served,
        usage=openai_responses.usage,
        terminal=openai_responses.ENDING,
        error_body=openai.error_body,
        key_headers=_openai_key,
    ),
    Protocol(
        name="openai",
        call="embeddings",
        route=openai_embeddings.EMBEDDINGS,
        fields=openai_embeddings.FIELDS,
        query=openai.QUERY,
        read=openai_embeddings.read_embeddings,
        served=openai.served,
        usage=openai_embeddings.usage,
        terminal=NO_STREAM,
        error_body=openai.error_body,
        key_headers=_openai_key,
    ),
    Protocol(
        name="anthropic",
        call="messages",
        route=anthropic.MESSAGES,
        fields=anthropic.FIELDS,
        query=anthropic.QUERY,
        read=anthropic.read_messages,
        served=anthropic.served,
        usage=anthropic.usage,
        terminal=anthropic.ENDING,
        error_body=anthropic.error_body,
        key_headers=_anthropic_key,
    ),
    Protocol(
        name="anthropic",
        call="count_tokens",
        route=anthropic_count.COUNT,
        fields=anthropic_count.FIELDS,
        query=anthropic.QUERY,
        read=anthropic_count.read_count,
        served=anthropic_count.served,
        names_model=False,
        usage=anthropic_count.usage,
        terminal=NO_STREAM,
        error_body=anthropic.error_body,
        key_headers=_anthropic_key,
    ),
    Protocol(
        name="gemini",
        call="generateContent",
        route=gemini.GENERATE,
        fields=gemini.FIELDS,
        query=gemini.QUERY,
        read=gemini.read_generate,
        served=gemini.served,
        usage=gemini.usage,
        terminal=gemini.ENDING,
        error_body=gemini.error_body,
        key_headers=_gemini_key,
    ),
    Protocol(
        name="gemini",
        call="streamGenerateContent",
        route=gemini.STREAM,
        fields=gemini.FIELDS,
        query=gemini.STREAM_QUERY,
        read=gemini.read_stream,
        served=gemini.served,
        usage=gemini.usage,
        terminal=gemini.ENDING,
        error_body=gemini.error_body,
        key_headers=_gemini_key,
    ),
)

PLAIN: Final[Mapping[str, Protocol]] = {f"/{call.name}{call.route}": call for call in CALLS if "{" not in call.route}
"""Path below `/a/<id>` → the call that a `POST` to it is, where the path names no model."""
_GEMINI: Final[Mapping[str, Protocol]] = {call.call: call for call in CALLS if call.name == "gemini"}


def find_call(method: str, rest: str) -> tuple[Protocol, str] | None:
    """The call that a request below `/a/<id>` is, and the provider's own path of it; None where it is none."""
    if method != "POST":
        return None
    found = PLAIN.get(rest)
    if found is not None:
        return found, found.route
    if rest.startswith("/gemini/") and (path := gemini.PATH.fullmatch(rest, len("/gemini"))) is not None:
        return _GEMINI[path[3]], path[0]
    return None


def find_protocol(rest: str) -> Protocol | None:
    """A call of the protocol to which a path below `/a/<id>` belongs, to say a refusal in its shape."""
    return next((call for call in CALLS if rest.startswith(f"/{call.name}/")), None)


_NEVER: Final = (
    (re.compile(r"[A-Z]+ /openai/v1/(batches|files|uploads)(/.*)?"), "batch"),
    (re.compile(r"[A-Z]+ /openai/v1/(fine_tuning|fine-tunes|evals|graders)(/.*)?"), "fine_tuning"),
    (re.compile(r"[A-Z]+ /openai/v1/responses/.+"), "background"),
    (re.compile(r"[A-Z]+ /anthropic/v1/(messages/batches|files)(/.*)?"), "batch"),
    (re.compile(r"[A-Z]+ /gemini/(upload/)?v1(beta)?/(batches|files)(/.*)?"), "batch"),
    (re.compile(r"[A-Z]+ /gemini/v1(beta)?/.*:(batchGenerateContent|asyncBatchEmbedContent)"), "batch"),
    (re.compile(r"[A-Z]+ /gemini/v1(beta)?/tunedModels(/.*)?"), "fine_tuning"),
)


def find_never(method: str, rest: str) -> str | None:
    """The feature of `NEVER` for which a route stands, if it is one of those."""
    return next((feature for route, feature in _NEVER if route.fullmatch(f"{method} {rest}")), None)


MODELS: Final[Mapping[str, str]] = {
    "/openai/v1/models": "openai",
    "/anthropic/v1/models": "anthropic",
    "/gemini/v1/models": "gemini",
    "/gemini/v1beta/models": "gemini",
}
"""Routes that list the models of the terms → their protocol; the gateway answers them itself."""


def models_body(protocol: str, terms: Terms) -> dict[str, Any]:
    """The models that the terms list for one protocol, in that protocol's shape."""
    shown = [_shown(protocol, model, terms) for model in terms.models if protocol in model.protocols]
    if protocol == "openai":
        return {"object": "list", "data": shown}
    if protocol == "anthropic":
        first, last = (shown[0]["id"], shown[-1]["id"]) if shown else (None, None)
        return {"data": shown, "has_more": False, "first_id": first, "last_id": last}
    return {"models": shown}


def model_body(rest: str, terms: Terms) -> dict[str, Any] | None:
    """The one model that a path below `/a/<id>` names, in its protocol's shape; None where the terms list none."""
    for route, protocol in MODELS.items():
        for model in terms.models:
            if protocol in model.protocols and rest == f"{route}/{model.name}":
                return _shown(protocol, model, terms)
    return None


def _shown(protocol: str, model: Model, terms: Terms) -> dict[str, Any]:
    if protocol == "openai":
        return {"id": model.name, "object": "model", "created": 0, "owned_by": terms.parties.provider.name}
    if protocol == "anthropic":
        at = terms.window.begins.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"type": "model", "id": model.name, "display_name": model.name, "created_at": at}
    return {
        "name": f"models/{model.name}",
        "displayName": model.name,
        "inputTokenLimit": model.context_window,
        "outputTokenLimit": model.max_output,
        "supportedGenerationMethods": ["generateContent"],
    }
