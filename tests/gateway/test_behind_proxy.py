"""Behind nginx, as the how-to has it: calls pass, streams flow, a stop cuts, and nothing is sent twice."""

import os
import re
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from certificates import Authority

from comity.gateway.asked import MAX_BODY
from comity.gateway.flight import CONFIRM_SECONDS
from comity.gateway.serve import bind
from support import (
    ARRANGEMENT,
    Asked,
    HangUp,
    LiveGateway,
    Part,
    RecordingProvider,
    completion,
    delta,
    events,
    live_gateway,
    wait_until,
    whole,
)

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "serve-on-a-network.md"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx, which the how-to puts before a gateway")

AROUND = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
{user}
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""


class Front:
    """A running nginx before one gateway."""

    def __init__(self, gateway: LiveGateway, url: str, trust: ssl.SSLContext, folder: Path) -> None:
        self.gateway, self.url, self.folder = gateway, url, folder
        self.client = httpx.Client(verify=trust, timeout=20)
        self.trust = trust

    @property
    def chat(self) -> str:
        return f"{self.url}/a/{ARRANGEMENT}/openai/v1/chat/completions"

    def post(self, **changes: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.gateway.secret}"}
        body = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "2+2?"}], **changes}
        return self.client.post(self.chat, json=body, headers=headers)

    def stream(self) -> AbstractContextManager[httpx.Response]:
        headers = {"authorization": f"Bearer {self.gateway.secret}"}
        body = {"model": "test-model", "max_tokens": 8, "stream": True, "messages": [{"role": "user", "content": "?"}]}
        return self.client.stream("POST", self.chat, json=body, headers=headers)

    def errors(self) -> str:
        return (self.folder / "error.log").read_text()


@contextmanager
def fronted(gateway: LiveGateway, folder: Path) -> Iterator[Front]:
    """nginx with the site of the how-to, its name, files and ports put in."""
    authority = Authority(folder, "authority")
    pair = authority.pair("gateway")
    port = (probe := bind("127.0.0.1", 0)).getsockname()[1]
    probe.close()
    [site] = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    for shown, real in (
        ("server 127.0.0.1:8787;", f"server {gateway.url.removeprefix('http://')};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/nginx/gateway.pem", str(pair.certificate)),
        ("/etc/nginx/gateway.key", str(pair.key)),
    ):
        assert site.count(shown) == 1, shown
        site = site.replace(shown, real)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, site=site, user=user))
    assert NGINX is not None
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")],
        stderr=subprocess.DEVNULL,
    )
    trust = ssl.create_default_context(cafile=authority.file)
    front = Front(gateway, f"https://127.0.0.1:{port}", trust, folder)

    def up() -> bool:
        assert process.poll() is None, front.errors()
        try:
            return front.client.get(f"{front.url}/a/{ARRANGEMENT}/checkpoint").status_code in (200, 404)
        except httpx.ConnectError:
            return False

    try:
        wait_until(up)
        yield front
    finally:
        front.client.close()
        process.terminate()
        process.wait(20)


@contextmanager
def standing(tmp_path: Path, provider: RecordingProvider) -> Iterator[Front]:
    with live_gateway(tmp_path, provider.url) as gateway:
        (tmp_path / "nginx").mkdir()
        with fronted(gateway, tmp_path / "nginx") as front:
            yield front


def test_the_providers_sdk_works_through_the_proxy(tmp_path: Path) -> None:
    """With the base URL and the key alone, whole answers and streams arrive, each under its entry."""

    def answering(asked: Asked) -> Iterator[Part] | list[Part]:
        if b'"stream":true' in asked.body.replace(b" ", b""):
            return events(delta("fo"), delta("ur"), b"data: [DONE]\n\n")
        return whole(completion(text="four"))

    with RecordingProvider(answering).running() as provider, standing(tmp_path, provider) as front:
        url = f"{front.url}/a/{ARRANGEMENT}/openai/v1"
        client = openai.OpenAI(base_url=url, api_key=front.gateway.secret, http_client=httpx.Client(verify=front.trust))
        with client:
            messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "2+2?"}]
            got = client.chat.completions.create(model="test-model", max_tokens=8, messages=messages)
            assert "four" == got.choices[0].message.content
            stream = client.chat.completions.create(model="test-model", max_tokens=8, messages=messages, stream=True)
            assert "four" == "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert ["answered"] * 2 == [each.outcome for each in front.gateway.of("call.settled")]
        refused = front.post(model="another")
        assert (403, "models.name") == (refused.status_code, refused.json()["comity"]["clause"])


