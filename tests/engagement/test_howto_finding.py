"""The how-to from a call to a finding to a reply: each command runs, and prints what the page shows."""

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner

from comity.cli.home import Home
from comity.cli.main import main
from comity.ledger import create_ledger
from comity.records import ArrangementSigned, CallRefused, Digest, GrantIssued, Hex32, Instant, Record, to_bytes

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "from-a-call-to-a-finding.md"
BLOCKS = re.compile(r"^```console\n\$ comity (.*?)\n(.*?)```$", re.MULTILINE | re.DOTALL)
ORIGIN = "operator.example/a/0123456789abcdef0123456789abcdef"
AT = Instant("2026-11-25T10:00:00.000Z")


def access_ledger(place: Path) -> None:
    """The ledger that the page begins with: terms, a grant, and a call that was refused."""
    ledger = create_ledger(place, origin=ORIGIN)
    records: list[Record] = [
        ArrangementSigned(
            at=AT, arrangement=Hex32(ORIGIN[-32:]), terms_version=1, digest=Digest("d" * 64), previous="", note="n"
        ),
        GrantIssued(
            at=AT, grant=Hex32("9" * 32), person="evaluator-1", key=Digest("e" * 64), expires=AT, note="n"
        ),
        CallRefused(
            at=AT, grant=Hex32("9" * 32), person="evaluator-1", protocol="openai", route="chat", model="nova-5",
            status=400, clause="features.logprobs", because="features.logprobs: not granted", irid="", run="",
        ),
    ]  # fmt: skip
    ledger.append([to_bytes(record) for record in records])
    ledger.close()


def counted() -> Callable[[Home, int], bytes]:
    """Bytes that look random and are the same in every run."""
    numbers: Iterator[int] = count()
    return lambda home, length: (sha256(str(next(numbers)).encode()).digest() * (length // 32 + 1))[:length]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the access ledger in it, on the day of the page."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(Home, "clock", lambda home: datetime(2026, 11, 26, 12, tzinfo=UTC))
    monkeypatch.setattr(Home, "random", counted())
    access_ledger(tmp_path / "access.sqlite")
    return tmp_path


def shown(words: str) -> str:
    """What a command prints in a terminal of 80 columns, without blanks at the end of a line."""
    result = CliRunner().invoke(main, shlex.split(words))
    assert 0 == result.exit_code, result.output
    return "".join(f"{line.rstrip()}\n" for line in result.output.splitlines())


def test_the_page_shows_what_the_commands_print(place: Path) -> None:
    """Who follows the page sees the same on the screen, but for ids and dates."""
    blocks = BLOCKS.findall(PAGE.read_text(encoding="utf-8"))

    assert 17 == len(blocks) and (place / "access.sqlite").exists()
    for command, output in blocks:
        assert output == shown(command), command
