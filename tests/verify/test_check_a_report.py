"""The how-to "check a report without trusting us", command by command."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.arrangement import specimen
from tests.verify.bundle_world import World, make_world
from tests.verify.specimen import OFFER

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "check-a-report.md"

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl; Debian has it as openssl")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A reader's folder: the bundle, the terms that came another way, and the page."""
    made = make_world(tmp_path_factory.mktemp("report"))
    made.pack()
    (made.folder / "arrangement.json").write_bytes(OFFER.envelope)
    (made.folder / "report.html").write_bytes(made.files["report.html"])
    command = made.folder / "bin" / "comity"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m comity "$@"\n')
    command.chmod(0o755)
    (command.parent / "python3").symlink_to(sys.executable)
    return made


def recipe(name: str) -> str:
    found = re.search(rf"<!-- recipe: {name} -->\n```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert found is not None
    return found[1]


def run(world: World, name: str, vkey: str = specimen.LOG.vkey) -> subprocess.CompletedProcess[str]:
    path = f"{world.folder / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "VKEY": vkey, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        ["bash", "-ec", recipe(name)], cwd=world.folder, env=environment, capture_output=True, text=True
    )


def test_the_command_line_says_what_the_page_says_it_says(world: World) -> None:
    """Keys from elsewhere, quorum, the runs beside this one, the numbers and the rungs."""
    done = run(world, "verify")

    assert done.returncode == 0, done.stdout + done.stderr
    expected = ("✓ keys", "✓ quorum", "covers 1 of 2 runs", "✓ report", "✓ page", "✓ rung 2", "Reached: rungs 1 and 2")
    for said in expected:
        assert said in done.stdout


def test_the_page_is_compared_and_unpacked(world: World) -> None:
    """A page that came alone is the one in the bundle, or is told apart."""
    assert run(world, "page").stdout == "the same page\n"
    (world.folder / "report.html").write_bytes(world.files["report.html"] + b" ")
    assert "the same page" not in run(world, "page").stdout
    (world.folder / "report.html").write_bytes(world.files["report.html"])


def test_openssl_accepts_the_checkpoint_of_this_log_and_no_other(world: World) -> None:
    """Without a line of ours."""
    assert run(world, "page").returncode == 0
    good = run(world, "checkpoint")
    assert "Signature Verified Successfully" in good.stdout, good.stderr
    bad = run(world, "checkpoint", vkey=specimen.AUTHORITY.vkey)
    assert bad.returncode != 0


def test_the_digests_of_the_files_stand_in_the_entries(world: World) -> None:
    """Plan, scores, report and page, and not a report that was edited."""
    assert run(world, "page").returncode == 0
    done = run(world, "digests")
    assert done.stdout.count("stands in the ledger") == 4
    report = world.folder / "unpacked" / "report.json"
    report.write_bytes(report.read_bytes().replace(b'"correct":5', b'"correct":7'))
    assert "report.json DOES NOT" in run(world, "digests").stdout


def test_the_rows_are_counted_by_hand(world: World) -> None:
    """The rate on the page is a count of rows."""
    assert run(world, "page").returncode == 0
    assert run(world, "rows").stdout == "5 right, 2 wrong, 1 without a score\n"
