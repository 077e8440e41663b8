"""Runs whose sample is drawn from a frame: stratified, and batch by batch where an answer teaches most."""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from gateway_double import ARRANGEMENT, SECRET, GatewayDouble, running_gateway
from test_resume import end, run_broken_at, start
from test_run import SUITE, Worker, answer, plan_cli

from comity.cli.home import Home, make_home
from comity.cli.plan import open_plan
from comity.estimate import Foresight, Sampled, Stratum, estimate_strata, frame_of
from comity.evaluation.banks import load_bank
from comity.evaluation.framing import design_of
from comity.evaluation.scores import blind
from comity.records import parse_canonical
from comity.verify.sample import check_sample, sample_of
from comity.verify.scores import read_scores

pytest.importorskip("inspect_ai")

TOPICS = {item.id: item.topic for item in SUITE.items}


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    with running_gateway(answer) as double:
        yield double


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.process.communicate(timeout=20)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    (made.path / "keys" / "access").write_text(SECRET + "\n")
    return made


def past_run(folder: Path, model: str, *, date: str = "2026-05-01", knows: int = 3, bank: str = SUITE.sha256) -> Path:
    """A file of history: a model that knows the items up to a difficulty."""
    path = folder / f"{model.replace('/', '-')}-{date}.json"
    path.write_text(
        json.dumps(
            {
                "format": "comity history/1", "bank": "short-answers", "bank_sha256": bank, "clusters": {},
                "date": date, "family": model.split("-")[0], "inferred": True, "model": model,
                "organisation": f"{model.split('-')[0]} makers", "plan": "1" * 64,
                "outcomes": {one.id: [int(one.difficulty <= knows)] for one in SUITE.items},
                "run": sha256(model.encode()).hexdigest()[:32], "scorer": "short-answer/1",
            }
        )
    )  # fmt: skip
    return path


def new_plan(home: Home, *more: str, items: int = 24) -> tuple[Path, Result]:
    path = home.path / "plan.yaml"
    made = plan_cli(
        home, "new", "--arrangement", ARRANGEMENT, "--protocol", "openai", "--model", "gemma-3-270m",
        "--items", str(items), "--out", str(path), *more,
    )  # fmt: skip
    return path, made


def history(home: Home) -> list[str]:
    """Options for three earlier runs that may be known."""
    made = [past_run(home.path, f"{name}-1", knows=knows) for name, knows in (("olmo", 2), ("qwen", 3), ("phi", 4))]
    return [word for path in made for word in ("--history", str(path))]


def frozen(home: Home, gateway: GatewayDouble, *more: str, items: int = 24) -> Path:
    path, made = new_plan(home, *more, items=items)
    assert made.exit_code == 0, made.output
    assert plan_cli(home, "freeze", str(path), "--gateway", gateway.url).exit_code == 0
    return path


def table_of(home: Home, outcome: dict[str, Any]) -> dict[str, Any]:
    folder = home.path / "runs" / outcome["run"]
    table: dict[str, Any] = parse_canonical((folder / "scores.json").read_bytes(), limit=1 << 20)
    return table


def names_of(home: Home, outcome: dict[str, Any]) -> dict[str, str]:
    salt = bytes.fromhex((home.path / "runs" / outcome["run"] / "scores.salt").read_text())
    return {blind(item, salt): item for item in TOPICS}


def checked(home: Home, path: Path, outcome: dict[str, Any]) -> Any:
    """What a third party says of the sample, from plan, frame, seed and score table."""
    folder = home.path / "runs" / outcome["run"]
    plan = parse_canonical((folder / "plan.json").read_bytes(), limit=1 << 20)
    table = read_scores((folder / "scores.json").read_bytes())
    seed = (folder / "seed").read_text().strip()
    sample = sample_of(plan, 0.05, (folder / "frame.json").read_bytes(), seed, table.first())
    assert sample is not None
    return check_sample(plan, sample, table.placings())


def metadata_in(home: Home, outcome: dict[str, Any]) -> dict[str, dict[str, Any]]:
    from inspect_ai.log import read_eval_log

    [log] = (home.path / "runs" / outcome["run"]).glob("*.eval")
    return {str(one.id): dict(one.metadata["comity_sampling"]) for one in read_eval_log(str(log)).samples or ()}


