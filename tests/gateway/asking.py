"""Asking for what is refused: one request over any call of any protocol, and a body for each feature of the terms."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

import httpx

from comity.arrangement import FEATURES, Terms
from comity.arrangement.features import BOUNDED
from comity.gateway.protocols import CALLS, Protocol
from support import ARRANGEMENT, LiveGateway

HELLO: Final = [{"role": "user", "content": "2+2?"}]
TOOL: Final = {"type": "function", "function": {"name": "add", "parameters": {}}}
PROTOCOLS: Final = ("openai", "anthropic", "gemini")
BY_CALL: Final[Mapping[str, Protocol]] = {call.call: call for call in CALLS}

BODIES: Final[Mapping[str, dict[str, Any]]] = {
    "chat": {"model": "test-model", "max_tokens": 8, "messages": HELLO},
    "completions": {"model": "test-model", "max_tokens": 8, "prompt": "2+2="},
    "responses": {"model": "test-model", "max_output_tokens": 8, "input": "2+2?", "store": False},
    "embeddings": {"model": "test-model", "input": "2+2"},
    "messages": {"model": "test-model", "max_tokens": 8, "messages": HELLO},
    "count_tokens": {"model": "test-model", "messages": HELLO},
    "generateContent": {"contents": [{"parts": [{"text": "2+2?"}]}], "generationConfig": {"maxOutputTokens": 8}},
    "streamGenerateContent": {"contents": [{"parts": [{"text": "2+2?"}]}], "generationConfig": {"maxOutputTokens": 8}},
}
"""The least that each call takes."""

QUERIES: Final[Mapping[str, str]] = {"streamGenerateContent": "?alt=sse"}


def path_of(call: str, model: str = "test-model") -> str:
    """The call's path below `/a/<id>/<protocol>`."""
    return BY_CALL[call].route.replace("{version}", "v1beta").replace("{model}", model)


def send(gateway: LiveGateway, call: str, *, query: str | None = None, **changes: Any) -> httpx.Response:
    """One call; `headers`, `content` and `secret` replace, everything else changes the body."""
    protocol = BY_CALL[call].name
    secret = changes.pop("secret", gateway.secret)
    headers, content = changes.pop("headers", {}), changes.pop("content", None)
    body = BODIES[call] | changes
    model = body.pop("model") if protocol == "gemini" and "model" in body else "test-model"
    key = {"openai": ("authorization", f"Bearer {secret}"), "anthropic": ("x-api-key", secret)}
    name, value = key.get(protocol, ("x-goog-api-key", secret))
    search = QUERIES.get(call, "") if query is None else query
    return httpx.post(
        f"{gateway.url}/a/{ARRANGEMENT}/{protocol}{path_of(call, model)}{search}",
        content=json.dumps(body).encode() if content is None else content,
        headers={"content-type": "application/json", name: value, **headers},
        timeout=30,
    )


def ask(gateway: LiveGateway, protocol: str, **changes: Any) -> httpx.Response:
    """The first call of a protocol."""
    return send(gateway, {"openai": "chat", "anthropic": "messages", "gemini": "generateContent"}[protocol], **changes)


@contextmanager
def under(gateway: LiveGateway, terms: Terms) -> Iterator[Terms]:
    """Let a running gateway decide by other terms for a while, as if these had been agreed."""
    gate = gateway.gate
    agreed = gate.terms
    gate._in_force.terms = terms
    try:
        yield terms
    finally:
        gate._in_force.terms = agreed


def amended(terms: Terms, **clauses: Any) -> Terms:
    """These terms with other clauses, and so with another digest."""
    changed = replace(terms, **clauses)
    return replace(changed, digest=sha256(repr(changed).encode()).hexdigest())


def allowing(terms: Terms, *features: str, without: str = "") -> Terms:
    """These terms with some features allowed, all of them where none is named, with ample bounds."""
    allowed = tuple(name for name in features or FEATURES if name != without)
    return amended(terms, features=allowed, limits=dict.fromkeys(BOUNDED, 100))


def says(got: httpx.Response) -> dict[str, Any]:
    said: dict[str, Any] = got.json()["comity"]
    return said


def slug_of(got: httpx.Response) -> str:
    """The slug of a refusal, from wherever the protocol's errors have room for it."""
    error = got.json()["error"]
    if isinstance(error.get("code"), str):
        return str(error["code"])
    return str(error["message"].rpartition("[")[2].rstrip("]"))


