"""Recipients: whose keys open sealed content, as text.

A recipient's key is a pair for HPKE's MLKEM768-X25519: both halves must be broken before content opens.

Public text, one line, as it stands in an arrangement's `content.recipients`:

    base64(ML-KEM-768 public key, 1,184 bytes || X25519 public key, 32 bytes)

Private text, two lines, kept in a file of mode 600:

    COMITY-RECIPIENT-KEY/1
    base64(ML-KEM-768 seed, 64 bytes || X25519 private key, 32 bytes)

The *key id* is the first 8 bytes of SHA-256("comity recipient/1\\n" || public key), in hex: it finds
the right encapsulation among several, and proves nothing.

Parsing is strict: base64 has one spelling here, and an X25519 point of small order, with which every
shared secret is zero, is refused.

Not promised: that a key belongs to whom it names. The parties sign the terms in which it stands.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from comity.ledger.encoding import decode_base64, encode_base64
from comity.vault.errors import MalformedRecipient

PRIVATE_MARK: Final = "COMITY-RECIPIENT-KEY/1"
MLKEM_SEED: Final = 64
X25519_SIZE: Final = 32
MLKEM_PUBLIC: Final = 1184
PUBLIC_SIZE: Final = MLKEM_PUBLIC + X25519_SIZE
MAX_NAME: Final = 120

_PROBE: Final = X25519PrivateKey.from_private_bytes(b"\x01" * X25519_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A public key to seal to, under the name that the arrangement gives it."""

    name: str
    public: bytes = field(repr=False)
    key_id: str
    hpke: MLKEM768X25519PublicKey = field(repr=False, compare=False)

    def public_text(self) -> str:
        """The line that stands in an arrangement."""
        return encode_base64(self.public)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientKey:
    """A private key that opens what was sealed to it, from `generate_recipient` or `parse_recipient_key`."""

    public: bytes = field(repr=False)
    key_id: str
    hpke: MLKEM768X25519PrivateKey = field(repr=False, compare=False)
    _secret: bytes = field(repr=False)

    def public_text(self) -> str:
        """The public half, as it stands in an arrangement."""
        return encode_base64(self.public)

    def private_text(self) -> str:
        """The two lines of a key file. Keep them secret."""
        return f"{PRIVATE_MARK}\n{encode_base64(self._secret)}"


def key_id_of(public: bytes) -> str:
    """By which a recipient finds its own encapsulation."""
    return hashlib.sha256(b"comity recipient/1\n" + public).digest()[:8].hex()


def generate_recipient(random: Callable[[int], bytes]) -> RecipientKey:
    """A new key from 96 bytes of `random`."""
    return _private(random(MLKEM_SEED) + random(X25519_SIZE))


def parse_recipient_key(text: str) -> RecipientKey:
    """Read a key file, or raise `MalformedRecipient` and nothing else. No error repeats the secret."""
    mark, newline, encoded = text.removesuffix("\n").partition("\n")
    if mark != PRIVATE_MARK or not newline:
        raise MalformedRecipient(f"a recipient's key file has two lines, the first {PRIVATE_MARK!r}")
    try:
        secret = decode_base64(encoded)
    except ValueError:
        raise MalformedRecipient("the second line of a recipient's key file is base64 in canonical form") from None
    if len(secret) != MLKEM_SEED + X25519_SIZE:
        raise MalformedRecipient(f"a recipient's key has {MLKEM_SEED + X25519_SIZE} bytes, not {len(secret)}")
    return _private(secret)


def parse_recipient(name: str, text: str) -> Recipient:
    """Read a public key under its name, or raise `MalformedRecipient` and nothing else."""
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise MalformedRecipient(f"a recipient's name has 1 to {MAX_NAME} printable characters, got {name[:40]!r}")
    try:
        public = decode_base64(text)
    except ValueError:
        raise MalformedRecipient(f"the key of recipient {name!r} is not base64 in canonical form") from None
    if len(public) != PUBLIC_SIZE:
        raise MalformedRecipient(f"the key of recipient {name!r} has {len(public)} bytes, {PUBLIC_SIZE} are expected")
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(public[:MLKEM_PUBLIC])
        x25519 = X25519PublicKey.from_public_bytes(public[MLKEM_PUBLIC:])
        _PROBE.exchange(x25519)
    except ValueError:
        raise MalformedRecipient(f"the key of recipient {name!r} is no MLKEM768-X25519 public key") from None
    return Recipient(name=name, public=public, key_id=key_id_of(public), hpke=MLKEM768X25519PublicKey(mlkem, x25519))


def _private(secret: bytes) -> RecipientKey:
    if len(secret) != MLKEM_SEED + X25519_SIZE:
        raise AssertionError(f"the source of randomness answered {len(secret)} bytes")
    mlkem = MLKEM768PrivateKey.from_seed_bytes(secret[:MLKEM_SEED])
    x25519 = X25519PrivateKey.from_private_bytes(secret[MLKEM_SEED:])
    public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    return RecipientKey(
        public=public, key_id=key_id_of(public), hpke=MLKEM768X25519PrivateKey(mlkem, x25519), _secret=secret
    )
