"""Ids: the provider's own id of a request is in the entry and beside ours, whatever becomes of the call."""

from pathlib import Path

import httpx
import pytest

from comity.gateway.headers import MAX_ID
from support import ORIGIN, RecordingProvider, completion, delta, events, live_gateway, whole

NAMED = b'"model":"test-model",'
ANTHROPIC = b'{"type":"message",' + NAMED + b'"content":[],"usage":{"input_tokens":1,"output_tokens":1}}'
GEMINI = b'{"modelVersion":"test-model","usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}}'
EMBEDDING = b'{"object":"list",' + NAMED + b'"data":[],"usage":{"prompt_tokens":1,"total_tokens":1}}'
RESPONSE = b'{"object":"response",' + NAMED + b'"output":[],"usage":{"input_tokens":1,"output_tokens":1}}'
TEXT = b'{"object":"text_completion",' + NAMED + b'"usage":{"prompt_tokens":1,"completion_tokens":1}}'
TURNS = [{"role": "user", "content": "2+2?"}]

CALLS = {
    "chat": ("/openai/v1/chat/completions", {"max_tokens": 8, "messages": TURNS}, completion()),
    "completions": ("/openai/v1/completions", {"max_tokens": 8, "prompt": "2+2?"}, TEXT),
    "responses": ("/openai/v1/responses", {"max_output_tokens": 8, "input": "2+2?", "store": False}, RESPONSE),
    "embeddings": ("/openai/v1/embeddings", {"input": "2+2?"}, EMBEDDING),
    "messages": ("/anthropic/v1/messages", {"max_tokens": 8, "messages": TURNS}, ANTHROPIC),
    "count": ("/anthropic/v1/messages/count_tokens", {"messages": TURNS}, b'{"input_tokens":1}'),
    "generate": (
        "/gemini/v1beta/models/test-model:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "2+2?"}]}], "generationConfig": {"maxOutputTokens": 8}},
        GEMINI,
    ),
}
FEATURES = ["streaming", "completion", "embeddings", "token_counting", "stored_state"]
SPOKEN = {"features": FEATURES, "models__protocols": ["openai", "anthropic", "gemini"]}


@pytest.mark.parametrize("header", ["x-request-id", "request-id"])
@pytest.mark.parametrize("call", CALLS)
def test_every_protocol_keeps_the_providers_id(call: str, header: str, tmp_path: Path) -> None:
    """Under whichever name the provider gives it, its id stands in the settled entry and in a header of its own.

    Where its SDKs look for it, in `x-request-id`, it stands too; `request-id` is ours alone.
    """
    rest, body, answer = CALLS[call]
    with RecordingProvider(lambda _: whole(answer, "200 OK", f"{header}: up-{call}")).running() as provider:
        with live_gateway(tmp_path, provider.url, **SPOKEN) as gateway:
            asked = body if call == "generate" else {"model": "test-model", **body}
            headers = {"authorization": f"Bearer {gateway.secret}"}
            got = httpx.post(gateway.door(rest), json=asked, headers=headers, timeout=10)
            assert got.status_code == 200, got.text
            [settled] = gateway.of("call.settled")

    assert settled.upstream_id == got.headers["x-upstream-request-id"] == f"up-{call}"
    assert got.headers.get_list("request-id") == [f"{ORIGIN}:{settled.permit}"]
    assert got.headers.get("x-request-id") == (f"up-{call}" if header == "x-request-id" else None)


def test_a_stream_keeps_the_providers_id(tmp_path: Path) -> None:
    """The id comes with the stream's first bytes, and the entry of a stream holds it as a whole answer's does."""

    def streamed(_: object) -> list[object]:
        head, *rest = events(delta(), b"data: [DONE]\n\n")
        assert isinstance(head, bytes)
        return [head.replace(b"200 OK\r\n", b"200 OK\r\nx-request-id: up-stream\r\n"), *rest]

    with RecordingProvider(streamed).running() as provider:  # type: ignore[arg-type]
        with live_gateway(tmp_path, provider.url) as gateway:
            got = gateway.chat(stream=True)
            [settled] = gateway.of("call.settled")

    assert got.status_code == 200 and got.text.endswith("data: [DONE]\n\n")
    assert settled.upstream_id == got.headers["x-upstream-request-id"] == "up-stream"


@pytest.mark.parametrize("status", ["400 Bad Request", "429 Too Many Requests", "500 Internal Server Error"])
def test_a_providers_error_keeps_its_id(status: str, tmp_path: Path) -> None:
    """When a call fails at the provider, its id is what one asks the provider about."""
    with RecordingProvider(lambda _: whole(b"{}", status, "x-request-id: up-failed")).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            got = gateway.chat()
            [settled] = gateway.of("call.settled")

    assert got.status_code == int(status[:3])
    assert settled.upstream_id == got.headers["x-upstream-request-id"] == "up-failed"


@pytest.mark.parametrize("value", ["x" * (MAX_ID + 1), "caf\xe9", ""])
def test_what_is_no_identifier_is_not_kept(value: str, tmp_path: Path) -> None:
    """A provider writes no text of its choice into the ledger or into a header: long or unprintable ids are dropped."""
    head = whole(completion(), "200 OK", "x-request-id: ID")[0]
    assert isinstance(head, bytes)
    answer = head.replace(b"ID", value.encode("latin-1"))
    with RecordingProvider(lambda _: [answer]).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        got = gateway.chat()
        [settled] = gateway.of("call.settled")

    assert got.status_code == 200
    assert settled.upstream_id == "" and not {"x-request-id", "x-upstream-request-id"} & got.headers.keys()


def test_an_answer_that_names_no_id_has_none(tmp_path: Path) -> None:
    """Nothing is invented where the provider gives no id; ours is there all the same."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        got = gateway.chat()
        [settled] = gateway.of("call.settled")

    assert settled.upstream_id == "" and "x-upstream-request-id" not in got.headers
    assert got.headers["request-id"] == f"{ORIGIN}:{settled.permit}"
