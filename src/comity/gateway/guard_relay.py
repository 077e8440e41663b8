"""The guard's way on: one request to the provider's endpoint, and its answer as the bytes come.

`httptools` parses the answer; its body passes after transfer-decoding, chunk by chunk, and all of its headers
but those of the connection itself (RFC 9110, section 7.6.1).  A request is written once: there is no retry, no
redirect and no decoding.  Connections are kept for reuse; one that said more than the one answer is not.

Not promised: that a request without an answer did not reach the model.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, cast

import httptools

from comity.gateway.endpoint import parse_endpoint
from comity.gateway.reply import Reply
from comity.gateway.tls import client_context

__all__ = ["HOP", "Headers", "NotCarried", "Relay"]

Headers = Sequence[tuple[bytes, bytes]]

HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
"""Headers that speak of one connection, and end with it."""
MAX_ANSWER_HEAD: Final = 64 * 1024
HIGH_WATER: Final = 256 * 1024
"""Bytes of an answer that wait for a slow caller before reading from the endpoint pauses."""
CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 600.0

_FIELD: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


class NotCarried(Exception):
    """The endpoint gave no whole answer; `slug` says whether it failed or kept silent."""

    def __init__(self, slug: str, because: str) -> None:
        self.slug = slug
        super().__init__(because)


class _Line(asyncio.Protocol):
    """One connection to the endpoint, for one request at a time."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.closed = False
        self.busy = False
        self.fault = ""
        self._fresh()

    def _fresh(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: deque[bytes] = deque()
        self.status = self._waiting = self._head = 0
        self.headed = self.done = self.keep = self._paused = False
        self.woken = asyncio.Event()

    def ask(self, whole: bytes) -> None:
        """Write one request."""
        self._fresh()
        self.busy = True
        self.transport.write(whole)

    def take(self) -> bytes:
        """What of the body has come, and room for more."""
        chunk = self.chunks.popleft() if len(self.chunks) == 1 else b"".join(self.chunks)
        self.chunks.clear()
        self._waiting = 0
        if self._paused and not self.closed:
            self._paused = False
            self.transport.resume_reading()
        return chunk

    def close(self) -> None:
        self.closed = True
        self.transport.abort()

    # asyncio's side
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.busy or self.done:
            self.close()  # nobody asked for this
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("the model's endpoint does not answer in HTTP/1.1")
        if not self.headed:
            self._head += len(data)
            if self._head > MAX_ANSWER_HEAD:
                self._fail(f"the head of the endpoint's answer exceeds {MAX_ANSWER_HEAD} bytes")
        if self._waiting > HIGH_WATER and not self._paused and not self.closed:
            self._paused = True
            self.transport.pause_reading()
        self.woken.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self.headed and not self.done and self.length is None and not self.chunked and error is None:
            self.done = True  # an answer without a length ends with its connection
        elif not self.done:
            self.fault = self.fault or "the model's endpoint closed the connection before its answer was whole"
        self.woken.set()

    def _fail(self, because: str) -> None:
        self.fault = self.fault or because
        self.close()

    # httptools' side
    def on_message_begin(self) -> None:
        self.keep = False  # a second answer, unless it is the first

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.done and not self.headed:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self.done:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()  # an interim answer is not passed on
        elif status > 599 or not all(_FIELD.fullmatch(value) for _, value in self.headers):
            self._fail("the head of the endpoint's answer is not HTTP's")
        else:
            self.status, self.headed, self.keep = status, True, self._parser.should_keep_alive()

    @property
    def length(self) -> int | None:
        """The length that the answer states."""
        return next((int(value) for name, value in self.headers if name == b"content-length"), None)

    @property
    def chunked(self) -> bool:
        """Whether the answer comes in chunks."""
        return any(name == b"transfer-encoding" for name, _ in self.headers)

    def on_body(self, body: bytes) -> None:
        if not self.done and self.headed:
            self.chunks.append(body)
            self._waiting += len(body)

    def on_message_complete(self) -> None:
        if self.headed:
            self.done = True


class Relay:
    """The provider's endpoint, and the connections to it."""

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Raises `ValueError` for what is no endpoint; `tls` is the context towards an https one."""
        self._endpoint = parse_endpoint(url, link_local=True)  # of the provider's own house, by its own word
        if self._endpoint.prefix:
            raise ValueError("expected an address without a path: a request goes on under the path that it came with")
        self._tls = (tls or client_context()) if self._endpoint.secure else None
        self._connect_seconds, self._answer_seconds = connect_seconds, answer_seconds
        self._idle: list[_Line] = []

    async def carry(self, method: str, target: str, headers: Headers, body: bytes, reply: Reply) -> None:
        """Send one request on and its answer back; raises `NotCarried`, also where the answer breaks off."""
        line = await self._line()
        head = [f"{method} {target} HTTP/1.1".encode("ascii"), b"host: " + self._endpoint.authority.encode("ascii")]
        head += [name + b": " + value for name, value in headers]
        if body or method != "GET":
            head.append(b"content-length: %d" % len(body))
        try:
            line.ask(b"\r\n".join([*head, b"", body]))
            await self._heard(line, lambda: line.headed)
            passed = [(name, value) for name, value in line.headers if name not in HOP and name != b"content-length"]
            said = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in passed]
            await reply.start(line.status, said, length=line.length)
            while not line.done or line.chunks:
                await self._heard(line, lambda: line.chunks or line.done)
                if line.chunks:
                    await reply.write(line.take())
            await reply.end()
        finally:
            if line.done and line.keep and not line.closed:
                line.busy = False
                self._idle.append(line)
            else:
                line.close()

    async def _line(self) -> _Line:
        while self._idle:
            line = self._idle.pop()
            if not line.closed and not line.transport.is_closing():
                return line
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, line = await loop.create_connection(_Line, self._endpoint.host, self._endpoint.port, ssl=self._tls)
        except TimeoutError:
            raise NotCarried("provider-timeout", "the model's endpoint did not take a connection") from None
        except (OSError, ssl.SSLError) as error:
            because = f"the model's endpoint refused a connection: {type(error).__name__}"
            raise NotCarried("provider-failed", because) from None
        return line

    async def _heard(self, line: _Line, ready: Callable[[], object]) -> None:
        """Wait until something is there; `answer_seconds` bound each silence."""
        while not ready():
            if line.fault or line.closed:
                raise NotCarried("provider-failed", line.fault or "the connection to the model's endpoint broke")
            line.woken.clear()
            try:
                async with asyncio.timeout(self._answer_seconds):
                    await line.woken.wait()
            except TimeoutError:
                silent = f"the model's endpoint was silent for {self._answer_seconds:g} s"
                raise NotCarried("provider-timeout", silent) from None

    def close(self) -> None:
        """Drop every idle connection."""
        while self._idle:
            self._idle.pop().close()
