"""A call: recorded before it leaves, passed byte for byte, settled before it is whole."""

import json
from pathlib import Path

import httpx

from support import RecordingProvider, completion, delta, events, live_gateway, whole


def test_a_whole_call_passes_byte_for_byte_and_is_two_entries(tmp_path: Path) -> None:
    """The provider receives the caller's bytes and the caller the provider's; permit and settlement are held."""
    answer = completion(text="vier ✓", spent=(21, 3))
    asked = b'{ "model":"test-model","max_tokens":8,\n "messages":[{"role":"user","content":"2+2?"}] }'
    with RecordingProvider(lambda _: whole(answer, "200 OK", "x-request-id: up-7")).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            got = gateway.chat(content=asked, headers={"x-irid": "irid-1"})

            [permit], [settled] = gateway.of("call.permitted"), gateway.of("call.settled")
            index = gateway.records().index(permit)
            assert (200, answer) == (got.status_code, got.content)
            assert [asked] == [each.body for each in provider.asked]
            assert "identity" == provider.asked[0].headers["accept-encoding"]
            assert "Bearer upstream-key-of-the-test" == provider.asked[0].headers["authorization"]
            assert f"{gateway.ledger.origin}:{index}" == got.headers["request-id"]
            assert "up-7" == got.headers["x-upstream-request-id"] == settled.upstream_id
            assert ("irid-1", len(asked)) == (permit.irid, permit.request_bytes)
            assert (index, "answered", "agreed", "stated") == (
                settled.permit,
                settled.outcome,
                settled.served_check,
                settled.usage,
            )
            assert (21, 3, 3300) == (
                settled.charged.input_tokens,
                settled.charged.output_tokens,
                settled.charged.cost_nano,
            )


def test_a_stream_passes_as_it_comes_and_ends_after_its_outcome(tmp_path: Path) -> None:
    """Events arrive before the provider has finished; when the last byte is there, the settlement is too."""
    usage = {"usage": {"prompt_tokens": 20, "completion_tokens": 2}}
    parts = [delta("fo"), 0.3, delta("ur"), delta("", **usage), b"data: [DONE]\n\n"]
    with RecordingProvider(lambda _: events(*parts)).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            body = {
                "model": "test-model",
                "messages": [{"role": "user", "content": "2+2?"}],
                "max_tokens": 8,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            seen, settled_at_first = b"", None
            with httpx.stream(
                "POST",
                f"{gateway.openai}/chat/completions",
                json=body,
                headers={"authorization": f"Bearer {gateway.secret}"},
            ) as got:
                for piece in got.iter_raw():
                    if settled_at_first is None:
                        settled_at_first = len(gateway.of("call.settled"))
                    seen += piece

            [settled] = gateway.of("call.settled")
            assert b"".join(part for part in parts if isinstance(part, bytes)) == seen
            assert 0 == settled_at_first
            assert ("answered", "stated", 2) == (settled.outcome, settled.usage, settled.charged.output_tokens)


def test_an_anthropic_call_passes_with_its_own_key_header(tmp_path: Path) -> None:
    """The Anthropic route takes `x-api-key` and sends the provider's key under the same name."""
    answer = json.dumps(
        {
            "id": "msg",
            "type": "message",
            "role": "assistant",
            "model": "test-model",
            "content": [{"type": "text", "text": "four"}],
            "usage": {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1},
        }
    ).encode()
    with RecordingProvider(lambda _: whole(answer)).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            body = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "2+2?"}]}
            got = httpx.post(
                f"{gateway.anthropic}/v1/messages",
                json=body,
                headers={"x-api-key": gateway.secret, "anthropic-version": "2023-06-01"},
            )

            [settled] = gateway.of("call.settled")
            assert (200, answer) == (got.status_code, got.content)
            assert "upstream-key-of-the-test" == provider.asked[0].headers["x-api-key"]
            assert "authorization" not in provider.asked[0].headers
            assert (13, 1) == (settled.charged.input_tokens, settled.charged.output_tokens)
