"""Ledgers in SQLite: one file each, safe for several processes that write at once.

The file is opened through `apsw` alone, which carries its own recent SQLite:
older releases than 3.51.3 can corrupt a WAL database that several processes checkpoint, and are refused.
Journal mode WAL, `synchronous=FULL`: COMMIT returns after the write-ahead log is synced to stable storage.

Group commit: one thread per open ledger takes whatever is queued, begins one immediate transaction,
runs each `fn` inside a savepoint of its own (where it is not alone), commits, and only then resolves the futures.
A batch costs one sync however many callers it serves, and a lone caller never waits for company.
Nothing is remembered between batches: size, positions and callers' tables are read inside the transaction,
so any number of processes may have the same file open.

Tables of the ledger's own (names beginning with `ledger_` are reserved):

| table | holds |
| --- | --- |
| `ledger_about` | `origin` |
| `ledger_entries` | `position` (0, 1, 2, …) and `entry`; triggers refuse a gap, an update and a delete |
| `ledger_tags` | which entries carry which tag |
| `ledger_head` | the newest signed head, a note |

Inside `fn`, `tx.execute` cannot touch these tables, end the transaction, attach files or change settings:
an attempt is a bug and raises `AssertionError`.
The write-ahead log is folded into the database after the futures of a batch are resolved, not before.

Not promised: anything against a person who can write the file.
Checkpoints that others cosigned are what catches that.
"""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, cast

import apsw

from comity.ledger.errors import LedgerError
from comity.ledger.group_commit import GroupCommit, Promise, Work, fail
from comity.ledger.sqlite_writer import (
    APPLICATION_ID,
    COMMIT,
    HEAD,
    READ,
    ROLLBACK,
    SIZE,
    Writer,
    connect,
)
from comity.ledger.store import (
    HeadMoved,
    Ledger,
    LedgerExists,
    LedgerMissing,
    NotALedger,
    NotDurable,
    Position,
    Row,
    Tagged,
    Transaction,
)

OLDEST_SQLITE: Final = (3, 51, 3)
CHECKPOINT_PAGES: Final = 1_000
"""SQLite's own default for the length of the write-ahead log, about 4 MB."""

SCHEMA: Final = (
    "CREATE TABLE ledger_about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE ledger_entries (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT",
    "CREATE TABLE ledger_tags (tag TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (tag, position)) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE ledger_head (only INTEGER PRIMARY KEY CHECK (only = 0), note BLOB NOT NULL) STRICT",
    "CREATE TRIGGER ledger_no_gap BEFORE INSERT ON ledger_entries "
    "WHEN NEW.position <> (SELECT coalesce(max(position), -1) + 1 FROM ledger_entries) "
    "BEGIN SELECT RAISE(ABORT, 'ledger entries are numbered without gaps'); END",
    "CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger_entries "
    "BEGIN SELECT RAISE(ABORT, 'ledger entries are never changed'); END",
    "CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger_entries "
    "BEGIN SELECT RAISE(ABORT, 'ledger entries are never deleted'); END",
)


class SqliteTooOld(LedgerError):
    """The SQLite that apsw carries has known faults in what a ledger relies on."""

    def __init__(self, found: str) -> None:
        wanted = ".".join(str(part) for part in OLDEST_SQLITE)
        super().__init__(f"apsw carries SQLite {found}, and a ledger needs {wanted} or newer; install a newer apsw")


def create_ledger(path: Path, *, origin: str, schema: Sequence[str] = ()) -> Ledger:
    """Begin a new, empty ledger at `path` and open it. Refuses if anything is there already.

    It is made beside `path` and linked into place when it is complete,
    so a crash leaves no half-made ledger and two creators cannot both succeed.
    """
    _refuse_old_sqlite()
    path = Path(path)
    if not origin or any(ch.isspace() or ch == "+" or not ch.isprintable() for ch in origin):
        raise NotALedger(path, f"the origin {origin[:80]!r} is empty or has a space or a '+' in it")
    if path.exists():
        raise LedgerExists(path)
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    connection = apsw.Connection(str(draft))
    try:
        connection.execute(
            f"PRAGMA application_id={APPLICATION_ID}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"
        ).fetchall()
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT INTO ledger_about (name, value) VALUES ('origin', ?)", (origin,))
        for statement in schema:
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()
    os.chmod(draft, 0o600)
    try:
        os.link(draft, path)
    except FileExistsError as already:
        raise LedgerExists(path) from already
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return open_ledger(path)


def open_ledger(path: Path, *, schema: Sequence[str] = ()) -> Ledger:
    """Open an existing ledger; `schema` statements (`CREATE … IF NOT EXISTS …`) are run first.
    Never creates.
    """
    return SqliteLedger(Path(path), schema=schema)


def _refuse_old_sqlite() -> None:
    found = apsw.sqlite_lib_version()
    if tuple(int(part) for part in found.split(".")[:3]) < OLDEST_SQLITE:
        raise SqliteTooOld(found)


