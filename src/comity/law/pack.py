"""Packs: what one law or code says, as values.

A *pack* states one consolidated version of one regime in data: its duties, instruments, incident classes,
classification rules, forms and what access consists of.  `comity.law.packs` reads one; docs/reference/law.md
describes the files.

`confidence` goes with every fact: `primary` (read in a copy of the text), `secondary` (read in another
source), `unconfirmed` (neither).  It is carried to every output, and nothing unconfirmed loses its mark.

Not promised: that a pack is the law. It says in its own words what its sources were read to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal, TypeAlias

from comity.law.deadline import Deadline
from comity.law.errors import DutyUnknown

__all__ = [
    "KINDS",
    "AccessItem",
    "Classification",
    "Condition",
    "Confidence",
    "Counting",
    "Cross",
    "DrivingDate",
    "Duty",
    "Field",
    "Force",
    "Form",
    "IncidentClass",
    "Indicator",
    "Instrument",
    "Legacy",
    "Modifier",
    "OpenSource",
    "Pack",
    "Rule",
    "Section",
    "Tolerance",
]

Confidence: TypeAlias = Literal["primary", "secondary", "unconfirmed"]
Force: TypeAlias = Literal["binding", "code", "guidance", "draft", "voluntary"]
Relation: TypeAlias = Literal["similar", "broader", "narrower", "same"]
Modality: TypeAlias = Literal["text", "audio", "image", "video"]

KINDS = (
    "critical-infrastructure",
    "cybersecurity",
    "model-exfiltration",
    "death",
    "health",
    "fundamental-rights",
    "property",
    "environment",
    "imminent-danger",
    "loss-of-control",
    "deception",
    "catastrophic",
)
"""Kinds of incident. All packs share the words, so that one incident starts the clocks of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A law, a code or a guideline that duties come from."""

    key: str
    title: str
    id: str
    """Its official identifier, such as a CELEX number; empty where none was seen."""
    url: str
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivingDate:
    """A date that drives the rules."""

    date: date
    what: str
    ref: str
    src: tuple[str, ...]
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What is owed, by whom, by when, shown by what."""

    id: str
    ref: str
    title: str
    says: str
    who: tuple[str, ...]
    applies: str
    trigger: str
    """Words, or the name of an event of the pack."""
    deadline: Deadline
    evidence: tuple[str, ...]
    force: Force
    instrument: str
    link: str
    src: tuple[str, ...]
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClass:
    """A class of incidents, and the duties whose clocks it starts."""

    id: str
    title: str
    means: str
    starts: tuple[str, ...]
    event: str
    reason: str
    """Why these clocks and not others."""
    kinds: tuple[str, ...]
    ref: str
    src: tuple[str, ...]
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a rule says and where that is from."""

    means: str
    ref: str
    src: tuple[str, ...]
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator(Rule):
    """An amount of training compute that says something about a model."""

    id: str
    flop: Fraction
    effect: Literal["indication", "presumption", "threshold"]
    counts: Literal["updates", "cumulative"]
    """Compute that contributes to updates of parameters, or all of it."""
    modalities: tuple[Modality, ...]
    """It holds only for a model that generates one of these; empty: for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modifier(Rule):
    """From which share of the original compute on a modifier is a provider."""

    share: Fraction
    unknown_original: str
    """The indicator that stands in where the original compute is not known."""
    unknown_original_systemic: str
    """The same for an original with systemic risk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition, as a question that a fact answers."""

    id: str
    means: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSource(Rule):
    """Which open models are relieved of which duties."""

    conditions: tuple[Condition, ...]
    """All must hold."""
    defeated_by: tuple[Condition, ...]
    """None may hold."""
    spared_by: tuple[Condition, ...]
    """What does not defeat it, stated because it is asked."""
    unless: tuple[str, ...]
    """Indicators that end the relief."""
    relieves: tuple[str, ...]
    """Duties that fall away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Legacy(Rule):
    """A later date for what was placed on the market earlier."""

    placed_before: date
    comply_by: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance(Rule):
    """How far an estimate of compute may be off."""

    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting(Rule):
    """What counts as training compute."""

    id: str
    counts: Literal["included", "excluded", "rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """How a model is classified."""

    indicators: tuple[Indicator, ...]
    modifier: Modifier | None
    open_source: OpenSource | None
    legacy: tuple[Legacy, ...]
    tolerance: Tolerance | None
    designation: Rule | None
    counting: tuple[Counting, ...]

    def indicator(self, name: str) -> Indicator:
        """The indicator of that id; the loader has checked that every name resolves."""
        return next(one for one in self.indicators if one.id == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form."""

    id: str
    title: str
    recipients: tuple[str, ...]
    """Who receives it; empty where the form has no such split."""
    required: bool
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Fields under one heading."""

    id: str
    title: str
    fields: tuple[Field, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A document with stated contents, whose gaps can be checked."""

    id: str
    title: str
    ref: str
    src: tuple[str, ...]
    confidence: Confidence
    duties: tuple[str, ...]
    sections: tuple[Section, ...]
    note: str

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of all sections."""
        return tuple(field for section in self.sections for field in section.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessItem:
    """A level of access, or a thing that adequate access consists of."""

    id: str
    title: str
    ref: str
    means: str
    src: tuple[str, ...]
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cross:
    """A duty of this pack beside one of another."""

    duty: str
    pack: str
    other: str
    relation: Relation
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One regime at one consolidation."""

    name: str
    version: str
    title: str
    jurisdiction: str
    about: str
    note: str
    roles: Mapping[str, str]
    scopes: Mapping[str, str]
    events: Mapping[str, str]
    phases: Mapping[str, str]
    evidence: Mapping[str, str]
    instruments: Mapping[str, Instrument]
    sources: Mapping[str, str]
    dates: tuple[DrivingDate, ...]
    duties: Mapping[str, Duty]
    """In the order of the files."""
    incidents: tuple[IncidentClass, ...]
    classification: Classification | None
    forms: tuple[Form, ...]
    levels: tuple[AccessItem, ...]
    access: tuple[AccessItem, ...]
    crosswalk: tuple[Cross, ...]

    def duty(self, name: str) -> Duty:
        """The duty of that id; raises `DutyUnknown`."""
        if name not in self.duties:
            raise DutyUnknown(
                f"expected a duty of {self.name} {self.version}; got {name[:60]!r}; "
                f"'comity law duties {self.name}' lists them"
            )
        return self.duties[name]
