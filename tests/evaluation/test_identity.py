"""Is this still the model that was enrolled?  Two words, at a known rate of false alarms, out of ordinary calls."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from gateway_double import ORIGIN, SECRET, GatewayDouble, running_gateway
from hypothesis import given
from hypothesis import strategies as st

from comity.cli.home import Home, make_home
from comity.cli.identity import identity
from comity.cli.identity_acts import keeper_of, wanted
from comity.cli.plan import plan as plan_command
from comity.evaluation.identity.canaries import Canaries, canary_count, positions
from comity.evaluation.identity.checking import check_against_ledger, check_results, parse_disclosed
from comity.evaluation.identity.edge import AskRefused, Question
from comity.evaluation.identity.enrolling import Design
from comity.evaluation.identity.enrolment import Answer, IdentityError, parse_enrolment, parse_session
from comity.evaluation.identity.material import border_candidates, completion_prompts
from comity.evaluation.plan_parts import Identity
from comity.records import parse_record

SMALL = ("--prompts", "8", "--repeats", "10", "--border", "3", "--border-repeats", "10", "--search", "40")
NOT_FOUND = "not distinguishable within margin"


class Model:
    """A model out of a die: each prompt has favourite words, and `turned` is how often it says others."""

    def __init__(self, seed: int = 1) -> None:
        self.turned = 0.0
        self._die, self._lock = random.Random(seed), threading.Lock()

    def __call__(self, prompt: str) -> str:
        with self._lock:
            if self._die.random() < self.turned:
                return "toys and games"
            word = self._die.choice(("red" if len(prompt) % 2 else "tall", "old"))
            return word if " or " in prompt else f"{word} {prompt[: self._die.randint(4, 9)]}"


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def gateway(model: Model) -> Iterator[GatewayDouble]:
    with running_gateway(model) as double:
        yield double


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    (made.path / "keys" / "access").write_text(SECRET + "\n")
    return made


def cli(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(identity, arguments, obj=home)


def said(result: Result, status: int = 0) -> dict[str, Any]:
    assert result.exit_code == status, result.output
    members: dict[str, Any] = json.loads(result.output.strip().splitlines()[-1])
    return members


def enrolled(home: Home, gateway: GatewayDouble, *more: str) -> dict[str, Any]:
    where = ("--ledger", ORIGIN, "--gateway", gateway.url, "--model", "gemma-3-270m")
    return said(cli(home, "enrol", *where, *SMALL, *more, "--json"))


def compared(home: Home, gateway: GatewayDouble, taken: dict[str, Any], *more: str, status: int = 0) -> dict[str, Any]:
    return said(cli(home, "test", taken["enrolment"], "--gateway", gateway.url, *more, "--json"), status)


def verdicts(session: dict[str, Any]) -> dict[str, str]:
    return {result["kind"]: result["verdict"] for result in session["results"]}


def test_every_call_of_an_enrolment_is_ordinary_and_counted(home: Home, gateway: GatewayDouble) -> None:
    """Calls pass the gateway with no mark on them, name no run, and their number is the one in the entry."""
    taken = enrolled(home, gateway)

    entry = json.loads(gateway.entries[taken["entry"]])
    assert "identity.enrolled" == entry["kind"]
    assert gateway.kinds().count("call.permitted") == taken["calls"] == entry["calls"] == len(gateway.asked)
    assert not any("comity-run" in asked["headers"] for asked in gateway.asked)
    assert {1, 12} == {asked["body"]["max_tokens"] for asked in gateway.asked}
    assert taken["calls"] <= Design(prompts=8, repeats=10, border=3, border_repeats=10, search=40).most_calls


def test_prompts_and_answers_are_secret_until_they_are_disclosed(home: Home, gateway: GatewayDouble) -> None:
    """Neither the evaluator's disk nor an entry shows what was asked; a disclosure does, to whoever is given it."""
    taken = enrolled(home, gateway)
    compared(home, gateway, taken, "--calls", "12")
    prompts = {asked["body"]["messages"][0]["content"] for asked in gateway.asked}
    at_rest = b"".join(path.read_bytes() for path in (home.path / "identity").rglob("*") if path.is_file())
    entries = b"".join(entry for entry in gateway.entries if b'"identity.' in entry)

    shown = home.path / "shown.json"
    assert cli(home, "show", taken["enrolment"], "--disclose", str(shown)).exit_code == 0

    assert not any(prompt.encode() in at_rest + entries for prompt in prompts)
    baseline = {prompt for part in parse_disclosed(shown.read_bytes()).enrolment.parts for prompt in part.prompts}
    assert baseline and baseline <= prompts


