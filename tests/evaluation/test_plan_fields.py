"""What a plan states beyond its core: read in its form, held together, and with a meaning where it is empty."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_plan import members

from comity.evaluation.plan import Plan
from comity.evaluation.plan_fields import ABSENT, FIELDS, unstated
from comity.evaluation.plan_text import PlanRefused, parse_plan, write_plan

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "plan.md"
THRESHOLD = {"value": "0.10", "direction": "below", "source": "the code of practice"}
HISTORY = {"cutoff": "2026-06-01", "digest": "a" * 64}
ACTIVE = {"kind": "active", "batch": 10, "uniform_mix": "0.30", "frame": "b" * 64}
STRATIFIED = {"kind": "stratified", "strata": 5, "strata_by": "topic", "frame": "b" * 64}
JUDGE = {"recipient": "judge", "protocol": "openai", "model": "judge-1", "arrangement": "7" * 32, "calls": 100}


def read(**changes: Any) -> Plan:
    return parse_plan(write_plan(members(**changes)), "plan.yaml")


def faults(**changes: Any) -> dict[str, str]:
    with pytest.raises(PlanRefused) as refused:
        read(**changes)
    assert all(problem.line > 0 for problem in refused.value.problems)
    return {problem.clause: str(problem) for problem in refused.value.problems}


def test_a_small_plan_states_nothing_beyond_its_core_and_each_absence_means_something() -> None:
    """The defaults: a fixed simple random sample, all calls to it, nothing decided, nobody but the provider."""
    plan = read()
    parts = plan.parts
    silent = dict(unstated(frozenset(plan.stated)))
    assert plan.stated == {} and ABSENT.items() <= silent.items()
    assert "access.split.pilot" not in silent and silent["legal.duties"] == "it is about no duty"
    split = dict(unstated(frozenset({"access.split.main"})))
    assert "access.split" not in split and split["access.split.pilot"] == "no calls go to a pilot"
    needing = {field.path.rpartition(".")[0] for field in FIELDS if field.needed}
    assert needing == set(ABSENT), "an object that needs a field has a word for its absence"
    assert (parts.sampling.kind, parts.stopping.rule, parts.split.total) == ("srs", "fixed", 100)
    assert (parts.threshold, parts.history, parts.judge, parts.identity) == (None, None, None, None)
    assert (parts.alpha, parts.sides, parts.reasoning_summary, parts.tags.attributes()) == ("0.05", "two", "none", {})


def test_what_is_stated_is_read_and_changes_the_digest() -> None:
    """Every section of a large plan comes out as a value."""
    plan = read(
        claim__threshold=THRESHOLD,
        claim__alpha="0.05",
        claim__multiplicity={"family": ["this one", "the other"], "method": "holm"},
        claim__consequence={"exceeds": "ask for measures", "below": "close", "undetermined": "test more"},
        legal={"duties": ["art-55-1-a"], "risk_area": "loss-of-control", "use_domain": "software"},
        identity={"method": "canary/1", "canaries": 5, "prompts_commitment": "c" * 64, "margin": "0.10"},
        access__split={"main": 100, "pilot": 10, "canary": 5, "reask": 20, "reserve": 15},
        design__sampling=ACTIVE,
        design__stopping={"rule": "betting_cs", "least": 20, "batch": 10},
        outputs__methods=["betting-drawn"],
        history=HISTORY | {"families_excluded": ["gemma"]},
        scoring__refusals="an answer that declines is wrong",
        baselines={"human": "none at hand"},
    )
    parts = plan.parts
    assert parts.threshold is not None and (parts.threshold.value, parts.threshold.direction) == ("0.10", "below")
    assert parts.family == ("this one", "the other")
    assert parts.tags.attributes() == {
        "duty": ["art-55-1-a"], "risk_area": "loss-of-control", "use_domain": "software"
    }  # fmt: skip
    assert (parts.split.total, parts.split.reask) == (150, 20)
    assert (parts.sampling.batch, parts.sampling.uniform_mix, parts.sampling.frame) == (10, "0.30", "b" * 64)
    assert (parts.stopping.rule, parts.stopping.least, parts.stopping.batch) == ("betting_cs", 20, 10)
    assert parts.history is not None and parts.history.families_excluded == ("gemma",)
    assert parts.identity is not None and parts.identity.canaries == 5
    assert plan.digest != read().digest


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"surprise": {}}, "surprise", "unknown"),
        ({"legal": {}}, "legal", "an empty object"),
        ({"legal": "none"}, "legal", "an object"),
        ({"legal": {"article": "92"}}, "legal.article", "unknown"),
        ({"legal": {"use_domain": "space"}}, "legal.use_domain", "business, education"),
        ({"legal": {"risk_area": "Loss of control"}}, "legal.risk_area", "hyphens"),
        ({"legal": {"duties": ["a", "a"]}}, "legal.duties", "each name once"),
        ({"claim__threshold": {"value": "0.10"}}, "claim.threshold.direction", "to be stated"),
        ({"claim__threshold": THRESHOLD | {"value": "10"}}, "claim.threshold.value", "a decimal in quotes"),
        ({"claim__threshold": THRESHOLD | {"value": "0.0"}}, "claim.threshold.value", "a decimal in quotes"),
        ({"claim__threshold": THRESHOLD, "outputs__methods": ["wilson"]}, "claim.threshold", "clopper-pearson"),
        ({"claim__alpha": "0.05"}, "claim.threshold", "rests on it"),
        ({"claim__threshold": THRESHOLD, "claim__alpha": "0.10"}, "claim.alpha", "at most 0.05"),
        ({"claim__consequence": {"exceeds": "x"}}, "claim.consequence.below", "to be stated"),
        (
            {"claim__threshold": THRESHOLD, "claim__multiplicity": {"family": ["one"], "method": "holm"}},
            "claim.multiplicity.family",
            "at least two",
        ),
        ({"design__sampling": {"kind": "convenience"}}, "design.sampling.kind", "srs, stratified, active"),
        ({"design__sampling": {"kind": "stratified"}}, "design.sampling.strata", "rests on it"),
        ({"design__sampling": {"kind": "stratified", "strata": 5}}, "design.sampling.frame", "rests on it"),
        ({"design__sampling": {"kind": "stratified", "strata": 5, "frame": "b" * 64}}, "history", "rests on it"),
        ({"design__sampling": STRATIFIED | {"allocation": "neyman"}}, "history", "rests on it"),
        (
            {
                "design__sampling": STRATIFIED | {"allocation": "neyman"},
                "history": HISTORY,
                "outputs__methods": ["clopper-pearson"],
            },
            "design.sampling.allocation",
            "no exact interval holds out of proportion",
        ),
        ({"design__sampling": STRATIFIED}, "outputs.methods", "korn-graubard or clopper-pearson"),
        ({"design__sampling": ACTIVE, "history": HISTORY}, "outputs.methods", "betting-drawn: the sample is active"),
        ({"outputs__methods": ["korn-graubard"]}, "outputs.methods", "the sample is srs"),
        (
            {
                "design__sampling": STRATIFIED,
                "claim__threshold": THRESHOLD,
                "design__stopping": {"rule": "betting_cs"},
                "outputs__methods": ["clopper-pearson"],
            },
            "design.stopping.rule",
            "a stratified sample is asked whole",
        ),
        ({"design__sampling": {"kind": "srs", "frame": "b" * 64}}, "design.sampling.frame", "belongs"),
        ({"design__sampling": {"kind": "stratified", "strata": 1}}, "design.sampling.strata", "from 2 to 100"),
        ({"design__sampling": {"kind": "active"}}, "design.sampling.uniform_mix", "rests on it"),
        ({"design__sampling": ACTIVE}, "history", "rests on it"),
        ({"design__sampling": ACTIVE | {"batch": 101}}, "design.sampling.batch", "from 1 to 100"),
        ({"design__sampling": {"kind": "srs", "uniform_mix": "0.3"}}, "design.sampling.uniform_mix", "active"),
        ({"design__stopping": {"rule": "betting_cs"}}, "claim.threshold", "rests on it"),
        (
            {"design__stopping": {"rule": "betting_cs"}, "claim__threshold": THRESHOLD},
            "design.stopping.rule",
            "betting-bank alone",
        ),
        ({"design__stopping": {"rule": "fixed", "batch": 5}}, "design.stopping.batch", "betting_cs"),
        ({"history": {"cutoff": "2026-13-01", "digest": "a" * 64}}, "history.cutoff", "a day such as"),
        ({"history": {"cutoff": "2026-06-01"}}, "history.digest", "to be stated"),
        ({"access__split": {"main": 99}}, "access.split.main", "100"),
        ({"access__split": {"main": 100, "canary": 5}}, "access.split.canary", "identity.canaries"),
        ({"scoring__judge": JUDGE}, "scoring.judge", "exact check"),
        ({"scoring__correction": "ppi"}, "scoring.human_audit", "rests on it"),
        ({"scoring__human_audit": {"n": 0, "recipient": "raters"}}, "scoring.human_audit.n", "from 1 to 100"),
        ({"elicitation": {"effort_hours": -1}}, "elicitation.effort_hours", "an integer"),
        ({"plan": "plan/1", "legal": {"power": "article 92"}}, "legal", "unknown"),
    ],
)
def test_a_field_that_is_wrong_or_rests_on_nothing_is_named(changes: dict[str, Any], field: str, says: str) -> None:
    """The error names line and field, and says what was expected."""
    assert says in faults(**changes)[field]


def test_a_plan_of_the_format_before_is_read_with_its_seed_in_the_clear() -> None:
    """`plan/1` has the core, a selection and a seed; nothing more, and nothing less."""
    made = members(plan="plan/1", design__selection="srs/1", design__seed="3" * 32, design__seed_commitment=None)
    plan = parse_plan(write_plan(made), "plan.yaml")
    assert (plan.design.seed, plan.design.commitment, plan.stated) == ("3" * 32, "", {})


def test_every_field_is_on_the_reference_page_with_what_its_absence_means() -> None:
    """Who looks a field up finds it; the page's words are the table's."""
    page = PAGE.read_text()
    for field in FIELDS:
        assert f"| `{field.path}` |" in page, field.path
        assert field.otherwise in page, field.path


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(st.sampled_from([field.path for field in FIELDS]), anything)
def test_any_value_in_any_further_field_gives_a_plan_or_the_one_error(path: str, value: Any) -> None:
    """A field of the wrong type or out of place never raises anything else."""
    made = members()
    *parents, last = path.split(".")
    at = made
    for parent in parents:
        at = at.setdefault(parent, {})
    at[last] = value
    try:
        parse_plan(write_plan(made), "plan.yaml")
    except PlanRefused:
        pass
