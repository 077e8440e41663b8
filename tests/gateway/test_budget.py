"""Budget: what the ledger says is spent, at any concurrency, through any failure, and after a rebuild."""

import asyncio
import json
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from audit import Audit
from books import Books, Spent, tables

from comity.arrangement import parse_terms_json
from comity.gateway import Upstream, admission, rebuild
from comity.gateway.calls import MADE_BY_ROUND, LeaseLost, Permit
from comity.gateway.headers import Lines
from comity.gateway.state import find_grant
from comity.records import Amount, canonical_bytes
from support import Keys, RecordingProvider, cached, completion, live_gateway, now, terms_value, whole


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
    agreed = {"features": ["n", "images", "urls", "sampling"], "limits": {"n": 4, "images": 4, "urls": 4}}
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url, **agreed) as gateway:
        assert 200 == gateway.chat(**body).status_code
        [permit] = gateway.of("call.permitted")
        size = permit.request_bytes if name == "input_tokens" and most != 4096 else 0
        assert most + size == getattr(permit.reserved, name)
        model = gateway.terms.models[0]
        cost = model.most_nano(permit.reserved.input_tokens, permit.reserved.output_tokens)
        assert cost == permit.reserved.cost_nano


def test_a_gateway_without_its_lease_permits_nothing(tmp_path: Path) -> None:
    """A gateway that was silent for longer than its lease may not permit, and cannot settle what was taken over."""
    books = Books(tmp_path)
    with books.ledger:
        permit = books.ask()
        assert isinstance(permit, Permit)
        books.die(0)
        outcome = Spent(usage=(1, 1)).outcome()
        assert not books.run(lambda tx: admission.settle(tx, permit=permit, outcome=outcome, now=books.at))
        books.at += timedelta(milliseconds=admission.LEASE_MS + 1)
        with pytest.raises(LeaseLost):
            books.ask(gate=1)
        audit = Audit(books.terms).follow(books.records())
        assert {permit.index: permit.amount} == audit.charged and not audit.reserved


def test_a_permit_is_made_by_admission_and_used_once() -> None:
    """Nothing but a durable decision makes a permit, and one permit is one send."""
    model = parse_terms_json(canonical_bytes(terms_value(Keys()))).models[0]
    amount = Amount(input_tokens=1, output_tokens=1, cost_nano=1)
    with pytest.raises(AssertionError, match="outside admission"):
        Permit(1, now(), model, amount, bills=True, rerun=False, made_by=object())
    permit = Permit(1, now(), model, amount, bills=True, rerun=False, made_by=MADE_BY_ROUND)

    async def send_twice(url: str) -> None:
        upstream = Upstream(url)
        answer = await upstream.send(permit, path="/v1/chat/completions", headers=Lines.of([]), body=b"{}")
        assert completion() == await answer.read_whole(10_000)
        with pytest.raises(AssertionError, match="used twice"):
            await upstream.send(permit, path="/v1/chat/completions", headers=Lines.of([]), body=b"{}")
        upstream.close()

    with RecordingProvider().running() as provider:
        asyncio.run(send_twice(provider.url))
        assert 1 == len(provider.asked)


def test_after_a_real_run_the_tables_are_those_of_the_entries(tmp_path: Path) -> None:
    """Grants, revocations, stops, suspensions, calls, anomalies, plans, runs and their repetition: dropped and made
    anew the tables are the same, and an act that was performed before is still known."""
    answers = [
        whole(completion(spent=(20, 2))),
        whole(b'{"error": {}}', "429 Too Many Requests"),
        whole(cached(read=12, written=4)),
        whole(completion(spent=(20, 9))),
    ]
    with RecordingProvider(lambda _: answers.pop(0)).running() as provider:
        with live_gateway(tmp_path, provider.url, budget__rerun_reserve=20) as gateway:
            key = {"authorization": f"Bearer {gateway.secret}"}
            plan, runs = "c" * 64, ("d" * 32, "e" * 32)
            begun = [{"kind": "run.begun", "plan": plan, "run": run} for run in runs]
            for members in ({"kind": "plan.frozen", "plan": plan}, *begun):
                assert 201 == httpx.post(gateway.door("/entries"), json=members, headers=key).status_code
            assert [200, 429] == [gateway.chat(headers={"comity-run": run}).status_code for run in runs]
            stop = gateway.stop_note(gateway.keys.provider)
            assert 201 == gateway.act("/stop", stop).status_code
            assert 201 == gateway.suspend(gateway.keys.authority, cause="legal-order").status_code
            assert 403 == gateway.chat().status_code
            for party in (gateway.keys.provider, gateway.keys.authority):
                assert 201 == gateway.resume(party).status_code
            assert 201 == gateway.grant("another-secret").status_code
            assert 201 == gateway.revoke("another-secret").status_code
            assert [200, 200, 403] == [gateway.chat().status_code for _ in range(3)]
            kinds = {record.kind for record in gateway.records()}
            assert {"call.metered", "call.overran", "upstream.anomaly", "access.suspended", "call.refused"} <= kinds

            before = gateway.ledger.transact(tables)
            entries = gateway.ledger.read(0, gateway.ledger.size())
            gateway.ledger.transact(lambda tx: rebuild(tx, entries))

            assert before == gateway.ledger.transact(tables)
            assert 7 == len(before["gate_act"]) and before["gate_anomaly"] and before["gate_overrun"]
            again = gateway.act("/stop", stop)
            assert (403, "act.nonce") == (again.status_code, again.json()["comity"]["clause"])
            assert gateway.ledger.transact(lambda tx: find_grant(tx.execute, "0" * 64)) is None