def test_the_same_model_is_not_distinguishable_and_never_called_the_same(home: Home, gateway: GatewayDouble) -> None:
    """The verdict names the margin and the power, whatever the number of looks, and never says "same"."""
    taken = enrolled(home, gateway, "--alpha", "0.001")  # so that a false alarm is one run in five hundred

    for _ in range(4):
        session = compared(home, gateway, taken, "--calls", "24")
        assert {"completions", "first-token"} == set(verdicts(session))
        for result in session["results"]:
            expected = f"{NOT_FOUND} {result['margin']} at power {result['power']}"
            assert expected == result["verdict"]
    assert "same" not in cli(home, "show", taken["enrolment"]).output


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_model_that_answers_otherwise_is_changed_and_not_called_substituted(
    home: Home, gateway: GatewayDouble, model: Model, share: float
) -> None:
    """Exit status 1 and the one word; the evidence of several looks adds up, and the word stays."""
    taken = enrolled(home, gateway)
    model.turned = share

    session = compared(home, gateway, taken, "--calls", "60", status=1)
    model.turned = 0.0
    later = cli(home, "test", taken["enrolment"], "--gateway", gateway.url, "--calls", "8")

    assert "changed" == verdicts(session)["completions"]
    assert 1 == later.exit_code and "changed" in later.output
    assert "substitut" not in later.output


def test_evidence_of_small_looks_adds_up(home: Home, gateway: GatewayDouble, model: Model) -> None:
    """A look too small to decide by itself leaves a capital that the next ones multiply."""
    taken = enrolled(home, gateway, "--border", "0")
    model.turned = 0.7
    capitals = []
    for _ in range(12):
        result = cli(home, "test", taken["enrolment"], "--gateway", gateway.url, "--calls", "6", "--json")
        [completions] = json.loads(result.output.strip().splitlines()[-1])["results"]
        capitals.append(float(completions["capital"]))
        if result.exit_code:
            break
    assert max(capitals) >= 20 and len(capitals) < 12


def test_a_harmless_change_sets_the_margin_before_the_first_test_alone(
    home: Home, gateway: GatewayDouble, model: Model
) -> None:
    """A benign session widens the margin to what it may have been; after a test it is refused, before any call."""
    taken = enrolled(home, gateway)
    model.turned = 0.3
    benign = compared(home, gateway, taken, "--calls", "40", "--benign", "a faster attention kernel")
    after = compared(home, gateway, taken, "--calls", "40")
    before = len(gateway.asked)
    late = cli(home, "test", taken["enrolment"], "--gateway", gateway.url, "--benign", "another one")

    upper = {result["kind"]: float(result["upper"]) for result in benign["results"]}
    assert all(float(result["e"]) == 1 for result in benign["results"])
    assert all(float(result["margin"]) == upper[result["kind"]] > 0.02 for result in after["results"])
    assert all(verdict.startswith(NOT_FOUND) for verdict in verdicts(after).values())
    assert 1 == late.exit_code and "before the first test" in late.output
    assert before == len(gateway.asked)


def test_a_refusal_is_told_in_the_gateways_words(home: Home, gateway: GatewayDouble) -> None:
    """A spent budget ends the enrolment with its clause, and no enrolment is left behind."""
    gateway.budget = 30
    where = ("--ledger", ORIGIN, "--gateway", gateway.url, "--model", "gemma-3-270m")
    refused = cli(home, "enrol", *where, *SMALL)

    assert 1 == refused.exit_code
    assert "budget.calls: 30 calls are agreed and 30 are taken" in refused.output
    assert "no enrolment in this home" in cli(home, "show").output


