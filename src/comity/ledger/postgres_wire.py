"""One connection to PostgreSQL: statements go out in a row, and their results are read in one round trip.

A round trip costs more than most statements, so `send` only queues, and `settle` waits for all that was queued
(libpq's pipeline mode).
Each text is prepared once per connection, which spares the server from parsing it again.
Waiting polls the socket, so other threads of the process run meanwhile.

What goes out and what comes back:

| Python | PostgreSQL |
| --- | --- |
| `int`, `bool` | `bigint` |
| `str` | `text` |
| `bytes` | `bytea` |
| `float` | `double precision` |
| `None` | `NULL` |

A `numeric`, such as the sum of integers, comes back as an `int` where it is one.

An error of a statement is one of `psycopg.errors`, by its SQLSTATE, and carries the server's first line alone:
its details would quote values.

Not promised: thread safety.
"""

import select
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeGuard

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import NumericBinaryLoader

from comity.ledger.errors import LedgerError
from comity.ledger.store import LedgerUnreachable, NotALedger, Row

OLDEST_SERVER: Final = 140_000
"""PostgreSQL 14: older ones are no longer maintained."""
PATIENCE: Final[Mapping[str, int]] = {
    "connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}  # fmt: skip
"""How soon a server that vanished is noticed, unless the address says otherwise: seconds, the last one milliseconds."""
SECRETS: Final = ("password", "sslpassword")

_BIGINT, _TEXT, _BYTEA, _DOUBLE, _NUMERIC = 20, 25, 17, 701, 1700
_NO_TYPE: Final = 0
"""PostgreSQL's sign for a type that it is to infer."""
_LOST_STATES: Final = ("08", "57P", "25P03")
"""SQLSTATEs after which the server has closed, or is about to close, the connection."""

Wanted = tuple[bytes, tuple[bytes | None, ...], tuple[int, ...], tuple[int, ...]]
"""A statement with its values in the server's form: text, values, their types, their formats."""


class ConnectionLost(Exception):
    """The connection broke: what was sent and not settled may or may not have been carried out."""


class StatementFailed(Exception):
    """The statement sent as number `position` since the last settling failed; those after it were not run."""

    def __init__(self, position: int, error: psycopg.Error) -> None:
        self.position = position
        self.error = error
        super().__init__(str(error))


def parse_address(address: str) -> str:
    """The connection string for libpq, with bounds for every wait; refuses one with a password in it."""
    try:
        members = conninfo_to_dict(address)
    except psycopg.Error:
        raise NotALedger(
            "the address", "it is not a PostgreSQL URL such as postgresql://db.example/comity"
        ) from None  # libpq's own words would quote it
    if any(members.get(name) for name in SECRETS):
        raise NotALedger(
            "the address",
            "it has a password in it, which would show in process lists and logs; keep the password in ~/.pgpass, "
            "a service file or the environment variable PGPASSWORD",
        )
    bounds = {name: bound for name, bound in PATIENCE.items() if members.get(name) is None}
    return make_conninfo(address, **bounds)


def array(element: int, items: Sequence[bytes]) -> bytes:
    """An array of one dimension in PostgreSQL's binary form."""
    if not items:
        return struct.pack("!iii", 0, 0, element)
    parts = [struct.pack("!iiiii", 1, 0, element, len(items), 1)]
    for item in items:
        parts += (struct.pack("!i", len(item)), item)
    return b"".join(parts)


def bytea_array(items: Sequence[bytes]) -> "Binary":
    return Binary(1001, array(_BYTEA, items))


def text_array(items: Sequence[str]) -> "Binary":
    return Binary(1009, array(_TEXT, [item.encode() for item in items]))


def bigint_array(items: Sequence[int]) -> "Binary":
    return Binary(1016, array(_BIGINT, [struct.pack("!q", item) for item in items]))


class Binary:
    """A value that is in the server's binary form already."""

    __slots__ = ("data", "type")

    def __init__(self, type: int, data: bytes) -> None:
        self.type, self.data = type, data


def encode(text: str, args: Sequence[Any] = ()) -> Wanted:
    """A statement and its values as the server takes them."""
    values: list[bytes | None] = []
    types: list[int] = []
    formats: list[int] = []
    for arg in args:
        if isinstance(arg, int):
            value, kind, form = b"%d" % arg, _BIGINT, 0
        elif isinstance(arg, str):
            value, kind, form = arg.encode(), _TEXT, 0
        elif isinstance(arg, (bytes, bytearray, memoryview)):
            value, kind, form = bytes(arg), _BYTEA, 1
        elif arg is None:
            values.append(None)
            types.append(_NO_TYPE)
            formats.append(0)
            continue
        elif isinstance(arg, Binary):
            value, kind, form = arg.data, arg.type, 1
        elif isinstance(arg, float):
            value, kind, form = repr(arg).encode(), _DOUBLE, 0
        else:
            raise AssertionError(f"a value is int, str, bytes, float or None, not {type(arg).__name__}")
        values.append(value)
        types.append(kind)
        formats.append(form)
    return text.encode(), tuple(values), tuple(types), tuple(formats)


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _numeric(data: bytes) -> int | float:
    exact = _LOADER.load(data)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


_LOADER: Final = NumericBinaryLoader(_NUMERIC)
_DECODERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    16: lambda data: int(data == b"\x01"),
    _BYTEA: bytes,
    19: bytes.decode,
    _BIGINT: _integer,
    21: _integer,
    23: _integer,
    _TEXT: bytes.decode,
    26: _integer,
    _DOUBLE: lambda data: struct.unpack("!d", data)[0],
    1043: bytes.decode,
    _NUMERIC: _numeric,
    2278: lambda data: None,
}


