"""Live access: what is spent against each clause, what was refused and by which, which models answered, and the stop.

The page is made from the projection of the access ledger.  A small script asks for its middle part again while the
page is open; without it the page is the same and is loaded again by hand.

A stop, a suspension and a resumption are acts of a party, signed with that side's key after the person proved once more
who they are.  Where the gateway's address is known the act is handed to it; else it is a file to hand to the operator.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from comity.arrangement import CAUSES, money, resume_text, sign_act, stop_text, suspend_text
from comity.portal.house import HouseRefused, the_house
from comity.portal.permissions import Allowed, decide, see_case
from comity.portal.projections.models import AccessRow, ArrangementRow, CaseRow, RunRow
from comity.portal.rooms.engagement import case_frame
from comity.portal.rooms.held_plans import bar, plan_at_hand
from comity.portal.rooms.templatetags.rooms import number

__all__ = ["access", "access_frame", "act_on_access", "run", "stand"]

DOORS: Final = {"stop": stop_text, "suspend": suspend_text, "resume": resume_text}
CALLERS: Final = ("evaluator", "expert")
BASES: Final = {"openai": "/openai/v1", "anthropic": "/anthropic", "gemini": "/gemini"}
"""Protocol → what stands behind an arrangement's address, as docs/reference/gateway.md lists it."""
OTHERS: Final = 20
"""Other runs of a plan that a run's page names; it says how many there are."""
WIDE: Final = 240
"""Units across a bar; the picture scales."""
COLUMN: Final = 24
"""Units across the column of a day, where there are few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One clause of the budget."""

    clause: str
    taken: str
    agreed: str
    left: str
    share: float

    @property
    def percent(self) -> str:
        """The share in words; 100 percent is all of it."""
        return f"{min(self.share, 0.999) if self.share < 1 else self.share:.1%}"

    @property
    def bar(self) -> int:
        """The share as a length."""
        return round(min(1.0, self.share) * WIDE)


def _spent(stand: Mapping[str, Any], agreed: Mapping[str, Any]) -> Iterator[Spent]:
    taken = stand["taken"]
    for clause, used, allowed in (
        ("budget.calls", stand["calls"]["permitted"]["count"], agreed["calls"]),
        ("budget.input_tokens", taken["input_tokens"], agreed["input_tokens"]),
        ("budget.output_tokens", taken["output_tokens"], agreed["output_tokens"]),
        ("budget.cost", taken["cost_nano"], agreed["cost_nano"]),
    ):
        said = money if clause == "budget.cost" else number
        yield Spent(
            clause=f"{clause} ({agreed['currency']})" if clause == "budget.cost" else clause, taken=said(used),
            agreed=said(allowed), left=said(max(0, allowed - used)), share=used / allowed if allowed else 0.0,
        )  # fmt: skip


def access_frame(request: HttpRequest, engagement: str, arrangement: str) -> dict[str, Any]:
    """What every page of an arrangement's access shows."""
    context = case_frame(request, engagement)
    row = ArrangementRow.objects.filter(engagement=engagement, arrangement=arrangement).first()
    if row is None:
        raise Http404("no such page")
    found = AccessRow.objects.filter(arrangement=arrangement).first()
    may = decide("access.stop", request.user, context["case"])
    context |= {
        "arrangement": row, "access": found, "may_stop": isinstance(may, Allowed), "stop_because": may.because,
        "sends": the_house().send is not None, "connect": _connect(request, row), "viewer": request.user,
    }  # fmt: skip
    if found is not None:
        context |= _figures(found.stand, row)
    return context


def _connect(request: HttpRequest, row: ArrangementRow) -> list[tuple[str, str]]:
    """For who may call: each protocol with the one address that an SDK or Inspect needs."""
    gateway = the_house().gateway
    if request.user.role not in CALLERS or not gateway or not row.agreed:  # type: ignore[union-attr]
        return []
    return [(name, f"{gateway}/a/{row.arrangement}{BASES[name]}") for name in row.agreed.get("protocols", ())]


def _figures(stand: Mapping[str, Any], row: ArrangementRow) -> dict[str, Any]:
    calls = stand["calls"]
    attempted = calls["permitted"]["count"] + calls["refused"]["count"]
    return {
        "stand": stand,
        "spent": list(_spent(stand, row.agreed)) if row.agreed else [],
        "refused": sorted(stand["refused"].items(), key=lambda one: (-one[1]["count"], one[0])),
        "refused_share": calls["refused"]["count"] / attempted if attempted else 0.0,
        "mismatch_share": stand["mismatched"]["count"] / answered if (answered := calls["answered"]["count"]) else 0.0,
        "standing": stand["standing"],
        "days": _days(stand["days"]),
        "runs": sorted(stand["runs"].items(), key=lambda one: -one[1]["begun"])[:OTHERS],
    }


