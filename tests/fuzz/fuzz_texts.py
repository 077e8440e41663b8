"""Targets: what parties, guards and logs write, and what a ledger holds.

A signature would keep every mutation out of what is read after it, so a target for
signed texts looks at its first byte: odd, and the rest is the note as it comes;
even, and the rest is a text that the right key signs.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from tests.arrangement.specimen import AUTHORITY, GUARD, PERMIT, POLICY, PROVIDER
from tests.arrangement.specimen import terms as specimen

from comity.arrangement import (
    ActRefused,
    ApprovalRefused,
    ArrangementError,
    CardRefused,
    CommentRefused,
    TermsRefused,
    open_act,
    parse_card,
    parse_terms_json,
    parse_terms_yaml,
    sign_act,
    verify_offer,
)
from comity.arrangement.approvals import Approver, approve, approved_by, parse_persons, persons_bytes
from comity.arrangement.cards import open_access_offer, parse_access_offer
from comity.arrangement.certificate import open_certificate
from comity.arrangement.closing import open_closing, sign_closing
from comity.arrangement.comments import open_comment, sign_comment
from comity.engagement import SessionRefused
from comity.engagement.sessions import open_session
from comity.gateway.guard_counters import CountersRefused, count, open_counters, parse_indexes, sign_counters
from comity.gateway.permit_note import PermitRefused, PermitSlip, _texts, check_permit, sign_permits
from comity.ledger import (
    LedgerError,
    MalformedCheckpoint,
    MalformedKey,
    MalformedNote,
    MalformedPolicy,
    MalformedReceipt,
    MalformedTile,
    Note,
    Signer,
    check_receipt,
    decode_bundle,
    decode_tile,
    encode_bundle,
    encode_tile,
    format_head,
    format_note,
    format_policy,
    format_receipt,
    open_checkpoint,
    open_checkpoint_strictly,
    parse_head,
    parse_note,
    parse_policy,
    parse_receipt,
    parse_tile_path,
    parse_vkey,
)
from comity.ledger.add_checkpoint import MalformedRequest, format_request, parse_request
from comity.records import (
    MalformedRecord,
    NotCanonical,
    UnknownKind,
    canonical_bytes,
    parse_canonical,
    parse_record,
    to_bytes,
)
from comity.verify import MalformedCertificate, read_certificate

__all__ = ["TARGETS"]

AT: Final = datetime(2026, 12, 1, tzinfo=UTC)
SESSION_OF: Final = "a" * 32
"""The arrangement of a session's seeds."""
_POLICY: Final = parse_policy(POLICY)


def _signed(data: bytes, signer: Signer) -> bytes:
    """The note in an input: as it is, or its text signed by the right key."""
    if data[:1] and data[0] & 1:
        return data[1:]
    text = data[1:].decode("utf-8", "replace").removesuffix("\n") + "\n"
    try:
        return format_note(Note(text=text, signatures=(signer.sign_note(text),)))
    except MalformedNote:
        return data[1:]


def terms_yaml(data: bytes) -> None:
    """Terms as an author writes them: read, and read alike once signed, or refused."""
    try:
        terms = parse_terms_yaml(data, "terms.yaml")
    except TermsRefused as error:
        assert error.problems and str(error)
        return
    assert parse_terms_json(terms.raw) == terms


def terms_json(data: bytes) -> None:
    """Terms as they are signed: canonical bytes, read or refused."""
    try:
        terms = parse_terms_json(data)
    except TermsRefused:
        return
    assert terms.raw == data


def act(data: bytes) -> None:
    """A party's act: opened under one of the parties' keys, or refused."""
    note = _signed(data, AUTHORITY)
    try:
        opened = open_act(note, AUTHORITY.verifier, PROVIDER.verifier)
    except ActRefused:
        return
    assert opened.by == AUTHORITY.vkey
    assert open_act(sign_act(parse_note(note).text, AUTHORITY), AUTHORITY.verifier) == opened


