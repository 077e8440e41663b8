"""Answers go to a judge that the terms list, through a gateway of its own, and to nobody else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from gateway_double import ARRANGEMENT, SECRET, GatewayDouble, running_gateway
from test_guests import answer
from test_run import Worker, plan_cli

from comity.cli.home import Home, make_home
from comity.evaluation.judging import RecipientRefused, check_recipients, find_receiver
from comity.evaluation.plan import Plan
from comity.evaluation.plan_text import parse_plan

pytest.importorskip("inspect_ai")
pytestmark = pytest.mark.slow

JUDGES = "7" * 32
JUDGE = f"judge=openai/judge-1@{JUDGES}"


def grade(prompt: str) -> str:
    """A judge that knows what is right, cannot make up its mind about Italy, and says so."""
    if "Italy" in prompt:
        return "I cannot say."
    return "GRADE: C" if any(city in prompt.partition("Submission")[2] for city in ("Vienna", "Paris")) else "GRADE: I"


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    with running_gateway(answer) as double:
        yield double


@pytest.fixture
def judge(gateway: GatewayDouble) -> Iterator[GatewayDouble]:
    with running_gateway(grade, JUDGES) as double:
        listed = {"name": "judge", "kind": "model", "what": "judge-1", "endpoint": f"{double.url}/a/{JUDGES}"}
        gateway.recipients = [listed]
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


def new(home: Home, task: str, *more: str) -> tuple[Path, Result]:
    path = home.path / f"{task.partition(':')[2]}.yaml"
    made = plan_cli(
        home, "new", "--task", task, "--arrangement", ARRANGEMENT, "--protocol", "openai", "--model", "gemma-3-270m",
        "--items", "6", "--out", str(path), *more,
    )  # fmt: skip
    return path, made


def ready(home: Home, gateway: GatewayDouble, task: str) -> Path:
    path, made = new(home, task, "--judge", JUDGE)
    assert made.exit_code == 0, made.output
    assert plan_cli(home, "freeze", str(path), "--gateway", gateway.url).exit_code == 0
    return path


def test_a_judges_calls_pass_its_own_gateway_and_are_entries_of_its_own_ledger(
    home: Home, gateway: GatewayDouble, judge: GatewayDouble, worker: Worker
) -> None:
    """The run stands in both ledgers; the target's names the judge's, and neither gateway saw the other's calls."""
    done = worker.run(home, ready(home, gateway, "guest_tasks:graded"), gateway.url)
    assert done.code == 0, done.stderr
    outcome = done.outcome
    assert (outcome["counts"]["judged"], outcome["counts"]["correct"], outcome["missing"]) == (5, 2, {"unmapped": 1})
    assert (outcome["calls"], outcome["differences"]) == (6, [])
    assert {one["body"]["model"] for one in gateway.asked} == {"gemma-3-270m"}
    assert {one["body"]["model"] for one in judge.asked} == {"judge-1"}
    assert {one["headers"]["comity-run"] for one in judge.asked} == {outcome["run"]}
    assert judge.kinds() == ["plan.frozen", "run.begun", *["call.permitted"] * 6, "run.finished"]
    assert gateway.kinds()[-4:] == ["judge.called", "seed.revealed", "scores.committed", "run.finished"]
    [told] = [json.loads(entry) for entry in gateway.entries if b'"judge.called"' in entry]
    expected = {"recipient": "judge", "model": "judge-1", "ledger": judge.origin, "begun": 1}
    expected |= {"permitted": 6, "refused": 0}
    assert {name: told[name] for name in expected} == outcome["judge"] == expected


def test_a_judge_that_fails_makes_answers_missing_and_never_wrong(
    home: Home, gateway: GatewayDouble, judge: GatewayDouble, worker: Worker
) -> None:
    """Its refusals are entries of its ledger; the answer that it did not judge has a reason of its own."""
    judge.budget = 2
    outcome = worker.run(home, ready(home, gateway, "guest_tasks:graded"), gateway.url).outcome
    assert outcome["counts"]["answered"] == 6
    assert outcome["missing"]["judge-failed"] == 4
    assert outcome["counts"]["judged"] + outcome["missing"].get("unmapped", 0) == 2
    assert outcome["differences"] == []
    assert outcome["judge"]["permitted"] == 2 and outcome["judge"]["refused"] >= 4


