"""Signing in: by invitation once, then with two factors or not at all."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from houses import RICH, World, account


def link(world: World, name: str = "handler", **life: Any) -> str:
    from comity.portal.accounts.invitations import invite

    return f"/enter/{invite(account(name), world.now, world.house().random, **life)}/"


@pytest.fixture
def browser(world: World) -> Any:
    from django.test import Client

    return Client()


def test_a_link_lets_in_once(world: World, browser: Any) -> None:
    """Looking uses nothing up, the button does, and the second press finds the link spent."""
    from django.test import Client

    address = link(world)

    assert [200, 200] == [browser.get(address).status_code for _ in range(2)]
    assert b"as <strong>Handler</strong>, case handler" in browser.get(address).content
    assert 302 == browser.post(address).status_code
    assert [410, 410] == [Client().get(address).status_code, Client().post(address).status_code]


def test_a_link_ends(world: World, browser: Any) -> None:
    """After its time, for an account that was shut, and for a secret that nobody made, there is no way in."""
    address = link(world, life=timedelta(hours=1))
    world.now += timedelta(hours=1)
    late = browser.post(address).status_code
    world.now -= timedelta(hours=1)
    shut = link(world, "expert")
    someone = account("expert")
    someone.is_active = False
    someone.save()

    assert [410, 410, 410] == [late, browser.post(shut).status_code, browser.get("/enter/nothing/").status_code]
    someone.is_active = True
    someone.save()


def test_the_secret_of_a_link_is_not_kept(world: World) -> None:
    """Who reads the database of accounts can sign in as nobody."""
    secret = link(world).split("/")[2]

    for file in (world.path / "portal").glob("accounts.sqlite*"):
        assert secret.encode() not in file.read_bytes()


def test_one_factor_opens_nothing_but_the_way_to_two(world: World, browser: Any) -> None:
    """Who came by a link sees no case until a second factor is there."""
    browser.post(link(world))

    for page in ("/", "/inbox/", f"/case/{RICH}/", f"/case/{RICH}/entry/0/", "/nothing-here/"):
        answer = browser.get(page)
        assert (302, "/accounts/2fa/") == (answer.status_code, answer["Location"]), page
    assert 200 == browser.get("/accounts/2fa/").status_code
    assert 200 == browser.get("/register/").status_code


def test_a_link_may_stand_for_both_in_the_demo_alone(world: World, browser: Any) -> None:
    """With LINK_IS_ENOUGH a session that a link began sees cases; one that a password began does not."""
    from django.test import Client, override_settings

    other = Client()
    other.force_login(account("handler"), backend="allauth.account.auth_backends.AuthenticationBackend")
    with override_settings(LINK_IS_ENOUGH=True):
        browser.post(link(world))
        assert [200, 302] == [browser.get("/").status_code, other.get("/").status_code]
    assert 302 == browser.get("/").status_code


def test_password_and_code(world: World, browser: Any) -> None:
    """A password asks for the code of the authenticator, and the code lets in; a wrong one does not."""
    from allauth.mfa.adapter import get_adapter
    from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
    from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters

    from comity.portal.accounts.invitations import make_account

    someone = make_account("coder", role="handler", organisation="Office for AI")
    someone.set_password("a long pass phrase")
    someone.save()
    secret = generate_totp_secret()
    TOTP.activate(someone, secret)
    assert get_adapter() is not None

    asked = browser.post("/accounts/login/", {"login": "coder", "password": "a long pass phrase"})
    assert "/accounts/2fa/authenticate/" == asked["Location"]
    assert 302 == browser.get("/").status_code
    wrong = browser.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert 200 == wrong.status_code
    code = format_hotp_value(hotp_value(secret, next(iter(counters()))))
    assert 302 == browser.post("/accounts/2fa/authenticate/", {"code": code}).status_code
    assert 200 == browser.get("/").status_code


def test_nobody_signs_up_by_themselves(world: World, browser: Any) -> None:
    """There is no form for it, and nothing says whether a name has an account."""
    page = browser.get("/accounts/signup/")
    known = browser.post("/accounts/login/", {"login": "handler", "password": "wrong"}).content.decode()
    unknown = browser.post("/accounts/login/", {"login": "nobody-of-this-name", "password": "wrong"}).content.decode()

    assert b'name="password1"' not in page.content

    def said(text: str) -> list[str]:
        return re.findall(r'<div class="errors".*?</div>', text, re.DOTALL)

    assert said(known) == said(unknown) and said(known)


def test_a_form_from_elsewhere_is_not_taken(world: World) -> None:
    """A form without the portal's own token signs nobody in."""
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(link(world))

    assert 403 == answer.status_code and b"The form was not taken" in answer.content


def test_the_second_factor_is_asked_for_once_a_session(world: World, visit: Callable[[str], Any]) -> None:
    """The gate remembers in the session, and costs a page no query from then on."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    browser = visit("handler")
    with CaptureQueriesContext(connection) as asked:
        browser.get("/accessibility/")
    assert not [one for one in asked.captured_queries if "mfa_authenticator" in one["sql"]]
