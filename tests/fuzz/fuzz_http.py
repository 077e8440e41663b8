"""Targets: the bytes of both connections, a caller's to the edge and a provider's to the upstream's client.

The first two bytes say where the rest is cut.  The same bytes are then read
whole, cut, and byte by byte, through a transport that only keeps what is written,
and every reading must come to the same.  What the edge takes for a request is read
once more by h11, another parser: two that differ are how requests are smuggled.

Not looked at: time, and requests that follow one that was answered.
"""

import asyncio
import random
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import h11

from comity.gateway.app import App
from comity.gateway.edge import MAX_HEAD, Edge
from comity.gateway.exchange import Exchange
from comity.gateway.upstream import _Connection as Line

__all__ = ["TARGETS", "cuts"]

MOST_SINGLE: Final = 1_024
"""Longer inputs are not read byte by byte."""


def cuts(seed: bytes, data: bytes) -> Iterator[list[bytes]]:
    """The bytes whole, in pieces as the seed has it, and one by one."""
    yield [data]
    chance, pieces, at = random.Random(seed), [], 0
    while at < len(data):
        width = chance.choice((1, 2, 3, 7, 20, 100, 1_000))
        pieces.append(data[at : at + width])
        at += width
    yield pieces
    if len(data) <= MOST_SINGLE:
        yield [data[at : at + 1] for at in range(len(data))]


class Kept:
    """A transport that keeps what is written and how it was closed."""

    def __init__(self) -> None:
        self.written, self.closed = b"", False

    def write(self, data: bytes) -> None:
        assert not self.closed, "written after the end"
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> None:
        return None

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Loop:
    """The little that the edge and the upstream's client want of a loop, without time."""

    def time(self) -> float:
        return 0.0

    def create_future(self) -> None:
        raise AssertionError("nobody waits here")

    def call_later(self, delay: float, act: Callable[[], None]) -> None:
        return None


@dataclass
class Request:
    """One whole request that the edge took."""

    path: str
    method: str
    query: str
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass
class Routes:
    """Stands for the application: keeps requests, answers each by its body."""

    everywhere: bool
    """Whether every path is found; else those below `/a/`, and the others are answered at once."""
    asked: list[Request] = field(default_factory=list)

    def find(self, path: bytes) -> tuple[None, str] | None:
        return (None, path.decode("latin-1")) if self.everywhere or path.startswith(b"/a/") else None

    async def answer(
        self,
        doors: None,
        rest: str,
        method: str,
        query: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        reply: Exchange,
    ) -> None:
        self.asked.append(Request(rest, method, query, list(headers), body))
        await reply.start(200, [("content-type", "text/plain")], length=len(body))
        await reply.write(body)
        await reply.end()


class LateEdge(Edge):
    """An edge whose answers wait until a test lets them go."""

    def __init__(self, routes: Routes) -> None:
        self.late: list[Coroutine[Any, Any, None]] = []
        super().__init__(cast(App, routes), cast(asyncio.AbstractEventLoop, Loop()), most=1)

    def run(self, exchange: Exchange, answering: Coroutine[Any, Any, None]) -> None:
        self.late.append(answering)

    def let_go(self) -> None:
        while self.late:
            try:
                self.late.pop(0).send(None)
            except StopIteration:
                continue
            raise AssertionError("an answer waits for something")


def _answers(written: bytes) -> list[int]:
    """The statuses of answers, each with its length; anything else is a fault."""
    found = []
    while written:
        head, empty, written = written.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        version, status, *_ = lines[0].split(b" ")
        assert empty and version == b"HTTP/1.1" and len(status) == 3, head
        if status == b"100":
            continue
        found.append(int(status))
        [length] = [int(line[16:]) for line in lines if line.startswith(b"content-length: ")]
        assert all(b": " in line for line in lines[1:]), head
        assert len(written) >= length, "an answer is shorter than its head says"
        written = written[length:]
    return found


