"""Framing: requests that two HTTP readers could understand differently are refused, or are one request."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from support import ARRANGEMENT, SECRET, LiveGateway, RecordingProvider, completion, live_gateway

BODY = b'{"model":"test-model","max_tokens":8,"messages":[{"role":"user","content":"hi"}]}'
ROUTE = f"/a/{ARRANGEMENT}/openai/v1/chat/completions".encode()
KEY = b"authorization: Bearer " + SECRET.encode() + b"\r\n"


@pytest.fixture(scope="module")
def provider() -> Iterator[RecordingProvider]:
    with RecordingProvider().running() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(provider: RecordingProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    with live_gateway(tmp_path_factory.mktemp("framing"), provider.url) as gateway:
        yield gateway


def say(gateway: LiveGateway, sent: bytes, *, more: bytes = b"") -> bytes:
    """Send bytes as they are; everything that comes back until the connection ends or falls silent."""
    parts, seen = urlsplit(gateway.url), b""
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1) as connection:
        connection.sendall(sent)
        if more:
            connection.sendall(more)
        try:
            while piece := connection.recv(65_536):
                seen += piece
        except (ConnectionResetError, TimeoutError):
            pass
    return seen


def request(
    *headers: bytes, body: bytes = BODY, line: bytes = b"POST " + ROUTE + b" HTTP/1.1", last: bool = True
) -> bytes:
    end = [b"connection: close"] if last else []
    return b"\r\n".join([line, b"host: x", *headers, *end]) + b"\r\n" + KEY + b"\r\n" + body


LENGTH = b"content-length: %d" % len(BODY)
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
AMBIGUOUS = {
    "two lengths": request(LENGTH, b"content-length: 3"),
    "two equal lengths": request(LENGTH, LENGTH),
    "a length and chunks": request(b"content-length: 5", b"transfer-encoding: chunked", body=CHUNKED),
    "chunks and a length": request(b"transfer-encoding: chunked", b"content-length: 5", body=CHUNKED),
    "an unknown encoding": request(b"transfer-encoding: gzip, identity", LENGTH),
    "a length with a sign": request(b"content-length: +%d" % len(BODY)),
    "a space before the colon": request(b"content-length : %d" % len(BODY)),
    "a folded header": request(LENGTH, b"x-irid: a\r\n b"),
    "a NUL in a header": request(LENGTH, b"x-irid: a\x00b"),
    "a chunk size that overflows": request(b"transfer-encoding: chunked", body=b"1" + b"0" * 17 + b"\r\n" + BODY),
    "bare line feeds": request(LENGTH).replace(b"\r\n", b"\n"),
    "no method": request(LENGTH, line=b"/ HTTP/1.1"),
    "HTTP/9": request(LENGTH, line=b"POST " + ROUTE + b" HTTP/9.9"),
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_an_ambiguous_request_is_never_two_and_never_another(
    gateway: LiveGateway, provider: RecordingProvider, what: str
) -> None:
    """Either the request is refused before anything of it is read, or the provider gets exactly its one body."""
    sent, permits = len(provider.asked), len(gateway.of("call.permitted"))

    seen = say(gateway, AMBIGUOUS[what])

    came = [asked.body for asked in provider.asked[sent:]]
    assert came in ([], [BODY]), what
    assert len(came) == len(gateway.of("call.permitted")) - permits
    if not came:
        assert b"HTTP/1.1 4" == seen[:10] or seen == b""


def test_chunks_are_one_body(gateway: LiveGateway, provider: RecordingProvider) -> None:
    """A body in chunks is read whole, and goes on with its length."""
    pieces = b"".join(b"%x\r\n%s\r\n" % (1, BODY[at : at + 1]) for at in range(len(BODY)))
    seen = say(gateway, request(b"transfer-encoding: chunked", body=pieces), more=b"0\r\n\r\n")

    assert completion() in seen
    assert BODY == provider.asked[-1].body
    assert str(len(BODY)) == provider.asked[-1].headers["content-length"]
    assert "transfer-encoding" not in provider.asked[-1].headers


def test_two_requests_on_one_connection_get_their_own_answers(
    gateway: LiveGateway, provider: RecordingProvider
) -> None:
    """Pipelined requests are answered in order, each under its own entry, and the second may be refused."""
    other = BODY.replace(b"test-model", b"gpt-6")
    both = request(LENGTH, last=False) + request(b"content-length: %d" % len(other), body=other)
    sent = len(provider.asked)

    seen = say(gateway, both)

    assert [BODY] == [asked.body for asked in provider.asked[sent:]]
    first, second = seen.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200") and completion() in first
    assert second.startswith(b"403") and b"models.name" in second
    [permit], [refusal] = gateway.of("call.permitted")[-1:], gateway.of("call.refused")[-1:]
    records = gateway.records()
    assert f"{gateway.ledger.origin}:{records.index(permit)}".encode() in first
    assert f"{gateway.ledger.origin}:{records.index(refusal)}".encode() in second


def test_an_address_with_a_host_in_it_is_the_same_route_or_none(
    gateway: LiveGateway, provider: RecordingProvider
) -> None:
    """The form of the address chooses no other arrangement and no other upstream."""
    sent = len(provider.asked)
    seen = say(gateway, request(LENGTH, line=b"POST http://elsewhere.example" + ROUTE + b" HTTP/1.1"))
    assert seen[9:12] in (b"200", b"404", b"400")
    assert [BODY] * (len(provider.asked) - sent) == [asked.body for asked in provider.asked[sent:]]


def test_no_byte_of_the_callers_head_chooses_the_providers(gateway: LiveGateway, provider: RecordingProvider) -> None:
    """Host, path and key of the request to the provider are the operator's; the caller's key goes nowhere."""
    headers = [b"x-forwarded-host: evil.example", b"x-forwarded-for: 1.2.3.4", b"x-api-key: " + SECRET.encode()]
    assert completion() in say(gateway, request(LENGTH, *headers))

    asked = provider.asked[-1]
    assert "/v1/chat/completions" == asked.path
    assert urlsplit(provider.url).netloc == asked.headers["host"]
    assert "Bearer upstream-key-of-the-test" == asked.headers["authorization"]
    assert SECRET.encode() not in asked.whole and b"evil" not in asked.whole
    assert {"host", "authorization", "accept-encoding", "content-length"} == set(asked.headers)
    assert json.loads(asked.body)
