"""The providers' own SDKs: nothing but a base URL and a key, and the same bytes as without a gateway."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from support import Asked, LiveGateway, Part, RecordingProvider, completion, delta, events, live_gateway, whole

ASK = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "Wie viel ist 2+2? ✓"}]}
FEATURES = ["streaming", "stream_usage", "sampling", "seed", "stop", "system_prompt", "tools", "structured_output"]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "test-model",
    "content": [{"type": "text", "text": "vier"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 2},
}
OPENAI_PARTS = [
    delta("vi"),
    delta("er"),
    delta("", usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}),
]
OPENAI_PARTS.append(b"data: [DONE]\n\n")


def event(kind: str, **members: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps({"type": kind, **members}).encode())


ANTHROPIC_PARTS = [
    event("message_start", message={**MESSAGE, "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}),
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    event("ping"),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "vi"}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "er"}),
    event("content_block_stop", index=0),
    event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}),
    event("message_stop"),
]


def answering(asked: Asked) -> Iterator[Part]:
    """A provider of both protocols, plain and streaming."""
    stream = json.loads(asked.body).get("stream", False)
    if asked.path.endswith("/messages"):
        yield from events(*ANTHROPIC_PARTS) if stream else whole(json.dumps(MESSAGE).encode())
    else:
        yield from events(*OPENAI_PARTS) if stream else whole(completion(text="vier"))


@pytest.fixture(scope="module")
def provider() -> Iterator[RecordingProvider]:
    with RecordingProvider(answering).running() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(provider: RecordingProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    with live_gateway(tmp_path_factory.mktemp("sdk"), provider.url, features=FEATURES) as gateway:
        yield gateway


def openai_of(gateway: LiveGateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.openai, api_key=gateway.secret)


def anthropic_of(gateway: LiveGateway) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.anthropic, api_key=gateway.secret)


MORE: list[dict[str, Any]] = [
    {},
    {"temperature": 0, "seed": 7, "stop": ["\n"]},
    {"tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
]


@pytest.mark.parametrize("more", MORE)
def test_openai_whole_answers_and_the_bytes_of_the_request(
    gateway: LiveGateway, provider: RecordingProvider, more: dict[str, Any]
) -> None:
    """What the provider receives through the gateway is, to the byte, what the SDK would have sent it itself."""
    with openai.OpenAI(base_url=provider.url, api_key="direct") as direct, openai_of(gateway) as client:
        without = direct.chat.completions.create(**ASK, **more)
        through = client.chat.completions.create(**ASK, **more)

    assert without == through
    assert "vier" == through.choices[0].message.content
    assert provider.asked[-2].body == provider.asked[-1].body
    assert provider.asked[-2].path == provider.asked[-1].path


def test_openai_streams_and_lists_models(gateway: LiveGateway) -> None:
    """Streaming with usage works as it does without a gateway, and the list holds the agreed models."""
    with openai_of(gateway) as client:
        stream = client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        models = [model.id for model in client.models.list()]

    assert "vier" == "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert 2 == chunks[-1].usage.completion_tokens  # type: ignore[union-attr]
    assert ["test-model"] == models
    assert "stated" == gateway.of("call.settled")[-1].usage


def test_openai_async_runs_many_calls_at_once(gateway: LiveGateway) -> None:
    """The asynchronous client works, plain and streaming, with several calls under way."""

    async def main() -> list[str]:
        async with openai.AsyncOpenAI(base_url=gateway.openai, api_key=gateway.secret) as client:

            async def one(stream: bool) -> str:
                if not stream:
                    got = await client.chat.completions.create(**ASK)
                    return got.choices[0].message.content or ""
                text = ""
                async for chunk in await client.chat.completions.create(**ASK, stream=True):
                    text += chunk.choices[0].delta.content or ""
                return text

            return await asyncio.gather(*(one(bool(number % 2)) for number in range(8)))

    assert ["vier"] * 8 == asyncio.run(main())


def test_anthropic_whole_answers_and_the_bytes_of_the_request(
    gateway: LiveGateway, provider: RecordingProvider
) -> None:
    """As for OpenAI: the SDK's own bytes, and its own answer."""
    direct_url = provider.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=direct_url, api_key="direct") as direct, anthropic_of(gateway) as client:
        without = direct.messages.create(**ASK, system="be terse", stop_sequences=["."])
        through = client.messages.create(**ASK, system="be terse", stop_sequences=["."])

    assert without == through
    assert "vier" == through.content[0].text  # type: ignore[union-attr]
    assert provider.asked[-2].body == provider.asked[-1].body
    assert provider.asked[-2].path == provider.asked[-1].path