def test_a_judges_call_that_its_ledger_does_not_hold_is_a_difference(
    home: Home, gateway: GatewayDouble, judge: GatewayDouble, worker: Worker
) -> None:
    """The judge's calls are reconciled like the target's."""
    judge.misnamed = 1
    done = worker.run(home, ready(home, gateway, "guest_tasks:graded"), gateway.url)
    assert done.code == 1
    assert done.outcome["status"] == "unreconciled"
    assert all(said.startswith("of the judge: ") for said in done.outcome["differences"])
    assert len(done.outcome["differences"]) == 2


def test_a_run_is_refused_whose_judge_the_terms_do_not_list(
    home: Home, gateway: GatewayDouble, judge: GatewayDouble, worker: Worker
) -> None:
    """The clause is named, nothing is begun and nothing is asked."""
    path = ready(home, gateway, "guest_tasks:graded")
    because = "content.recipients: the plan gives answers to the model judge-1"
    for listed in ([], [{**gateway.recipients[0], "what": "judge-2"}], [{**gateway.recipients[0], "name": "other"}]):
        gateway.recipients = listed
        done = worker.run(home, path, gateway.url)
        assert (done.code, because in done.stderr) == (1, True)
    assert (gateway.kinds(), judge.kinds(), gateway.asked) == (["plan.frozen"], [], [])


def test_a_solver_may_not_ask_the_judge(
    home: Home, gateway: GatewayDouble, judge: GatewayDouble, worker: Worker
) -> None:
    """The judge is there to grade; a call to it before an answer is judged aborts the run, in both ledgers."""
    done = worker.run(home, ready(home, gateway, "guest_tasks:helped_by_its_judge"), gateway.url)
    assert done.code == 1
    assert "a call to openai/judge-1 was about to be made" in done.stderr
    assert (gateway.kinds()[-1], judge.kinds()[-1]) == ("run.aborted", "run.aborted")
    assert judge.asked == []


@pytest.mark.parametrize(
    ("task", "more", "because"),
    [
        ("guest_tasks:graded", (), "scoring.judge: a scorer of guest_tasks:graded grades with a model"),
        ("guest_tasks:graded_by_its_own", ("--judge", JUDGE), "names the model that grades"),
        ("guest_tasks:capitals", ("--judge", JUDGE), "no scorer of guest_tasks:capitals asks a model"),
        ("guest_tasks:graded", ("--judge", "judge-1"), "--judge is NAME=PROTOCOL/MODEL@ARRANGEMENT"),
        ("guest_tasks:graded", ("--judge", f"judge=openai/gemma-3-270m@{JUDGES}"), "the target does not judge itself"),
    ],
)
def test_a_judge_belongs_to_a_task_that_asks_one(home: Home, task: str, more: tuple[str, ...], because: str) -> None:
    """Neither a task that needs one without, nor one without need of one."""
    path, made = new(home, task, *more)
    assert made.exit_code != 0
    assert because in made.output.replace("\n", " ")
    assert not path.exists()


def test_people_who_label_are_recipients_too(home: Home) -> None:
    """A plan with a human audit asks for people whom the clause lists."""
    path, _ = new(home, "guest_tasks:capitals")
    text = path.read_text().replace("scoring:\n", "scoring:\n  human_audit: {n: 3, recipient: raters}\n")
    plan: Plan = parse_plan(text, path.name)
    people: dict[str, Any] = {"name": "raters", "kind": "people", "what": "three persons", "endpoint": ""}
    assert check_recipients(plan, [people]) == ()
    assert find_receiver(plan, [people]) == ""
    for listed in ([], [people | {"kind": "tool"}], [people | {"name": "others"}]):
        with pytest.raises(RecipientRefused, match=r"^content\.recipients: .* the people raters"):
            find_receiver(plan, listed)
