"""The gate of one arrangement: a call from its first byte to its settled entry.

1. The key is looked up; the request is read, never changed.
2. The request is sealed, and one transaction decides, records and reserves.
3. The permit is durable. The stop is read once more from the ledger.
4. The request goes upstream, once.
5. The answer is read. A whole answer waits until its outcome is durable; of a
   stream only the terminal bytes wait.
6. The outcome is recorded, the answer sealed with it, the reservation settled.

A failure of ours before 4 is a 503 and nothing was sent.  After 4 the caller
gets no whole answer without a durable outcome: if recording fails, a whole answer
is withheld with a 503 that says so, a stream is broken off, and the permit is
abandoned at its reservation when the gateway's lease ends.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, Final, TypeVar

from comity.arrangement import Terms
from comity.gateway import admission, state
from comity.gateway.admission import Caller, Outcome, Permit, Refused
from comity.gateway.answer import AnswerReading, is_stream, refuse_served
from comity.gateway.asked import MalformedRequest
from comity.gateway.flight import Cut, Flight, StopWatch
from comity.gateway.headers import CallerHeaders, read_headers, returned_headers
from comity.gateway.protocols import Protocol
from comity.gateway.refusal import Refusal
from comity.gateway.reply import NOT_RECORDED, Reply, ids, say
from comity.gateway.stream import StreamReader
from comity.gateway.upstream import Answer, NoAnswer, NotSent, Upstream
from comity.ledger import Ledger, LedgerError, Transaction
from comity.records import ArrangementSigned, MalformedRecord, UnknownKind, parse_record
from comity.vault import Epoch, SealedItem, parse_recipient, store_epoch

__all__ = ["MAX_ANSWER", "Clock", "Gate", "Provider", "Random"]

T = TypeVar("T")
Clock = Callable[[], datetime]
Random = Callable[[int], bytes]

MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of one answer that are kept for sealing; a longer one is cut as a provider's failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where one protocol's calls go, and the key that opens it."""

    upstream: Upstream
    key: str


class LedgerUnreadable(LedgerError):
    """The ledger's file could not be read, so nothing can be decided."""


class OtherTerms(LedgerError):
    """The terms given are not those that the ledger began with; take the file that was adopted."""


