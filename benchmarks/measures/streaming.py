"""Streams: what a peer adds to each event when 500 are open, and how soon a signed stop silences all of them."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.load.wrk import BODY, Target
from benchmarks.peers.comity import Served
from benchmarks.peers.machine import ROOT, CannotMeasure, Cores, cpu_seconds, need, started

__all__ = ["APART_MS", "STREAMS", "measure_stop", "measure_streams", "model"]

STREAMS: Final = 500
APART_MS: Final = 40
ENDLESS: Final = 5_000
"""Events of a stream that only a stop ends: 200 seconds of them."""
GIVE_UP_SECONDS: Final = 150
STOP_GIVES_UP_SECONDS: Final = 90

STREAMED: Final = json.dumps({**json.loads(BODY), "stream": True, "stream_options": {"include_usage": True}})


@contextlib.contextmanager
def model(folder: Path, at: Cores, *, events: int = ENDLESS, streams: int = STREAMS) -> Iterator[Target]:
    """A streaming model, on the core of the load."""
    command = [sys.executable, "-m", "benchmarks.load.streaming_model", "--streams", str(streams)]
    command += ["--events", str(events), "--apart-ms", str(APART_MS)]
    log = folder / "model.log"
    with started(command, core=at.load, log=log, cwd=ROOT, env=_environment(), piped=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise CannotMeasure(f"the streaming model did not start: {log.read_text()[-800:]}")
        url = f"http://127.0.0.1:{json.loads(line)['port']}/v1/chat/completions"
        yield Target(url=url, headers={}, pid=process.pid)


def measure_streams(target: Target, at: Cores, *, streams: int = STREAMS) -> dict[str, Any]:
    """All streams at once through one peer, to their ends; see `benchmarks.load.streams` for the members.

    `cpu_us` is the processor time that the peer took for an event, opening and ending its stream included.
    """
    before = cpu_seconds(target.pid)
    found = _read(target, at, {"streams": streams, "seconds": GIVE_UP_SECONDS})
    spent = cpu_seconds(target.pid) - before
    return {**found, "cpu_us": round(spent * 1e6 / max(1, found["events"]), 1)}


def measure_stop(served: Served, note: bytes, at: Cores, *, streams: int = STREAMS) -> dict[str, Any]:
    """All streams at once through Comity, and a party's signed stop in the middle of them."""
    stop = {"url": f"{served.url}/stop", "note": note.decode(), "after": 2.0}
    return _read(served.target, at, {"streams": streams, "seconds": STOP_GIVES_UP_SECONDS, "stop": stop})


def _environment() -> dict[str, str]:
    path = [str(ROOT), *(os.environ["PYTHONPATH"].split(os.pathsep) if "PYTHONPATH" in os.environ else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def _read(target: Target, at: Cores, more: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"url": target.url, "headers": dict(target.headers), "body": STREAMED, **more}
    done = subprocess.run(
        [need("taskset"), "--cpu-list", str(at.load), sys.executable, "-m", "benchmarks.load.streams"],
        input=json.dumps(asked), capture_output=True, text=True, check=False, cwd=ROOT, env=_environment(),
    )  # fmt: skip
    if done.returncode:
        raise CannotMeasure(f"the streams could not be read: {done.stderr[-800:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
