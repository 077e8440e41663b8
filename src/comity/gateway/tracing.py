"""Traces: one span for each call, made after it from times that were taken anyway.

    with open_traces() as traces:                     # reads OTEL_EXPORTER_OTLP_ENDPOINT and its kin
        gate.observers += (traces.watch(gate, published),)

    chat test-model                    from the request to the durable outcome
    ├─ decide and record               until the permit was durable
    ├─ upstream                        until the answer had ended; an event says when its head came
    └─ settle                          until the outcome was durable

Attributes follow OpenTelemetry's conventions for generative AI where those fit
(`gen_ai.operation.name`, `gen_ai.provider.name`, `gen_ai.request.model`,
`gen_ai.response.model`, `gen_ai.usage.…`).  Ours are `comity.arrangement`,
`comity.entry`, `comity.outcome`, `comity.recorded`, `comity.served_check`, and
`comity.clause` of a refusal.

Bounds: no span holds a body, a header's value, a key, a grant, a run, a person or
a sentence.  Model names are those of the terms: what a refused request asked for
is the caller's text and stays out, and so does an answer's model that the terms
do not name.  A caller's `traceparent` becomes a link, never a parent, so nobody
outside can put a span into another's trace; it is never sent to the provider.

Spans are made in a thread of their own; more than `MAX_WAITING` calls wait for it
nowhere, the newest are dropped.  OpenTelemetry is imported when `open_traces` is
called, and not before: it comes with `comity[trace]`.

Not promised: that a call has a span. The ledger has its entry.
"""

import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from comity.gateway.admission import Outcome, Permit, Refused
from comity.gateway.asked import Asked
from comity.gateway.gate import Gate
from comity.gateway.observe import Times

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["Traces", "TracesMissing", "open_traces"]

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROVIDERS: Final = {"openai": "openai", "anthropic": "anthropic", "gemini": "gcp.gemini"}
"""Protocol → the convention's name of whose it is."""
MAX_WAITING: Final = 4_096
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


class TracesMissing(Exception):
    """Traces were asked for and cannot be sent: the extra is not installed, or no collector is named."""


class GateTraces:
    """What one gate tells, noted for the thread that makes the spans."""

    def __init__(self, gate: Gate, waiting: "queue.SimpleQueue[Any]") -> None:
        self._arrangement, self._waiting, self._clock = gate.terms.id, waiting, gate.clock

    def refused(self, protocol: str, refused: Refused, since: datetime | None) -> None:
        """Note a refused call; what shows no known key is no call."""
        if since is not None and self._waiting.qsize() < MAX_WAITING:
            self._waiting.put((self._arrangement, protocol, refused, since, self._clock()))

    def settled(
        self, asked: Asked, permit: Permit, outcome: Outcome, times: Times, *, recorded: bool, traceparent: bytes
    ) -> None:
        """Note a call that has ended."""
        if self._waiting.qsize() < MAX_WAITING:
            self._waiting.put((self._arrangement, asked, permit, outcome, times, recorded, traceparent))


