"""Budget: what the ledger says is spent, at any concurrency, through any failure, and after a rebuild."""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comity.arrangement import Terms, parse_terms_json
from comity.gateway import Upstream, admission, begin_ledger, rebuild
from comity.gateway.admission import Caller, Outcome, Permit, Refused
from comity.gateway.asked import Asked
from comity.gateway.state import SCHEMA, find_grant
from comity.ledger import Ledger, Transaction
from comity.records import (
    Amount,
    Digest,
    GrantIssued,
    Hex32,
    Instant,
    canonical_bytes,
    instant_text,
    parse_record,
    to_bytes,
)
from comity.vault import Epoch, parse_recipient, store_epoch
from support import ORIGIN, Keys, RecordingProvider, completion, live_gateway, now, signed_offer, terms_value, whole

T = TypeVar("T")


@pytest.mark.slow
def test_the_last_ten_calls_are_given_to_ten_of_sixty_four_clients(tmp_path: Path) -> None:
    """However many ask at once, no more calls pass than the clause has left."""
    ready = threading.Barrier(64)
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url, budget__calls=10) as gateway:

        def one(client: httpx.Client) -> httpx.Response:
            ready.wait(20)
            return gateway.chat(client)

        trust = ssl.create_default_context()  # loaded once: 64 times would starve the gateway beside it
        clients = [httpx.Client(verify=trust) for _ in range(64)]
        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(one, clients))
        for client in clients:
            client.close()

        refused = [got.json()["comity"]["clause"] for got in answers if got.status_code == 403]
        assert 10 == sum(got.status_code == 200 for got in answers)
        assert ["budget.calls"] * 54 == refused
        assert 10 == len(provider.asked) == len(gateway.of("call.permitted")) == len(gateway.of("call.settled"))


