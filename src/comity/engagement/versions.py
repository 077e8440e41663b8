"""Versions: each version of a provider's models, from its release to how deep it was tested.

| figure | from |
|---|---|
| released, notified, access | events `VERSION_RELEASED`, `VERSION_NOTIFIED`, `VERSION_ACCESS` (`event.stated`) |
| access | terms in force that list it, too, where that is earlier |
| runs, items, calls | the arrangements' access ledgers: runs whose calls asked for it, rows of their scores, answers |
| untested since | whole days since its last answered call; without one since access to it, or its release |
| overdue | clocks of the terms (`comity.engagement.terms_clocks`) and of nothing else |

A version is named by an event, by what the case or an offer is about, by terms in force, or by an answered call.
One that no entry says was released has no release day.

Where an arrangement's access ledger is not at hand, depth is known in part or not at all, and no day is untested.

Every figure cites the entries behind it, of the case or of an access ledger.

Not promised: that a version which nobody entered does not exist.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from comity.arrangement import Terms
from comity.engagement.access_record import AccessRecord, Figure
from comity.engagement.adequacy import arrangements_of
from comity.engagement.case import Case, Entry
from comity.engagement.clocks import CaseClock
from comity.engagement.terms_clocks import terms_clocks
from comity.engagement.when import parse_when
from comity.law import Calendar, named_calendar
from comity.records import ArrangementInForce, EventStated, OfferStated, parse_instant

__all__ = ["Cited", "Dealings", "Overdue", "Tested", "Version", "read_versions"]

VERSION_EVENTS = ("VERSION_RELEASED", "VERSION_NOTIFIED", "VERSION_ACCESS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealings:
    """One case with the provider, and what is at hand beside it."""

    case: Case
    origin: str
    terms: Mapping[str, Terms]
    """Arrangement's id → its newest terms in force."""
    access: Mapping[str, AccessRecord]
    """Arrangement's id → its access ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """When something was so, as exactly as is known, and the entry that says it."""

    on: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """How deep a version was tested."""

    runs: int
    items: int
    calls: int
    last: datetime | None
    cites: tuple[str, ...]
    sampled: bool
    partial: bool
    """Whether the access ledger of an arrangement is not at hand, so that there may be more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A clock of the terms that is overdue."""

    title: str
    clause: str
    due: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a model."""

    name: str
    released: Cited | None
    notified: Cited | None
    access: Cited | None
    tested: Tested | None
    """`None` where no access ledger is at hand."""
    untested_days: int | None
    """Whole days; `None` where neither a call nor a release nor access has a day."""
    overdue: tuple[Overdue, ...]


@dataclass(slots=True)
class _Told:
    """What is known of one version while the dealings are read."""

    events: dict[str, Cited] = field(default_factory=dict)
    listed: Cited | None = None
    runs: int = 0
    items: int = 0
    calls: int = 0
    last: datetime | None = None
    cites: list[str] = field(default_factory=list)
    sampled: bool = False
    overdue: list[Overdue] = field(default_factory=list)


def read_versions(dealings: Iterable[Dealings], at: datetime) -> tuple[Version, ...]:
    """The versions of one provider, the newest first; those without a day last."""
    told: dict[str, _Told] = {}
    read = missing = 0
    for one in dealings:
        _named(one, told)
        _events(one, told)
        _listed(one, told)
        for name in arrangements_of(one.case):
            if name in one.access:
                _tested(one.access[name], told)
                read += 1
            else:
                missing += 1
        _overdue(one, told, at)
    found = [
        _version(name, known, at, counted=bool(read) or not missing, partial=bool(missing))
        for name, known in told.items()
    ]
    return tuple(sorted(found, key=_newest_first))


def _newest_first(one: Version) -> tuple[int, str]:
    first = next((cited.on for cited in (one.released, one.access, one.notified) if cited is not None), "")
    day = parse_when(first).day if first else None
    return (-day.toordinal() if day is not None else 1, one.name)


