"""Serving: gates behind a socket, until told to stop.

uvicorn frames HTTP (httptools, uvloop); everything that means something happens
in the gates.  It writes no access log and names no server: neither prompts nor
paths reach a log line.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from comity.gateway.app import BREAK, App
from comity.gateway.doors import Doors

__all__ = ["bind", "serve"]

KEEP_ALIVE_SECONDS: Final = 75


class _Connection(HttpToolsProtocol):
    """uvicorn's connection, which lends each request the door to break it at once."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {BREAK: self._break}  # type: ignore[dict-item]  # ours, not ASGI's

    def _break(self) -> None:
        """Reset the connection: the kernel, too, drops what it has not delivered yet."""
        if not self.transport.is_closing():
            lingering = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
            self.transport.abort()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


async def serve(
    doors: Mapping[str, Doors],
    listener: socket.socket,
    *,
    ready: Callable[[], None],
    until: asyncio.Event | None = None,
) -> None:
    """Start the gates, answer requests until a signal (or `until`), then end the gates in order."""
    logging.getLogger("uvicorn.error").disabled = True  # it would print what a cut call looks like from inside
    config = uvicorn.Config(
        App(doors),
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    for each in doors.values():
        await each.gate.start()

    async def end() -> None:
        if until is not None:
            await until.wait()
            server.should_exit = True

    ending = asyncio.create_task(end())
    ready()
    try:
        await server.serve(sockets=[listener])
    finally:
        ending.cancel()
        for each in doors.values():
            await each.gate.stop()
