"""The page on assessment names every word that the commands print."""

from pathlib import Path
from typing import get_args

import pytest
from dossier import rich

from comity.cli.law_assess import cell_members
from comity.engagement.assertions import AssertionStatus
from comity.engagement.assessment import Status
from comity.engagement.citations import CitedState
from comity.engagement.documentation import State
from comity.engagement.experts import Verdict
from comity.engagement.scopes import BY_ITSELF, EVENTS, STATED, TRACKS, TWO, Applies

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "assessment.md"
WORDS = {
    *get_args(AssertionStatus), *get_args(Status), *get_args(CitedState), *get_args(State), *get_args(Verdict),
    *get_args(Applies), *BY_ITSELF, *STATED, *TRACKS, *TWO, *EVENTS,
    *(event for events in EVENTS.values() for event in events),
}  # fmt: skip


@pytest.mark.parametrize("word", sorted(WORDS))
def test_each_word_is_in_the_reference(word: str) -> None:
    """Who reads a status finds its rule."""
    assert f"`{word}`" in PAGE.read_text(encoding="utf-8")


def test_each_member_of_a_duty_in_json_is_in_the_reference() -> None:
    """A script's author finds what each member holds."""
    cell = rich().assessed().cell("AIA-53-1A")
    members = cell_members(cell)
    page = PAGE.read_text(encoding="utf-8")

    assert not [name for name in (*members, *members["facts"][0]) if name != "item" and f"`{name}`" not in page]
