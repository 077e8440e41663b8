"""Offers: one version of the terms with one or two signatures, as the file that travels.

The envelope is canonical JSON of at most `MAX_ENVELOPE` bytes:

    {"format":"comity offer/1","note":"<signed note>","terms":"<canonical JSON of the terms>"}

The note's text (c2sp.org/signed-note) binds id, version, digest and the version before:

    comity arrangement/1
    <id>
    <version>
    <sha256 of the terms' canonical bytes, hex>
    <digest of the previous version, or ->

An offer with one signature is an offer; with both it is agreed.  `verify_offer`,
in this order, each step with its own error:

0. the envelope has its form and size                            `MalformedOffer`
1. the terms parse, in canonical form                            `TermsRefused`
2. the party keys in the terms are those the reader expects      `WrongParty`
3. there is a signature                                          `Unsigned`
4. each signature is by a party key of the terms, and holds      `WrongParty`
5. the signed text is the text of exactly these terms            `OtherVersion`

`in_force` asks the rest: both signatures, and a time inside the window.  Whoever
checks an offer only against the keys inside it learns that these keys signed, not
whose keys they are: pass `expected` where the keys are known from elsewhere.

Not promised: that version 3 follows from version 2. `previous` names a digest; the
reader who holds version 2 compares.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from comity.arrangement.errors import (
    Expired,
    HalfSigned,
    MalformedOffer,
    NotYetBegun,
    OtherVersion,
    Unsigned,
    WrongParty,
)
from comity.arrangement.parse import parse_terms_json
from comity.arrangement.terms import Role, Terms
from comity.ledger import (
    BadSignature,
    LedgerError,
    Note,
    NoteSignature,
    NotSigned,
    Signer,
    format_note,
    open_note,
    parse_note,
    parse_vkey,
)
from comity.records import NotCanonical, canonical_bytes, instant_text, parse_canonical

__all__ = ["Offer", "countersign", "in_force", "offer_terms", "sign_terms", "signature_text", "verify_offer"]

FORMAT: Final = "comity offer/1"
SIGNED: Final = "comity arrangement/1"

MAX_ENVELOPE: Final = 600_000
"""Bytes: terms of 256 KiB whose quotes are each escaped once more, and a note."""

ROLES: Final[tuple[Role, Role]] = ("authority", "provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Terms whose signatures hold. Built by `verify_offer` and the functions that sign."""

    terms: Terms
    signed_by: tuple[Role, ...]
    """Who signed, authority first. One party: an offer; two: agreed."""
    note: bytes
    envelope: bytes


def signature_text(terms: Terms) -> str:
    """The text that a party signs."""
    return f"{SIGNED}\n{terms.id}\n{terms.version}\n{terms.digest}\n{terms.previous or '-'}\n"


def sign_terms(terms: Terms, signer: Signer, note: bytes | None = None) -> bytes:
    """The note over these terms with this party's signature, added to those of `note`.

    Raises `WrongParty` for a key that the terms do not name, `OtherVersion` for a
    note over other terms.
    """
    if signer.vkey not in terms.parties.keys().values():
        raise WrongParty(
            f"the key {signer.name} is not a party key of these terms; expected "
            f"{_name_of(terms.parties.authority.key)} or {_name_of(terms.parties.provider.key)}"
        )
    text = signature_text(terms)
    before: tuple[object, ...] = ()
    signatures: list[NoteSignature] = []
    if note is not None:
        parsed = parse_note(note)
        if parsed.text != text:
            raise OtherVersion(_other(parsed.text, terms))
        before = tuple((line.name, line.key_id) for line in parsed.signatures)
        signatures.extend(parsed.signatures)
    if (signer.name, signer.key_id) not in before:
        signatures.append(signer.sign_note(text))
    return format_note(Note(text=text, signatures=tuple(signatures)))


def offer_terms(terms: Terms, signer: Signer) -> Offer:
    """Put terms to the other side: the envelope with one signature."""
    return _sealed(terms, sign_terms(terms, signer))


