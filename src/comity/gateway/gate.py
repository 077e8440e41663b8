"""The gate of one arrangement: a call from its first byte to its settled entry.

1. The key is looked up; the request is read, never changed.
2. The request is sealed, and one transaction decides, records and reserves.
3. The permit is durable. The stop is read once more from the ledger.
4. The request goes upstream, once.
5. The answer is read. A whole answer waits until its outcome is durable; of a
   stream only the terminal bytes wait.
6. The outcome is recorded, the answer sealed with it, the reservation settled.

A failure of ours before 4 is a 503 and nothing was sent.  After 4 the caller
gets no whole answer without a durable outcome: if recording fails, the
connection is cut, and the permit is abandoned at its reservation when the
gateway's lease ends.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, Final, TypeVar
from typing import Protocol as Shape

from comity.arrangement import Terms
from comity.gateway import admission, state
from comity.gateway.admission import Caller, Outcome, Permit, Refused
from comity.gateway.answer import AnswerReading, is_stream, may_pass, refuse_served
from comity.gateway.asked import MalformedRequest
from comity.gateway.flight import Cut, Flight, StopWatch
from comity.gateway.headers import CallerHeaders, read_headers, returned_headers
from comity.gateway.protocols import Protocol
from comity.gateway.refusal import Refusal
from comity.gateway.stream import StreamReader
from comity.gateway.upstream import Answer, NoAnswer, Upstream
from comity.ledger import Ledger, LedgerError, Transaction
from comity.vault import Epoch, SealedItem, parse_recipient, store_epoch

__all__ = ["MAX_ANSWER", "Clock", "Gate", "Provider", "Random", "Reply"]

T = TypeVar("T")
Clock = Callable[[], datetime]
Random = Callable[[int], bytes]

MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of one answer that are kept for sealing; a longer one is cut as a provider's failure."""


class Reply(Shape):
    """Where an answer goes: the edge's side of one request."""

    async def start(self, status: int, headers: Sequence[tuple[str, str]], *, length: int | None) -> None:
        """Send the head; `length` None means that the body's length is not known yet."""
        ...

    async def write(self, data: bytes) -> None:
        """Send body bytes at once; waits while the caller is slow."""
        ...

    async def end(self) -> None:
        """End the body in order."""
        ...

    def abort(self) -> None:
        """Break the connection, so that the caller sees an answer that is not whole."""
        ...

    def when_gone(self, act: Callable[[], None]) -> None:
        """Call `act` once the caller has closed the connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where one protocol's calls go, and the key that opens it."""

    upstream: Upstream
    key: str


