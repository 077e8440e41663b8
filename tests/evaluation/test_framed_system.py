"""Real Inspect, the real gateway, a killed run, the report and the bundle: a sample from a frame all the way."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_framed_runs import history
from test_resume import end, start
from test_run import SUITE, plan_cli

from comity.cli.home import Home, make_home
from comity.cli.main import main
from comity.ledger import parse_policy
from comity.ledger.publisher import Publisher
from comity.ledger.transport import Answer
from comity.ledger.witness import Witness
from comity.verify import verify_bundle
from support import ARRANGEMENT, Asked, LiveGateway, RecordingProvider, completion, live_gateway, now, whole

pytest.importorskip("inspect_ai")
pytestmark = pytest.mark.slow

KNOWN = {item.question: item for item in SUITE.items}


@contextmanager
def publishing(gateway: LiveGateway, folder: Path, state: Path) -> Iterator[None]:
    """A publisher and its witness, which go on as an operator's do until the block ends."""
    policy, over, begun = parse_policy(gateway.terms.ledger.policy_text), threading.Event(), threading.Event()

    def publish() -> None:
        witness = Witness(state, signer=gateway.keys.witness, clock=now)
        witness.add_log(policy)

        def ask(url: str, body: bytes) -> Answer:
            return witness.add_checkpoint(body)

        publisher = Publisher(
            gateway.ledger, folder / "public", signers=[gateway.keys.log, gateway.keys.log_mldsa], policy=policy,
            clock=now, ask=ask,
        )  # fmt: skip
        while not over.wait(0.2):
            publisher.publish_once()
            begun.set()
        witness.close()

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        assert begun.wait(60)
        yield
    finally:
        over.set()
        thread.join(20)


@pytest.mark.parametrize(
    "words",
    [["--sample", "active", "--decide", "0.35"], ["--sample", "stratified", "--strata", "4"]],
    ids=["active", "stratified"],
)
def test_a_killed_run_is_reported_and_its_sample_is_drawn_again_by_a_stranger(
    tmp_path: Path, words: list[str]
) -> None:
    """Killed in the middle, resumed, reported by the public command; from the bundle alone the number follows."""
    home = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    running: list[subprocess.Popen[str]] = []
    asked: list[Asked] = []
    started = threading.Event()

    def answering(one: Asked) -> Any:
        asked.append(one)
        if len(asked) == 8:
            started.wait(30)
            os.kill(running[0].pid, signal.SIGKILL)
        item = KNOWN[json.loads(one.body)["messages"][-1]["content"]]
        return whole(completion(text=item.answers[0] if item.difficulty <= 4 else "I do not know"))

    with RecordingProvider(answering).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        (home.path / "keys" / "access").write_text(gateway.secret + "\n")
        path, offer = home.path / "plan.yaml", tmp_path / "offer.json"
        made = plan_cli(
            home, "new", "--arrangement", ARRANGEMENT, "--protocol", "openai", "--model", "test-model",
            "--items", "60", "--out", str(path), *words, *history(home),
        )  # fmt: skip
        assert made.exit_code == 0, made.output
        fits = plan_cli(home, "check", str(path), "--terms", str(offer), "--gateway", gateway.url)
        assert "It fits." in fits.output, fits.output
        assert plan_cli(home, "freeze", str(path), "--gateway", gateway.url).exit_code == 0
        running.append(start(home, path, gateway.url))
        started.set()
        assert end(running[0]).code == -signal.SIGKILL
        done = end(start(home, path, gateway.url, "--resume", "last"))
        assert done.code == 0, done.stderr
        with publishing(gateway, tmp_path, tmp_path / "witness"):
            reported = report(home, gateway, offer)
    verdict = verify_bundle(Path(reported["bundle"]))
    found = {fact.name: fact for fact in verdict.verdict.facts}

    assert [] == [str(fact) for fact in verdict.verdict.facts if fact.holds is False]
    assert {1, 2} <= set(verdict.reached)
    assert found["sample"].holds is True
    numbers = json.loads(Path(reported["report"]).read_bytes())
    assert [one["method"] for one in numbers["estimates"]] == [one["method"] for one in done.outcome["estimates"]]
    assert [one["low"] for one in numbers["estimates"]] == [one["low"] for one in done.outcome["estimates"]]


def report(home: Home, gateway: LiveGateway, offer: Path) -> dict[str, Any]:
    words = ["--home", str(home.path), "report", "last", "--gateway", gateway.url, "--terms", str(offer), "--json"]
    found = CliRunner().invoke(main, words)
    assert found.exit_code == 0, found.output
    made: dict[str, Any] = json.loads(found.stdout)
    return made
