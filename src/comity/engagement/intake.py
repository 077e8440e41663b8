"""In-take: calendar files and mail become items of a case, once.

`take_in` says what a file comes to in a case, as it stands: records to enter with the files to seal, or the entry
that holds it already.

| file | what is in the case | comes to |
|---|---|---|
| an event that is over | nothing of its id | `meeting.recorded`, the file sealed as `original` |
| an event that is to come | nothing of its id | `event.stated` `MEETING_PLANNED`, the file sealed |
| an event that is over | its planning | `meeting.recorded`; the planning is withdrawn |
| a newer revision | the meeting, with other times | `item.corrected` of when it was, the file sealed |
| a cancellation | the meeting or its planning | `item.withdrawn`, the file sealed |
| the same again, or what is not newer | the same, or its withdrawal | nothing: the entry is named |
| a message | nothing of its id | `message.exchanged`, the file and its attachments sealed |
| the same again | it | nothing: the entry is named |

An event's and a message's id are known by their SHA-256: `uid`, `message_id`, and for a planned event an outside
reference `uid:<digest>`.  Which revision an entry is from stands in its reference `revision:<sequence>[:<stamp>]`; a
cancellation holds until a higher sequence comes, and one of the same revision as what it cancels is taken as newer.
A time that a person put right gives way to a higher sequence alone, because programs stamp whatever they write.

A file of several events is sealed once, with the first that is entered; the others name that item: `file-of:<item>`.

Who wrote to whom is said by whoever takes it in, or found by the domains of parties (`domains`: domain → party).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from comity.engagement.case import Case, Entry, Item
from comity.engagement.documents import Enclosed
from comity.engagement.intake_calendar import CalendarEvent, IntakeRefused, Revision, read_calendar
from comity.engagement.intake_mail import Mail, read_mail
from comity.records import (
    CaseItem,
    EventStated,
    Hex32,
    Instant,
    ItemCorrected,
    ItemWithdrawn,
    MeetingRecorded,
    MessageExchanged,
    Record,
    instant_text,
)

__all__ = ["PLANNED", "Said", "Taken", "take_in"]

PLANNED: Final = "MEETING_PLANNED"
UID: Final = "uid:"
REVISION: Final = "revision:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What whoever takes a file in says in the clear about it."""

    source: str = ""
    confidence: str = "stated"
    refs: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    summary: str = ""
    subject: str = ""
    participants: tuple[str, ...] = ()
    by: str = ""
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one event or message comes to."""

    what: str
    """In a few words, for people; no word of the file."""
    records: tuple[Record, ...] = ()
    enclosed: tuple[tuple[str, Enclosed], ...] = field(default=(), repr=False)
    known: Entry | None = None
    """The entry that holds it already."""


def take_in(
    case: Case,
    name: str,
    source: bytes,
    said: Said,
    *,
    at: datetime,
    random: Callable[[int], bytes],
    domains: Mapping[str, str],
) -> list[Taken]:
    """What a file comes to; its kind is told by its name's ending. Raises `IntakeRefused`."""
    ending = name.rpartition(".")[2].lower()
    make = _Making(case, said, at, random)
    if ending == "ics":
        original = Enclosed(
            content=source, name=name, part="original", title="calendar file", media_type="text/calendar"
        )
        return make.events(read_calendar(source), original)
    if ending == "eml":
        original = Enclosed(content=source, name=name, part="original", title="message", media_type="message/rfc822")
        return [make.message(read_mail(source), original, domains)]
    raise IntakeRefused(f"expected a file that ends in .ics or .eml; got one that ends in {ending[:20]!r}")


