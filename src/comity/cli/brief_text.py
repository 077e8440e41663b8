"""The brief as text: a column for each engagement where the terminal is wide enough, else bands of columns.

            Anthropic                          OpenAI
stage       dialogue since 2026-05-11, 35      negotiation since 2026-05-11, 35
            days                               days
            e/a9020d8f#0 · reported [1]        e/4bcef520#2 · reported [1]
offered     nothing · e/a9020d8f#17            …

After each line stand the entries that it rests on, `e/<beginning of the id>#index`, when it was so, where that is not
the day on which it was entered and does not stand in the line, and, where it is reported or unconfirmed, how sure it
is and the number of its source; the sources stand below the page.  A row shows at most
`MOST` lines of an engagement and says how many more there are; rows that have nothing in a whole band stand together.
"""

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

import click

from comity.engagement.brief import ROWS, Column, Page
from comity.engagement.brief_line import Line, Ref
from comity.records import instant_text

__all__ = ["lines"]

LABEL: Final = 12
NARROWEST: Final = 30
"""Characters of a column below which a line of text becomes a staircase."""
GAP: Final = 3
MOST: Final = 4
"""Lines of one row of one engagement."""
MOST_REFS: Final = 4
BETWEEN: Final = " · "

Cell = list[tuple[str, str]]
"""Lines of text, each in two parts: what is said, and what is dimmed because it says where that is known from."""


def lines(page: Page, name: str, width: int) -> Iterator[str]:
    """What a terminal of `width` columns shows of a page; `name` is the home's."""
    numbers: dict[str, int] = {}
    public = ", public" if page.public else ""
    head = f"Where we stand: {printable(name)}"
    as_of = f"as of {instant_text(page.at)[:16].replace('T', ' ')} UTC{public}"
    if (room := width - span(head) - len(as_of)) >= GAP:
        yield click.style(head, bold=True) + " " * room + as_of
    else:
        yield from (click.style(line, bold=True) for line in _wrapped(head, width))
        yield as_of
    yield from textwrap.wrap(page.notice, width)
    for band in bands(page.columns, width):
        yield ""
        yield from _band(band, page, name, width, numbers)
    if not page.columns:
        yield ""
        yield "no engagement is published" if page.public else "no engagement yet; 'comity engagement open' begins one"
    if numbers:
        yield ""
        for source, number in numbers.items():
            mark = f"[{number}] "
            yield from textwrap.wrap(source, width, initial_indent=mark, subsequent_indent=" " * len(mark))
    if page.public:
        yield ""
        withheld = f"{page.withheld} line{'' if page.withheld == 1 else 's'}"
        yield f"{withheld} withheld: not cleared for publication"


