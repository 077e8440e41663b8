"""Imports go one way: the table of docs/explanation/architecture.md, as a test."""

import re
import subprocess
import sys
from pathlib import Path

from tree import ROOT, SOURCE, imports, name_of, python_files

TABLE: dict[str, set[str]] = {
    "records": set(),
    "ledger": set(),
    "estimate": set(),
    "law": set(),
    "verify": {"ledger", "records", "estimate"},
    "vault": {"ledger", "records"},
    "arrangement": {"ledger", "records", "law"},
    "gateway": {"arrangement", "ledger", "records", "vault"},
    "evaluation": {"arrangement", "ledger", "records", "vault", "estimate"},
    "engagement": {"arrangement", "law", "ledger", "records", "vault"},
    "report": {"arrangement", "engagement", "estimate", "evaluation", "law", "ledger", "records", "vault", "verify"},
    "portal": {
        "arrangement", "engagement", "estimate", "evaluation", "law", "ledger", "records", "report", "vault", "verify",
    },
}
"""Which rooms each room may import.  `cli` may import every one of them; no room may import `cli`."""


def room_of(path: Path) -> str:
    """The room that a module lies in; the package's own three files count as the door, `cli`."""
    parts = path.relative_to(SOURCE).parts
    return parts[0] if len(parts) > 1 else "cli"


def test_no_room_imports_what_the_table_does_not_allow() -> None:
    """An arrow that is not in the table is refused, wherever in the file the import stands."""
    forbidden = []
    for path in python_files("src"):
        room = room_of(path)
        if room == "cli":
            continue
        for module, line in imports(path):
            match module.split("."):
                case ["comity", target, *_] if target not in TABLE.get(room, set()) | {room, "__version__"}:
                    forbidden.append(f"{name_of(path)}:{line}: {room} may not import {target}")
                case _:
                    pass
    assert not forbidden, "\n".join(forbidden)


def test_every_room_stands_in_the_table() -> None:
    """A new package is a decision about the whole house, so it is written into the table first."""
    rooms = {path.relative_to(SOURCE).parts[0] for path in python_files("src") if path.parent != SOURCE}

    assert rooms <= {*TABLE, "cli"}


def test_the_page_and_the_test_hold_the_same_table() -> None:
    """What the architecture page says about imports is what is enforced."""
    page = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|$", page, flags=re.MULTILINE)
    written = {room: set(re.findall(r"`(\w+)`", allowed)) for room, allowed in rows}

    assert written.pop("cli", None) == set()  # "every room", in words
    assert written == TABLE


def test_estimates_and_records_need_the_standard_library_alone() -> None:
    """A stranger can read the arithmetic of a number, and the names of entries, without installing anything."""
    foreign = [
        f"{name_of(path)}:{line}: {module}"
        for path in python_files("src")
        if room_of(path) in {"estimate", "records"}
        for module, line in imports(path)
        if (root := module.split(".")[0]) not in sys.stdlib_module_names and root != "comity"
    ]
    assert not foreign, "\n".join(foreign)


def test_verification_needs_cryptography_alone() -> None:
    """`comity.verify` loads no third-party package but `cryptography` and what that brings."""
    script = (
        "import sys; before = set(sys.modules); import comity.verify; "
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)

    assert set(loaded.stdout.split()) <= {"comity", "cryptography", "cffi", "_cffi_backend", "_openssl"}