class Gate:
    """One arrangement's door to its models."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        terms: Terms,
        providers: Mapping[str, Provider],
        clock: Clock,
        random: Random,
        software: str,
    ) -> None:
        self.ledger, self.terms, self.clock, self.random = ledger, terms, clock, random
        self._providers, self._software = providers, software
        self._reader = ledger.reader()
        self._watch_reader = ledger.reader()
        self._incarnation = random(16).hex()
        self._epochs: dict[str, Epoch] = {}
        self._epoch_lock = asyncio.Lock()
        self._flights: set[Flight] = set()
        self._watch = StopWatch(lambda: state.find_stop(self._watch_reader.query), self.cut_all)
        self._tasks: list[asyncio.Task[None]] = []
        self.unauthenticated = 0
        """Requests with no known key since the start; they are counted and never become entries."""

    async def start(self) -> None:
        """Take the lease, settle what dead gateways left open, and begin to watch."""
        await self.transact(lambda tx: admission.abandon_expired(tx, now=self.clock()))
        await self._begin()
        self._tasks = [asyncio.create_task(self._watch.run()), asyncio.create_task(self._keep())]
        while not self._watch.confirmed():
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """End in order: cut what is under way, record the end."""
        self.cut_all("stopped")
        while self._flights:
            await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.transact(lambda tx: admission.flush_refusals(tx, now=self.clock(), all_of_them=True))
        await self.transact(lambda tx: admission.end(tx, incarnation=self._incarnation, now=self.clock()))
        for provider in self._providers.values():
            provider.upstream.close()
        self._reader.close()
        self._watch_reader.close()

    async def transact(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn` in the ledger and wait until it is durable."""
        return await asyncio.shield(asyncio.wrap_future(self.ledger.submit(fn)))

    def query(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read the ledger's database as of now."""
        return self._reader.query(sql, args)

    def find_grant(self, secret: str) -> state.Grant | None:
        """The grant of a bearer secret; an unknown one is counted."""
        grant = state.find_grant(self.query, sha256(secret.encode("latin-1")).hexdigest()) if secret else None
        self.unauthenticated += grant is None
        return grant

    def cut_all(self, reason: Cut) -> None:
        """Cut every call under way."""
        for flight in tuple(self._flights):
            flight.cut(reason)

    async def _begin(self) -> None:
        begin = partial(admission.begin, incarnation=self._incarnation, software=self._software, now=self.clock())
        await self.transact(begin)

    async def _keep(self) -> None:
        """Renew the lease, take over what dead gateways left, and record counted refusals."""
        while True:
            await asyncio.sleep(admission.LEASE_MS / 5000)
            try:
                await self.transact(self._keep_once)
            except admission.LeaseLost:
                self._incarnation = self.random(16).hex()
                self._epochs.clear()
                await self._begin()
            except LedgerError:
                continue  # no lease, no permit: admission refuses until the ledger takes entries again

    def _keep_once(self, tx: Transaction) -> None:
        now = self.clock()
        admission.renew(tx, incarnation=self._incarnation, now=now)
        admission.abandon_expired(tx, now=now)
        admission.flush_refusals(tx, now=now)

    async def call(
        self,
        protocol: Protocol,
        raw_headers: Sequence[tuple[bytes, bytes]],
        query: str,
        body: bytes,
        reply: Reply,
    ) -> None:
        """Carry one model call from its request to its settled entry."""
        headers = read_headers(raw_headers)
        grant = self.find_grant(headers.secret)
        caller = Caller(key=sha256(headers.secret.encode("latin-1")).hexdigest(), irid=headers.irid, run=headers.run)
        if grant is None:
            refusal = Refusal(slug="key-unknown", clause="grant.key", because="no grant is known for this key")
            await self._say(reply, protocol, Refused(refusal=refusal, index=None))
            return
        flight = Flight()
        self._flights.add(flight)
        reply.when_gone(partial(flight.cut, "client-gone"))
        try:
            await self._call(protocol, headers, caller, grant, query, body, reply, flight)
        except (LedgerError, admission.LeaseLost):
            refusal = Refusal(
                slug="not-recorded",
                clause="ledger",
                because="this call could not be recorded, so it was not made: no record, no call",
            )
            await self._say(reply, protocol, Refused(refusal=refusal, index=None))
        finally:
            self._flights.discard(flight)

    async def _call(
        self,
        protocol: Protocol,
        headers: CallerHeaders,
        caller: Caller,
        grant: state.Grant,
        query: str,
        body: bytes,
        reply: Reply,
        flight: Flight,
    ) -> None:
        try:
            asked, _ = protocol.read(body)
        except MalformedRequest as error:
            refusal = Refusal(slug="request-malformed", clause="request.body", because=str(error))
            await self.refuse(reply, protocol, caller, refusal, protocol.route)
            return
        strange = (*asked.unknown, *headers.unknown, *((f"query {query[:60]}",) if query else ()))
        asked = replace(asked, unknown=strange)
        epoch = await self._epoch(grant.grant)
        request = epoch.seal(body, ledger=self.ledger.origin, part="request", random=self.random)
        decision = await self.transact(
            lambda tx: admission.admit(
                tx,
                terms=self.terms,
                caller=caller,
                asked=asked,
                request=request,
                incarnation=self._incarnation,
                now=self.clock(),
            )
        )
        match decision:
            case Refused():
                await self._say(reply, protocol, decision)
            case Permit():
                await self._forward(protocol, headers, decision, epoch, body, reply, flight)

    async def refuse(
        self, reply: Reply, protocol: Protocol | None, caller: Caller, refusal: Refusal, route: str
    ) -> None:
        """Record a refusal that needs no decision, and say it."""
        refused = await self.transact(
            lambda tx: admission.refuse(
                tx,
                caller=caller,
                refusal=refusal,
                protocol=protocol.name if protocol else "",
                route=route,
                now=self.clock(),
            )
        )
        await self._say(reply, protocol, refused)

    async def _epoch(self, grant: str) -> Epoch:
        """This process's epoch for one grant: one encapsulation to each recipient of the terms."""
        async with self._epoch_lock:
            if grant not in self._epochs:
                recipients = [parse_recipient(r.name, r.key) for r in self.terms.content.recipients]
                context = f"{self.ledger.origin}\n{grant}".encode()
                epoch = Epoch.begin(recipients, context, self.random)
                await self.transact(lambda tx: store_epoch(tx, epoch))
                self._epochs[grant] = epoch
            return self._epochs[grant]

    async def _forward(
        self,
        protocol: Protocol,
        headers: CallerHeaders,
        permit: Permit,
        epoch: Epoch,
        body: bytes,
        reply: Reply,
        flight: Flight,
    ) -> None:
        begun = self.clock()
        reading = AnswerReading()
        stream: StreamReader | None = None
        settle = partial(self._settle, permit, epoch, begun, reading)
        if flight.reason is None and (not self._watch.confirmed() or state.find_stop(self.query) is not None):
            flight.reason = "stopped"
        started = False
        try:
            if flight.reason is not None:
                reading.sent = False
                raise asyncio.CancelledError
            with flight.cuttable():
                answer = await self._send(protocol, headers, permit, body)
            reading.status = answer.status
            passed, reading.upstream_id = returned_headers(answer.headers)
            head = [*passed, *self._ids(permit.index, reading.upstream_id)]
            if is_stream(answer):
                stream = StreamReader(
                    protocol.terminal, protocol.served, protocol.usage, partial(may_pass, permit.model)
                )
                async for piece in self._read(answer, reading, flight):
                    now = stream.feed(piece)
                    reading.served, reading.usage = stream.served, stream.usage
                    reading.checked = True
                    if stream.mismatch:
                        break
                    if now:
                        with flight.cuttable():
                            if not started:
                                await reply.start(answer.status, head, length=None)
                                started = True
                            await reply.write(now)
            else:
                async for _ in self._read(answer, reading, flight):
                    pass
                reading.look_at_whole(protocol)
        except NoAnswer as error:
            reading.sent = error.sent
            outcome = "half-answer" if reading.status else "provider-failed"
            await settle(outcome)
            if started:
                reply.abort()
            else:
                refusal = Refusal(slug=error.slug, clause="provider", because=str(error))
                await self._say(reply, protocol, Refused(refusal=refusal, index=permit.index))
            return
        except asyncio.CancelledError:
            if not flight.landed():
                await settle("not-sent" if not reading.status else "client-gone")
                raise
            await settle(("not-sent" if not reading.sent else flight.reason) or "stopped")
            await self._cut(reply, protocol, permit, flight, started)
            return
        await self._finish(protocol, permit, reading, stream, head, reply, flight, settle, started)

    async def _send(self, protocol: Protocol, headers: CallerHeaders, permit: Permit, body: bytes) -> Answer:
        provider = self._providers[protocol.name]
        outgoing = [*headers.forwarded, *protocol.key_headers(provider.key)]
        return await provider.upstream.send(permit, path=protocol.route, headers=outgoing, body=body)

    async def _read(self, answer: Answer, reading: AnswerReading, flight: Flight) -> AsyncIterator[bytes]:
        chunks = answer.chunks
        try:
            while True:
                with flight.cuttable():
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        return
                if len(reading.kept) + len(chunk) > MAX_ANSWER:
                    raise NoAnswer("provider-failed", f"the answer exceeds {MAX_ANSWER} bytes", sent=True)
                reading.kept += chunk
                yield chunk
        finally:
            await chunks.aclose()  # type: ignore[attr-defined]  # an async generator, typed by what callers need

    async def _finish(
        self,
        protocol: Protocol,
        permit: Permit,
        reading: AnswerReading,
        stream: StreamReader | None,
        head: list[tuple[str, str]],
        reply: Reply,
        flight: Flight,
        settle: Callable[[str], Any],
        started: bool,
    ) -> None:
        refusal = refuse_served(permit.model, reading)
        if refusal is not None:
            await settle("withheld")
            if started:
                reply.abort()
            else:
                await self._say(reply, protocol, Refused(refusal=refusal, index=permit.index))
            return
        if reading.status >= 400:
            outcome = "provider-failed" if reading.status >= 500 else "provider-refused"
        else:
            outcome = "half-answer" if stream is not None and not stream.ended else "answered"
        await settle(outcome)
        try:
            with flight.cuttable():
                rest = bytes(reading.kept) if stream is None else stream.rest()
                if not started:
                    await reply.start(reading.status, head, length=len(rest) if stream is None else None)
                if rest:
                    await reply.write(rest)
                await reply.end()
        except asyncio.CancelledError:
            if not flight.landed():
                raise
            reply.abort()

    async def _settle(
        self, permit: Permit, epoch: Epoch, begun: datetime, reading: AnswerReading, outcome: str
    ) -> None:
        """Make the outcome durable; a call that was abandoned meanwhile counts as not recorded."""
        now = self.clock()
        kept = bytes(reading.kept)
        item: SealedItem | None = None
        if kept:
            item = epoch.seal(kept, ledger=self.ledger.origin, part="answer", random=self.random)
        usage = reading.usage
        result = Outcome(
            outcome=outcome,
            status=reading.status,
            served=reading.served or "",
            served_check=reading.served_check(permit.model),
            answer=item,
            answer_bytes=len(kept),
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            sent=reading.sent,
            upstream_id=reading.upstream_id,
            millis=max(0, int((now - begun).total_seconds() * 1000)),
        )
        recorded = await self.transact(lambda tx: admission.settle(tx, permit=permit, outcome=result, now=now))
        if not recorded:
            raise admission.LeaseLost

    async def _cut(self, reply: Reply, protocol: Protocol, permit: Permit, flight: Flight, started: bool) -> None:
        if started or flight.reason == "client-gone":
            reply.abort()
            return
        stop = state.find_stop(self.query)
        because = f"the {stop.by} stopped this access: {stop.cause}" if stop else "the ledger cannot be read in time"
        refusal = Refusal(slug="terms-refused" if stop else "not-recorded", clause="stop.by", because=because)
        await self._say(reply, protocol, Refused(refusal=refusal, index=permit.index))

    def _ids(self, index: int | None, upstream_id: str = "") -> list[tuple[str, str]]:
        ours = f"{self.ledger.origin}:{'counted' if index is None else index}"
        return [("request-id", ours), *([("x-upstream-request-id", upstream_id)] if upstream_id else [])]

    async def _say(self, reply: Reply, protocol: Protocol | None, refused: Refused) -> None:
        """Send a refusal in the protocol's own shape."""
        refusal = refused.refusal
        known = refusal.slug != "key-unknown"
        more: dict[str, Any] = {"clause": refusal.clause, "because": refusal.because}
        if known:
            more |= {"ledger": self.ledger.origin, "entry": refused.index}
        message = f"{refusal.clause}: {refusal.because}"
        if protocol is None:
            body: dict[str, Any] = {"error": {"message": message, "code": refusal.slug}, "comity": more}
        else:
            body = protocol.error_body(refusal.status, refusal.slug, message, more)
        data = json.dumps(body, ensure_ascii=False).encode()
        ids = self._ids(refused.index) if known else []
        await reply.start(
            refusal.status, [("content-type", "application/json"), *refusal.headers(), *ids], length=len(data)
        )
        await reply.write(data)
        await reply.end()
