"""Contract as PDF: the pages that people sign, made from the terms alone.

The file is PDF/A-2a and PDF/UA-1 (kept for long, tagged, read aloud in order), drawn by Typst with the fonts that
it carries: Libertinus Serif and DejaVu Sans Mono.  It reaches no network and no font of the machine, and it knows
no clock: its date is the day on which the window begins.  So the same terms make the same bytes under the same
`FORM`, and whoever holds the terms can make the file again and compare, byte for byte.

Every page bears the arrangement's id, its version and the whole digest of its terms.

The terms' words are handed over as data and never read as markup.

Not promised: that another release makes the same bytes.  `FORM` and Typst's version stand at the foot of each page,
and both sides of a signature use the same.  A character that neither font has is refused rather than left out.
"""

import json
import unicodedata
import warnings
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from comity.arrangement.contract import MARKS, Contract, contract_of
from comity.arrangement.contract_words import Table
from comity.arrangement.errors import ContractRefused
from comity.arrangement.terms import Terms

__all__ = ["FORM", "render_contract"]

FORM: Final = "comity contract/1"
"""The look of the pages. It counts up whenever the same terms would make other bytes."""

STANDARDS: Final = ("a-2a", "ua-1")
SHORT_CELL: Final = 24
"""Characters up to which a column of a table takes the room that it needs."""
LONG_CELL: Final = 60
"""Characters from which a longer column gets no larger share."""


def render_contract(terms: Terms) -> bytes:
    """The PDF of these terms; raises `ContractRefused` where it cannot be drawn, or Typst is not installed."""
    try:
        import typst
    except ImportError:
        raise ContractRefused(
            "drawing the contract needs Typst, which is not installed: pip install 'comity[contract]'"
        ) from None
    value = json.dumps(_value(terms, f"{FORM}, Typst {version('typst')}"), ensure_ascii=False)
    begins = terms.window.begins
    midnight = datetime(begins.year, begins.month, begins.day, tzinfo=UTC)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = typst.Compiler(ignore_system_fonts=True).compile(
                _form(),
                format="pdf",
                sys_inputs={"contract": value},
                pdf_standards=list(STANDARDS),
                timestamp=int(midnight.timestamp()),
            )
    except (typst.TypstError, typst.TypstWarning, RuntimeError) as error:
        raise ContractRefused(f"these terms cannot be drawn as PDF: {error}") from None
    if not isinstance(made, bytes):
        raise AssertionError("one PDF was asked for")
    return made


@cache
def _form() -> bytes:
    return (files("comity.arrangement") / "forms" / "contract.typ").read_bytes()


def _value(terms: Terms, form: str) -> dict[str, Any]:
    contract = contract_of(terms)
    numbered = [
        {
            "number": number,
            "text": _clean(provision.text),
            "mark": provision.mark,
            "sign": MARKS[provision.mark][0] if provision.mark else "",
            "clauses": list(provision.clauses),
            "items": [{"text": _clean(item.text), "clauses": list(item.clauses)} for item in provision.items],
        }
        for number, provision in contract.numbered()
    ]
    told = iter(numbered)
    begins = terms.window.begins
    return {
        "form": form,
        "title": _clean(contract.title),
        "arrangement": contract.arrangement,
        "version": contract.version,
        "digest": contract.digest,
        "date": [begins.year, begins.month, begins.day],
        "parties": [
            {"name": _clean(party.name), "called": party.called, "short": "+".join(party.key.split("+")[:2])}
            for party in contract.parties
        ],
        "marks": _marks(contract),
        "opening": [next(told) for _ in contract.opening],
        "recitals": [next(told) for _ in contract.recitals],
        "articles": [
            {
                "number": article.number,
                "heading": article.heading,
                "provisions": [next(told) for _ in article.provisions],
            }
            for article in contract.articles
        ],
        "schedules": [
            {
                "number": schedule.number,
                "heading": schedule.heading,
                "tables": [_table(table) for table in schedule.tables],
            }
            for schedule in contract.schedules
        ],
    }


def _marks(contract: Contract) -> list[dict[str, Any]]:
    held = [provision.mark for _, provision in contract.numbered()]
    return [
        {"mark": mark, "sign": sign, "meaning": meaning, "count": held.count(mark)}
        for mark, (sign, meaning) in MARKS.items()
    ]


def _table(table: Table) -> dict[str, Any]:
    columns = range(len(table.head))
    longest = [max(len(row[column]) for row in (table.head, *table.rows)) for column in columns]
    return {
        "caption": _clean(table.caption),
        "head": [_clean(word) for word in table.head],
        "rows": [[_clean(cell) for cell in row] for row in table.rows],
        "numbers": sorted(table.numbers),
        "codes": sorted(table.codes),
        "widths": [min(length, LONG_CELL) if length > SHORT_CELL else 0 for length in longest],
    }


def _clean(text: str) -> str:
    """Text in composed form, as fonts and readers expect it; the terms themselves stay as they were signed."""
    return unicodedata.normalize("NFC", text)
