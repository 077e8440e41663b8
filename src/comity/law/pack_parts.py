"""The parts of a pack, read member by member: its frame, its duties, and the files beside them.

What each file may hold is in docs/reference/law.md.  Nothing here raises: faults are noted in the reading.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

from comity.law.deadline import EVENT, Deadline, Every, InWords, parse_deadline
from comity.law.errors import DeadlineRefused
from comity.law.pack import (
    KINDS,
    AccessItem,
    Classification,
    Confidence,
    Cross,
    DrivingDate,
    Duty,
    Field,
    Force,
    Form,
    IncidentClass,
    Instrument,
    Relation,
    Section,
)
from comity.law.pack_rules import read_classification
from comity.law.reading import KEY, MAX_TITLE, Reading
from comity.law.source import ABSENT, Node

__all__ = ["Frame", "Names", "Parts", "read_duties", "read_frame", "read_parts"]

KEY_MEANING: Final = "a key of letters, digits and ._+- (at most 64)"
EVENT_MEANING: Final = "an event's name in capitals, digits and underscores"
RECIPIENTS: Final = ("aio", "nca", "dp")
"""AI Office, national competent authorities, downstream providers; a pack's roles may be named as well."""

_SOURCED: Final = ("src", "confidence")
NO_DEADLINE: Final = Deadline(clauses=(InWords(word="none"),))
"""Stands in for a deadline that was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What references may lead to."""

    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    events: tuple[str, ...]
    phases: tuple[str, ...]
    evidence: tuple[str, ...]
    instruments: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What pack.yaml declares."""

    roles: Mapping[str, str]
    scopes: Mapping[str, str]
    events: Mapping[str, str]
    phases: Mapping[str, str]
    evidence: Mapping[str, str]
    instruments: Mapping[str, Instrument]
    sources: Mapping[str, str]
    dates: tuple[DrivingDate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the files beside the duties hold."""

    incidents: tuple[IncidentClass, ...]
    classification: Classification | None
    forms: tuple[Form, ...]
    levels: tuple[AccessItem, ...]
    access: tuple[AccessItem, ...]
    crosswalk: tuple[Cross, ...]


def read_frame(members: Mapping[str, tuple[str, Node]], reading: Reading) -> Frame:
    """The declarations of pack.yaml, each member with the file that it came from."""

    def glossary(name: str, pattern: str = KEY, meaning: str = KEY_MEANING) -> dict[str, str]:
        reading.file, node = members[name]
        return reading.glossary(node, name, pattern, meaning)

    sources = glossary("sources")
    return Frame(
        roles=glossary("roles"),
        scopes=glossary("scopes"),
        events=glossary("events", EVENT, EVENT_MEANING),
        phases=glossary("phases"),
        evidence=glossary("evidence"),
        instruments=_instruments(members["instruments"], reading),
        sources=sources,
        dates=_dates(members["dates"], tuple(sources), reading),
    )


def _instruments(where: tuple[str, Node], reading: Reading) -> dict[str, Instrument]:
    reading.file, top = where
    found: dict[str, Instrument] = {}
    for node, member in reading.items(top, "instruments", least=1):
        own = reading.members(node, member, ("key", "title", "confidence"), ("id", "url", "note"))
        key = reading.key(own["key"], f"{member}.key")
        if key in found:
            reading.refuse(node, member, "each instrument once", f"{key!r} again")
        found[key] = Instrument(
            key=key,
            title=reading.text(own["title"], f"{member}.title", 300),
            id=reading.text(own["id"], f"{member}.id", MAX_TITLE),
            url=_link(own["url"], f"{member}.url", reading),
            confidence=confidence(own["confidence"], f"{member}.confidence", reading),
        )
    return found


def _dates(where: tuple[str, Node], sources: Sequence[str], reading: Reading) -> tuple[DrivingDate, ...]:
    reading.file, top = where
    found = []
    for node, member in reading.items(top, "dates"):
        own = reading.members(node, member, ("date", "what", "ref", "confidence"), ("src", "note"))
        found.append(
            DrivingDate(
                date=reading.day(own["date"], f"{member}.date"),
                what=reading.text(own["what"], f"{member}.what"),
                ref=reading.text(own["ref"], f"{member}.ref", MAX_TITLE),
                src=reading.choices(own["src"], f"{member}.src", sources),
                confidence=confidence(own["confidence"], f"{member}.confidence", reading),
                note=reading.text(own["note"], f"{member}.note"),
            )
        )
    return tuple(found)


def read_duties(gathered: Sequence[tuple[str, Node, str]], names: Names, reading: Reading) -> dict[str, Duty]:
    """The duties of all files, in their order."""
    found: dict[str, Duty] = {}
    for reading.file, node, member in gathered:
        duty = _duty(node, member, names, reading)
        if duty.id and duty.id in found:
            reading.refuse(node, f"{member}.id", "each duty once", f"{duty.id!r} again")
        found[duty.id] = duty
    return found


