"""Ledgers in PostgreSQL: one schema each, for writers in several processes and on several machines.

A ledger lies in a schema of its own, whose name follows from its origin; callers' tables lie in it too.
One row, `ledger_turn`, is locked by `SELECT … FOR UPDATE` from the start of each batch to the end of its COMMIT,
and puts all writers in one order.
`synchronous_commit=on` is set for each connection, whatever the server's or the role's default says:
COMMIT returns after the log is on stable storage.  A server with `fsync=off` is refused, at opening and at each batch.

Group commit, savepoints and "nothing is remembered between batches" are as in the other store (see `sqlite`).
A connection that breaks is made again.  What becomes of the batch that was under way:

- before COMMIT was sent: `NotDurable`, absent, for a transaction that was not committed is gone;
- afterwards: what the server says of the transaction's id (`pg_xact_status`), asked on a new connection,
  so the callers get their results, or `NotDurable`, absent;
- if the server cannot be asked within 10 s, or is another one now: `NotDurable`, unknown.

Tables of the ledger's own (names beginning with `ledger_` are reserved):

| table | holds |
| --- | --- |
| `ledger_about` | `origin` |
| `ledger_entries` | `position` (0, 1, 2, …) and `entry` |
| `ledger_tags` | which entries carry which tag |
| `ledger_head` | the newest signed head, a note |
| `ledger_turn` | nothing: the row that a writer locks |

Triggers refuse a gap, and UPDATE, DELETE and TRUNCATE of each; the head changes by `ledger_swap_head` alone.
A role that writes needs no more than INSERT and SELECT on these tables (docs/how-to/use-postgresql.md).

A password is never part of the address: libpq finds it in ~/.pgpass, in a service file or in PGPASSWORD.

Not promised: anything against the schema's owner or a superuser; checkpoints that others cosigned catch those.
That a standby has an entry, unless the server waits for standbys and nobody cancels that wait.
"""

import hashlib
import re
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg

from comity.ledger.errors import LedgerError
from comity.ledger.group_commit import GroupCommit, Work, fail
from comity.ledger.postgres_schema import SCHEMA
from comity.ledger.postgres_sql import translate
from comity.ledger.postgres_wire import ConnectionLost, Wire, parse_address, text_array
from comity.ledger.postgres_writer import NotSafe, Writer, check_durable
from comity.ledger.store import (
    HeadMoved,
    Ledger,
    LedgerExists,
    LedgerMissing,
    LedgerUnreachable,
    NotALedger,
    NotDurable,
    Position,
    Row,
    Tagged,
    Transaction,
)

DECIDE_SECONDS: Final = 10.0
"""How long the callers of a broken COMMIT wait for the server to say what became of it."""
RETRY_SECONDS: Final = 0.1

_MISSING: Final = "SELECT name FROM unnest($1) AS name WHERE to_regclass(name) IS NULL"
_CLUSTER: Final = (
    "SELECT (SELECT system_identifier::text FROM pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8)"
)
"""Which server this is, and which of its histories: another one may give the same transaction id again."""


def schema_name(origin: str) -> str:
    """The schema of a ledger: the last part of its origin, to be recognised, and a digest, to be its alone.

    >>> schema_name("operator.example/a/0123456789abcdef0123456789abcdef")
    'comity_0123456789abcdef0123456789abcdef_d8d30e56e3c8'
    """
    last = re.sub("[^a-z0-9]+", "_", origin.rpartition("/")[2].lower())[:32]
    return f"comity_{last}_{hashlib.sha256(origin.encode()).hexdigest()[:12]}"


def create_postgres_ledger(address: str, *, origin: str, schema: Sequence[str] = ()) -> Ledger:
    """Begin a new, empty ledger in the database at `address` and open it. Refuses if its schema is there already.

    All of it is one transaction, so a crash leaves no half-made ledger and two creators cannot both succeed.
    """
    conninfo = parse_address(address)
    place = _place(origin)
    if not origin or any(ch.isspace() or ch == "+" or not ch.isprintable() for ch in origin):
        raise NotALedger(place, f"the origin {origin[:80]!r} is empty or has a space or a '+' in it")
    name = schema_name(origin)
    statements = [translate(each).text for each in schema]
    wire = Wire(conninfo, schema=name)
    try:
        _refuse_unsafe(wire, place)
        wire.ask("BEGIN")
        for statement in (*(each.format(schema=f'"{name}"') for each in SCHEMA), *statements):
            wire.ask(statement)
        wire.ask("INSERT INTO ledger_about (name, value) VALUES ('origin', $1)", (origin,))
        wire.ask("COMMIT")
    except (psycopg.errors.DuplicateSchema, psycopg.errors.UniqueViolation):
        raise LedgerExists(place) from None
    except (ConnectionLost, psycopg.Error) as fault:
        raise LedgerUnreachable(str(fault)) from None
    finally:
        wire.close()
    return open_postgres_ledger(address, origin=origin)


