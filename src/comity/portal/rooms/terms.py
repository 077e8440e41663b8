"""Terms: the contract in words, what a version changes, and a party's signature under it.

Versions travel between two houses as signed files.  A version that the other side sent is taken in here, read, and
signed after the person proved once more who they are; the file that both signed is downloaded and sent back.
"""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from comity.arrangement import Offer
from comity.portal.house import HouseRefused, the_house
from comity.portal.permissions import Allowed, Denied, decide
from comity.portal.projections.models import ArrangementRow, TermsRow
from comity.portal.rooms.engagement import case_frame

__all__ = ["offer_of", "sign", "terms", "terms_file", "terms_frame"]


def terms_frame(request: HttpRequest, engagement: str, arrangement: str) -> dict[str, Any]:
    """What every page of an arrangement's terms shows: its versions, the chosen one, and what this person may do."""
    context = case_frame(request, engagement)
    versions = list(TermsRow.objects.filter(engagement=engagement, arrangement=arrangement).order_by("version"))
    if not versions:
        raise Http404("no such page")
    asked = request.GET.get("version", "")
    shown = next((one for one in versions if str(one.version) == asked), versions[-1])
    answer, house = decide("terms.sign", request.user, context["case"]), the_house()
    newest = shown is versions[-1]
    case, ours = context["case"], house.role in shown.signed_by
    signs = isinstance(answer, Allowed) and newest
    other = case.provider if house.role == "authority" else case.authority
    context |= {
        "versions": versions, "terms": shown, "other": other,
        "may_put": signs and house.put is not None and len(shown.signed_by) < 2,
        "sends_to": house.peer(other) if signs and ours and house.deliver is not None else "",
        "arrangement": ArrangementRow.objects.filter(engagement=engagement, arrangement=arrangement).first(),
        "may_sign": signs and house.accept is not None and not ours,
    }  # fmt: skip
    return context


@require_safe
@login_required
def terms(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """What was agreed, in words, with how each provision is kept, and what changed between two versions."""
    return render(request, "portal/terms.html", terms_frame(request, engagement, arrangement))


def offer_of(row: TermsRow) -> Offer:
    """The signed file of one version."""
    found = [one for one in the_house().offers_of(row.arrangement) if one.terms.digest == row.digest]
    if not found:
        raise Http404("no such page")
    return found[-1]


@require_safe
@login_required
def terms_file(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """The signed file of one version, as it travels between the sides."""
    row = terms_frame(request, engagement, arrangement)["terms"]
    answer = HttpResponse(offer_of(row).envelope, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="terms-{row.arrangement[:8]}-{row.version}.json"'
    return answer


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """Sign the newest version: what is signed stands there in words, and the person proves once more who they are."""
    context = terms_frame(request, engagement, arrangement)
    answer = decide("terms.sign", request.user, context["case"])
    if isinstance(answer, Denied):
        raise PermissionDenied(answer.because)
    if not context["may_sign"]:
        raise PermissionDenied("this side has signed the newest version, or this house cannot sign")
    done: HttpResponse = reauthentication_required(_sign, allow_get=True)(request, context)
    return done


def _sign(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    row, accept = context["terms"], the_house().accept
    context["fault"] = ""
    if request.method == "POST" and accept is not None:
        if request.POST.get("digest") != row.digest:
            context["fault"] = "Another version came since you looked. Nothing was signed."
        elif request.POST.get("read") != "yes":
            context["fault"] = "Say that you have read what you sign."
        else:
            try:
                index = accept(row.engagement, offer_of(row))
            except HouseRefused as refusal:
                context["fault"] = str(refusal)
            else:
                return redirect(f"{reverse('entry', args=[row.engagement, index])}?at={index + 1}&entered=1")
    return render(request, "portal/terms_sign.html", context, status=422 if context["fault"] else 200)
