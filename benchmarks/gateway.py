"""How fast a call passes the gateway, beside its peers, in one run on one machine.

    python -m benchmarks.gateway [--quick] [--peers comity,nginx] [--parts calls,…] [--record] [--json]

An nginx answers every chat completion with the same 1 kB.  The same load goes to it directly, then through each peer in
turns: nginx as a plain proxy, LiteLLM's proxy, Portkey's gateway, and Comity with everything on, once compiled and once
interpreted.  The peer has one core to itself, load and upstream share the other.  Rounds of the peers alternate, so
that a busy machine slows all of them; each figure is the median of its rounds.

| part | measures |
| --- | --- |
| `calls` | calls a second and latencies of each peer at 1, 32 and 256 connections, and its memory |
| `streams` | what each peer adds to an event when 500 streams of 100 events are open, 40 ms apart |
| `stop` | from a party's signed stop to the last byte of every one of 500 streams through Comity |
| `memory` | Comity's memory over 100,000 calls at 32 connections |
| `ledger_size` | Comity's rate and latency with 10 thousand and 1 million entries in its ledger |

With `--json` the last line is one object: peer → `c1`, `c32`, `c256` → `rps`, `p50_ms`, `p99_ms` and more; peer →
`rss_mb`; beside the peers `machine`, `versions`, `durability`, `ratios`, the other parts by name, and `not_measured`
with the reason for each peer or part that is missing.

Ratios travel between machines better than rates, and not unchanged.
"""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import apsw
from benchmarks.load.wrk import Target
from benchmarks.measures.calls import FULL, QUICK, Effort, measure_calls, ratios
from benchmarks.measures.memory import measure_ledger_size, measure_memory
from benchmarks.measures.streaming import APART_MS, STREAMS, measure_stop, measure_streams, model
from benchmarks.peers import comity, litellm, nginx, portkey
from benchmarks.peers.machine import BENCH, CannotMeasure, Cores, cores, describe
from benchmarks.published import publish

PEERS: Final = ("direct", "nginx", "litellm", "portkey", "comity", "interpreted")
PARTS: Final = ("calls", "streams", "stop", "memory", "ledger_size")
FOLDER: Final = BENCH / "gateway"
RUN: Final = FOLDER / "run"

Running = Callable[[], AbstractContextManager[Target]]
"""Starts a peer and says where its calls go; ends it on leaving."""


def say(text: str = "") -> None:
    """A line of the run's own account."""
    print(text, flush=True)


@dataclass(slots=True, kw_only=True)
class Run:
    """One run, and what it has found so far."""

    names: Sequence[str]
    effort: Effort
    at: Cores
    arranged: comity.Arranged | None = None
    result: dict[str, Any] = field(default_factory=dict)

    def missing(self, name: str, fault: CannotMeasure) -> None:
        """A peer or a part that cannot be measured is said to be so, and the run goes on."""
        say(f"  {name}: not measured: {fault}")
        self.result.setdefault("not_measured", {})[name] = str(fault)

    def peers(self, upstream: Target, copy: str) -> dict[str, Running]:
        """Each peer that was asked for, ready to be started in front of an upstream; Comity on a ledger of its own."""
        base, authority = upstream.url.removesuffix("/chat/completions"), upstream.url.split("/")[2]

        @contextlib.contextmanager
        def ours(package: Path | None, copy: str) -> Iterator[Target]:
            with self._ours(base, copy, package) as served:
                yield served.target

        known: dict[str, Running] = {
            "direct": lambda: contextlib.nullcontext(upstream),
            "nginx": partial(nginx.running, RUN / "nginx", authority, self.at),
            "litellm": partial(litellm.running, RUN / "litellm", base, self.at),
            "portkey": partial(portkey.running, RUN / "portkey", base, self.at),
            "comity": lambda: ours(comity.compiled(), copy),
            "interpreted": lambda: ours(None, f"{copy}-interpreted"),
        }
        return {name: known[name] for name in self.names if name not in self.result.get("not_measured", {})}

    @contextlib.contextmanager
    def _ours(self, base: str, copy: str, package: Path | None) -> Iterator[comity.Served]:
        """Comity in front of an upstream, on a fresh copy of the arrangement's ledger."""
        arranged = self._arranged(base)
        with arranged.served(arranged.copy(copy), base, self.at, package=package) as served:
            yield served

    def _arranged(self, base: str) -> comity.Arranged:
        if self.arranged is None:
            self.arranged = comity.arrange(FOLDER / "comity", base)
        return self.arranged

    def calls(self) -> None:
        """Every peer in alternating rounds."""
        with contextlib.ExitStack() as stack:
            upstream = stack.enter_context(nginx.upstream(RUN / "upstream", self.at))
            targets: dict[str, Target] = {}
            for name, running in self.peers(upstream, "calls").items():
                try:
                    targets[name] = stack.enter_context(running())
                except CannotMeasure as fault:
                    self.missing(name, fault)
            found = measure_calls(targets, self.effort, self.at, RUN / "request", say)
        self.result |= found
        self.result["ratios"] = ratios(found)
        say()
        for name, figures in found.items():
            say(f"  {name:8} {figures['rss_mb']:8,.1f} MB in memory")
        for name, ratio in self.result["ratios"].items():
            say(f"  {ratio:8.3f} × {name}, calls/s at 32 connections")
        if "direct" in found and "comity" in found:
            say(f"  {found['comity']['c1']['added_p50_ms']:8.3f} ms added by comity at 1 connection, p50")

    def streams(self) -> None:
        """Every peer by itself, in front of a model that streams."""
        found = self.result["streams"] = {}
        for name in self.names:
            with model(RUN / "model", self.at, events=self.effort.events) as upstream:
                running = self.peers(upstream, "streams").get(name)
                if running is None:
                    continue
                try:
                    with running() as target:
                        figures = found[name] = measure_streams(target, self.at)
                except CannotMeasure as fault:
                    self.missing(name, fault)
                    continue
            plain = found.get("direct")
            if plain is not None:
                for each in ("p50_ms", "p99_ms"):
                    figures[f"added_{each}"] = round(figures[each] - plain[each], 3)
            whole = f"{figures['whole']} of {figures['streams']} streams whole"
            said = f"p50 {figures['p50_ms']:9.3f} ms   p99 {figures['p99_ms']:9.3f} ms"
            say(f"  {name:8} {said} an event   {figures['cpu_us']:7.1f} µs of its core   {whole}")

    def stop(self) -> None:
        """A party's signed stop while every stream flows."""
        package = comity.compiled()
        with model(RUN / "model", self.at) as upstream, self._ours(_base(upstream), "stop", package) as served:
            note = self._arranged(_base(upstream)).stop_note()
            found = self.result["stop"] = measure_stop(served, note, self.at)
        after = found["stop"]
        say(
            f"  last byte after a signed stop: p50 {after['p50_ms']:.1f} ms, max {after['max_ms']:.1f} ms; "
            f"every connection closed after {after['closed_max_ms']:.1f} ms ({found['cut']} of {found['streams']} cut)"
        )

    def memory(self) -> None:
        """One gateway over many calls."""
        with (
            nginx.upstream(RUN / "upstream", self.at) as upstream,
            self._ours(_base(upstream), "memory", comity.compiled()) as served,
        ):
            found = measure_memory(served.target, self.effort.memory_calls, self.at, RUN / "request")
        self.result["memory"] = found
        for calls, megabytes in found["rss_mb_after_calls"].items():
            say(f"  {int(calls):9,} calls {megabytes:8.1f} MB")

    def ledger_size(self) -> None:
        """A small ledger and a large one, in alternating rounds."""
        with nginx.upstream(RUN / "upstream", self.at) as upstream:
            base = _base(upstream)
            arranged = self._arranged(base)
            self.result["ledger_size"] = measure_ledger_size(
                arranged, base, self.effort, self.at, RUN / "request", say, package=comity.compiled()
            )


