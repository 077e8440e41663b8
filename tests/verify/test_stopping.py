"""A third party replays the stopping rule: a run that went on, or stopped, where it should not is found."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from comity.evaluation.plan import deciding, plan_members
from comity.evaluation.plan_text import parse_plan, write_plan
from comity.evaluation.stopping import rule_of
from comity.evaluation.suites import load_suite
from comity.records import canonical_bytes
from comity.verify.errors import MalformedPlanFile
from comity.verify.reported_run import ReportedRun
from comity.verify.scores import check_rows, read_plan, read_scores

PLAN = deciding(
    plan_members(
        suite=load_suite("short-answers"), plan_id="1" * 32, arrangement="2" * 32, title="decide", protocol="openai",
        model="m", items=60, seed="3" * 32, max_tokens=24,
    ),
    "0.50",
    10,
)  # fmt: skip


def verdict(scores: list[int | None], *, shuffled: bool = False) -> Any:
    """What the check says of rows in this order of their calls; `shuffled` gives them names in another."""
    names = [f"{(place * 37) % 97 if shuffled else place:064x}" for place in range(len(scores))]
    rows = [
        {"item": name, "epoch": 1, "score": score, "reason": "refused:403" * (score is None), "calls": [place]}
        for place, (name, score) in enumerate(zip(names, scores, strict=True))
    ]
    table = read_scores(
        canonical_bytes(
            {"format": "comity scores/1", "run": "4" * 32, "plan": "5" * 64,
             "rows": sorted(rows, key=lambda row: str(row["item"]))}
        )
    )  # fmt: skip
    answered: Any = SimpleNamespace(outcome="answered", status=200)
    run = ReportedRun(run="4" * 32)
    for place, score in enumerate(scores):
        if score is None:
            run.refused.add(place)
        else:
            run.permits[place] = answered
            run.settled[place] = answered
    return check_rows(table, read_plan(canonical_bytes(PLAN)), run)


def test_both_sides_make_the_same_rule_of_a_plan() -> None:
    """What the run stops by is what the verifier replays."""
    plan = parse_plan(write_plan(PLAN), "plan.yaml")

    assert rule_of(plan) == read_plan(canonical_bytes(PLAN)).stopping


@pytest.mark.parametrize("alpha", ["a tenth", "NaN", "7", "1e999999"])
def test_an_alpha_that_is_none_is_refused_and_ends_nothing(alpha: str) -> None:
    """A frozen plan is anybody's text: what cannot be read is said, and no other error comes out."""
    plan = PLAN | {"claim": PLAN["claim"] | {"alpha": alpha}}

    with pytest.raises(MalformedPlanFile):
        read_plan(canonical_bytes(plan))


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_run_that_stopped_where_it_had_to_holds(shuffled: bool) -> None:
    """Decided after a batch, or open at the cap; the table's own order tells nothing and matters nothing."""
    assert verdict([1] * 10, shuffled=shuffled).holds
    assert verdict([1, 0] * 30, shuffled=shuffled).holds


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ([1, 0] * 10, "30 items are asked"),
        ([1] * 20, "10 items are asked"),
        ([1] * 9, "10 items are asked"),
        ([1] * 5 + [None] * 5, "20 items are asked"),
    ],
)
def test_a_run_that_stopped_when_it_suited_is_found(scores: list[int | None], says: str) -> None:
    """Stopping while it is open, going on after the decision, half a batch, and deciding on what is missing."""
    fact = verdict(scores)

    assert not fact.holds
    assert says in str(fact)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("claim", "threshold", "value"), "2"), (("claim", "threshold", "value"), "nan"), (("design", "items"), 0),
        (("design", "items"), 10**9), (("claim", "alpha"), "0"), (("claim", "alpha"), "7"),
    ],
)  # fmt: skip
def test_a_plan_that_no_rule_follows_from_is_refused_by_the_one_error(where: tuple[str, ...], value: Any) -> None:
    """A frozen plan may say anything: what is no rule is named as a fault of the plan."""
    plan = json.loads(canonical_bytes(PLAN))
    inner = plan
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = value

    with pytest.raises(MalformedPlanFile):
        read_plan(canonical_bytes(plan))
