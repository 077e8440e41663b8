"""Sign-in through an institution, against a real OpenID provider that the test starts."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsers import served
from houses import OFFICE, World

from comity.portal.house import Institution
from comity.portal.settings import test as settings_of_tests

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def signing(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The portal's address and the institution's, each with a server of its own."""
    from django.test import override_settings

    from comity.portal.house import enter, the_house

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    one = Institution(
        name="Example institution", server=address, client_id="comity", secret="the secret of the client",
        claim="preferred_username",
    )  # fmt: skip
    before = the_house()
    house = world.house(institution=one)
    chosen = settings_of_tests(house)
    names = ("SOCIALACCOUNT_PROVIDERS", "CONTENT_SECURITY_POLICY", "INSTITUTION_CLAIM")
    enter(house)
    with override_settings(**{name: chosen[name] for name in names}), served() as portal:
        callback = f"{portal}/accounts/oidc/institution/login/callback/"
        script = Path(__file__).with_name("institution.py")
        environment = {**os.environ, "PYTHONPATH": str(script.parent)}
        process = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path_factory.mktemp("institution")), str(port), callback],
            stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert {"institution": address} == json.loads(process.stdout.readline())
            yield portal, address
        finally:
            process.terminate()
            process.wait(10)
            process.stdout.close()
    enter(before)


def token(text: str) -> str:
    return re.findall(r'csrfmiddlewaretoken" value="([^"]+)"', text)[0]


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(follow_redirects=True, timeout=20) as client:
        yield client


def sign_in(browser: httpx.Client, portal: str, institution: str) -> httpx.Response:
    """From the portal's button to the institution's form and back; the last answer."""
    page = browser.get(f"{portal}/accounts/login/")
    assert "Example institution" in page.text
    asked = browser.post(
        f"{portal}/accounts/oidc/institution/login/", data={"csrfmiddlewaretoken": token(page.text)}
    )
    assert str(asked.url).startswith(institution)
    given: dict[str, Any] = {"login": "s0001", "password": "a pass word of the institution"}
    fields = dict(re.findall(r'<input type="hidden" name="(next)" value="([^"]*)"', asked.text))
    return browser.post(
        str(asked.url), data=given | {key: value.replace("&amp;", "&") for key, value in fields.items()}
    )


def test_who_has_no_account_is_told_so_and_gets_none(browser: httpx.Client, signing: tuple[str, str]) -> None:
    """The institution vouches for a name; without an account of that name there is no way in, and none is made."""
    from comity.portal.accounts.models import Account

    answer = sign_in(browser, *signing)

    assert 403 == answer.status_code and "You have no account here" in answer.text
    assert not Account.objects.filter(username="s0001").exists()


def test_who_has_an_account_comes_in_and_adds_the_second_factor(
    browser: httpx.Client, signing: tuple[str, str]
) -> None:
    """The claim leads to the account that an administrator made; one factor opens the way to the second alone."""
    from comity.portal.accounts.invitations import make_account

    make_account("s0001", role="handler", organisation=OFFICE)
    answer = sign_in(browser, *signing)

    assert 200 == answer.status_code and str(answer.url).endswith("/accounts/2fa/"), answer.url
    assert str(browser.get(f"{signing[0]}/").url).endswith("/accounts/2fa/")


def test_forms_may_lead_to_the_institution_and_nowhere_else(signing: tuple[str, str]) -> None:
    """The policy names the institution's server beside the portal's own, for forms alone."""
    from comity.portal import checks

    policy = httpx.get(f"{signing[0]}/register/").headers["content-security-policy"]

    assert f"form-action 'self' {signing[1]}" in policy
    assert 1 == policy.count(signing[1])
    assert [] == checks.pages_load_their_own(None)
