"""The upstream: one send, one answer, as the bytes come.

An HTTP/1.1 client for one thing: to carry a permitted request to the provider
exactly once.  `httptools` parses the answer, this module frames the request.
There is no retry, no redirect, no decoding: a request whose connection breaks is
answered by `NoAnswer`, which says whether any of its bytes may have left.  A
redirect is an answer like any other; it is not followed, and the caller does not
learn where it leads.  An answer that comes compressed although `identity` was
asked for passes as it is, and states nothing that can be read.

Connections are kept for reuse.  One that the provider has closed, or that was
silent for long, is noticed before anything is written to it and replaced; one
that breaks after the first byte was written ends the call.  One on which the
provider said more than the one answer it was asked for is never used again, so
that no answer can be taken for another request's.

Where calls go is the operator's word alone (`endpoint`), and the address that a
name leads to is looked at before a byte leaves.

Between the last look at the stop (`may_send`) and the first byte nothing runs in
this process but other calls of the same turn of the loop.

Not promised: that a request without an answer did not reach the model.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, cast

import httptools

from comity.gateway.admission import Permit
from comity.gateway.endpoint import parse_endpoint, refuse_address
from comity.gateway.headers import Lines
from comity.gateway.tls import client_context

__all__ = ["Answer", "NoAnswer", "NotSent", "Upstream"]

MAX_ANSWER_HEADERS: Final = 64 * 1024
HIGH_WATER: Final = 256 * 1024
"""Bytes of an answer that wait for a slow caller before reading from the provider pauses."""
IDLE_SECONDS: Final = 50.0
"""A connection that was silent for longer is not used again: networks forget those without a word."""
WRITTEN_AT_ONCE: Final = 64 * 1024
"""A head is joined to a body up to this size; a larger body is not copied for it."""
_INJECTED: Final = "a header or path of a request to the provider holds what would end it"


class NoAnswer(Exception):
    """The provider gave no whole answer."""

    def __init__(self, slug: Literal["provider-failed", "provider-timeout"], because: str, *, sent: bool) -> None:
        self.slug: Literal["provider-failed", "provider-timeout"] = slug
        self.sent = sent
        super().__init__(because)


class NotSent(Exception):
    """Nothing left, because sending was no longer allowed when the connection was there."""


class _Connection(asyncio.Protocol):
    """One connection; carries one request at a time."""

    __slots__ = (
        "_future", "_header_bytes", "_high", "_parser", "_wake", "_whole", "busy", "chunks", "closed", "done",
        "fault", "headed", "headers", "heard", "keep", "now", "paused", "status", "transport", "waiting",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self._future, self.now = loop.create_future, loop.time
        self.heard = loop.time()
        """When the provider was last heard, or a wait for it began."""
        self._wake: asyncio.Future[None] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self.chunks: deque[bytes] = deque()
        self.begin()
        self.busy = False

    def begin(self) -> None:
        """Make ready for one request's answer; the one before ended in order, so the parser waits for the next."""
        self.headers: list[tuple[bytes, bytes]] = []
        self.waiting = self.status = self._header_bytes = 0
        self._high = HIGH_WATER
        self.headed = self.done = self.keep = self.paused = self._whole = False
        self.fault = ""
        self.busy = True

    def more(self) -> "asyncio.Future[None]":
        """Done when something new is known; raises `NoAnswer` where nothing more can come."""
        if self.closed:
            raise NoAnswer("provider-failed", self.fault or "the provider's connection broke", sent=True)
        self.heard = self.now()
        self._wake = wake = self._future()
        return wake

    def _tell(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None and not wake.done():
            wake.set_result(None)

    def silent(self, seconds: float) -> None:
        """The provider was silent for too long while somebody waits for it."""
        wake, self._wake = self._wake, None
        if wake is not None and not wake.done():
            silence = f"the provider was silent for {seconds:g} s"
            wake.set_exception(NoAnswer("provider-timeout", silence, sent=True))

    def take(self) -> bytes:
        """The next bytes of the body; reading goes on where it was paused."""
        chunk = self.chunks.popleft()
        self.waiting -= len(chunk)
        if self.paused and self.waiting <= self._high // 2 and not self.closed and self.transport is not None:
            self.paused = False
            self.transport.resume_reading()
        return chunk

    def take_all(self) -> bytes:
        """All bytes of the body that wait; reading goes on where it was paused."""
        if len(self.chunks) == 1:
            return self.take()
        whole = b"".join(self.chunks)
        while self.chunks:
            self.take()
        return whole

    def gather(self, limit: int) -> None:
        """From now on wake nobody before the body is whole, or longer than `limit`."""
        self._whole, self._high = True, limit
        if self.paused and self.transport is not None and not self.closed:
            self.paused = False
            self.transport.resume_reading()

    # asyncio's side
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        if not self.busy or self.done:
            self.close()  # nobody asked for this
            return
        self.heard = self.now()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("the provider's answer is not HTTP/1.1")
        over = self.waiting > self._high
        if over and not self.paused and not self.closed and self.transport is not None:
            self.paused = True
            self.transport.pause_reading()
        if over or self.done or self.closed or not self._whole:
            self._tell()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if not self.done:
            if self.headed and not self.fault and not self._bounded():
                self.done = True
            else:
                self.fault = self.fault or "the provider closed the connection before its answer was whole"
        self._tell()

    def _bounded(self) -> bool:
        return any(
            name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value.lower())
            for name, value in self.headers
        )

    def _fail(self, because: str) -> None:
        self.fault = self.fault or because
        self.close()

    def close(self) -> None:
        """Drop the connection and what waits on it."""
        self.closed = True
        if self.transport is not None:
            self.transport.abort()

    # httptools' side
    def on_message_begin(self) -> None:
        if self.done:
            self.keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.done or self.fault:
            return
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_ANSWER_HEADERS:
            self._fail(f"the provider's headers exceed {MAX_ANSWER_HEADERS} bytes")
            return
        if not self.headed:  # what follows a body in chunks is no header
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self.done or self.fault:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
        elif status > 599:
            self._fail(f"the provider's status {status} is none of HTTP's")
        else:
            self.status, self.headed, self.keep = status, True, self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        if not self.done and not self.fault:
            self.chunks.append(body)
            self.waiting += len(body)

    def on_message_complete(self) -> None:
        if self.headed and not self.fault:
            self.done = True


