"""The one connection that writes to a ledger's file: statements, savepoints, and what callers may run.

`Writer` is what `fn` gets as its `Transaction`.
An authorizer looks at each statement of a caller when it is prepared: it may read everything and write
its own tables, but not the ledger's (names that begin with `ledger_`), and it may not end the transaction,
attach files or change settings.

Not promised: thread safety. The writer thread of `sqlite.SqliteLedger` is the only one that calls this.
"""

import re
import time
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, cast

import apsw

from comity.ledger.store import EntryTooLarge, NotALedger, Position, Row, T, Transaction
from comity.ledger.tiles import MAX_ENTRY_BYTES

APPLICATION_ID: Final = 0x436F6D31
"""`Com1`: marks the file, so that no other SQLite database is mistaken for a ledger."""
STATEMENTS: Final = 512
"""Prepared statements that are kept, apsw's most: it counts each row of a statement that is run for many."""
BUSY_SECONDS: Final = 10.0
"""How long to wait for another process's transaction, thousands of times longer than one takes."""

# The ledger's own statements carry a comment, so that the statement cache never lends them to a caller,
# whose statements are checked when they are prepared (`Writer._authorize`).
BEGIN: Final = "BEGIN IMMEDIATE /* ledger */"
EMPTY: Final = "BEGIN /* ledger */"
"""A transaction that changes nothing, in place of one that was taken back."""
COMMIT: Final = "COMMIT /* ledger */"
ROLLBACK: Final = "ROLLBACK /* ledger */"
SAVE: Final = "SAVEPOINT ledger /* ledger */"
RELEASE: Final = "RELEASE ledger /* ledger */"
UNDO: Final = "ROLLBACK TO ledger /* ledger */"
SIZE: Final = "SELECT coalesce(max(position), -1) + 1 FROM ledger_entries /* ledger */"
INSERT: Final = "INSERT INTO ledger_entries (position, entry) VALUES (?, ?) /* ledger */"
TAG: Final = "INSERT OR IGNORE INTO ledger_tags (tag, position) VALUES (?, ?) /* ledger */"
READ: Final = "SELECT entry FROM ledger_entries WHERE position >= ? AND position < ? ORDER BY position /* ledger */"
HEAD: Final = "SELECT note FROM ledger_head /* ledger */"

TOGETHER: Final = 8
"""Rows that one statement inserts where there are as many: each statement gives up Python's lock, and another thread
may keep it for milliseconds."""
_INSERTION: Final = re.compile(
    r"(INSERT INTO [a-z_]+ (?:\([a-z_, ]+\) )?VALUES )(\((?:[?0-9], )*[?0-9]\))((?: /\* ledger \*/)?)"
)
"""An insertion of one row: what comes before its values, the values, and the mark of the ledger's own statements."""

_LOOKS: Final = frozenset({apsw.SQLITE_READ, apsw.SQLITE_SELECT, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE})
_NEVER: Final = frozenset(
    {
        apsw.SQLITE_TRANSACTION,
        apsw.SQLITE_SAVEPOINT,
        apsw.SQLITE_ATTACH,
        apsw.SQLITE_DETACH,
        apsw.SQLITE_PRAGMA,
    }
)


def wait_for_lock(tries: int) -> bool:
    """SQLite's busy handler: nap 0.2 ms at first, 2 ms later, and give up after `BUSY_SECONDS`."""
    nap = 0.0002 if tries < 50 else 0.002
    if tries * nap > BUSY_SECONDS:
        return False
    time.sleep(nap)
    return True


