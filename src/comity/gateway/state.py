"""The gateway's state: tables beside the entries, in the ledger's own database.

Every row follows from entries (a test drops the tables, rebuilds them from the
ledger and compares), except the leases of running gateways and the running
minute's count of equal refusals.  All functions take
a ledger's transaction and run inside it, so what they read is what they decide
on, at any concurrency and from any number of processes.

A permit is a call: it counts against `budget.calls` from the moment it is
recorded, whatever becomes of it.  Tokens and money count at the reservation
while the call is open and at what was charged once it is settled.

Sums are kept, never counted: `gate_sum` has one row for all calls, one for the
calls of repeated runs, one a day and one a second, each by the time of the
permit.  So a decision reads the same few rows however long the ledger is.  Rows
of seconds are forgotten once no rate can look back to them (`forget_seconds`).

The SQL is the portable subset of `comity.ledger.store`.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from comity.gateway.life import Life
from comity.ledger import Transaction
from comity.records import Amount

__all__ = [
    "ABORTED",
    "FINISHED",
    "NO_TIME",
    "OPEN",
    "SCHEMA",
    "Clock",
    "Grant",
    "Query",
    "Run",
    "Shared",
    "Standing",
    "Stop",
    "Suspension",
    "Taken",
    "find_grant",
    "find_stop",
    "millis",
    "window_time",
]

ABORTED: Final = 0
OPEN: Final = 1
FINISHED: Final = 2
"""What became of a run: the values of `gate_run.open`."""

DAY_MS: Final = 86_400_000
MINUTE_SECONDS: Final = 60

Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS gate_grant (
        "grant" TEXT PRIMARY KEY, person TEXT NOT NULL, key TEXT NOT NULL UNIQUE, expires TEXT NOT NULL,
        revoked TEXT NOT NULL DEFAULT '') STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_sum (
        span TEXT NOT NULL, at INTEGER NOT NULL, calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL, cost_nano INTEGER NOT NULL, open_calls INTEGER NOT NULL,
        PRIMARY KEY (span, at)) STRICT, WITHOUT ROWID""",
    """INSERT INTO gate_sum VALUES ('all', 0, 0, 0, 0, 0, 0) ON CONFLICT (span, at) DO NOTHING""",
    """CREATE TABLE IF NOT EXISTS gate_call (
        permit INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, incarnation TEXT NOT NULL, rerun INTEGER NOT NULL,
        input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_nano INTEGER NOT NULL,
        open INTEGER NOT NULL) STRICT""",
    """CREATE INDEX IF NOT EXISTS gate_call_open ON gate_call (incarnation) WHERE open = 1""",
    """CREATE TABLE IF NOT EXISTS gate_overrun (clause TEXT PRIMARY KEY, permit INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_stop (
        "by" TEXT PRIMARY KEY, cause TEXT NOT NULL, at_index INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_suspension (
        "by" TEXT PRIMARY KEY, cause TEXT NOT NULL, clock TEXT NOT NULL, at_index INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_clock (
        one INTEGER PRIMARY KEY, stood_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL) STRICT""",
    """INSERT INTO gate_clock VALUES (1, 0, 0) ON CONFLICT (one) DO NOTHING""",
    """CREATE TABLE IF NOT EXISTS gate_lease (
        incarnation TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_refused (
        "grant" TEXT NOT NULL, person TEXT NOT NULL, status INTEGER NOT NULL, clause TEXT NOT NULL,
        minute INTEGER NOT NULL, seen INTEGER NOT NULL,
        PRIMARY KEY ("grant", status, clause, minute)) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_refusal (clause TEXT PRIMARY KEY, seen INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_anomaly (
        model TEXT NOT NULL, what TEXT NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (model, what)) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_act (digest TEXT PRIMARY KEY, at_index INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_plan (plan TEXT PRIMARY KEY, at_index INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_run (
        run TEXT PRIMARY KEY, plan TEXT NOT NULL, "grant" TEXT NOT NULL, open INTEGER NOT NULL,
        rerun INTEGER NOT NULL) STRICT""",
    """CREATE INDEX IF NOT EXISTS gate_run_plan ON gate_run (plan)""",
    """CREATE TABLE IF NOT EXISTS gate_scores (run TEXT PRIMARY KEY, at_index INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_draw (
        run TEXT NOT NULL, "by" TEXT NOT NULL, commitment TEXT NOT NULL, committed INTEGER NOT NULL,
        revealed INTEGER, PRIMARY KEY (run, "by")) STRICT""",
)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def millis(at: datetime) -> int:
    """Milliseconds since 1970, cut as an entry's time is, without the detour by floating point."""
    return (at - _EPOCH) // _MILLISECOND


