"""The benchmark of the gateway counts what it says it counts; nothing here is a matter of speed."""

import argparse
import asyncio
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from benchmarks import gateway, published
from benchmarks.load import streaming_model, streams
from benchmarks.load.wrk import BODY, Round, Target, measure, middle, round_seconds
from benchmarks.measures import calls
from benchmarks.peers import litellm, nginx, portkey
from benchmarks.peers.machine import CannotMeasure, Cores

CORE = min(os.sched_getaffinity(0))
WRK = shutil.which("wrk") and shutil.which("taskset")
needs_wrk = pytest.mark.skipif(not WRK, reason="no wrk here, which makes the benchmark's load; Debian has it as wrk")


class Counting(BaseHTTPRequestHandler):
    """Counts the requests that it answers, every fourth with a 500, and keeps the newest."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(500 if len(self.seen) % 4 == 0 else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def counting() -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """A counting server: its URL and what it has seen."""
    seen: list[tuple[str, dict[str, str], bytes]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Counting,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@needs_wrk
def test_the_load_counts_every_answer_and_every_wrong_one(tmp_path: Path) -> None:
    """Answers are those that the server gave, less those still open at the end; each 500 among them counts as wrong."""
    with counting() as (url, seen):
        target = Target(url=f"{url}/v1/chat/completions", headers={"Authorization": "Bearer it-is-me"}, pid=os.getpid())
        found = measure(target, connections=2, seconds=1, core=CORE, folder=tmp_path)

    assert 0 <= len(seen) - found.answers <= 2
    assert abs(found.wrong - len(seen) // 4) <= 1
    assert found.answers > 8
    assert 0 < found.p50_ms <= found.p99_ms
    path, headers, body = seen[0]
    assert (path, headers["authorization"], body) == ("/v1/chat/completions", "Bearer it-is-me", BODY)


@needs_wrk
def test_a_load_that_measures_nothing_is_no_number(tmp_path: Path) -> None:
    """Where nobody answers there is a reason to read, never a rate of zero calls among the others."""
    target = Target(url="http://127.0.0.1:9/", headers={}, pid=os.getpid())
    with pytest.raises(CannotMeasure, match="measured nothing"):
        measure(target, connections=1, seconds=1, core=CORE, folder=tmp_path)


@contextmanager
def streaming(announced: int, events: int) -> Iterator[str]:
    """The streaming model of the benchmark, in a thread of its own."""
    loop = asyncio.new_event_loop()
    model = streaming_model.Model(streams=announced, events=events, apart=0.005)
    ports: list[int] = []
    ready, ending = threading.Event(), asyncio.Event()

    async def serve() -> None:
        server = await loop.create_server(lambda: streaming_model.Caller(model), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await ending.wait()
        server.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{ports[0]}/v1/chat/completions"
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(10)
        loop.close()


def asked(url: str, **more: Any) -> dict[str, Any]:
    """What the reader of streams is asked."""
    return {"url": url, "headers": {}, "body": BODY.decode(), "streams": 5, "seconds": 10, **more}


def test_every_event_of_every_stream_is_timed_once() -> None:
    """Five streams of twenty events are five whole streams and a hundred times, none before its event left."""
    with streaming(announced=5, events=20) as url:
        found = asyncio.run(streams.read_streams(asked(url)))

    assert (found["whole"], found["cut"], found["events"]) == (5, 0, 100)
    assert found["status"] == {"200": 5}
    assert 0 < found["p50_ms"] <= found["p99_ms"]


def test_streams_start_only_when_all_of_them_are_open() -> None:
    """Where one stream of those announced never comes, no event flows: a gateway cannot be measured half open."""
    with streaming(announced=6, events=20) as url:
        found = asyncio.run(streams.read_streams(asked(url, seconds=0.5)))

    assert (found["whole"], found["cut"], found["events"], found["gave_up_on"]) == (0, 5, 0, 5)


def test_a_stop_that_nobody_obeys_shows() -> None:
    """The signed stop is posted once, and where streams flow on, the time to the last byte is that of their own end."""
    with streaming(announced=5, events=60) as url, counting() as (door, seen):
        stop = {"url": f"{door}/stop", "note": "signed", "after": 0.05}
        found = asyncio.run(streams.read_streams(asked(url, stop=stop)))

    assert [(path, body) for path, _, body in seen] == [("/stop", b"signed")]
    assert found["whole"] == 5
    assert found["stop"]["status"] == "200"
    assert 50 < found["stop"]["p50_ms"] <= found["stop"]["max_ms"]


def test_the_figures_have_the_shape_that_readers_rely_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each peer has `c1`, `c32`, `c256` with `rps`, `p50_ms`, `p99_ms`, and `rss_mb`; ratios are of 32 connections.

    What a peer adds is its percentile less that of no peer at all.
    """
    rates = {"direct": 1000.0, "nginx": 500.0, "comity": 100.0}

    def measured(target: Target, *, connections: int, seconds: float, core: int, folder: Path) -> Round:
        rate = rates[target.url]
        return Round(answers=int(rate), seconds=1.0, p50_ms=1000 / rate, p99_ms=2000 / rate, cpu_us=3.0, wrong=0)

    monkeypatch.setattr(calls, "measure", measured)
    targets = {name: Target(url=name, headers={}, pid=os.getpid()) for name in rates}
    measured_calls = calls.measure_calls(targets, calls.QUICK, Cores(CORE, CORE), tmp_path, lambda line: None)
    found = json.loads(json.dumps(measured_calls))

    for name in rates:
        assert found[name].keys() == {"c1", "c32", "c256", "rss_mb"}
        for level in ("c1", "c32", "c256"):
            assert found[name][level].keys() >= {"rps", "p50_ms", "p99_ms", "added_p50_ms", "added_p99_ms", "wrong"}
    assert found["comity"]["c1"] == {
        "rps": 100, "rps_min": 100, "rps_max": 100, "p50_ms": 10, "p99_ms": 20, "cpu_us": 3, "wrong": 0,
        "added_p50_ms": 9, "added_p99_ms": 18,
    }  # fmt: skip
    assert calls.ratios(found) == {"comity / nginx": 0.2}
    assert found["comity"]["rss_mb"] > 1


