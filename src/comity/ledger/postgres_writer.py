"""The one connection of a process that writes to a ledger in PostgreSQL: batches, deferred statements, and undoing.

`Writer` is what `fn` gets as its `Transaction`.  Round trips are what costs, so it makes few:

- `begin`: BEGIN, the lock, the size, the transaction's id and the server's durability, in one;
- a statement whose rows are needed: one, together with all that was sent before it;
- entries are kept back and written with COMMIT: one for all of them.

So a lone `append` takes two.
A statement that answers no rows is sent at once and looked at later, at the latest before anybody is told an index
that depends on it.

One savepoint stands at the start of the batch, after the lock, which outlives a return to it.
A function that fails after it wrote something is undone by going back there and sending again what all others wrote,
in their order: nobody else could write in between, so it comes out the same.
Functions that fail seldom write first, and this spares all others a savepoint of their own.

Not promised: thread safety. The writer thread of `postgres.PostgresLedger` is the only one that calls this.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.pq.abc import PGresult

from comity.ledger.group_commit import Promise
from comity.ledger.postgres_sql import translate
from comity.ledger.postgres_wire import (
    StatementFailed,
    Wanted,
    Wire,
    bigint_array,
    bytea_array,
    encode,
    rows,
    text_array,
)
from comity.ledger.store import EntryTooLarge, Position, Row, T, Transaction
from comity.ledger.tiles import MAX_ENTRY_BYTES

BEGIN: Final = encode("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE")
LOCK: Final = encode(
    "SELECT size, transaction, current_setting('fsync'), current_setting('synchronous_commit') FROM ledger_begin()"
)
"""Locks out every other writer until this transaction ends."""
SAVE: Final = encode("SAVEPOINT ledger")
UNDO: Final = encode("ROLLBACK TO SAVEPOINT ledger")
ROLLBACK: Final = encode("ROLLBACK")
COMMIT: Final = encode("COMMIT")
INSERT: Final = (
    "INSERT INTO ledger_entries (position, entry) "
    "SELECT $1 + number - 1, entry FROM unnest($2) WITH ORDINALITY AS added (entry, number)"
)
TAG: Final = "INSERT INTO ledger_tags (tag, position) SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING"
NEWEST: Final = "SELECT coalesce(max(position), -1) FROM ledger_tags WHERE tag = $1"
DURABLE: Final = frozenset({"on", "remote_apply"})
"""Values of `synchronous_commit` under which COMMIT returns after the log is on this server's disk,
and on its standbys' where it has any that it waits for."""
MOST_UNSETTLED: Final = 256
"""Bounds what a function that only writes keeps in memory here and at the server."""


class NotSafe(Exception):
    """The server would acknowledge a commit before it is on stable storage."""


@dataclass(slots=True, kw_only=True, eq=False)
class Turn:
    """One function of a batch: its outcome, and what undoing others takes."""

    promise: Promise[Any]
    result: Any = None
    failure: BaseException | None = None
    entries: int
    """How many entries were kept when it began."""
    wrote: list[Wanted] = field(default_factory=list)


def check_durable(fsync: str, synchronous_commit: str) -> None:
    """Refuse a server that forgets; raises `NotSafe`."""
    if fsync != "on" or synchronous_commit not in DURABLE:
        raise NotSafe(
            f"the server runs with fsync={fsync} and synchronous_commit={synchronous_commit}, "
            f"so it could forget what it acknowledged; set both to on"
        )