@pytest.mark.slow
def test_two_gateways_over_one_ledger_share_the_last_calls(tmp_path: Path) -> None:
    """The budget is the ledger's, not a process's: clients of two gateways take no more than is left."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, budget__calls=10) as one, live_gateway(tmp_path, provider.url) as two:
            with ThreadPoolExecutor(16) as pool:
                doors = [(one, two)[number % 2] for number in range(32)]
                answers = list(pool.map(lambda gateway: gateway.chat(), doors))

            assert 10 == sum(got.status_code == 200 for got in answers)
            assert 22 == sum(got.status_code == 403 for got in answers)
            assert 2 == len({permit.incarnation for permit in one.of("call.permitted")})
        assert 10 == len(provider.asked)


def test_usage_above_the_reservation_is_charged_and_closes_the_clause(tmp_path: Path) -> None:
    """An overrun is one entry with both figures; after it nothing passes, and the clause is named."""
    spent = (20, 9)
    with RecordingProvider(lambda _: whole(completion(spent=spent))).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            assert 200 == gateway.chat().status_code
            got = gateway.chat()

            [overran], [settled] = gateway.of("call.overran"), gateway.of("call.settled")
            assert ("budget.output_tokens",) == overran.clauses
            assert (8, 9) == (overran.reserved.output_tokens, overran.charged.output_tokens)
            assert overran.charged == settled.charged
            assert (403, "budget.output_tokens") == (got.status_code, got.json()["comity"]["clause"])
        assert 1 == len(provider.asked)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": 20},
        {"prompt_tokens": "20", "completion_tokens": 2},
        {"prompt_tokens": -1, "completion_tokens": 2},
        7,
    ],
)
def test_without_usage_a_call_is_charged_at_its_reservation(tmp_path: Path, usage: Any) -> None:
    """Figures that are missing, partial or no counts leave the reservation as the charge."""
    body = json.loads(completion())
    body["usage"] = usage
    with RecordingProvider(lambda _: whole(json.dumps(body).encode())).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            assert 200 == gateway.chat().status_code
            [permit], [settled] = gateway.of("call.permitted"), gateway.of("call.settled")
            assert ("reservation", permit.reserved) == (settled.usage, settled.charged)


RESERVATIONS: list[tuple[str, dict[str, Any], tuple[str, int]]] = [
    ("the body's bytes and the declared overhead bound the input", {}, ("input_tokens", 64 + 16)),
    ("each message adds its overhead", {"messages": [{"role": "user", "content": "a"}] * 3}, ("input_tokens", 64 + 48)),
    ("the larger of two limits counts", {"max_tokens": 8, "max_completion_tokens": 20}, ("output_tokens", 20)),
    ("candidates multiply the output", {"max_tokens": 8, "n": 3}, ("output_tokens", 24)),
    ("no limit reserves the model's maximum", {"max_tokens": None}, ("output_tokens", 64)),
    (
        "the context window caps the input",
        {"messages": [{"role": "user", "content": "a" * 9000}]},
        ("input_tokens", 4096),
    ),
    (
        "content from elsewhere reserves the whole window",
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        ("input_tokens", 4096),
    ),
]


@pytest.mark.parametrize(("why", "body", "expected"), RESERVATIONS, ids=[why for why, _, _ in RESERVATIONS])
def test_a_reservation_bounds_what_a_call_can_take(
    tmp_path: Path, why: str, body: dict[str, Any], expected: tuple[str, int]
) -> None:
    """Before anything is sent, the most that the call can take is taken from the budget."""
    name, most = expected
    features = ["n", "images", "sampling"]
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url, features=features) as gateway:
        assert 200 == gateway.chat(**body).status_code
        [permit] = gateway.of("call.permitted")
        size = permit.request_bytes if name == "input_tokens" and most != 4096 else 0
        assert most + size == getattr(permit.reserved, name)
        model = gateway.terms.models[0]
        cost = model.cost_nano(permit.reserved.input_tokens, permit.reserved.output_tokens)
        assert cost == permit.reserved.cost_nano


# The same on transactions alone, in any interleaving.

LIMITS = {"calls": 40, "input_tokens": 1_500, "output_tokens": 200, "cost": "0.000200"}


class Books:
    """One ledger with its tables, two gateways' incarnations and a clock; steps come from Hypothesis."""

    def __init__(self, folder: Path) -> None:
        keys = Keys()
        value = terms_value(
            keys,
            budget={**LIMITS, "currency": "EUR", "output_unstated": "reserve"},
            rate={"calls_per_minute": 10_000, "concurrency": 1_000},
        )
        self.terms: Terms = parse_terms_json(canonical_bytes(value))
        self.at = now()
        self.ledger: Ledger = begin_ledger(folder / "ledger.sqlite", signed_offer(keys, value), now=self.at)
        self.gates = ["1" * 32, "2" * 32]
        self.open: list[Permit] = []
        self.permits = 0
        recipient = parse_recipient("evaluator", keys.evaluator.public_text())
        self.epoch = Epoch.begin([recipient], b"test", lambda count: bytes(count))
        issued = GrantIssued(
            at=Instant(instant_text(self.at)), grant=Hex32("a" * 32), person="evaluator-1", key=Digest("b" * 64),
            expires="2099-01-01T00:00:00.000Z", note="comity grant/1\nfor a test\n\nsigned\n",
        )  # fmt: skip
        self.run(lambda tx: (tx.append(to_bytes(issued)), store_epoch(tx, self.epoch)))
        self.run(lambda tx: rebuild(tx, self.ledger.read(0, 2)))
        for gate in self.gates:
            self.begin(gate)

    def run(self, fn: Callable[[Transaction], T]) -> T:
        return self.ledger.transact(fn)

    def begin(self, gate: str) -> None:
        self.run(lambda tx: admission.begin(tx, incarnation=gate, software="test", now=self.at))

    def ask(self, gate: int, size: int, limit: int) -> Permit | Refused:
        asked = Asked(
            protocol="openai", route="/v1/chat/completions", model="test-model", stream=False, features=(), unknown=(),
            body_bytes=size, messages=1, tools=0, candidates=1, output_limit=limit, self_contained=True,
        )  # fmt: skip
        item = self.epoch.seal(b"x", ledger=ORIGIN, part="request", random=lambda count: bytes(count))
        caller = Caller(key="b" * 64, irid="", run="")
        decision = self.run(
            lambda tx: admission.admit(
                tx,
                terms=self.terms,
                caller=caller,
                asked=asked,
                request=item,
                incarnation=self.gates[gate],
                now=self.at,
            )
        )
        if isinstance(decision, Permit):
            self.open.append(decision)
            self.permits += 1
        return decision

    def settle(self, which: int, spent: tuple[int, int] | None, *, sent: bool, complete: bool) -> None:
        if not self.open:
            return
        permit = self.open.pop(which % len(self.open))
        outcome = Outcome(
            outcome="answered", status=200, served="test-model", served_check="agreed", answer=None, answer_bytes=0,
            input_tokens=spent[0] if spent else None, output_tokens=spent[1] if spent else None,
            complete=complete, sent=sent, upstream_id="", millis=1,
        )  # fmt: skip
        assert self.run(lambda tx: admission.settle(tx, permit=permit, outcome=outcome, now=self.at))

    def die(self, gate: int) -> None:
        """A gateway falls silent; after its lease another settles what it left open."""
        dead, other = self.gates[gate], self.gates[1 - gate]
        self.at += timedelta(milliseconds=admission.LEASE_MS - 1)
        self.run(lambda tx: admission.renew(tx, incarnation=other, now=self.at))
        self.at += timedelta(milliseconds=2)
        self.run(lambda tx: admission.abandon_expired(tx, now=self.at))
        left = self.run(lambda tx: [row[0] for row in tx.execute("SELECT permit FROM gate_call WHERE open = 1")])
        self.open = [permit for permit in self.open if permit.index in left]
        self.gates[gate] = f"{int(dead, 16) + 16:032x}"
        self.begin(self.gates[gate])

    def tables(self) -> dict[str, list[Any]]:
        names = [
            statement.split("EXISTS ")[1].split(" ")[0] for statement in SCHEMA if statement.startswith("CREATE TABLE")
        ]
        kept = [name for name in names if name not in ("gate_lease", "gate_refused")]
        return self.run(lambda tx: {name: tx.execute(f"SELECT * FROM {name} ORDER BY 1") for name in kept})

    def check(self) -> None:
        """The invariant, computed from the entries alone and compared with the tables."""
        calls, taken = 0, Amount(input_tokens=0, output_tokens=0, cost_nano=0)
        reserved: dict[int, Amount] = {}
        overrun: dict[str, int] = {}
        budget = self.terms.budget
        for index, entry in enumerate(self.ledger.read(0, self.ledger.size())):
            record: Any = parse_record(entry)
            match record.kind:
                case "call.permitted":
                    assert not overrun, "a permit after an overrun"
                    reserved[index] = record.reserved
                    calls, taken = calls + 1, taken + record.reserved
                    assert calls <= budget.calls
                    assert taken.input_tokens <= budget.input_tokens
                    assert taken.output_tokens <= budget.output_tokens
                    assert taken.cost_nano <= budget.cost_nano
                case "call.settled" | "call.abandoned":
                    before = reserved.pop(record.permit)  # each permit ends exactly once
                    taken += record.charged
                    taken = Amount(
                        input_tokens=taken.input_tokens - before.input_tokens,
                        output_tokens=taken.output_tokens - before.output_tokens,
                        cost_nano=taken.cost_nano - before.cost_nano,
                    )
                    over = record.charged.exceeds(before)
                    if over:
                        following: Any = parse_record(self.ledger.read(index + 1, index + 2)[0])
                        assert ("call.overran", record.permit) == (following.kind, following.permit)
                        assert len(over) == len(following.clauses)
                case "call.overran":
                    for clause in record.clauses:
                        overrun.setdefault(clause, record.permit)
        [total] = self.tables()["gate_total"]
        assert (1, calls, taken.input_tokens, taken.output_tokens, taken.cost_nano, len(reserved)) == total
        assert sorted(overrun.items()) == sorted(self.tables()["gate_overrun"])


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, 1), st.integers(1, 400), st.integers(1, 64)),
    st.tuples(st.just("ask"), st.integers(0, 1), st.integers(1, 400), st.integers(1, 64)),
    st.tuples(st.just("settle"), st.integers(0, 9), st.tuples(st.integers(0, 80), st.integers(0, 1)), st.booleans()),
    st.tuples(st.just("settle"), st.integers(0, 9), st.tuples(st.integers(0, 600), st.integers(0, 80)), st.booleans()),
    st.tuples(st.just("settle"), st.integers(0, 9), st.none(), st.booleans()),
    st.tuples(st.just("fail"), st.integers(0, 9)),
    st.tuples(st.just("die"), st.integers(0, 1)),
)


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=5, max_size=40))
def test_in_any_interleaving_the_clause_holds_or_one_overrun_says_why_not(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    """Settled and reserved together stay within each clause, or one overrun entry ends all permits under it;
    and the tables, dropped and made anew from the entries, are the same."""
    books = Books(tmp_path_factory.mktemp("books"))
    with books.ledger:
        for step in steps:
            match step:
                case "ask", gate, size, limit:
                    books.ask(gate, size, limit)
                case "settle", which, spent, complete:
                    books.settle(which, spent, sent=True, complete=complete)
                case "fail", which:
                    books.settle(which, None, sent=False, complete=False)
                case "die", gate:
                    books.die(gate)
        books.check()
        before = books.tables()
        entries = books.ledger.read(0, books.ledger.size())
        books.run(lambda tx: rebuild(tx, entries))
        assert before == books.tables()


def test_a_gateway_without_its_lease_permits_nothing(tmp_path: Path) -> None:
    """A gateway that was silent for longer than its lease may not permit, and cannot settle what was taken over."""
    books = Books(tmp_path)
    with books.ledger:
        permit = books.ask(0, 10, 8)
        assert isinstance(permit, Permit)
        late, books.open = permit, []
        books.die(0)
        outcome = Outcome(
            outcome="answered", status=200, served="", served_check="agreed", answer=None, answer_bytes=0,
            input_tokens=1, output_tokens=1, complete=True, sent=True, upstream_id="", millis=1,
        )  # fmt: skip
        assert not books.run(lambda tx: admission.settle(tx, permit=late, outcome=outcome, now=books.at))
        books.at += timedelta(milliseconds=admission.LEASE_MS + 1)
        with pytest.raises(admission.LeaseLost):
            books.ask(1, 10, 8)
        books.check()


def test_a_permit_is_made_by_admission_and_used_once() -> None:
    """Nothing but a durable decision makes a permit, and one permit is one send."""
    model = parse_terms_json(canonical_bytes(terms_value(Keys()))).models[0]
    amount = Amount(input_tokens=1, output_tokens=1, cost_nano=1)
    with pytest.raises(AssertionError, match="outside admission"):
        Permit(1, model, amount, made_by_admit=object())
    permit = Permit(1, model, amount, made_by_admit=admission._ADMIT)

    async def send_twice(url: str) -> None:
        upstream = Upstream(url)
        answer = await upstream.send(permit, path="/v1/chat/completions", headers=[], body=b"{}")
        assert completion() == b"".join([chunk async for chunk in answer.chunks])
        with pytest.raises(AssertionError, match="used twice"):
            await upstream.send(permit, path="/v1/chat/completions", headers=[], body=b"{}")
        upstream.close()

    with RecordingProvider().running() as provider:
        asyncio.run(send_twice(provider.url))
        assert 1 == len(provider.asked)


def test_after_a_real_run_the_tables_are_those_of_the_entries(tmp_path: Path) -> None:
    """Grants, revocations, stops, calls, plans and runs: dropped and made anew they are the same,
    and an act that was performed before is still known."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        key = {"authorization": f"Bearer {gateway.secret}"}
        plan, run = "c" * 64, "d" * 32
        for members in ({"kind": "plan.frozen", "plan": plan}, {"kind": "run.begun", "plan": plan, "run": run}):
            assert 201 == httpx.post(gateway.door("/entries"), json=members, headers=key).status_code
        assert 200 == gateway.chat(headers={"comity-run": run}).status_code
        stop = gateway.stop_note(gateway.keys.provider)
        assert 201 == gateway.act("/stop", stop).status_code
        assert 201 == gateway.resume().status_code
        assert 201 == gateway.grant("another-secret").status_code
        assert 201 == gateway.revoke("another-secret").status_code
        books = Books.__new__(Books)
        books.ledger = gateway.ledger
        before = books.tables()
        entries = gateway.ledger.read(0, gateway.ledger.size())
        gateway.ledger.transact(lambda tx: rebuild(tx, entries))

        assert before == books.tables()
        assert 5 == len(before["gate_act"])
        again = gateway.act("/stop", stop)
        assert (403, "act.nonce") == (again.status_code, again.json()["comity"]["clause"])
        assert gateway.ledger.transact(lambda tx: find_grant(tx.execute, "0" * 64)) is None