def test_each_event_of_a_stream_comes_at_once(tmp_path: Path) -> None:
    """The provider waits with its second event until the caller has read the first one."""
    read = threading.Event()

    def answering(_: Asked) -> Iterator[Part]:
        return events(delta("one"), read, delta("two"), b"data: [DONE]\n\n")

    with RecordingProvider(answering).running() as provider, standing(tmp_path, provider) as front:
        with front.stream() as got:
            seen = b""
            for piece in got.iter_raw():
                seen += piece
                if b"one" in seen:
                    read.set()
        assert seen.endswith(b"data: [DONE]\n\n") and b"two" in seen


def test_a_stop_cuts_through_the_proxy(tmp_path: Path) -> None:
    """Within a second of the stop no byte comes any more, and the caller sees a broken answer."""

    def endless(_: Asked) -> Iterator[Part]:
        yield b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        while True:
            yield b"%x\r\n%b\r\n" % (len(event := delta("x")), event)
            yield 0.01

    with RecordingProvider(endless).running() as provider, standing(tmp_path, provider) as front:
        stopped = last = 0.0
        with front.stream() as got:
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in got.iter_raw():
                    last = time.monotonic()
                    if not stopped:
                        assert 201 == front.gateway.stop().status_code
                        stopped = time.monotonic()
        assert last - stopped < CONFIRM_SECONDS
        assert ["stopped"] == [each.outcome for each in front.gateway.of("call.settled")]


def test_a_caller_who_leaves_the_proxy_ends_the_call(tmp_path: Path) -> None:
    """nginx closes its connection when its caller has gone, and the call is cut."""
    with RecordingProvider(lambda _: events(delta("x"), 30.0)).running() as provider:
        with standing(tmp_path, provider) as front:
            with front.stream() as got:
                next(got.iter_raw())
            [settled] = wait_until(lambda: front.gateway.of("call.settled"), 5)
            assert "client-gone" == settled.outcome


def test_the_proxy_sends_nothing_twice(tmp_path: Path) -> None:
    """When the gateway answers that the provider failed, or breaks under a call, nginx does not ask again."""

    def answering(_: Asked) -> Iterator[Part]:
        raise HangUp
        yield b""

    with RecordingProvider(answering).running() as provider, standing(tmp_path, provider) as front:
        assert (502, "provider-failed") == ((got := front.post()).status_code, got.json()["error"]["code"])
        assert 1 == len(provider.asked)

        asked: list[object] = []

        async def breaking(*call: Any) -> None:
            asked.append(call)
            call[-1].abort(flush=False)

        front.gateway.gate.call = breaking  # type: ignore[method-assign]
        assert 502 == front.post().status_code
        assert 1 == len(asked)


def test_a_large_prompt_lies_in_no_file_of_the_proxy(tmp_path: Path) -> None:
    """A prompt of megabytes passes through memory alone, and one beyond the limit gets the gateway's own refusal."""
    text = "a line of a prompt\n" * 150_000
    with RecordingProvider().running() as provider, standing(tmp_path, provider) as front:
        assert 403 == front.post(messages=[{"role": "user", "content": text}] * 2, model="another").status_code
        too_much = front.post(messages=[{"role": "user", "content": "x" * MAX_BODY}])
        assert (400, "request.body") == (too_much.status_code, too_much.json()["comity"]["clause"])
        assert "temporary file" not in front.errors()


@pytest.mark.parametrize("path", ["x/../openai/v1/models", "/openai/v1/models", "openai%2fv1/models"])
def test_the_proxy_tidies_no_path(tmp_path: Path, path: str) -> None:
    """What nginx would resolve or decode for itself reaches the gateway as it came, and leads nowhere."""
    with RecordingProvider().running() as provider, standing(tmp_path, provider) as front:
        secret = {"authorization": f"Bearer {front.gateway.secret}"}
        assert 200 == front.client.get(f"{front.url}/a/{ARRANGEMENT}/openai/v1/models", headers=secret).status_code
        target = {"target": f"/a/{ARRANGEMENT}/{path}".encode()}
        got = front.client.send(httpx.Request("GET", front.url, headers=secret, extensions=target))
        assert (404, "route-unknown") == (got.status_code, got.json()["error"]["code"])
        assert path in got.json()["comity"]["because"]
