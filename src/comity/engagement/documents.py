"""Documents: files of a case, sealed before they touch the disk.

A document's bytes are sealed to named recipients (`comity.vault`), under an epoch of its own, and written to a file
beside the case's ledger, synced, before the entry `document.attached` is appended.  The entry holds the commitment,
the length, the type, and what the document is called in public; a file's own name stands inside what is sealed.

    documents/<document id>.json     a sealed item as `comity.vault` writes it, part `document`

Between the two writes a crash leaves a file without an entry, which nothing leads to and the next `enter`, `erase` or
`sweep` removes; never an entry without its file.  From the file to its entry, and while files are removed, nobody else
works in the folder; and a file is removed only by who knows that no entry leads to it: after a refusal, or after
reading the case to its end.  Erasing removes the file, after its entry says why: the entry, its commitment and every
proof stay, and whoever had opened the document before still has what they had.

What is sealed is `name NUL bytes`, so that the name is as secret as the bytes:

    sealed = file name in UTF-8 || 0x00 || bytes

A document is shown to somebody else by its own key.  The file for that holds the entry's bytes, a note over their
digest by the party that shows it, and the disclosure; it is checked without a ledger:

    {"format": "comity document/1", "entry": text, "note": text, "disclosure": {…}}

Limits: 32 MiB a document, because its JSON grows by a third and is read whole; 16 recipients.

Not promised: that an erased file cannot be brought back from the disk's own spare blocks. Without a recipient's key
it is unreadable there as well.
"""

import json
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from comity.engagement.case import Case
from comity.engagement.casebook import add_all, open_book
from comity.engagement.errors import EngagementError
from comity.engagement.folders import alone_in
from comity.ledger import Ledger, LedgerError, Note, PositionMoved, Signer, Verifier, format_note, open_note
from comity.records import (
    Digest,
    DocumentAttached,
    DocumentDisclosed,
    DocumentErased,
    Hex32,
    Instant,
    MalformedRecord,
    Record,
    RecordError,
    instant_text,
    parse_record,
    to_bytes,
)
from comity.vault import (
    Epoch,
    Recipient,
    RecipientKey,
    SealedBundle,
    VaultError,
    check_disclosure,
    disclose,
    format_disclosure,
    format_sealed,
    open_item,
    parse_disclosure,
    parse_sealed,
)

__all__ = [
    "MAX_DOCUMENT",
    "Cabinet",
    "DocumentRefused",
    "Enclosed",
    "Shown",
    "check_shown",
    "format_shown",
    "parse_shown",
]

MAX_DOCUMENT: Final = 32 * 1024 * 1024
MAX_NAME: Final = 255
"""Bytes of a file's name: what file systems take."""
FORMAT: Final = "comity document/1"
NOTE: Final = "comity document/1\n"


