"""What a verifier says of a closing and an erasure in a ledger, one thing wrong at a time."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.arrangement import specimen
from tests.verify.specimen import OFFER, Story

from comity.arrangement import (
    ActRefused,
    erase_text,
    open_certificate,
    open_closing,
    propose_closing,
    sign_act,
    sign_closing,
)
from comity.ledger import Note, Signer, format_note
from comity.records import AccessClosed, CallPermitted, CallSettled, ContentErased, Digest, Index
from comity.verify import MalformedCertificate, Verdict, check_history, read_certificate, read_entries, read_offer

PARTIES = (specimen.AUTHORITY, specimen.PROVIDER)


def judge(story: Story) -> Verdict:
    history, _ = read_entries(story.entries())
    return Verdict(subject="", facts=tuple(check_history(history, read_offer(OFFER.envelope), specimen.ORIGIN)))


def closed(story: Story, signers: tuple[Signer, ...] = PARTIES, **changes: Any) -> Index:
    text = f"comity close/1\n{specimen.ORIGIN}\n{changes.pop('signed', OFFER.terms.digest)}\n{story.nonce()}\n"
    note = format_note(Note(text=text, signatures=tuple(signer.sign_note(text) for signer in signers))).decode()
    members = {"at": story.at(), "digest": Digest(OFFER.terms.digest), "grants": 0, "note": note}
    return story.tell(AccessClosed(**(members | changes)))


def erased(story: Story, signer: Signer = specimen.AUTHORITY, **changes: Any) -> Index:
    held: list[str] = []
    for index, record in enumerate(story.records):
        if isinstance(record, CallPermitted):
            answers = [s.answer for s in story.records if isinstance(s, CallSettled) and s.permit == index and s.answer]
            held += [*answers, record.request]
    note = sign_act(erase_text(ledger=specimen.ORIGIN, nonce=story.nonce()), signer).decode()
    root = Digest(sha256("".join(f"{each}\n" for each in held).encode()).hexdigest())
    members = {"at": story.at(), "by": "authority", "items": len(held), "epochs": 1, "root": root, "note": note}
    return story.tell(ContentErased(**(members | changes)))


def ended() -> Story:
    """One call under one grant, which is revoked."""
    story = Story().opened()
    story.settled(story.permitted())
    story.revoked()
    return story


def test_a_closing_and_an_erasure_that_hold_are_said() -> None:
    """Both parties closed, nothing is open, and what was erased is every item that the calls commit to."""
    story = ended()
    closed(story)
    erased(story)
    verdict = judge(story)

    assert [] == list(verdict.failures)
    assert verdict.fact("closing").holds and verdict.fact("erasures").holds
    assert {"closing", "erasures"}.isdisjoint(fact.name for fact in judge(ended()).facts)


def test_a_grant_without_a_readable_end_raises_nothing_at_the_closing() -> None:
    """It is no grant that is in force, and that it was not signed so is said of the act."""
    story = Story().opened()
    story.records[-1] = replace(story.records[-1], expires="never")  # type: ignore[call-arg]
    closed(story)
    verdict = judge(story)

    assert verdict.fact("closing").holds
    assert verdict.fact("acts").holds is False


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"signers": PARTIES[:1]}, "expected signatures of authority and provider, and of nobody else"),
        ({"signers": (specimen.STRANGER, specimen.PROVIDER)}, "expected signatures of authority and provider"),
        ({"signed": "0" * 64}, "the signed act says"),
        ({"grants": 1}, "0 grants are in force here, and the entry says 1"),
        ({"digest": Digest("0" * 64), "signed": "0" * 64}, "it closes other terms than those in force"),
    ],
)
def test_a_closing_that_does_not_hold_is_named(changes: dict[str, Any], says: str) -> None:
    """One signature, a stranger's, other terms, grants that it miscounts: each at its entry."""
    story = ended()
    place = closed(story, **changes)

    fact = judge(story).fact("closing")
    assert (False, f"entry {place}") == (fact.holds, fact.where)
    assert says in fact.detail


def test_nothing_is_closed_over_an_open_call_or_a_grant_in_force() -> None:
    """The verifier counts both itself."""
    story = Story().opened()
    story.permitted()
    closed(story)

    detail = judge(story).fact("closing").detail
    assert "1 grants are in force here, and the entry says 0" in detail
    assert "1 calls are open here" in detail


def test_no_permit_and_no_grant_comes_after_a_closing() -> None:
    """Whatever a gateway did afterwards is a fault, at its entry."""
    story = ended()
    closed(story)
    late = story.permitted()

    assert (False, f"entry {late}") == (judge(story).fact("permits").holds, judge(story).fact("permits").where)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"items": 1}, "the calls before it commit to 2 items; it states 1"),
        ({"root": Digest("0" * 64)}, "or another root"),
        ({"signer": specimen.PROVIDER}, "expected signatures of authority"),
    ],
)
def test_an_erasure_that_leaves_something_out_is_named(changes: dict[str, Any], says: str) -> None:
    """Fewer items, other items, another's order: each is told at its entry."""
    story = ended()
    closed(story)
    place = erased(story, **changes)

    fact = judge(story).fact("erasures")
    assert (False, f"entry {place}") == (fact.holds, fact.where)
    assert says in fact.detail


def test_nothing_is_erased_before_the_closing() -> None:
    """While gateways still seal, an erasure could not have been whole."""
    story = ended()
    erased(story)

    assert "before access was closed" in judge(story).fact("erasures").detail


def test_the_closing_travels_as_a_note_to_which_the_other_adds_its_signature() -> None:
    """Either may begin, the text is one, and a second signature of the same party adds nothing."""
    terms = OFFER.terms
    first = propose_closing(terms, "0" * 32, specimen.PROVIDER)

    assert ("provider",) == open_closing(first, terms).signed_by
    assert first == sign_closing(first, terms, specimen.PROVIDER)
    both = sign_closing(first, terms, specimen.AUTHORITY)
    assert ("authority", "provider") == open_closing(both, terms).signed_by
    with pytest.raises(ActRefused, match="in force are"):
        open_closing(both, specimen.terms("title", "Other"))
    with pytest.raises(ActRefused, match="32 lower-case hex digits"):
        propose_closing(terms, "x", specimen.PROVIDER)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_the_readers_of_the_end_are_total(data: bytes) -> None:
    """Whatever the bytes, they are read or refused by each room's own error."""
    for read in (lambda raw: open_closing(raw, OFFER.terms), lambda raw: open_certificate(raw, OFFER.terms)):
        with pytest.raises(ActRefused):
            read(data)
    with pytest.raises(MalformedCertificate):
        read_certificate(data)
