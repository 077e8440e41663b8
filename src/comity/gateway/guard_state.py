"""The guard's memory: which permits were used, and how many requests were refused.

The file is a ledger's file without entries (`comity.ledger`): SQLite in WAL mode with
`synchronous=FULL`, one group commit for all that wait, nothing cached between commits.
So a permit is spent durably before its request goes on, neither a restart nor `kill -9` lets a second use
through, and several guard processes on one machine may share the file.

A used index is one bit and is kept for good: a permit index passes once in the life of an arrangement,
whatever the clocks do.  Bound: 512 bytes for each block of 4,096 entries and day on which one of them was
used, so about 125 KB for a ledger of a million entries.

Not promised: anything after the file was lost or replaced by an older copy.  Then a permit that has not
expired yet (`PERMIT_SECONDS` and `SKEW_SECONDS`, 90 s) could be used once more, and the counters of the
days before are gone.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from comity.ledger import Ledger, LedgerError, Transaction, create_ledger, open_ledger

__all__ = ["OtherGuard", "count_refused", "open_state", "passed", "refused", "spend"]

BLOCK: Final = 4_096
"""Indexes in one row of bits."""

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS guard_block (block INTEGER NOT NULL, day TEXT NOT NULL, bits BLOB NOT NULL, "
    "PRIMARY KEY (block, day)) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS guard_refused (day TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL, "
    "PRIMARY KEY (day, reason)) STRICT, WITHOUT ROWID",
)

Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


class OtherGuard(LedgerError):
    """The state belongs to another arrangement's guard."""


def open_state(folder: Path, *, origin: str) -> Ledger:
    """Open the guard's state of one arrangement, or begin it; raises `LedgerError`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, name = folder / "guard.sqlite", f"{origin}/guard"
    if not path.exists():
        return create_ledger(path, origin=name, schema=SCHEMA)
    state = open_ledger(path, schema=SCHEMA)
    if state.origin != name:
        state.close()
        raise OtherGuard(f"{path} is the state of {state.origin}; expected {name}. Each arrangement has its own folder")
    return state


def spend(tx: Transaction, *, index: int, day: str) -> bool:
    """Use a permit's index; False where it was used before, on whatever day."""
    block, offset = divmod(index, BLOCK)
    byte, bit = offset >> 3, 1 << (offset & 7)
    rows = tx.execute("SELECT day, bits FROM guard_block WHERE block = ?", (block,))
    if any(bits[byte] & bit for _, bits in rows):
        return False
    bits = bytearray(next((bits for on, bits in rows if on == day), bytes(BLOCK // 8)))
    bits[byte] |= bit
    tx.execute("INSERT OR REPLACE INTO guard_block VALUES (?, ?, ?)", (block, day, bytes(bits)))
    return True


def count_refused(tx: Transaction, counts: Mapping[tuple[str, str], int]) -> None:
    """Add refusals, by day and reason."""
    for (day, reason), count in counts.items():
        tx.execute(
            "INSERT INTO guard_refused VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            (day, reason, count),
        )


def passed(query: Query, day: str) -> list[int]:
    """The indexes of the permits that were used for calls of a day, in order."""
    found: list[int] = []
    for block, bits in query("SELECT block, bits FROM guard_block WHERE day = ? ORDER BY block", (day,)):
        base = block * BLOCK
        found += [base + n * 8 + bit for n, byte in enumerate(bits) if byte for bit in range(8) if byte & 1 << bit]
    return found


def refused(query: Query, day: str) -> dict[str, int]:
    """How many requests were refused on a day, by reason."""
    rows = query("SELECT reason, count FROM guard_refused WHERE day = ? ORDER BY reason", (day,))
    return {str(reason): int(number) for reason, number in rows}
