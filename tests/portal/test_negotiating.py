"""Opening a case, putting terms forward and answering them, and what another portal hands over."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import specimen
from houses import OFFICE, RICH, World
from rich_world import TERMS, rich_terms
from test_projections import topic

from comity.arrangement import Terms, offer_terms
from comity.engagement import add
from comity.portal.arrived import MOST, keep, path_of
from comity.portal.house import HouseRefused, enter, the_house

PARTIES = {
    "authority": {"name": OFFICE, "key": specimen.AUTHORITY.vkey},
    "provider": {"name": "Aurora Systems", "key": specimen.PROVIDER.vkey},
}
FIRST = rich_terms(parties=PARTIES)
RECEIVE, COUNTER = f"/case/{RICH}/terms/receive/", f"/case/{RICH}/terms/{TERMS.id}/counter/"


class Hand:
    """What a house put forward, took in and sent."""

    def __init__(self) -> None:
        self.put: list[tuple[str, Terms]] = []
        self.received: list[tuple[str, bytes]] = []
        self.sent: list[tuple[str, bytes]] = []

    def put_forward(self, engagement: str, terms: Terms) -> int:
        self.put.append((engagement, terms))
        return 3

    def receive(self, engagement: str, envelope: bytes) -> int:
        self.received.append((engagement, envelope))
        return 3

    def deliver(self, address: str, envelope: bytes) -> None:
        if self.sent:
            raise HouseRefused("no answer from https://aurora.example/: refused")
        self.sent.append((address, envelope))


@pytest.fixture
def hand(world: World) -> Iterator[Hand]:
    """The house with the authority's hand, and nothing that waits."""
    made, before = Hand(), the_house()
    enter(world.house(
        signer=lambda: specimen.AUTHORITY, accept=lambda *_: 3, receive=made.receive, put=made.put_forward,
        deliver=made.deliver, peer={"Aurora Systems": "https://aurora.example/"}.get,
        card=lambda: b"",
    ))  # fmt: skip
    yield made
    for path in waiting():
        path.unlink()
    enter(before)


def waiting() -> list[Path]:
    return list(path_of(the_house(), "x").parent.glob("*.json"))


def hidden(text: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text)
    return {name: unescape(value) for name, value in found}


OPENING = {
    "other": "Dione Labs", "summary": "Talks about a new model.", "subjects": "dione-1\ndione-2",
    "initiated_by": "provider", "track": "model", "on": "2026-11-25", "source": "", "step": "check",
}  # fmt: skip


def test_a_case_is_opened_in_three_steps(
    world: World, visit: Callable[[str], Any], project: Callable[[], int]
) -> None:
    """Form, answers, case: nothing is written before the last step, and the house's own side is filled in by itself."""
    browser, before = visit("handler"), set(world.house().case_ids())
    assert "Open a case" in browser.get("/").content.decode()

    checked = browser.post("/open/", OPENING).content.decode()
    assert "Check your answers" in checked and "dione-2" in checked and before == set(world.house().case_ids())
    done = browser.post("/open/", hidden(checked) | {"step": "enter"})
    (new,) = set(world.house().case_ids()) - before
    project()

    assert f"/open/{new}/" == done["Location"]
    page = browser.get(done["Location"], follow=True).content.decode()
    assert "The case is open" in page and "Dione Labs" in page and OFFICE in page
    assert 404 == visit("access").get(f"/open/{new}/").status_code


def test_what_an_opening_lacks_is_said_beside_the_field(visit: Callable[[str], Any], world: World) -> None:
    """Without the other side's name nothing is checked and nothing opened."""
    before = set(world.house().case_ids())
    answer = visit("handler").post("/open/", OPENING | {"other": "", "step": "enter"})

    assert 422 == answer.status_code and 'href="#id_other"' in answer.content.decode()
    assert before == set(world.house().case_ids())


def test_an_answer_changes_clauses_and_is_read_before_it_is_signed(
    world: World, visit: Callable[[str], Any], hand: Hand
) -> None:
    """The change stands in words; unread it is not signed; signed, it is the next version with that clause alone."""
    browser, newest = visit("handler"), world.offers[-1].terms
    page = browser.get(COUNTER).content.decode()
    found = re.findall(r'name="c:([^"]+)" id="[^"]+" value="([^"]*)"', page)
    fields: dict[str, Any] = {f"c:{name}": unescape(value) for name, value in found}
    fields |= {"features": list(newest.features), "step": "check"}
    assert "400" == fields["c:budget.calls"]
    assert 422 == browser.post(COUNTER, fields).status_code  # nothing was changed
    read = browser.post(COUNTER, fields | {"c:budget.calls": "300"}).content.decode()
    assert "at most 300 calls in all, instead of" in read and [] == hand.put
    form = hidden(read)
    assert 422 == browser.post(COUNTER, form).status_code and [] == hand.put
    done = browser.post(COUNTER, form | {"read": "yes"})

    ((engagement, made),) = hand.put
    assert (RICH, newest.version + 1, newest.digest, 300) == (
        engagement, made.version, made.previous, made.budget.calls,
    )  # fmt: skip
    assert done["Location"].startswith(f"/case/{RICH}/entry/3/?at=4&entered=1")
    assert 403 == browser.post(COUNTER, form | {"read": "yes", "terms": "{}"}).status_code