def rows(result: pq.abc.PGresult) -> list[Row]:
    """The rows of a result, each value as Python has it."""
    width = result.nfields
    try:
        decoders = [_DECODERS[result.ftype(column)] for column in range(width)]
    except KeyError as unknown:
        raise AssertionError(f"a column of PostgreSQL's type {unknown} is outside of what both stores have") from None
    value = result.get_value
    return [
        tuple(None if (data := value(row, column)) is None else decode(data) for column, decode in enumerate(decoders))
        for row in range(result.ntuples)
    ]


class Wire:
    """One connection. `lost` is set once it is of no use any more."""

    def __init__(self, conninfo: str, *, schema: str, read_only: bool = False) -> None:
        """Connect; raises `LedgerUnreachable`."""
        self.lost: ConnectionLost | None = None
        try:
            self._connection = psycopg.connect(conninfo, autocommit=True)
        except psycopg.Error as fault:
            raise LedgerUnreachable(_first_line(fault)) from None
        self._pg = self._connection.pgconn
        try:
            self._prepare_session(schema, read_only)
        except psycopg.Error as fault:
            self.close()
            raise LedgerUnreachable(_first_line(fault)) from None
        except LedgerError:
            self.close()
            raise
        self._pg.enter_pipeline_mode()
        self._pg.nonblocking = 1
        self._poll = select.poll()
        self._poll.register(self._pg.socket)
        self._names: dict[tuple[bytes, tuple[int, ...]], bytes] = {}
        self._named = 0
        self._sent: list[tuple[bytes, tuple[int, ...]] | None] = []
        """Commands under way, in order; the key of its text where a command prepares one."""

    def _prepare_session(self, schema: str, read_only: bool) -> None:
        if (version := self._pg.server_version) < OLDEST_SERVER:
            raise NotALedger("the server", f"it is PostgreSQL {version // 10_000}, and a ledger needs 14 or newer")
        settings = {
            "search_path": f'"{schema}", pg_temp',
            "synchronous_commit": "on",
            "default_transaction_read_only": "on" if read_only else "off",
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "60s",
            "client_encoding": "UTF8",
            "client_min_messages": "warning",
            "row_security": "off",
        }
        one_each = ", ".join(["set_config(%s, %s, false)"] * len(settings))
        self._connection.execute(f"SELECT {one_each}".encode(), [part for pair in settings.items() for part in pair])

    def send(self, wanted: Wanted) -> None:
        """Queue a statement. Its result, and its error, come with `settle`."""
        text, values, types, formats = wanted
        key = (text, types)
        try:
            if (name := self._names.get(key)) is None:
                self._named += 1
                name = self._names[key] = b"c%d" % self._named
                self._sent.append(key)
                self._pg.send_prepare(name, text, types)
            self._sent.append(None)
            self._pg.send_query_prepared(name, values, formats, 1)
        except psycopg.Error as fault:
            raise self._broken(fault) from None

    def settle(self) -> list[pq.abc.PGresult]:
        """Wait for all that was sent: one result for each statement, or `StatementFailed` for the first that failed.

        After a failure inside a transaction the server waits for a rollback, to a savepoint or of all.
        """
        sent, self._sent = self._sent, []
        results: list[pq.abc.PGresult] = []
        failure: StatementFailed | None = None
        try:
            self._pg.pipeline_sync()
            while self._pg.flush():
                self._await(select.POLLIN | select.POLLOUT)
            for key in sent:
                result = self._next()
                if not _answered(result):
                    raise self._broken(None)
                if self._next() is not None:
                    raise AssertionError("more than one result for one statement")
                if result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
                    if key is None:
                        results.append(result)
                    continue
                if key is not None:
                    del self._names[key]
                if failure is None:
                    failure = StatementFailed(len(results), self._error_of(result))
            if not _answered(end := self._next()) or end.status != pq.ExecStatus.PIPELINE_SYNC:
                raise self._broken(None)
        except psycopg.Error as fault:
            raise self._broken(fault) from None
        if failure is not None:
            raise failure
        return results

    def ask(self, text: str, args: Sequence[Any] = ()) -> list[Row]:
        """Rows of one statement, in a round trip of its own; raises what the server says."""
        self.send(encode(text, args))
        try:
            return rows(self.settle()[-1])
        except StatementFailed as failed:
            raise failed.error from None

    def close(self) -> None:
        """Give the connection back; the server rolls back what was not committed."""
        if self.lost is None:
            self.lost = ConnectionLost("the connection was closed")
        with suppress(psycopg.Error):
            self._connection.close()

    def _next(self) -> pq.abc.PGresult | None:
        while self._pg.is_busy():
            self._await(select.POLLIN)
        return self._pg.get_result()

    def _await(self, events: int) -> None:
        self._poll.modify(self._pg.socket, events)
        ready = self._poll.poll()
        if any(event & ~select.POLLOUT for _, event in ready):
            self._pg.consume_input()

    def _error_of(self, result: pq.abc.PGresult) -> psycopg.Error:
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        primary = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message).decode()
        if state.startswith(_LOST_STATES) or not state:
            raise self._broken(psycopg.OperationalError(primary))
        try:
            return psycopg.errors.lookup(state)(primary)
        except KeyError:
            return psycopg.DatabaseError(f"{primary} ({state})")

    def _broken(self, fault: psycopg.Error | None) -> ConnectionLost:
        why = _first_line(fault) if fault else (self._pg.error_message.decode(errors="replace").strip() or "no answer")
        if self.lost is None:
            self.lost = ConnectionLost(why)
            with suppress(psycopg.Error):
                self._connection.close()
        return self.lost


def _answered(result: pq.abc.PGresult | None) -> TypeGuard[pq.abc.PGresult]:
    return result is not None


def _first_line(fault: psycopg.Error) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]
