"""Acts: what somebody can enter in a case by hand, and how an entry is composed out of what they say.

The terminal and the pages offer the same acts by the same names, and compose their entries here, so that neither
knows more than the other.  What may be entered is said by `comity.engagement.rules` and `comity.engagement.case`.

An item is called by its id, by the beginning of it, or by the index of its entry.  What is left out is empty.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, NoReturn, get_type_hints

from comity.engagement.case import Case
from comity.engagement.errors import NotAnAct, NotNamed
from comity.records import (
    AccessRequested,
    AlertReceived,
    AssertionChecked,
    AssertionMade,
    AssertionSupported,
    CaseItem,
    CommitmentDecided,
    CommitmentOffered,
    ComplaintReceived,
    ConflictDeclared,
    ContextNoted,
    DialogueClosed,
    DialogueOpened,
    DocumentationReceived,
    DocumentAttached,
    EventStated,
    ExpertAppointed,
    ExpertProposed,
    FindingReplied,
    FindingStated,
    HearingHeld,
    HearingInvited,
    Hex32,
    IncidentOpened,
    IncidentReported,
    IncidentResolved,
    InformationAnswered,
    InformationRequested,
    ItemAnswered,
    ItemCorrected,
    ItemWithdrawn,
    MalformedRecord,
    MeasureRequested,
    MeetingRecorded,
    OfferStated,
    PartyNamed,
    PeriodExtended,
    PublicationCleared,
    Record,
    ScopeStated,
    SubmissionReceived,
    SuspensionEased,
    SuspensionImposed,
    SuspensionLifted,
    TopicClosed,
    TopicOpened,
    instant_text,
)

__all__ = ["ACTS", "REFERENCES", "SHARED", "Act", "compose", "item_called", "own_members"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing to enter: its kind, and what a help text says of it."""

    kind: type[CaseItem]
    help: str


def _acts() -> Mapping[str, Act]:
    table: dict[str, tuple[type[CaseItem], str]] = {
        "party": (PartyNamed, "Name an organisation or a function that has a part in the case."),
        "topic": (TopicOpened, "Open a topic that the sides deal with over more than one meeting."),
        "end-topic": (TopicClosed, "Close a topic: settled or dropped."),
        "meeting": (MeetingRecorded, "Enter a meeting that was held."),
        "state-offer": (OfferStated, "Enter that a side says it is willing to give access; no terms yet."),
        "answer": (ItemAnswered, "Answer an offer, a request, a measure, an alert or a complaint."),
        "request-information": (InformationRequested, "Request information or documentation (Art. 91)."),
        "answer-information": (InformationAnswered, "Enter the answer to an information request, item by item."),
        "request-access": (AccessRequested, "Request access to a model in order to evaluate it (Art. 92)."),
        "extend": (PeriodExtended, "Let a request's or an act's period end later, with the reason."),
        "dialogue": (DialogueOpened, "Begin a structured dialogue (Arts 91(2), 92(7), 93(2)); it is optional."),
        "end-dialogue": (DialogueClosed, "End a structured dialogue."),
        "commitment": (CommitmentOffered, "Enter a commitment that a provider offers (Art. 93(3))."),
        "decide-commitment": (CommitmentDecided, "Say what becomes of a commitment."),
        "measure": (MeasureRequested, "Request a measure (Art. 93(1)), after a hearing or under urgency."),
        "hearing": (HearingInvited, "Invite the provider to be heard on the grounds of an intended act (Art. 94)."),
        "hear": (HearingHeld, "Enter that the provider was heard, or let the period pass."),
        "alert": (AlertReceived, "Enter a qualified alert of the scientific panel (Art. 90)."),
        "complaint": (ComplaintReceived, "Enter a complaint of a downstream provider (Art. 89(2))."),
        "incident": (IncidentOpened, "Enter a serious incident; its clocks count from --aware."),
        "report-incident": (IncidentReported, "Enter a report on an incident: initial, intermediate or final."),
        "resolve-incident": (IncidentResolved, "Enter that an incident is resolved."),
        "suspension": (SuspensionImposed, "Enter that a third party's act suspends access; clocks stand still."),
        "ease-suspension": (SuspensionEased, "Enter that a suspension holds no longer for some; clocks stay still."),
        "lift-suspension": (SuspensionLifted, "Enter that a suspension ends; its clocks go on."),
        "event": (EventStated, "Enter an event from which the law counts, by the law pack's name for it."),
        "context": (ContextNoted, "Enter what bears on the case from outside; it moves no stage and no clock."),
        "submission": (SubmissionReceived, "Enter that something arrived which duties ask for."),
        "documentation": (DocumentationReceived, "Enter which fields of a form a provider's documentation holds."),
        "scope": (ScopeStated, "State whether duties of one scope, role or chapter of the law bear on the provider."),
        "assert": (AssertionMade, "Enter what a side claims to be so."),
        "support": (AssertionSupported, "Put forward what shows an assertion to be so."),
        "check": (AssertionChecked, "Enter that somebody other than who asserted it looked for themselves."),
        "propose-expert": (ExpertProposed, "Propose an expert, with qualifications (Art. 68(2))."),
        "declare": (ConflictDeclared, "Enter an expert's declared relation with a provider, or that there is none."),
        "appoint": (ExpertAppointed, "Appoint an expert (Art. 92(2))."),
        "finding": (FindingStated, "State a finding about a duty, or its next version."),
        "reply": (FindingReplied, "Enter the provider's reply to one version of a finding."),
        "correct": (ItemCorrected, "Let members of an item be read otherwise from now on."),
        "withdraw": (ItemWithdrawn, "Let an item count no longer."),
        "clear": (PublicationCleared, "Clear items for publication as they stand now."),
    }
    return {name: Act(kind=kind, help=text) for name, (kind, text) in table.items()}