def test_anthropic_streams(gateway: LiveGateway) -> None:
    """Raw events and the SDK's own stream helper both work; the figures of the stream are settled."""
    with anthropic_of(gateway) as client:
        kinds = [each.type for each in client.messages.create(**ASK, stream=True)]
        with client.messages.stream(**ASK) as stream:
            text = "".join(stream.text_stream)
            message = stream.get_final_message()

    assert ("message_start", "message_stop", "vier", "vier") == (kinds[0], kinds[-1], text, message.content[0].text)
    settled = gateway.of("call.settled")[-1]
    assert ("answered", "stated", 9, 2) == (
        settled.outcome,
        settled.usage,
        settled.charged.input_tokens,
        settled.charged.output_tokens,
    )


def test_anthropic_async_works_too(gateway: LiveGateway) -> None:
    """The asynchronous client, plain and streaming."""

    async def main() -> tuple[str, str]:
        async with anthropic.AsyncAnthropic(base_url=gateway.anthropic, api_key=gateway.secret) as client:
            got = await client.messages.create(**ASK)
            async with client.messages.stream(**ASK) as stream:
                text = await stream.get_final_text()
            return got.content[0].text, text  # type: ignore[union-attr]

    assert ("vier", "vier") == asyncio.run(main())


def test_a_refusal_is_the_sdks_own_exception_with_the_clause(gateway: LiveGateway) -> None:
    """Each SDK raises the error of the status, with the sentence, and gives our request id."""
    with openai_of(gateway) as client:
        with pytest.raises(openai.PermissionDeniedError, match=r"models\.max_output: .*64 tokens") as refused:
            client.chat.completions.create(**{**ASK, "max_tokens": 65})
        assert "terms-refused" == refused.value.code
        with pytest.raises(openai.BadRequestError, match=r"n_predict"):
            client.chat.completions.create(**ASK, extra_body={"n_predict": 4096})
        with pytest.raises(openai.BadRequestError, match=r"header openai-organization"):
            client.chat.completions.create(**ASK, extra_headers={"OpenAI-Organization": "org"})
        with pytest.raises(openai.NotFoundError, match="no route POST"):
            client.images.generate(prompt="2+2?")
        with pytest.raises(openai.AuthenticationError, match="no grant is known"):
            client.with_options(api_key="wrong").chat.completions.create(**ASK)
    with anthropic_of(gateway) as anthropic_client:
        with pytest.raises(anthropic.PermissionDeniedError, match=r"models\.max_output"):
            anthropic_client.messages.create(**{**ASK, "max_tokens": 65})
        with pytest.raises(anthropic.BadRequestError, match=r"header anthropic-beta: "):
            anthropic_client.beta.messages.create(**ASK, betas=["context-1m-2025-08-07"])
        with pytest.raises(anthropic.NotFoundError):
            anthropic_client.models.retrieve("other")
        with pytest.raises(anthropic.AuthenticationError):
            anthropic_client.with_options(api_key="wrong").messages.create(**ASK)


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_under_default_retries_a_spent_budget_is_one_refusal_a_call(tmp_path: Path, protocol: str) -> None:
    """The SDKs would ask again; the answer says that it is in vain, and they believe it."""
    with RecordingProvider(answering).running() as provider:
        with live_gateway(tmp_path, provider.url, budget__calls=1) as gateway:
            for number in range(4):
                try:
                    if protocol == "openai":
                        with openai_of(gateway) as one:
                            one.chat.completions.create(**ASK)
                    else:
                        with anthropic_of(gateway) as other:
                            other.messages.create(**ASK)
                except (openai.PermissionDeniedError, anthropic.PermissionDeniedError) as refused:
                    assert "budget.calls: 1 calls agreed, 1 permitted" in str(refused)
                else:
                    assert 0 == number
            assert ["budget.calls"] * 3 == [record.clause for record in gateway.of("call.refused")]
        assert 1 == len(provider.asked)


def test_the_providers_error_is_the_sdks_own_exception(tmp_path: Path) -> None:
    """A provider's error passes through to the exception that the SDK has for it, and is asked once
    where the provider says so."""
    body = b'{"error": {"message": "overloaded", "type": "overloaded_error"}}'
    answer = whole(body, "529 Overloaded", "x-should-retry: false", "x-request-id: up-1")
    with RecordingProvider(lambda _: answer).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        with openai_of(gateway) as client, pytest.raises(openai.InternalServerError, match="overloaded") as failed:
            client.chat.completions.create(**ASK)
        assert 529 == failed.value.status_code
        assert "up-1" == failed.value.response.headers["x-upstream-request-id"]
        assert 1 == len(provider.asked)


def test_half_a_stream_is_an_error_for_the_sdk(tmp_path: Path) -> None:
    """A client of half a stream gets an exception, not a short answer."""
    with RecordingProvider(lambda _: events(*OPENAI_PARTS[:2])).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway, openai_of(gateway) as client:
            with pytest.raises(Exception, match="Connection error|incomplete|peer closed"):
                list(client.chat.completions.create(**ASK, stream=True))
