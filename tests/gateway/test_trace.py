"""System calls: the permit is synced before the first byte to the provider, and the check would see if it were not."""

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest
from process import prepared, started

from support import SECRET, Keys, RecordingProvider

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which shows a process's system calls"),
]
CALLS = "trace=fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg"
CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>.*= (?P<result>-?\d+)")


def order_of(trace: Iterable[str]) -> list[str]:
    """What matters of a trace, in order: `permit` written to the log, log `synced`, request `sent`."""
    seen: list[str] = []
    syncing: set[str] = set()
    for line in trace:
        if resumed := RESUMED.match(line):
            if resumed["name"] in ("fsync", "fdatasync") and resumed["pid"] in syncing:
                syncing.discard(resumed["pid"])
                if resumed["result"] == "0":
                    seen.append("synced")
        elif call := CALL.match(line):
            name, rest = call["name"], call["rest"]
            if name in ("fsync", "fdatasync") and "-wal>" in rest:
                if "<unfinished" in rest:
                    syncing.add(call["pid"])
                elif rest.endswith("= 0"):
                    seen.append("synced")
            elif name == "pwrite64" and "-wal>" in rest and "call.permitted" in rest:
                seen.append("permit")
            elif name != "pwrite64" and "POST /v1/chat/completions" in rest and "upstream-key-of-the-test" in rest:
                seen.append("sent")
    return seen


def record_before_call(order: list[str]) -> bool:
    """Whether the permit was written, then synced, and only then the request sent."""
    return "permit" in order and "sent" in order and "synced" in order[order.index("permit") : order.index("sent")]


def traced(tmp_path: Path, synchronous: str) -> list[str]:
    """The order of things in a gateway's process over one call."""
    folder, trace = tmp_path / "gateway", tmp_path / "trace"
    prepared(folder, Keys())
    prefix = ["strace", "-f", "-yy", "-s", "5000", "-e", CALLS, "-e", "signal=none", "-o", str(trace)]
    with RecordingProvider().running() as provider:
        with started(folder, provider.url, "--synchronous", synchronous, prefix=prefix) as process:
            url, pid = process.ready()
            body = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "2+2?"}]}
            headers = {"authorization": f"Bearer {SECRET}"}
            got = httpx.post(f"{url}/openai/v1/chat/completions", json=body, headers=headers, timeout=30)
            assert 200 == got.status_code
            os.kill(pid, signal.SIGTERM)
            process.process.wait(20)
        assert 1 == len(provider.asked)
    return order_of(trace.read_text(errors="replace").splitlines())


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, whose system calls strace shows")
def test_the_permit_is_on_the_disk_before_the_first_byte_leaves(tmp_path: Path) -> None:
    """Between writing the permit to the write-ahead log and the first byte to the provider stands a sync that
    succeeded; a request is sent once."""
    order = traced(tmp_path, "FULL")

    assert record_before_call(order), order
    assert 1 == order.count("sent")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, whose system calls strace shows")
def test_the_trace_would_show_a_missing_sync(tmp_path: Path) -> None:
    """With syncs switched off the same check fails: it sees what kill -9 cannot."""
    order = traced(tmp_path, "OFF")

    assert "sent" in order and "permit" in order
    assert not record_before_call(order), order
