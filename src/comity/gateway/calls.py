"""Calls as values: who asks, what lets it pass, what became of it.

A `Permit` in hand means that its entry, its reservation and the sealed request
are on the disk.  Only a `Round` makes one, and the upstream takes nothing else
(*no record, no call*).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from comity.arrangement import Model
from comity.gateway.refusal import Refusal
from comity.gateway.usage import Usage
from comity.records import Amount
from comity.vault import SealedItem

__all__ = ["MADE_BY_ROUND", "Anomaly", "Caller", "LeaseLost", "Outcome", "Permit", "Refused"]


class LeaseLost(Exception):
    """This gateway was silent for longer than its lease; it must begin anew before it permits again."""


class Caller(NamedTuple):
    """Who asks, as the request's headers say."""

    key: str
    """SHA-256 of the bearer secret, in hex."""
    irid: str
    run: str


class Permit:
    """The durable leave for one upstream send. Only a `Round` makes one, and `use` works once."""

    __slots__ = ("_used", "amount", "at", "bills", "index", "model", "note", "rerun")

    def __init__(
        self, index: int, at: datetime, model: Model, amount: Amount, *, bills: bool, rerun: bool, made_by: object
    ) -> None:
        if made_by is not MADE_BY_ROUND:
            raise AssertionError("a permit was made outside admission")
        self.index, self.at, self.model, self.amount, self.bills = index, at, model, amount, bills
        self.rerun, self._used = rerun, False
        self.note = ""
        """What shows the permit to the provider's guard, once it is signed."""

    def use(self) -> None:
        """Spend the permit on a send; a second send under one permit is a bug."""
        if self._used:
            raise AssertionError(f"permit {self.index} was used twice")
        self._used = True


MADE_BY_ROUND: Final = object()
"""What a permit wants to see of its maker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A recorded refusal; `index` is None where the refusal was only counted."""

    refusal: Refusal
    index: int | None


class Anomaly(NamedTuple):
    """What was unusual about the provider's part in one call."""

    what: str
    """denied · rate-limited · overloaded · slow, as `upstream.anomaly` holds it."""
    millis: int
    usual_millis: int


class Outcome(NamedTuple):
    """What became of a permitted call, before it is priced."""

    outcome: str
    status: int
    served: str
    served_check: str
    answer: SealedItem | None
    answer_bytes: int
    usage: Usage | None
    """What the provider says the call took."""
    complete: bool
    """The answer ended in order, so that its figures are those of the whole call."""
    sent: bool
    upstream_id: str
    millis: int
    anomaly: Anomaly | None = None
