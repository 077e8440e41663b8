"""Exchange: what one side hands the other out of its own record of the case.

Each side keeps its own ledger of a case, and nothing of it is shared but what somebody hands over, item by item.  A
handed item is the very bytes of its entries, so a reply to a finding is bound to the same digest in both ledgers.
Corrections and withdrawals of an item go with it.  Sealed files do not: they are shown one by one (`documents`), and a
side's own notes lie in a ledger from which nothing is handed.

    {"entries":["<entry>",…],"format":"comity exchange/1","note":"<signed note>"}

as canonical JSON.  The note's text is `comity exchange/1`, the origin of the ledger that they are from, and the SHA-256
of each entry, a line each, signed by the side's party key.

Taken in, the entries stand in the receiver's ledger after what was there, if they can follow from it: what an item
names has to be there already, or travel with it.  What is there already in the same bytes is passed over; under the
same id in other bytes it is refused.

Either side's ledger says what went over and when: `exchange_record` is a message of the case with the reference
`exchange:<SHA-256 of the file>`, so that the two entries name the same file.  After the close, when no more messages
are entered, nothing says so.

Limits: 200 entries, 4 MiB.

Not promised: that everything was handed over. An exchange shows what was, and by whom.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from comity.engagement.case import Case, Entry
from comity.engagement.errors import EngagementError
from comity.ledger import LedgerError, Note, Signer, Verifier, format_note, open_note
from comity.records import (
    CaseItem,
    CaseOpened,
    ContactNamed,
    DocumentAttached,
    DocumentDisclosed,
    DocumentErased,
    Hex32,
    Instant,
    MessageExchanged,
    NotCanonical,
    NotesOpened,
    NoteWritten,
    PublicationCleared,
    Record,
    RecordError,
    canonical_bytes,
    instant_text,
    parse_canonical,
    parse_record,
    to_bytes,
)

__all__ = ["ExchangeRefused", "Handed", "exchange_record", "hand_over", "new_records", "open_exchange"]

FORMAT: Final = "comity exchange/1"
MAX_ENTRIES: Final = 200
MAX_BYTES: Final = 4 * 1024 * 1024

STAYS: Final = (
    CaseOpened, ContactNamed, DocumentAttached, DocumentDisclosed, DocumentErased, NotesOpened, NoteWritten,
    PublicationCleared,
)  # fmt: skip
"""Kinds that are each side's own: how it opened the case, whom it knows, its files, notes and clearances."""


class ExchangeRefused(EngagementError):
    """Items cannot be handed over, or what came cannot be taken in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """Entries that one side handed over, and who signed for them."""

    origin: str
    """The ledger that they are from."""
    entries: tuple[bytes, ...]
    records: tuple[Record, ...]
    signed_by: str
    """The name of the party key."""


def hand_over(case: Case, origin: str, items: Sequence[str], signer: Signer) -> bytes:
    """The file that hands these items to the other side; raises `ExchangeRefused`."""
    chosen = [entry for name in dict.fromkeys(items) for entry in _entries(case, name)]
    entries = [to_bytes(entry.record) for entry in sorted(chosen, key=lambda entry: entry.index)]
    if not 1 <= len(entries) <= MAX_ENTRIES:
        raise ExchangeRefused(f"expected 1 to {MAX_ENTRIES} entries to hand over; got {len(entries)}")
    text = _text(origin, entries)
    note = format_note(Note(text=text, signatures=(signer.sign_note(text),)))
    members = {"entries": [entry.decode() for entry in entries], "format": FORMAT, "note": note.decode()}
    return canonical_bytes(members) + b"\n"


def _entries(case: Case, name: str) -> Iterator[Entry]:
    """An item's entry, and those that corrected or withdrew it."""
    item = case.items[name]
    if isinstance(item.record, STAYS):
        raise ExchangeRefused(
            f"expected an item that is exchanged; {item.kind} (entry {item.index}) stays with its side"
        )
    yield item.entry
    yield from item.corrected
    if item.withdrawn is not None:
        yield item.withdrawn


def _text(origin: str, entries: Sequence[bytes]) -> str:
    digests = "".join(f"{sha256(entry).hexdigest()}\n" for entry in entries)
    return f"{FORMAT}\n{origin}\n{digests}"


def open_exchange(source: bytes, parties: Collection[Verifier]) -> Handed:
    """What a file hands over; raises `ExchangeRefused` where its form, a signature or a kind is not as expected."""
    try:
        members = parse_canonical(source.removesuffix(b"\n"), limit=MAX_BYTES)
        if members.keys() != {"entries", "format", "note"} or members["format"] != FORMAT:
            raise NotCanonical(f"expected entries, format and note of {FORMAT}")
        texts, note = members["entries"], members["note"]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or not isinstance(note, str):
            raise NotCanonical("expected a list of entries as texts, and a note as text")
        if not 1 <= len(texts) <= MAX_ENTRIES:
            raise NotCanonical(f"expected 1 to {MAX_ENTRIES} entries; got {len(texts)}")
        entries = tuple(text.encode() for text in texts)
        records = tuple(parse_record(entry) for entry in entries)
        opened = open_note(note.encode(), parties)
    except (RecordError, LedgerError, UnicodeEncodeError) as error:
        raise ExchangeRefused(f"expected a file of the format {FORMAT}, signed by the other side: {error}") from None
    lines = opened.text.split("\n")
    origin = lines[1] if len(lines) > 1 else ""
    if opened.text != _text(origin, entries):
        raise ExchangeRefused("the signed note is over other entries than those in this file")
    for record in records:
        if not isinstance(record, CaseItem) or isinstance(record, STAYS):
            raise ExchangeRefused(f"expected items that are exchanged; {record.kind} stays with its side")
    return Handed(
        origin=origin, entries=entries, records=records, signed_by=opened.verified[0].verifier.name
    )


def exchange_record(
    case: Case, source: bytes, *, by: str, to: str, origin: str, at: datetime, item: str
) -> MessageExchanged | None:
    """The entry that says that a file of items went from one side to the other; None where one says so, or may not."""
    ref = f"exchange:{sha256(source).hexdigest()}"
    if case.closed is not None or any(ref in record.refs for _, record in case.records(MessageExchanged)):
        return None
    count = len(parse_canonical(source.removesuffix(b"\n"), limit=MAX_BYTES)["entries"])
    return MessageExchanged(
        at=Instant(instant_text(at)), item=Hex32(item), on=instant_text(at), source=origin, confidence="stated",
        refs=(ref,), by=by, to=(to,), subject="items of the case", in_reply_to="", message_id="",
        summary=f"{count} {'entry' if count == 1 else 'entries'} handed over",
    )  # fmt: skip


def new_records(case: Case, handed: Handed) -> list[Record]:
    """Those records that the case does not hold yet; raises `ExchangeRefused` for one that it holds otherwise."""
    held = {entry.digest for entry in case.entries}
    found: list[Record] = []
    for entry, record in zip(handed.entries, handed.records, strict=True):
        if sha256(entry).hexdigest() in held:
            continue
        if isinstance(record, CaseItem) and record.item in case.items:
            raise ExchangeRefused(
                f"expected {record.kind} {record.item} as it is held here (entry {case.items[record.item].index}); "
                "it came in other bytes under the same id"
            )
        found.append(record)
    return found


