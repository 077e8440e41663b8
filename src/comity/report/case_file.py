"""The file of a case: what is handed to somebody who may read it, as one archive that can be checked.

    case.pdf                   where the case stands, and every entry in order, for people
    entries/000000.json        each entry, in the bytes that its ledger holds
    terms/<id>-<version>.json  the signed terms at hand
    proof.json                 ledger, size, root, and the leaf hash of every entry, withheld ones too

An entry that is withheld is missing from `entries/`, stands as withheld in the PDF, and keeps its leaf hash in
`proof.json`: so a reader recomputes the root of the whole case from what they were given, and sees how many entries
they were not.  A leaf hash is SHA-256(0x00 || bytes), and the root is that of RFC 6962.

The same case makes the same archive, byte for byte, under one release of Typst.

Not promised: that the root is anybody else's. A case's ledger is kept by one house and cosigned by nobody.
"""

import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from comity.ledger import leaf_hash, node_hash
from comity.report.errors import NotReportable

__all__ = ["CaseFile", "Line", "make_case_file", "root_over"]

FORMAT: Final = "comity case-file/1"
DAWN: Final = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the archive: none, as far as the format can say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry as the PDF shows it."""

    when: str
    what: str
    said: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """What is bound into one file."""

    origin: str
    title: str
    facts: Sequence[tuple[str, str]]
    """What is true of the case, each with its name."""
    sections: Sequence[tuple[str, Sequence[str]]]
    """Heading → lines: what is open, which clocks run, what was found."""
    entries: Sequence[bytes] = field(repr=False)
    lines: Sequence[Line] = field(repr=False)
    withheld: Collection[int] = ()
    terms: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    made: datetime


def root_over(leaves: Sequence[bytes]) -> bytes:
    """The root of RFC 6962 over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(root_over(leaves[:left]), root_over(leaves[left:]))


def make_case_file(one: CaseFile) -> bytes:
    """The archive; raises `NotReportable` where its PDF cannot be drawn."""
    leaves = [leaf_hash(entry) for entry in one.entries]
    root = root_over(leaves).hex()
    shown = {
        f"entries/{index:06}.json": entry for index, entry in enumerate(one.entries) if index not in one.withheld
    }
    held = {**shown, **{f"terms/{name}.json": content for name, content in sorted(one.terms.items())}}
    held["case.pdf"] = _pdf(one, root)
    proof = {
        "format": FORMAT, "ledger": one.origin, "size": len(leaves), "root": root,
        "leaves": [leaf.hex() for leaf in leaves], "withheld": sorted(one.withheld),
        "files": {name: sha256(content).hexdigest() for name, content in sorted(held.items())},
    }  # fmt: skip
    held["proof.json"] = json.dumps(proof, ensure_ascii=False, indent=1).encode() + b"\n"
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as zipped:
        for name, content in sorted(held.items()):
            zipped.writestr(ZipInfo(name, DAWN), content, ZIP_DEFLATED)
    return archive.getvalue()


def _pdf(one: CaseFile, root: str) -> bytes:
    try:
        import typst
    except ImportError:
        raise NotReportable(
            "drawing the file needs Typst, which is not installed: pip install 'comity[contract]'"
        ) from None
    value: dict[str, Any] = {
        "title": one.title, "origin": one.origin, "root": root, "made": f"{one.made:%Y-%m-%d %H:%M} UTC",
        "size": len(one.entries), "withheld": len(one.withheld), "facts": [list(fact) for fact in one.facts],
        "sections": [{"heading": heading, "lines": list(lines)} for heading, lines in one.sections],
        "entries": [
            {"index": index, "withheld": True, "digest": ""} if index in one.withheld else {
                "index": index, "withheld": False, "digest": sha256(entry).hexdigest()[:16],
                "when": line.when, "what": line.what, "said": line.said, "by": line.by,
            }
            for index, (entry, line) in enumerate(zip(one.entries, one.lines, strict=True))
        ],
    }  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = typst.Compiler(ignore_system_fonts=True).compile(
                (files("comity.report") / "case.typ").read_bytes(),
                format="pdf",
                sys_inputs={"case": json.dumps(value, ensure_ascii=False)},
                pdf_standards=["a-2a", "ua-1"],
                timestamp=int(one.made.timestamp()),
            )
    except (typst.TypstError, RuntimeError) as error:
        raise NotReportable(f"this case cannot be drawn as PDF: {error}") from None
    if not isinstance(made, bytes):
        raise AssertionError("one PDF was asked for")
    return made
