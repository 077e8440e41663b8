"""What everybody may read: the public register with its permanent addresses, and the accessibility statement.

The register shows the lines of the brief that are cleared for publication, of the engagements whose opening is; and how
many lines are withheld, in one number over all.  Whether there is an engagement that is not shown, nothing here says.
"""

from typing import Final

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from comity.engagement.sample import NOTICE
from comity.portal.projections.models import BriefLine, CaseRow, Position
from comity.portal.rooms.portfolio import side_by_side

__all__ = ["accessibility", "register", "register_case"]

PER_PAGE: Final = 40


@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """The engagements that are public."""
    rows = CaseRow.objects.filter(public=True)
    page = Paginator(rows.order_by("provider", "engagement"), PER_PAGE).get_page(request.GET.get("page"))
    cases = list(page.object_list)
    stages = dict(
        BriefLine.objects.filter(engagement__in=[case.engagement for case in cases], row="stage", cleared=True)
        .order_by("-position").values_list("engagement", "text")
    )  # fmt: skip
    shown = [{"case": case, "stage": stages.get(case.engagement, "")} for case in cases]
    every = BriefLine.objects.count()
    public = BriefLine.objects.filter(engagement__in=rows.values("engagement"), cleared=True).count()
    context = {
        "cases": shown, "withheld": every - public, "page": page,
        "notice": NOTICE if any(case.sample for case in cases) else "",
    }  # fmt: skip
    return render(request, "portal/register.html", context)


@require_safe
def register_case(request: HttpRequest, engagement: str) -> HttpResponse:
    """One public engagement, under an address that stays."""
    case = CaseRow.objects.filter(engagement=engagement, public=True).first()
    if case is None:
        raise Http404("no such page")
    rows = side_by_side([case], public=True)
    context = {
        "case": case, "rows": [row for row in rows if row["cells"][0]["lines"]],
        "notice": NOTICE if case.sample else "",
        "position": Position.objects.filter(engagement=engagement).first(),
        "address": request.build_absolute_uri(),
    }  # fmt: skip
    return render(request, "portal/register_case.html", context)


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """Which standard the pages are built to, how that is tested, and what is known to fall short."""
    return render(request, "portal/accessibility.html")
