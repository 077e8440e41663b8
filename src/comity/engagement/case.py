"""Case: everything that an engagement's ledger says, folded once.

`read_entries` takes the entries of the ledger from its beginning and returns a `Case`: each item as it reads now
(corrections applied), what was withdrawn and why, what hangs on what, what is cleared for publication, and the
acts of the arrangement that the case entered.  Every view (stages, clocks, open matters, adequacy, assessment,
the brief) is a function of a `Case` and a time; none is stored.

An entry that cannot follow from those before it is refused here, and so is never written: an answer to a request
that is not there, a correction of another member's kind, access without an arrangement in force, anything but
housekeeping after the close.

Kinds of earlier days are read as today's: `engagement.opened` as a case under no stated law, `meeting.held` as a
meeting recorded.  Their items get an id that follows from the entry's index and bytes.

`leaving_out` reads the ledger as if given entries had been withdrawn at once, so that a test can ask what a
status rests on.

Not promised: that the record is complete. What nobody entered is not there.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_type_hints

from comity.engagement.errors import CaseClosed, NotACase
from comity.engagement.links import check_links
from comity.engagement.rules import check_item
from comity.records import (
    AccessOffered,
    ArrangementInForce,
    CaseItem,
    CaseOpened,
    DocumentAttached,
    DocumentDisclosed,
    DocumentErased,
    EngagementClosed,
    EngagementOpened,
    GrantGiven,
    GrantRefused,
    GrantRevoked,
    Hex32,
    ItemCorrected,
    ItemWithdrawn,
    MalformedRecord,
    MeetingHeld,
    MeetingRecorded,
    PeriodExtended,
    PublicationCleared,
    Record,
    TermsOffered,
    parse_instant,
    parse_record,
    to_bytes,
)

__all__ = ["Case", "Document", "Entry", "Item", "ends_on", "read_entries", "read_records"]

T = TypeVar("T", bound=CaseItem)

PLAIN: Final = (
    AccessOffered, TermsOffered, ArrangementInForce, GrantGiven, GrantRevoked, GrantRefused, EngagementClosed,
)  # fmt: skip
"""Kinds without an item id: they come from the arrangement's side of the house."""

AFTER_CLOSE: Final = (PublicationCleared, DocumentErased, DocumentDisclosed, ItemCorrected, ItemWithdrawn)
"""What may still be entered once the case is closed: putting right, publishing, showing and erasing."""

MODEL_TRACK: Final = {
    "access.requested": "Art. 92", "alert.received": "Art. 90", "complaint.received": "Art. 89(2)",
    "dialogue.opened": "Arts 91 to 93", "measure.requested": "Art. 93",
}  # fmt: skip
"""Acts that the AI Act knows for models alone; on the system track Arts 75 to 75d have others."""

