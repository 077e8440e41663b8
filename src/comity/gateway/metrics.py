"""Metrics: what an operator's monitoring reads, in the format of Prometheus.

    metrics = Metrics()
    gate.observers += (metrics.watch(gate, published),)
    with metrics.listening("127.0.0.1", 9464) as url:
        …

Two sources.  Counters and histograms are of this process since its start and are
told by the gate; on several gateways they add up.  Everything about the budget,
the ledger, the stop and the lease is read from the ledger when somebody asks,
with a connection of its own, so that a scrape never waits in a call's way; every
gateway of one ledger says the same there.

Bounds: labels are the arrangement's id, the models of its terms, and words of
this software (protocols, outcomes, clauses, statuses, classes of tokens).  No
label is ever a text that a caller sent, so no caller can make a series.  There
is no prompt, person, key, grant, run or address among labels and values.

The listener is a socket apart from the callers' one and asks for no key, because
what it says holds none: bind it where only monitoring can reach it.

Not promised: that a counter survives a restart, or counts a call that a `kill -9`
took; the ledger does.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from comity.gateway import state
from comity.gateway.admission import Outcome, Permit, Refused
from comity.gateway.asked import Asked
from comity.gateway.gate import Gate
from comity.gateway.observe import Times
from comity.gateway.status import status_of

__all__ = ["Metrics"]

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily

UPSTREAM_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
OWN_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
MAX_CLAUSES: Final = 512
"""Pairs of clause and status; the software has fewer, and any beyond are counted under `other`."""
TOKENS: Final = ("input", "output", "cached_read", "cache_write")
SETTLED: Final = """
SELECT a.cost_nano - (SELECT coalesce(sum(cost_nano), 0) FROM gate_call WHERE open = 1)
FROM gate_sum a WHERE a.span = 'all' AND a.at = 0"""
"""What is charged for settled calls; one statement, so that a call settles before it or after it."""


class _Spread:
    """Observed seconds, by bucket; written by one thread, read by any."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulative counts up to each bound, and the sum of all."""
        counts, total, below = list(self._counts), self._sum, 0
        found = []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
            below += count
            found.append((bound, float(below)))
        return found, total


