"""Exchanges: one request's answer, framed as it is written (RFC 9112, section 6).

A head waits for the first bytes of its body, so that a whole answer is one write.
A body of unknown length goes in chunks, and one that is broken off lacks the last
of them.  Under HTTP/1.0 such a body ends with its connection, so one that is
broken off there is reset, and what waits in the kernel is lost with it.
"""

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final
from typing import Protocol as Shape

__all__ = ["Exchange", "Line"]

_STATUS: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}
_BODILESS: Final = frozenset((204, 304))
WRITTEN_AT_ONCE: Final = 64 * 1024
"""A head is joined to a body up to this size; a larger body is not copied for it."""


class Line(Shape):
    """The connection that an exchange writes to."""

    transport: asyncio.Transport
    paused: asyncio.Future[None] | None
    """Done once a slow caller has read enough of what waits for it; None while nothing waits."""
    old: bool
    """The request is HTTP/1.0."""
    keep: bool
    """The request leaves the connection open."""

    def lasts(self) -> bool:
        """Whether the connection may carry another request."""
        ...

    def answered(self) -> None:
        """The answer is out."""
        ...

    def close(self) -> None:
        """Close once everything written went out."""
        ...

    def reset(self) -> None:
        """Close at once."""
        ...


class Exchange:
    """One request's answer: the edge's side of `comity.gateway.reply.Reply`."""

    __slots__ = ("_chunked", "_connection", "_gone", "_head", "_left", "_lost", "_mute", "over", "started")

    def __init__(self, connection: Line, *, mute: bool) -> None:
        self._connection, self._mute = connection, mute
        self._head, self._chunked, self._left = b"", False, 0
        self._gone: Callable[[], None] | None = None
        self._lost = self.started = self.over = False

    def when_gone(self, act: Callable[[], None]) -> None:
        """Call `act` once the caller has closed the connection; at once if it has."""
        self._gone = act
        if self._lost:
            act()

    def lost(self) -> None:
        """The connection is gone before the answer was out."""
        self._lost = self.over = True
        if self._gone is not None:
            self._gone()

    async def start(self, status: int, headers: Sequence[tuple[str, str]], *, length: int | None) -> None:
        """Make the head; it goes out with the first bytes of the body."""
        self.started = True
        if not self.over:
            self._head = self._frame(status, headers, length)

    def _frame(self, status: int, headers: Sequence[tuple[str, str]], length: int | None) -> bytes:
        connection = self._connection
        lines = [_STATUS.get(status) or f"HTTP/1.1 {status} "]
        lines += [f"{name}: {value}" for name, value in headers]
        if status in _BODILESS:
            self._mute = True
        elif length is not None:
            self._left = length
            lines.append(f"content-length: {length}")
        elif connection.old:
            connection.keep = False
        else:
            self._chunked = True
            lines.append("transfer-encoding: chunked")
        if not connection.lasts():
            lines.append("connection: close")
        lines += ("", "")
        head = "\r\n".join(lines)
        if not head.count("\r") == head.count("\n") == len(lines) - 1 or "\0" in head:
            raise AssertionError("a header's value holds a line end")
        return head.encode("latin-1", "replace")

    async def write(self, data: bytes) -> None:
        """Write bytes of the body, with the head where that still waits; waits first while the caller is slow."""
        connection = self._connection
        if connection.paused is not None:
            await connection.paused
        if self.over or not data:
            return
        head, self._head = self._head, b""
        if self._mute:
            data = b""
        elif self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        else:
            self._left -= len(data)
        if head and len(data) > WRITTEN_AT_ONCE:
            connection.transport.write(head)
            head = b""
        connection.transport.write(head + data if head else data)

    async def whole(self, status: int, headers: Sequence[tuple[str, str]], data: bytes) -> None:
        """Head and body at once; waits first while the caller is slow."""
        self.started = True
        while not self.whole_at_once(status, headers, data):
            if (paused := self._connection.paused) is not None:
                await paused

    def whole_at_once(self, status: int, headers: Sequence[tuple[str, str]], data: bytes) -> bool:
        """Head and body at once; False, and nothing is done, where the caller is slow."""
        connection = self._connection
        if connection.paused is not None:
            return False
        self.started = True
        if self.over:
            return True
        head = self._frame(status, headers, len(data))
        if self._mute:
            data = b""
        if len(data) > WRITTEN_AT_ONCE:
            connection.transport.write(head)
            connection.transport.write(data)
        else:
            connection.transport.write(head + data)
        self.over = True
        connection.answered()
        return True

    async def end(self) -> None:
        """End the body in order."""
        if self.over:
            return
        head, self._head = self._head, b""
        if self._chunked and not self._mute:
            self._connection.transport.write(head + b"0\r\n\r\n")
        elif head:
            self._connection.transport.write(head)
        if self._left and not self._mute and not self._connection.old:
            raise AssertionError(f"the body is {self._left} bytes shorter than its head says")
        self.over = True
        self._connection.answered()

    def abort(self, *, flush: bool) -> None:
        """Break the connection; without `flush` the kernel, too, drops what it has not delivered yet."""
        if self.over:
            return
        self.over = True
        if flush and self.started and not self._connection.old:
            if self._head:
                self._connection.transport.write(self._head)
            self._connection.close()
        else:
            self._connection.reset()

    def say(self, status: int, message: str, *more: tuple[str, str]) -> None:
        """Answer by a sentence in plain text."""
        data = message.encode() + b"\n"
        head = self._frame(status, [("content-type", "text/plain; charset=utf-8"), *more], len(data))
        self.started = self.over = True
        self._connection.transport.write(head if self._mute else head + data)
        self._connection.answered()
