"""The pages on law show what the code does: the how-to's pack is one, and the reference names every clause."""

import re
from datetime import date
from pathlib import Path
from typing import get_args

from comity.law import Noted, Opened, load_pack, read_clocks, starts_of
from comity.law.clocks import State
from comity.law.deadline import AtWord, DateWord, FromWord, PlainWord
from comity.law.pack import KINDS, Confidence, Force

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str) -> list[str]:
    """The YAML blocks of a page."""
    return re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_how_to_s_pack_is_one(tmp_path: Path) -> None:
    """Whoever follows the page gets a pack that loads, counts, and starts a clock at an incident."""
    frame, duties, classes, amended = blocks("how-to/add-a-law-pack.md")
    for version, files in (
        ("2026-09-01", {"pack.yaml": frame, "duties-all.yaml": duties, "incidents.yaml": classes}),
        ("2027-01-01", {"pack.yaml": amended}),
    ):
        folder = tmp_path / "my-code" / version
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    first, second = load_pack("my-code", "2026-09-01", [tmp_path]), load_pack("my-code", None, [tmp_path])
    found = date(2026, 9, 4)
    acts = (
        Opened(clock="c", at=found, pack="my-code", version="2026-09-01", duty="MC-1"),
        Noted(clock="c", at=found, event="FLAW_FOUND", on=found),
    )

    assert read_clocks(acts, [first], found)[0].due == date(2026, 9, 9)
    assert [start.duty.id for start in starts_of(["model-exfiltration"], [first])] == ["MC-1"]
    assert (second.version, second.duties) == ("2027-01-01", first.duties)


def test_the_reference_names_every_word() -> None:
    """Each clause of the grammar, each kind of incident, each state, force and mark."""
    page = (DOCS / "reference" / "law.md").read_text(encoding="utf-8")
    clauses = [f"`{word}:" for kind in (FromWord, AtWord, DateWord) for word in get_args(kind)]
    clauses += [f"`{word}:" for word in ("every", "min_window", "within", "same_as", "interim")]
    words = [f"`{word}`" for kind in (PlainWord, State, Force, Confidence) for word in get_args(kind)]
    missing = [word for word in (*clauses, *words, *(f"`{kind}`" for kind in KINDS)) if word not in page]

    assert not missing