class Grant(NamedTuple):
    """One person's leave to call, as the ledger holds it."""

    grant: str
    person: str
    expires: str
    revoked: str
    """The cause of its revocation, empty while it is in force."""


class Run(NamedTuple):
    """A run as the ledger holds it."""

    grant: str
    open: int
    """`OPEN`, `FINISHED` or `ABORTED`."""
    rerun: int
    """1 where another run was begun before under the same plan."""


class Stop(NamedTuple):
    """A stop in force: who stopped the access, and why."""

    by: str
    cause: str


class Suspension(NamedTuple):
    """A suspension in force: who suspended the access, and why."""

    by: str
    cause: str


class Clock(NamedTuple):
    """How long the window's clock stood still in suspensions that are over, and since when it does now."""

    stood_ms: int
    since_ms: int
    """When the suspension began that stops the clock now; 0 while it runs."""

    def stood(self, now_ms: int) -> int:
        """Milliseconds by which the window's clock is behind."""
        return self.stood_ms + (max(0, now_ms - self.since_ms) if self.since_ms else 0)


NO_TIME: Final = Clock(stood_ms=0, since_ms=0)


class Taken(NamedTuple):
    """What is settled and reserved together, of one span of calls."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_nano: int


class Standing(NamedTuple):
    """What a decision about one call depends on, read in the transaction that records it."""

    lease_ms: int
    """Until when this gateway's lease lasts; 0 without one."""
    grant: Grant | None
    stop: Stop | None
    suspension: Suspension | None
    clock: Clock
    all: Taken
    day: Taken
    """Of the current day in UTC."""
    rerun: Taken
    """Of the calls of repeated runs."""
    open_calls: int
    minute_calls: int
    """Of this second and the sixty before it, so that no minute can hold more."""
    minute_tokens: int
    oldest: int
    """The first second with a call in that time, since 1970; 0 without one."""
    overrun: str
    """A clause under which nothing passes any more; empty where there is none."""
    run_open: bool
    """The run that the caller names is in progress under this grant; true where it names none."""
    run_repeats: bool
    """The run is under a plan under which another run was begun before."""
    life: Life


def find_grant(query: Query, key: str) -> Grant | None:
    """The grant of a key's digest."""
    rows = query('SELECT "grant", person, expires, revoked FROM gate_grant WHERE key = ?', (key,))
    return Grant(grant=rows[0][0], person=rows[0][1], expires=rows[0][2], revoked=rows[0][3]) if rows else None


def find_run(query: Query, run: str) -> Run | None:
    """A run by its id."""
    rows = query('SELECT "grant", open, rerun FROM gate_run WHERE run = ?', (run,))
    return Run(*rows[0]) if rows else None


def find_stop(query: Query) -> Stop | None:
    """The stop in force, the oldest first where both parties stopped."""
    rows = query('SELECT "by", cause FROM gate_stop ORDER BY at_index LIMIT 1', ())
    return Stop(by=rows[0][0], cause=rows[0][1]) if rows else None


def find_suspension(query: Query) -> Suspension | None:
    """The suspension in force, the oldest first where both parties suspended."""
    rows = query('SELECT "by", cause FROM gate_suspension ORDER BY at_index LIMIT 1', ())
    return Suspension(by=rows[0][0], cause=rows[0][1]) if rows else None


def find_clock(query: Query) -> Clock:
    """The window's clock."""
    stood, since = query("SELECT stood_ms, since_ms FROM gate_clock WHERE one = 1", ())[0]
    return Clock(stood_ms=stood, since_ms=since)


def window_time(query: Query, now: datetime) -> datetime:
    """The time by the window's clock, which stands still in some suspensions."""
    stood = find_clock(query).stood(millis(now))
    return now - timedelta(milliseconds=stood) if stood else now


