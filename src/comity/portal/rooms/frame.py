"""The frame of every page: whose house it is, who is signed in, where one can go, and how fresh the tables are.

`?at=N` is where a command leads after it appended entry N - 1: the page waits up to a second for the tables to hold N
entries of the case, and else says that the entry is written and not yet shown.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from comity import __version__
from comity.portal.house import the_house
from comity.portal.permissions import Allowed, decide
from comity.portal.projections.beat import seconds_since
from comity.portal.projections.fence import tables_are_missing
from comity.portal.projections.models import Position
from comity.portal.rooms.refusals import not_yet
from comity.portal.themes import THEMES

__all__ = ["Crumb", "FrameMiddleware", "frame", "wait_for"]

PATIENCE: Final = 1.0
STEP: Final = 0.02
LATE: Final = 15
"""Seconds without a sign of the projector after which every page says so."""


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way to a page."""

    title: str
    to: str = ""


class FrameMiddleware:
    """Keeps every page out of caches that several people share."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The page, marked private unless it says otherwise."""
        response = self.answer(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A page whose tables are still to be made says so; every other fault stays one."""
        return not_yet(request) if tables_are_missing(exception) else None


def frame(request: HttpRequest) -> dict[str, Any]:
    """What the frame's template needs."""
    house = the_house()
    account = request.user if hasattr(request, "user") else None
    signed_in = account is not None and account.is_authenticated
    since = seconds_since(house.path, house.clock())
    return {
        "house": house,
        "theme": THEMES[house.theme],
        "version": __version__,
        "places": _places(request, account) if signed_in else [],
        "projector_late": since if since is None or since > LATE else 0,
        "projector_unseen": since is None,
    }


def _places(request: HttpRequest, account: Any) -> list[dict[str, Any]]:
    places = [("portfolio", "Portfolio"), ("inbox", "Inbox"), ("register", "Public register")]
    if isinstance(decide("people.manage", account), Allowed):
        places = [("people", "People"), ("register", "Public register")]
    match = request.resolver_match
    here = match.url_name if match else ""
    return [{"to": reverse(name), "title": title, "here": name == here} for name, title in places]


def wait_for(request: HttpRequest, engagement: str) -> int:
    """Wait until the tables hold what `?at=` names; the number of entries if they do not yet, else 0."""
    text = request.GET.get("at", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        return 0
    wanted, end = int(text), time.monotonic() + PATIENCE
    while True:
        size = Position.objects.filter(engagement=engagement).values_list("size", flat=True).first() or 0
        if size >= wanted:
            return 0
        if time.monotonic() > end:
            return wanted
        time.sleep(STEP)