@pytest.mark.slow
def test_a_stratified_run_asks_each_topic_in_proportion(home: Home, gateway: GatewayDouble, worker: Worker) -> None:
    """As many of each topic as its share, each with its chance in log and table; the estimate weighs the topics."""
    path = frozen(home, gateway, "--sample", "stratified", "--strata-by", "topic")

    done = worker.run(home, path, gateway.url)

    assert done.code == 0, done.stderr
    outcome, table = done.outcome, table_of(home, done.outcome)
    names = names_of(home, outcome)
    asked = Counter(TOPICS[names[row["item"]]] for row in table["rows"])
    sizes = Counter(TOPICS.values())
    assert table["format"] == "comity scores/2"
    assert {topic: 24 * size / 204 for topic, size in sizes.items()} == pytest.approx(asked, abs=1)
    assert sorted(row["place"] for row in table["rows"]) == list(range(24))
    told = metadata_in(home, outcome)
    for row in table["rows"]:
        item = names[row["item"]]
        topic = TOPICS[item]
        assert float(row["probability"]) == pytest.approx(asked[topic] / sizes[topic])
        assert told[item] == {"place": row["place"], "probability": asked[topic] / sizes[topic], "stratum": topic}
    right = Counter(TOPICS[names[row["item"]]] for row in table["rows"] if row["score"])
    strata = [Stratum(size=sizes[topic], n=asked[topic], successes=right[topic]) for topic in sorted(sizes)]
    assert [one["text"] for one in outcome["estimates"]] == [
        str(estimate_strata("korn-graubard", strata, 0.95)), str(estimate_strata("clopper-pearson", strata, 0.95)),
    ]  # fmt: skip
    assert checked(home, path, outcome).holds


@pytest.mark.slow
def test_an_active_run_asks_where_earlier_models_differed_and_stops(
    home: Home, gateway: GatewayDouble, worker: Worker
) -> None:
    """Batch after batch, each draw with its chance and what was foreseen, until the question is decided."""
    path = frozen(home, gateway, "--sample", "active", "--decide", "0.30", *history(home), items=120)

    done = worker.run(home, path, gateway.url)

    assert done.code == 0, done.stderr
    outcome, table = done.outcome, table_of(home, done.outcome)
    assert outcome["stopped"]["decision"] == "above"
    assert len(table["rows"]) == outcome["stopped"]["asked"] == len(gateway.asked) < 60
    assert len({row["probability"] for row in table["rows"]}) > len(table["rows"]) // 2
    told = metadata_in(home, outcome)
    assert {"place", "probability", "predicted", "rest", "low", "high", "variance", "batch"} == set(
        next(iter(told.values()))
    )
    [estimate] = outcome["estimates"]
    assert (estimate["method"], estimate["bank"]) == ("betting-drawn", 204)
    assert float(estimate["low"]) > 0.3
    assert checked(home, path, outcome).holds


@pytest.mark.slow
@pytest.mark.parametrize("number", [7, 13])
def test_an_active_run_that_is_killed_draws_the_same_sample(home: Home, gateway: GatewayDouble, number: int) -> None:
    """After kill -9 in the middle of a batch, what was drawn stays drawn; the table is that of an unbroken run."""
    path = frozen(home, gateway, "--sample", "active", *history(home), items=20)
    assert run_broken_at(home, path, gateway, number, signal.SIGKILL).code == -signal.SIGKILL

    done = end(start(home, path, gateway.url, "--resume", "last"))

    assert done.code == 0, done.stderr
    outcome, table, plan = done.outcome, table_of(home, done.outcome), open_plan(path)
    names, score = names_of(home, outcome), {one.id: int(one.difficulty <= 3) for one in SUITE.items}
    assert plan.framed is not None
    unbroken = Sampled(
        design_of(plan), plan.framed.frame, plan.design.seed, {name: score[item] for name, item in names.items()}
    )
    assert [(one.item, one.place, one.stated, score[names[one.item]]) for one in unbroken.placed] == [
        (row["item"], row["place"], row["probability"], row["score"])
        for row in sorted(table["rows"], key=lambda row: int(row["place"]))
    ]
    assert outcome["differences"] == []
    assert checked(home, path, outcome).holds


@pytest.mark.parametrize(
    ("model", "date", "said"),
    [
        ("gemma-3-270m", "2026-05-01", "the model itself"),
        ("gemma-2-9b", "2026-05-01", "both come from the base gemma"),
        ("olmo-9", "2030-01-01", "is not before"),
    ],
)
def test_history_that_leaks_is_left_out_and_said(home: Home, model: str, date: str, said: str) -> None:
    """The model itself, a sibling, and a later run inform no frame, and whoever writes the plan is told."""
    leak = past_run(home.path, model, date=date)
    path, made = new_plan(home, "--sample", "active", *history(home), "--history", str(leak))

    assert made.exit_code == 0, made.output
    assert said in made.output
    frame = frame_of(parse_canonical((path.parent / "plan.yaml.frame").read_bytes(), limit=1 << 25))
    assert {"olmo-1", "qwen-1", "phi-1"} == {past.model for past in frame.history}


def opened_foresight(path: Path) -> Foresight:
    framed = open_plan(path).framed
    assert framed is not None
    assert framed.frame.foresight is not None
    return framed.frame.foresight