FIXED: Final = ("item", "at")
"""Members that no correction changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the case's ledger."""

    index: int
    record: Record
    digest: str
    """SHA-256 of the entry's bytes."""
    entered: datetime
    """Its `at`, or that of the entry before it where that is later: a case never runs backwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A sealed file of an item."""

    entry: Entry
    record: DocumentAttached
    disclosed: tuple[Entry, ...] = ()
    erased: Entry | None = None

    @property
    def stands(self) -> bool:
        """Whether its bytes can still be shown."""
        return self.erased is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a case, as it reads now, with what was entered about it since."""

    entry: Entry
    record: CaseItem
    """As it reads now: corrections applied."""
    corrected: tuple[Entry, ...] = ()
    withdrawn: Entry | None = None
    documents: tuple[str, ...] = ()
    """Ids of the documents that belong to it."""
    about: tuple[str, ...] = ()
    """Ids of items that name this one, such as answers, reports and checks, oldest first."""
    cleared: Entry | None = None
    """The clearance for publication; a correction after it takes it away."""

    @property
    def id(self) -> str:
        """The item's stable id."""
        return self.record.item

    @property
    def index(self) -> int:
        """Where it was entered."""
        return self.entry.index

    @property
    def kind(self) -> str:
        """The permanent name of its kind."""
        return self.record.kind

    @property
    def latest(self) -> Entry:
        """The entry that says how it reads now."""
        return self.corrected[-1] if self.corrected else self.entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One engagement. Everything in it follows from its entries."""

    engagement: str
    opened: Item
    entries: tuple[Entry, ...]
    items: Mapping[str, Item]
    """Item id → item, in the order in which they were entered; withdrawn ones too."""
    documents: Mapping[str, Document]
    plain: tuple[Entry, ...]
    """Entries of the kinds without an item id: terms, arrangements in force, grants, the close."""
    cleared: frozenset[int]
    """Indexes of entries without an item id that are cleared for publication."""

    @property
    def opening(self) -> CaseOpened:
        """How the case was opened, as it reads now."""
        if not isinstance(self.opened.record, CaseOpened):
            raise AssertionError("a case is opened by case.opened")
        return self.opened.record

    @property
    def size(self) -> int:
        """How many entries the case has."""
        return len(self.entries)

    @property
    def closed(self) -> Entry | None:
        """The close, if there is one."""
        return next((entry for entry in self.plain if isinstance(entry.record, EngagementClosed)), None)

    def in_force(self, at: datetime) -> ArrangementInForce | None:
        """The newest arrangement that is in force at a time, by what was entered until then."""
        return _in_force(self.plain, at)

    def of(self, *kinds: type[CaseItem]) -> Iterator[Item]:
        """The standing items of these kinds, in the order in which they were entered."""
        return (item for item in self.items.values() if item.withdrawn is None and isinstance(item.record, kinds))

    def records(self, kind: type[T]) -> Iterator[tuple[Item, T]]:
        """The standing items of one kind, each with its record as it reads now."""
        for item in self.items.values():
            if item.withdrawn is None and isinstance(item.record, kind):
                yield item, item.record

    def about(self, item: str, kind: type[T]) -> Iterator[tuple[Item, T]]:
        """Standing items of one kind that name an item, oldest first."""
        for name in self.items[item].about:
            other = self.items[name]
            if other.withdrawn is None and isinstance(other.record, kind):
                yield other, other.record

    def stands(self, name: str) -> bool:
        """Whether an id names an item or a document of this case that still counts."""
        if name in self.documents:
            document = self.documents[name]
            home = self.items.get(document.record.to)
            return document.stands and home is not None and home.withdrawn is None and self._kept(document)
        return name in self.items and self.items[name].withdrawn is None

    def _kept(self, document: Document) -> bool:
        attached = self.items.get(document.record.item)
        return attached is None or attached.withdrawn is None

    def entry_of(self, name: str) -> Entry:
        """The entry that an id of an item or a document leads to."""
        return self.documents[name].entry if name in self.documents else self.items[name].entry


def read_entries(
    entries: Iterable[bytes], *, until: datetime | None = None, leaving_out: Collection[int] = ()
) -> Case:
    """The case that an engagement's ledger tells, or told at a past time; raises an `EngagementError` or `RecordError`.

    A replay goes by when something was entered, because that is when it was known here.
    """
    told = takewhile(lambda entry: until is None or entry.entered <= until, _read(entries))
    return _fold(told, frozenset(leaving_out))


def read_records(records: Iterable[Record], *, leaving_out: Collection[int] = ()) -> Case:
    """The same for records that are not written yet."""
    return read_entries((to_bytes(record) for record in records), leaving_out=leaving_out)


def _read(entries: Iterable[bytes]) -> Iterator[Entry]:
    entered = datetime.min.replace(tzinfo=UTC)
    for index, entry in enumerate(entries):
        record = parse_record(entry)
        entered = max(entered, parse_instant(record.at))
        yield Entry(index=index, record=record, digest=sha256(entry).hexdigest(), entered=entered)


def _fold(entries: Iterable[Entry], without: frozenset[int]) -> Case:
    told = _Told(strict=not without)
    for entry in entries:
        told.take(entry)
        if entry.index in without:
            told.drop(entry)
    return told.case()


class _Told:
    """What was read so far. Mutable while one fold lasts; nothing keeps it."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.entries: list[Entry] = []
        self.items: dict[str, Item] = {}
        self.documents: dict[str, Document] = {}
        self.plain: list[Entry] = []
        self.cleared: set[int] = set()
        self.closed: Entry | None = None
        self.opened: Item | None = None

    def case(self) -> Case:
        if self.opened is None:
            raise NotACase("expected case.opened as the first entry; got no entry")
        opening = self.items[self.opened.id]
        if not isinstance(opening.record, CaseOpened):
            raise AssertionError("the first item opens the case")
        return Case(
            engagement=opening.record.engagement,
            opened=opening,
            entries=tuple(self.entries),
            items=MappingProxyType(self.items),
            documents=MappingProxyType(self.documents),
            plain=tuple(self.plain),
            cleared=frozenset(self.cleared),
        )

    def take(self, entry: Entry) -> None:
        record = _today(entry)
        self._check_place(entry, record)
        check_item(record)
        self.entries.append(entry)
        if isinstance(record, CaseItem):
            self._take_item(entry, record)
        elif isinstance(record, PLAIN):
            self._take_plain(entry, record)
        else:
            raise NotACase(f"{record.kind} is no entry of an engagement's ledger")

    def drop(self, entry: Entry) -> None:
        """Read an entry as if it were not there: an item is withdrawn by it, anything else is forgotten."""
        item = next((item for item in self.items.values() if item.entry is entry), None)
        if item is not None and item is not self.opened:
            self.items[item.id] = replace(item, withdrawn=entry)
        self.documents = {name: one for name, one in self.documents.items() if one.entry is not entry}
        self.plain = [one for one in self.plain if one is not entry]

    def _check_place(self, entry: Entry, record: Record) -> None:
        if entry.index == 0 and not isinstance(record, CaseOpened):
            raise NotACase(f"expected case.opened as the first entry; got {record.kind}")
        if entry.index > 0 and isinstance(record, CaseOpened):
            raise NotACase(f"an engagement is opened once; a second {entry.record.kind} came")
        if self.closed is not None and not isinstance(record, AFTER_CLOSE):
            provider = self.case().opening.provider
            raise CaseClosed(
                f"the engagement with {provider} was closed at {self.closed.record.at}; {record.kind} came after"
            )

    def _take_plain(self, entry: Entry, record: Record) -> None:
        if isinstance(record, GrantGiven):
            force = _in_force(self.plain, parse_instant(record.at))
            if self.strict and (force is None or force.arrangement != record.arrangement):
                raise NotACase("grant.given: expected an arrangement in force; there is none for this grant")
        if isinstance(record, EngagementClosed):
            self.closed = entry
        self.plain.append(entry)

    def _take_item(self, entry: Entry, record: CaseItem) -> None:
        if record.item in self.items:
            raise NotACase(f"{record.kind}: expected an id of its own; {record.item} is {self.items[record.item].kind}")
        self._check_track(record)
        names = check_links(record, self.items, self.documents, self.plain, strict=self.strict)
        item = Item(entry=entry, record=record)
        self.items[record.item] = item
        self.opened = self.opened or item
        for name in names:
            if name in self.items:
                self.items[name] = replace(self.items[name], about=(*self.items[name].about, record.item))
        match record:
            case DocumentAttached():
                self._attach(entry, record)
            case DocumentDisclosed():
                one = self.documents[record.document]
                self.documents[record.document] = replace(one, disclosed=(*one.disclosed, entry))
            case DocumentErased():
                self.documents[record.document] = replace(self.documents[record.document], erased=entry)
            case ItemCorrected():
                self._correct(entry, record)
            case ItemWithdrawn():
                self._withdraw(entry, record)
            case PublicationCleared():
                self._clear(entry, record)
            case _:
                pass

    def _check_track(self, record: CaseItem) -> None:
        opening = self.items[self.opened.id].record if self.opened is not None else None
        if record.kind in MODEL_TRACK and isinstance(opening, CaseOpened) and opening.track == "system":
            raise NotACase(
                f"{record.kind}: expected an act of the system track (Arts 75 to 75d of the AI Act), which this case "
                f"is on; {MODEL_TRACK[record.kind]} is about models"
            )

    def _attach(self, entry: Entry, record: DocumentAttached) -> None:
        if record.document in self.documents:
            raise NotACase(f"document.attached: expected an id of its own; {record.document} is attached already")
        self.documents[record.document] = Document(entry=entry, record=record)
        home = self.items[record.to]
        self.items[record.to] = replace(home, documents=(*home.documents, record.document))

    def _correct(self, entry: Entry, record: ItemCorrected) -> None:
        item = self.items[record.corrects]
        changed = _changed(item.record, record.changes)
        check_item(changed)
        check_links(changed, self.items, self.documents, self.plain, strict=self.strict)
        self.items[item.id] = replace(item, record=changed, corrected=(*item.corrected, entry), cleared=None)

    def _withdraw(self, entry: Entry, record: ItemWithdrawn) -> None:
        item = self.items[record.withdraws]
        if isinstance(item.record, CaseOpened):
            raise NotACase("item.withdrawn: expected an item other than the opening; close the case instead")
        self.items[item.id] = replace(item, withdrawn=entry)

    def _clear(self, entry: Entry, record: PublicationCleared) -> None:
        for name in record.items:
            self.items[name] = replace(self.items[name], cleared=entry)
        for index in record.entries:
            if index >= entry.index or not any(one.index == index for one in self.plain):
                raise NotACase(f"publication.cleared: expected entries without an item id; got entry {index}")
            self.cleared.add(index)


