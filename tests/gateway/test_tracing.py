"""Traces: one span for each call, with real times, and not a word of what was asked or answered."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs OpenTelemetry, which comity[trace] brings")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from comity.gateway.tracing import Traces, TracesMissing, open_traces
from support import (
    ARRANGEMENT,
    SECRET,
    UPSTREAM_KEY,
    Answering,
    LiveGateway,
    RecordingProvider,
    completion,
    delta,
    events,
    live_gateway,
    whole,
)

PROMPT = "canary-of-the-prompt"
ANSWER = "canary-of-the-answer"
PARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"


class Kept:
    """The spans that were made, once all of them are."""

    def __init__(self, traces: Traces, exporter: InMemorySpanExporter) -> None:
        self._traces, self._exporter = traces, exporter

    def spans(self) -> tuple[ReadableSpan, ...]:
        self._traces.close()
        return self._exporter.get_finished_spans()


@contextmanager
def traced(
    tmp_path: Path, answering: Answering | None = None, **changes: object
) -> Iterator[tuple[LiveGateway, RecordingProvider, Kept]]:
    """A gateway whose spans are kept in memory."""
    exporter = InMemorySpanExporter()
    spans = TracerProvider(shutdown_on_exit=False)
    spans.add_span_processor(SimpleSpanProcessor(exporter))
    recording = RecordingProvider(answering)
    with recording.running() as provider, live_gateway(tmp_path, provider.url, **changes) as gateway:
        traces = Traces(spans)
        gateway.gate.observers = (traces.watch(gateway.gate, tmp_path),)
        yield gateway, provider, Kept(traces, exporter)


def test_a_call_is_one_span_with_its_parts_in_order(tmp_path: Path) -> None:
    """The parts lie within the call, one after the other, and the provider's time is the provider's."""
    with traced(tmp_path, lambda _: [0.2, *whole(completion())]) as (gateway, _, kept):
        before = time.time_ns()
        assert gateway.chat().status_code == 200
        after = time.time_ns()
        [permitted] = [n for n, record in enumerate(gateway.records()) if record.kind == "call.permitted"]
        spans = {span.name: span for span in kept.spans()}

    root = spans.pop("chat test-model")
    assert root.parent is None and not root.links
    assert dict(root.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "test-model",
        "gen_ai.request.max_tokens": 8,
        "gen_ai.response.model": "test-model",
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 2,
        "comity.arrangement": ARRANGEMENT,
        "comity.entry": permitted,
        "comity.outcome": "answered",
        "comity.recorded": True,
        "comity.served_check": "agreed",
    }
    parts = [spans["decide and record"], spans["upstream"], spans["settle"]]
    assert len(spans) == len(parts)
    assert all(part.parent is not None and part.parent.span_id == root.context.span_id for part in parts)
    times = [before, root.start_time, *(t for part in parts for t in (part.start_time, part.end_time)), after]
    assert times == sorted(times, key=lambda t: t or 0)
    assert parts[2].end_time == root.end_time
    assert (parts[1].end_time or 0) - (parts[1].start_time or 0) >= 200_000_000
    assert [event.name for event in parts[1].events] == ["head"]


@pytest.mark.parametrize("status", ["500 Internal Server Error", "429 Too Many Requests"])
def test_a_call_that_fails_is_marked_so(status: str, tmp_path: Path) -> None:
    """Whoever looks for what went wrong finds the outcome, with the provider's status."""
    with traced(tmp_path, lambda _: whole(b"{}", status)) as (gateway, _, kept):
        gateway.chat()
        spans = {span.name: span for span in kept.spans()}

    root, upstream = spans["chat test-model"], spans["upstream"]
    assert root.status.status_code is StatusCode.ERROR and root.status.description is None
    assert (root.attributes or {})["error.type"] == (root.attributes or {})["comity.outcome"] != "answered"
    assert (upstream.attributes or {})["http.response.status_code"] == int(status[:3])


