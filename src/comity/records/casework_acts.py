"""Acts of a case: what one side asks of the other, decides, alleges or reports, as the law names it.

Articles are those of Regulation (EU) 2024/1689 (AI Act).  What an act must hold is checked where a case
is read, and an act that lacks it is never written.

Periods end on a day, `until`, written `2026-09-15`.
"""

from comity.records.casework_items import CaseItem
from comity.records.record import Hex32


class OfferStated(CaseItem, kind="offer.stated", version=1):
    """A side says that it is willing to give access; no terms are signed. Signed ones are `access.offered`."""

    by: str
    to: str
    subjects: tuple[str, ...]
    """Models that it would be for."""
    conditions: tuple[str, ...]
    summary: str


class InformationRequested(CaseItem, kind="information.requested", version=1):
    """The authority requests information or documentation (Art. 91)."""

    legal_basis: str
    purpose: str
    subject: str
    """The model or system; empty where it is about the provider."""
    asked: tuple[str, ...]
    """What is required, item by item; an answer counts them from 1."""
    until: str
    fines_notice: str
    """The words on the fines of Art. 101 for incorrect, incomplete or misleading answers."""
    addressee: str
    """provider · representative · lawyer"""
    panel_request: str
    """The item of the scientific panel's substantiated request; empty for an own motion."""


class InformationAnswered(CaseItem, kind="information.answered", version=1):
    """The provider answers an information request, item by item."""

    request: Hex32
    by: str
    answers: tuple[tuple[str, ...], ...]
    """Each: the asked item's number, supplied · partly · refused · not-held, a remark, and documents' ids."""
    summary: str


class AccessRequested(CaseItem, kind="access.requested", version=1):
    """The authority requests access to a model in order to evaluate it (Art. 92(3) and (4))."""

    legal_basis: str
    ground: str
    """a: information under Art. 91 is insufficient · b: to investigate systemic risks"""
    purpose: str
    reasons: str
    subject: str
    means: tuple[str, ...]
    """Such as `api`, `source_code`, `weights`, `activations`."""
    components: tuple[str, ...]
    conditions: tuple[str, ...]
    until: str
    fines_notice: str
    board_consulted: str
    """The day on which the Board was consulted (Art. 92(1))."""
    insufficiency: str
    """Why the information under Art. 91 does not suffice, or the item that shows it; needed for ground a."""
    experts: tuple[str, ...]
    """Pseudonyms of the experts who evaluate on the authority's behalf (Art. 92(2))."""
    logging: str
    """What the provider may not log, where the authority restricts it."""


class DialogueOpened(CaseItem, kind="dialogue.opened", version=1):
    """A structured dialogue begins; it is optional (Arts 91(2), 92(7), 93(2))."""

    article: str
    """91 · 92 · 93"""
    topics: tuple[str, ...]
    summary: str


class DialogueClosed(CaseItem, kind="dialogue.closed", version=1):
    """A structured dialogue ends."""

    dialogue: Hex32
    outcome: str


class CommitmentOffered(CaseItem, kind="commitment.offered", version=1):
    """A provider offers to do or to leave something (Art. 93(3); on the system track Art. 75b)."""

    by: str
    subject: str
    commitment: str
    dialogue: str
    """The item of the structured dialogue; empty where it came outside of one."""


class CommitmentDecided(CaseItem, kind="commitment.decided", version=1):
    """What became of a commitment."""

    commitment: Hex32
    decision: str
    """binding · declined · released · broken · reopened"""
    because: str


class MeasureRequested(CaseItem, kind="measure.requested", version=1):
    """The authority requests a measure (Art. 93(1))."""

    point: str
    """a: comply with Arts 53 and 54 · b: mitigate · c: restrict, withdraw or recall"""
    legal_basis: str
    measure: str
    reasons: str
    subject: str
    until: str
    evaluation: str
    """The item with the evaluation that raised the concern (Art. 92); needed for point b."""
    hearing: str
    """The item of the invitation to be heard; empty under urgency alone."""
    urgency: str
    """Why it could not wait for a hearing; the hearing then follows."""


class HearingInvited(CaseItem, kind="hearing.invited", version=1):
    """The provider is told the grounds of an intended act and may be heard (Art. 94)."""

    about: str
    """What is intended: a measure, a finding, a decision, or the item of it."""
    grounds: str
    remedies: str
    until: str


class HearingHeld(CaseItem, kind="hearing.held", version=1):
    """The provider was heard, or let the period pass."""

    hearing: Hex32
    held: str
    """orally · in-writing · not-used"""
    summary: str


class AlertReceived(CaseItem, kind="alert.received", version=1):
    """The scientific panel sent a qualified alert (Art. 90)."""

    ground: str
    """a: a concrete identifiable risk at Union level · b: the conditions of Art. 51 are met"""
    contact: str
    """The provider's point of contact, as the alert names it."""
    facts: str
    reasons: str
    complete: str
    """The day on which it was complete; empty while it is not."""


class ComplaintReceived(CaseItem, kind="complaint.received", version=1):
    """A downstream provider complains of an infringement (Art. 89(2))."""

    by: str
    contact: str
    """The model provider's point of contact, as the complaint names it."""
    facts: str
    provisions: tuple[str, ...]
    reasons: str


class IncidentOpened(CaseItem, kind="incident.opened", version=1):
    """A serious incident came to somebody's knowledge (Art. 55(1)(c); Code of Practice, Commitment 9)."""

    subject: str
    """The model or system."""
    by: str
    """Who told of it."""
    kinds: tuple[str, ...]
    """critical-infrastructure · cybersecurity · model-exfiltration · death · health · fundamental-rights ·
    property · environment · imminent-danger · loss-of-control · deception · catastrophic"""
    aware: str
    """When the provider became aware of its model's involvement; clocks count from here. Empty while unknown."""
    involvement: str
    """established · suspected"""
    summary: str


class IncidentReported(CaseItem, kind="incident.reported", version=1):
    """A report on an incident arrived."""

    incident: Hex32
    report: str
    """initial · intermediate · final"""
    law: str
    """The law pack under which it was reported, such as `us-ca-sb53`; empty: that of the case."""
    given: tuple[str, ...]
    """Which of the nine items of the Code's Measure 9.2 it holds, by number."""
    unknown: tuple[str, ...]
    """Which of them it states as unknown."""
    summary: str


class IncidentResolved(CaseItem, kind="incident.resolved", version=1):
    """An incident is resolved."""

    incident: Hex32
    summary: str


class SuspensionImposed(CaseItem, kind="suspension.imposed", version=1):
    """A third party's act, such as an export control, suspends access; the named clocks stand still."""

    by: str
    cause: str
    """legal-order · third-party-suspension · security · operational"""
    subjects: tuple[str, ...]
    """The models that it reaches; none named: all of the case."""
    scope: tuple[str, ...]
    """Items or duties whose clocks stop; none named: every clock that needs access."""
    cites: tuple[str, ...]
    summary: str


class SuspensionEased(CaseItem, kind="suspension.eased", version=1):
    """A suspension holds no longer for some, and goes on for all others; no clock goes on by it."""

    suspension: Hex32
    for_whom: str
    """For whom it holds no longer, such as `listed organisations of one state`."""
    summary: str


class SuspensionLifted(CaseItem, kind="suspension.lifted", version=1):
    """A suspension ends, and its clocks go on."""

    suspension: Hex32
    summary: str
