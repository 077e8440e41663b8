"""Before anything is spent, a plan is held against what is left: computed as the gateway will compute it."""

import json
from collections.abc import Iterator
from dataclasses import replace
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
from comity.cli.plan import seed_path
from comity.evaluation.banks import load_bank
from comity.evaluation.forecast import SPARE, body_of, bound_call, forecast
from comity.evaluation.plan import Plan, open_seed, plan_members
from comity.evaluation.plan_text import parse_plan, write_plan
from comity.evaluation.standing import UNASKED, Standing, read_standing
from comity.gateway import decide
from comity.records import canonical_bytes
from support import ARRANGEMENT, Keys, terms_value

KEYS = Keys()
NOW = datetime.now(UTC)
ALWAYS = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "until": "24:00"}
MONDAY = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
YEARS_AGO = {"from": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z", "hours": ALWAYS}
NOVEMBER = {"from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}


def terms(**changes: Any) -> Terms:
    return parse_terms_json(canonical_bytes(terms_value(KEYS, **changes)))


def told(taken: dict[str, int], **members: Any) -> Standing:
    """What a gateway says of an arrangement of which so much is taken."""
    return read_standing({"clauses": {clause: {"taken": figure} for clause, figure in taken.items()}, **members})


def plan(items: int = 20, protocol: Any = "openai", **changes: Any) -> Plan:
    members = plan_members(
        plan_id="1" * 32, arrangement=ARRANGEMENT, title="t", suite=SUITE, protocol=protocol, model="test-model",
        items=items, seed="3" * 32,
    )  # fmt: skip
    members["access"] |= changes
    return open_seed(parse_plan(write_plan(members), "plan.yaml"), "3" * 32)


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
        body_bytes=size, messages=messages, tools=0, self_contained=True, output_limit=limit, candidates=1, turns=1,
        writes=True, bills=True,
    )  # fmt: skip
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
    roomy = forecast(read, bank, terms(), UNASKED, now=NOW)
    assert roomy.fits
    assert roomy.items_that_fit == 20
    by_name = {clause.clause: clause for clause in roomy.clauses}
    assert (by_name["budget.calls"].most, by_name["budget.calls"].with_repeats) == (20, 60)
    assert by_name["budget.output_tokens"].most == 20 * 24
    assert all(clause.expected <= clause.most <= clause.with_repeats for clause in roomy.clauses)

    taken = {"budget.calls": 987, "budget.output_tokens": 100_000 - 24 * 7}
    spent = forecast(read, bank, terms(), told(taken), now=NOW)
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
        ({"window": YEARS_AGO}, "window.until"),
        ({"rate__tokens_per_minute": 100}, "rate.tokens_per_minute"),
    ],
)
def test_a_clause_that_would_refuse_every_call_is_named(changes: dict[str, Any], clause: str) -> None:
    """What is not a matter of the budget stands against a plan too, before the first call."""
    made = forecast(plan(), load_bank(plan()), terms(**changes), UNASKED, now=NOW)
    assert not made.fits
    assert any(problem.startswith(clause + ":") for problem in made.problems)


