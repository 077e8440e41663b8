"""Adequacy: promised, delivered, used and denied, for each thing that access consists of.

`read_adequacy` makes the page of one arrangement at one time out of its case, its terms and its access ledger.  It has
a row for every item of the law pack's access items (the Code's App. 3.4 and Measure 3.5; those of the draft regulation
apart), one for every clause of the terms that promises something, and the business days of the window.

Every cell follows from entries and cites them: leave them out, and it says something else.  What its statuses mean is
in `comity.engagement.adequacy_cells`, which records speak of which item in `comity.engagement.adequacy_map`.

Sessions count as calls do: a countersigned session is evidence as an answered call is.

Not promised: that access was enough. The page shows what was given and what was not; adequate is a judgement.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from comity.arrangement import Terms
from comity.engagement.access_days import AccessDays, Shut, access_days
from comity.engagement.access_record import AccessRecord
from comity.engagement.adequacy_cells import (
    NOT_AT_HAND,
    Cell,
    Found,
    Sources,
    asked,
    calls_of,
    counted,
    declined,
    documents,
    figure_cell,
    refusals,
    session_found,
    sessions_of,
)
from comity.engagement.adequacy_clauses import ClauseRow, clause_rows
from comity.engagement.adequacy_map import WAYS, Way
from comity.engagement.adequacy_rules import delivered_by_rule, denied_by_rule, promised_by_rule, used_by_rule
from comity.engagement.case import Case, Entry
from comity.engagement.sessions import Keys, Session, read_sessions
from comity.engagement.when import parse_when
from comity.law import AccessItem, Calendar, Pack, named_calendar
from comity.records import ArrangementInForce, SuspensionImposed, SuspensionLifted

__all__ = ["Adequacy", "ItemRow", "arrangements_of", "read_adequacy"]

DRAFT: Final = "draft."
ORDER: Final = ("evidenced", "contested", "attested")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One thing that access consists of."""

    item: AccessItem
    draft: bool
    """Whether only the draft regulation asks for it."""
    promised: Cell
    delivered: Cell
    used: Cell
    denied: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Adequacy:
    """The page of one arrangement. Everything in it follows from entries."""

    case: Case
    arrangement: str
    terms: Terms | None
    access: AccessRecord | None
    at: datetime
    items: tuple[ItemRow, ...]
    clauses: tuple[ClauseRow, ...]
    days: AccessDays | None
    """`None` where the terms or the access ledger are not at hand."""


def arrangements_of(case: Case) -> tuple[str, ...]:
    """The case's arrangements that came into force, in that order."""
    found = [entry.record.arrangement for entry in case.plain if isinstance(entry.record, ArrangementInForce)]
    return tuple(dict.fromkeys(found))


def read_adequacy(
    case: Case,
    origin: str,
    arrangement: str,
    pack: Pack,
    at: datetime,
    *,
    terms: Terms | None,
    access: AccessRecord | None,
    calendar: Calendar | None = None,
) -> Adequacy:
    """The page of one arrangement at a time; raises a `LawError` for a calendar that is not known.

    `terms` are the newest in force; other ones, or those of no entry of the case, count for nothing.
    """
    force = _force(case, arrangement)
    agreed = terms if force is not None and terms is not None and _same(force, terms) else None
    keys: Keys = {arrangement: {str(side): key for side, key in agreed.parties.keys().items()}} if agreed else {}
    found = tuple(one for one in read_sessions(case, keys) if one.record.arrangement == arrangement)
    by = calendar or (named_calendar(agreed.calendar) if agreed is not None else None)
    days = None
    if agreed is not None and access is not None and access.signed and by is not None:
        days = access_days(agreed, access, by, at, _outside(case, origin, agreed, by))
    sources = Sources(
        case=case, origin=origin, force=force, terms=agreed, access=access, sessions=found, days=days, at=at
    )
    return Adequacy(
        case=case,
        arrangement=arrangement,
        terms=agreed,
        access=access,
        at=at,
        items=tuple(_row(item, WAYS[item.id], sources) for item in pack.access if item.id in WAYS),
        clauses=tuple(clause_rows(sources)) if agreed is not None else (),
        days=days,
    )


def _force(case: Case, arrangement: str) -> Entry | None:
    found = [
        entry
        for entry in case.plain
        if isinstance(entry.record, ArrangementInForce) and entry.record.arrangement == arrangement
    ]
    return found[-1] if found else None


def _same(force: Entry, terms: Terms) -> bool:
    return getattr(force.record, "digest", "") == terms.digest


def _outside(case: Case, origin: str, terms: Terms, calendar: Calendar) -> Iterator[Shut]:
    """Suspensions by third parties that reach every model of the terms, from the case."""
    models = {model.name for model in terms.models}
    for item, record in case.records(SuspensionImposed):
        if record.subjects and not models <= set(record.subjects):
            continue
        lifted = [other for other, _ in case.about(item.id, SuspensionLifted)]
        entries = (item.entry, *(other.entry for other in lifted[:1]))
        yield Shut(
            since=_instant(str(getattr(item.record, "on", "")), item.entry, calendar),
            until=_instant(lifted[0].record.on, lifted[0].entry, calendar) if lifted else None,
            cause=f"{record.cause} by {record.by}",
            cites=tuple(f"{origin}#{entry.index}" for entry in entries),
        )


