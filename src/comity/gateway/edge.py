"""The edge: HTTP/1.1 in, one answer for each request, in order.

`httptools` (llhttp, in its strict mode) reads requests and this module frames
answers (RFC 9112).  One connection carries one request at a time.  A request
reaches the gates only when it is whole and could not be read in a second way:

| came | answered |
| --- | --- |
| a length and chunks, two lengths, folded or bare line ends, an unknown coding | 400, closed |
| fields after chunks, bytes beyond ASCII in a header | 400, closed |
| another version than 1.0 and 1.1 · an upgrade | 505 · 400, closed |
| a head of more than 32 KiB or 100 fields · a target of more than 8 KiB | 431 · 414, closed |
| a body of more than 64 MiB, or one announced (`Expect`) beyond what is taken | 413, closed |
| a head or a body that does not come in time | 408, closed |
| more connections, or more bytes of bodies at once, than there is room for | 503, closed |

What comes before an answer is out is never read as a request: behind a proxy it
would be one that the proxy did not see.  The answer goes out and the connection
is closed.  A caller who closes its half of the connection has left.

Not promised: that a caller behind a proxy is seen to leave; the proxy must close.
"""

import asyncio
import logging
import socket
import struct
import traceback
from collections.abc import Coroutine
from math import inf
from typing import Any, Final, cast
from typing import Protocol as Shape

import httptools

from comity.gateway.asked import MAX_BODY
from comity.gateway.exchange import Exchange
from comity.gateway.headers import Fields

__all__ = ["KEEP_ALIVE_SECONDS", "MAX_HEAD", "MAX_HEADERS", "MAX_TARGET", "Edge", "Routes"]

KEEP_ALIVE_SECONDS: Final = 75.0
"""Silence between two requests; nginx closes the connections it keeps after 60 s."""
HEAD_SECONDS: Final = 20.0
BODY_SECONDS: Final = 120.0
"""For a whole body: 8 MiB at half a megabit a second."""
WRITE_SECONDS: Final = 60.0
"""For a caller who reads nothing of what is written to it."""
SWEEP_SECONDS: Final = 1.0
"""One timer for all connections looks this often whose time is over."""
LINGER_SECONDS: Final = 3.0
"""How long a refused sender may go on sending, so that the kernel does not take the refusal back (RFC 9112, 9.6)."""

MAX_HEAD: Final = 32 * 1024
MAX_HEADERS: Final = 100
MAX_TARGET: Final = 8 * 1024
MAX_DRAINED: Final = 8 * MAX_BODY
"""Bytes of an oversized body that are read and thrown away, so that its sender reads the refusal."""
MAX_HELD: Final = 64 * MAX_BODY
"""Bytes of all bodies that are held at once."""

_WAITING, _HEAD, _BODY, _ANSWERING, _LINGERING, _CLOSED = range(6)
_LOOKED_AT: Final = frozenset((b"host", b"transfer-encoding", b"content-length", b"expect"))
_RESET: Final = struct.pack("ii", 1, 0)
_AGAIN: Final = ("retry-after", "1")
_log = logging.getLogger("comity.gateway")


class Routes(Shape):
    """What answers the requests that come in here: an operator's arrangements, or a guard."""

    def find(self, path: bytes, /) -> tuple[Any, str] | None:
        """What answers under this path, and the rest of it; None where nothing does."""
        ...

    def answer(
        self, found: Any, rest: str, method: str, query: str, headers: Fields, body: bytes, exchange: Exchange, /
    ) -> Coroutine[Any, Any, None]:
        """What answers one request, to be run in a task."""
        ...


class _Stop(Exception):
    """Raised in the parser's callbacks to end its reading."""


