"""The shape of every file: short, explained, and without a clock or a die of its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tree import SOURCE, name_of, parsed, python_files

MOST_LINES = 500
FEWEST_WORDS = 4
"""A docstring of fewer words is a name again, not a requirement."""

FORBIDDEN_CALLS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("time", "time"), ("time", "time_ns"),
    ("uuid", "uuid1"), ("uuid", "uuid4"), ("uuid", "uuid7"),
    ("os", "urandom"), ("os", "getrandom"),
}
FORBIDDEN_MODULES = {"random", "secrets"}
EDGE_NAMES = {"edge.py", "serve.py"}


def is_edge(path: Path) -> bool:
    """Edge modules hand the real clock and the real randomness to the core: the command line, and named files."""
    inside = path.relative_to(SOURCE).parts
    return inside[0] == "cli" or path.name in EDGE_NAMES


def own_clock_or_die(path: Path) -> Iterator[str]:
    """Each use of the real clock or of real randomness in a file."""
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Import(names=names) if FORBIDDEN_MODULES & {alias.name.split(".")[0] for alias in names}:
                yield f"{name_of(path)}:{node.lineno}: imports {', '.join(alias.name for alias in names)}"
            case ast.ImportFrom(module=str(module)) if module in FORBIDDEN_MODULES:
                yield f"{name_of(path)}:{node.lineno}: imports {module}"
            case ast.ImportFrom(module=str(module), names=names):
                for alias in names:
                    if (module, alias.name) in FORBIDDEN_CALLS:
                        yield f"{name_of(path)}:{node.lineno}: imports {module}.{alias.name}"
            case ast.Attribute(value=ast.Name(id=owner), attr=attribute) if (owner, attribute) in FORBIDDEN_CALLS:
                yield f"{name_of(path)}:{node.lineno}: {owner}.{attribute}"
            case ast.Attribute(value=ast.Attribute(attr=owner), attr=attribute) if (
                owner,
                attribute,
            ) in FORBIDDEN_CALLS:
                yield f"{name_of(path)}:{node.lineno}: …{owner}.{attribute}"
            case _:
                pass


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    """A file of more than 500 lines is two files."""
    long = [
        f"{name_of(path)}: {lines} lines"
        for path in python_files("src", "tests", "benchmarks", "tools")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    ]
    assert not long, "\n".join(long)


def test_every_module_says_what_it_is() -> None:
    """A module's docstring is its specification, so there is one."""
    silent = [
        name_of(path)
        for path in python_files("src", "tests", "benchmarks", "tools")
        if not ast.get_docstring(parsed(path))
    ]
    assert not silent, "\n".join(silent)


def test_the_core_has_no_clock_and_no_die_of_its_own() -> None:
    """Time and randomness come in by the door, so that every decision can be repeated."""
    found = [line for path in python_files("src") if not is_edge(path) for line in own_clock_or_die(path)]

    assert not found, "\n".join(found)


def test_the_search_for_clocks_finds_them() -> None:
    """The lint above is worth its name only if it sees what the edge really uses."""
    edges = [line for path in python_files("src") if is_edge(path) for line in own_clock_or_die(path)]

    assert any("datetime.now" in line for line in edges)
    assert any("imports secrets" in line for line in edges)


def test_every_test_states_its_requirement() -> None:
    """The docstrings of the tests, collected, are the list of what Comity does."""
    silent = []
    for path in python_files("tests"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                stated = ast.get_docstring(node) or ""
                if len(stated.split()) < FEWEST_WORDS:
                    silent.append(f"{name_of(path)}:{node.lineno}: {node.name}")
                elif stated.lower().startswith(("test that", "tests that", "test ")):
                    silent.append(f"{name_of(path)}:{node.lineno}: says 'test that' where the requirement belongs")
    assert not silent, "\n".join(silent)
