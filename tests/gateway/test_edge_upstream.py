"""The upstream's client: one send, one answer, to where the operator said, whatever comes back."""

import asyncio
import gzip
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from comity.gateway import Upstream
from comity.gateway import upstream as upstream_module
from comity.gateway.admission import Permit
from comity.gateway.endpoint import parse_endpoint, refuse_address
from comity.gateway.headers import Lines
from comity.gateway.upstream import Answer, NoAnswer
from support import Asked, HangUp, Part, RecordingProvider, completion, live_gateway, wait_until, whole

T = TypeVar("T")


class Leave:
    """Stands for a permit, which is used once."""

    def use(self) -> None:
        pass


def run(act: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        return await act()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


async def send(upstream: Upstream, body: bytes = b"{}", **more: Any) -> Answer:
    headers = Lines.of([("content-type", "application/json")])
    return await upstream.send(cast(Permit, Leave()), path="/v1/x", headers=headers, body=body, **more)


def answers(*parts: list[Part]) -> RecordingProvider:
    left = list(parts)
    return RecordingProvider(lambda _: left.pop(0))


def head(*fields: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, *fields]) + b"\r\n\r\n"


def test_a_whole_answer_is_read_in_one_go_however_it_comes() -> None:
    """With a length, in chunks, until the end of the connection, in one piece or many: the same bytes."""
    body = bytes(range(256)) * 20
    chunked = [b"%x\r\n%b\r\n" % (len(body[at : at + 999]), body[at : at + 999]) for at in range(0, len(body), 999)]
    length = head(b"content-length: %d" % len(body))

    def until_the_end(_: Asked) -> Iterator[Part]:
        yield head(b"x: y") + body[:9]
        yield 0.01
        yield body[9:]
        raise HangUp

    left: list[Callable[[Asked], Any]] = [
        lambda _: [length + body],
        lambda _: [length, 0.01, body[:7], 0.01, body[7:]],
        lambda _: [head(b"transfer-encoding: chunked"), *chunked, 0.01, b"0\r\nx-late: 1\r\n\r\n"],
        lambda _: [head(b"x: 1", status=b"103 Early Hints") + length + body],
        until_the_end,
    ]

    async def all_of_them() -> None:
        upstream = Upstream(provider.url)
        for number in range(5):
            answer = await send(upstream)
            assert 200 == answer.status
            assert body == await answer.read_whole(len(body)), number
            assert "x-late" not in dict(answer.headers)
        upstream.close()

    with RecordingProvider(lambda asked: left.pop(0)(asked)).running() as provider:
        run(all_of_them)
        assert 1 == provider.connections


def test_an_answer_longer_than_its_bound_is_not_read_on() -> None:
    """Beyond the limit the connection is closed, and the limit itself still passes."""
    endless = [head(b"content-length: 50000000"), *[b"x" * 2_000, 0.01] * 900]
    bodies = [whole(b"x" * 1_000), whole(b"x" * 1_001), endless]

    async def ask() -> None:
        upstream = Upstream(provider.url)
        assert 1_000 == len(await (await send(upstream)).read_whole(1_000))
        for _ in range(2):
            with pytest.raises(NoAnswer, match="exceeds 1000 bytes"):
                await (await send(upstream)).read_whole(1_000)
        upstream.close()

    with answers(*bodies).running() as provider:
        run(ask)
        assert provider.hung_up.wait(10)


def test_a_large_answer_flows_through_small_memory() -> None:
    """Read piece by piece by a slow caller, an answer of megabytes never waits here whole."""
    size = 6_000_000

    async def ask() -> int:
        upstream, most, seen = Upstream(provider.url), 0, 0
        answer = await send(upstream)
        while piece := await answer.piece():
            seen += len(piece)
            most = max(most, len(piece), answer._connection.waiting)
            await asyncio.sleep(0.0005)
        answer.release()
        assert size == seen
        assert 1 == len(upstream._idle) and not upstream._idle[0].paused
        upstream.close()
        return most

    with answers([head(b"content-length: %d" % size), *[b"x" * 100_000] * 60]).running() as provider:
        assert run(ask) < 2 * upstream_module.HIGH_WATER


