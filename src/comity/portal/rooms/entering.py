"""Entering by a one-time link."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from comity.portal.accounts.gate import BY_LINK
from comity.portal.accounts.invitations import find, use
from comity.portal.house import the_house

__all__ = ["enter"]

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest, secret: str) -> HttpResponse:
    """Show whom the link lets in; sign in when the button is pressed, once."""
    now = the_house().clock()
    if request.method != "POST":
        found = find(secret, now)
        status = 200 if found else 410
        return render(request, "portal/enter.html", {"account": found.account if found else None}, status=status)
    account = use(secret, now)
    if account is None:
        return render(request, "portal/enter.html", {"account": None}, status=410)
    login(request, account, backend=BACKEND)
    request.session[BY_LINK] = True
    return redirect("portfolio")
