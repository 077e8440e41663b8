"""`comity status` and the watching half of `comity serve`: what each side reads in its terminal and its monitoring."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from comity.cli.main import main
from comity.cli.status import bar, lines
from comity.gateway import begin_ledger
from support import (
    ARRANGEMENT,
    ORIGIN,
    SECRET,
    UPSTREAM_KEY,
    Keys,
    LiveGateway,
    RecordingProvider,
    live_gateway,
    now,
    signed_offer,
    terms_value,
)

PROMPT = "canary-of-the-prompt"


def home_of(folder: Path, role: str, keys: Keys) -> Path:
    """A party's or an evaluator's home with the keys that the terms name."""
    words = ["init", str(folder), "--role", role, "--name", role.title(), "--host", f"{role}.example"]
    assert CliRunner().invoke(main, words).exit_code == 0
    held = {"authority": keys.authority, "provider": keys.provider}
    if role in held:
        (folder / "keys" / "party").write_text(held[role].private_text() + "\n")
    else:
        (folder / "keys" / "access").write_text(SECRET + "\n")
    return folder


def asked(home: Path, gateway: LiveGateway, *more: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), "status", ORIGIN, "--gateway", gateway.url, *more])


def test_each_home_reads_its_own_view(tmp_path: Path) -> None:
    """A party needs its party key and no grant; a caller its access key; the provider sees what the terms grant it."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, budget__calls=4, record__provider_sees="counters") as gateway:
            assert gateway.chat().status_code == 200
            assert gateway.chat(model=PROMPT).status_code == 403
            said = {}
            for role in ("authority", "provider", "evaluator"):
                home = home_of(tmp_path / role, role, gateway.keys)
                result = asked(home, gateway)
                assert result.exit_code == 0, result.output
                said[role] = result.output
                members = json.loads(asked(home, gateway, "--json").output)
                assert members.get("view", "evaluator") == role
            wrong = asked(tmp_path / "provider", gateway, "--as", "authority")

    for text in said.values():
        assert re.search(r"budget\.calls +███·{9} +1 +4 +3 +25\.0%", text), text
        assert re.search(r"refused +1  models\.name", text)
    assert PROMPT in said["authority"] and "plans" in said["evaluator"]
    assert PROMPT not in said["provider"] and "plans" not in said["provider"]
    assert wrong.exit_code == 1 and "party key is the provider's" in wrong.output


def test_a_provider_that_was_granted_checkpoints_is_told_so(tmp_path: Path) -> None:
    """Nothing is shown as zero that is not known: the table is absent, and the clause is named."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert gateway.chat().status_code == 200
        gateway.stop()
        result = asked(home_of(tmp_path / "home", "provider", gateway.keys), gateway)

    assert result.exit_code == 0, result.output
    assert "record.provider_sees" in result.output and "budget" not in result.output
    assert "STOPPED by the provider: containment" in result.output


def members(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ledger": ORIGIN, "entries": 272, "published": 270, "stopped": None, "suspended": None, "stood_ms": 90_000_000,
        "window": {"from": "2026-12-01T00:00:00Z", "until": "2026-12-31T00:00:00Z", "left_ms": 200_000_000},
        "open_calls": 1, "plans": 1, "runs": {"begun": 2, "open": 1, "finished": 1, "aborted": 0},
        "clauses": {
            "budget.per_day.output_tokens": {"agreed": 1_000_000_000_000, "taken": 999_999_999_999},
            "budget.cost": {"agreed": 10**15, "taken": 10**14, "unit": "nano EUR"},
        },
        "version": 2, "digest": "5b1e" * 16, "leaves": None, "closed": False,
        "overrun": ["budget.cost"], "refusals": {"models.name": 3, "rate.concurrency": 9},
        "newest": {"models.name": {"at": "2026-12-02T10:00:00.000Z", "because": "asks for \x1b[2J" + "word " * 40}},
        "provider": {"test-model": {"denied": 2, "slow": 1}}, "unauthenticated": 5,
    }  # fmt: skip
    return found | changes


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal_and_cannot_move_its_cursor(width: int) -> None:
    """Every line fits, also with large figures; a reason that quotes a caller brings no control sign with it."""
    shown = [click.unstyle(line) for line in lines(members(), width)]

    text = "\n".join(shown)
    assert "\x1b" not in text and "\\x1b[2J" in text
    assert ("█" in text) == (width == 120)  # what is too narrow for all of the table goes without its bar
    for part in ("2 not yet under", "2 d 7 h left", "still for 1 d 1 h", "2 denied, 1 slow", "overrun   budget.cost"):
        assert part in text, text
    assert max(len(line) for row in shown for line in row.splitlines()) <= width, text


def test_the_end_of_access_is_said() -> None:
    """Who leaves and from when, and that both sides closed, stand where otherwise "open" stands."""
    leaves = {"by": "provider", "cause": "model-withdrawn", "from": "2026-12-12T00:00:00.000Z"}
    for changes, said in (
        ({}, "access    open, 1 call under way"),
        ({"leaves": leaves}, "access    provider leaves: none from 2026-12-12 on (model-withdrawn), 1 call under way"),
        ({"leaves": leaves, "closed": True}, "access    CLOSED for good by both sides, 1 call under way"),
    ):
        text = "\n".join(click.unstyle(line) for line in lines(members(**changes), 120))
        assert said in text
        assert "terms     version 2, digest 5b1e5b1e5b1e5b1e…" in text


def test_a_bar_is_full_only_where_all_is_taken() -> None:
    """A sliver shows that something is taken, and a gap that something is left."""
    assert [bar(0.0, 4), bar(1e-9, 4), bar(1 - 1e-9, 4), bar(1.0, 4), bar(2.0, 4)] == [
        "····", "▏···", "███▉", "████", "████",
    ]  # fmt: skip


@contextmanager
def collecting() -> Iterator[tuple[str, list[bytes]]]:
    """A receiver of OTLP over HTTP, and the bodies that it was sent."""
    bodies: list[bytes] = []

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Receive) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join(10)


def operator_home(folder: Path, keys: Keys, provider_url: str) -> Path:
    """An operator's home that has adopted one arrangement."""
    words = ["init", str(folder), "--role", "operator", "--name", "Operator", "--host", ORIGIN.split("/")[0]]
    assert CliRunner().invoke(main, words).exit_code == 0
    offer = signed_offer(keys, terms_value(keys))
    ledger = folder / "ledgers" / ARRANGEMENT
    (ledger / "keys").mkdir(parents=True)
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "keys" / "permit").write_text(keys.permit.private_text())
    for name, key in (("log", keys.log), ("log-mldsa", keys.log_mldsa)):
        (ledger / "keys" / name).write_text(key.private_text())
    (ledger / "keys" / "upstream").write_text(UPSTREAM_KEY)
    begin_ledger(ledger / "ledger.sqlite", offer, now=now()).close()
    (ledger / "terms.json").write_bytes(offer.envelope)
    (ledger / "providers.json").write_text(json.dumps(dict.fromkeys(("openai", "anthropic"), provider_url)))
    return folder


