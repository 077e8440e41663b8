"""Cosignatures: the bytes that are signed, and the time they state."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import AUTHORITY, LOG_MLDSA, NOON, ORIGIN, VECTORS, SmallLog

from comity.ledger import (
    BadSignature,
    NoteSignature,
    TreeHead,
    format_head,
    open_note,
    parse_note,
    parse_private_key,
    parse_vkey,
    sign_note,
)
from comity.ledger import cosignature as co

TEXT = SmallLog.of(5).text()
COSIGNERS = (AUTHORITY, LOG_MLDSA)
VECTOR = VECTORS / "cosignature"


def test_sunlights_cosignature_verifies_with_its_time():
    """An Ed25519 cosignature made by others verifies, at the time that they state."""
    witness = parse_vkey((VECTOR / "sunlight.vkey").read_text().strip())
    (verified,) = open_note((VECTOR / "sunlight.note").read_bytes(), [witness]).verified

    assert datetime.fromtimestamp(1767139200, UTC) == verified.at


def test_the_self_made_mldsa44_cosignature_verifies():
    """The stored ML-DSA-44 cosignature keeps verifying, and its message keeps its bytes."""
    vector = json.loads((VECTOR / "self-made-mldsa44.json").read_text())
    (verified,) = open_note(vector["note"].encode(), [parse_vkey(vector["vkey"])]).verified

    assert vector["time"] == co.seconds_of(verified.at)
    assert parse_private_key(vector["private"]).vkey == vector["vkey"]
    head = TreeHead(origin=vector["origin"], size=vector["size"], root=base64.b64decode(vector["root"]))
    assert vector["message"] == co.mldsa44_message(verified.verifier.name, vector["time"], head).hex()


def test_the_ed25519_message_is_the_specifications():
    """Header line, time line, then the whole note text."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert co.ed25519_message(text, 1679315147) == b"cosignature/v1\ntime 1679315147\n" + text.encode()


def test_the_mldsa44_message_is_the_specifications_structure():
    """Label, name, time, origin, start 0, end = size and root, with one-byte lengths and big-endian numbers."""
    message = co.mldsa44_message("w.example", 1, TreeHead(origin="log", size=258, root=b"r" * 32))
    assert message == (
        b"subtree/v1\n\x00\x09w.example" + bytes(7) + b"\x01\x03log" + bytes(8) + bytes(6) + b"\x01\x02" + b"r" * 32
    )  # fmt: skip


@pytest.mark.parametrize("signer", COSIGNERS, ids=lambda s: s.kind)
def test_whole_seconds_are_stated_whatever_the_zone(signer):
    """The time is POSIX seconds; parts of a second are dropped and zones do not matter."""
    at = (NOON + timedelta(milliseconds=999)).astimezone(timezone(timedelta(hours=5)))
    signature = signer.sign_note(TEXT, at)

    assert int(NOON.timestamp()).to_bytes(8, "big") == signature.blob[:8]
    assert NOON == signer.verifier.check(TEXT, signature.blob)


@pytest.mark.parametrize("signer", COSIGNERS, ids=lambda s: s.kind)
def test_a_cosigner_signs_checkpoints_only_and_with_a_time(signer):
    """A cosignature over any other text, without a time, or with one that cannot be, is not made."""
    with pytest.raises(BadSignature, match="checkpoint only"):
        signer.sign_note("some text\n", NOON)
    for at in (None, datetime(2026, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)):
        with pytest.raises(AssertionError):
            signer.sign_note(TEXT, at)


@pytest.mark.parametrize("signer", COSIGNERS, ids=lambda s: s.kind)
def test_another_time_text_length_or_bit_is_refused(signer):
    """Time, text and signature stand and fall together."""
    blob = signer.sign_note(TEXT, NOON).blob
    later = (int.from_bytes(blob[:8], "big") + 1).to_bytes(8, "big") + blob[8:]
    beyond = (2**63).to_bytes(8, "big") + blob[8:]
    bent = blob[:-1] + bytes([blob[-1] ^ 0x80])
    for wrong in (later, beyond, bent, blob[:-1], blob + b"x", blob[8:], b""):
        with pytest.raises(BadSignature):
            signer.verifier.check(TEXT, wrong)
    for text in (TEXT.replace(ORIGIN, ORIGIN + "x"), TEXT.replace("\n5\n", "\n6\n"), "some text\n"):
        with pytest.raises(BadSignature):
            signer.verifier.check(text, blob)


@pytest.mark.parametrize("seconds", [253402300800, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_time_beyond_the_year_9999_is_refused_though_signed(seconds):
    """A well-signed time that is no instant is a bad signature, not a failure of the reader."""
    signature = AUTHORITY._sign(co.ed25519_message(TEXT, seconds))
    with pytest.raises(BadSignature, match="beyond the year 9999"):
        AUTHORITY.verifier.check(TEXT, co.join_time(seconds, signature))


def test_extension_lines_are_covered_by_one_type_and_not_by_the_other():
    """Ed25519 signs the whole text, ML-DSA-44 the head alone: why no extension line is ever written."""
    longer = TEXT + "extension\n"
    with pytest.raises(BadSignature):
        AUTHORITY.verifier.check(longer, AUTHORITY.sign_note(TEXT, NOON).blob)
    assert NOON == LOG_MLDSA.verifier.check(longer, LOG_MLDSA.sign_note(TEXT, NOON).blob)


def test_an_mldsa44_cosignature_commits_to_the_cosigners_name():
    """The same key under another name does not verify it."""
    renamed = parse_private_key(LOG_MLDSA.private_text())
    blob = renamed._sign(co.mldsa44_message("other.example", 5, TreeHead(origin=ORIGIN, size=1, root=bytes(32))))
    text = format_head(TreeHead(origin=ORIGIN, size=1, root=bytes(32)))
    with pytest.raises(BadSignature):
        LOG_MLDSA.verifier.check(text, co.join_time(5, blob))


def test_both_types_stand_on_one_checkpoint():
    """A log's plain signature, its own ML-DSA-44 cosignature and a witness's are lines of one note."""
    lines = parse_note(sign_note(TEXT, [*COSIGNERS], NOON)).signatures
    assert [72, 2428] == [len(s.blob) for s in lines]
    assert all(isinstance(s, NoteSignature) for s in lines)


@given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC)))
def test_any_time_goes_round(at):
    """Every instant from 1970 to 9999 is written and read back to the second."""
    assert at.replace(microsecond=0) == co.instant_of(co.seconds_of(at))
    assert (co.seconds_of(at), b"s" * 64) == co.split_time(co.join_time(co.seconds_of(at), b"s" * 64), 64)


@given(st.binary(max_size=80), st.text())
def test_checking_a_cosignature_is_total(blob, text):
    """Any blob over any text ends in `BadSignature`."""
    for signer in COSIGNERS:
        for over in (text, TEXT):
            with pytest.raises(BadSignature):
                signer.verifier.check(over, blob)
