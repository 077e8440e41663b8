"""The page of plans: what a budget buys, what a plan would take of it, and how far the frozen ones are."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
import specimen
from houses import PLAN, PLANNED, RICH, World, plan_text
from rich_world import RUN, TERMS, rich_terms

from comity.arrangement import countersign, offer_terms
from comity.estimate import clopper_pearson, wilson
from comity.evaluation.banks import SuiteBank, load_bank
from comity.evaluation.forecast import forecast
from comity.evaluation.plan import open_seed
from comity.evaluation.plan_text import parse_plan
from comity.evaluation.standing import UNASKED
from comity.portal.house import enter, the_house
from comity.records import CallPermitted, CallRefused, parse_record

PAGE = f"/case/{RICH}/access/{TERMS.id}/plans/"
CALLS = f"/case/{RICH}/access/{TERMS.id}/runs/{{}}/calls/"


def handed(text: str) -> dict[str, Any]:
    """A form with a file."""
    file = BytesIO(text.encode())
    file.name = "plan.yaml"
    return {"plan": file}


def spent(world: World) -> int:
    """Calls permitted so far under the arrangement."""
    (book,) = [one for one in world.access if one.origin == TERMS.ledger.origin]
    return sum(isinstance(parse_record(entry), CallPermitted) for entry in book.entries)


@pytest.fixture
def allowing(world: World) -> Iterator[None]:
    """The house under terms that list what a plan over a suite needs."""
    terms = rich_terms(features=[*TERMS.features, "seed", "system_prompt"])
    offer, before = countersign(offer_terms(terms, specimen.PROVIDER), specimen.AUTHORITY), the_house()
    enter(world.house(offers_of=lambda arrangement: [offer]))
    yield
    enter(before)


@pytest.fixture
def without_plans(world: World) -> Iterator[None]:
    """The house without the text of any plan."""
    before = the_house()
    enter(world.house(plan_of=lambda digest: None))
    yield
    enter(before)


def test_what_is_left_buys_intervals_of_these_widths(world: World, visit: Callable[[str], Any]) -> None:
    """The last row is for every call that is left; its widths are those of Wilson's interval, its bound is exact."""
    page = visit("evaluator").get(PAGE).content.decode()
    left = TERMS.budget.calls - spent(world)
    even, none = wilson(left // 2, left, 0.95), clopper_pearson(0, left, 0.95)

    row = page[page.index("all that is left") :]
    assert f'<th scope="row">{left} <span' in page
    assert f"{(even.high - even.low) / 2:.1%}" in row[:300] and f"{none.high:.1%}" in row[:300]


def test_a_plan_is_held_against_what_is_left_and_nothing_of_it_is_kept(
    world: World, visit: Callable[[str], Any], allowing: None
) -> None:
    """The clause table is the forecast's, for the dearest items; no file and no entry comes of it."""
    before = sorted(path for path in world.path.rglob("*") if "sqlite" not in path.name)
    answer = visit("evaluator").post(PAGE, handed(plan_text(60)))
    page = answer.content.decode()

    assert 200 == answer.status_code and "It fits what is left." in page and "Short answers, 60 items" in page
    assert "Not frozen here. No part of it was kept." in page
    assert before == sorted(path for path in world.path.rglob("*") if "sqlite" not in path.name)
    assert "Short answers, 60 items" not in visit("evaluator").get(PAGE).content.decode()


def test_the_dearest_items_are_no_less_than_the_sample(world: World) -> None:
    """What is said without the seed is a bound of what `plan check` says with it, and equal for the whole bank."""
    for items in (10, 60, 204):
        plan = parse_plan(plan_text(items), "plan")
        known = load_bank(open_seed(plan, "6" * 32))
        assert isinstance(known, SuiteBank)
        whole = SuiteBank(suite=known.suite, chosen=tuple(one.id for one in known.suite.items))
        exact = forecast(plan, known, TERMS, UNASKED, now=world.now)
        bound = forecast(plan, whole, TERMS, UNASKED, now=world.now)
        for one, two in zip(exact.clauses, bound.clauses, strict=True):
            assert one.most <= two.most and (items < 204 or one.most == two.most)
            assert items == 204 or not one.clause.endswith("input_tokens") or one.most < two.most


def test_a_plan_that_asks_too_much_says_how_much_would_fit(
    world: World, visit: Callable[[str], Any], allowing: None
) -> None:
    """More than is left: it does not fit, and the page says how many items would."""
    left = TERMS.budget.calls - spent(world)
    kept = TERMS.budget.calls * TERMS.budget.rerun_reserve // 100
    text = plan_text(204, design={**design_of(204), "epochs": 3}, access=access_of(612))
    page = visit("evaluator").post(PAGE, handed(text)).content.decode()

    assert "It does not fit." in page and f">{left - kept}<" in page
    assert f"{(left - kept) // 3} of 204 items would fit." in page


def design_of(items: int) -> dict[str, Any]:
    return {"items": items, "seed_commitment": PLAN.design.commitment}


def access_of(calls: int) -> dict[str, Any]:
    return {"calls": calls, "repeats": PLAN.access.repeats, "connections": PLAN.access.connections}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plan: plan/2\n", "expected"),
        ("{]", "plan"),
        (plan_text().replace("items: 40", "items: 0"), "design.items"),
        (plan_text() + "color: red\n", "color"),
        ("\0", "plan"),
        ("", "at most 256 kilobytes"),
        ("# " + "x" * 262_144, "at most 256 kilobytes"),
    ],
)
def test_what_is_no_plan_is_told_with_every_fault(visit: Callable[[str], Any], text: str, said: str) -> None:
    """A broken file gets an error summary that leads to its field, and the page stays."""
    answer = visit("evaluator").post(PAGE, handed(text))
    page = answer.content.decode()

    assert 422 == answer.status_code and '<a href="#plan">' in page and said in page
    assert "What is left buys" in page