def _how(names: Sequence[str]) -> str:
    """How Comity is run: a peer of that name is compiled where it can be."""
    compiled = "comity" in names and comity.compiled() is not None
    return f"compiled by mypyc {version('mypy')}" if compiled else "interpreted"


def _base(upstream: Target) -> str:
    return upstream.url.removesuffix("/chat/completions")


def run(names: Sequence[str], parts: Sequence[str], effort: Effort) -> dict[str, Any]:
    """Every part that was asked for, on the peers that were asked for."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    this = Run(names=names, effort=effort, at=cores())
    began = time.monotonic()
    this.result["date"] = datetime.now(UTC).date().isoformat()
    this.result["machine"] = describe(FOLDER)
    this.result["versions"] = {
        "comity": f"{version('comity')}, {_how(names)}",
        "sqlite": apsw.sqlite_lib_version(),
        "litellm": litellm.VERSION,
        "portkey": portkey.VERSION,
    }
    this.result["durability"] = comity.SETTINGS
    for title in ("machine", "versions"):
        say("\n".join(f"  {name:12} {value}" for name, value in this.result[title].items()))
    say(f"  durability   {comity.SETTINGS}")
    for part in parts:
        if part in ("stop", "memory", "ledger_size") and "comity" not in names:
            continue
        about = f", {STREAMS} open, {effort.events} events {APART_MS} ms apart" if part == "streams" else ""
        say(f"\n{part}{about}")
        try:
            getattr(this, part)()
        except CannotMeasure as fault:
            this.missing(part, fault)
    this.result["took_s"] = round(time.monotonic() - began)
    say(f"\n  {this.result['took_s']} s in all")
    return this.result


def chosen(text: str, known: Sequence[str]) -> list[str]:
    """Names from a list with commas, in the order in which they are known."""
    asked = {name for name in text.split(",") if name}
    if strange := asked - set(known):
        raise argparse.ArgumentTypeError(f"expected some of {','.join(known)}, got {', '.join(sorted(strange))}")
    return [name for name in known if name in asked]


def main() -> None:
    """Measure, and print a table; with --json one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of three seconds each, smaller ledgers")
    parser.add_argument("--peers", type=partial(chosen, known=PEERS), default=list(PEERS), help=",".join(PEERS))
    parser.add_argument("--parts", type=partial(chosen, known=PARTS), default=list(PARTS), help=",".join(PARTS))
    parser.add_argument("--record", action="store_true", help="write the page on speed and its chart")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    asked = parser.parse_args()
    try:
        result = run(asked.peers, asked.parts, QUICK if asked.quick else FULL)
    except CannotMeasure as fault:
        sys.exit(f"bench: {fault}")
    if asked.record:
        publish(result)
    if asked.json:
        say(json.dumps(result))


if __name__ == "__main__":
    main()
