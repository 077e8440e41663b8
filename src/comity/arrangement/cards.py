"""Cards and access offers: what each side hands over before there are terms.

A *card* is the public keys of one instance, JSON of at most `MAX_CARD` bytes:

    {"format":"comity card/1","role":…,"name":…,"host":…,
     "party":vkey,"witness":vkey,"witness_url":url,"recipient":base64,
     "permit":vkey,"guard":vkey,
     "log":[vkey, …],"origin":"<host>/a/<id>","access":sha256 hex}

with the members that the role has.  A card proves nothing: whose keys they are is
learnt where the card comes from.

An *access offer* is a part of the terms in the terms' own shape and under the same
rules (`terms: arrangement/1` first), which a provider's access team writes in
YAML.  It may not state what comes from cards or counting: `WITHHELD`.  It travels
signed, canonical JSON:

    {"card":"<card>","format":"comity access-offer/1","note":"<signed note>","offer":"<canonical JSON>"}

where the note's text is `comity access-offer/1`, the SHA-256 of the offer's bytes
and the SHA-256 of the card's, a line each, signed by the card's party key.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from comity.arrangement.errors import CardRefused, MalformedOffer, OtherVersion, Problem, TermsRefused, WrongParty
from comity.arrangement.parse import check_part
from comity.arrangement.source import MAX_SOURCE, json_node, plain, yaml_node
from comity.ledger import BadSignature, LedgerError, Note, NotSigned, Signer, format_note, open_note, parse_vkey
from comity.records import NotCanonical, canonical_bytes, parse_canonical

__all__ = [
    "AccessOffer",
    "Card",
    "SignedAccessOffer",
    "open_access_offer",
    "parse_access_offer",
    "parse_card",
    "sign_access_offer",
]

CARD: Final = "comity card/1"
ACCESS_OFFER: Final = "comity access-offer/1"
MAX_CARD: Final = 65_536
"""Bytes: a recipient key and two log keys take 6 KB."""
MAX_ACCESS_OFFER: Final = 2 * MAX_SOURCE + 2 * MAX_CARD

WITHHELD: Final = ("id", "version", "previous", "ledger", "parties")
"""Clauses that no access offer states: they come from cards and from counting."""

_TEXTS: Final = (
    "role", "name", "host", "party", "witness", "witness_url", "recipient", "access", "origin", "permit", "guard",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The public keys of one instance, as handed over. Absent members are empty."""

    role: Literal["authority", "provider", "operator", "evaluator"]
    name: str
    host: str
    party: str = ""
    witness: str = ""
    witness_url: str = ""
    recipient: str = ""
    access: str = ""
    origin: str = ""
    permit: str = ""
    """The operator's key by which its gateway signs the permits that requests carry."""
    guard: str = ""
    """The provider's key by which its guard signs counters."""
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOffer:
    """A provider's offer: a part of the terms, in canonical bytes."""

    raw: bytes
    digest: str
    summary: str
    """The offered title; empty where none is stated."""

    def value(self) -> dict[str, Any]:
        """The offer in JSON's types."""
        return parse_canonical(self.raw, limit=MAX_SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAccessOffer:
    """An access offer, and the card of the provider whose key signed it."""

    offer: AccessOffer
    card: Card
    envelope: bytes


def parse_card(source: bytes) -> Card:
    """Read a card; raises `CardRefused` and nothing else."""
    if len(source) > MAX_CARD:
        raise CardRefused(f"expected a card of at most {MAX_CARD} bytes; got {len(source)}")
    try:
        members = json.loads(source.decode("utf-8"), object_pairs_hook=_once)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise CardRefused("expected a card: JSON in UTF-8 with each member once") from None
    if not isinstance(members, dict) or members.get("format") != CARD:
        raise CardRefused(f"expected a card with the member format {CARD!r}; 'comity key show --json' prints one")
    texts: dict[str, Any] = {name: members[name] for name in _TEXTS if name in members}
    for name, text in texts.items():
        if not isinstance(text, str) or len(text) > 8_192 or not text.isprintable():
            raise CardRefused(f"card: {name}: expected one line of text")
    logs = members.get("log", [])
    if not isinstance(logs, list) or not all(isinstance(key, str) for key in logs):
        raise CardRefused("card: log: expected a list of vkeys")
    if unknown := sorted(members.keys() - {*_TEXTS, "format", "log"}):
        raise CardRefused(f"card: expected {', '.join(_TEXTS)} or log; got {unknown[0][:40]!r}")
    if not texts.get("name") or not texts.get("host"):
        raise CardRefused("card: expected the members name and host")
    if texts.get("role") not in ("authority", "provider", "operator", "evaluator"):
        raise CardRefused("card: role: expected authority, provider, operator or evaluator")
    return Card(log=tuple(logs), **texts)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def parse_access_offer(text: str | bytes, file: str) -> AccessOffer:
    """Read an access offer from its author's YAML; raises `TermsRefused` with every problem."""
    node, problems = yaml_node(text, file)
    found = list(problems)
    if isinstance(node.value, dict):
        for name in WITHHELD:
            if name in node.value:
                expected = "no such clause in an access offer (it comes from cards or from counting)"
                line = node.value[name].line
                found.append(Problem(file=file, line=line, clause=name, expected=expected, got=str(node.value[name])))
        if "terms" not in node.value:
            found.append(Problem(file=file, line=1, clause="terms", expected="arrangement/1", got="nothing"))
    check_part(node, file, found)
    return _access_offer(canonical_bytes(plain(node)))


def _access_offer(raw: bytes) -> AccessOffer:
    offer = AccessOffer(raw=raw, digest=sha256(raw).hexdigest(), summary="")
    title = offer.value().get("title", "")
    return AccessOffer(raw=raw, digest=offer.digest, summary=title)


def sign_access_offer(offer: AccessOffer, card: bytes, signer: Signer) -> SignedAccessOffer:
    """Seal an offer with the provider's card, signed by the card's party key."""
    text = _signed_text(offer.raw, card)
    note = format_note(Note(text=text, signatures=(signer.sign_note(text),)))
    members = {"card": card.decode(), "format": ACCESS_OFFER, "note": note.decode(), "offer": offer.raw.decode()}
    return open_access_offer(canonical_bytes(members))


def open_access_offer(envelope: bytes, expected: str | None = None) -> SignedAccessOffer:
    """Establish an access offer and its signer; raises an `ArrangementError`.

    `expected` is the provider's party vkey where the reader knows it from elsewhere.
    """
    try:
        members = parse_canonical(envelope, limit=MAX_ACCESS_OFFER)
    except NotCanonical as error:
        raise MalformedOffer(f"expected canonical JSON in the format {ACCESS_OFFER}: {error}") from None
    parts = [members.get(name) for name in ("offer", "card", "note")]
    if len(members) != 4 or members.get("format") != ACCESS_OFFER or not all(isinstance(p, str) for p in parts):
        raise MalformedOffer(f"expected the members format ({ACCESS_OFFER}), offer, card and note")
    raw, card_bytes, note = (str(part).encode() for part in parts)
    card = parse_card(card_bytes)
    if card.role != "provider" or not card.party:
        raise WrongParty(f"expected a provider's card with a party key; got the {card.role}'s")
    if expected is not None and card.party != expected:
        raise WrongParty("the offer is signed by another key than this provider's known one")
    try:
        opened = open_note(note, [parse_vkey(card.party)])
    except (NotSigned, BadSignature) as error:
        raise WrongParty(f"the card's party key did not sign this offer: {error}") from None
    except LedgerError as error:
        raise MalformedOffer(f"the member 'note' is no signed note, or the card's key no key: {error}") from None
    if opened.unknown or opened.text != _signed_text(raw, card_bytes):
        raise OtherVersion("the signature is over another offer or card than the envelope carries")
    node = json_node(raw, "the access offer")
    if isinstance(node.value, dict) and (stated := [name for name in WITHHELD if name in node.value]):
        at = Problem(file="the access offer", line=0, clause=stated[0], expected="no such clause", got="one")
        raise TermsRefused((at,))
    check_part(node, "the access offer")
    return SignedAccessOffer(offer=_access_offer(raw), card=card, envelope=envelope)


def _signed_text(raw: bytes, card: bytes) -> str:
    return f"{ACCESS_OFFER}\n{sha256(raw).hexdigest()}\n{sha256(card).hexdigest()}\n"
