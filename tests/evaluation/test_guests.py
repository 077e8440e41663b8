"""Somebody else's Inspect task runs under a plan that pins it, and judges by the mapping that the plan states."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_double import ARRANGEMENT, SECRET, GatewayDouble, running_gateway
from test_run import Worker, plan_cli

from comity.cli.home import Home, make_home
from comity.cli.plan import seed_path
from comity.evaluation.guests import judge_value
from comity.evaluation.plan import TaskScoring
from comity.evaluation.plan_text import PlanRefused, parse_plan

pytest.importorskip("inspect_ai")

KNOWN = {"Austria": "Vienna", "France": "Paris", "Italy": "Rome", "Spain": "Barcelona"}


def answer(question: str) -> str:
    """A model that knows three capitals of four, and says that it does not know the others."""
    return KNOWN.get(question.removeprefix("Capital of ").removesuffix("?"), "yes")


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


def new(home: Home, task: str, *more: str, items: int = 6) -> tuple[Path, Any]:
    path = home.path / "guest.yaml"
    for old in (path, seed_path(path)):
        old.unlink(missing_ok=True)
    made = plan_cli(
        home, "new", "--task", task, "--arrangement", ARRANGEMENT, "--protocol", "openai", "--model", "gemma-3-270m",
        "--items", str(items), "--out", str(path), *more,
    )  # fmt: skip
    return path, made


def ready(home: Home, gateway: GatewayDouble, task: str, *more: str, items: int = 6) -> Path:
    path, made = new(home, task, *more, items=items)
    assert made.exit_code == 0, made.output
    assert plan_cli(home, "check", str(path)).exit_code == 0
    frozen = plan_cli(home, "freeze", str(path), "--gateway", gateway.url)
    assert frozen.exit_code == 0, frozen.output
    return path


@pytest.mark.slow
def test_a_guest_runs_under_its_plan_and_is_judged_by_its_own_scorer(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """Every call names the run and is bounded by the plan; the scorer's C is 1 and its I is 0."""
    path = ready(home, gateway, "guest_tasks:capitals", "--arg", "most=4", items=4)
    done = worker.run(home, path, gateway.url)
    assert done.code == 0, done.stderr
    outcome = done.outcome
    assert outcome["counts"]["judged"] == 4
    assert outcome["counts"]["correct"] == 3
    assert (outcome["differences"], outcome["calls"]) == ([], 4)
    assert {one["headers"]["comity-run"] for one in gateway.asked} == {outcome["run"]}
    assert {one["body"].get("max_tokens") or one["body"].get("max_completion_tokens") for one in gateway.asked} == {24}


@pytest.mark.slow
def test_numbers_are_judged_by_the_plans_threshold(home: Home, gateway: GatewayDouble, worker: Worker) -> None:
    """A scorer of numbers needs a threshold; without one the plan is refused before anything is spent."""
    _, without = new(home, "guest_tasks:overlap")
    assert without.exit_code == 1
    assert "numbers" in without.output
    path = ready(home, gateway, "guest_tasks:overlap", "--threshold", "0.5")
    outcome = worker.run(home, path, gateway.url).outcome
    assert (outcome["counts"]["judged"], outcome["counts"]["correct"]) == (6, 3)


@pytest.mark.slow
def test_a_value_that_the_plan_does_not_list_is_missing(home: Home, gateway: GatewayDouble, worker: Worker) -> None:
    """The plan says what counts; what it calls missing and what it does not name are told apart."""
    path = ready(home, gateway, "guest_tasks:strangely_scored")
    outcome = worker.run(home, path, gateway.url).outcome
    assert (outcome["counts"]["judged"], outcome["counts"]["correct"]) == (2, 1)
    assert outcome["missing"] == {"unmapped": 3, "unscored": 1}


