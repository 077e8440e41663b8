"""Each setting that is a requirement, and the system checks that watch over what no setting can."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from houses import World

from comity.portal.settings import deploy, local

YEAR = 31_536_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", False),
        ("SECURE_SSL_REDIRECT", True),
        ("SECURE_HSTS_SECONDS", YEAR),
        ("SECURE_HSTS_INCLUDE_SUBDOMAINS", True),
        ("SESSION_COOKIE_SECURE", True),
        ("SESSION_COOKIE_HTTPONLY", True),
        ("SESSION_COOKIE_SAMESITE", "Lax"),
        ("CSRF_COOKIE_SECURE", True),
        ("CSRF_COOKIE_HTTPONLY", True),
        ("SECURE_REFERRER_POLICY", "same-origin"),
        ("SECURE_CONTENT_TYPE_NOSNIFF", True),
        ("X_FRAME_OPTIONS", "DENY"),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE", 1_048_576),
        ("ALLOWED_HOSTS", ["portal.example"]),
        ("CSRF_TRUSTED_ORIGINS", ["https://portal.example"]),
        ("PASSWORD_HASHERS", ["django.contrib.auth.hashers.Argon2PasswordHasher"]),
        ("MFA_SUPPORTED_TYPES", ["webauthn", "totp", "recovery_codes"]),
        ("MFA_PASSKEY_LOGIN_ENABLED", True),
        ("LINK_IS_ENOUGH", False),
    ],
)
def test_a_deployed_portal_is_set_up_like_this(world: World, name: str, value: object) -> None:
    """What the plan requires of a portal behind TLS, setting by setting."""
    assert value == deploy(world.house(), ["portal.example"])[name]


def test_the_policy_names_no_foreign_place_and_nothing_inline(world: World, visit: Callable[[str], Any]) -> None:
    """Every page, refusals too, is sent with the strict Content-Security-Policy."""
    browser = visit("handler")
    for page in ("/", "/register/", "/nothing-here/", "/accounts/login/", "/static/portal/portal.css"):
        policy = browser.get(page)["Content-Security-Policy"]
        parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert "'none'" == parts["default-src"] == parts["base-uri"] == parts["frame-ancestors"]
        assert "'self'" == parts["script-src"] == parts["style-src"] == parts["font-src"] == parts["form-action"]
        assert not re.search(r"unsafe|nonce|http|\*", policy)


def test_no_page_holds_a_style_or_script_of_its_own(world: World, visit: Callable[[str], Any]) -> None:
    """What the policy would block is not written: no style attribute, no handler, no script but files and data."""
    from houses import RICH

    browser = visit("handler")
    for page in ("/", "/inbox/", f"/case/{RICH}/", f"/case/{RICH}/adequacy/", "/accounts/login/", "/accounts/2fa/"):
        text = browser.get(page, follow=True).content.decode()
        assert not re.findall(r"<[^>]+ (?:style|on[a-z]+)=", text), page
        assert not re.findall(r'<script(?![^>]*(?:src=|type="application/json"))', text), page
        assert "<style" not in text


def test_answers_are_private_unless_they_are_files(world: World, visit: Callable[[str], Any]) -> None:
    """A page about a case is kept by no cache; a file under its digest may be kept for a year."""
    browser = visit("handler")
    page = browser.get("/")
    style = re.findall(r'href="(/static/portal/portal.css\?v=[0-9a-f]{16})"', page.content.decode())[0]

    assert "private, no-store" == page["Cache-Control"]
    assert f"public, max-age={YEAR}, immutable" == browser.get(style)["Cache-Control"]
    assert "no-cache" == browser.get("/static/portal/portal.css?v=0")["Cache-Control"]
    for outside in ("portal/../settings/base.py", "admin/css/base.css", "portal/none.css"):
        assert 404 == browser.get(f"/static/{outside}").status_code


def test_djangos_own_checks_find_nothing(world: World) -> None:
    """`check --deploy --fail-level WARNING`, under the settings of a deployed portal, and ours with it."""
    from django.core.checks import run_checks
    from django.test import override_settings

    chosen = deploy(world.house(), ["portal.example"])
    with override_settings(**{name: value for name, value in chosen.items() if name != "DATABASES"}):
        found = run_checks(include_deployment_checks=True, databases=["default"])

    assert [] == [f"{one.id}: {one.msg}" for one in found]


@pytest.mark.parametrize(
    ("identity", "changed"),
    [
        ("portal.E003", {"CONTENT_SECURITY_POLICY": {"DIRECTIVES": {"script-src": ["'unsafe-inline'"]}}}),
        ("portal.E003", {"CONTENT_SECURITY_POLICY": {}}),
        ("portal.E005", {"MIDDLEWARE": []}),
        ("portal.E005", {"LINK_IS_ENOUGH": True, "SESSION_COOKIE_SECURE": True}),
    ],
)
def test_a_check_names_what_is_wrong(world: World, identity: str, changed: dict[str, Any]) -> None:
    """Each check fails, with its id and a hint, where what it watches over is gone."""
    from django.test import override_settings

    from comity.portal import checks

    with override_settings(**changed):
        found = [*checks.pages_load_their_own(None), *checks.two(None)]

    assert identity in {one.id for one in found}
    assert all(one.hint for one in found)


def test_a_projection_with_a_way_around_the_fence_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A projection that could be saved, a connection that could write, and a table that nobody listed are errors."""
    from django.conf import settings

    from comity.portal import checks
    from comity.portal.projections.models import CaseRow

    assert [] == [*checks.projections_are_fenced(None), *checks.projections_are_read_only(None)]
    with monkeypatch.context() as patched:
        patched.setattr(CaseRow, "save", lambda self: None)
        assert ["portal.E001"] == [one.id for one in checks.projections_are_fenced(None)]
    loose = {**settings.DATABASES["projections"], "NAME": "projections.sqlite"}
    with monkeypatch.context() as patched:
        patched.setitem(settings.DATABASES, "projections", loose)
        assert ["portal.E002"] == [one.id for one in checks.projections_are_read_only(None)]
    with monkeypatch.context() as patched:
        patched.setattr(checks, "LOCAL_TABLES", checks.LOCAL_TABLES - {"accounts.Invitation"})
        assert ["portal.E004"] == [one.id for one in checks.tables_are_listed(None)]


def test_the_local_portal_answers_this_machine_alone(world: World) -> None:
    """Without TLS no other name is answered."""
    assert ["localhost", "127.0.0.1"] == local(world.house())["ALLOWED_HOSTS"]
