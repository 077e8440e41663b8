"""The gate of one arrangement: its ledger, its lease, its watch for a stop, and the calls under way.

A call's own path, from its first byte to its settled entry, is
`comity.gateway.passage`.  Here is what all calls share: one incarnation with its
lease, renewed as long as the process lives; the watch that cuts every call when
access is stopped; the epochs under which content is sealed; and what the
provider's answers usually take.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

from comity.arrangement import Terms
from comity.gateway import admission, state
from comity.gateway.admission import Caller, Refused
from comity.gateway.anomaly import Custom
from comity.gateway.bridge import Bridge, Rounds
from comity.gateway.flight import Cut, Flight, StopWatch
from comity.gateway.headers import Fields
from comity.gateway.life import InForce, find_life
from comity.gateway.observe import Observer
from comity.gateway.passage import Passage
from comity.gateway.pool import pooled
from comity.gateway.protocols import Protocol
from comity.gateway.refusal import Refusal
from comity.gateway.reply import NOT_RECORDED, Reply, say
from comity.gateway.upstream import Upstream
from comity.ledger import Ledger, LedgerError, Signer, Transaction
from comity.vault import Epoch, parse_recipient, store_epoch

__all__ = ["Clock", "Gate", "Provider", "Random"]

Clock = Callable[[], datetime]
Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where one protocol's calls go, and the key that opens it."""

    upstream: Upstream
    key: str


class LedgerUnreadable(LedgerError):
    """The ledger's file could not be read, so nothing can be decided."""


class OtherTerms(LedgerError):
    """The terms given are no version that the ledger is kept under; take the file that was adopted."""