class DocumentRefused(EngagementError):
    """A document cannot be attached, opened, shown or erased; the text says why, and never holds its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """A file that is to belong to an item."""

    content: bytes = field(repr=False)
    name: str = field(repr=False)
    """The file's own name; it is sealed with the bytes."""
    part: str
    title: str
    """What it is called in public."""
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A document as somebody else was shown it."""

    entry: bytes
    note: bytes
    disclosure: bytes = field(repr=False)


class Cabinet:
    """The sealed files of one case, in its folder."""

    def __init__(self, folder: Path, ledger: Ledger, random: Callable[[int], bytes]) -> None:
        self._folder, self._ledger, self._random = folder / "documents", ledger, random

    def enter(
        self,
        records: Sequence[Record],
        enclosed: Sequence[tuple[str, Enclosed]],
        recipients: Sequence[Recipient],
        at: datetime,
        *,
        seen: int | None = None,
        **knowledge: Any,
    ) -> list[int]:
        """Append records and, after them, one `document.attached` for each file of an item; all or none.

        `enclosed` pairs the id of an item with a file of it.  Returns the indexes of all entries.  Raises
        `DocumentRefused`, and what `add_all` raises; then no file of theirs stays.
        """
        if not enclosed:
            return add_all(self._ledger, records, at, seen=seen)
        with alone_in(self._folder):
            self._sweep()
            size = self._ledger.size()
            begin = size + len(records)  # a sealed file states its entry's index, so nothing may come between
            sealed = [
                self._seal(to, one, recipients, at, begin + number, knowledge)
                for number, (to, one) in enumerate(enclosed)
            ]
            written = [self._write(entry.document, format_sealed(bundle)) for entry, bundle in sealed]
            entries = [*records, *(entry for entry, _ in sealed)]
            try:
                return add_all(self._ledger, entries, at, seen=size if seen is None else seen)
            except (EngagementError, RecordError, PositionMoved):  # nothing was entered, and nothing else proves that
                for path in written:
                    path.unlink(missing_ok=True)
                raise

    def _seal(
        self,
        to: str,
        one: Enclosed,
        recipients: Sequence[Recipient],
        at: datetime,
        index: int,
        knowledge: dict[str, Any],
    ) -> tuple[DocumentAttached, SealedBundle]:
        if len(one.content) > MAX_DOCUMENT:
            raise DocumentRefused(f"expected a document of at most {MAX_DOCUMENT} bytes; got {len(one.content)}")
        name = one.name.encode("utf-8", "replace")[:MAX_NAME].replace(b"\0", b"")
        document = self._random(16).hex()
        origin = self._ledger.origin
        context = f"{origin}\n{document}".encode()
        epoch = Epoch.begin(recipients, context, self._random)
        item = epoch.seal(name + b"\0" + one.content, ledger=origin, part="document", random=self._random)
        bundle = SealedBundle(
            ledger=origin, index=index, part="document", commitment=item.commitment, epoch=epoch.id, context=context,
            wrapped_key=item.wrapped_key, ciphertext=item.ciphertext, encapsulations=epoch.encapsulations,
        )  # fmt: skip
        entry = DocumentAttached(
            at=Instant(instant_text(at)), item=Hex32(self._random(16).hex()), document=Hex32(document), to=Hex32(to),
            part=one.part, title=one.title, media_type=one.media_type, length=len(one.content),
            sealed_to=tuple(recipient.name for recipient in recipients), commitment=Digest(item.commitment),
            **{"on": at.date().isoformat(), "source": "", "confidence": "stated", "refs": (), **knowledge},
        )  # fmt: skip
        return entry, bundle

    def _path(self, document: str) -> Path:
        return self._folder / f"{document}.json"

    def _write(self, document: str, content: bytes) -> Path:
        """A new file, durable with its name."""
        path = self._path(document)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self._sync()
        return path

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def open(self, case: Case, document: str, key: RecipientKey) -> tuple[bytes, str]:
        """The bytes and the name of a document; raises `DocumentRefused` or a `VaultError`."""
        bundle = self._bundle(case, document)
        name, _, content = open_item(bundle, key).content.partition(b"\0")
        return content, name.decode("utf-8", "replace")

    def _bundle(self, case: Case, document: str) -> SealedBundle:
        one = case.documents[document]
        if one.erased is not None:
            raise DocumentRefused(
                f"the document of entry {one.entry.index} was erased (entry {one.erased.index}); "
                "what it held is nowhere here"
            )
        try:
            bundle = parse_sealed(self._path(document).read_bytes())
        except FileNotFoundError:
            raise DocumentRefused(
                f"expected the sealed file of entry {one.entry.index} under documents/; it is not there. "
                "Bring it back from a backup; the entry says what it must be"
            ) from None
        if bundle.commitment != one.record.commitment:
            raise DocumentRefused(f"the sealed file of entry {one.entry.index} is another's: its commitment differs")
        return bundle

    def show(
        self,
        case: Case,
        document: str,
        *,
        key: RecipientKey,
        signer: Signer,
        shown_to: str,
        because: str,
        at: datetime,
        seen: int | None = None,
    ) -> tuple[Shown, int]:
        """What shows a document to somebody, and the index of the entry that says so; it cannot be taken back."""
        one = case.documents[document]
        shown = disclose((self._bundle(case, document),), key)
        entry = to_bytes(one.entry.record)
        told = Shown(
            entry=entry,
            note=_signed(self._ledger.origin, one.entry.index, entry, signer),
            disclosure=format_disclosure(shown),
        )
        record = DocumentDisclosed(
            at=Instant(instant_text(at)), item=Hex32(self._random(16).hex()), on=at.date().isoformat(), source="",
            confidence="stated", refs=(), document=Hex32(document), shown_to=shown_to, because=because,
        )  # fmt: skip
        (index,) = add_all(self._ledger, [record], at, seen=seen)
        return told, index

    def erase(self, document: str, *, because: str, at: datetime, seen: int | None = None) -> int:
        """Destroy a document's ciphertext and keys here, once the entry says why; returns its index."""
        record = DocumentErased(
            at=Instant(instant_text(at)), item=Hex32(self._random(16).hex()), on=at.date().isoformat(), source="",
            confidence="stated", refs=(), document=Hex32(document), because=because,
        )  # fmt: skip
        with alone_in(self._folder):
            (index,) = add_all(self._ledger, [record], at, seen=seen)
            self._sweep()
        return index

    def sweep(self) -> int:
        """Remove files that no entry leads to: of a crash between file and entry, or between entry and erasure.

        Returns how many there were.
        """
        with alone_in(self._folder):
            return self._sweep()

    def _sweep(self) -> int:
        held = list(self._folder.glob("*.json"))
        if not held:
            return 0
        documents = open_book(self._ledger).documents
        standing = {name for name, one in documents.items() if one.erased is None}
        left = [path for path in held if path.stem not in standing]
        for path in left:
            path.unlink(missing_ok=True)
        if left:
            self._sync()
        return len(left)

    def missing(self, case: Case) -> list[int]:
        """Indexes of entries whose file is not here, though it was not erased."""
        return [
            one.entry.index
            for name, one in case.documents.items()
            if one.erased is None and not self._path(name).exists()
        ]


