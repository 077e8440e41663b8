"""Offers: nothing holds but what both parties signed, in these words, at this time."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specimen import AUTHORITY, INSIDE, PROVIDER, STRANGER, agreed, changed, terms

from comity.arrangement import (
    ArrangementError,
    Expired,
    HalfSigned,
    MalformedOffer,
    NotYetBegun,
    OtherVersion,
    TermsRefused,
    Unsigned,
    WrongParty,
    counter,
    countersign,
    in_force,
    offer_terms,
    parse_terms_json,
    sign_terms,
    signature_text,
    verify_offer,
)
from comity.ledger import Note, format_note
from comity.records import canonical_bytes


def envelope(**members: Any) -> bytes:
    whole = {**json.loads(agreed().envelope), **members}
    return canonical_bytes({name: member for name, member in whole.items() if member is not None})


def test_an_offer_signed_by_both_is_in_force_inside_its_window() -> None:
    """Both signatures over the same version and a time in the window: access may be granted."""
    offer = verify_offer(agreed().envelope)

    assert ("authority", "provider") == offer.signed_by
    in_force(offer, INSIDE, digest=terms().digest)


def test_the_signed_text_binds_id_version_digest_and_the_version_before() -> None:
    """The text that a party signs is five lines, and they name exactly one version."""
    first, second = terms(), counter(terms(), {"budget.calls": "300"})

    assert f"comity arrangement/1\n{first.id}\n1\n{first.digest}\n-\n" == signature_text(first)
    assert f"comity arrangement/1\n{first.id}\n2\n{second.digest}\n{first.digest}\n" == signature_text(second)


def test_nothing_runs_on_an_offer_that_one_side_signed() -> None:
    """A half-signed offer verifies as an offer and is not in force, whoever signed it."""
    for signer, missing in ((AUTHORITY, "provider"), (PROVIDER, "authority")):
        with pytest.raises(HalfSigned, match=f"the {missing}'s signature is missing"):
            in_force(verify_offer(offer_terms(terms(), signer).envelope), INSIDE)


def test_an_unsigned_envelope_is_refused() -> None:
    """Terms in an envelope without any signature are nobody's offer."""
    with pytest.raises(Unsigned):
        verify_offer(envelope(note=""))


@pytest.mark.parametrize(
    ("at", "refusal"),
    [
        (datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC), NotYetBegun),
        (datetime(2026, 11, 23, tzinfo=UTC), None),
        (datetime(2026, 12, 22, 23, 59, 59, tzinfo=UTC), None),
        (datetime(2026, 12, 23, tzinfo=UTC), Expired),
        (datetime(2026, 12, 23, tzinfo=UTC) + timedelta(days=400), Expired),
    ],
)
def test_the_window_begins_with_its_first_instant_and_ends_before_its_last(
    at: datetime, refusal: type[ArrangementError] | None
) -> None:
    """Future and expired terms are refused with the clause and both times; the borders are exact."""
    if refusal is None:
        in_force(agreed(), at)
        return
    with pytest.raises(refusal, match="^window"):
        in_force(agreed(), at)


def test_a_key_that_the_terms_do_not_name_cannot_sign_them() -> None:
    """The wrong party is refused while signing, even under the right name."""
    with pytest.raises(WrongParty, match="is not a party key of these terms"):
        offer_terms(terms(), STRANGER)


def test_a_signature_by_a_stranger_is_no_signature() -> None:
    """A note that only a stranger signed is refused, and so is a stranger beside both parties."""
    text = signature_text(terms())
    alone = format_note(Note(text=text, signatures=(STRANGER.sign_note(text),)))
    beside = format_note(Note(text=text, signatures=tuple(s.sign_note(text) for s in (AUTHORITY, PROVIDER, STRANGER))))

    with pytest.raises(WrongParty):
        verify_offer(envelope(note=alone.decode()))
    with pytest.raises(WrongParty, match="whom the terms do not name"):
        verify_offer(envelope(note=beside.decode()))


def test_keys_known_from_elsewhere_overrule_the_keys_in_the_terms() -> None:
    """A reader who knows the authority's key refuses terms that name another."""
    assert verify_offer(agreed().envelope, {"authority": AUTHORITY.vkey, "provider": PROVIDER.vkey})
    with pytest.raises(WrongParty, match="as the authority's key"):
        verify_offer(agreed().envelope, {"authority": STRANGER.vkey})


def test_signatures_over_another_version_do_not_carry_over() -> None:
    """Two good signatures on version 1 say nothing about version 2, nor about other words of version 1."""
    second = counter(terms(), {"budget.calls": "300"})
    other_words = parse_terms_json(canonical_bytes(changed("budget.calls", 300)))
    for other in (second, other_words):
        with pytest.raises(OtherVersion, match=terms().digest):
            verify_offer(envelope(terms=other.raw.decode()))
        with pytest.raises(OtherVersion):
            sign_terms(other, PROVIDER, agreed().note)


def test_relying_on_another_digest_is_refused() -> None:
    """Who relies on one version is not served another that is just as well signed."""
    with pytest.raises(OtherVersion):
        in_force(agreed(), INSIDE, digest="0" * 64)


@pytest.mark.parametrize(
    "members",
    [
        {"format": "comity offer/2"},
        {"format": None},
        {"note": None},
        {"note": 3},
        {"terms": {}},
        {"extra": "x"},
        {"note": "not a note"},
        {"note": signature_text(terms())},
    ],
)
def test_an_envelope_in_another_form_is_refused(members: dict[str, Any]) -> None:
    """Missing, additional and mistyped members, and notes that are none, make no offer."""
    with pytest.raises(MalformedOffer):
        verify_offer(envelope(**members))


@pytest.mark.parametrize(
    "bytes_", [b"", b"{}", b"null", b"x" * 700_000, b'{"format":"comity offer/1","format":"comity offer/1"}']
)
def test_what_is_no_envelope_is_refused(bytes_: bytes) -> None:
    """Empty, oversized and duplicate-key files are malformed."""
    with pytest.raises(MalformedOffer):
        verify_offer(bytes_)


def test_terms_inside_an_envelope_are_held_to_every_rule() -> None:
    """An envelope does not smuggle in terms that could not have been written."""
    with pytest.raises(TermsRefused, match=r"budget\.calls"):
        verify_offer(envelope(terms=canonical_bytes(changed("budget.calls", -1)).decode()))


def test_accepting_twice_changes_nothing() -> None:
    """A party's signature stands once, however often it signs."""
    offer = agreed()

    assert offer == countersign(offer, AUTHORITY)


def test_no_byte_of_an_agreed_offer_can_change() -> None:
    """Whichever byte of the envelope is changed, it is refused or is no longer signed by both."""
    good = agreed().envelope
    for place in range(0, len(good), 7):
        bad = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        with pytest.raises(ArrangementError):
            verify_offer(bad)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_the_reader_of_envelopes_is_total(source: bytes) -> None:
    """Whatever the bytes, an envelope is verified or refused with an error of this room."""
    with pytest.raises(ArrangementError):
        verify_offer(source)


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_whatever_stands_as_a_note_is_refused_by_this_rooms_errors(note: str) -> None:
    """A note made of any text at all is malformed, unsigned or a stranger's."""
    with pytest.raises(ArrangementError):
        verify_offer(envelope(note=note))