def closing(data: bytes) -> None:
    """The note that closes an arrangement: read as it was signed, to which the other adds its signature, or refused."""
    terms, note = specimen(), _signed(data, AUTHORITY)
    try:
        opened = open_closing(note, terms)
    except ActRefused:
        return
    both = open_closing(sign_closing(note, terms, PROVIDER), terms)
    assert (opened.digest, opened.nonce) == (both.digest, both.nonce)
    assert set(both.signed_by) == {*opened.signed_by, "provider"}


def certificate(data: bytes) -> None:
    """A closing certificate: read alike by who signs it and by who verifies it, or refused."""
    terms = specimen()
    try:
        held = open_certificate(data, terms)
    except ActRefused:
        with suppress(MalformedCertificate):
            read_certificate(data)
        return
    facts, digest, _ = read_certificate(data)
    assert (facts, digest) == (held.facts, held.digest)


def comment(data: bytes) -> None:
    """A comment on a clause: read as it was signed, or refused."""
    terms = specimen()
    try:
        said = open_comment(_signed(data, PROVIDER), terms)
    except CommentRefused:
        return
    again = sign_comment(terms, clause=said.clause, item=said.item, text=said.text, signer=PROVIDER)
    assert said == open_comment(again, terms)


def session(data: bytes) -> None:
    """A session handed over, as it comes and signed line by line: read as it was written, or refused."""
    keys = {SESSION_OF: {"authority": AUTHORITY.vkey}}
    with suppress(SessionRefused):
        open_session(data, keys)
    try:
        entries = [line.decode() for line in data.split(b"\n")]
    except UnicodeDecodeError:
        return
    item = entries[0].partition('"item":"')[2][:32]
    digests = [sha256(entry.encode()).hexdigest() for entry in entries]
    text = "".join(f"{line}\n" for line in ("comity session/1", SESSION_OF, item, *digests))
    try:
        note = sign_act(text, AUTHORITY).decode()
        envelope = canonical_bytes({"entries": entries, "format": "comity session/1", "note": note})
        records = open_session(envelope, keys)
    except (SessionRefused, LedgerError, NotCanonical):
        return
    assert [to_bytes(one).decode() for one in records] == entries


def approval(data: bytes) -> None:
    """A second person's approval, and the list of persons: read as they are written, or refused."""
    terms, persons = specimen(), (Approver(person="head-1", key=PERMIT.vkey),)
    try:
        approved = approved_by(_signed(data, PERMIT), terms, persons)
    except ApprovalRefused:
        pass
    else:
        assert approved == approved_by(approve(terms, PERMIT), terms, persons)
    try:
        held = parse_persons(data)
    except ApprovalRefused:
        return
    assert held == parse_persons(persons_bytes(held))


def counters(data: bytes) -> None:
    """A guard's counters: read as they were signed, or refused; and the file of indexes beside them."""
    try:
        opened = open_counters(_signed(data, GUARD), GUARD.verifier)
    except CountersRefused:
        pass
    else:
        assert opened == open_counters(sign_counters(opened, GUARD), GUARD.verifier)
    numbers = tuple(sorted(set(data[:20])))
    fit = count(origin="o", terms="0" * 64, day="2026-12-01", at=AT, passed=numbers, refused={})
    try:
        assert parse_indexes(data, fit) == numbers
    except CountersRefused:
        pass


def permit(data: bytes) -> None:
    """A permit: only the one that was signed, for the request that it was signed for, is let through."""
    lines = [*data.split(b"\n", 3), b"", b"", b""]
    header, target, number, body = lines[0].decode("latin-1"), lines[1].decode("latin-1"), lines[2], lines[3]
    index = int.from_bytes(number[:4], "big")
    expires = int(AT.timestamp()) + 30
    fixed = {"origin": "o", "digest": "0" * 64, "method": "POST"}
    slips = [
        PermitSlip(entry=index + at, method="POST", target="/v1/x", sent=sha256(b"{}").hexdigest(), expires=expires)
        for at in range(1 + number[0] % 5 if number else 1)
    ]
    good, *_ = sign_permits(PERMIT, origin="o", digest="0" * 64, slips=slips)
    tried = {(header, target, body), (good, target, body), (good + header, "/v1/x", b"{}"), (good, "/v1/x", b"{}")}
    if len(header) == 1 and number:  # one letter in place of another
        at = number[0] % len(good)
        tried.add((good[:at] + header + good[at + 1 :], "/v1/x", b"{}"))
    for shown, to, sent in tried:
        try:
            read = check_permit(shown, key=PERMIT.verifier, **fixed, target=to, body=sent, now=AT)
        except PermitRefused:
            assert (shown, to, sent) != (good, "/v1/x", b"{}"), "the permit that fits was refused"
            continue
        assert (shown, to, sent) == (good, "/v1/x", b"{}"), "a permit passed that was not signed for this"
        assert (read.index, read.expires) == (index, expires)
    assert all(text.count(b"\n") == 7 for text in _texts("o", "0" * 64, slips))


