"""Sealing: content becomes unreadable before it touches the disk, and an entry can still commit to it.

Each item has its own 32-byte content key and its own 32-byte salt, both random:

    commitment  = HMAC-SHA-256(salt, content)                            stands in the ledger's entry
    ciphertext  = AES-256-GCM(content key, nonce 0, salt || content, aad)
    wrapped key = AES key wrap (RFC 3394) of the content key under the epoch key, 40 bytes
    aad         = "comity sealed/1\\n" ledger "\\n" part "\\n" epoch "\\n"

A nonce of zero is safe because a content key encrypts once.
The salt lies inside the sealed item, so a commitment cannot be guessed from a short answer, and equal
contents have unequal commitments.

An *epoch* is one process serving one grant.  Its key is random and lives in that process's memory alone;
each recipient of the arrangement gets it once, by HPKE (RFC 9180, MLKEM768-X25519, HKDF-SHA-256,
AES-256-GCM) with

    info = "comity epoch/1\\n" epoch "\\n" context

so the dear operation is paid once, and sealing an item takes microseconds on the path of a call.
Whoever holds one content key opens that item and nothing else.

HPKE draws its ephemeral keys from the system's generator, not from the `random` that comes in:
the library offers no door for it.

Not promised: secrecy from the process that seals. It sees the content, and the epoch key, while it runs.
Lengths are not hidden: a ciphertext is 48 bytes longer than its content.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal, NamedTuple, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from comity.vault.errors import MalformedRecipient
from comity.vault.recipients import Recipient

Part = Literal["request", "answer", "document"]
PARTS: Final[tuple[Part, ...]] = ("request", "answer", "document")
"""What an item is: the two parts of a call, or a document of a case."""
CALL_PARTS: Final[tuple[Part, ...]] = ("request", "answer")

KEY_SIZE: Final = 32
SALT_SIZE: Final = 32
TAG_SIZE: Final = 16
WRAPPED_SIZE: Final = 40
NONCE: Final = bytes(12)
EPOCH_ID_SIZE: Final = 16
MAX_CONTENT: Final = 64 * 1024 * 1024
"""Bytes in one item; far above any request that a gateway lets through, and below what AES-GCM could take."""

SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
ENCAPSULATED_SIZE: Final = 1120 + KEY_SIZE + TAG_SIZE
"""ML-KEM-768 ciphertext (1,088) and X25519 share (32), then the sealed epoch key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encapsulation:
    """The epoch key, for one recipient."""

    recipient: str
    key_id: str
    encapsulated: bytes = field(repr=False)


class SealedItem(NamedTuple):
    """One sealed request or answer: safe to write down anywhere. In the order of its row in `tables`."""

    part: Part
    epoch: str
    ledger: str
    commitment: str
    """HMAC-SHA-256(salt, content) in hex: what the entry holds."""
    wrapped_key: bytes
    ciphertext: bytes

    def __repr__(self) -> str:
        return f"SealedItem(part={self.part!r}, epoch={self.epoch!r}, commitment={self.commitment!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """The key under which one process seals for one grant. Built by `begin`; never written down."""

    id: str
    context: bytes
    encapsulations: tuple[Encapsulation, ...]
    _key: bytes = field(repr=False, compare=False)

    @classmethod
    def begin(cls, recipients: Sequence[Recipient], context: bytes, random: Callable[[int], bytes]) -> Self:
        """Draw an epoch key and give it to every recipient.

        `context` says what the epoch is for (ledger and grant); a recipient cannot open under another.
        """
        if not recipients:
            raise MalformedRecipient("content is sealed to at least one recipient; the arrangement names none")
        if len({recipient.key_id for recipient in recipients}) != len(recipients):
            raise MalformedRecipient("two recipients share one key; each must have its own")
        key, epoch = random(KEY_SIZE), random(EPOCH_ID_SIZE).hex()
        return cls(
            id=epoch,
            context=context,
            encapsulations=tuple(
                Encapsulation(
                    recipient=recipient.name,
                    key_id=recipient.key_id,
                    encapsulated=SUITE.encrypt(key, recipient.hpke, info=epoch_info(epoch, context)),
                )
                for recipient in recipients
            ),
            _key=key,
        )

    def seal(self, content: bytes, *, ledger: str, part: Part, random: Callable[[int], bytes]) -> SealedItem:
        """Seal one item. What comes back holds nothing that opens it without a recipient's key."""
        if len(content) > MAX_CONTENT:
            raise AssertionError(f"{len(content)} bytes reached the vault, at most {MAX_CONTENT} may")
        drawn, epoch = random(KEY_SIZE + SALT_SIZE), self.id
        key, salt = drawn[:KEY_SIZE], drawn[KEY_SIZE:]
        return SealedItem(
            part,
            epoch,
            ledger,
            commitment_of(salt, content),
            aes_key_wrap(self._key, key),
            AESGCM(key).encrypt(NONCE, salt + content, item_aad(ledger, part, epoch)),
        )


_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_BLOCK: Final = 64


def commitment_of(salt: bytes, content: bytes) -> str:
    """What an entry holds in the content's place: HMAC-SHA-256 (RFC 2104) of the content under its salt, in hex.

    Two hashes, because OpenSSL's HMAC looks its algorithm up anew for each item, which costs more than hashing it.
    """
    if len(salt) > _BLOCK:
        raise AssertionError(f"a salt of {len(salt)} bytes; an item's has {SALT_SIZE}")
    block = salt.ljust(_BLOCK, b"\0")
    return sha256(block.translate(_OUTER) + sha256(block.translate(_INNER) + content).digest()).hexdigest()


def epoch_info(epoch: str, context: bytes) -> bytes:
    """What an encapsulation is bound to."""
    return b"comity epoch/1\n" + epoch.encode() + b"\n" + context


@lru_cache(maxsize=256)  # a gateway seals every item of a grant under two of them
def item_aad(ledger: str, part: str, epoch: str) -> bytes:
    """What a ciphertext is bound to."""
    return f"comity sealed/1\n{ledger}\n{part}\n{epoch}\n".encode()
