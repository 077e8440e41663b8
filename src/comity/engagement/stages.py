"""Stages: where an engagement stands, as a function of its case and the time.

    dialogue → negotiation → access → review → closed

| stage | begins with |
|---|---|
| dialogue | the opening |
| negotiation | an offer of access, stated or signed, terms, or a request for access under Art. 92 |
| access | `arrangement.in_force`, while its window lasts |
| review | the end of that window |
| closed | `engagement.closed` |

Nobody sets a stage: it follows.  When the only offer is declined or withdrawn, talks are a dialogue again.  Terms
offered while an arrangement is in force are an amendment and change nothing until they are in force themselves;
offered after the window they begin a new negotiation.  A meeting moves no stage, and a suspension none either: it
stands beside the stage.  After the close nothing follows but corrections, clearances and erasures.

`open` is what the newest meeting left open, because each meeting takes stock anew; what the sides owe each other
is in `comity.engagement.matters`.  `next` is what the newest event says comes next.

Not promised: that the record is complete. A meeting nobody entered is not there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from comity.engagement.case import Case, Entry, Item, read_records
from comity.engagement.matters import Matter, matters
from comity.records import (
    AccessOffered,
    AccessRequested,
    ArrangementInForce,
    EngagementClosed,
    GrantGiven,
    GrantRefused,
    GrantRevoked,
    MeetingRecorded,
    OfferStated,
    Record,
    SuspensionImposed,
    TermsOffered,
    instant_text,
    parse_instant,
)

__all__ = ["EngagementView", "Stage", "grant_refusal", "project", "stand"]

Stage = Literal["dialogue", "negotiation", "access", "review", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementView:
    """One engagement at one time. Everything in it follows from the case."""

    engagement: str
    authority: str
    provider: str
    initiated_by: str
    summary: str
    stage: Stage
    since: str
    """When the stage began."""
    moved_by: Entry
    """The entry by which the stage was reached."""
    meetings: tuple[MeetingRecorded, ...]
    open: tuple[str, ...]
    next: str
    in_force: ArrangementInForce | None
    """The newest arrangement in force; in review, the one whose window is over."""
    suspended: tuple[SuspensionImposed, ...]
    """Suspensions that are not lifted."""
    grants: tuple[GrantGiven, ...]
    """Grants given and not revoked."""
    refused: int
    """Grants refused."""
    matters: tuple[Matter, ...]
    """What the sides deal with, open and closed."""


def project(records: Iterable[Record], at: datetime) -> EngagementView:
    """Where the engagement stands at a time, out of records; raises an `EngagementError`."""
    return stand(read_records(records), at)


def stand(case: Case, at: datetime) -> EngagementView:
    """Where the engagement stands at a time; raises an `EngagementError`."""
    opening, dealt_with = case.opening, matters(case)
    told = _Stage(case, dealt_with)
    for entry in case.entries:
        told.reach(entry.entered)
        told.take(entry)
    told.reach(at)
    meetings = [record for _, record in case.records(MeetingRecorded)]
    suspended = [m.item.record for m in dealt_with if m.open and isinstance(m.item.record, SuspensionImposed)]
    return EngagementView(
        engagement=case.engagement,
        authority=opening.authority,
        provider=opening.provider,
        initiated_by=opening.initiated_by,
        summary=opening.summary,
        stage=told.stage,
        since=told.since,
        moved_by=told.moved_by,
        meetings=tuple(meetings),
        open=meetings[-1].open if meetings else (),
        next=told.upcoming,
        in_force=told.force,
        suspended=tuple(one for one in suspended if isinstance(one, SuspensionImposed)),
        grants=tuple(told.grants.values()),
        refused=told.refused,
        matters=dealt_with,
    )


class _Stage:
    """The stage while the entries are read in order. Mutable while one projection lasts."""

    def __init__(self, case: Case, dealt_with: tuple[Matter, ...]) -> None:
        self.items = {item.entry.index: item for item in case.items.values() if item.withdrawn is None}
        self.closing = {matter.closed_by.index: matter for matter in dealt_with if matter.closed_by is not None}
        self.bids: set[str] = set()
        """Offers and requests for access that are open; terms and signed offers under their entry's digest."""
        self.stage: Stage = "dialogue"
        self.since = str(case.entries[0].record.at)
        self.moved_by = case.entries[0]
        self.upcoming = "agree on whether access is offered"
        self.force: ArrangementInForce | None = None
        self.forced_by: Entry = case.entries[0]
        self.grants: dict[str, GrantGiven] = {}
        self.refused = 0

    def reach(self, at: datetime) -> None:
        """Let time pass: a window that is over ends access."""
        if self.stage == "access" and self.force is not None and at >= parse_instant(self.force.until):
            self._move("review", self.force.until, self.forced_by, "publish what was found, or close")

    def take(self, entry: Entry) -> None:
        """Let one entry move the stage, or not."""
        record = entry.record
        match record:
            case AccessOffered() | TermsOffered():
                self._bid(entry.digest, entry, _answer(record))
            case ArrangementInForce():
                self.force, self.forced_by = record, entry
                self.bids.clear()
                self._move("access", str(record.at), entry, f"access until {record.until}")
            case GrantGiven():
                self.grants[record.grant] = record
            case GrantRevoked():
                self.grants.pop(record.grant, None)
            case GrantRefused():
                self.refused += 1
            case EngagementClosed():
                self._move("closed", str(record.at), entry, "")
            case _:
                self._take_item(entry)

    def _take_item(self, entry: Entry) -> None:
        item = self.items.get(entry.index)
        if item is not None:
            self._begin(entry, item)
        ended = self.closing.get(entry.index)
        if ended is not None and ended.item.id in self.bids:
            self.bids.discard(ended.item.id)
            if ended.outcome in ("declined", "withdrawn", "closed") and not self.bids and self.stage == "negotiation":
                self._move("dialogue", str(entry.record.at), entry, "agree on whether access is offered")
            elif ended.outcome in ("accepted", "partly"):
                self.upcoming = "draft terms from the offer"

    def _begin(self, entry: Entry, item: Item) -> None:
        match item.record:
            case MeetingRecorded() as meeting:
                self.upcoming = meeting.next or self.upcoming
            case OfferStated() as offer:
                self._bid(item.id, entry, f"answer the offer of the {offer.by}")
            case AccessRequested() as request:
                self._bid(item.id, entry, f"give access by {request.until}")
            case _:
                pass

    def _bid(self, name: str, entry: Entry, upcoming: str) -> None:
        self.bids.add(name)
        if self.stage in ("dialogue", "review"):
            self._move("negotiation", str(entry.record.at), entry, upcoming)
        elif self.stage == "negotiation":
            self.upcoming = upcoming

    def _move(self, stage: Stage, since: str, by: Entry, upcoming: str) -> None:
        self.stage, self.since, self.moved_by, self.upcoming = stage, since, by, upcoming


def _answer(record: AccessOffered | TermsOffered) -> str:
    if isinstance(record, AccessOffered):
        return f"draft terms from the offer of {record.by}"
    return f"answer version {record.terms_version} of the terms, put forward by {record.by}"


def grant_refusal(view: EngagementView, at: datetime) -> str | None:
    """Why the case allows no grant now, in the words that are recorded; `None` where it does."""
    if view.in_force is None or view.stage != "access":
        return f"no arrangement in force; stage {view.stage} since {view.since}"
    if at >= parse_instant(view.in_force.until):
        return f"no arrangement in force; access ended at {view.in_force.until}; it is {instant_text(at)}"
    return None
