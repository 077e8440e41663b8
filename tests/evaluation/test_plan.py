"""A plan says everything before the first call, in one form, and is known by its digest."""

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.evaluation.plan import Plan, open_seed, plan_members, seed_commitment, select_ids
from comity.evaluation.plan_text import PlanRefused, parse_plan, write_plan
from comity.evaluation.suites import load_suite
from comity.records import parse_canonical

SUITE = load_suite("short-answers")


def members(**changes: Any) -> dict[str, Any]:
    made = plan_members(
        plan_id="1" * 32,
        arrangement="2" * 32,
        title="A plan",
        suite=SUITE,
        protocol=changes.pop("protocol", "openai"),
        model="gemma-3-270m",
        items=changes.pop("items", 100),
        seed="3" * 32,
    )
    for path, value in changes.items():
        *parents, last = path.split("__")
        at = made
        for parent in parents:
            at = at[parent]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return made


def opened(made: dict[str, Any], seed: str = "3" * 32) -> Plan:
    """The plan of these members, with its seed at hand."""
    return open_seed(parse_plan(write_plan(made), "plan.yaml"), seed)


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_a_new_plan_reads_back_as_what_was_written(protocol: str) -> None:
    """The YAML of a plan's members parses to a plan whose canonical bytes are these members."""
    made = members(protocol=protocol)
    plan = parse_plan(write_plan(made), "plan.yaml")
    assert parse_canonical(plan.canonical) == made
    assert plan.digest == sha256(json.dumps(made, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert plan.access.calls == 100
    assert plan.most_calls == 300


def test_the_digest_changes_with_any_field_and_not_with_the_layout() -> None:
    """Comments and order are not part of a plan; every value is."""
    plan = parse_plan(write_plan(members()), "plan.yaml")
    turned = write_plan(dict(reversed(members().items()))) + "# a remark\n"
    assert parse_plan(turned, "plan.yaml").digest == plan.digest
    assert parse_plan(write_plan(members(title="Another")), "plan.yaml").digest != plan.digest
    assert parse_plan(write_plan(members(decoding__seed=2)), "plan.yaml").digest != plan.digest


def test_the_sample_can_be_drawn_again_by_anyone() -> None:
    """The seed decides which items are asked; the order is documented and has no repeats."""
    plan = opened(members(items=50))
    chosen = list(select_ids(plan.design, [item.id for item in SUITE.items]))
    keys = [(sha256(f"comity selection/1\n{'3' * 32}\n{i.id}".encode()).digest(), i.id) for i in SUITE.items]
    assert chosen == [item_id for _, item_id in sorted(keys)[:50]]
    other = opened(members(items=50, design__seed_commitment=seed_commitment("1" * 32, "4" * 32)), "4" * 32)
    assert set(select_ids(other.design, [item.id for item in SUITE.items])) != set(chosen)
    whole = opened(members(items=len(SUITE.items)))
    assert set(select_ids(whole.design, [item.id for item in SUITE.items])) == {item.id for item in SUITE.items}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"plan": "plan/3"}, "plan"),
        ({"id": "xyz"}, "id"),
        ({"arrangement": None}, "arrangement"),
        ({"title": ""}, "title"),
        ({"claim__population__suite": "other"}, "claim.population.suite"),
        ({"claim__population__sha256": "0" * 64}, "claim.population.sha256"),
        ({"claim__population__size": 203}, "claim.population.size"),
        ({"claim__population__version": 2}, "claim.population.version"),
        ({"target__protocol": "grpc"}, "target.protocol"),
        ({"target__model": "a model"}, "target.model"),
        ({"decoding__temperature": "3"}, "decoding.temperature"),
        ({"decoding__temperature": 0}, "decoding.temperature"),
        ({"decoding__max_tokens": 0}, "decoding.max_tokens"),
        ({"decoding__seed": -1}, "decoding.seed"),
        ({"protocol": "anthropic", "decoding__temperature": "0"}, "decoding.temperature"),
        ({"protocol": "anthropic", "decoding__seed": 1}, "decoding.seed"),
        ({"design__items": 1000}, "design.items"),
        ({"design__selection": "srs/1"}, "design.selection"),
        ({"design__seed_commitment": "3" * 32}, "design.seed_commitment"),
        ({"design__seed_commitment": None}, "design.seed_commitment"),
        ({"design__seed": "3" * 32}, "design.seed_commitment"),
        ({"design__epochs": 2}, "access.calls"),
        ({"scoring__version": 2}, "scoring.version"),
        ({"missing": "wrong"}, "missing"),
        ({"outputs__methods": ["wald"]}, "outputs.methods[0]"),
        ({"outputs__methods": []}, "outputs.methods"),
        ({"outputs__methods": ["wilson", "wilson"]}, "outputs.methods"),
        ({"outputs__level": "95"}, "outputs.level"),
        ({"access__calls": 99}, "access.calls"),
        ({"access__repeats": 11}, "access.repeats"),
        ({"access__connections": 0}, "access.connections"),
        ({"engine__version": "0.3.286"}, "engine.version"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(changes: dict[str, Any], field: str) -> None:
    """The error says file, line and field, what was expected and what came."""
    with pytest.raises(PlanRefused) as refused:
        parse_plan(write_plan(members(**changes)), "plan.yaml")
    [problem] = [problem for problem in refused.value.problems if problem.clause == field]
    assert problem.file == "plan.yaml"
    assert problem.line > 0
    assert f"{field}: expected " in str(refused.value)


def test_every_fault_is_reported_at_once() -> None:
    """An author sees all of them, not the first."""
    with pytest.raises(PlanRefused) as refused:
        parse_plan(write_plan(members(id="x", title="", design__items=0)), "plan.yaml")
    assert {"id", "title", "design.items"} <= {problem.clause for problem in refused.value.problems}


@pytest.mark.parametrize("text", ["", "plan: [", "- a", "plan: plan/1\nplan: plan/1\n", "a: &b 1", b"\xff", "42"])
def test_what_is_no_plan_is_refused(text: str | bytes) -> None:
    """Syntax, encoding and shape faults are the one error too."""
    with pytest.raises(PlanRefused):
        parse_plan(text, "plan.yaml")


@given(st.text(max_size=200))
def test_the_plan_parser_is_total(text: str) -> None:
    """Any text gives a plan or `PlanRefused`."""
    try:
        parse_plan(text, "plan.yaml")
    except PlanRefused:
        pass


@given(
    st.sampled_from(sorted(members())), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
)
def test_any_value_in_any_field_gives_a_plan_or_the_one_error(field: str, value: Any) -> None:
    """A field of the wrong type never raises anything else."""
    try:
        parse_plan(write_plan({**members(), field: value}), "plan.yaml")
    except PlanRefused:
        pass