def _instant(on: str, entry: Entry, calendar: Calendar) -> datetime:
    """From when something held: its exact day or instant, else the time of its entry."""
    when = parse_when(on)
    if when.exact and when.first is not None:
        return calendar.first_instant(when.first)
    return entry.entered


def _row(item: AccessItem, way: Way, sources: Sources) -> ItemRow:
    return ItemRow(
        item=item,
        draft=item.id.startswith(DRAFT),
        promised=_promised(item, way, sources),
        delivered=_delivered(item, way, sources),
        used=_used(way, sources),
        denied=_denied(way, sources),
    )


def _promised(item: AccessItem, way: Way, sources: Sources) -> Cell:
    terms = sources.agreed
    if terms is not None:
        for one in terms.access:
            if one.item == item.id:
                words = f"{one.promise.strip()} ({one.means})"
                return Cell(status="agreed", words=words, mark="evidenced", cites=sources.by_force)
        if (cell := promised_by_rule(way, sources)) is not None:
            return cell
        if allowed := [name for name in way.features if name in terms.features]:
            words = ", ".join(f"features.{name}" for name in allowed)
            return Cell(status="agreed", words=words, mark="enforced", cites=sources.by_force)
    if wanted := list(asked(way, sources)):
        words = "; ".join(text for text, _ in wanted)
        return Cell(status="asked", words=words, cites=sources.cite(*(entry for _, entry in wanted)))
    return Cell(status="not promised")


def _delivered(item: AccessItem, way: Way, sources: Sources) -> Cell:
    found = [*_found(way, sources)]
    cell = _united(found)
    if cell is None:
        unknown = sources.blind and bool(way.features or way.variants or way.rule in ("time", "compute", "channel"))
        return Cell(status="not known", words=NOT_AT_HAND) if unknown else Cell(status="none")
    if way.ceiling == "attested" and cell.status == "evidenced":
        return replace(cell, status="attested", mark="attested", words=f"{cell.words}; the rest is the provider's word")
    return cell


def _found(way: Way, sources: Sources) -> Iterator[Found]:
    yield from delivered_by_rule(way, sources)
    for name, calls in calls_of(way, sources):
        if calls.answered.count and sources.access is not None:
            words = f"{counted(calls.answered.count, 'answer')} to calls {name}"
            cites, sampled = sources.access.cite(calls.answered.cites), not calls.answered.in_full
            yield Found(status="evidenced", words=words, cites=cites, sampled=sampled)
    for one in sessions_of(way, sources):
        yield session_found(one, sources)
    for supplied, _ in documents(way, sources):
        if supplied is not None:
            yield supplied


def _united(found: Sequence[Found]) -> Cell | None:
    """One cell of everything that speaks for a delivery: the strongest status, and all words."""
    if not found:
        return None
    status = next(status for status in ORDER if any(one.status == status for one in found))
    cites = dict.fromkeys(cite for one in found for cite in one.cites)
    return Cell(
        status=status,
        words="; ".join(one.words for one in found),
        mark="" if status == "contested" else "evidenced" if status == "evidenced" else "attested",
        cites=tuple(cites),
        sampled=any(one.sampled for one in found),
    )


def _used(way: Way, sources: Sources) -> Cell:
    if (cell := used_by_rule(way, sources)) is not None:
        return cell
    calls = [(name, calls) for name, calls in calls_of(way, sources) if calls.permitted.count]
    held = [one for one in sessions_of(way, sources) if one.status != "contested"]
    number = sum(one.permitted.count for _, one in calls)
    words = [f"{counted(one.permitted.count, 'call')} {name}" for name, one in calls]
    words += [counted(len(held), "session")] if held else []
    short = counted(number, "call") if number else counted(len(held), "session")
    if words and sources.access is not None:
        cell = figure_cell("used", "; ".join(words), sources, *(one.permitted for _, one in calls), short=short)
        return replace(cell, cites=(*cell.cites, *_of_sessions(held, sources)))
    if words:
        return Cell(status="used", words="; ".join(words), short=short, cites=_of_sessions(held, sources))
    if way.features or way.variants:
        return Cell(status="not known", words=NOT_AT_HAND) if sources.blind else Cell(status="not used")
    if any(supplied is not None for supplied, _ in documents(way, sources)):
        return Cell(status="not recorded", words="who reads a document leaves no entry")
    return Cell(status="not used")


def _of_sessions(held: Sequence[Session], sources: Sources) -> tuple[str, ...]:
    return sources.cite(*(one.item.entry for one in held))


def _denied(way: Way, sources: Sources) -> Cell:
    clauses = (*(f"features.{name}" for name in way.features), *way.clauses)
    found = [
        figure_cell(
            "denied", f"{counted(figure.count, 'refusal')}: {clause}", sources, figure,
            short=counted(figure.count, "refusal"),
        )
        for clause, figure in refusals(clauses, sources)
    ]  # fmt: skip
    found += denied_by_rule(way, sources)
    found += declined(way, sources)
    found += [refused for _, refused in documents(way, sources) if refused is not None]
    if not found:
        return Cell(status="nothing")
    return Cell(
        status="denied",
        words="; ".join(cell.words for cell in found),
        short=found[0].short if len(found) == 1 else "",
        cites=tuple(dict.fromkeys(cite for cell in found for cite in cell.cites)),
        sampled=any(cell.sampled for cell in found),
    )

