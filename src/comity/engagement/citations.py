"""Citations: whether what is cited still stands, and whether it shows anything.

A citation is the id of an item or a document of the case, or `origin#index` for an entry of another ledger.
`follow` looks each one up and says in which state it is:

| state | what is cited |
|---|---|
| `evidence` | shows something beside a side's word, and stands |
| `word` | stands, and is a side's word alone |
| `gone` | was withdrawn or erased |
| `not at hand` | lies in a ledger that is not at hand |
| `not there` | the ledger at hand holds no such entry, or one that cannot be read |

These are evidence while they stand: a document; an item that a document belongs to, or whose answers name one; a
session that both sides say was so (docs/reference/commands.md, `answer-session`); an entry of an access ledger
(`<host>/a/<id>`) that is at hand.  Everything else is a word: a claim, a message, a meeting, a finding, an entry of
another case or of one side's own notes, and whatever was entered as `unconfirmed`.

`AtHand` is what can be looked at: entries of other ledgers, and the keys by which sessions' answers are signed.

Not promised: that a document says what it is cited for; whoever relies on it has to read it. Nor that a ledger at
hand is whole and signed: `comity verify` says that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from types import MappingProxyType
from typing import Final, Literal

from comity.engagement.case import Case, Document, Entry, Item
from comity.engagement.links import ELSEWHERE
from comity.engagement.sessions import Keys, read_sessions
from comity.engagement.sides import PROVIDER, side_of
from comity.records import FindingStated, InformationAnswered, RecordError, SessionHeld, parse_record

__all__ = ["NOTHING", "AtHand", "Cited", "CitedState", "cited_by", "follow", "shelve", "wanted"]

CitedState = Literal["evidence", "word", "gone", "not at hand", "not there"]
Shelf = Mapping[str, Mapping[int, bytes]]
"""Origin → index → entry, for the entries that are cited; an origin that is missing is not at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """What citations can be followed with."""

    ledgers: Shelf = field(default_factory=lambda: MappingProxyType({}), repr=False)
    keys: Keys = field(default_factory=lambda: MappingProxyType({}), repr=False)


NOTHING: Final = AtHand()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """One citation, followed."""

    name: str
    """As it is cited."""
    state: CitedState
    what: str
    """What it leads to, in a few words."""
    entries: tuple[Entry, ...] = ()
    """The entries of this case that it leads to."""
    digest: str = ""
    """SHA-256 of the entry that it leads to in another ledger."""
    from_provider: bool = False
    """Whether the provider supplied it."""

    @property
    def shows(self) -> bool:
        """Whether it is evidence."""
        return self.state == "evidence"

    @property
    def stands(self) -> bool:
        """Whether it can be looked at, be it evidence or a word."""
        return self.state in ("evidence", "word")


def wanted(case: Case) -> dict[str, set[int]]:
    """Which entries of which other ledgers the case cites."""
    found: dict[str, set[int]] = {}
    for item in case.items.values():
        for name in getattr(item.record, "cites", ()):
            if ELSEWHERE.fullmatch(name):
                origin, _, index = name.rpartition("#")
                found.setdefault(origin, set()).add(int(index))
    return found


def shelve(case: Case, ledgers: Iterable[tuple[str, Iterable[bytes]]]) -> Shelf:
    """The entries that the case cites, out of the ledgers at hand; a ledger is read once, and only if it is cited."""
    indexes = wanted(case)
    shelf: dict[str, Mapping[int, bytes]] = {}
    for origin, entries in ledgers:
        if origin in indexes:
            asked = indexes[origin]
            read = enumerate(islice(entries, max(asked) + 1))
            shelf[origin] = {index: entry for index, entry in read if index in asked}
    return shelf


def cited_by(case: Case, item: Item, hand: AtHand) -> tuple[Cited, ...]:
    """What an item cites, and the documents that belong to it, each followed.

    A finding's own documents are its wording and not its evidence; it has to cite what it rests on.
    """
    own = () if isinstance(item.record, FindingStated) else item.documents
    names = dict.fromkeys((*getattr(item.record, "cites", ()), *own))
    return tuple(follow(case, name, hand) for name in names)


def follow(case: Case, name: str, hand: AtHand) -> Cited:
    """Look one citation up."""
    if name in case.documents:
        return _document(case, name, case.documents[name])
    if name in case.items:
        return _item(case, case.items[name], hand)
    if ELSEWHERE.fullmatch(name):
        return _elsewhere(name, hand)
    return Cited(name=name, state="gone", what="a document that is not there any more")


def _document(case: Case, name: str, document: Document) -> Cited:
    home = case.items[document.record.to]
    what = f"document “{document.record.title}”"
    entries: tuple[Entry, ...] = (document.entry,)
    if not case.stands(name):
        state: CitedState = "gone"
        what += ", erased" if document.erased is not None else ", withdrawn"
        entries += (document.erased,) if document.erased is not None else ()
    else:
        state = "word" if "unconfirmed" in (document.record.confidence, home.record.confidence) else "evidence"
    by = str(getattr(home.record, "by", ""))
    return Cited(
        name=name, state=state, what=what, entries=entries, from_provider=bool(by) and side_of(case, by) == PROVIDER
    )


def _item(case: Case, item: Item, hand: AtHand) -> Cited:
    what = item.kind
    by = str(getattr(item.record, "by", ""))
    from_provider = bool(by) and side_of(case, by) == PROVIDER
    if item.withdrawn is not None:
        gone = (item.entry, item.withdrawn)
        return Cited(name=item.id, state="gone", what=f"{what}, withdrawn", entries=gone, from_provider=from_provider)
    if isinstance(item.record, SessionHeld):
        session = next(one for one in read_sessions(case, hand.keys) if one.item.id == item.id)
        state: CitedState = "evidence" if session.status == "countersigned" else "word"
        return Cited(name=item.id, state=state, what=f"session, {session.status}", entries=session.entries)
    shown = [_document(case, name, case.documents[name]) for name in _documents(case, item)]
    entries = (item.entry, *(entry for one in shown if one.shows for entry in one.entries))
    state = "evidence" if any(one.shows for one in shown) and item.record.confidence != "unconfirmed" else "word"
    return Cited(name=item.id, state=state, what=what, entries=entries, from_provider=from_provider)


def _documents(case: Case, item: Item) -> list[str]:
    named = [
        name
        for row in (item.record.answers if isinstance(item.record, InformationAnswered) else ())
        for name in row[3:]
        if name in case.documents
    ]
    return list(dict.fromkeys((*item.documents, *named)))


def _elsewhere(name: str, hand: AtHand) -> Cited:
    origin, _, number = name.rpartition("#")
    if origin not in hand.ledgers:
        return Cited(name=name, state="not at hand", what=f"entry {number} of {origin}, which is not at hand")
    entry = hand.ledgers[origin].get(int(number))
    if entry is None:
        return Cited(name=name, state="not there", what=f"entry {number}, which {origin} does not hold")
    digest = sha256(entry).hexdigest()
    try:
        kind = parse_record(entry).kind
    except RecordError:
        unread = f"entry {number} of {origin}, which this release cannot read"
        return Cited(name=name, state="not there", what=unread, digest=digest)
    state: CitedState = "evidence" if "/a/" in origin else "word"
    return Cited(name=name, state=state, what=kind, digest=digest)
