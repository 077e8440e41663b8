"""Administration: people, organisations and keys; nothing of a case, and no secret twice."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import specimen
from houses import OFFICE, World, account

from comity.portal.house import HouseRefused, enter, the_house

INVITED = {
    "username": "new", "name": "New Person", "role": "evaluator", "organisation": OFFICE, "pseudonym": "evaluator-9",
}  # fmt: skip


@pytest.fixture
def known(world: World) -> Iterator[dict[str, str]]:
    """A house that keeps addresses, and has a card."""
    kept: dict[str, str] = {"Aurora Systems": "https://aurora.example/"}

    def know(name: str, address: str) -> None:
        if name == "Nobody":
            raise HouseRefused("there is no party of this name")
        if address:
            kept[name] = address
        else:
            kept.pop(name, None)

    card = f'{{"party": "{specimen.AUTHORITY.vkey}", "access": "{"4" * 64}", "host": "office.example"}}'
    before = the_house()
    enter(world.house(addresses=lambda: kept, know=know, card=card.encode))
    yield kept
    enter(before)


def link_in(page: str) -> str:
    found = re.search(r"/enter/[0-9a-f]{64}/", page)
    assert found is not None
    return found[0]


def test_somebody_is_invited_changed_and_shut(visit: Callable[[str], Any], world: World) -> None:
    """The link is shown once and lets in; role and pseudonym change; a shut account lets nobody in."""
    from comity.portal.accounts.models import Account

    browser, visitor = visit("administrator"), visit("")
    page = browser.post("/people/", INVITED).content.decode()
    link = link_in(page)
    assert link not in browser.get("/people/").content.decode()
    assert 200 == visitor.get(link).status_code
    assert 422 == browser.post("/people/", INVITED).status_code  # the name is taken

    wrong = browser.post("/people/new/", INVITED | {"act": "change", "pseudonym": ""})
    assert 422 == wrong.status_code and "sees the cases that name this pseudonym" in wrong.content.decode()
    assert 302 == browser.post("/people/new/", INVITED | {"act": "change", "role": "handler"}).status_code
    made = Account.objects.get(username="new")
    assert ("handler", "evaluator-9", "administrator") == (made.role, made.person, made.invited_by)

    browser.post("/people/new/", {"act": "shut"})
    assert 410 == visit("").get(link).status_code
    browser.post("/people/new/", {"act": "open"})
    assert 200 == visit("").get(link).status_code


def test_a_new_way_in_ends_the_old_ones(visit: Callable[[str], Any], world: World) -> None:
    """Second factors, older links and open sessions are gone; the new link works."""
    from allauth.mfa.models import Authenticator

    someone = account("expert")
    signed_in, browser = visit("expert"), visit("administrator")
    Authenticator.objects.create(user=someone, type="totp", data={"secret": "x"})
    assert 200 == signed_in.get("/").status_code
    page = browser.post("/people/expert/", {"act": "renew"}).content.decode()

    assert not Authenticator.objects.filter(user=someone).exists()
    assert 302 == signed_in.get("/").status_code
    first = link_in(page)
    second = link_in(browser.post("/people/expert/", {"act": "renew"}).content.decode())
    assert 410 == visit("").get(first).status_code and 200 == visit("").get(second).status_code


def test_nobody_changes_their_own_account(visit: Callable[[str], Any]) -> None:
    """An administrator neither shuts nor promotes themself, and the page says so."""
    browser = visit("administrator")

    assert "another administrator" in browser.get("/people/administrator/").content.decode()
    for act in ("shut", "renew", "change"):
        assert 403 == browser.post("/people/administrator/", INVITED | {"act": act}).status_code
    assert 404 == browser.get("/people/nobody-at-all/").status_code
    assert 404 == visit("handler").post("/people/new/", {"act": "shut"}).status_code


def test_organisations_are_listed_and_their_addresses_kept(
    visit: Callable[[str], Any], known: dict[str, str]
) -> None:
    """Those that accounts act for and those whose portal is known; only addresses with https are kept."""
    browser = visit("administrator")
    page = browser.get("/people/").content.decode()
    assert OFFICE in page and "this house" in page and "https://aurora.example/" in page

    assert 302 == browser.post("/people/", {"name": "Dione Labs", "address": "https://dione.example/"}).status_code
    assert "https://dione.example/" == known["Dione Labs"]
    for name, address in (("Dione Labs", "http://dione.example/"), ("Nobody", "https://nobody.example/")):
        answer = browser.post("/people/", {"name": name, "address": address})
        assert 422 == answer.status_code and 'href="#id_of_address"' in answer.content.decode()
    assert 302 == browser.post("/people/", {"name": "Dione Labs", "address": ""}).status_code
    assert "Dione Labs" not in known


def test_keys_are_shown_by_their_public_halves(visit: Callable[[str], Any], known: dict[str, str]) -> None:
    """What the card states and no more; a house without a card says that it holds none."""
    page = visit("administrator").get("/people/").content.decode()

    assert specimen.AUTHORITY.vkey.replace("+", "&#x2B;") in page or specimen.AUTHORITY.vkey in page
    assert "4" * 64 in page and "signs terms and acts of this side" in page
    enter(replace(the_house(), card=None))
    assert "holds no key of one" in visit("administrator").get("/people/").content.decode()
