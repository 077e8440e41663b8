"""Metrics: true figures of what the gate did and of how the ledger stands, and not a word of what was asked."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from comity.arrangement.features import FEATURES
from comity.gateway.metrics import MAX_CLAUSES, Metrics
from support import (
    ARRANGEMENT,
    SECRET,
    UPSTREAM_KEY,
    Answering,
    LiveGateway,
    RecordingProvider,
    completion,
    live_gateway,
    whole,
)

PROMPT = "canary-of-the-prompt"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@contextmanager
def measured(
    tmp_path: Path, answering: Answering | None = None, **changes: object
) -> Iterator[tuple[LiveGateway, str]]:
    """A gateway with metrics, and the address at which they are read."""
    with RecordingProvider(answering).running() as provider, live_gateway(tmp_path, provider.url, **changes) as gateway:
        metrics = Metrics()
        with metrics.listening("127.0.0.1", 0) as url:
            gateway.gate.observers = (metrics.watch(gateway.gate, tmp_path / "public"),)
            yield gateway, url


def scraped(url: str) -> tuple[Samples, str]:
    """Samples by name and labels (without the arrangement), and the text they come from."""
    answer = httpx.get(url, timeout=10)
    assert answer.status_code == 200
    samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if sample.name.startswith("comity_"):
                assert sample.labels["arrangement"] == ARRANGEMENT
            labels = frozenset((name, value) for name, value in sample.labels.items() if name != "arrangement")
            samples[sample.name, labels] = sample.value
    return samples, answer.text


def one(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_metrics_say_what_passed_what_was_refused_and_what_is_left(tmp_path: Path) -> None:
    """Calls by outcome, tokens as stated, money as charged, refusals by clause, and each clause's agreed and taken."""
    with measured(tmp_path, budget__calls=2) as (gateway, url):
        assert [gateway.chat().status_code for _ in range(3)] == [200, 200, 403]
        assert httpx.get(gateway.door("/status"), headers={"authorization": "Bearer nobody"}).status_code == 401
        said, _ = scraped(url)

        assert one(said, "comity_calls_total", protocol="openai", model="test-model", outcome="answered") == 2
        assert one(said, "comity_refusals_total", clause="budget.calls", status="403") == 1
        assert one(said, "comity_refusals_total", clause="grant.key", status="401") == 1
        assert one(said, "comity_unauthenticated_total") == 1
        assert 1 <= one(said, "comity_ledger_commits_total") <= one(said, "comity_ledger_transactions_total")
        assert one(said, "comity_tokens_total", model="test-model", **{"class": "input"}) == 40
        assert one(said, "comity_tokens_total", model="test-model", **{"class": "output"}) == 4
        assert one(said, "comity_budget_agreed", clause="budget.calls", unit="calls") == 2
        assert one(said, "comity_budget_taken", clause="budget.calls", unit="calls") == 2
        charged = sum(record.charged.cost_nano for record in gateway.of("call.settled"))
        assert one(said, "comity_cost_nano_total", currency="EUR") == charged > 0
        assert one(said, "comity_budget_taken", clause="budget.cost", unit="nano_EUR") == charged
        assert one(said, "comity_ledger_entries") == gateway.ledger.size() == one(said, "comity_ledger_unpublished")
        assert 0 <= one(said, "comity_stop_watch_age_seconds") < 2
        assert 0 < one(said, "comity_lease_left_seconds") <= 10
        assert 3000 < one(said, "comity_window_left_seconds") <= 3600
        assert one(said, "comity_ledger_readable") == 1
        assert one(said, "comity_stopped") == 0
        for name in ("comity_upstream_head_seconds", "comity_upstream_seconds", "comity_overhead_seconds"):
            assert one(said, f"{name}_count") == 2
            assert one(said, f"{name}_bucket", le="+Inf") == 2
            assert one(said, f"{name}_sum") > 0
        assert any(name == "process_resident_memory_bytes" for name, _ in said)

        assert gateway.stop().status_code == 201
        assert one(scraped(url)[0], "comity_stopped") == 1


