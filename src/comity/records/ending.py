"""Records of an arrangement's end: a side leaves, both close, content is erased.

`access.exited` is one party's act; `access.closed` is both parties' and ends the right
to permit for good.  `content.erased` says that sealed items and the means to open them
were destroyed where the ledger is kept; their commitments stay in the entries of the calls.
"""

from comity.records.record import Digest, Record


class AccessExited(Record, kind="access.exited", version=1):
    """A party leaves: from a day on nothing passes, and it cannot be taken back."""

    by: str
    cause: str
    """A cause of the terms' vocabulary, or `unstated` where `exit.statement` is `none`."""
    effective: str
    """The instant from which access has ended: the beginning of a day in UTC."""
    notice_days: int
    """Whole days between the day of this entry and that day."""
    note: str
    """The signed note `comity exit/1`, verbatim."""


class AccessClosed(Record, kind="access.closed", version=1):
    """Both parties closed the access: nothing is permitted after this entry, by any gateway."""

    digest: Digest
    """SHA-256 of the terms in force, which both parties close."""
    grants: int
    """Grants in force when this was written: 0, or it is not written."""
    note: str
    """The signed note `comity close/1` with both signatures, verbatim."""


class ContentErased(Record, kind="content.erased", version=1):
    """Sealed items and the keys wrapped for their recipients were destroyed here, on a party's order."""

    by: str
    """The party that ordered it."""
    items: int
    """Sealed items that were destroyed."""
    epochs: int
    """Wrapped epoch keys that were destroyed with them."""
    root: Digest
    """SHA-256 over the commitments of the destroyed items, in order, a line each."""
    note: str
    """The signed note `comity erase/1`, verbatim."""
