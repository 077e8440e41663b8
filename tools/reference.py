"""Writes three pages of the reference out of the code: `make docs`.

    python tools/reference.py [--check]

- docs/reference/commands.md: each command's own help text;
- docs/reference/entries.md: each kind of entry with its members, out of `comity.records`, and an example;
- docs/reference/casework.md: what an item of a case must hold and may name, out of `comity.engagement`.

The code's texts are the documentation and the pages their projection, so nobody edits these pages by hand.
With `--check` nothing is written, and the exit status is 1 if a page is not current.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from comity.cli.main import main
from comity.engagement.acts import ACTS
from comity.engagement.case import MODEL_TRACK
from comity.engagement.links import NAMES
from comity.engagement.rules import REQUIRED, VOCABULARY
from comity.records import CaseItem, Record, known_kinds, parse_record
from comity.records.described import described

ROOT: Final = Path(__file__).resolve().parents[1]
REFERENCE: Final = ROOT / "docs" / "reference"
WIDTH: Final = 100

COMMANDS: Final = """\
# Commands

*Reference.*
Every command of `comity`, as its own help text describes it.
`make docs` writes this page; a test refuses one that is not current.

Exit status: 0 done, 1 refused or failed verification, 2 misuse.
"""

ENTRIES: Final = """\
# Entries

*Reference.*
Every kind of entry that a ledger of Comity may hold, with its members and one example.
`make docs` writes this page out of `comity.records`; a test refuses one that is not current.

An entry is one JSON object in canonical form (RFC 8785), with ASCII keys and at most 65,535 bytes.
`kind` and `v`, its version, are its permanent name; `at` is the operator's clock when it was written.
The other members are those of the kind: none may be missing and no other may be there.

| type | is |
| --- | --- |
| text | a string of at most 16,384 characters |
| number | an integer within ±(2^53 − 1) |
| digest | SHA-256 or HMAC-SHA-256, 64 lower-case hex digits |
| id | 128 random bits, 32 lower-case hex digits |
| index | the position of an entry in its ledger, from 0 |
| instant | a time in UTC with milliseconds |
| amount | `input_tokens`, `output_tokens` and `cost_nano`: billionths of the terms' currency |
| list of … | a JSON array |
"""

CASEWORK: Final = """\
# Casework

*Reference.*
What each item of a case must hold, which words it may use, and what it may name.
`make docs` writes this page out of `comity.engagement`; a test refuses one that is not current.

Each command is one of `comity engagement`, and enters one kind of [entry](entries.md).
What is needed and left out is refused with the provision that asks for it, and nothing is entered.
Articles are those of Regulation (EU) 2024/1689.

Every item also states `on` (as exactly as is known), `source`, `confidence` and outside references.
`confidence` is stated, reported or unconfirmed; the last two need a source.
Nothing but a planned event lies in the future.

## Times

| written | means |
| --- | --- |
| `2026-05-11T09:30:00.000Z` | that instant |
| `2026-05-11` | that day |
| `2026-05` | some day of that month |
| `2026` | some day of that year |
| `2026-05-07/2026-05-11` | between these |
| any other words | not known; it sorts by its entry, and no clock counts from it |

## Items
"""

TYPES: Final = {
    "str": "text",
    "int": "number",
    "bool": "true or false",
    "Digest": "digest",
    "Hex32": "id",
    "Index": "index",
    "Instant": "instant",
    "Amount": "amount",
}


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


def commands_page() -> str:
    """The page of commands."""
    parts = [COMMANDS]
    for name, ctx in commands(main):
        level = "#" * min(1 + len(name.split()), 4)
        text = "\n".join(line.rstrip() for line in ctx.get_help().splitlines())
        parts.append(f"{level} `{name}`\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def one_line(text: str | None) -> str:
    """A docstring as one line of a table or a paragraph."""
    return " ".join((text or "").split()).replace("|", "\\|")


def type_name(node: ast.expr) -> str:
    """The reader's word for a member's type."""
    match node:
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[inner, ast.Constant()])):
            return f"list of {type_name(inner)}"
        case ast.Name(id=name):
            return TYPES.get(name, name)
        case _:
            return ast.unparse(node)


def members(cls: type[Record]) -> Iterator[tuple[str, str, str]]:
    """Name, type and meaning of each member that a kind has of its own, as its class states them."""
    return ((name, type_name(annotation), one_line(meaning)) for name, annotation, meaning in described(cls))


def entries_page() -> str:
    """The page of entries."""
    golden = (ROOT / "tests" / "records" / "golden.jsonl").read_bytes().splitlines()
    examples = {(record.kind, record.version): line.decode() for line in golden for record in [parse_record(line)]}
    parts = [ENTRIES]
    for (kind, version), cls in known_kinds().items():
        lines = [f"## `{kind}`", "", f"Version {version}.", one_line(inspect.getdoc(cls)), ""]
        if own := list(members(cls)):
            lines += ["| member | type | meaning |", "| --- | --- | --- |"]
            lines += [f"| `{name}` | {sort} | {meaning} |" for name, sort, meaning in own]
            lines.append("")
        if (kind, version) in examples:
            lines += ["```json", examples[kind, version], "```", ""]
        parts.append("\n".join(lines))
    return "\n".join(parts)


def casework_page() -> str:
    """The page of what an item of a case must hold."""
    commands_of = {act.kind.kind: name for name, act in ACTS.items()}
    parts = [CASEWORK]
    kinds = sorted({cls.kind for cls in known_kinds().values() if issubclass(cls, CaseItem)})
    for kind in kinds:
        lines = [f"### `{kind}`", ""]
        if kind in commands_of:
            lines.append(f"Entered with `comity engagement {commands_of[kind]}`.")
        required, provision = REQUIRED.get(kind, ((), ""))
        if required:
            needed = ", ".join(f"`{name}`" for name in required)
            lines.append(f"Needs {needed}{f' ({provision})' if provision else ''}.")
        for member, words in VOCABULARY.get(kind, {}).items():
            lines.append(f"`{member}` is one of {', '.join(words)}.")
        for member, others in NAMES.get(kind, ()):
            lines.append(f"`{member}` names {' or '.join(f'`{one}`' for one in others) or 'an item of the case'}.")
        if kind in MODEL_TRACK:
            lines.append(f"On the model track alone ({MODEL_TRACK[kind]}).")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


PAGES: Final[dict[Path, Callable[[], str]]] = {
    REFERENCE / "commands.md": commands_page,
    REFERENCE / "entries.md": entries_page,
    REFERENCE / "casework.md": casework_page,
}


if __name__ == "__main__":
    current = {path: make() for path, make in PAGES.items()}
    stale = [path for path, text in current.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        sys.exit(f"not current: {', '.join(path.name for path in stale)}; run 'make docs'" if stale else 0)
    for path in stale:
        path.write_text(current[path], encoding="utf-8")
    click.echo(f"{len(stale)} of {len(current)} pages written anew", err=True)