def _duty(node: Node, member: str, names: Names, reading: Reading) -> Duty:
    required = ("id", "ref", "title", "who", "applies", "trigger", "deadline", "evidence", "force", "instrument")
    own = reading.members(node, member, (*required, *_SOURCED), ("says", "link", "note"))
    trigger = reading.text(own["trigger"], f"{member}.trigger")
    if re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", trigger) and trigger not in names.events:
        reading.refuse(own["trigger"], f"{member}.trigger", "words, or an event of pack.yaml", f"{trigger!r}")
    return Duty(
        id=reading.key(own["id"], f"{member}.id"),
        ref=reading.text(own["ref"], f"{member}.ref", MAX_TITLE),
        title=reading.text(own["title"], f"{member}.title", MAX_TITLE),
        says=reading.text(own["says"], f"{member}.says"),
        who=reading.choices(own["who"], f"{member}.who", names.roles, least=1),
        applies=_one_of(own["applies"], f"{member}.applies", names.scopes, reading),
        trigger=trigger,
        deadline=_deadline(own["deadline"], f"{member}.deadline", names, reading),
        evidence=reading.choices(own["evidence"], f"{member}.evidence", names.evidence),
        force=cast(Force, reading.choice(own["force"], f"{member}.force", get_args(Force))),
        instrument=_one_of(own["instrument"], f"{member}.instrument", names.instruments, reading),
        link=_link(own["link"], f"{member}.link", reading),
        src=reading.choices(own["src"], f"{member}.src", names.sources, least=1),
        confidence=confidence(own["confidence"], f"{member}.confidence", reading),
        note=reading.text(own["note"], f"{member}.note"),
    )


def _deadline(node: Node, member: str, names: Names, reading: Reading) -> Deadline:
    text = reading.text(node, member)
    if not text:
        return NO_DEADLINE
    try:
        deadline = parse_deadline(text)
    except DeadlineRefused as error:
        reading.refuse(node, member, "a deadline of the grammar", str(error))
        return NO_DEADLINE
    for event in deadline.events:
        if event not in names.events:
            reading.refuse(node, member, "events of pack.yaml", f"{event!r}")
    for phase in deadline.phases:
        if phase not in names.phases:
            reading.refuse(node, member, "phases of pack.yaml", f"{phase!r}")
    return deadline


