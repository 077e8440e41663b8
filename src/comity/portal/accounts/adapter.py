"""Adapters: how sign-in differs from what django-allauth does by itself.

Nobody signs up: an administrator invites.  Who comes from an institution's own sign-in (OpenID Connect) gets an
account only where an administrator made one for that name.
"""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render
from django.utils.translation import gettext as _

from comity.portal.accounts.models import Account

__all__ = ["Adapter", "InstitutionAdapter"]


class Adapter(DefaultAccountAdapter):
    """No sign-up, and no word about who has an account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by invitation."""
        return False

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:
        """Who has no password and no passkey yet has nothing to prove themselves with again, and adds the first."""
        user = context.request.user if context.request is not None else None
        if user is not None and not user.has_usable_password() and not is_mfa_enabled(user):
            return False
        return bool(super().is_reauthentication_required(app=app, **more))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The ways to prove oneself again, in the portal's own words; the passkey first where there is one."""
        words = {
            "reauthenticate": _("Use your password"),
            "mfa_reauthenticate": _("Use a code of your authenticator app, or a recovery code"),
            "mfa_reauthenticate:webauthn": _("Use your passkey"),
        }
        found = super().get_reauthentication_methods(user)
        named = [one | {"description": words.get(one["id"], one["description"])} for one in found]
        return sorted(named, key=lambda one: one["id"] != "mfa_reauthenticate:webauthn")

    def add_message(self, *arguments: Any, **named: Any) -> None:
        """Nothing: a page says what happened where it happened."""


class InstitutionAdapter(DefaultSocialAccountAdapter):
    """Sign-in through an institution, for accounts that were made before."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Accounts are made by invitation."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Lead the institution's name for a person to the account that was made for it, or say that there is none."""
        if sociallogin.is_existing:
            return
        claims = sociallogin.account.extra_data
        said = {**(claims.get("userinfo") or {}), **(claims.get("id_token") or {})} or claims
        named = str(said.get(settings.INSTITUTION_CLAIM, ""))
        account = Account.objects.filter(username=named, is_active=True).first() if named else None
        if account is None:
            raise ImmediateHttpResponse(render(request, "portal/no_account.html", status=403))
        sociallogin.connect(request, account)
