"""The brief as JSON: `comity brief/1`, the form in which a public register takes it in.

docs/reference/brief.md lists every member.  Members are only added; one that changes its meaning changes the format's
name.
"""

from typing import Any, Final

from comity.engagement.brief import Column, Page
from comity.engagement.brief_line import Line
from comity.records import instant_text

__all__ = ["FORMAT", "page_members"]

FORMAT: Final = "comity brief/1"


def page_members(page: Page) -> dict[str, Any]:
    """The whole page."""
    return {
        "format": FORMAT,
        "as_of": instant_text(page.at),
        "public": page.public,
        "withheld": page.withheld,
        "notice": page.notice,
        "engagements": [_column(column) for column in page.columns],
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "engagement": column.engagement,
        "ledger": column.origin,
        "authority": column.authority,
        "provider": column.provider,
        "track": column.track,
        "law": column.law,
        "sample": column.sample,
        "rows": {row: [_line(line) for line in lines] for row, lines in column.rows.items()},
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "text": line.text,
        "side": line.side,
        "on": line.on,
        "entered": line.entered,
        "confidence": line.confidence,
        "cleared": line.cleared,
        "nothing": line.nothing,
        "entries": [str(ref) for ref in line.refs],
        "sources": [{"source": one.source, "confidence": one.confidence} for one in line.sources],
        "values": dict(line.values),
    }
