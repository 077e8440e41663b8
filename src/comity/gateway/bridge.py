"""The bridge from the ledger's thread to the event loop.

The ledger commits in a thread of its own and resolves futures there.
`asyncio.wrap_future` would wake the loop once for each; here the loop is woken
once for all that are resolved until it looks.

`Rounds` goes further for what every call needs twice: whatever calls are waiting
when the ledger's thread comes to it is decided in one `Round`.  A lone call waits
for no company; where `CROWD` calls are under way a round waits for those that the
loop comes to meanwhile, because each round has a sync, a signature and two changes
of thread, whatever it holds.  It goes once half of the calls wait for it, or all
but `ELSEWHERE`, so that the others are carried while it is made durable, and after
`COMPANY_SECONDS` in any case.

Not promised: that what was submitted can be called back.  A caller who is
cancelled while it waits stops waiting, and the transaction runs all the same.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from comity.gateway.asked import Asked
from comity.gateway.calls import Caller, LeaseLost, Outcome, Permit, Refused
from comity.gateway.life import InForce, TermsChanged
from comity.gateway.permit_note import MAX_TREE, PermitSlip, expiry_of, sign_permits
from comity.gateway.round import Round
from comity.ledger import Ledger, LedgerError, Signer, Transaction
from comity.vault import SealedItem

__all__ = ["Bridge", "Rounds"]

CROWD: Final = 8
COMPANY_SECONDS: Final = 0.001
"""Less than the sync that it saves; of 32 callers each waits shorter for it, because there is less to do."""
ELSEWHERE: Final = 16
"""Calls that a round need not wait for: with 32 callers some tenth more pass than where it waits its time."""

T = TypeVar("T")
Waiting = asyncio.Future[Any]
Asking = tuple[Waiting, Caller, Asked, SealedItem, str, int]


class Bridge:
    """Transactions of one ledger, awaited in one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._resolved: deque[tuple[Callable[[Future[Any]], None], Future[Any]]] = deque()
        self._woken = False

    async def transact(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn` in the ledger and wait until it is durable; raises what it raised, or `LedgerError`."""
        waiting: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.submit(fn, partial(_resolve, waiting))
        return await waiting

    def submit(self, fn: Callable[[Transaction], T], told: Callable[[Future[T]], None]) -> None:
        """Run `fn` in the ledger, and `told` in the loop once it is durable or failed."""
        loop = asyncio.get_running_loop()
        self._ledger.submit(fn).add_done_callback(partial(self._hand_over, loop, told))

    def _hand_over(
        self, loop: asyncio.AbstractEventLoop, told: Callable[[Future[Any]], None], done: Future[Any]
    ) -> None:
        """In the ledger's thread: hand a result over, and wake the loop unless it is woken already."""
        self._resolved.append((told, done))
        if not self._woken:
            self._woken = True
            try:
                loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                pass  # the loop is closed, so nobody waits

    def _deliver(self) -> None:
        """In the loop: everything that was resolved until now."""
        self._woken = False  # before the look: what comes after it wakes the loop again
        while self._resolved:
            told, done = self._resolved.popleft()
            told(done)


def _resolve(waiting: Waiting, done: Future[Any]) -> None:
    fault = done.exception()
    if waiting.done():
        return
    if fault is None:
        waiting.set_result(done.result())
    else:
        waiting.set_exception(fault)


class Rounds:
    """Admissions and settlements of one gateway, as many in a transaction as are waiting for one."""

    def __init__(
        self,
        bridge: Bridge,
        *,
        in_force: InForce,
        signer: Signer,
        incarnation: Callable[[], str],
        clock: Callable[[], datetime],
        under_way: Collection[object] = (),
    ) -> None:
        """`under_way` has one item for each call that the gateway carries now."""
        self._bridge, self._in_force, self._signer = bridge, in_force, signer
        self._incarnation, self._clock, self._under_way = incarnation, clock, under_way
        self._asking: deque[Asking] = deque()
        self._settling: deque[tuple[Waiting, Permit, Outcome]] = deque()
        self._coming = False
        self._timer: asyncio.TimerHandle | None = None
        """There while a round waits for company."""
        self._loop: asyncio.AbstractEventLoop | None = None
        """Remembered, because asking for the running loop asks the system for the process each time."""

    def _remember(self) -> asyncio.AbstractEventLoop:
        self._loop = loop = asyncio.get_running_loop()
        return loop

    def admit(
        self, caller: Caller, asked: Asked, request: SealedItem, sent: str, version: int
    ) -> "asyncio.Future[Permit | Refused]":
        """Decide one call and record the decision; its future raises `LeaseLost`, `TermsChanged` or `LedgerError`.

        `sent` is the SHA-256 of the body in hex, which the permit's note is for; `version` is that of the terms
        to whose recipients the request is sealed.
        """
        waiting = (self._loop or self._remember()).create_future()
        self._asking.append((waiting, caller, asked, request, sent, version))
        self._come()
        return waiting

    def settle(self, permit: Permit, outcome: Outcome) -> "asyncio.Future[bool]":
        """Record what became of a call; False where it was abandoned in the meantime. May raise `LedgerError`."""
        waiting = (self._loop or self._remember()).create_future()
        self._settling.append((waiting, permit, outcome))
        self._come()
        return waiting

    def _come(self) -> None:
        """Have the ledger's thread take what waits, once the loop has done what is ready now.

        What comes until the thread looks is taken with it; started at once it would come between the others.
        """
        timer = self._timer
        if self._coming and timer is None:
            return
        under_way, loop = len(self._under_way), self._loop or self._remember()
        enough = len(self._asking) + len(self._settling) >= under_way - min(ELSEWHERE, under_way // 2)
        if timer is not None:
            if enough:
                timer.cancel()
                self._timer = None
                loop.call_soon(self._submit)
            return
        self._coming = True
        if under_way < CROWD or enough:
            loop.call_soon(self._submit)
        else:
            self._timer = loop.call_later(COMPANY_SECONDS, self._submit)

    def _submit(self) -> None:
        self._timer = None
        taken = _Taken()
        try:
            self._bridge.submit(partial(self._run, taken), partial(self._told, taken))
        except LedgerError as fault:
            self._coming = False
            self._take(taken)
            taken.fail(fault)

    def _take(self, taken: "_Taken") -> None:
        """Take what waits; what comes after the look asks for a round of its own."""
        self._coming = False
        while self._settling:
            taken.settling.append(self._settling.popleft())
        while self._asking and len(taken.asking) < MAX_TREE:
            taken.asking.append(self._asking.popleft())

    def _run(self, taken: "_Taken", tx: Transaction) -> None:
        """In the ledger's thread: one round for all that waits."""
        self._take(taken)
        if not taken.ran:
            return
        one = Round(tx, incarnation=self._incarnation(), now=self._clock())
        if taken.settling:
            taken.settled = one.settle([(permit, outcome) for _, permit, outcome in taken.settling])
        terms = self._in_force.at(one.version, tx.execute)
        taken.digest = terms.digest
        for _, caller, asked, request, _, version in taken.asking:
            if version != terms.version:
                taken.decided.append(TermsChanged())
                continue
            try:
                taken.decided.append(one.admit(terms=terms, caller=caller, asked=asked, request=request))
            except LeaseLost as lost:
                taken.decided.append(lost)
        one.close()

    def _told(self, taken: "_Taken", done: Future[None]) -> None:
        """In the loop: the round is durable, or is not recorded."""
        if self._asking:
            self._come()  # more waited than one signature takes
        fault = done.exception()
        if fault is not None:
            if not taken.ran:
                self._take(taken)  # the ledger failed before it came to this round
            taken.fail(fault)
            return
        self._sign(taken)
        for (waiting, *_), decision in zip(taken.asking, taken.decided, strict=True):
            if not waiting.done():
                if isinstance(decision, LeaseLost | TermsChanged):
                    waiting.set_exception(decision)
                else:
                    waiting.set_result(decision)
        for (waiting, *_), settled in zip(taken.settling, taken.settled, strict=True):
            if not waiting.done():
                waiting.set_result(settled)

    def _sign(self, taken: "_Taken") -> None:
        """One signature for all permits of the round."""
        permits, slips, expires = list[Permit](), list[PermitSlip](), 0
        for (_, _, asked, _, sent, _), decision in zip(taken.asking, taken.decided, strict=True):
            if isinstance(decision, Permit):
                expires = expires or expiry_of(decision.at)  # of all, since a round has one time
                permits.append(decision)
                slips.append(PermitSlip(decision.index, "POST", asked.target, sent, expires))
        if not permits:
            return
        origin = self._in_force.terms.ledger.origin
        notes = sign_permits(self._signer, origin=origin, digest=taken.digest, slips=slips)
        for permit, note in zip(permits, notes, strict=True):
            permit.note = note


class _Taken:
    """What one round took, and what came of it."""

    __slots__ = ("asking", "decided", "digest", "settled", "settling")

    def __init__(self) -> None:
        self.asking: list[Asking] = []
        self.settling: list[tuple[Waiting, Permit, Outcome]] = []
        self.decided: list[Permit | Refused | LeaseLost | TermsChanged] = []
        self.settled: list[bool] = []
        self.digest = ""
        """Of the terms by which it was decided."""

    @property
    def ran(self) -> bool:
        """Whether the round came to take anything."""
        return bool(self.asking or self.settling)

    def fail(self, fault: BaseException) -> None:
        """Nothing of this round is recorded."""
        for waiting in [*(each[0] for each in self.asking), *(each[0] for each in self.settling)]:
            if not waiting.done():
                waiting.set_exception(fault)
