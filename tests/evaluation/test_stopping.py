"""A run that may stop early asks batch after batch, and no more once the question is decided."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from gateway_double import ARRANGEMENT, SECRET, GatewayDouble, running_gateway
from test_run import SUITE, Worker

from comity.cli.home import Home, make_home
from comity.cli.plan import plan as plan_command
from comity.estimate import Rule
from comity.evaluation.plan_text import parse_plan
from comity.evaluation.stopping import Simple, rule_of

pytest.importorskip("inspect_ai")

ANSWERS = {one.question: one for one in SUITE.items}
RULE = Rule(bank=100, cap=40, batch=10, least=0, level=0.95, threshold=0.5)


def test_a_run_that_broke_off_asks_what_is_left_of_its_batch() -> None:
    """What is asked follows from what ended, in the order of the seed; later items wait for the whole batch."""
    order = [f"i{place}" for place in range(60)]
    asking = Simple(RULE, order, {"i0": 1, "i1": 0, "i5": 1})
    assert asking.left() == ("i2", "i3", "i4", "i6", "i7", "i8", "i9")
    for item in asking.left():
        asking.end(item, int(item in ("i2", "i4")))
    assert asking.reached() == (20, "open")
    assert asking.left() == tuple(order[10:20])
    for item in asking.left():
        asking.end(item, 1)
    assert asking.left()[:2] == ("i20", "i21")


def test_a_decided_run_asks_nothing_more() -> None:
    """After a batch that decides, nothing is left, whatever the cap."""
    asking = Simple(RULE, [f"i{place}" for place in range(60)], {f"i{place}": 1 for place in range(10)})
    assert asking.reached() == (10, "above")
    assert asking.left() == ()


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    with running_gateway(lambda question: f" {ANSWERS[question].answers[0]}\n") as double:
        yield double


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.process.communicate(timeout=20)


def deciding_plan(home: Home, gateway: GatewayDouble, rate: str) -> Path:
    path = home.path / "plan.yaml"
    for words in (
        ["new", "--arrangement", ARRANGEMENT, "--protocol", "openai", "--model", "gemma-3-270m", "--items", "60",
         "--decide", rate, "--batch", "8", "--out", str(path)],
        ["freeze", str(path), "--gateway", gateway.url],
    ):  # fmt: skip
        done = CliRunner().invoke(plan_command, words, obj=home)
        assert done.exit_code == 0, done.output
    return path


def test_the_how_to_shows_what_the_check_prints(tmp_path: Path) -> None:
    """The table of the page on deciding a rate is the one that `plan check` prints for that plan."""
    home = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    path = tmp_path / "plan.yaml"
    words = ["new", "--arrangement", ARRANGEMENT, "--protocol", "openai", "--model", "m", "--items", "120"]
    CliRunner().invoke(plan_command, [*words, "--decide", "0.10", "--out", str(path)], obj=home)
    printed = CliRunner().invoke(plan_command, ["check", str(path)], obj=home).output
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "decide-a-rate.md").read_text()
    shown = page[page.index("  decides  ") :].partition("```")[0].rstrip()

    assert shown in printed


@pytest.mark.slow
def test_a_run_stops_when_its_question_is_decided(tmp_path: Path, gateway: GatewayDouble, worker: Worker) -> None:
    """A model that knows everything is above 30 % after one batch: eight calls and not sixty, and the table says so."""
    home = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    (home.path / "keys" / "access").write_text(SECRET + "\n")
    path = deciding_plan(home, gateway, "0.30")
    rule = rule_of(parse_plan(path.read_bytes(), path.name))
    assert rule is not None
    expected = rule.replay([1] * 60)

    done = worker.run(home, path, gateway.url)

    assert done.code == 0, done.stderr
    outcome = done.outcome
    assert outcome["stopped"] == {"asked": expected.asked, "decision": "above"}
    assert expected.asked < 60
    assert outcome["counts"]["intended"] == outcome["calls"] == len(gateway.asked) == expected.asked
    [estimate] = outcome["estimates"]
    assert (estimate["method"], estimate["bank"], estimate["missing"]) == ("betting-bank", 204, 0)
    assert float(estimate["low"]) > 0.3
    rows = json.loads((home.path / "runs" / outcome["run"] / "scores.json").read_bytes())["rows"]
    assert len(rows) == expected.asked


@pytest.mark.slow
def test_refusals_leave_the_question_open_and_the_cap_ends_it(
    tmp_path: Path, gateway: GatewayDouble, worker: Worker
) -> None:
    """With a spent budget answers are missing, no decision rests on them, and the run ends at its cap."""
    gateway.budget = 4
    home = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    (home.path / "keys" / "access").write_text(SECRET + "\n")

    outcome = worker.run(home, deciding_plan(home, gateway, "0.60"), gateway.url).outcome

    assert outcome["stopped"] == {"asked": 60, "decision": "open"}
    assert (outcome["counts"]["judged"], outcome["counts"]["unscored"]) == (4, 56)
