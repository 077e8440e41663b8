"""Terms that travel between two portals: taking in what arrived, and handing ours over.

Anybody can send here, as anybody can send mail.  Terms that do not verify, or that name another party key for this
house's side than this house's own, are refused; all others get the same answer, whether or not there is a case that
they belong to, so that nobody learns which cases there are.  A person takes them in as they would a file that came by
mail, and then the signatures are checked once more against what the case holds.
"""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from comity.arrangement import ArrangementError, verify_offer
from comity.portal.arrived import MAX_FILE, TooMuchWaits, arrivals_of, keep, path_of
from comity.portal.house import HouseRefused, the_house
from comity.portal.permissions import Denied, decide
from comity.portal.rooms.engagement import case_frame
from comity.portal.rooms.terms import offer_of, terms_frame

__all__ = ["deliver", "receive", "send"]


@csrf_exempt
@require_POST
def deliver(request: HttpRequest) -> HttpResponse:
    """Take a signed file from another party's portal, to be looked at."""
    house = the_house()
    try:
        envelope = request.body
        offer = verify_offer(envelope)
    except (ArrangementError, RequestDataTooBig):
        return _said(422, "expected terms that one side or both signed, of at most a mebibyte")
    if house.signer is None:
        return _said(422, "nobody signs terms in this house")
    keys = {str(role): key for role, key in offer.terms.parties.keys().items()}
    if keys.get(house.role) != house.signer().vkey:
        return _said(422, "these terms are not between anybody and this house: they name another key for its side")
    try:
        keep(house, envelope)
    except TooMuchWaits:
        return _said(503, "too much waits here to be looked at; send it again later, or by another way")
    return JsonResponse({"digest": offer.terms.digest, "kept": "to be looked at"}, status=202)


def _said(status: int, message: str) -> HttpResponse:
    return JsonResponse({"error": {"message": message}}, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def receive(request: HttpRequest, engagement: str) -> HttpResponse:
    """Take in terms that the other side sent: what arrived by HTTPS, or a file that came another way."""
    context, house = case_frame(request, engagement), the_house()
    answer = decide("terms.sign", request.user, context["case"])
    if isinstance(answer, Denied):
        raise PermissionDenied(answer.because)
    case = context["case"]
    context |= {"fault": "", "arrivals": arrivals_of(house, case.authority, case.provider)}
    if request.method != "POST" or house.receive is None:
        return render(request, "portal/terms_receive.html", context)
    named = request.POST.get("arrival") or request.POST.get("drop") or ""
    path = next((path_of(house, one.digest) for one in context["arrivals"] if one.digest == named), None)
    if path is not None and request.POST.get("drop"):
        path.unlink(missing_ok=True)
        return redirect(reverse("terms_receive", args=[engagement]))
    file = request.FILES.get("file")
    try:
        index = house.receive(engagement, path.read_bytes() if path is not None else _uploaded(file))
    except HouseRefused as refusal:
        context["fault"] = str(refusal)
        return render(request, "portal/terms_receive.html", context, status=422)
    if path is not None:
        path.unlink(missing_ok=True)
    return redirect(f"{reverse('entry', args=[engagement, index])}?at={index + 1}&entered=1")


def _uploaded(file: Any) -> bytes:
    if file is None or not file.size or file.size > MAX_FILE:
        raise HouseRefused(_("Choose the file that the other side sent; it has at most a mebibyte."))
    content: bytes = file.read()
    return content


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def send(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """Hand the newest version to the other side's portal."""
    context, house = terms_frame(request, engagement, arrangement), the_house()
    answer = decide("terms.sign", request.user, context["case"])
    if isinstance(answer, Denied):
        raise PermissionDenied(answer.because)
    if not context["sends_to"] or house.deliver is None:
        raise PermissionDenied("no address of the other side's portal is known here, or this side has not signed")
    context |= {"fault": "", "sent": False}
    if request.method == "POST":
        try:
            house.deliver(context["sends_to"], offer_of(context["terms"]).envelope)
        except HouseRefused as refusal:
            context["fault"] = str(refusal)
        else:
            context["sent"] = True
    return render(request, "portal/terms_send.html", context, status=502 if context["fault"] else 200)
