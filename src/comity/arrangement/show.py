"""Showing terms: the contract as text for a terminal, from 64 columns on.

Below `MARGIN_FROM` columns the mark and the clauses of a provision stand in a line under it; from there on they
stand in a margin to the right, so that the sentences keep a length that can be read.

    8.1  In all, the Authority may make at most 400 calls, use at most 400,000 input
         tokens and 60,000 output tokens, and spend at most 1.00 EUR.
         ● enforced · budget.calls, budget.input_tokens, budget.output_tokens, budget.cost

Remarks that somebody made on a clause (`Remark`) stand under the provision that says the clause.

Not promised: that this rendering is what was signed. The signatures are over the
canonical bytes, whose digest stands at the top.
"""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from comity.arrangement.contract import MARKS, Contract, contract_of
from comity.arrangement.contract_words import Provision, Remark, Table
from comity.arrangement.terms import Role, Terms

__all__ = ["show"]

WIDTH: Final = 96
MARGIN: Final = 33
"""Columns of the margin: room for the longest clause's name."""
MARGIN_FROM: Final = 112
INDENT: Final = 6
GAP: Final = 2
LONG_CODE: Final = 30
"""Characters from which a code may go on in the next line: a key or a digest, and no name of a model."""


def show(
    terms: Terms,
    signed_by: Sequence[Role] = (),
    width: int = WIDTH,
    remarks: Sequence[Remark] = (),
    outside: Sequence[tuple[str, str]] = (),
) -> str:
    """The contract as text; `outside` are signatures made elsewhere, each a side's role and what was established."""
    contract = contract_of(terms)
    numbered = iter(contract.numbered())
    lines = [*_head(contract, signed_by, width), "", "BETWEEN", ""]
    lines += _provisions([next(numbered) for _ in contract.opening], width, remarks)
    lines += ["WHEREAS", ""]
    lines += _provisions([next(numbered) for _ in contract.recitals], width, remarks)
    lines += ["THE PARTIES AGREE", ""]
    for article in contract.articles:
        lines += [f"Article {article.number}. {article.heading}", ""]
        lines += _provisions([next(numbered) for _ in article.provisions], width, remarks)
    for schedule in contract.schedules:
        lines += ["─" * width, f"Schedule {schedule.number}. {schedule.heading}", ""]
        for table in schedule.tables:
            lines += [*textwrap.wrap(table.caption, width), "", *_table(table, width), ""]
    lines += _signatures(contract, signed_by, width, outside)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(contract: Contract, signed_by: Sequence[Role], width: int) -> list[str]:
    state = {0: "unsigned", 1: "an offer: one side has signed", 2: "agreed: both sides have signed"}[len(signed_by)]
    counts = {mark: 0 for mark in MARKS}
    for _, provision in contract.numbered():
        if provision.mark is not None:
            counts[provision.mark] += 1
    rows = [f"{sign} {counts[mark]:>2} {mark}: {meaning}" for mark, (sign, meaning) in MARKS.items()]
    return [
        "═" * width,
        *(line.center(width) for line in textwrap.wrap(contract.title.upper(), width - 8)),
        f"Access arrangement, version {contract.version}: {state}".center(width),
        "═" * width,
        "",
        f"arrangement  {contract.arrangement}",
        *([f"digest       {contract.digest}"] if width >= 78 else ["digest", contract.digest]),
        "",
        "How its provisions are kept:",
        *rows,
    ]


def _provisions(
    numbered: Sequence[tuple[str, Provision]], width: int, remarks: Sequence[Remark]
) -> Iterator[str]:
    for number, provision in numbered:
        wide = width >= MARGIN_FROM
        column = width - MARGIN - 2 * GAP if wide else width
        body = _body(number, provision, column)
        if wide:
            for left, right in zip_longest(body, _margin(provision), fillvalue=""):
                yield f"{left:{column}}  │ {right}" if right else left
        else:
            yield from body
            yield from _note(provision, width)
        for remark in remarks:
            if remark.about in provision.names():
                yield from _wrapped(remark.line(), width, " " * INDENT + "» ")
        yield ""


def _body(number: str, provision: Provision, width: int) -> list[str]:
    lines = _wrapped(provision.text, width, f"{number:<{INDENT}}")
    for count, item in enumerate(provision.items):
        named = f" [{', '.join(item.clauses)}]" if item.clauses else ""
        lines += _wrapped(f"{item.text}{named}", width, f"{' ' * INDENT}{f'({_letter(count)})':<5}")
    return lines


def _letter(count: int) -> str:
    return _letter(count // 26 - 1) + _letter(count % 26) if count >= 26 else chr(ord("a") + count)


def _note(provision: Provision, width: int) -> list[str]:
    if provision.mark is None:
        return []
    clauses = f" · {', '.join(provision.clauses)}" if provision.clauses else ""
    said = f"{MARKS[provision.mark][0]} {provision.mark}{clauses}"
    return textwrap.wrap(
        said, width, initial_indent=" " * INDENT, subsequent_indent=" " * (INDENT + 2), break_on_hyphens=False
    )


def _margin(provision: Provision) -> list[str]:
    if provision.mark is None:
        return []
    return [f"{MARKS[provision.mark][0]} {provision.mark}", *(f"  {name}" for name in provision.clauses)]


def _wrapped(text: str, width: int, head: str) -> list[str]:
    flat = " ".join(text.split())
    return textwrap.wrap(
        flat, width, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    )


def _table(table: Table, width: int) -> Iterator[str]:
    """A table whose columns fit the width: a cell that is wider than its column goes on in the next line."""
    rows = (table.head, *table.rows)
    widths = _widths(rows, table.codes, width - GAP * (len(table.head) - 1))
    for number, row in enumerate(rows):
        cells = [
            textwrap.wrap(cell, widths[column], break_on_hyphens=column not in table.codes) or [""]
            for column, cell in enumerate(row)
        ]
        for parts in zip_longest(*cells, fillvalue=""):
            yield (" " * GAP).join(
                f"{part:>{widths[column]}}" if column in table.numbers else f"{part:<{widths[column]}}"
                for column, part in enumerate(parts)
            )
        if number == 0:
            yield (" " * GAP).join("─" * one for one in widths)


def _widths(rows: Sequence[tuple[str, ...]], codes: frozenset[int], room: int) -> list[int]:
    """Columns that fit the room: those give way first that can break between words or hold long codes."""
    columns = range(len(rows[0]))
    widths = [max(len(row[column]) for row in rows) for column in columns]
    words = [max((len(word) for row in rows for word in row[column].split()), default=1) for column in columns]
    words = [min(longest, LONG_CODE) if column in codes else longest for column, longest in enumerate(words)]
    while sum(widths) > room:
        loose = [column for column in columns if widths[column] > words[column]] or list(columns)
        widths[max(loose, key=lambda column: widths[column])] -= 1
    return widths


def _signatures(
    contract: Contract, signed_by: Sequence[Role], width: int, outside: Sequence[tuple[str, str]]
) -> list[str]:
    lines = ["═" * width, "SIGNATURES", ""]
    lines += textwrap.wrap(
        "Each party signs the digest above with its key in Schedule 3. A signature on paper or over the PDF of this "
        "text may stand beside that one; it does not replace it.",
        width,
    )
    for party in contract.parties:
        state = "signed" if party.role in signed_by else "not signed"
        lines += ["", f"For the {party.called}, {party.name}", f"  {state}; key {'+'.join(party.key.split('+')[:2])}"]
        for role, established in outside:
            if role == party.role:
                lines += _wrapped(f"outside, over the PDF: {established}", width, "  ")
    return [*lines, "═" * width]