class GateMetrics:
    """What one gate tells, and what its ledger says when asked."""

    def __init__(self, gate: Gate, published: Path) -> None:
        self.gate, self._published = gate, published
        self._reader = gate.ledger.reader()
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._refusals: Counter[tuple[str, str]] = Counter()
        self._tokens = {model.name: [0] * len(TOKENS) for model in gate.terms.models}
        self._unrecorded = 0
        self._head, self._total, self._own = _Spread(UPSTREAM_SECONDS), _Spread(UPSTREAM_SECONDS), _Spread(OWN_SECONDS)

    def close(self) -> None:
        """Give the connection to the ledger back."""
        self._reader.close()

    def refused(self, protocol: str, refused: Refused, since: datetime | None) -> None:
        """Count a refusal by its clause and status."""
        refusal = refused.refusal
        key = (refusal.clause, str(refusal.status))
        if key not in self._refusals and len(self._refusals) >= MAX_CLAUSES:
            key = ("other", key[1])
        self._refusals[key] += 1

    def settled(
        self, asked: Asked, permit: Permit, outcome: Outcome, times: Times, *, recorded: bool, traceparent: bytes
    ) -> None:
        """Count a call that has ended, its tokens, and the time that it took here and there."""
        model, usage = permit.model.name, outcome.usage
        self._calls[asked.protocol, model, outcome.outcome] += 1
        self._unrecorded += not recorded
        if usage is not None:
            tokens = self._tokens.setdefault(model, [0] * len(TOKENS))
            tokens[0] += usage.input_tokens or 0
            tokens[1] += usage.output_tokens or 0
            if usage.cached_read or usage.cache_write:
                tokens[2] += usage.cached_read or 0
                tokens[3] += usage.cache_write or 0
        received, _, permitted, head, answered, settled = times
        if head is not None:
            self._head.observe((head - permitted).total_seconds())
            self._total.observe((answered - permitted).total_seconds())
        self._own.observe(((permitted - received) + (settled - answered)).total_seconds())

    def told(self) -> Iterator[tuple[str, list[str], Any]]:
        """What this process counted, by the names of `TOLD`."""
        for labels, number in _copied(self._calls):
            yield "comity_calls", [*labels], number
        for labels, number in _copied(self._refusals):
            yield "comity_refusals", [*labels], number
        for model, tokens in self._tokens.items():
            for name, number in zip(TOKENS, tokens, strict=True):
                yield "comity_tokens", [model, name], number
        yield "comity_calls_unrecorded", [], self._unrecorded
        yield "comity_unauthenticated", [], self.gate.unauthenticated
        yield "comity_ledger_commits", [], self.gate.ledger.batches
        yield "comity_ledger_transactions", [], self.gate.ledger.batched
        yield "comity_upstream_head_seconds", [], self._head.buckets()
        yield "comity_upstream_seconds", [], self._total.buckets()
        yield "comity_overhead_seconds", [], self._own.buckets()

    def read(self) -> Iterator[tuple[str, list[str], float]]:
        """What the ledger says now, by the names of `READ`; only whether it can be read, where it cannot."""
        try:
            found = list(self._read())
        except Exception:  # whatever keeps the ledger from being read is for the gate's own refusals to say
            yield "comity_ledger_readable", [], 0
            return
        yield from found
        yield "comity_ledger_readable", [], 1

    def _read(self) -> Iterator[tuple[str, list[str], float]]:
        gate, query = self.gate, self._reader.query
        status, now_ms = status_of(gate, self._published, query), state.millis(gate.clock())
        for clause, row in status["clauses"].items():
            unit = row.get("unit", "").replace(" ", "_") or clause.rpartition(".")[2]
            yield "comity_budget_agreed", [clause, unit], row["agreed"]
            yield "comity_budget_taken", [clause, unit], row["taken"]
        for clause in status["overrun"]:
            yield "comity_overrun", [clause], 1
        yield "comity_cost_nano", [gate.terms.budget.currency], query(SETTLED, ())[0][0]
        yield "comity_open_calls", [], status["open_calls"]
        yield "comity_ledger_entries", [], status["entries"]
        yield "comity_ledger_published", [], status["published"]
        yield "comity_ledger_unpublished", [], max(0, status["entries"] - status["published"])
        yield "comity_stopped", [], status["stopped"] is not None
        yield "comity_suspended", [], status["suspended"] is not None
        yield "comity_window_stood_seconds", [], status["stood_ms"] / 1000
        yield "comity_window_left_seconds", [], status["window"]["left_ms"] / 1000
        for model, counts in status["provider"].items():
            for what, number in counts.items():
                yield "comity_provider_anomalies", [model, what], number
        for standing in ("open", "finished", "aborted"):
            yield "comity_runs", [standing], status["runs"][standing]
        rows = query("SELECT until_ms FROM gate_lease WHERE incarnation = ?", (gate.incarnation,))
        yield "comity_lease_left_seconds", [], max(0, rows[0][0] - now_ms) / 1000 if rows else 0
        yield "comity_stop_watch_age_seconds", [], gate.watch_age(time.monotonic())


def _copied(counts: Counter[Any]) -> list[tuple[Any, int]]:
    """The counts as they are now, though the event loop's thread goes on counting."""
    return sorted(counts.copy().items())


