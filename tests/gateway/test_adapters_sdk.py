"""Every call in its official SDK's own shapes: what goes up and what comes down is what it is without a gateway.

Each use of an SDK runs twice against one recording provider, straight and through the gateway: both requests have
the same bytes, and both results are equal.  The provider's answers are those under `shapes/`.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from asking import allowing, under
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google_types
from pydantic import BaseModel

from support import Asked, LiveGateway, Part, RecordingProvider, events, live_gateway, wait_until, whole

SHAPES = Path(__file__).parent / "shapes"
QUESTION = "Wie viel ist 2+2? ✓"
HELLO: Any = [{"role": "user", "content": QUESTION}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}


class Sum(BaseModel):
    """What the structured answers hold."""

    sum: int


@cache
def shapes(call: str) -> dict[str, Any]:
    shape: dict[str, Any] = json.loads((SHAPES / f"{call}.json").read_text(encoding="utf-8"))
    return shape


def call_of(path: str) -> str:
    end = path.partition("?")[0].rpartition("/")[2]
    if ":" in end:
        return "generateContent"
    return "chat" if path.endswith("/chat/completions") else end


def event(name: str | None, data: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def answering(asked: Asked) -> Iterator[Part]:
    """The shape of the call: streamed where asked, and a tool's call before the tool has answered."""
    body, shape = json.loads(asked.body), shapes(call_of(asked.path))
    if body.get("stream") or "alt=sse" in asked.path:
        yield from events(*(event(name, data) for name, data in shape["stream"]))
        return
    turns = body.get("messages") or body.get("contents") or body.get("input")
    wanted = "tool" if body.get("tools") and len(turns) == 1 else "whole"
    yield from whole(json.dumps(shape[wanted]).encode())


@dataclass
class Clients:
    """The three SDKs, set to one place; `call` runs a function in each of their two kinds."""

    openai_url: str
    anthropic_url: str
    gemini_url: str
    secret: str
    made: ExitStack = field(default_factory=ExitStack)

    @property
    def openai(self) -> openai.OpenAI:
        return self.made.enter_context(openai.OpenAI(base_url=self.openai_url, api_key=self.secret))

    @property
    def anthropic(self) -> anthropic.Anthropic:
        return self.made.enter_context(anthropic.Anthropic(base_url=self.anthropic_url, api_key=self.secret))

    @property
    def google(self) -> genai.Client:
        options = google_types.HttpOptions(base_url=self.gemini_url)
        client = genai.Client(api_key=self.secret, http_options=options, vertexai=False)
        self.made.callback(client.close)
        return client


def told(value: Any) -> Any:
    """A result as plain data, without what says how it travelled."""
    if isinstance(value, list):
        return [told(one) for one in value]
    if isinstance(value, BaseModel):
        return value.model_dump(exclude={"sdk_http_response"}, warnings=False)
    return value


def chat_tools(clients: Clients) -> Any:
    tool: Any = {"type": "function", "function": {"name": "add", "parameters": SCHEMA}}
    first = clients.openai.chat.completions.create(model="test-model", max_tokens=8, messages=HELLO, tools=[tool])
    message = first.choices[0].message
    assert message.tool_calls is not None
    back: Any = [
        *HELLO,
        message.model_dump(include={"role", "content", "tool_calls"}),
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "4"},
    ]
    return [first, clients.openai.chat.completions.create(model="test-model", messages=back, tools=[tool])]


def responses_tools(clients: Clients) -> Any:
    tool: Any = {"type": "function", "name": "add", "parameters": SCHEMA, "strict": True}
    ask: Any = {"model": "test-model", "tools": [tool], "store": False, "max_output_tokens": 8}
    first = clients.openai.responses.create(input=HELLO, **ask)
    given = [one.model_dump(exclude_none=True) for one in first.output]
    back: Any = [*HELLO, *given, {"type": "function_call_output", "call_id": "call_1", "output": "4"}]
    return [first, clients.openai.responses.create(input=back, **ask)]


