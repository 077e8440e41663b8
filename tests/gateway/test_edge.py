"""The edge: one answer for each request, within bounds of size, number and time."""

import asyncio
import itertools
import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from edging import LiveEdge, Request, echo, everything, live_edge, one
from hypothesis import given, settings
from hypothesis import strategies as st

from comity.gateway import edge as edge_module
from comity.gateway.exchange import Exchange
from support import wait_until


def ask(body: bytes = b"hello", *more: bytes, line: bytes = b"POST /a/x HTTP/1.1", last: bool = True) -> bytes:
    fields = [b"host: x", b"content-length: %d" % len(body), *more, *([b"connection: close"] if last else [])]
    return b"\r\n".join([line, *fields]) + b"\r\n\r\n" + body


@pytest.fixture(scope="module")
def edge() -> Iterator[LiveEdge]:
    with live_edge() as edge:
        yield edge


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait of the edge is short."""
    monkeypatch.setattr(edge_module, "SWEEP_SECONDS", 0.01)
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "KEEP_ALIVE_SECONDS", "WRITE_SECONDS", "LINGER_SECONDS"):
        monkeypatch.setattr(edge_module, name, 0.15)


def test_requests_on_one_connection_are_answered_one_after_the_other(edge: LiveEdge) -> None:
    """A connection stays open, each answer names its length, and the last request closes it."""
    with edge.connect() as connection:
        for number in range(3):
            connection.sendall(ask(b"%d" % number, last=False))
            assert one(connection).endswith(b"content-length: 1\r\n\r\n%d" % number)
        connection.sendall(ask(b"end"))
        answer = everything(connection)
    assert b"\r\nconnection: close\r\n\r\nend" in answer


def test_fields_that_a_connection_sends_again_are_read_as_if_they_were_new(edge: LiveEdge) -> None:
    """What the fields before said holds for equal fields alone: a length may differ, nothing else."""
    again, other = [b"x-key: first", b"x-other: 1"], [b"x-key: second", b"x-other: 1"]
    with edge.connect() as connection:
        edge.asked.clear()
        for body, fields in ((b"one", again), (b"three", again), (b"x", other), (b"", again)):
            connection.sendall(ask(body, *fields, last=False))
            assert one(connection).endswith(b"\r\n\r\n" + body)
        connection.sendall(ask(b"y", *reversed(again), last=False))
        assert one(connection).endswith(b"\r\n\r\ny")
    came = [dict(request.headers) for request in edge.asked]
    assert [b"first", b"first", b"second", b"first", b"first"] == [fields[b"x-key"] for fields in came]
    assert [b"1", b"first"] == [value for name, value in edge.asked[-1].headers if name.startswith(b"x-")]


@pytest.mark.parametrize("fields", [
    [b"x-a: 1", b"transfer-encoding: chunked"], [b"x-a: 1", b"content-length: 2"], [b"x-a: 1", b"host: y"],
    [b"x-a: 1\xff"], [b"x-a: 1", b"expect: something"],
])  # fmt: skip
def test_fields_that_differ_from_those_before_are_looked_at_anew(edge: LiveEdge, fields: list[bytes]) -> None:
    """After a request that passed, what two readers could understand differently is refused as ever."""
    with edge.connect() as connection:
        connection.sendall(ask(b"ok", b"x-a: 1", last=False))
        assert one(connection).endswith(b"\r\n\r\nok")
        connection.sendall(ask(b"no", *fields, last=False))
        assert connection.recv(4_000)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 417")


@settings(max_examples=40)
@given(st.lists(st.integers(1, 400), max_size=6), st.binary(max_size=300), st.booleans())
def test_a_request_is_the_same_however_it_is_cut(edge: LiveEdge, cuts: list[int], body: bytes, chunks: bool) -> None:
    """Wherever the network cuts a request, the gates see the same one, and only once it is whole."""
    if chunks:
        sevens = [body[at : at + 7] for at in range(0, len(body), 7)]
        pieces = b"".join(b"%x\r\n%b\r\n" % (len(seven), seven) for seven in sevens)
        sent = b"POST /a/x?q=1 HTTP/1.1\r\nHost: x\r\nX-A: b\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        sent += pieces + b"0\r\n\r\n"
    else:
        sent = ask(body, b"X-A: b", line=b"POST /a/x?q=1 HTTP/1.1")
    edges = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    edge.asked.clear()

    answer = edge.say(*[sent[start:stop] for start, stop in itertools.pairwise(edges)], pause=0.001)

    [asked] = edge.asked
    assert ("/a/x", "POST", "q=1", body) == (asked.path, asked.method, asked.query, asked.body)
    assert (b"x-a", b"b") in asked.headers
    assert answer.endswith(b"\r\n\r\n" + body)


@settings(max_examples=150)
@given(st.lists(st.sampled_from([
    b"POST /a/x HTTP/1.1\r\n", b"GET /a/x HTTP/1.1\r\n", b"host: x\r\n", b"content-length: 3\r\n", b"abc", b"\r\n",
    b"transfer-encoding: chunked\r\n", b"3\r\nabc\r\n", b"0\r\n", b"\n", b"\r", b" ", b":", b"\x00", b"\xff",
    b"connection: close\r\n", b"expect: 100-continue\r\n", b"upgrade: h2c\r\nconnection: upgrade\r\n", b"PRI * ",
]), max_size=14))  # fmt: skip
def test_no_bytes_break_the_edge(edge: LiveEdge, parts: list[bytes]) -> None:
    """Whatever comes, what goes back is nothing or answers, and nothing is answered that was not whole."""
    sent = b"".join(parts)
    edge.asked.clear()
    with edge.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = everything(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert len(edge.asked) <= sent.count(b"HTTP/1.1\r\n")
    assert not edge.faults


HOSTLESS = b"POST /a/x HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
REFUSED = {
    "no host": (HOSTLESS, 400),
    "two hosts": (ask(b"", b"host: y"), 400),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/2 in a line": (ask(line=b"POST /a/x HTTP/2.0"), 505),
    "HTTP/0.9": (b"GET /a/x\r\n\r\n", 505),
    "an upgrade": (ask(b"", b"upgrade: h2c", b"connection: upgrade", last=False), 400),
    "a tunnel": (b"CONNECT host:1 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "chunks under HTTP/1.0": (
        b"POST /a/x HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 400,
    ),
    "fields after chunks": (
        b"POST /a/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-irid: a\r\n\r\n", 400,
    ),
    "bytes beyond ASCII": (ask(b"", b"x-irid: \xc3\xa9"), 400),
    "a head without end": (b"POST /a/x HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 7_000, 431),
    "a large head": (ask(b"", b"x-a: " + b"a" * 40_000), 431),
    "too many fields": (ask(b"", *[b"x-a: a"] * 101), 431),
    "a long target": (ask(b"", line=b"POST /a/" + b"x" * 9_000 + b" HTTP/1.1"), 414),
    "an unknown expectation": (ask(b"", b"expect: magic"), 417),
    "a body announced too large": (
        b"POST /a/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9000000\r\n\r\n", 413,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_taken_is_refused_and_the_connection_closed(edge: LiveEdge, what: str) -> None:
    """Each bound answers with its own status and a sentence, and nothing reaches the gates."""
    sent, status = REFUSED[what]
    edge.asked.clear()

    answer = edge.say(sent)

    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:80]
    assert b"\r\nconnection: close\r\n" in answer and answer.endswith(b"\n")
    assert 1 == answer.count(b"content-length: ")
    assert not edge.asked


def test_a_sender_that_waits_for_leave_gets_it(edge: LiveEdge) -> None:
    """`Expect: 100-continue` is answered before the body comes; HTTP/1.0 knows no such thing."""
    with edge.connect() as connection:
        connection.sendall(ask(b"hello", b"expect: 100-continue")[:-5])
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == connection.recv(1000)
        connection.sendall(b"hello")
        assert everything(connection).endswith(b"\r\n\r\nhello")
    old = edge.say(ask(b"hello", b"expect: 100-continue", line=b"POST /a/x HTTP/1.0"))
    assert old.startswith(b"HTTP/1.1 200 OK")


def test_a_head_is_answered_without_a_body(edge: LiveEdge) -> None:
    """HEAD gets the head that GET would, and an unknown method is refused."""
    answer = edge.say(ask(b"", line=b"HEAD /a/x HTTP/1.1"))
    assert answer.startswith(b"HTTP/1.1 200 OK") and answer.endswith(b"\r\n\r\n")
    assert edge.say(ask(b"", line=b"HEAD /nowhere HTTP/1.1")).endswith(b"\r\n\r\n")
    assert edge.say(ask(b"", line=b"BREW /a/x HTTP/1.1")).startswith(b"HTTP/1.1 400 ")


def test_a_caller_of_http_1_0_gets_its_answer_and_the_end(edge: LiveEdge) -> None:
    """The connection ends with the answer, with or without a wish to keep it."""
    for more in ((), (b"connection: keep-alive",)):
        answer = edge.say(ask(b"hello", *more, line=b"POST /a/x HTTP/1.0", last=False))
        assert answer.startswith(b"HTTP/1.1 200 OK") and answer.endswith(b"\r\nconnection: close\r\n\r\nhello")


def test_an_oversized_body_is_read_to_its_end_and_handed_on_cut(
    edge: LiveEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its sender reads the refusal, the rest is drained: up to a bound, beyond which nobody listens."""
    monkeypatch.setattr(edge_module, "MAX_BODY", 1_000)
    monkeypatch.setattr(edge_module, "MAX_DRAINED", 200_000)
    edge.asked.clear()
    assert edge.say(ask(b"x" * 150_000)).endswith(b"x" * 1_001)
    assert edge.say(ask(b"x" * 3_000_000)).endswith(b"x" * 1_001)
    assert [1_001] * 2 == [len(asked.body) for asked in edge.asked]
    assert 0 == edge.edge.held
    extension = b"1;" + b"x" * 300_000
    head = b"POST /a/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    assert edge.say(head, extension).startswith(b"HTTP/1.1 413 ")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"", b""), (b"POST /a/x HTTP/1.1\r\nho", b"HTTP/1.1 408 "), (ask(b"hello")[:-1], b"HTTP/1.1 408 ")],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_slow_sender_holds_no_place(sent: bytes, status: bytes) -> None:
    """Who does not send a whole request in time is told so, and the connection is closed."""
    with live_edge() as edge, edge.connect() as connection:
        connection.sendall(sent)
        assert everything(connection).startswith(status)
        wait_until(lambda: not edge.edge._connections)
        assert 0 == edge.edge.held and not edge.asked


