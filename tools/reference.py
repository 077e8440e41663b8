"""Writes docs/reference/commands.md out of the commands' own help texts: `make docs`.

    python tools/reference.py [--check]

With `--check` nothing is written, and the exit status is 1 if the page is not current.
The help text is the documentation; this page is its projection, so nobody edits it by hand.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from comity.cli.main import main

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "reference" / "commands.md"
WIDTH: Final = 100

OPENING: Final = """\
# Commands

*Reference.*
Every command of `comity`, as its own help text describes it.
`make docs` writes this page; a test refuses one that is not current.

Exit status: 0 done, 1 refused or failed verification, 2 misuse.
"""


def commands(command: click.Command, path: tuple[str, ...] = ("comity",)) -> Iterator[tuple[str, click.Context]]:
    """A command and all those under it, each with its full name."""
    ctx = click.Context(command, info_name=" ".join(path), terminal_width=WIDTH, max_content_width=WIDTH, color=False)
    ctx.help_option_names = ["-h", "--help"]
    yield " ".join(path), ctx
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            if child is not None and not child.hidden:
                yield from commands(child, (*path, name))


def page() -> str:
    """The whole page."""
    parts = [OPENING]
    for name, ctx in commands(main):
        level = "#" * min(1 + len(name.split()), 4) if name != "comity" else "##"
        text = "\n".join(line.rstrip() for line in ctx.get_help().splitlines())
        parts.append(f"{level} `{name}`\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    current = page()
    if "--check" in sys.argv[1:]:
        sys.exit(0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == current else 1)
    PAGE.write_text(current, encoding="utf-8")
    click.echo(f"{PAGE.name}: {current.count('```text')} commands", err=True)
