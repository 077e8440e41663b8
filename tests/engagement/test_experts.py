"""Experts: free, in conflict, or nothing declared; read against every provider that this home deals with."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import Story

from comity.engagement.experts import Expert, months_before, read_experts
from comity.records import (
    ConflictDeclared,
    ContactNamed,
    ExpertAppointed,
    ExpertProposed,
    ItemCorrected,
    ItemWithdrawn,
    PartyNamed,
)

TODAY = date(2026, 11, 26)
ELSEWHERE = f"authority.example/e/{'b' * 32}"


def proposed(**opening: Any) -> Story:
    story = Story(**opening)
    story.tell(ExpertProposed, expert="expert-1", proposed_by="authority", qualifications=("a doctorate",))
    return story


def declare(story: Story, relation: str = "none", whom: str = "Aurora Systems", end: str = "", **members: Any) -> str:
    return story.tell(ConflictDeclared, expert="expert-1", relation=relation, with_whom=whom, end=end, **members)


def appoint(story: Story, day: str = "2026-10-01") -> str:
    return story.tell(ExpertAppointed, expert="expert-1", act="act 7", at=day, on=day)


def told(story: Story, *others: Story, **how: Any) -> Expert:
    (one,) = read_experts(story.case(), [(ELSEWHERE, other.case()) for other in others], TODAY, **how)
    return one


def test_nothing_declared_is_not_free() -> None:
    """Qualifications do not make independence; neither does a word about another provider."""
    story = proposed()
    assert ("nothing declared", ["a doctorate"]) == (
        told(story).verdict, [text for text, _ in told(story).qualifications],
    )  # fmt: skip
    declare(story, whom="Northwind Models")
    assert "nothing declared" == told(story).verdict


@pytest.mark.parametrize("whom", ["Aurora Systems", "aurora systems", "provider", "any provider"])
def test_a_declaration_that_there_is_none_frees(whom: str) -> None:
    """However the provider is called."""
    story = proposed()
    declare(story, whom=whom)

    assert "free" == told(story).verdict


@pytest.mark.parametrize(
    ("end", "verdict"),
    [("", "conflict"), ("2025-11-26", "conflict"), ("2025-11-25", "free"), ("2026-11-01", "conflict")],
)
def test_the_look_back_ends_today_where_nobody_was_appointed(end: str, verdict: str) -> None:
    """Twelve months back, that day included; a relation that lasts is one."""
    story = proposed()
    declare(story, "employment", end=end)

    assert verdict == told(story).verdict
    assert date(2025, 11, 26) == told(story).since


def test_it_ends_with_the_appointment_where_there_is_one() -> None:
    """What ended a year and a day before it is out, however late one looks."""
    story = proposed()
    declare(story, "contract", end="2025-10-01")
    appoint(story, "2026-10-01")
    assert ("conflict", "appointed with a conflict in the look-back") == (told(story).verdict, told(story).remark)
    assert "free" == told(story, months=6).verdict


def test_an_appointment_without_a_declaration_is_shown_as_one() -> None:
    """And so is one that came before the declaration."""
    story = proposed()
    appoint(story)
    assert "appointed without a declaration about the provider" == told(story).remark
    declare(story)
    assert ("free", "appointed before the declaration was entered") == (told(story).verdict, told(story).remark)

    before = proposed()
    declare(before)
    appoint(before)
    assert "" == told(before).remark


def test_a_conflict_with_a_provider_of_another_case_counts() -> None:
    """Independent of every provider; somebody who is none in any case is shown and is no conflict."""
    story = proposed()
    declare(story)
    declare(story, "funding", whom="Northwind Models")
    assert "free" == told(story).verdict
    assert "with nobody who is a provider in a case of this home" in [one.reading for one in told(story).declared]

    assert "conflict" == told(story, Story(provider="Northwind Models")).verdict


def test_what_was_declared_in_another_case_counts_here() -> None:
    """One word in one case, another in the other: one of them is wrong, and the conflict stands."""
    story, other = proposed(), Story(provider="Northwind Models")
    declare(story)
    declare(other, "ownership", whom="Aurora Systems")
    found = told(story, other)

    assert "conflict" == found.verdict
    assert [("", False), (ELSEWHERE, True)] == [(one.origin, one.conflict) for one in found.declared]


def test_a_declaration_in_another_case_frees_nobody_here() -> None:
    """The provider of this case is declared about in this case."""
    story, other = proposed(), Story(provider="Northwind Models")
    declare(other, whom="Aurora Systems")

    assert "nothing declared" == told(story, other).verdict


def test_a_contact_of_a_provider_is_a_conflict() -> None:
    """Who speaks for a provider evaluates none."""
    story, other = proposed(), Story(provider="Northwind Models")
    declare(story)
    other.tell(PartyNamed, party="lab", role="provider", organisation="Northwind Models")
    other.tell(ContactNamed, person="expert-1", party="lab", function="research")

    assert ("free", "conflict") == (told(story).verdict, told(story, other).verdict)


def test_each_expert_answers_for_their_own_declarations_and_name() -> None:
    """Another's relation, or another who is a provider's contact, is nothing to this one."""
    story = proposed()
    declare(story)
    story.tell(ExpertProposed, expert="expert-2", proposed_by="panel", qualifications=("a benchmark",))
    story.tell(ConflictDeclared, expert="expert-2", relation="employment", with_whom="Aurora Systems")
    story.tell(PartyNamed, party="lab", role="provider", organisation="Aurora Systems")
    story.tell(ContactNamed, person="spokesperson-1", party="lab", function="press")
    found = read_experts(story.case(), [], TODAY)

    assert [("expert-1", "free", 1), ("expert-2", "conflict", 1)] == [
        (one.name, one.verdict, len(one.declared)) for one in found
    ]


def test_a_correction_and_a_withdrawal_change_the_verdict() -> None:
    """A declaration reads as corrected, and counts until it is withdrawn."""
    story = proposed()
    item = declare(story, "personal")
    assert "conflict" == told(story).verdict
    story.tell(ItemCorrected, corrects=item, changes=(("end", "2024-01-01"),), because="it ended")
    assert "free" == told(story).verdict
    story.tell(ItemWithdrawn, withdraws=item, because="b")
    assert "nothing declared" == told(story).verdict


def test_who_only_declared_is_in_the_register() -> None:
    """Nobody falls out of it for not being proposed."""
    story = Story()
    declare(story)

    assert "expert-1" == told(story).name


@given(st.dates(date(1990, 1, 1), date(2090, 12, 31)), st.integers(0, 240))
def test_months_before_is_the_same_day_or_the_months_last(day: date, months: int) -> None:
    """Never another month, and never a later day."""
    found = months_before(day, months)

    assert day.year * 12 + day.month - months == found.year * 12 + found.month
    assert found.day == day.day or 28 <= found.day < day.day
    assert date(2025, 2, 28) == months_before(date(2025, 3, 31), 1)
