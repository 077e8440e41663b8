"""One ledger with the gateway's tables and no gateway around it: decisions, settlements and acts as bare transactions.

Everything goes through the functions that a gateway calls, under the incarnations of several gateways and a clock
that a test moves.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from deciding import asked_by

from comity.arrangement import grant_text, parse_terms_json, resume_text, sign_act, stop_text, suspend_text
from comity.gateway import admission, begin_ledger, rebuild
from comity.gateway.acts import perform
from comity.gateway.calls import Caller, Outcome, Permit, Refused
from comity.gateway.evidence import append_evidence
from comity.gateway.opening import SCHEMA as ALL_TABLES
from comity.gateway.refusal import Refusal
from comity.gateway.round import Round
from comity.gateway.state import SCHEMA, find_grant
from comity.gateway.usage import Usage
from comity.ledger import Ledger, Transaction
from comity.ledger.sqlite import SqliteLedger
from comity.records import canonical_bytes, parse_record
from comity.vault import Epoch, parse_recipient, store_epoch
from support import ORIGIN, Keys, signed_offer, terms_value

T = TypeVar("T")
BEGUN = datetime(2026, 12, 7, 23, 58, tzinfo=UTC)
ACCESS = sha256(b"books").hexdigest()
PASSING = ("gate_lease", "gate_refused")
"""Tables that do not follow from the entries."""


@dataclass(frozen=True)
class Spent:
    """What became of a call: the provider's figures, and how far the answer came."""

    usage: tuple[int, int] | None = None
    cached: tuple[int, int] = (0, 0)
    """Read from a cache, written to one."""
    complete: bool = True
    sent: bool = True
    unpriced: bool = False
    anomaly: str = ""

    def outcome(self) -> Outcome:
        usage = None
        if self.usage is not None:
            usage = Usage(
                input_tokens=self.usage[0], output_tokens=self.usage[1], cached_read=self.cached[0],
                cache_write=self.cached[1], unpriced=self.unpriced,
            )  # fmt: skip
        found = admission.Anomaly(self.anomaly, 5_000, 100) if self.anomaly else None
        return Outcome(
            outcome="answered", status=200, served="test-model", served_check="agreed", answer=None, answer_bytes=0,
            usage=usage, complete=self.complete, sent=self.sent, upstream_id="", millis=1, anomaly=found,
        )  # fmt: skip