def _in_force(plain: Iterable[Entry], at: datetime) -> ArrangementInForce | None:
    found = [
        entry.record
        for entry in plain
        if isinstance(entry.record, ArrangementInForce) and parse_instant(entry.record.at) <= at
    ]
    return found[-1] if found and at < parse_instant(found[-1].until) else None


def _today(entry: Entry) -> Record:
    """An entry of an earlier kind as one of today's."""
    record = entry.record
    item = Hex32(sha256(f"{entry.index} {entry.digest}".encode()).hexdigest()[:32])
    if isinstance(record, EngagementOpened):
        return CaseOpened(
            at=record.at, item=item, on=record.at, source="", confidence="stated", refs=(),
            engagement=record.engagement, track="model", law="", law_version="", authority=record.authority,
            provider=record.provider, initiated_by=record.initiated_by, subjects=(), summary=record.summary,
        )  # fmt: skip
    if isinstance(record, MeetingHeld):
        return MeetingRecorded(
            at=record.at, item=item, on=record.on, source="", confidence="stated", refs=(), form="unstated",
            count="1", participants=(), topics=record.topics, summary=record.summary, open=record.open,
            next=record.next, uid="",
        )  # fmt: skip
    return record


def _changed(record: CaseItem, changes: tuple[tuple[str, ...], ...]) -> CaseItem:
    """The record with other values; raises `NotACase` for a member that cannot be corrected so."""
    hints = get_type_hints(type(record))
    names = {field.name for field in fields(record)}
    members: dict[str, Any] = record.members()
    for change in changes:
        name, values = (change[0], change[1:]) if change else ("", ())
        if name not in names or name in FIXED:
            raise NotACase(f"item.corrected: expected a member of {record.kind} that can change; got {name[:40]!r}")
        if hints[name] == tuple[str, ...]:
            members[name] = list(values)
        elif len(values) != 1 or isinstance(members[name], list):
            raise NotACase(f"item.corrected: expected one value for {name}; got {len(values)}")
        elif isinstance(members[name], int):
            members[name] = int(values[0]) if values[0].isdecimal() and values[0].isascii() else values[0]
        else:
            members[name] = values[0]
    try:
        return type(record).from_members(members)
    except MalformedRecord as error:
        raise NotACase(f"item.corrected: {error}") from None


def ends_on(case: Case, item: str) -> str:
    """The day on which an act's period ends, extensions counted; empty where it has none."""
    own = str(getattr(case.items[item].record, "until", ""))
    extended = [record.until for _, record in case.about(item, PeriodExtended)]
    return max([own, *extended])
