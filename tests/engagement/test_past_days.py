"""Replay: a ledger as it stood at a past time is a beginning of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import Story

from comity.engagement import read_access, read_entries
from comity.engagement.errors import ReplayRefused
from comity.engagement.replay import asked_instant
from comity.records import ContextNoted, instant_text, to_bytes

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-05-11", "2026-05-11T23:59:59.999Z"),
        ("2024-02-29", "2024-02-29T23:59:59.999Z"),
        ("2026-05-11T09:30:00.000Z", "2026-05-11T09:30:00.000Z"),
        ("2026-09-20", "2026-09-20T12:00:00.000Z"),
    ],
)
def test_a_day_means_its_end_and_today_means_now(text: str, meant: str) -> None:
    """What was entered on the day that is asked for is part of the answer, and nothing is foretold."""
    assert meant == instant_text(asked_instant(text, NOW))


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-5-11", "2026-02-30", "20260511", "2026-05-11T09:30Z", "2026-05"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    """A text that is neither a day nor an instant names no time to replay."""
    with pytest.raises(ReplayRefused, match="expected a day such as 2026-05-11"):
        asked_instant(text, NOW)


@pytest.mark.parametrize("text", ["2026-09-21", "2027-01-01", "2026-09-20T12:00:00.001Z"])
def test_a_time_to_come_is_refused(text: str) -> None:
    """Nobody knows how a ledger will read."""
    with pytest.raises(ReplayRefused, match="expected a day that has come, by 2026-09-20T12:00:00.000Z"):
        asked_instant(text, NOW)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(0, 60))
def test_cases_and_access_ledgers_are_replayed_alike(days: list[int], asked: int) -> None:
    """Both read the same beginning: up to the first entry that was entered later, however the clocks disagreed."""
    story = Story(begin="2026-09-01")
    begin = story.now
    entries = [to_bytes(story.records[0])]
    for number, day in enumerate(days):
        entered = (begin + timedelta(days=day)).date().isoformat()
        story.tell(ContextNoted, at=entered, on="spring", summary=f"fact {number}")
        entries.append(to_bytes(story.records[-1]))
    at = begin + timedelta(days=asked, hours=1)

    size = len(read_entries(entries, until=at).entries)

    assert size == read_access("operator.example/a/" + "a" * 32, entries, until=at).size
    if size < len(entries):
        assert story.records[size].at > instant_text(at)