class _Making:
    """Records for one file, under one time."""

    def __init__(self, case: Case, said: Said, at: datetime, random: Callable[[int], bytes]) -> None:
        self.case, self.said, self.at, self.random = case, said, at, random

    def _id(self) -> Hex32:
        return Hex32(self.random(16).hex())

    def _item(self, on: str, *more_refs: str) -> dict[str, Any]:
        said = self.said
        return {
            "at": Instant(instant_text(self.at)), "item": self._id(), "on": on, "source": said.source,
            "confidence": said.confidence, "refs": (*said.refs, *more_refs),
        }  # fmt: skip

    def _today(self, *more_refs: str) -> dict[str, Any]:
        return self._item(self.at.date().isoformat(), *more_refs)

    def events(self, events: Sequence[CalendarEvent], original: Enclosed) -> list[Taken]:
        """What each meeting of a file comes to, by its newest revision in the file; the file is sealed once."""
        newest: dict[str, CalendarEvent] = {}
        for event in events:
            held = newest.get(event.uid)
            if held is None or event.revision > held.revision:
                newest[event.uid] = event
        found: list[Taken] = []
        sealed_with = ""
        for event in newest.values():
            taken = self._event(event, (f"file-of:{sealed_with}",) if sealed_with else ())
            first = next((record.item for record in taken.records if isinstance(record, CaseItem)), "")
            if first and not sealed_with and self.case.closed is None:  # after the close nothing more is sealed
                sealed_with = first
                taken = replace(taken, enclosed=((first, original),))
            found.append(taken)
        return found

    def _event(self, event: CalendarEvent, refs: tuple[str, ...]) -> Taken:
        met = [item for item in self._items(MeetingRecorded) if _uid(item) == event.uid]
        planned = [item for item in self._items(EventStated) if _uid(item) == event.uid]
        standing = [item for item in (*planned, *met) if item.withdrawn is None]
        refs = (*refs, _revision_ref(event.revision))
        if standing:
            return self._again(standing[-1], event, refs)
        gone = [item.withdrawn for item in (*planned, *met) if item.withdrawn is not None]
        known = max((_revision(item) for item in (*planned, *met)), default=(-1, ""))
        if gone and (event.cancelled or event.revision[0] <= known[0]):
            last = max(gone, key=lambda entry: entry.index)
            return Taken(what=f"a meeting on {event.on}, withdrawn already", known=last)
        if event.cancelled:
            raise IntakeRefused("expected the cancelled meeting to be in the case; it is not, so nothing is entered")
        return self._planning(event, refs) if event.begins > self.at else self._meeting(event, refs)

    def _items(self, kind: type[CaseItem]) -> Iterator[Item]:
        """The items of a kind, withdrawn ones too."""
        return (item for item in self.case.items.values() if isinstance(item.record, kind))

    def _again(self, item: Item, event: CalendarEvent, refs: tuple[str, ...]) -> Taken:
        """What comes of a meeting that the case holds, planned or held."""
        held, on = _revision(item), item.record.on
        if event.cancelled:
            if event.revision < held:
                return Taken(what=f"a cancellation that is older than what is held of {on}", known=item.latest)
            cancelled = self._withdraw(item, "the meeting was cancelled", refs)
            return Taken(what=f"a cancellation of {on}", records=(cancelled,))
        by_hand = bool(item.corrected) and _revision_of(item.corrected[-1]) is None
        if on != event.on and (event.revision <= held or (by_hand and event.revision[0] <= held[0])):
            what = f"a meeting on {event.on}, held as {on} from a revision that is as new or newer"
            return Taken(what=what, known=item.latest)
        if isinstance(item.record, EventStated) and event.begins <= self.at:
            return self._meeting(event, refs, planned=item)
        if on == event.on and event.revision[0] <= held[0]:
            planned = " planned for" if isinstance(item.record, EventStated) else " on"
            return Taken(what=f"a meeting{planned} {on}, entered already", known=item.latest)
        record = ItemCorrected(
            **self._today(*refs), corrects=Hex32(item.id), changes=(("on", event.on),),
            because=f"revision {event.revision[0]} of the calendar file",
        )  # fmt: skip
        what = f"another time: {event.on} instead of {on}" if on != event.on else f"a newer revision, again on {on}"
        return Taken(what=what, records=(record,))

    def _meeting(self, event: CalendarEvent, refs: tuple[str, ...], planned: Item | None = None) -> Taken:
        meeting = MeetingRecorded(
            **self._item(event.on, *refs), form="unstated", count="1", participants=self.said.participants,
            topics=self.said.topics, summary=self.said.summary or _invited(event), open=(), next="", uid=event.uid,
        )  # fmt: skip
        gone = (self._withdraw(planned, "the meeting was held and is entered", refs),) if planned is not None else ()
        return Taken(what=f"a meeting on {event.on}", records=(meeting, *gone))

    def _planning(self, event: CalendarEvent, refs: tuple[str, ...]) -> Taken:
        record = EventStated(
            **self._item(event.on, f"{UID}{event.uid}", *refs), event=PLANNED, subject="",
            summary=self.said.summary or _invited(event),
        )  # fmt: skip
        return Taken(what=f"a meeting planned for {event.on}", records=(record,))

    def _withdraw(self, item: Item, because: str, refs: tuple[str, ...]) -> ItemWithdrawn:
        return ItemWithdrawn(**self._today(*refs), withdraws=Hex32(item.id), because=because)

    def message(self, mail: Mail, original: Enclosed, domains: Mapping[str, str]) -> Taken:
        for item, record in self.case.records(MessageExchanged):
            if record.message_id == mail.message_id:
                return Taken(what="a message, entered already", known=item.latest)
        by = self.said.by or domains.get(mail.sender, "")
        to = self.said.to or tuple(dict.fromkeys(domains[name] for name in mail.receivers if name in domains))
        if not by or not to:
            missing = " and ".join(name for name, value in (("--by", by), ("--to", to)) if not value)
            raise IntakeRefused(f"expected to know who wrote and to whom; say it with {missing}")
        on = instant_text(mail.at) if mail.at is not None and mail.at <= self.at else self.at.date().isoformat()
        record = MessageExchanged(
            **self._item(on), by=by, to=to, subject=self.said.subject, summary=self.said.summary,
            message_id=mail.message_id, in_reply_to=mail.in_reply_to,
        )  # fmt: skip
        files = [original] + [
            Enclosed(
                content=one.content, name=one.name, part="attachment", title=f"attachment {number}",
                media_type=one.media_type,
            )
            for number, one in enumerate(mail.attachments, 1)
        ]  # fmt: skip
        count = len(mail.attachments)
        what = f"a message from {by} to {', '.join(to)}, {count} attachment{'' if count == 1 else 's'}"
        strange = sum(name not in domains for name in mail.receivers)
        if strange and not self.said.to:
            what += f"; {strange} of the receivers' domains named by no --domain, so that --to may be missing somebody"
        return Taken(what=what, records=(record,), enclosed=tuple((record.item, one) for one in files))


def _uid(item: Item) -> str:
    """The id of the calendar event that an item was entered from; empty where it was from none."""
    if isinstance(item.record, MeetingRecorded):
        return item.record.uid
    if isinstance(item.record, EventStated) and item.record.event == PLANNED:
        return next((ref.removeprefix(UID) for ref in item.record.refs if ref.startswith(UID)), "")
    return ""


def _revision_ref(revision: Revision) -> str:
    return ":".join([f"{REVISION}{revision[0]}", *filter(None, revision[1:])])


def _revision(item: Item) -> Revision:
    """The newest revision that an item was entered, corrected or withdrawn from."""
    entries = (item.entry, *item.corrected, *filter(None, [item.withdrawn]))
    return max((found for found in map(_revision_of, entries) if found is not None), default=(0, ""))


def _revision_of(entry: Entry) -> Revision | None:
    """The revision that one entry is from; None for one that a person made."""
    for ref in entry.record.refs if isinstance(entry.record, CaseItem) else ():
        number, _, made = ref.removeprefix(REVISION).partition(":")
        if ref.startswith(REVISION) and number.isdecimal():
            return int(number), made
    return None


def _invited(event: CalendarEvent) -> str:
    return f"{event.invited} invited" if event.invited else ""

