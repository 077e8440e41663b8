"""Changes: a counter-offer is the next version, and every difference is named."""

from typing import Any

import pytest
from specimen import VALUE, changed, recipient_key, terms

from comity.arrangement import ChangeRefused, Terms, TermsRefused, counter, diff, parse_terms_json
from comity.records import canonical_bytes


def test_a_counter_offer_follows_from_the_version_before() -> None:
    """Count one up, the digest of the version before, and only the clauses named are different."""
    second = counter(terms(), {"budget.calls": "300", "models.max_output": "128", "features.tools": "allowed"})

    assert (2, terms().digest) == (second.version, second.previous)
    assert {
        "budget.calls": ("400", "300"),
        "features.tools": ("refused", "allowed"),
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
        ("window.hours.days", "mon, tue", "window.hours.days", ["mon", "tue"]),
        ("window.hours.until", "18:00", "window.hours.until", "18:00"),
        ("budget.per_day.calls", "100", "budget.per_day.calls", 100),
        ("suspension.clock_stops", "", "suspension.clock_stops", []),
        ("access[activations].promise", "All layers.", "access.0.promise", "All layers."),
        ("access.means", "document", "access.0.means", "document"),
        ("access[activations]", "", "access", []),
        (
            "people[expert-1]", "expert", "people",
            [*VALUE["people"], {"id": "expert-1", "role": "expert", "eligible": True}],
        ),
        (
            "access[gradients]", "session: Weekly, in its room.", "access",
            [*VALUE["access"], {"item": "gradients", "means": "session", "promise": "Weekly, in its room."}],
        ),
        (
            "content.recipients[lab.one]", recipient_key(9), "content.recipients",
            [*VALUE["content"]["recipients"], {"name": "lab.one", "key": recipient_key(9)}],
        ),
        ("access_days", "3", "access_days", 3),
        ("exit.by", "authority", "exit.by", ["authority"]),
        ("successor.notice_days", "7", "successor.notice_days", 7),
        ("costs.borne_by", "authority", "costs.borne_by", "authority"),
        ("calendar", "plain", "calendar", "plain"),
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
        ("limits.telepathy", "1"),
        ("limits.n", "many"),
        ("limits", "1"),
        ("", "x"),
        ("a..b", "x"),
        ("content.recipients.key", "x"),
        ("people[evaluator-1]", "expert"),
        ("people[nobody]", ""),
        ("models[another]", "x"),
    ],
)
def test_what_is_not_there_or_never_changes_is_refused(clause: str, text: str) -> None:
    """The identity of an arrangement is not for counter-offers, and a clause must exist to be changed."""
    with pytest.raises(ChangeRefused):
        counter(terms(), {clause: text})


def bounded(**limits: int) -> Terms:
    value = changed("features", [*VALUE["features"], *limits])
    value["limits"] = limits
    return parse_terms_json(canonical_bytes(value))


@pytest.mark.parametrize("first", ["features.logprobs", "limits.logprobs"])
def test_a_feature_that_needs_a_bound_is_allowed_with_it(first: str) -> None:
    """One counter-offer allows the feature and states its bound, in either order, and both are named as changes."""
    settings = {"features.logprobs": "allowed", "limits.logprobs": "5"}
    second = counter(terms(), {first: settings[first], **settings})

    assert {"logprobs": 5} == second.limits
    assert [("features.logprobs", "refused", "allowed"), ("limits.logprobs", "", "5")] == [
        (change.clause, change.before, change.after)
        for change in diff(terms(), second)
        if change.clause not in ("previous", "version")
    ]


def test_a_feature_that_needs_a_bound_is_not_allowed_without() -> None:
    """Neither half stands alone: the refusal names the bound that is missing, or the feature that is not allowed."""
    with pytest.raises(TermsRefused, match=r"limits\.logprobs: expected how many alternatives of each token"):
        counter(terms(), {"features.logprobs": "allowed"})
    with pytest.raises(TermsRefused, match=r"limits\.logprobs: expected no bound, because features does not allow"):
        counter(terms(), {"limits.logprobs": "5"})


def test_refusing_a_feature_drops_its_bound() -> None:
    """What is no longer allowed has no bound left over; the other bounds stay."""
    second = counter(bounded(logprobs=5, n=2), {"features.logprobs": "refused"})

    assert {"n": 2} == second.limits
    assert ("limits.logprobs", "5", "") in {
        (change.clause, change.before, change.after) for change in diff(bounded(logprobs=5, n=2), second)
    }


def test_a_bound_alone_may_change() -> None:
    """Less or more of what is allowed already is one change."""
    second = counter(bounded(logprobs=5), {"limits.logprobs": "2"})

    assert {"logprobs": 2} == second.limits


def test_what_no_terms_can_allow_is_refused_with_its_reason() -> None:
    """Asking for a batch in a counter-offer is answered by why there is none."""
    with pytest.raises(ChangeRefused, match=r"features\.batch: no terms can allow it: a batch is many calls"):
        counter(terms(), {"features.batch": "allowed"})


def test_a_counter_offer_is_held_to_every_rule() -> None:
    """A change that could not have been written is refused with its clause."""
    with pytest.raises(TermsRefused, match=r"budget\.calls"):
        counter(terms(), {"budget.calls": "0"})


def test_an_item_that_is_gone_is_named() -> None:
    """A person taken off the terms shows as that person's clauses, gone."""
    value = changed("people", [*VALUE["people"], {"id": "expert-1", "role": "expert", "eligible": True}])
    more = parse_terms_json(canonical_bytes(value))

    assert {"people[expert-1].id", "people[expert-1].role", "people[expert-1].eligible"} == {
        change.clause for change in diff(more, terms()) if not change.after
    }
