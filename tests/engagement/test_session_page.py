"""The how-to on sessions is true: its commands run in two homes, in its order, and print what it shows."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_session_commands import both

from comity.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "record-a-session.md"

__all__ = ["both"]


def steps() -> list[tuple[str, str]]:
    """Each command of the page with the output that it shows; empty where it shows none."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def test_the_page_can_be_followed(both: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows it sees the same, with their session's id where the page says SESSION."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "mail" / "notes.txt").write_text("what was seen")
    session = ""
    ran = 0
    for command, output in steps():
        words = shlex.split(command.replace("SESSION", session))[1:]
        result = CliRunner().invoke(main, words, catch_exceptions=False)
        assert 0 == result.exit_code, f"{command}\n{result.output}"
        session = session or re.findall(r"session ([0-9a-f]{8}) ", result.output)[0]
        if output:
            assert output == result.output.replace(session, "SESSION"), command
        ran += 1
    assert 11 == ran
