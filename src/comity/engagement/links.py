"""Links: what an item may name, and what it may follow from.

An item names others by their ids: an answer its request, a report its incident, a check its assertion.  Each such
member may name items of certain kinds alone, and none that was withdrawn.  A citation names an item or a document
of the case, or `origin#index`, an entry of another ledger.

The rules that need more than one item are here: who may appoint an expert, which finding a version continues,
what a session needs to have happened under.

Each raises `NotACase` with what was expected and what came.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from comity.engagement.errors import NotACase
from comity.records import (
    AccessRequested,
    ArrangementInForce,
    CaseItem,
    ContactNamed,
    ExpertAppointed,
    ExpertProposed,
    FindingReplied,
    FindingStated,
    IncidentResolved,
    InformationAnswered,
    InformationRequested,
    MeasureRequested,
    PartyNamed,
    PeriodExtended,
    PublicationCleared,
    SessionAnswered,
    SessionHeld,
    SuspensionEased,
    SuspensionLifted,
    parse_instant,
)

if TYPE_CHECKING:
    from comity.engagement.case import Document, Entry, Item

__all__ = ["ELSEWHERE", "check_links"]

T = TypeVar("T", bound=CaseItem)

ELSEWHERE: Final = re.compile(r"[a-z0-9.:-]{1,260}/[aen]/[0-9a-f]{32}#(0|[1-9][0-9]{0,15})", re.ASCII)
"""A citation of an entry in another ledger: its origin and the entry's index."""

ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)

ANSWERED: Final = (
    "offer.stated", "information.requested", "access.requested", "measure.requested", "alert.received",
    "complaint.received", "commitment.offered", "topic.opened",
)  # fmt: skip
PERIODS: Final = ("information.requested", "access.requested", "measure.requested", "hearing.invited")
ACCESS: Final = ("access.requested", "session.held", "finding.stated")

NAMES: Final[Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "topic.closed": (("topic", ("topic.opened",)),),
    "document.attached": (("to", ()),),
    "item.corrected": (("corrects", ()),),
    "item.withdrawn": (("withdraws", ()),),
    "item.answered": (("answers", ANSWERED),),
    "publication.cleared": (("items", ()),),
    "period.extended": (("extends", PERIODS),),
    "information.requested": (("panel_request", ()),),
    "information.answered": (("request", ("information.requested",)),),
    "dialogue.closed": (("dialogue", ("dialogue.opened",)),),
    "commitment.offered": (("dialogue", ("dialogue.opened",)),),
    "commitment.decided": (("commitment", ("commitment.offered",)),),
    "measure.requested": (("evaluation", ACCESS), ("hearing", ("hearing.invited",))),
    "hearing.held": (("hearing", ("hearing.invited",)),),
    "incident.reported": (("incident", ("incident.opened",)),),
    "incident.resolved": (("incident", ("incident.opened",)),),
    "suspension.eased": (("suspension", ("suspension.imposed",)),),
    "suspension.lifted": (("suspension", ("suspension.imposed",)),),
    "assertion.supported": (("assertion", ("assertion.made",)),),
    "assertion.checked": (("assertion", ("assertion.made",)),),
    "expert.appointed": (("request", ("access.requested",)),),
    "session.answered": (("session", ("session.held",)),),
}
"""Kind → its members that name items, and the kinds that they may name; none listed: any kind."""


def check_links(
    record: CaseItem,
    items: Mapping[str, "Item"],
    documents: Mapping[str, "Document"],
    plain: Sequence["Entry"],
    *,
    strict: bool = True,
) -> tuple[str, ...]:
    """The ids that a record names; raises `NotACase` where one names nothing that it may.

    `strict=False` lets a record name what was withdrawn, and cite a document that is not there, for reading a case
    with entries left out.
    """
    kind, named = record.kind, []
    for member, kinds in NAMES.get(kind, ()):
        value = getattr(record, member)
        for name in value if isinstance(value, tuple) else (value,):
            if name:
                named.append(_one(kind, member, name, kinds, items, strict))
    _check_documents(record, documents, strict)
    for name in getattr(record, "cites", ()):
        if name in items or name in documents:
            if name in items:
                _one(kind, "cites", name, (), items, strict)
                named.append(name)
        elif not ELSEWHERE.fullmatch(name) and (strict or not ID.fullmatch(name)):
            raise NotACase(f"{kind}: expected a citation to be an id of this case or origin#index; got {name[:60]!r}")
    named += _beside(record, items, plain, strict)
    return tuple(dict.fromkeys(named))