def read_parts(
    others: Mapping[str, tuple[str, Node]], names: Names, duties: Mapping[str, Duty], reading: Reading
) -> Parts:
    """The files beside the duties."""

    def top(name: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Mapping[str, Node]:
        if name not in others:
            return dict.fromkeys((*required, *optional), ABSENT)
        reading.file, node = others[name]
        return reading.members(node, "", required, optional)

    classes = top("incidents.yaml", ("classes",))["classes"]
    incidents = tuple(_incident(*one, names, duties, reading) for one in reading.items(classes, "classes"))
    rules = top("classification.yaml", (), ("indicators", "modifier", "open_source", "legacy", "tolerance",
                                            "designation", "counting"))  # fmt: skip
    classification = (
        read_classification(rules, names.sources, tuple(duties), reading) if "classification.yaml" in others else None
    )
    sheets = top("documents.yaml", ("forms",))["forms"]
    forms = tuple(_form(*one, names, tuple(duties), reading) for one in reading.items(sheets, "forms"))
    given = top("access.yaml", (), ("levels", "items"))
    levels = _access(given["levels"], "levels", names, reading)
    access = _access(given["items"], "items", names, reading)
    maps = top("crosswalk.yaml", ("maps",))["maps"]
    crosswalk = tuple(_cross(*one, tuple(duties), reading) for one in reading.items(maps, "maps"))
    return Parts(
        incidents=incidents,
        classification=classification,
        forms=forms,
        levels=levels,
        access=access,
        crosswalk=crosswalk,
    )


def _incident(node: Node, member: str, names: Names, duties: Mapping[str, Duty], reading: Reading) -> IncidentClass:
    required = ("id", "title", "means", "starts", "event", "reason", "ref", "kinds")
    own = reading.members(node, member, (*required, *_SOURCED), ("note",))
    starts = reading.choices(own["starts"], f"{member}.starts", duties, least=1)
    event = _one_of(own["event"], f"{member}.event", names.events, reading)
    if event and starts and not any(_counts_from(duties[name], event) for name in starts):
        reading.refuse(own["starts"], f"{member}.starts", f"one duty or more whose deadline counts from {event}")
    return IncidentClass(
        id=reading.key(own["id"], f"{member}.id"),
        title=reading.text(own["title"], f"{member}.title", MAX_TITLE),
        means=reading.text(own["means"], f"{member}.means"),
        starts=starts,
        event=event,
        reason=reading.text(own["reason"], f"{member}.reason"),
        kinds=reading.choices(own["kinds"], f"{member}.kinds", KINDS, least=1),
        ref=reading.text(own["ref"], f"{member}.ref", MAX_TITLE),
        src=reading.choices(own["src"], f"{member}.src", names.sources, least=1),
        confidence=confidence(own["confidence"], f"{member}.confidence", reading),
        note=reading.text(own["note"], f"{member}.note"),
    )


def _counts_from(duty: Duty, event: str) -> bool:
    recurring = any(isinstance(clause, Every) for clause in duty.deadline.clauses)
    return event in duty.deadline.events or (recurring and duty.trigger == event)


def _form(node: Node, member: str, names: Names, duties: Sequence[str], reading: Reading) -> Form:
    own = reading.members(node, member, ("id", "title", "ref", "sections", *_SOURCED), ("duties", "note"))
    sure = confidence(own["confidence"], f"{member}.confidence", reading)
    return Form(
        id=reading.key(own["id"], f"{member}.id"),
        title=reading.text(own["title"], f"{member}.title", MAX_TITLE),
        ref=reading.text(own["ref"], f"{member}.ref", MAX_TITLE),
        src=reading.choices(own["src"], f"{member}.src", names.sources, least=1),
        confidence=sure,
        duties=reading.choices(own["duties"], f"{member}.duties", duties),
        sections=tuple(
            _section(*one, sure, names, reading)
            for one in reading.items(own["sections"], f"{member}.sections", least=1)
        ),
        note=reading.text(own["note"], f"{member}.note"),
    )


def _section(node: Node, member: str, sure: Confidence, names: Names, reading: Reading) -> Section:
    own = reading.members(node, member, ("id", "title", "fields"), ("note",))
    fields = []
    for item, path in reading.items(own["fields"], f"{member}.fields", least=1):
        inner = reading.members(item, path, ("id", "title"), ("recipients", "required", "confidence", "note"))
        stated = inner["confidence"]
        fields.append(
            Field(
                id=reading.key(inner["id"], f"{path}.id"),
                title=reading.text(inner["title"], f"{path}.title", 400),
                recipients=reading.choices(
                    inner["recipients"], f"{path}.recipients", dict.fromkeys((*RECIPIENTS, *names.roles))
                ),
                required=reading.flag(inner["required"], f"{path}.required", True),
                confidence=sure if stated.value is None else confidence(stated, f"{path}.confidence", reading),
                note=reading.text(inner["note"], f"{path}.note"),
            )
        )
    return Section(
        id=reading.key(own["id"], f"{member}.id"),
        title=reading.text(own["title"], f"{member}.title", MAX_TITLE),
        fields=tuple(fields),
        note=reading.text(own["note"], f"{member}.note"),
    )


def _access(top: Node, name: str, names: Names, reading: Reading) -> tuple[AccessItem, ...]:
    found = []
    for node, member in reading.items(top, name):
        own = reading.members(node, member, ("id", "title", "means", *_SOURCED), ("ref", "note"))
        found.append(
            AccessItem(
                id=reading.key(own["id"], f"{member}.id"),
                title=reading.text(own["title"], f"{member}.title", MAX_TITLE),
                ref=reading.text(own["ref"], f"{member}.ref", MAX_TITLE),
                means=reading.text(own["means"], f"{member}.means"),
                src=reading.choices(own["src"], f"{member}.src", names.sources, least=1),
                confidence=confidence(own["confidence"], f"{member}.confidence", reading),
                note=reading.text(own["note"], f"{member}.note"),
            )
        )
    return tuple(found)


def _cross(node: Node, member: str, duties: Sequence[str], reading: Reading) -> Cross:
    own = reading.members(node, member, ("from", "to", "relation"), ("note",))
    to = reading.members(own["to"], f"{member}.to", ("pack", "duty"))
    return Cross(
        duty=_one_of(own["from"], f"{member}.from", duties, reading),
        pack=reading.key(to["pack"], f"{member}.to.pack"),
        other=reading.key(to["duty"], f"{member}.to.duty"),
        relation=cast(Relation, reading.choice(own["relation"], f"{member}.relation", get_args(Relation))),
        note=reading.text(own["note"], f"{member}.note"),
    )


def confidence(node: Node, member: str, reading: Reading) -> Confidence:
    """How sure a fact is; the weakest word stands in for a fault."""
    return cast(Confidence, reading.choice(node, member, tuple(reversed(get_args(Confidence)))))


def _one_of(node: Node, member: str, options: Sequence[str], reading: Reading) -> str:
    """A reference that must resolve."""
    if node.value is None:
        return ""
    if not isinstance(node.value, str) or node.value not in options:
        listed = ", ".join(options[:12]) + (", …" if len(options) > 12 else "")
        reading.refuse(node, member, f"one of {listed or 'none, since none is declared'}")
        return ""
    return node.value


def _link(node: Node, member: str, reading: Reading) -> str:
    return reading.matching(node, member, r"https?://[!-~]{4,400}", "a web address")
