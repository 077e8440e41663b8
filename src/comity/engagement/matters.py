"""Matters: what is open between the sides, and whose turn it is.

Each offer, request, dialogue, hearing, alert, complaint, incident and topic is a *matter* until something closes it.
Nobody marks a matter closed; it follows from the entries about it.

| begins | ends with |
|---|---|
| `offer.stated` | an answer; or an arrangement in force |
| `information.requested` | an answer to every item asked; `fulfilled`, `withdrawn` or `closed` |
| `access.requested` | `fulfilled`, `withdrawn` or `closed`; or an arrangement in force |
| `measure.requested` | `fulfilled`, `withdrawn` or `closed` |
| `commitment.offered` | a decision other than `reopened` |
| `dialogue.opened`, `topic.opened` | its closing |
| `hearing.invited` | the hearing, or its waiver |
| `alert.received`, `complaint.received` | `acted-upon`, `closed` or `noted` |
| `incident.opened` | a final report after it was resolved |
| `suspension.imposed` | its lifting |

Not promised: that what was answered is right. A refusal closes an offer, and an answer an information request.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from comity.engagement.case import Case, Entry, Item, ends_on
from comity.records import (
    AccessRequested,
    AlertReceived,
    ArrangementInForce,
    CaseItem,
    CommitmentDecided,
    CommitmentOffered,
    ComplaintReceived,
    DialogueClosed,
    DialogueOpened,
    HearingHeld,
    HearingInvited,
    IncidentOpened,
    IncidentReported,
    IncidentResolved,
    InformationAnswered,
    InformationRequested,
    ItemAnswered,
    MeasureRequested,
    OfferStated,
    SuspensionImposed,
    SuspensionLifted,
    TopicClosed,
    TopicOpened,
)

__all__ = ["Matter", "matters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """Something that one side owes the other an answer or an act on."""

    item: Item
    what: str
    """In a few words."""
    by: str
    """Who began it: a side or a party's name."""
    waits_for: str
    """Whose turn it is: authority · provider · both; empty once it is closed."""
    until: str
    """The day by which, extensions counted; empty where none was set."""
    outcome: str
    """What closed it, in a word; empty while it is open."""
    closed_by: Entry | None

    @property
    def open(self) -> bool:
        """Whether it still waits for somebody."""
        return self.closed_by is None

    def days_waited(self, at: datetime) -> int:
        """Whole days since it was entered, until it was closed or until now."""
        end = self.closed_by.entered if self.closed_by else at
        return max(0, (end - self.item.entry.entered).days)


def matters(case: Case) -> tuple[Matter, ...]:
    """Every matter of a case in the order in which they were entered, closed ones too."""
    return tuple(_matters(case))


