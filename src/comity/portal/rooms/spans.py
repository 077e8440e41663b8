"""Spans: one page of a long list, read from where it begins.

A page begins after the last row of the page before, by that row's place in the order of the list.  So the database
walks an index from there and stops, however long the list is and however far down a reader has come; nothing is counted
and nothing skipped over.  What comes while somebody reads does not move what they have seen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest

__all__ = ["Span", "span"]

LONGEST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Rows that stand together, and where the list goes on."""

    rows: list[Any]
    previous: str
    """The query of the page before; empty on the first page."""
    next: str
    """The query of the page after; empty on the last page."""


def span(
    rows: Any, order: str, most: int, request: HttpRequest, *, name: str = "", read: Callable[[str], Any] = str,
    kept: tuple[str, ...] = (),
) -> Span:  # fmt: skip
    """The page of a query that a request asks for.

    `order` is the column, after a minus for the greatest first; its values differ from row to row.  `name` tells the
    lists of one page apart; `kept` are members of the request that the links repeat.
    """
    column, down = order.removeprefix("-"), order.startswith("-")
    begin, end = (_asked(request, f"{name}{way}", read) for way in ("after", "before"))
    onward, back = ("lt", "gt") if down else ("gt", "lt")
    turned = column if down else f"-{column}"
    if end is not None:
        found = list(rows.filter(**{f"{column}__{back}": end}).order_by(turned)[: most + 1])
        if len(found) > most:
            shown = found[:most][::-1]
            return Span(rows=shown, previous=_to(request, name, "before", shown[0], column, kept),
                        next=_to(request, name, "after", shown[-1], column, kept))  # fmt: skip
        begin = None  # what is left fills no page: the list from its beginning
    if begin is not None:
        rows = rows.filter(**{f"{column}__{onward}": begin})
    found = list(rows.order_by(order)[: most + 1])
    shown = found[:most]
    more = len(found) > most
    return Span(
        rows=shown,
        previous=_to(request, name, "before", shown[0], column, kept) if begin is not None and shown else "",
        next=_to(request, name, "after", shown[-1], column, kept) if more else "",
    )


def _asked(request: HttpRequest, name: str, read: Callable[[str], Any]) -> Any:
    text = request.GET.get(name, "")
    if not text or len(text) > LONGEST or "\0" in text:
        return None
    try:
        return read(text)
    except ValueError:
        return None


def _to(request: HttpRequest, name: str, way: str, row: Any, column: str, kept: tuple[str, ...]) -> str:
    again = {one: request.GET[one] for one in kept if request.GET.get(one)}
    return "?" + urlencode({**again, f"{name}{way}": getattr(row, column)})