def durably(connection: apsw.Connection, synchronous: str) -> None:
    """Set when a commit returns, and look that it is set: a PRAGMA that is not understood says nothing.

    One statement at a time: a script stops at the first statement that answers a row, until it is fetched.
    """
    wanted = {"FULL": 2, "OFF": 0}[synchronous]
    for setting in (f"synchronous={wanted}", "fullfsync=1"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    if (found := connection.execute("PRAGMA synchronous").get) != wanted:
        raise AssertionError(f"PRAGMA synchronous is {found} after it was set to {wanted}")


def connect(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
    try:
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs, statementcachesize=STATEMENTS)
    except apsw.CantOpenError as fault:
        raise NotALedger(path, str(fault)) from fault
    connection.set_busy_handler(wait_for_lock)
    # Without it each binding of a value could change the plan, so that SQLite prepares the statement anew every time.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return connection


class Writer:
    """The one connection that writes: a `Transaction` for callers, batches for the thread."""

    def __init__(self, path: Path, *, vfs: str | None, synchronous: str) -> None:
        self.connection = connect(path, apsw.SQLITE_OPEN_READWRITE, vfs)
        self.wal_pages = 0
        self.running = False
        self._ours = False
        self._size = 0
        self._for_several: dict[str, str] = {}
        run = self.connection.execute
        try:
            mark = run("PRAGMA application_id").get
            mode = run("PRAGMA journal_mode").get
            if mark != APPLICATION_ID or mode != "wal":
                raise NotALedger(path, f"marked {mark}, journal mode {mode}, not {APPLICATION_ID} and wal")
            durably(self.connection, synchronous)
            for setting in ("foreign_keys=1", "trusted_schema=0", "wal_autocheckpoint=0"):
                run(f"PRAGMA {setting}").fetchall()
            self.origin = str(run("SELECT value FROM ledger_about WHERE name = 'origin'").get)
        except (apsw.NotADBError, apsw.CorruptError, apsw.SQLError) as fault:
            self.connection.close()
            raise NotALedger(path, str(fault)) from fault
        except BaseException:
            self.connection.close()
            raise
        self.connection.set_wal_hook(self._count_pages)
        self.connection.set_authorizer(self._authorize)

    def _count_pages(self, _connection: apsw.Connection, _schema: str, pages: int) -> int:
        self.wal_pages = pages
        return apsw.SQLITE_OK

    def _authorize(
        self, operation: int, first: str | None, second: str | None, _schema: str | None, _trigger: str | None
    ) -> int:
        if not self.running or self._ours:
            return apsw.SQLITE_OK
        if operation in _NEVER:
            return apsw.SQLITE_DENY
        if operation in _LOOKS:
            return apsw.SQLITE_OK
        reserved = any(name is not None and name.lower().startswith("ledger_") for name in (first, second))
        return apsw.SQLITE_DENY if reserved else apsw.SQLITE_OK

    def begin(self) -> None:
        self.connection.execute(BEGIN)
        self._size = int(self.connection.execute(SIZE).get)

    def run(self, fn: Callable[[Transaction], T], *, alone: bool) -> T:
        """One `fn`: it takes effect whole, or not at all.

        One of several has a savepoint of its own; one that is `alone` in its transaction needs none, and spares
        SQLite the copies of pages that a savepoint asks for.
        """
        before = self._size
        if not alone:
            self.connection.execute(SAVE)
        self.running = True
        try:
            result = fn(self)
        except BaseException:
            self.running = False
            self._size = before
            if self.connection.in_transaction:
                for statement in (ROLLBACK, EMPTY) if alone else (UNDO, RELEASE):
                    self.connection.execute(statement)
            raise
        finally:
            self.running = False
        if not alone:
            self.connection.execute(RELEASE)
        return result

    @property
    def size(self) -> int:
        return self._size

    def append(self, entry: bytes, *, tags: Sequence[str] = ()) -> int:
        self._must_run()
        if not isinstance(entry, bytes):
            raise AssertionError(f"an entry is bytes, not {type(entry).__name__}")
        if len(entry) > MAX_ENTRY_BYTES:
            raise EntryTooLarge(len(entry))
        index = self._size
        self.ours(INSERT, (index, entry))
        for tag in tags:
            self.ours(TAG, (tag, index))
        self._size = index + 1
        return index

    def execute(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        self._must_run()
        try:
            return cast(list[Row], self.connection.execute(sql, tuple(args)).fetchall())
        except apsw.AuthError as denied:
            raise AssertionError(f"a transaction may not run {sql[:120]!r}: it belongs to the ledger") from denied

    def extend(self, entries: Sequence[bytes]) -> int:
        self._must_run()
        for entry in entries:
            if len(entry) > MAX_ENTRY_BYTES:
                raise EntryTooLarge(len(entry))
        first = self._size
        self._ours = True
        try:
            self._each(INSERT, list(enumerate(entries, first)))
        finally:
            self._ours = False
        self._size = first + len(entries)
        return first

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._must_run()
        try:
            self._each(sql, cast("Sequence[tuple[Any, ...]]", rows))
        except apsw.AuthError as denied:
            raise AssertionError(f"a transaction may not run {sql[:120]!r}: it belongs to the ledger") from denied

    def _each(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run a statement once for each row; where it can insert several rows, `TOGETHER` at a time."""
        at, several = 0, self._several(sql) if len(rows) >= TOGETHER else ""
        while several and at + TOGETHER <= len(rows):
            self.connection.execute(several, tuple(chain.from_iterable(rows[at : at + TOGETHER])))
            at += TOGETHER
        if at < len(rows):
            self.connection.executemany(sql, rows[at:])

    def _several(self, sql: str) -> str:
        """The statement for `TOGETHER` rows; empty where it is no plain insertion of one."""
        several = self._for_several.get(sql)
        if several is None:
            found = _INSERTION.fullmatch(sql)
            several = f"{found[1]}{', '.join([found[2]] * TOGETHER)}{found[3]}" if found is not None else ""
            self._for_several[sql] = several
        return several

    def position(self, tags: Sequence[str] = ()) -> Position:
        self._must_run()
        if not tags:
            return Position(seen=self._size - 1)
        return Position(seen=max(self._newest(tag) for tag in tags))

    def _newest(self, tag: str) -> int:
        rows = self.ours("SELECT coalesce(max(position), -1) FROM ledger_tags WHERE tag = ? /* ledger */", (tag,))
        return int(rows[0][0])

    def ours(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """A statement of the ledger's own, which the authorizer lets pass."""
        self._ours = True
        try:
            return cast(list[Row], self.connection.execute(sql, tuple(args)).fetchall())
        finally:
            self._ours = False

    def _must_run(self) -> None:
        if not self.running:
            raise AssertionError("a transaction was used after its function returned")
