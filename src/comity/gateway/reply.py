"""Replies: where an answer goes, and how a refusal is said there.

A refusal takes the shape that the caller's own SDK reads as an error, with the
slug as its code, and one more member, `comity`, that holds the clause, the
sentence and where the entry is.  `request-id` says the same place in one line,
`<ledger>:<index>`, on refusals and on answers alike.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final
from typing import Protocol as Shape

from comity.gateway.admission import Refused
from comity.gateway.protocols import Protocol
from comity.gateway.refusal import Refusal

__all__ = ["NOT_RECORDED", "Reply", "ids", "say"]

NOT_RECORDED: Final = Refusal(
    slug="not-recorded",
    clause="ledger",
    because="this call could not be recorded, so it was not made: no record, no call",
)


class Reply(Shape):
    """Where an answer goes: the edge's side of one request."""

    async def whole(self, status: int, headers: Sequence[tuple[str, str]], data: bytes) -> None:
        """Send head and body, and end; waits first while the caller is slow."""
        ...

    def whole_at_once(self, status: int, headers: Sequence[tuple[str, str]], data: bytes) -> bool:
        """Send head and body, and end; False, and nothing is done, where the caller is slow."""
        ...

    async def start(self, status: int, headers: Sequence[tuple[str, str]], *, length: int | None) -> None:
        """Send the head; `length` None means that the body's length is not known yet."""
        ...

    async def write(self, data: bytes) -> None:
        """Send body bytes at once; waits while the caller is slow."""
        ...

    async def end(self) -> None:
        """End the body in order."""
        ...

    def abort(self, *, flush: bool) -> None:
        """Break the connection, so that the caller sees an answer that is not whole.

        With `flush` what was written still goes out; without, nothing more does.
        """
        ...

    @property
    def started(self) -> bool:
        """Whether the head was sent."""
        ...

    def when_gone(self, act: Callable[[], None]) -> None:
        """Call `act` once the caller has closed the connection."""
        ...


def ids(origin: str, index: int | None, upstream_id: str = "") -> list[tuple[str, str]]:
    """The headers that say where the call's entry is, and what the provider calls it."""
    ours = f"{origin}:{'counted' if index is None else index}"
    return [("request-id", ours), *([("x-upstream-request-id", upstream_id)] if upstream_id else [])]


async def say(reply: Reply, protocol: Protocol | None, refused: Refused, *, origin: str) -> None:
    """Send a refusal in the protocol's own shape."""
    refusal = refused.refusal
    known = refusal.slug not in ("key-unknown", "not-recorded") or refused.index is not None
    more: dict[str, Any] = {"clause": refusal.clause, "because": refusal.because}
    if known:
        more |= {"ledger": origin, "entry": refused.index}
    message = f"{refusal.clause}: {refusal.because}"
    if protocol is None:
        body: dict[str, Any] = {"error": {"message": message, "code": refusal.slug}, "comity": more}
    else:
        body = protocol.error_body(refusal.status, refusal.slug, message, more)
    data = json.dumps(body, ensure_ascii=False).encode()
    headers = [("content-type", "application/json"), *refusal.headers(), *(ids(origin, refused.index) if known else [])]
    await reply.whole(refusal.status, headers, data)
