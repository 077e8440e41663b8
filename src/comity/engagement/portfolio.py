"""Portfolio: all engagements of a home, each with what is needed to say where it stands.

A `Dossier` is one case as it stood at a time, with what follows from it: the stage, the clocks, what may be
published, and the calls under its arrangements where their ledgers are at hand.  Nothing here reads a file; whoever
opens ledgers hands in their entries (`Book`).

A law pack is read once for all cases that were opened under it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from comity.arrangement import Terms
from comity.engagement.access_record import AccessRecord
from comity.engagement.case import Case, read_entries
from comity.engagement.clearance import Clearance, clearance
from comity.engagement.clocks import CaseClock, Law, case_clocks
from comity.engagement.stages import EngagementView, stand
from comity.engagement.terms_clocks import terms_clocks
from comity.law import PLAIN, Calendar, Pack, load_pack, named_calendar
from comity.records import parse_instant, parse_record

__all__ = ["Book", "Dossier", "TermsOf", "portfolio"]

TermsOf = Callable[[Case], Mapping[str, Terms]]
"""Arrangement's id → its newest terms in force, for those of a case's arrangements whose terms this home holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One engagement's ledger, as it was read."""

    origin: str
    entries: Sequence[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One engagement at one time. Everything in it follows from entries."""

    origin: str
    at: datetime
    case: Case
    view: EngagementView
    law: Pack | None
    """The law in the version under which the case was opened; `None` where none is stated."""
    clocks: tuple[CaseClock, ...]
    """Of the law, and of the terms that are at hand."""
    cleared: Clearance
    access: tuple[AccessRecord, ...]
    """What the access ledgers of the case's arrangements say, where they are at hand."""
    terms: Mapping[str, Terms]
    """Arrangement's id → its signed terms, where they are at hand."""


def portfolio(
    books: Iterable[Book],
    at: datetime,
    *,
    access: Iterable[AccessRecord] = (),
    terms_of: TermsOf = lambda case: {},
    calendar: Calendar = PLAIN,
    law: Law = load_pack,
) -> tuple[Dossier, ...]:
    """The engagements that were open or closed by a time, by the provider's name.

    Raises an `EngagementError`, a `RecordError`, or a `LawError` for a pack that is not at hand.
    """
    law = cache(law)
    records: Mapping[str, AccessRecord] = {one.arrangement: one for one in access}
    found = [_dossier(book, at, records, terms_of, law, calendar) for book in books if _begun(book, at)]
    return tuple(sorted(found, key=lambda one: (one.view.provider.casefold(), one.view.engagement)))


def _begun(book: Book, at: datetime) -> bool:
    return bool(book.entries) and parse_instant(parse_record(book.entries[0]).at) <= at


def _dossier(
    book: Book,
    at: datetime,
    records: Mapping[str, AccessRecord],
    terms_of: TermsOf,
    law: Law,
    calendar: Calendar,
) -> Dossier:
    case = read_entries(book.entries, until=at)
    view = stand(case, at)
    opening = case.opening
    pack = law(opening.law, opening.law_version or None) if opening.law else None
    terms = terms_of(case)
    clocks = case_clocks(case, at, (pack,) if pack is not None else (), calendar)
    agreed = (one for each in terms.values() for one in terms_clocks(case, each, at, named_calendar(each.calendar)))
    arrangements = dict.fromkeys(str(getattr(entry.record, "arrangement", "")) for entry in case.plain)
    return Dossier(
        origin=book.origin,
        at=at,
        case=case,
        view=view,
        law=pack,
        clocks=(*clocks, *agreed),
        cleared=clearance(read_entries(book.entries)),
        access=tuple(records[name] for name in arrangements if name in records),
        terms=terms,
    )
