"""Clocks of a case: what is due, by when and why, out of its entries and its version of the law.

`case_clocks` turns a case into acts (`comity.engagement.happenings`), adds the suspensions, and lets
`comity.law.read_clocks` count.  Each clock keeps the entries from which it follows.

A suspension by a third party stops the clocks that need access: those of access requests, and those that count from
the begin of an evaluation or of an expert's access.  Where `suspension.imposed` names a scope (items, duties), it
stops those and no others.  Suspensions that overlap are one stop: it begins with the first and ends with the last.

A case opened under no stated law (`engagement.opened` of earlier days) has no clocks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from comity.engagement.case import Case, Entry
from comity.engagement.happenings import Happened, happenings
from comity.engagement.when import parse_when
from comity.law import (
    PLAIN,
    Calendar,
    Clock,
    Duty,
    Moment,
    Opened,
    Pack,
    Stopped,
    WentOn,
    due_within,
    load_pack,
    read_clocks,
)
from comity.records import AccessRequested, SuspensionImposed, SuspensionLifted

__all__ = ["CaseClock", "Law", "case_clocks", "case_packs", "due_soon"]

Law = Callable[[str, str | None], Pack]
"""How a pack is found by its name and version; None for the newest."""

NEED_ACCESS: Final = ("EVAL_START", "EXPERT_ACCESS")
"""Events from which a duty counts time that nobody can use without access."""


PROVIDERS: Final = frozenset(
    "provider signatory system_provider authorised_representative frontier_developer large_frontier_developer".split()
)
AUTHORITIES: Final = frozenset("ai_office authority nca board scientific_panel experts".split())
"""Roles of the law packs, as the two sides of a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClock:
    """One clock of a case, and what it follows from."""

    clock: Clock
    entries: tuple[Entry, ...]
    """The entries that opened, moved, stopped or met it, oldest first."""

    @property
    def by(self) -> str:
        """Whose duty it is: provider, authority, or others."""
        who = set(self.clock.duty.who)
        return "provider" if who & PROVIDERS else "authority" if who & AUTHORITIES else "others"


def case_packs(case: Case, others: Sequence[str] = (), law: Law = load_pack) -> tuple[Pack, ...]:
    """The case's own law in the version under which it was opened, and other regimes in their newest.

    `law` finds a pack by its name and version.  Raises a `LawError` for a pack that is not at hand.
    """
    opening = case.opening
    if not opening.law:
        return ()
    return (law(opening.law, opening.law_version or None), *(law(name, None) for name in others))


def case_clocks(
    case: Case,
    at: datetime,
    packs: tuple[Pack, ...],
    calendar: Calendar = PLAIN,
    calendars: Mapping[str, Calendar] | None = None,
) -> tuple[CaseClock, ...]:
    """The clocks of a case at a time, in the order in which they were opened; raises a `LawError`."""
    happened = happenings(case, packs)
    happened = sorted([*happened, *_suspensions(case, happened, packs)], key=lambda one: one.entry.index)
    behind: dict[str, list[Entry]] = {}
    for one in happened:
        entries = behind.setdefault(one.act.clock, [])
        if one.entry not in entries:
            entries.append(one.entry)
    clocks = read_clocks((one.act for one in happened), packs, at, calendar, calendars)
    return tuple(
        CaseClock(clock=clock, entries=tuple(e for e in behind[clock.id] if e.entered <= at))
        for clock in clocks
    )


def due_soon(clocks: Sequence[CaseClock], at: datetime, days: int = 14) -> tuple[CaseClock, ...]:
    """What is overdue or due by the end of the day that lies so many days ahead, the most urgent first."""
    by_id = {one.clock.id: one for one in clocks}
    return tuple(by_id[clock.id] for clock in due_within([one.clock for one in clocks], at.date(), days))


def _suspensions(case: Case, happened: Sequence[Happened], packs: tuple[Pack, ...]) -> list[Happened]:
    """Stops and goings-on of each clock that a suspension reaches."""
    lifted = {
        item.id: [other for other, _ in case.about(item.id, SuspensionLifted)]
        for item, _ in case.records(SuspensionImposed)
    }
    found: list[Happened] = []
    for one in happened:
        if not isinstance(one.act, Opened):
            continue
        duty = next(p.duties[one.act.duty] for p in packs if p.name == one.act.pack)
        reaching = [
            (item, record)
            for item, record in case.records(SuspensionImposed)
            if _reaches(case, record, duty, one.act.about)
        ]
        standing: set[str] = set()
        moves = sorted(
            [(item.entry, item.id, record, True) for item, record in reaching]
            + [(lift.entry, item.id, record, False) for item, record in reaching for lift in lifted[item.id]],
            key=lambda move: move[0].index,
        )
        for entry, name, imposed, begins in moves:
            stood = bool(standing)
            (standing.add if begins else standing.discard)(name)
            if stood == bool(standing):
                continue
            later = entry if entry.index > one.entry.index else one.entry
            at = later.entered
            on = _on(entry)
            act = (
                Stopped(clock=one.act.clock, at=at, on=on, cause=f"{imposed.cause}: {imposed.summary}")
                if begins
                else WentOn(clock=one.act.clock, at=at, on=on)
            )
            found.append(Happened(act=act, entry=later))
    return found


def _on(entry: Entry) -> Moment:
    """When a stop began or ended: its exact day, else the day of its entry."""
    when = parse_when(str(getattr(entry.record, "on", "")))
    return when.first if when.exact and when.first is not None else entry.entered.date()


def _reaches(case: Case, imposed: SuspensionImposed, duty: Duty, about: str) -> bool:
    if imposed.scope:
        return duty.id in imposed.scope or about in imposed.scope
    item = case.items.get(about)
    subject = item.record.subject if item is not None and isinstance(item.record, AccessRequested) else about
    needs = (item is not None and isinstance(item.record, AccessRequested)) or bool(
        set(NEED_ACCESS) & set((*duty.deadline.events, duty.trigger))
    )
    return needs and (not imposed.subjects or subject in imposed.subjects)