class Traces:
    """The spans of every gate of this process."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider, self._tracer = provider, provider.get_tracer("comity.gateway")
        self._propagator = TraceContextTextMapPropagator()
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._make, name="traces", daemon=True)
        self._thread.start()

    def watch(self, gate: Gate, published: Path) -> GateTraces:
        """The observer of one gate, to be put among its `observers`."""
        return GateTraces(gate, self._waiting)

    def close(self) -> None:
        """Make and send what is noted, then end."""
        self._waiting.put(None)
        self._thread.join(10)
        self._provider.shutdown()

    def _make(self) -> None:
        while (noted := self._waiting.get()) is not None:
            if len(noted) == 5:
                self._refusal(*noted)
            else:
                self._call(*noted)

    def _refusal(self, arrangement: str, protocol: str, refused: Refused, since: datetime, until: datetime) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, StatusCode

        refusal = refused.refusal
        attributes: dict[str, Any] = {
            "comity.arrangement": arrangement,
            "comity.outcome": "refused",
            "comity.clause": refusal.clause,
            "error.type": refusal.slug,
            "http.response.status_code": refusal.status,
        }
        if protocol in PROVIDERS:
            attributes["gen_ai.provider.name"] = PROVIDERS[protocol]
        if refused.index is not None:
            attributes["comity.entry"] = refused.index
        span = self._tracer.start_span(
            "refused", context=Context(), kind=SpanKind.SERVER, attributes=attributes, start_time=_nanos(since)
        )
        span.set_status(StatusCode.ERROR)
        span.end(end_time=_nanos(until))

    def _call(
        self,
        arrangement: str,
        asked: Asked,
        permit: Permit,
        outcome: Outcome,
        times: Times,
        recorded: bool,
        traceparent: bytes,
    ) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import Link, SpanKind, StatusCode, get_current_span, set_span_in_context

        caller = get_current_span(
            self._propagator.extract({"traceparent": traceparent.decode("latin-1")}, context=Context())
        ).get_span_context()
        operation, attributes = _attributes(arrangement, asked, permit, outcome, recorded)
        span = self._tracer.start_span(
            f"{operation} {permit.model.name}",
            context=Context(),
            kind=SpanKind.SERVER,
            attributes=attributes,
            links=[Link(caller)] if caller.is_valid else [],
            start_time=_nanos(times.received),
        )
        within = set_span_in_context(span, Context())
        parts = [
            ("decide and record", SpanKind.INTERNAL, times.decided, times.permitted),
            ("upstream", SpanKind.CLIENT, times.permitted, times.answered),
            ("settle", SpanKind.INTERNAL, times.answered, times.settled),
        ]
        for name, kind, begun, ended in parts:
            if kind is SpanKind.CLIENT and not outcome.sent:
                continue
            child = self._tracer.start_span(name, context=within, kind=kind, start_time=_nanos(begun))
            if kind is SpanKind.CLIENT and times.head is not None:
                child.set_attribute("http.response.status_code", outcome.status)
                child.add_event("head", timestamp=_nanos(times.head))
            child.end(end_time=_nanos(ended))
        if outcome.outcome != "answered" or not recorded:
            span.set_status(StatusCode.ERROR)
        span.end(end_time=_nanos(times.settled))


def _attributes(
    arrangement: str, asked: Asked, permit: Permit, outcome: Outcome, recorded: bool
) -> tuple[str, dict[str, Any]]:
    model, usage = permit.model, outcome.usage
    operation = _operation(asked)
    found: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": PROVIDERS.get(asked.protocol, "other"),
        "gen_ai.request.model": model.name,
        "comity.arrangement": arrangement,
        "comity.entry": permit.index,
        "comity.outcome": outcome.outcome,
        "comity.recorded": recorded,
        "comity.served_check": outcome.served_check,
    }
    if asked.output_limit is not None:
        found["gen_ai.request.max_tokens"] = asked.output_limit
    if outcome.served in model.serves:
        found["gen_ai.response.model"] = outcome.served
    if usage is not None:
        counts = {
            "gen_ai.usage.input_tokens": usage.input_tokens,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cached_read,
            "gen_ai.usage.cache_creation.input_tokens": usage.cache_write,
        }
        found |= {name: count for name, count in counts.items() if count is not None}
    if outcome.outcome != "answered":
        found["error.type"] = outcome.outcome
    return operation, found


def _operation(asked: Asked) -> str:
    """The convention's name of what is asked for; the route is one of the software's own."""
    if "embeddings" in asked.route:
        return "embeddings"
    if not asked.writes:
        return "count_tokens"
    if asked.protocol == "gemini":
        return "generate_content"
    return "text_completion" if asked.route.endswith("/completions") and "chat" not in asked.route else "chat"


def _nanos(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND * 1_000


@contextmanager
def open_traces() -> Iterator[Traces]:
    """Traces to the collector that the environment names; raises `TracesMissing`.

    What OpenTelemetry reads by itself holds: `OTEL_EXPORTER_OTLP_*`, `OTEL_SERVICE_NAME`,
    `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`.
    """
    if not any(os.environ.get(name) for name in ENDPOINTS):
        raise TracesMissing(f"expected the collector's address in {' or '.join(ENDPOINTS)}; nothing is sent unasked")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise TracesMissing("traces need OpenTelemetry: install comity[trace]") from None
    name = os.environ.get("OTEL_SERVICE_NAME", "comity")
    provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    traces = Traces(provider)
    try:
        yield traces
    finally:
        traces.close()
