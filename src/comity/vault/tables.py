"""The vault's tables, in the ledger's own database: an item is durable with its entry or not at all.

`store_item` runs inside the transaction that appends the entry, so neither exists without the other.
Items are keyed by the call's number (the index of its permit) and the part.

What stands in these tables opens with a recipient's private key alone; the database holds none.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from comity.vault.sealed import SealedBundle
from comity.vault.sealing import PARTS, Encapsulation, Epoch, SealedItem

Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""A reader's `query`, or a transaction's `execute`."""

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS vault_epoch (
        epoch TEXT PRIMARY KEY, context BLOB NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS vault_encapsulation (
        epoch TEXT NOT NULL REFERENCES vault_epoch, key_id TEXT NOT NULL, recipient TEXT NOT NULL,
        encapsulated BLOB NOT NULL, PRIMARY KEY (epoch, key_id)) STRICT""",
    """CREATE TABLE IF NOT EXISTS vault_item (
        call INTEGER NOT NULL, part TEXT NOT NULL, epoch TEXT NOT NULL REFERENCES vault_epoch,
        ledger TEXT NOT NULL, commitment TEXT NOT NULL, wrapped_key BLOB NOT NULL, ciphertext BLOB NOT NULL,
        PRIMARY KEY (call, part)) STRICT""",
)


class Writes(Protocol):
    """What is needed of a transaction."""

    def execute(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None: ...


def store_epoch(tx: Writes, epoch: Epoch) -> None:
    """Keep an epoch's encapsulations; before the first item that is sealed under it. Twice is harmless."""
    row = (epoch.id, epoch.context)
    tx.execute("INSERT INTO vault_epoch VALUES (?, ?) ON CONFLICT (epoch) DO NOTHING", row)
    for each in epoch.encapsulations:
        tx.execute(
            "INSERT INTO vault_encapsulation VALUES (?, ?, ?, ?) ON CONFLICT (epoch, key_id) DO NOTHING",
            (epoch.id, each.key_id, each.recipient, each.encapsulated),
        )


def store_item(tx: Writes, index: int, item: SealedItem) -> None:
    """Keep a sealed item under its call's number; the database refuses one whose epoch nobody could open."""
    store_items(tx, [(index, item)])


def store_items(tx: Writes, items: Sequence[tuple[int, SealedItem]]) -> None:
    """Keep sealed items, each under its call's number."""
    tx.execute_many(
        "INSERT INTO vault_item VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(index, *item) for index, item in items],
    )


def erase_items(tx: Writes) -> tuple[list[str], int]:
    """Delete every sealed item, and what recipients could open it with.

    Returns the commitments of what was there, in order of call and part, and how many epochs there were.
    """
    commitments = [row[0] for row in tx.execute("SELECT commitment FROM vault_item ORDER BY call, part")]
    epochs = int(tx.execute("SELECT count(*) FROM vault_epoch")[0][0])
    for table in ("vault_item", "vault_encapsulation", "vault_epoch"):
        tx.execute(f"DELETE FROM {table}")
    return commitments, epochs


def load_item(query: Query, index: int, part: str) -> SealedBundle | None:
    """The sealed item of a call, with the encapsulations of its epoch; None where there is none."""
    known = next((each for each in PARTS if each == part), None)
    rows = query(
        "SELECT i.ledger, i.epoch, e.context, i.commitment, i.wrapped_key, i.ciphertext FROM vault_item AS i "
        "JOIN vault_epoch AS e ON e.epoch = i.epoch WHERE i.call = ? AND i.part = ?",
        (index, part),
    )
    if known is None or not rows:
        return None
    ledger, epoch, context, commitment, wrapped_key, ciphertext = rows[0]
    given = query(
        "SELECT recipient, key_id, encapsulated FROM vault_encapsulation WHERE epoch = ? ORDER BY recipient, key_id",
        (epoch,),
    )
    return SealedBundle(
        ledger=ledger,
        index=index,
        part=known,
        commitment=commitment,
        epoch=epoch,
        context=context,
        wrapped_key=wrapped_key,
        ciphertext=ciphertext,
        encapsulations=tuple(
            Encapsulation(recipient=name, key_id=key_id, encapsulated=encapsulated)
            for name, key_id, encapsulated in given
        ),
    )
