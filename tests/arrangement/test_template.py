"""Templates: each tier is an offer that becomes terms, reads as a contract, and says what no machine keeps."""

from collections import Counter
from datetime import date
from functools import cache
from typing import Any

import pytest
import yaml
from specimen import (
    AUTHORITY,
    AUTHORITY_WITNESS,
    GUARD,
    LOG,
    LOG_PQ,
    ORIGIN,
    PERMIT,
    PROVIDER,
    PROVIDER_WITNESS,
    recipient_key,
)

from comity.arrangement import (
    Card,
    ChangeRefused,
    Terms,
    TermsRefused,
    clauses,
    contract_of,
    countersign,
    draft_from_offer,
    offer_terms,
    parse_access_offer,
    show,
    sign_access_offer,
)
from comity.arrangement.contract_pdf import render_contract
from comity.arrangement.crosswalk import CONFIDENCE, crosswalk, crosswalk_data, levels, sources
from comity.arrangement.promises import ACCESS_ITEMS
from comity.arrangement.template import TIERS, TIMEFRAMES, offer, offer_yaml, template, timeframe
from comity.law import named_calendar
from comity.records import canonical_bytes

BEGINS = date(2027, 1, 11)
CARDS = (
    Card(role="authority", name="Office for AI", host="authority.example", party=AUTHORITY.vkey,
         witness=AUTHORITY_WITNESS.vkey, witness_url="https://w.authority.example", recipient=recipient_key(1)),
    Card(role="provider", name="Northwind Models", host="provider.example", party=PROVIDER.vkey,
         witness=PROVIDER_WITNESS.vkey, witness_url="https://w.provider.example", guard=GUARD.vkey),
    Card(role="operator", name="Gateway House", host="operator.example", origin=ORIGIN, permit=PERMIT.vkey,
         log=(LOG.vkey, LOG_PQ.vkey)),
    Card(role="evaluator", name="An evaluator", host="evaluator.example", recipient=recipient_key(2), access="a" * 64),
)  # fmt: skip


@cache
def made(tier: str, timeframe_name: str = "code-example") -> Terms:
    """Terms drafted from a template, by way of its YAML."""
    written = offer_yaml(offer(tier, timeframe_name=timeframe_name, begins=BEGINS), tier)
    return draft_from_offer(parse_access_offer(written, f"{tier}.yaml"), CARDS)


@pytest.mark.parametrize("lasting", TIMEFRAMES)
@pytest.mark.parametrize("tier", TIERS)
def test_every_tier_with_every_timeframe_becomes_terms_that_both_sign(tier: str, lasting: str) -> None:
    """From YAML to terms, an offer and an agreement, without another word."""
    terms = made(tier, lasting)
    agreed = countersign(offer_terms(terms, PROVIDER), AUTHORITY)

    assert ("authority", "provider") == agreed.signed_by
    assert timeframe(lasting).days == terms.access_days


@pytest.mark.parametrize("tier", TIERS)
def test_a_template_can_be_signed_as_an_offer(tier: str) -> None:
    """The access offer itself carries the provider's signature."""
    card = canonical_bytes(
        {
            "format": "comity card/1", "role": "provider", "name": "Northwind Models", "host": "provider.example",
            "party": PROVIDER.vkey,
        }
    )  # fmt: skip
    part = parse_access_offer(offer_yaml(offer(tier, begins=BEGINS), tier), f"{tier}.yaml")

    assert template(tier).value["title"] == sign_access_offer(part, card, PROVIDER).offer.summary


@pytest.mark.parametrize("tier", TIERS)
def test_a_template_reads_as_a_contract(tier: str) -> None:
    """On the screen and on paper."""
    terms = made(tier)

    assert terms.digest in show(terms)
    assert render_contract(terms).startswith(b"%PDF")
    assert {clause.name for clause in clauses(terms)} == set(contract_of(terms).said_by())


@pytest.mark.parametrize("tier", TIERS)
def test_what_no_gateway_can_keep_is_marked_so(tier: str) -> None:
    """Sessions, documents and rooms are evidenced or attested, and never enforced."""
    terms = made(tier)
    marks = {clause.name: clause.mark for clause in clauses(terms)}
    promised = [clause.mark for clause in clauses(terms) if clause.name == "access.promise"]

    assert ["attested" if one.means == "term" else "evidenced" for one in terms.access] == promised
    assert "attested" == marks["content.retention"] == marks["content.training"] == marks["channel"]
    assert ("attested" if tier == "T4" else "enforced") == marks["content.blindness"]
    kept = {provision.mark for _, provision in contract_of(terms).numbered() if "access.promise" in provision.names()}
    assert set(promised) == kept


