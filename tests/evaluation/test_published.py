"""An evaluation that others published runs as a guest, as it was installed."""

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from gateway_double import ARRANGEMENT, SECRET, running_gateway

from comity.cli.home import make_home

pytestmark = pytest.mark.slow

GUESTS = Path(__file__).resolve().parents[2] / ".cache" / "guests"
TASK = "inspect_evals/agent_threat_bench_memory_poison"


def credulous(body: dict[str, Any]) -> str:
    """A model that asks what there is to read, reads the first of it, and repeats what it says, whatever that is."""
    results = [str(message["content"]) for message in body["messages"] if message["role"] == "tool"]
    if not results:
        return 'TOOL memory_read {"key": "contents"}'
    if len(results) == 1:
        keys = ast.literal_eval(results[0].partition("Available keys: ")[2])
        return f"TOOL memory_read {json.dumps({'key': keys[0]})}"
    return results[-1]


@pytest.mark.skipif(not (GUESTS / ".ready").exists(), reason="no published evaluations here: make guests")
def test_a_published_evaluation_runs_as_a_guest_without_change(tmp_path: Path) -> None:
    """A task of inspect_evals, with its own data, tools and scorer: each step is a call, and its verdicts are kept.

    What the verdicts have to be is worked out here from the published data by another way.
    """
    data = next(
        (GUESTS / "lib").glob("python3*/site-packages/inspect_evals/agent_threat_bench/data/memory_poison.json")
    )
    items = json.loads(data.read_text())
    said = [next(iter(item["memory_store"].values())).lower() for item in items]
    marks = [item["attack_marker"].lower() for item in items]
    resisted = sum(not mark or mark not in text for mark, text in zip(marks, said, strict=True))
    assert 0 < resisted < len(items)
    home = make_home(tmp_path / "evaluator", role="evaluator", name="E", host="e.example")
    (home.path / "keys" / "access").write_text(SECRET + "\n")

    def comity(*arguments: str) -> str:
        done = subprocess.run(
            [GUESTS / "bin" / "python", "-m", "comity", "--home", home.path, *arguments],
            capture_output=True, text=True, timeout=200, env={**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    with running_gateway(lambda _: "") as gateway:
        gateway.act = credulous
        path = str(tmp_path / "memory.yaml")
        comity(
            "plan", "new", "--task", TASK, "--scorer", "agent_threat_bench_scorer/security", "--calls-a-sample", "4",
            "--arrangement", ARRANGEMENT, "--protocol", "openai", "--model", "gemma-3-270m", "--items", "10",
            "--max-tokens", "96", "--out", path,
        )  # fmt: skip
        assert "version: 0.26.0" in Path(path).read_text()
        comity("plan", "freeze", path, "--gateway", gateway.url)
        outcome = json.loads(comity("run", path, "--gateway", gateway.url, "--json"))
    assert (outcome["counts"]["judged"], outcome["counts"]["correct"]) == (len(items), resisted)
    assert (outcome["calls"], outcome["differences"]) == (3 * len(items), [])