def taken(query: Query, span: str, at: int = 0) -> Taken:
    """The sums of one span."""
    rows = query(
        "SELECT calls, input_tokens, output_tokens, cost_nano FROM gate_sum WHERE span = ? AND at = ?", (span, at)
    )
    return Taken(*rows[0]) if rows else NOTHING


NOTHING: Final = Taken(calls=0, input_tokens=0, output_tokens=0, cost_nano=0)

# One statement: on PostgreSQL each would be a round trip, and on SQLite a step of its own.
_SHARED: Final = """
SELECT l.until_ms, s."by", s.cause, p."by", p.cause, k.stood_ms, k.since_ms,
    a.calls, a.input_tokens, a.output_tokens, a.cost_nano, a.open_calls,
    d.calls, d.input_tokens, d.output_tokens, d.cost_nano,
    r.calls, r.input_tokens, r.output_tokens, r.cost_nano,
    m.calls, m.tokens, m.oldest, (SELECT min(clause) FROM gate_overrun),
    f.version, f.exit_by, f.exit_cause, f.exit_ms, f.closed
FROM gate_sum a
    LEFT JOIN gate_life f ON f.one = 1
    LEFT JOIN gate_sum d ON d.span = 'day' AND d.at = ?
    LEFT JOIN gate_sum r ON r.span = 'rerun' AND r.at = 0
    LEFT JOIN gate_clock k ON k.one = 1
    LEFT JOIN gate_lease l ON l.incarnation = ?
    LEFT JOIN gate_stop s ON s.at_index = (SELECT min(at_index) FROM gate_stop)
    LEFT JOIN gate_suspension p ON p.at_index = (SELECT min(at_index) FROM gate_suspension)
    CROSS JOIN (SELECT sum(calls) AS calls, sum(input_tokens + output_tokens) AS tokens, min(at) AS oldest
        FROM gate_sum WHERE span = 'second' AND at >= ?) m
WHERE a.span = 'all' AND a.at = 0"""


class Shared:
    """What all decisions of one transaction depend on, kept in step with what they take and give back.

    Read once; `take` and `give` change it as the rows will be changed, and `write` changes the rows.
    """

    def __init__(self, tx: Transaction, *, incarnation: str, now_ms: int) -> None:
        self.day_at, self.second_at = now_ms // DAY_MS, now_ms // 1000
        row = tx.execute(_SHARED, (self.day_at, incarnation, self.second_at - MINUTE_SECONDS))[0]
        self.lease_ms: int = row[0] or 0
        self.stop = None if row[1] is None else Stop(row[1], row[2])
        self.suspension = None if row[3] is None else Suspension(row[3], row[4])
        self.clock = Clock(row[5], row[6]) if row[5] or row[6] else NO_TIME
        self._all, self.open_calls = list(row[7:11]), row[11]
        self._day = [0, 0, 0, 0] if row[12] is None else list(row[12:16])
        self._rerun = [0, 0, 0, 0] if row[16] is None else list(row[16:20])
        self.minute_calls, self.minute_tokens, self.oldest = row[20] or 0, row[21] or 0, row[22] or 0
        self.overrun: str = row[23] or ""
        self._before = (*self._all, self.open_calls)
        self.life = Life(*row[24:29])
        self._sums: dict[str, dict[int, list[int]]] = {"day": {}, "second": {}, "rerun": {}}
        """Span → the time of its row → what is added to it."""

    def standing(self, grant: Grant | None, *, run_open: bool, run_repeats: bool) -> Standing:
        """The standing of one caller."""
        return Standing(
            self.lease_ms, grant, self.stop, self.suspension, self.clock, Taken(*self._all), Taken(*self._day),
            Taken(*self._rerun), self.open_calls, self.minute_calls, self.minute_tokens, self.oldest, self.overrun,
            run_open, run_repeats, self.life,
        )  # fmt: skip

    def take(self, amount: Amount, *, rerun: bool) -> None:
        """One more call is open, and this much reserved for it."""
        self.open_calls += 1
        self._change(1, amount.input_tokens, amount.output_tokens, amount.cost_nano, self.second_at, rerun)
        self.oldest = self.oldest or self.second_at

    def give(self, reserved: Amount, charged: Amount, *, at_ms: int, rerun: bool) -> None:
        """A call that was permitted then is settled at what it is charged."""
        self.open_calls -= 1
        self._change(
            0,
            charged.input_tokens - reserved.input_tokens,
            charged.output_tokens - reserved.output_tokens,
            charged.cost_nano - reserved.cost_nano,
            at_ms // 1000,
            rerun,
        )

    def _change(self, calls: int, read: int, written: int, cost: int, second: int, rerun: bool) -> None:
        day = second * 1000 // DAY_MS
        changed = [self._all, _of(self._sums["day"], day), _of(self._sums["second"], second)]
        if day == self.day_at:
            changed.append(self._day)
        if rerun:
            changed += (self._rerun, _of(self._sums["rerun"], 0))
        for sums in changed:
            sums[0] += calls
            sums[1] += read
            sums[2] += written
            sums[3] += cost
        if second >= self.second_at - MINUTE_SECONDS:
            self.minute_calls += calls
            self.minute_tokens += read + written

    def write(self, tx: Transaction) -> None:
        """Bring the rows of the sums to what is kept here; the row of all calls follows from what changed."""
        rows = [
            (span, at, calls, read, written, 0 if span == "second" else cost, 0)
            for span, sums in self._sums.items()
            for at, (calls, read, written, cost) in sums.items()
        ]
        if rows:
            before, after = self._before, (*self._all, self.open_calls)
            changed = [now - then for then, now in zip(before, after, strict=True)]
            tx.execute_many(_ADD, [("all", 0, *changed), *rows])
            self._before = after
            for sums in self._sums.values():
                sums.clear()


