"""Observers: who is told what became of each request, for metrics and traces.

A gate calls its observers in the event loop, once for each refusal that it says
and once for each call that it settles, with values that exist already.  An
observer does no I/O there and keeps no reference to what it need not keep.

What it is given holds no body, no header and no secret: the sealed items in an
`Outcome` are ciphertext.  It does hold what a caller wrote (a model's name, in
`Asked`), and never who that is.  What of it may leave the process is for
each observer to bound.

Not promised: that every call is seen.  A process that is killed tells nobody; the
ledger does.
"""

from datetime import datetime
from typing import NamedTuple, Protocol

from comity.gateway.admission import Outcome, Permit, Refused
from comity.gateway.asked import Asked

__all__ = ["Observer", "Times"]


class Times(NamedTuple):
    """When one call passed each of its stations, by the gate's clock."""

    received: datetime
    """The request was whole."""
    decided: datetime
    """The transaction that decides was asked for."""
    permitted: datetime
    """The permit was durable."""
    head: datetime | None
    """The head of the provider's answer was read; None where none came."""
    answered: datetime
    """The provider's answer had ended, in order or not."""
    settled: datetime
    """The outcome was durable, or could not be recorded."""


class Observer(Protocol):
    """Who is told; each method returns within microseconds and raises nothing."""

    def refused(self, protocol: str, refused: Refused, since: datetime | None) -> None:
        """A request is refused; `since` is when it was received, None where it was a call settled already."""
        ...

    def settled(
        self, asked: Asked, permit: Permit, outcome: Outcome, times: Times, *, recorded: bool, traceparent: bytes
    ) -> None:
        """A permitted call has ended; where it is not `recorded`, its caller has no whole answer.

        `traceparent` is the caller's own header of that name, unread, or empty.
        """
        ...
