"""The vault: who may read it, until when?

Content is sealed before it touches the disk, to the recipients that the arrangement names; the ledger
holds salted commitments alone.  One item can be shown by its own key; what is not shown stays withheld.
"""

from comity.vault.disclosure import (
    DisclosedItem,
    Disclosure,
    check_disclosure,
    disclose,
    format_disclosure,
    parse_disclosure,
)
from comity.vault.errors import (
    CannotOpen,
    MalformedDisclosure,
    MalformedRecipient,
    MalformedSealed,
    NotDisclosed,
    VaultError,
)
from comity.vault.recipients import (
    Recipient,
    RecipientKey,
    generate_recipient,
    parse_recipient,
    parse_recipient_key,
)
from comity.vault.sealed import OpenedItem, SealedBundle, format_sealed, open_item, parse_sealed
from comity.vault.sealing import CALL_PARTS, PARTS, Encapsulation, Epoch, Part, SealedItem, commitment_of
from comity.vault.tables import SCHEMA, erase_items, load_item, store_epoch, store_item, store_items

__all__ = [
    "CALL_PARTS",
    "PARTS",
    "SCHEMA",
    "CannotOpen",
    "DisclosedItem",
    "Disclosure",
    "Encapsulation",
    "Epoch",
    "MalformedDisclosure",
    "MalformedRecipient",
    "MalformedSealed",
    "NotDisclosed",
    "OpenedItem",
    "Part",
    "Recipient",
    "RecipientKey",
    "SealedBundle",
    "SealedItem",
    "VaultError",
    "check_disclosure",
    "commitment_of",
    "disclose",
    "erase_items",
    "format_disclosure",
    "format_sealed",
    "generate_recipient",
    "load_item",
    "open_item",
    "parse_disclosure",
    "parse_recipient",
    "parse_recipient_key",
    "parse_sealed",
    "store_epoch",
    "store_item",
    "store_items",
]
