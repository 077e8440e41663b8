"""A run that broke off goes on where it broke: nothing that ended is asked again, and every call is accounted for."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gateway_double import SECRET, GatewayDouble, running_gateway
from test_run import ENVIRONMENT, SUITE, Done, answer, frozen_plan, plan_cli

from comity.cli.home import Home, make_home
from comity.cli.status import status
from comity.evaluation.scores import blind
from comity.records import parse_canonical
from support import ARRANGEMENT, Asked, RecordingProvider, completion, live_gateway, whole

pytest.importorskip("inspect_ai")
pytestmark = pytest.mark.slow


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    with running_gateway(answer) as double:
        yield double


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    (made.path / "keys" / "access").write_text(SECRET + "\n")
    return made


def start(home: Home, path: Path, gateway: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from comity.cli.main import main; main()"]
        + ["--home", str(home.path), "run", str(path), "--gateway", gateway, "--json", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def end(process: subprocess.Popen[str]) -> Done:
    stdout, stderr = process.communicate(timeout=120)
    return Done(process.returncode, stdout, stderr)


def ending_at(number: int, end_it: Callable[[], None]) -> Callable[[str], str]:
    """An answer that ends the asking process when it was permitted its call of that number."""
    asked = Counter[str]()

    def answering(question: str) -> str:
        asked["all"] += 1
        if asked["all"] == number:
            end_it()
        return answer(question)

    return answering


def run_broken_at(home: Home, path: Path, gateway: GatewayDouble, number: int, how: int, *more: str) -> Done:
    """Carry the run out until its call of that number, and end its process there."""
    running: list[subprocess.Popen[str]] = []
    known = threading.Event()

    def end_it() -> None:
        known.wait(30)
        os.kill(running[0].pid, how)

    gateway.answer = ending_at(number, end_it)
    running.append(start(home, path, gateway.url, *more))
    known.set()
    done = end(running[0])
    gateway.answer = answer
    return done


def rows_of(home: Home, outcome: dict[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    folder = home.path / "runs" / outcome["run"]
    salt = bytes.fromhex((folder / "scores.salt").read_text())
    names = {blind(item.id, salt): item.id for item in SUITE.items}
    table = parse_canonical((folder / "scores.json").read_bytes(), limit=1 << 20)
    return {(names[row["item"]], row["epoch"]): row for row in table["rows"]}


@pytest.mark.parametrize(("protocol", "number"), [("openai", 9), ("anthropic", 1)])
def test_a_killed_run_resumes_and_judges_each_item_once(
    home: Home, gateway: GatewayDouble, protocol: str, number: int
) -> None:
    """After kill -9 the same run goes on: one begin, one end, each row judged, the lost calls counted and named."""
    path = frozen_plan(home, gateway, items=20, protocol=protocol)
    assert run_broken_at(home, path, gateway, number, signal.SIGKILL).code == -signal.SIGKILL
    before = len(gateway.asked)
    assert before >= number

    done = end(start(home, path, gateway.url, "--resume", "last"))
    assert done.code == 0, done.stderr
    outcome = done.outcome
    kinds = Counter(gateway.kinds())
    assert (kinds["run.begun"], kinds["scores.committed"], kinds["run.finished"]) == (1, 1, 1)
    assert kinds["run.aborted"] == 0
    assert outcome["differences"] == []
    assert outcome["calls"] == kinds["call.permitted"] == len(gateway.asked)
    assert outcome["counts"]["judged"] == 20
    assert outcome["counts"]["repeated"] == len(gateway.asked) - 20
    assert 1 <= len(outcome["lost"]) <= 4  # never more than the plan's connections

    rows = rows_of(home, outcome)
    assert len(rows) == 20
    listed = [index for row in rows.values() for index in row["calls"]]
    assert sorted(listed) == outcome["permits"]
    assert set(outcome["lost"]) <= set(listed)
    questions = Counter(json.dumps(one["body"]["messages"][-1]) for one in gateway.asked)
    assert sum(count > 1 for count in questions.values()) == outcome["counts"]["repeated"]
    assert max(questions.values()) <= 2
    assert all(row["calls"] == sorted(row["calls"]) for row in rows.values())


def test_a_run_may_break_off_twice(home: Home, gateway: GatewayDouble) -> None:
    """A leg that breaks off is one more leg; the third finishes what the first two left, in every epoch."""
    path = frozen_plan(home, gateway, items=8)
    text = path.read_text().replace("epochs: 1", "epochs: 2").replace("calls: 8", "calls: 16")
    path.write_text(text)
    assert plan_cli(home, "freeze", str(path), "--gateway", gateway.url).exit_code == 0
    run_broken_at(home, path, gateway, 6, signal.SIGKILL)
    run_broken_at(home, path, gateway, 5, signal.SIGKILL, "--resume", "last")
    done = end(start(home, path, gateway.url, "--resume", "last"))
    assert done.code == 0, done.stderr
    outcome = done.outcome
    assert (outcome["legs"], outcome["differences"]) == (3, [])
    assert outcome["counts"]["judged"] == 16
    assert outcome["counts"]["repeated"] == outcome["calls"] - 16 == gateway.kinds().count("call.permitted") - 16
    assert gateway.kinds().count("run.begun") == 1
    assert {epoch for _, epoch in rows_of(home, outcome)} == {1, 2}


def test_an_interrupted_run_stays_open_and_says_how_to_go_on(home: Home, gateway: GatewayDouble) -> None:
    """Ctrl-C ends no run: it can be resumed, or be given up by name, and a run that ended is neither."""
    path = frozen_plan(home, gateway, items=12)
    done = run_broken_at(home, path, gateway, 5, signal.SIGINT)
    assert done.code == 1
    assert "--resume" in done.stderr
    assert not {"run.aborted", "run.finished"} & set(gateway.kinds())

    resumed = end(start(home, path, gateway.url, "--resume", "last"))
    assert resumed.code == 0, resumed.stderr
    assert resumed.outcome["counts"]["judged"] == 12
    assert resumed.outcome["differences"] == []

    again = end(start(home, path, gateway.url, "--resume", resumed.outcome["run"]))
    assert (again.code, "is finished" in again.stderr) == (1, True)
    none = end(start(home, path, gateway.url, "--resume", "last"))
    assert (none.code, "nothing to resume" in none.stderr) == (1, True)


def test_a_run_is_given_up_without_a_call(home: Home, gateway: GatewayDouble) -> None:
    """`--give-up` leaves `run.aborted`, after which the run cannot be resumed."""
    path = frozen_plan(home, gateway, items=5)
    run_broken_at(home, path, gateway, 2, signal.SIGKILL)
    asked = len(gateway.asked)
    done = end(start(home, path, gateway.url, "--give-up", "last"))
    assert done.code == 0, done.stderr
    assert json.loads(gateway.entries[-1])["kind"] == "run.aborted"
    refused = end(start(home, path, gateway.url, "--resume", "last"))
    assert (refused.code, "was aborted" in refused.stderr) == (1, True)
    assert len(gateway.asked) == asked


def test_a_killed_run_resumes_through_the_real_gateway(home: Home, tmp_path: Path) -> None:
    """The ledger's own permits of the lost calls are found, and the books of both sides agree."""
    running: list[subprocess.Popen[str]] = []
    known = threading.Event()
    asked: list[Asked] = []

    def answering(one: Asked) -> Any:
        asked.append(one)
        if len(asked) == 7:
            known.wait(30)
            os.kill(running[0].pid, signal.SIGKILL)
        return whole(completion())

    with RecordingProvider(answering).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        (home.path / "keys" / "access").write_text(gateway.secret + "\n")
        path = home.path / "plan.yaml"
        made = plan_cli(
            home, "new", "--arrangement", ARRANGEMENT, "--protocol", "openai", "--model", "test-model",
            "--items", "15", "--out", str(path),
        )  # fmt: skip
        assert made.exit_code == 0, made.output
        offer = tmp_path / "offer.json"
        fits = plan_cli(home, "check", str(path), "--terms", str(offer), "--gateway", gateway.url)
        assert (fits.exit_code, "It fits." in fits.output) == (0, True), fits.output
        assert plan_cli(home, "freeze", str(path), "--gateway", gateway.url).exit_code == 0
        running.append(start(home, path, gateway.url))
        known.set()
        assert end(running[0]).code == -signal.SIGKILL
        done = end(start(home, path, gateway.url, "--resume", "last"))
        assert done.code == 0, done.stderr
        outcome = done.outcome
        permits = [index for index, record in enumerate(gateway.records()) if record.kind == "call.permitted"]
        assert outcome["permits"] == permits
        assert set(outcome["lost"]) <= set(permits)
        assert (outcome["counts"]["judged"], outcome["differences"]) == (15, [])
        assert outcome["counts"]["repeated"] == len(permits) - 15 >= 1
        assert len(gateway.of("run.begun")) == len(gateway.of("run.finished")) == 1

        short = plan_cli(home, "check", str(path), "--terms", str(offer), "--gateway", gateway.url, "--json")
        left = json.loads(short.output)["forecast"]["clauses"]["budget.calls"]["left"]
        assert left == 1000 - len(permits)
        told = CliRunner().invoke(status, [outcome["ledger"], "--gateway", gateway.url], obj=home)
        assert "1 begun: 1 finished" in told.output
        assert "refused   nothing" in told.output
