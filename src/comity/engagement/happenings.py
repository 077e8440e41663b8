"""Happenings: what the items of a case mean to the law's clocks.

The law counts from events that its pack names.  An item is such an event, sets a period, or shows that a duty was met:

| item | event | about | period ends | met with |
|---|---|---|---|---|
| `event.stated` | the one it names | its subject | | `submission.received` |
| `information.requested` | `RFI_SENT` | itself | its `until`, extended | an answer that refuses nothing |
| `access.requested` | `ACCESS_REQUEST` | itself | its `until`, extended | `fulfilled`, or the first grant |
| `measure.requested` | none: the duty to carry it out | itself | its `until`, extended | `fulfilled` |
| `alert.received` | `ALERT_COMPLETE`, when complete | itself | | an answer other than `noted` |
| `hearing.invited` | `HEARING_INVITE` | itself | | `hearing.held` |
| `finding.stated`, preliminary | `PF_SENT` | itself | | the final finding |
| `incident.opened` | those of its classes, from `aware` | itself | | `incident.reported` |
| `incident.reported`, initial | `INITIAL_REPORT` | its incident | | |
| `incident.resolved` | `INCIDENT_RESOLVED` | its incident | | |

A `submission.received` meets the duties that it names, for what it is about; about nothing: for all.

A clock counts from an exact day or instant alone.  An event that is known as "May 2026" opens its clocks and starts
none; a duty met at an inexact time counts as met at the end of it.

Not promised: that a code was signed, or that a duty applies. A clock says what would be owed by when.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from comity.engagement.case import Case, Entry, Item
from comity.engagement.matters import Matter, matters
from comity.engagement.when import parse_when
from comity.law import (
    Act,
    Duty,
    Ended,
    Fixed,
    Met,
    Moment,
    Noted,
    Opened,
    Pack,
    acts_of,
    starts_of,
)
from comity.law.deadline import Every, InWords
from comity.records import (
    AccessRequested,
    AlertReceived,
    EventStated,
    FindingStated,
    GrantGiven,
    HearingInvited,
    IncidentOpened,
    IncidentReported,
    IncidentResolved,
    InformationRequested,
    MeasureRequested,
    PeriodExtended,
    Record,
    SubmissionReceived,
)

__all__ = ["Happened", "happenings"]

CARRIED_OUT: Final = "AIA-93-1P"
"""The duty to carry out a measure: its trigger is in words, so no event leads to it."""

OPTIONAL: Final = InWords(word="optional")
"""What nobody is bound to do starts no clock."""



@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One act on one clock, and the entry that it follows from."""

    act: Act
    entry: Entry
    recurs: bool = False
    """Whether its duty recurs, so that it can be met again."""


def happenings(case: Case, packs: tuple[Pack, ...]) -> list[Happened]:
    """Every act on the case's clocks, in the order in which its entries came; suspensions are not among them.

    The first pack is that of the case; from the others the clocks of incidents alone are taken.
    """
    if not packs:
        return []
    told = _Told(case, packs)
    for item in case.items.values():
        if item.withdrawn is None:
            told.take(item)
    return list(_in_order(told.happened))


def _in_order(happened: Iterable[Happened]) -> Iterator[Happened]:
    """By their entries; what comes after a clock's end, or meets it a second time, says nothing new."""
    over: set[str] = set()
    met: set[str] = set()
    for one in sorted(happened, key=lambda one: one.entry.index):
        match one.act:
            case Ended(clock=clock):
                if clock in over:
                    continue
                over.add(clock)
            case Met(clock=clock):
                if clock in over or (clock in met and not one.recurs):
                    continue
                met.add(clock)
            case _ if one.act.clock in over:
                continue
            case _:
                pass
        yield one


