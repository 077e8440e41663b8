"""What a plan's items buy, and what is best bought next: closed forms, simulated runs, and one star."""

import math
from pathlib import Path
from typing import Any

import pytest
from test_framed_runs import history, new_plan, past_run
from test_run import plan_cli

from comity.cli.home import Home, make_home
from comity.cli.plan import open_plan
from comity.evaluation.trade import items_for, trade_of

pytest.importorskip("inspect_ai")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")


def test_a_width_is_the_standard_errors_and_items_follow_from_it(home: Home) -> None:
    """±1.96 √(p (1 − p) / n · (1 − n / N)) at a half; the items for a width are the fewest that reach it."""
    path, _ = new_plan(home, items=60)
    plan = open_plan(path)
    widths = {n: uniform for n, uniform, _ in trade_of(plan).widths}

    assert 1.959964 * math.sqrt(0.25 / 60 * (1 - 60 / 204)) == pytest.approx(widths[60], rel=1e-6)
    assert 0.0 == widths[204]
    for width in (0.20, 0.10, 0.05, 0.01):
        n = items_for(width, 204, plan)
        reached = [1.959964 * math.sqrt(0.25 / k * (1 - k / 204)) <= width + 1e-9 for k in (n - 1, n)]
        assert [False, True] == reached


def test_the_gain_of_strata_is_the_variance_that_they_take_out(home: Home) -> None:
    """Earlier models that know the same half of the items make each stratum certain, up to what is never taken so."""
    files = [past_run(home.path, f"{name}-1", knows=3) for name in ("olmo", "qwen")]
    words = [word for path in files for word in ("--history", str(path))]
    path, made = new_plan(home, "--sample", "stratified", "--strata", "2", *words, items=40)
    assert made.exit_code == 0, made.output
    frame = open_plan(path).framed
    gain = trade_of(open_plan(path)).gain
    assert frame is not None and frame.frame.foresight is not None and gain is not None
    base = [min(max(one, 0.05), 0.95) for one in frame.frame.foresight.base]
    mean = sum(base) / len(base)
    within = 0.0
    for h in (0, 1):
        own = [one for one, at in zip(base, frame.frame.stratum, strict=True) if at == h]
        within += len(own) / len(base) * (sum(own) / len(own)) * (1 - sum(own) / len(own))

    assert mean * (1 - mean) / within == pytest.approx(gain)
    assert gain > 1.1


def test_an_active_plan_is_forecast_by_runs_that_draw_as_it_draws(home: Home) -> None:
    """Far from the threshold it decides soon and rightly, near to it seldom; two forecasts of one plan agree."""
    path, made = new_plan(home, "--sample", "active", "--decide", "0.30", *history(home), items=60)
    assert made.exit_code == 0, made.output
    plan = open_plan(path)
    near, far = trade_of(plan, (0.05, 0.3)).expected

    assert far.above > 0.9 and far.queries < 35
    assert near.open > far.open and near.queries > far.queries
    assert (near, far) == trade_of(plan, (0.05, 0.3)).expected
    assert "as many uniform" in made.output
    assert "limited  by its 60 items" in made.output


@pytest.mark.parametrize(
    ("changes", "best"),
    [({}, "identity canaries"), ({"identity": True}, "50 more items"), ({"identity": True, "all": True}, "")],
)
def test_one_thing_is_best_bought_next(home: Home, changes: dict[str, Any], best: str) -> None:
    """Canaries where none are planned, then items, and nothing once the whole bank is asked."""
    path, _ = new_plan(home, items=204 if changes.get("all") else 60)
    if "identity" in changes:
        text = "identity:\n  method: canary/1\n  canaries: 25\n  prompts_commitment: " + "c" * 64 + "\n"
        path.write_text(path.read_text() + text)

    assert [best] * bool(best) == [one.name for one in trade_of(open_plan(path)).options if one.best]


def test_a_width_that_the_items_do_not_reach_is_said(home: Home) -> None:
    """The claim's aim, the items that it takes, and that these are too few, in words and in JSON."""
    path, _ = new_plan(home, items=60)
    path.write_text(path.read_text().replace("  population:", "  half_width: '0.05'\n  population:"))
    needed = items_for(0.05, 204, open_plan(path))

    said = plan_cli(home, "check", str(path))

    assert f"limited  by its 60 items: the width at which the claim aims takes {needed}" in said.output
    assert f'"needed": {needed}' in plan_cli(home, "check", str(path), "--json").output