def test_clauses_that_stand_against_a_plan_are_named(visit: Callable[[str], Any]) -> None:
    """What the terms do not list is said clause by clause."""
    page = visit("evaluator").post(PAGE, handed(plan_text())).content.decode()

    assert "It does not fit." in page and "features.system_prompt: the plan uses it" in page


def test_a_plan_for_another_arrangement_says_so(visit: Callable[[str], Any]) -> None:
    """It is checked all the same, and does not fit."""
    page = visit("evaluator").post(PAGE, handed(plan_text(arrangement="4" * 32))).content.decode()

    assert "This plan names another arrangement." in page and "It does not fit." in page


def test_a_plan_that_decides_shows_when(visit: Callable[[str], Any]) -> None:
    """Its table holds what the rule computes exactly."""
    from comity.evaluation.plan import deciding, plan_members
    from comity.evaluation.plan_text import write_plan
    from comity.evaluation.stopping import rule_of
    from comity.evaluation.suites import load_suite

    members = plan_members(
        plan_id="5" * 32, arrangement=TERMS.id, title="Decides", suite=load_suite("short-answers"), protocol="openai",
        model="nova-5", items=100, seed="6" * 32,
    )  # fmt: skip
    text = write_plan(deciding(members, "0.30", 10))
    rule = rule_of(parse_plan(text, "plan"))
    assert rule is not None
    page = visit("evaluator").post(PAGE, handed(text)).content.decode()

    found = rule.expect(0.5)
    assert "above 30.0%" in page and f'<td class="num">{found.queries:.0f}</td>' in page
    assert f"{found.above:.1%}" in page


def test_frozen_plans_show_how_far_they_are(visit: Callable[[str], Any]) -> None:
    """Calls of its runs beside the calls that it plans, on both pages, where the plan's text is at hand."""
    browser = visit("evaluator")
    page = browser.get(PAGE).content.decode()
    run = browser.get(f"/case/{RICH}/access/{TERMS.id}/runs/{PLANNED}/").content.decode()

    assert PLAN.title in page and PLAN.digest[:8] in page and PLANNED[:8] in page
    assert "12 of 40 calls" in run and PLAN.title in run and f'width="{240 * 12 // 40}"' in run and PAGE in run
    assert "Frozen as entry" in browser.post(PAGE, handed(plan_text())).content.decode()


def test_no_rate_is_shown_of_a_sample_with_unequal_chances(
    visit: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The share of right answers would not be the bank's; the page leads to the report in its place."""
    from comity.portal.rooms import access

    path = f"/case/{RICH}/access/{TERMS.id}/runs/{RUN}/"
    assert "Rate, from the committed counts" in visit("evaluator").get(path).content.decode()
    active = replace(PLAN, parts=replace(PLAN.parts, sampling=replace(PLAN.parts.sampling, kind="active")))
    monkeypatch.setattr(access, "plan_at_hand", lambda digest: active)
    page = visit("evaluator").get(path).content.decode()

    assert "drawn with unequal chances" in page and "Rate, from the committed counts" not in page


def test_without_its_text_a_plan_is_a_digest(visit: Callable[[str], Any], without_plans: None) -> None:
    """No title and no number of planned calls is made up; and a text that is not the digest's is not believed."""
    browser = visit("evaluator")
    page = browser.get(PAGE).content.decode()

    assert PLAN.digest[:8] in page and "not at hand" in page and PLAN.title not in page
    enter(replace(the_house(), plan_of={PLAN.digest: parse_plan(plan_text(41), "plan").canonical}.get))
    assert "Short answers, 41 items" not in browser.get(PAGE).content.decode()


def test_the_provider_sees_digests_and_no_plan(visit: Callable[[str], Any]) -> None:
    """Which items are asked and how is the evaluator's until the report, on every page, and nobody else checks."""
    browser = visit("access")
    page = browser.get(PAGE).content.decode()
    run = browser.get(f"/case/{RICH}/access/{TERMS.id}/runs/{PLANNED}/").content.decode()

    assert PLAN.digest[:8] in page and PLAN.title not in page + run and "The plan's file" not in page
    assert 403 == browser.post(PAGE, handed(plan_text())).status_code


@pytest.mark.parametrize("run", [RUN, PLANNED])
def test_the_calls_of_a_run_are_its_calls(
    world: World, visit: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    """Walked stretch by stretch, the page shows every call of the run once, none of another's, and no content."""
    import re

    from comity.portal.rooms import calls

    monkeypatch.setattr(calls, "STRETCH", 7)
    (book,) = [one for one in world.access if one.origin == TERMS.ledger.origin]
    records = [parse_record(entry) for entry in book.entries]
    wanted = [
        index for index, one in enumerate(records) if isinstance(one, (CallPermitted, CallRefused)) and one.run == run
    ]
    browser, path, seen = visit("evaluator"), CALLS.format(run), []
    while path:
        page = browser.get(path).content.decode()
        seen += [int(one) for one in re.findall(r'<th scope="row"><[^>]+>#(\d+)<', page)]
        onward = re.search(r'rel="next" href="([^"]+)"', page)
        path = CALLS.format(run) + onward[1] if onward else ""

    assert wanted and wanted == seen
    assert 404 == browser.get(CALLS.format("0" * 32)).status_code
    assert 200 == browser.get(CALLS.format(run) + "?from=99999999999999999999").status_code