def _one(
    kind: str, member: str, name: str, kinds: tuple[str, ...], items: Mapping[str, "Item"], strict: bool
) -> str:
    item = items.get(name)
    wanted = f"an item of kind {' or '.join(kinds)}" if kinds else "an item of this case"
    if item is None:
        raise NotACase(f"{kind}: expected {member} to name {wanted}; nothing here is called {name[:60]!r}")
    if kinds and item.kind not in kinds:
        raise NotACase(f"{kind}: expected {member} to name {wanted}; {name} is {item.kind}")
    if strict and item.withdrawn is not None:
        raise NotACase(f"{kind}: expected {member} to name an item that counts; {name} was withdrawn")
    return name


def _check_documents(record: CaseItem, documents: Mapping[str, "Document"], strict: bool) -> None:
    name = getattr(record, "document", "")
    if not name or record.kind == "document.attached":
        return
    if name not in documents:
        if strict:
            raise NotACase(f"{record.kind}: expected a document of this case; nothing here is called {name}")
    elif documents[name].erased is not None:
        raise NotACase(f"{record.kind}: expected a document that is there; {name} was erased")


def _beside(record: CaseItem, items: Mapping[str, "Item"], plain: Sequence["Entry"], strict: bool) -> list[str]:
    """Rules that look at more than one item; returns further ids that the record names."""
    others = (item for item in items.values() if item.withdrawn is None and item.id != record.item)
    match record:
        case PartyNamed():
            _fresh(record.kind, "party", record.party, [one.party for one in _all(others, PartyNamed)])
        case ContactNamed():
            _fresh(record.kind, "person", record.person, [one.person for one in _all(others, ContactNamed)])
        case ExpertAppointed() if strict:
            if record.expert not in [one.expert for one in _all(others, ExpertProposed)]:
                raise NotACase(
                    f"expert.appointed: expected an expert who was proposed with qualifications (Art. 68(2) of the "
                    f"AI Act); {record.expert[:40]!r} was not"
                )
        case SessionHeld():
            _under(record, plain, strict)
        case SessionAnswered() if strict:
            _answers_a_session(record, items)
        case FindingStated() if strict and record.item not in items:
            _next_version(record, others)
        case FindingReplied():
            return _version_replied(record, others, strict)
        case InformationAnswered() if strict:
            _answers_what_was_asked(record, items)
        case PeriodExtended():
            _longer(record, items)
        case SuspensionEased() if strict:
            _stands(record, items)
        case SuspensionLifted() | IncidentResolved() if strict:
            _once(record, items)
        case AccessRequested() if strict:
            if record.insufficiency and ID.fullmatch(record.insufficiency):
                asked = ("information.requested", "information.answered")
                return [_one(record.kind, "insufficiency", record.insufficiency, asked, items, strict)]
        case MeasureRequested() if record.hearing and strict:
            _heard(record, items)
        case PublicationCleared() if not record.items and not record.entries:
            raise NotACase("publication.cleared: expected items or entries to clear; got none")
        case _:
            pass
    return []


def _all(others: Iterable["Item"], kind: type[T]) -> list[T]:
    return [item.record for item in others if isinstance(item.record, kind)]


def _fresh(kind: str, member: str, name: str, taken: list[str]) -> None:
    if name in taken:
        raise NotACase(f"{kind}: expected a {member} that is not named yet; {name[:40]!r} is")


def _under(record: SessionHeld, plain: Sequence["Entry"], strict: bool) -> None:
    """A session is access: it needs an arrangement in force on its day."""
    begin = parse_instant(record.begin)
    forces = [entry.record for entry in plain if isinstance(entry.record, ArrangementInForce)]
    held = any(
        one.arrangement == record.arrangement and parse_instant(one.at) <= begin < parse_instant(one.until)
        for one in forces
    )
    if strict and not held:
        raise NotACase(
            f"session.held: expected an arrangement in force at {record.begin}; none of this case was "
            f"({len(forces)} entered so far)"
        )


