"""Routes: from a whole request to the gate or door that answers it.

A path is compared as it came, never decoded or tidied: one with an escape, an
empty segment or a segment that begins with a dot leads nowhere, and so does
what is not in the table.  Below `/a/<id>`:

| route | who | what |
| --- | --- | --- |
| `POST /openai/v1/chat/completions`, `POST /anthropic/v1/messages` | a grant's key | the model call |
| `GET /openai/v1/models` | a grant's key | the models that the terms list |
| the doors of `comity.gateway.doors` | see there | entries, receipts, party acts |
"""

import re
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from comity.gateway.doors import Doors
from comity.gateway.headers import Fields
from comity.gateway.protocols import PLAIN, find_call
from comity.gateway.reply import Reply

__all__ = ["App"]

MAX_PATH: Final = 2_048
_TWO_READINGS: Final = re.compile(r"[%#\\]|/[/.]")
"""What another reader of the same path could decode, drop or resolve."""


class App:
    """The arrangements of one operator, by the paths under which they are served."""

    def __init__(self, doors: Mapping[str, Doors]) -> None:
        self._doors = {name.encode(): each for name, each in doors.items()}

    def find(self, path: bytes) -> tuple[Doors, str] | None:
        """The arrangement under whose path this one lies, and the rest of it; None where there is none."""
        if len(path) > MAX_PATH or not path.startswith(b"/a/"):
            return None
        name, slash, rest = path[3:].partition(b"/")
        doors = self._doors.get(name)
        return None if doors is None or not slash else (doors, "/" + rest.decode("latin-1"))

    def answer(
        self, doors: Doors, rest: str, method: str, query: str, headers: Fields, body: bytes, reply: Reply
    ) -> Coroutine[Any, Any, None]:
        """What answers one request, to be run in a task."""
        protocol = PLAIN.get(rest) if method == "POST" else None
        if protocol is not None:
            return doors.gate.call(protocol, protocol.route, headers, query, body, reply)
        return self._answer(doors, rest, method, query, headers, body, reply)

    async def _answer(
        self, doors: Doors, rest: str, method: str, query: str, headers: Fields, body: bytes, reply: Reply
    ) -> None:
        if not _TWO_READINGS.search(rest):
            found = find_call(method, rest)
            if found is not None:
                protocol, own = found
                await doors.gate.call(protocol, own, headers, query, body, reply)
                return
            if await doors.answer(method, rest, query, headers, body, reply):
                return
        await doors.refuse_route(method, rest, headers, reply)
