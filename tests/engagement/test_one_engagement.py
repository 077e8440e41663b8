"""The tutorial that walks one engagement is true: its commands run, in its order, and print what it shows."""

from datetime import date
from pathlib import Path

import pytest
from followed import reading, steps_of

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "one-engagement.md"


@pytest.mark.slow
def test_the_engagement_can_be_walked(tmp_path: Path) -> None:
    """From the first meeting to the end of access, each command ends as the page says and prints what it shows."""
    with reading(tmp_path, today=date(2026, 11, 26)) as reader:
        for step in steps_of(PAGE):
            reader.follow(step)


def test_every_command_of_the_page_is_in_a_block() -> None:
    """What the page names and does not run would be believed all the same."""
    text = PAGE.read_text(encoding="utf-8")

    assert text.count("\ncomity ") + text.count("\npython ") == sum(
        step.line.startswith(("comity ", "python ")) for step in steps_of(PAGE)
    )