@pytest.mark.usefixtures("quick")
def test_a_silent_connection_is_closed_after_its_answer() -> None:
    """A kept connection is closed without a word when no next request comes."""
    with live_edge() as edge, edge.connect() as connection:
        connection.sendall(ask(last=False))
        assert one(connection).endswith(b"hello")
        assert b"" == everything(connection)


def test_beyond_the_cap_a_connection_is_told_so() -> None:
    """One connection too many gets a 503 with `Retry-After`; when one of the others leaves there is room again."""
    with live_edge(most=2) as edge:
        first, second = edge.connect(), edge.connect()
        wait_until(lambda: 2 == len(edge.edge._connections))
        answer = edge.say(ask())
        assert answer.startswith(b"HTTP/1.1 503 ") and b"\r\nretry-after: 1\r\n" in answer
        first.close()
        second.close()
        wait_until(lambda: not edge.edge._connections)
        assert edge.say(ask()).startswith(b"HTTP/1.1 200 ")


def test_bodies_share_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many large bodies at once cannot fill the memory: the one that would is refused, the others go on."""
    monkeypatch.setattr(edge_module, "MAX_HELD", 100_000)
    with live_edge() as edge, edge.connect() as first:
        first.sendall(ask(b"x" * 80_000)[:-1])
        wait_until(lambda: edge.edge.held > 79_000)
        assert edge.say(ask(b"x" * 90_000)[:-1]).startswith(b"HTTP/1.1 503 ")
        first.sendall(b"x")
        assert everything(first).endswith(b"x" * 80_000)
        wait_until(lambda: 0 == edge.edge.held)


@pytest.mark.parametrize("half", [True, False], ids=["half", "whole"])
def test_a_caller_who_closes_has_left(half: bool) -> None:
    """Closing the connection, or one's own half of it, tells the call under way at once."""
    left, waiting, late = threading.Event(), threading.Event(), threading.Event()

    async def answering(request: Request, reply: Exchange) -> None:
        reply.when_gone(left.set)
        waiting.set()
        while not left.is_set():
            await asyncio.sleep(0.005)
        reply.when_gone(late.set)
        await reply.start(200, [], length=1)
        await reply.write(b"x")
        await reply.end()

    with live_edge(answering) as edge, edge.connect() as connection:
        connection.sendall(ask(last=False))
        assert waiting.wait(10)
        connection.shutdown(socket.SHUT_WR) if half else connection.close()
        assert left.wait(5)
        assert late.wait(5), "who asks after the caller has left hears so at once"
        if half:
            assert b"" == everything(connection)


