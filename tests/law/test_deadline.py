"""The grammar of deadlines: total, one spelling for each value, and every deadline of the catalogue is in it."""

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_law import durations

from comity.law import DeadlineRefused, Duration, parse_deadline, parse_duration
from comity.law.deadline import (
    AtEvent,
    Deadline,
    Every,
    FromEvent,
    Interim,
    InWords,
    OnDate,
    SameAs,
    Window,
    Within,
)

CATALOGUE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "ai-act-catalogue.yaml"

events = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True)
dates = st.dates(min_value=date(1900, 1, 1), max_value=date(2999, 12, 31))
clauses = st.one_of(
    st.builds(
        FromEvent, word=st.sampled_from(["due", "min", "max"]), event=events, back=st.booleans(), length=durations,
    ),
    st.builds(
        FromEvent, word=st.sampled_from(["retain", "guideline", "not_before"]), event=events, back=st.just(False),
        length=durations,
    ),
    st.builds(AtEvent, word=st.sampled_from(["by", "before", "until", "delete_at", "not_before"]), event=events),
    st.builds(OnDate, word=st.sampled_from(["date", "legacy_date", "not_before"]), day=dates),
    st.builds(Every, length=durations),
    st.builds(Window, length=durations),
    st.builds(Within, phase=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)),
    st.just(Interim()),
    st.builds(SameAs, text=st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9 .(),]{0,20}[A-Za-z0-9])?", fullmatch=True)),
    st.builds(InWords, word=st.sampled_from(["on_request", "continuous", "without_undue_delay", "optional"])),
)  # fmt: skip
deadlines = st.lists(clauses, min_size=1, max_size=5, unique=True).map(lambda some: Deadline(clauses=tuple(some)))


@given(deadlines)
def test_a_deadline_reads_back_as_it_was_written(deadline: Deadline) -> None:
    """Each value has one spelling, and that spelling means the value."""
    assert parse_deadline(str(deadline)) == deadline


@given(durations)
def test_a_length_of_time_reads_back_as_it_was_written(length: Duration) -> None:
    """The same for lengths of time."""
    assert parse_duration(str(length)) == length


@given(st.one_of(st.text(), st.text(alphabet="duebyminaxPT0123456789BDWMYH:&+- _EVNT"), deadlines.map(str)))
def test_any_text_is_a_deadline_or_refused(text: str) -> None:
    """Nothing but a value or the room's error comes out, and what is taken has one spelling."""
    try:
        deadline = parse_deadline(text)
    except DeadlineRefused as error:
        assert str(error).startswith("expected ")
    else:
        assert str(deadline) == text


@given(deadlines.map(str), st.data())
def test_a_deadline_with_one_character_changed_is_another_one_or_refused(text: str, data: st.DataObject) -> None:
    """No slip of the pen leaves a deadline as it was."""
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    try:
        deadline = parse_deadline(changed)
    except DeadlineRefused:
        return
    assert str(deadline) == changed


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "due:", "due:E", "due:e+P2W", "due:E+P0D", "due:E+P02W", "due:E+2W", "due:E+P2W&none", "due:E P2W",
        "due:E+P1DT1H", "due:E+P2W1D", "due:E+PT", "due:E+P", "due:E+0BD", "retain:E-P1Y", "date:2026-02-30",
        "date:2026-8-2", "date:20260802", "none & continuous", "continuous & continuous", "every:E+P1D", "same_as:",
        "same_as: x", "interim:soon", "within:", "within:Phase", "Due:E+P2W", "due:E+P2W & ", "due:E+P10000D",
        "due:E+\u0661BD", "sometime",
    ],
)  # fmt: skip
def test_a_text_outside_the_grammar_is_refused(text: str) -> None:
    """A deadline is never guessed, and the message says what was expected."""
    with pytest.raises(DeadlineRefused, match=r"^expected "):
        parse_deadline(text)


def test_a_deadline_has_bounds() -> None:
    """A text of more clauses or characters than any law has is not read."""
    twelve = " & ".join(f"due:E{n}+P1D" for n in range(12))

    assert len(parse_deadline(twelve).clauses) == 12
    with pytest.raises(DeadlineRefused, match="expected at most 12 clauses in a deadline; got 13"):
        parse_deadline(f"{twelve} & optional")
    with pytest.raises(DeadlineRefused, match="expected a deadline of 1 to 500 printable characters"):
        parse_deadline("same_as:" + "x" * 500)


def test_a_deadline_names_its_events_and_phases() -> None:
    """What a pack has to declare can be asked for, each name once and in order."""
    deadline = parse_deadline("due:B+P4W & before:A & max:B+PT24H & within:planning")

    assert deadline.events == ("B", "A")
    assert deadline.phases == ("planning",)


@pytest.mark.parametrize(
    ("text", "words"),
    [("P2W", "2 weeks"), ("P1D", "1 day"), ("P1Y6M", "1 year and 6 months"), ("PT72H", "72 hours"),
     ("5BD", "5 business days"), ("1BD", "1 business day"), ("PT1H30M", "1 hour and 30 minutes")],
)  # fmt: skip
def test_a_length_of_time_is_said_in_words(text: str, words: str) -> None:
    """A reason reads as a sentence, with the plural where it belongs."""
    assert parse_duration(text).in_words() == words


def test_every_deadline_of_the_catalogue_is_in_the_grammar() -> None:
    """The grammar holds all that the digest of the AI Act and its code needs."""
    if not CATALOGUE.is_file():
        pytest.skip("the digest's catalogue does not lie beside this checkout")
    texts = re.findall(r'deadline: "([^"]*)"', CATALOGUE.read_text(encoding="utf-8"))

    assert len(texts) == 150
    assert [str(parse_deadline(text)) for text in texts] == texts