def _answers_a_session(record: SessionAnswered, items: Mapping[str, "Item"]) -> None:
    session = items[record.session]
    if isinstance(session.record, SessionHeld) and session.record.by == record.by:
        raise NotACase(f"session.answered: expected the other side's answer; the {record.by} entered the session")
    if record.digest != session.latest.digest:
        raise NotACase(
            "session.answered: expected the digest of the session's entry as it reads now, "
            f"{session.latest.digest}; got {record.digest}"
        )
    if record.answer == "contested" and not record.because.strip():
        raise NotACase("session.answered: expected the reason why the session is contested; got none")


def _next_version(record: FindingStated, others: Iterable["Item"]) -> None:
    versions = [one for one in _all(others, FindingStated) if one.finding == record.finding]
    expected = max((one.finding_version for one in versions), default=0) + 1
    if record.finding_version != expected:
        raise NotACase(f"finding.stated: expected version {expected} of the finding; got {record.finding_version}")
    if versions and {one.duty for one in versions} != {record.duty}:
        raise NotACase(f"finding.stated: expected its earlier versions' duty, {versions[0].duty}; got {record.duty}")


def _version_replied(record: FindingReplied, others: Iterable["Item"], strict: bool) -> list[str]:
    for item in others:
        found = item.record
        if (
            isinstance(found, FindingStated)
            and (found.finding, found.finding_version) == (record.finding, record.finding_version)
        ):
            if strict and record.digest != item.latest.digest:
                raise NotACase(
                    f"finding.replied: expected the digest of version {record.finding_version}, {item.latest.digest}; "
                    f"got {record.digest}"
                )
            return [item.id]
    if strict:
        raise NotACase(
            f"finding.replied: expected a version of a finding that was stated; {record.finding} has no version "
            f"{record.finding_version}"
        )
    return []


def _answers_what_was_asked(record: InformationAnswered, items: Mapping[str, "Item"]) -> None:
    request = items[record.request].record
    asked = len(request.asked) if isinstance(request, InformationRequested) else 0
    for answer in record.answers:
        if not 1 <= int(answer[0]) <= asked:
            raise NotACase(f"information.answered: expected numbers from 1 to {asked}; got {answer[0]}")


def _longer(record: PeriodExtended, items: Mapping[str, "Item"]) -> None:
    until = str(getattr(items[record.extends].record, "until", ""))
    if record.until <= until:
        raise NotACase(f"period.extended: expected a day after {until}; got {record.until}")


def _once(record: CaseItem, items: Mapping[str, "Item"]) -> None:
    """A suspension is lifted once, an incident resolved once."""
    target = record.suspension if isinstance(record, SuspensionLifted) else getattr(record, "incident", "")
    again = [name for name in items[target].about if items[name].kind == record.kind and items[name].withdrawn is None]
    if again and again != [record.item]:
        raise NotACase(f"{record.kind}: expected one that was not; {target} was, by item {again[0]}")


def _stands(record: SuspensionEased, items: Mapping[str, "Item"]) -> None:
    """What is eased goes on for others."""
    about = [items[name] for name in items[record.suspension].about]
    if lifted := [item for item in about if item.kind == "suspension.lifted" and item.withdrawn is None]:
        raise NotACase(f"suspension.eased: expected a suspension that stands; it was lifted by item {lifted[0].id}")


def _heard(record: MeasureRequested, items: Mapping[str, "Item"]) -> None:
    """A measure comes after the hearing was held or its period went by (Art. 94)."""
    hearing = items[record.hearing]
    held = [n for n in hearing.about if items[n].kind == "hearing.held" and items[n].withdrawn is None]
    until = str(getattr(hearing.record, "until", ""))
    if not held and record.at[:10] <= until:
        raise NotACase(
            f"measure.requested: expected the hearing to be held, or its period to be over; it runs until {until} "
            "(Art. 94 of the AI Act)"
        )