def test_the_middle_of_rounds_is_a_median_and_wrong_answers_add_up() -> None:
    """One slow round does not move a figure, and no wrong answer is lost in the middle."""
    rounds = [Round(answers=n, seconds=2, p50_ms=n, p99_ms=2 * n, cpu_us=n, wrong=n) for n in (1, 90, 100)]

    figures = {"rps": 45, "rps_min": 0.5, "rps_max": 50, "p50_ms": 90, "p99_ms": 180, "cpu_us": 90}
    assert middle(rounds) == {**figures, "wrong": 191}


def test_a_slow_peer_gets_rounds_in_which_each_connection_calls_a_few_times() -> None:
    """A round is as long as asked, or longer where calls are slow, up to a bound."""
    assert round_seconds(4, 256, 50_000) == 4
    assert round_seconds(4, 256, 100) == pytest.approx(7.68)
    assert round_seconds(4, 256, 1) == 20


def test_the_canned_answer_is_a_chat_completion_of_a_kilobyte() -> None:
    """The upstream names the agreed model and its usage, so that a gateway has something to check and to charge."""
    answer = json.loads(nginx.ANSWER)

    assert 1000 <= len(nginx.ANSWER.encode()) <= 1100
    assert 560 <= len(BODY) <= 640
    assert answer["model"] == json.loads(BODY)["model"]
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]


