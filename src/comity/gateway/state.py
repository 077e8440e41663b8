"""The gateway's state: tables beside the entries, in the ledger's own database.

Every row follows from entries (a test drops the tables, rebuilds them from the
ledger and compares), except the leases of running gateways and the running
minute's count of equal refusals.  All functions take
a ledger's transaction and run inside it, so what they read is what they decide
on, at any concurrency and from any number of processes.

A permit is a call: it counts against `budget.calls` from the moment it is
recorded, whatever becomes of it.  Tokens and money count at the reservation
while the call is open and at what was charged once it is settled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from comity.ledger import Transaction
from comity.records import Amount

__all__ = [
    "ABORTED",
    "FINISHED",
    "OPEN",
    "SCHEMA",
    "Grant",
    "Query",
    "Standing",
    "Stop",
    "find_grant",
    "find_stop",
    "millis",
    "standing",
]

ABORTED: Final = 0
OPEN: Final = 1
FINISHED: Final = 2
"""What became of a run: the values of `gate_run.open`."""

Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS gate_grant (
        "grant" TEXT PRIMARY KEY, person TEXT NOT NULL, key TEXT NOT NULL UNIQUE, expires TEXT NOT NULL,
        revoked TEXT NOT NULL DEFAULT '') STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_total (
        one INTEGER PRIMARY KEY CHECK (one = 1), calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL, cost_nano INTEGER NOT NULL, open_calls INTEGER NOT NULL) STRICT""",
    """INSERT OR IGNORE INTO gate_total VALUES (1, 0, 0, 0, 0, 0)""",
    """CREATE TABLE IF NOT EXISTS gate_call (
        permit INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, "grant" TEXT NOT NULL, incarnation TEXT NOT NULL,
        input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_nano INTEGER NOT NULL,
        open INTEGER NOT NULL) STRICT""",
    """CREATE INDEX IF NOT EXISTS gate_call_at ON gate_call (at_ms)""",
    """CREATE INDEX IF NOT EXISTS gate_call_open ON gate_call (incarnation) WHERE open = 1""",
    """CREATE TABLE IF NOT EXISTS gate_overrun (clause TEXT PRIMARY KEY, permit INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_stop (
        "by" TEXT PRIMARY KEY, cause TEXT NOT NULL, at_index INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_lease (
        incarnation TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_refused (
        "grant" TEXT NOT NULL, person TEXT NOT NULL, status INTEGER NOT NULL, clause TEXT NOT NULL,
        minute INTEGER NOT NULL, seen INTEGER NOT NULL,
        PRIMARY KEY ("grant", status, clause, minute)) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_refusal (clause TEXT PRIMARY KEY, seen INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_act (digest TEXT PRIMARY KEY, at_index INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_plan (plan TEXT PRIMARY KEY, at_index INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_run (
        run TEXT PRIMARY KEY, plan TEXT NOT NULL, "grant" TEXT NOT NULL, open INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_scores (run TEXT PRIMARY KEY, at_index INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_draw (
        run TEXT NOT NULL, "by" TEXT NOT NULL, commitment TEXT NOT NULL, committed INTEGER NOT NULL,
        revealed INTEGER, PRIMARY KEY (run, "by")) STRICT""",
)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def millis(at: datetime) -> int:
    """Milliseconds since 1970, cut as an entry's time is, without the detour by floating point."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One person's leave to call, as the ledger holds it."""

    grant: str
    person: str
    expires: str
    revoked: str
    """The cause of its revocation, empty while it is in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A stop in force: who stopped the access, and why."""

    by: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a decision about one call depends on, read in the transaction that records it."""

    grant: Grant | None
    stop: Stop | None
    calls: int
    spent: Amount
    """Settled and reserved together."""
    open_calls: int
    calls_last_minute: int
    oldest_ms: int
    """When the first call of the last minute was permitted, in milliseconds since 1970; 0 without one."""
    overrun: frozenset[str]
    run_open: bool
    """The run that the caller names is in progress under this grant; true where it names none."""


def find_grant(query: Query, key: str) -> Grant | None:
    """The grant of a key's digest."""
    rows = query('SELECT "grant", person, expires, revoked FROM gate_grant WHERE key = ?', (key,))
    return Grant(grant=rows[0][0], person=rows[0][1], expires=rows[0][2], revoked=rows[0][3]) if rows else None


