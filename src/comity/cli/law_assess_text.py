"""What `comity law assess` shows to people: chapter by chapter, the duties about which something was entered first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from comity.cli.engagement_evidence import cited_text, entries_text
from comity.cli.law_show import heading, mark, row
from comity.engagement import Case
from comity.engagement.assessment import Assessment, Cell, Fact, Status
from comity.law import Pack, said

__all__ = ["counts", "depth", "head", "page"]

LOUD: Final = ("contested", "not met")
ORDER: Final[tuple[Status, ...]] = ("not met", "contested", "met", "evidenced", "asserted", "not assessed")
SIZE: Final = 14
"""Columns of a status."""
INNER: Final = 13
FEW: Final = 6
"""So many duties are named one by one."""


def counts(one: Assessment) -> Counter[str]:
    """How many duties have each status, of those that bear."""
    return Counter(cell.status for cell in one.cells if cell.counted)


def head(case: Case, pack: Pack, now: datetime, columns: int) -> Iterator[str]:
    yield from heading(case.opening.provider, f"under {pack.name} {pack.version}, as of {said(now)}", columns)


def page(one: Assessment, wanted: Status | None, everything: bool, columns: int) -> Iterator[str]:
    yield ""
    yield from row("about", one.subject or "the provider; the case names no model", columns)
    yield from row("ceiling", str(one.ceiling), columns)
    found, unasked = counts(one), [c for c in one.cells if not c.counted]
    told = " · ".join(f"{found[name]} {name}" for name in ORDER if found[name])
    open_ones = sum(cell.bearing.applies == "not assessed" for cell in unasked)
    yield from row("duties", told or "none bears", columns)
    aside = [(open_ones, "whose applicability is not assessed"), (len(unasked) - open_ones, "that do not apply")]
    if stated := " and ".join(f"{count} {what}" for count, what in aside if count):
        yield from row("beside", stated, columns)
    for name in dict.fromkeys(cell.duty.instrument for cell in one.cells):
        cells = [cell for cell in one.cells if cell.duty.instrument == name]
        yield from _chapter(one.pack, name, cells, wanted, everything, columns)


def _chapter(
    pack: Pack, name: str, cells: Sequence[Cell], wanted: Status | None, everything: bool, columns: int
) -> Iterator[str]:
    bearing = [cell for cell in cells if cell.counted and wanted in (None, cell.status)]
    full = [cell for cell in bearing if everything or cell.facts or wanted is not None]
    rest = [cell for cell in bearing if cell not in full]
    unknown = [cell for cell in cells if not cell.counted and cell.bearing.applies == "not assessed"]
    unknown = unknown if wanted is None else []
    if not full and not rest and not unknown:
        return
    instrument = pack.instruments[name]
    yield ""
    yield from heading(instrument.title, f"{name}{mark(instrument.confidence)}", columns)
    for cell in sorted(full, key=lambda cell: ORDER.index(cell.status)):
        yield from _short(cell, columns)
    if rest:
        text = f"{_duties(rest)}, about which nothing was entered"
        yield from row("not assessed", text, columns, label_width=SIZE)
    for because in dict.fromkeys(cell.bearing.because for cell in unknown):
        silent = [cell for cell in unknown if cell.bearing.because == because]
        label = "" if because != unknown[0].bearing.because else "applies?"
        text = f"{_duties(silent, everything)}: {because}"
        yield from row(label, text, columns, label_width=SIZE)


def _duties(cells: Sequence[Cell], everything: bool = False) -> str:
    """Some duties by their ids, or by their number where they are many."""
    if len(cells) > FEW and not everything:
        return f"{len(cells)} duties, {cells[0].duty.id} to {cells[-1].duty.id}"
    return ", ".join(f"{cell.duty.id}{mark(cell.duty.confidence)}" for cell in cells)


def _status(cell: Cell) -> str:
    return cell.status.upper() if cell.status in LOUD else cell.status


def _short(cell: Cell, columns: int) -> Iterator[str]:
    duty = cell.duty
    force = "" if duty.force in ("binding", "code") else f", {duty.force}"
    what = f"{duty.id}  {duty.title} ({duty.ref}{force}){mark(duty.confidence)}"
    yield from row(_status(cell), what, columns, label_width=SIZE)
    yield from row("", cell.because, columns, label_width=SIZE)
    if cell.bearing.applies == "not assessed":
        yield from row("", f"applicability not assessed: {cell.bearing.because}", columns, label_width=SIZE)
    for fact in cell.facts:
        yield from _fact(fact, columns)
    if cell.ceiling.level:
        leaning = f"{cell.ceiling.leaning} of {cell.ceiling.facts} lean on the provider"
        yield from row("", f"no better than {cell.ceiling.level}: {leaning}", columns, label_width=SIZE)


def _fact(fact: Fact, columns: int) -> Iterator[str]:
    said = f"{fact.what}, entry {fact.item.index}: {fact.says}"
    yield from row("", said, columns, label_width=SIZE + 2)
    yield from row("", fact.reads, columns, label_width=SIZE + 4)
    for one in fact.cited:
        yield from row("", f"cites {cited_text(one)}", columns, label_width=SIZE + 4)


def depth(pack: Pack, one: Assessment, name: str, columns: int) -> Iterator[str]:
    cell = one.cell(name)
    duty = cell.duty
    yield ""
    yield from heading(duty.id, f"{duty.title}{mark(duty.confidence)}", columns)
    yield from row("about", one.subject or "the provider", columns)
    yield from row("status", f"{_status(cell)}: {cell.because}", columns)
    grounds = entries_text([entry.index for entry in cell.bearing.entries])
    where = f" ({grounds})" if grounds else ""
    yield from row("applies", f"{cell.bearing.applies}: {cell.bearing.because}{where}", columns)
    yield from row("ceiling", str(cell.ceiling), columns)
    instrument = pack.instruments[duty.instrument].title
    yield from row("law", f"{pack.name} {pack.version}, {duty.ref}; {duty.force}; {instrument}", columns)
    if duty.says:
        yield from row("asks", duty.says, columns)
    for number, (shown, entries) in enumerate(cell.arrived.items()):
        where = entries_text([entry.index for entry in entries])
        text = f"{shown}: {pack.evidence[shown]}; {f'arrived ({where})' if where else 'did not arrive'}"
        yield from row("" if number else "shown by", text, columns)
    for number, fact in enumerate(cell.facts):
        yield from row("" if number else "facts", f"{fact.what}, entry {fact.item.index}: {fact.says}", columns)
        yield from row("", fact.reads, columns, label_width=INNER)
        yield from row("", f"speaks {fact.speaks}; {_weight(fact)}", columns, label_width=INNER)
        for cited in fact.cited:
            yield from row("", f"cites {cited_text(cited)}", columns, label_width=INNER)
            if cited.digest:
                yield from row("", f"{cited.name} {cited.digest}", columns, label_width=INNER + 2)
    if not cell.facts:
        yield from row("facts", "none", columns)


def _weight(fact: Fact) -> str:
    kind = "cites evidence" if fact.shows else "a word alone"
    return f"{kind}; {'rests on the provider' if fact.leans else 'does not rest on the provider alone'}"
