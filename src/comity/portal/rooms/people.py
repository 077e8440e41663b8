"""Administration: who may sign in, for which organisation, in which role; where others are reached; the house's keys.

The administrator's room; no case is on it, and no secret.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from comity.portal.accounts.invitations import invite, make_account, renew
from comity.portal.accounts.models import ROLES, Account
from comity.portal.house import HouseRefused, the_house
from comity.portal.permissions import Denied, decide

__all__ = ["AddressForm", "ChangeForm", "PersonForm", "people", "person"]


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


class ChangeForm(PersonForm):
    """What an account is for, without the name under which it signs in."""

    username = None  # type: ignore[assignment]


class AddressForm(forms.Form):
    """Where another organisation's portal is reached."""

    name = forms.CharField(max_length=200, label=_("Organisation"), help_text=_("As cases name it."))
    address = forms.RegexField(
        r"^https://", max_length=300, required=False, label=_("Address of its portal"),
        help_text=_("With https. Signed terms are sent there from a page; left empty, the address is forgotten."),
        error_messages={"invalid": _("Expected an address that begins with https://.")},
    )  # fmt: skip


def _administrator(request: HttpRequest) -> None:
    answer = decide("people.manage", request.user)
    if isinstance(answer, Denied):
        raise Http404("no such page")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """Every account, the organisations, the house's own keys; forms that invite one more, and keep an address."""
    _administrator(request)
    house, posted = the_house(), request.method == "POST"
    of_address = posted and "address" in request.POST
    form = PersonForm(request.POST if posted and not of_address else None, initial={"organisation": house.name})
    address = AddressForm(request.POST if of_address else None, auto_id="id_of_%s")
    context: dict[str, Any] = {"link": "", "invited": None}
    if of_address and address.is_valid() and house.know is not None:
        try:
            house.know(address.cleaned_data["name"], address.cleaned_data["address"])
        except HouseRefused as refusal:
            address.add_error("address", str(refusal))
        else:
            return redirect(f"{reverse('people')}#organisations")
    if not of_address and posted and form.is_valid():
        given = form.cleaned_data
        if Account.objects.filter(username=given["username"]).exists():
            form.add_error("username", _("Somebody has this name already."))
        else:
            made = make_account(
                given["username"], role=given["role"], organisation=given["organisation"], name=given["name"],
                person=given["pseudonym"], invited_by=request.user.get_username(),
            )  # fmt: skip
            context |= {"invited": made, "link": _link(request, made)}
            form = PersonForm(initial={"organisation": house.name})
    accounts = list(Account.objects.order_by("organisation", "username").prefetch_related("authenticator_set"))
    context |= {
        "form": form, "address": address, "accounts": accounts, "knows": house.know is not None,
        "organisations": _organisations(accounts), "keys": list(_keys()),
    }  # fmt: skip
    return render(request, "portal/people.html", context, status=422 if form.errors or address.errors else 200)


def _link(request: HttpRequest, account: Account) -> str:
    house = the_house()
    return request.build_absolute_uri(reverse("enter", args=[invite(account, house.clock(), house.random)]))


def _organisations(accounts: list[Account]) -> list[dict[str, Any]]:
    """Every organisation that an account acts for or whose portal is known: people, and the portal's address."""
    addresses = the_house().addresses()
    people_of = Counter(one.organisation for one in accounts if one.organisation)
    names = sorted({*people_of, *addresses, the_house().name}, key=str.casefold)
    return [
        {"name": one, "people": people_of[one], "address": addresses.get(one, ""), "own": one == the_house().name}
        for one in names
    ]  # fmt: skip


KEYS: Final = {
    "party": _("signs terms and acts of this side"), "witness": _("cosigns the ledgers that this side watches"),
    "recipient": _("opens what is sealed to this side"), "permit": _("marks what the gateway forwards"),
    "guard": _("signs the guard's counts"), "access": _("digest of the access key; the key itself calls"),
}  # fmt: skip


def _keys() -> Iterator[tuple[str, Any, str]]:
    """The public halves of the house's keys, as its card states them."""
    card = the_house().card
    if card is None:
        return
    said = json.loads(card())
    for name, purpose in KEYS.items():
        if said.get(name):
            yield name, purpose, str(said[name])


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: HttpRequest, username: str) -> HttpResponse:
    """One account: what it is for; shut it, open it again, or make a new way in for somebody who lost theirs.

    Whoever holds an administrator's open window could let themselves in as anybody, so an act asks once more who it is.
    """
    _administrator(request)
    done: HttpResponse = reauthentication_required(_person, allow_get=True)(request, username)
    return done


def _person(request: HttpRequest, username: str) -> HttpResponse:
    account = Account.objects.filter(username=username).first()
    if account is None:
        raise Http404("no such page")
    act, own = request.POST.get("act", ""), account == request.user
    if own and act:
        raise PermissionDenied("You cannot change your own account; another administrator can.")
    before = {
        "name": account.get_full_name() or account.username, "role": account.role, "organisation": account.organisation,
        "pseudonym": account.person,
    }  # fmt: skip
    form = ChangeForm(request.POST if act == "change" else None, initial=before)
    link = ""
    if act in ("shut", "open"):
        account.is_active = act == "open"
        account.save(update_fields=["is_active"])
        return redirect("people")
    if act == "renew":
        renew(account)
        link = _link(request, account)
    if act == "change" and form.is_valid():
        given = form.cleaned_data
        make_account(
            username, role=given["role"], organisation=given["organisation"], name=given["name"],
            person=given["pseudonym"], invited_by=account.invited_by,
        )  # fmt: skip
        return redirect("people")
    context = {"account": account, "form": form, "link": link, "own": own}
    return render(request, "portal/person.html", context, status=422 if form.errors else 200)
