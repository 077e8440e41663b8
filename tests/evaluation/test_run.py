"""A frozen plan is carried out once, every call is tied to its entry, and what is missing is never wrong."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from gateway_double import ARRANGEMENT, ORIGIN, SECRET, GatewayDouble, running_gateway

from comity.cli.home import Home, make_home
from comity.cli.plan import plan as plan_command
from comity.evaluation.edge import Door, DoorRefused, DoorUnreachable
from comity.evaluation.history import parse_export
from comity.evaluation.plan import seed_commitment
from comity.evaluation.plan_text import parse_plan
from comity.evaluation.scores import blind
from comity.evaluation.suites import load_suite
from comity.records import parse_canonical

pytest.importorskip("inspect_ai")
pytestmark = pytest.mark.slow

SUITE = load_suite("short-answers")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}


def answer(question: str) -> str:
    """A model that knows the easier three fifths of the suite."""
    item = next(one for one in SUITE.items if one.question == question)
    return f" {item.answers[0]}\n" if item.difficulty <= 3 else "I do not know"


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    with running_gateway(answer) as double:
        yield double


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    (made.path / "keys" / "access").write_text(SECRET + "\n")
    return made


def plan_cli(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(plan_command, arguments, obj=home)


def frozen_plan(home: Home, gateway: GatewayDouble, *, items: int = 20, protocol: str = "openai") -> Path:
    path = home.path / f"plan-{protocol}.yaml"
    made = plan_cli(
        home, "new", "--arrangement", ARRANGEMENT, "--protocol", protocol, "--model", "gemma-3-270m",
        "--items", str(items), "--out", str(path),
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert plan_cli(home, "check", str(path)).exit_code == 0
    frozen = plan_cli(home, "freeze", str(path), "--gateway", gateway.url)
    assert frozen.exit_code == 0, frozen.output
    return path


@dataclass
class Done:
    """What a command left behind, run in this process or in its own."""

    code: int
    stdout: str
    stderr: str

    @property
    def outcome(self) -> dict[str, Any]:
        assert self.stdout.startswith("{"), self.stderr
        outcome: dict[str, Any] = json.loads(self.stdout)
        return outcome


class Worker:
    """One process for many runs; see `run_worker`."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("run_worker.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )

    def run(self, home: Home, path: Path, gateway: str) -> Done:
        assert self.process.stdin is not None and self.process.stdout is not None
        asked = {"home": str(home.path), "plan": str(path), "gateway": gateway}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return Done(**json.loads(self.process.stdout.readline()))


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.process.communicate(timeout=20)


