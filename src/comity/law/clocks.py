"""Clocks: by when each duty is to be met, as a fold over what happened.

A clock belongs to one duty and one thing that it is about (an incident, a request, a model).  Nobody sets
its state; it follows from acts, so that any past day can be asked for: `read_clocks` takes the acts up to
that day and forgets the rest.

| act | says |
|---|---|
| `Opened` | this duty is watched |
| `Noted` | an event happened, or is planned; noted again, the newer date holds |
| `Stopped`, `WentOn` | the clock stands still, and goes on; stops do not overlap |
| `Extended` | time was added, with a reason |
| `Fixed` | a request or a decision sets the day, with a reason |
| `Met` | the duty was met; a recurring one begins anew |
| `Ended` | the duty is no longer owed, with a reason |

Each act has `at`, when it was entered, and most have `on`, when it was so.  A replay goes by `at`.

| state | means |
|---|---|
| `not started` | it counts from an event that is not noted |
| `running` | owed, and its time, if there is one, is not over |
| `standing still` | stopped and not gone on |
| `overdue` | the time is over |
| `met`, `met late` | shown, in time or after it |
| `ended` | no longer owed |

Parallel clocks do not know each other: one incident has as many as there are duties and regimes.
How time is counted: `comity.law.calendar`.  How a clause becomes a date: `comity.law.due`.

Not promised: that every event was noted. A clock knows what it was told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, assert_never

from comity.law.calendar import PLAIN, Calendar, Moment, Standing, standing_before
from comity.law.deadline import Every, InWords
from comity.law.due import Limit, Time, limits_of, said, the_due
from comity.law.duration import Duration
from comity.law.errors import ActRefused
from comity.law.pack import Duty, Pack

__all__ = [
    "Act",
    "Clock",
    "Ended",
    "Extended",
    "Fixed",
    "Met",
    "Noted",
    "Opened",
    "State",
    "Stopped",
    "WentOn",
    "due_within",
    "read_clocks",
]

State: TypeAlias = Literal["not started", "running", "standing still", "overdue", "met", "met late", "ended"]

@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A duty is watched for one thing that it is about."""

    clock: str
    """The clock's id, unique among the acts."""
    at: Moment
    pack: str
    version: str
    duty: str
    about: str = ""
    legacy: bool = False
    """Whether it is about something that was there before the law, for which a later day may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An event happened, or is planned, on a day or at an instant."""

    clock: str
    at: Moment
    event: str
    on: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The clock stands still, such as while a third party's act suspends access."""

    clock: str
    at: Moment
    on: Moment
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WentOn:
    """The clock goes on."""

    clock: str
    at: Moment
    on: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """Time was added."""

    clock: str
    at: Moment
    by: Duration
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A request or a decision sets the day or the instant."""

    clock: str
    at: Moment
    until: Moment
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """The duty was met."""

    clock: str
    at: Moment
    on: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The duty is no longer owed."""

    clock: str
    at: Moment
    reason: str


Act: TypeAlias = Opened | Noted | Stopped | WentOn | Extended | Fixed | Met | Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One clock at one time. Everything in it follows from the acts."""

    id: str
    about: str
    pack: str
    version: str
    duty: Duty
    state: State
    due: Moment | None
    """The last day, to its end, or the instant; `None` where there is no fixed time or it is not known."""
    due_at: datetime | None
    """The instant at which the time is over: the end of the last day in the calendar's zone."""
    why: tuple[str, ...]
    """The reasons, the one that counts first."""
    limits: tuple[Limit, ...]
    """What each clause of the deadline comes to."""
    noted: Mapping[str, Moment]
    stops: tuple[tuple[Moment, Moment | None, str], ...]
    """From when, until when (`None`: still), and why it stood."""
    stood: timedelta
    """How long it has stood still, all its stops together."""
    extended: tuple[tuple[Duration, str], ...]
    met: Moment | None
    """When it was met last."""
    calendar: Calendar

    @property
    def earliest(self) -> Moment | None:
        """Not earlier than this: the latest of the bounds that are known."""
        return _latest([one.end for one in self.limits if one.kind == "earliest"], self.calendar)

    @property
    def keep_until(self) -> Moment | None:
        """Keep at least until this."""
        return _latest([one.end for one in self.limits if one.kind == "keep"], self.calendar)

    @property
    def guideline(self) -> Moment | None:
        """What a guideline gives as an example."""
        return _latest([one.end for one in self.limits if one.kind == "guideline"], self.calendar)