def open_postgres_ledger(address: str, *, origin: str, schema: Sequence[str] = ()) -> Ledger:
    """Open an existing ledger; of the `schema` statements (`CREATE … IF NOT EXISTS …`) those are run first
    whose table or index is not there. Never creates a ledger.
    """
    return PostgresLedger(parse_address(address), origin=origin, schema=schema)


def _place(origin: str) -> str:
    return f"the schema {schema_name(origin)}"


def _refuse_unsafe(wire: Wire, place: str) -> None:
    durability = wire.ask("SELECT current_setting('fsync'), current_setting('synchronous_commit')")[0]
    try:
        check_durable(*durability)
    except NotSafe as fault:
        raise NotALedger(place, str(fault)) from None


class PostgresReader:
    """A read-only connection behind a lock, so that any thread may use it; a broken one is made again once."""

    def __init__(self, connect: Callable[[], Wire]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._wire = connect()
        self._closed = False
        self._end = weakref.finalize(self, self._wire.close)

    def query(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """Rows of one SELECT, as of now."""
        return self.ask(translate(sql).text, args)

    def ask(self, text: str, args: Sequence[Any] = ()) -> list[Row]:
        """Rows of one statement in PostgreSQL's own words."""
        with self._lock:
            if self._closed:
                raise LedgerUnreachable("this reader is closed")
            for last in (False, True):
                if self._wire.lost is not None:
                    self._wire = self._connect()
                    self._end.detach()
                    self._end = weakref.finalize(self, self._wire.close)
                try:
                    return self._wire.ask(text, args)
                except ConnectionLost as lost:
                    if last:
                        raise LedgerUnreachable(str(lost)) from None
        raise AssertionError("the second try either answers or raises")

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._closed = True
            self._end()


class PostgresLedger(GroupCommit):
    """A ledger in one schema of a PostgreSQL database."""

    def __init__(self, conninfo: str, *, origin: str, schema: Sequence[str] = ()) -> None:
        self.origin = origin
        self._conninfo = conninfo
        self._name = schema_name(origin)
        self._reader = self.reader()
        try:
            self._check()
            self._cluster, self._writer = self._connect()
        except BaseException:
            self._reader.close()
            raise
        super().__init__(self._name)
        if schema:
            try:
                self.ensure_schema(schema)
            except BaseException:
                self.close()
                raise

    def ensure_schema(self, statements: Sequence[str]) -> None:
        """Run those `CREATE … IF NOT EXISTS …` statements whose table or index is missing, in one transaction.

        The others are left out because PostgreSQL would ask for the right to create before it looks.
        """

        def make(tx: Transaction) -> None:
            named = {statement: translate(statement).makes for statement in statements}
            names = text_array([name for name in named.values() if name is not None])
            missing = {row[0] for row in self._writer.ours(_MISSING, (names,), writes=False)}
            for statement, name in named.items():
                if name is None or name in missing:
                    tx.execute(statement)

        try:
            self.transact(make)
        except psycopg.Error as fault:
            raise NotALedger(
                _place(self.origin),
                f"its tables could not be brought up to date ({fault}); open it once as the role that owns it",
            ) from None

    def read(self, start: int, stop: int) -> tuple[bytes, ...]:
        found = self._reader.ask(
            "SELECT entry FROM ledger_entries WHERE position >= $1 AND position < $2 ORDER BY position", (start, stop)
        )
        return tuple(row[0] for row in found)

    def size(self) -> int:
        return int(self._reader.ask("SELECT coalesce(max(position), -1) + 1 FROM ledger_entries")[0][0])

    def tagged(self, *tags: str) -> Tagged:
        found = self._reader.ask(
            "SELECT position, entry FROM ledger_entries WHERE position IN "
            "(SELECT position FROM ledger_tags WHERE tag = ANY ($1)) ORDER BY position",
            (text_array(tags),),
        )
        entries = tuple((row[0], row[1]) for row in found)
        return Tagged(entries=entries, position=Position(seen=entries[-1][0] if entries else -1))

    def reader(self) -> PostgresReader:
        conninfo, name = self._conninfo, self._name
        return PostgresReader(lambda: Wire(conninfo, schema=name, read_only=True))

    def signed_head(self) -> bytes | None:
        found = self._reader.ask("SELECT note FROM ledger_head")
        return found[0][0] if found else None

    def swap_head(self, old: bytes | None, new: bytes) -> None:
        def compare_and_swap(_tx: Transaction) -> None:
            if not self._writer.ours("SELECT ledger_swap_head($1, $2)", (old, new), writes=True)[0][0]:
                raise HeadMoved

        self.transact(compare_and_swap)

    def _check(self) -> None:
        """See that the ledger is there, is the one that was asked for, and is safe to write to."""
        place = _place(self.origin)
        try:
            if self._reader.ask("SELECT to_regclass($1) IS NULL", (f"{self._name}.ledger_about",))[0][0]:
                raise LedgerMissing(place)
            found = self._reader.ask("SELECT value FROM ledger_about WHERE name = 'origin'")
        except psycopg.Error as fault:
            raise LedgerUnreachable(str(fault)) from None
        if found != [(self.origin,)]:
            raise NotALedger(place, f"it states the origin {found!r}, not {self.origin!r}")

    def _connect(self) -> tuple[Row, Writer]:
        """A connection that writes, and which server it leads to."""
        wire = Wire(self._conninfo, schema=self._name)
        try:
            if wire.ask("SELECT pg_is_in_recovery()")[0][0]:
                raise LedgerUnreachable("this server is a standby, which takes no entries")
            _refuse_unsafe(wire, _place(self.origin))
            return wire.ask(_CLUSTER)[0], Writer(wire)
        except (ConnectionLost, psycopg.Error) as fault:
            wire.close()
            raise LedgerUnreachable(str(fault)) from None
        except BaseException:
            wire.close()
            raise

    def _commit(self, batch: Sequence[Work]) -> None:
        try:
            self._begin()
            for fn, promise in batch:
                self._writer.run(fn, promise)
        except Exception as fault:
            self._writer.wire.close()
            return fail(batch, NotDurable(f"the entry was not recorded: {fault}; try again"))
        turns = self._writer.turns
        try:
            self._writer.commit()
        except ConnectionLost as lost:
            if (committed := self._decide()) is None:
                return fail(batch, NotDurable(f"{lost}, and the server cannot say what became of it", state="unknown"))
            if not committed:
                return fail(batch, NotDurable(f"the entry was not recorded: {lost}; try again"))
        except Exception as fault:
            self._writer.wire.close()
            return fail(batch, NotDurable(f"the entry was not recorded: {fault}; try again"))
        for turn in turns:
            if turn.failure is None:
                turn.promise.set_result(turn.result)
            else:
                turn.promise.set_exception(turn.failure)

    def _begin(self) -> None:
        """Take the turn to write; a connection that broke since the last batch is made again."""
        if self._writer.wire.lost is None:
            try:
                return self._writer.begin()
            except ConnectionLost:
                pass  # nothing was under way
        self._cluster, self._writer = self._connect()
        self._writer.begin()

    def _decide(self) -> bool | None:
        """Whether the transaction whose COMMIT was not answered took effect; None if it cannot be known.

        Taking the turn waits until that transaction is over, as long as its server process still works on it.
        """
        transaction, cluster = self._writer.transaction, self._cluster
        give_up = time.monotonic() + DECIDE_SECONDS
        while time.monotonic() < give_up:
            try:
                self._cluster, self._writer = self._connect()
                if self._cluster != cluster:
                    return None
                self._writer.begin()
                status = self._writer.wire.ask("SELECT pg_xact_status($1::xid8)", (transaction,))[0][0]
                self._writer.rollback()
            except (LedgerError, ConnectionLost, NotSafe, psycopg.Error):
                self._writer.wire.close()
                time.sleep(RETRY_SECONDS)
            else:
                return {"committed": True, "aborted": False}.get(status)
        return None

    def _release(self) -> None:
        self._writer.wire.close()
        self._reader.close()
