"""The narrator: each step in one line of what happened and one of why it matters."""

import sys
import textwrap
import time
from typing import Final

import click

__all__ = ["Narrator"]

WIDTH: Final = 100
MARGIN: Final = " " * 16


class Narrator:
    """Prints the story as it goes, on standard output."""

    def __init__(self) -> None:
        self._number = 0
        self._begun = time.monotonic()

    def seconds(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._begun

    def act(self, title: str) -> None:
        """A heading."""
        click.echo()
        click.secho(title, bold=True)
        sys.stdout.flush()

    def step(self, who: str, what: str, why: str, *, verdict: str = "", good: bool = True) -> None:
        """One step of one side; a verdict on it stands out."""
        self._number += 1
        click.echo(f"{self._number:3}  {click.style(f'{who:10}', fg='cyan')} {what}")
        if verdict:
            click.secho(f"{MARGIN}{verdict}", fg="green" if good else "red", bold=True)
        click.secho(textwrap.fill(why, WIDTH, initial_indent=MARGIN, subsequent_indent=MARGIN), dim=True)
        sys.stdout.flush()

    def quote(self, text: str) -> None:
        """What a command printed, set in."""
        for line in text.rstrip("\n").splitlines():
            indent = line[: len(line) - len(line.lstrip())]
            width = WIDTH - len(MARGIN) - 2
            for part in textwrap.wrap(line, width, initial_indent=indent, subsequent_indent=f"{indent}  ") or [""]:
                click.echo(f"{MARGIN}│ {part}")
        sys.stdout.flush()