def test_a_silence_ends_the_wait_and_a_slow_answer_does_not() -> None:
    """The bound is on silence, not on the whole: an answer that keeps coming is waited for."""

    async def ask(wanted: str) -> None:
        upstream = Upstream(provider.url, answer_seconds=0.3)
        if wanted == "slow":
            assert b"x" * 8 == await (await send(upstream)).read_whole(100)
        else:
            with pytest.raises(NoAnswer, match=re.escape("silent for 0.3 s")) as caught:
                await (await send(upstream)).read_whole(100)
            assert ("provider-timeout", True) == (caught.value.slug, caught.value.sent)
        assert not upstream._flying
        upstream.close()

    slow: list[Part] = [head(b"content-length: 8")]
    for _ in range(8):
        slow += [0.1, b"x"]
    with answers(slow, [30.0], [head(b"content-length: 8"), b"x", 30.0]).running() as provider:
        run(lambda: ask("slow"))
        run(lambda: ask("no head"))
        run(lambda: ask("no rest"))


def test_a_connection_that_lay_long_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks forget silent connections; one that was silent for long is not trusted with a call."""

    async def ask() -> None:
        upstream = Upstream(provider.url)
        await (await send(upstream)).read_whole(10_000)
        await (await send(upstream)).read_whole(10_000)
        assert 1 == provider.connections
        monkeypatch.setattr(upstream_module, "IDLE_SECONDS", 0.0)
        await (await send(upstream)).read_whole(10_000)
        assert 2 == provider.connections
        upstream.close()

    with RecordingProvider().running() as provider:
        run(ask)


def test_a_large_request_goes_out_whole() -> None:
    """Beyond the size at which head and body are joined, the same bytes arrive."""
    body = bytes(range(256)) * 2_000

    async def ask() -> None:
        upstream = Upstream(provider.url)
        await (await send(upstream, body)).read_whole(10_000)
        upstream.close()

    with RecordingProvider().running() as provider:
        run(ask)
        assert body == provider.asked[0].body


HOSTILE = {
    "a bare CR": head(b"x-request-id: a\rset-cookie: b", b"content-length: 2") + b"{}",
    "a bare LF": head(b"x-request-id: a\nset-cookie: b", b"content-length: 2") + b"{}",
    "a NUL": head(b"content-type: a\x00b", b"content-length: 2") + b"{}",
    "a folded header": head(b"content-type: a\r\n set-cookie: b", b"content-length: 2") + b"{}",
    "two lengths": head(b"content-length: 2", b"content-length: 3") + b"{}x",
    "a length and chunks": head(b"content-length: 2", b"transfer-encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n",
    "a length that is none": head(b"content-length: two") + b"{}",
    "an endless head": head(*[b"x-a: " + b"b" * 1_000] * 80, b"content-length: 2") + b"{}",
    "an upgrade": head(b"upgrade: h2c", b"connection: upgrade", status=b"101 Switching Protocols") + b"{}",
    "a status of its own": head(b"content-length: 2", status=b"999 Strange") + b"{}",
    "no HTTP": b"220 mail.example ESMTP\r\n",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_answer_is_the_providers_failure(what: str, tmp_path: Path) -> None:
    """No head that could be read in two ways, and no header in another's value, reaches the caller."""

    def answering(_: Asked) -> Iterator[Part]:
        yield HOSTILE[what]
        yield 0.2
        raise HangUp

    with RecordingProvider(answering).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        got = gateway.chat()
        assert (502, "provider-failed") == (got.status_code, got.json()["error"]["code"])
        assert "set-cookie" not in got.headers
        assert 1 == len(provider.asked)


def test_of_a_providers_headers_only_those_of_the_list_come_back(tmp_path: Path) -> None:
    """A provider sets no cookie, claims no entry of ours, and frames nothing."""
    fields = ("set-cookie: a=b", "request-id: operator.example/a/x:0", "location: http://elsewhere.example/", "x-a: b")
    with answers(whole(completion(), "200 OK", *fields)).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            got = gateway.chat()
            assert (200, completion()) == (got.status_code, got.content)
            assert not {"set-cookie", "location", "x-a"} & set(got.headers)
            assert got.headers["request-id"].startswith(gateway.ledger.origin)


