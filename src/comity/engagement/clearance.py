"""Clearance: what of a case may be published.

Nothing is public that is not cleared.  `publication.cleared` names items as they stand, and entries of the kinds
without an item id; a correction or a withdrawal of an item takes its clearance away.

What may be published *today* is decided by the clearances that stand today, also where a past day is replayed:
an item as it read then may be shown only if it reads the same now and is cleared now.  What was cleared for a while
and then corrected is therefore not shown by asking for an earlier day.

A derived line, such as a stage or a count, may be published if all that it rests on may.  A line that says that there
is nothing of a kind rests on the whole case, because whatever is withheld could be of that kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from comity.engagement.case import Case, Entry, Item
from comity.records import CaseItem, ItemCorrected, ItemWithdrawn, PublicationCleared

__all__ = ["Clearance", "clearance", "whole"]

HEADER: Final = ("engagement", "track", "law", "law_version", "authority", "provider")

Ground = Item | Entry
"""What a line rests on: an item, or an entry of a kind without an item id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """What of one case may be published today."""

    items: Mapping[str, CaseItem]
    """Item id → the record that is cleared, as it reads today."""
    entries: frozenset[int]

    def covers(self, rests: Iterable[Ground]) -> bool:
        """Whether all of it may be published; an empty ground covers nothing."""
        grounds = list(rests)
        return bool(grounds) and all(self._one(ground) for ground in grounds)

    def shows(self, opened: Item) -> bool:
        """Whether it may be known that there is this case: its opening is cleared today, with the sides that it names.

        What else was corrected in it since keeps the lines that repeat it from the page, and not the case.
        """
        today = self.items.get(opened.id)
        return today is not None and _header(today) == _header(opened.record)

    def _one(self, ground: Ground) -> bool:
        if isinstance(ground, Item):
            return ground.withdrawn is None and self.items.get(ground.id) == ground.record
        return ground.index in self.entries


def clearance(today: Case) -> Clearance:
    """What may be published of a case, by everything that was entered in it so far."""
    return Clearance(
        items={
            item.id: item.record
            for item in today.items.values()
            if item.cleared is not None and item.withdrawn is None
        },
        entries=today.cleared,
    )


def _header(opening: CaseItem) -> tuple[str, ...]:
    """What the head of an engagement's column repeats of its opening."""
    members = opening.members()
    return tuple(str(members[name]) for name in HEADER)


def whole(case: Case) -> tuple[Ground, ...]:
    """All that a case says: its standing items without what only puts right or clears, and its other entries."""
    housekeeping = (ItemCorrected, ItemWithdrawn, PublicationCleared)
    items = [
        item for item in case.items.values() if item.withdrawn is None and not isinstance(item.record, housekeeping)
    ]
    return (*items, *case.plain)
