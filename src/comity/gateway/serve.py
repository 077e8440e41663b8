"""Serving: gates behind a socket, until told to stop.

The edge frames HTTP; everything that means something happens in the gates.
There is no access log and no server's name: neither prompts nor paths reach a
log line.  With TLS, SIGHUP has certificate and key read anew; a pair that does
not fit leaves the one in use, and the log says so.
"""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from comity.gateway.app import App
from comity.gateway.doors import Doors
from comity.gateway.edge import Edge
from comity.gateway.tls import ServerTLS, UnfitTLS

__all__ = ["GRACE_SECONDS", "MAX_CONNECTIONS", "bind", "serve"]

MAX_CONNECTIONS: Final = 4_096
GRACE_SECONDS: Final = 5.0
"""What is under way when the end begins may take this long; then it is cut."""
HANDSHAKE_SECONDS: Final = 10.0
UNSENT: Final = 64 * 1024
"""Bytes that the kernel takes ahead of a slow caller; so little that whoever still reads is seen to read."""
FILES_BESIDE: Final = 64
"""Descriptors kept for ledgers, tiles and pipes; a call takes two, its caller's and its provider's."""

_log = logging.getLogger("comity.gateway")


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, whose connections inherit its settings; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


async def serve(
    doors: Mapping[str, Doors],
    listener: socket.socket,
    *,
    ready: Callable[[], None],
    until: asyncio.Event | None = None,
    tls: ServerTLS | None = None,
) -> None:
    """Start the gates, answer requests until a signal (or `until`), then end the gates in order."""
    loop = asyncio.get_running_loop()
    for each in doors.values():
        await each.gate.start()
    edge = Edge(App(doors), loop, most=_room())
    told = until or asyncio.Event()
    acts: dict[int, Callable[[], object]] = {signal.SIGINT: told.set, signal.SIGTERM: told.set}
    if tls is None:
        server = await loop.create_server(edge.connect, sock=listener)
    else:
        acts[signal.SIGHUP] = lambda: _reload(tls)
        server = await loop.create_server(
            edge.connect, sock=listener, ssl=tls.context, ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
    try:
        with _hearing(loop, acts):
            ready()
            await told.wait()
    finally:
        server.close()
        await edge.end(GRACE_SECONDS)
        for each in doors.values():
            await each.gate.stop()
        await edge.cut()


def _room() -> int:
    """How many connections this process may hold; the operator's limit on open files bounds them too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard and hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return min(MAX_CONNECTIONS, (soft - FILES_BESIDE) // 2) if soft != resource.RLIM_INFINITY else MAX_CONNECTIONS


def _reload(tls: ServerTLS) -> None:
    try:
        tls.reload()
    except UnfitTLS as error:
        _log.error("the certificate in use stays: %s", error)


@contextlib.contextmanager
def _hearing(loop: asyncio.AbstractEventLoop, acts: Mapping[int, Callable[[], object]]) -> Iterator[None]:
    """Act on signals where they can be heard: in the main thread."""
    heard = []
    for number, act in acts.items():
        with contextlib.suppress(ValueError, RuntimeError):
            loop.add_signal_handler(number, act)
            heard.append(number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
