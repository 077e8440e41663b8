"""Briefs for tests: pages out of stories, and where a line stands on them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from comity.engagement.brief import Column, Page, brief_page
from comity.engagement.brief_line import Line
from comity.engagement.portfolio import Book, portfolio
from comity.engagement.replay import END
from comity.law import load_pack
from comity.records import Record, to_bytes

law = cache(load_pack)
"""Law packs are read once for all tests."""


def end_of(day: str) -> datetime:
    """The last instant of a day."""
    return datetime.combine(datetime.fromisoformat(day).date(), END)


def book(records: Sequence[Record], name: str = "e" * 32) -> Book:
    """A ledger's entries out of records."""
    return Book(origin=f"authority.example/e/{name}", entries=[to_bytes(record) for record in records])


def page_on(day: str, *stories: Sequence[Record], public: bool = False, **how: Any) -> Page:
    """The page over these stories at the end of a day."""
    books = [book(records, f"{number:032x}") for number, records in enumerate(stories)]
    return brief_page(portfolio(books, end_of(day), law=law, **how), end_of(day), public=public)


def row(page: Page, name: str, column: int = 0) -> list[str]:
    """The texts of one row, each after its side."""
    return [f"{line.side}: {line.text}" if line.side else line.text for line in page.columns[column].rows[name]]


def every_line(columns: Iterable[Column]) -> list[Line]:
    """Each line of some columns."""
    return [line for column in columns for _, line in column.lines()]


def values(page: Page, name: str, column: int = 0) -> list[Mapping[str, str | int]]:
    """What the lines of one row say to machines."""
    return [line.values for line in page.columns[column].rows[name]]
