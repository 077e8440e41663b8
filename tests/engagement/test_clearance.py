"""Clearance: nothing is public that is not cleared, whatever page it would stand on."""

from dataclasses import fields
from typing import Any, get_type_hints

from hypothesis import given, settings
from hypothesis import strategies as st
from pages import every_line, page_on, row
from stories import Story

from comity.cli.brief_text import lines
from comity.engagement.brief import Page
from comity.engagement.brief_json import page_members
from comity.records import (
    AlertReceived,
    CommitmentOffered,
    ComplaintReceived,
    ContextNoted,
    DocumentationReceived,
    InformationRequested,
    ItemCorrected,
    MeetingRecorded,
    OfferStated,
    PublicationCleared,
    Record,
    SuspensionImposed,
    TopicOpened,
)

DAY = "2026-12-01"

CLOSED: dict[str, dict[str, Any]] = {
    "meeting.recorded": {"form": "remote"},
    "suspension.imposed": {"cause": "security"},
    "information.requested": {"until": "2026-12-24", "addressee": "provider"},
    "alert.received": {"ground": "a", "complete": ""},
    "offer.stated": {"by": "provider"},
    "commitment.offered": {"by": "provider", "dialogue": ""},
    "documentation.received": {"view": "aio"},
}
"""Members with a closed vocabulary; all others hold a word that stands nowhere else."""

KINDS: tuple[Any, ...] = (
    MeetingRecorded, OfferStated, SuspensionImposed, InformationRequested, AlertReceived, ComplaintReceived,
    CommitmentOffered, TopicOpened, ContextNoted, DocumentationReceived,
)  # fmt: skip


def secret(kind: Any, number: int) -> dict[str, Any]:
    """Members of an item that are all words of its own."""
    word = f"zq{number}x"
    own = CLOSED.get(kind.kind, {})
    made: dict[str, Any] = {"on": f"{word}on", "source": f"{word}source", "confidence": "reported"}
    for field in fields(kind):
        if field.name in ("at", "item", "on", "source", "confidence", "refs", "panel_request", "cites"):
            continue
        if get_type_hints(kind)[field.name] == tuple[str, ...]:
            made[field.name] = (f"{word}{field.name}",)
        elif get_type_hints(kind)[field.name] == tuple[tuple[str, ...], ...]:
            made[field.name] = ((f"{word}field", f"{word}reason"),)
        else:
            made[field.name] = f"{word}{field.name}"[:20]
    return made | own


def published(page: Page) -> str:
    """All that the public may read of a page, in every form."""
    return "\n".join([str(page_members(page)), *lines(page, "Office for AI", 120), *lines(page, "Office for AI", 60)])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=7),
    st.data(),
)
def test_no_word_of_an_uncleared_item_is_published(kinds: list[Any], data: st.DataObject) -> None:
    """For random clearances, corrections and replayed days, nothing that is not cleared now is on the public page."""
    numbers = range(len(kinds))
    cleared = data.draw(st.sets(st.sampled_from(numbers)))
    corrected = data.draw(st.sets(st.sampled_from(numbers)))
    day = data.draw(st.sampled_from(["2026-09-04", "2026-09-09", DAY]))
    story = Story(summary="zqopening", refs=())
    opening = story.records[0].members()["item"]
    items = [story.tell(kind, **secret(kind, number)) for number, kind in enumerate(kinds)]
    story.tell(
        PublicationCleared, items=(opening, *(items[number] for number in sorted(cleared))), by="desk", because="public"
    )
    for number in sorted(corrected):
        change = ("source", f"zq{number}xcorrected")
        story.tell(ItemCorrected, corrects=items[number], changes=(change,), because=f"zq{number}xwhy")

    page = page_on(day, story.records, public=True)

    text = published(page)
    for number in numbers:
        if number not in cleared or number in corrected:
            assert f"zq{number}x" not in text, (number, kinds)
    if cleared and not corrected and day == DAY:
        assert any(f"zq{number}x" in text for number in cleared)


def told(*, clear_opening: bool = True, clear_meeting: bool = True) -> list[Record]:
    """A case with a meeting, each cleared or not."""
    story = Story()
    opening = story.records[0].members()["item"]
    meeting = story.tell(MeetingRecorded, form="remote", count="1", summary="Safeguards.")
    names = ([opening] if clear_opening else []) + ([meeting] if clear_meeting else [])
    if names:
        story.tell(PublicationCleared, items=tuple(names), by="desk", because="public")
    return story.records


def test_an_engagement_whose_opening_is_not_cleared_is_not_there() -> None:
    """Its lines are in the one number of what is withheld, cleared ones too, and nowhere else."""
    both = page_on(DAY, told(), told(clear_opening=False), public=True)
    alone = page_on(DAY, told(), public=True)

    assert 1 == len(both.columns)
    assert alone.columns == both.columns
    hidden = page_on(DAY, told(clear_opening=False))
    assert both.withheld - alone.withheld == len(every_line(hidden.columns))


def test_a_line_that_says_there_is_nothing_needs_all_of_the_case_to_be_cleared() -> None:
    """"Nothing offered" would be a lie where an offer is withheld, so it is said only where nothing is."""
    assert ["nothing"] == row(page_on(DAY, told(), public=True), "offered")
    assert [] == row(page_on(DAY, told(clear_meeting=False), public=True), "offered")


def test_a_count_needs_all_that_it_counts_to_be_cleared() -> None:
    """A number over a cleared and an uncleared meeting would tell that there is another one."""
    story = Story()
    opening = story.records[0].members()["item"]
    first = story.tell(MeetingRecorded, form="remote", count="1", summary="One.")
    story.tell(MeetingRecorded, form="remote", count="1", summary="Two.")
    story.tell(PublicationCleared, items=(opening, first), by="desk", because="public")

    assert ["2", "2026-09-03: Two."] == row(page_on(DAY, story.records), "meetings")
    assert [] == row(page_on(DAY, story.records, public=True), "meetings")


def test_an_earlier_day_does_not_bring_back_what_was_corrected() -> None:
    """What was cleared for a while and then corrected is not public by asking for a day before the correction."""
    story = Story()
    opening = story.records[0].members()["item"]
    note = story.tell(ContextNoted, summary="A name that should not stand here.")
    story.tell(PublicationCleared, items=(opening, note), by="desk", because="public")
    before = story.now.date().isoformat()
    assert row(page_on(before, story.records, public=True), "beside")
    story.tell(ItemCorrected, corrects=note, changes=(("summary", "Somebody."),), because="no names")

    assert [] == row(page_on(before, story.records, public=True), "beside")
    story.tell(PublicationCleared, items=(note,), by="desk", because="public")

    assert [] == row(page_on(before, story.records, public=True), "beside")
    assert ["2026-09-02: Somebody."] == row(page_on(DAY, story.records, public=True), "beside")


def test_the_page_of_the_house_says_which_lines_are_cleared() -> None:
    """Who works on the case sees every line, and of each whether the public may."""
    page = page_on(DAY, told(clear_meeting=False))

    assert 0 == page.withheld
    marks = {line.text: line.cleared for line in every_line(page.columns)}
    assert marks["the provider"]
    assert not marks["2026-09-02: Safeguards."]