def test_a_compressed_answer_passes_as_it_is_and_states_nothing(tmp_path: Path) -> None:
    """An answer compressed against our wish is not unpacked: no bomb goes off, and the reservation is charged."""
    packed = gzip.compress(b"\0" * 20_000_000)
    with answers(whole(packed, "200 OK", "content-encoding: gzip")).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            connection = gateway.open_call()
            seen = b""
            while packed not in seen and (piece := connection.recv(65_536)):
                seen += piece
            connection.close()
            assert seen.endswith(packed) and b"\r\ncontent-encoding: gzip\r\n" in seen
            [settled], [permit] = wait_until(lambda: gateway.of("call.settled")), gateway.of("call.permitted")
            assert ("unstated", "reservation") == (settled.served_check, settled.usage)
            assert permit.reserved == settled.charged


ENDPOINTS = [
    "ftp://api.example/v1", "api.example", "https://", "https://user@api.example/v1", "https://:secret-0@api.example/v1",
    "https://@api.example/v1", "https://api.example/v1?key=x", "https://api.example/v1?", "https://api.example/v1#x",
    "https://api.example/v1#", "https://api.example:x/v1", "https://api.example:99999/v1", "https://[::1/v1",
    "https://api.example/v 1", "https://api.example/\nv1", "https://api.example\\@evil.example/v1", "https://äpi.example/v1",
    "http://169.254.169.254/latest", "http://[fe80::1]/v1", "http://[::ffff:169.254.169.254]/v1",
    "http://metadata.google.internal/v1", "http://METADATA.google.internal./v1", "http://100.100.100.200/v1",
    "http://[fd00:ec2::254]/v1",
]  # fmt: skip


@pytest.mark.parametrize("url", ENDPOINTS)
def test_what_is_no_endpoint_is_refused_before_anything_is_served(url: str) -> None:
    """An upstream is a plain URL, never of an address where clouds hand out credentials; no secret is repeated."""
    with pytest.raises(ValueError) as caught:
        Upstream(url)
    assert "secret-0" not in str(caught.value)


@given(st.text(st.characters(codec="latin-1"), max_size=40))
@settings(max_examples=300)
def test_reading_an_endpoint_is_total(rest: str) -> None:
    """Any text is an endpoint or a `ValueError`, and an endpoint's parts end no line."""
    try:
        endpoint = parse_endpoint("http://" + rest)
    except ValueError:
        return
    assert not set(" \r\n\t@\\") & set(endpoint.authority + endpoint.prefix)


def test_link_local_upstreams_pass_where_the_operator_allows_them() -> None:
    """A model on the next machine of a closed network is reached when that is said."""
    assert "169.254.1.1" == parse_endpoint("http://169.254.1.1:8080/v1", link_local=True).host
    assert "" == refuse_address("127.0.0.1") == refuse_address("10.0.0.7") == refuse_address("api.example")
    assert refuse_address("fe80::1%eth0") and refuse_address("169.254.170.2")


def test_a_name_that_leads_to_a_forbidden_address_gets_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is looked at once more when the connection stands, so that no name goes round the rule."""
    monkeypatch.setattr(upstream_module, "refuse_address", lambda host: "forbidden" if host == "127.0.0.1" else "")
    reached = threading.Event()

    async def ask() -> None:
        upstream = Upstream(provider.url)
        with pytest.raises(NoAnswer, match="forbidden") as caught:
            await send(upstream, may_send=lambda: not reached.set())
        assert not caught.value.sent
        allowed = Upstream(provider.url, link_local=True)
        assert completion() == await (await send(allowed)).read_whole(10_000)
        allowed.close()

    with RecordingProvider().running() as provider:
        run(ask)
        assert 1 == len(provider.asked) and not reached.is_set()


@pytest.mark.parametrize("value", ["a\r\nx-b: c", "a\nb", "a\rb", "ü"])
def test_no_header_of_a_request_makes_a_second_one(value: str) -> None:
    """What would end a line is a bug of ours, found before a byte leaves."""

    async def ask() -> None:
        upstream = Upstream(provider.url)
        for path, header in (("/v1/x", value), (f"/v1/{value}", "a"), ("/v1/x y", "a")):
            with pytest.raises(AssertionError, match="would end it"):
                await upstream.send(cast(Permit, Leave()), path=path, headers=Lines.of([("x-a", header)]), body=b"{}")

    with RecordingProvider().running() as provider:
        run(ask)
        assert not provider.asked and 0 == provider.connections
