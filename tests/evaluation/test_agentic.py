"""Agentic tasks: tools in a sandbox, each call tied to its step, and the rate for each budget of tokens."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from gateway_double import ARRANGEMENT, SECRET, GatewayDouble, running_gateway
from test_run import Worker, plan_cli

from comity.cli.home import Home, make_home
from comity.cli.steps import steps
from comity.evaluation import EvaluationError
from comity.evaluation.steps import Step, Trace, by_budget

pytest.importorskip("inspect_ai")
TASK = "comity.evaluation.practice:small_office"


def answer_from(files: dict[str, str], question: str) -> str:
    """The answer, found in the files' text alone."""
    if found := re.search(r"order (\d+)\?", question):
        return next(name for name, text in files.items() if f"order {found[1]}:" in text)
    good = question.split()[2]
    named = re.search(r"is (\w+\.txt)", files["readme.txt"])
    assert named is not None
    names = [named[1]] if "readme" in question else list(files)
    return str(sum(int(amount) for name in names for amount in re.findall(rf": (\d+) {good}", files[name])))


def test_every_answer_key_is_found_again_in_the_files() -> None:
    """A second method reads the files as text and comes to the same answers."""
    from comity.evaluation.practice import offices

    made = offices()
    assert len({name for name, *_ in made}) == 12
    for name, files, question, answer in made:
        assert answer_from(files, question) == answer, name


def agent(body: dict[str, Any]) -> str:
    """A model that lists, reads one file after the other, tries one that is not there, and then answers."""
    said = [message for message in body["messages"] if message["role"] in ("user", "assistant", "tool")]
    question = said[0]["content"] if isinstance(said[0]["content"], str) else said[0]["content"][0]["text"]
    results = [str(message["content"]) for message in said if message["role"] == "tool"]
    if not results:
        return "TOOL list_files {}"
    names = results[0].split()
    if question.startswith("In which"):
        return "may.txt"  # a guess: right for two of four
    if len(results) == 1:
        return 'TOOL read_file {"name": "../../secret"}'
    assert "there is no file" in results[1]
    read = results[2:]
    if len(read) < len(names):
        return f'TOOL read_file {{"name": "{names[len(read)]}"}}'
    return answer_from(dict(zip(names, read, strict=True)), question)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, dict[str, Any], GatewayDouble]]:
    """One run of the practice task in Inspect's local sandbox."""
    home = make_home(tmp_path_factory.mktemp("agentic") / "evaluator", role="evaluator", name="E", host="e.example")
    (home.path / "keys" / "access").write_text(SECRET + "\n")
    path, worker = home.path / "office.yaml", Worker()
    with running_gateway(lambda _: "") as gateway:
        gateway.act = agent
        made = plan_cli(
            home, "new", "--task", TASK, "--arg", "steps=8", "--calls-a-sample", "8", "--arrangement", ARRANGEMENT,
            "--protocol", "openai", "--model", "gemma-3-270m", "--items", "12", "--max-tokens", "64",
            "--out", str(path),
        )  # fmt: skip
        assert made.exit_code == 0, made.output
        assert plan_cli(home, "freeze", str(path), "--gateway", gateway.url).exit_code == 0
        found = worker.run(home, path, gateway.url)
        worker.process.communicate(timeout=20)
        assert found.code == 0, found.stderr
        yield home, found.outcome, gateway


@pytest.mark.slow
def test_an_agent_works_in_a_real_sandbox_and_each_step_is_a_call(
    done: tuple[Home, dict[str, Any], GatewayDouble],
) -> None:
    """Files were listed and read there, nothing else was, and every step names its own entry in the ledger."""
    home, outcome, gateway = done
    assert outcome["counts"]["judged"] == 12 and outcome["differences"] == []
    assert outcome["counts"]["correct"] == 10
    told = CliRunner().invoke(steps, [outcome["run"], "--json"], obj=home)
    assert told.exit_code == 0, told.output
    traces = {trace["item"]: trace for trace in json.loads(told.stdout)["traces"]}
    assert [step["tools"] for step in traces["total-0"]["steps"]] == [
        ["list_files"], *[["read_file"]] * 5, [],
    ]  # fmt: skip
    calls = [index for trace in traces.values() for step in trace["steps"] for index in step["calls"]]
    assert sorted(calls) == outcome["permits"] and len(set(calls)) == len(gateway.asked) == 4 * 2 + 8 * 7
    assert traces["total-0"]["tokens"] == 7 * 12


@pytest.mark.slow
def test_the_rate_depends_on_the_budget_of_tokens(done: tuple[Home, dict[str, Any], GatewayDouble]) -> None:
    """With few tokens only the guesses are right; with all, what was read is too."""
    home, outcome, _ = done
    told = CliRunner().invoke(steps, ["last", "--budget", "24", "--budget", "84", "--item", "chain-1"], obj=home)
    assert "  24  16.7% (" in told.stdout and "  84  83.3% (" in told.stdout
    assert "12 samples, 64 steps: 2 to 7 a sample" in told.stdout
    assert re.search(r"  1  entry \d+  list_files  10 in, 2 out", told.stdout)
    assert outcome["run"]


def trace(item: str, *tokens: int | None, epoch: int = 1) -> Trace:
    made = [
        Step(number=n, calls=(n,), tools=(), input_tokens=count, output_tokens=0) for n, count in enumerate(tokens, 1)
    ]
    return Trace(item=item, epoch=epoch, steps=tuple(made))


def test_a_budget_counts_what_was_right_within_it() -> None:
    """A wrong sample is wrong at any budget; one of unknown tokens or without a score is missing."""
    traces = [trace("a", 10, 20), trace("b", 100), trace("c", 5), trace("d", 5, None), trace("a", 1, epoch=2)]
    rates = by_budget(traces, {"a": 1, "b": 1, "c": 0, "d": 1, "e": None}, [100, 29, 30], 0.95)
    assert [(budget, rate.successes, rate.n, rate.missing) for budget, rate in rates] == [
        (29, 0, 3, 2), (30, 1, 3, 2), (100, 2, 3, 2),
    ]  # fmt: skip
    for budgets in ([], [0]):
        with pytest.raises(EvaluationError):
            by_budget(traces, {"a": 1}, budgets, 0.95)
    with pytest.raises(EvaluationError, match="known number of tokens"):
        by_budget([trace("d", None)], {"d": 1}, [5], 0.95)
