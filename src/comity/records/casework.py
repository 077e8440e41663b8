"""Records of an engagement's ledger: who met whom, what was offered, where the case stands.

Dates of meetings are texts, because the record of a negotiation is often
inexact ("May 2026"); everything else is exact.
"""

from comity.records.record import Digest, Hex32, Record


class EngagementOpened(Record, kind="engagement.opened", version=1):
    """The case between one authority and one provider begins, at the stage of dialogue."""

    engagement: Hex32
    authority: str
    provider: str
    initiated_by: str
    """authority · provider"""
    summary: str


class MeetingHeld(Record, kind="meeting.held", version=1):
    """The sides met."""

    on: str
    topics: tuple[str, ...]
    summary: str
    open: tuple[str, ...]
    """Questions that the meeting left open."""
    next: str
    """What comes next and when, as agreed; empty when nothing was."""


class AccessOffered(Record, kind="access.offered", version=1):
    """A provider offers access on stated terms; the digest is over the offer's bytes."""

    by: str
    summary: str
    offer: Digest


class TermsOffered(Record, kind="terms.offered", version=1):
    """One side put a version of the terms to the other."""

    by: str
    arrangement: Hex32
    terms_version: int
    digest: Digest


class ArrangementInForce(Record, kind="arrangement.in_force", version=1):
    """Both sides signed one version of the terms; access may be granted until it ends."""

    arrangement: Hex32
    terms_version: int
    digest: Digest
    until: str


class GrantRefused(Record, kind="grant.refused", version=1):
    """A grant was asked for and the case does not allow it."""

    person: str
    because: str


class GrantGiven(Record, kind="grant.given", version=1):
    """A person may call under the arrangement in force."""

    arrangement: Hex32
    grant: Hex32
    person: str
    expires: str


class EngagementClosed(Record, kind="engagement.closed", version=1):
    """The case is closed."""

    because: str
