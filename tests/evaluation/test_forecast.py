"""Before anything is spent, a plan is held against what is left: computed as the gateway will compute it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gateway_double import SECRET, GatewayDouble, running_gateway
from hypothesis import given
from hypothesis import strategies as st
from test_run import SUITE, Worker, answer, frozen_plan, plan_cli

from comity.arrangement import Terms, parse_terms_json
from comity.cli.home import Home, make_home
from comity.evaluation.banks import load_bank
from comity.evaluation.forecast import SPARE, body_of, bound_call, forecast
from comity.evaluation.plan import Plan, plan_members
from comity.evaluation.plan_text import parse_plan, write_plan
from comity.gateway import decide
from comity.records import canonical_bytes
from support import ARRANGEMENT, Keys, terms_value

KEYS = Keys()
NOW = datetime.now(UTC)


def terms(**changes: Any) -> Terms:
    return parse_terms_json(canonical_bytes(terms_value(KEYS, **changes)))


def plan(items: int = 20, protocol: Any = "openai", **changes: Any) -> Plan:
    members = plan_members(
        plan_id="1" * 32, arrangement=ARRANGEMENT, title="t", suite=SUITE, protocol=protocol, model="test-model",
        items=items, seed="3" * 32,
    )  # fmt: skip
    members["access"] |= changes
    return parse_plan(write_plan(members), "plan.yaml")


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    with running_gateway(answer) as double:
        yield double


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    (made.path / "keys" / "access").write_text(SECRET + "\n")
    return made


@given(st.integers(0, 100_000), st.integers(0, 50), st.integers(1, 64))
def test_the_bound_of_a_call_is_the_gateways_reservation(size: int, messages: int, limit: int) -> None:
    """The two rooms compute it apart, and come to the same tokens and the same money."""
    [model] = terms().models
    asked: Any = SimpleNamespace(
        body_bytes=size, messages=messages, tools=0, self_contained=True, output_limit=limit, candidates=1
    )
    assert bound_call(model, body_bytes=size, messages=messages, max_tokens=limit) == decide.reserve(model, asked)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_real_bodies_are_within_the_bodies_that_a_forecast_counts(
    home: Home, gateway: GatewayDouble, protocol: str
) -> None:
    """What the engine's provider sends is never longer than what was counted, and hardly shorter."""
    pytest.importorskip("inspect_ai")
    path = frozen_plan(home, gateway, items=12, protocol=protocol)
    worker = Worker()
    assert worker.run(home, path, gateway.url).code == 0
    worker.process.communicate(timeout=20)
    read = parse_plan(path.read_bytes(), path.name)
    questions = [item.question for item in SUITE.items]
    for one in gateway.asked:
        text = json.dumps(one["body"], ensure_ascii=False)
        [question] = [question for question in questions if json.dumps(question, ensure_ascii=False) in text]
        counted = len(body_of(read, question)) + SPARE
        assert counted - 2 * SPARE <= int(one["headers"]["content-length"]) <= counted


def test_a_plan_that_fits_says_so_and_one_that_does_not_names_the_clause() -> None:
    """Each clause has what is left, what is taken at most, and how many of the items it has room for."""
    read = plan(20)
    bank = load_bank(read)
    roomy = forecast(read, bank, terms(), {}, now=NOW)
    assert roomy.fits
    assert roomy.items_that_fit == 20
    by_name = {clause.clause: clause for clause in roomy.clauses}
    assert (by_name["budget.calls"].most, by_name["budget.calls"].with_repeats) == (20, 60)
    assert by_name["budget.output_tokens"].most == 20 * 24
    assert all(clause.expected <= clause.most <= clause.with_repeats for clause in roomy.clauses)

    spent = forecast(read, bank, terms(), {"budget.calls": 987, "budget.output_tokens": 100_000 - 24 * 7}, now=NOW)
    assert not spent.fits
    short = {clause.clause: clause.items for clause in spent.clauses if not clause.fits}
    assert short == {"budget.calls": 13, "budget.output_tokens": 7}
    assert spent.items_that_fit == 7


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"models__max_output": 8}, "models.max_output"),
        ({"models__protocols": ["anthropic"]}, "models.protocols"),
        ({"models__name": "another"}, "models.name"),
        ({"rate__concurrency": 1}, "rate.concurrency"),
        ({"features": ["sampling", "seed"]}, "features.system_prompt"),
        ({"window": {"from": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"}}, "window.until"),
    ],
)
def test_a_clause_that_would_refuse_every_call_is_named(changes: dict[str, Any], clause: str) -> None:
    """What is not a matter of the budget stands against a plan too, before the first call."""
    made = forecast(plan(), load_bank(plan()), terms(**changes), {}, now=NOW)
    assert not made.fits
    assert any(problem.startswith(clause + ":") for problem in made.problems)


def test_the_rate_bounds_how_soon_a_plan_can_end() -> None:
    """With three calls a minute, ten calls take three minutes at least."""
    assert forecast(plan(10), load_bank(plan(10)), terms(rate__calls_per_minute=3), {}, now=NOW).minutes == 3


def test_the_command_says_in_words_and_by_its_exit_status_whether_a_plan_fits(home: Home, tmp_path: Path) -> None:
    """0 where it fits or nothing was given to hold it against, 1 where it does not."""
    file = tmp_path / "plan.yaml"
    members = plan_members(
        plan_id="1" * 32, arrangement=ARRANGEMENT, title="t", suite=SUITE, protocol="openai", model="test-model",
        items=20, seed="3" * 32,
    )  # fmt: skip
    file.write_text(write_plan(members))
    bare = plan_cli(home, "check", str(file))
    assert (bare.exit_code, "not checked" in bare.output) == (0, True)
    for calls, code, words in ((1000, 0, "It fits."), (15, 1, "15 of 20 items would fit")):
        offer = tmp_path / f"terms-{calls}.json"
        offer.write_bytes(_offer(terms(budget__calls=calls)))
        said = plan_cli(home, "check", str(file), "--terms", str(offer))
        assert (said.exit_code, words in said.output) == (code, True), said.output
        asked = json.loads(plan_cli(home, "check", str(file), "--terms", str(offer), "--json").output)
        assert asked["forecast"]["fits"] is (code == 0)
        assert [estimate["n"] for estimate in asked["forecast"]["intervals"]] == [20, 20, 20]


def _offer(agreed: Terms) -> bytes:
    from comity.arrangement import countersign, offer_terms

    return countersign(offer_terms(agreed, KEYS.authority), KEYS.provider).envelope