def messages_tools(clients: Clients) -> Any:
    ask: Any = {"model": "test-model", "max_tokens": 8, "tools": [{"name": "add", "input_schema": SCHEMA}]}
    first = clients.anthropic.messages.create(messages=HELLO, **ask)
    given: Any = [one.model_dump(exclude_none=True) for one in first.content]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "4"}]}
    back: Any = [*HELLO, {"role": "assistant", "content": given}, {"role": "user", "content": [result]}]
    return [first, clients.anthropic.messages.create(messages=back, **ask)]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def gemini_tools(clients: Clients) -> Any:
    """The SDK calls the function itself and sends its result."""
    config = google_types.GenerateContentConfig(tools=[add], max_output_tokens=8)
    return clients.google.models.generate_content(model="test-model", contents=QUESTION, config=config)


def responses_stream(clients: Clients) -> Any:
    with clients.openai.responses.stream(model="test-model", input=QUESTION, store=False) as stream:
        seen = [one.type for one in stream]
        return [seen, stream.get_final_response()]


def messages_stream(clients: Clients) -> Any:
    with clients.anthropic.messages.stream(model="test-model", max_tokens=8, messages=HELLO) as stream:
        return ["".join(stream.text_stream), stream.get_final_message()]


def chat_stream(clients: Clients) -> Any:
    with clients.openai.chat.completions.stream(
        model="test-model", messages=HELLO, stream_options={"include_usage": True}
    ) as stream:
        seen = [one.type for one in stream]
        return [seen, stream.get_final_completion()]


CONFIG = google_types.GenerateContentConfig(
    system_instruction="be terse",
    max_output_tokens=8,
    temperature=0,
    top_k=1,
    seed=7,
    stop_sequences=["."],
    response_mime_type="application/json",
    response_schema=Sum,
    thinking_config=google_types.ThinkingConfig(thinking_budget=4, include_thoughts=True),
    safety_settings=[
        google_types.SafetySetting(
            category=google_types.HarmCategory.HARM_CATEGORY_HARASSMENT,
            threshold=google_types.HarmBlockThreshold.BLOCK_NONE,
        )
    ],
)

USES: dict[str, Callable[[Clients], Any]] = {
    "chat": lambda at: at.openai.chat.completions.create(model="test-model", messages=HELLO, logprobs=True, n=1),
    "chat parsed": lambda at: at.openai.chat.completions.parse(model="test-model", messages=HELLO, response_format=Sum),
    "chat tools": chat_tools,
    "chat events": lambda at: list(at.openai.chat.completions.create(model="test-model", messages=HELLO, stream=True)),
    "chat stream": chat_stream,
    "completions": lambda at: at.openai.completions.create(
        model="test-model", prompt=["2+2="], max_tokens=8, echo=True
    ),
    "completions events": lambda at: list(
        at.openai.completions.create(model="test-model", prompt="2+2=", max_tokens=8, stream=True)
    ),
    "responses": lambda at: at.openai.responses.create(
        model="test-model", input=QUESTION, instructions="be terse", store=False, reasoning={"effort": "low"}
    ),
    "responses parsed": lambda at: at.openai.responses.parse(
        model="test-model", input=QUESTION, store=False, text_format=Sum
    ),
    "responses tools": responses_tools,
    "responses events": lambda at: list(
        at.openai.responses.create(model="test-model", input=QUESTION, store=False, stream=True)
    ),
    "responses stream": responses_stream,
    "embeddings": lambda at: at.openai.embeddings.create(model="test-model", input=["2", "4"]),
    "embeddings of tokens": lambda at: at.openai.embeddings.create(
        model="test-model", input=[[1, 2], [3]], encoding_format="float"
    ),
    "messages": lambda at: at.anthropic.messages.create(
        model="test-model", max_tokens=8, messages=HELLO, system="be terse", stop_sequences=["."]
    ),
    "messages parsed": lambda at: at.anthropic.messages.parse(
        model="test-model", max_tokens=8, messages=HELLO, output_format=Sum
    ),
    "messages tools": messages_tools,
    "messages events": lambda at: list(
        at.anthropic.messages.create(model="test-model", max_tokens=8, messages=HELLO, stream=True)
    ),
    "messages stream": messages_stream,
    "messages beta": lambda at: at.anthropic.beta.messages.create(
        model="test-model", max_tokens=8, messages=HELLO, betas=["output-128k-2025-02-19"]
    ),
    "count_tokens": lambda at: at.anthropic.messages.count_tokens(model="test-model", messages=HELLO),
    "gemini": lambda at: at.google.models.generate_content(model="test-model", contents=QUESTION, config=CONFIG),
    "gemini tools": gemini_tools,
    "gemini stream": lambda at: list(
        at.google.models.generate_content_stream(model="test-model", contents=QUESTION, config=CONFIG)
    ),
}