def _text(origin: str, index: int, entry: bytes) -> str:
    return f"{NOTE}{origin}\n{index}\n{sha256(entry).hexdigest()}\n"


def _signed(origin: str, index: int, entry: bytes, signer: Signer) -> bytes:
    text = _text(origin, index, entry)
    return format_note(Note(text=text, signatures=(signer.sign_note(text),)))


def format_shown(shown: Shown) -> bytes:
    """The file by which a document is shown."""
    members = {
        "format": FORMAT,
        "entry": shown.entry.decode(),
        "note": shown.note.decode(),
        "disclosure": json.loads(shown.disclosure),
    }
    return json.dumps(members, ensure_ascii=False, indent=1).encode() + b"\n"


def parse_shown(source: bytes) -> Shown:
    """Read such a file; raises `DocumentRefused`."""
    try:
        members = json.loads(source)
        if members.keys() != {"format", "entry", "note", "disclosure"} or members["format"] != FORMAT:
            raise ValueError
        return Shown(
            entry=members["entry"].encode(),
            note=members["note"].encode(),
            disclosure=json.dumps(members["disclosure"], ensure_ascii=False).encode(),
        )
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise DocumentRefused(f"expected a file of the format {FORMAT}; this is none") from None


def check_shown(shown: Shown, parties: Collection[Verifier]) -> tuple[DocumentAttached, bytes, str, str]:
    """The entry, the bytes, the file's name, and the name of the party key that vouches for the entry.

    Raises `DocumentRefused` where the content is not what the entry commits to, or no known key signed it.
    """
    try:
        record = parse_record(shown.entry)
        disclosure = parse_disclosure(shown.disclosure)
        opened = open_note(shown.note, parties)
        if not isinstance(record, DocumentAttached):
            raise MalformedRecord(f"the entry is {record.kind}, not document.attached")
        if opened.text != _text(disclosure.ledger, disclosure.index, shown.entry):
            raise DocumentRefused("the signed note is over another entry than the one in this file")
        content = check_disclosure(disclosure, record)
    except (RecordError, VaultError, LedgerError) as error:
        raise DocumentRefused(f"what is shown does not hold: {error}") from None
    name, _, body = content.partition(b"\0")
    return record, body, name.decode("utf-8", "replace"), opened.verified[0].verifier.name


