"""Own notes: what one side writes about a case for itself, in a ledger that nobody else is given.

They lie in `notes/<engagement id>/ledger.sqlite` under the home, with the origin `<host>/n/<engagement id>`: apart
from the case's ledger, so that handing that over hands over no note.  Each note states how many entries the case had
when it was written, which is its place in the common order.
"""

from pathlib import Path
from typing import Any

from comity.cli.cases import open_case
from comity.cli.home import Home
from comity.engagement.folders import alone_in
from comity.ledger import create_ledger, open_ledger
from comity.records import Hex32, Instant, NotesOpened, NoteWritten, Record, instant_text, parse_record, to_bytes

__all__ = ["own_notes", "write_note"]


def own_notes(home: Home, called: str) -> tuple[NoteWritten, ...]:
    """This side's own notes on a case, oldest first; none where it wrote none."""
    with open_case(home, called) as (folder, _):
        path = _place(home, folder.name)
    if not path.exists():
        return ()
    ledger = open_ledger(path)
    try:
        records = [parse_record(entry) for entry in ledger.read(0, ledger.size())]
    finally:
        ledger.close()
    return tuple(record for record in records if isinstance(record, NoteWritten))


def write_note(home: Home, called: str, *, item: str, about: str, text: str) -> int:
    """Write one note of this side's own; returns its index in the notes."""
    with open_case(home, called) as (folder, case):
        engagement, origin, seen = folder.name, case.origin, case.size()
    at = instant_text(home.clock())
    common: dict[str, Any] = {"at": Instant(at), "on": at, "source": "", "confidence": "stated", "refs": ()}
    path = _place(home, engagement)
    written = NoteWritten(**common, item=Hex32(item), about=about, seen=seen, text=text)
    with alone_in(path.parent):
        records: list[Record] = [written]
        notes = open_ledger(path) if path.exists() else create_ledger(path, origin=f"{home.host}/n/{engagement}")
        try:
            if notes.size() == 0:
                named: dict[str, Any] = {"engagement": Hex32(engagement), "of": home.name, "ledger": origin}
                records.insert(0, NotesOpened(**common, item=Hex32(home.random(16).hex()), **named))
            return notes.append([to_bytes(record) for record in records])[-1]
        finally:
            notes.close()


def _place(home: Home, engagement: str) -> Path:
    return home.path / "notes" / engagement / "ledger.sqlite"

