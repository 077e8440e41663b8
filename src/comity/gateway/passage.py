"""The passage of one call: from its first byte to its settled entry.

1. The request is read, never changed, and sealed; one transaction decides,
   records and reserves.
2. The permit is durable. The stop is read once more from the ledger, once for all
   calls that are sent in the same turn of the loop.
3. The request goes upstream, once, with the permit for the provider's guard and
   the tag of good faith.
4. The answer is read. A whole answer waits until its outcome is durable; of a
   stream only the terminal bytes wait.
5. The outcome is recorded, the answer sealed with it, the reservation settled.

A failure of ours before 3 is a 503 and nothing was sent.  After 3 the caller
gets no whole answer without a durable outcome: if recording fails, a whole answer
is withheld with a 503 that says so, a stream is broken off, and the permit is
abandoned at its reservation when the gateway's lease ends.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from comity.gateway import state
from comity.gateway.admission import LeaseLost, Outcome, Permit, Refused
from comity.gateway.answer import AnswerReading, is_stream, refuse_served
from comity.gateway.asked import Asked, MalformedRequest
from comity.gateway.flight import Flight
from comity.gateway.headers import Fields, returned_headers
from comity.gateway.life import TermsChanged
from comity.gateway.observe import Times
from comity.gateway.permit_note import HEADER
from comity.gateway.protocols import Protocol
from comity.gateway.refusal import Refusal
from comity.gateway.reply import NOT_RECORDED, Reply, ids
from comity.gateway.stream import StreamReader
from comity.gateway.upstream import Answer, NoAnswer, NotSent
from comity.ledger import LedgerError
from comity.vault import Epoch, SealedItem

if TYPE_CHECKING:
    from comity.gateway.gate import Gate

__all__ = ["MAX_ANSWER", "TAG", "Passage"]

MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of one answer that are kept for sealing; a longer one is cut as a provider's failure."""

_MILLISECOND: Final = timedelta(milliseconds=1)

TAG: Final = "x-engagement-tag"
"""The header that bears the clause `safe_harbour.tag`."""


class NotSettled(Exception):
    """The outcome of a call that was sent could not be recorded."""