@pytest.mark.slow
def test_a_scorer_of_several_values_is_judged_by_the_one_that_the_plan_names(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """Each value of such a scorer is a scorer to the plan; without a choice no plan is made, and the names are told."""
    _, without = new(home, "guest_tasks:useful_and_safe", items=4)
    assert without.exit_code == 2 and "two_sided/useful, two_sided/safe" in without.output
    _, unknown = new(home, "guest_tasks:useful_and_safe", "--scorer", "two_sided/kind", items=4)
    assert unknown.exit_code == 1 and "two_sided/useful, two_sided/safe, not two_sided/kind" in unknown.output
    path = ready(home, gateway, "guest_tasks:useful_and_safe", "--scorer", "two_sided/safe", items=4)
    outcome = worker.run(home, path, gateway.url).outcome
    assert (outcome["counts"]["judged"], outcome["counts"]["correct"]) == (4, 3)


@pytest.mark.slow
def test_values_whose_names_a_scorer_does_not_say_beforehand_are_named_by_the_plan(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """Where a sample's score has no such value, it is missing."""
    _, without = new(home, "guest_tasks:sides", items=4)
    assert without.exit_code == 2 and "many_sided/*" in without.output
    path = ready(home, gateway, "guest_tasks:sides", "--scorer", "many_sided/side-0", items=4)
    outcome = worker.run(home, path, gateway.url).outcome
    assert (outcome["counts"]["judged"], outcome["counts"]["correct"]) == (3, 3)


@pytest.mark.slow
def test_a_sample_makes_the_calls_that_its_plan_allows_and_no_more(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """Several turns are calls of one row; a sample that goes on beyond its plan is stopped, and missing."""
    path = ready(home, gateway, "guest_tasks:insisting", "--calls-a-sample", "2")
    done = worker.run(home, path, gateway.url)
    assert (done.outcome["calls"], done.outcome["counts"]["judged"]) == (12, 6)
    assert {one["body"].get("max_tokens") or one["body"].get("max_completion_tokens") for one in gateway.asked} == {24}

    gateway.asked.clear()
    path = ready(home, gateway, "guest_tasks:insisting", "--arg", "turns=9")
    outcome = worker.run(home, path, gateway.url).outcome
    assert outcome["missing"] == {"limit:custom": 6}
    assert len(gateway.asked) == 6 * 3  # one call a sample, and the two repeats that the plan allows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "because", "asked"), [("judged_by_itself", "the scorer", 12), ("helped", "another-model", 0)]
)
def test_a_guest_that_asks_another_model_aborts_the_run(
    home: Home, gateway: GatewayDouble, worker: Worker, task: str, because: str, asked: int
) -> None:
    """A grader that hides is caught when it calls: no such call leaves, and the run has no result.

    A call that was on its way when the run ended may be recorded after the end.
    """
    path = ready(home, gateway, f"guest_tasks:{task}")
    done = worker.run(home, path, gateway.url)
    assert done.code == 1
    assert because in done.stderr
    [aborted] = [entry for entry in map(json.loads, gateway.entries) if entry["kind"] == "run.aborted"]
    assert because in aborted["because"] and "run.finished" not in gateway.kinds()
    assert len(gateway.asked) <= asked
    assert not any("Is this right" in json.dumps(one["body"]) for one in gateway.asked)
    assert {one["body"]["model"] for one in gateway.asked} <= {"gemma-3-270m"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "because"),
    [
        ("guest_tasks:graded", "grades with a model"),
        ("guest_tasks:graded_by_its_own", "names the model that grades"),
        ("guest_tasks:with_roles", "models of its own"),
        ("guest_tasks:growing", "empty"),
        ("guest_tasks:nothing_here", "cannot be loaded"),
        ("no_such_package:task", "cannot be loaded"),
        ("no_such_package/task", "no installed package"),
        ("no_such_file.py@task", "no file"),
    ],
)
def test_a_task_that_cannot_be_a_guest_is_refused_with_its_reason(home: Home, task: str, because: str) -> None:
    """The reason is a sentence, and no plan is written."""
    path, made = new(home, task)
    assert made.exit_code == 1
    assert because in made.output
    assert not path.exists()


@pytest.mark.slow
def test_a_guest_that_is_not_the_pinned_one_is_refused(home: Home, gateway: GatewayDouble, worker: Worker) -> None:
    """Another data set, another argument or another file than the plan's: nothing is begun."""
    path = ready(home, gateway, "guest_tasks:capitals")
    text = path.read_text()
    for old, changed, named in (
        ("args: {}", "args: {most: 5}", "claim.population.size"),
        ("version: sha256:", "version: sha256:0", "claim.population.version"),
        ("scorer: match", "scorer: includes", "scoring.scorer"),
    ):
        assert old in text
        path.write_text(text.replace(old, changed))
        refused = plan_cli(home, "check", str(path))
        assert (refused.exit_code, named in refused.output) == (1, True), refused.output
        assert plan_cli(home, "freeze", str(path), "--gateway", gateway.url).exit_code == 0
        assert worker.run(home, path, gateway.url).code == 1
    assert "run.begun" not in gateway.kinds()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new_text", "field"),
    [
        ("  args: {}", "  args: {most: [1]}", "claim.population.args.most"),
        ("guest_tasks:capitals", "guest tasks", "claim.population.task"),
        ("    I: wrong", "    I: perhaps", "scoring.values.I"),
        ("    C: right", "    C: missing", "scoring.values"),
        ("calls: 6", "calls: 7", "access.calls"),
        ("instruction: the task's own", "instruction: be brief", "instruction"),
    ],
)
def test_a_wrong_field_of_a_guests_plan_is_named(home: Home, old: str, new_text: str, field: str) -> None:
    """The error says which field, what was expected and what came."""
    path, _ = new(home, "guest_tasks:capitals")
    text = path.read_text()
    assert old in text
    with pytest.raises(PlanRefused) as refused:
        parse_plan(text.replace(old, new_text), "plan.yaml")
    assert field in {problem.clause for problem in refused.value.problems}


@pytest.mark.parametrize(
    ("value", "scoring", "judged"),
    [
        ("C", {"values": {"C": "right", "I": "wrong"}}, (1, "")),
        ("I", {"values": {"C": "right", "I": "wrong"}}, (0, "")),
        ("N", {"values": {"C": "right", "N": "missing"}}, (None, "unscored")),
        ("P", {"values": {"C": "right"}}, (None, "unmapped")),
        (True, {"values": {"true": "right"}}, (1, "")),
        (1, {"values": {"1": "right"}}, (None, "unmapped")),
        ({"a": 1}, {"values": {"C": "right"}}, (None, "unmapped")),
        (0.5, {"threshold": "0.5"}, (1, "")),
        (0.49, {"threshold": "0.5"}, (0, "")),
        (float("nan"), {"threshold": "0.5"}, (None, "unmapped")),
        ("C", {"threshold": "0.5"}, (None, "unmapped")),
    ],
)
def test_a_value_counts_as_the_plan_says(value: Any, scoring: dict[str, Any], judged: tuple[int | None, str]) -> None:
    """By name or from a threshold on; anything else is missing, and never wrong."""
    assert judge_value(value, TaskScoring(**({"scorer": "s", "values": None, "threshold": None} | scoring))) == judged
