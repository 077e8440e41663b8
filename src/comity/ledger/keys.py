"""Keys that sign notes, and the two lines of text that carry them.

    public    <name>+<8 hex digits: key ID>+<base64(type || public key)>                     a *vkey*
    private   PRIVATE+KEY+<name>+<8 hex digits: key ID>+<base64(type || 32-byte seed)>       Go's form

    key ID = SHA-256(name || 0x0A || type || public key)[:4]

| kind             | type | public key   | signs                          | signature            |
|------------------|------|--------------|--------------------------------|----------------------|
| ed25519          | 01   | 32 bytes     | the text                       | 64 bytes             |
| ed25519-cosigner | 04   | 32 bytes     | cosignature/v1, with a time    | 8 + 64 bytes         |
| mldsa44-cosigner | 06   | 1,312 bytes  | subtree/v1, with a time        | 8 + 2,420 bytes      |

A key ID is an identifier and no protection: whoever likes can find another key with the same four
bytes. What protects is that the whole vkey came from a trusted place.

Both lines are read in one spelling only: lower-case hex, canonical base64, the ID recomputed.

Not promised: protection of a private line at rest (a file's mode, a KMS: the edge's affair), nor
that ML-DSA-44 signatures are equal when made twice (FIPS 204 adds randomness of the library's own).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from comity.ledger import cosignature
from comity.ledger.checkpoint import parse_head
from comity.ledger.encoding import decode_base64, encode_base64
from comity.ledger.errors import BadSignature, MalformedCheckpoint, MalformedKey
from comity.ledger.note import KeyKind, NoteSignature, is_key_name

SEED_SIZE: Final = 32
ED25519_SIGNATURE_SIZE: Final = 64
MLDSA44_SIGNATURE_SIZE: Final = 2420
TYPE_OF: Final[dict[KeyKind, int]] = {"ed25519": 0x01, "ed25519-cosigner": 0x04, "mldsa44-cosigner": 0x06}
PUBLIC_SIZE: Final[dict[KeyKind, int]] = {"ed25519": 32, "ed25519-cosigner": 32, "mldsa44-cosigner": 1312}
_KIND_OF: Final[dict[int, KeyKind]] = {number: kind for kind, number in TYPE_OF.items()}
_PRIVATE_MARK: Final = "PRIVATE+KEY+"


def key_id_of(kind: KeyKind, name: str, public: bytes) -> bytes:
    """The four bytes by which, together with its name, a key is known."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([TYPE_OF[kind]]) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A public key of one of the three kinds. Built by `parse_vkey`, or taken from a signer."""

    kind: KeyKind
    name: str
    public: bytes = field(repr=False)
    key_id: bytes = field(init=False)
    _check: Callable[[bytes, bytes], None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise MalformedKey(f"{self.name!r} cannot name a key: not empty, no spaces, no plus")
        if len(self.public) != PUBLIC_SIZE[self.kind]:
            raise MalformedKey(
                f"{self.kind} keys have {PUBLIC_SIZE[self.kind]} bytes, not {len(self.public)}"
            )
        object.__setattr__(self, "key_id", key_id_of(self.kind, self.name, self.public))
        try:
            object.__setattr__(self, "_check", _load_public(self.kind, self.public))
        except ValueError as e:
            raise MalformedKey(f"the public key of {self.name!r} is no {self.kind} key: {e}") from None

    @property
    def vkey(self) -> str:
        """The key as one line of text."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([TYPE_OF[self.kind]]) + self.public)}"

    def check(self, text: str, blob: bytes) -> datetime | None:
        """Raise `BadSignature`, or answer the time inside the signature (None where it states none)."""
        if self.kind == "ed25519":
            if len(blob) != ED25519_SIGNATURE_SIZE:
                raise BadSignature(
                    f"an Ed25519 signature has {ED25519_SIGNATURE_SIZE} bytes, not {len(blob)}"
                )
            self._verify(blob, text.encode())
            return None
        size = ED25519_SIGNATURE_SIZE if self.kind == "ed25519-cosigner" else MLDSA44_SIGNATURE_SIZE
        seconds, signature = cosignature.split_time(blob, size)
        self._verify(signature, _cosigned(self.kind, self.name, seconds, text))
        return None if seconds == 0 else cosignature.instant_of(seconds)

    def _verify(self, signature: bytes, message: bytes) -> None:
        try:
            self._check(signature, message)
        except InvalidSignature:
            raise BadSignature("it does not verify over this text") from None


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A private key of one of the three kinds. Built by `generate_key` or `parse_private_key`."""

    kind: KeyKind
    name: str
    _seed: bytes = field(repr=False)
    verifier: NoteVerifier = field(init=False, compare=False)
    _sign: Callable[[bytes], bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self._seed) != SEED_SIZE:
            raise MalformedKey(f"a private key is a seed of {SEED_SIZE} bytes, not {len(self._seed)}")
        private: Ed25519PrivateKey | MLDSA44PrivateKey
        if self.kind == "mldsa44-cosigner":
            private = MLDSA44PrivateKey.from_seed_bytes(self._seed)
        else:
            private = Ed25519PrivateKey.from_private_bytes(self._seed)
        verifier = NoteVerifier(self.kind, self.name, private.public_key().public_bytes_raw())
        object.__setattr__(self, "verifier", verifier)
        object.__setattr__(self, "_sign", private.sign)

    @property
    def key_id(self) -> bytes:
        return self.verifier.key_id

    @property
    def vkey(self) -> str:
        return self.verifier.vkey

    def private_text(self) -> str:
        """The line that a key file holds. Keep it secret."""
        secret = encode_base64(bytes([TYPE_OF[self.kind]]) + self._seed)
        return f"{_PRIVATE_MARK}{self.name}+{self.key_id.hex()}+{secret}"

    def sign_note(self, text: str, at: datetime | None = None) -> NoteSignature:
        """Sign a note's text. A cosigner must be told the time; a plain key has no place for one."""
        if self.kind == "ed25519":
            if at is not None:
                raise AssertionError("a plain Ed25519 signature holds no time")
            blob = self._sign(text.encode())
        else:
            if at is None:
                raise AssertionError("a cosignature states a time")
            seconds = cosignature.seconds_of(at)
            blob = cosignature.join_time(seconds, self._sign(_cosigned(self.kind, self.name, seconds, text)))
        return NoteSignature(name=self.name, key_id=self.key_id, blob=blob)


def parse_vkey(text: str) -> NoteVerifier:
    """Read a public key, or raise `MalformedKey` and nothing else."""
    kind, name, material = _parse_key(text, "a verifier key is '<name>+<hex key ID>+<base64>'")
    verifier = NoteVerifier(kind, name, material)
    if verifier.vkey != text:
        raise MalformedKey(f"the key ID of {name!r} is {verifier.key_id.hex()}, the line says otherwise")
    return verifier


def parse_private_key(text: str) -> NoteSigner:
    """Read a private key, or raise `MalformedKey` and nothing else. No error repeats the secret."""
    if not text.startswith(_PRIVATE_MARK):
        raise MalformedKey(f"a private key begins with {_PRIVATE_MARK!r}")
    kind, name, material = _parse_key(
        text.removeprefix(_PRIVATE_MARK), "a private key is 'PRIVATE+KEY+<name>+<hex key ID>+<base64>'"
    )
    signer = NoteSigner(kind, name, material)
    if signer.private_text() != text:
        raise MalformedKey(f"the key ID of {name!r} is {signer.key_id.hex()}, the line says otherwise")
    return signer


def generate_key(kind: KeyKind, name: str, random: Callable[[int], bytes]) -> NoteSigner:
    """A new key from 32 bytes of `random`."""
    return NoteSigner(kind, name, random(SEED_SIZE))


def _parse_key(text: str, expected: str) -> tuple[KeyKind, str, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_key_name(parts[0]):
        raise MalformedKey(f"{expected}, the name without spaces or plus")
    name, _, encoded = parts
    try:
        material = decode_base64(encoded)
    except ValueError:
        raise MalformedKey(f"{expected}; the base64 of {name!r} is not in canonical form") from None
    kind = _KIND_OF.get(material[0]) if material else None
    if kind is None:
        came = f"type {material[0]:02x}" if material else "nothing"
        raise MalformedKey(f"key {name!r}: types 01, 04 and 06 are known here, {came} came")
    return kind, name, material[1:]


def _load_public(kind: KeyKind, public: bytes) -> Callable[[bytes, bytes], None]:
    if kind == "mldsa44-cosigner":
        return MLDSA44PublicKey.from_public_bytes(public).verify
    return Ed25519PublicKey.from_public_bytes(public).verify


def _cosigned(kind: KeyKind, name: str, seconds: int, text: str) -> bytes:
    """The message of a cosignature over `text`, which must be a checkpoint: nothing else may be cosigned."""
    try:
        head = parse_head(text)
    except MalformedCheckpoint as e:
        raise BadSignature(f"a cosignature is over a checkpoint only: {e}") from None
    if kind == "ed25519-cosigner":
        return cosignature.ed25519_message(text, seconds)
    return cosignature.mldsa44_message(name, seconds, head)
