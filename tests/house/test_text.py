"""What no file may hold: a place on somebody's machine, a registry's host, a private key."""

import re

import pytest
from tree import ROOT, files, name_of

# Written in pieces, so that this file does not hold what it forbids.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs", "deb." + "debian.org", "proxy." + "golang")
PLACES = ("/wo" + "rk/", "/tmp/" + "scratch", "/tmp/" + "spec", "/ro" + "ot/", "/opt/" + "wheels", "/opt/" + "pypi")
KEY = re.compile(r"PRIVATE\+KEY\+[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{40,}={0,2}")
EXAMPLE_KEY_FOLDERS = ("tests/", "docs/")
"""Test vectors and examples may hold keys that sign nothing else."""


def contents() -> list[tuple[str, str]]:
    """Every text file of the repository, with its name."""
    found = []
    for path in files():
        try:
            found.append((name_of(path), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


@pytest.mark.parametrize("word", HOSTS)
def test_no_file_names_a_registry(word: str) -> None:
    """Installs go to whatever registry the visitor's own tools are set up with."""
    assert not [name for name, text in contents() if word in text]


@pytest.mark.parametrize("word", PLACES)
def test_no_file_names_a_place_on_a_machine(word: str) -> None:
    """What works in one folder works in any."""
    assert not [name for name, text in contents() if word in text]


def test_no_private_key_is_in_the_repository() -> None:
    """Keys are made where they are used; only test vectors and examples hold any."""
    assert not [
        name for name, text in contents() if KEY.search(text) and not name.startswith(EXAMPLE_KEY_FOLDERS)
    ]


def test_pins_name_packages_and_hashes_alone() -> None:
    """A pin file holds no address at all, and no pin goes without its hash."""
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path.name
        assert "--index" not in text and "--find-links" not in text and "--extra-index" not in text, path.name
        for pin in re.split(r"\n(?=[a-zA-Z0-9])", text.strip()):
            if not pin.startswith("#"):
                assert "--hash=sha256:" in pin, f"{path.name}: {pin.splitlines()[0]}"