def _of(sums: dict[int, list[int]], at: int) -> list[int]:
    found = sums.get(at)
    if found is None:
        found = sums[at] = [0, 0, 0, 0]
    return found


_ADD: Final = (
    "INSERT INTO gate_sum VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (span, at) DO UPDATE SET calls = gate_sum.calls + excluded.calls, "
    "input_tokens = gate_sum.input_tokens + excluded.input_tokens, "
    "output_tokens = gate_sum.output_tokens + excluded.output_tokens, "
    "cost_nano = gate_sum.cost_nano + excluded.cost_nano, open_calls = gate_sum.open_calls + excluded.open_calls"
)
OPENED: Final = "INSERT INTO gate_call VALUES (?, ?, ?, ?, ?, ?, ?, 1)"
"""Permit, milliseconds, incarnation, whether it repeats, and what is reserved."""
CLOSED: Final = (
    "UPDATE gate_call SET open = 0, input_tokens = ?, output_tokens = ?, cost_nano = ? WHERE permit = ? AND open = 1"
)
_IN_ONE: Final = 16
_OPEN_AMONG: Final = f"SELECT permit FROM gate_call WHERE open = 1 AND permit IN ({', '.join('?' * _IN_ONE)})"


def open_among(tx: Transaction, permits: Sequence[int]) -> set[int]:
    """Which of these permits are still open."""
    found: set[int] = set()
    for first in range(0, len(permits), _IN_ONE):
        some = permits[first : first + _IN_ONE]
        found.update(row[0] for row in tx.execute(_OPEN_AMONG, (*some, *[-1] * (_IN_ONE - len(some)))))
    return found


def reserve(tx: Transaction, *, permit: int, at_ms: int, incarnation: str, rerun: bool, amount: Amount) -> None:
    """Take a reservation from the budget under its permit's index, as an entry says it was taken."""
    row = (permit, at_ms, incarnation, int(rerun), amount.input_tokens, amount.output_tokens, amount.cost_nano)
    tx.execute(OPENED, row)
    shared = Shared(tx, incarnation=incarnation, now_ms=at_ms)
    shared.take(amount, rerun=rerun)
    shared.write(tx)


def settle(tx: Transaction, *, permit: int, reserved: Amount, charged: Amount) -> None:
    """Replace an open call's reservation by what was charged, as an entry says it was."""
    at_ms, incarnation, rerun = tx.execute(
        "SELECT at_ms, incarnation, rerun FROM gate_call WHERE permit = ?", (permit,)
    )[0]
    tx.execute(CLOSED, (charged.input_tokens, charged.output_tokens, charged.cost_nano, permit))
    shared = Shared(tx, incarnation=incarnation, now_ms=at_ms)
    shared.give(reserved, charged, at_ms=at_ms, rerun=bool(rerun))
    shared.write(tx)