def test_a_portal_takes_terms_that_verify_and_are_for_this_house(visit: Callable[[str], Any], hand: Hand) -> None:
    """Signed terms wait, once; garbage, another's terms and a bent signature do not; nobody had to sign in."""
    outside, envelope = visit(""), offer_terms(FIRST, specimen.PROVIDER).envelope
    others = {**PARTIES, "authority": {"name": OFFICE, "key": specimen.STRANGER.vkey}}
    elsewhere = offer_terms(rich_terms(parties=others), specimen.PROVIDER).envelope
    bent = envelope.replace(b"Aurora Systems", b"Aurora Systemz")

    def post(content: bytes) -> int:
        return int(outside.post("/deliver/", content, content_type="application/json").status_code)

    assert [202, 202] == [post(envelope), post(envelope)]
    assert [422, 422, 422] == [post(b"{}"), post(elsewhere), post(bent)]
    assert 1 == len(waiting()) and [] == hand.received


def test_the_answer_does_not_tell_which_cases_there_are(visit: Callable[[str], Any], hand: Hand) -> None:
    """Terms with a party that no case is with get the very answer of those that belong to one."""
    strange = {**PARTIES, "provider": {"name": "Nobody Known", "key": specimen.PROVIDER.vkey}}
    said = [
        visit("").post("/deliver/", offer_terms(terms, specimen.PROVIDER).envelope, content_type="application/json")
        for terms in (FIRST, rich_terms(parties=strange))
    ]

    assert [202, 202] == [one.status_code for one in said]
    assert 1 == len({re.sub(rb"[0-9a-f]{64}", b"", one.content) for one in said})


def test_what_waits_is_bounded(visit: Callable[[str], Any], hand: Hand) -> None:
    """The forty-first file is turned away, and told so."""
    for number in range(MOST):
        keep(the_house(), str(number).encode())
    envelope = offer_terms(FIRST, specimen.PROVIDER).envelope
    answer = visit("").post("/deliver/", envelope, content_type="application/json")

    assert (503, MOST) == (answer.status_code, len(waiting()))


def test_a_person_takes_in_what_arrived_or_throws_it_away(visit: Callable[[str], Any], hand: Hand) -> None:
    """It shows on the case, in the inbox and with its key; taken in it goes to the house as it came."""
    envelope = offer_terms(FIRST, specimen.PROVIDER).envelope
    keep(the_house(), envelope)
    browser = visit("handler")
    for page in (f"/case/{RICH}/", "/inbox/"):
        assert f'href="{RECEIVE}"' in browser.get(page).content.decode()
    shown = browser.get(RECEIVE).content.decode()
    assert "the same as in the version that you hold" in shown
    (digest,) = re.findall(r'name="arrival" value="([0-9a-f]{64})"', shown)
    assert 422 == browser.post(RECEIVE, {"arrival": "0" * 64}).status_code
    done = browser.post(RECEIVE, {"arrival": digest})

    assert 302 == done.status_code and [(RICH, envelope)] == hand.received and [] == waiting()
    keep(the_house(), envelope)
    assert 302 == browser.post(RECEIVE, {"drop": digest}).status_code
    assert 1 == len(hand.received) and [] == waiting()
    keep(the_house(), envelope)
    for role in ("evaluator", "access"):
        assert RECEIVE not in visit(role).get(f"/case/{RICH}/").content.decode()
        assert 403 == visit(role).post(RECEIVE, {"arrival": digest}).status_code


def test_what_this_side_signed_is_sent_and_a_failure_is_told(
    world: World, visit: Callable[[str], Any], hand: Hand
) -> None:
    """The signed file goes to the known address once the button is pressed; who does not answer is named."""
    from comity.portal.projections.projector import Projector

    third = rich_terms(version=3, previous=world.offers[-1].terms.digest, access_days=27)
    ours = offer_terms(third, specimen.AUTHORITY)

    def projected(subject: str) -> None:
        """Versions are read with their case, so something is entered before the tables follow."""
        with world.open_case(RICH) as ledger:
            add(ledger, topic(world, subject), world.now)
        Projector(world.house()).run_once()

    world.offers.append(ours)
    try:
        projected("sent")
        browser, page = visit("handler"), f"/case/{RICH}/terms/{TERMS.id}/send/"
        assert "https://aurora.example/" in browser.get(page).content.decode() and [] == hand.sent
        assert "Sent" in browser.post(page).content.decode()
        assert [("https://aurora.example/", ours.envelope)] == hand.sent
        failed = browser.post(page)
        assert 502 == failed.status_code and "no answer from https://aurora.example/" in failed.content.decode()
    finally:
        world.offers.pop()
        projected("taken back")


def test_a_key_that_the_house_has_not_seen_is_shown(visit: Callable[[str], Any], hand: Hand) -> None:
    """The page puts the other side's key there to be compared, and does not call it known."""
    strange = {**PARTIES, "provider": {"name": "Aurora Systems", "key": specimen.STRANGER.vkey}}
    keep(the_house(), offer_terms(rich_terms(parties=strange), specimen.STRANGER).envelope)
    shown = unescape(visit("handler").get(RECEIVE).content.decode())

    assert specimen.STRANGER.vkey in shown and "Not seen here before" in shown
    assert "the same as in the version" not in shown