def test_an_active_sample_may_learn_by_topic(home: Home) -> None:
    """The frame has one column more for each topic, the plan says by which field, and its first batch is drawn."""
    plain, made = new_plan(home, "--sample", "active", *history(home))
    assert made.exit_code == 0, made.output
    columns = [len(opened_foresight(plain).columns)]
    for one in plain.parent.glob("plan.yaml*"):
        one.unlink()
    path, made = new_plan(home, "--sample", "active", "--strata-by", "topic", "--decide", "0.30", *history(home))
    assert made.exit_code == 0, made.output
    columns.append(len(opened_foresight(path).columns))

    assert columns[1] == columns[0] + len(set(TOPICS.values()))
    plan = open_plan(path)
    assert (plan.parts.sampling.strata_by, plan.parts.sampling.uniform_mix) == ("topic", "0.40")
    assert plan.framed is not None
    assert set(load_bank(plan).names.values()) == set(TOPICS)
    assert len(Sampled(design_of(plan), plan.framed.frame, plan.design.seed, {}).placed) == 5


def test_a_plan_that_decides_nothing_draws_less_of_its_weight_equally(home: Home) -> None:
    """No bet is bounded by its rarest draw, so an estimate's plan states a smaller equal share."""
    path, made = new_plan(home, "--sample", "active", *history(home))

    assert made.exit_code == 0, made.output
    assert open_plan(path).parts.sampling.uniform_mix == "0.20"


def test_a_frame_that_holds_a_leak_is_refused_before_anything_is_asked(home: Home) -> None:
    """Whoever writes a leaking run into the frame and the digests into the plan is refused all the same."""
    path, _ = new_plan(home, "--sample", "active", *history(home))
    beside = path.with_name("plan.yaml.frame")
    bent = beside.read_bytes().replace(b'"model":"olmo-1"', b'"model":"gemma-3-270m"')
    text = path.read_text().replace(sha256(beside.read_bytes()).hexdigest(), sha256(bent).hexdigest())
    beside.write_bytes(bent)
    path.write_text(text)

    refused = plan_cli(home, "check", str(path), "--terms", str(path))

    assert refused.exit_code == 1
    assert "its history holds gemma-3-270m: it is the model itself" in refused.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sample", "active"], "rests on earlier runs"),
        (["--sample", "stratified"], "rests on earlier runs"),
        (["--sample", "stratified", "--strata-by", "colour"], "has no field 'colour'"),
        (["--sample", "stratified", "--strata-by", "topic", "--strata", "3"], "strata follow a field, or"),
        (["--sample", "stratified", "--strata-by", "topic", "--decide", "0.5"], "a stratified sample is asked whole"),
        (["--strata-by", "topic"], "belongs to --sample stratified, or to active"),
        (["--strata", "3"], "belong to --sample stratified"),
        (["--sample", "stratified", "--strata-by", "topic", "--neyman"], "rests on earlier runs"),
    ],
)
def test_options_that_make_no_sample_are_refused_with_what_was_expected(
    home: Home, words: list[str], said: str
) -> None:
    """One clear message, and nothing is written."""
    path, made = new_plan(home, *words)

    assert made.exit_code != 0
    assert said in made.output
    assert not list(path.parent.glob("plan.yaml*"))


def test_one_earlier_run_is_too_few_to_predict_by_and_another_bank_is_none(home: Home) -> None:
    """A prediction takes two earlier models, of this bank."""
    one, other = past_run(home.path, "olmo-1"), past_run(home.path, "qwen-1", bank="0" * 64)

    _, few = new_plan(home, "--sample", "active", "--history", str(one))
    _, wrong = new_plan(home, "--sample", "active", "--history", str(other))

    assert "1 earlier runs may be known; expected 2 at least" in few.output
    assert "are of the bank 0000" in wrong.output


def test_strata_may_follow_difficulty_and_neyman_asks_where_outcomes_differ(home: Home) -> None:
    """Without a field strata are groups by history; weighted, they take more where earlier models were at odds."""
    path, made = new_plan(home, "--sample", "stratified", "--strata", "4", "--neyman", *history(home), items=60)
    assert made.exit_code == 0, made.output
    plan = open_plan(path)
    assert plan.framed is not None
    frame = plan.framed.frame
    assert frame.strata == ("1", "2", "3", "4")
    assert max(frame.sizes) - min(frame.sizes) <= 1
    assert len(set(frame.weights)) > 1
    assert plan.outputs.methods == ("korn-graubard",)

    text = path.read_text().replace("- korn-graubard", "- clopper-pearson")
    path.write_text(text)
    refused = plan_cli(home, "check", str(path))
    assert "no exact interval holds out of proportion" in refused.output


def test_a_plan_without_its_frame_draws_nothing(home: Home) -> None:
    """The frame is the plan's by digest; without it, or with another, nothing runs."""
    path, _ = new_plan(home, "--sample", "stratified", "--strata-by", "topic")
    beside, salt = path.with_name("plan.yaml.frame"), path.with_name("plan.yaml.salt")
    content = beside.read_bytes()

    beside.write_bytes(content + b" ")
    changed = plan_cli(home, "check", str(path), "--terms", str(path)).output
    beside.write_bytes(content)
    salt.write_text("ab" * 32)
    salted = plan_cli(home, "check", str(path), "--terms", str(path)).output
    beside.unlink()
    gone = plan_cli(home, "check", str(path), "--terms", str(path)).output

    assert "the frame is" in changed
    assert "its items are not those of the bank" in salted
    assert "the frame of plan.yaml is not here" in gone