class Answer:
    """The head of a provider's answer; its body comes from `piece`, again and again, or from `read_whole`, once."""

    __slots__ = ("_connection", "_release", "headers", "status")

    def __init__(self, connection: _Connection, release: Callable[[_Connection], None]) -> None:
        self.status: int = connection.status
        self.headers: list[tuple[bytes, bytes]] = connection.headers
        """Names in lower case, values as they came."""
        self._connection, self._release = connection, release

    async def piece(self) -> bytes:
        """What came of the body since the last look, empty at its end; raises `NoAnswer` where it breaks off.

        Whoever reads by pieces calls `release` when it reads no more.
        """
        connection = self._connection
        while not connection.chunks:
            if connection.done:
                return b""
            await connection.more()
        return connection.take_all()

    def release(self) -> None:
        """Keep the connection for another request where the answer came whole, else drop it."""
        self._release(self._connection)

    def at_hand(self, limit: int) -> bytes | None:
        """The whole body where it is here already, as most are that come at once; None where `read_whole` has to wait.

        Either is called once.
        """
        connection = self._connection
        if not connection.done or connection.waiting > limit:
            return None
        whole = connection.chunks[0] if len(connection.chunks) == 1 else b"".join(connection.chunks)
        self._release(connection)
        return whole

    async def read_whole(self, limit: int) -> bytes:
        """The whole body after transfer-decoding; raises `NoAnswer` where it breaks off or exceeds `limit` bytes."""
        connection = self._connection
        try:
            if not connection.done:
                connection.gather(limit)
                while not connection.done and connection.waiting <= limit:
                    await connection.more()
            if connection.waiting > limit:
                connection.close()
                raise NoAnswer("provider-failed", f"the answer exceeds {limit} bytes", sent=True)
            return connection.chunks[0] if len(connection.chunks) == 1 else b"".join(connection.chunks)
        finally:
            self._release(connection)

    def so_far(self) -> bytes:
        """What came of the body and was not taken, where reading it broke off."""
        return b"".join(self._connection.chunks)


