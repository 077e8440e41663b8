"""Pages that say no: nothing there, not yours, not understood, and our own fault."""

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

__all__ = ["denied", "failed", "forged", "malformed", "not_found", "not_yet"]

AGAIN: Final = 5
"""Seconds after which a page that is not there yet is worth asking for again."""


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The same page for what is not there and for what is not to be seen."""
    return _page(
        request, 404, "There is no such page",
        "The address may be mistyped, or it may lead to something that you have no right to know of.",
    )


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What somebody may see and not do, with the reason."""
    because = str(exception) if isinstance(exception, PermissionDenied) else ""
    return _page(request, 403, "This is not yours to do", because or "Your role does not include it.")


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that did not come from this portal's page, or from one that is too old."""
    return _page(
        request, 403, "The form was not taken",
        "It did not come from a page of this portal that is still valid. Nothing was entered. "
        "Open the page again and send the form from there.",
    )


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that no page of the portal sends."""
    return _page(request, 400, "The request was not understood", "Nothing was entered.")


def failed(request: HttpRequest) -> HttpResponse:
    """A fault of ours."""
    return _page(
        request, 500, "The portal failed",
        "This is a fault of the portal and not yours. What was entered before stands; whether your last form was "
        "entered, the timeline of the case says.",
    )


def not_yet(request: HttpRequest) -> HttpResponse:
    """The tables that a page reads are still to be made."""
    answer = _page(
        request, 503, "The pages are not ready yet",
        "The projector has not made the tables that this page reads. They are there a moment after it started; "
        "if this goes on, whoever runs the portal should see whether it runs. Nothing of any case is lost.",
    )
    answer["Retry-After"] = str(AGAIN)
    return answer


def _page(request: HttpRequest, status: int, title: str, text: str, **more: Any) -> HttpResponse:
    return render(request, "portal/refusal.html", {"title": title, "text": text, "status": status}, status=status)
