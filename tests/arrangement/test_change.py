"""Changes: a counter-offer is the next version, and every difference is named."""

from typing import Any

import pytest
from specimen import VALUE, changed, terms

from comity.arrangement import ChangeRefused, TermsRefused, counter, diff, parse_terms_json, show_changes
from comity.records import canonical_bytes


def test_a_counter_offer_follows_from_the_version_before() -> None:
    """Count one up, the digest of the version before, and only the clauses named are different."""
    second = counter(terms(), {"budget.calls": "300", "models.max_output": "128", "features.logprobs": "allowed"})

    assert (2, terms().digest) == (second.version, second.previous)
    assert {
        "budget.calls": ("400", "300"),
        "features.logprobs": ("refused", "allowed"),
        "models[gemma-3-270m].max_output": ("256", "128"),
        "previous": ("", terms().digest),
        "version": ("1", "2"),
    } == {change.clause: (change.before, change.after) for change in diff(terms(), second)}


@pytest.mark.parametrize(
    ("clause", "text", "path", "value"),
    [
        ("title", "Another title", "title", "Another title"),
        ("budget.cost", "2", "budget.cost", "2"),
        ("models[gemma-3-270m].serves", "a, b", "models.0.serves", ["a", "b"]),
        ("people[evaluator-1].eligible", "false", "people.0.eligible", False),
        ("stop.by", "provider", "stop.by", ["provider"]),
        ("features.stop", "refused", "features", [name for name in VALUE["features"] if name != "stop"]),
        ("models.prices.input", "0.2", "models.0.prices.input", "0.2"),
    ],
)
def test_a_value_is_read_as_the_kind_of_its_clause(clause: str, text: str, path: str, value: Any) -> None:
    """Texts, numbers, flags, lists and features are set by their clause's name."""
    expected = changed(path, value)
    expected |= {"version": 2, "previous": terms().digest}

    assert parse_terms_json(canonical_bytes(expected)) == counter(terms(), {clause: text})


@pytest.mark.parametrize(
    ("clause", "text"),
    [
        ("id", "f" * 32),
        ("version", "7"),
        ("previous", "x"),
        ("terms", "x"),
        ("ledger.origin", "x"),
        ("parties.provider.key", "x"),
        ("budget", "x"),
        ("budget.surprise", "1"),
        ("budget.calls", "many"),
        ("budget.calls", "1_000"),
        ("people.eligible", "maybe"),
        ("models[other].max_output", "1"),
        ("models", "x"),
        ("features.telepathy", "allowed"),
        ("features.stop", "maybe"),
        ("", "x"),
        ("a..b", "x"),
        ("content.recipients.key", "x"),
    ],
)
def test_what_is_not_there_or_never_changes_is_refused(clause: str, text: str) -> None:
    """The identity of an arrangement is not for counter-offers, and a clause must exist to be changed."""
    with pytest.raises(ChangeRefused):
        counter(terms(), {clause: text})


def test_a_counter_offer_is_held_to_every_rule() -> None:
    """A change that could not have been written is refused with its clause."""
    with pytest.raises(TermsRefused, match=r"budget\.calls"):
        counter(terms(), {"budget.calls": "0"})


def test_differences_are_readable() -> None:
    """Each clause that differs is shown with what it was and what it is."""
    text = show_changes(diff(terms(), counter(terms(), {"budget.calls": "300"})))

    assert "budget.calls\n  - 400\n  + 300\n" in text
    assert "no clause differs\n" == show_changes(diff(terms(), terms()))


def test_an_item_that_is_gone_is_named() -> None:
    """A person taken off the terms shows as that person's clauses, gone."""
    value = changed("people", [*VALUE["people"], {"id": "expert-1", "role": "expert", "eligible": True}])
    more = parse_terms_json(canonical_bytes(value))

    assert {"people[expert-1].id", "people[expert-1].role", "people[expert-1].eligible"} == {
        change.clause for change in diff(more, terms()) if not change.after
    }