def countersign(offer: Offer, signer: Signer) -> Offer:
    """Accept an offer: the same envelope with one's own signature beside the other's."""
    return _sealed(offer.terms, sign_terms(offer.terms, signer, offer.note))


def _sealed(terms: Terms, note: bytes) -> Offer:
    members = {"format": FORMAT, "note": note.decode(), "terms": terms.raw.decode()}
    return verify_offer(canonical_bytes(members))


def verify_offer(envelope: bytes, expected: Mapping[Role, str] | None = None) -> Offer:
    """Establish what an envelope holds and who signed it; raises an `ArrangementError`.

    `expected` gives vkeys that the reader knows from elsewhere, by role.
    """
    terms_text, note = _open_envelope(envelope)
    terms = parse_terms_json(terms_text.encode(), "the offer's terms")
    keys = terms.parties.keys()
    for role, key in (expected or {}).items():
        if keys[role] != key:
            named = _name_of(keys[role])
            raise WrongParty(f"the terms name {named} as the {role}'s key; expected {_name_of(key)}")
    if not note:
        raise Unsigned("the offer bears no signature; its author signs it with 'comity arrangement draft'")
    try:
        opened = open_note(note.encode(), [parse_vkey(key) for key in keys.values()])
    except (NotSigned, BadSignature) as error:
        raise WrongParty(f"no party key of the terms made this signature: {error}") from None
    except LedgerError as error:
        raise MalformedOffer(f"the member 'note' is no signed note: {error}") from None
    if opened.unknown:
        stranger = opened.unknown[0].name
        raise WrongParty(f"{stranger} signed, whom the terms do not name; expected only the two parties")
    if opened.text != signature_text(terms):
        raise OtherVersion(_other(opened.text, terms))
    signers = {signature.verifier.vkey for signature in opened.verified}
    signed_by = tuple(role for role in ROLES if keys[role] in signers)
    return Offer(terms=terms, signed_by=signed_by, note=note.encode(), envelope=envelope)


def in_force(offer: Offer, at: datetime, *, digest: str | None = None) -> None:
    """Raise a `NotInForce` unless both parties signed and `at` lies in the window.

    `digest` is the version that the caller relies on, where it knows one.
    """
    terms = offer.terms
    if digest is not None and digest != terms.digest:
        raise OtherVersion(f"expected the terms with digest {digest}; the offer holds {terms.digest}")
    missing = [role for role in ROLES if role not in offer.signed_by]
    if len(missing) == len(ROLES):
        raise Unsigned(f"version {terms.version} bears no signature")
    if missing:
        signed = f"version {terms.version} is signed by the {offer.signed_by[0]} alone"
        raise HalfSigned(f"{signed}; the {missing[0]}'s signature is missing")
    begins, until, now = (instant_text(time) for time in (terms.window.begins, terms.window.until, at))
    if at < terms.window.begins:
        raise NotYetBegun(f"window.from: access begins at {begins}; it is {now}")
    if at >= terms.window.until:
        raise Expired(f"window.until: access ended at {until}; it is {now}")


def _open_envelope(envelope: bytes) -> tuple[str, str]:
    try:
        members = parse_canonical(envelope, limit=MAX_ENVELOPE)
    except NotCanonical as error:
        raise MalformedOffer(f"expected canonical JSON in the format {FORMAT}: {error}") from None
    terms, note = members.get("terms"), members.get("note")
    if isinstance(terms, str) and isinstance(note, str) and len(members) == 3:
        if members.get("format") == FORMAT:
            return terms, note
    came = ", ".join(members)[:120]
    raise MalformedOffer(f"expected the members format ({FORMAT}), terms and note; got {came}")


def _other(text: str, terms: Terms) -> str:
    lines = text.split("\n")
    if len(lines) != 6 or lines[0] != SIGNED:
        return f"the signed text is not of the form {SIGNED}; expected five lines that name these terms"
    return (
        f"the signatures are over version {lines[2][:12]} with digest {lines[3][:64]}; "
        f"the terms carried are version {terms.version} with digest {terms.digest}"
    )


def _name_of(vkey: str) -> str:
    return "+".join(vkey.split("+")[:2])
