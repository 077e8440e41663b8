"""The demo's end: nothing of it stays behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow


def test_the_story_ends_by_serving_on_one_address(tmp_path: Path) -> None:
    """Report, bundle, ledger, receipts and trust page are read from one printed address until Ctrl-C."""
    command = [sys.executable, "-m", "comity", "demo", "--act", "story", "--items", "4", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    story = subprocess.Popen(
        [*command, "--folder", str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    if story.stdout is None:
        raise AssertionError("a process without its output")
    try:
        printed = next(line for line in story.stdout if "http" in line and "Look at it" in line)
        address = printed.split()[-1].strip("\x1b[0m")
        names = re.findall(r'href="/([^"]+)"', httpx.get(address).text)
        answers = {name: httpx.get(address + name) for name in names}
    finally:
        story.send_signal(signal.SIGINT)
    rest = story.stdout.read()
    story.stdout.close()

    wanted = {"report.html", "report.json", "bundle.zip", "ledger/checkpoint", "trust.html", "receipts/0.tlog-proof",
              "verify.html"}  # fmt: skip
    assert 0 == story.wait(60)
    assert wanted <= set(names)
    assert {200} == {answer.status_code for answer in answers.values()}
    assert b"PK" == answers["bundle.zip"].content[:2]
    assert sha256(answers["verify.html"].content).hexdigest() in answers["report.html"].text
    assert "script-src 'sha256-" in answers["verify.html"].headers["content-security-policy"]
    assert "c2sp.org/tlog-proof@v1" in answers["receipts/0.tlog-proof"].text
    result = json.loads(rest.strip().splitlines()[-1])
    assert Path(result["report"]).read_bytes() == answers["report.html"].content
    assert (Path(result["report"]).parent / "verify.html").read_bytes() == answers["verify.html"].content
    assert [1, 2, 3, 4] == result["rungs"]


def test_a_terminated_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    """SIGTERM in the middle of the story ends the model, the witnesses and the gateway with it."""
    command = [sys.executable, "-m", "comity", "demo", "--act", "story", "--items", "4", "--no-serve"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    story = subprocess.Popen(
        [*command, "--folder", str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    if story.stdout is None:
        raise AssertionError("a process without its output")
    seen = next(line for line in story.stdout if "is reserved" in line)

    story.send_signal(signal.SIGTERM)
    status = story.wait(60)
    story.stdout.close()

    assert "is reserved" in seen
    assert 128 + signal.SIGTERM == status
    deadline = time.monotonic() + 10
    while (left := _processes_of(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [] == left


def _processes_of(folder: Path) -> list[str]:
    """Command lines of running processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found
