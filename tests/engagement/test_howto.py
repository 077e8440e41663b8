"""The how-to for the brief: each command runs, and prints what the page shows."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from comity.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "read-where-you-stand.md"
BLOCKS = re.compile(r"^```console\n\$ comity (.*?)\n(.*?)```$", re.MULTILINE | re.DOTALL)


def shown(words: str) -> str:
    """What a command prints in a terminal of 80 columns, without blanks at the end of a line."""
    result = CliRunner().invoke(main, shlex.split(words))
    return "".join(f"{line.rstrip()}\n" for line in result.output.splitlines())


def test_the_page_shows_what_the_commands_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who follows the page sees the same on the screen, to the letter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    blocks = BLOCKS.findall(PAGE.read_text(encoding="utf-8"))

    assert 6 == len(blocks)
    for command, output in blocks:
        assert output == shown(command), command
