"""Stages: where an engagement stands, as a function of its records and the time.

    dialogue → negotiation → access → review → closed

| stage | begins with |
|---|---|
| dialogue | `engagement.opened` |
| negotiation | the first `access.offered` or `terms.offered` |
| access | `arrangement.in_force`, while its window lasts |
| review | the end of that window |
| closed | `engagement.closed` |

Nobody sets a stage: it follows.  Terms offered while an arrangement is in force are
an amendment and change nothing until they are in force themselves; offered after the
window they begin a new negotiation.  A meeting moves no stage.  After the close
nothing may follow.

`open` is what the newest meeting left open, because each meeting takes stock anew.
`next` is what the newest event says comes next.

Not promised: that the record is complete. A meeting nobody entered is not there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from comity.engagement.errors import CaseClosed, NotACase
from comity.records import (
    AccessOffered,
    ArrangementInForce,
    EngagementClosed,
    EngagementOpened,
    GrantGiven,
    GrantRefused,
    GrantRevoked,
    MeetingHeld,
    Record,
    TermsOffered,
    instant_text,
    parse_instant,
)

__all__ = ["EngagementView", "Stage", "grant_refusal", "project"]

Stage = Literal["dialogue", "negotiation", "access", "review", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementView:
    """One engagement at one time. Everything in it follows from the records."""

    engagement: str
    authority: str
    provider: str
    initiated_by: str
    summary: str
    stage: Stage
    since: str
    """When the stage began."""
    meetings: tuple[MeetingHeld, ...]
    open: tuple[str, ...]
    next: str
    in_force: ArrangementInForce | None
    """The newest arrangement in force; in review, the one whose window is over."""
    grants: tuple[GrantGiven, ...]
    """Grants given and not revoked."""
    refused: int
    """Grants refused."""


def project(records: Iterable[Record], at: datetime) -> EngagementView:
    """Where the engagement stands at a time; raises an `EngagementError`."""
    told = list(records)
    opened = _opening(told)
    stage: Stage = "dialogue"
    since, upcoming = str(opened.at), "agree on whether access is offered"
    meetings: list[MeetingHeld] = []
    grants: dict[str, GrantGiven] = {}
    in_force: ArrangementInForce | None = None
    refused = 0
    for record in told[1:]:
        if stage == "closed":
            raise CaseClosed(f"the engagement with {opened.provider} was closed at {since}; {record.kind} came after")
        if in_force is not None and stage == "access" and parse_instant(record.at) >= parse_instant(in_force.until):
            stage, since, upcoming = "review", in_force.until, "publish what was found, or close"
        match record:
            case MeetingHeld():
                meetings.append(record)
                upcoming = record.next or upcoming
            case AccessOffered() | TermsOffered():
                if stage in ("dialogue", "review"):
                    stage, since = "negotiation", str(record.at)
                if stage == "negotiation":
                    upcoming = _answer(record)
            case ArrangementInForce():
                stage, since, in_force = "access", str(record.at), record
                upcoming = f"access until {record.until}"
            case GrantGiven():
                grants[record.grant] = record
            case GrantRevoked():
                grants.pop(record.grant, None)
            case GrantRefused():
                refused += 1
            case EngagementClosed():
                stage, since, upcoming = "closed", str(record.at), ""
            case _:
                raise NotACase(f"{record.kind} is no entry of an engagement's ledger")
    if in_force is not None and stage == "access" and at >= parse_instant(in_force.until):
        stage, since, upcoming = "review", in_force.until, "publish what was found, or close"
    return EngagementView(
        engagement=opened.engagement,
        authority=opened.authority,
        provider=opened.provider,
        initiated_by=opened.initiated_by,
        summary=opened.summary,
        stage=stage,
        since=since,
        meetings=tuple(meetings),
        open=meetings[-1].open if meetings else (),
        next=upcoming,
        in_force=in_force,
        grants=tuple(grants.values()),
        refused=refused,
    )


def _opening(told: Sequence[Record]) -> EngagementOpened:
    if not told or not isinstance(told[0], EngagementOpened):
        came = told[0].kind if told else "no entry"
        raise NotACase(f"expected engagement.opened as the first entry; got {came}")
    if any(isinstance(record, EngagementOpened) for record in told[1:]):
        raise NotACase("an engagement is opened once; a second engagement.opened came")
    return told[0]


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
