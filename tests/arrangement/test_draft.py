"""Drafts: an offer becomes terms with no clause typed again."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from specimen import (
    AUTHORITY,
    AUTHORITY_WITNESS,
    GUARD,
    ID,
    LOG,
    LOG_PQ,
    ORIGIN,
    PERMIT,
    POLICY,
    PROVIDER,
    PROVIDER_WITNESS,
    STRANGER,
    VALUE,
    recipient_key,
)

from comity.arrangement import (
    AccessOffer,
    ArrangementError,
    Card,
    CardRefused,
    MalformedOffer,
    OtherVersion,
    TermsRefused,
    WrongParty,
    draft_from_offer,
    leaves,
    open_access_offer,
    parse_access_offer,
    parse_card,
    policy_text,
    sign_access_offer,
)

STATED = (
    "terms", "title", "basis_kind", "basis", "purpose", "channel", "models", "features", "limits", "access", "window",
    "calendar", "access_days", "budget", "rate", "costs", "record", "successor", "stop", "suspension", "exit",
    "incident_contacts", "safe_harbour", "publication",
)  # fmt: skip

OFFER: dict[str, Any] = {
    **{name: VALUE[name] for name in STATED},
    "operator": {"placement": "a machine of the operator in the Union", "upstream_key_held_by": "operator"},
    "content": {"blindness": "sealed-record", "retention": "none", "training": "none"},
    "guard": {"by": "provider"},
}


def access_offer(value: dict[str, Any] = OFFER) -> AccessOffer:
    return parse_access_offer(yaml.safe_dump(value, sort_keys=False), "offer.yaml")


CARDS = (
    Card(
        role="authority",
        name="Office for AI",
        host="authority.example",
        party=AUTHORITY.vkey,
        witness=AUTHORITY_WITNESS.vkey,
        witness_url="https://witness.authority.example",
        recipient=recipient_key(2),
    ),
    Card(
        role="provider",
        name="Northwind Models",
        host="provider.example",
        party=PROVIDER.vkey,
        witness=PROVIDER_WITNESS.vkey,
        witness_url="https://witness.provider.example",
        guard=GUARD.vkey,
    ),
    Card(
        role="operator",
        name="Independent Operator",
        host="operator.example",
        log=(LOG.vkey, LOG_PQ.vkey),
        origin=ORIGIN,
        permit=PERMIT.vkey,
    ),
    Card(role="evaluator", name="Jane Doe", host="lab.example", recipient=recipient_key(1), access="ab" * 32),
)


def provider_card() -> bytes:
    card = {
        "format": "comity card/1",
        "role": "provider",
        "name": "Northwind Models",
        "host": "provider.example",
        "party": PROVIDER.vkey,
        "witness": PROVIDER_WITNESS.vkey,
        "witness_url": "https://witness.provider.example",
        "guard": GUARD.vkey,
    }
    return json.dumps(card, indent=1).encode()


def test_no_clause_of_a_draft_is_typed_by_hand() -> None:
    """Each leaf of the draft is the offer's at the same path, stands on a card, or follows from counting."""
    offer, draft = access_offer(), draft_from_offer(access_offer(), CARDS)
    offered, drafted = dict(leaves(offer.value())), dict(leaves(draft.value()))
    on_cards = {
        text
        for card in CARDS
        for text in (
            card.name,
            card.party,
            card.recipient,
            card.origin,
            card.origin[-32:],
            card.permit,
            card.guard,
        )
        if text
    }
    counted = {
        "terms": "arrangement/1",
        "version": "1",
        "previous": "",
        "ledger.policy": policy_text(CARDS[2], CARDS[0], CARDS[1]),
        "operator.by": "third-party",
        "people[evaluator-1].id": "evaluator-1",
        "people[evaluator-1].role": "evaluator",
        "people[evaluator-1].eligible": "true",
        "content.recipients[evaluator-1].name": "evaluator-1",
        "content.recipients[authority-recovery].name": "authority-recovery",
    }

    typed = [
        path
        for path, text in drafted.items()
        if offered.get(path) != text and text not in on_cards and counted.get(path) != text
    ]

    assert 0 == len(typed), typed


def test_every_clause_of_the_offer_stands_in_the_draft_unchanged() -> None:
    """Nothing that the provider offered is lost or altered on the way to the terms."""
    offered, drafted = leaves(access_offer().value()), dict(leaves(draft_from_offer(access_offer(), CARDS).value()))

    assert all(drafted[path] == text for path, text in offered)


def test_a_draft_is_the_terms_that_would_have_been_written() -> None:
    """Offer and cards together give the whole of the terms, the same as written by hand."""
    assert VALUE == draft_from_offer(access_offer(), CARDS).value()


def test_the_policy_asks_both_sides_to_cosign() -> None:
    """The policy comes from the cards: the ledger's keys, both witnesses, both of them needed."""
    assert POLICY == policy_text(CARDS[2], CARDS[0], CARDS[1])


def test_people_are_named_by_pseudonym_alone() -> None:
    """The name on an evaluator's card does not enter the terms."""
    assert b"Jane" not in draft_from_offer(access_offer(), CARDS).raw


def test_what_the_offer_states_stands_before_what_could_be_derived() -> None:
    """An offer that names the people is not overruled by cards."""
    people = [{"id": "expert-7", "role": "expert", "eligible": False}]

    draft = draft_from_offer(access_offer({**OFFER, "people": people}), CARDS)

    assert people == draft.value()["people"]


