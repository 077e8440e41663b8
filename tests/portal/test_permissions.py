"""Who may see and do what, and that nobody learns of what they may not see."""

from collections.abc import Callable
from typing import Any

import pytest
from houses import FOUND, OFFICE, RICH, ROLES, SAMPLES, TOLD, WRITTEN, World, account, url_world

CASES = {"rich": RICH, "found": FOUND, "sample": SAMPLES[0], "written": WRITTEN, "none": "0" * 32}

SEES: dict[str, set[str]] = {
    "handler": {"rich", "found", "written"},
    "handler-elsewhere": {"sample"},
    "evaluator": {"rich"},
    "expert": {"found"},
    "access": {"rich"},
    "access-elsewhere": set(),
    "administrator": set(),
    "": set(),
}
"""Account → cases that it may see."""

EVERYBODY = set(SEES)
SIGNED_IN = EVERYBODY - {""}
OF_A_CASE = frozenset((
    "case", "timeline", "entry", "adequacy", "clocks", "documentation", "acts", "act", "terms_receive", "terms_offer",
    "case_file", "duties",
))  # fmt: skip
OF_AN_ARRANGEMENT = frozenset((
    "terms", "terms_file", "terms_sign", "terms_send", "terms_counter", "access", "access_stand", "access_act", "run",
    "calls", "call", "plans", "sealed", "closing", "certificate",
))  # fmt: skip
OF_A_FINDING = frozenset({"finding"})
ACTING = frozenset({"handler", "handler-elsewhere", "access"})
"""Who may enter something; of the others who see a case, an expert may enter what is the expert's."""
MAY_ACT: dict[str, frozenset[str]] = {
    "acts": ACTING | {"expert"}, "act": ACTING, "terms_receive": ACTING - {"access"},
    "terms_offer": frozenset(),  # the house of these tests has no hand to sign it with
}  # fmt: skip
"""Page on which something is entered → who may; others who see the case are told that it is not theirs to do."""
OPEN = {
    "portfolio": SIGNED_IN, "inbox": SIGNED_IN, "register": EVERYBODY, "register_case": EVERYBODY,
    "people": {"administrator"}, "person": {"administrator"},
    "accessibility": EVERYBODY, "enter": EVERYBODY, "language": EVERYBODY, "static": EVERYBODY,
    "checking_page": EVERYBODY, "open_case": {"handler"}, "opened": {"handler"}, "deliver": EVERYBODY,
}  # fmt: skip
"""Page → who may open it, of those that are about no case or about what is public of one."""

SIGN_IN = (
    "account_", "mfa_", "socialaccount_", "openid_connect_", "django_views_generic_base_RedirectView",
)  # fmt: skip
"""Beginnings of the names of django-allauth's pages: for oneself, with nothing of a case on them."""


def addresses() -> dict[str, Any]:
    """Every address of the portal by name, included ones too."""
    from django.urls import URLPattern, get_resolver

    found: dict[str, Any] = {}

    def walk(patterns: Any) -> None:
        for one in patterns:
            if isinstance(one, URLPattern):
                found[one.name or one.lookup_str.replace("allauth.", "").replace(".", "_")] = one
            else:
                walk(one.url_patterns)

    walk(get_resolver().url_patterns)
    return found


MORE: dict[str, dict[str, Any]] = {"entry": {"index": 0}, "act": {"name": "reply"}}


def test_every_page_is_in_the_matrix(world: World) -> None:
    """A page that nobody said who may open fails here, before somebody opens it."""
    listed = OF_A_CASE | OF_AN_ARRANGEMENT | OF_A_FINDING | set(OPEN)
    unlisted = {name for name in addresses() if name not in listed and not name.startswith(SIGN_IN)}

    assert not unlisted