TOLD: Final[dict[str, tuple[Any, str, tuple[str, ...]]]] = {
    "comity_calls": (CounterMetricFamily, "Permitted calls that ended", ("protocol", "model", "outcome")),
    "comity_refusals": (CounterMetricFamily, "Refusals, by clause and status", ("clause", "status")),
    "comity_tokens": (CounterMetricFamily, "Tokens as the provider states them", ("model", "class")),
    "comity_calls_unrecorded": (CounterMetricFamily, "Ended calls whose outcome was not recorded", ()),
    "comity_unauthenticated": (CounterMetricFamily, "Requests without a known key", ()),
    "comity_ledger_commits": (CounterMetricFamily, "Durable commits of the ledger, made or tried", ()),
    "comity_ledger_transactions": (CounterMetricFamily, "Transactions that they served", ()),
    "comity_upstream_head_seconds": (HistogramMetricFamily, "From permit to the head of an answer", ()),
    "comity_upstream_seconds": (HistogramMetricFamily, "From permit to the end of an answer", ()),
    "comity_overhead_seconds": (HistogramMetricFamily, "Of a call, the gateway's own part", ()),
}

READ: Final[dict[str, tuple[Any, str, tuple[str, ...]]]] = {
    "comity_budget_agreed": (GaugeMetricFamily, "What a clause of the budget allows", ("clause", "unit")),
    "comity_budget_taken": (GaugeMetricFamily, "What is settled and reserved under it", ("clause", "unit")),
    "comity_overrun": (GaugeMetricFamily, "1 for a clause closed by an overrun", ("clause",)),
    "comity_cost_nano": (CounterMetricFamily, "Charged for settled calls, in nano-units", ("currency",)),
    "comity_open_calls": (GaugeMetricFamily, "Calls permitted and not settled", ()),
    "comity_ledger_readable": (GaugeMetricFamily, "1 where the ledger could be read for this scrape", ()),
    "comity_ledger_entries": (GaugeMetricFamily, "Entries recorded", ()),
    "comity_ledger_published": (GaugeMetricFamily, "Entries under the newest checkpoint with quorum", ()),
    "comity_ledger_unpublished": (GaugeMetricFamily, "Entries recorded and not yet under it", ()),
    "comity_stopped": (GaugeMetricFamily, "1 while a party has stopped access", ()),
    "comity_suspended": (GaugeMetricFamily, "1 while a party has suspended access", ()),
    "comity_window_stood_seconds": (GaugeMetricFamily, "How long the window's clock stood still", ()),
    "comity_window_left_seconds": (GaugeMetricFamily, "Until the window ends, by its clock", ()),
    "comity_provider_anomalies": (CounterMetricFamily, "Unusual answers of the provider", ("model", "what")),
    "comity_runs": (GaugeMetricFamily, "Runs, by what became of them", ("standing",)),
    "comity_lease_left_seconds": (GaugeMetricFamily, "Until this gateway's lease ends", ()),
    "comity_stop_watch_age_seconds": (GaugeMetricFamily, "Since 'not stopped' was last read; 1 is the bound", ()),
}


class Metrics(Collector):
    """The metrics of every gate of this process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._gates: dict[str, GateMetrics] = {}
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def watch(self, gate: Gate, published: Path) -> GateMetrics:
        """The observer of one gate, to be put among its `observers`."""
        watched = self._gates[gate.terms.id] = GateMetrics(gate, published)
        return watched

    def collect(self) -> Iterable[Family]:
        """Every family, as Prometheus asks for them."""
        families: dict[str, Family] = {}
        for name, (kind, text, words) in (TOLD | READ).items():
            families[name] = kind(name, text, labels=("arrangement", *words))
        for arrangement, gate in tuple(self._gates.items()):
            for name, labels, value in (*gate.told(), *gate.read()):
                _add(families[name], [arrangement, *labels], value)
        return families.values()

    @contextmanager
    def listening(self, host: str, port: int) -> Iterator[str]:
        """Answer scrapes in threads of their own until the end; port 0 takes a free one. Yields the address."""
        server, thread = start_http_server(port, host, self.registry)
        try:
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{server.server_port}/metrics"
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)
            for gate in self._gates.values():
                with suppress(Exception):  # a connection that is broken is closed already
                    gate.close()


def _add(family: Family, labels: list[str], value: Any) -> None:
    if isinstance(family, HistogramMetricFamily):
        buckets, total = value
        family.add_metric(labels, buckets, total)
    else:
        family.add_metric(labels, value)
