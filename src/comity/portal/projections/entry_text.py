"""Entries in one line: what a timeline shows of a record of any kind.

The words are the record's own members, in an order that puts what matters first; nothing is added to them.
"""

from typing import Any, Final

from comity.records import Record

__all__ = ["OWN", "TITLES", "by_of", "ids_in", "said_of", "title_of"]

TITLES: Final = {
    "access.offered": "Access offered, signed", "access.requested": "Access requested", "alert.received": "Alert",
    "arrangement.in_force": "Arrangement in force", "assertion.checked": "Claim checked",
    "assertion.made": "Claim", "assertion.supported": "Claim supported", "case.opened": "Case opened",
    "commitment.decided": "Commitment decided", "commitment.offered": "Commitment offered",
    "complaint.received": "Complaint", "conflict.declared": "Relations declared", "contact.named": "Contact named",
    "context.noted": "Noted beside", "contract.signed": "Contract signed", "dialogue.closed": "Dialogue closed",
    "dialogue.opened": "Dialogue opened", "document.attached": "File attached", "document.disclosed": "File shown",
    "document.erased": "File erased", "documentation.received": "Documentation received",
    "engagement.closed": "Case closed", "engagement.opened": "Case opened", "event.stated": "Event",
    "expert.appointed": "Expert appointed", "expert.proposed": "Expert proposed", "finding.replied": "Reply",
    "finding.stated": "Finding", "grant.given": "Grant", "grant.refused": "Grant refused",
    "grant.revoked": "Grant revoked", "hearing.held": "Hearing", "hearing.invited": "Invited to be heard",
    "incident.opened": "Serious incident", "incident.reported": "Incident report",
    "incident.resolved": "Incident resolved", "information.answered": "Information answered",
    "information.requested": "Information requested", "item.answered": "Answer", "item.corrected": "Correction",
    "item.withdrawn": "Withdrawal", "measure.requested": "Measure requested", "meeting.held": "Meeting",
    "meeting.recorded": "Meeting", "message.exchanged": "Message", "offer.stated": "Access offered",
    "party.named": "Party named", "period.extended": "Period extended", "publication.cleared": "Cleared to publish",
    "scope.stated": "Scope stated", "session.answered": "Session answered", "session.held": "Session",
    "submission.received": "Submission", "suspension.eased": "Suspension eased",
    "suspension.imposed": "Access suspended", "suspension.lifted": "Suspension lifted",
    "terms.commented": "Comment on terms", "terms.offered": "Terms offered", "topic.closed": "Topic closed",
    "topic.opened": "Topic opened", "version.approved": "Version approved",
}  # fmt: skip
"""Kind → what a timeline calls it."""

FIRST: Final = (
    "summary", "conclusion", "claim", "topic", "subject", "event", "cause", "because", "title", "text", "purpose",
    "commitment", "measure", "answer", "position", "outcome", "decision", "expert", "person", "party", "topics",
    "kinds", "facts", "provider",
)  # fmt: skip
"""Members that say most of what a record says."""

THEN: Final = ("terms_version", "stage", "finds", "duty", "report", "until", "duties", "subjects")
MOST: Final = 300
OWN: Final = ("item", "at")
"""Members by which an entry names itself."""


def title_of(kind: str) -> str:
    """What a timeline calls a kind; the kind's own name where it has no other."""
    return TITLES.get(kind, kind)


def said_of(record: Record) -> str:
    """The record in one line."""
    members = record.members()
    first = [_text(members[name]) for name in FIRST if members.get(name)][:2]
    then = [f"{name.replace('_', ' ')} {_text(members[name])}" for name in THEN if members.get(name)]
    return " · ".join([*first, *then])[:MOST]


def by_of(record: Record) -> str:
    """Who said or did it, as the record names them; empty where it names nobody."""
    members = record.members()
    return str(members.get("by") or members.get("initiated_by") or members.get("proposed_by") or "")


def ids_in(value: Any) -> list[str]:
    """Every id of 128 bits that an entry's members hold, other than the entry's own."""
    if isinstance(value, str):
        return [value] if len(value) == 32 else []
    if isinstance(value, list):
        return [one for each in value for one in ids_in(each)]
    if isinstance(value, dict):
        return [one for name, each in value.items() if name not in OWN for one in ids_in(each)]
    return []


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    return str(value)
