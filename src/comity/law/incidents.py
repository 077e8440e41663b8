"""Incidents: one incident, and every clock that it starts, in each regime at once.

The kinds of incident are one vocabulary for all packs (`comity.law.pack.KINDS`).  A pack's classes say which
kinds are theirs, which duties they start, from which event, and why.  A class that fits starts its duties;
a duty that two classes start is started once, for both reasons.  The events with which a pack's classes begin
are, for that regime, the incident's being known: all of them are noted with that time.  A duty that counts from
another event, such as a first report, waits for it.

Not promised: that a regime applies. Whether a code was signed, or a developer is large enough, the case knows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from comity.law.calendar import Moment
from comity.law.clocks import Act, Noted, Opened
from comity.law.errors import FactsRefused
from comity.law.pack import KINDS, Confidence, Duty, IncidentClass, Pack

__all__ = ["Start", "acts_of", "starts_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A duty whose clock an incident starts."""

    pack: str
    version: str
    duty: Duty
    classes: tuple[IncidentClass, ...]
    """The classes that start it."""
    events: tuple[str, ...]
    """The events that the incident's being known is for this regime, as far as the duty counts from them."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why this clock and not another, a sentence for each class."""
        return tuple(dict.fromkeys(one.reason for one in self.classes))

    @property
    def confidence(self) -> Confidence:
        """The weakest mark of the duty and its classes."""
        order: tuple[Confidence, ...] = ("unconfirmed", "secondary", "primary")
        return min((self.duty.confidence, *(one.confidence for one in self.classes)), key=order.index)


def starts_of(kinds: Sequence[str], packs: Iterable[Pack]) -> tuple[Start, ...]:
    """The duties whose clocks an incident of these kinds starts; raises `FactsRefused` for an unknown kind."""
    for kind in kinds:
        if kind not in KINDS:
            raise FactsRefused(f"expected kinds out of {', '.join(KINDS)}; got {kind[:60]!r}")
    found = []
    for pack in packs:
        fitting = [one for one in pack.incidents if set(kinds) & set(one.kinds)]
        known = dict.fromkeys(one.event for one in pack.incidents)
        for name in dict.fromkeys(name for one in fitting for name in one.starts):
            classes = tuple(one for one in fitting if name in one.starts)
            duty = pack.duty(name)
            events = tuple(event for event in known if event in (*duty.deadline.events, duty.trigger))
            found.append(Start(pack=pack.name, version=pack.version, duty=duty, classes=classes, events=events))
    return tuple(found)


def acts_of(starts: Iterable[Start], *, about: str, aware: Moment, at: Moment) -> tuple[Act, ...]:
    """The acts that open those clocks for one incident, and note when it became known.

    A clock's id is `<about>/<pack>/<duty>`.
    """
    acts: list[Act] = []
    for start in starts:
        clock = f"{about}/{start.pack}/{start.duty.id}"
        acts.append(
            Opened(clock=clock, at=at, pack=start.pack, version=start.version, duty=start.duty.id, about=about)
        )
        acts.extend(Noted(clock=clock, at=at, event=event, on=aware) for event in start.events)
    return tuple(acts)
