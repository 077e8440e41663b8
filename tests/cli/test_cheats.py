"""Everyone cheats once, for real, and the ledger, the verifier or a witness says so."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from traced import ROLES, folders_opened, tracing

import comity.cli.demo as demo_module
from comity.cli.demo.edit import edit_page, edit_report
from comity.cli.demo.hidden import alarm_rate
from comity.cli.demo.offer import Offered
from comity.cli.demo.scene import CLIENTS, LEFT, Cheat, all_caught
from comity.cli.demo.story import Endpoint
from comity.cli.main import main
from comity.evaluation.identity.checking import parse_disclosed
from comity.records import canonical_bytes, parse_canonical
from comity.report.forms import Claims

WHO = ["evaluator", "provider", "provider", "evaluator", "thief", "evaluator", "publisher", "operator"]


@dataclass(frozen=True, kw_only=True)
class Told:
    """One telling of the act."""

    status: int
    output: str
    errors: str
    result: dict[str, Any]
    trace: Path | None


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("cheats")
    watched, trace = tracing(folder / "trace")
    command = [sys.executable, "-m", "comity", "demo", "--act", "cheat", "--no-serve", "--json"]
    done = subprocess.run(
        [*watched, *command, "--folder", str(folder)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "100"},
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    result = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Told(status=done.returncode, output=done.stdout, errors=done.stderr, result=result, trace=trace)


def evidence(told: Told, number: int) -> Path:
    return Path(told.result["cheats"][number]["evidence"])


@pytest.mark.slow
def test_each_side_cheats_and_is_caught(told: Told) -> None:
    """Evaluator, provider, thief, publisher and operator cheat in turn; each is caught, with a file to show."""
    assert 0 == told.status, told.errors[-4000:] + told.output[-4000:]
    cheats = told.result["cheats"]
    assert WHO == [cheat["who"] for cheat in cheats]
    assert all(cheat["caught"] is True and cheat["what"] and cheat["caught_by"] for cheat in cheats)
    assert all(Path(cheat["evidence"]).exists() for cheat in cheats)


@pytest.mark.slow
def test_the_narration_names_the_evidence_and_fits_a_terminal(told: Told) -> None:
    """Whoever watches reads who caught whom with which file, within 100 columns."""
    lines = told.output.splitlines()[:-1]

    assert len(WHO) == sum("evidence: " in line for line in lines)
    assert len(WHO) == sum("Caught by" in line for line in lines)
    assert "NOT CAUGHT" not in told.output
    assert not [line for line in lines if len(line) > 100]


@pytest.mark.slow
def test_the_refusal_of_an_unlisted_feature_quotes_its_clause(told: Told) -> None:
    """The evidence is the refusal's entry itself."""
    entry = json.loads(evidence(told, 0).read_bytes())

    assert ("call.refused", 403, "features.logprobs") == (entry["kind"], entry["status"], entry["clause"])


@pytest.mark.slow
def test_the_answer_of_another_model_is_withheld_and_named(told: Told) -> None:
    """The settlement says which model answered, and that nobody was given its answer."""
    entry = json.loads(evidence(told, 1).read_bytes())

    assert ("call.settled", "mismatch", "withheld") == (entry["kind"], entry["served_check"], entry["outcome"])
    assert "gemma-3-270m-small" == entry["served"]


@pytest.mark.slow
def test_a_hidden_system_prompt_is_changed_and_not_called_substituted(told: Told) -> None:
    """The agreed name is stated on every answer, the answers are others, and a stranger computes that again."""
    shown = parse_disclosed(evidence(told, 2).read_bytes())
    copy = evidence(told, 0).parent.parent.parent / "copy"
    done = CliRunner().invoke(main, ["identity", "check", str(evidence(told, 2)), "--ledger", str(copy), "--json"])
    [benign], [hidden] = (session.results or () for session in shown.sessions)

    assert 0 == done.exit_code and json.loads(done.output)["stands"] is True
    assert "changed" == hidden.verdict
    assert benign.verdict.startswith("not distinguishable within margin")
    assert alarm_rate(shown, shown.sessions[0]) < alarm_rate(shown, shown.sessions[1])
    assert "gemma-3-270m (agreed)" in told.output
    assert "substituted" not in told.output.replace('not "substituted"', "")


@pytest.mark.slow
def test_of_sixty_four_clients_exactly_ten_pass(told: Told) -> None:
    """The ledger holds ten permits, ten settlements and fifty-four refusals under the clause."""
    entries = [json.loads(line) for line in evidence(told, 3).read_text().splitlines()]
    kinds = [entry["kind"] for entry in entries]

    assert (LEFT, LEFT) == (kinds.count("call.permitted"), kinds.count("call.settled"))
    assert CLIENTS - LEFT == sum(entry.get("clause") == "budget.calls" for entry in entries)


