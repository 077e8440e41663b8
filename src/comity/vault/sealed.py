"""Sealed items as they travel, and how a recipient opens one.

`GET /a/<id>/sealed/<n>/<part>` answers a JSON object with exactly these members:

    {"format": "comity sealed/1", "ledger": origin, "index": n, "part": "request" | "answer",
     "commitment": hex, "epoch": hex, "context": base64, "wrapped_key": base64, "ciphertext": base64,
     "encapsulations": [{"recipient": name, "key_id": hex, "encapsulated": base64}, …]}

`index` is the call's number, which is the index of its `call.permitted`, for the answer too.

To open: HPKE opens the epoch key, the epoch key unwraps the content key, the content key decrypts salt and
content, and the commitment is recomputed.  Any failure is one error, `CannotOpen`.

Limits: 96 MiB of JSON, because the largest content grows by a third in base64; 16 encapsulations.

Not promised by opening: that the ledger holds this commitment. `disclosure` compares with the entry.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from comity.ledger.encoding import encode_base64
from comity.vault.errors import CannotOpen, MalformedSealed
from comity.vault.members import Members, read_object
from comity.vault.recipients import RecipientKey
from comity.vault.sealing import (
    ENCAPSULATED_SIZE,
    EPOCH_ID_SIZE,
    NONCE,
    SALT_SIZE,
    SUITE,
    TAG_SIZE,
    WRAPPED_SIZE,
    Encapsulation,
    Part,
    commitment_of,
    epoch_info,
    item_aad,
)

FORMAT: Final = "comity sealed/1"
MAX_JSON: Final = 96 * 1024 * 1024
MAX_RECIPIENTS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBundle:
    """A sealed item with the encapsulations of its epoch: all that a recipient needs beside its own key."""

    ledger: str
    index: int
    part: Part
    commitment: str
    epoch: str
    context: bytes
    wrapped_key: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    encapsulations: tuple[Encapsulation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedItem:
    """The content of one item, and the key by which this one item can be shown to others."""

    content: bytes
    salt: bytes = field(repr=False)
    content_key: bytes = field(repr=False)


def open_item(bundle: SealedBundle, key: RecipientKey) -> OpenedItem:
    """Open one item with a recipient's private key, or raise `CannotOpen`."""
    mine = next((each for each in bundle.encapsulations if each.key_id == key.key_id), None)
    if mine is None:
        names = ", ".join(f"{each.recipient} ({each.key_id})" for each in bundle.encapsulations)
        raise CannotOpen(f"this key ({key.key_id}) is no recipient of the item; it was sealed to {names}")
    try:
        epoch_key = SUITE.decrypt(mine.encapsulated, key.hpke, info=epoch_info(bundle.epoch, bundle.context))
        content_key = aes_key_unwrap(epoch_key, bundle.wrapped_key)
    except (InvalidTag, InvalidUnwrap, ValueError):
        raise CannotOpen(_changed(bundle, "its key does not unwrap")) from None
    content, salt = decrypt_item(
        content_key, bundle.ciphertext, ledger=bundle.ledger, part=bundle.part, epoch=bundle.epoch
    )
    if not hmac.compare_digest(commitment_of(salt, content), bundle.commitment):
        raise CannotOpen(_changed(bundle, "its content does not match its commitment"))
    return OpenedItem(content=content, salt=salt, content_key=content_key)


def decrypt_item(content_key: bytes, ciphertext: bytes, *, ledger: str, part: str, epoch: str) -> tuple[bytes, bytes]:
    """Content and salt under a content key, or `CannotOpen`."""
    try:
        plain = AESGCM(content_key).decrypt(NONCE, ciphertext, item_aad(ledger, part, epoch))
    except (InvalidTag, ValueError):
        raise CannotOpen(
            f"the {part} does not decrypt under this key: its bytes, or what it is bound to, differ"
        ) from None
    if len(plain) < SALT_SIZE:
        raise CannotOpen(f"the {part} decrypts to {len(plain)} bytes, fewer than its salt")
    return plain[SALT_SIZE:], plain[:SALT_SIZE]


def format_sealed(bundle: SealedBundle) -> bytes:
    """The JSON of one sealed item."""
    members: Mapping[str, Any] = {
        "format": FORMAT,
        "ledger": bundle.ledger,
        "index": bundle.index,
        "part": bundle.part,
        "commitment": bundle.commitment,
        "epoch": bundle.epoch,
        "context": encode_base64(bundle.context),
        "wrapped_key": encode_base64(bundle.wrapped_key),
        "ciphertext": encode_base64(bundle.ciphertext),
        "encapsulations": [
            {
                "recipient": each.recipient,
                "key_id": each.key_id,
                "encapsulated": encode_base64(each.encapsulated),
            }
            for each in bundle.encapsulations
        ],
    }
    return json.dumps(members, ensure_ascii=False).encode() + b"\n"


def parse_sealed(data: bytes) -> SealedBundle:
    """Read a sealed item, or raise `MalformedSealed` and nothing else."""
    item = Members(
        read_object(data, limit=MAX_JSON, error=MalformedSealed),
        FORMAT,
        {"format", "ledger", "index", "part", "commitment", "epoch", "context", "wrapped_key", "ciphertext",
         "encapsulations"},
        MalformedSealed,
    )  # fmt: skip
    return SealedBundle(
        ledger=item.text("ledger"),
        index=item.index("index"),
        part=item.part("part"),
        commitment=item.hex("commitment", 32),
        epoch=item.hex("epoch", EPOCH_ID_SIZE),
        context=item.base64("context"),
        wrapped_key=item.base64("wrapped_key", exactly=WRAPPED_SIZE),
        ciphertext=item.base64("ciphertext", at_least=SALT_SIZE + TAG_SIZE),
        encapsulations=tuple(
            Encapsulation(
                recipient=each.text("recipient"),
                key_id=each.hex("key_id", 8),
                encapsulated=each.base64("encapsulated", exactly=ENCAPSULATED_SIZE),
            )
            for each in item.objects("encapsulations", {"recipient", "key_id", "encapsulated"}, MAX_RECIPIENTS)
        ),
    )


def _changed(bundle: SealedBundle, what: str) -> str:
    return (
        f"the {bundle.part} of call {bundle.index} does not open: {what}. "
        f"The key is another's, or the item was changed since it was sealed; fetch it again"
    )
