"""The demo's end: nothing of it stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


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
