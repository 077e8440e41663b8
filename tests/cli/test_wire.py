"""The demo's thief: what it reads on the way to the model, and what that opens with and without a guard."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from guarding import BODY, TARGET, live_guard

from comity.cli.demo.wire import without_permit
from comity.gateway.permit_note import HEADER
from support import UPSTREAM_KEY, RecordingProvider

WIRE = [sys.executable, "-m", "comity.cli.demo.wire"]


@contextmanager
def listening(target: str, seen: Path) -> Iterator[str]:
    """The thief on the way to `target`; the address that the gateway would call."""
    command = [*WIRE, "listen", "--target", target, "--seen", str(seen)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()


def ask(url: str, permit: str) -> int:
    """One call of the gateway's, with the upstream key and its permit."""
    headers = {"authorization": f"Bearer {UPSTREAM_KEY}", "content-type": "application/json", HEADER: permit}
    return httpx.post(url + TARGET, content=BODY, headers=headers, timeout=30).status_code


def call(target: str, seen: Path) -> dict[str, Any]:
    """What the thief is answered with what it has read."""
    done = subprocess.run(
        [*WIRE, "call", "--target", target, "--seen", str(seen)], capture_output=True, text=True, check=True
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_what_the_thief_has_read_opens_nothing_at_a_guard(tmp_path: Path) -> None:
    """The upstream key without a permit is `missing`, the recorded request with its permit `used`; neither goes on."""
    with RecordingProvider().running() as provider, live_guard(tmp_path / "guard", provider.url) as guard:
        with listening(guard.url, tmp_path / "seen") as url:
            assert 200 == ask(url, guard.permit(7))
        said = call(guard.url, tmp_path / "seen")

        answered = {how: (said[how]["status"], said[how]["code"], said[how]["reason"]) for how in said}
        refused = (403, "permit-refused")
        assert {"without": (*refused, "missing"), "again": (*refused, "used")} == answered
        assert 1 == len(provider.asked)


def test_without_a_guard_the_thief_is_answered(tmp_path: Path) -> None:
    """What it read is enough where no guard stands, so that it is the guard that refuses it in the demo."""
    with RecordingProvider().running() as provider:
        target = provider.url.removesuffix("/v1")
        with listening(target, tmp_path / "seen") as url:
            assert 200 == ask(url, "a permit that nobody checks")

        assert {"without": {"status": 200}, "again": {"status": 200}} == call(target, tmp_path / "seen")
        assert [True, False, True] == [HEADER in asked.headers for asked in provider.asked]
        assert {f"Bearer {UPSTREAM_KEY}"} == {asked.headers["authorization"] for asked in provider.asked}


def test_only_the_permit_is_left_out() -> None:
    """Of a recorded request every byte but the permit's line stays, also where the body looks like one."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer k\r\n"
    body = b"\r\n\r\ncomity-permit: of the body\r\n"

    assert head[:-2] + body == without_permit(head + b"Comity-Permit: slip" + body)
