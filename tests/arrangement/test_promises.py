"""Promises beside calls: their names are the law's, their days fit the window, and compulsory access ends aloud."""

from typing import Any

import pytest
from specimen import VALUE, changed

from comity.arrangement import Problem, TermsRefused, parse_terms_json
from comity.arrangement.promises import ACCESS_ITEMS
from comity.law import load_pack
from comity.records import canonical_bytes


def only(value: dict[str, Any]) -> Problem:
    with pytest.raises(TermsRefused) as refused:
        parse_terms_json(canonical_bytes(value))
    (found,) = refused.value.problems
    return found


FAULTS: list[tuple[str, Any, str]] = [
    ("basis_kind", "friendly", "basis_kind"),
    ("channel", "telepathy", "channel"),
    ("access", "activations", "access"),
    ("access.0.item", "telepathy", "access[0].item"),
    ("access.0.item", ["activations"], "access[0].item"),
    ("access.0.item", "request.period", "access[0].item"),
    ("access.0.means", "letter", "access[0].means"),
    ("access.0.promise", "", "access[0].promise"),
    ("access", [*VALUE["access"], {**VALUE["access"][0], "means": "document"}], "access.item"),
    ("calendar", "Belgium", "calendar"),
    ("calendar", "XX", "calendar"),
    ("calendar", "BE-XX", "calendar"),
    ("access_days", -1, "access_days"),
    ("access_days", 23, "access_days"),
    ("access_days", 1_001, "access_days"),
    ("costs.borne_by", "nobody", "costs.borne_by"),
    ("content.training", "some", "content.training"),
    ("successor.notice_days", 367, "successor.notice_days"),
    ("successor.access_days", 13, "successor.access_days"),
    ("successor.text", "", "successor.text"),
    ("exit.by", [], "exit.by"),
    ("exit.by", ["operator"], "exit.by[0]"),
    ("exit.notice_days", 367, "exit.notice_days"),
    ("exit.statement", "whispered", "exit.statement"),
    ("incident_contacts.authority", "", "incident_contacts.authority"),
    ("incident_contacts.provider", "two\nlines", "incident_contacts.provider"),
]


@pytest.mark.parametrize(("path", "value", "clause"), FAULTS)
def test_a_wrong_value_is_refused_at_its_clause(path: str, value: Any, clause: str) -> None:
    """Bounds, types and closed sets hold for what is promised as they do for what may be called."""
    assert clause == only(changed(path, value)).clause


def test_the_items_of_access_are_those_of_the_law_pack() -> None:
    """A promise can name each thing that the pack asks for, and nothing that a request has to state."""
    asked = {item.id for item in load_pack("eu-ai-act").access}

    assert {name for name in asked if not name.startswith("request.")} == set(ACCESS_ITEMS)


def test_compulsory_access_does_not_end_in_silence() -> None:
    """Where the law compels access, whoever leaves says so; a voluntary arrangement may let a side leave without."""
    value = changed("exit.statement", "none")
    assert "none" == parse_terms_json(canonical_bytes(value)).exit.statement

    value["basis_kind"] = "compulsory"
    problem = only(value)
    assert "exit.statement" == problem.clause
    assert "because basis_kind is compulsory" in problem.expected


@pytest.mark.parametrize(("calendar", "days"), [("plain", 27), ("eu-institutions", 23), ("US", 25)])
def test_a_window_holds_the_business_days_that_are_promised(calendar: str, days: int) -> None:
    """From 23 November until 30 December 2026 by each calendar; one day more is refused with the number there is."""
    value = changed("calendar", calendar)
    value["window"] |= {"until": "2026-12-30T00:00:00Z"}
    value["access_days"] = days
    assert days == parse_terms_json(canonical_bytes(value)).access_days

    value["access_days"] = days + 1
    problem = only(value)
    assert "access_days" == problem.clause
    assert problem.expected.startswith(f"at most {days}, the business days of the window")


def test_days_on_which_no_call_passes_are_no_business_days_of_access() -> None:
    """With hours on Fridays alone, a month has five days of access at most."""
    value = changed("window.hours.days", ["fri"])
    value["access_days"] = 5

    assert "at most 4" in only(value).expected


def test_a_calendar_that_does_not_know_the_window_counts_nothing() -> None:
    """Business days in a year whose holidays are not known are refused, not guessed."""
    value = changed("window", {**VALUE["window"], "from": "2050-01-01T00:00:00Z", "until": "2050-02-01T00:00:00Z"})

    problem = only(value)
    assert ("access_days", "a window in years that the calendar knows") == (problem.clause, problem.expected)
