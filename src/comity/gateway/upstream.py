"""The upstream: one send, one answer, as the bytes come.

An HTTP/1.1 client for one thing: to carry a permitted request to the provider
exactly once.  `httptools` parses the answer, this module frames the request.
There is no retry, no redirect, no decoding: a request whose connection breaks is
answered by `NoAnswer`, which says whether any of its bytes may have left.

Connections are kept for reuse.  One that the provider has closed is noticed
before anything is written to it and replaced; one that breaks after the first
byte was written ends the call.  One on which the provider said more than the one
answer it was asked for is never used again, so that no answer can be taken for
another request's.

Between the last look at the stop (`may_send`) and the first byte nothing else
runs in this process.

Not promised: that a request without an answer did not reach the model.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Literal, cast
from urllib.parse import urlsplit

import httptools

from comity.gateway.admission import Permit

__all__ = ["Answer", "NoAnswer", "NotSent", "Upstream"]

MAX_ANSWER_HEADERS: Final = 64 * 1024
HIGH_WATER: Final = 256 * 1024
"""Bytes of an answer that wait for a slow caller before reading from the provider pauses."""


class NoAnswer(Exception):
    """The provider gave no whole answer."""

    def __init__(self, slug: Literal["provider-failed", "provider-timeout"], because: str, *, sent: bool) -> None:
        self.slug: Literal["provider-failed", "provider-timeout"] = slug
        self.sent = sent
        super().__init__(because)


class NotSent(Exception):
    """Nothing left, because sending was no longer allowed when the connection was there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The head of a provider's answer; its body comes from `chunks`."""

    status: int
    headers: list[tuple[str, str]]
    chunks: AsyncIterator[bytes]
    """The body after transfer-decoding, as it comes; raises `NoAnswer` where it breaks off."""


class _Connection(asyncio.Protocol):
    """One connection; carries one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self.busy = False
        self._fresh()

    def _fresh(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: list[tuple[str, str]] = []
        self.chunks: deque[bytes] = deque()
        self.waiting = 0
        self.status = 0
        self.headed = False
        self.done = False
        self.keep = False
        self.paused = False
        self.fault = ""
        self.header_bytes = 0
        self.wake = asyncio.Event()

    def begin(self) -> None:
        """Make ready for one request's answer."""
        self._fresh()
        self.busy = True

    def taken(self) -> None:
        """Some of the body went on: read again where reading was paused."""
        if self.paused and self.waiting <= HIGH_WATER // 2 and not self.closed and self.transport is not None:
            self.paused = False
            self.transport.resume_reading()

    # asyncio's side
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        if not self.busy or self.done:
            self.close()  # nobody asked for this
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("the provider's answer is not HTTP/1.1")
        if self.waiting > HIGH_WATER and not self.paused and not self.closed and self.transport is not None:
            self.paused = True
            self.transport.pause_reading()
        self.wake.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if not self.done:
            if self.headed and not self._bounded():
                self.done = True
            else:
                self.fault = self.fault or "the provider closed the connection before its answer was whole"
        self.wake.set()

    def _bounded(self) -> bool:
        return any(
            name == "content-length" or (name == "transfer-encoding" and "chunked" in value.lower())
            for name, value in self.headers
        )

    def _fail(self, because: str) -> None:
        self.fault = self.fault or because
        self.close()

    def close(self) -> None:
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
        self.header_bytes += len(name) + len(value)
        if self.header_bytes > MAX_ANSWER_HEADERS:
            self._fail(f"the provider's headers exceed {MAX_ANSWER_HEADERS} bytes")
            return
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self.done or self.fault:
            return
        status = self.parser.get_status_code()
        if status < 200:
            self.headers.clear()
        elif status > 599:
            self._fail(f"the provider's status {status} is none of HTTP's")
        else:
            self.status, self.headed, self.keep = status, True, self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        if not self.done and not self.fault:
            self.chunks.append(body)
            self.waiting += len(body)

    def on_message_complete(self) -> None:
        if self.headed and not self.fault:
            self.done = True


class Upstream:
    """The provider's endpoint and the connections to it."""

    def __init__(self, base_url: str, *, connect_seconds: float = 10, answer_seconds: float = 600) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError(f"expected an upstream such as https://api.example/v1, got {base_url!r}")
        self._host, self._port = parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._prefix = parts.path.rstrip("/").removesuffix("/v1")
        self._authority = parts.netloc
        self._connect_seconds, self._answer_seconds = connect_seconds, answer_seconds
        self._idle: list[_Connection] = []

    async def send(
        self,
        permit: Permit,
        *,
        path: str,
        headers: list[tuple[str, str]],
        body: bytes,
        may_send: Callable[[], bool] = lambda: True,
    ) -> Answer:
        """Send one permitted request and return when the answer's head is there.

        Raises `NoAnswer`, or `NotSent` where `may_send` says no when the connection is ready.
        """
        permit.use()
        connection = await self._connection()
        if not may_send():
            self._idle.append(connection)
            raise NotSent
        connection.begin()
        transport = connection.transport
        if transport is None:
            raise AssertionError("a connection without a transport")
        head = [f"POST {self._prefix}{path} HTTP/1.1", f"host: {self._authority}"]
        head += [f"{name}: {value}" for name, value in headers]
        head += ["accept-encoding: identity", f"content-length: {len(body)}", "", ""]
        transport.write("\r\n".join(head).encode("latin-1") + body)
        try:
            await self._wait(connection, until_head=True)
        except BaseException:
            connection.close()
            raise
        return Answer(status=connection.status, headers=connection.headers, chunks=self._chunks(connection))

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and connection.transport is not None and not connection.transport.is_closing():
                return connection
            connection.close()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    _Connection, self._host, self._port, ssl=self._tls
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
        return connection

    async def _wait(self, connection: _Connection, *, until_head: bool) -> None:
        """Wait for the head, or for more of the body; `answer_seconds` bound each silence."""
        while True:
            if connection.chunks or connection.done or (until_head and connection.headed):
                return
            if connection.fault or connection.closed:
                raise NoAnswer("provider-failed", connection.fault or "the provider's connection broke", sent=True)
            connection.wake.clear()
            try:
                async with asyncio.timeout(self._answer_seconds):
                    await connection.wake.wait()
            except TimeoutError:
                raise NoAnswer(
                    "provider-timeout", f"the provider was silent for {self._answer_seconds:g} s", sent=True
                ) from None

    async def _chunks(self, connection: _Connection) -> AsyncIterator[bytes]:
        try:
            while True:
                await self._wait(connection, until_head=False)
                while connection.chunks:
                    chunk = connection.chunks.popleft()
                    connection.waiting -= len(chunk)
                    connection.taken()
                    yield chunk
                if connection.done:
                    break
        finally:
            if connection.done and not connection.closed and connection.keep:
                connection.busy = False
                self._idle.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Drop every idle connection."""
        while self._idle:
            self._idle.pop().close()