def assert_refused(gateway: LiveGateway, got: httpx.Response, status: int, slug: str, clause: str) -> Any:
    """The answer and the newest entry are the same refusal."""
    index = gateway.ledger.size() - 1
    record = gateway.records()[index]
    assert (status, slug, clause) == (got.status_code, slug_of(got), says(got)["clause"]), got.text
    assert "call.refused" == record.kind
    assert (status, clause, says(got)["because"]) == (record.status, record.clause, record.because)  # type: ignore[attr-defined]
    assert says(got) == {
        "clause": clause,
        "because": says(got)["because"],
        "ledger": gateway.ledger.origin,
        "entry": index,
    }
    assert f"{gateway.ledger.origin}:{index}" == got.headers["request-id"]
    if status == 429:
        assert int(got.headers["retry-after"]) >= 1
    else:
        assert "false" == got.headers["x-should-retry"]
    return record


def user(*content: Any) -> dict[str, Any]:
    """The messages of one turn of these parts."""
    return {"messages": [{"role": "user", "content": list(content)}]}


def parts(*content: Any) -> dict[str, Any]:
    """The same for Gemini."""
    return {"contents": [{"role": "user", "parts": list(content)}]}


def config(**members: Any) -> dict[str, Any]:
    """A generation configuration for Gemini."""
    return {"generationConfig": {"maxOutputTokens": 8, **members}}


def turn(*content: Any) -> dict[str, Any]:
    """The input of one turn for responses."""
    return {"input": [{"role": "user", "content": list(content)}]}


