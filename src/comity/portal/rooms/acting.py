"""Acting on a case: choose what to enter, fill it in, check it with what follows from it, enter it.

Three steps after GOV.UK's pattern, and no state between them: the page that is checked carries the answers, and how
many entries the person saw.  The last step composes the entry anew and appends it on the condition that nothing came
in between; else nothing is entered, and the page says what came.

What follows is shown before: the case is folded with the entry that is not written yet, so a person sees which stage,
clocks and open matters would come of it, by the same rules that will hold after.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from comity.engagement import (
    Case,
    CaseClock,
    CaseMoved,
    EngagementError,
    EngagementView,
    add,
    case_clocks,
    case_packs,
    read_entries,
    stand,
)
from comity.engagement.acts import ACTS, Act, compose
from comity.law import Pack
from comity.ledger import LedgerError
from comity.portal.accounts.marks import mark_of
from comity.portal.house import the_house
from comity.portal.permissions import Allowed, Denied, decide
from comity.portal.rooms.act_form import ActForm, answers, given
from comity.portal.rooms.engagement import case_frame
from comity.records import MalformedRecord, Record, to_bytes

__all__ = ["EXPERTS", "GROUPS", "PROVIDERS", "act", "acts", "part_of"]

GROUPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Talks", ("meeting", "topic", "end-topic", "state-offer", "answer", "context", "party")),
    ("Requests and measures", (
        "request-information", "answer-information", "request-access", "extend", "dialogue", "end-dialogue",
        "commitment", "decide-commitment", "measure", "hearing", "hear",
    )),
    ("Findings and evidence", (
        "finding", "reply", "assert", "support", "check", "documentation", "submission", "scope",
    )),
    ("Incidents and alerts", ("incident", "report-incident", "resolve-incident", "alert", "complaint")),
    ("Access by others", ("suspension", "ease-suspension", "lift-suspension", "event")),
    ("Experts", ("propose-expert", "declare", "appoint")),
    ("The record", ("correct", "withdraw", "clear")),
)  # fmt: skip
"""Every act, in the groups in which a page offers them."""

PROVIDERS: Final = frozenset((
    "meeting", "state-offer", "answer", "answer-information", "commitment", "reply", "assert", "support",
    "documentation", "submission", "incident", "report-incident", "resolve-incident",
))  # fmt: skip
"""What a provider's access team enters by itself; its `by` is the provider, whatever the form says."""

EXPERTS: Final = frozenset(("declare", "finding", "check"))
"""What an independent expert enters: under their own pseudonym, and findings of an evaluation alone."""

TITLES: Final = {
    "party": "Name a party", "topic": "Open a topic", "end-topic": "Close a topic", "meeting": "Enter a meeting",
    "state-offer": "Enter an offer of access", "answer": "Answer an offer or a request",
    "request-information": "Request information (Art. 91)", "answer-information": "Answer an information request",
    "request-access": "Request access (Art. 92)", "extend": "Extend a period", "dialogue": "Begin a dialogue",
    "end-dialogue": "End a dialogue", "commitment": "Enter a commitment", "decide-commitment": "Decide a commitment",
    "measure": "Request a measure (Art. 93)", "hearing": "Invite to be heard", "hear": "Enter a hearing",
    "alert": "Enter a qualified alert", "complaint": "Enter a complaint", "incident": "Enter a serious incident",
    "report-incident": "Report on an incident", "resolve-incident": "Resolve an incident",
    "suspension": "Enter a suspension by others", "ease-suspension": "Ease a suspension",
    "lift-suspension": "Lift a suspension", "event": "Enter an event of the law", "context": "Note what bears on it",
    "submission": "Enter a submission", "documentation": "Take in documentation", "scope": "State a scope",
    "assert": "Enter a claim", "support": "Support a claim", "check": "Check a claim",
    "propose-expert": "Propose an expert", "declare": "Declare a relation", "appoint": "Appoint an expert",
    "finding": "State a finding", "reply": "Enter a reply to a finding", "correct": "Correct an item",
    "withdraw": "Withdraw an item", "clear": "Clear for publication",
}  # fmt: skip
"""Name of an act → what a page calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What an account's role lets it enter."""

    permission: str
    acts: frozenset[str]
    fixed: Mapping[str, str]
    """Members that are not theirs to choose."""


def part_of(account: Any) -> Part:
    """The part that an account has in a case."""
    person = str(getattr(account, "person", ""))
    match getattr(account, "role", ""):
        case "access":
            return Part(permission="case.reply", acts=PROVIDERS, fixed={"by": "provider"})
        case "expert":
            fixed = {"by": person, "expert": person, "stage": "evaluation"}
            return Part(permission="case.contribute", acts=EXPERTS, fixed=fixed)
        case _:
            return Part(permission="case.act", acts=frozenset(ACTS), fixed={})


def _may(request: HttpRequest, context: Mapping[str, Any], name: str) -> Part:
    part = part_of(request.user)
    answer = decide(part.permission, request.user, context["case"])
    if isinstance(answer, Denied):
        raise PermissionDenied(answer.because)
    if name and name not in part.acts:
        raise PermissionDenied("this is the authority's act")
    return part