@pytest.fixture(scope="module")
def provider() -> Iterator[RecordingProvider]:
    with RecordingProvider(answering).running() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(provider: RecordingProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    folder = tmp_path_factory.mktemp("adapters")
    with live_gateway(folder, provider.url, models__protocols=["openai", "anthropic", "gemini"]) as gateway:
        with under(gateway, allowing(gateway.terms)):
            yield gateway


def straight(provider: RecordingProvider) -> Clients:
    root = provider.url.removesuffix("/v1")
    return Clients(provider.url, root, root, "direct")


def through(gateway: LiveGateway, secret: str = "") -> Clients:
    return Clients(gateway.openai, gateway.anthropic, gateway.door("/gemini"), secret or gateway.secret)


@pytest.mark.parametrize("use", USES)
def test_a_use_of_an_sdk_is_the_same_with_and_without_a_gateway(
    provider: RecordingProvider, gateway: LiveGateway, use: str
) -> None:
    """The same requests reach the provider, to the byte, and the SDK makes the same of the answers."""
    before = len(provider.asked)
    direct = straight(provider)
    with direct.made:
        expected = told(USES[use](direct))
    between = len(provider.asked)
    clients = through(gateway)
    with clients.made:
        got = told(USES[use](clients))

    assert expected == got
    one, other = provider.asked[before:between], provider.asked[between:]
    assert [(asked.method, asked.path, asked.body) for asked in one] == [
        (asked.method, asked.path, asked.body) for asked in other
    ]
    settled = gateway.of("call.settled")[-1]
    assert "answered" == settled.outcome
    if use == "count_tokens":
        assert ("none", "nothing", 0) == (settled.served_check, settled.usage, settled.charged.cost_nano)
        return
    assert "agreed" == settled.served_check
    written = 0 if "embeddings" in use else 2
    assert ("stated", 9, written) == (settled.usage, settled.charged.input_tokens, settled.charged.output_tokens)


def test_the_providers_key_goes_out_where_the_protocol_carries_it(
    provider: RecordingProvider, gateway: LiveGateway
) -> None:
    """The caller's secret stays here, whichever header it came in; the provider's own takes its place."""
    clients = through(gateway)
    with clients.made:
        for use, name in (("chat", "authorization"), ("messages", "x-api-key"), ("gemini", "x-goog-api-key")):
            USES[use](clients)
            headers = provider.asked[-1].headers
            assert headers[name].endswith("upstream-key-of-the-test")
            assert gateway.secret not in json.dumps(headers)
            carrying = {"authorization", "x-api-key", "x-goog-api-key", "x-goog-api-client"} & headers.keys()
            assert {name} == carrying


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")  # the SDK's own
def test_every_asynchronous_client_works(gateway: LiveGateway) -> None:
    """Whole and streamed, several at once."""

    async def main() -> list[str]:
        options = google_types.HttpOptions(base_url=gateway.door("/gemini"))
        google = genai.Client(api_key=gateway.secret, http_options=options, vertexai=False)
        async with (
            openai.AsyncOpenAI(base_url=gateway.openai, api_key=gateway.secret) as one,
            anthropic.AsyncAnthropic(base_url=gateway.anthropic, api_key=gateway.secret) as other,
            google.aio as third,
        ):

            async def responses() -> str:
                text = ""
                stream = await one.responses.create(model="test-model", input=QUESTION, store=False, stream=True)
                async for each in stream:
                    text += each.delta if each.type == "response.output_text.delta" else ""
                return text

            async def embeddings() -> str:
                return str((await one.embeddings.create(model="test-model", input="x")).usage.total_tokens)

            async def counted() -> str:
                return str((await other.messages.count_tokens(model="test-model", messages=HELLO)).input_tokens)

            async def gemini() -> str:
                return (await third.models.generate_content(model="test-model", contents=QUESTION)).text or ""

            async def gemini_stream() -> str:
                stream = await third.models.generate_content_stream(model="test-model", contents=QUESTION)
                return "".join([each.text or "" async for each in stream])

            return list(await asyncio.gather(responses(), embeddings(), counted(), gemini(), gemini_stream()))

    assert ['{"sum":4}', "9", "9", '{"sum":4}', '{"sum":4}'] == asyncio.run(main())


def test_each_sdk_lists_the_models_that_the_terms_list_for_it(
    gateway: LiveGateway, provider: RecordingProvider
) -> None:
    """The gateway answers from the terms, in each protocol's shape; the provider is not asked."""
    before, clients = len(provider.asked), through(gateway)
    with clients.made:
        listed = [
            [model.id for model in clients.openai.models.list()],
            [model.id for model in clients.anthropic.models.list()],
            [model.name for model in clients.google.models.list()],
        ]

        retrieved = [
            clients.openai.models.retrieve("test-model").id,
            clients.anthropic.models.retrieve("test-model").id,
            clients.google.models.get(model="test-model").name,
        ]
        with pytest.raises(openai.NotFoundError):
            clients.openai.models.retrieve("other")

    assert [["test-model"], ["test-model"], ["models/test-model"]] == listed
    assert ["test-model", "test-model", "models/test-model"] == retrieved
    assert before == len(provider.asked)


REFUSALS: list[tuple[Callable[[Clients], Any], type[Exception], str]] = [
    (lambda at: at.openai.responses.create(model="test-model", input="x"),
     openai.PermissionDeniedError, "stored_state"),
    (lambda at: at.openai.responses.create(model="test-model", input="x", store=False, background=True),
     openai.PermissionDeniedError, "background"),
    (lambda at: at.openai.responses.create(model="test-model", input="x", store=False, extra_body={"n_predict": 9}),
     openai.BadRequestError, "n_predict"),
    (lambda at: at.openai.embeddings.create(model="test-model", input="x"), openai.PermissionDeniedError, "embeddings"),
    (lambda at: at.openai.batches.list(), openai.NotFoundError, "batch"),
    (lambda at: at.anthropic.messages.count_tokens(model="test-model", messages=HELLO),
     anthropic.PermissionDeniedError, "token_counting"),
    (lambda at: at.anthropic.messages.batches.list(), anthropic.NotFoundError, "batch"),
    (lambda at: at.anthropic.beta.messages.create(model="test-model", max_tokens=8, messages=HELLO,
                                                  betas=["prompt-caching-2024-07-31", "context-1m-2025-08-07"]),
     anthropic.BadRequestError, "context-1m-2025-08-07"),
    (lambda at: at.google.models.generate_content(model="test-model", contents="x",
                                                  config={"tools": [{"google_search": {}}]}),
     google_errors.ClientError, "server_tools"),
    (lambda at: at.google.models.generate_content(model="test-model", contents="x", config={"max_output_tokens": 65}),
     google_errors.ClientError, r"models\.max_output"),
    (lambda at: at.google.models.embed_content(model="test-model", contents="x"),
     google_errors.ClientError, "no route"),
    (lambda at: at.google.models.generate_content(model="other", contents="x"),
     google_errors.ClientError, r"models\.name"),
]  # fmt: skip


@pytest.mark.parametrize(("use", "expected", "match"), REFUSALS, ids=[match for *_, match in REFUSALS])
def test_a_refusal_is_the_sdks_own_exception(
    gateway: LiveGateway, use: Callable[[Clients], Any], expected: type[Exception], match: str
) -> None:
    """Each SDK raises what it raises for that status, with the clause in its text, and does not ask again."""
    before, clients = len(gateway.of("call.refused")), through(gateway)
    few = allowing(gateway.terms, "streaming", "sampling", "prompt_caching")
    with under(gateway, few), clients.made, pytest.raises(expected, match=match):
        use(clients)

    assert 1 == len(gateway.of("call.refused")) - before


def test_an_unknown_key_is_each_sdks_own_exception(gateway: LiveGateway) -> None:
    """A wrong secret is told as such to all three."""
    clients = through(gateway, secret="wrong-secret")
    with clients.made:
        with pytest.raises(openai.AuthenticationError, match="no grant is known"):
            USES["embeddings"](clients)
        with pytest.raises(anthropic.AuthenticationError, match="no grant is known"):
            USES["count_tokens"](clients)
        with pytest.raises(google_errors.ClientError, match="no grant is known"):
            USES["gemini"](clients)


def test_a_provider_that_fails_is_asked_again_by_the_sdk_and_each_time_is_a_call(tmp_path: Path) -> None:
    """The gateway sends nothing twice; what an SDK sends again has a permit of its own."""
    failing: dict[str, int] = {}

    def sometimes(asked: Asked) -> Iterator[Part]:
        call = call_of(asked.path)
        failing[call] = failing.get(call, 0) + 1
        if failing[call] == 1:
            yield from whole(b'{"error": {"message": "try later"}}', "500 Internal Server Error")
        else:
            yield from answering(asked)

    with RecordingProvider(sometimes).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway, under(gateway, allowing(gateway.terms)):
            clients = through(gateway)
            with clients.made:
                for use in ("responses", "embeddings", "messages"):
                    USES[use](clients)
            assert ["provider-failed", "answered"] * 3 == [one.outcome for one in gateway.of("call.settled")]
            assert 6 == len(gateway.of("call.permitted"))


def test_a_gemini_prompt_that_was_blocked_is_a_whole_answer(tmp_path: Path) -> None:
    """Streamed, it has no candidate and so no finish; the caller gets it in order, with its figures settled."""
    blocked = shapes("generateContent")["blocked"]
    with RecordingProvider(lambda _: events(event(None, blocked))).running() as provider:
        with live_gateway(tmp_path, provider.url, models__protocols=["gemini"]) as gateway:
            clients = through(gateway)
            with clients.made:
                [got] = clients.google.models.generate_content_stream(model="test-model", contents="x")
            settled = gateway.of("call.settled")[-1]

    assert got.prompt_feedback is not None
    assert ("answered", 9, 0) == (settled.outcome, settled.charged.input_tokens, settled.charged.output_tokens)


def test_half_a_gemini_stream_is_an_error_for_the_sdk(tmp_path: Path) -> None:
    """Without a finish the stream is broken off, although the provider ended its framing in order."""
    first = shapes("generateContent")["stream"][0]
    with RecordingProvider(lambda _: events(event(*first))).running() as provider:
        with live_gateway(tmp_path, provider.url, models__protocols=["gemini"]) as gateway:
            clients = through(gateway)
            with clients.made, pytest.raises(Exception, match="peer closed|incomplete|Connection|disconnected"):
                list(clients.google.models.generate_content_stream(model="test-model", contents="x"))
            assert "half-answer" == gateway.of("call.settled")[-1].outcome


@pytest.mark.slow
def test_a_rate_refusal_names_its_wait_and_the_sdk_asks_again(tmp_path: Path) -> None:
    """429 carries Retry-After; the SDK waits that long by itself, and its second call passes."""
    with RecordingProvider(answering).running() as provider:
        with live_gateway(tmp_path, provider.url, rate__concurrency=1) as gateway:
            provider.answering = lambda asked: [1.2, *answering(asked)]
            held = gateway.open_call()
            wait_until(lambda: gateway.of("call.permitted"))
            clients = through(gateway)
            with clients.made:
                got = clients.openai.chat.completions.create(model="test-model", messages=HELLO)
            held.close()

            assert "test-model" == got.model
            assert "rate.concurrency" in {one.clause for one in gateway.of("call.refused")}