class NotSettled(Exception):
    """The outcome of a call that was sent could not be recorded."""


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
        spoken = {protocol for model in terms.models for protocol in model.protocols}
        if missing := spoken - providers.keys():
            raise ValueError(f"expected a provider for each protocol of the terms, found none for {sorted(missing)}")
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
        """Take the lease, settle what dead gateways left open, and begin to watch; raises `OtherTerms`."""
        self._check_terms()
        await self.transact(lambda tx: admission.abandon_expired(tx, now=self.clock()))
        await self._begin()
        self._tasks = [asyncio.create_task(self._watch.run()), asyncio.create_task(self._keep())]
        while not self._watch.confirmed():
            await asyncio.sleep(0.005)

    def _check_terms(self) -> None:
        """The terms in hand are those whose signatures entry 0 holds."""
        [entry] = self.ledger.read(0, 1) or (b"",)
        try:
            signed = parse_record(entry)
        except (MalformedRecord, UnknownKind):
            signed = None
        held = signed.digest if isinstance(signed, ArrangementSigned) else "no signed arrangement"
        if held != self.terms.digest:
            raise OtherTerms(f"entry 0 of {self.ledger.origin} holds {held}; the terms given are {self.terms.digest}")

    async def stop(self) -> None:
        """End in order: cut what is under way, record the end; a ledger that takes nothing more is left as it is."""
        self.cut_all("stopped")
        while self._flights:
            await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(LedgerError):  # open permits are then abandoned when the lease ends
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
        """Read the ledger's database as of now; raises `LedgerUnreadable`."""
        try:
            return self._reader.query(sql, args)
        except Exception as fault:  # the storage's own errors: a closed file, a failing disk
            raise LedgerUnreadable(f"the ledger could not be read: {type(fault).__name__}: {fault}") from fault

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
                with suppress(LedgerError):  # without a lease the next round begins anew
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
        caller = Caller(key=sha256(headers.secret.encode("latin-1")).hexdigest(), irid=headers.irid, run=headers.run)
        try:
            grant = self.find_grant(headers.secret)
        except LedgerError:
            await self._say(reply, protocol, Refused(refusal=NOT_RECORDED, index=None))
            return
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
            await self._say(reply, protocol, Refused(refusal=NOT_RECORDED, index=None))
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
            asked = protocol.read(body)
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
                try:
                    await self._forward(protocol, headers, decision, epoch, body, reply, flight)
                except NotSettled:
                    await self._withhold(reply, protocol, decision)

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
        started = False
        reading.sent = False
        try:
            with flight.cuttable():
                answer = await self._send(protocol, headers, permit, body, reading)
            reading.status = answer.status
            passed, reading.upstream_id = returned_headers(answer.headers)
            head = [*passed, *ids(self.ledger.origin, permit.index, reading.upstream_id)]
            if is_stream(answer):
                stream = StreamReader(
                    protocol.terminal,
                    protocol.served,
                    protocol.usage,
                    permit.model.serves.__contains__,
                    cut=permit.model.on_mismatch == "refuse",
                )
                async with aclosing(self._read(answer, reading, flight)) as pieces:
                    async for piece in pieces:
                        now = stream.feed(piece)
                        reading.served, reading.usage = stream.served, stream.usage
                        reading.checked, reading.complete = True, stream.ended
                        if stream.mismatch:
                            reading.complete = False
                            break
                        if now:
                            with flight.cuttable():
                                if not started:
                                    await reply.start(answer.status, head, length=None)
                                    started = True
                                await reply.write(now)
            else:
                async with aclosing(self._read(answer, reading, flight)) as pieces:
                    async for _ in pieces:
                        pass
                reading.complete = True
                reading.look_at_whole(protocol)
        except NotSent:
            await settle("not-sent")
            await self._cut(reply, protocol, permit, flight, started)
            return
        except NoAnswer as error:
            outcome = "half-answer" if reading.status else "provider-failed"
            await settle(outcome)
            if started:
                reply.abort(flush=True)
            else:
                refusal = Refusal(slug=error.slug, clause="provider", because=str(error))
                await self._say(reply, protocol, Refused(refusal=refusal, index=permit.index))
            return
        except asyncio.CancelledError:
            if not flight.landed():  # the server ends
                await settle("stopped" if reading.sent else "not-sent")
                raise
            await settle(("not-sent" if not reading.sent else flight.reason) or "stopped")
            await self._cut(reply, protocol, permit, flight, started)
            return
        await self._finish(protocol, permit, reading, stream, head, reply, flight, settle, started)

    async def _send(
        self, protocol: Protocol, headers: CallerHeaders, permit: Permit, body: bytes, reading: AnswerReading
    ) -> Answer:
        """Send once, if access is not stopped at the last moment before the first byte."""
        provider = self._providers[protocol.name]
        outgoing = [*headers.forwarded, *protocol.key_headers(provider.key)]

        def may_send() -> bool:
            try:
                stop = state.find_stop(self.query)
            except LedgerError:
                return False
            reading.sent = stop is None
            return reading.sent

        return await provider.upstream.send(permit, path=protocol.route, headers=outgoing, body=body, may_send=may_send)

    async def _read(self, answer: Answer, reading: AnswerReading, flight: Flight) -> AsyncGenerator[bytes]:
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
                reply.abort(flush=True)
            else:
                await self._say(reply, protocol, Refused(refusal=refusal, index=permit.index))
            return
        if reading.status >= 400:
            outcome = "provider-failed" if reading.status >= 500 else "provider-refused"
        else:
            outcome = "answered" if reading.complete else "half-answer"
        await settle(outcome)
        try:
            with flight.cuttable():
                rest = bytes(reading.kept) if stream is None else stream.rest()
                if not started:
                    await reply.start(reading.status, head, length=len(rest) if stream is None else None)
                if rest:
                    await reply.write(rest)
                if reading.complete:
                    await reply.end()
                else:
                    reply.abort(flush=True)  # a stream without its last line is not whole, whatever its framing says
        except asyncio.CancelledError:
            if not flight.landed():
                raise
            reply.abort(flush=False)

    async def _settle(
        self, permit: Permit, epoch: Epoch, begun: datetime, reading: AnswerReading, outcome: str
    ) -> None:
        """Make the outcome durable; raises `NotSettled`, also where the call was abandoned meanwhile."""
        now = self.clock()
        kept = bytes(reading.kept)
        item: SealedItem | None = None
        if kept:
            item = epoch.seal(kept, ledger=self.ledger.origin, part="answer", random=self.random)
        usage = reading.usage
        served = (reading.served or "").encode("utf-8", "backslashreplace").decode()
        result = Outcome(
            outcome=outcome,
            status=reading.status,
            served=served,
            served_check=reading.served_check(permit.model),
            answer=item,
            answer_bytes=len(kept),
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            complete=reading.complete,
            sent=reading.sent,
            upstream_id=reading.upstream_id,
            millis=max(0, int((now - begun).total_seconds() * 1000)),
        )
        try:
            recorded = await self.transact(lambda tx: admission.settle(tx, permit=permit, outcome=result, now=now))
        except LedgerError as error:
            raise NotSettled from error
        if not recorded:
            raise NotSettled

    async def _say(self, reply: Reply, protocol: Protocol | None, refused: Refused) -> None:
        await say(reply, protocol, refused, origin=self.ledger.origin)

    async def _withhold(self, reply: Reply, protocol: Protocol, permit: Permit) -> None:
        """The outcome is not durable, so the caller gets no whole answer."""
        if reply.started:
            reply.abort(flush=True)
            return
        because = "the call was made and its outcome could not be recorded, so its answer is withheld"
        refusal = Refusal(slug="not-recorded", clause="ledger", because=because, again=False)
        await self._say(reply, protocol, Refused(refusal=refusal, index=permit.index))

    async def _cut(self, reply: Reply, protocol: Protocol, permit: Permit, flight: Flight, started: bool) -> None:
        if started or flight.reason == "client-gone":
            reply.abort(flush=False)
            return
        try:
            stop = state.find_stop(self.query)
        except LedgerError:
            stop = None
        if stop is not None:
            because = f"the {stop.by} stopped this access: {stop.cause}"
            refusal = Refusal(slug="terms-refused", clause="stop.by", because=because)
        else:
            because = "this gateway is ending, or could not read the ledger within a second, so it let nothing pass"
            refusal = Refusal(slug="not-recorded", clause="ledger", because=because)
        await self._say(reply, protocol, Refused(refusal=refusal, index=permit.index))