def test_a_refused_call_is_one_span_with_its_clause(tmp_path: Path) -> None:
    """A refusal has its clause and its entry, and not the model that was asked for; without a key there is no call."""
    with traced(tmp_path) as (gateway, _, kept):
        gateway.chat(model=PROMPT)
        gateway.chat(headers={"authorization": "Bearer nobody"})
        [span] = kept.spans()

    attributes = dict(span.attributes or {})
    assert isinstance(attributes.pop("comity.entry"), int)
    assert attributes == {
        "gen_ai.provider.name": "openai", "comity.arrangement": ARRANGEMENT, "comity.outcome": "refused",
        "comity.clause": "models.name", "error.type": "terms-refused", "http.response.status_code": 403,
    }  # fmt: skip


def test_a_callers_trace_is_linked_never_a_parent_and_never_sent_on(tmp_path: Path) -> None:
    """Nobody outside puts a span into another's trace, and the provider learns of no trace; nonsense is no link."""
    with traced(tmp_path) as (gateway, provider, kept):
        for text in (PARENT, "nonsense", f"00-{'0' * 32}-{'cd' * 8}-01"):
            assert gateway.chat(headers={"traceparent": text}).status_code == 200
        roots = [span for span in kept.spans() if span.name == "chat test-model"]

    assert [[link.context.trace_id for link in root.links] for root in roots] == [[int("ab" * 16, 16)], [], []]
    assert all(root.parent is None and root.context.trace_id != int("ab" * 16, 16) for root in roots)
    assert not any("traceparent" in asked.headers for asked in provider.asked)


def test_spans_hold_no_content_secret_or_person(tmp_path: Path) -> None:
    """Whole answers, streams, refusals and a model's name that only the answer knows: none of it is in a span."""
    answers = iter([
        whole(completion(text=ANSWER)),
        list(events(delta(ANSWER), b"data: [DONE]\n\n")),
        whole(completion(model="canary-of-the-served")),
        whole(b'{"error":{"message":"canary-of-the-error"}}', "400 Bad Request", "x-request-id: canary-of-the-id"),
    ])  # fmt: skip
    with traced(tmp_path, lambda _: next(answers)) as (gateway, _, kept):
        asking = {"messages": [{"role": "user", "content": PROMPT}]}
        for more in ({}, {"stream": True}, {}, {}, {PROMPT: 1}, {"model": PROMPT}):
            gateway.chat(headers={"x-irid": "canary-of-the-irid", "user-agent": "canary"}, **(asking | more))
        gateway.chat(content=PROMPT.encode())
        [grant] = gateway.of("grant.issued")
        text = "".join(span.to_json() for span in kept.spans())

    assert text.count('"comity.arrangement"') == 7
    for secret in ("canary", SECRET, UPSTREAM_KEY, "evaluator-1", grant.grant, grant.key):
        assert secret not in text, secret


class Collector(ThreadingHTTPServer):
    """A receiver of OTLP over HTTP, which keeps what it is sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes]] = []
        super().__init__(("127.0.0.1", 0), Receive)


class Receive(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, body))
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def collecting() -> Iterator[tuple[str, Collector]]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{collector.server_port}", collector
        finally:
            collector.shutdown()
            thread.join(10)


def test_spans_reach_a_collector_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector that the standard variable names gets every span, and no content with it."""
    with collecting() as (url, collector):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
            with open_traces() as traces:
                gateway.gate.observers = (traces.watch(gateway.gate, tmp_path),)
                assert gateway.chat(messages=[{"role": "user", "content": PROMPT}]).status_code == 200
                assert httpx.get(gateway.door("/checkpoint")).status_code == 404
                gateway.gate.observers = ()

    names, service = set(), set()
    for path, body in collector.requests:
        assert path == "/v1/traces"
        assert not any(secret.encode() in body for secret in (PROMPT, SECRET, UPSTREAM_KEY))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            names |= {span.name for scope in resource.scope_spans for span in scope.spans}
    assert names == {"chat test-model", "decide and record", "upstream", "settle"}
    assert service == {"comity"}


def test_nothing_is_sent_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a collector's address traces are refused: there is no default to which anything could go."""
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TracesMissing, match="OTEL_EXPORTER_OTLP_ENDPOINT"), open_traces():
        pass


def test_a_gateway_without_traces_does_not_load_opentelemetry() -> None:
    """The library comes in with `--trace` alone, so an installation without the extra serves."""
    code = "import sys, comity.cli.serve; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