@require_safe
@login_required
def acts(request: HttpRequest, engagement: str) -> HttpResponse:
    """Everything that this person may enter in the case."""
    context = case_frame(request, engagement)
    part = _may(request, context, "")
    signs = isinstance(decide("terms.sign", request.user, context["case"]), Allowed)
    context["signs"] = signs
    context["offers"] = signs and the_house().put is not None
    context["groups"] = [
        (title, shown)
        for title, names in GROUPS
        if (shown := [(one, TITLES[one], ACTS[one].help) for one in names if one in part.acts])
    ]
    return render(request, "portal/acts.html", context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The case as it stands in its ledger, which a form and its check are made from."""

    case: Case
    entries: tuple[bytes, ...]
    packs: tuple[Pack, ...]
    now: datetime


def _told(engagement: str) -> Told:
    house = the_house()
    with house.open_case(engagement) as ledger:
        entries = tuple(ledger.read(0, ledger.size()))
    case = read_entries(entries)
    return Told(case=case, entries=entries, packs=case_packs(case, law=house.law), now=house.clock())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, engagement: str, name: str) -> HttpResponse:
    """One act: its form, the page on which it is checked, and the entry."""
    context = case_frame(request, engagement)
    if name not in ACTS:
        raise Http404("no such act")
    part, told = _may(request, context, name), _told(engagement)
    chosen = ACTS[name]
    posted = request.POST if request.method == "POST" else None
    initial = {key: value for key, value in request.GET.items()}
    pack = told.packs[0] if told.packs else None
    form = ActForm(chosen, told.case, pack, part.fixed, told.now.date().isoformat(), posted, initial=initial)
    context |= {
        "form": form, "act": name, "act_title": TITLES[name], "help": chosen.help, "seen": len(told.entries),
        "provision": form.provision,
    }  # fmt: skip
    step = request.POST.get("step", "")
    if posted is None or step == "change" or not form.is_valid():
        wrong = posted is not None and step != "change"
        return render(request, "portal/act.html", context, status=422 if wrong else 200)
    return _checked(request, context, told, chosen, form, enter=step == "enter")


def _checked(
    request: HttpRequest, context: dict[str, Any], told: Told, chosen: Act, form: ActForm, *, enter: bool
) -> HttpResponse:
    house, engagement = the_house(), context["case"].engagement
    try:
        said = given(form)
        said["refs"] = (*said["refs"], mark_of(request.user, house.random))
        record = compose(chosen.kind, said, told.case, at=told.now, random=house.random)
        after = read_entries([*told.entries, to_bytes(record)])
        if enter:
            with house.open_case(engagement) as ledger:
                index = add(ledger, record, told.now, seen=_seen(request))
            address = reverse("entry", args=[engagement, index])
            return redirect(f"{address}?at={index + 1}&entered=1")
    except CaseMoved as moved:
        context |= {"moved": moved.since, "seen": len(told.entries)}
        return _check_page(request, context, form, told, None, status=409)
    except (EngagementError, MalformedRecord, LedgerError) as refusal:
        form.add_error(getattr(refusal, "member", None), getattr(refusal, "because", str(refusal)))
        return render(request, "portal/act.html", context, status=422)
    return _check_page(request, context, form, told, (record, after), status=200)


def _seen(request: HttpRequest) -> int:
    text = request.POST.get("seen", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _check_page(
    request: HttpRequest, context: dict[str, Any], form: ActForm, told: Told, entry: tuple[Record, Case] | None,
    *, status: int,
) -> HttpResponse:  # fmt: skip
    if entry is not None:
        record, after = entry
        context |= {"answers": list(answers(form, record.members())), "follows": _follows(told, after)}
    else:
        context |= {"answers": list(answers(form, form.cleaned_data)), "follows": {}}
    context["posted"] = [
        (key, value) for key, values in request.POST.lists() for value in values
        if key not in ("step", "seen", "csrfmiddlewaretoken")
    ]  # fmt: skip
    return render(request, "portal/act_check.html", context, status=status)


def _follows(told: Told, after: Case) -> dict[str, Any]:
    """What the entry would change: the stage, the clocks that it starts, moves or meets, and what is open."""
    old, new = stand(told.case, told.now), stand(after, told.now)
    return {
        "stage": new.stage if new.stage != old.stage else "", "next": new.next if new.next != old.next else "",
        "clocks": _clocks(told, after), **_matters(old, new),
    }  # fmt: skip


def _matters(old: EngagementView, new: EngagementView) -> dict[str, list[Any]]:
    before = {one.item.id: one for one in old.matters}
    closed = [one for one in new.matters if not one.open and one.item.id in before and before[one.item.id].open]
    return {"opened": [one for one in new.matters if one.item.id not in before and one.open], "closed": closed}


def _clocks(told: Told, after: Case) -> list[CaseClock]:
    if not told.packs:
        return []
    before = {one.clock.id: (one.clock.state, one.clock.due) for one in case_clocks(told.case, told.now, told.packs)}
    now = case_clocks(after, told.now, told.packs)
    return [one for one in now if before.get(one.clock.id) != (one.clock.state, one.clock.due)]
