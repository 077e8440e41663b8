"""Entering by form: every act has one, nothing is written before it is checked, and two officers do not lose a word."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from houses import FOUND, RICH, WRITTEN, World

from comity.engagement import add, open_book
from comity.engagement.acts import ACTS


def size(world: World, engagement: str) -> int:
    with world.open_case(engagement) as ledger:
        return ledger.size()


def fields_of(text: str) -> dict[str, str]:
    """The hidden fields of the page on which answers are checked."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text)
    return {name: unescape(value) for name, value in found}


TOPIC = {"topic": "log retention", "on": "2026-11-25", "confidence": "stated", "step": "check"}


def test_every_act_is_offered_and_has_a_form(world: World, visit: Callable[[str], Any]) -> None:
    """What the terminal can enter, a form can: each act stands on the page of acts, and its form opens."""
    browser = visit("handler")
    offered = browser.get(f"/case/{FOUND}/acts/").content.decode()

    for name in ACTS:
        address = f"/case/{FOUND}/acts/{name}/"
        assert f'href="{address}"' in offered
        page = browser.get(address)
        assert 200 == page.status_code and b'name="step" value="check"' in page.content
    assert 404 == browser.get(f"/case/{FOUND}/acts/nothing/").status_code


def test_three_steps_lead_to_an_entry_with_a_reference(
    world: World, visit: Callable[[str], Any], project: Callable[[], int]
) -> None:
    """Form, check with what follows, entry with its full name; nothing is written before the last step."""
    browser, before = visit("handler"), size(world, WRITTEN)
    address = f"/case/{WRITTEN}/acts/topic/"

    checked = browser.post(address, TOPIC).content.decode()
    assert "Check your answers" in checked and "log retention" in checked
    assert "Open from then on: topic: log retention" in checked
    assert before == size(world, WRITTEN)
    done = browser.post(address, fields_of(checked) | {"step": "enter"})
    project()
    page = browser.get(done["Location"]).content.decode()

    assert before + 1 == size(world, WRITTEN)
    assert f"office.example/e/{WRITTEN}#{before}" in page and "Entered" in page
    with world.open_case(WRITTEN) as ledger:
        record = open_book(ledger).entries[-1].record
    assert ("topic.opened", "log retention") == (record.kind, record.members()["topic"])


def test_what_is_missing_is_said_beside_the_field(world: World, visit: Callable[[str], Any]) -> None:
    """The summary comes first, leads to the field, and nothing is entered."""
    browser, before = visit("handler"), size(world, WRITTEN)
    answer = browser.post(f"/case/{WRITTEN}/acts/topic/", TOPIC | {"topic": ""})
    text = answer.content.decode()

    assert 422 == answer.status_code and before == size(world, WRITTEN)
    assert "There is a problem" in text and 'href="#id_topic"' in text and 'id="id_topic_error"' in text
    assert "<title>Problem:" in text


def test_what_the_law_asks_for_is_refused_with_its_article(world: World, visit: Callable[[str], Any]) -> None:
    """A rule of the engagement room refuses at the check, in its own words."""
    browser = visit("handler")
    asked = {
        "legal_basis": "Art. 92(1)", "ground": "a", "purpose": "p", "reasons": "r", "subject": "nova-5",
        "means": "weights", "until": "not a day", "fines_notice": "Art. 101", "board_consulted": "2026-11-01",
        "on": "2026-11-25", "confidence": "stated", "step": "check",
    }  # fmt: skip
    answer = browser.post(f"/case/{WRITTEN}/acts/request-access/", asked)

    assert 422 == answer.status_code
    assert "There is a problem" in answer.content.decode() and "until" in answer.content.decode()


def test_two_officers_at_once_lose_nothing(world: World, visit: Callable[[str], Any]) -> None:
    """Who checked before somebody else entered is told what came, enters nothing, and may enter it all the same."""
    from test_projections import topic

    browser, address = visit("handler"), f"/case/{WRITTEN}/acts/topic/"
    checked = fields_of(browser.post(address, TOPIC | {"topic": "mine"}).content.decode())
    with world.open_case(WRITTEN) as ledger:
        add(ledger, topic(world, "theirs"), world.now)
    before = size(world, WRITTEN)

    answer = browser.post(address, checked | {"step": "enter"})
    text = answer.content.decode()
    assert 409 == answer.status_code and before == size(world, WRITTEN)
    assert "Somebody entered something in between" in text and "Topic opened" in text
    again = browser.post(address, fields_of(text) | {"step": "enter"})
    assert 302 == again.status_code and before + 1 == size(world, WRITTEN)


