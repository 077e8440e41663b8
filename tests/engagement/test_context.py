"""What bears on a case from outside, and suspensions that hold no longer for some."""

from typing import Any

import pytest
from stories import Story

from comity.engagement import NotACase, matters, stand
from comity.records import ContextNoted, SuspensionEased, SuspensionImposed, SuspensionLifted, parse_instant

SUSPENSION: dict[str, Any] = {"by": "a third state", "cause": "third-party-suspension", "summary": "Export control."}


def test_context_moves_no_stage_and_opens_no_matter() -> None:
    """An offer to somebody else is no offer to this authority."""
    story = Story()
    story.tell(ContextNoted, by="Aurora Systems", subject="nova-5", summary="An agency is offered access.")
    case = story.case()

    seen = stand(case, parse_instant("2026-09-10T00:00:00.000Z"))

    assert "dialogue" == seen.stage
    assert () == seen.matters
    assert "case.opened" == seen.moved_by.record.kind


def test_an_eased_suspension_goes_on() -> None:
    """Whoever is not among those for whom it was eased is suspended as before, until it is lifted."""
    story = Story()
    order = story.tell(SuspensionImposed, **SUSPENSION)
    story.tell(SuspensionEased, suspension=order, for_whom="listed organisations", summary="Some may go on.")
    assert [True] == [matter.open for matter in matters(story.case())]

    story.tell(SuspensionLifted, suspension=order, summary="All may go on.")
    assert [False] == [matter.open for matter in matters(story.case())]


def test_what_was_lifted_cannot_be_eased() -> None:
    """After a suspension was lifted there is nothing that could hold no longer for some."""
    story = Story()
    order = story.tell(SuspensionImposed, **SUSPENSION)
    lift = story.tell(SuspensionLifted, suspension=order, summary="All may go on.")
    story.tell(SuspensionEased, suspension=order, for_whom="listed organisations", summary="Some may go on.")

    with pytest.raises(NotACase, match=f"expected a suspension that stands; it was lifted by item {lift}"):
        story.case()


def test_who_came_forward_may_be_unstated() -> None:
    """A record that does not know who took the first step says so, and names neither side."""
    assert "unstated" == Story(initiated_by="unstated").case().opening.initiated_by
    with pytest.raises(NotACase, match="expected initiated_by to be authority, provider or unstated"):
        Story(initiated_by="somebody").case()
