"""The guard: the provider's half, in front of the model's endpoint.

A reverse proxy in the provider's house that lets a request reach the model only with a valid, unused permit
of the arrangement's gateway (`comity.gateway.permit_note`).  Whoever holds the upstream key alone, the
operator included, gets a refusal.

1. The edge (`comity.gateway.edge`) takes the request whole, or refuses what could be read in two ways.
2. The permit is checked against method, target and body.
3. Its index is spent, durably: of any number of equal requests one goes on, also after `kill -9`.
4. The request goes on, once, without the permit and the headers of the connection; all else is unchanged.
5. The answer comes back byte for byte, as it comes.

What went on and what was refused is counted by day (`comity.gateway.guard_counters`).  Of a body nothing is
kept, and nothing of a request is logged.

| answered | when |
| --- | --- |
| 403 `permit-refused`, 413 for too large a body | no valid, unused permit came; the reason is one of `REASONS` |
| 502 `provider-failed`, 504 `provider-timeout` | the permit is spent, and the endpoint gave no answer |
| 503 `not-recorded` | the permit could not be spent: the state's disk failed; nothing went on |

Refusals are counted in memory and written every second: `kill -9` loses those of the last second, never a
request that went on.

Not promised: anything about requests that reach the endpoint by another way than this port; the provider's
network sees to that.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from comity.gateway import guard_state
from comity.gateway.asked import MAX_BODY
from comity.gateway.guard_counters import Counters, count
from comity.gateway.guard_relay import HOP, Headers, NotCarried, Relay
from comity.gateway.permit_note import HEADER, PermitNote, PermitRefused, check_permit, permit_day
from comity.gateway.reply import Reply
from comity.ledger import Ledger, LedgerError, Verifier

__all__ = ["STATUS", "Guard", "count_day"]

STATUS: Final[Mapping[str, int]] = {
    "permit-refused": 403,
    "provider-failed": 502,
    "not-recorded": 503,
    "provider-timeout": 504,
}
"""Every reason for which a guard answers by itself, and its status."""

FLUSH_SECONDS: Final = 1.0

_OURS: Final = HEADER.encode()
_ENDED: Final = HOP | {_OURS, b"host", b"content-length", b"expect"}
"""Request headers that end here; host and length are written anew."""


class Guard:
    """One arrangement's guard: what the edge asks for an answer."""

    def __init__(
        self,
        *,
        state: Ledger,
        origin: str,
        digest: str,
        permit_key: Verifier,
        relay: Relay,
        clock: Callable[[], datetime],
    ) -> None:
        self._state, self._origin = state, origin
        self._digests: tuple[str, ...] = (digest,)
        self._permit_key, self._relay, self._clock = permit_key, relay, clock
        self._refused: Counter[tuple[str, str]] = Counter()
        self._flushing: asyncio.Task[None] | None = None

    def accept(self, digest: str) -> None:
        """Let permits under a later version of the terms pass too; those under way bear the version before."""
        self._digests = (digest, *self._digests)

    async def start(self) -> None:
        """Begin to write down what is counted."""
        self._flushing = asyncio.create_task(self._flush_on())

    async def stop(self) -> None:
        """Write down the last counts, and let the endpoint's connections go."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        with suppress(LedgerError):  # a state that takes nothing more loses the counts of a second
            await self._flush()
        self._relay.close()

    async def answer(
        self, method: str, target: str, headers: Sequence[tuple[bytes, bytes]], body: bytes, reply: Reply
    ) -> None:
        """Answer one whole request; header names come in lower case, `target` is path and query as they came."""
        try:
            await self._spend(method, target, headers, body)
        except PermitRefused as refusal:
            day = self._clock().date().isoformat()
            self._refused[day, refusal.reason] += 1
            await self._say(reply, "permit-refused", str(refusal), reason=refusal.reason)
            return
        except LedgerError:
            because = "the permit could not be spent on disk, so the request did not go on"
            await self._say(reply, "not-recorded", because)
            return
        carrying = asyncio.create_task(self._relay.carry(method, target, _carried(headers), body, reply))
        reply.when_gone(lambda: _cut(carrying))
        try:
            await carrying
        except NotCarried as failure:
            if reply.started:
                reply.abort(flush=True)
            else:
                await self._say(reply, failure.slug, str(failure))
        except asyncio.CancelledError:
            if not carrying.cancelled():
                carrying.cancel()
                raise

    async def _spend(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        """Raise `PermitRefused`, or use the permit durably."""
        if len(body) > MAX_BODY:  # the edge keeps one byte more than any body may have
            raise PermitRefused("oversized")
        carried = [value for name, value in headers if name == _OURS]
        if len(carried) > 1:
            raise PermitRefused("malformed")
        permit = self._check(carried[0].decode("latin-1") if carried else None, method, target, body)
        index, day = permit.index, permit_day(permit.expires)
        spending = self._state.submit(lambda tx: guard_state.spend(tx, index=index, day=day))
        if not await asyncio.wrap_future(spending):
            raise PermitRefused("used")

    def _check(self, header: str | None, method: str, target: str, body: bytes) -> PermitNote:
        """The permit under any version of the terms that this guard holds, the newest first."""
        for place, digest in enumerate(self._digests, 1):
            try:
                return check_permit(
                    header,
                    key=self._permit_key,
                    origin=self._origin,
                    digest=digest,
                    method=method,
                    target=target,
                    body=body,
                    now=self._clock(),
                )
            except PermitRefused as refusal:
                if refusal.reason != "signature" or place == len(self._digests):
                    raise
        raise AssertionError("a guard holds at least one version of the terms")

    async def _say(self, reply: Reply, slug: str, because: str, *, reason: str = "") -> None:
        status = 413 if reason == "oversized" else STATUS[slug]
        more = {"clause": "guard.by", "because": because, "ledger": self._origin}
        body = {
            "error": {"message": f"guard: {because}", "type": "api_error", "param": None, "code": slug},
            "comity": more | ({"reason": reason} if reason else {}),
        }
        data = json.dumps(body).encode()
        headers = [("content-type", "application/json"), ("x-should-retry", "false")]
        await reply.whole(status, headers, data)

    async def _flush_on(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            with suppress(LedgerError):  # kept, and tried again
                await self._flush()

    async def _flush(self) -> None:
        counted, self._refused = self._refused, Counter()
        if not counted:
            return
        try:
            await asyncio.wrap_future(self._state.submit(lambda tx: guard_state.count_refused(tx, counted)))
        except LedgerError:
            self._refused.update(counted)
            raise


def count_day(state: Ledger, *, origin: str, terms: str, day: str, at: datetime) -> Counters:
    """The counters of a day, so far; a guard that runs may hold refusals of its last second."""
    reader = state.reader()
    try:
        passed, refused = guard_state.passed(reader.query, day), guard_state.refused(reader.query, day)
    finally:
        reader.close()
    return count(origin=origin, terms=terms, day=day, at=at, passed=passed, refused=refused)


def _cut(carrying: asyncio.Task[None]) -> None:
    carrying.cancel()


def _carried(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers that go on: all but those of the connection, and those that it names (RFC 9110, 7.6.1)."""
    named = {word.strip().lower() for name, value in headers if name == b"connection" for word in value.split(b",")}
    return [(name, value) for name, value in headers if name not in _ENDED and name not in named]
