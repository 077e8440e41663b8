"""Clauses: every term has a name, a mark and a sentence, and nothing attested is shown as more."""

import re
from pathlib import Path
from typing import Any

import pytest
from specimen import VALUE, all_allowed, changed, terms

from comity.arrangement import (
    CAUSES,
    CLAUSES,
    clauses,
    leaves,
    money,
    parse_terms_json,
    show,
)
from comity.arrangement.features import NEVER
from comity.records import canonical_bytes

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "terms.md"


def named(path: str) -> str:
    return re.sub(r"\[[^]]*\]", "", path)


@pytest.mark.parametrize("value", [VALUE, all_allowed()], ids=["specimen", "all allowed"])
def test_every_term_has_its_clause(value: dict[str, Any]) -> None:
    """No leaf of the terms stands without a clause that says how it is kept."""
    said = {clause.name for clause in clauses(parse_terms_json(canonical_bytes(value)))}
    stated = {named(path) for path, _ in leaves(value)}

    assert stated <= said
    assert stated | {"features", "access"} == said


def test_every_clause_is_in_the_catalogue_with_its_mark_and_section() -> None:
    """What a contract says of a clause is one of the things that the catalogue allows."""
    for clause in clauses(terms()):
        kind = CLAUSES[clause.name]
        assert clause.mark in kind.marks
        assert clause.section == kind.section
        assert clause.sentence.strip()


def test_the_catalogue_holds_nothing_that_terms_cannot_say() -> None:
    """Each clause of the catalogue is a place in the terms, or a feature."""
    said = {clause.name for clause in clauses(parse_terms_json(canonical_bytes(all_allowed())))}

    assert set(CLAUSES) == said


@pytest.mark.parametrize("name", CLAUSES)
def test_every_clause_has_its_line_in_the_reference(name: str) -> None:
    """docs/reference/terms.md lists each clause with its marks and its meaning."""
    kind = CLAUSES[name]
    line = f"| `{name}` | {' or '.join(kind.marks)} | {kind.meaning} |"

    assert line in PAGE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", NEVER)
def test_what_no_terms_can_allow_stands_in_the_reference(name: str) -> None:
    """The page says which features cannot be agreed, and why."""
    assert f"| `{name}` | {NEVER[name]} |" in PAGE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_stands_in_the_reference(cause: str) -> None:
    """The page lists the one vocabulary of causes, in its words."""
    assert f"- `{cause}`: {CAUSES[cause]}." in PAGE.read_text(encoding="utf-8").splitlines()


def test_the_terms_in_the_reference_are_terms() -> None:
    """The example on the page is read by the parser, but for its keys."""
    from comity.arrangement import parse_access_offer

    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)

    assert parse_access_offer(example, "terms.md").summary