def test_pressing_twice_enters_once(world: World, visit: Callable[[str], Any]) -> None:
    """The second press finds the first one's entry, and says so."""
    browser, address = visit("handler"), f"/case/{WRITTEN}/acts/topic/"
    checked = fields_of(browser.post(address, TOPIC | {"topic": "once"}).content.decode()) | {"step": "enter"}
    before = size(world, WRITTEN)

    assert [302, 409] == [browser.post(address, checked).status_code for _ in range(2)]
    assert before + 1 == size(world, WRITTEN)


def test_an_incident_shows_its_clocks_before_it_is_entered(world: World, visit: Callable[[str], Any]) -> None:
    """The form of a serious incident says by when each report is owed, counted from when one was aware."""
    told = {
        "by": "provider", "kinds": "cybersecurity", "summary": "A breach.", "aware": "2026-11-25T09:00:00.000Z",
        "involvement": "established", "on": "2026-11-25", "confidence": "stated", "step": "check",
    }  # fmt: skip
    text = visit("handler").post(f"/case/{WRITTEN}/acts/incident/", told).content.decode()

    assert "What follows from it" in text and "serious incident: cybersecurity" in text
    assert re.search(r"clock-line.*?running: <strong>2026-1[12]-\d\d", text, re.DOTALL)


def test_a_finding_and_the_reply_to_its_version(
    world: World, visit: Callable[[str], Any], project: Callable[[], int]
) -> None:
    """A handler states a preliminary finding; the reply is bound to its version and digest without anybody typing."""
    browser = visit("handler")
    stated = {
        "by": "authority", "stage": "preliminary", "duty": "AIA-53-1A", "finds": "infringement", "assurance": "limited",
        "conclusion": "The documentation lacks the training data.", "on": "2026-11-25", "confidence": "stated",
    }  # fmt: skip
    address = f"/case/{WRITTEN}/acts/finding/"
    checked = browser.post(address, stated | {"step": "check"}).content.decode()
    assert "AIA-53-1A" in checked
    assert 302 == browser.post(address, fields_of(checked) | {"step": "enter"}).status_code
    with world.open_case(WRITTEN) as ledger:
        entry = open_book(ledger).entries[-1]
    finding = entry.record.members()["finding"]
    reply = {
        "finding": finding, "by": "provider", "position": "disputes", "summary": "It is in Annex 2.",
        "on": "2026-11-25", "confidence": "stated", "step": "check",
    }  # fmt: skip
    address = f"/case/{WRITTEN}/acts/reply/"
    checked = browser.post(address, reply).content.decode()
    assert 302 == browser.post(address, fields_of(checked) | {"step": "enter"}).status_code
    project()

    with world.open_case(WRITTEN) as ledger:
        record = open_book(ledger).entries[-1].record.members()
    assert (1, entry.digest) == (record["finding_version"], record["digest"])
    assert "The documentation lacks the training data." in browser.get(f"/case/{WRITTEN}/").content.decode()


@pytest.mark.parametrize(
    ("role", "name", "status"),
    [
        ("handler", "finding", 200), ("access", "reply", 200), ("access", "finding", 403), ("evaluator", "topic", 403),
        ("expert", "topic", 404), ("handler-elsewhere", "topic", 404), ("administrator", "topic", 404),
    ],
)  # fmt: skip
def test_who_may_enter_what(world: World, visit: Callable[[str], Any], role: str, name: str, status: int) -> None:
    """Handlers enter everything of their cases, the access team what is the provider's, and others nothing."""
    before = size(world, RICH)
    browser = visit(role)

    assert status == browser.get(f"/case/{RICH}/acts/{name}/").status_code
    if status != 200:
        assert status == browser.post(f"/case/{RICH}/acts/{name}/", TOPIC | {"step": "enter"}).status_code
    assert before == size(world, RICH)


