"""Calls of a run: each by its entries, with what is committed of request and answer, and nothing of what they say.

The rows are read from the access ledger itself and not from a table, a stretch of it at a time: a run may have had a
hundred thousand calls, and few people look at more than the first.
"""

from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from comity.portal.house import AccessBook, the_house
from comity.portal.projections.models import RunRow
from comity.portal.rooms.access import access_frame
from comity.records import CallAbandoned, CallPermitted, CallRefused, CallSettled, RecordError, parse_record

__all__ = ["calls"]

STRETCH: Final = 300
"""Entries that one page reads."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call, as far as its entries tell."""

    entry: int
    at: str
    model: str
    outcome: str
    request: str = ""
    answer: str = ""
    served: str = ""
    settled: int | None = None
    tokens: int | None = None
    millis: int | None = None


@require_safe
@login_required
def calls(request: HttpRequest, engagement: str, arrangement: str, run: str) -> HttpResponse:
    """The calls of one run, sealed."""
    context = access_frame(request, engagement, arrangement)
    found = RunRow.objects.filter(arrangement=arrangement, run=run).first()
    if found is None:
        raise Http404("no such page")
    begin = max(found.begun, _number(request.GET.get("from", "")))
    rows, more = _stretch(context["access"].origin, run, begin)
    ended = found.stand["ended"]
    over = not more or (ended is not None and ended < begin + STRETCH)
    context |= {
        "run": found, "calls": rows, "first": begin, "stretch": STRETCH, "onward": None if over else begin + STRETCH,
        "back": begin > found.begun,
    }  # fmt: skip
    return render(request, "portal/calls.html", context)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def _stretch(origin: str, run: str, begin: int) -> tuple[list[Call], bool]:
    """The run's calls in so many entries, and whether entries follow."""
    found: dict[int, Call] = {}
    with the_house().access() as books:
        book: AccessBook | None = next((one for one in books if one.origin == origin), None)
        if book is None:
            raise Http404("no such page")
        entries = list(islice(book.since(begin), STRETCH + 1))
    for index, entry in enumerate(entries[:STRETCH], begin):
        try:
            _take(found, index, parse_record(entry), run)
        except RecordError:
            continue
    return list(found.values()), len(entries) > STRETCH


def _take(found: dict[int, Call], index: int, record: Any, run: str) -> None:
    match record:
        case CallPermitted() if record.run == run:
            found[index] = Call(
                entry=index, at=str(record.at), model=record.model, outcome="under way", request=record.request
            )
        case CallRefused() if record.run == run:
            found[index] = Call(
                entry=index, at=str(record.at), model=record.model, outcome=f"refused: {record.clause}"
            )
        case CallSettled() if record.permit in found:
            call = found[record.permit]
            call.outcome, call.settled, call.answer = record.outcome, index, record.answer
            call.served, call.millis = record.served, record.millis
            call.tokens = record.charged.input_tokens + record.charged.output_tokens
        case CallAbandoned() if record.permit in found:
            found[record.permit].outcome = "abandoned"
        case _:
            pass
