"""People: who may sign in, for which organisation, in which role. The administrator's room; no case is on it."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from comity.portal.accounts.invitations import invite, make_account
from comity.portal.accounts.models import ROLES, Account
from comity.portal.house import the_house
from comity.portal.permissions import Denied, decide

__all__ = ["PersonForm", "people", "person"]


class PersonForm(forms.Form):
    """Whom to invite."""

    username = forms.RegexField(
        r"^[A-Za-z0-9@.+_-]+$", max_length=150, label=_("Sign-in name"),
        help_text=_("Letters, digits and @ . + - _; the name that the person's institution uses for them, if any."),
    )  # fmt: skip
    name = forms.CharField(max_length=150, label=_("Name"), help_text=_("What pages call the person."))
    role = forms.ChoiceField(choices=[(name, _(said)) for name, said in ROLES.items()], label=_("Role"))
    organisation = forms.CharField(
        max_length=200, label=_("Organisation"), help_text=_("The party that the person acts for, as cases name it."),
    )  # fmt: skip
    pseudonym = forms.RegexField(
        r"^[a-z0-9-]+$", max_length=64, required=False, label=_("Pseudonym"),
        help_text=_("Under which entries name an evaluator or an expert. Lower-case letters, digits and hyphens."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Who sees cases because an entry names them needs the name that entries use."""
        found = super().clean() or {}
        if found.get("role") in ("evaluator", "expert") and not found.get("pseudonym"):
            self.add_error("pseudonym", _("An evaluator or an expert sees the cases that name this pseudonym."))
        return found


def _administrator(request: HttpRequest) -> None:
    answer = decide("people.manage", request.user)
    if isinstance(answer, Denied):
        raise Http404("no such page")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """Every account, and the form that invites one more; the link is shown once."""
    _administrator(request)
    house = the_house()
    form = PersonForm(request.POST if request.method == "POST" else None, initial={"organisation": house.name})
    link, invited = "", None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        if Account.objects.filter(username=given["username"]).exists():
            form.add_error("username", _("Somebody has this name already."))
        else:
            invited = make_account(
                given["username"], role=given["role"], organisation=given["organisation"], name=given["name"],
                person=given["pseudonym"], invited_by=request.user.get_username(),
            )  # fmt: skip
            link = request.build_absolute_uri(
                reverse("enter", args=[invite(invited, house.clock(), house.random)])
            )  # fmt: skip
            form = PersonForm(initial={"organisation": house.name})
    accounts = list(Account.objects.order_by("organisation", "username").prefetch_related("authenticator_set"))
    context = {"form": form, "accounts": accounts, "link": link, "invited": invited}
    return render(request, "portal/people.html", context, status=200 if form.is_valid() or not form.errors else 422)


@login_required
@require_POST
def person(request: HttpRequest, username: str) -> HttpResponse:
    """Shut an account, open it again, or make a new link for somebody who lost the way in."""
    _administrator(request)
    account = Account.objects.filter(username=username).first()
    if account is None:
        raise Http404("no such page")
    act = request.POST.get("act", "")
    if act == "shut" and account == request.user:
        raise PermissionDenied("You cannot shut your own account; another administrator can.")
    if act in ("shut", "open"):
        account.is_active = act == "open"
        account.save(update_fields=["is_active"])
    return redirect("people")