def open_reservation(tx: Transaction, permit: int) -> Amount | None:
    """What is reserved under a permit; None once it is settled or abandoned."""
    rows = tx.execute(
        "SELECT input_tokens, output_tokens, cost_nano FROM gate_call WHERE permit = ? AND open = 1",
        (permit,),
    )
    if not rows:
        return None
    return Amount(input_tokens=rows[0][0], output_tokens=rows[0][1], cost_nano=rows[0][2])


def close_clauses(tx: Transaction, clauses: Sequence[str], permit: int) -> None:
    """Let nothing more pass under these clauses: the provider's usage exceeded a reservation."""
    for clause in clauses:
        tx.execute("INSERT INTO gate_overrun VALUES (?, ?) ON CONFLICT (clause) DO NOTHING", (clause, permit))


def count_refusals(tx: Transaction, clause: str, number: int) -> None:
    """Count refusals that became an entry: one of its own, or one that states how many."""
    tx.execute(
        "INSERT INTO gate_refusal VALUES (?, ?) "
        "ON CONFLICT (clause) DO UPDATE SET seen = gate_refusal.seen + excluded.seen",
        (clause, number),
    )


def count_anomaly(tx: Transaction, model: str, what: str) -> None:
    """Count an anomaly of the provider that became an entry."""
    tx.execute(
        "INSERT INTO gate_anomaly VALUES (?, ?, 1) "
        "ON CONFLICT (model, what) DO UPDATE SET seen = gate_anomaly.seen + 1",
        (model, what),
    )


def begin_run(tx: Transaction, *, run: str, plan: str, grant: str) -> None:
    """Note a run; it repeats one where another was begun under the same plan."""
    rerun = int(bool(tx.execute("SELECT 1 FROM gate_run WHERE plan = ? LIMIT 1", (plan,))))
    tx.execute("INSERT INTO gate_run VALUES (?, ?, ?, ?, ?)", (run, plan, grant, OPEN, rerun))


def repeats(query: Query, run: str) -> bool:
    """Whether a run is under a plan under which another was begun before; a call without a run repeats none."""
    return bool(run and query("SELECT 1 FROM gate_run WHERE run = ? AND rerun = 1", (run,)))


def suspend(tx: Transaction, *, by: str, cause: str, clock: str, at_index: int, at_ms: int) -> None:
    """Note a suspension; where it stops the clock and none did before, the clock stands still from now on."""
    tx.execute("INSERT INTO gate_suspension VALUES (?, ?, ?, ?)", (by, cause, clock, at_index))
    if clock == "stops":
        tx.execute("UPDATE gate_clock SET since_ms = ? WHERE one = 1 AND since_ms = 0", (at_ms,))


def resume(tx: Transaction, *, by: str, at_ms: int) -> None:
    """Lift what a party stopped and suspended; the clock goes on where no other suspension stops it."""
    tx.execute('DELETE FROM gate_stop WHERE "by" = ?', (by,))
    tx.execute('DELETE FROM gate_suspension WHERE "by" = ?', (by,))
    clock = find_clock(tx.execute)
    if clock.since_ms and not tx.execute("SELECT 1 FROM gate_suspension WHERE clock = 'stops'"):
        tx.execute("UPDATE gate_clock SET stood_ms = ?, since_ms = 0 WHERE one = 1", (clock.stood(at_ms),))


def seconds_until_room(query: Query, *, excess: int, now_ms: int) -> int:
    """Seconds until so many of the last minute's tokens, the oldest first, count no longer against a rate."""
    second = now_ms // 1000
    rows = query(
        "SELECT at, input_tokens + output_tokens FROM gate_sum WHERE span = 'second' AND at >= ? ORDER BY at",
        (second - MINUTE_SECONDS,),
    )
    for at, tokens in rows:
        excess -= tokens
        if excess <= 0:
            return int(max(1, at + MINUTE_SECONDS + 1 - second))
    return MINUTE_SECONDS + 1  # the rest was reserved in this very second


def forget_seconds(tx: Transaction, *, now_ms: int) -> None:
    """Drop the sums of seconds to which no rate looks back, with as much again for clocks that differ."""
    tx.execute("DELETE FROM gate_sum WHERE span = 'second' AND at < ?", (now_ms // 1000 - 2 * MINUTE_SECONDS,))