@pytest.mark.parametrize("tier", ["T3", "T4", "T5"])
def test_the_deeper_tiers_rest_on_sessions_and_documents(tier: str) -> None:
    """What they add is no call, and the terms say by which act it is delivered."""
    means = Counter(one.means for one in made(tier).access)

    assert 2 <= means["session"] + means["document"]


def test_each_tier_holds_what_its_name_says() -> None:
    """Depth grows from T0 to T4, and T5 is information."""
    features = {tier: set(made(tier).features) for tier in TIERS}
    items = {tier: {one.item for one in made(tier).access} for tier in TIERS}

    assert not {"logprobs", "reasoning_raw", "prefill"} & (features["T0"] | features["T1"])
    assert {"logprobs", "reasoning_raw", "prefill"} <= features["T2"] == features["T3"] == features["T4"]
    assert ["standard", "fewest-mitigations"] == [model.variant for model in made("T2").models]
    assert items["T2"] < items["T3"] < items["T4"]
    assert {"gradients", "draft.weights"} <= items["T4"] - items["T3"]
    assert {"model-specification", "system-prompt", "training-data", "test-sets", "past-results"} <= items["T5"]
    assert ["flag", "refuse", "refuse"] == [made(tier).models[0].on_mismatch for tier in ("T0", "T1", "T2")]
    assert ["none", "provider", "provider"] == [made(tier).guard.by for tier in ("T0", "T1", "T2")]


@pytest.mark.parametrize(
    ("tier", "model", "information", "casper"),
    [
        ("T0", "public", "none", ("black-box",)),
        ("T1", "black", "none", ("black-box",)),
        ("T2", "grey", "substantial", ("grey-box", "outside the box")),
        ("T3", "tuned", "substantial", ("grey-box", "outside the box")),
        ("T4", "white", "substantial", ("white-box", "outside the box")),
        ("T5", "public", "comprehensive", ("black-box", "outside the box")),
    ],
)
def test_the_crosswalk_finds_a_template_again(
    tier: str, model: str, information: str, casper: tuple[str, ...]
) -> None:
    """Terms made from a tier are read as that tier on each axis, as the table of tiers says."""
    standing = crosswalk(made(tier))
    row = crosswalk_data()["tiers"][tier]

    assert (model, information, "example") == (
        standing.model.level.id, standing.information.level.id, standing.time.level.id,
    )  # fmt: skip
    assert (row["model"], row["information"]) == (model, information)
    assert casper == standing.casper
    assert tier in (standing.tier, *standing.also)


def test_the_axes_stay_apart() -> None:
    """Raw reasoning for four days is grey on one axis and short on another, and no ladder hides it."""
    value = offer("T2", begins=BEGINS, days=4)
    short = draft_from_offer(parse_access_offer(yaml.safe_dump(value), "x"), CARDS)
    standing = crosswalk(short)

    assert ("grey", "below-example") == (standing.model.level.id, standing.time.level.id)
    assert "at most AAL-1" == standing.ceiling.text
    assert ("access_days: 4 business days by the calendar eu-institutions",) == standing.time.because
    assert ("evidenced",) == standing.time.marks


@pytest.mark.parametrize(
    ("tier", "timeframe_name", "ceiling"),
    [
        ("T0", "code-example", "at most AAL-1"),
        ("T2", "standing", "at most AAL-1"),
        ("T4", "short", "at most AAL-1"),
        ("T4", "code-example", "at most AAL-2"),
        ("T5", "standing", "at most AAL-1"),
    ],
)
def test_the_ceiling_of_assurance_follows_from_all_three_axes(
    tier: str, timeframe_name: str, ceiling: str
) -> None:
    """No depth makes up for want of time, and terms alone never show more than AAL-2."""
    assert ceiling == crosswalk(made(tier, timeframe_name)).ceiling.text


def test_a_reading_names_the_clauses_it_follows_from_and_how_they_are_kept() -> None:
    """Depth by features is enforced, depth by sessions is what records show."""
    grey, white = crosswalk(made("T2")), crosswalk(made("T4"))

    assert {"features.logprobs", "features.reasoning_raw"} <= set(grey.model.because)
    assert ("enforced", "evidenced") == grey.model.marks
    assert ("access[gradients] (session)", "access[draft.weights] (session)") == white.model.because
    assert ("evidenced",) == white.model.marks