class _Told:
    """The acts found so far. Mutable while one reading lasts."""

    def __init__(self, case: Case, packs: tuple[Pack, ...]) -> None:
        self.case, self.own, self.packs = case, packs[0], packs
        self.matters = {matter.item.id: matter for matter in matters(case)}
        self.happened: list[Happened] = []
        self.clocks: dict[str, tuple[Duty, str]] = {}
        """Clock id → its duty and what it is about."""

    def take(self, item: Item) -> None:
        match item.record:
            case EventStated() as stated:
                self._event(item, stated.event, stated.subject or "case", stated.on)
            case InformationRequested() as asked:
                self._request(item, "RFI_SENT", asked.until)
            case AccessRequested() as asked:
                self._request(item, "ACCESS_REQUEST", asked.until)
            case MeasureRequested() as asked:
                if CARRIED_OUT in self.own.duties:
                    self._open(item.entry, self.own.duties[CARRIED_OUT], item.id)
                    self._period(item, CARRIED_OUT, asked.until)
                    self._close(item, CARRIED_OUT)
            case AlertReceived() as alert:
                self._event(item, "ALERT_COMPLETE", item.id, alert.complete, close=True)
            case HearingInvited() as hearing:
                self._event(item, "HEARING_INVITE", item.id, hearing.on, close=True)
            case FindingStated(stage="preliminary") as finding:
                waiting = self._event(item, "PF_SENT", item.id, finding.on)
                time_to_reply = [duty for duty in waiting if "PF_SENT" in duty.deadline.events]
                for final, later in self.case.records(FindingStated):
                    if later.finding == finding.finding and later.stage == "final" and final.index > item.index:
                        for duty in time_to_reply:
                            self._met(final.entry, duty.id, item.id, later.on)
            case IncidentOpened() as incident:
                self._incident(item, incident)
            case SubmissionReceived() as submission:
                self._submitted(item, submission)
            case _:
                pass

    def _add(self, entry: Entry, act: Act, *, recurs: bool = False) -> None:
        self.happened.append(Happened(act=act, entry=entry, recurs=recurs))

    def _name(self, duty: str, about: str, pack: Pack | None = None) -> str:
        return f"{about}/{(pack or self.own).name}/{duty}"

    def _open(self, entry: Entry, duty: Duty, about: str) -> str:
        clock = self._name(duty.id, about)
        if clock not in self.clocks:
            self.clocks[clock] = (duty, about)
            act = Opened(
                clock=clock, at=_at(entry), pack=self.own.name, version=self.own.version, duty=duty.id, about=about
            )
            self._add(entry, act)
        return clock

    def _event(self, item: Item, event: str, about: str, on: str, *, close: bool = False) -> list[Duty]:
        """Open the clocks of the duties that wait for an event, and note it where its day is known."""
        found = [
            duty
            for duty in self.own.duties.values()
            if event in (*duty.deadline.events, duty.trigger) and OPTIONAL not in duty.deadline.clauses
        ]
        for duty in found:
            clock = self._open(item.entry, duty, about)
            if (moment := _exact(on)) is not None:
                self._add(item.entry, Noted(clock=clock, at=_at(item.entry), event=event, on=moment))
            if close:
                self._close(item, duty.id)
        return found

    def _request(self, item: Item, event: str, until: str) -> None:
        for duty in self._event(item, event, item.id, getattr(item.record, "on", "")):
            if not _owed_by_provider(duty):
                continue
            self._period(item, duty.id, until)
            self._close(item, duty.id)

    def _period(self, item: Item, duty: str, until: str) -> None:
        clock = self._name(duty, item.id)
        words = "the period that the act sets"
        self._add(item.entry, Fixed(clock=clock, at=_at(item.entry), until=date.fromisoformat(until), reason=words))
        for longer, record in self.case.about(item.id, PeriodExtended):
            act = Fixed(
                clock=clock, at=_at(longer.entry), until=date.fromisoformat(record.until), reason=record.because
            )
            self._add(longer.entry, act)

    def _close(self, item: Item, duty: str) -> None:
        """What ended the matter met the duty, or ended it."""
        matter = self.matters.get(item.id)
        clock = self._name(duty, item.id)
        if isinstance(item.record, AccessRequested) and (grant := self._first_grant(item)) is not None:
            self._met(grant, duty, item.id, str(grant.record.at))
        elif matter is None or matter.closed_by is None:
            return
        elif matter.outcome == "withdrawn":
            act = Ended(clock=clock, at=_at(matter.closed_by), reason="the request was withdrawn")
            self._add(matter.closed_by, act)
        elif self._fulfils(item, matter):
            self._met(matter.closed_by, duty, item.id, _on(matter.closed_by.record))

    def _fulfils(self, item: Item, matter: Matter) -> bool:
        """Whether the end of a matter is what the duty asks for, and not a refusal."""
        if isinstance(item.record, AccessRequested | MeasureRequested):
            return matter.outcome == "fulfilled"
        if isinstance(item.record, InformationRequested):
            return matter.outcome in ("fulfilled", "answered")
        return True

    def _first_grant(self, item: Item) -> Entry | None:
        return next(
            (one for one in self.case.plain if one.index > item.index and isinstance(one.record, GrantGiven)), None
        )

    def _met(self, entry: Entry, duty: str, about: str, on: str) -> None:
        entered = _at(entry)
        recurs = _recurs(self.own.duties[duty])
        self._add(entry, Met(clock=self._name(duty, about), at=entered, on=_shown(on, entered)), recurs=recurs)

    def _incident(self, item: Item, incident: IncidentOpened) -> None:
        aware = _exact(incident.aware) if incident.aware else None
        for pack in self.packs:
            starts = starts_of(incident.kinds, [pack])
            entered = _at(item.entry)
            for act in acts_of(starts, about=item.id, aware=aware or entered, at=entered):
                if aware is not None or not isinstance(act, Noted):
                    self._add(item.entry, act)
            for start in starts:
                self.clocks[self._name(start.duty.id, item.id, pack)] = (start.duty, item.id)
                self._reports(item, pack, start.duty)

    def _reports(self, item: Item, pack: Pack, duty: Duty) -> None:
        clock = self._name(duty.id, item.id, pack)
        events = (*duty.deadline.events, duty.trigger)
        for resolved, settled in self.case.about(item.id, IncidentResolved):
            if "INCIDENT_RESOLVED" in events and (moment := _exact(settled.on)) is not None:
                act = Noted(clock=clock, at=_at(resolved.entry), event="INCIDENT_RESOLVED", on=moment)
                self._add(resolved.entry, act)
        for report, record in self.case.about(item.id, IncidentReported):
            if (record.law or self.own.name) != pack.name:
                continue
            entered = _at(report.entry)
            moment = _shown(record.on, entered)
            if record.report == "initial" and "INITIAL_REPORT" in events:
                self._add(report.entry, Noted(clock=clock, at=entered, event="INITIAL_REPORT", on=moment))
            if _which(duty) == record.report:
                self._add(report.entry, Met(clock=clock, at=entered, on=moment), recurs=_recurs(duty))
            if _which(duty) == "intermediate" and record.report == "final":
                self._add(report.entry, Ended(clock=clock, at=entered, reason="the final report was sent"))

    def _submitted(self, item: Item, submission: SubmissionReceived) -> None:
        for clock, (duty, about) in list(self.clocks.items()):
            fits = not submission.about or submission.about == about
            if duty.id in submission.duties and fits and clock == self._name(duty.id, about):
                self._met(item.entry, duty.id, about, submission.on)


def _at(entry: Entry) -> datetime:
    return entry.entered


def _shown(on: str, entered: datetime) -> Moment:
    """When something was shown at the latest: the end of an inexact time, and never after it was entered."""
    last = parse_when(on).last
    if isinstance(last, datetime):
        return min(last, entered)
    return entered.date() if last is None else min(last, entered.date())


def _exact(text: str) -> Moment | None:
    if not text:
        return None
    when = parse_when(text)
    return when.first if when.exact else None


def _on(record: Record) -> str:
    return str(getattr(record, "on", record.at))


def _owed_by_provider(duty: Duty) -> bool:
    return "provider" in duty.who


def _recurs(duty: Duty) -> bool:
    return any(isinstance(clause, Every) for clause in duty.deadline.clauses)


def _which(duty: Duty) -> str:
    """Which report on an incident meets a duty: one that recurs the intermediate, one after the end the final."""
    if _recurs(duty):
        return "intermediate"
    return "final" if "INCIDENT_RESOLVED" in duty.deadline.events else "initial"

