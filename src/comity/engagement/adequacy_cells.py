"""Cells of adequacy: one status in one word, what it says, and the entries that it follows from.

| cell | statuses |
|---|---|
| promised | `agreed` · `asked` · `not promised` |
| delivered | `evidenced` · `contested` · `attested` · `none` · `not known` |
| used | `used` · `not used` · `not recorded` · `not known` |
| denied | `denied` · `nothing` |

Nobody writes a status.  `evidenced`: a record shows it that the other side signed or that a gateway made.
`attested`: one side's word.  `contested`: the other side says that it was not so.  `not known`: an arrangement came
into force, and the access ledger, in which it would stand, is not at hand.  `not recorded`: no entry could show it.

`Sources` is what an arrangement's page is made from; the functions here look one kind of record up in it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from comity.arrangement import Terms
from comity.engagement.access_days import AccessDays
from comity.engagement.access_record import AccessRecord, Calls, Figure
from comity.engagement.adequacy_map import LEAST_MITIGATED, OTHERS, Way, names
from comity.engagement.case import Case, Entry, Item
from comity.engagement.sessions import Session
from comity.records import (
    AccessRequested,
    InformationAnswered,
    InformationRequested,
    ItemAnswered,
)

__all__ = [
    "NOT_AT_HAND", "Cell", "Found", "Mark", "Sources", "asked", "calls_of", "counted", "declined", "documents",
    "figure_cell", "refusals", "sessions_of",
]  # fmt: skip

Mark = Literal["", "enforced", "evidenced", "attested"]

NOT_AT_HAND: Final = "no access ledger at hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One answer, and what it follows from."""

    status: str
    words: str = ""
    short: str = ""
    """The words in short, such as a count; empty where the status alone is short enough."""
    mark: Mark = ""
    """How it is kept or shown; empty where there is nothing to mark."""
    cites: tuple[str, ...] = ()
    """`origin#index` of entries; the first of them where `sampled`."""
    sampled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that speaks for a delivery."""

    status: Literal["evidenced", "contested", "attested"]
    words: str
    cites: tuple[str, ...]
    sampled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What one arrangement's page is made from."""

    case: Case
    origin: str
    """The case's ledger."""
    force: Entry | None
    """The entry by which the newest terms came into force; `None` where none stands."""
    terms: Terms | None
    """These terms, where they are at hand."""
    access: AccessRecord | None
    """The arrangement's access ledger, where it is at hand."""
    sessions: tuple[Session, ...]
    """The arrangement's sessions."""
    days: AccessDays | None
    at: datetime

    def cite(self, *entries: Entry) -> tuple[str, ...]:
        """Citations of entries of the case."""
        return tuple(f"{self.origin}#{index}" for index in dict.fromkeys(entry.index for entry in entries))

    @property
    def agreed(self) -> Terms | None:
        """The terms, as long as an entry brings them into force."""
        return self.terms if self.force is not None else None

    @property
    def blind(self) -> bool:
        """Whether there can have been calls, and the ledger in which they would stand is not at hand."""
        return self.force is not None and self.access is None

    @property
    def by_force(self) -> tuple[str, ...]:
        """The citation of that entry."""
        return self.cite(self.force) if self.force is not None else ()


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 call, 2 calls."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def figure_cell(status: str, words: str, sources: Sources, *figures: Figure, short: str = "") -> Cell:
    """A cell out of figures of the access ledger."""
    if sources.access is None:
        raise AssertionError("figures come from an access ledger at hand")
    cites = sources.access.cite(index for figure in figures for index in figure.cites)
    sampled = not all(figure.in_full for figure in figures)
    return Cell(status=status, words=words, short=short, cites=cites, sampled=sampled)


def models_of(way: Way, terms: Terms) -> tuple[str, ...]:
    """The terms' models whose variant a way speaks of."""
    return tuple(
        model.name
        for model in terms.models
        if model.variant in way.variants or (OTHERS in way.variants and model.variant not in LEAST_MITIGATED)
    )


def calls_of(way: Way, sources: Sources) -> Iterator[tuple[str, Calls]]:
    """Calls that speak of an item: a name to tell them by, and the figures."""
    if sources.access is None:
        return
    for name in way.features:
        if name in sources.access.features:
            yield f"that asked for {name}", sources.access.features[name]
    if way.variants and sources.agreed is not None:
        for name in models_of(way, sources.agreed):
            if name in sources.access.models:
                yield f"to {name}", sources.access.models[name]