def disclosed(home: Home, gateway: GatewayDouble, taken: dict[str, Any]) -> Path:
    shown = home.path / "shown.json"
    assert cli(home, "show", taken["enrolment"], "--disclose", str(shown)).exit_code == 0
    return shown


def test_a_stranger_computes_every_number_again(home: Home, gateway: GatewayDouble) -> None:
    """Results, commitments, completeness and calls each hold, and each fails where it was tampered with."""
    taken = enrolled(home, gateway)
    for _ in range(2):
        compared(home, gateway, taken, "--calls", "16")
    shown = parse_disclosed(disclosed(home, gateway, taken).read_bytes())
    entries = [(index, parse_record(entry)) for index, entry in enumerate(gateway.entries)]

    assert check_results(shown).holds
    assert all(fact.holds for fact in check_against_ledger(shown, entries))

    first = shown.sessions[0]
    assert first.results is not None
    better = (replace(first.results[0], p="0.9"), *first.results[1:])
    assert not check_results(replace(shown, sessions=(replace(first, results=better), shown.sessions[1]))).holds
    facts = {f.name: f.holds for f in check_against_ledger(replace(shown, sessions=shown.sessions[:1]), entries)}
    assert {"commitments": True, "complete": False, "calls": True} == facts
    other = replace(shown, commitments=("0" * 64, *shown.commitments[1:]))
    assert not check_against_ledger(other, entries)[0].holds
    kind, prompt, _ = first.answers[0]
    twice = replace(first, answers=((kind, prompt, first.answers[1][2]), *first.answers[1:]))
    doubled = check_against_ledger(replace(shown, sessions=(twice, shown.sessions[1])), entries)
    assert {"calls"} == {fact.name for fact in doubled if not fact.holds}


def test_check_says_what_it_could_not_check(home: Home, gateway: GatewayDouble) -> None:
    """Without a copy of the ledger the command checks the arithmetic, and names the rest."""
    taken = enrolled(home, gateway)
    compared(home, gateway, taken, "--calls", "8")
    checked = CliRunner().invoke(identity, ["check", str(disclosed(home, gateway, taken))])

    assert 0 == checked.exit_code
    assert "✓ results" in checked.output and "not checked" in checked.output


@pytest.mark.parametrize("parse", [parse_enrolment, parse_session, parse_disclosed])
@given(data=st.binary(max_size=60) | st.recursive(
    st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["format", "parts", "answers", "enrolment", "results"]), inner), max_leaves=6,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_the_parsers_refuse_what_is_none_with_one_error(parse: Callable[[bytes], object], data: bytes) -> None:
    """Whatever the bytes are, there is a value or the identity error, and no other."""
    with pytest.raises(IdentityError):
        parse(data)


@pytest.mark.parametrize("make", [completion_prompts, border_candidates])
def test_an_enrolments_prompts_are_its_own(make: Callable[[bytes, int], tuple[str, ...]]) -> None:
    """The same bytes give the same prompts, others give others, and none stands twice."""
    one, again, other = make(b"1", 200), make(b"1", 200), make(b"2", 200)

    assert one == again and 200 == len(set(one))
    assert len(set(one) & set(other)) < 20


def test_canaries_stay_within_their_share() -> None:
    """At most five in a hundred of the plan's calls; less than one canary is refused, and so is a larger share."""
    assert 5 == canary_count(100, 0.05)
    assert 5 == canary_count(119, 0.05)
    for calls, share in ((10, 0.05), (100, 0.06), (100, 0.0)):
        with pytest.raises(IdentityError):
            canary_count(calls, share)


def test_canaries_stand_anywhere_in_a_run() -> None:
    """Each place is drawn by itself, among all rows of the run."""
    die = random.Random(5)
    drawn = [place for _ in range(300) for place in positions(4, 40, lambda count: die.randbytes(count))]

    assert set(range(40)) == set(drawn)


def question(prompt: str) -> Question:
    return Question(prompt=prompt, temperature="1", max_tokens=1)


