"""Somebody else's Inspect task, with Inspect's own default settings, through the real gateway."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from comity.records import CallRefused, parse_instant
from support import RecordingProvider, live_gateway, whole

pytestmark = pytest.mark.slow

SAMPLES = 15
CALLS = 5
OPENAI = {
    "id": "c",
    "object": "chat.completion",
    "created": 0,
    "model": "test-model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}
ANTHROPIC = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "test-model",
    "content": [{"type": "text", "text": "Paris"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 9, "output_tokens": 1},
}
SCRIPT = """
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import match
protocol, url, key, count = sys.argv[1:]
arguments = {"responses_api": False} if protocol == "openai" else {"streaming": False}
config = GenerateConfig(max_tokens=16, cache_prompt=False, max_connections=int(count))
model = get_model(f"{protocol}/test-model", base_url=url, api_key=key, config=config, **arguments)
samples = [Sample(id=n, input="What is the capital of France?", target="Paris") for n in range(int(count))]
[log] = eval(Task(dataset=samples, scorer=match()), model=model, display="none", fail_on_error=False, log_dir=".")
print(log.status)
"""


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_a_spent_budget_ends_a_run_under_inspects_default_retries(tmp_path: Path, protocol: str) -> None:
    """Each sample is refused once, all within 5 s, and the run ends.

    What Inspect then takes to render each error for its log is its own time, up to a second each on a busy machine.
    """
    answer = json.dumps(OPENAI if protocol == "openai" else ANTHROPIC).encode()
    with RecordingProvider(lambda _: whole(answer)).running() as provider:
        with live_gateway(tmp_path, provider.url, budget__calls=CALLS) as gateway:
            url = gateway.openai if protocol == "openai" else gateway.anthropic
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT, protocol, url, gateway.secret, str(SAMPLES)],
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env={**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
                timeout=120,
                check=False,
            )

            refused = [record for record in gateway.records() if isinstance(record, CallRefused)]
            times = [parse_instant(record.at) for record in refused]
            kinds = Counter(record.kind for record in gateway.records())
            assert 0 == done.returncode, done.stderr
            assert "success" == done.stdout.strip().splitlines()[-1]
            assert (CALLS, SAMPLES - CALLS) == (kinds["call.permitted"], kinds["call.refused"])
            assert {(403, "budget.calls")} == {(record.status, record.clause) for record in refused}
            assert SAMPLES - CALLS == len({record.irid for record in refused})
            assert CALLS == len(provider.asked)
            assert (max(times) - min(times)).total_seconds() < 5