class Gate:
    """One arrangement's door to its models."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        terms: Terms,
        providers: Mapping[str, Provider],
        permit_signer: Signer,
        clock: Clock,
        monotonic: Callable[[], float],
        random: Random,
        software: str,
    ) -> None:
        spoken = {protocol for model in terms.models for protocol in model.protocols}
        if missing := spoken - providers.keys():
            raise ValueError(f"expected a provider for each protocol of the terms, found none for {sorted(missing)}")
        for protocol, provider in sorted(providers.items()):
            if not provider.key or not all("!" <= character <= "~" for character in provider.key):
                raise ValueError(
                    f"the provider's key for {protocol}: expected printable ASCII without spaces, which a header can "
                    "hold, and found none or something else; put it in as the provider gave it"
                )
        if permit_signer.vkey != terms.guard.permit_key:
            raise ValueError("expected the permit key that the terms name in guard.permit_key; this is another")
        self.ledger, self._in_force, self.clock, self.random = ledger, InForce(terms), clock, pooled(random)
        self.providers, self._software = providers, software
        self.incarnation = random(16).hex()
        self.custom = Custom()
        bridge = Bridge(ledger)
        self.transact = bridge.transact
        self.flights: set[Flight] = set()
        """Of the calls under way."""
        self.rounds = Rounds(
            bridge,
            in_force=self._in_force,
            signer=permit_signer,
            incarnation=lambda: self.incarnation,
            clock=clock,
            under_way=self.flights,
        )
        self._reader = ledger.reader()
        self._watch_reader = ledger.reader()
        self._epochs: dict[tuple[int, str], Epoch] = {}
        self._epoch_lock = asyncio.Lock()
        self._grants: dict[str, str] = {}
        self._may_send: bool | None = None
        """What the ledger said of the stop in this turn of the loop; None where it was not asked."""
        self._watch = StopWatch(lambda: state.find_stop(self._watch_reader.query), self.cut_all, monotonic)
        self._tasks: list[asyncio.Task[None]] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        """Where its calls run, once it has started."""
        self.observers: tuple[Observer, ...] = ()
        """Who is told what became of each request."""
        self.unauthenticated = 0
        """Requests with no known key since the start; they are counted and never become entries."""

    async def start(self) -> None:
        """Take the lease, settle what dead gateways left open, and begin to watch; raises `OtherTerms`."""
        self._check_terms()
        self.loop = asyncio.get_running_loop()
        await self.transact(lambda tx: admission.abandon_expired(tx, now=self.clock()))
        await self._begin()
        self._tasks = [asyncio.create_task(self._watch.run()), asyncio.create_task(self._keep())]
        while not self._watch.confirmed():
            await asyncio.sleep(0.005)

    @property
    def terms(self) -> Terms:
        """The terms in force, as this gateway last read them from the ledger."""
        return self._in_force.terms

    def terms_in(self, tx: Transaction) -> Terms:
        """The terms in force in a transaction."""
        return self._in_force.at(find_life(tx.execute).version, tx.execute)

    def _check_terms(self) -> None:
        """The terms in hand are a version that this ledger was kept under; then those in force are taken."""
        digests = [row[0] for row in self.query("SELECT digest FROM gate_terms ORDER BY version")]
        if self.terms.digest not in digests:
            held = ", ".join(digests) or "no signed arrangement"
            raise OtherTerms(f"{self.ledger.origin} is kept under {held}; the terms given are {self.terms.digest}")
        self._in_force.at(find_life(self.query).version, self.query)

    async def stop(self) -> None:
        """End in order: cut what is under way, record the end; a ledger that takes nothing more is left as it is."""
        self.cut_all("stopped")
        while self.flights:
            await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(LedgerError):  # open permits are then abandoned when the lease ends
            await self.transact(lambda tx: admission.flush_refusals(tx, now=self.clock(), all_of_them=True))
            await self.transact(lambda tx: admission.end(tx, incarnation=self.incarnation, now=self.clock()))
        for provider in self.providers.values():
            provider.upstream.close()
        self._reader.close()
        self._watch_reader.close()

    def query(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read the gateway's tables; raises `LedgerUnreadable` where the ledger's file cannot be read."""
        try:
            return self._reader.query(sql, args)
        except LedgerError:
            raise
        except Exception as fault:  # the storage's own errors: a closed file, a failing disk
            raise LedgerUnreadable(f"the ledger could not be read: {type(fault).__name__}: {fault}") from fault

    def find_grant(self, secret: str) -> state.Grant | None:
        """The grant of a bearer secret; an unknown one is counted."""
        grant = state.find_grant(self.query, sha256(secret.encode("latin-1")).hexdigest()) if secret else None
        self.unauthenticated += grant is None
        return grant

    def may_send(self) -> bool:
        """Whether access is not stopped, as the ledger says in this turn of the loop; False where it says nothing."""
        if self._may_send is None:
            try:
                self._may_send = state.find_stop(self.query) is None
            except LedgerError:
                self._may_send = False
            (self.loop or asyncio.get_running_loop()).call_soon(self._turn_over)
        return self._may_send

    def _turn_over(self) -> None:
        self._may_send = None

    def confirmed(self) -> bool:
        """Whether "not stopped" was read from the ledger within the last second; else nothing may pass."""
        return self._watch.confirmed()

    def watch_age(self, now: float) -> float:
        """Seconds since "not stopped" was last read from the ledger, at `now` by the monotonic clock."""
        return self._watch.age(now)

    def cut_all(self, reason: Cut) -> None:
        """Cut every call under way."""
        for flight in tuple(self.flights):
            flight.cut(reason)

    async def _begin(self) -> None:
        begin = partial(admission.begin, incarnation=self.incarnation, software=self._software, now=self.clock())
        await self.transact(begin)

    async def _keep(self) -> None:
        """Renew the lease, take over what dead gateways left, and record counted refusals."""
        while True:
            await asyncio.sleep(admission.LEASE_MS / 5000)
            try:
                await self.transact(self._keep_once)
            except admission.LeaseLost:
                self.incarnation = self.random(16).hex()
                self._epochs.clear()
                with suppress(LedgerError):  # without a lease the next round begins anew
                    await self._begin()
            except LedgerError:
                continue  # no lease, no permit: admission refuses until the ledger takes entries again

    def _keep_once(self, tx: Transaction) -> None:
        now = self.clock()
        admission.renew(tx, incarnation=self.incarnation, now=now)
        admission.abandon_expired(tx, now=now)
        admission.flush_refusals(tx, now=now)
        state.forget_seconds(tx, now_ms=state.millis(now))

    def call(
        self, protocol: Protocol, path: str, fields: Fields, query: str, body: bytes, reply: Reply
    ) -> Coroutine[Any, Any, None]:
        """What carries one model call from its request to its settled entry, to be run in a task of its own.

        `path` is the provider's own.
        """
        caller = fields.caller
        try:
            grant = self._grants.get(caller.key) or self._known(fields.read.secret, caller.key)
            if not self.confirmed():
                raise LedgerUnreadable("whether access is stopped was not read within the last second")
        except LedgerError:
            return self.say(reply, protocol, Refused(refusal=NOT_RECORDED, index=None))
        if grant is None:
            refusal = Refusal(slug="key-unknown", clause="grant.key", because="no grant is known for this key")
            return self.say(reply, protocol, Refused(refusal=refusal, index=None))
        return Passage(self, protocol, fields, grant, reply).run(path, query, body)

    def _known(self, secret: str, key: str) -> str | None:
        """The id of a key's grant, remembered because it never changes; whether it is in force is decided anew."""
        grant = self.find_grant(secret)
        if grant is None:
            return None
        self._grants[key] = grant.grant
        return grant.grant

    async def refuse(
        self,
        reply: Reply,
        protocol: Protocol | None,
        caller: Caller,
        refusal: Refusal,
        route: str,
        since: datetime | None = None,
    ) -> None:
        """Record a refusal that needs no decision, and say it; `since` as `say` has it."""
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
        await self.say(reply, protocol, refused, since)

    def epoch(self, terms: Terms, grant: str) -> Epoch | None:
        """This process's epoch for one grant under these terms; None before `begin_epoch`."""
        return self._epochs.get((terms.version, grant))

    async def begin_epoch(self, terms: Terms, grant: str) -> Epoch:
        """Begin an epoch: one encapsulation to each recipient of the terms."""
        at = terms.version, grant
        async with self._epoch_lock:
            if at not in self._epochs:
                recipients = [parse_recipient(r.name, r.key) for r in terms.content.recipients]
                context = f"{self.ledger.origin}\n{grant}".encode()
                epoch = Epoch.begin(recipients, context, self.random)
                await self.transact(partial(store_epoch, epoch=epoch))
                self._epochs[at] = epoch
            return self._epochs[at]

    async def say(
        self, reply: Reply, protocol: Protocol | None, refused: Refused, since: datetime | None = None
    ) -> None:
        """Say a refusal in the protocol's shape; `since` is when a call was received that ends with it."""
        for observer in self.observers:
            observer.refused(protocol.name if protocol else "", refused, since)
        await say(reply, protocol, refused, origin=self.ledger.origin)
