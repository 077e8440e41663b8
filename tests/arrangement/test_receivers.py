"""Who receives answers is a clause: judge models with their endpoint, people who rate, tools."""

import copy
from typing import Any

import pytest
from tests.arrangement.specimen import VALUE

from comity.arrangement import TermsRefused, clauses, parse_terms_json
from comity.arrangement.change import counter
from comity.arrangement.contract_keeping import content
from comity.arrangement.terms import Terms
from comity.records import canonical_bytes

ENDPOINT = "https://judge-operator.example/a/" + "7" * 32
JUDGE = {"name": "judge", "model": "judge-1", "endpoint": ENDPOINT}
RATERS = {"name": "raters", "people": "up to three persons under the authority's contract"}
TOOL = {"name": "sandbox", "tool": "a shell in a container without network"}


def terms(*more: dict[str, Any], keys: bool = True) -> Terms:
    value = copy.deepcopy(dict(VALUE))
    value["content"]["recipients"] = [*(value["content"]["recipients"] if keys else ()), *more]
    return parse_terms_json(canonical_bytes(value))


def test_receivers_are_told_from_those_whose_key_opens_what_is_sealed() -> None:
    """Sealing goes to the keys alone; the others are named with what they are."""
    made = terms(JUDGE, RATERS, TOOL)
    assert [one.name for one in made.content.recipients] == ["evaluator-1", "authority-recovery"]
    assert [(one.name, one.kind, one.endpoint) for one in made.content.receivers] == [
        ("judge", "model", ENDPOINT), ("raters", "people", ""), ("sandbox", "tool", "")
    ]  # fmt: skip
    assert terms().content.receivers == ()


def test_each_receiver_is_a_clause_with_its_mark_and_stands_in_the_contract() -> None:
    """What the machine holds to, what a record shows and what is promised are told apart."""
    made = terms(JUDGE, RATERS, TOOL)
    said = {one.name: (one.mark, one.sentence) for one in clauses(made)}
    assert said["content.recipients.model"][0] == "evidenced"
    assert said["content.recipients.endpoint"] == ("enforced", f"judge is called at {ENDPOINT} alone.")
    assert said["content.recipients.people"][0] == said["content.recipients.tool"][0] == "attested"
    written = " ".join(provision.text for provision in content(made))
    assert all(text in written for text in ("judge-1", ENDPOINT, RATERS["people"], TOOL["tool"]))


@pytest.mark.parametrize(
    ("item", "clause"),
    [
        ({"name": "judge", "model": "judge-1"}, "content.recipients[2].endpoint"),
        (JUDGE | {"endpoint": "https://judge.example/v1"}, "content.recipients[2].endpoint"),
        (JUDGE | {"model": "a judge"}, "content.recipients[2].model"),
        (JUDGE | {"name": "evaluator-1"}, "content.recipients.name"),
        (JUDGE | {"key": "AAAA"}, "content.recipients[2].key"),
        (RATERS | {"people": ""}, "content.recipients[2].people"),
        (TOOL | {"network": "none"}, "content.recipients[2].network"),
    ],
)
def test_a_receiver_that_is_not_whole_is_named(item: dict[str, Any], clause: str) -> None:
    """An item is one of four kinds and nothing beside it."""
    with pytest.raises(TermsRefused) as refused:
        terms(item)
    assert clause in {problem.clause for problem in refused.value.problems}


def test_terms_without_any_key_are_refused() -> None:
    """Content that nobody could open would be lost."""
    with pytest.raises(TermsRefused, match="at least one with a key"):
        terms(JUDGE, keys=False)


@pytest.mark.parametrize(
    ("name", "text", "item"),
    [
        ("judge", f"model:judge-1@{ENDPOINT}", JUDGE),
        ("raters", f"people: {RATERS['people']}", RATERS),
        ("sandbox", f"tool: {TOOL['tool']}", TOOL),
    ],
)
def test_a_counter_offer_adds_a_receiver_whole(name: str, text: str, item: dict[str, Any]) -> None:
    """One text says which kind it is."""
    made = counter(terms(), {f"content.recipients[{name}]": text})
    assert made.value()["content"]["recipients"][-1] == item
