"""Framing: requests that two HTTP readers could understand differently are refused, or are one request."""

import gzip
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
CHUNKS = b"transfer-encoding: chunked"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
SIZE = b"%x" % len(BODY)
AMBIGUOUS = {
    "two lengths": request(LENGTH, b"content-length: 3"),
    "two equal lengths": request(LENGTH, LENGTH),
    "a list of lengths": request(LENGTH + b", %d" % len(BODY)),
    "a length with a sign": request(b"content-length: +%d" % len(BODY)),
    "a length in hexadecimal": request(b"content-length: 0x10"),
    "an empty length": request(b"content-length:"),
    "a length beyond all numbers": request(b"content-length: " + b"9" * 30),
    "a length and chunks": request(b"content-length: 5", CHUNKS, body=CHUNKED),
    "chunks and a length": request(CHUNKS, b"content-length: 5", body=CHUNKED),
    "an unknown coding": request(b"transfer-encoding: gzip, identity", LENGTH),
    "identity and a length": request(b"transfer-encoding: identity", LENGTH),
    "a coding that ends like chunks": request(b"transfer-encoding: xchunked", body=CHUNKED),
    "a coding before chunks": request(b"transfer-encoding: gzip, chunked", body=CHUNKED),
    "chunks twice in one field": request(b"transfer-encoding: chunked, chunked", body=CHUNKED),
    "chunks twice in two fields": request(CHUNKS, CHUNKS, body=CHUNKED),
    "chunks, then another coding": request(CHUNKS, b"transfer-encoding: x", body=CHUNKED),
    "chunks after a vertical tab": request(b"transfer-encoding: \x0bchunked", body=CHUNKED),
    "a coding under a space": request(b"transfer-encoding : chunked", LENGTH),
    "a coding under a line of its own": request(LENGTH, b"x-irid: a", b" transfer-encoding: chunked"),
    "a space before the colon": request(b"content-length : %d" % len(BODY)),
    "a folded header": request(LENGTH, b"x-irid: a\r\n b"),
    "a header folded by a tab": request(LENGTH, b"x-irid: a\r\n\tb"),
    "a NUL in a header": request(LENGTH, b"x-irid: a\x00b"),
    "a bare CR in a header": request(LENGTH, b"x-irid: a\rb"),
    "a bare LF in a header": request(LENGTH, b"x-irid: a\nx-b: c"),
    "a field without a name": request(LENGTH, b": a"),
    "a field without a colon": request(LENGTH, b"x-irid"),
    "a line that begins with a space": request(b" x-irid: a", LENGTH),
    "a chunk size that overflows": request(CHUNKS, body=b"1" + b"0" * 17 + b"\r\n" + BODY),
    "a chunk size with a sign": request(CHUNKS, body=b"+" + CHUNKED),
    "a chunk size with a prefix": request(CHUNKS, body=b"0x" + CHUNKED),
    "a chunk size with an underscore": request(CHUNKS, body=b"0_" + CHUNKED),
    "a chunk that ends in LF": request(CHUNKS, body=CHUNKED.replace(b"\r\n0", b"\n0")),
    "a chunk size that ends in LF": request(CHUNKS, body=CHUNKED.replace(SIZE + b"\r\n", SIZE + b"\n", 1)),
    "a chunk longer than its size": request(CHUNKS, body=CHUNKED.replace(b"\r\n0\r", b"!\r\n0\r")),
    "a space after a chunk size": request(CHUNKS, body=CHUNKED.replace(SIZE, SIZE + b" ", 1)),
    "an extension with a line end in quotes": request(CHUNKS, body=CHUNKED.replace(SIZE, SIZE + b';a="\n"', 1)),
    "an extension with a NUL": request(CHUNKS, body=CHUNKED.replace(SIZE, SIZE + b";a\x00", 1)),
    "fields after the chunks": request(CHUNKS, body=CHUNKED[:-2] + b"authorization: Bearer other\r\n\r\n"),
    "bare line feeds": request(LENGTH).replace(b"\r\n", b"\n"),
    "bare carriage returns": request(LENGTH).replace(b"\r\n", b"\r"),
    "no method": request(LENGTH, line=b"/ HTTP/1.1"),
    "a method in lower case": request(LENGTH, line=b"post " + ROUTE + b" HTTP/1.1"),
    "a tab in the request line": request(LENGTH, line=b"POST\t" + ROUTE + b" HTTP/1.1"),
    "a second word in the target": request(LENGTH, line=b"POST " + ROUTE + b" x HTTP/1.1"),
    "HTTP/9": request(LENGTH, line=b"POST " + ROUTE + b" HTTP/9.9"),
    "chunks under HTTP/1.0": request(CHUNKS, line=b"POST " + ROUTE + b" HTTP/1.0", body=CHUNKED),
    "two hosts": request(LENGTH, b"host: y"),
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_a_request_that_could_be_read_in_two_ways_is_refused(
    gateway: LiveGateway, provider: RecordingProvider, what: str
) -> None:
    """Nothing of it is recorded or sent, and the connection ends there: what follows in it is no request either."""
    sent, entries = len(provider.asked), gateway.ledger.size()

    seen = say(gateway, AMBIGUOUS[what] + request(LENGTH))

    assert seen.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 ")), seen[:60]
    assert 1 == seen.count(b"content-length: ") and b"\r\nconnection: close\r\n" in seen
    assert (sent, entries) == (len(provider.asked), gateway.ledger.size())


HIDDEN = {
    "after a length": (request(LENGTH, last=False), [BODY]),
    "after a body of none": (request(b"content-length: 0", body=b"", last=False), []),
    "after no length": (request(body=b"", last=False), []),
    "after chunks": (request(CHUNKS, body=CHUNKED, last=False), [BODY]),
    "after a door": (request(line=b"GET /nowhere HTTP/1.1", body=b"", last=False), []),
    "after the wish to close": (request(LENGTH), [BODY]),
}


@pytest.mark.parametrize("what", HIDDEN)
def test_a_request_hidden_behind_another_never_leaves(
    gateway: LiveGateway, provider: RecordingProvider, what: str
) -> None:
    """What a proxy before us took for a body, or did not see at all, makes no call of its own."""
    sent = len(provider.asked)
    first, bodies = HIDDEN[what]

    seen = say(gateway, first + request(LENGTH))

    assert bodies == [asked.body for asked in provider.asked[sent:]]
    assert 1 == seen.count(b"HTTP/1.1 ")


def test_chunks_are_one_body(gateway: LiveGateway, provider: RecordingProvider) -> None:
    """A body in chunks is read whole, and goes on with its length."""
    pieces = b"".join(b"%x\r\n%s\r\n" % (1, BODY[at : at + 1]) for at in range(len(BODY)))
    seen = say(gateway, request(b"transfer-encoding: chunked", body=pieces), more=b"0\r\n\r\n")

    assert completion() in seen
    assert BODY == provider.asked[-1].body
    assert str(len(BODY)) == provider.asked[-1].headers["content-length"]
    assert "transfer-encoding" not in provider.asked[-1].headers


PATHS = {
    "an escaped slash": ROUTE.replace(b"v1/chat", b"v1%2fchat"),
    "an escaped letter": ROUTE.replace(b"chat", b"%63hat"),
    "two slashes": ROUTE.replace(b"/v1", b"//v1"),
    "two slashes before all": b"/" + ROUTE,
    "a dot segment": ROUTE.replace(b"/v1", b"/./v1"),
    "two dot segments": ROUTE.replace(b"/v1", b"/x/../v1"),
    "escaped dots": ROUTE.replace(b"/v1", b"/x/%2e%2e/v1"),
    "a backslash": ROUTE.replace(b"/v1", b"\\v1"),
    "a slash at the end": ROUTE + b"/",
    "a fragment": ROUTE + b"#x",
    "a parameter": ROUTE + b";x",
    "an escaped NUL": ROUTE + b"%00",
    "another case": ROUTE.replace(b"openai", b"OpenAI"),
    "a host in it": b"http://elsewhere.example" + ROUTE,
    "no slash before it": ROUTE[1:],
    "an asterisk": b"*",
}


@pytest.mark.parametrize("what", PATHS)
def test_a_path_is_taken_as_it_came(gateway: LiveGateway, provider: RecordingProvider, what: str) -> None:
    """No second spelling of a route is the route: nothing is decoded, resolved or tidied."""
    sent = len(provider.asked)

    seen = say(gateway, request(LENGTH, line=b"POST " + PATHS[what] + b" HTTP/1.1"))

    assert seen.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), seen[:60]
    assert sent == len(provider.asked)
    assert b"HTTP/1.1 404 " == seen[:13] or what in ("no slash before it", "a host in it")


