"""Calendar files: what another reader of RFC 5545 finds in them is what the clocks say."""

from dataclasses import replace
from datetime import UTC, date, datetime

import icalendar
from hypothesis import given
from hypothesis import strategies as st
from made_law import clock_of, noted, opened

from comity.law import Clock, Ended, export
from comity.law.ical import FOLD, folded, uid_of

AT = datetime(2026, 3, 3, 8, tzinfo=UTC)


def due_clock() -> Clock:
    """A clock by the day."""
    return clock_of(opened("T-1"), noted("STARTED", date(2026, 3, 2)), at=AT)


def by_the_hour() -> Clock:
    """A clock by the hour."""
    return clock_of(opened("T-4"), noted("NOTICED", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)), at=AT)


def test_another_reader_finds_the_day_the_duty_and_the_reason() -> None:
    """A limit by the day is an event of that whole day, with the count in its description."""
    (event,) = icalendar.Calendar.from_ical(export([due_clock()], AT)).walk("VEVENT")

    assert event.decoded("DTSTART") == date(2026, 3, 16)
    assert event.decoded("DTEND") == date(2026, 3, 17)
    assert str(event["SUMMARY"]) == "T-1: Tell the office"
    assert str(event["UID"]) == uid_of(due_clock())
    assert event.decoded("DTSTAMP") == AT
    assert "2 weeks after STARTED (2026-03-02, that day not counted)" in str(event["DESCRIPTION"])
    assert "test-law 2026-01-01, Art. 1; binding; sources T1" in str(event["DESCRIPTION"])


def test_a_limit_by_the_hour_is_an_instant() -> None:
    """Hours stay hours, in UTC."""
    (event,) = icalendar.Calendar.from_ical(export([by_the_hour()], AT)).walk("VEVENT")

    assert event.decoded("DTSTART") == datetime(2026, 3, 5, 9, 30, tzinfo=UTC)


def test_tasks_have_a_due_time() -> None:
    """Who keeps tasks gets tasks."""
    day, hour = icalendar.Calendar.from_ical(export([due_clock(), by_the_hour()], AT, tasks=True)).walk("VTODO")

    assert day.decoded("DUE") == date(2026, 3, 16)
    assert hour.decoded("DUE") == datetime(2026, 3, 5, 9, 30, tzinfo=UTC)


def test_what_is_not_owed_or_has_no_date_is_left_out() -> None:
    """A calendar shows what is to be done, and nothing else."""
    ended = clock_of(
        opened("T-1"), noted("STARTED", date(2026, 3, 2)), Ended(clock="c", at=date(2026, 3, 2), reason="withdrawn")
    )

    assert b"VEVENT" not in export([ended, clock_of(opened("T-8"))], AT)


def test_the_file_is_the_same_each_time() -> None:
    """The same clocks at the same time make the same bytes, so a changed file means a changed clock."""
    assert export([due_clock()], AT) == export([due_clock()], AT)
    later = datetime(2026, 3, 4, tzinfo=UTC)
    assert uid_of(due_clock()) in export([due_clock()], later).decode()


def test_a_mark_stays_with_its_fact() -> None:
    """What is unconfirmed says so where it is read."""
    clock = clock_of(opened("T-3"), noted("NOTICED", date(2026, 3, 2)), at=AT)
    (event,) = icalendar.Calendar.from_ical(export([clock], AT)).walk("VEVENT")

    assert str(event["SUMMARY"]).endswith("[unconfirmed]")
    assert "[unconfirmed]" in str(event["DESCRIPTION"])


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=300))
def test_lines_fold_at_75_octets_and_unfold_to_themselves(text: str) -> None:
    """No line is longer, no character is cut, and nothing is lost."""
    parts = list(folded(text))

    assert all(len(part.encode()) <= FOLD for part in parts)
    assert parts[0] + "".join(part[1:] for part in parts[1:]) == text


@given(st.text(alphabet=st.characters(categories=("L", "M", "N", "P", "S")), max_size=80))
def test_any_text_comes_back_out_of_the_file(text: str) -> None:
    """Commas, semicolons, backslashes and every script survive."""
    made_of = "; , \\ " + text + " \\n"
    (event,) = icalendar.Calendar.from_ical(export([replace(due_clock(), about=made_of)], AT)).walk("VEVENT")

    assert str(event["SUMMARY"]) == f"T-1: Tell the office ({made_of})"