def sessions_of(way: Way, sources: Sources) -> tuple[Session, ...]:
    """Sessions of a way's forms, and those that showed what it names."""
    return tuple(
        one
        for one in sources.sessions
        if one.record.form in way.forms or (way.words and any(names(text, way.words) for text in one.record.shown))
    )


def session_found(one: Session, sources: Sources) -> Found:
    """What a session says of a delivery: both sides' word, one side's, or one against the other."""
    what = f"{one.record.form} session of {one.record.begin[:10]}"
    other = "provider" if one.record.by == "authority" else "authority"
    cites = sources.cite(*one.entries)
    if one.status == "contested":
        return Found(status="contested", words=f"{what}, contested by the {other}", cites=cites)
    if one.status == "countersigned" and one.signed == "signed":
        return Found(status="evidenced", words=f"{what}, countersigned", cites=cites)
    how = {
        "countersigned": f"countersigned, {one.signed}",
        "corrected": "corrected since it was answered",
        "entered": f"entered by the {one.record.by} alone",
    }[one.status]
    return Found(status="attested", words=f"{what}, {how}", cites=cites)


def documents(way: Way, sources: Sources) -> Iterator[tuple[Found | None, Cell | None]]:
    """Answers to information requests that name an item: what was supplied, and what was refused."""
    if not way.words:
        return
    case = sources.case
    for item, request in case.records(InformationRequested):
        for number, text in enumerate(request.asked, start=1):
            if names(text, way.words):
                yield from _answers(item, request, str(number), sources)


def _answers(
    item: Item, request: InformationRequested, number: str, sources: Sources
) -> Iterator[tuple[Found | None, Cell | None]]:
    """The newest answer to one thing asked: what came later replaces what came before."""
    case = sources.case
    given = [
        (answer, record, row)
        for answer, record in case.about(item.id, InformationAnswered)
        for row in record.answers
        if row[0] == number
    ]
    if not given:
        return
    answer, record, row = given[-1]
    held = [name for name in row[2:] if name in case.documents]
    named = held or (list(answer.documents) if len(request.asked) == 1 else [])
    standing = [name for name in named if case.stands(name)]
    cites = sources.cite(answer.entry, *(case.documents[name].entry for name in standing))
    on, part = record.on[:10], "in part " if row[1] == "partly" else ""
    if row[1] in ("refused", "not-held"):
        said = "refused" if row[1] == "refused" else "said not to be held"
        yield None, Cell(status="denied", words=f"{said} on {on}", short=row[1], cites=cites)
    elif standing:
        words = f"{counted(len(standing), 'document')} supplied {part}on {on}"
        yield Found(status="evidenced", words=words, cites=cites), None
    else:
        yield Found(status="attested", words=f"said to be supplied {part}on {on}", cites=cites), None


def asked(way: Way, sources: Sources) -> Iterator[tuple[str, Entry]]:
    """Requests that name an item: in words, and the entry."""
    case = sources.case
    if way.words:
        for item, request in case.records(InformationRequested):
            if any(names(text, way.words) for text in request.asked):
                yield f"asked for on {request.on[:10]} (Art. 91)", item.latest
    for item, wanted in case.records(AccessRequested):
        if set(way.means) & set(wanted.means):
            yield f"requested on {wanted.on[:10]} (Art. 92)", item.latest
        elif way.rule == "logging" and wanted.logging.strip():
            yield f"ordered on {wanted.on[:10]}: {wanted.logging}", item.latest
        elif way.rule == "timely":
            yield f"by {wanted.until} (Art. 92)", item.latest


def declined(way: Way, sources: Sources) -> Iterator[Cell]:
    """Access requests for an item that the provider declined."""
    case = sources.case
    for item, wanted in case.records(AccessRequested):
        if not set(way.means) & set(wanted.means):
            continue
        for answer, record in case.about(item.id, ItemAnswered):
            if record.answer == "declined":
                words = f"request of {wanted.on[:10]} declined on {record.on[:10]}"
                yield Cell(status="denied", words=words, short="declined", cites=sources.cite(answer.entry))


def refusals(clauses: Iterable[str], sources: Sources) -> Iterator[tuple[str, Figure]]:
    """Refusals under clauses, or clauses below them, by clause."""
    if sources.access is None:
        return
    named = tuple(clauses)
    for clause, figure in sorted(sources.access.refused.items()):
        if any(clause == name or clause.startswith(f"{name}.") for name in named):
            yield clause, figure