def _named(one: Dealings, told: dict[str, _Told]) -> None:
    """What the case, and each offer in it, is about."""
    offered = [name for _, offer in one.case.records(OfferStated) for name in offer.subjects]
    for name in (*one.case.opening.subjects, *offered):
        told.setdefault(name, _Told())


def _events(one: Dealings, told: dict[str, _Told]) -> None:
    for item, record in one.case.records(EventStated):
        if record.event in VERSION_EVENTS and record.subject:
            cited = Cited(on=record.on, cites=(f"{one.origin}#{item.latest.index}",))
            told.setdefault(record.subject, _Told()).events.setdefault(record.event, cited)


def _listed(one: Dealings, told: dict[str, _Told]) -> None:
    """Models of terms in force: access to them begins when calls may pass."""
    for name in arrangements_of(one.case):
        entry = _force(one.case, name)
        terms = one.terms.get(name)
        if entry is None or terms is None or getattr(entry.record, "digest", "") != terms.digest:
            continue
        begin = max(parse_instant(str(entry.record.at)), terms.window.begins)
        for model in terms.models:
            known = told.setdefault(model.name, _Told())
            known.listed = known.listed or Cited(on=f"{begin:%Y-%m-%d}", cites=(f"{one.origin}#{entry.index}",))


def _force(case: Case, arrangement: str) -> Entry | None:
    found = [
        entry
        for entry in case.plain
        if isinstance(entry.record, ArrangementInForce) and entry.record.arrangement == arrangement
    ]
    return found[-1] if found else None


def _tested(record: AccessRecord, told: dict[str, _Told]) -> None:
    for name, calls in record.models.items():
        if not calls.answered.count:
            continue
        known = told.setdefault(name, _Told())
        runs = [run for run in record.runs.values() if name in run.models]
        scored = Figure()
        for run in runs:
            scored.add(run.begun if run.scores is None else run.scores)
        known.runs += len(runs)
        known.items += sum(run.items for run in runs)
        known.calls += calls.answered.count
        last = record.last_call[name]
        known.last = last[1] if known.last is None else max(known.last, last[1])
        known.cites += record.cite((*scored.cites, *calls.answered.cites, last[0]))
        known.sampled = known.sampled or not calls.answered.in_full or not scored.in_full


def _overdue(one: Dealings, told: dict[str, _Told], at: datetime) -> None:
    for name in arrangements_of(one.case):
        terms = one.terms.get(name)
        if terms is None:
            continue
        for found in terms_clocks(one.case, terms, at, _calendar(terms)):
            clock = found.clock
            if clock.state == "overdue" and clock.about in told:
                told[clock.about].overdue.append(_late(found, one.origin))


def _calendar(terms: Terms) -> Calendar:
    return named_calendar(terms.calendar)


def _late(found: CaseClock, origin: str) -> Overdue:
    clock = found.clock
    cites = tuple(f"{origin}#{entry.index}" for entry in found.entries)
    return Overdue(title=clock.duty.title, clause=clock.duty.ref, due=str(clock.due), cites=cites)


def _version(name: str, known: _Told, at: datetime, *, counted: bool, partial: bool) -> Version:
    events = known.events
    access = _earliest([cited for cited in (events.get("VERSION_ACCESS"), known.listed) if cited is not None])
    released = events.get("VERSION_RELEASED")
    tested = None
    if counted:
        tested = Tested(
            runs=known.runs, items=known.items, calls=known.calls, last=known.last,
            cites=tuple(dict.fromkeys(known.cites)), sampled=known.sampled, partial=partial,
        )  # fmt: skip
    since = known.last.date() if known.last is not None else _day(access) or _day(released)
    return Version(
        name=name,
        released=released,
        notified=events.get("VERSION_NOTIFIED"),
        access=access,
        tested=tested,
        untested_days=max(0, (at.date() - since).days) if since is not None and counted and not partial else None,
        overdue=tuple(known.overdue),
    )


def _earliest(cited: Sequence[Cited]) -> Cited | None:
    return min(cited, key=lambda one: (_day(one) is None, str(_day(one))), default=None)


def _day(cited: Cited | None) -> date | None:
    return parse_when(cited.on).day if cited is not None else None