class Books:
    """One ledger, the incarnations of its gateways, and a clock."""

    def __init__(self, folder: Path, *, gates: int = 2, **changes: Any) -> None:
        self.keys = Keys()
        window = {"window__from": "2026-12-01T00:00:00Z", "window__until": "2026-12-31T00:00:00Z"}
        value = terms_value(self.keys, **(window | changes))
        self.terms, self.at = parse_terms_json(canonical_bytes(value)), BEGUN
        path = folder / "ledger.sqlite"
        begin_ledger(path, signed_offer(self.keys, value), now=self.at).close()
        self.ledger: Ledger = SqliteLedger(path, schema=ALL_TABLES, synchronous="OFF")  # no power fails in these tests
        self.gates = [f"{number + 1:032x}" for number in range(gates)]
        self.open: list[Permit] = []
        self.runs: list[str] = []
        recipient = parse_recipient("evaluator", self.keys.evaluator.public_text())
        self.epoch = Epoch.begin([recipient], b"test", bytes)
        self.run(lambda tx: store_epoch(tx, self.epoch))
        granted = grant_text(
            ledger=ORIGIN, arrangement=self.terms.digest, person="evaluator-1", access=ACCESS,
            expires=self.terms.window.until, nonce="a" * 32,
        )  # fmt: skip
        assert isinstance(self._perform("/grants", granted, "authority"), int)
        for gate in self.gates:
            self.run(lambda tx, gate=gate: admission.begin(tx, incarnation=gate, software="test", now=self.at))  # type: ignore[misc]

    def run(self, fn: Callable[[Transaction], T]) -> T:
        return self.ledger.transact(fn)

    def _perform(self, door: str, text: str, party: str) -> int | Refusal:
        note = sign_act(text, getattr(self.keys, party))
        return self.run(lambda tx: perform(tx, door=door, note=note, terms=self.terms, now=self.at))

    def stop(self, party: str) -> int | Refusal:
        return self._perform("/stop", stop_text(ledger=ORIGIN, cause="containment", nonce=os.urandom(16).hex()), party)

    def suspend(self, party: str, cause: str) -> int | Refusal:
        text = suspend_text(ledger=ORIGIN, cause=cause, nonce=os.urandom(16).hex())
        return self._perform("/suspend", text, party)

    def resume(self, party: str) -> int | Refusal:
        text = resume_text(ledger=ORIGIN, cause="operational", nonce=os.urandom(16).hex())
        return self._perform("/resume", text, party)

    def begin_run(self, plan: str) -> str:
        """Begin a run under a plan, which is frozen where it is not yet."""
        run = f"{len(self.runs) + 1:032x}"
        for members in ({"kind": "plan.frozen", "plan": plan}, {"kind": "run.begun", "plan": plan, "run": run}):
            done = self.run(lambda tx, members=members: self._append(tx, members))  # type: ignore[misc]
            assert isinstance(done, int), done
        self.runs.append(run)
        return run

    def _append(self, tx: Transaction, members: dict[str, Any]) -> int | Refusal:
        grant = find_grant(tx.execute, ACCESS)
        assert grant is not None
        return append_evidence(tx, grant=grant, members=members, now=self.at)

    def round(
        self, gate: int, *, settle: Sequence[tuple[Permit, Spent]] = (), ask: Sequence[tuple[int, int, str]] = ()
    ) -> list[Permit | Refused]:
        """Settle calls and decide others in one transaction; a call is asked by bytes, output limit and run."""
        asked = [(asked_by("chat", max_tokens=limit, messages=_said(size)), run) for size, limit, run in ask]

        def one(tx: Transaction) -> tuple[list[bool], list[Permit | Refused]]:
            together = Round(tx, incarnation=self.gates[gate], now=self.at)
            done = together.settle([(permit, spent.outcome()) for permit, spent in settle])
            decided = [
                together.admit(
                    terms=self.terms,
                    caller=Caller(key=ACCESS, irid="", run=run),
                    asked=each,
                    request=self.epoch.seal(b"x", ledger=ORIGIN, part="request", random=bytes),
                )
                for each, run in asked
            ]
            together.close()
            return done, decided

        done, decided = self.run(one)
        assert done == [True] * len(settle)
        gone = {permit.index for permit, _ in settle}
        self.open = [permit for permit in self.open if permit.index not in gone]
        self.open += [each for each in decided if isinstance(each, Permit)]
        return decided

    def ask(self, *, gate: int = 0, size: int = 10, limit: int = 8, run: str = "") -> Permit | Refused:
        return self.round(gate, ask=[(size, limit, run)])[0]

    def settle(self, permit: Permit, spent: Spent) -> None:
        self.round(0, settle=[(permit, spent)])

    def later(self, span: timedelta) -> None:
        """Time passes, and every gateway keeps its lease."""
        self.at += span
        for gate in self.gates:
            self.run(lambda tx, gate=gate: admission.renew(tx, incarnation=gate, now=self.at))  # type: ignore[misc]

    def die(self, gate: int) -> None:
        """A gateway falls silent; after its lease another settles what it left open, and it begins anew."""
        dead = self.gates[gate]
        self.at += timedelta(milliseconds=admission.LEASE_MS + 1)
        for other in self.gates:
            if other != dead:
                self.run(lambda tx, other=other: admission.renew(tx, incarnation=other, now=self.at))  # type: ignore[misc]
        self.run(lambda tx: admission.abandon_expired(tx, now=self.at))
        left = self.run(lambda tx: {row[0] for row in tx.execute("SELECT permit FROM gate_call WHERE open = 1")})
        self.open = [permit for permit in self.open if permit.index in left]
        self.gates[gate] = f"{int(dead, 16) + 16:032x}"
        self.run(lambda tx: admission.begin(tx, incarnation=self.gates[gate], software="test", now=self.at))

    def records(self, first: int = 0) -> list[Any]:
        return [parse_record(entry) for entry in self.ledger.read(first, self.ledger.size())]

    def tables(self) -> dict[str, list[Any]]:
        return self.run(tables)

    def rebuilt(self) -> dict[str, list[Any]]:
        """The tables after they were dropped and made anew from the entries."""
        entries = self.ledger.read(0, self.ledger.size())
        self.run(lambda tx: rebuild(tx, entries))
        return self.tables()


def tables(tx: Transaction) -> dict[str, list[Any]]:
    """Every row that follows from the entries, by table, but for the sums of seconds, which are forgotten in time."""
    made = [statement.split() for statement in SCHEMA if statement.startswith("CREATE TABLE")]
    names = [words[words.index("EXISTS") + 1] for words in made]
    found = {name: sorted(tx.execute(f"SELECT * FROM {name}")) for name in names if name not in PASSING}
    found["gate_sum"] = [row for row in found["gate_sum"] if row[0] != "second"]
    return found


def _said(size: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": "a" * size}]
