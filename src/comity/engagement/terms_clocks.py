"""Clocks of an arrangement: what its own clauses ask by when, out of the events of the case.

The duties are those of `comity.arrangement.duties`; `event.stated` feeds them, with the version of a model as its
subject.  A notice or an access that was there before the release meets its duty on the day of the release.

A version that was released before the arrangement came into force is no newer version of it, and starts no clock.  A
version that the terms in force list is told of and given access to by that.

A missed notice is a clock that is overdue, and nobody has to notice it.

Not promised: that every release was entered.
"""

from collections.abc import Iterator
from datetime import date, datetime

from comity.arrangement import Terms
from comity.arrangement.duties import DUTIES, duties_of
from comity.engagement.case import Case, Entry
from comity.engagement.clocks import CaseClock
from comity.engagement.happenings import Happened
from comity.engagement.when import When, parse_when
from comity.law import PLAIN, Calendar, Duty, Met, Moment, Noted, Opened, Pack, read_clocks
from comity.records import ArrangementInForce, EventStated, parse_instant

__all__ = ["terms_clocks"]


def terms_clocks(case: Case, terms: Terms, at: datetime, calendar: Calendar = PLAIN) -> tuple[CaseClock, ...]:
    """The clocks of terms that came into force in a case, at a time, in the order in which they were opened.

    None where no entry brings these terms into force.
    """
    forces = [
        entry
        for entry in case.plain
        if isinstance(entry.record, ArrangementInForce) and entry.record.arrangement == terms.id
    ]
    if not any(getattr(entry.record, "digest", "") == terms.digest for entry in forces):
        return ()
    pack = duties_of(terms)
    happened = sorted(_happened(case, terms, pack, forces), key=lambda one: one.entry.index)
    behind: dict[str, list[Entry]] = {}
    for one in happened:
        entries = behind.setdefault(one.act.clock, [])
        if one.entry not in entries:
            entries.append(one.entry)
    clocks = read_clocks((one.act for one in happened), (pack,), at, calendar)
    return tuple(
        CaseClock(clock=clock, entries=tuple(entry for entry in behind[clock.id] if entry.entered <= at))
        for clock in clocks
    )


def _happened(case: Case, terms: Terms, pack: Pack, forces: list[Entry]) -> Iterator[Happened]:
    stated = [(item.latest, record, parse_when(record.on)) for item, record in case.records(EventStated)]
    since = forces[0].record
    begun = parse_instant(since.at).date() if isinstance(since, ArrangementInForce) else date.max
    listing = next((entry for entry in forces if getattr(entry.record, "digest", "") == terms.digest), None)
    seen: set[str] = set()
    for entry, record, when in sorted(stated, key=lambda one: one[0].index):
        for duty in pack.duties.values():
            clock = f"{record.subject or terms.id}/{pack.name}/{duty.id}"
            if record.event != duty.trigger or clock in seen or (when.day is not None and when.day < begun):
                continue
            seen.add(clock)
            opened = Opened(
                clock=clock, at=entry.entered, pack=pack.name, version=pack.version, duty=duty.id,
                about=record.subject or terms.id,
            )  # fmt: skip
            yield Happened(act=opened, entry=entry)
            if when.exact and when.first is not None:
                noted = Noted(clock=clock, at=entry.entered, event=record.event, on=when.first)
                yield Happened(act=noted, entry=entry)
            yield from _met(clock, duty, entry, record.subject, stated, terms, listing)


def _met(
    clock: str,
    duty: Duty,
    released: Entry,
    subject: str,
    stated: list[tuple[Entry, EventStated, When]],
    terms: Terms,
    listing: Entry | None,
) -> Iterator[Happened]:
    """What meets a duty about one subject: the first event that does, or the terms that list the version."""
    met_by = DUTIES[duty.id].met_by
    for entry, record, when in stated:
        if record.event == met_by and record.subject == subject:
            later = max(entry, released, key=lambda one: one.index)
            yield Happened(act=Met(clock=clock, at=later.entered, on=_shown(when, entry)), entry=later)
            return
    if listing is not None and subject and terms.model(subject) is not None and duty.trigger == "VERSION_RELEASED":
        later = max(listing, released, key=lambda one: one.index)
        on = parse_instant(str(listing.record.at))
        yield Happened(act=Met(clock=clock, at=later.entered, on=on), entry=later)


def _shown(when: When, entry: Entry) -> Moment:
    """When something was so at the latest, and never after it was entered."""
    if isinstance(when.last, datetime):
        return min(when.last, entry.entered)
    return entry.entered.date() if when.last is None else min(when.last, entry.entered.date())