def test_the_rate_bounds_how_soon_a_plan_can_end() -> None:
    """With three calls a minute, ten calls take three minutes at least; tokens a minute bound it too, repeats more."""
    read, bank = plan(10), load_bank(plan(10))
    made = forecast(read, bank, terms(rate__calls_per_minute=3), UNASKED, now=NOW)
    assert (made.minutes, made.minutes_with_repeats, made.rate) == (3, 9, "3 calls a minute")
    by_name = {clause.clause: clause for clause in made.clauses}
    tokens = by_name["budget.input_tokens"].expected + by_name["budget.output_tokens"].expected
    slow = terms(rate__tokens_per_minute=tokens // 2)
    made = forecast(read, bank, slow, UNASKED, now=NOW)
    assert (made.minutes, made.rate) == ((tokens - 1) // (tokens // 2), f"{tokens // 2:,} tokens a minute")


FIGURES = ("calls", "input_tokens", "output_tokens", "cost")


def test_what_is_left_of_this_day_bounds_a_plan_too() -> None:
    """A day's clauses stand beside the whole ones where they are known, and the shortest says how many items fit."""
    read, bank = plan(20), load_bank(plan(20))
    day = {"calls": 30, "input_tokens": 1_000_000, "output_tokens": 100_000, "cost": "1.00"}
    agreed = terms(budget__per_day=day)
    names = {clause.clause for clause in forecast(read, bank, agreed, UNASKED, now=NOW).clauses}
    assert names == {f"{at}.{figure}" for at in ("budget", "budget.per_day") for figure in FIGURES}

    taken = {f"{at}.{figure}": 0 for at in ("budget", "budget.per_day") for figure in FIGURES}
    late = forecast(read, bank, agreed, told(taken | {"budget.per_day.calls": 17}), now=NOW)
    assert (late.fits, late.items_that_fit, late.fits_another_day) == (False, 13, True)
    whole = forecast(read, bank, agreed, told(taken | {"budget.calls": 987}), now=NOW)
    assert (whole.fits, whole.fits_another_day) == (False, False)

    silent = forecast(read, bank, agreed, told({f"budget.{figure}": 0 for figure in FIGURES}), now=NOW)
    assert {clause.clause for clause in silent.clauses} == {f"budget.{figure}" for figure in FIGURES}


@pytest.mark.parametrize(
    ("taken", "by_repeats", "repeats", "left"),
    [
        (0, 0, False, 900),
        (0, 0, True, 1000),
        (300, 0, False, 600),
        (300, 40, False, 640),
        (300, 150, False, 700),
        (300, 150, True, 700),
        (950, 0, False, 0),
        (950, 0, True, 50),
    ],
)
def test_what_is_kept_for_repeated_runs_is_not_left_to_a_first_one(
    taken: int, by_repeats: int, repeats: bool, left: int
) -> None:
    """As the gateway decides it: first calls take at most 900 of 1,000, whoever took the rest."""
    standing = told({"budget.calls": taken}, rerun={"calls": by_repeats})
    made = forecast(plan(), load_bank(plan()), terms(budget__rerun_reserve=10), standing, now=NOW, repeats=repeats)
    [calls] = [clause for clause in made.clauses if clause.clause == "budget.calls"]
    assert (calls.left, calls.left + calls.kept) == (left, 1000 - taken)


@pytest.mark.parametrize(
    ("hours", "minutes", "says"),
    [
        (ALWAYS, 6_000, ""),
        ({"days": ["mon"], "from": "09:00", "until": "17:00"}, 29, ""),
        ({"days": ["mon"], "from": "09:00", "until": "17:00"}, 30, "calls pass for 30 min from now"),
        ({"days": ["mon"], "from": "09:00", "until": "16:30"}, 0, "it is Mon 16:30 UTC"),
        ({"days": ["tue", "wed"], "from": "00:00", "until": "24:00"}, 0, "calls pass on tue, wed from 00:00 to 24:00"),
        ({"days": ["mon", "tue"], "from": "00:00", "until": "24:00"}, 31 * 60, ""),
        ({"days": ["mon", "tue"], "from": "00:00", "until": "24:00"}, 32 * 60, "calls pass for 31 h 30 min from now"),
        (ALWAYS, 12_000, "window.until: the plan takes at least 200 h 0 min, access ends in 175 h 30 min"),
    ],
)
def test_hours_and_window_bound_how_long_a_plan_may_take(hours: dict[str, Any], minutes: int, says: str) -> None:
    """From a Monday at half past four: closed now, closed before the plan can end, or open for long enough."""
    agreed = terms(window=NOVEMBER | {"hours": hours}, rate__calls_per_minute=1)
    read = plan(1)
    long = replace(read, access=replace(read.access, calls=minutes + 1))
    made = forecast(long, load_bank(read), agreed, UNASKED, now=MONDAY)
    times = [problem for problem in made.problems if problem.startswith("window.")]
    assert made.minutes == minutes
    assert (not times) if not says else any(says in problem for problem in times), times


def test_a_clock_that_stood_still_ends_the_window_later() -> None:
    """Access that ended by the calendar goes on for as long as suspensions stopped the clock."""
    agreed, after = terms(window=NOVEMBER | {"hours": ALWAYS}), datetime(2026, 12, 1, 1, tzinfo=UTC)
    for stood, ended in ((3_600_001, False), (3_600_000, True)):
        made = forecast(plan(), load_bank(plan()), agreed, told({}, stood_ms=stood), now=after)
        assert any(problem.startswith("window.until:") for problem in made.problems) is ended


@pytest.mark.parametrize(
    ("members", "clause"),
    [
        ({"stopped": {"by": "provider", "cause": "containment"}}, "stop.by: the provider stopped"),
        ({"suspended": {"by": "authority", "cause": "operational"}}, "suspension.by: the authority suspended"),
        ({"overrun": ["budget.cost"]}, "budget.cost: usage exceeded"),
    ],
)
def test_what_holds_up_every_call_stands_against_a_plan(members: dict[str, Any], clause: str) -> None:
    """A stop, a suspension or an overrun in the gateway's word; absent or null, nothing is said."""
    bank = load_bank(plan())
    made = forecast(plan(), bank, terms(), told({"budget.calls": 0}, **members), now=NOW)
    assert not made.fits and made.problems[0].startswith(clause)
    assert forecast(plan(), bank, terms(), told({}, stopped=None, suspended=None), now=NOW).problems == ()


def test_the_command_says_in_words_and_by_its_exit_status_whether_a_plan_fits(home: Home, tmp_path: Path) -> None:
    """0 where it fits or nothing was given to hold it against, 1 where it does not."""
    file = tmp_path / "plan.yaml"
    members = plan_members(
        plan_id="1" * 32, arrangement=ARRANGEMENT, title="t", suite=SUITE, protocol="openai", model="test-model",
        items=20, seed="3" * 32,
    )  # fmt: skip
    file.write_text(write_plan(members))
    seed_path(file).write_text("3" * 32)
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


def test_the_command_prints_days_reserve_and_times(home: Home, tmp_path: Path) -> None:
    """Each clause on its line; the reserve is said, and open to a plan of which a run was begun before."""
    file, offer = tmp_path / "plan.yaml", tmp_path / "terms.json"
    members = plan_members(
        plan_id="1" * 32, arrangement=ARRANGEMENT, title="t", suite=SUITE, protocol="openai", model="test-model",
        items=20, seed="3" * 32,
    )  # fmt: skip
    file.write_text(write_plan(members))
    seed_path(file).write_text("3" * 32)
    day = {"calls": 15, "input_tokens": 1_000_000, "output_tokens": 100_000, "cost": "1.00"}
    budget = terms_value(KEYS)["budget"] | {"per_day": day, "rerun_reserve": 10}
    offer.write_bytes(_offer(terms(budget=budget, rate__calls_per_minute=5)))
    said = plan_cli(home, "check", str(file), "--terms", str(offer))
    assert said.exit_code == 1
    for line in (
        "lasts    at least 3 minutes, 11 minutes if every call is repeated, at the agreed 5 calls a minute",
        "kept     10 percent of the budget for repeated runs; this plan has not run from here",
        "budget.per_day.output_tokens",
        "Short: budget.per_day.calls. 15 of 20 items would fit.",
        "What is short is this day's alone",
    ):
        assert line in said.output, said.output
    begun = home.path / "runs" / ("4" * 32) / "begun.json"
    begun.parent.mkdir(parents=True)
    digest = parse_plan(file.read_bytes(), "plan.yaml").digest
    begun.write_text(json.dumps({"format": "comity run/1", "run": "4" * 32, "plan": digest, "begun": 7}))
    asked = json.loads(plan_cli(home, "check", str(file), "--terms", str(offer), "--json").output)["forecast"]
    assert (asked["repeats"], asked["clauses"]["budget.calls"]["kept"]) == (True, 0)
    assert "so it may take them" in plan_cli(home, "check", str(file), "--terms", str(offer)).output


def _offer(agreed: Terms) -> bytes:
    from comity.arrangement import countersign, offer_terms

    return countersign(offer_terms(agreed, KEYS.authority), KEYS.provider).envelope
