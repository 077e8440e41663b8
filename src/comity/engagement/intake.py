"""In-take: calendar files and mail become items of a case, once.

`take_in` says what a file comes to in a case, as it stands: records to enter with the files to seal, or the entry
that holds it already.

| file | what is in the case | comes to |
|---|---|---|
| an event that is over | nothing of its id | `meeting.recorded`, the file sealed as `original` |
| an event that is to come | nothing of its id | `event.stated` `MEETING_PLANNED`, the file sealed |
| an event that is over | its planning | `meeting.recorded`; the planning is withdrawn |
| a newer revision | the meeting, with other times | `item.corrected` of when it was |
| a cancellation | the meeting or its planning | `item.withdrawn` |
| the same again | the same | nothing: the entry is named |
| a message | nothing of its id | `message.exchanged`, the file and its attachments sealed |
| the same again | it | nothing: the entry is named |

An event's and a message's id are known by their SHA-256: `uid`, `message_id`, and for a planned event an outside
reference `uid:<digest>`.

Who wrote to whom is said by whoever takes it in, or found by the domains of parties (`domains`: domain → party).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from comity.engagement.case import Case, Entry, Item
from comity.engagement.documents import Enclosed
from comity.engagement.intake_calendar import CalendarEvent, IntakeRefused, read_calendar
from comity.engagement.intake_mail import Mail, read_mail
from comity.records import (
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
        return [make.event(event, original) for event in read_calendar(source)]
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

    def _today(self) -> dict[str, Any]:
        return self._item(self.at.date().isoformat())

    def event(self, event: CalendarEvent, original: Enclosed) -> Taken:
        met = _standing(item for item, record in self.case.records(MeetingRecorded) if record.uid == event.uid)
        planned = _standing(
            item
            for item, record in self.case.records(EventStated)
            if record.event == PLANNED and _ref(event.uid) in record.refs
        )
        if event.cancelled:
            return self._cancel(met or planned, event)
        if met is not None:
            return self._again(met, event)
        if event.begins > self.at:
            return self._plan(planned, event, original)
        meeting = MeetingRecorded(
            **self._item(event.on), form="unstated", count="1", participants=self.said.participants,
            topics=self.said.topics, summary=self.said.summary or _invited(event), open=(), next="", uid=event.uid,
        )  # fmt: skip
        gone = self._withdraw(planned, "the meeting was held and is entered") if planned is not None else ()
        return Taken(
            what=f"a meeting on {event.on}", records=(meeting, *gone), enclosed=((meeting.item, original),)
        )

    def _plan(self, planned: Item | None, event: CalendarEvent, original: Enclosed) -> Taken:
        if planned is not None and planned.record.on == event.on:
            return Taken(what=f"a meeting planned for {event.on}, entered already", known=planned.latest)
        if planned is not None:
            return self._move(planned, event)
        record = EventStated(
            **self._item(event.on, _ref(event.uid)), event=PLANNED, subject="",
            summary=self.said.summary or _invited(event),
        )  # fmt: skip
        return Taken(what=f"a meeting planned for {event.on}", records=(record,), enclosed=((record.item, original),))

    def _again(self, met: Item, event: CalendarEvent) -> Taken:
        if met.record.on == event.on:
            return Taken(what=f"a meeting on {event.on}, entered already", known=met.latest)
        return self._move(met, event)

    def _move(self, item: Item, event: CalendarEvent) -> Taken:
        record = ItemCorrected(
            **self._today(), corrects=Hex32(item.id), changes=(("on", event.on),),
            because=f"revision {event.sequence} of the calendar file",
        )  # fmt: skip
        return Taken(what=f"another time: {event.on} instead of {item.record.on}", records=(record,))

    def _cancel(self, item: Item | None, event: CalendarEvent) -> Taken:
        if item is None:
            raise IntakeRefused("expected the cancelled meeting to be in the case; it is not, so nothing is entered")
        return Taken(what=f"a cancellation of {event.on}", records=self._withdraw(item, "the meeting was cancelled"))

    def _withdraw(self, item: Item, because: str) -> tuple[Record, ...]:
        return (ItemWithdrawn(**self._today(), withdraws=Hex32(item.id), because=because),)

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
        return Taken(what=what, records=(record,), enclosed=tuple((record.item, one) for one in files))


def _ref(uid: str) -> str:
    return f"uid:{uid}"


def _invited(event: CalendarEvent) -> str:
    return f"{event.invited} invited" if event.invited else ""


def _standing(items: Any) -> Item | None:
    found: Sequence[Item] = list(items)
    return found[-1] if found else None