def test_money_counts_only_what_is_settled(tmp_path: Path) -> None:
    """A reservation is no spend, so that the counter never falls when a call settles for less than it reserved."""
    go_on = threading.Event()

    def slow(asked: object) -> Iterator[object]:
        yield go_on
        yield from whole(completion())

    with measured(tmp_path, slow) as (gateway, url):  # type: ignore[arg-type]
        thread = threading.Thread(target=gateway.chat)
        thread.start()
        while one(scraped(url)[0], "comity_open_calls") == 0:
            time.sleep(0.01)
        during = scraped(url)[0]
        go_on.set()
        thread.join(10)
        after = scraped(url)[0]

    assert one(during, "comity_cost_nano_total", currency="EUR") == 0
    assert one(during, "comity_budget_taken", clause="budget.cost", unit="nano_EUR") > 0
    assert one(after, "comity_cost_nano_total", currency="EUR") > 0


def test_no_caller_can_make_a_series(tmp_path: Path) -> None:
    """Models, routes, fields, headers, runs and keys that a request invents become no label."""
    with measured(tmp_path) as (gateway, url):
        gateway.chat()
        gateway.chat(model="no-model")
        gateway.chat(logprobs=True, surprise=1)
        httpx.post(gateway.door("/openai/v1/nowhere"), headers={"authorization": f"Bearer {SECRET}"})
        before = scraped(url)[0].keys()
        for number in range(40):
            gateway.chat(model=f"model-{number}")
            gateway.chat(**{f"field_{number}": 1})
            gateway.chat(headers={f"x-strange-{number}": "1"})
            gateway.chat(headers={"comity-run": f"{number:032x}"})
            gateway.chat(headers={"authorization": f"Bearer key-{number}"})
            route = gateway.door(f"/openai/v1/route-{number}")
            httpx.post(route, headers={"authorization": f"Bearer {SECRET}"})
        after = scraped(url)[0].keys()

    new = {labels for name, labels in after - before if name == "comity_refusals_total"}
    assert new <= {
        frozenset({"clause": clause, "status": status}.items())
        for clause, status in (("request.run", "400"), ("grant.key", "401"), ("features", "400"))
    }
    assert len(FEATURES) + 64 < MAX_CLAUSES


def test_metrics_hold_no_prompt_secret_or_person(tmp_path: Path) -> None:
    """Neither what was asked and answered, nor a key, a person, a run or a grant stands in what monitoring reads."""
    with measured(tmp_path, lambda asked: whole(completion(text="canary-of-the-answer"))) as (gateway, url):
        assert gateway.chat(messages=[{"role": "user", "content": PROMPT}]).status_code == 200
        assert gateway.chat(model=PROMPT).status_code == 403
        [grant] = gateway.of("grant.issued")
        text = scraped(url)[1]

    for secret in (PROMPT, "canary-of-the-answer", SECRET, UPSTREAM_KEY, "evaluator-1", grant.grant, grant.key):
        assert secret not in text, secret


def test_metrics_are_not_on_the_callers_port_nor_in_the_global_registry(tmp_path: Path) -> None:
    """Callers find no metrics; another library's metrics in this process are not among ours, nor ours among its."""
    with measured(tmp_path) as (gateway, url):
        for path in (gateway.door("/metrics"), f"{gateway.url}/metrics"):
            assert httpx.get(path, headers={"authorization": f"Bearer {SECRET}"}).status_code == 404
        assert "python_gc_objects_collected" not in httpx.get(url).text
        assert not [family.name for family in REGISTRY.collect() if family.name.startswith("comity")]


def test_a_ledger_that_cannot_be_read_is_said_and_not_guessed(tmp_path: Path) -> None:
    """A scrape never fails with the ledger: it says that it could not be read, and no figure of it."""
    with measured(tmp_path) as (gateway, url):
        gateway.chat()
        [observer] = gateway.gate.observers
        observer.close()  # type: ignore[attr-defined]
        said, _ = scraped(url)

        assert one(said, "comity_ledger_readable") == 0
        assert one(said, "comity_calls_total", protocol="openai", model="test-model", outcome="answered") == 1
        assert not [name for name, _ in said if name.startswith("comity_budget")]


@pytest.mark.parametrize("page", ["watch-a-gateway.md"])
def test_the_page_on_watching_names_every_metric_and_no_other(page: str, tmp_path: Path) -> None:
    """Who writes an alert finds each metric explained, by the name under which it is scraped."""
    text = (Path(__file__).parents[2] / "docs" / "how-to" / page).read_text(encoding="utf-8")
    with measured(tmp_path) as (_, url):
        answered = httpx.get(url).text
    there = set(re.findall(r"^# TYPE (comity_\w+) ", answered, flags=re.MULTILINE))

    named = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\b(comity_\w+)\b", text)}
    assert named == there, json.dumps(sorted(named ^ there))
