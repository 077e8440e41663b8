"""Bundles: one file with a report and everything that proves it.

    write_bundle(out, terms=…, plan=…, scores=…, report=…, page=…, ledger=…, sealed=…) -> out

writes a zip file (`comity bundle/1`) with the names that `comity.verify.archive` lists, and `bundle.json`, which names
the SHA-256 of each.  docs/reference/bundle.md describes the format.

The same content gives the same bytes (under one release of zlib): names are sorted, and every file bears the same time
and mode.  The file is written beside its place and moved there whole.

Nothing is judged here: what goes in is taken as it is, and `comity verify` says what it shows.  Only what a bundle
could not hold (another name, a ledger without a checkpoint) is refused.
"""

import os
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from comity.ledger import LedgerError, new_bundles, parse_head, parse_note, tiles_for
from comity.records import NotCanonical, canonical_bytes, parse_canonical
from comity.report.errors import ReportError
from comity.verify.archive import (
    DRAWN,
    FORMAT,
    FRAME,
    LEDGER,
    MANIFEST,
    MAX_CONTENT,
    PAGE,
    PLAN,
    REPORT,
    SCORES,
    TERMS,
    disclosed_name,
    is_bundle_name,
    labels_name,
)

__all__ = ["BundleRefused", "bundle_files", "write_bundle", "write_files"]

TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold; when a bundle was made is nobody's fact."""
MODE: Final = 0o100644
LEVEL: Final = 6
NOTHING: Final[Mapping[int, bytes]] = MappingProxyType({})
NO_LABELS: Final[Mapping[str, bytes]] = MappingProxyType({})


class BundleRefused(ReportError):
    """What was given cannot be a bundle."""


def write_bundle(
    out: Path,
    *,
    terms: bytes,
    plan: bytes,
    scores: bytes,
    report: bytes,
    page: bytes,
    ledger: Path,
    sealed: Mapping[str, bytes],
    drawn: bytes | None = None,
    disclosed: Mapping[int, bytes] = NOTHING,
    labels: Mapping[str, bytes] = NO_LABELS,
    frame: bytes | None = None,
) -> Path:
    """Write the bundle of one report; raises `BundleRefused`.

    `ledger` is a copied ledger (`checkpoint`, `tile/`), of which the files that the checkpoint's size calls for are
    taken.  `sealed` is by name without folder (`17-request.json`), `disclosed` by call, `labels` by rater.
    """
    files = {TERMS: terms, PLAN: plan, SCORES: scores, REPORT: report, PAGE: page, **bundle_files(ledger)}
    files |= {f"sealed/{name}": item for name, item in sealed.items()}
    files |= {disclosed_name(call): shown for call, shown in disclosed.items()}
    files |= {labels_name(rater): said for rater, said in labels.items()}
    if drawn is not None:
        files[DRAWN] = drawn
    if frame is not None:
        files[FRAME] = frame
    return write_files(out, files)


def bundle_files(ledger: Path) -> dict[str, bytes]:
    """The files of a copied ledger that its checkpoint calls for, under their names in a bundle."""
    try:
        checkpoint = (ledger / "checkpoint").read_bytes()
        size = parse_head(parse_note(checkpoint).text).size
        names = [tile.path for tile in (*tiles_for(size), *new_bundles(0, size))]
        found = {f"{LEDGER}{name}": (ledger / name).read_bytes() for name in names}
    except OSError as error:
        raise BundleRefused(f"expected a copied ledger in {ledger.name}/, with checkpoint and tile/: {error}") from None
    except LedgerError as error:
        raise BundleRefused(f"the checkpoint in {ledger.name}/ cannot be read: {error}") from None
    return {f"{LEDGER}checkpoint": checkpoint, **found}


def write_files(out: Path, files: Mapping[str, bytes]) -> Path:
    """Write a bundle of these files, by their names in it; its list of digests is made here."""
    for name, content in files.items():
        if name == MANIFEST or not is_bundle_name(name):
            raise BundleRefused(f"no file of a bundle is called {name[:120]!r}")
        if len(content) > MAX_CONTENT:
            raise BundleRefused(f"{name} has {len(content)} bytes, at most {MAX_CONTENT} fit")
    try:
        report = parse_canonical(files[REPORT], limit=MAX_CONTENT)
        names = {"ledger": str(report["ledger"]), "run": str(report["run"])}
    except (KeyError, NotCanonical) as error:
        raise BundleRefused(f"expected a report.json that names its ledger and run: {error}") from None
    digests = {name: sha256(content).hexdigest() for name, content in files.items()}
    manifest = canonical_bytes({"format": FORMAT, **names, "files": digests})
    beside = out.with_name(f".{out.name}.new")
    with beside.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
            for name, content in [(MANIFEST, manifest), *sorted(files.items())]:
                member = zipfile.ZipInfo(name, TIME)
                member.create_system, member.external_attr = 3, MODE << 16
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, content, compresslevel=LEVEL)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(out)
    return out