def _matters(case: Case) -> Iterator[Matter]:
    for item in case.items.values():
        if item.withdrawn is not None:
            continue
        match item.record:
            case OfferStated() as offer:
                what = f"access offered: {_of(offer.subjects) or offer.summary}"
                ending = _answered(case, item) or _in_force(case, item)
                yield _matter(case, item, what, offer.by, _other(offer.by), ending)
            case InformationRequested() as asked:
                what = f"information requested, {len(asked.asked)} item{'s' * (len(asked.asked) != 1)}"
                yield _matter(case, item, what, "authority", "provider", _informed(case, item, len(asked.asked)))
            case AccessRequested() as asked:
                what = f"access requested: {asked.subject}, by {_of(asked.means)}"
                ending = _answered(case, item, "fulfilled", "withdrawn", "closed") or _in_force(case, item)
                yield _matter(case, item, what, "authority", "provider", ending)
            case MeasureRequested() as asked:
                ending = _answered(case, item, "fulfilled", "withdrawn", "closed")
                yield _matter(case, item, f"measure requested: {asked.measure}", "authority", "provider", ending)
            case CommitmentOffered() as offered:
                decided = [x for x in case.about(item.id, CommitmentDecided)]
                ending = (decided[-1][0].entry, decided[-1][1].decision) if decided else None
                ending = None if ending and ending[1] == "reopened" else ending
                yield _matter(case, item, f"commitment offered: {offered.commitment}", offered.by, "authority", ending)
            case DialogueOpened() as dialogue:
                ending = _last(case, item, DialogueClosed, "closed")
                what = f"structured dialogue under Art. {dialogue.article}"
                yield _matter(case, item, what, "authority", "both", ending)
            case TopicOpened() as topic:
                yield _matter(case, item, f"topic: {topic.topic}", "", "both", _last(case, item, TopicClosed, "closed"))
            case HearingInvited() as hearing:
                ending = _last(case, item, HearingHeld, "held")
                yield _matter(case, item, f"hearing on {hearing.about}", "authority", "provider", ending)
            case AlertReceived():
                ending = _answered(case, item, "acted-upon", "closed", "noted")
                yield _matter(case, item, "qualified alert of the scientific panel", "panel", "authority", ending)
            case ComplaintReceived() as complaint:
                ending = _answered(case, item, "acted-upon", "closed", "noted")
                yield _matter(case, item, f"complaint of {complaint.by}", complaint.by, "authority", ending)
            case IncidentOpened() as incident:
                ending = _reported(case, item)
                yield _matter(case, item, f"serious incident: {_of(incident.kinds)}", incident.by, "provider", ending)
            case SuspensionImposed() as imposed:
                ending = _last(case, item, SuspensionLifted, "lifted")
                yield _matter(case, item, f"access suspended by {imposed.by}", imposed.by, "both", ending)
            case _:
                pass


Ending = tuple[Entry, str] | None


def _matter(case: Case, item: Item, what: str, by: str, waits_for: str, ending: Ending) -> Matter:
    return Matter(
        item=item,
        what=what,
        by=by,
        waits_for="" if ending else waits_for,
        until=ends_on(case, item.id),
        outcome=ending[1] if ending else "",
        closed_by=ending[0] if ending else None,
    )


def _of(words: tuple[str, ...]) -> str:
    return ", ".join(words)


def _other(side: str) -> str:
    return {"provider": "authority", "authority": "provider"}.get(side, "authority")


def _answered(case: Case, item: Item, *enough: str) -> Ending:
    """The first answer that ends a matter; any answer but `noted` does where none is listed."""
    for answer, record in case.about(item.id, ItemAnswered):
        if record.answer in enough or (not enough and record.answer != "noted"):
            return answer.entry, record.answer
    return None


def _in_force(case: Case, item: Item) -> Ending:
    for entry in case.plain:
        if entry.index > item.index and isinstance(entry.record, ArrangementInForce):
            return entry, "agreed"
    return None


def _informed(case: Case, item: Item, asked: int) -> Ending:
    """The answer with which nothing asked was left open or refused; else the one with which nothing was left open."""
    if ending := _answered(case, item, "fulfilled", "withdrawn", "closed"):
        return ending
    said: dict[str, str] = {}
    in_part: Ending = None
    for answer, record in case.about(item.id, InformationAnswered):
        said |= {row[0]: row[1] for row in record.answers}
        if len(said) == asked and "partly" not in said.values():
            if "refused" not in said.values():
                return answer.entry, "answered"
            in_part = in_part or (answer.entry, "answered in part")
    return in_part


def _reported(case: Case, item: Item) -> Ending:
    resolved = any(True for _ in case.about(item.id, IncidentResolved))
    final = [report.entry for report, record in case.about(item.id, IncidentReported) if record.report == "final"]
    return (final[-1], "final report") if resolved and final else None


def _last(case: Case, item: Item, kind: type[CaseItem], word: str) -> Ending:
    found = [(other.entry, word) for other, _ in case.about(item.id, kind)]
    return found[-1] if found else None
