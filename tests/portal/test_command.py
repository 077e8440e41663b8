"""`comity portal` and the portal of `comity serve`, as processes of their own."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from comity.cli.sample import make_sample

pytestmark = pytest.mark.slow

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command") / "home"
    make_sample(folder)
    return folder


def run(home: Path, *arguments: str, expect: int = 0) -> Any:
    command = [sys.executable, "-m", "comity", "--home", str(home), "portal", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert expect == done.returncode, done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_a_rebuild_proves_the_tables_and_mends_them(home: Path) -> None:
    """Exit 0 and equal digests for tables that follow from the ledgers; 1 for one that a hand changed, made right."""
    assert {"projected": 2} == run(home, "project", "--once")
    assert run(home, "rebuild")["same"]
    with sqlite3.connect(home / "portal" / "projections.sqlite") as tables:
        tables.execute("UPDATE projections_caserow SET stage = 'closed'")

    said = run(home, "rebuild", expect=1)
    assert (False, ["CaseRow"]) == (said["same"], said["differ"])
    assert run(home, "rebuild")["same"]


def test_an_invitation_says_what_it_needs(home: Path) -> None:
    """An evaluator without a pseudonym would see nothing, so it is misuse."""
    assert "--person" in run(home, "invite", "eve", "--role", "evaluator", expect=2)


def test_the_portal_serves_with_its_projector_and_leaves_nothing_behind(home: Path) -> None:
    """One command answers browsers, shows what is entered meanwhile, and ends with all that it started."""
    link = run(home, "invite", "anna", "--role", "handler", "--url", "http://x")["link"]
    command = [sys.executable, "-m", "comity", "--home", str(home), "portal", "serve", "--listen", "127.0.0.1:0"]
    serving = subprocess.Popen(
        [*command, "--link-is-enough"], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    if serving.stdout is None:
        raise AssertionError("a process without its output")
    try:
        address = json.loads(serving.stdout.readline())["portal"]
        with httpx.Client(base_url=address, follow_redirects=True) as browser:
            assert "OpenAI" in browser.get("/register/").text
            page = f"/enter/{link.split('/')[-2]}/"
            token = browser.get(page).text.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
            assert "Where we stand" in browser.post(page, data={"csrfmiddlewaretoken": token}).text
            entered = [sys.executable, "-m", "comity", "--home", str(home), "engagement", "topic", "openai"]
            subprocess.run([*entered, "--topic", "while you look"], env=ENVIRONMENT, check=True, capture_output=True)
            deadline = time.monotonic() + 20
            while "while you look" not in browser.get("/inbox/").text and time.monotonic() < deadline:
                time.sleep(0.1)
            assert "while you look" in browser.get("/inbox/").text
    finally:
        serving.send_signal(signal.SIGTERM)
        status = serving.wait(30)
        serving.stdout.close()

    assert status in (0, -signal.SIGTERM)
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if _names(path, str(home))]
    assert [] == left


def _names(path: Path, folder: str) -> bool:
    try:
        return folder.encode() in path.read_bytes()
    except OSError:
        return False


def test_a_portal_without_tls_is_for_this_machine(home: Path) -> None:
    """To listen on the network without saying under which name, behind TLS, is misuse."""
    assert "--host" in run(home, "serve", "--listen", "0.0.0.0:0", expect=2)


def test_serving_a_gateway_serves_the_portal_of_a_home_with_cases(tmp_path: Path) -> None:
    """`comity serve` says where the portal is, and both end with it; a home without cases has none."""
    from test_status_command import operator_home

    from support import Keys

    folder = operator_home(tmp_path / "operator", Keys(), "http://127.0.0.1:9/v1")
    comity = [sys.executable, "-m", "comity", "--home", str(folder)]

    def served() -> tuple[dict[str, Any], int]:
        words = ["serve", "--listen", "127.0.0.1:0", "--portal", "127.0.0.1:0", "--no-publish"]
        process = subprocess.Popen([*comity, *words], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        if process.stdout is None:
            raise AssertionError("a process without its output")
        ready: dict[str, Any] = json.loads(process.stdout.readline())
        seen = httpx.get(f"{ready['portal']}register/").status_code if "portal" in ready else 0
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()
        return ready, seen

    assert "portal" not in served()[0]
    opened = ["engagement", "open", "--provider", "P", "--authority", "A", "--initiated-by", "provider"]
    subprocess.run([*comity, *opened, "--summary", "Talks."], check=True, capture_output=True, env=ENVIRONMENT)
    assert 200 == served()[1]
    deadline = time.monotonic() + 10
    while any(_names(path, str(folder)) for path in Path("/proc").glob("[0-9]*/cmdline")):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_without_django_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Who installed the rest alone reads which extra brings the portal, and no traceback."""
    from click.testing import CliRunner

    from comity.cli import portal
    from comity.cli.main import main

    monkeypatch.setattr(portal, "find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["--home", str(home), "portal", "rebuild"])

    assert 1 == result.exit_code and "install comity[portal]" in result.output