@pytest.mark.parametrize("role", sorted(SEES))
def test_a_case_is_there_for_whom_it_concerns_and_for_nobody_else(
    world: World, visit: Callable[[str], Any], role: str
) -> None:
    """Every page of every case, for every role: shown, or the same answer as for a case that does not exist."""
    from django.urls import reverse

    browser = visit(role)
    for name in sorted(OF_A_CASE):
        bodies = set()
        for case, engagement in CASES.items():
            arguments = {"engagement": engagement} | MORE.get(name, {})
            answer = browser.get(reverse(name, kwargs=arguments))
            if not role:
                assert 302 == answer.status_code and answer["Location"].startswith("/accounts/login/")
            elif case in SEES[role] and role not in MAY_ACT.get(name, EVERYBODY):
                assert 403 == answer.status_code, (name, case)
            elif case in SEES[role]:
                assert 200 == answer.status_code, (name, case)
            else:
                assert 404 == answer.status_code, (name, case)
                bodies.add(answer.content.replace(engagement.encode(), b"").split(b"<main")[1].split(b"</main")[0])
        assert len(bodies) <= 1, f"{role} can tell cases apart by the refusal of {name}"


@pytest.mark.parametrize("role", sorted(SEES))
def test_an_arrangement_is_there_for_whom_its_case_concerns(
    world: World, visit: Callable[[str], Any], role: str
) -> None:
    """Terms, access and the stop, for every role and case; who may only look is told so at the stop."""
    from django.urls import reverse
    from rich_world import RUN, TERMS

    browser = visit(role)
    of_a_call: dict[str, Any] = {"call": {"index": TOLD}, "sealed": {"index": TOLD, "part": "answer"}}
    for name in sorted(OF_AN_ARRANGEMENT):
        for case, engagement in CASES.items():
            arguments = {"engagement": engagement, "arrangement": TERMS.id}
            arguments |= {"access_act": {"door": "stop"}, "run": {"run": RUN}, "calls": {"run": RUN}}.get(name, {})
            arguments |= of_a_call.get(name, {})
            answer = browser.get(reverse(name, kwargs=arguments))
            wanted = 404
            if not role:
                wanted = 302
            elif case == "rich" and case in SEES[role]:
                signs = name in ("terms_sign", "terms_send", "terms_counter")  # what this house has no hand for
                others = (name == "access_act" and role != "handler") or (name == "sealed" and role == "access")
                wanted = 403 if signs or others else 404 if name == "certificate" else 200  # none is kept
            assert wanted == answer.status_code, (name, case)


@pytest.mark.parametrize("role", sorted(SEES))
def test_a_finding_is_there_for_whom_its_case_concerns(world: World, visit: Callable[[str], Any], role: str) -> None:
    """A finding is found under its own case alone, by whom that case concerns."""
    from django.urls import reverse

    from comity.portal.projections.models import FindingRow

    finding = FindingRow.objects.filter(engagement=FOUND).values_list("finding", flat=True)[0]
    browser = visit(role)
    for case, engagement in CASES.items():
        answer = browser.get(reverse("finding", args=[engagement, finding]))
        seen = 200 if case == "found" and case in SEES[role] else 404
        assert (seen if role else 302) == answer.status_code, case


@pytest.mark.parametrize("role", sorted(SEES))
def test_pages_of_no_case_open_to_whom_they_are_for(world: World, visit: Callable[[str], Any], role: str) -> None:
    """The public pages open to everybody, the others after signing in."""
    from django.urls import reverse

    browser = visit(role)
    for name, allowed in OPEN.items():
        arguments = {key: value for key, value in url_world().items() if key in ARGUMENTS.get(name, ())}
        if name in ("register_case", "opened"):
            arguments = {"engagement": SAMPLES[0]}
        answer = browser.get(reverse(name, kwargs=arguments))
        if role in SIGNED_IN - allowed:
            assert answer.status_code in {404, 405}, name
        elif role not in allowed:
            assert 302 == answer.status_code and answer["Location"].startswith("/accounts/login/"), name
        else:
            assert answer.status_code in {200, 302, 405, 410}, name
            assert "/accounts/login/" not in answer.headers.get("Location", ""), name