def _latest(ends: Iterable[Moment | None], calendar: Calendar) -> Moment | None:
    return max((end for end in ends if end is not None), key=calendar.end_of, default=None)


def due_within(clocks: Iterable[Clock], at: Moment, days: int = 14) -> tuple[Clock, ...]:
    """What is overdue or due within so many days of a time, the most urgent first."""
    chosen = [
        (clock.due_at, clock)
        for clock in clocks
        if clock.due_at is not None
        and clock.state in ("running", "overdue")
        and clock.due_at <= clock.calendar.end_of(at) + timedelta(days=days)
    ]
    return tuple(clock for _, clock in sorted(chosen, key=lambda one: (one[0], one[1].id)))


def read_clocks(
    acts: Iterable[Act],
    packs: Iterable[Pack],
    at: Moment,
    calendar: Calendar = PLAIN,
    calendars: Mapping[str, Calendar] | None = None,
) -> tuple[Clock, ...]:
    """The clocks at a time, in the order in which they were opened.

    A day without an hour means its end.  `calendars` gives single packs a calendar of their own.
    Raises `ActRefused`; `CalendarRefused` where a count leaves the years that a calendar knows.
    """
    now, passed = calendar.last_instant(at), calendar.end_of(at)
    duties = {(pack.name, pack.version): pack for pack in packs}
    told: dict[str, _Told] = {}
    before: datetime | None = None
    for act in acts:
        entered = calendar.first_instant(act.at)
        if before is not None and entered < before:
            raise ActRefused(f"expected acts in the order in which they were entered; {said(act.at)} came late")
        before = entered
        if entered > now:
            break
        _take(told, act, duties, calendar if calendars is None else calendars.get(_pack_of(told, act), calendar))
    return tuple(one.clock(now, passed) for one in told.values())


def _pack_of(told: Mapping[str, "_Told"], act: Act) -> str:
    if isinstance(act, Opened):
        return act.pack
    return told[act.clock].opened.pack if act.clock in told else ""


def _take(told: dict[str, "_Told"], act: Act, packs: Mapping[tuple[str, str], Pack], calendar: Calendar) -> None:
    if isinstance(act, Opened):
        if act.clock in told:
            raise ActRefused(f"expected a clock to be opened once; {act.clock!r} was opened again")
        if (act.pack, act.version) not in packs:
            raise ActRefused(f"expected a pack at hand; {act.clock!r} counts by {act.pack} {act.version}, which is not")
        told[act.clock] = _Told(act, packs[act.pack, act.version].duty(act.duty), calendar)
        return
    if act.clock not in told:
        raise ActRefused(f"expected an act on a clock that was opened; {act.clock!r} was not")
    told[act.clock].take(act)


