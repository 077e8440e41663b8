"""The table of worked dates in docs/explanation/clocks.md is computed again, row by row."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from comity.law import Moment, moment_text, named_calendar, parse_deadline, parse_duration
from comity.law.due import Time, limits_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "clocks.md"
FEWEST_ROWS = 28


def rows() -> list[list[str]]:
    """The cells of each row."""
    text = PAGE.read_text(encoding="utf-8")
    table = text.split("<!-- worked dates: a test reads this table -->")[1].split("<!-- end of worked dates -->")[0]
    lines = [line for line in table.strip().splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def moment(text: str) -> Moment:
    """A day or an instant."""
    return datetime.fromisoformat(text).astimezone(UTC) if "T" in text else date.fromisoformat(text)


@pytest.mark.parametrize("row", rows(), ids=lambda row: " ".join(row[:5]).replace("`", ""))
def test_a_worked_date_is_what_is_computed(row: list[str]) -> None:
    """What was counted by hand is what the clock says."""
    clause, event, stopped, added, calendar, ends, steps = row
    standing = ()
    if stopped:
        begin, _, end = stopped.partition("..")
        standing = ((moment(begin), moment(end)),)
    time = Time(
        noted={"E": moment(event)},
        standing=standing,
        extended=((parse_duration(added), "worked"),) if added else (),
    )
    (limit,) = limits_of(parse_deadline(clause.strip("`")), time, named_calendar(calendar))

    assert moment_text(limit.end) == ends
    assert steps.endswith(".")


def test_the_table_holds_each_thing_that_can_go_wrong() -> None:
    """Leap years, month ends, holidays, stops, added time, hours and weeks all have a row."""
    text = "\n".join(" ".join(row) for row in rows())

    assert len(rows()) >= FEWEST_ROWS
    for needed in ("leap year", r"P1M", r"eu-institutions", r"\.\.", r"P10D", r"PT72H", r"P2W", r"E-P"):
        assert re.search(needed, text), needed
