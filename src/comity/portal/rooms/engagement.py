"""The page of one engagement: where it stands, what is open and due, what was promised and came, and the record."""

from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from comity.engagement.documentation import VIEWS
from comity.engagement.sample import NOTICE
from comity.portal.accounts.marks import PREFIX, account_of_mark, marks_in
from comity.portal.arrived import arrivals_of
from comity.portal.house import the_house
from comity.portal.permissions import Allowed, decide, see_case
from comity.portal.projections.entry_text import OWN, ids_in
from comity.portal.projections.models import (
    AdequacyRow,
    ArrangementRow,
    AssessmentRow,
    CaseRow,
    ClockRow,
    EntryRow,
    FileRow,
    FindingRow,
    FormRow,
    MatterRow,
    MentionRow,
    NamedRow,
    Position,
    TermsRow,
)
from comity.portal.rooms.frame import wait_for
from comity.portal.rooms.spans import span

__all__ = ["adequacy", "case_frame", "clocks", "documentation", "duties", "entry", "finding", "overview", "timeline"]

NEWEST: Final = 12
FEW: Final = 12
"""Rows of a part of the first page of a case; each part leads to the page that has them all."""
PER_PAGE: Final = 100
ABOUT, PEOPLE = 40, 40
STAGES: Final = ("dialogue", "negotiation", "access", "review", "closed")


def case_frame(request: HttpRequest, engagement: str) -> dict[str, Any]:
    """What every page of a case shows: the case, how fresh the tables are, and what this person may do."""
    pending = wait_for(request, engagement)
    case = see_case(request.user, engagement)
    position = Position.objects.filter(engagement=engagement).first()
    act = decide("case.act", request.user, case)
    others = (decide(name, request.user, case) for name in ("case.reply", "case.contribute"))
    return {
        "case": case, "position": position, "pending": pending, "behind": _behind(case), "now": the_house().clock(),
        "may_act": any(isinstance(one, Allowed) for one in (act, *others)), "act_because": act.because,
        "notice": NOTICE if case.sample else "", "track": _track(case),
    }  # fmt: skip


def _behind(case: CaseRow) -> int:
    """Entries of the case's ledger that the tables do not hold yet."""
    with the_house().open_case(case.engagement) as ledger:
        return max(0, ledger.size() - int(case.size))


def _track(case: CaseRow) -> list[dict[str, Any]]:
    here = STAGES.index(case.stage)
    return [
        {"name": name, "state": "here" if place == here else "past" if place < here else "ahead"}
        for place, name in enumerate(STAGES)
    ]


@require_safe
@login_required
def overview(request: HttpRequest, engagement: str) -> HttpResponse:
    """One page on which a case handler sees where the case stands."""
    context = case_frame(request, engagement)
    mine = {"engagement": engagement}
    arrangements = list(ArrangementRow.objects.filter(**mine).order_by("key"))
    newest = arrangements[-1].arrangement if arrangements else ""
    named = list(NamedRow.objects.filter(**mine).order_by("index", "key")[:PEOPLE])
    signs = isinstance(decide("terms.sign", request.user, context["case"]), Allowed)
    context |= {
        "arrivals": arrivals_of(the_house(), context["case"].authority, context["case"].provider) if signs else [],
        "few": FEW, "matters": list(MatterRow.objects.filter(**mine, closed_by=None).order_by("order")[:FEW]),
        "clocks": list(ClockRow.objects.filter(**mine, group="running").order_by("order")[:8]),
        "arrangements": arrangements,
        "adequacy": list(AdequacyRow.objects.filter(**mine, arrangement=newest, part="items").order_by("position")),
        "findings": list(FindingRow.objects.filter(**mine, newest=True).order_by("-index", "key")[:FEW]),
        "files": list(FileRow.objects.filter(**mine).order_by("-index", "key")[:FEW]),
        "terms": list(TermsRow.objects.filter(**mine).order_by("arrangement", "version").defer("contract", "changes")),
        "entries": list(EntryRow.objects.filter(**mine).defer("members").order_by("-index")[:NEWEST]),
        "experts": [one for one in named if one.because == "expert"],
        "grants": [one for one in named if one.because == "grant"],
    }
    return render(request, "portal/case.html", context)


@require_safe
@login_required
def timeline(request: HttpRequest, engagement: str) -> HttpResponse:
    """Every entry of the case, the newest first."""
    context = case_frame(request, engagement)
    kinds, kind = context["case"].kinds, request.GET.get("kind", "")
    rows = EntryRow.objects.filter(engagement=engagement).defer("members")
    if kind in kinds:
        rows = rows.filter(kind=kind)
    found = span(rows, "-index", PER_PAGE, request, read=int, kept=("kind",))
    count = kinds.get(kind, context["case"].size)
    context |= {"span": found, "entries": found.rows, "count": count, "kinds": sorted(kinds), "kind": kind}
    return render(request, "portal/timeline.html", context)