class _Told:
    """What one clock was told so far. Mutable while one fold lasts; nothing keeps it."""

    def __init__(self, opened: Opened, duty: Duty, calendar: Calendar) -> None:
        self.opened, self.duty, self.calendar = opened, duty, calendar
        self.noted: dict[str, Moment] = {}
        self.stops: list[tuple[Moment, Moment | None, str]] = []
        self.extended: list[tuple[Duration, str]] = []
        self.fixed: tuple[Moment, Moment, str] | None = None
        self.met: Moment | None = None
        self.ended: str | None = None
        self.recurs = any(isinstance(clause, Every) for clause in duty.deadline.clauses)

    def take(self, act: Act) -> None:
        """Take in one act that is not an opening; raises `ActRefused`."""
        if self.ended is not None:
            raise self._refused(f"it ended ({self.ended}), and an act of {said(act.at)} came after")
        match act:
            case Noted(event=event, on=on):
                self._check_event(event)
                self.noted[event] = on
            case Stopped(on=on, cause=cause):
                if self.stops and (last := self.stops[-1][1]) is None:
                    raise self._refused(f"it stands still since {said(self.stops[-1][0])}, and was stopped again")
                elif self.stops and last is not None and self._first(on) < self._first(last):
                    raise self._refused(f"it was stopped on {said(on)}, before it went on from the stop before")
                self.stops.append((on, None, cause))
            case WentOn(on=on):
                if not self.stops or self.stops[-1][1] is not None:
                    raise self._refused(f"it was to go on from {said(on)}, and does not stand still")
                begin, _, cause = self.stops[-1]
                if self._first(on) < self._first(begin):
                    raise self._refused(f"it was to go on from {said(on)}, before it was stopped ({said(begin)})")
                self.stops[-1] = (begin, on, cause)
            case Extended(by=by, reason=reason):
                self.extended.append((by, reason))
            case Fixed(until=until, at=at, reason=reason):
                self.fixed = (until, at, reason)
            case Met(on=on, at=at):
                if self.met is not None and not self.recurs:
                    raise self._refused(f"it was met on {said(self.met)}, and is no recurring duty")
                if self._first(on) > self.calendar.last_instant(at):
                    raise self._refused(f"it cannot have been met on {said(on)}, after the act was entered")
                self.met = on
                if self.recurs:
                    self.extended, self.fixed = [], None  # they were given for the round that is over
            case Ended(reason=reason):
                self.ended = reason
            case Opened():
                raise AssertionError("an opening makes a clock")
            case _:
                assert_never(act)

    def _refused(self, what: str) -> ActRefused:
        return ActRefused(f"clock {self.opened.clock} ({self.duty.id}): {what}")

    def _first(self, moment: Moment) -> datetime:
        return self.calendar.first_instant(moment)

    def _check_event(self, event: str) -> None:
        known = dict.fromkeys((*self.duty.deadline.events, *([self.duty.trigger] if _is_event(self.duty) else [])))
        if known and event not in known:
            raise self._refused(f"expected one of its events, {', '.join(known)}; got {event[:60]}")

    def clock(self, now: datetime, passed: datetime) -> Clock:
        """The clock at an instant; `passed` is the same, or the end of the day whose last instant it is."""
        stops = [stop for stop in self.stops if self._first(stop[0]) <= now]
        standing_now = bool(stops) and (stops[-1][1] is None or self._first(stops[-1][1]) > now)
        closed = tuple((begin, end) for begin, end, _ in stops if end is not None)
        time = Time(
            noted=self.noted,
            anchor=self._anchor(),
            trigger=self.duty.trigger if _is_event(self.duty) else "",
            standing=closed,
            extended=tuple(self.extended),
            fixed=self.fixed,
        )
        limits = limits_of(self.duty.deadline, time, self.calendar)
        legacy = self.opened.legacy
        counts = the_due(limits, legacy=legacy, calendar=self.calendar)
        because = [counts.why] if counts is not None else []
        if counts is not None and stops and stops[-1][1] is None and self.met is None:
            begin, _, cause = stops[-1]
            standing = (*closed, (begin, now))
            later = the_due(
                limits_of(self.duty.deadline, replace(time, standing=standing), self.calendar),
                legacy=legacy,
                calendar=self.calendar,
            )
            # A stop after the end of the time, or on the day of the event, changes nothing about it.
            if self._reaches(counts, begin):
                because = [f"stands still since {said(begin)}: {cause}", *_left(counts, later)]
                limits = tuple(replace(one, end=None, why=because[0]) if one is counts else one for one in limits)
                counts = None
            else:
                standing_now = False
        end = counts.end if counts is not None else None
        due_at = self.calendar.end_of(end) if end is not None else None
        state, words = self._state(now, end, due_at, limits, standing_now)
        because = list(dict.fromkeys((*words, *because, *(limit.why for limit in limits))))
        return Clock(
            id=self.opened.clock,
            about=self.opened.about,
            pack=self.opened.pack,
            version=self.opened.version,
            duty=self.duty,
            state=state,
            due=end,
            due_at=due_at,
            why=tuple(because),
            limits=limits,
            noted=dict(self.noted),
            stops=tuple(stops),
            stood=standing_before(_until(stops, passed), passed, self.calendar),
            extended=tuple(self.extended),
            met=self.met,
            calendar=self.calendar,
        )

    def _reaches(self, counts: Limit, stop: Moment) -> bool:
        """Whether a stop falls before the end of the time that counts."""
        return counts.end is not None and self._first(stop) < self.calendar.end_of(counts.end)

    def _anchor(self) -> tuple[Moment, str] | None:
        """What a recurring duty counts from: when it was last met, else its trigger, else the newest event."""
        if not self.recurs:
            return None
        if self.met is not None:
            return self.met, "it was last met"
        if self.duty.trigger in self.noted:
            return self.noted[self.duty.trigger], self.duty.trigger
        newest = max(self.noted.items(), key=lambda one: self._first(one[1]), default=None)
        return (newest[1], newest[0]) if newest is not None else None

    def _state(
        self, now: datetime, end: Moment | None, due_at: datetime | None, limits: Sequence[Limit], standing: bool
    ) -> tuple[State, list[str]]:
        if self.ended is not None:
            return "ended", [f"no longer owed: {self.ended}"]
        if self.met is not None and not self.recurs:
            late = end is not None and due_at is not None and self._late(self.met, end, due_at)
            return ("met late" if late else "met"), [f"met on {said(self.met)}", *self._early(limits)]
        if due_at is None and (void := [one.why for one in limits if one.kind == "void"]):
            return "ended", void
        over = [one for one in limits if one.kind in ("until", "keep") and one.end is not None]
        rest = [one for one in limits if one.kind == "limit"]
        for one in over:
            if one.end is not None and self.calendar.end_of(one.end) <= now and not (one.kind == "keep" and rest):
                return "ended", [f"no longer owed: {one.why}"]
        if standing:
            return "standing still", []
        if due_at is not None:
            over_now = now > due_at if isinstance(end, datetime) else now >= due_at
            return ("overdue" if over_now else "running"), []
        return ("running" if self._runs(limits) else "not started"), []

    def _late(self, met: Moment, end: Moment, due_at: datetime) -> bool:
        """Late by the day where either has no hour, else by the instant."""
        if isinstance(met, datetime) and isinstance(end, datetime):
            return met > due_at
        return self.calendar.day_of(met) > self.calendar.day_of(end)

    def _early(self, limits: Sequence[Limit]) -> list[str]:
        return [
            f"that is earlier than allowed: {one.why}"
            for one in limits
            if one.kind == "earliest"
            and one.end is not None
            and self.met is not None
            and self._first(self.met) < self._first(one.end)
        ]

    def _runs(self, limits: Sequence[Limit]) -> bool:
        """Whether a clock without a due time is under way: an event is noted, or none is needed."""
        if self.noted or InWords(word="continuous") in self.duty.deadline.clauses:
            return True
        return not _is_event(self.duty) and all(one.kind in ("words", "until") or one.end for one in limits)


def _is_event(duty: Duty) -> bool:
    """Whether the trigger is an event's name, and not words."""
    return duty.trigger.isascii() and duty.trigger.replace("_", "A").isalnum() and duty.trigger.isupper()


def _left(counts: Limit, later: Limit | None) -> list[str]:
    """What an open stop comes to so far."""
    if later is None or later.end is None or counts.end is None:
        return []
    return [f"without this stop it would end on {said(counts.end)}; were it to go on now, on {said(later.end)}"]


def _until(stops: Sequence[tuple[Moment, Moment | None, str]], now: datetime) -> tuple[Standing, ...]:
    return tuple((begin, now if end is None else end) for begin, end, _ in stops)
