"""Archives: a bundle's zip file, read without trust in whoever packed it.

A bundle (`comity bundle/1`) holds these names and nothing else:

    bundle.json terms.json plan.json scores.json report.json report.html
    ledger/checkpoint ledger/tile/…
    sealed/<n>-request.json sealed/<n>-answer.json
    drawn.json disclosed/<n>.json                                            after a draw, or a disclosure
    labels/<rater>.json                                                      where raters labelled answers
    frame.json                                                               where the sample was drawn from one

`bundle.json` is canonical JSON: `{"files":{name:sha256,…},"format":"comity bundle/1","ledger":origin,"run":id}`, and
names every other file.

Nothing is ever unpacked to a disk, so a name cannot lead anywhere; names are held to the list above all the same.
Refused are: a name twice, a name not listed, folders, links, encryption, compression other than deflate, a file
that does not begin with its first member or has a comment behind it (so that it can be no other kind of file), and
whatever exceeds the limits below, before it is unpacked: sizes are those declared, and what unpacks to another size
or checksum is refused too.

Limits: 2 GiB of archive, 200,000 files, 2 GiB unpacked, and per file what its kind needs; a factor of 1,000 between
a file and its packed form, which no text of ours reaches.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from comity.ledger import MalformedTile
from comity.ledger.tiles import parse_tile_path
from comity.records import NotCanonical, parse_canonical
from comity.verify.errors import MalformedBundle

FORMAT: Final = "comity bundle/1"
MANIFEST: Final = "bundle.json"
TERMS: Final = "terms.json"
PLAN: Final = "plan.json"
SCORES: Final = "scores.json"
REPORT: Final = "report.json"
PAGE: Final = "report.html"
FRAME: Final = "frame.json"
DRAWN: Final = "drawn.json"
LEDGER: Final = "ledger/"
REQUIRED: Final = (TERMS, PLAN, SCORES, REPORT, PAGE, f"{LEDGER}checkpoint")

MIB: Final = 1024 * 1024
MAX_ARCHIVE: Final = 2 * 1024 * MIB
MAX_FILES: Final = 200_000
MAX_UNPACKED: Final = 2 * 1024 * MIB
MAX_FACTOR: Final = 1_000
SLACK: Final = 64 * 1024
"""Bytes that the factor is not applied to: a short text of zeros packs well."""
SIZES: Final[Mapping[str, int]] = {
    MANIFEST: 32 * MIB, TERMS: MIB, PLAN: MIB, SCORES: 64 * MIB, REPORT: MIB, PAGE: 16 * MIB, DRAWN: MIB,
    FRAME: 32 * MIB,
}  # fmt: skip
MAX_TILE: Final = 17 * MIB
"""An entry bundle holds 256 entries of at most 65,535 bytes."""
MAX_CONTENT: Final = 192 * MIB
_CONTENT: Final = re.compile(
    r"(sealed/(0|[1-9][0-9]{0,14})-(request|answer)|disclosed/(0|[1-9][0-9]{0,14})|labels/[a-z0-9-]{1,32})\.json"
)
_BROKEN: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError,
    ValueError, OverflowError, LookupError, OSError,
)  # fmt: skip
"""What the standard library raises for a file that is no archive, or a broken one."""


def sealed_name(call: int, part: str) -> str:
    """Where a call's sealed request or answer lies."""
    return f"sealed/{call}-{part}.json"


def disclosed_name(call: int) -> str:
    """Where a call's disclosure lies."""
    return f"disclosed/{call}.json"


def labels_name(rater: str) -> str:
    """Where a rater's labels lie."""
    return f"labels/{rater}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`bundle.json` as read: which ledger and run, and the digest of every other file."""

    ledger: str
    run: str
    files: Mapping[str, str]


