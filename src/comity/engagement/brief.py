"""The brief: one page over all engagements of a home, side by side, every line sourced.

`brief_page` makes the page out of dossiers: a frozen value that knows no terminal and no browser, so that the command
line, the portal and the public register show the same lines.

A *line* says one thing and names the entries that it rests on, with when it was so (`on`, as exactly as is known),
when it was entered, where it is known from outside, and how sure that is: the weakest confidence of what it rests on.
Lines stand in *rows* (`ROWS`), one column for each engagement.  A row that has nothing says so in a line.

The public page holds the lines that may be published (`comity.engagement.clearance`) of the engagements whose opening
may be, and how many lines are withheld in all: in one number, so that it is told neither where they were nor whether
there is an engagement that is not shown.  An empty row of the public page means that nothing is published there.

Not promised: that the record is complete. What nobody entered is not there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from comity.engagement import brief_burden, brief_rows
from comity.engagement.brief_line import Desk, Line
from comity.engagement.portfolio import Dossier
from comity.engagement.sample import MARK, NOTICE

__all__ = ["ROWS", "Column", "Page", "brief_page"]

ROWS: Final[Mapping[str, tuple[str, Callable[[Desk], Iterator[Line]]]]] = {
    "stage": ("stage", brief_rows.stage),
    "first_step": ("first step", brief_rows.first_step),
    "meetings": ("meetings", brief_rows.meetings),
    "offered": ("offered", brief_rows.offered),
    "open": ("open", brief_rows.still_open),
    "refused": ("refused", brief_rows.refused),
    "suspended": ("suspended", brief_rows.suspended),
    "next": ("next date", brief_rows.next_date),
    "waits": ("waiting", brief_burden.waits),
    "calls": ("calls", brief_burden.calls),
    "sessions": ("sessions", brief_burden.sessions),
    "pays": ("who pays", brief_burden.pays),
    "beside": ("beside", brief_rows.beside),
}
"""Row → its label, and what writes its lines, in the order of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One engagement on the page."""

    engagement: str
    origin: str
    """Of the engagement's ledger; `origin#index` names an entry."""
    authority: str
    provider: str
    track: str
    law: str
    """The law pack and version under which it was opened; empty where none is stated."""
    sample: bool
    rows: Mapping[str, tuple[Line, ...]] = field(repr=False)
    """Every row of `ROWS`, some of them empty on the public page."""

    def lines(self) -> Iterator[tuple[str, Line]]:
        """Each line with its row."""
        return ((row, line) for row, lines in self.rows.items() for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All engagements of a home at one time."""

    at: datetime
    public: bool
    columns: tuple[Column, ...]
    withheld: int
    """Lines that are not on the page because they are not cleared, over all engagements; 0 unless public."""

    @property
    def notice(self) -> str:
        """What has to stand in the head of the page; empty where no engagement is a sample."""
        return NOTICE if any(column.sample for column in self.columns) else ""


def brief_page(dossiers: Iterable[Dossier], at: datetime, *, public: bool = False) -> Page:
    """The page over these engagements, in their order."""
    whole = [_column(dossier) for dossier in dossiers]
    if not public:
        return Page(at=at, public=False, columns=tuple(column for column, _ in whole), withheld=0)
    columns, withheld = [], 0
    for column, shown in whole:
        published = {
            row: tuple(line for line in lines if line.cleared and shown) for row, lines in column.rows.items()
        }
        withheld += sum(len(lines) - len(published[row]) for row, lines in column.rows.items())
        if shown:
            columns.append(replace(column, rows=published))
    return Page(at=at, public=True, columns=tuple(columns), withheld=withheld)


def _column(dossier: Dossier) -> tuple[Column, bool]:
    """A column with every line, and whether the engagement may be shown to the public at all."""
    desk, opening = Desk(dossier), dossier.case.opening
    column = Column(
        engagement=opening.engagement,
        origin=dossier.origin,
        authority=opening.authority,
        provider=opening.provider,
        track=opening.track,
        law=f"{opening.law} {opening.law_version}" if opening.law else "",
        sample=MARK in opening.refs,
        rows={row: tuple(write(desk)) for row, (_, write) in ROWS.items()},
    )
    return column, dossier.cleared.shows(dossier.case.opened)
