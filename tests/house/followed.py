"""Pages that are followed: every command of a page runs, in its order, and prints what the page shows.

A block in backticks without a language is a terminal.  A line that begins with `comity`, `python -m comity`, `echo` or
`NAME=` is typed, every other line of the block stands somewhere in what the command before it printed, blanks aside.

| typed | is |
|---|---|
| `… &` | a process beside the others; it is ready when it prints its line of JSON |
| `… # refused` | ends with exit status 1 |
| `echo text > file` | a file |
| `NAME=text…` | a variable, for `$NAME` later on: that text as it was printed last, with the hex digits after it |

`NAME=${OTHER##*/}` is what stands behind the last slash of another variable, as in a shell.

A page is written as if on one day (`today`): every date in it moves with the calendar, so that terms which are in force
on the page are in force when the test runs.  The version of a law pack is a date as well, and stays.  Addresses of this
machine get free ports.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from click.testing import CliRunner

from comity.cli.main import main

DATE = re.compile(r"(?<!eu-ai-act )\b20\d\d-\d\d-\d\d\b")
PORT = re.compile(r"(127\.0\.0\.1:|--port )(\d{4,5})")
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
TYPED = re.compile(r"(comity |python -m comity|echo |[A-Z]+=)")
ECHO = re.compile(r"echo (.+) > (\S+)")


@dataclass
class Step:
    """One typed line, and what the page shows under it."""

    line: str
    shown: list[str] = field(default_factory=list)


def steps_of(page: Path) -> list[Step]:
    """What is typed on a page, in its order."""
    found: list[Step] = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        lines = block.replace("\\\n", " ").splitlines()
        for line in lines:
            if TYPED.match(line):
                found.append(Step(" ".join(line.split())))
            elif line.strip():
                found[-1].shown.append(line)
    return found


class Reader:
    """Somebody who follows a page in one folder."""

    def __init__(self, folder: Path, today: date) -> None:
        self.folder = folder
        self._shift = date.today() - today
        self._ports: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.told = ""
        """What the last command printed."""
        self.running: list[subprocess.Popen[str]] = []

    def _here(self, text: str) -> str:
        """A text of the page as it is on this day and this machine."""
        text = DATE.sub(lambda found: (date.fromisoformat(found[0]) + self._shift).isoformat(), text)
        return PORT.sub(lambda found: f"{found[1]}{self._port(found[2])}", text)

    def _port(self, written: str) -> str:
        if written not in self._ports:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self._ports[written] = str(free.getsockname()[1])
        return self._ports[written]

    def follow(self, step: Step) -> str:
        """Type a line; returns what it printed, on both streams."""
        line = re.sub(r"\$([A-Z]+)", lambda found: self.names[found[1]], self._here(step.line))
        if (named := re.fullmatch(r"([A-Z]+)=(.+)…", line)) is not None:
            found = re.search(re.escape(named[2]) + "[0-9a-f]+", self.told)
            assert found is not None, f"{step.line}\nnot in:\n{self.told}"
            self.names[named[1]] = found[0]
            return ""
        if (named := re.fullmatch(r"([A-Z]+)=\$\{([A-Z]+)##\*/\}", line)) is not None:
            self.names[named[1]] = self.names[named[2]].rpartition("/")[2]
            return ""
        if (echoed := ECHO.fullmatch(line)) is not None:
            (self.folder / echoed[2]).write_text(f"{echoed[1]}\n", encoding="utf-8")
            return ""
        refused = line.endswith("# refused")
        words = shlex.split(line, comments=True)
        beside = words[-1] == "&"
        module, rest = (words[2], words[3:]) if words[0] == "python" else ("comity", words[1:])
        rest = rest[:-1] if beside else rest
        if beside:
            return self._start([sys.executable, "-m", module, *rest])
        done = CliRunner().invoke(main, rest, catch_exceptions=False)
        told = self.told = done.output
        assert done.exit_code == (1 if refused else 0), f"{step.line}\n{told}"
        plain = " ".join(told.split())
        for shown in step.shown:
            assert " ".join(self._here(shown).split()) in plain, f"{step.line}\nexpected: {shown}\ngot:\n{told}"
        return told

    def _start(self, command: list[str]) -> str:
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait(20)
            raise AssertionError(f"{' '.join(command)}\n{process.stderr.read() if process.stderr else ''}")
        json.loads(line)
        return line


@contextmanager
def reading(folder: Path, today: date) -> Iterator[Reader]:
    """A reader in a folder; what was started ends with it."""
    (folder / "mail").mkdir()
    reader = Reader(folder, today)
    before, kept = Path.cwd(), dict(os.environ)
    os.chdir(folder)
    os.environ |= {"COLUMNS": "100", "COMITY_UPSTREAM_KEY": "the-provider-s-key"}
    try:
        yield reader
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(kept)
        for process in reversed(reader.running):
            process.terminate()
        for process in reader.running:
            process.communicate(timeout=30)