def find_stop(query: Query) -> Stop | None:
    """The stop in force, the oldest first where both parties stopped."""
    rows = query('SELECT "by", cause FROM gate_stop ORDER BY at_index LIMIT 1', ())
    return Stop(by=rows[0][0], cause=rows[0][1]) if rows else None


def standing(tx: Transaction, *, key: str, run: str, now_ms: int) -> Standing:
    """Everything that the decision about one call reads."""
    grant = find_grant(tx.execute, key)
    calls, spent_in, spent_out, cost, open_calls = tx.execute(
        "SELECT calls, input_tokens, output_tokens, cost_nano, open_calls FROM gate_total WHERE one = 1"
    )[0]
    recent, oldest = tx.execute("SELECT count(*), min(at_ms) FROM gate_call WHERE at_ms > ?", (now_ms - 60_000,))[0]
    run_open = not run or bool(
        tx.execute(
            'SELECT 1 FROM gate_run WHERE run = ? AND "grant" = ? AND open = 1',
            (run, grant.grant if grant else ""),
        )
    )
    return Standing(
        grant=grant,
        stop=find_stop(tx.execute),
        calls=calls,
        spent=Amount(input_tokens=spent_in, output_tokens=spent_out, cost_nano=cost),
        open_calls=open_calls,
        calls_last_minute=recent,
        oldest_ms=oldest or 0,
        overrun=frozenset(row[0] for row in tx.execute("SELECT clause FROM gate_overrun")),
        run_open=run_open,
    )


def reserve(tx: Transaction, *, permit: int, at_ms: int, grant: str, incarnation: str, amount: Amount) -> None:
    """Take a reservation from the budget under its permit's index."""
    tx.execute(
        "INSERT INTO gate_call VALUES (?, ?, ?, ?, ?, ?, ?, 1)",
        (permit, at_ms, grant, incarnation, amount.input_tokens, amount.output_tokens, amount.cost_nano),
    )
    _add(tx, amount, calls=1, open_calls=1)


def open_reservation(tx: Transaction, permit: int) -> Amount | None:
    """What is reserved under a permit; None once it is settled or abandoned."""
    rows = tx.execute(
        "SELECT input_tokens, output_tokens, cost_nano FROM gate_call WHERE permit = ? AND open = 1",
        (permit,),
    )
    if not rows:
        return None
    return Amount(input_tokens=rows[0][0], output_tokens=rows[0][1], cost_nano=rows[0][2])


def settle(tx: Transaction, *, permit: int, reserved: Amount, charged: Amount) -> None:
    """Replace a reservation by what was charged."""
    tx.execute(
        "UPDATE gate_call SET open = 0, input_tokens = ?, output_tokens = ?, cost_nano = ? WHERE permit = ?",
        (charged.input_tokens, charged.output_tokens, charged.cost_nano, permit),
    )
    difference = Amount(
        input_tokens=charged.input_tokens - reserved.input_tokens,
        output_tokens=charged.output_tokens - reserved.output_tokens,
        cost_nano=charged.cost_nano - reserved.cost_nano,
    )
    _add(tx, difference, calls=0, open_calls=-1)


def close_clauses(tx: Transaction, clauses: Sequence[str], permit: int) -> None:
    """Let nothing more pass under these clauses: the provider's usage exceeded a reservation."""
    for clause in clauses:
        tx.execute("INSERT OR IGNORE INTO gate_overrun VALUES (?, ?)", (clause, permit))


def count_refusals(tx: Transaction, clause: str, number: int) -> None:
    """Count refusals that became an entry: one of its own, or one that states how many."""
    tx.execute(
        "INSERT INTO gate_refusal VALUES (?1, ?2) ON CONFLICT (clause) DO UPDATE SET seen = seen + ?2", (clause, number)
    )


def _add(tx: Transaction, amount: Amount, *, calls: int, open_calls: int) -> None:
    tx.execute(
        "UPDATE gate_total SET calls = calls + ?, input_tokens = input_tokens + ?, "
        "output_tokens = output_tokens + ?, cost_nano = cost_nano + ?, open_calls = open_calls + ? WHERE one = 1",
        (calls, amount.input_tokens, amount.output_tokens, amount.cost_nano, open_calls),
    )
