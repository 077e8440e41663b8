"""Calls of a run: each by its entries, with what is committed of request and answer, and nothing of what they say.

What was said lies sealed, and this server cannot open it.  A call's page lets somebody with a recipient's key open it
in their own browser: the key is read there and never sent.  Whoever serves the page serves the script that opens, so it
is a convenience, and says so.

The rows are read from the access ledger itself and not from a table, a stretch of it at a time: a run may have had a
hundred thousand calls, and few people look at more than the first.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from comity.portal.house import AccessBook, the_house
from comity.portal.permissions import Allowed, Denied, decide
from comity.portal.projections.models import RunRow
from comity.portal.rooms.access import access_frame
from comity.portal.vendored import held
from comity.records import CallAbandoned, CallPermitted, CallRefused, CallSettled, RecordError, parse_record
from comity.vault import CALL_PARTS

__all__ = ["call", "calls", "sealed"]

STRETCH: Final = 120
"""Entries that one page reads: sixty calls, where no other run goes on."""


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
    run: str = ""
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
    rows, more = _stretch(arrangement, begin, run)
    ended = found.stand["ended"]
    over = not more or (ended is not None and ended < begin + STRETCH)
    context |= {
        "run": found, "calls": rows, "first": begin, "stretch": STRETCH, "onward": None if over else begin + STRETCH,
        "back": begin > found.begun,
    }  # fmt: skip
    return render(request, "portal/calls.html", context)


@require_safe
@login_required
def call(request: HttpRequest, engagement: str, arrangement: str, index: int) -> HttpResponse:
    """One call: its entries, its commitments, and what opens it."""
    context = access_frame(request, engagement, arrangement)
    found = _one(arrangement, index)
    may = decide("sealed.take", request.user, context["case"])
    at_hand = [part for part in CALL_PARTS if isinstance(may, Allowed) and _sealed(context, index, part) is not None]
    context |= {
        "call": found, "parts": [(part, _committed(found, part), part in at_hand) for part in CALL_PARTS],
        "may_open": isinstance(may, Allowed), "because": may.because, "can_open": held(the_house().path, "opening"),
    }  # fmt: skip
    return render(request, "portal/call.html", context)


@require_safe
@login_required
def sealed(request: HttpRequest, engagement: str, arrangement: str, index: int, part: str) -> HttpResponse:
    """One part of a call, sealed: of use to its recipients alone."""
    context = access_frame(request, engagement, arrangement)
    may = decide("sealed.take", request.user, context["case"])
    if isinstance(may, Denied):
        raise PermissionDenied(may.because)
    content = _sealed(context, index, part) if part in CALL_PARTS else None
    if content is None:
        raise Http404("no such page")
    answer = HttpResponse(content, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{index}-{part}.sealed.json"'
    return answer


def _sealed(context: dict[str, Any], index: int, part: str) -> bytes | None:
    return None if context["access"] is None else the_house().sealed_of(context["access"].origin, index, part)


def _committed(found: Call, part: str) -> str:
    return found.request if part == "request" else found.answer


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def _stretch(arrangement: str, begin: int, run: str) -> tuple[list[Call], bool]:
    """The run's calls in so many entries, and whether entries follow."""
    found: dict[int, Call] = {}
    with _book(arrangement) as book:
        entries = list(islice(book.since(begin), STRETCH + 1))
    for index, entry in enumerate(entries[:STRETCH], begin):
        with suppress(RecordError):
            _take(found, index, parse_record(entry), run)
    return list(found.values()), len(entries) > STRETCH


def _one(arrangement: str, index: int) -> Call:
    """One call with what became of it, as far as that is among the entries that follow."""
    found: dict[int, Call] = {}
    wanted = b'"permit":%d,' % index
    with _book(arrangement) as book:
        for place, entry in enumerate(islice(book.since(index), STRETCH), index):
            if place != index and wanted not in entry:
                continue
            with suppress(RecordError):
                _take(found, place, parse_record(entry), None)
            if not found or found[index].settled is not None:
                break
    if index not in found or not found[index].request:
        raise Http404("no such page")
    return found[index]


@contextmanager
def _book(arrangement: str) -> Iterator[AccessBook]:
    with the_house().access_of(arrangement) as book:
        if book is None:
            raise Http404("no such page")
        yield book


def _take(found: dict[int, Call], index: int, record: Any, run: str | None) -> None:
    match record:
        case CallPermitted() if run in (None, record.run):
            found[index] = Call(
                entry=index, at=str(record.at), model=record.model, outcome="under way", request=record.request,
                run=record.run,
            )  # fmt: skip
        case CallRefused() if run in (None, record.run):
            found[index] = Call(
                entry=index, at=str(record.at), model=record.model, outcome=f"refused: {record.clause}", run=record.run
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