class Writer:
    """A `Transaction` for callers, batches for the thread."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.transaction = ""
        """The id of the transaction under way, with which the server can be asked what became of it."""
        self.turns: list[Turn] = []
        self._turn: Turn | None = None
        self._first = self._size = 0
        self._entries: list[bytes] = []
        self._tags: list[tuple[str, int]] = []
        self._written = 0
        """How many of the kept entries are in the table already."""
        self._owners: list[Turn | None] = []
        """Whose each unsettled statement is; None for the writer's own."""

    def begin(self) -> None:
        """Take the turn to write. Raises `ConnectionLost`, `NotSafe` or what the server says."""
        self.turns, self._owners = [], []
        self._entries, self._tags, self._written = [], [], 0
        for wanted in (BEGIN, LOCK, SAVE):
            self._send(None, wanted)
        size, self.transaction, fsync, synchronous_commit = rows(self._settle()[1])[0]
        self._first = self._size = size
        check_durable(fsync, synchronous_commit)

    def run(self, fn: Callable[[Transaction], T], promise: Promise[T]) -> None:
        """One `fn`: it takes effect whole, or not at all. Its outcome is kept in `turns`."""
        turn = Turn(promise=promise, entries=len(self._entries))
        self.turns.append(turn)
        self._turn = turn
        try:
            turn.result = fn(self)
        except BaseException as raised:
            if self.wire.lost is None and turn.failure is None:
                self._give_up(turn, raised)
        finally:
            self._turn = None
        if self.wire.lost is not None:
            raise self.wire.lost

    def commit(self) -> None:
        """Make the batch durable. `ConnectionLost` leaves open whether it is."""
        while True:
            self._write_entries()
            changed = self._entries or any(turn.wrote for turn in self.turns)
            self._send(None, COMMIT if changed else ROLLBACK)  # a batch that only read waits for no disk
            try:
                ended = self._wait()[-1].command_status
            except StatementFailed as failed:
                self._recover(failed)
                continue
            if changed and ended != b"COMMIT":
                raise psycopg.DatabaseError(f"COMMIT was answered by {ended!r}")
            return

    def rollback(self) -> None:
        """Forget the batch."""
        self._send(None, ROLLBACK)
        self._settle()

    @property
    def size(self) -> int:
        self._must_run()
        self._settle_earlier()
        return self._size

    def append(self, entry: bytes, *, tags: Sequence[str] = ()) -> int:
        self._must_run()
        if not isinstance(entry, bytes):
            raise AssertionError(f"an entry is bytes, not {type(entry).__name__}")
        if len(entry) > MAX_ENTRY_BYTES:
            raise EntryTooLarge(len(entry))
        self._settle_earlier()
        index = self._size
        self._entries.append(entry)
        self._tags += [(tag, index) for tag in tags]
        self._size = index + 1
        return index

    def extend(self, entries: Sequence[bytes]) -> int:
        first = self.size
        for entry in entries:
            self.append(entry)
        return first

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        for row in rows:
            self.execute(sql, row)

    def execute(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        turn = self._must_run()
        statement = translate(sql)
        wanted = encode(statement.text, args)
        if statement.reads_ledger:
            self._settle_earlier()
            self._write_entries()
        if statement.writes:
            turn.wrote.append(wanted)
        self._send(turn, wanted)
        if statement.answers:
            return self._answer(None if statement.writes else wanted)
        if len(self._owners) > MOST_UNSETTLED:
            self._settle()
        return []

    def position(self, tags: Sequence[str] = ()) -> Position:
        self._must_run()
        self._settle_earlier()
        kept = [position for tag, position in self._tags if tag in tags]
        return Position(seen=max([*kept, *(self._newest(tag) for tag in tags)]) if tags else self._size - 1)

    def ours(self, text: str, args: Sequence[Any], *, writes: bool) -> list[Row]:
        """A statement of the ledger's own, in PostgreSQL's words, as part of the function that runs."""
        turn, wanted = self._must_run(), encode(text, args)
        if writes:
            turn.wrote.append(wanted)
        self._send(turn, wanted)
        return self._answer(None if writes else wanted)

    def _newest(self, tag: str) -> int:
        return int(self.ours(NEWEST, (tag,), writes=False)[0][0])

    def _must_run(self) -> Turn:
        if self._turn is None:
            raise AssertionError("a transaction was used after its function returned")
        if self._turn.failure is not None:
            raise self._turn.failure
        return self._turn

    def _send(self, owner: Turn | None, wanted: Wanted) -> None:
        self.wire.send(wanted)
        self._owners.append(owner)

    def _write_entries(self) -> None:
        """Put the kept entries, and their tags, into the tables."""
        first = self._first + self._written
        if fresh := self._entries[self._written :]:
            self._send(None, encode(INSERT, (first, bytea_array(fresh))))
        if tags := [(tag, position) for tag, position in self._tags if position >= first]:
            names, positions = zip(*tags, strict=True)
            self._send(None, encode(TAG, (text_array(names), bigint_array(positions))))
        self._written = len(self._entries)

    def _wait(self) -> list[PGresult]:
        results = self.wire.settle()
        self._owners.clear()
        return results

    def _settle_earlier(self) -> None:
        """See that no earlier function of the batch can fail any more: what is told now depends on it."""
        if any(owner is not None and owner is not self._turn for owner in self._owners):
            self._settle()

    def _answer(self, read: Wanted | None) -> list[Row]:
        return rows(self._settle(read)[-1])

    def _settle(self, read: Wanted | None = None) -> list[PGresult]:
        """Wait for all that was sent. An earlier function's error stays its own; this one's is raised.

        `read` is the last statement, where it is not among those that are sent again after a failure.
        """
        while True:
            try:
                return self._wait()
            except StatementFailed as failed:
                if self._recover(failed) is self._turn:
                    raise failed.error from None
                if read is not None:
                    self._send(self._turn, read)

    def _recover(self, failed: StatementFailed) -> Turn:
        """Undo the function whose statement failed; returns it."""
        owner = self._owners[failed.position]
        self._owners.clear()
        if owner is None:
            raise failed.error from None
        owner.failure = failed.error
        self._undo(owner)
        return owner

    def _give_up(self, turn: Turn, raised: BaseException) -> None:
        """Undo a function that raised."""
        if self._owners:
            try:
                self._settle()  # what follows a failed statement is skipped up to the next settling
            except psycopg.Error:
                if turn.failure is None:
                    raise
        undone, turn.failure = turn.failure is not None, raised
        if not undone:
            self._undo(turn, written=bool(turn.wrote) or self._written > turn.entries)

    def _undo(self, turn: Turn, *, written: bool = True) -> None:
        """Forget what a function did. Nobody has appended anything after it did, or it could not have failed.

        `written` says whether any of it is in the database.
        """
        del self._entries[turn.entries :]
        self._size = self._first + len(self._entries)
        self._tags = [(tag, position) for tag, position in self._tags if position < self._size]
        for each in self.turns[self.turns.index(turn) + 1 :]:
            each.entries = len(self._entries)
        if written:
            self._send(None, UNDO)
            self._written = 0
            for each in self.turns:
                if each.failure is None:
                    for wanted in each.wrote:
                        self._send(each, wanted)
        turn.wrote.clear()