def test_a_provider_speaks_as_the_provider(world: World, visit: Callable[[str], Any]) -> None:
    """Whatever the form is made to say, what the access team enters is by the provider."""
    told = {
        "by": "authority", "claim": "Weights never leave the building.", "on": "2026-11-25", "confidence": "stated",
        "step": "check",
    }  # fmt: skip
    browser, address = visit("access"), f"/case/{RICH}/acts/assert/"
    checked = fields_of(browser.post(address, told).content.decode())
    assert 302 == browser.post(address, checked | {"by": "authority", "step": "enter"}).status_code
    with world.open_case(RICH) as ledger:
        record = open_book(ledger).entries[-1].record.members()
    assert ("provider", "Weights never leave the building.") == (record["by"], record["claim"])


def test_an_entry_names_the_account_that_entered_it_and_no_person(
    world: World, visit: Callable[[str], Any], project: Callable[[], int]
) -> None:
    """The mark is the same in two entries of one account and another's in another's; no name stands in an entry, the
    entry's page shows it to a colleague alone, and nobody can write a mark by hand."""
    marks = {}
    for role, name, said in (
        ("handler", "topic", TOPIC | {"topic": "marked"}), ("handler", "topic", TOPIC | {"topic": "again"}),
        ("access", "assert", {"claim": "So it is.", "on": "2026-11-25", "confidence": "stated", "step": "check"}),
    ):  # fmt: skip
        browser, address = visit(role), f"/case/{RICH}/acts/{name}/"
        assert 422 == browser.post(address, said | {"refs": "x\naccount:handler-000000000000"}).status_code
        checked = browser.post(address, said | {"refs": "file 7"}).content.decode()
        assert "account:" not in checked.split("<form")[2]
        assert 302 == browser.post(address, fields_of(checked) | {"step": "enter"}).status_code
        with world.open_case(RICH) as ledger:
            entry = open_book(ledger).entries[-1]
        refs = entry.record.members()["refs"]
        assert "file 7" == refs[0] and re.fullmatch(f"account:{role}-[0-9a-f]{{12}}", refs[1])
        assert role.capitalize() not in str(entry.record.members())
        marks.setdefault(role, set()).add(refs[1])
    project()

    assert [1, 1] == [len(found) for found in marks.values()]
    page = f"/case/{RICH}/entry/{entry.index}/"
    (mark,) = marks["access"]
    shown, others = (visit(role).get(page).content.decode() for role in ("access", "handler"))
    summaries = [text.split("<main")[1] for text in (shown, others)]
    assert all(mark.removeprefix("account:") in one for one in summaries)
    assert "Access <span" in summaries[0] and "Access <span" not in summaries[1]


def test_an_expert_speaks_under_their_own_pseudonym(
    world: World, visit: Callable[[str], Any], project: Callable[[], int]
) -> None:
    """Whatever the form is made to say, a declaration and a finding are the expert's, and a finding is no decision."""
    browser = visit("expert")
    offered = browser.get(f"/case/{FOUND}/acts/").content.decode()
    assert re.findall(r"/acts/([a-z-]+)/", offered) == ["finding", "check", "declare"]
    told = {
        "declare": {"expert": "expert-9", "with_whom": "Borealis Models", "relation": "none"},
        "finding": {
            "by": "authority", "stage": "final", "duty": "AIA-53-1A", "finds": "undetermined", "assurance": "none",
            "conclusion": "Too little access to say.",
        },
    }  # fmt: skip
    found = {}
    for name, said in told.items():
        address = f"/case/{FOUND}/acts/{name}/"
        said |= {"on": "2026-11-25", "confidence": "stated"}
        checked = fields_of(browser.post(address, said | {"step": "check"}).content.decode())
        assert 302 == browser.post(address, checked | said | {"step": "enter"}).status_code
        with world.open_case(FOUND) as ledger:
            found[name] = open_book(ledger).entries[-1].record.members()
    project()

    assert "expert-1" == found["declare"]["expert"]
    assert ("expert-1", "evaluation") == (found["finding"]["by"], found["finding"]["stage"])
    assert 403 == browser.get(f"/case/{FOUND}/acts/topic/").status_code
    page = visit("handler").get(f"/case/{FOUND}/findings/{found['finding']['finding']}/").content.decode()
    assert "Too little access to say." in page