def card(data: bytes) -> None:
    """A card of public keys: read or refused."""
    try:
        parse_card(data)
    except CardRefused:
        pass


def offers(data: bytes) -> None:
    """Envelopes of offers and what an access team writes: opened, or refused by this room's own errors."""
    for opening in (verify_offer, open_access_offer, lambda text: parse_access_offer(text, "offer.yaml")):
        try:
            opening(data)
        except ArrangementError:
            pass


def record(data: bytes) -> None:
    """An entry: the same bytes once read and written, or refused; so is any canonical JSON."""
    try:
        assert to_bytes(parse_record(data)) == data
    except (MalformedRecord, UnknownKind):
        pass
    try:
        assert canonical_bytes(parse_canonical(data)) == data
    except NotCanonical:
        pass


def note(data: bytes) -> None:
    """A signed note: the same bytes once read and written, or refused."""
    try:
        read = parse_note(data)
    except MalformedNote:
        return
    assert format_note(read) == data


def checkpoint(data: bytes) -> None:
    """A checkpoint's text, and the note around it under a policy."""
    try:
        head = parse_head(data.decode("utf-8", "replace"), strict=True)
        assert format_head(head) == data.decode("utf-8", "replace")
    except MalformedCheckpoint:
        pass
    for opening in (open_checkpoint, open_checkpoint_strictly):
        try:
            opening(data, _POLICY)
        except LedgerError:
            continue
        parse_note(data)


def receipt(data: bytes) -> None:
    """A receipt: the same bytes once read and written, and proof of nothing unless signed."""
    try:
        read = parse_receipt(data)
    except MalformedReceipt:
        return
    assert format_receipt(read) == data
    try:
        check_receipt(read, b"{}", _POLICY)
    except LedgerError:
        pass


def policy(data: bytes) -> None:
    """A policy: the same one once written in the one spelling, or refused."""
    try:
        read = parse_policy(data)
    except MalformedPolicy:
        return
    assert parse_policy(format_policy(read)) == read


def witness_request(data: bytes) -> None:
    """What a log asks of a witness: the same bytes once read and written, or refused."""
    try:
        assert format_request(parse_request(data)) == data
    except MalformedRequest:
        pass


def tiles(data: bytes) -> None:
    """Paths of tiles, tiles, bundles of entries and public keys: one spelling each, or refused."""
    text = data.decode("latin-1")
    try:
        assert parse_tile_path(text).path == text and ".." not in text
    except MalformedTile:
        pass
    width = data[0] if data else 0
    try:
        assert encode_tile(decode_tile(data[1:], width)) == data[1:]
    except MalformedTile:
        pass
    try:
        assert encode_bundle(decode_bundle(data[1:], width)) == data[1:]
    except MalformedTile:
        pass
    try:
        assert parse_vkey(text).vkey == text
    except MalformedKey:
        pass


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "terms-yaml": terms_yaml,
    "terms-json": terms_json,
    "act": act,
    "closing": closing,
    "certificate": certificate,
    "comment": comment,
    "approval": approval,
    "session": session,
    "counters": counters,
    "permit": permit,
    "card": card,
    "offers": offers,
    "record": record,
    "note": note,
    "checkpoint": checkpoint,
    "receipt": receipt,
    "policy": policy,
    "witness-request": witness_request,
    "tiles": tiles,
}
