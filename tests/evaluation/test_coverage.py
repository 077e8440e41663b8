"""Coverage: what was tested by use domain and risk area, how deep, and what nobody tested."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from comity.cli.coverage import coverage
from comity.cli.home import Home, make_home
from comity.evaluation.coverage import cover, read_map, read_runs
from comity.evaluation.plan_fields import FIELDS
from comity.evaluation.suites import SHIPPED, load_suite


def put(home: Home, run: str, task: str, *, n: int = 200, **legal: str) -> None:
    """A finished run as it lies in a home."""
    folder = home.path / "runs" / (run * 32)
    folder.mkdir(parents=True)
    population = {"suite": task} if task in SHIPPED else {"task": task}
    plan = {"claim": {"population": population}, "target": {"model": "gemma-3-270m"}, "legal": legal}
    estimate = {"n": n, "low": "0.551000", "high": "0.685000", "text": f"62.0% (55.1%–68.5%, 95% wilson, n={n}, …)"}
    outcome: dict[str, Any] = {
        "run": run * 32, "counts": {"unscored": 3}, "estimates": [estimate] if n else [],
    }  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "run.json").write_text(json.dumps(outcome))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    put(made, "a", "inspect_evals/gsm8k")
    put(made, "b", "inspect_evals/make_me_pay", n=20)
    put(made, "c", "house/task", risk_area="privacy", use_domain="business")
    put(made, "d", "house/other")
    put(made, "e", "inspect_evals/mask", n=0)
    return made


def run_coverage(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(coverage, arguments, obj=home)


def test_the_map_names_every_domain_risk_and_suite_of_ours() -> None:
    """Four use domains as plans name them, the four risks of the Code of Practice, and each suite with its size."""
    areas, tasks = read_map()
    [domains] = [field.form for field in FIELDS if field.path == "legal.use_domain"]
    assert tuple(area.id for area in areas if area.kind == "domain") == domains
    assert {area.id for area in areas if area.kind == "risk"} == {
        "cbrn", "loss-of-control", "cyber-offence", "harmful-manipulation",
    }  # fmt: skip
    sizes = {task.task: task.samples for task in tasks}
    assert len(sizes) == len(tasks)
    assert {name: len(load_suite(name).items) for name in SHIPPED}.items() <= sizes.items()
    assert all(any(area.id in task.areas for task in tasks) for area in areas)


def test_runs_fall_where_their_plan_or_the_map_puts_them(home: Home) -> None:
    """A stated tag goes before the map; a run without a judgement tests nothing; what fits nowhere is listed."""
    found = {one.area.id: one for one in cover(read_runs(home.path / "runs")).areas}
    assert [run.task for run in found["education"].runs] == ["inspect_evals/gsm8k"]
    assert [run.task for run in found["privacy"].runs] == ["house/task"] == [run.task for run in found["business"].runs]
    assert (found["harmful-manipulation"].n, found["cbrn"].n) == (20, 0)
    assert "inspect_evals/gsm8k" not in {task.task for task in found["education"].untested}
    assert "inspect_evals/mask" in {task.task for task in found["loss-of-control"].untested}
    assert len(found["cbrn"].untested) == found["cbrn"].mapped
    assert [run.task for run in cover(read_runs(home.path / "runs")).elsewhere] == ["house/other"]


def test_the_table_says_how_deep_and_what_was_not(home: Home) -> None:
    """Each run stands with its interval, each area with what nobody tested and what that needs."""
    told = run_coverage(home).stdout
    assert "Chemical, biological, radiological and nuclear: nothing was tested" in told
    assert "inspect_evals/gsm8k, gemma-3-270m, run aaaaaaaa, 3 missing: 62.0% (55.1%–68.5%" in told
    assert "in no area" in told and "house/other" in told
    one = run_coverage(home, "--area", "cbrn").stdout
    assert "not inspect_evals/wmdp_bio: 1,273 samples; needs the network" in one and "Education" not in one
    members = json.loads(run_coverage(home, "--json").stdout)
    assert {area["area"]: area["judged"] for area in members["areas"]}["education"] == 200
    assert members["areas"][1]["tested"][0]["width"] == "0.134000"
    assert json.loads(run_coverage(home, "--model", "other", "--json").stdout)["in_no_area"] == []


def test_what_is_no_area_or_no_run_is_named(home: Home) -> None:
    """An unknown area is misuse; a run that cannot be read is named and not passed over."""
    assert run_coverage(home, "--area", "weather").exit_code == 2
    (home.path / "runs" / ("a" * 32) / "run.json").write_text("{}")
    broken = run_coverage(home)
    assert broken.exit_code == 1 and "a" * 32 in broken.output
