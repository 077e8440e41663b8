"""Disclosures: one call's content shown to somebody, each item by its own key.

A file with exactly these members:

    {"format": "comity disclosure/1", "ledger": origin, "index": n,
     "items": [{"part": "request" | "answer" | "document", "epoch": hex, "commitment": hex,
                "content_key": base64, "ciphertext": base64}, …]}

One or two items, one a part.  A part that does not stand in `items` is *withheld*: the entry shows that
it exists and how long it is, and nothing more.

Whoever reads a disclosure decrypts, recomputes HMAC-SHA-256(salt, content) and compares it with the entry
in the ledger: `request` of the `call.permitted` at `index`, `answer` of the `call.settled` that names it.
The file's own `commitment` is a convenience and is never what is compared with.

The keys in a disclosure open these items and nothing else.  What was disclosed cannot be taken back.
"""

import hmac
import json
from dataclasses import dataclass, field
from typing import Final

from comity.ledger.encoding import encode_base64
from comity.records import CallPermitted, CallSettled, DocumentAttached, Record
from comity.vault.errors import MalformedDisclosure, NotDisclosed
from comity.vault.members import Members, read_object
from comity.vault.recipients import RecipientKey
from comity.vault.sealed import MAX_JSON, SealedBundle, decrypt_item, open_item
from comity.vault.sealing import EPOCH_ID_SIZE, KEY_SIZE, SALT_SIZE, TAG_SIZE, Part, commitment_of

FORMAT: Final = "comity disclosure/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedItem:
    """One part, with the key that opens it."""

    part: Part
    epoch: str
    commitment: str
    content_key: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What one call's content is shown by."""

    ledger: str
    index: int
    items: tuple[DisclosedItem, ...]


def disclose(bundles: tuple[SealedBundle, ...], key: RecipientKey) -> Disclosure:
    """Open these items of one call and write down each one's own key. Raises `CannotOpen`."""
    if not bundles or len({(bundle.ledger, bundle.index) for bundle in bundles}) != 1:
        raise AssertionError("a disclosure is of one call")
    if len({bundle.part for bundle in bundles}) != len(bundles):
        raise AssertionError("a disclosure shows each part once")
    return Disclosure(
        ledger=bundles[0].ledger,
        index=bundles[0].index,
        items=tuple(
            DisclosedItem(
                part=bundle.part,
                epoch=bundle.epoch,
                commitment=bundle.commitment,
                content_key=open_item(bundle, key).content_key,
                ciphertext=bundle.ciphertext,
            )
            for bundle in bundles
        ),
    )


def check_disclosure(disclosure: Disclosure, entry: Record) -> bytes:
    """The content that `entry` commits to, or `NotDisclosed` / `CannotOpen`.

    `entry` is the `call.permitted` at `disclosure.index`, for the request, or the `call.settled` that
    names this index, for the answer; of a case's document it is the `document.attached` at that index.
    That it stands in the ledger is another's to check (`comity.verify`).
    """
    match entry:
        case CallPermitted(request=commitment):
            part: Part = "request"
        case CallSettled(answer=commitment, permit=permit):
            part = "answer"
            if permit != disclosure.index:
                raise NotDisclosed(f"the entry settles call {permit}, the disclosure is of call {disclosure.index}")
        case DocumentAttached(commitment=commitment):
            part = "document"
        case _:
            raise NotDisclosed(f"an entry of kind {entry.kind} commits to no content")
    item = next((item for item in disclosure.items if item.part == part), None)
    of = "entry" if part == "document" else "call"
    if item is None:
        raise NotDisclosed(f"the {part} of {of} {disclosure.index} is withheld")
    content, salt = decrypt_item(
        item.content_key, item.ciphertext, ledger=disclosure.ledger, part=part, epoch=item.epoch
    )
    if not hmac.compare_digest(commitment_of(salt, content), commitment):
        raise NotDisclosed(f"the {part} shown is not the one that the entry of {of} {disclosure.index} commits to")
    return content


def format_disclosure(disclosure: Disclosure) -> bytes:
    """The file of a disclosure."""
    members = {
        "format": FORMAT,
        "ledger": disclosure.ledger,
        "index": disclosure.index,
        "items": [
            {
                "part": item.part,
                "epoch": item.epoch,
                "commitment": item.commitment,
                "content_key": encode_base64(item.content_key),
                "ciphertext": encode_base64(item.ciphertext),
            }
            for item in disclosure.items
        ],
    }
    return json.dumps(members, ensure_ascii=False, indent=1).encode() + b"\n"


def parse_disclosure(data: bytes) -> Disclosure:
    """Read a disclosure, or raise `MalformedDisclosure` and nothing else."""
    whole = Members(
        read_object(data, limit=2 * MAX_JSON, error=MalformedDisclosure),
        FORMAT,
        {"format", "ledger", "index", "items"},
        MalformedDisclosure,
    )
    items = tuple(
        DisclosedItem(
            part=each.part("part"),
            epoch=each.hex("epoch", EPOCH_ID_SIZE),
            commitment=each.hex("commitment", 32),
            content_key=each.base64("content_key", exactly=KEY_SIZE),
            ciphertext=each.base64("ciphertext", at_least=SALT_SIZE + TAG_SIZE),
        )
        for each in whole.objects("items", {"part", "epoch", "commitment", "content_key", "ciphertext"}, 2)
    )
    if len({item.part for item in items}) != len(items):
        raise MalformedDisclosure(f"{FORMAT}: a part stands twice")
    return Disclosure(ledger=whole.text("ledger"), index=whole.index("index"), items=items)