def run_process(home: Home, path: Path, gateway: str) -> Done:
    found = subprocess.run(
        [sys.executable, "-c", "from comity.cli.main import main; main()"]
        + ["--home", str(home.path), "run", str(path), "--gateway", gateway, "--json"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
    )
    return Done(found.returncode, found.stdout, found.stderr)


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_a_run_ties_every_call_to_its_entry_and_commits_its_scores(
    home: Home, gateway: GatewayDouble, worker: Worker, protocol: str
) -> None:
    """Plan, run, calls, scores and end stand in the ledger in this order, and the table recomputes to the counts."""
    path = frozen_plan(home, gateway, protocol=protocol)
    done = run_process(home, path, gateway.url) if protocol == "openai" else worker.run(home, path, gateway.url)
    assert done.code == 0, done.stderr
    outcome = done.outcome

    kinds = gateway.kinds()
    calls_made = ["call.permitted"] * 20
    assert kinds == ["plan.frozen", "run.begun", *calls_made, "seed.revealed", "scores.committed", "run.finished"]
    plan = parse_plan(path.read_bytes(), path.name)
    told = json.loads(gateway.entries[kinds.index("seed.revealed")])["seed"]
    assert (seed_commitment(plan.id, told), plan.design.seed) == (plan.design.commitment, "")
    assert told not in path.read_text()
    calls = [json.loads(entry) for entry in gateway.entries if b'"call.permitted"' in entry]
    assert {call["run"] for call in calls} == {outcome["run"]}
    assert len({call["irid"] for call in calls}) == 20

    folder = home.path / "runs" / outcome["run"]
    table = (folder / "scores.json").read_bytes()
    history = parse_export((folder / "history.json").read_bytes())
    assert (len(history.outcomes), history.subject.family, history.scorer) == (20, "gemma", "short-answer/1")
    assert sum(score or 0 for [score] in history.outcomes.values()) == outcome["counts"]["correct"]
    committed = json.loads(gateway.entries[outcome["indexes"]["committed"]])
    assert committed["rows"] == outcome["rows"] == sha256(table).hexdigest()
    [log] = folder.glob("*.eval")
    finished = json.loads(gateway.entries[outcome["indexes"]["finished"]])
    assert finished["log"] == outcome["log"] == sha256(log.read_bytes()).hexdigest()
    assert finished["status"] == outcome["status"] == "success"

    rows = parse_canonical(table, limit=1 << 20)["rows"]
    assert sorted(index for row in rows for index in row["calls"]) == list(range(2, 22))
    assert rows == sorted(rows, key=lambda row: (row["item"], row["epoch"]))
    salt = bytes.fromhex((folder / "scores.salt").read_text())
    names = {blind(item.id, salt): item for item in SUITE.items}
    assert all(row["score"] == (names[row["item"]].difficulty <= 3) for row in rows)

    correct = sum(row["score"] for row in rows)
    assert outcome["counts"] == {
        "intended": 20, "attempted": 20, "answered": 20, "judged": 20, "unscored": 0, "repeated": 0, "correct": correct,
    }  # fmt: skip
    assert [estimate["method"] for estimate in outcome["estimates"]] == ["wilson", "clopper-pearson"]
    assert {(e["successes"], e["n"], e["missing"]) for e in outcome["estimates"]} == {(correct, 20, 0)}
    assert (outcome["calls"], outcome["refused"], outcome["differences"]) == (20, 0, [])
    assert "20/20 samples, 20 calls, 0 refused" in done.stderr


def test_the_engine_sends_what_the_plan_says_and_nothing_that_costs_unseen(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """The settings of the plan are on the wire; the run's name is on every call; nothing is asked to be cached."""
    for protocol in ("openai", "anthropic"):
        path = frozen_plan(home, gateway, items=2, protocol=protocol)
        outcome = worker.run(home, path, gateway.url).outcome
        [*_, asked] = gateway.asked
        assert asked["headers"]["comity-run"] == outcome["run"]
        assert asked["headers"]["x-irid"]
        body = asked["body"]
        assert "cache_control" not in json.dumps(body)
        assert not body.get("stream")
        limit = body.get("max_tokens") or body.get("max_completion_tokens")
        assert limit == 24
        if protocol == "openai":
            assert asked["path"].endswith("/openai/v1/chat/completions")
            assert (body["temperature"], body["seed"]) == (0.0, 1)
        else:
            assert asked["path"].endswith("/anthropic/v1/messages")
            assert "temperature" not in body


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_a_refused_sample_is_missing_and_never_wrong(
    home: Home, gateway: GatewayDouble, worker: Worker, protocol: str
) -> None:
    """A spent budget ends in one refusal per sample, and the rate is that of the judged ones."""
    gateway.budget = 12
    path = frozen_plan(home, gateway, protocol=protocol)
    done = worker.run(home, path, gateway.url)
    assert done.code == 0, done.stderr
    outcome = done.outcome
    assert len(gateway.asked) == 20
    assert (outcome["calls"], outcome["refused"]) == (12, 8)
    assert outcome["missing"] == {"refused:403": 8}
    assert outcome["counts"]["judged"] == 12
    assert outcome["counts"]["unscored"] == 8
    assert outcome["counts"]["repeated"] == 0
    [wilson, _] = outcome["estimates"]
    assert (wilson["n"], wilson["missing"]) == (12, 8)
    assert float(wilson["worst_low"]) < float(wilson["point"]) < float(wilson["worst_high"])


def test_refusals_that_are_only_counted_are_no_difference(home: Home, gateway: GatewayDouble, worker: Worker) -> None:
    """Beyond sixty equal refusals a minute there are no entries; they are refused calls all the same."""
    gateway.budget = 10
    path = frozen_plan(home, gateway, items=100)
    outcome = worker.run(home, path, gateway.url).outcome
    assert gateway.kinds().count("call.refused") == 60
    assert (outcome["calls"], outcome["refused"], outcome["differences"]) == (10, 90, [])
    assert outcome["missing"] == {"refused:403": 90}


def test_a_failure_that_passes_is_repeated_and_counted(home: Home, gateway: GatewayDouble, worker: Worker) -> None:
    """A repeat is a call of its own, stands in the row, and is bounded by the plan."""
    gateway.fail_next = [500]
    path = frozen_plan(home, gateway, items=5)
    outcome = worker.run(home, path, gateway.url).outcome
    assert outcome["counts"]["repeated"] == 1
    assert outcome["counts"]["judged"] == 5
    assert outcome["calls"] == 6


@pytest.mark.parametrize("fault", ["unnamed", "misnamed"])
def test_a_call_that_the_log_and_the_ledger_tell_differently_is_named(
    home: Home, gateway: GatewayDouble, worker: Worker, fault: str
) -> None:
    """A missing or a wrong entry number makes the run unreconciled, with exit status 1."""
    setattr(gateway, fault, 1)
    path = frozen_plan(home, gateway, items=5)
    done = worker.run(home, path, gateway.url)
    assert done.code == 1
    outcome = done.outcome
    assert outcome["status"] == "unreconciled"
    assert len(outcome["differences"]) == 2
    assert json.loads(gateway.entries[-1])["status"] == "unreconciled"


def test_the_providers_filter_makes_an_answer_missing(home: Home, gateway: GatewayDouble, worker: Worker) -> None:
    """An answer that was withheld is neither right nor wrong."""
    gateway.stop_reason = "content_filter"
    path = frozen_plan(home, gateway, items=3)
    outcome = worker.run(home, path, gateway.url).outcome
    assert outcome["missing"] == {"content-filter": 3}
    assert outcome["estimates"] == []


def test_a_plan_that_is_not_frozen_or_was_changed_is_refused(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """No call is made without the frozen entry of this very plan."""
    path = frozen_plan(home, gateway, items=3)
    beside = path.with_name(path.name + ".frozen.json")
    frozen = beside.read_text()

    path.write_text(path.read_text().replace("max_tokens: 24", "max_tokens: 25"))
    changed = worker.run(home, path, gateway.url)
    assert changed.code == 1
    assert "changed since" in changed.stderr

    path.write_text(path.read_text().replace("max_tokens: 25", "max_tokens: 24"))
    beside.unlink()
    missing = worker.run(home, path, gateway.url)
    assert missing.code == 1
    assert "is not frozen" in missing.stderr

    gateway.append_noise()
    beside.write_text(frozen.replace('"index": 0', '"index": 1'))
    elsewhere = worker.run(home, path, gateway.url)
    assert elsewhere.code == 1
    assert "expected plan.frozen" in elsewhere.stderr
    assert gateway.asked == []


def test_a_key_that_the_gateway_does_not_know_ends_before_the_run(home: Home, gateway: GatewayDouble) -> None:
    """The gateway's own sentence reaches the evaluator, and nothing is begun."""
    path = frozen_plan(home, gateway, items=3)
    with pytest.raises(DoorRefused, match=r"401.*no grant is known"):
        with Door(gateway.url, ARRANGEMENT, "another") as door:
            door.append("plan.frozen", plan="0" * 64)
    (home.path / "keys" / "access").write_text("another\n")
    assert plan_cli(home, "freeze", str(path), "--gateway", gateway.url).exit_code == 1
    assert "run.begun" not in gateway.kinds()


def test_a_gateway_that_is_not_there_is_named() -> None:
    """No answer is another error than a refusal, and says what to look at."""
    with pytest.raises(DoorUnreachable, match="Is the gateway running"):
        Door("http://127.0.0.1:9", ARRANGEMENT, SECRET).size()
    with pytest.raises(DoorUnreachable, match="expected http://"):
        Door("gateway", ARRANGEMENT, SECRET)


def test_an_entry_goes_out_although_the_last_connection_has_ended() -> None:
    """A gateway closes a connection that is idle for long, without a word; no run may end by that."""

    class Curt(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(201 if self.command == "POST" else 200)
            answer = json.dumps({"ledger": ORIGIN, "index": 7, "entries": 8}).encode()
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.close_connection = True

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Curt) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with Door(f"http://127.0.0.1:{server.server_port}", ARRANGEMENT, SECRET) as door:
                assert [door.size(), door.append("run.begun", run="1" * 32), door.size()] == [8, (ORIGIN, 7), 8]
        finally:
            server.shutdown()
            thread.join()


def test_a_run_that_breaks_off_is_aborted_in_the_ledger(home: Home, gateway: GatewayDouble, worker: Worker) -> None:
    """What ends without a result says so, under its run; what cannot begin leaves nothing to end."""
    path = frozen_plan(home, gateway, items=3)
    (home.path / "runs").write_text("a file where a folder is expected")
    assert worker.run(home, path, gateway.url).code == 1
    assert gateway.kinds() == ["plan.frozen"]

    (home.path / "runs").unlink()
    told = gateway.answer
    gateway.answer = lambda question: (gateway.entries.append(b"no entry"), told(question))[1]
    assert worker.run(home, path, gateway.url).code == 1
    [aborted] = [json.loads(entry) for entry in gateway.entries if b'"run.aborted"' in entry]
    assert "Error" in aborted["because"]


def test_the_ledger_is_named_as_the_gateway_names_it(home: Home, gateway: GatewayDouble) -> None:
    """The file beside the plan says which ledger holds it, and where."""
    path = frozen_plan(home, gateway, items=3)
    frozen = json.loads(path.with_name(path.name + ".frozen.json").read_text())
    assert (frozen["ledger"], frozen["index"]) == (ORIGIN, 0)
    with Door(gateway.url, ARRANGEMENT, SECRET) as door:
        assert door.size() == 1


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_a_call_that_the_gateway_cannot_read_is_no_wrong_answer(
    home: Home, gateway: GatewayDouble, worker: Worker, protocol: str
) -> None:
    """The engine turns some statuses of 400 into an answer of its own; here they are refused calls."""
    gateway.fail_next = [400] * 3
    path = frozen_plan(home, gateway, items=3, protocol=protocol)
    done = worker.run(home, path, gateway.url)
    assert done.outcome["missing"] == {"refused:400": 3}
    assert done.outcome["counts"]["correct"] == done.outcome["counts"]["judged"] == 0
    assert "3/3 samples, 3 calls" in done.stderr
