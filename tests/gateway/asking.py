"""Asking for what is refused: one call over either protocol, and a body for each feature of the terms."""

import json
from typing import Any

import httpx

from support import LiveGateway

HELLO = [{"role": "user", "content": "2+2?"}]
TOOL = {"type": "function", "function": {"name": "add", "parameters": {}}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}


def ask(gateway: LiveGateway, protocol: str, *, query: str = "", **changes: Any) -> httpx.Response:
    """One call over either protocol; `headers` and `content` replace, everything else changes the body."""
    headers = changes.pop("headers", {})
    body = {"model": "test-model", "max_tokens": 8, "messages": HELLO} | changes
    content = changes.get("content") if isinstance(changes.get("content"), bytes) else json.dumps(body).encode()
    url = {"openai": f"{gateway.openai}/chat/completions", "anthropic": f"{gateway.anthropic}/v1/messages"}[protocol]
    key = {"openai": {"authorization": f"Bearer {gateway.secret}"}, "anthropic": {"x-api-key": gateway.secret}}
    own = {"content-type": "application/json", **key[protocol], **headers}
    return httpx.post(url + query, content=content, headers=own, timeout=30)


def says(got: httpx.Response) -> dict[str, Any]:
    said: dict[str, Any] = got.json()["comity"]
    return said


def slug_of(got: httpx.Response) -> str:
    error = got.json()["error"]
    return str(error["code"] if "code" in error else error["message"].rpartition("[")[2].rstrip("]"))


def assert_refused(gateway: LiveGateway, got: httpx.Response, status: int, slug: str, clause: str) -> Any:
    """The answer and the newest entry are the same refusal."""
    index = gateway.ledger.size() - 1
    record = gateway.records()[index]
    assert "call.refused" == record.kind
    assert (status, slug, clause) == (got.status_code, slug_of(got), says(got)["clause"])
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


OPENAI_FEATURES: dict[str, dict[str, Any]] = {
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
    "images": {"messages": [{"role": "user", "content": [PICTURE]}]},
    "audio": {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
    "files": {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
    "stored_state": {"store": True},
    "prompt_caching": {"prompt_cache_key": "k"},
    "service_tier": {"service_tier": "flex"},
    "metadata": {"metadata": {"a": "b"}},
    "user_tag": {"user": "somebody"},
}
ANTHROPIC_FEATURES: dict[str, dict[str, Any]] = {
    "streaming": {"stream": True},
    "sampling": {"top_k": 5},
    "stop": {"stop_sequences": ["."]},
    "system_prompt": {"system": "be terse"},
    "prefill": {"messages": [*HELLO, {"role": "assistant", "content": "It is"}]},
    "tools": {"tools": [{"name": "add", "input_schema": {}}]},
    "server_tools": {"mcp_servers": [{"type": "url", "url": "https://tools.example", "name": "t"}]},
    "structured_output": {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
    "reasoning": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    "images": {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
    "files": {"messages": [{"role": "user", "content": [{"type": "document", "source": {}}]}]},
    "citations": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "2+2?", "citations": [{"type": "char"}]}]}]
    },
    "prompt_caching": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "2", "cache_control": {"type": "ephemeral"}}]}
        ]
    },
    "service_tier": {"service_tier": "auto"},
    "metadata": {"metadata": {}},
}
