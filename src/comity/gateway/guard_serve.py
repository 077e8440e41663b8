"""Serving a guard: the gateway's own edge in front of it, until told to stop."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Final

from comity.gateway.edge import Edge
from comity.gateway.guard import Guard
from comity.gateway.reply import Reply
from comity.gateway.tls import ServerTLS

__all__ = ["MAX_CONNECTIONS", "serve_guard"]

MAX_CONNECTIONS: Final = 1_024
GRACE_SECONDS: Final = 5.0
"""What is under way when the end begins may take this long; then it is cut."""


class _Routes:
    """Every path leads to the guard, byte for byte: the permit says which one is meant."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def find(self, path: bytes) -> tuple[Guard, str]:
        return self._guard, path.decode("latin-1")

    async def answer(
        self,
        guard: Guard,
        path: str,
        method: str,
        query: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        reply: Reply,
    ) -> None:
        await guard.answer(method, f"{path}?{query}" if query else path, headers, body, reply)


async def serve_guard(
    guard: Guard,
    listener: socket.socket,
    *,
    ready: Callable[[], None],
    until: asyncio.Event,
    tls: ServerTLS | None = None,
) -> None:
    """Answer requests until the event is set, then end in order."""
    loop = asyncio.get_running_loop()
    await guard.start()
    edge = Edge(_Routes(guard), loop, most=MAX_CONNECTIONS)
    server = await loop.create_server(edge.connect, sock=listener, ssl=tls.context if tls else None)
    try:
        ready()
        await until.wait()
    finally:
        server.close()
        await edge.end(GRACE_SECONDS)
        await edge.cut()
        await guard.stop()