@pytest.mark.parametrize(
    ("path", "value", "clause", "mark"),
    [
        ("models.0.on_mismatch", "refuse", "models.serves", "enforced"),
        ("models.0.on_mismatch", "flag", "models.serves", "evidenced"),
        ("models.0.unstated", "flag", "models.unstated", "evidenced"),
        ("models.0.unstated", "refuse", "models.unstated", "enforced"),
        ("content.blindness", "sealed-record", "content.blindness", "enforced"),
        ("content.blindness", "enclave", "content.blindness", "attested"),
        ("content.retention", "none", "content.retention", "attested"),
        ("exit.statement", "recorded", "exit.statement", "evidenced"),
        ("exit.statement", "public", "exit.statement", "attested"),
        ("exit.statement", "none", "exit.statement", "attested"),
        ("guard", VALUE["guard"], "guard.by", "enforced"),
        ("guard", {**VALUE["guard"], "by": "none", "key": ""}, "guard.by", "attested"),
    ],
)
def test_a_mark_follows_the_value(path: str, value: Any, clause: str, mark: str) -> None:
    """What is only flagged is evidenced, what only somebody promises is attested."""
    marks = {said.mark for said in clauses(terms(path, value)) if said.name == clause}

    assert {mark} == marks


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("window.hours.days", ["mon", "tue"], "Calls pass on mon and tue, in UTC."),
        ("window.hours.from", "09:30", "On such a day calls pass from 09:30 UTC."),
        ("budget.per_day.cost", "0.25", "At most 0.25 EUR are spent on one day."),
        ("budget.rerun_reserve", 10, "10 percent of each figure in all is kept for repeated runs."),
        ("budget.rerun_reserve", 0, "Nothing is kept for repeated runs."),
        ("models.0.variant", "fewest-mitigations", "gemma-3-270m is the model's variant “fewest-mitigations”."),
        ("suspension.by", ["authority"], "A signed suspension of the authority lets no new call pass until resumed."),
        (
            "suspension.clock_stops",
            ["legal-order", "operational"],
            "While access is suspended, the window's clock stands still for legal-order or operational.",
        ),
        ("suspension.clock_stops", [], "While access is suspended, the window's clock goes on for every cause."),
        ("basis_kind", "compulsory", "Access is given because the law compels it."),
        ("channel", "provider-hardware", "The models are reached through hardware of the provider, on its premises."),
        ("access.0.item", "past-results", "The provider gives earlier results (past-results)."),
        ("access.0.means", "document", "It gives activations as documents."),
        ("access", VALUE["access"], "Beside calls, nothing else is promised."),
        ("access", [], "Beside calls, nothing is promised."),
        ("calendar", "BE", "Business days are counted by the calendar BE."),
        ("access_days", 3, "Access is promised for 3 business days."),
        ("access_days", 0, "Access is promised for no number of business days."),
        ("costs.borne_by", "each-own", "Each side bears its own costs."),
        ("content.training", "permitted", "The provider may train on questions and answers."),
        ("successor.notice_days", 7, "Notice of a newer version is given within 7 days of its release."),
        ("successor.notice_days", 0, "Notice of a newer version is not promised."),
        ("exit.by", ["provider"], "The provider may leave the arrangement."),
        ("exit.notice_days", 9, "Access ends by an exit 9 days after it is recorded, or later."),
        ("exit.notice_days", 0, "Access ends by an exit as soon as it is recorded, or later."),
        ("exit.statement", "none", "Whoever leaves need not say why."),
        ("incident_contacts.provider", "its desk", "The provider is told of incidents through: its desk."),
        ("safe_harbour.tag", "x/1", "Each request sent on bears the tag x/1."),
    ],
)
def test_the_contract_says_what_was_agreed(path: str, value: Any, sentence: str) -> None:
    """A clause is read as a sentence of its value, not as a word of the format."""
    assert sentence in {clause.sentence for clause in clauses(terms(path, value))}


def test_the_contract_states_the_bound_of_each_bounded_feature() -> None:
    """Whoever signs reads how much of a feature one request may hold."""
    said = {clause.name: clause.sentence for clause in clauses(parse_terms_json(canonical_bytes(all_allowed())))}

    assert "At most 1 pictures in one request." == said["limits.images"]


def test_an_unsigned_text_says_that_it_is_unsigned() -> None:
    """A rendering never looks more agreed than the file is."""
    assert "version 1: unsigned" in show(terms())
    assert "version 1: an offer: one side has signed" in show(terms(), ("provider",))


def test_nothing_but_printable_text_reaches_the_terminal() -> None:
    """A clause cannot hold control characters, so a rendering cannot either."""
    wild = changed("publication.text", "fine\nand more fine")

    text = show(parse_terms_json(canonical_bytes(wild)))

    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0.00"), (1, "0.000000001"), (100_000_000, "0.10"), (1_234_500_000_000, "1,234.50"), (10**9, "1.00")],
)
def test_money_is_written_without_loss(nano: int, text: str) -> None:
    """A sum in billionths is printed to its last digit, and with two places at least."""
    assert text == money(nano)