class Passage:
    """One call under way. Lives for one call, in one task."""

    __slots__ = (
        "asked", "begun", "body", "epoch", "fields", "flight", "gate", "grant", "head", "head_at", "permit",
        "permitted", "protocol", "reading", "received", "reply", "started", "stream",
    )  # fmt: skip

    def __init__(
        self,
        gate: "Gate",
        protocol: Protocol,
        fields: Fields,
        grant: str,
        reply: Reply,
    ) -> None:
        self.gate, self.protocol, self.fields = gate, protocol, fields
        self.grant, self.reply = grant, reply
        self.flight: Flight
        self.asked: Asked
        self.body: bytes
        self.epoch: Epoch
        self.permit: Permit
        self.received = self.begun = self.permitted = gate.clock()
        self.reading = AnswerReading(sent=False)
        self.stream: StreamReader | None = None
        self.head: list[tuple[str, str]] = []
        self.head_at: datetime | None = None
        self.started = False

    async def run(self, path: str, query: str, body: bytes) -> None:
        """Decide, send, answer and settle."""
        flight, flights = Flight(self.gate.loop), self.gate.flights
        self.flight = flight
        flights.add(flight)
        self.reply.when_gone(partial(flight.cut, "client-gone"))
        try:
            decision = await self._decide(path, query, body)
            if isinstance(decision, Permit):
                self.permit = decision
                if self.gate.observers:
                    self.permitted = self.gate.clock()
                await self._forward()
            elif decision is not None:
                await self.gate.say(self.reply, self.protocol, decision, self.received)
        except NotSettled:
            await self._withhold()
        except (LedgerError, LeaseLost):
            await self.gate.say(self.reply, self.protocol, Refused(refusal=NOT_RECORDED, index=None))
        finally:
            flights.discard(flight)

    async def _decide(self, path: str, query: str, body: bytes) -> Permit | Refused | None:
        """Read and seal the request, and have the call decided; None where it was refused already.

        Raises `LedgerError` and `LeaseLost` where nothing could be decided.
        """
        gate, protocol, fields = self.gate, self.protocol, self.fields
        try:
            asked = protocol.read(path, query, body)
        except MalformedRequest as error:
            refusal = Refusal(slug="request-malformed", clause="request.body", because=str(error))
            await gate.refuse(self.reply, protocol, fields.caller, refusal, protocol.route, self.received)
            return None
        headers = fields.read
        if headers.unknown or headers.features:
            unknown = (*asked.unknown, *headers.unknown)
            asked = asked._replace(unknown=unknown, features=tuple(sorted({*asked.features, *headers.features})))
        self.asked, self.body, sent = asked, body, sha256(body).hexdigest()
        while True:
            terms = gate.terms
            self.epoch = epoch = gate.epoch(terms, self.grant) or await gate.begin_epoch(terms, self.grant)
            request = epoch.seal(body, ledger=gate.ledger.origin, part="request", random=gate.random)
            self.begun = gate.clock()
            try:
                return await gate.rounds.admit(fields.caller, asked, request, sent, terms.version)
            except TermsChanged:
                continue  # versions only grow, and the gate holds the new one by now

    async def _forward(self) -> None:
        reading, flight = self.reading, self.flight
        try:
            with flight:
                answer = await self._send()
                self.head_at = self.gate.clock()
                reading.status = answer.status
                passed, reading.upstream_id = returned_headers(answer.headers)
                self.head = [*passed, *ids(self.gate.ledger.origin, self.permit.index, reading.upstream_id)]
                if not (streams := is_stream(answer)):
                    whole = answer.at_hand(MAX_ANSWER)
                    if whole is None:
                        whole = await self._keep_whole(answer)
                    reading.kept, reading.complete = whole, True
                    reading.look_at_whole(self.protocol)
            if streams:
                await self._pass_stream(answer)
        except NotSent:
            await self._settle("not-sent")
            await self._cut()
            return
        except NoAnswer as error:
            await self._settle("half-answer" if reading.status else "provider-failed")
            if self.started:
                self.reply.abort(flush=True)
            else:
                await self._refuse(Refusal(slug=error.slug, clause="provider", because=str(error)))
            return
        except asyncio.CancelledError:
            if not flight.landed():  # the server ends
                await self._settle("stopped" if reading.sent else "not-sent")
                raise
            await self._settle(("not-sent" if not reading.sent else flight.reason) or "stopped")
            await self._cut()
            return
        await self._finish()

    def _send(self) -> Coroutine[Any, Any, Answer]:
        """Send once, if access is not stopped at the last moment before the first byte."""
        gate, permit = self.gate, self.permit
        provider = gate.providers.get(self.protocol.name)
        if provider is None:  # another gateway of this ledger took an amendment that speaks it
            because = f"this gateway has no provider for {self.protocol.name}; its operator adds one"
            raise NoAnswer("provider-failed", because, sent=False)
        key, protocol, tag = provider.key, self.protocol, gate.terms.safe_harbour.tag
        lines = self.fields.towards((provider, protocol, tag), lambda: [*protocol.key_headers(key), (TAG, tag)])
        return provider.upstream.send(
            permit,
            path=self.asked.target,
            headers=lines.then(HEADER, permit.note),
            body=self.body,
            may_send=self._may_send,
        )

    def _may_send(self) -> bool:
        self.reading.sent = self.gate.may_send()
        return self.reading.sent

    async def _keep_whole(self, answer: Answer) -> bytes:
        """Wait for all of the answer's body; the flight can be cut meanwhile, and what came until then is kept."""
        try:
            return await answer.read_whole(MAX_ANSWER)
        except BaseException:
            self.reading.kept = answer.so_far()
            raise

    async def _pass_stream(self, answer: Answer) -> None:
        reading, model = self.reading, self.permit.model
        stream = self.stream = StreamReader(
            self.protocol.terminal,
            self.protocol.served,
            self.protocol.usage,
            model.serves.__contains__,
            cut=model.on_mismatch == "refuse",
        )
        flight, reply, confirmed = self.flight, self.reply, self.gate.confirmed
        kept = reading.kept = bytearray()
        reading.checked = True
        try:
            while True:
                with flight:
                    piece = await answer.piece()
                    if not piece:
                        return
                    kept += piece
                    if len(kept) > MAX_ANSWER:
                        raise NoAnswer("provider-failed", f"the answer exceeds {MAX_ANSWER} bytes", sent=True)
                    now = stream.feed(piece)
                    reading.served, reading.usage, reading.complete = stream.served, stream.usage, stream.ended
                    if stream.mismatch:
                        reading.complete = False
                        return
                    if now:
                        if not confirmed():
                            flight.reason = flight.reason or "stopped"
                            raise asyncio.CancelledError
                        if not self.started:
                            await reply.start(answer.status, self.head, length=None)
                            self.started = True
                        await reply.write(now)
        finally:
            answer.release()

    async def _finish(self) -> None:
        reading, reply, stream = self.reading, self.reply, self.stream
        refusal = refuse_served(self.permit.model, reading) if reading.checked else None
        if refusal is not None:
            await self._settle("withheld")
            if self.started:
                reply.abort(flush=True)
            else:
                await self._refuse(refusal)
            return
        if reading.status >= 400:
            outcome = "provider-failed" if reading.status >= 500 else "provider-refused"
        else:
            outcome = "answered" if reading.complete else "half-answer"
        await self._settle(outcome)
        try:
            with self.flight:
                if stream is None:
                    whole = bytes(reading.kept)
                    if not reply.whole_at_once(reading.status, self.head, whole):
                        await reply.whole(reading.status, self.head, whole)
                    return
                if not self.started:
                    await reply.start(reading.status, self.head, length=None)
                if rest := stream.rest():
                    await reply.write(rest)
                if reading.complete:
                    await reply.end()
                else:
                    reply.abort(flush=True)  # a stream without its last line is not whole, whatever its framing says
        except asyncio.CancelledError:
            if not self.flight.landed():
                raise
            reply.abort(flush=False)

    def _millis(self, until: datetime) -> int:
        return max(0, (until - self.begun) // _MILLISECOND)

    async def _settle(self, outcome: str) -> None:
        """Make the outcome durable; raises `NotSettled`, also where the call was abandoned meanwhile."""
        gate, reading, permit = self.gate, self.reading, self.permit
        kept = bytes(reading.kept)
        item: SealedItem | None = None
        if kept:
            item = self.epoch.seal(kept, ledger=gate.ledger.origin, part="answer", random=gate.random)
        answered, anomaly = gate.clock(), None
        millis = self._millis(answered)
        if reading.sent:
            anomaly = gate.custom.judge(
                permit.model.name,
                stream=self.stream is not None,
                status=reading.status,
                millis=millis if self.head_at is None else self._millis(self.head_at),
            )
        served = reading.served or ""
        if not served.isascii():  # it may hold half a surrogate pair
            served = served.encode("utf-8", "backslashreplace").decode()
        result = Outcome(
            outcome=outcome,
            status=reading.status,
            served=served,
            served_check=reading.served_check(permit.model),
            answer=item,
            answer_bytes=len(kept),
            usage=reading.usage,
            complete=reading.complete,
            sent=reading.sent,
            upstream_id=reading.upstream_id,
            millis=millis,
            anomaly=anomaly,
        )
        try:
            recorded = await gate.rounds.settle(permit, result)
        except LedgerError as error:
            self._tell(result, answered, recorded=False)
            raise NotSettled from error
        self._tell(result, answered, recorded=recorded)
        if not recorded:
            raise NotSettled

    def _tell(self, result: Outcome, answered: datetime, *, recorded: bool) -> None:
        if not (observers := self.gate.observers):
            return
        head_at, settled = self.head_at, self.gate.clock()
        times = Times(self.received, self.begun, self.permitted, head_at, answered, settled)
        traceparent = next((value for name, value in self.fields if name == b"traceparent"), b"")
        for observer in observers:
            observer.settled(self.asked, self.permit, result, times, recorded=recorded, traceparent=traceparent)

    async def _refuse(self, refusal: Refusal) -> None:
        await self.gate.say(self.reply, self.protocol, Refused(refusal=refusal, index=self.permit.index))

    async def _withhold(self) -> None:
        """The outcome is not durable, so the caller gets no whole answer."""
        if self.reply.started:
            self.reply.abort(flush=True)
            return
        because = "the call was made and its outcome could not be recorded, so its answer is withheld"
        await self._refuse(Refusal(slug="not-recorded", clause="ledger", because=because, again=False))

    async def _cut(self) -> None:
        if self.started or self.flight.reason == "client-gone":
            self.reply.abort(flush=False)
            return
        try:
            stop = state.find_stop(self.gate.query)
        except LedgerError:
            stop = None
        if stop is not None:
            because = f"the {stop.by} stopped this access: {stop.cause}"
            refusal = Refusal(slug="terms-refused", clause="stop.by", because=because)
        else:
            because = "this gateway is ending, or could not read the ledger within a second, so it let nothing pass"
            refusal = Refusal(slug="not-recorded", clause="ledger", because=because)
        await self._refuse(refusal)
