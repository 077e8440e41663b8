"""Served: what an access ledger says of the calls under an arrangement.

An access ledger lies with the operator, and with whoever mirrors it.  Where one is at hand, the calls that were
answered and refused are counted out of its entries, up to the time that is asked for.

| counted as | entry |
|---|---|
| permitted | `call.permitted` |
| served | `call.settled` with the outcome `answered` |
| refused | `call.refused`; each of the count of `calls.refused` |

Not promised: that the ledger is all there, or that anybody signed it. `comity verify` checks that.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from comity.engagement.replay import entered_until

__all__ = ["Served", "read_served"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The calls under one arrangement until one time."""

    origin: str
    """The access ledger's."""
    entries: int
    """How many of its entries were read."""
    permitted: int
    served: int
    refused: int

    @property
    def arrangement(self) -> str:
        """The arrangement's id, which the origin ends with."""
        return self.origin.rpartition("/")[2]


def read_served(origin: str, entries: Iterable[bytes], at: datetime) -> Served:
    """Count the calls of an access ledger that were entered until a time."""
    read = permitted = served = refused = 0
    for entry in entered_until(entries, at):
        read += 1
        if b'"kind":"call' not in entry:
            continue
        members = json.loads(entry)
        match members["kind"]:
            case "call.permitted":
                permitted += 1
            case "call.settled" if members["outcome"] == "answered":
                served += 1
            case "call.refused":
                refused += 1
            case "calls.refused":
                refused += members["count"]
            case _:
                pass
    return Served(origin=origin, entries=read, permitted=permitted, served=served, refused=refused)
