"""Negotiating: put forward a first version made from a template, or answer with another one.

A counter-offer is the newest version with some clauses changed: each clause stands in a field as it is now.  Before
anything is signed the page says in plain words what changes, or shows a first version as the contract that it is.  The
version that was shown is carried to the signature byte for byte; its digest stands beside the button.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from comity.arrangement import (
    ArrangementError,
    Terms,
    counter,
    draft_from_offer,
    explain,
    leaves,
    parse_access_offer,
    parse_card,
    parse_terms_json,
)
from comity.arrangement.change import FIXED
from comity.arrangement.clauses import CLAUSES, SECTIONS
from comity.arrangement.features import FEATURES
from comity.arrangement.template import TIERS, TIMEFRAMES, offer, offer_yaml, template, timeframe
from comity.portal.house import HouseRefused, the_house
from comity.portal.permissions import Denied, decide
from comity.portal.projections.rows import contract_value
from comity.portal.rooms.engagement import case_frame
from comity.portal.rooms.terms import offer_of, terms_frame

__all__ = ["OfferForm", "counter_terms", "offer_terms"]

MAX_CARDS: Final = 12
MAX_CARD: Final = 65_536
OPEN: Final = ("Time", "Budget and rate", "Publication")
"""Sections of a counter-offer that are unfolded: what sides most often differ about."""
KEYS: Final = ("ledger.policy", "content.recipients", "guard.permit_key", "guard.key")
"""Clauses that hold keys, which nobody types; they come from cards."""


def _may_put(request: HttpRequest, context: Mapping[str, Any]) -> None:
    answer = decide("terms.sign", request.user, context["case"])
    if isinstance(answer, Denied):
        raise PermissionDenied(answer.because)
    if the_house().put is None:
        raise PermissionDenied("this house signs no terms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One clause in a counter-offer's form."""

    clause: str
    meaning: str
    value: str
    long: bool
    changed: bool


def _fields(terms: Terms, posted: QueryDict) -> Iterator[tuple[str, list[Field]]]:
    """Section → its clauses, each with its value or what was put in its place."""
    sections: dict[str, list[Field]] = {}
    for clause, value in leaves(terms.value()):
        kind = CLAUSES.get(_plain(clause))
        if kind is None or clause in FIXED or clause.startswith((*KEYS, "features")):
            continue
        said = posted.get(f"c:{clause}", value)
        sections.setdefault(kind.section, []).append(
            Field(clause=clause, meaning=kind.meaning, value=said, long=len(value) > 60, changed=said != value)
        )
    yield from ((section, sections[section]) for section in SECTIONS if section in sections)


def _plain(clause: str) -> str:
    """A clause's name without the names of items: `models[a].prices.input` is `models.prices.input`."""
    found, depth = [], 0
    for letter in clause:
        depth += letter == "["
        if not depth:
            found.append(letter)
        depth -= letter == "]"
    return "".join(found)


def _settings(terms: Terms, posted: QueryDict) -> dict[str, str]:
    """Every clause that differs from how it stands."""
    found = {}
    for _section, fields in _fields(terms, posted):
        found.update({one.clause: one.value.strip() for one in fields if one.changed})
    wanted = set(posted.getlist("features"))
    for name in FEATURES:
        if (name in wanted) != (name in terms.features):
            found[f"features.{name}"] = "allowed" if name in wanted else "refused"
    return found | _more(posted.get("more", ""))


