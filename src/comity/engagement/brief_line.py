"""Lines of the brief: one statement each, with the entries that it rests on and what may be published of it.

A `Desk` writes lines about one dossier.  Whoever writes a line names every item and entry whose words or whose
standing it repeats; from these follow its links, its dates, its sources, its confidence and its clearance.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from comity.engagement.case import Case, Entry, Item
from comity.engagement.clearance import Ground, whole
from comity.engagement.portfolio import Dossier
from comity.records import CaseItem

__all__ = ["CONFIDENCE", "Desk", "Line", "Ref", "Source"]

CONFIDENCE: Final = ("stated", "reported", "unconfirmed")
"""From the surest to the least sure."""

SHORT: Final = 8
"""Digits of an id that a reader compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A link to one entry."""

    origin: str
    index: int

    def __str__(self) -> str:
        """The full name, `host/e/<id>#index`."""
        return f"{self.origin}#{self.index}"

    @property
    def short(self) -> str:
        """What a page has room for, `e/<beginning of the id>#index`."""
        kind, name = self.origin.split("/")[-2:]
        return f"{kind}/{name[:SHORT]}#{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where something is known from outside, and how sure it is."""

    source: str
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One statement of the brief."""

    text: str
    side: str
    """Whose it is: authority · provider; empty where it is neither's alone."""
    on: str
    """When it was so, as exactly as is known; empty where it is a count, a wait or a day to come."""
    entered: str
    """When the newest that it rests on was entered."""
    confidence: str
    """The weakest of what it rests on: stated · reported · unconfirmed."""
    refs: tuple[Ref, ...]
    sources: tuple[Source, ...]
    cleared: bool
    """Whether it may be published."""
    nothing: bool = False
    """Whether it says that there is nothing of its kind."""
    values: Mapping[str, str | int] = field(default_factory=dict)
    """The same for machines, such as `since` and `days`."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Writes lines about one dossier."""

    dossier: Dossier

    @property
    def case(self) -> Case:
        """The case as it stood."""
        return self.dossier.case

    @property
    def today(self) -> date:
        """The day for which the page is made, in UTC."""
        return self.dossier.at.date()

    def line(
        self,
        text: str,
        *rests: Ground,
        side: str = "",
        also: Iterable[Ref] = (),
        closed: bool = False,
        dated: bool = True,
        **values: str | int,
    ) -> Line:
        """A line that rests on these, dated by the first of them unless it tells no one event.

        `also` links to entries elsewhere; `closed` keeps it from the public page.
        """
        items = [one for one in rests if isinstance(one, Item)]
        said = {(one.record.source, one.record.confidence): None for one in items if one.record.source}
        first = rests[0]
        return Line(
            text=text,
            side=side,
            on=_on(first) if dated else "",
            entered=max(str(_newest(one).record.at) for one in rests),
            confidence=max((one.record.confidence for one in items), key=CONFIDENCE.index, default="stated"),
            refs=(*self._refs(rests), *also),
            sources=tuple(Source(source=source, confidence=confidence) for source, confidence in said),
            cleared=not closed and self.dossier.cleared.covers(rests),
            values=values,
        )

    def nothing(self, text: str, side: str = "", **values: str | int) -> Line:
        """A line that says that there is nothing: it rests on the whole case, and links to its newest entry."""
        newest = self.case.entries[-1]
        return Line(
            text=text,
            side=side,
            on="",
            entered=str(newest.record.at),
            confidence="stated",
            refs=(Ref(origin=self.dossier.origin, index=newest.index),),
            sources=(),
            cleared=self.dossier.cleared.covers(whole(self.case)),
            nothing=True,
            values=values,
        )

    def ground(self, entry: Entry) -> Ground:
        """The item that an entry entered, or the entry itself where its kind has no item id."""
        if not isinstance(entry.record, CaseItem):
            found = [item for item in self.case.items.values() if item.index == entry.index]
            return found[0] if found else entry
        return self.case.items[entry.record.item]

    def side(self, by: str) -> str:
        """Which side a name is, or the name itself.

        The opening's names alone decide: what a party or a contact says of itself may not be public.
        """
        opening = self.case.opening
        names = {opening.authority.casefold(): "authority", opening.provider.casefold(): "provider"}
        return names.get(by.strip().casefold(), by)

    def _refs(self, rests: Iterable[Ground]) -> list[Ref]:
        indexes: dict[int, None] = {}
        for one in rests:
            indexes[one.index] = None
            indexes[_newest(one).index] = None
        return [Ref(origin=self.dossier.origin, index=index) for index in indexes]


def _on(ground: Ground) -> str:
    return ground.record.on if isinstance(ground, Item) else str(ground.record.at)[:10]


def _newest(ground: Ground) -> Entry:
    return ground.latest if isinstance(ground, Item) else ground
