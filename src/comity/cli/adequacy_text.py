"""What a terminal shows of adequacy: a table with one row an item and four cells, then the days.

Each cell shows as much as fits: its mark, its status and what it says; else the figure; else the status alone.  Where
nothing is, a dash stands, and where no entry could show anything, a dot.  The page fits 80 columns and uses more where
there are more.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

import click

from comity.arrangement import money
from comity.cli.law_show import mark as sure
from comity.cli.law_show import row
from comity.engagement.access_days import EXAMPLE, AccessDays, DayLost
from comity.engagement.access_record import AccessRecord
from comity.engagement.adequacy import Adequacy
from comity.engagement.adequacy_cells import Cell, counted

__all__ = ["MARKS", "detail", "lines"]

MARKS: Final = {"enforced": "●", "evidenced": "◐", "attested": "○", "": " "}
HEADS: Final = ("PROMISED", "DELIVERED", "USED", "DENIED")
NOTHING: Final = ("none", "not used", "nothing", "not promised")
GAP: Final = 2
NARROWEST: Final = 66
"""Columns that four cells and a title of twelve take."""
FEWEST: Final = 11
"""Columns of a cell: what "◐ evidenced" and "41 refusals" take."""
MOST_TITLE: Final = 38

Line = tuple[str, tuple[Cell, Cell, Cell, Cell]]


def lines(page: Adequacy, width: int) -> Iterator[str]:
    """The whole page, in at least `NARROWEST` columns."""
    width = max(width, NARROWEST)
    yield from _head(page, width)
    own = [one for one in page.items if not one.draft]
    draft = [one for one in page.items if one.draft]
    if own:
        yield ""
        cells = [(one.item.title, (one.promised, one.delivered, one.used, one.denied)) for one in own]
        yield from _table("CODE OF PRACTICE", cells, width)
    if draft:
        yield ""
        cells = [(one.item.title, (one.promised, one.delivered, one.used, one.denied)) for one in draft]
        yield from _table("DRAFT REGULATION", cells, width)
        draft_words = "The draft is not known to be adopted: nobody owes these by it yet."
        yield from row("", draft_words, width, label_width=0)
    if page.clauses:
        yield ""
        named = [(_clause(one.clause, one.promised.words), one) for one in page.clauses]
        cells = [(name, (one.promised, one.delivered, one.used, one.denied)) for name, one in named]
        yield from _table("THE TERMS", cells, width)
    yield ""
    yield from _days(page, width)
    yield ""
    yield from row("", "● enforced: a machine refuses  ◐ evidenced: a record shows it", width, label_width=0)
    yield from row("", "○ attested: one side's word  ! the sides differ", width, label_width=0)
    yield from row("", "– nothing  · no entry could show it", width, label_width=0)


def _head(page: Adequacy, width: int) -> Iterator[str]:
    opening = page.case.opening
    name = click.style(f"{opening.provider}: access, {page.at:%Y-%m-%d}", bold=True)
    yield name
    terms = page.terms
    if terms is not None:
        until = f"{terms.window.until:%Y-%m-%d %H:%M} UTC"
        yield from row("terms", f"{terms.title}, version {terms.version}, until {until}", width)
        yield from row("", f"arrangement {page.arrangement}", width)
    elif page.arrangement:
        yield from row("terms", f"of the arrangement {page.arrangement[:8]}: not at hand in this home", width)
    else:
        yield from row("terms", "no arrangement came into force", width)
    if page.access is not None:
        access = page.access
        calls, other = access.calls, access.mismatched.count
        said = f"{calls.permitted.count:,} permitted, {calls.answered.count:,} answered"
        yield from row("calls", f"{said}, {calls.refused.count:,} refused, {other:,} by another model", width)
        yield from row("", f"{_span(access)}{counted(len(access.live_grants(page.at)), 'live grant')}", width)
        if terms is not None:
            spent, agreed = money(access.taken.cost_nano), money(terms.budget.cost_nano)
            yield from row("spent", f"{spent} of {agreed} {terms.budget.currency}", width)
        yield from row("ledger", f"{access.origin}, {access.size:,} entries", width)
    elif page.arrangement:
        yield from row("calls", "not known: no access ledger at hand; --access FILE names one", width)


def _span(access: AccessRecord) -> str:
    """The first call and the last answer, where there were any."""
    if access.first_call is None:
        return ""
    answers = [at for _, at in access.last_call.values()]
    last = f", last answer {max(answers):%Y-%m-%d}" if answers else ""
    return f"first call {access.first_call[1]:%Y-%m-%d}{last}; "


def _clause(name: str, words: str) -> str:
    return f"{name} {words}" if name in ("models.name", "people.id") else name


def _table(title: str, table: Sequence[Line], width: int) -> Iterator[str]:
    longest = max(len(name) for name, _ in table)
    room = width - 2 - 4 * (FEWEST + GAP)
    names = min(longest, MOST_TITLE, max(room, 12))
    each = (width - 2 - names - 4 * GAP) // 4
    heads = "".join(f"{'':{GAP}}{head:<{each}}" for head in HEADS)
    yield click.style(f"  {title[:names]:<{names}}{heads}".rstrip(), bold=True)
    for name, cells in table:
        shown = "".join(f"{'':{GAP}}{fit(cell, each):<{each}}" for cell in cells)
        first, *more = textwrap.wrap(name, names, subsequent_indent=" ", break_on_hyphens=False) or [""]
        yield f"  {first:<{names}}{shown}".rstrip()
        yield from (f"  {line}" for line in more)


def fit(cell: Cell, columns: int) -> str:
    """As much of a cell as fits."""
    if cell.status in NOTHING:
        return "–"
    if cell.status == "not recorded":
        return "·"
    sign = {"contested": "!", "denied": "", "used": ""}.get(cell.status, MARKS[cell.mark])
    before = f"{sign} " if sign.strip() else ""
    if cell.status in ("used", "denied"):
        texts = [cell.words, cell.short, cell.status]
    else:
        texts = [f"{cell.status}: {cell.words}", cell.status]
    return next((before + text for text in texts if text and len(before + text) <= columns), f"{before}{cell.status}")


def _days(page: Adequacy, width: int) -> Iterator[str]:
    days = page.days
    if days is None:
        words = "Business days are counted once the terms and the access ledger are at hand."
        yield from row("", words, width, label_width=0)
        return
    yield click.style(f"  BUSINESS DAYS by the calendar {days.calendar}", bold=True)
    promised = f"of {days.promised} promised" if days.promised else "no number promised"
    yield from row("granted", f"{len(days.granted)} {promised}; the Code's example is {EXAMPLE}{_short(days)}", width)
    yield from row("to come", str(days.to_come), width)
    yield from row("lost", str(len(days.lost)), width)
    for causes, group in groupby(days.lost, key=lambda one: one.causes):
        yield from _lost(causes, list(group), width)


def _short(days: AccessDays) -> str:
    if days.promised and days.most < days.promised:
        return f"; at most {days.most} can still be reached"
    return ""


def _lost(causes: tuple[str, ...], group: Sequence[DayLost], width: int) -> Iterator[str]:
    first, last = group[0].day, group[-1].day
    label = f"{first}" if first == last else f"{first} to {last:%m-%d}"
    cites = dict.fromkeys(cite for one in group for cite in one.cites)
    number = f"{len(group)} days, " if len(group) > 1 else ""
    yield from row(label, f"{number}{'; '.join(causes)} ({named(cites)})", width, label_width=21)


def named(cites: Iterable[str]) -> str:
    """Citations as people read them: the case's entries, and the access ledger's."""
    found: dict[str, list[str]] = {}
    for cite in cites:
        ledger, _, index = cite.partition("#")
        found.setdefault("case" if "/e/" in ledger else "access", []).append(index)
    return "; ".join(f"{ledger} {', '.join(indexes)}" for ledger, indexes in found.items()) or "no entry"


def detail(page: Adequacy, item: str, width: int) -> Iterator[str]:
    """Everything about one item or clause: each cell in full, with the entries behind it."""
    for one in page.items:
        if one.item.id == item:
            yield click.style(f"{one.item.title}{sure(one.item.confidence)}", bold=True)
            yield from row("asks", f"{one.item.means} {one.item.note} ({one.item.ref})".replace("  ", " "), width)
            yield from _cells((one.promised, one.delivered, one.used, one.denied), width)
    for line in page.clauses:
        if line.clause == item:
            yield click.style(line.clause, bold=True)
            yield from _cells((line.promised, line.delivered, line.used, line.denied), width)


def _cells(cells: tuple[Cell, Cell, Cell, Cell], width: int) -> Iterator[str]:
    for head, cell in zip(HEADS, cells, strict=True):
        said = f"{MARKS[cell.mark]} {cell.status}".strip()
        yield from row(head.lower(), f"{said}: {cell.words}" if cell.words else said, width)
        if cell.cites:
            more = ", the first of them" if cell.sampled else ""
            yield from row("", f"entries {named(cell.cites)}{more}", width)
