"""Tables are a projection: made again they are the same, and nothing in them was written by hand."""

from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import Story

from comity.engagement.tables import TABLES, digest, make_tables, position, refresh
from comity.records import ItemAnswered, ItemCorrected, ItemWithdrawn, MeetingRecorded, OfferStated

ORIGIN = "office.example/e/" + "e" * 32


def made() -> apsw.Connection:
    """A file of tables in memory."""
    db = apsw.Connection(":memory:")
    make_tables(db)
    return db


def told(steps: list[str]) -> Story:
    """A story of meetings and offers, some corrected, answered or withdrawn."""
    story = Story()
    items: list[tuple[str, str]] = []
    words: dict[str, Any] = {"form": "remote", "count": "1"}
    for step in steps:
        if step == "meet":
            items.append(("meeting", story.tell(MeetingRecorded, **words)))
        elif step == "offer":
            items.append(("offer", story.tell(OfferStated, by="provider", to="authority", summary="s")))
        elif items and step == "correct":
            story.tell(ItemCorrected, corrects=items[-1][1], changes=(("summary", "other"),), because="b")
        elif items and step == "withdraw":
            story.tell(ItemWithdrawn, withdraws=items.pop()[1], because="b")
        elif items and step == "answer" and items[-1][0] == "offer":
            story.tell(ItemAnswered, answers=items[-1][1], by="authority", answer="accepted")
    return story


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["meet", "offer", "correct", "withdraw", "answer"]), max_size=12))
def test_tables_made_step_by_step_are_those_made_at_once(steps: list[str]) -> None:
    """However often they were brought up to date in between, every row is the same as in a new file."""
    story = told(steps)
    grown, new = made(), made()
    for length in range(1, len(story.records) + 1):
        part = Story()
        part.records = story.records[:length]
        assert refresh(grown, part.case(), ORIGIN)
    refresh(new, story.case(), ORIGIN)

    assert digest(new) == digest(grown)
    assert not refresh(grown, story.case(), ORIGIN)
    assert len(story.records) == position(grown, story.case().engagement)


def test_a_row_follows_from_its_entries() -> None:
    """A withdrawn offer's row says by which entry, and its matter is gone."""
    story = told(["offer", "withdraw", "offer", "answer"])
    db = made()
    refresh(db, story.case(), ORIGIN)

    assert [(1, 2), (3, None)] == list(db.execute("SELECT entry, withdrawn FROM items WHERE kind = 'offer.stated'"))
    assert [("accepted", 4)] == list(db.execute("SELECT outcome, closed_by FROM matters"))


def test_a_broken_refresh_leaves_the_case_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and position change together or not at all."""
    story, db = told(["offer"]), made()
    refresh(db, story.case(), ORIGIN)
    before = digest(db)
    story.tell(MeetingRecorded, form="remote", count="1")
    monkeypatch.setattr("comity.engagement.tables.matters", lambda case: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        refresh(db, story.case(), ORIGIN)

    assert (before, 2) == (digest(db), position(db, story.case().engagement))


def test_tables_of_another_version_are_made_again() -> None:
    """An older file is no obstacle: it is dropped, because it can be."""
    db = made()
    db.execute("DROP TABLE cases")
    db.execute("CREATE TABLE cases (other TEXT)")
    db.pragma("user_version", 99)
    make_tables(db)
    refresh(db, told(["meet"]).case(), ORIGIN)

    columns = {name: db.execute(f"SELECT count(*) FROM pragma_table_info('{name}')").fetchone()[0] for name in TABLES}
    assert 12 == columns["cases"]
    assert 1 == db.execute("SELECT count(*) FROM cases").fetchone()[0]