class _Connection(asyncio.Protocol):
    """One caller's connection."""

    __slots__ = (
        "_body", "_edge", "_exchange", "_fields", "_headers", "_held", "_length_at", "_more", "_parser", "_raw",
        "_read_one", "_refusal", "_size", "_state", "_target", "_waiting", "deadline", "keep", "old", "paused",
        "transport",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, edge: "Edge") -> None:
        self._edge = edge
        self._parser = httptools.HttpRequestParser(self)
        self._exchange: Exchange | None = None
        self._refusal: tuple[int, str] | None = None
        self._state, self._waiting, self._held, self.deadline = _WAITING, 0, 0, inf
        self._read_one = self._more = self.old = False
        self.keep = True
        self.paused: asyncio.Future[None] | None = None
        self._fields, self._length_at = Fields(), -1
        """The last request's fields without its length, and where that stood; -1 where it had none."""
        self._clear()

    def _clear(self) -> None:
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: bytes | bytearray = b""
        self._size = self._raw = 0

    # asyncio's side
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self.deadline = self._edge.now() + HEAD_SECONDS
        if not self._edge.admit(self):
            self._refuse(503, "this gateway holds as many connections as it may; ask again", _AGAIN)

    def data_received(self, data: bytes) -> None:
        if self._state >= _ANSWERING:
            self._more = True  # dropped: it belongs to no request
            return
        self._raw += len(data)
        self._read_one = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._unread(error)
        else:
            if self._state < _ANSWERING and not self._read_one:
                self._unfinished()

    def _unread(self, error: httptools.HttpParserError) -> None:
        """The parser stopped: at what comes after the request, at a refusal of ours, or at what it does not read."""
        if self._read_one:
            self._more = True
            if self._state == _WAITING:
                self._linger()
        elif self._refusal is not None:
            self._refuse(*self._refusal)
        elif isinstance(error.__context__, Exception):
            raise error.__context__  # a callback's, so a bug of ours
        else:
            self._refuse(400, "the request is not HTTP/1.1, or could be read in two ways")

    def _unfinished(self) -> None:
        """More of the request is to come: bound it in size and in time."""
        if self._state != _BODY:
            if self._raw > MAX_HEAD:
                self._refuse(431, f"the request's head exceeds {MAX_HEAD} bytes")
            elif self._state == _WAITING:
                self._state = _HEAD
                self.deadline = self._edge.now() + HEAD_SECONDS
        elif self._edge.held > MAX_HELD:
            self._refuse(503, "this gateway holds as many requests as it may; ask again", _AGAIN)
        elif self._raw > MAX_DRAINED + MAX_HEAD:
            self._more = True
            if self._size > MAX_BODY:  # what is here is enough to be refused under its clause
                self.on_message_complete()
            else:
                self._refuse(413, f"the framing of the request's body exceeds {MAX_DRAINED} bytes")

    def eof_received(self) -> bool:
        return False  # who ends one half has left: the transport closes

    def pause_writing(self) -> None:
        self.paused = asyncio.get_running_loop().create_future()
        self._waiting = self.transport.get_write_buffer_size()
        self.deadline = self._edge.now() + WRITE_SECONDS

    def resume_writing(self) -> None:
        if self._state == _ANSWERING:
            self.deadline = inf
        self._wake()

    def _wake(self) -> None:
        paused, self.paused = self.paused, None
        if paused is not None and not paused.done():
            paused.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._state = _CLOSED
        self._edge.forget(self)
        self._release()
        exchange, self._exchange = self._exchange, None
        if exchange is not None and not exchange.over:
            exchange.lost()
        self._wake()

    # httptools' side
    def on_url(self, piece: bytes) -> None:
        if self._read_one:
            raise _Stop  # a second request in the tail of the first
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._state == _BODY:
            self._stop(400, "the body in chunks ends with fields of its own, which are not taken")
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._state = _BODY
        version, headers = self._parser.get_http_version(), self._headers
        if version != "1.1":
            self.old = version == "1.0"
            if not self.old:
                self._stop(505, "HTTP/1.1 is spoken here")
        if self._parser.should_upgrade():
            self._stop(400, "the connection stays HTTP/1.1: no upgrade is spoken here")
        if len(headers) > MAX_HEADERS:
            self._stop(431, f"the request has more than {MAX_HEADERS} header fields")
        if self._raw > MAX_HEAD and sum(len(name) + len(value) for name, value in headers) > MAX_HEAD:
            self._stop(431, f"the request's head exceeds {MAX_HEAD} bytes")
        if len(self._target) > MAX_TARGET:
            self._stop(414, f"the request's target exceeds {MAX_TARGET} bytes")
        if not self._as_before(headers):
            looked_at = [pair for pair in headers if pair[0] in _LOOKED_AT]
            if len(looked_at) != 2 or looked_at[0][0] != b"host" or looked_at[1][0] != b"content-length":
                self._look(dict(looked_at), len(looked_at))
            if not b"".join([value for _, value in headers]).isascii():
                self._stop(400, "a header's value holds bytes beyond ASCII")
            at = next((at for at, (name, _) in enumerate(headers) if name == b"content-length"), -1)
            self._fields, self._length_at = Fields(headers if at < 0 else headers[:at] + headers[at + 1 :]), at
        self.deadline = self._edge.now() + BODY_SECONDS

    def _as_before(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether these fields are those that passed on this connection before, but for the number in the length."""
        at, before = self._length_at, self._fields
        return (
            0 <= at < len(headers)
            and headers[at][0] == b"content-length"
            and headers[:at] == before[:at]
            and headers[at + 1 :] == before[at:]
            and not self.old
        )

    def _look(self, framing: dict[bytes, bytes], fields: int) -> None:
        """Refuse framing that two readers could understand differently, and answer an expectation."""
        if fields != len(framing) or (b"host" not in framing and not self.old):
            self._stop(400, "expected one host, and length, coding and expectation at most once")
        coding = framing.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or b"content-length" in framing or self.old):
            self._stop(400, "expected a body with a length, or in chunks and no other coding")
        expected = framing.get(b"expect")
        if expected is None or self.old:
            return
        if expected.lower() != b"100-continue":
            self._stop(417, "expected no expectation but 100-continue")
        if int(framing.get(b"content-length", b"0")) > MAX_BODY:
            self._stop(413, f"the body has more than the {MAX_BODY} bytes that are taken")
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _stop(self, status: int, message: str) -> None:
        self._refusal = (status, message)
        raise _Stop

    def on_body(self, piece: bytes) -> None:
        room = MAX_BODY + 1 - self._size
        self._size += len(piece)
        if room <= 0:
            return
        if len(piece) > room:
            piece = piece[:room]
        self._held += len(piece)
        self._edge.held += len(piece)
        if not self._body:
            self._body = piece
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += piece

    def on_message_complete(self) -> None:
        self._read_one = True
        self._state = _ANSWERING
        self.deadline = inf
        self.keep = self._parser.should_keep_alive() and not self.old
        method = self._parser.get_method().decode()
        exchange = self._exchange = Exchange(self, mute=method == "HEAD")
        path, _, query = self._target.partition(b"?")
        found = self._edge.app.find(path)
        if found is None:
            exchange.say(404, "no arrangement is served under this path")
        else:
            body = self._body if isinstance(self._body, bytes) else bytes(self._body)
            self._body = b""
            request = (*found, method, query.decode("latin-1"), self._fields, body)
            self._edge.run(exchange, self._edge.app.answer(*request, exchange))

    # the answer's side
    def lasts(self) -> bool:
        """Whether the connection may carry another request."""
        return self.keep and not self._more and not self._edge.ending

    def answered(self) -> None:
        """The answer is out: go on with the next request, or close."""
        self._exchange = None
        self._release()
        if self.lasts():
            self._clear()
            self._state = _WAITING
            self.deadline = self._edge.now() + KEEP_ALIVE_SECONDS
        elif self._more:
            self._linger()
        else:
            self.close()

    def _release(self) -> None:
        self._edge.held -= self._held
        self._held = 0

    def _refuse(self, status: int, message: str, *more: tuple[str, str]) -> None:
        """Answer what is not to be read any further, and close."""
        self._state, self._more = _ANSWERING, True
        Exchange(self, mute=False).say(status, message, *more)

    def _linger(self) -> None:
        """End our half, and drop for a while what still comes."""
        self._state = _LINGERING
        self._waiting = self.transport.get_write_buffer_size()
        self.deadline = self._edge.now() + LINGER_SECONDS
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def close(self) -> None:
        """Close in order: what was written still goes out."""
        self._state = _CLOSED
        self._waiting = self.transport.get_write_buffer_size()
        self.deadline = self._edge.now() + WRITE_SECONDS
        self.transport.close()

    def reset(self) -> None:
        """Close at once; the kernel drops what it has not delivered."""
        if not self.transport.is_closing():
            channel = self.transport.get_extra_info("socket")
            if channel is not None:
                channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def idle(self) -> bool:
        """Whether no request is under way."""
        return self._state <= _HEAD

    def late(self, now: float) -> None:
        """The deadline has passed."""
        if self._state in (_HEAD, _BODY):
            self._refuse(408, "the request did not come in time")
        elif self._state == _WAITING:
            self.close()
        elif (waiting := self.transport.get_write_buffer_size()) < self._waiting:  # slow, and reading
            self._waiting, self.deadline = waiting, now + WRITE_SECONDS
        else:
            self.transport.abort()


class Edge:
    """All connections of one listening socket."""

    def __init__(self, app: Routes, loop: asyncio.AbstractEventLoop, *, most: int) -> None:
        self.app, self.now, self.ending = app, loop.time, False
        self.held = 0
        """Bytes of bodies that are held now."""
        self._loop, self._most = loop, most
        self._connections: set[_Connection] = set()
        self._tasks: dict[Exchange, asyncio.Task[None]] = {}
        self._timer = loop.call_later(SWEEP_SECONDS, self._sweep)

    def connect(self) -> asyncio.Protocol:
        """A protocol for one new connection."""
        return _Connection(self)

    def admit(self, connection: _Connection) -> bool:
        """Count a connection; False where it is one too many."""
        self._connections.add(connection)
        return len(self._connections) <= self._most and not self.ending

    def forget(self, connection: _Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)

    def run(self, exchange: Exchange, answering: Coroutine[Any, Any, None]) -> None:
        """Have a whole request answered in a task of its own."""
        self._tasks[exchange] = self._loop.create_task(self._run(exchange, answering))

    async def _run(self, exchange: Exchange, answering: Coroutine[Any, Any, None]) -> None:
        try:
            await answering
        except Exception as fault:
            _log.error("a request ended by a fault of ours: %s", _where(fault))
            if not exchange.started and not exchange.over:
                exchange.say(500, "a fault of this gateway ended the request")
        finally:
            del self._tasks[exchange]
            if not exchange.over:
                exchange.abort(flush=False)

    def _sweep(self) -> None:
        now = self.now()
        for connection in [each for each in self._connections if each.deadline <= now]:
            connection.late(now)
        self._timer = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    async def end(self, seconds: float) -> None:
        """Take no new request, and wait that long for the answers under way."""
        self.ending = True
        for connection in [each for each in self._connections if each.idle()]:
            connection.close()
        until = self.now() + seconds
        while self._tasks and self.now() < until:
            await asyncio.sleep(0.01)

    async def cut(self) -> None:
        """Drop everything that is still open."""
        self._timer.cancel()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in tuple(self._connections):
            connection.transport.abort()


def _where(fault: BaseException) -> str:
    """What broke and where; never the message, which may hold what a caller wrote."""
    frames = traceback.extract_tb(fault.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "an unknown place"
    return f"{type(fault).__name__} at {place}"
