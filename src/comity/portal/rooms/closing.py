"""Closing: the end of an access, which both sides sign, and the certificate of what it came to.

Either side begins with a signed note that travels as a file; the second adds its signature and hands it in.  From its
entry on no gateway permits anything.  The certificate is drawn up from a copy of the published ledger and signed by
both; what stands in it anybody can count again.
"""

from typing import Any, Final

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from comity.portal.house import HouseRefused, the_house
from comity.portal.permissions import Denied, decide
from comity.portal.rooms.access import access_frame

__all__ = ["certificate_file", "closing"]

MOST: Final = 1_048_576


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def closing(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """Where the end of an access stands: what is still open, the note that both sign, and the certificate."""
    context = _frame(request, engagement, arrangement)
    if request.method == "POST" and not context["may_close"]:
        raise PermissionDenied(context["close_because"])
    done: HttpResponse = reauthentication_required(_closing, allow_get=True)(request, context)
    return done


def _frame(request: HttpRequest, engagement: str, arrangement: str) -> dict[str, Any]:
    context, house = access_frame(request, engagement, arrangement), the_house()
    may = decide("access.stop", request.user, context["case"])
    context |= {
        "may_close": not isinstance(may, Denied) and house.close is not None, "fault": "",
        "close_because": may.because if isinstance(may, Denied) else _("This house is no party, so it closes nothing."),
        "standing_now": _standing(context),
    }  # fmt: skip
    try:
        context["certificate"], context["certified"] = house.certificate_of(arrangement) or (None, "")
    except HouseRefused as refusal:
        context |= {"certificate": None, "certified": "", "fault": str(refusal)}
    return context


def _standing(context: dict[str, Any]) -> dict[str, Any]:
    """What the access ledger says of its end."""
    access = context["access"]
    if access is None:
        return {}
    closed = next((one for one in access.stand["closures"] if one["kind"] == "close"), None)
    return {
        "closed": closed, "grants": 0 if closed else len(access.stand["grants"]),
        "under_way": access.stand["under_way"], "exit": any(one["kind"] == "exit" for one in access.stand["closures"]),
    }  # fmt: skip


def _closing(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    if request.method == "POST":
        house, row = the_house(), context["arrangement"]
        here = reverse("closing", args=[context["case"].engagement, row.arrangement])
        try:
            match request.POST.get("act", ""):
                case "begin" | "add" as act if house.close is not None:
                    signed, index = house.close(row.arrangement, None if act == "begin" else _uploaded(request, "note"))
                    if index is not None:
                        return redirect(f"{here}?closed={index}")
                    return _attached(signed.note, f"closing-{row.arrangement[:8]}.note", "text/plain; charset=utf-8")
                case "draw" | "take" as act if house.certify is not None:
                    house.certify(row.arrangement, None if act == "draw" else _uploaded(request, "certificate"))
                    return redirect(f"{here}#certificate")
                case _:
                    raise HouseRefused(_("Choose what to do."))
        except HouseRefused as refusal:
            context["fault"] = str(refusal)
    return render(request, "portal/closing.html", context, status=422 if request.method == "POST" else 200)


def _uploaded(request: HttpRequest, name: str) -> bytes:
    file: Any = request.FILES.get(name)
    if file is None or not file.size or file.size > MOST:
        raise HouseRefused(_("Choose the file that the other side signed, once more if you were asked who you are."))
    content: bytes = file.read()
    return content


def _attached(content: bytes, name: str, kind: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_safe
@login_required
def certificate_file(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """The certificate as it travels between the sides, and as anybody checks it."""
    certificate = _frame(request, engagement, arrangement)["certificate"]
    if certificate is None:
        raise Http404("no such page")
    return _attached(certificate.envelope, f"closing-certificate-{arrangement[:8]}.json", "application/json")
