"""The file of a case: whole or with entries withheld, it can be checked, and it is the same each time."""

import json
import shutil
import subprocess
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from comity.ledger import leaf_hash, root_of
from comity.report.case_file import CaseFile, Line, make_case_file, root_over

pytest.importorskip("typst", reason="needs Typst, which comity[contract] brings")

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
ENTRIES = [b'{"kind":"entry.%d"}' % number for number in range(5)]
SECRET = "the words of entry three"


def bound(**changes: Any) -> dict[str, bytes]:
    lines = [Line(when="2026-11-25", what=f"Kind {n}", said=SECRET if n == 3 else "said", by="") for n in range(5)]
    made: dict[str, Any] = {
        "origin": "office.example/e/1", "title": "Office and Aurora #[x]", "facts": [("Stage", "access")],
        "sections": [("Open", ["an answer"])], "entries": ENTRIES, "lines": lines,
        "terms": {"a-1": b"{}"}, "made": AT,
    }  # fmt: skip
    with ZipFile(BytesIO(make_case_file(CaseFile(**made | changes)))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_root_is_that_of_the_ledger() -> None:
    """For every size up to 40 the root over leaves is the one that a ledger states of the same entries."""
    for size in range(40):
        leaves = [leaf_hash(b"%d" % number) for number in range(size)]
        levels: list[list[bytes]] = [leaves]

        def read(level: int, n: int, leaves: list[bytes] = leaves) -> bytes:
            return root_over(leaves[n << level : (n + 1) << level])

        assert root_of(size, read) == root_over(leaves), levels


def test_a_reader_recomputes_the_root_from_what_they_were_given() -> None:
    """Whole or in part: what is shown has its leaf hash, and all leaf hashes together the root."""
    for withheld in ((), (1, 3)):
        file = bound(withheld=withheld)
        proof = json.loads(file["proof.json"])
        leaves = [bytes.fromhex(leaf) for leaf in proof["leaves"]]
        shown = {name: content for name, content in file.items() if name.startswith("entries/")}

        assert proof["root"] == root_over([leaf_hash(entry) for entry in ENTRIES]).hex() == root_over(leaves).hex()
        assert {f"entries/{n:06}.json" for n in range(5) if n not in withheld} == set(shown)
        assert all(leaves[int(name[8:14])] == leaf_hash(content) for name, content in shown.items())
        assert {name: sha256(content).hexdigest() for name, content in file.items() if name != "proof.json"} == (
            proof["files"]
        )


def test_the_same_case_makes_the_same_bytes() -> None:
    """Nothing but what it is made of is in it."""
    assert bound() == bound()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext, of poppler-utils")
def test_what_is_withheld_is_in_no_page(tmp_path: Path) -> None:
    """A withheld entry stands as withheld, without its words; words are words and no markup."""
    for withheld, there in (((), True), ((3,), False)):
        (tmp_path / "case.pdf").write_bytes(bound(withheld=withheld)["case.pdf"])
        command = ["pdftotext", str(tmp_path / "case.pdf"), "-"]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        text = " ".join(said.stdout.split())

        assert there == (SECRET in text) and there != ("withheld" in text)
        assert "Office and Aurora #[x]" in text and "Kind 2" in text