class Archive:
    """A bundle's files by name; each is unpacked when it is asked for, and checked against its declared size."""

    def __init__(self, path: Path) -> None:
        """Open a bundle; raises `MalformedBundle` and nothing else for what is in the file."""
        self.path = path
        try:
            if path.stat().st_size > MAX_ARCHIVE:
                raise MalformedBundle("", f"the archive has more than {MAX_ARCHIVE} bytes")
            with path.open("rb") as file:
                if file.read(4) != b"PK\x03\x04":
                    raise MalformedBundle("", "the file does not begin as a zip archive does")
            self._zip = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise MalformedBundle("", f"the file is no zip archive that can be read: {error}") from None
        try:
            self._members = self._look()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._zip.close()

    @property
    def names(self) -> Sequence[str]:
        """Every file's name, in order."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """A file's bytes; raises `MalformedBundle` where it is missing or does not unpack to what was declared."""
        member = self._members.get(name)
        if member is None:
            raise MalformedBundle(name, "missing from the bundle")
        try:
            with self._zip.open(member) as file:
                data = file.read(member.file_size + 1)
        except _BROKEN as error:
            raise MalformedBundle(name, f"it cannot be unpacked: {error}") from None
        if len(data) != member.file_size:
            raise MalformedBundle(name, f"it unpacks to {len(data)} bytes, {member.file_size} are declared")
        return data

    def _look(self) -> dict[str, zipfile.ZipInfo]:
        found: dict[str, zipfile.ZipInfo] = {}
        members = self._zip.infolist()
        if len(members) > MAX_FILES:
            raise MalformedBundle("", f"{len(members)} files, at most {MAX_FILES} are read")
        if self._zip.comment:
            raise MalformedBundle("", "a comment stands behind the archive; a bundle has none")
        if members and min(member.header_offset for member in members) != 0:
            raise MalformedBundle("", "bytes that belong to no file stand before the first one")
        unpacked = 0
        for member in members:
            name = member.orig_filename
            if name in found:
                raise MalformedBundle(_shown(name), "the name stands twice in the archive")
            _check_name(name)
            _check_member(name, member)
            unpacked += member.file_size
            if unpacked > MAX_UNPACKED:
                raise MalformedBundle(name, f"up to here more than {MAX_UNPACKED} bytes unpacked are declared")
            found[name] = member
        return found


def read_manifest(data: bytes) -> Manifest:
    """Read `bundle.json`; raises `MalformedBundle` and nothing else."""
    try:
        whole = parse_canonical(data, limit=SIZES[MANIFEST])
        if set(whole) != {"format", "ledger", "run", "files"} or whole["format"] != FORMAT:
            raise ValueError(f"expected the members files, format ({FORMAT}), ledger and run")
        files = whole["files"]
        if not isinstance(files, dict) or not all(isinstance(text, str) for text in (*files.values(), whole["ledger"])):
            raise ValueError("files are names with digests, ledger is a text")
        if not isinstance(whole["run"], str):
            raise ValueError("run is a text")
    except (NotCanonical, ValueError) as error:
        raise MalformedBundle(MANIFEST, str(error)) from None
    return Manifest(ledger=whole["ledger"], run=whole["run"], files=files)


def compare_manifest(archive: Archive, manifest: Manifest) -> list[tuple[str, str]]:
    """Each file that differs from its digest in `bundle.json`, is missing, or is not named there."""
    wrong = [(name, "bundle.json names it and it is not there") for name in manifest.files if name not in archive.names]
    for name in archive.names:
        if name == MANIFEST:
            continue
        if name not in manifest.files:
            wrong.append((name, "bundle.json does not name it"))
        elif sha256(archive.read(name)).hexdigest() != manifest.files[name]:
            wrong.append((name, "its bytes are not those that bundle.json names"))
    return wrong


class ZippedLedger:
    """The copied ledger inside a bundle."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._names = frozenset(archive.names)
        self.name = "in the bundle"

    def read(self, path: str) -> bytes | None:
        """The bytes of one file, or None."""
        return self._archive.read(LEDGER + path) if LEDGER + path in self._names else None

    def paths(self) -> Sequence[str] | None:
        """Every file of the ledger."""
        return sorted(name.removeprefix(LEDGER) for name in self._names if name.startswith(LEDGER))


def is_bundle_name(name: str) -> bool:
    """Whether a bundle may hold a file of this name."""
    if name in SIZES or name == f"{LEDGER}checkpoint" or _CONTENT.fullmatch(name):
        return True
    if not name.startswith(f"{LEDGER}tile/"):
        return False
    try:
        parse_tile_path(name.removeprefix(LEDGER))
    except MalformedTile:
        return False
    return True


def _check_name(name: str) -> None:
    if not is_bundle_name(name):
        raise MalformedBundle(_shown(name), "no file of a bundle has this name")


def _check_member(name: str, member: zipfile.ZipInfo) -> None:
    mode = member.external_attr >> 16
    if member.is_dir() or stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise MalformedBundle(name, "it is a link, a folder or a device; a bundle holds files")
    if member.flag_bits & 0x1:
        raise MalformedBundle(name, "it is encrypted; a bundle is not")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise MalformedBundle(name, f"it is packed by method {member.compress_type}; stored and deflate are read")
    most = SIZES.get(name) or (MAX_TILE if name.startswith(LEDGER) else MAX_CONTENT)
    if member.file_size > most:
        raise MalformedBundle(name, f"{member.file_size} bytes unpacked are declared, at most {most} are read")
    if member.file_size > SLACK + MAX_FACTOR * member.compress_size:
        declared = f"{member.compress_size} bytes unpack to {member.file_size}"
        raise MalformedBundle(name, f"{declared}: that is no text of ours")


def _shown(name: str) -> str:
    return name[:120].encode("unicode_escape").decode()
