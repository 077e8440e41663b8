"""Replay: a ledger as it stood at a past time is a beginning of it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import Story

from comity.engagement import read_entries
from comity.engagement.errors import ReplayRefused
from comity.engagement.replay import asked_instant, entered_until
from comity.engagement.served import read_served
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

    kept = list(entered_until(entries, at))

    assert entries[: len(kept)] == kept
    assert len(read_entries(entries, until=at).entries) == len(kept)
    if len(kept) < len(entries):
        assert json.loads(entries[len(kept)])["at"] > instant_text(at)


def test_calls_are_counted_up_to_the_time_that_is_asked_for() -> None:
    """Served, permitted and refused calls follow from the entries until then, and from no later one."""
    entries = [
        {"at": "2026-09-01T09:00:00.000Z", "kind": "call.permitted"},
        {"at": "2026-09-01T09:00:01.000Z", "kind": "call.settled", "outcome": "answered"},
        {"at": "2026-09-01T10:00:00.000Z", "kind": "call.permitted"},
        {"at": "2026-09-01T10:00:01.000Z", "kind": "call.settled", "outcome": "provider-failed"},
        {"at": "2026-09-02T09:00:00.000Z", "kind": "call.refused"},
        {"at": "2026-09-02T09:00:01.000Z", "kind": "calls.refused", "count": 40},
        {"at": "2026-09-02T09:00:02.000Z", "kind": "something.later"},
        {"at": "2026-09-03T09:00:00.000Z", "kind": "call.refused"},
    ]
    ledger = [json.dumps(entry, separators=(",", ":"), sort_keys=True).encode() for entry in entries]

    first = read_served("op.example/a/" + "a" * 32, ledger, datetime(2026, 9, 1, 23, 59, tzinfo=UTC))
    second = read_served("op.example/a/" + "a" * 32, ledger, datetime(2026, 9, 2, 23, 59, tzinfo=UTC))

    assert (2, 1, 0, 4) == (first.permitted, first.served, first.refused, first.entries)
    assert (2, 1, 41, 7) == (second.permitted, second.served, second.refused, second.entries)
    assert "a" * 32 == second.arrangement


