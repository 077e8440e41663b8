"""The demo on the visitor's own endpoint: it says what it can cost, asks, and tells the same story."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.gateway.support import RecordingProvider, completion, whole

from comity.cli.main import main

KEY = "the-visitors-own-key"
DEMO = ("demo", "--act", "story", "--protocol", "openai", "--no-serve")


def test_the_most_that_it_can_cost_is_printed_before_anything_is_sent(tmp_path: Path) -> None:
    """Whoever answers no has read the sum, and no byte has gone to the endpoint."""
    with RecordingProvider().running() as provider:
        asked = [*DEMO, "--folder", str(tmp_path), "--upstream", provider.url, "--model", "dear-1", "--items", "10"]
        prices = ["--price-input", "2.00", "--price-output", "10.00"]

        done = CliRunner().invoke(main, [*asked, *prices], input="n\n", env={"COMITY_UPSTREAM_KEY": KEY})

        assert 1 == done.exit_code
        assert "The most that this can cost is 0.1160 EUR" in done.output
        assert "nothing was sent" in done.output
        assert [] == provider.asked


def test_an_endpoint_without_its_key_or_model_is_misuse(tmp_path: Path) -> None:
    """The message says which variable or option is missing."""
    asked = [*DEMO, "--folder", str(tmp_path), "--upstream", "https://api.example"]

    keyless = CliRunner().invoke(main, [*asked, "--model", "m"], env={"COMITY_UPSTREAM_KEY": ""})
    nameless = CliRunner().invoke(main, asked, env={"COMITY_UPSTREAM_KEY": KEY})

    assert (2, 2) == (keyless.exit_code, nameless.exit_code)
    assert "COMITY_UPSTREAM_KEY" in keyless.output
    assert "--model NAME" in nameless.output


@pytest.mark.slow
def test_the_story_is_told_on_the_visitors_endpoint(tmp_path: Path) -> None:
    """Every call reaches the endpoint with the visitor's key, and a dated name of the model is flagged, not refused.

    In front of an endpoint that is not the demo's no guard stands, and both the demo and its report say so.
    """
    with RecordingProvider(lambda _: whole(completion(model="dear-1-20261101", text="Paris"))).running() as provider:
        command = [sys.executable, "-m", "comity", *DEMO, "--json", "--yes", "--items", "4"]
        done = subprocess.run(
            [*command, "--folder", str(tmp_path), "--upstream", provider.url, "--model", "dear-1"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COMITY_UPSTREAM_KEY": KEY},
            capture_output=True,
            text=True,
            check=False,
        )

    assert 0 == done.returncode, done.stdout[-2000:] + done.stderr[-2000:]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    assert 4 == result["calls"] == len(provider.asked)
    assert {f"Bearer {KEY}"} == {asked.headers["authorization"] for asked in provider.asked}
    assert "that name another, and are marked so: 4" in done.stdout.replace("\n                │  ", "")
    assert "No guard stands in front of this endpoint." in done.stdout
    assert "Bypass not excluded" in Path(result["report"]).read_text()
    assert KEY not in done.stdout + done.stderr