def test_an_id_may_come_before_the_ledger_is_reserved() -> None:
    """Without an origin on the operator's card the id given decides; the log key must carry it."""
    cards = [*CARDS[:2], Card(role="operator", name="O", host="operator.example", log=(LOG.vkey,), permit=PERMIT.vkey)]
    cards.append(CARDS[3])

    assert ORIGIN == draft_from_offer(access_offer(), cards, id=ID).ledger.origin
    with pytest.raises(TermsRefused, match="log keys named"):
        draft_from_offer(access_offer(), cards, id="f" * 32)


@pytest.mark.parametrize("clause", ["basis", "budget", "window", "models"])
def test_what_nobody_states_is_asked_for_by_name(clause: str) -> None:
    """A draft is never completed with invented values: the refusal names the clause that is missing."""
    short = {name: part for name, part in OFFER.items() if name != clause}

    with pytest.raises(TermsRefused, match=f"{clause}: expected this clause to be stated"):
        draft_from_offer(access_offer(short), CARDS)


def test_a_provider_without_a_guard_gives_none_of_its_keys() -> None:
    """A guard key on the card does not enter terms whose offer says that there is no guard."""
    draft = draft_from_offer(access_offer({**OFFER, "guard": {"by": "none"}}), CARDS)

    assert ("none", PERMIT.vkey, "") == (draft.guard.by, draft.guard.permit_key, draft.guard.key)


@pytest.mark.parametrize(("card", "key"), [(1, "guard"), (2, "permit")])
def test_a_key_that_the_terms_need_is_asked_for_on_its_card(card: int, key: str) -> None:
    """A guard that is offered needs the provider's guard key, and every gateway needs its permit key."""
    without: dict[str, Any] = {key: ""}
    cards = [replace(held, **without) if n == card else held for n, held in enumerate(CARDS)]

    with pytest.raises(CardRefused, match=f"{key} key"):
        draft_from_offer(access_offer(), cards)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_card_is_asked_for(missing: int) -> None:
    """Authority, provider and operator each hand over a card, or there is no draft."""
    with pytest.raises(CardRefused):
        draft_from_offer(access_offer(), [card for n, card in enumerate(CARDS) if n != missing])


@pytest.mark.parametrize("clause", ["id", "version", "previous", "ledger", "parties"])
def test_an_access_offer_does_not_state_what_comes_from_cards(clause: str) -> None:
    """A provider cannot put the authority's keys or the ledger into its offer."""
    with pytest.raises(TermsRefused, match=f"{clause}: expected no such clause"):
        access_offer({**OFFER, clause: VALUE[clause]})


def test_an_access_offer_is_held_to_the_rules_of_terms() -> None:
    """A part of the terms is no less strict than the whole, and all its problems come at once."""
    bad = {**OFFER, "budget": {**OFFER["budget"], "calls": -1}, "surprise": 1}

    with pytest.raises(TermsRefused) as refused:
        access_offer(bad)

    assert {"budget.calls", "surprise"} == {problem.clause for problem in refused.value.problems}


def test_a_signed_access_offer_is_its_providers() -> None:
    """Offer and card arrive as they were signed, under the provider's own key."""
    sent = sign_access_offer(access_offer(), provider_card(), PROVIDER)

    received = open_access_offer(sent.envelope, PROVIDER.vkey)

    assert (access_offer(), CARDS[1]) == (received.offer, received.card)


def test_an_access_offer_under_another_key_is_refused() -> None:
    """A key that is not on the card, or not the one known, signs no offer."""
    with pytest.raises(WrongParty):
        sign_access_offer(access_offer(), provider_card(), STRANGER)
    with pytest.raises(WrongParty):
        open_access_offer(sign_access_offer(access_offer(), provider_card(), PROVIDER).envelope, STRANGER.vkey)


def test_a_changed_access_offer_is_refused() -> None:
    """Another budget under the old signature does not pass."""
    sent = sign_access_offer(access_offer(), provider_card(), PROVIDER).envelope

    with pytest.raises(OtherVersion):
        open_access_offer(sent.replace(b'\\"calls\\":400', b'\\"calls\\":900'))
    with pytest.raises(MalformedOffer):
        open_access_offer(sent.replace(b'"note"', b'"nope"'))


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"[]",
        b'{"format":"comity card/1"}',
        b'{"format":"comity card/1","format":"comity card/1"}',
        b'{"format":"comity card/1","role":"king","name":"x","host":"y"}',
        b'{"format":"comity card/1","role":"provider","name":3,"host":"y"}',
        b'{"format":"comity card/1","role":"provider","name":"x","host":"y","log":"z"}',
        b'{"format":"comity card/1","role":"provider","name":"x","host":"y","secret":"z"}',
        b"x" * 70_000,
    ],
)
def test_a_malformed_card_is_refused(source: bytes) -> None:
    """A card has its members, each once, each of its type, and no other."""
    with pytest.raises(CardRefused):
        parse_card(source)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_the_readers_of_what_arrives_are_total(source: bytes) -> None:
    """Whatever the bytes, cards and access offers are read or refused by this room's errors."""
    for read in (parse_card, open_access_offer, lambda text: parse_access_offer(text, "x")):
        with pytest.raises(ArrangementError):
            read(source)