def _more(text: str) -> dict[str, str]:
    """Further clauses, one in each line as CLAUSE=VALUE."""
    lines = [line for line in text.splitlines() if line.strip()]
    pairs = [line.partition("=") for line in lines]
    wrong = [name for name, middle, _value in pairs if not middle]
    if wrong:
        raise HouseRefused(_("Name each change as CLAUSE=VALUE; got %(line)s") % {"line": wrong[0][:80]})
    return {name.strip(): value.strip() for name, _middle, value in pairs}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def counter_terms(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """Answer the newest version with another one: change clauses, read what changes, sign."""
    context = terms_frame(request, engagement, arrangement)
    _may_put(request, context)
    if not context["may_put"]:
        raise PermissionDenied("the newest version is signed by both, or another one is newer; it is amended instead")
    before = offer_of(context["terms"]).terms
    step = request.POST.get("step", "")
    if step == "sign":
        done: HttpResponse = reauthentication_required(_sign)(request, context, before)
        return done
    context |= {"fault": "", "more": request.POST.get("more", "")}
    if step == "check":
        try:
            settings = _settings(before, request.POST)
            if not settings:
                raise HouseRefused(_("Nothing was changed: change a clause, or sign the version as it is."))
            made = counter(before, settings)
        except (ArrangementError, HouseRefused) as refusal:
            context["fault"] = str(refusal)
        else:
            return _shown(request, context, made, before)
    allowed = set(request.POST.getlist("features")) if step else set(before.features)
    context |= {
        "sections": [(name, fields, name in OPEN or any(one.changed for one in fields))
                     for name, fields in _fields(before, request.POST)],
        "features": [(name, said, name in allowed) for name, said in FEATURES.items()],
    }  # fmt: skip
    return render(request, "portal/terms_counter.html", context, status=422 if context["fault"] else 200)


class ManyFiles(forms.ClearableFileInput):
    """A choice of several files."""

    allow_multiple_selected = True


class Files(forms.FileField):
    """Several files, or none."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Each file, checked as a single one is."""
        return [super(Files, self).clean(one, initial) for one in data or ()]


class OfferForm(forms.Form):
    """A first version, by tier."""

    tier = forms.ChoiceField(
        label=gettext_lazy("How deep access goes"), widget=forms.RadioSelect, initial="T1",
        choices=[(one, f"{one}: {template(one).name}") for one in TIERS],
    )  # fmt: skip
    lasting = forms.ChoiceField(
        label=gettext_lazy("How long it lasts"), widget=forms.RadioSelect, initial="code-example",
        choices=[(one, timeframe(one).title) for one in TIMEFRAMES],
    )  # fmt: skip
    begins = forms.DateField(
        label=gettext_lazy("First day"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    models = forms.CharField(
        label=gettext_lazy("Models"), widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Their names, one in each line, in the order of the template."),
    )  # fmt: skip
    calls = forms.IntegerField(label=gettext_lazy("Calls in all"), min_value=1, max_value=10**9, initial=20_000)
    more = forms.CharField(
        required=False, label=gettext_lazy("Other clauses"), widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("One in each line, as CLAUSE=VALUE, such as publication.review_days=15."),
    )  # fmt: skip
    cards = Files(
        required=False, label=gettext_lazy("Cards"), widget=ManyFiles(attrs={"accept": ".json,application/json"}),
        help_text=gettext_lazy(
            "The public keys of the other side, of the operator and of the evaluators, as they handed them to you; "
            "your own too, if it names your witness's address."
        ),
    )  # fmt: skip


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def offer_terms(request: HttpRequest, engagement: str) -> HttpResponse:
    """Put forward a first version, made from a template: choose, read it as a contract, sign."""
    context = case_frame(request, engagement)
    _may_put(request, context)
    if request.POST.get("step") == "sign":
        done: HttpResponse = reauthentication_required(_sign)(request, context, None)
        return done
    initial = {"begins": the_house().clock().date(), "models": "\n".join(context["case"].subjects)}
    form = OfferForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = _drafted(form.cleaned_data)
        except (ArrangementError, HouseRefused) as refusal:
            form.add_error(None, str(refusal))
        else:
            return _shown(request, context, made, None)
    status = 422 if form.errors else 200
    return render(request, "portal/terms_offer.html", context | {"form": form}, status=status)


def _drafted(said: Mapping[str, Any]) -> Terms:
    house, begins = the_house(), said["begins"]
    if not isinstance(begins, date) or house.card is None:
        raise AssertionError("a form that was not checked, or a house without a card")
    calls = str(said["calls"])
    day = str(min(said["calls"], template(said["tier"]).value["budget"]["per_day"]["calls"]))
    value = offer(
        said["tier"], timeframe_name=said["lasting"], begins=begins, models=_lines(said["models"]),
        settings={"budget.calls": calls, "budget.per_day.calls": day} | _more(said["more"]),
    )  # fmt: skip
    files = said["cards"]
    if len(files) > MAX_CARDS or any((file.size or 0) > MAX_CARD for file in files):
        raise HouseRefused(_("At most twelve cards are taken, each of at most 64 kilobytes."))
    cards = [parse_card(file.read()) for file in files]
    if house.role not in {card.role for card in cards if card.party}:
        cards.append(parse_card(house.card()))
    return draft_from_offer(parse_access_offer(offer_yaml(value, said["tier"]), "the offer"), cards)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _shown(
    request: HttpRequest, context: dict[str, Any], made: Terms, before: Terms | None, fault: str = ""
) -> HttpResponse:
    """The page on which a version is read before it is signed."""
    context |= {
        "made": made, "raw": made.raw.decode(), "fault": fault, "contract": contract_value(made),
        "changes": explain(before, made) if before is not None else (), "other": _other(context["case"]),
    }  # fmt: skip
    return render(request, "portal/terms_put.html", context, status=422 if fault else 200)


def _other(case: Any) -> str:
    return str(case.provider if the_house().role == "authority" else case.authority)


def _sign(request: HttpRequest, context: dict[str, Any], before: Terms | None) -> HttpResponse:
    put, engagement = the_house().put, context["case"].engagement
    if put is None:
        raise AssertionError("a house that signs no terms came this far")
    try:
        made = parse_terms_json(request.POST.get("terms", "").encode(), "the version")
    except ArrangementError:
        raise PermissionDenied("the version that was sent is not one that a page of this portal made") from None
    if (made.version, made.previous) != ((1, "") if before is None else (before.version + 1, before.digest)):
        return _shown(request, context, made, before, _("Another version came since you looked. Nothing was signed."))
    if request.POST.get("read") != "yes":
        return _shown(request, context, made, before, _("Say that you have read what you sign."))
    try:
        index = put(engagement, made)
    except HouseRefused as refusal:
        return _shown(request, context, made, before, str(refusal))
    return redirect(f"{reverse('entry', args=[engagement, index])}?at={index + 1}&entered=1&terms={made.id}")