@pytest.mark.slow
def test_a_call_around_the_gateway_is_refused_and_counted(told: Told) -> None:
    """The stolen key alone and a used permit open nothing; anyone finds guard and ledger equal on the day."""
    counters = evidence(told, 4)
    terms, copy = counters.parent.parent / "terms.json", counters.parent.parent.parent / "copy"
    [refused] = [line.split() for line in counters.read_text().splitlines() if line.startswith("refused ")]

    done = CliRunner().invoke(main, ["reconcile", str(counters), "--arrangement", str(terms), "--ledger", str(copy)])

    assert 0 == done.exit_code, done.output
    assert {"missing=1", "used=1"} == {count for count in refused[1:] if not count.endswith("=0")}
    assert "the guard and the ledger saw the same calls" in done.output
    assert "403  missing" in told.output and "403  used" in told.output


@pytest.mark.slow
@pytest.mark.parametrize(("number", "said"), [(5, "runs.begun says 1, the record gives 2"), (6, "estimates.0.point")])
def test_an_altered_bundle_fails_and_the_number_is_named(told: Told, number: int, said: str) -> None:
    """Anyone who verifies the altered bundle again reads which number was changed."""
    terms = evidence(told, 0).parent.parent / "terms.json"

    done = CliRunner().invoke(main, ["verify", str(evidence(told, number)), "--arrangement", str(terms)])

    assert 1 == done.exit_code
    assert said in done.output


@pytest.mark.slow
def test_the_witness_kept_what_proves_the_fork(told: Told) -> None:
    """Its evidence lies in the authority's own folder and fails verification as two histories."""
    kept = evidence(told, 7)
    terms = evidence(told, 0).parent.parent / "terms.json"

    done = CliRunner().invoke(main, ["verify", str(kept), "--arrangement", str(terms)])

    assert {"held", "request"} <= {path.name for path in kept.iterdir()}
    assert ("authority", "witness", "evidence") == kept.parts[-4:-1]
    assert 1 == done.exit_code and "the log signed two histories" in done.output


@pytest.mark.slow
def test_a_cheater_has_its_own_sides_folder_and_no_other(told: Told) -> None:
    """Nobody cheats with another side's keys: each process opens files of one side's folder at most."""
    if told.trace is None:
        pytest.skip("strace is not installed: apt-get install strace")
    made = evidence(told, 0).parent.parent.parent

    assert {(role, role) for role in ROLES} == folders_opened(told.trace, made)


def cheat(*, caught: bool) -> Cheat:
    return Cheat(who="operator", what="Rewrites an entry.", caught_by="nobody", evidence="entry.json", caught=caught)


@pytest.mark.parametrize(("caught", "status"), [([True, True], 0), ([True, False], 1), ([], 1)])
def test_a_cheat_that_is_not_caught_is_the_demos_failure(
    caught: list[bool], status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The exit status is 1 as soon as one cheat goes through, and the JSON still says which."""
    endpoint = Endpoint(url="http://127.0.0.1:9", key="none", protocols=("openai",), model="m")
    offered = Offered(
        model="m", serves=("m",), protocols=("openai",), context_window=100, max_output=1, overhead=1,
        price_input="0", price_output="0", calls=1, input_tokens=1, output_tokens=1, cost="0",
    )  # fmt: skip
    monkeypatch.setattr(demo_module, "_local", lambda *_: (endpoint, offered))
    monkeypatch.setattr(demo_module, "tell_cheats", lambda *_: [cheat(caught=each) for each in caught])

    done = CliRunner().invoke(main, ["demo", "--act", "cheat", "--no-serve", "--json", "--folder", str(tmp_path)])

    assert status == done.exit_code
    assert caught == [each["caught"] for each in json.loads(done.output.splitlines()[-1])["cheats"]]
    assert all_caught([cheat(caught=each) for each in caught]) is (status == 0)


def test_the_cheats_are_not_told_on_a_visitors_endpoint(tmp_path: Path) -> None:
    """Nobody's paid endpoint is used to show a provider's misconduct."""
    done = CliRunner().invoke(
        main, ["demo", "--act", "cheat", "--upstream", "https://api.example/v1", "--folder", str(tmp_path)]
    )

    assert 2 == done.exit_code
    assert "local model" in done.output


def test_the_publishers_pen_keeps_page_and_report_in_agreement() -> None:
    """The forged page is as consistent as a forger can make it, so that only the record gives it away."""
    members: dict[str, Any] = {"runs": {"begun": 2}, "estimates": [{"point": "0.300000"}]}
    claims = Claims(members)
    page = f"<p>{claims('runs.begun')} and {claims('estimates.0.point')}</p>".encode()
    changes = {"runs.begun": "1", "estimates.0.point": "0.900000"}

    report = edit_report(canonical_bytes(members), changes)

    other: dict[str, Any] = {"runs": {"begun": 1}, "estimates": [{"point": "0.900000"}]}
    assert other == parse_canonical(report)
    claims = Claims(other)
    assert f"<p>{claims('runs.begun')} and {claims('estimates.0.point')}</p>".encode() == edit_page(page, changes)