@pytest.mark.usefixtures("quick")
def test_a_caller_who_does_not_read_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream waits while its caller is slow; one who reads nothing at all is cut, and the call hears of it."""
    monkeypatch.setattr(edge_module, "WRITE_SECONDS", 0.4)
    written, gone = [0], threading.Event()

    async def answering(request: Request, reply: Exchange) -> None:
        reply.when_gone(gone.set)
        await reply.start(200, [], length=None)
        while not gone.is_set():
            await reply.write(b"x" * 10_000)
            written[0] += 10_000

    with live_edge(answering) as edge, edge.connect(buffer=4_096) as connection:
        connection.sendall(ask(last=False))
        until = time.monotonic() + 1
        while time.monotonic() < until:  # slowly: far longer than the bound on reading nothing
            assert connection.recv(200_000)
            time.sleep(0.001)
            assert not gone.is_set()
        assert gone.wait(10)
        waiting = 0
        while piece := connection.recv(1 << 20):
            waiting += len(piece)
            assert waiting < 1_000_000


def streaming(flush: bool) -> Iterator[LiveEdge]:
    async def answering(request: Request, reply: Exchange) -> None:
        await reply.start(200, [("content-type", "text/event-stream")], length=None)
        await reply.write(b"half")
        await asyncio.sleep(0.05)
        if request.body == b"break":
            reply.abort(flush=flush)
        else:
            await reply.end()

    with live_edge(answering) as edge:
        yield edge


def test_a_stream_that_is_broken_off_lacks_its_end() -> None:
    """Chunks without the last one, or a reset: no caller takes a broken answer for a whole one."""
    for edge in streaming(flush=True):
        assert edge.say(ask(b"whole")).endswith(b"\r\n\r\n4\r\nhalf\r\n0\r\n\r\n")
        assert edge.say(ask(b"break")).endswith(b"\r\n\r\n4\r\nhalf\r\n")
        old = edge.say(ask(b"whole", line=b"POST /a/x HTTP/1.0"))
        assert b"transfer-encoding" not in old and old.endswith(b"\r\n\r\nhalf")
        with edge.connect() as connection:
            connection.sendall(ask(b"break", line=b"POST /a/x HTTP/1.0"))
            with pytest.raises(ConnectionResetError):
                while connection.recv(1000):
                    pass
    for edge in streaming(flush=False):
        with edge.connect() as connection:
            connection.sendall(ask(b"break"))
            with pytest.raises(ConnectionResetError):
                while connection.recv(1000):
                    pass


def test_a_fault_of_ours_says_so_and_tells_no_log_what_was_asked(caplog: pytest.LogCaptureFixture) -> None:
    """A request that meets a bug gets a 500; the log names the place, never the message."""

    async def answering(request: Request, reply: Exchange) -> None:
        if request.body == b"late":
            await reply.start(200, [], length=9)
            await reply.write(b"x")
        raise RuntimeError(f"could not read {request.body!r}")

    with live_edge(answering) as edge, caplog.at_level(logging.ERROR):
        assert edge.say(ask(b"secret-prompt")).startswith(b"HTTP/1.1 500 ")
        assert not edge.say(ask(b"late")).endswith(b"xxxxxxxxx")
    assert "RuntimeError at test_edge.py:" in caplog.text
    assert "secret-prompt" not in caplog.text


def test_no_header_of_an_answer_makes_a_second_one() -> None:
    """A value that holds a line end never reaches the wire: the request ends in a fault."""

    async def answering(request: Request, reply: Exchange) -> None:
        await reply.start(200, [("x-a", request.body.decode())], length=0)
        await reply.end()

    with live_edge(answering) as edge:
        for value in (b"a\r\nset-cookie: b", b"a\nb: c", b"a\rb", b"a\x00b"):
            answer = edge.say(ask(value))
            assert b"set-cookie" not in answer and b"b: c" not in answer
            assert not answer.startswith(b"HTTP/1.1 200")


def test_the_end_lets_answers_finish_and_takes_no_new_request() -> None:
    """Told to end, the edge closes idle connections, lets the answer under way go out, and then closes."""
    go = threading.Event()

    async def answering(request: Request, reply: Exchange) -> None:
        while not go.is_set():
            await asyncio.sleep(0.005)
        await echo(request, reply)

    with live_edge(answering) as edge, edge.connect() as idle, edge.connect() as busy:
        busy.sendall(ask(last=False))
        wait_until(lambda: edge.asked)
        ended = asyncio.run_coroutine_threadsafe(edge.edge.end(5), edge.loop)
        assert b"" == everything(idle)
        go.set()
        assert everything(busy).endswith(b"\r\nconnection: close\r\n\r\nhello")
        ended.result(10)
        assert edge.say(ask()).startswith(b"HTTP/1.1 503 ")
