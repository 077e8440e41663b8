"""What was planned stands beside what was found: the seed, deviations, the judge, and what the threshold decides."""

import copy
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import betting_sequence, clopper_pearson
from comity.evaluation.plan import plan_members, seed_commitment
from comity.evaluation.suites import load_suite
from comity.records import JudgeCalled, PlanDeviated, Record, ScoresCommitted, SeedRevealed
from comity.verify.errors import MalformedPlanFile
from comity.verify.planned import PRINTED, check_planned, decide_by_plan, empty_fields, planned_members

RUN, DIGEST, OTHER, SEED = "1" * 32, "a" * 64, "b" * 64, "3" * 32
WHO: dict[str, Any] = {"at": "2026-11-30T12:00:00.000Z", "grant": "5" * 32, "person": "evaluator-1"}
THRESHOLD = {"value": "0.10", "direction": "below", "source": "the code of practice"}


def plan(**changes: Any) -> dict[str, Any]:
    made = plan_members(
        plan_id="1" * 32, arrangement="2" * 32, title="A plan", suite=load_suite("short-answers"), protocol="openai",
        model="gemma-3-270m", items=100, seed=SEED,
    )  # fmt: skip
    for path, value in changes.items():
        *parents, last = path.split("__")
        at = made
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = value
    return made


def told(seed: str = SEED) -> Record:
    return SeedRevealed(run=RUN, plan=DIGEST, seed=seed, **WHO)  # type: ignore[arg-type]


def deviated(left: str = DIGEST, amended: str = "") -> Record:
    return PlanDeviated(  # type: ignore[arg-type]
        at=WHO["at"], by="authority", plan=left, amended=amended, because="the window closed early", note="…"
    )


def scored(under: str = DIGEST) -> Record:
    counts = dict.fromkeys("intended attempted answered judged unscored repeated correct".split(), 1)
    return ScoresCommitted(run=RUN, plan=under, rows=OTHER, **counts, **WHO)  # type: ignore[arg-type]


def history(*records: Record) -> tuple[tuple[int, Record], ...]:
    return tuple(enumerate(records, 10))


def test_a_report_says_which_seed_was_committed_to_and_where_it_is_told() -> None:
    """A run as planned has no deviation, and its judge is named with its ledger and its calls."""
    judge = JudgeCalled(  # type: ignore[arg-type]
        run=RUN, plan=DIGEST, recipient="judge", model="judge-1", ledger="judge.example/a/7", begun=4, permitted=9,
        refused=1, **WHO,
    )  # fmt: skip
    found = planned_members(plan(), [1, 0], history(judge, told()), run=RUN, digest=DIGEST)
    assert found["standing"] == "as-planned"
    assert found["seed"] == {"commitment": seed_commitment("1" * 32, SEED), "revealed": 11}
    assert found["judges"] == [
        {"recipient": "judge", "model": "judge-1", "ledger": "judge.example/a/7", "permitted": 9, "refused": 1}
    ]
    assert "decision" not in found
    assert planned_members({**plan(), "plan": "plan/1"}, [1], history(told()), run=RUN, digest=DIGEST) == {}


@pytest.mark.parametrize(("left", "amended", "about"), [(DIGEST, "", True), (OTHER, DIGEST, True), (OTHER, "", False)])
def test_a_deviation_makes_the_result_exploratory(left: str, amended: str, about: bool) -> None:
    """Whether the run's plan was left or took the other's place; a deviation from another plan is none of this one."""
    found = planned_members(plan(), [1], history(deviated(left, amended), told()), run=RUN, digest=DIGEST)
    assert (found["standing"], len(found["deviations"])) == (("exploratory", 1) if about else ("as-planned", 0))


def test_the_seed_that_is_told_must_be_the_one_that_was_committed_to() -> None:
    """Another one fails, and so does silence; a seed in the clear needs no telling."""
    made = plan()
    assert check_planned(made, history(told(), scored()), run=RUN, digest=DIGEST).holds is True
    wrong = check_planned(made, history(told("4" * 32)), run=RUN, digest=DIGEST)
    assert (wrong.holds, wrong.where) == (False, "entry 10")
    assert check_planned(made, history(scored()), run=RUN, digest=DIGEST).where == "plan.json"
    clear = copy.deepcopy(made)
    del clear["design"]["seed_commitment"]
    assert check_planned(clear | {"design": {"seed": SEED}}, history(), run=RUN, digest=DIGEST).holds is True


