"""The file of a case: built for who may see the case, whole or with what is cleared for publication alone."""

from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from comity.portal.house import the_house
from comity.portal.projections.models import ClockRow, EntryRow, FindingRow, MatterRow, TermsRow
from comity.portal.rooms.engagement import case_frame
from comity.report import NotReportable
from comity.report.case_file import CaseFile, Line, make_case_file

__all__ = ["case_file"]

PARTS: Final = ("whole", "public")


@require_safe
@login_required
def case_file(request: HttpRequest, engagement: str) -> HttpResponse:
    """The page on which the file is asked for, and the file."""
    context = case_frame(request, engagement)
    rows = list(EntryRow.objects.filter(engagement=engagement).order_by("index"))
    withheld = [row.index for row in rows if row.cleared is None]
    context |= {"withheld": len(withheld), "shown": len(rows) - len(withheld), "fault": ""}
    part = request.GET.get("part", "")
    if part not in PARTS:
        return render(request, "portal/case_file.html", context)
    try:
        made = make_case_file(_bound(context, rows, withheld if part == "public" else []))
    except NotReportable as refusal:
        return render(request, "portal/case_file.html", context | {"fault": str(refusal)}, status=422)
    answer = HttpResponse(made, content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="case-{engagement[:8]}-{part}.zip"'
    return answer


def _bound(context: dict[str, Any], rows: list[EntryRow], withheld: list[int]) -> CaseFile:
    house, case = the_house(), context["case"]
    mine, whole = {"engagement": case.engagement}, not withheld
    with house.open_case(case.engagement) as ledger:
        entries = tuple(ledger.read(0, len(rows)))
    terms = {
        f"{one.terms.id}-{one.terms.version}": one.envelope
        for arrangement in sorted(set(TermsRow.objects.filter(**mine).values_list("arrangement", flat=True)))
        for one in house.offers_of(arrangement)
    }
    facts = [("Authority", case.authority), ("Provider", case.provider)]
    if whole:
        facts += [("About", case.summary), ("Stage", f"{case.stage}, since {case.since}"), ("Law", case.law)]
    return CaseFile(
        origin=case.origin, title=f"{case.authority} and {case.provider}", facts=facts,
        sections=_sections(mine) if whole else (), entries=entries, withheld=withheld,
        lines=[Line(when=row.on or row.at[:10], what=row.title, said=row.said, by=row.by) for row in rows],
        terms=terms if whole else {}, made=house.clock(),
    )  # fmt: skip


def _sections(mine: dict[str, str]) -> list[tuple[str, list[str]]]:
    matters = MatterRow.objects.filter(**mine, closed_by=None).order_by("index")
    clocks = ClockRow.objects.filter(**mine, group="running").order_by("order")
    findings = FindingRow.objects.filter(**mine, newest=True).order_by("index", "key")
    return [
        ("Open", [f"{one.what}; waits for {one.waits_for} (entry {one.index})" for one in matters]),
        ("Clocks", [f"{one.said}: {one.title} ({one.ref}), {one.by}, {one.state}" for one in clocks]),
        ("Findings", [
            f"{one.duty}, {one.stage}, version {one.version}: {one.finds}. {one.text} (entry {one.index})"
            for one in findings
        ]),
    ]  # fmt: skip
