"""Measures the items of our suites on the real local model, and writes what it found beside them.

    python tools/measure_suites.py [--out FILE]

Each item is asked once, under its suite's instruction, at temperature 0, as a run asks it, and scored by the suite's
scorer.  The file names the weights by digest, so a reader knows of which model the statistics are.  It takes about a
minute on two cores; nothing else reaches a network.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Final

from comity.evaluation.scoring import score_short_answer
from comity.evaluation.suites import SHIPPED, Suite, load_suite
from comity.evaluation.suites.readings import read_confidence, read_pairs, stated_percent
from comity.evaluation.suites.statistics import FILE, FORMAT

KEY: Final = "key-of-the-measurement"
OUT: Final = Path(__file__).resolve().parents[1] / "src" / "comity" / "evaluation" / "suites" / FILE


def main() -> None:
    """Start the model, ask everything, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="the file to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "key").write_text(KEY + "\n")
        process = subprocess.Popen(
            [sys.executable, "-m", "comity.cli.local_model", "--cache", f"{folder}/weights"]
            + ["--api-key-file", f"{folder}/key", "--with-parent"],
            stdout=subprocess.PIPE, text=True, env={**os.environ},
        )  # fmt: skip
        try:
            ready = json.loads(process.stdout.readline()) if process.stdout is not None else {}
            found = {name: _measure(load_suite(name), ready) for name in sorted(SHIPPED)}
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    members = {"format": FORMAT, "model": ready["model"], "weights": ready["weights"]["sha256"], "suites": found}
    options.out.write_text(json.dumps(members, indent=1, sort_keys=True) + "\n")


def _measure(suite: Suite, ready: dict[str, Any]) -> dict[str, Any]:
    answers = {item.id: _ask(ready, suite.instruction, item.question) for item in suite.items}
    scores = {item.id: int(score_short_answer(answers[item.id], item.answers)) for item in suite.items}
    right = sum(scores.values())
    print(f"{suite.name}: {right} of {len(scores)} right", file=sys.stderr)
    if suite.name == "stated-confidence":
        stated = {item: stated_percent(answer) for item, answer in answers.items()}
        found = read_confidence(stated, {item.id: "100" in item.answers for item in suite.items}, 0.95)
        print(f"  over-confidence {found.overconfidence}\n  Brier {found.brier}", file=sys.stderr)
    if suite.name == "paraphrase":
        pairs = read_pairs(dict(scores), 0.95)
        print(f"  difference {pairs.difference}\n  differing {pairs.differing}", file=sys.stderr)
    return {"sha256": suite.sha256, "right": {item: score for item, score in scores.items()}}


def _ask(ready: dict[str, Any], instruction: str, question: str) -> str:
    body = {
        "model": ready["model"], "temperature": 0, "seed": 1, "max_tokens": 24,
        "messages": [{"role": "system", "content": instruction}, {"role": "user", "content": question}],
    }  # fmt: skip
    request = urllib.request.Request(
        f"{ready['url']}/v1/chat/completions", json.dumps(body).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=120) as answer:
        return str(json.load(answer)["choices"][0]["message"]["content"])


if __name__ == "__main__":
    main()