@pytest.mark.parametrize(
    "value",
    [b"a\r\n\tx-evil: 1", b"a\nx: 1", b"a\rx-evil: 1", b"a\x00b", b"a\xc4\x8a\xc4\x8dx-evil: 1", b"a\x7f", b"a\x85"],
)
def test_no_value_of_the_callers_makes_a_second_header(
    gateway: LiveGateway, provider: RecordingProvider, value: bytes
) -> None:
    """A forwarded header reaches the provider as one, or the request is refused."""
    sent = len(provider.asked)

    seen = say(gateway, request(LENGTH, b"accept: " + value))

    assert seen.startswith(b"HTTP/1.1 400 ")
    assert sent == len(provider.asked)
    assert completion() in say(gateway, request(LENGTH, b"accept: a: b, c: d;q=1"))
    assert "a: b, c: d;q=1" == provider.asked[-1].headers["accept"]


def test_a_compressed_request_is_refused_and_never_unpacked(gateway: LiveGateway, provider: RecordingProvider) -> None:
    """A body under `content-encoding` is not decoded here, so no bomb goes off; the refusal names the header."""
    sent, bomb = len(provider.asked), gzip.compress(b"\0" * 10_000_000)

    seen = say(gateway, request(b"content-length: %d" % len(bomb), b"content-encoding: gzip", body=bomb))

    assert seen.startswith(b"HTTP/1.1 400 ")
    assert sent == len(provider.asked)
    packed = gzip.compress(BODY)
    seen = say(gateway, request(b"content-length: %d" % len(packed), b"content-encoding: gzip", body=packed))
    assert seen.startswith(b"HTTP/1.1 400 ") and sent == len(provider.asked)
    seen = say(gateway, request(LENGTH, b"content-encoding: gzip"))
    assert b"content-encoding" in seen and sent == len(provider.asked)


def test_no_byte_of_the_callers_head_chooses_the_providers(gateway: LiveGateway, provider: RecordingProvider) -> None:
    """Host, path and key of the request to the provider are the operator's; the caller's key goes nowhere."""
    headers = [b"x-forwarded-host: evil.example", b"x-forwarded-for: 1.2.3.4", b"x-api-key: " + SECRET.encode()]
    assert completion() in say(gateway, request(LENGTH, *headers))

    asked = provider.asked[-1]
    assert "/v1/chat/completions" == asked.path
    assert urlsplit(provider.url).netloc == asked.headers["host"]
    assert "Bearer upstream-key-of-the-test" == asked.headers["authorization"]
    assert SECRET.encode() not in asked.whole and b"evil" not in asked.whole
    ours = {"host", "authorization", "accept-encoding", "content-length", "comity-permit", "x-engagement-tag"}
    assert ours == set(asked.headers)
    assert json.loads(asked.body)
