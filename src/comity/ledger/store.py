"""Stores: where entries are put in order, and the two doors through which they go in.

A *ledger* is a numbered sequence of entries that only grows.
Entry `n` is bytes; the store neither reads nor changes them.
The store is the truth: tiles, checkpoints and receipts are derived from it (see `publisher`).

Two doors:

- `transact(fn)` (and `submit(fn)`, which hands back a future):
  `fn(tx)` reads and writes the caller's own tables
  in the ledger's database and calls `tx.append(entry)`; all of it takes effect together, or none of it.
  This is the door for decisions that depend on state, such as a budget.
- `append(entries, expect=…, tags=…)`: compare-and-append.
  `expect` is the `Position` up to which the caller has read the entries that carry any of `tags`;
  a newer entry with one of these tags raises `PositionMoved` and nothing is appended.
  This is the door for casework, where people act on what they have read.

What both doors promise: when they return (when the future is resolved), the entries are on stable storage;
indexes are dense, counted from 0, and are never given twice.
`NotDurable` says that this promise could not be kept.

Callers' SQL is one text for every store, in SQLite's words, within what SQLite and PostgreSQL both mean by it:

- one statement: `SELECT`, `WITH`, `VALUES`, `INSERT`, `UPDATE`, `DELETE`, `CREATE`, `DROP` or `ALTER`;
- values are parameters, written `?`, never `?1` or `:name`, and are `int`, `str`, `bytes`, `float` or `None`;
  a `str` holds no NUL character; an `int` is one of 64 bits;
- columns are `INTEGER`, `TEXT`, `BLOB` or `REAL`, always stated; a table may be `STRICT` and `WITHOUT ROWID`;
  no column is filled in by itself, save by its `DEFAULT`;
- conflicts are `ON CONFLICT (columns) DO NOTHING` or `DO UPDATE SET column = table.column + excluded.column`:
  with the columns named, and the table's name before a column that is read; no `INSERT OR …`, no `REPLACE`;
- names are in lower case, and reserved words such as `"by"` and `"grant"` stand in double quotes;
- text stands in single quotes, and there are no `x''`, `E''` or other prefixed strings;
- each column of a grouped `SELECT` is grouped or aggregated; order is what `ORDER BY` says, and text's is its bytes';
- functions are `count`, `sum`, `min`, `max` (over rows), `coalesce`, `length`, `lower`, `upper` and `substr`;
  an integer sum is an `int` in every store;
- `INSERT`, `UPDATE` and `DELETE` without `RETURNING` may be carried out after `execute` returned,
  and a statement that fails ends its function: the error may come with a later statement of `fn` or with its outcome,
  and cannot be caught to go on;
- the ledger's own tables are read with a plain `SELECT` alone.

A statement about the ledger's own tables, the transaction or settings is a bug and raises `AssertionError`.

Limits: an entry has at most 65,535 bytes, because an entry bundle gives it a 16-bit length
(c2sp.org/tlog-tiles).

Not promised: that a submitted `fn` can be called back.
Cancelling its future does nothing: what was submitted runs, and a caller that stopped waiting
learns the outcome from the future or from the ledger.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

from comity.ledger.errors import LedgerError
from comity.ledger.tiles import MAX_ENTRY_BYTES

Row = tuple[Any, ...]
T = TypeVar("T")


class EntryTooLarge(LedgerError):
    """An entry does not fit in an entry bundle."""

    def __init__(self, length: int) -> None:
        super().__init__(
            f"an entry has {length} bytes, and an entry bundle holds at most {MAX_ENTRY_BYTES}; "
            f"put the content in the vault and its commitment in the entry"
        )


class PositionMoved(LedgerError):
    """Somebody appended an entry with one of the tags after the caller last looked."""

    def __init__(self, *, expected: int, found: int, tags: Sequence[str]) -> None:
        self.expected = expected
        self.found = found
        what = "entries tagged " + ", ".join(tags) if tags else "the ledger"
        super().__init__(
            f"{what} moved on: read up to entry {expected}, the newest is entry {found}; "
            f"read the newer entries, decide again and append again"
        )


class NotDurable(LedgerError):
    """What was submitted is not known to be on stable storage: act as if it had not been recorded.

    `state` is "absent" where it certainly is not in the ledger, "unknown" where it may be there nevertheless:
    a failing disk may have kept it, then a ledger in a file takes nothing more until it is reopened;
    or the database did not come back in time to be asked.
    """

    def __init__(self, reason: str, *, state: Literal["absent", "unknown"] = "absent") -> None:
        self.state: Literal["absent", "unknown"] = state
        super().__init__(reason)


class LedgerClosed(NotDurable):
    """The ledger was closed before this was submitted."""

    def __init__(self) -> None:
        super().__init__("this ledger is closed; open it again before appending")


class LedgerMissing(LedgerError):
    """There is no ledger where one was expected."""

    def __init__(self, place: Path | str) -> None:
        name = place.name if isinstance(place, Path) else "it"
        super().__init__(
            f"no ledger at {place}. A new ledger is made once, by the command that begins it; "
            f"for one that existed restore {name} from its newest backup and never create it anew: "
            f"signing from a wrong size forks the ledger"
        )


class LedgerExists(LedgerError):
    """A ledger was to be created where something already is."""

    def __init__(self, place: Path | str) -> None:
        super().__init__(f"{place} already exists and is not overwritten; open it, or create the ledger elsewhere")


class NotALedger(LedgerError):
    """Something is there, but it is not a ledger this release can open."""

    def __init__(self, place: Path | str, why: str) -> None:
        remedy = "; restore it from its newest backup" if isinstance(place, Path) else ""
        super().__init__(f"{place} is not a ledger that can be opened: {why}{remedy}")


class LedgerUnreachable(LedgerError):
    """The database that holds the ledger does not answer, or does not let this user in."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the ledger's database cannot be used: {why}; check that it runs and lets this user in")