@pytest.mark.slow
def test_serve_shows_metrics_and_sends_traces_where_it_was_told(tmp_path: Path) -> None:
    """The line of readiness says where metrics are; at the end every span has reached the collector.

    The threads that hand calls to each other do not interrupt each other by then.
    """
    pytest.importorskip("opentelemetry.sdk", reason="needs OpenTelemetry, which comity[trace] brings")
    with RecordingProvider().running() as provider, collecting() as (collector, bodies):
        home = operator_home(tmp_path / "operator", Keys(), provider.url)
        words = ["--home", str(home), "serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--trace"]
        environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "PYTHONPATH": os.pathsep.join(sys.path)}
        code = "from comity.cli.main import main; main()"
        with subprocess.Popen(
            [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            ready = json.loads(line or process.stderr.read())
            if sys.platform == "linux":
                threads = [int(thread.name) for thread in Path(f"/proc/{process.pid}/task").glob("*")]
                policies = [os.sched_getscheduler(thread) for thread in threads]
                assert policies.count(os.SCHED_BATCH) >= 3, policies  # the loop, a ledger and the watch for a stop
            headers = {"authorization": "Bearer nobody"}
            body = {"model": "test-model", "messages": [{"role": "user", "content": PROMPT}]}
            url = f"{ready['gateway']}/a/{ARRANGEMENT}/openai/v1/chat/completions"
            assert httpx.post(url, json=body, headers=headers, timeout=10).status_code == 401
            text = httpx.get(ready["metrics"], timeout=10).text
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, process.stderr.read()
            assert time.monotonic() - began < 15

    assert f'comity_refusals_total{{arrangement="{ARRANGEMENT}",clause="grant.key",status="401"}} 1.0' in text
    assert PROMPT not in text and not bodies  # a request without a known key is no call, so it has no span


def test_serve_says_what_is_wrong_with_its_watching_options(tmp_path: Path) -> None:
    """An address that is none, and traces without a collector, end with a sentence and not with a gateway unwatched."""
    home = operator_home(tmp_path / "operator", Keys(), "http://127.0.0.1:9/v1")
    environment = dict.fromkeys(("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
    for words, said in (
        (["--metrics", "9464"], "--metrics: expected HOST:PORT"),
        (["--metrics", "127.0.0.1:99999"], "--metrics: expected HOST:PORT"),
        (["--trace"], "--trace: expected the collector's address in OTEL_EXPORTER"),
    ):
        serving = ["--home", str(home), "serve", "--listen", "127.0.0.1:0", *words]
        result = CliRunner().invoke(main, serving, env=environment)
        assert result.exit_code != 0 and said in result.output, result.output
