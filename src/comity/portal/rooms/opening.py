"""Opening a case: who the talks are with, what they are about, and who came forward.

Three steps as for every act: a form, the answers to be checked, and the entry.  The house's own side it knows itself,
so nobody opens a case between two others.
"""

import time
from typing import Any, Final

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from comity.portal.accounts.marks import mark_of
from comity.portal.house import HouseRefused, Opening, the_house
from comity.portal.permissions import Denied, decide
from comity.portal.projections.models import CaseRow
from comity.portal.rooms.frame import STEP

__all__ = ["OpeningForm", "open_case", "opened"]

PATIENCE: Final = 3.0
"""Seconds that a new case is waited for; its first tables take longer than a further entry."""
TRACKS: Final = (
    ("model", _("a general-purpose model (Arts 88 to 94)")), ("system", _("a system (Arts 75 to 75d)")),
)  # fmt: skip


class OpeningForm(forms.Form):
    """What a new case begins with."""

    other = forms.CharField(max_length=200, help_text=_("As it is to stand in terms that both sign."))
    summary = forms.CharField(
        max_length=1000, label=_("What it is about"), help_text=_("In one sentence."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
    subjects = forms.CharField(
        required=False, label=_("Models or systems"), help_text=_("One in each line."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
    initiated_by = forms.ChoiceField(
        label=_("Who came forward"), widget=forms.RadioSelect,
        choices=[("authority", _("the authority")), ("provider", _("the provider")), ("unstated", _("not stated"))],
    )  # fmt: skip
    track = forms.ChoiceField(label=_("About"), widget=forms.RadioSelect, choices=TRACKS, initial="model")
    on = forms.CharField(
        max_length=64, label=_("Since when"),
        help_text=_("As exactly as is known: 2026-05-11, 2026-05, or in words such as “late May 2026”."),
    )  # fmt: skip
    source = forms.CharField(
        max_length=2000, required=False, label=_("Source"),
        help_text=_("Where it is known from outside; leave empty if you know it first-hand."),
    )  # fmt: skip

    def __init__(self, role: str, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["other"].label = _("Provider") if role == "authority" else _("Authority")

    def opening(self, mark: str) -> Opening:
        """What was said."""
        said = self.cleaned_data
        return Opening(
            other=said["other"], initiated_by=said["initiated_by"], summary=said["summary"], track=said["track"],
            subjects=tuple(line.strip() for line in said["subjects"].splitlines() if line.strip()),
            on=said["on"], source=said["source"], refs=(mark,),
        )  # fmt: skip

    def answers(self) -> list[dict[str, Any]]:
        """Each answer in words."""
        found = []
        for bound in self.visible_fields():
            value = str(self.cleaned_data.get(bound.name, ""))
            said = dict(getattr(bound.field, "choices", ())).get(value, value)
            found.append({"label": bound.label, "values": [said] if value else []})
        return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def open_case(request: HttpRequest) -> HttpResponse:
    """The form, the answers to be checked, and the new case."""
    house = the_house()
    if house.begin is None or isinstance(decide("case.open", request.user), Denied):
        raise Http404("no such page")
    posted = request.POST if request.method == "POST" else None
    form = OpeningForm(house.role, posted, initial={"on": house.clock().date().isoformat()})
    step = request.POST.get("step", "")
    if posted is None or step == "change" or not form.is_valid():
        return _page(request, form, wrong=posted is not None and step != "change")
    if step != "enter":
        return render(request, "portal/open_check.html", {"form": form, "answers": form.answers()})
    try:
        engagement = house.begin(form.opening(mark_of(request.user, house.random)))
    except HouseRefused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, form, wrong=True)
    return redirect("opened", engagement)


@login_required
@require_safe
def opened(request: HttpRequest, engagement: str) -> HttpResponse:
    """Lead on to a new case once the tables hold it, which takes a moment; else say that it is open."""
    house = the_house()
    if isinstance(decide("case.open", request.user), Denied) or engagement not in set(house.case_ids()):
        raise Http404("no such page")
    if _shown(engagement):
        return redirect(f"{reverse('case', args=[engagement])}?opened=1")
    return render(request, "portal/opened.html", {"engagement": engagement}, status=202)


def _page(request: HttpRequest, form: OpeningForm, *, wrong: bool) -> HttpResponse:
    return render(request, "portal/open.html", {"form": form}, status=422 if wrong else 200)


def _shown(engagement: str) -> bool:
    """Whether the tables hold the new case, which takes a moment."""
    end = time.monotonic() + PATIENCE
    while not CaseRow.objects.filter(engagement=engagement).exists():
        if time.monotonic() > end:
            return False
        time.sleep(STEP)
    return True
