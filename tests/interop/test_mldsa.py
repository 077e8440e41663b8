"""Our ML-DSA-44 cosignatures are verified by a second implementation (dilithium-py), and refused by it."""

import base64

import pytest
from dilithium_py.ml_dsa import ML_DSA_44
from small_logs import LOG_MLDSA, NOON, ORIGIN, SmallLog, key

from comity.ledger import BadSignature, NoteSignature, format_note, open_checkpoint, parse_note, parse_policy
from comity.ledger.note import Note

SMALL = SmallLog.of(5)


def parts() -> tuple[bytes, bytes, bytes]:
    """Public key, message and signature, put together from the checkpoint's lines without our code."""
    lines = SMALL.checkpoint(LOG_MLDSA).decode().split("\n")
    origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2])
    blob = base64.b64decode(lines[4].split(" ")[2])[4:]
    name = origin.encode()
    message = (
        b"subtree/v1\n\x00"
        + bytes([len(name)]) + name
        + blob[:8]
        + bytes([len(name)]) + name
        + bytes(8) + size.to_bytes(8, "big")
        + root
    )  # fmt: skip
    return base64.b64decode(LOG_MLDSA.vkey.split("+", 2)[2])[1:], message, blob[8:]


def test_another_implementation_verifies_the_logs_cosignature():
    """Key, message and signature are FIPS 204's, with the empty context."""
    public, message, signature = parts()

    assert (1312, 2420) == (len(public), len(signature))
    assert ML_DSA_44.verify(public, message, signature, ctx=b"")


@pytest.mark.parametrize("bit", [0, 12 * 8, 2420 * 4, 2420 * 8 - 1])
def test_another_implementation_refuses_a_corrupted_cosignature(bit):
    """One flipped bit of the signature, and of the message, and another context fail."""
    public, message, signature = parts()
    bent = bytearray(signature)
    bent[bit // 8] ^= 1 << (bit % 8)

    assert not ML_DSA_44.verify(public, message, bytes(bent), ctx=b"")
    assert not ML_DSA_44.verify(public, message[:-1] + bytes([message[-1] ^ 1]), signature, ctx=b"")
    assert not ML_DSA_44.verify(public, message, signature, ctx=b"x")


def test_another_implementations_cosignature_is_verified_here():
    """A key and a signature made by dilithium-py open as a log's at our door, and one bent bit does not."""
    seed = b"interop".ljust(32, b".")
    public, secret = ML_DSA_44.key_derive(seed)
    ours = key("mldsa44-cosigner", ORIGIN)
    made = type(ours)("mldsa44-cosigner", ORIGIN, seed)
    assert made.verifier.public == public
    _, message, _ = parts()
    at = int(NOON.timestamp()).to_bytes(8, "big")
    signature = ML_DSA_44.sign(secret, message, ctx=b"")
    policy = parse_policy(f"log {made.vkey}\nquorum none\n")

    def checkpoint(blob: bytes) -> bytes:
        note = parse_note(SMALL.checkpoint(LOG_MLDSA))
        line = NoteSignature(name=ORIGIN, key_id=made.key_id, blob=blob)
        return format_note(Note(text=note.text, signatures=(line,)))

    (found,) = open_checkpoint(checkpoint(at + signature), policy).log_signatures
    assert NOON == found.at
    with pytest.raises(BadSignature):
        open_checkpoint(checkpoint(at + signature[:-1] + bytes([signature[-1] ^ 1])), policy)