@pytest.mark.parametrize(("under", "holds"), [(DIGEST, False), (OTHER, False), ("c" * 64, True)])
def test_a_deviation_after_the_scores_fails(under: str, holds: bool) -> None:
    """It was stated once somebody could have had the scores, of the plan that is left or of the one in its place."""
    late = history(told(), scored(under), deviated(DIGEST, OTHER))
    assert check_planned(plan(), late, run=RUN, digest=DIGEST).holds is holds
    early = history(told(), deviated(DIGEST, OTHER), scored(under))
    assert check_planned(plan(), early, run=RUN, digest=DIGEST).holds is True


@pytest.mark.parametrize(
    ("right", "missing", "verdict", "claim"),
    [(1, 0, "below", "shown"), (40, 0, "exceeds", "refuted"), (10, 0, "undetermined", "open"),
     (1, 10, "undetermined", "open")],
)  # fmt: skip
def test_a_decision_counts_what_is_missing_against_itself(right: int, missing: int, verdict: str, claim: str) -> None:
    """The exact interval with every missing row wrong at its lower end and right at its upper."""
    scores = (*[1] * right, *[None] * missing, *[0] * (100 - right - missing))
    consequence = {"exceeds": "measures", "below": "close", "undetermined": "test more"}
    found = decide_by_plan(plan(claim__threshold=THRESHOLD, claim__consequence=consequence), scores)
    low, high = clopper_pearson(right, 100, 0.95), clopper_pearson(right + missing, 100, 0.95)
    assert (found["low"], found["high"]) == (low.as_json()["low"], high.as_json()["high"])
    assert (found["verdict"], found["claim"], found["consequence"]) == (verdict, claim, consequence[verdict])


def test_alpha_is_shared_in_a_family_and_whole_on_one_side() -> None:
    """A family of two halves it; one side has all of it at one end; a sequence has ends of its own, and wider."""
    scores = (*[1] * 20, *[0] * 80)
    one = decide_by_plan(plan(claim__threshold=THRESHOLD), scores)
    family = {"family": ["this", "that"], "method": "holm"}
    two = decide_by_plan(plan(claim__threshold=THRESHOLD, claim__multiplicity=family), scores)
    side = decide_by_plan(plan(claim__threshold=THRESHOLD, claim__sides="one"), scores)
    sequence = decide_by_plan(plan(claim__threshold=THRESHOLD, design__stopping={"rule": "betting_cs"}), scores)
    assert (one["alpha"], two["alpha"], two["family"], side["alpha"]) == ("0.05", "0.025", 2, "0.05")
    assert side["low"] == clopper_pearson(20, 100, 0.90).as_json()["low"]
    assert two["low"] < one["low"] < side["low"]
    ends = betting_sequence(20, 100, 0.95, bank=len(load_suite("short-answers").items)).as_json()
    assert (sequence["method"], sequence["low"], sequence["high"]) == ("betting-bank", ends["low"], ends["high"])


def test_what_rests_on_an_empty_field_is_named() -> None:
    """A report has nothing to print where nobody said beforehand what it would be."""
    report = {"title": "x", "estimates": [{"point": "0.5", "method": "wilson", "level": "0.95"}]}
    assert empty_fields(report, plan()) == ()
    emptied = plan(claim__estimand="", outputs__methods=[])
    assert empty_fields(report, emptied) == (
        ("estimates.0.point", "claim.estimand"), ("estimates.0.method", "outputs.methods")
    )  # fmt: skip
    decided = {"planned": {"decision": {"threshold": "0.10"}, "judges": [{"permitted": 7}]}}
    assert {field for _, field in empty_fields(decided, plan())} == {"claim.threshold.value", "scoring.judge.model"}
    assert len({path for path, _ in PRINTED}) == len(PRINTED)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=6), lambda s: st.dictionaries(st.text(max_size=6), s)))
def test_a_hostile_threshold_is_no_plan_and_nothing_else(threshold: Any) -> None:
    """Whatever stands there, the reading ends in members or in the one error."""
    made = plan(claim__threshold=threshold)
    try:
        planned_members(made, (1, 0, None), (), run=RUN, digest=sha256(b"").hexdigest())
    except MalformedPlanFile:
        pass