OPENAI_FEATURES: Final[dict[str, dict[str, Any]]] = {
    "streaming": {"stream": True},
    "stream_usage": {"stream_options": {"include_usage": True}},
    "sampling": {"temperature": 0},
    "seed": {"seed": 7},
    "stop": {"stop": ["\n"]},
    "penalties": {"logit_bias": {"50256": -100}},
    "n": {"n": 2},
    "logprobs": {"logprobs": True},
    "system_prompt": {"messages": [{"role": "developer", "content": "be terse"}, *HELLO]},
    "prefill": {"messages": [*HELLO, {"role": "assistant", "content": "It is"}]},
    "tools": {"tools": [TOOL]},
    "server_tools": {"web_search_options": {}},
    "structured_output": {"response_format": {"type": "json_object"}},
    "reasoning": {"reasoning_effort": "low"},
    "reasoning_raw": {"messages": [{"role": "assistant", "content": "4", "reasoning_content": "2 and 2"}, *HELLO]},
    "images": user({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}),
    "audio": user({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}),
    "files": user({"type": "file", "file": {"file_data": "AA==", "filename": "a.pdf"}}),
    "urls": user({"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}),
    "file_ids": user({"type": "file", "file": {"file_id": "file-1"}}),
    "stored_state": {"store": True},
    "prompt_caching": {"prompt_cache_key": "k"},
    "service_tier": {"service_tier": "flex"},
    "metadata": {"metadata": {"a": "b"}},
    "user_tag": {"user": "somebody"},
}
_TEXT: Final = {"type": "text", "text": "2+2?"}
_COUNTED: Final[dict[str, dict[str, Any]]] = {
    "system_prompt": {"system": "be terse"},
    "prefill": {"messages": [*HELLO, {"role": "assistant", "content": "It is"}]},
    "tools": {"tools": [{"name": "add", "input_schema": {}}]},
    "server_tools": {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}]},
    "mcp": {"mcp_servers": [{"type": "url", "url": "https://tools.example", "name": "t"}]},
    "structured_output": {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
    "reasoning": {"output_config": {"effort": "low"}},
    "reasoning_summary": {"thinking": {"type": "enabled", "budget_tokens": 8}},
    "images": user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}),
    "files": user({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}}),
    "urls": user({"type": "image", "source": {"type": "url", "url": "https://pictures.example/1.png"}}),
    "file_ids": user({"type": "container_upload", "file_id": "file_1"}),
    "citations": user(_TEXT | {"citations": [{"type": "char"}]}),
    "prompt_caching": user(_TEXT | {"cache_control": {"type": "ephemeral"}}),
    "service_tier": {"speed": "standard"},
}
ANTHROPIC_FEATURES: Final[dict[str, dict[str, Any]]] = {
    **_COUNTED,
    "streaming": {"stream": True},
    "sampling": {"top_k": 5},
    "stop": {"stop_sequences": ["."]},
    "service_tier": {"service_tier": "auto"},
    "metadata": {"metadata": {}},
    "user_tag": {"metadata": {"user_id": "somebody"}},
}
_RESPONSES: Final[dict[str, dict[str, Any]]] = {
    "streaming": {"stream": True},
    "sampling": {"temperature": 0},
    "logprobs": {"top_logprobs": 3},
    "system_prompt": {"instructions": "be terse"},
    "prefill": {"input": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "It is"}]},
    "tools": {"tools": [{"type": "function", "name": "add", "parameters": {}}]},
    "server_tools": {"tools": [{"type": "web_search"}], "max_tool_calls": 1},
    "mcp": {"tools": [{"type": "mcp", "server_label": "t", "server_url": "https://t.example"}], "max_tool_calls": 1},
    "structured_output": {"text": {"format": {"type": "json_object"}}},
    "reasoning": {"reasoning": {"effort": "low"}},
    "reasoning_summary": {"reasoning": {"summary": "auto"}},
    "reasoning_raw": {"include": ["reasoning.encrypted_content"]},
    "images": turn({"type": "input_image", "image_url": "data:image/png;base64,AA=="}),
    "audio": turn({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}),
    "files": turn({"type": "input_file", "file_data": "AA==", "filename": "a.pdf"}),
    "urls": turn({"type": "input_file", "file_url": "https://files.example/a.pdf"}),
    "file_ids": turn({"type": "input_file", "file_id": "file-1"}),
    "earlier_answers": {"previous_response_id": "resp_1"},
    "stored_prompts": {"prompt": {"id": "pmpt_1"}},
    "stored_state": {"store": True},
    "prompt_caching": {"prompt_cache_key": "k"},
    "service_tier": {"service_tier": "flex"},
    "metadata": {"metadata": {"a": "b"}},
    "user_tag": {"safety_identifier": "somebody"},
}
_GEMINI: Final[dict[str, dict[str, Any]]] = {
    "sampling": config(temperature=0),
    "seed": config(seed=7),
    "stop": config(stopSequences=["."]),
    "penalties": config(presencePenalty=1),
    "n": config(candidateCount=2),
    "logprobs": config(responseLogprobs=True, logprobs=3),
    "system_prompt": {"systemInstruction": {"parts": [{"text": "be terse"}]}},
    "prefill": {"contents": [{"role": "user", "parts": [{"text": "2+2?"}]}, {"role": "model", "parts": []}]},
    "tools": {"tools": [{"functionDeclarations": [{"name": "add"}]}]},
    "server_tools": {"tools": [{"googleSearch": {}}]},
    "mcp": {"tools": [{"mcpServers": [{"name": "t"}]}]},
    "structured_output": config(responseMimeType="application/json"),
    "reasoning": config(thinkingConfig={"thinkingBudget": 8}),
    "reasoning_summary": config(thinkingConfig={"includeThoughts": True}),
    "images": parts({"inlineData": {"mimeType": "image/png", "data": "AA=="}}),
    "audio": parts({"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}),
    "files": parts({"inlineData": {"mimeType": "application/pdf", "data": "AA=="}}),
    "urls": parts({"fileData": {"mimeType": "video/mp4", "fileUri": "https://videos.example/1"}}),
    "file_ids": parts(
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/f1", "mimeType": "a/b"}}
    ),
    "stored_prompts": {"cachedContent": "cachedContents/c1"},
    "safety_settings": {"safetySettings": [{"category": "X", "threshold": "OFF"}]},
    "metadata": {"labels": {"a": "b"}},
}
_COMPLETIONS: Final = ("streaming", "stream_usage", "sampling", "seed", "stop", "penalties", "n", "user_tag")

FEATURES_OF: Final[Mapping[str, Mapping[str, dict[str, Any]]]] = {
    "chat": OPENAI_FEATURES,
    "completions": {
        **{name: OPENAI_FEATURES[name] for name in _COMPLETIONS},
        "completion": {},
        "logprobs": {"logprobs": 3},
    },
    "responses": _RESPONSES,
    "embeddings": {"embeddings": {}, "user_tag": {"user": "somebody"}},
    "messages": ANTHROPIC_FEATURES,
    "count_tokens": {**_COUNTED, "token_counting": {}},
    "generateContent": _GEMINI,
    "streamGenerateContent": {**_GEMINI, "streaming": {}},
}
"""Call → feature that a field of its body reaches → a change of its least body that uses the feature."""


@dataclass(frozen=True)
class Use:
    """One use of one feature over one call."""

    call: str
    feature: str
    body: Mapping[str, Any] = field(hash=False)

    def __str__(self) -> str:
        return f"{self.call}-{self.feature}"


USES: Final = [Use(call, feature, body) for call, table in FEATURES_OF.items() for feature, body in table.items()]