class HeadMoved(LedgerError):
    """The signed head in the store is not the one the publisher built upon: a second publisher,
    or a rollback.
    """

    def __init__(self) -> None:
        super().__init__(
            "the signed head in the ledger's database is not the one this publisher last saw; "
            "stop every publisher of this ledger, start one; if it happens again suspect a restored backup"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a caller has read: the highest index among the entries it asked for, -1 for none."""

    seen: int


NOTHING_SEEN: Final = Position(seen=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """The entries that carry any of the tags asked for, oldest first, and how far that reading goes."""

    entries: tuple[tuple[int, bytes], ...]
    position: Position


class Transaction(Protocol):
    """What `fn` may do. Valid only while `fn` runs."""

    @property
    def size(self) -> int:
        """Entries in the ledger, with those appended so far by this transaction: the next index."""
        ...

    def append(self, entry: bytes, *, tags: Sequence[str] = ()) -> int:
        """Append one entry and return its index, which is final once the transaction is durable."""
        ...

    def extend(self, entries: Sequence[bytes]) -> int:
        """Append entries in this order, without tags; returns the first one's index."""
        ...

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement that answers nothing, once for each row of arguments."""
        ...

    def execute(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """Run one statement on the caller's own tables; names beginning with `ledger_` are out of reach."""
        ...

    def position(self, tags: Sequence[str] = ()) -> Position:
        """The highest index among entries with any of `tags` (of all entries when no tag is given)."""
        ...


class Reader(Protocol):
    """A read-only door for projections: sees what is durable, from any thread, and can write nothing."""

    def query(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """Rows of one SELECT, as of now."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class Ledger(ABC):
    """A numbered sequence of entries that only grows. See the module's text for what is promised."""

    origin: str
    """The name under which its checkpoints are signed, such as `operator.example/a/0123…`."""
    batches: int
    """How many durable commits were made or tried since it was opened."""
    batched: int
    """How many transactions they served."""

    @abstractmethod
    def submit(self, fn: Callable[[Transaction], T]) -> Future[T]:
        """Queue `fn`; the future resolves once the batch that ran it is durable.
        Never call this from inside `fn`.
        """

    @abstractmethod
    def read(self, start: int, stop: int) -> tuple[bytes, ...]:
        """The durable entries with `start <= index < stop`; fewer where the ledger ends before `stop`."""

    @abstractmethod
    def size(self) -> int:
        """How many entries are durable."""

    @abstractmethod
    def tagged(self, *tags: str) -> Tagged:
        """The durable entries that carry any of `tags`, and the `Position` to hand to `append`."""

    @abstractmethod
    def reader(self) -> Reader:
        """Open a read-only door of its own."""

    @abstractmethod
    def signed_head(self) -> bytes | None:
        """The newest head that the publisher signed, as a signed note; None before the first."""

    @abstractmethod
    def swap_head(self, old: bytes | None, new: bytes) -> None:
        """Replace the signed head if it still is `old`, durably, or raise `HeadMoved`.
        For the publisher alone.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish what was submitted, then give files and connections back. Closing twice is harmless."""

    def transact(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn` and wait until it is durable. Raises what `fn` raised, or `NotDurable`."""
        return self.submit(fn).result()

    def append(
        self, entries: Sequence[bytes], *, expect: Position | None = None, tags: Sequence[str] = ()
    ) -> tuple[int, ...]:
        """Append all of `entries` under `tags`, together; with `expect`,
        only if nothing newer has these tags.
        """

        def compare_and_append(tx: Transaction) -> tuple[int, ...]:
            if expect is not None and (found := tx.position(tags)) != expect:
                raise PositionMoved(expected=expect.seen, found=found.seen, tags=tags)
            return tuple(tx.append(entry, tags=tags) for entry in entries)

        return self.transact(compare_and_append)

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
