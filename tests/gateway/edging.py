"""An edge on loopback with answers of the test's own, and bytes sent to it as they are."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import uvloop

from comity.gateway.app import App
from comity.gateway.edge import Edge
from comity.gateway.exchange import Exchange
from comity.gateway.serve import bind

Answering = Callable[["Request", Exchange], Awaitable[None]]


@dataclass
class Request:
    """One whole request that reached the application."""

    path: str
    method: str
    query: str
    headers: list[tuple[bytes, bytes]]
    body: bytes


async def echo(request: Request, reply: Exchange) -> None:
    """The body back, with its length."""
    await reply.start(200, [("content-type", "text/plain")], length=len(request.body))
    await reply.write(request.body)
    await reply.end()


@dataclass
class LiveEdge:
    """A listening edge, what reached its application, and what went wrong inside."""

    edge: Edge
    port: int
    loop: asyncio.AbstractEventLoop
    asked: list[Request]
    faults: list[dict[str, Any]]

    def connect(self, *, buffer: int = 0) -> socket.socket:
        """A connection; `buffer` makes its receive buffer small."""
        connection = socket.socket()
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def say(self, *pieces: bytes, pause: float = 0) -> bytes:
        """Send pieces on one connection; everything that comes back until it is closed."""
        with self.connect() as connection:
            for at, piece in enumerate(pieces):
                if at and pause:
                    time.sleep(pause)
                connection.sendall(piece)
            return everything(connection)

    def soon(self, act: Callable[[], Any]) -> Any:
        """Call in the edge's loop, and wait for what it returns."""

        async def call() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(10)


def everything(connection: socket.socket) -> bytes:
    """All bytes until the other side closes or resets the connection."""
    seen = b""
    try:
        while piece := connection.recv(65_536):
            seen += piece
    except ConnectionResetError:
        pass
    return seen


def one(connection: socket.socket) -> bytes:
    """One answer with a length."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        piece = connection.recv(65_536)
        assert piece, f"closed after {seen!r}"
        seen += piece
    head, _, body = seen.partition(b"\r\n\r\n")
    [length] = [int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: ")]
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@dataclass
class _Routes:
    answering: Answering
    asked: list[Request] = field(default_factory=list)

    def find(self, path: bytes) -> tuple[None, str] | None:
        return (None, path.decode("latin-1")) if path.startswith(b"/a/") else None

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
        request = Request(rest, method, query, list(headers), body)
        self.asked.append(request)
        await self.answering(request, reply)


@contextmanager
def live_edge(
    answering: Answering = echo, *, most: int = 100, tls: ssl.SSLContext | None = None
) -> Iterator[LiveEdge]:
    """An edge in a thread of its own; whatever its loop has to complain of fails the test."""
    routes, faults = _Routes(answering), list[dict[str, Any]]()
    started, ending = threading.Event(), asyncio.Event()
    made: list[LiveEdge] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: faults.append(context))
        edge, listener = Edge(cast(App, routes), loop, most=most), bind("127.0.0.1", 0)
        server = await loop.create_server(edge.connect, sock=listener, ssl=tls)
        made.append(LiveEdge(edge, listener.getsockname()[1], loop, routes.asked, faults))
        started.set()
        await ending.wait()
        server.close()
        await edge.cut()

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    try:
        yield made[0]
    finally:
        made[0].loop.call_soon_threadsafe(ending.set)
        thread.join(10)
    assert not faults, faults
