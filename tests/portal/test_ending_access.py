"""The end of an access in the portal: both sides close it, and the certificate is drawn up, taken in and signed."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
import specimen
from houses import RICH, World
from rich_world import TERMS, at

from comity.arrangement import (
    Certificate,
    Closing,
    certificate_text,
    draw_up,
    open_certificate,
    open_closing,
    propose_closing,
    sign_certificate,
    sign_closing,
)
from comity.portal.house import HouseRefused, enter, the_house
from comity.records import AccessClosed, Digest, parse_record

PAGE = f"/case/{RICH}/access/{TERMS.id}/closing/"
FIRST = propose_closing(TERMS, "a" * 32, specimen.PROVIDER)


def certificate(world: World, *signers: Any) -> Certificate:
    """What the autumn came to, had it been closed at its end."""
    (book,) = [one for one in world.access if one.origin == TERMS.ledger.origin]
    records = list(enumerate(parse_record(entry) for entry in book.entries))
    closed = AccessClosed(at=at("11-25T00:00"), digest=Digest(TERMS.digest), grants=0, note="")
    made = draw_up([*records, (len(records), closed)], TERMS, b"a checkpoint\n")
    for signer in signers:
        made = sign_certificate(made, TERMS, signer).envelope
    return open_certificate(made, TERMS)


class Ends:
    """A house's hand in the end of an access, and what it did."""

    def __init__(self, world: World) -> None:
        self.world, self.notes = world, list[bytes]()
        self.kept: Certificate | None = None

    def close(self, arrangement: str, note: bytes | None) -> tuple[Closing, int | None]:
        before = note if note is not None else propose_closing(TERMS, "b" * 32, specimen.AUTHORITY)
        try:
            signed = sign_closing(before, TERMS, specimen.AUTHORITY)
        except Exception as refused:
            raise HouseRefused(str(refused)) from None
        self.notes.append(signed)
        closing = open_closing(signed, TERMS)
        return closing, 90 if len(closing.signed_by) == 2 else None

    def certify(self, arrangement: str, drawn: bytes | None) -> None:
        if drawn is None:
            self.kept = certificate(self.world, specimen.AUTHORITY)
            return
        try:
            self.kept = sign_certificate(drawn, TERMS, specimen.AUTHORITY)
        except Exception as refused:
            raise HouseRefused(str(refused)) from None

    def certificate_of(self, arrangement: str) -> tuple[Certificate, str] | None:
        return None if self.kept is None else (self.kept, certificate_text(self.kept, TERMS))


@pytest.fixture
def ends(world: World) -> Iterator[Ends]:
    """The authority's house with its hand."""
    made, before = Ends(world), the_house()
    enter(world.house(close=made.close, certify=made.certify, certificate_of=made.certificate_of))
    yield made
    enter(before)


def file(content: bytes) -> BytesIO:
    made = BytesIO(content)
    made.name = "file"
    return made


def test_the_first_signature_is_a_file_and_the_second_closes(visit: Callable[[str], Any], ends: Ends) -> None:
    """Who begins gets a note to send; who adds hands it in, and the page names the gateway's entry."""
    browser = visit("handler")
    begun = browser.post(PAGE, {"act": "begin"})
    assert "attachment" in begun["Content-Disposition"]
    assert ("authority",) == open_closing(begun.content, TERMS).signed_by

    done = browser.post(PAGE, {"act": "add", "note": file(FIRST)})
    assert f"{PAGE}?closed=90" == done["Location"]
    assert ("authority", "provider") == tuple(sorted(open_closing(ends.notes[-1], TERMS).signed_by))
    assert "Entry 90 of the access ledger" in browser.get(done["Location"]).content.decode()


@pytest.mark.parametrize(
    ("posted", "said"),
    [({"act": "add"}, "Choose the file"), ({"act": "add", "note": b"nothing"}, "expected"), ({}, "Choose what to do"),
     ({"act": "take", "certificate": b"{}"}, "expected"), ({"act": "take"}, "Choose the file")],
)  # fmt: skip
def test_what_cannot_be_done_is_said_on_the_page(
    visit: Callable[[str], Any], ends: Ends, posted: dict[str, Any], said: str
) -> None:
    """A missing or a strange file closes nothing, and the reason is on the page."""
    given = {name: file(one) if isinstance(one, bytes) else one for name, one in posted.items()}
    answer = visit("handler").post(PAGE, given)

    assert 422 == answer.status_code and said in answer.content.decode()
    assert [] == ends.notes and ends.kept is None


def test_a_certificate_is_drawn_up_taken_in_and_handed_out(
    world: World, visit: Callable[[str], Any], ends: Ends
) -> None:
    """It says what the access came to, who signed, and goes out as it is checked by anybody."""
    browser = visit("handler")
    assert "None is kept here yet." in browser.get(PAGE).content.decode()
    assert 404 == browser.get(f"{PAGE}certificate/").status_code
    browser.post(PAGE, {"act": "draw"})
    page = browser.get(PAGE).content.decode()
    assert "Signed so far by: authority" in page and "CLOSING CERTIFICATE" in page

    theirs = certificate(world, specimen.PROVIDER).envelope
    assert 302 == browser.post(PAGE, {"act": "take", "certificate": file(theirs)}).status_code
    assert "Signed by both sides." in browser.get(PAGE).content.decode()
    sent = browser.get(f"{PAGE}certificate/")
    assert ("authority", "provider") == tuple(sorted(open_certificate(sent.content, TERMS).signed_by))
    assert 200 == visit("access").get(f"{PAGE}certificate/").status_code


def test_who_only_looks_closes_nothing(visit: Callable[[str], Any], ends: Ends) -> None:
    """Evaluators read where it stands; the provider's team closes in its own house."""
    for role in ("evaluator", "access"):
        page = visit(role).get(PAGE).content.decode()
        assert "Where it stands" in page and "Sign and close" not in page
        assert 403 == visit(role).post(PAGE, {"act": "begin"}).status_code
    assert [] == ends.notes


def test_the_state_is_that_of_the_ledger(visit: Callable[[str], Any], ends: Ends) -> None:
    """One grant is in force and one call under way, so nothing can be closed yet."""
    page = visit("handler").get(PAGE).content.decode()

    assert "not yet" in page
    assert "<dd>1<span" in page.split("grants in force")[1][:80]
    assert "<dd>1</dd>" in page.split("calls under way")[1][:60]