@require_safe
@login_required
def entry(request: HttpRequest, engagement: str, index: int) -> HttpResponse:
    """One entry with every member, what was entered about it since, and its digest."""
    context = case_frame(request, engagement)
    found = EntryRow.objects.filter(key=f"{engagement}/{index}").first()
    if found is None and context["pending"] > index:
        return render(request, "portal/pending.html", context | {"index": index}, status=202)
    if found is None:
        raise Http404("no such entry")
    named = {
        row.item: row
        for row in EntryRow.objects.filter(engagement=engagement, item__in=ids_in(found.members)).exclude(item="")
    }
    about = []
    if found.item:
        mentions = MentionRow.objects.filter(engagement=engagement, item=found.item, index__gt=index)
        keys = [f"{engagement}/{one}" for one in mentions.order_by("index").values_list("index", flat=True)[:ABOUT]]
        about = list(EntryRow.objects.filter(key__in=keys).defer("members").order_by("index")) if keys else []
    if found.kind in OF_TERMS:
        context["terms"] = found.members.get("arrangement", "")
    context |= {
        "entry": found, "members": _members(found, named), "about": about,
        "entered_by": [_entered_by(mark, request.user) for mark in marks_in(found.members.get("refs", []))],
    }  # fmt: skip
    return render(request, "portal/entry.html", context)


def _entered_by(mark: str, viewer: Any) -> dict[str, str]:
    """The mark of the account that entered something; who that is, colleagues of the same organisation read alone."""
    found = account_of_mark(mark)
    colleague = found is not None and found.organisation.casefold() == str(viewer.organisation).casefold()
    return {"mark": mark.removeprefix(PREFIX), "name": str(found) if found is not None and colleague else ""}


OF_TERMS: Final = ("terms.offered", "arrangement.in_force")
"""Kinds whose entry leads on to the terms that it is about."""


def _members(row: EntryRow, named: dict[str, EntryRow]) -> list[dict[str, Any]]:
    """Each member with its name in words, and the entry that it leads to where it is the id of an item."""
    found = []
    for name, value in row.members.items():
        if name in OWN or value in ("", [], None):
            continue
        values = value if isinstance(value, list) else [value]
        values = [one for one in values if name != "refs" or not marks_in([str(one)])]
        if not values:
            continue
        shown = [
            {"text": " · ".join(map(str, one)) if isinstance(one, list) else str(one), "leads": named.get(str(one))}
            for one in values
        ]
        found.append({"name": name.replace("_", " "), "values": shown})
    return found


@require_safe
@login_required
def adequacy(request: HttpRequest, engagement: str) -> HttpResponse:
    """Promised, delivered, used and denied, item by item and clause by clause."""
    context = case_frame(request, engagement)
    arrangements = list(ArrangementRow.objects.filter(engagement=engagement).order_by("key"))
    rows: dict[str, dict[str, list[AdequacyRow]]] = {}
    for row in AdequacyRow.objects.filter(engagement=engagement).order_by("arrangement", "position"):
        rows.setdefault(row.arrangement, {}).setdefault(row.part, []).append(row)
    context["pages"] = [
        {
            "arrangement": one, "items_of": rows.get(one.arrangement, {}).get("items", []),
            "draft": rows.get(one.arrangement, {}).get("draft", []),
            "clauses": rows.get(one.arrangement, {}).get("clauses", []),
        }
        for one in arrangements
    ]  # fmt: skip
    return render(request, "portal/adequacy.html", context)


@require_safe
@login_required
def finding(request: HttpRequest, engagement: str, finding: str) -> HttpResponse:
    """One finding in all its versions: what each rests on, what was replied to which, what it settles."""
    context = case_frame(request, engagement)
    versions = list(FindingRow.objects.filter(engagement=engagement, finding=finding).order_by("-version"))
    if not versions:
        raise Http404("no such page")
    return render(request, "portal/finding.html", context | _under(engagement) | {
        "versions": versions, "finding": versions[0],
    })  # fmt: skip


def _under(engagement: str) -> dict[str, Any]:
    """Under which access a finding was made: what was promised, delivered, used and denied by now."""
    arrangements = list(ArrangementRow.objects.filter(engagement=engagement).order_by("key"))
    newest = arrangements[-1].arrangement if arrangements else ""
    items = AdequacyRow.objects.filter(engagement=engagement, arrangement=newest, part="items").order_by("position")
    return {"arrangements": arrangements, "adequacy": list(items)}


@require_safe
@login_required
def duties(request: HttpRequest, engagement: str) -> HttpResponse:
    """Duty by duty, what the case shows of one model: status, claim, evidence and entry, and the ceiling over all."""
    context = case_frame(request, engagement)
    subjects = list(
        AssessmentRow.objects.filter(engagement=engagement).order_by("key").values_list("subject", flat=True)
    )
    asked = request.GET.get("subject", subjects[0] if subjects else "")
    one = AssessmentRow.objects.filter(engagement=engagement, subject=asked).first()
    if subjects and one is None:
        raise Http404("no such page")
    context |= {"one": one, "others": subjects if len(subjects) > 1 else []}
    return render(request, "portal/duties.html", context)


@require_safe
@login_required
def documentation(request: HttpRequest, engagement: str) -> HttpResponse:
    """Which fields of which form arrived, for the AI Office, national authorities and downstream providers."""
    context = case_frame(request, engagement)
    view = request.GET.get("view", "aio")
    rows = FormRow.objects.filter(engagement=engagement, view__in=("", view)).order_by("key")
    context |= {"forms": list(rows), "view": view, "views": list(VIEWS.items())}
    return render(request, "portal/documentation.html", context)


@require_safe
@login_required
def clocks(request: HttpRequest, engagement: str) -> HttpResponse:
    """Every clock of the case, those that run first."""
    context = case_frame(request, engagement)
    rows = ClockRow.objects.filter(engagement=engagement)
    context["groups"] = {
        name: span(rows.filter(group=name), "order", PER_PAGE, request, name=name)
        for name in ("running", "waiting", "over", "unstarted")
    }
    return render(request, "portal/clocks.html", context)
