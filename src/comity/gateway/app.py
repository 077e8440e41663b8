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


class AsgiReply:
    """One request's answer over ASGI; what is not ended is broken by the server."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._gone: Callable[[], None] = _nobody

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
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self) -> None:
        """The server breaks the connection of a response that the application leaves unfinished."""


class App:
    """The ASGI application over the gates of one operator."""

    def __init__(self, doors: Mapping[str, Doors]) -> None:
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply = AsgiReply(send)
        path = bytes(scope.get("raw_path") or scope["path"].encode("latin-1", "replace"))
        parts = path.decode("latin-1").split("/", 3) if len(path) <= MAX_PATH else []
        doors = self._doors.get(parts[2]) if len(parts) == 4 and parts[:2] == ["", "a"] else None
        if doors is None:
            await _plain(reply, 404, "no arrangement is served under this path")
            return
        body = await _body(receive)
        if body is None:
            await _plain(reply, 400, f"the body exceeds {MAX_BODY} bytes", close=True)
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
    """The request's body; None where it is larger than any request may be."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _plain(reply: AsgiReply, status: int, message: str, *, close: bool = False) -> None:
    data = message.encode()
    headers = [("content-type", "text/plain; charset=utf-8")] + ([("connection", "close")] if close else [])
    await reply.start(status, headers, length=len(data))
    await reply.write(data)
    await reply.end()