def bands(columns: Sequence[Column], width: int) -> list[Sequence[Column]]:
    """The engagements that stand side by side, band after band, of as equal a size as can be."""
    fit = max(1, (width - LABEL + GAP) // (NARROWEST + GAP))
    count = -(-len(columns) // fit)
    if not count:
        return []
    each, more = divmod(len(columns), count)
    sizes = [each + (number < more) for number in range(count)]
    begins = [sum(sizes[:number]) for number in range(count)]
    return [columns[begin : begin + size] for begin, size in zip(begins, sizes, strict=True)]


def _band(columns: Sequence[Column], page: Page, name: str, width: int, numbers: dict[str, int]) -> Iterator[str]:
    each = (width - LABEL - GAP * (len(columns) - 1)) // len(columns)
    heads: list[Cell] = [[(text, "") for text in _wrapped(_head(column, name), each)] for column in columns]
    yield from _side_by_side("", heads, each, bold=True)
    said = [row for row in ROWS if all(_says_nothing(column.rows[row]) for column in columns)]
    empty = [row for row in ROWS if not any(column.rows[row] for column in columns)]
    for row, (label, _) in ROWS.items():
        if row not in said and row not in empty:
            cells = [_cell(column.rows[row], page, each, numbers) for column in columns]
            yield from _side_by_side(label, cells, each)
    refs = {ref.short: None for column in columns for row in said for line in column.rows[row] for ref in line.refs}
    for word, rows in (("entered", said), ("published", empty)):
        if rows:
            text = f"{word} under: {', '.join(ROWS[row][0] for row in rows)}"
            text = BETWEEN.join((text, " ".join(refs))) if rows is said else text
            cell = [(line, "") for line in _wrapped(text, width - LABEL)]
            yield from _side_by_side("nothing", [cell], width - LABEL)


def _says_nothing(found: Sequence[Line]) -> bool:
    return bool(found) and all(line.nothing for line in found)


def _head(column: Column, name: str) -> str:
    """The other side's name."""
    other = column.authority if column.provider == name else column.provider
    return other if column.track == "model" else f"{other} ({column.track} track)"


def _side_by_side(label: str, cells: Sequence[Cell], each: int, *, bold: bool = False) -> Iterator[str]:
    for number, parts in enumerate(zip_longest(*cells, fillvalue=("", ""))):
        shown = f"{label if number == 0 else '':<{LABEL}}"
        for text, faint in parts:
            room = each - span(text) - span(faint) + GAP
            shown += (click.style(text, bold=True) if bold and text else text) + _dimmed(faint) + " " * room
        yield shown.rstrip()


def _dimmed(text: str) -> str:
    return click.style(text, dim=True) if text else ""


def _cell(found: Sequence[Line], page: Page, each: int, numbers: dict[str, int]) -> Cell:
    cell: Cell = []
    for line in found[:MOST]:
        side = f"{line.side}: " if line.side else ""
        said, known = _wrapped(side + line.text, each), _sourced(line, numbers)
        if span(said[-1]) + len(BETWEEN) + span(known) <= each:
            cell += [(text, "") for text in said[:-1]] + [(said[-1], BETWEEN + known)]
        else:
            cell += [(text, "") for text in said] + [("", text) for text in _wrapped(known, each)]
    if len(found) > MOST:
        cell.append(("", f"and {len(found) - MOST} more (--json)"))
    if not found and page.public:
        cell.append(("", "nothing published"))
    return cell


def _sourced(line: Line, numbers: dict[str, int]) -> str:
    """The entries that a line rests on, when it was so, how sure it is, and the numbers of its sources."""
    marks = "".join(
        f"[{numbers.setdefault(printable(one.source), len(numbers) + 1)}]"
        for one in line.sources
        if one.confidence != "stated"
    )
    sure = line.confidence if line.confidence != "stated" else ""
    on = "" if line.on in line.text or line.on == line.entered[:10] else line.on
    return BETWEEN.join(part for part in (_links(line.refs), on, f"{sure} {marks}".strip()) if part)


def _links(refs: Sequence[Ref]) -> str:
    """Links in short: the ledger once, then its entries."""
    shown, before = [], ""
    for ref in refs[:MOST_REFS]:
        ledger, _, index = ref.short.rpartition("#")
        shown.append(f"#{index}" if ledger == before else ref.short)
        before = ledger
    more = [f"+{len(refs) - MOST_REFS}"] if len(refs) > MOST_REFS else []
    return " ".join(shown + more)


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most so many cells, broken between words, and inside a word that fits no line."""
    lines, line = [], ""
    for word in printable(text).split(" "):
        if line and span(line) + 1 + span(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
        while span(line) > width:
            fits = next(count for count in range(len(line), 0, -1) if span(line[:count]) <= width)
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line]


def span(text: str) -> int:
    """How many columns of a terminal a text takes: two for each wide sign, none for one that sits on another.

    >>> span("Aurora"), span("深度求索")
    (6, 8)
    """
    return sum(0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def printable(text: str) -> str:
    """What moves a terminal's cursor is shown as a code: an entry may quote anybody."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
