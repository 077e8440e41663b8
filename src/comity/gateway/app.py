"""The edge: HTTP in, gates behind it.

An ASGI application (RFC 9110 semantics are the server's work) that takes routes
by exact bytes: a path is compared as it came, never decoded or tidied, and what
is not in the table is refused.  Below `/a/<id>`:

| route | who | what |
| --- | --- | --- |
| `POST /openai/v1/chat/completions`, `POST /anthropic/v1/messages` | a grant's key | the model call |
| `GET /openai/v1/models` | a grant's key | the models that the terms list |
| the doors of `comity.gateway.doors` | see there | entries, receipts, party acts |
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final

from comity.gateway.asked import MAX_BODY
from comity.gateway.doors import Doors
from comity.gateway.protocols import PROTOCOLS

__all__ = ["App"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_PATH: Final = 2_048
MAX_DRAINED: Final = 8 * MAX_BODY
"""Bytes of an oversized body that are read and thrown away, so that its sender reads the refusal."""


BREAK: Final = "comity.break"
"""The extension by which the server lends its door to break a connection, dropping what still waits."""


class AsgiReply:
    """One request's answer over ASGI; what is not ended is broken by the server."""

    def __init__(self, send: Send, scope: Scope) -> None:
        self._send = send
        self._break: Callable[[], None] = scope.get("extensions", {}).get(BREAK, _nobody)
        self._gone: Callable[[], None] = _nobody
        self.started = False

    def when_gone(self, act: Callable[[], None]) -> None:
        self._gone = act

    async def hear(self, receive: Receive) -> None:
        """Wait for the caller to leave, for as long as the request lasts."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone()

    async def start(self, status: int, headers: Sequence[tuple[str, str]], *, length: int | None) -> None:
        pairs = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
        if length is not None:
            pairs.append((b"content-length", str(length).encode()))
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self, *, flush: bool) -> None:
        """The server closes the connection of a response that is left unfinished; without `flush`, at once."""
        if not (flush and self.started):
            self._break()


class App:
    """The ASGI application over the gates of one operator."""

    def __init__(self, doors: Mapping[str, Doors]) -> None:
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply = AsgiReply(send, scope)
        path = bytes(scope.get("raw_path") or scope["path"].encode("latin-1", "replace"))
        parts = path.decode("latin-1").split("/", 3) if len(path) <= MAX_PATH else []
        doors = self._doors.get(parts[2]) if len(parts) == 4 and parts[:2] == ["", "a"] else None
        if doors is None:
            await _plain(reply, 404, "no arrangement is served under this path")
            return
        body = await _body(receive)
        if body is None:
            return
        watcher = asyncio.create_task(reply.hear(receive))
        try:
            await self._route(doors, scope, "/" + parts[3], body, reply)
        finally:
            watcher.cancel()

    async def _route(self, doors: Doors, scope: Scope, rest: str, body: bytes, reply: AsgiReply) -> None:
        method, query = scope["method"], scope["query_string"].decode("latin-1")
        headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        for name, protocol in PROTOCOLS.items():
            if rest == f"/{name}{protocol.route}" and method == "POST":
                await doors.gate.call(protocol, headers, query, body, reply)
                return
        if await doors.answer(method, rest, query, headers, body, reply):
            return
        spoken = next((p for name, p in PROTOCOLS.items() if rest.startswith(f"/{name}/")), None)
        await doors.refuse_route(method, rest, spoken, headers, reply)


def _nobody() -> None:
    """No call is under way yet, so nobody need know that the caller left."""


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None where its sender left before the end.

    Of a body that is larger than any may be, one byte more than allowed is kept: enough to be refused.
    """
    body, length = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        length += len(piece)
        body += piece[: MAX_BODY + 1 - len(body)]
        if not message.get("more_body", False) or length > MAX_DRAINED:
            return bytes(body)


async def _plain(reply: AsgiReply, status: int, message: str) -> None:
    data = message.encode()
    await reply.start(status, [("content-type", "text/plain; charset=utf-8")], length=len(data))
    await reply.write(data)
    await reply.end()