def _read_edge(pieces: list[bytes], *, at_once: bool) -> tuple[list[Request], list[int]]:
    routes = Routes(everywhere=not at_once)
    edge, transport = LateEdge(routes), Kept()
    connection = edge.connect()
    connection.connection_made(cast(asyncio.Transport, transport))
    for piece in pieces:
        connection.data_received(piece)
        if at_once:
            edge.let_go()
    edge.let_go()
    mute = b"HEAD " in b"".join(pieces)  # those answers have lengths and no bodies
    statuses = [] if mute else _answers(transport.written)
    assert mute or len(statuses) >= len(routes.asked), "a request without its answer"
    connection.connection_lost(None)
    assert edge.held == 0, "bytes of bodies are counted as held although nothing is"
    return routes.asked, statuses


def edge(data: bytes) -> None:
    """Whatever a caller sends: no fault, the same first request however it is cut, and h11 reads it alike."""
    seed, sent = data[:2], data[2 : MAX_HEAD]
    seen = [_read_edge(pieces, at_once=False) for pieces in cuts(seed, sent)]
    for asked, statuses in seen:
        assert len(asked) <= 1, "a second request was read before the first was answered"
        assert (asked, statuses[:1]) == (seen[0][0], seen[0][1][:1]), "the cutting decides what was asked"
    _read_edge([sent], at_once=True)
    for pieces in cuts(seed, sent):
        _read_edge(pieces, at_once=True)
    for request in seen[0][0]:
        other = _by_h11(sent)
        assert (request.method, request.body) == (other.method, other.body), (request, other)
        assert request.path + (f"?{request.query}" if "?" in other.path else "") == other.path
        # the edge leaves blanks at the end of a value, which h11 takes away
        # and hands on the fields without the length, which says what the body says
        others = [(name, value) for name, value in other.headers if name != b"content-length"]
        assert [(name, value.rstrip(b" \t")) for name, value in request.headers] == others


def _by_h11(sent: bytes) -> Request:
    """The first request as another parser reads it; raises what h11 raises where it reads none.

    The edge skips empty lines before a request and takes several spaces for one in its first line, as RFC 9112
    allows (2.2 and 3); h11 takes neither.
    """
    line, end, rest = sent.lstrip(b"\r\n").partition(b"\r\n")
    sent = re.sub(b" +", b" ", line) + end + rest
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1_000_000)
    parser.receive_data(sent)
    head, body = parser.next_event(), b""
    assert isinstance(head, h11.Request), f"h11 reads no request: {head}"
    while not isinstance(event := parser.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data), f"h11 reads no whole body: {event}"
        body += event.data
    headers = [(bytes(name), bytes(value)) for name, value in head.headers]
    return Request(head.target.decode("latin-1"), head.method.decode(), "", headers, body)


def _read_line(pieces: list[bytes]) -> tuple[Any, ...]:
    line, transport = Line(cast(asyncio.AbstractEventLoop, Loop())), Kept()
    line.connection_made(cast(asyncio.Transport, transport))
    line.begin()
    for piece in pieces:
        if transport.closed:
            break
        line.data_received(piece)
    reusable = line.done and line.keep and not line.closed
    line.connection_lost(None)
    if not line.headed:
        assert not line.done and line.fault, "an answer without a head ended in order"
        return (False,)
    assert 200 <= line.status <= 599
    for name, value in line.headers:
        assert not set(name + value) & set("\r\n\0"), "a header holds what would end it"
    return line.status, line.headers, b"".join(line.chunks), line.done, reusable and not _ends_in_blanks(pieces)


def _ends_in_blanks(pieces: list[bytes]) -> bool:
    """Line ends may follow an answer: read with it they are nothing, read later they are more than was asked for."""
    return bool(pieces) and b"".join(pieces).endswith((b"\n\n", b"\r\n\r\n", b"\r"))


def upstream(data: bytes) -> None:
    """Whatever a provider sends: no fault, and the same answer and the same end however it is cut."""
    seed, sent = data[:2], data[2:]
    seen = [_read_line(pieces) for pieces in cuts(seed, sent)]
    for reading in seen:
        assert reading == seen[0], "the cutting decides what was answered"


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {"edge": edge, "upstream": upstream}
