"""The demo's processes: each a command of its own on a folder of its own.

The demo itself is the courier: it starts public commands, passes files through
`mail/` and reads what they print.  It opens none of the four folders, and the
process that runs a command is given one folder and `mail/`.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

__all__ = ["CommandFailed", "Stage", "free_port"]

READY_SECONDS: Final = 120
"""The weights are assembled and loaded in this time on two slow cores."""


class CommandFailed(click.ClickException):
    """A command of the story ended otherwise than the story says."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stage:
    """The folders of one telling of the story, and the processes that are up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mail = folder / "mail"
        self.mail.mkdir(parents=True)
        self.logs = folder / "logs"
        self.logs.mkdir()
        self._up: dict[str, subprocess.Popen[str]] = {}

    def home(self, role: str) -> Path:
        """The folder of one side."""
        return self.folder / role

    def attempt(
        self, role: str, *arguments: str, show: bool = False, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one public command in one side's folder, however it ends."""
        command = [sys.executable, "-m", "comity", "--home", str(self.home(role)), *arguments]
        return subprocess.run(
            command,
            cwd=self.mail,
            env=os.environ | environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            check=False,
        )

    def run(self, role: str, *arguments: str, expect: int = 0, show: bool = False, **environment: str) -> str:
        """Run one public command in one side's folder; returns what it printed."""
        done = self.attempt(role, *arguments, show=show, **environment)
        if done.returncode != expect:
            said = (done.stderr or "") + done.stdout
            shown = " ".join(arguments[:3])
            how = f"ended with {done.returncode}, expected {expect}"
            raise CommandFailed(f"'comity {shown} …' in {role}/ {how}: {said}")
        return done.stdout if expect == 0 else (done.stderr or "") + done.stdout

    def run_json(self, role: str, *arguments: str, expect: int = 0, show: bool = False, **environment: str) -> Any:
        """Run one public command with `--json`; returns the value of its last line."""
        printed = self.run(role, *arguments, "--json", expect=expect, show=show, **environment)
        return json.loads(printed.strip().splitlines()[-1])

    def start(self, name: str, arguments: Sequence[str]) -> dict[str, Any]:
        """Start a process that stays up; returns the JSON line that it prints when it is ready."""
        log = (self.logs / f"{name}.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.mail,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        log.close()
        self._up[name] = process
        line = _first_line(process)
        if not line:
            said = (self.logs / f"{name}.log").read_text()[-2000:]
            raise CommandFailed(f"the {name} did not start: {said}")
        ready: dict[str, Any] = json.loads(line)
        return ready

    def started(self, name: str) -> str:
        """What a process has said on its error output so far."""
        return (self.logs / f"{name}.log").read_text()

    def end(self, name: str | None = None) -> None:
        """End one process, or every one, the newest first, and wait for it."""
        for each in [name] if name is not None else list(reversed(self._up)):
            process = self._up.pop(each)
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _first_line(process: subprocess.Popen[str]) -> str:
    """The first line that a process prints, or nothing where it ends or stays silent too long."""
    said: list[str] = []

    def listen() -> None:
        if process.stdout is not None:
            said.append(process.stdout.readline())

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    thread.join(READY_SECONDS)
    return said[0] if said else ""