ACTS: Final = _acts()
"""Name → act, in the order in which they are offered."""

SHARED: Final = ("at", "item", "on", "source", "confidence", "refs")
"""Members that every item has, or that are never given by hand."""

REFERENCES: Final = ("request", "hearing", "evaluation", "dialogue", "panel_request", "insufficiency", "about")
"""Text members that may name an item."""


def own_members(kind: type[CaseItem]) -> list[tuple[str, Any]]:
    """The members of a kind that are its own, each with its type."""
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in fields(kind) if field.name not in SHARED]


def compose(
    kind: type[CaseItem], given: Mapping[str, Any], case: Case, *, at: datetime, random: Callable[[int], bytes]
) -> Record:
    """The record that says what was given.

    Raises `NotNamed` for a name that fits no item or several, `NotAnAct` for a value that is none of its member.
    """
    hints = get_type_hints(kind)
    members: dict[str, Any] = {"at": instant_text(at), "item": random(16).hex()}
    for name in (field.name for field in fields(kind) if field.name not in members):
        members[name] = _member(name, hints[name], given.get(name), case)
    if "finding_version" in members:
        _version(kind, members, case, random)
    if "digest" in members:
        members["digest"] = _digest(kind, members, case)
    try:
        return kind.from_members(members)
    except MalformedRecord as error:
        raise NotAnAct(str(error)) from None


def _member(name: str, hint: Any, value: Any, case: Case) -> Any:
    if hint is Hex32:
        return _finding(case, value) if name == "finding" else item_called(case, value or "", name)
    if hint == tuple[Hex32, ...]:
        return [item_called(case, one, name) for one in value]
    if getattr(hint, "__origin__", None) is tuple:
        if name == "entries":
            return [int(one) if one.isdecimal() else one for one in value]
        if hint != tuple[str, ...]:
            return [one.split("=") for one in value]
        return [item_called(case, one, name, strict=False) for one in value] if name == "cites" else list(value)
    if isinstance(value, str) and name in REFERENCES and value:
        return item_called(case, value, name, strict=False)
    return "" if value is None and hint is str else value


def item_called(case: Case, name: str, member: str, *, strict: bool = True) -> str:
    """The id of an item, a document or a finding, called by its id, the beginning of it, or its entry's index."""
    findings = {record.finding for _, record in case.records(FindingStated)}
    ids = {*case.items, *case.documents, *findings}
    found = _at_index(case, name, member)
    found = found or sorted(one for one in ids if len(name) >= 4 and one.startswith(name))
    if len(found) == 1:
        return found[0]
    if not strict:
        return name
    problem = "several items are" if found else "no item of this case is"
    _unnamed(member, f"{problem} called {name!r}; 'comity engagement show' lists each with its entry and id")


def _at_index(case: Case, name: str, member: str) -> list[str]:
    """What an index such as `7` leads to: the finding or document of that entry where one is meant, else the item."""
    if not (name.isascii() and name.isdecimal() and len(name) <= 4):
        return []
    for item in case.items.values():
        if item.index == int(name):
            match item.record:
                case FindingStated() as stated if member == "finding":
                    return [stated.finding]
                case DocumentAttached() as attached if member == "document":
                    return [attached.document]
            return [item.id]
    return []


def _finding(case: Case, said: str | None) -> str:
    """The id of a finding, called by it or by one of its versions; empty for a new one."""
    if not said:
        return ""
    name = item_called(case, said, "finding")
    version = case.items[name].record if name in case.items else None
    if isinstance(version, FindingStated):
        return version.finding
    if name in {record.finding for _, record in case.records(FindingStated)}:
        return name
    _unnamed("finding", f"expected a finding or a version of one; {said!r} is {case.entry_of(name).record.kind}")


def _version(kind: type[CaseItem], members: dict[str, Any], case: Case, random: Callable[[int], bytes]) -> None:
    """A finding without an id is new; without a version it is the next, and a reply's the newest."""
    if kind is FindingStated:
        members["finding"] = members["finding"] or random(16).hex()
    stated = [record for _, record in case.records(FindingStated) if record.finding == members["finding"]]
    known = [record.finding_version for record in stated]
    if members["finding_version"] is None:
        members["finding_version"] = max(known, default=0) + (kind is FindingStated)


def _digest(kind: type[CaseItem], members: Mapping[str, Any], case: Case) -> str:
    """The digest of the version that a reply answers."""
    for item, record in case.records(FindingStated):
        if kind is FindingReplied and record.finding == members["finding"]:
            if record.finding_version == members["finding_version"]:
                return item.latest.digest
    _unnamed("finding_version", f"no such version of that finding; got {members.get('finding_version')}")


def _unnamed(member: str, because: str) -> NoReturn:
    raise NotNamed(member, because)