def test_peers_are_pinned_by_hash_and_no_pin_names_a_host() -> None:
    """What is installed for a comparison is what was looked at, wherever it is fetched from."""
    pins = litellm.PINS.read_text(encoding="utf-8")
    assert "litellm==1.106.2 \\\n    --hash=sha256:" in pins and "://" not in pins
    assert litellm.VERSION == "1.106.2"
    for pin in re.split(r"\n(?=[a-zA-Z0-9])", pins.strip()):
        assert "--hash=sha256:" in pin, pin.splitlines()[0]

    text = (portkey.PINS / "package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert packages["node_modules/@portkey-ai/gateway"]["version"] == portkey.VERSION
    assert "://" not in text
    assert not [name for name, package in packages.items() if name and "integrity" not in package]


def test_a_peer_that_is_not_known_is_refused_by_name() -> None:
    """A misspelt peer is said, never left out in silence."""
    assert gateway.chosen("nginx,direct", gateway.PEERS) == ["direct", "nginx"]
    with pytest.raises(argparse.ArgumentTypeError, match="ngnix"):
        gateway.chosen("ngnix", gateway.PEERS)


def a_result() -> dict[str, Any]:
    """A run's result with every part, as `--json` prints it; the figures are made up."""
    level = {"rps": 1234.5, "rps_min": 1000.0, "rps_max": 1500.0, "p50_ms": 0.75, "p99_ms": 2.5, "cpu_us": 210.0}
    peer = {f"c{n}": {**level, "added_p50_ms": 0.5, "added_p99_ms": 1.5} for n in (1, 32, 256)} | {"rss_mb": 61.2}
    stream = {"streams": 500, "whole": 499, "p50_ms": 1.5, "p99_ms": 9.5, "cpu_us": 9}
    stream |= {"added_p50_ms": 0.5, "added_p99_ms": 4.5}
    return {
        "date": "2026-11-24", "machine": {"cores": 2, "kernel": "6.1", "sync_4k_ms": 0.3}, "versions": {"comity": "0"},
        "durability": "fsync is on", "not_measured": {"litellm": "it could not be installed"},
        **dict.fromkeys(("direct", "nginx", "portkey", "comity"), peer),
        "ratios": {"comity / nginx": 0.1, "comity / portkey": 12.5},
        "streams": dict.fromkeys(("direct", "nginx", "portkey", "comity"), stream),
        "stop": {"streams": 500, "cut": 500, "stop": {"p50_ms": 1.0, "max_ms": 12.0, "closed_max_ms": 20.0}},
        "memory": {"rss_mb_after_calls": {"10010": 60.0, "100020": 60.5}, "last_over_first": 1.008},
        "ledger_size": {"10000": {"megabytes": 9.5, "c1": level, "c32": level}},
    }  # fmt: skip


def test_a_page_says_what_was_measured_and_what_was_not() -> None:
    """The page's tables hold every peer and part of a run, its date and machine, and the peer that is missing."""
    text = published.tables(a_result())

    for said in (
        "2026-11-24", "fsync is on", "1,234", "LiteLLM: not measured: it could not be installed", "12.5 ×", "0.1 ×",
        "| reached |", "499 of 500", "12.0 ms", "100,020", "10,000 entries", "61.2 MB",
    ):  # fmt: skip
        assert said in text, said
    less = a_result()
    less["ratios"] = dict.fromkeys(less["ratios"], 0.01)
    assert "| missed |" in published.tables(less)


def test_only_what_a_run_measured_is_written_anew() -> None:
    """What people wrote around the measured part of the page stays; a page without that part is refused."""
    page = f"Before.\n{published.BEGIN}\nold\n{published.END}\nAfter.\n"

    assert published.replaced(page, "new") == f"Before.\n{published.BEGIN}\n\nnew\n\n{published.END}\nAfter.\n"
    with pytest.raises(ValueError, match="marks"):
        published.replaced("a page without them", "new")


def test_the_chart_is_a_drawing_and_nothing_else() -> None:
    """The chart names every peer, fetches nothing and runs nothing."""
    drawn = published.chart(a_result())

    assert drawn.startswith("<svg ") and drawn.rstrip().endswith("</svg>")
    assert "Comity" in drawn and "Portkey" in drawn and "LiteLLM" not in drawn
    assert "<script" not in drawn and "href=" not in drawn