ARGUMENTS = {"enter": ("secret",), "static": ("name",), "person": ("username",)}


@pytest.mark.parametrize("role", sorted(SIGNED_IN))
def test_lists_hold_what_the_pages_would_show(world: World, visit: Callable[[str], Any], role: str) -> None:
    """The query behind lists and the rule behind pages agree on every case, and name no other in their pages."""
    from comity.portal.permissions import Allowed, decide, visible_cases
    from comity.portal.projections.models import CaseRow

    someone = account(role)
    rows = list(CaseRow.objects.all())
    one_by_one = {row.engagement for row in rows if isinstance(decide("case.see", someone, row), Allowed)}

    assert {CASES[name] for name in SEES[role]} <= one_by_one
    assert one_by_one == set(visible_cases(someone).values_list("engagement", flat=True))
    hidden = {row.provider for row in CaseRow.objects.all() if row.engagement not in one_by_one}
    browser = visit(role)
    for page in ("/", "/inbox/"):
        text = browser.get(page).content.decode()
        assert not [provider for provider in hidden if provider in text], page


def test_an_answer_says_why(world: World) -> None:
    """Yes and no both come with a sentence that a person understands."""
    from comity.portal.permissions import Allowed, Denied, decide
    from comity.portal.projections.models import CaseRow

    case = CaseRow.objects.get(key=RICH)

    said = {name: decide("case.see", account(name), case) for name in ROLES}
    assert Allowed("you are signed in as case handler, and you act for the authority of this case") == said["handler"]
    assert Allowed("you are signed in as evaluator, and an entry of this case names you") == said["evaluator"]
    assert Denied("the case is another authority's") == said["handler-elsewhere"]
    assert Denied("the case is with another provider") == said["access-elsewhere"]
    assert Denied("no entry of this case names you") == said["expert"]
    assert isinstance(said["administrator"], Denied)


def test_a_right_follows_from_role_and_record_alone(world: World) -> None:
    """No flag of Django's makes somebody see a case: neither staff nor superuser, nor a permission row."""
    from comity.portal.permissions import Denied, decide
    from comity.portal.projections.models import CaseRow

    someone = account("administrator")
    someone.is_superuser = someone.is_staff = True
    case = CaseRow.objects.get(key=RICH)

    assert isinstance(decide("case.see", someone, case), Denied)
    assert OFFICE == someone.organisation


def test_the_public_register_shows_what_is_cleared_and_no_more(world: World, visit: Callable[[str], Any]) -> None:
    """Engagements whose opening is cleared, their cleared lines, and one number for everything that is withheld."""
    from django.utils.html import escape

    from comity.portal.projections.models import BriefLine

    browser = visit("")
    listed = browser.get("/register/").content.decode()
    assert "Aurora Systems" not in listed and "Borealis" not in listed
    public = BriefLine.objects.filter(engagement__in=SAMPLES, cleared=True).count()
    assert f"{BriefLine.objects.count() - public} lines are withheld" in listed
    for engagement in SAMPLES:
        page = browser.get(f"/register/{engagement}/").content.decode()
        for line in BriefLine.objects.filter(engagement=engagement):
            if not line.cleared and not BriefLine.objects.filter(cleared=True, text=line.text).exists():
                assert f">{escape(line.text)}</span>" not in page
    assert 404 == browser.get(f"/register/{RICH}/").status_code


def test_everybody_may_take_the_page_that_checks_a_report(world: World, visit: Callable[[str], Any]) -> None:
    """It comes to be saved, as the file of this release, byte for byte; the foot of every page leads to it."""
    from comity.report.verify_page import verify_page

    browser = visit("")
    answer = browser.get("/verify.html")

    assert 'href="/verify.html" download' in browser.get("/register/").content.decode()
    assert (200, verify_page()) == (answer.status_code, answer.content)
    assert 'attachment; filename="verify.html"' == answer["Content-Disposition"]
