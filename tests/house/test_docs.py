"""The documentation covers what the code has: a page that forgets something fails here."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tree import ROOT, files, name_of, pages

from comity.cli.main import main
from comity.gateway.refusal import STATUS
from comity.records import known_kinds

REFERENCE = ROOT / "docs" / "reference"
KINDS = re.compile(r"^\*(Tutorial|How-to|Reference|Explanation)\b.*\*$")
FIRST_LINES = 6


def kind_names() -> list[str]:
    """Each kind of entry, by its permanent name."""
    return sorted({kind if isinstance(kind, str) else kind[0] for kind in known_kinds()})


def all_commands(command: click.Command, name: str = "comity") -> list[str]:
    """The full name of a command and of all those under it."""
    found = [name]
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for child in command.list_commands(ctx):
            inner = command.get_command(ctx, child)
            assert inner is not None, f"{name} {child} is listed and cannot be loaded"
            found += all_commands(inner, f"{name} {child}")
    return found


def all_texts() -> list[Path]:
    """Every page that a visitor may read."""
    return [path for path in files() if path.suffix == ".md"]


@pytest.mark.parametrize("path", pages(), ids=name_of)
def test_each_page_names_its_kind(path: Path) -> None:
    """A reader knows within six lines whether this is a tutorial, how-to, reference or explanation."""
    opening = path.read_text(encoding="utf-8").splitlines()[:FIRST_LINES]
    named = [found[1] for line in opening if (found := KINDS.match(line))]

    assert named, f"{name_of(path)}: expected a line such as *Reference.* near the top"
    folder = path.parent.name
    if folder in {"tutorial", "how-to", "reference", "explanation"}:
        assert named[0].lower() == folder


@pytest.mark.parametrize("path", all_texts(), ids=name_of)
def test_no_page_says_that_something_is_simple(path: Path) -> None:
    """What is simple to the writer may not be to the reader."""
    assert not re.search(r"\bsimply\b", path.read_text(encoding="utf-8"), flags=re.IGNORECASE)


@pytest.mark.parametrize("path", all_texts(), ids=name_of)
def test_links_inside_the_repository_lead_somewhere(path: Path) -> None:
    """A relative link names a file that is there."""
    targets = re.findall(r"\]\((?!https?://|mailto:|#)([^)#\s]+)", path.read_text(encoding="utf-8"))
    broken = [target for target in targets if not (path.parent / target).exists()]

    assert not broken, f"{name_of(path)}: {broken}"


def test_every_page_is_in_the_index() -> None:
    """A page that the index does not list is a page that nobody finds."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    unlisted = [
        name_of(path) for path in pages() if path.name != "README.md"
        and f"({path.relative_to(ROOT / 'docs').as_posix()})" not in index
    ]  # fmt: skip
    assert not unlisted


def test_every_command_is_in_the_reference() -> None:
    """What the terminal can do, the reference of commands tells."""
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    missing = [name for name in all_commands(main) if f" `{name}`\n" not in text]

    assert not missing, f"run 'make docs': {missing}"


def test_the_written_pages_are_current() -> None:
    """Commands and entries stand in the reference as the code states them, to the letter; `make docs` writes both."""
    check = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "reference.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr


def test_every_command_explains_itself_and_speaks_json() -> None:
    """Each command that does something has a help text, and each has `--json` for a script."""
    silent, mute = [], []

    def look(command: click.Command, name: str) -> None:
        if not (command.help or "").strip():
            silent.append(name)
        if isinstance(command, click.Group):
            ctx = click.Context(command)
            for child in command.list_commands(ctx):
                if inner := command.get_command(ctx, child):
                    look(inner, f"{name} {child}")
        elif not any("--json" in option.opts for option in command.params):
            mute.append(name)

    look(main, "comity")

    assert not silent, f"without help: {silent}"
    assert not mute, f"without --json: {mute}"


@pytest.mark.parametrize("kind", kind_names())
def test_every_kind_of_entry_is_in_the_reference(kind: str) -> None:
    """Who reads a ledger finds each kind of entry explained."""
    assert f"`{kind}`" in (REFERENCE / "entries.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("slug", sorted(STATUS))
def test_every_refusal_has_a_heading_and_its_status(slug: str) -> None:
    """Who is refused can look the reason up, and finds the status that was answered."""
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    section = re.search(rf"^### `{re.escape(slug)}`\n(.*?)(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL)

    assert section is not None
    assert section[1].strip().startswith(str(STATUS[slug]))


def test_every_environment_variable_is_in_the_reference() -> None:
    """Nothing is set up by a variable that no page names."""
    page = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    readers = [path for path in files() if path.suffix == ".py" or path.name in {"Makefile", "run"}]
    used = {name for path in readers for name in re.findall(r"\bCOMITY_[A-Z][A-Z_]*[A-Z]\b", path.read_text())}

    assert used <= set(re.findall(r"`(COMITY_[A-Z_]+)`", page))
