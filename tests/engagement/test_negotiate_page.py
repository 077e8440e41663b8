"""The how-to on negotiating is true: its commands run, in its order, and print what it shows."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from signing import authority, sign, signer

from comity.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "negotiate-an-arrangement.md"


def steps() -> list[tuple[str, list[str]]]:
    """Each command of the page, with the lines that the page shows of its output."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("comity "):
                found.append((line, []))
            else:
                found[-1][1].append(" ".join(line.split()))
    return found


@pytest.mark.slow
def test_the_page_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command ends well, and every line that the page shows of its output is in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mail").mkdir()
    ran = steps()
    for line, shown in ran:
        if " arrangement sign " in line:
            (tmp_path / "mail" / "root.pem").write_bytes(authority().pem)
            pdf = (tmp_path / "mail" / "contract.pdf").read_bytes()
            (tmp_path / "mail" / "signed.pdf").write_bytes(sign(pdf, signer("Ada Officer")))
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert 0 == result.exit_code, f"{line}\n{result.output}"
        output = " ".join(result.output.split())
        for part in shown:
            assert part in output, f"{line}\nexpected: {part}\ngot: {result.output}"

    assert 25 <= len(ran)
    assert {"template", "check", "draft", "show", "crosswalk", "comment", "approve", "diff", "accept", "sign"} <= {
        word for line, _ in ran for word in line.split()
    }


def test_the_page_names_no_command_that_is_not_run() -> None:
    """A command in the page's text stands in a block, so that the test above runs it."""
    text = PAGE.read_text(encoding="utf-8")

    assert text.count("\ncomity ") == len(steps())
