"""Differences in plain words: each clause that differs is explained once, numbers with their difference."""

import copy
from typing import Any

import pytest
from specimen import STRANGER, VALUE, all_allowed, changed, terms

from comity.arrangement import FEATURES, Terms, counter, diff, explain, parse_terms_json, show_changes
from comity.records import canonical_bytes


def parsed(value: dict[str, Any]) -> Terms:
    return parse_terms_json(canonical_bytes(value))


@pytest.mark.parametrize(
    ("path", "new", "whom", "says"),
    [
        (
            "budget.calls",
            380,
            "authority",
            "The Authority may make at most 380 calls in all, instead of 400: 20 fewer.",
        ),
        (
            "budget.calls",
            1_400,
            "authority",
            "The Authority may make at most 1,400 calls in all, instead of 400: 1,000 more.",
        ),
        (
            "budget.cost",
            "0.80",
            "authority",
            "The Authority may spend at most 0.80 EUR in all, instead of 1.00 EUR: 0.20 EUR less.",
        ),
        (
            "budget.cost",
            "1",
            "authority",
            "The Authority may spend at most 1 EUR in all: the same sum as before, written otherwise.",
        ),
        (
            "models.0.prices.output",
            "0.400001",
            "authority",
            "A million output tokens of gemma-3-270m cost 0.400001 EUR, instead of 0.40 EUR: 0.000001 EUR more.",
        ),
        (
            "window.until",
            "2027-01-02T12:00:00Z",
            "authority",
            "Calls pass until 2 January 2027, 12:00 UTC, instead of 23 December 2026, 00:00 UTC: "
            "10 days and 12 hours later.",
        ),
        (
            "window.hours.until",
            "18:30",
            "authority",
            "On each day calls pass until 18:30 UTC, instead of 24:00: 5 hours and 30 minutes earlier.",
        ),
        ("stop.by", ["authority"], "both", "Who may stop access: removed “provider”."),
        ("stop.by", ["provider", "authority"], "both", "Who may stop access: the same, in another order."),
        (
            "suspension.clock_stops",
            ["operational", "containment"],
            "both",
            "The causes for which the Window stands still: added “containment”; removed “legal-order”.",
        ),
        (
            "content.retention",
            "until-closure",
            "provider",
            "The provider stores questions and answers until closure at the latest. "
            "Before: The provider stores nothing of questions and answers.",
        ),
        (
            "people.0.eligible",
            False,
            "authority",
            "evaluator-1 is not eligible, and gets no grant until that changes. Before: evaluator-1 is eligible.",
        ),
        ("basis", "Art. 92", "both", "It reads: “Art. 92”. Before, it read: “Voluntary access, offered on the "
         "provider's own initiative.”."),
        ("access_days", 3, "authority", "Access is promised for 3 business days, instead of 4: 1 fewer."),
        ("successor.notice_days", 10, "provider", "Notice of a newer version is given within 10 days of its release, "
         "instead of 14: 4 fewer."),
        ("exit.notice_days", 7, "both", "Access ends by an exit 7 days after it is recorded, or later, instead of 5: "
         "2 more."),
        ("exit.by", ["authority"], "both", "Who may leave the arrangement: removed “provider”."),
        ("access", [], "provider", "The promise of activations is removed."),
        ("access.0.promise", "Less.", "provider", "It reads: “Less.”. Before, it read: “Activations of two layers, in "
         "its own room.”."),
        ("costs.borne_by", "each-own", "both", "Each side bears its own costs. Before: The provider bears what the "
         "access costs."),
        ("publication.review_days", 29, "both", "The other party has 29 days to review results before they are "
         "published, instead of 30: 1 fewer."),
    ],
)  # fmt: skip
def test_a_difference_is_said_in_words(path: str, new: Any, whom: str, says: str) -> None:
    """Who may do what, instead of what, and how much that is more or less."""
    (told,) = explain(terms(), parsed(changed(path, new)))

    assert (whom, says) == (told.whom, told.text)


def test_features_and_bounds_are_said_as_what_a_request_may_do() -> None:
    """Words of the format stay out of the sentence."""
    value = changed("features", [*VALUE["features"], "logprobs"])
    value["limits"] = {"logprobs": 5}
    more = copy.deepcopy(value)
    more["limits"] = {"logprobs": 2}

    assert ["A request may now use log-probabilities.", "A request may hold at most 5 alternatives of each token."] == [
        told.text for told in explain(terms(), parsed(value))
    ]
    assert [
        "A request may no longer use log-probabilities.",
        "There is no bound on alternatives of each token any more, because the feature is refused.",
    ] == [told.text for told in explain(parsed(value), terms())]
    assert ["A request may hold at most 2 alternatives of each token, instead of 5: 3 fewer."] == [
        told.text for told in explain(parsed(value), parsed(more))
    ]


def test_a_whole_item_that_comes_or_goes_is_one_difference() -> None:
    """A person put on the terms is one change with all that is said of the person, not three."""
    value = changed("people", [*VALUE["people"], {"id": "expert-1", "role": "expert", "eligible": True}])
    (came,), (went,) = explain(terms(), parsed(value)), explain(parsed(value), terms())

    assert {"people[expert-1].id", "people[expert-1].role", "people[expert-1].eligible"} == set(came.clauses)
    assert came.text.startswith("The person expert-1 is added.")
    assert "expert-1 takes part as expert." in came.text
    assert "The person expert-1 is removed." == went.text


def test_every_clause_that_differs_is_explained_once() -> None:
    """Nothing changes unsaid, however much changes at a time."""
    value = all_allowed()
    value["models"] = [{**VALUE["models"][0], "name": "other", "max_output": 12}]
    value |= {
        "title": "Other", "stop": {"by": ["authority"]}, "guard": {**VALUE["guard"], "by": "none", "key": ""},
        "record": {"provider_sees": "entries"}, "rate": {key: 1 for key in VALUE["rate"]},
        "parties": {**VALUE["parties"], "authority": {"name": "Another", "key": STRANGER.vkey}},
    }  # fmt: skip
    before, after = terms(), parsed(value)
    told = [clause for one in explain(before, after) for clause in one.clauses]

    assert len(told) == len(set(told))
    assert {change.clause for change in diff(before, after)} == set(told)
    assert all(one.text.strip() for one in explain(before, after))
    assert {f"features.{name}" for name in FEATURES if name not in VALUE["features"]} <= set(told)


def test_counting_alone_is_no_difference() -> None:
    """The next version with the same words says nothing new."""
    assert () == explain(terms(), terms())
    assert () == explain(terms(), counter(terms(), {"budget.calls": "400"}))
    assert "no clause differs\n" == show_changes(())


@pytest.mark.parametrize("width", [60, 96])
def test_differences_can_be_read_in_a_terminal(width: int) -> None:
    """Each stands under its clause and the side whose position it describes, in lines that fit."""
    text = show_changes(explain(terms(), counter(terms(), {"budget.calls": "300", "basis": "x " * 300})), width)

    assert max(len(line) for line in text.splitlines()) <= width
    assert "budget.calls · the authority\n    The Authority may make at most 300 calls in all" in text
