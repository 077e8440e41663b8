"""Closing: both sides end an arrangement's access for good, by one note with two signatures.

    comity close/1
    <ledger origin>
    <digest of the terms in force>
    <nonce, 32 hex digits>

One line each, every line ending in a newline.  Whoever signs first makes the note, the
other adds its signature to the same text, as with an offer.  With both it may be handed
to the gateway, which from then on permits nothing.

    propose_closing(…) -> bytes       the note with one signature
    sign_closing(note, …) -> bytes    with the other's beside it
    open_closing(note, terms) -> Closing

Not promised: that nothing is open. The gateway looks, and refuses while a call runs or a
grant is in force.
"""

import re
from dataclasses import dataclass
from typing import Final

from comity.arrangement.errors import ActRefused
from comity.arrangement.terms import Role, Terms
from comity.ledger import LedgerError, Note, Signer, format_note, open_note, parse_note, parse_vkey

__all__ = ["Closing", "open_closing", "propose_closing", "sign_closing"]

HEADER: Final = "comity close/1"
MAX_NOTE: Final = 4_096
"""Bytes: four short lines and two signatures take under 800."""
_NONCE: Final = re.compile("[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The note of a closing, and who signed it so far."""

    ledger: str
    digest: str
    nonce: str
    signed_by: tuple[Role, ...]
    note: bytes


def propose_closing(terms: Terms, nonce: str, signer: Signer) -> bytes:
    """The note over these terms with the first signature."""
    if not _NONCE.fullmatch(nonce):
        raise ActRefused(f"close: nonce: expected 32 lower-case hex digits; got {nonce[:40]!r}")
    text = f"{HEADER}\n{terms.ledger.origin}\n{terms.digest}\n{nonce}\n"
    return format_note(Note(text=text, signatures=(signer.sign_note(text),)))


def sign_closing(note: bytes, terms: Terms, signer: Signer) -> bytes:
    """The same note with this party's signature added, once; raises `ActRefused` for a note about other terms."""
    held = open_closing(note, terms)
    parsed = parse_note(held.note)
    signed = {(line.name, line.key_id) for line in parsed.signatures}
    if (signer.name, signer.key_id) in signed:
        return note
    return format_note(Note(text=parsed.text, signatures=(*parsed.signatures, signer.sign_note(parsed.text))))


def open_closing(note: bytes, terms: Terms) -> Closing:
    """What a note closes and who signed it; raises `ActRefused` and nothing else."""
    if len(note) > MAX_NOTE:
        raise ActRefused(f"expected a note of at most {MAX_NOTE} bytes; got {len(note)}")
    keys = terms.parties.keys()
    try:
        opened = open_note(note, [parse_vkey(key) for key in keys.values()])
    except LedgerError as error:
        raise ActRefused(f"expected a note signed by a party key of the terms: {error}") from None
    if opened.unknown:
        raise ActRefused(f"{opened.unknown[0].name} signed, whom the terms do not name; expected the two parties alone")
    match opened.text.split("\n"):
        case [header, ledger, digest, nonce, ""] if header == HEADER and _NONCE.fullmatch(nonce):
            pass
        case _:
            raise ActRefused(f"expected the lines '{HEADER}', the ledger's origin, the terms' digest and a nonce")
    if ledger != terms.ledger.origin:
        raise ActRefused(f"the closing is of {ledger[:120]}; these terms are of {terms.ledger.origin}")
    if digest != terms.digest:
        raise ActRefused(f"the closing is of terms {digest[:64]}; in force are {terms.digest}")
    signers = {signature.verifier.vkey for signature in opened.verified}
    signed_by = tuple(role for role, key in keys.items() if key in signers)
    return Closing(ledger=ledger, digest=digest, nonce=nonce, signed_by=signed_by, note=note)
