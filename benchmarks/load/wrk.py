"""Load: the same chat completion over a fixed number of connections, each with one call open at a time.

wrk makes it, because it takes a small part of the core that it shares with the upstream: a generator in Python would be
the slowest part of what is measured.  It keeps every latency in microseconds.  A closed loop says how long a call takes
at a given number of callers; it does not say what happens to callers who come regardless.

Not promised: calls that are open when a round ends are counted nowhere, so a round must be long beside one call
(`round_seconds`).
"""

import json
import os
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peers.machine import CannotMeasure, cpu_seconds, need

__all__ = ["BODY", "MODEL", "Round", "Target", "measure", "middle", "round_seconds"]

SCRIPT: Final = Path(__file__).with_name("call.lua")
MODEL: Final = "bench-model"
LONGEST_SECONDS: Final = 20.0
CALLS_A_CONNECTION: Final = 3
"""How many calls each connection should make in a round, so that the first and the last weigh little."""

_QUESTION: Final = (
    "You are given one short factual question at a time, and answer with the answer alone: no sentence around it, no "
    "explanation, no full stop. If you do not know the answer, say so in one word; a guess counts as a wrong answer, "
    "and so does an answer in any other language than the question's. "
)
BODY: Final = json.dumps(
    {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": _QUESTION},
            {
                "role": "user",
                "content": "Which treaty of 1648 ended the Thirty Years' War, in which two towns of Westphalia was it "
                "negotiated, and which of its principles do lawyers still cite today?",
            },
        ],
        "max_tokens": 64,
        "temperature": 0,
        "seed": 7,
    }
).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where calls go, and with which headers."""

    url: str
    headers: Mapping[str, str]
    pid: int
    """The process whose memory and processor time are reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round measured."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Processor time of the target for an answer: what stays the same when other work shares its core."""
    wrong: int
    """Answers with a status above 399, broken connections, and calls that took longer than a minute."""

    @property
    def rps(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def measure(target: Target, *, connections: int, seconds: float, core: int, folder: Path) -> Round:
    """One round; raises `CannotMeasure` where wrk says nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    headers = {"Content-Type": "application/json", **target.headers}
    (folder / "headers").write_text("".join(f"{name}: {value}\n" for name, value in headers.items()))
    (folder / "body").write_bytes(BODY)
    command = [need("taskset"), "--cpu-list", str(core), need("wrk"), "--threads", "1"]
    command += ["--connections", str(connections), "--duration", f"{max(1, round(seconds))}s", "--timeout", "60s"]
    before = cpu_seconds(target.pid)
    done = subprocess.run(
        [*command, "--script", str(SCRIPT), target.url],
        capture_output=True, text=True, check=False, env={**os.environ, "BENCH_REQUEST": str(folder)},
    )  # fmt: skip
    told = [line for line in done.stdout.splitlines() if line.startswith("measured ")]
    if not told:
        raise CannotMeasure(f"wrk measured nothing at {target.url}: {(done.stderr or done.stdout)[-500:]}")
    said = json.loads(told[-1].partition(" ")[2])
    spent = cpu_seconds(target.pid) - before
    return Round(
        answers=said["answers"],
        seconds=said["micros"] / 1e6,
        p50_ms=said["p50"] / 1e3,
        p99_ms=said["p99"] / 1e3,
        cpu_us=spent * 1e6 / max(1, said["answers"]),
        wrong=said["bad_status"] + said["broken"] + said["late"],
    )


def round_seconds(shortest: float, connections: int, rps: float) -> float:
    """How long a round must be for each connection to make a few calls at the rate last seen; 0 if none was."""
    return min(LONGEST_SECONDS, max(shortest, CALLS_A_CONNECTION * connections / rps)) if rps else shortest


def middle(rounds: Sequence[Round]) -> dict[str, float]:
    """The medians over rounds, each figure on its own, with how far the rates lay apart."""
    rates = [each.rps for each in rounds]
    return {
        "rps": round(statistics.median(rates), 1),
        "rps_min": round(min(rates), 1),
        "rps_max": round(max(rates), 1),
        "p50_ms": round(statistics.median(each.p50_ms for each in rounds), 3),
        "p99_ms": round(statistics.median(each.p99_ms for each in rounds), 3),
        "cpu_us": round(statistics.median(each.cpu_us for each in rounds), 1),
        "wrong": sum(each.wrong for each in rounds),
    }