class Upstream:
    """The provider's endpoint and the connections to it."""

    def __init__(
        self,
        base_url: str,
        *,
        tls: ssl.SSLContext | None = None,
        link_local: bool = False,
        connect_seconds: float = 10,
        answer_seconds: float = 600,
    ) -> None:
        """Raises `ValueError` for a URL that is no endpoint.

        `tls` is `tls.client_context()` unless given; `link_local` allows addresses that lead to this
        machine's own surroundings.
        """
        self._endpoint = endpoint = parse_endpoint(base_url, link_local=link_local)
        self._tls = (tls or client_context()) if endpoint.secure else None
        self._link_local = link_local
        self._lead = f"POST {endpoint.prefix}"
        self._follow = f" HTTP/1.1\r\nhost: {endpoint.authority}\r\naccept-encoding: identity\r\ncontent-length: "
        self._connect_seconds, self._answer_seconds = connect_seconds, answer_seconds
        self._idle: list[_Connection] = []
        self._flying: set[_Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def send(
        self,
        permit: Permit,
        *,
        path: str,
        headers: Lines,
        body: bytes,
        may_send: Callable[[], bool] = lambda: True,
    ) -> Answer:
        """Send one permitted request and return when the answer's head is there.

        Raises `NoAnswer`, or `NotSent` where `may_send` says no when the connection is ready.
        """
        permit.use()
        head = f"{self._lead}{path}{self._follow}{len(body)}{headers.text}\r\n\r\n"
        if not head.count("\r") == head.count("\n") == headers.number + 5 or " " in path or not head.isascii():
            raise AssertionError(_INJECTED)
        whole = head.encode()
        whole = whole + body if len(body) <= WRITTEN_AT_ONCE else whole
        connection = self._kept() or await self._connect()
        transport = connection.transport
        if transport is None:
            raise AssertionError("a connection without a transport")
        connection.begin()
        if not may_send():
            connection.busy = False
            self._idle.append(connection)
            raise NotSent
        transport.write(whole)
        if len(body) > WRITTEN_AT_ONCE:
            transport.write(body)
        self._flying.add(connection)
        if self._timer is None:
            self._watch()
        try:
            while not (connection.headed or connection.done):
                await connection.more()
        except BaseException:
            self._release(connection)
            raise
        return Answer(connection, self._release)

    def _kept(self) -> _Connection | None:
        """A connection that was kept and is fresh, if there is one."""
        while self._idle:
            connection = self._idle.pop()
            fresh = connection.heard + IDLE_SECONDS > connection.now()
            if fresh and not connection.closed and connection.transport and not connection.transport.is_closing():
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                transport, connection = await loop.create_connection(
                    lambda: _Connection(loop), self._endpoint.host, self._endpoint.port, ssl=self._tls
                )
        except TimeoutError:
            raise NoAnswer(
                "provider-timeout", "the provider's endpoint did not take a connection", sent=False
            ) from None
        except (OSError, ssl.SSLError) as error:
            raise NoAnswer(
                "provider-failed",
                f"the provider's endpoint refused a connection: {type(error).__name__}",
                sent=False,
            ) from None
        if not self._link_local and (because := refuse_address(transport.get_extra_info("peername")[0])):
            connection.close()
            raise NoAnswer("provider-failed", because, sent=False)
        return connection

    def _release(self, connection: _Connection) -> None:
        """The call is over: keep the connection where it is clean, else close it."""
        self._flying.discard(connection)
        if connection.done and connection.keep and not connection.closed and not connection.paused:
            connection.busy = False
            connection.chunks.clear()
            self._idle.append(connection)
        else:
            connection.close()

    def _watch(self) -> None:
        """One timer for all calls: end the waits that have lasted too long."""
        if not self._flying:
            self._timer = None
            return
        loop = asyncio.get_running_loop()
        long_ago = loop.time() - self._answer_seconds
        for connection in [each for each in self._flying if each.heard <= long_ago]:
            connection.silent(self._answer_seconds)
        self._timer = loop.call_later(min(1.0, self._answer_seconds / 8), self._watch)

    def close(self) -> None:
        """Drop every idle connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._idle:
            self._idle.pop().close()