def cells(value: Any) -> list[dict[str, Any]]:
    """Every part of the data that makes a statement."""
    found = []
    if isinstance(value, dict):
        if "confidence" in value and "title" not in value:
            found.append(value)
        found += [one for member in value.values() for one in cells(member)]
    elif isinstance(value, list):
        found += [one for member in value for one in cells(member)]
    return found


def test_every_cell_says_where_it_is_from_and_how_sure_it_is() -> None:
    """A word of somebody else's is never without its source, and our own is called ours."""
    data = crosswalk_data()
    held = [*cells(data["axes"]), *cells(data["tiers"]), *cells(data["ceilings"])]

    assert 35 <= len(held)
    for one in held:
        assert one["source"] in sources(), one
        assert one["confidence"] in CONFIDENCE, one
        if one["source"] == "ours":
            assert "ours" == one["confidence"], one
    for name in TIMEFRAMES:
        assert timeframe(name).source in sources()
    assert all(source.confidence in CONFIDENCE for source in sources().values())


def test_the_data_names_what_there_is() -> None:
    """Tiers, levels, promises and features of the crosswalk exist."""
    data = crosswalk_data()
    known = {axis: {level.id for level in levels(axis)} for axis in data["axes"]}
    reads = data["reads"]

    assert set(TIERS) == set(data["tiers"])
    for row in data["tiers"].values():
        assert row["model"] in known["model"] and row["information"] in known["information"]
    for row in data["ceilings"]:
        assert all(level in known[axis] for axis, level in row["needs"].items())
    assert {} == data["ceilings"][-1]["needs"]
    for name in ("information_items", "grey_items", "tuned_items", "white_items"):
        assert set(reads[name]) <= set(ACCESS_ITEMS)


def test_the_window_holds_the_days_that_are_promised() -> None:
    """The last business day is in, the next is out, and holidays do not count."""
    value = offer("T1", begins=date(2026, 12, 14), days=10)
    terms = draft_from_offer(parse_access_offer(yaml.safe_dump(value), "x"), CARDS)
    calendar = named_calendar(terms.calendar)
    last = terms.window.until.date()

    assert 10 == calendar.business_days(date(2026, 12, 13), date.fromordinal(last.toordinal() - 1))
    assert calendar.is_business_day(date.fromordinal(last.toordinal() - 1))
    with pytest.raises(TermsRefused, match="access_days"):
        parse_access_offer(yaml.safe_dump({**value, "access_days": 11}), "x")


def test_models_and_clauses_are_filled_in() -> None:
    """Names go to the template's models in order, and a setting is read as in a counter-offer."""
    value = offer(
        "T2",
        begins=BEGINS,
        models=("newest", "newest-helpful"),
        settings={
            "budget.calls": "300", "budget.per_day.calls": "100", "calendar": "BE", "features.logprobs": "refused",
        },
    )

    assert [("newest", ["newest"]), ("newest-helpful", ["newest-helpful"])] == [
        (model["name"], model["serves"]) for model in value["models"]
    ]
    assert (300, 100, "BE", {"n": 8}) == (
        value["budget"]["calls"], value["budget"]["per_day"]["calls"], value["calendar"], value["limits"],
    )  # fmt: skip
    assert "logprobs" not in value["features"]
    assert ["model-under-test"] == template("T2").value["models"][0]["serves"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"tier": "T6"}, {"tier": "T1", "timeframe_name": "for ever"}, {"tier": "T1", "days": 0},
        {"tier": "T1", "days": 1_001}, {"tier": "T1", "models": ("a", "b")},
        {"tier": "T1", "settings": {"budget.joy": "1"}},
    ],
)  # fmt: skip
def test_what_no_template_has_is_refused(wanted: dict[str, Any]) -> None:
    """A tier, a timeframe, a number of days, a model or a clause that is none."""
    with pytest.raises(ChangeRefused):
        offer(wanted.pop("tier"), begins=BEGINS, **wanted)


@pytest.mark.parametrize("tier", TIERS)
def test_the_yaml_says_how_each_clause_is_kept(tier: str) -> None:
    """Its author reads before signing what is enforced and what is a promise."""
    text = offer_yaml(offer(tier, begins=BEGINS), tier)

    assert "# attested\nbasis_kind: voluntary" in text
    assert "# attested; enforced" not in text
    assert "main risk: " in text
    assert max(len(line) for line in text.splitlines()) <= 100
    assert offer(tier, begins=BEGINS) == yaml.safe_load(text)
