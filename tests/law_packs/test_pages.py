"""The two pages on law packs say what the packs hold."""

import re
import subprocess
import sys

from packs_beside_reference import ROOT, all_packs, pack


def test_the_reference_of_packs_is_current() -> None:
    """Each duty stands in the reference as its pack states it, to the letter; `make docs` writes the page."""
    check = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "law_reference.py"), "--check"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert check.returncode == 0, check.stderr


def test_every_duty_is_in_the_reference() -> None:
    """Who looks for a duty of any version by its id finds it."""
    page = (ROOT / "docs/reference/law-packs.md").read_text(encoding="utf-8")

    assert not [name for law in all_packs() for name in law.duties if f"`{name}`" not in page]


def test_nothing_loses_its_mark_in_the_reference() -> None:
    """The row of an unconfirmed duty, class or field says that it is unconfirmed."""
    page = (ROOT / "docs/reference/law-packs.md").read_text(encoding="utf-8").splitlines()
    fields = [field for law in all_packs() for form in law.forms for field in form.fields]
    unconfirmed = {
        item.id
        for item in (*fields, *(item for law in all_packs() for item in (*law.duties.values(), *law.incidents)))
        if item.confidence == "unconfirmed"
    }
    marked = {found[1] for line in page if (found := re.match(r"\| `([^`]+)` .*\| unconfirmed \|$", line))}

    assert len(unconfirmed) > 35
    assert unconfirmed <= marked


def test_the_explanation_counts_right() -> None:
    """The numbers of the explanation are those of the pack."""
    page = (ROOT / "docs/explanation/law-packs.md").read_text(encoding="utf-8")
    total = len(pack("eu-ai-act").duties)

    assert f"has {total} duties" in page
    assert "A catalogue of 150 came first" in page and f"gave {total - 150} others" in page
    for law in all_packs():
        assert f"| `{law.name}` | {law.version} |" in page
