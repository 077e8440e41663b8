"""The compiled path of a call is the one that is tested: what mypyc makes of it keeps every promise that it keeps."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT / "build" / "compiled"
AGAIN = (
    "adapters_read", "budget", "call", "edge", "framing", "guard", "ids", "invariant", "kill", "permit_note",
    "refusals", "rounds", "sdk", "stop", "stream",
)  # fmt: skip
"""Of the gateway's tests, those of what each call passes: limits, refusals, evidence, framing, clients, kill -9."""
PATCHED = (
    "oversized_body_is_read", "slow_sender_holds", "body_that_does_not_come", "silent_connection_is_closed",
    "bodies_share_one_bound", "does_not_read_fills", "lone_call_waits", "crowd_goes_once", "waits_for_company",
    "connection_that_came_after",
)  # fmt: skip
"""Tests that put a double or a shorter time in the place of what is compiled, which nothing can replace."""
IN_PROCESS = "import comity.gateway.passage as p; assert p.__file__.endswith('.so'), p.__file__"


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(COMPILED)}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=550, check=False, cwd=ROOT, env=environment
    )  # fmt: skip


@pytest.mark.skipif(not (COMPILED / ".made-from").exists(), reason="no compiled path of a call here: make compiled")
def test_the_compiled_path_of_a_call_passes_the_tests_of_the_interpreted_one(tmp_path: Path) -> None:
    """Of these very sources; each module of the path is loaded compiled, and none of the tests fails."""
    told = run("-c", "from tools.compile import *; print(state_of()); print(*CALL_PATH['gateway'])")
    state, names = told.stdout.splitlines()
    if state != (COMPILED / ".made-from").read_text():
        pytest.skip("the compiled path of a call is of other sources: make compiled")
    places = "import importlib, sys; print(*(importlib.import_module(name).__file__ for name in sys.argv[1:]))"
    loaded = run("-c", places, *(f"comity.gateway.{name}" for name in names.split())).stdout.split()
    assert len(loaded) == len(names.split())
    assert {Path(path).suffix for path in loaded} == {".so"}
    assert all(Path(path).is_relative_to(COMPILED) for path in loaded)

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    places = " ".join(str(COMPILED) if place == "src" else place for place in settings["pythonpath"])
    seen = tmp_path / "test_seen.py"
    seen.write_text(f"def test_what_is_tested_is_compiled():\n    {IN_PROCESS}\n")
    files = [f"tests/gateway/test_{name}.py" for name in AGAIN]
    words = ["-q", "-n0", "-p", "no:cacheprovider", "-o", f"pythonpath={places}", "-k", f"not ({' or '.join(PATCHED)})"]
    done = run("-m", "pytest", *words, str(seen), *files)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