def _days(days: Mapping[str, list[int]]) -> list[dict[str, Any]]:
    """Calls of each day as columns of a picture, with the table behind it."""
    most = max((sent for sent, _ in days.values()), default=0)
    wide = min(WIDE / max(len(days), 1), COLUMN)
    return [
        {
            "day": day, "sent": sent, "failed": failed, "x": round(place * wide + wide * 0.1, 2),
            "width": round(wide * 0.8, 2), "height": round(60 * sent / most, 2) if most else 0,
            "y": round(60 - 60 * sent / most, 2) if most else 60,
        }
        for place, (day, (sent, failed)) in enumerate(sorted(days.items()))
    ]  # fmt: skip


@require_safe
@login_required
def access(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """The page of one arrangement's access."""
    return render(request, "portal/access.html", access_frame(request, engagement, arrangement))


@require_safe
@login_required
def stand(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """The part of the page that changes; 304 where nothing came since."""
    see_case(request.user, engagement)
    found = AccessRow.objects.filter(arrangement=arrangement).first()
    tag = quote_etag(f"{found.size}" if found is not None else "none")
    if request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers={"ETag": tag})
    answer = render(request, "portal/access_stand.html", access_frame(request, engagement, arrangement))
    answer["ETag"] = tag
    return answer


@require_safe
@login_required
def run(request: HttpRequest, engagement: str, arrangement: str, run: str) -> HttpResponse:
    """One run: its plan's digest, its calls, the committed counts and the rate that follows, and what else was run."""
    context = access_frame(request, engagement, arrangement)
    rows = RunRow.objects.filter(arrangement=arrangement)
    found = rows.filter(run=run).first()
    if found is None:
        raise Http404("no such page")
    same = rows.filter(plan=found.plan)
    others = list(same.exclude(run=run).order_by("-begun")[:OTHERS])
    estimate = found.stand["estimate"] or {}
    sees = isinstance(decide("plan.see", request.user, context["case"]), Allowed)
    plan = plan_at_hand(found.plan) if sees else None
    if plan is not None:
        context["unequal"] = plan.parts.sampling.kind == "active" or plan.parts.sampling.allocation == "neyman"
        context["plan"], context["bar"] = plan, bar(found.stand["calls"], plan.access.calls)
        context["progress"] = _("%(made)s of %(planned)s calls") % {
            "made": number(found.stand["calls"]), "planned": number(plan.access.calls),
        }  # fmt: skip
    context |= {
        "run": found, "others": others, "others_count": same.count() - 1,
        "drawn": {name: round(value * WIDE, 2) for name, value in estimate.items() if name != "text"},
    }  # fmt: skip
    return render(request, "portal/run.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def act_on_access(request: HttpRequest, engagement: str, arrangement: str, door: str) -> HttpResponse:
    """Stop, suspend or resume: the cause is chosen, the person proves who they are, the note is signed."""
    if door not in DOORS:
        raise Http404("no such page")
    context = access_frame(request, engagement, arrangement)
    if not context["may_stop"]:
        raise PermissionDenied(context["stop_because"])
    answer: HttpResponse = reauthentication_required(_act, allow_get=True)(request, context, door)
    return answer


def _act(request: HttpRequest, context: dict[str, Any], door: str) -> HttpResponse:
    context |= {"door": door, "causes": sorted(CAUSES.items()), "fault": ""}
    cause = request.POST.get("cause", "")
    if request.method == "POST" and cause in CAUSES:
        note = _signed(context["arrangement"], door, cause)
        house = the_house()
        if house.send is None:
            answer = HttpResponse(note, content_type="text/plain; charset=utf-8")
            name = f"{door}-{context['arrangement'].arrangement[:8]}.note"
            answer["Content-Disposition"] = f'attachment; filename="{name}"'
            return answer
        try:
            said = house.send(context["arrangement"].arrangement, door, note)
        except HouseRefused as refusal:
            context["fault"] = str(refusal)
        else:
            case: CaseRow = context["case"]
            address = reverse("access", args=[case.engagement, context["arrangement"].arrangement])
            return redirect(f"{address}?done={door}&entry={int(str(said['index']))}")
    elif request.method == "POST":
        context["fault"] = "Choose a cause: both sides count the same thing by it."
    return render(request, "portal/access_act.html", context, status=422 if context["fault"] else 200)


def _signed(row: ArrangementRow, door: str, cause: str) -> bytes:
    house = the_house()
    if house.signer is None or not row.origin:
        raise PermissionDenied("this house holds no key of a party, or not the terms of the arrangement")
    text = DOORS[door](ledger=row.origin, cause=cause, nonce=house.random(16).hex())
    return sign_act(text, house.signer())