@pytest.mark.parametrize(("fails", "earlier"), [(False, 0), (True, 0), (False, 6)])
def test_canaries_are_asked_when_they_are_due_and_never_end_a_run(fails: bool, earlier: int) -> None:
    """A canary follows the row that it was drawn for; its failure is noted, and the run's progress goes on."""
    at: list[tuple[int, str]] = []
    told, now = [], 0

    def ask(asked: Question) -> Answer:
        if fails and asked.prompt == "5":
            raise AskRefused("budget.calls: spent")
        at.append((now, asked.prompt))
        return Answer(entry=len(at), text="x")

    due = [0, 2, 5, 9]
    canaries = Canaries([("completions", 0, question(str(d))) for d in due], due, ask, lambda answers: None)
    with canaries:
        show = canaries.beside(lambda done, calls, refused: told.append(done))
        for done in range(earlier, 11):
            now = done
            show(done, done, 0)
            wanted = [d for d in due if earlier - 1 <= d <= done and not (fails and d >= 5)]
            while len(at) < len(wanted):
                threading.Event().wait(0.005)
    assert list(range(earlier, 11)) == told
    assert [d for d in due if d >= earlier - 1 and not (fails and d >= 5)] == [int(prompt) for _, prompt in at]
    assert all(done >= int(prompt) for done, prompt in at)
    assert ("budget.calls" in canaries.because) is fails


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({}, ""),
        ({"canaries": 6}, "at most 5"),
        ({"prompts_commitment": "0" * 64}, "does not hold"),
        ({"margin": "0.3"}, "the plan states others"),
        ({"alpha": "0.01"}, "the plan states others"),
    ],
)
def test_a_plan_names_its_enrolment_by_the_commitment(
    home: Home, gateway: GatewayDouble, stated: dict[str, Any], says: str
) -> None:
    """A frozen plan fixes which baseline its canaries are of, how many there are, and what is tolerated."""
    taken = enrolled(home, gateway, "--border", "0")
    said: dict[str, Any] = {"method": "mmd", "canaries": 5, "prompts_commitment": taken["commitment"],
                            "margin": "0.02", "alpha": "0.05", **stated}  # fmt: skip
    plan: Any = SimpleNamespace(access=SimpleNamespace(calls=100), parts=SimpleNamespace(identity=Identity(**said)))
    if says:
        with pytest.raises(IdentityError, match=says):
            wanted(keeper_of(home), None, 0.05, plan)
    else:
        found, count = wanted(keeper_of(home), None, 0.05, plan)
        assert (taken["enrolment"], 5) == (found.id, count)


@pytest.mark.slow
def test_canaries_stand_between_the_calls_of_a_real_run(home: Home, gateway: GatewayDouble) -> None:
    """The run reconciles call for call, its canaries name no run, and their comparison is an entry of its own."""
    pytest.importorskip("inspect_ai")
    taken = enrolled(home, gateway, "--border", "0")
    plan = home.path / "plan.yaml"
    made = CliRunner().invoke(plan_command, [
        "new", "--arrangement", ORIGIN.rpartition("/")[2], "--protocol", "openai", "--model", "gemma-3-270m",
        "--items", "60", "--out", str(plan),
    ], obj=home)  # fmt: skip
    assert 0 == made.exit_code, made.output
    frozen = CliRunner().invoke(plan_command, ["freeze", str(plan), "--gateway", gateway.url], obj=home)
    assert 0 == frozen.exit_code, frozen.output
    done = subprocess.run(
        [sys.executable, "-m", "comity", "--home", str(home.path), "run", str(plan), "--gateway", gateway.url]
        + ["--canaries", taken["enrolment"][:8], "--json"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    outcome = json.loads(done.stdout)

    entries = [json.loads(entry) for entry in gateway.entries]
    permits = [entry for entry in entries[taken["entry"] :] if entry["kind"] == "call.permitted"]
    unnamed = [place for place, permit in enumerate(permits) if not permit["run"]]
    tested = entries[outcome["canaries"]["entry"]]
    assert [] == outcome["differences"] and 60 == outcome["calls"]
    assert 3 == outcome["canaries"]["answered"] == len(unnamed) == tested["calls"]
    assert ("identity.tested", outcome["run"], 1) == (tested["kind"], tested["run"], tested["number"])
    assert unnamed[0] < 60, "all canaries came after the run's own calls"