class SqliteReader:
    """A read-only connection behind a lock, so that any thread may use it."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = connect(path, apsw.SQLITE_OPEN_READONLY, vfs)

    def query(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """Rows of one SELECT, as of now."""
        with self._lock:
            return cast(list[Row], self._connection.execute(sql, tuple(args)).fetchall())

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._connection.close()


class SqliteLedger(GroupCommit):
    """A ledger in one SQLite file.

    `vfs` and `synchronous` are for the tests that take the disk away:
    they show that with anything less than FULL an acknowledged entry can be lost.
    """

    def __init__(
        self,
        path: Path,
        *,
        schema: Sequence[str] = (),
        vfs: str | None = None,
        synchronous: Literal["FULL", "OFF"] = "FULL",
    ) -> None:
        _refuse_old_sqlite()
        if not path.is_file():
            raise LedgerMissing(path)
        self._path = path
        self._vfs = vfs
        self._writer = Writer(path, vfs=vfs, synchronous=synchronous)
        self.origin = self._writer.origin
        self._reader = SqliteReader(path, vfs=vfs)
        self._broken: str | None = None
        super().__init__(path.name)
        if schema:
            try:
                self.ensure_schema(schema)
            except BaseException:
                self.close()
                raise

    def ensure_schema(self, statements: Sequence[str]) -> None:
        """Run `CREATE … IF NOT EXISTS …` statements for the caller's own tables, in one transaction."""
        self.transact(lambda tx: [tx.execute(statement) for statement in statements])

    def read(self, start: int, stop: int) -> tuple[bytes, ...]:
        return tuple(row[0] for row in self._reader.query(READ, (start, stop)))

    def size(self) -> int:
        return int(self._reader.query(SIZE)[0][0])

    def tagged(self, *tags: str) -> Tagged:
        marks = ",".join("?" * len(tags))
        rows = self._reader.query(
            "SELECT position, entry FROM ledger_entries WHERE position IN "
            f"(SELECT position FROM ledger_tags WHERE tag IN ({marks})) ORDER BY position",
            tags,
        )
        entries = tuple((int(row[0]), bytes(row[1])) for row in rows)
        return Tagged(entries=entries, position=Position(seen=entries[-1][0] if entries else -1))

    def reader(self) -> SqliteReader:
        return SqliteReader(self._path, vfs=self._vfs)

    def signed_head(self) -> bytes | None:
        rows = self._reader.query(HEAD)
        return bytes(rows[0][0]) if rows else None

    def swap_head(self, old: bytes | None, new: bytes) -> None:
        def compare_and_swap(_tx: Transaction) -> None:
            rows = self._writer.ours(HEAD)
            if (bytes(rows[0][0]) if rows else None) != old:
                raise HeadMoved
            self._writer.ours("INSERT OR REPLACE INTO ledger_head (only, note) VALUES (0, ?) /* ledger */", (new,))

        self.transact(compare_and_swap)

    def _release(self) -> None:
        self._reader.close()
        with suppress(apsw.IOError, apsw.FullError):  # folding the log in may fail; what was promised stays in the log
            self._writer.connection.close()

    def _commit(self, batch: Sequence[Work]) -> None:
        """One durable transaction for all of `batch`; its futures are resolved after COMMIT has returned."""
        if self._broken is not None:
            return fail(batch, NotDurable(self._broken))
        outcomes: list[tuple[Promise[Any], Any, BaseException | None]] = []
        try:
            self._writer.begin()
            for fn, promise in batch:
                try:
                    outcomes.append((promise, self._writer.run(fn, alone=len(batch) == 1), None))
                except BaseException as raised:
                    if not self._writer.connection.in_transaction:
                        if isinstance(raised, apsw.IOError):
                            raise
                        raise apsw.AbortError(f"the storage rolled everything back: {raised}") from raised
                    outcomes.append((promise, None, raised))
            self._writer.connection.execute(COMMIT)
        except Exception as fault:
            return fail(batch, self._after(fault))
        for promise, result, failure in outcomes:
            if failure is None:
                promise.set_result(result)
            else:
                promise.set_exception(failure)
        if self._writer.wal_pages >= CHECKPOINT_PAGES:
            self._fold()

    def _after(self, fault: Exception) -> NotDurable:
        """Roll back, and say what is known. After an I/O error nothing is:
        the ledger takes no more (start over).
        """
        if self._writer.connection.in_transaction:
            try:
                self._writer.connection.execute(ROLLBACK)
            except apsw.Error as second:
                fault = second
        if isinstance(fault, (apsw.FullError, apsw.BusyError, apsw.AbortError)):
            return NotDurable(f"the entry was not recorded: {fault}; free the disk or the lock and try again")
        self._broken = (
            f"the ledger stopped after its storage failed ({type(fault).__name__}: {fault}); "
            f"check the disk, then start this process again"
        )
        return NotDurable(self._broken, state="unknown")

    def _fold(self) -> None:
        """Copy the write-ahead log into the database, between batches. It loses nothing by failing:
        the log stays.
        """
        try:
            self._writer.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except (apsw.BusyError, apsw.FullError, apsw.LockedError):
            return
        except apsw.Error as fault:
            self._after(fault)
