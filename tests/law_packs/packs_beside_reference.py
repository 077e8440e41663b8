"""What the tests of the packs share: the packs, every text in them, and the digest that they were written from.

The digest is not part of the repository.  Where it lies beside a checkout, at ../shared/reference, the packs
are compared with it; elsewhere those tests are skipped, and say so.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from comity.law.pack import Pack
from comity.law.packs import SHIPPED, known_packs, load_pack

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT.parent / "shared" / "reference"
FACTS = REFERENCE / "ai-act-facts.md"
CATALOGUE = REFERENCE / "ai-act-catalogue.yaml"
RUN = 8
"""As many words in the same order as the digest has them are no longer our own."""
IDENTIFIERS = {"id", "key", "ref", "url", "link", "deadline", "flop"}
"""Members that are no prose: names, numbers and addresses are what they are."""


@cache
def pack(name: str, version: str | None = None) -> Pack:
    """One pack that ships."""
    return load_pack(name, version)


@cache
def all_packs() -> tuple[Pack, ...]:
    """Every version of every pack that ships."""
    return tuple(load_pack(name, version) for name, versions in known_packs().items() for version in versions)


def facts() -> str:
    """The digest of facts, or the test is skipped."""
    if not FACTS.is_file():
        pytest.skip("the digest of facts does not lie beside this checkout")
    return FACTS.read_text(encoding="utf-8")


def catalogue() -> list[dict[str, Any]]:
    """The duties as the digest lists them, or the test is skipped."""
    if not CATALOGUE.is_file():
        pytest.skip("the digest's catalogue does not lie beside this checkout")
    entries: list[dict[str, Any]] = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["catalogue"]["entries"]
    return entries


def words(text: str) -> list[str]:
    """A text as its words, without case and punctuation."""
    return re.findall(r"[a-z0-9]+", text.lower())


def runs(text: str, length: int = RUN) -> set[tuple[str, ...]]:
    """Every run of so many words."""
    found = words(text)
    return {tuple(found[at : at + length]) for at in range(len(found) - length + 1)}


def texts() -> Iterator[tuple[str, str]]:
    """Every text of every file of every pack that is prose, with the place where it stands."""

    def inside(node: Any, place: str) -> Iterator[tuple[str, str]]:
        match node:
            case dict():
                own = node.get("id") or node.get("key") or ""
                for key, value in node.items():
                    if key not in IDENTIFIERS:
                        yield from inside(value, f"{place} {own} {key}")
            case list():
                for value in node:
                    yield from inside(value, place)
            case str():
                yield place, node
            case _:
                pass

    for path in sorted(SHIPPED.rglob("*.yaml")):
        yield from inside(yaml.safe_load(path.read_text(encoding="utf-8")), path.relative_to(SHIPPED).as_posix())
