"""The gate: whoever is signed in has a second factor, or sees nothing but the pages on which to set one up.

A passkey is two factors in one.  A password, an invitation or an institution's sign-in is one, and asks for a passkey
or a one-time code of this portal beside it.

The demo's links may stand for both (`LINK_IS_ENOUGH`): they are printed in the terminal of whoever runs it.
"""

from collections.abc import Callable
from typing import Final

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve

__all__ = ["BY_LINK", "OPEN_TO_ONE_FACTOR", "SecondFactorGate"]

BY_LINK: Final = "comity_by_link"
SEEN: Final = "comity_second_factor"

OPEN_TO_ONE_FACTOR: Final = frozenset((
    "static", "language", "register", "register_case", "accessibility", "enter", "account_login", "account_logout",
    "account_reauthenticate", "mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_list_webauthn",
    "mfa_authenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn", "mfa_login_webauthn",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "account_set_password",
    "account_change_password",
))  # fmt: skip
"""Names of pages that somebody with one factor may open: the public ones, and those on which to add the second."""


class SecondFactorGate:
    """Refuses everything else until a second factor is set up."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The page, or the way to where the second factor is added."""
        if request.user.is_authenticated and not self._has_two(request) and not self._open(request):
            return redirect("mfa_index")
        return self.answer(request)

    def _has_two(self, request: HttpRequest) -> bool:
        if request.session.get(SEEN):
            return True
        if settings.LINK_IS_ENOUGH and request.session.get(BY_LINK):
            return True
        user = request.user
        if not isinstance(user, AnonymousUser) and is_mfa_enabled(user):
            request.session[SEEN] = True
            return True
        return False

    def _open(self, request: HttpRequest) -> bool:
        try:
            return resolve(request.path_info).url_name in OPEN_TO_ONE_FACTOR
        except Resolver404:
            return False
