"""How Inspect is joined: what a run rests on is looked for, nothing asks unseen, and the plan's tags are in the log."""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from gateway_double import SECRET, GatewayDouble, running_gateway
from test_guests import answer, new
from test_run import Worker, plan_cli

from comity.cli.home import Home, make_home
from comity.evaluation import engine, engine_features
from comity.evaluation.engine import EngineError, load_engine
from comity.evaluation.engine_features import missing_features

pytest.importorskip("inspect_ai")
pytestmark = pytest.mark.slow

LEGAL = {"duties": ["art-55-1-a"], "risk_area": "loss-of-control", "use_domain": "research"}


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    with running_gateway(answer) as double:
        yield double


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    (made.path / "keys" / "access").write_text(SECRET + "\n")
    return made


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.process.communicate(timeout=20)


def run(home: Home, gateway: GatewayDouble, worker: Worker, **changes: Any) -> tuple[dict[str, Any], Any]:
    """A run of the tagged guest under a plan with these members changed: its outcome, and the engine's log."""
    from inspect_ai.log import read_eval_log

    path, made = new(home, "guest_tasks:tagged")
    assert made.exit_code == 0, made.output
    members = yaml.safe_load(path.read_text())
    for name, value in changes.items():
        members[name] = {**members[name], **value} if isinstance(members.get(name), dict) else value
    path.write_text(yaml.safe_dump(members, sort_keys=False))
    assert plan_cli(home, "freeze", str(path), "--gateway", gateway.url).exit_code == 0
    done = worker.run(home, path, gateway.url)
    outcome = done.outcome
    [log] = (home.path / "runs" / outcome["run"]).glob("*.eval")
    assert sha256(log.read_bytes()).hexdigest() == outcome["log"]
    return outcome, read_eval_log(str(log))


def test_the_plans_tags_ride_beside_the_tasks_own_attributes(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """Whoever reads a log header knows the duty, the risk area and the domain; the guest's own attribute stays."""
    _, log = run(home, gateway, worker, legal=LEGAL)
    assert log.eval.task_attribs == {
        "technical_requirement": "Robustness and Predictability",
        "duty": ["art-55-1-a"], "risk_area": "loss-of-control", "use_domain": "research",
    }  # fmt: skip


def test_nothing_is_asked_unseen_and_nothing_twice_without_a_trace(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """One request a sample and no probe; retries are the plan's; every call is in the log; no cache, no adaptation."""
    outcome, log = run(home, gateway, worker)
    assert len(gateway.asked) == 6 == outcome["calls"]
    assert log.eval.model_args["max_retries"] == 0
    config = log.eval.model_generate_config
    assert (config.max_retries, config.reasoning_summary, config.adaptive_connections) == (2, "none", False)
    assert log.eval.config.log_model_api and log.eval.config.retry_on_error in (None, 0)
    assert log.eval.config.fail_on_error is False
    events = [event for sample in log.samples for event in sample.events if event.event == "model"]
    assert all(event.cache is None and event.call is not None and event.request_ids for event in events)
    assert log.eval.task_attribs == {"technical_requirement": "Robustness and Predictability"}


def test_repeats_end_with_what_the_plan_sets_aside_for_them(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """With one repeat in all, the second call that fails has none left: its sample is stopped, and missing."""
    gateway.fail_next = [500, 500, 500]
    outcome, _ = run(home, gateway, worker, access={"connections": 1, "split": {"main": 6, "reask": 1}})
    assert outcome["counts"]["repeated"] == 1
    assert outcome["counts"]["judged"] == 4
    assert len(gateway.asked) == 7 and sum(outcome["missing"].values()) == 2


def test_an_engine_that_lacks_what_a_run_rests_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version alone says little: each part is looked for by name, and the error says what it is for."""
    assert missing_features() == ()
    lacking = {**engine_features.FEATURES, "inspect_ai.model:NoSuchThing": "a thing that evidence rests on"}
    monkeypatch.setattr(engine_features, "FEATURES", lacking)
    assert missing_features() == ("NoSuchThing (a thing that evidence rests on)",)
    with pytest.raises(EngineError, match=r"lacks NoSuchThing \(a thing that evidence rests on\)"):
        load_engine()
    monkeypatch.setattr(engine.p, "ENGINE_VERSION", "0.3.286")
    with pytest.raises(EngineError, match=r"reads the logs of 0\.3\.286"):
        load_engine()


def test_a_log_that_was_edited_is_another_artefact(home: Home, gateway: GatewayDouble, worker: Worker) -> None:
    """The engine lets anybody edit a log; the digest in the ledger is of the one that the run left."""
    from inspect_ai.log import edit_score, read_eval_log, write_eval_log
    from inspect_ai.scorer import ScoreEdit

    outcome, _ = run(home, gateway, worker)
    [path] = (home.path / "runs" / outcome["run"]).glob("*.eval")
    log = read_eval_log(str(path))
    edit_score(log, sample_id=log.samples[0].id, score_name="match", edit=ScoreEdit(value="I"))
    write_eval_log(log, str(path))
    finished = json.loads(gateway.entries[outcome["indexes"]["finished"]])
    assert finished["log"] == outcome["log"] != sha256(path.read_bytes()).hexdigest()
    assert os.path.exists(path)
