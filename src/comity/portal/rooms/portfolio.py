"""The portfolio: where we stand with each provider. The first screen, and the same facts as `comity brief`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from comity.engagement.brief import ROWS
from comity.engagement.sample import NOTICE
from comity.portal.arrived import arrived
from comity.portal.house import the_house
from comity.portal.permissions import Allowed, decide, visible_cases
from comity.portal.projections.models import BriefLine, CaseRow, ClockRow, MatterRow
from comity.portal.rooms.spans import span
from comity.records import instant_text

__all__ = ["inbox", "portfolio", "side_by_side"]

PER_PAGE: Final = 40
SHOWN: Final = 20
"""Matters of one side on a page of the inbox."""
BESIDE: Final = 4
"""Engagements that fit side by side."""
LINES: Final = 12
"""Lines of one cell of the brief on the first screen; it says how many there are beyond."""
SOON: Final = timedelta(days=14)
SORTS: Final = {
    "provider": ("provider", "engagement"), "stage": ("stage", "provider", "engagement"),
    "due": ("next_due", "provider", "engagement"), "newest": ("-entered", "provider", "engagement"),
}  # fmt: skip
STAGES: Final = ("dialogue", "negotiation", "access", "review", "closed")


def side_by_side(cases: Sequence[CaseRow], *, public: bool = False) -> list[dict[str, Any]]:
    """The rows of the brief, a column for each case, with the first lines of each cell; one query for all of them."""
    lines = BriefLine.objects.filter(engagement__in=[case.engagement for case in cases])
    lines = lines.defer("refs").order_by("position")
    lines = lines.filter(cleared=True) if public else lines.filter(position__lt=LINES)
    found: dict[tuple[str, str], list[BriefLine]] = {}
    for line in lines:
        found.setdefault((line.engagement, line.row), []).append(line)
    return [
        {
            "name": name, "title": title[:1].upper() + title[1:],
            "cells": [
                {"lines": found.get((case.engagement, name), []),
                 "more": 0 if public else max(0, case.lines.get(name, 0) - LINES)}
                for case in cases
            ],
        }
        for name, (title, _) in ROWS.items()
    ]  # fmt: skip


@require_safe
@login_required
def portfolio(request: HttpRequest) -> HttpResponse:
    """Every engagement that this person may see, what is due, and the brief side by side."""
    sort = request.GET.get("sort", "provider")
    stage = request.GET.get("stage", "")
    rows = visible_cases(request.user)
    counts = {name: 0 for name in STAGES} | dict(rows.order_by().values_list("stage").annotate(Count("key")))
    chosen, total = rows, sum(counts.values())
    if stage in STAGES:
        chosen, total = rows.filter(stage=stage), counts[stage]
    page = _Counted(chosen.order_by(*SORTS.get(sort, SORTS["provider"])), total).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    picked = [case for case in shown if case.engagement in request.GET.getlist("with")][:BESIDE] or shown[:BESIDE]
    now = the_house().clock()
    return render(
        request,
        "portal/portfolio.html",
        {
            "page": page, "cases": shown, "picked": picked, "rows": side_by_side(picked) if picked else [],
            "due": _due(rows, now), "stages": [(name, counts[name]) for name in STAGES], "stage": stage, "sort": sort,
            "total": sum(counts.values()), "now": now, "beside": BESIDE,
            "more": "&" + urlencode({"sort": sort, "stage": stage}),
            "notice": NOTICE if any(case.sample for case in shown) else "",
            "may_open": the_house().begin is not None and isinstance(decide("case.open", request.user), Allowed),
        },
    )  # fmt: skip


class _Counted(Paginator):  # type: ignore[type-arg]
    """Pages of a query whose rows are counted already."""

    def __init__(self, rows: Any, total: int) -> None:
        super().__init__(rows, PER_PAGE)
        self.total = total

    @property
    def count(self) -> int:
        """How many there are."""
        return self.total


def _due(visible: Any, now: datetime) -> list[dict[str, Any]]:
    """What runs out within two weeks or is late in any case that is theirs to see, the most urgent first."""
    soon = ClockRow.objects.filter(
        group="running", order__lte=instant_text(now + SOON), state__in=("running", "overdue"),
        engagement__in=visible.order_by().values("engagement"),
    )  # fmt: skip
    return _with_cases(("clock", list(soon.order_by("order")[:8])))[0]


def _with_cases(*lists: tuple[str, list[Any]]) -> list[list[dict[str, Any]]]:
    """Each row of each list, under a name, with its case; one query for all of them."""
    named = {row.engagement for _, found in lists for row in found}
    rows = CaseRow.objects.filter(engagement__in=named).only("engagement", "authority", "provider")
    cases = {case.engagement: case for case in rows} if named else {}
    return [[{name: row, "case": cases[row.engagement]} for row in found] for name, found in lists]


@require_safe
@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits for this side, and every clock that runs, over all cases that this person may see, or in one."""
    visible = visible_cases(request.user)
    one = request.GET.get("case", "")
    if one:
        visible = visible.filter(engagement=one)
    side = "provider" if getattr(request.user, "role", "") == "access" else "authority"
    other = "authority" if side == "provider" else "provider"
    counts = visible.order_by().aggregate(
        authority=Sum("waits_authority"), provider=Sum("waits_provider"), clocks=Sum("live_clocks")
    )
    within = {"engagement__in": visible.order_by().values("engagement")}
    lists = {
        name: span(MatterRow.objects.filter(**within, **{f"for_{who}": 1}), "order", SHOWN, request, name=name,
                   kept=("case",))
        for name, who in (("ours", side), ("theirs", other))
    }  # fmt: skip
    clocks = ClockRow.objects.filter(group="running", **within)
    lists["clocks"] = span(clocks, "order", PER_PAGE, request, name="clocks", kept=("case",))
    ours, theirs, running = _with_cases(
        ("matter", lists["ours"].rows), ("matter", lists["theirs"].rows), ("clock", lists["clocks"].rows)
    )
    case = visible.first() if one else None
    if one and case is None:
        raise Http404("no such page")
    return render(
        request,
        "portal/inbox.html",
        {
            "arrivals": _arrivals(request.user, visible),
            "spans": lists, "side": side, "now": the_house().clock(), "case": case,
            "ours": ours, "ours_count": counts[side] or 0, "theirs": theirs, "theirs_count": counts[other] or 0,
            "clocks": running, "clocks_count": counts["clocks"] or 0,
        },
    )  # fmt: skip


def _arrivals(account: Any, visible: Any) -> list[dict[str, Any]]:
    """Terms that arrived from other portals and wait to be looked at, with the case that they belong to."""
    waiting = [(one, one.offer.terms.parties) for one in arrived(the_house())]
    if not waiting:
        return []
    cases = visible.filter(provider__in={parties.provider.name for _, parties in waiting})
    signing = [case for case in cases if isinstance(decide("terms.sign", account, case), Allowed)]
    return [
        {"case": case, "arrival": one}
        for one, parties in waiting
        for case in signing
        if (case.authority, case.provider) == (parties.authority.name, parties.provider.name)
    ]
