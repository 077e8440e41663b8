"""The end of an arrangement: both sides close the access, and sealed content is erased.

`close` takes the note that both parties signed (`comity.arrangement.closing`).  It is
recorded once no call is open and no grant is in force: what is recorded then is that
nothing can be permitted any more, by any gateway of this ledger.

`erase` takes an order of the authority, whose content it is, once access is closed: until
then gateways hold keys in memory under which they still seal.  Every sealed item is
deleted, with the epoch keys wrapped for recipients; the entry states how
many and commits to which.  Commitments stay in the entries of the calls, so every proof
of the ledger stays valid.

Not promised: that no copy is elsewhere. What recipients fetched, backups, and pages that
a database has freed and not yet reused are beyond this transaction; `comity erase` on the
operator's machine compacts the file.
"""

from datetime import datetime
from hashlib import sha256

from comity.arrangement import ActRefused, Erasure, Role, Terms, open_closing
from comity.gateway import life, state
from comity.gateway.refusal import Refusal
from comity.ledger import Transaction
from comity.records import AccessClosed, ContentErased, Digest, Instant, instant_text, parse_instant, to_bytes
from comity.vault import erase_items

__all__ = ["close", "erase"]


def close(tx: Transaction, *, note: bytes, terms: Terms, now: datetime) -> int | Refusal:
    """End the right to permit, for good; returns the entry's index, or why not."""
    try:
        closing = open_closing(note, terms)
    except ActRefused as error:
        return Refusal(slug="request-malformed", clause="act", because=str(error))
    if len(closing.signed_by) != 2:
        return _no("closed", f"both parties close an arrangement; the {closing.signed_by[0]} alone signed this")
    if life.find_life(tx.execute).closed:
        return _no("closed", "access under this arrangement is closed already")
    open_calls = tx.execute("SELECT open_calls FROM gate_sum WHERE span = 'all'")[0][0]
    if open_calls:
        return _no("closed", f"{open_calls} calls are open; access is closed once they have ended")
    if live := _live(tx, now):
        return _no("closed", f"{live} grants are in force; the authority revokes them first")
    record = AccessClosed(
        at=Instant(instant_text(now)), digest=Digest(terms.digest), grants=0, note=closing.note.decode()
    )
    life.close(tx)
    return tx.append(to_bytes(record))


def _live(tx: Transaction, now: datetime) -> int:
    """Grants that are neither revoked nor expired by the window's clock."""
    clock = state.window_time(tx.execute, now)
    expires = tx.execute("SELECT expires FROM gate_grant WHERE revoked = ''")
    return sum(parse_instant(until) > clock for (until,) in expires)


def erase(tx: Transaction, act: Erasure, by: Role, note: bytes, now: datetime) -> int | Refusal:
    """Destroy every sealed item and its keys; returns the entry's index, or why not."""
    if by != "authority":
        return _no("content.recipients", "the sealed content is the authority's to erase; the provider signed this")
    if not life.find_life(tx.execute).closed:
        return _no("closed", "content is erased once access is closed: until then gateways still seal under its keys")
    commitments, epochs = erase_items(tx)
    root = sha256("".join(f"{commitment}\n" for commitment in commitments).encode()).hexdigest()
    record = ContentErased(
        at=Instant(instant_text(now)),
        by=by,
        items=len(commitments),
        epochs=epochs,
        root=Digest(root),
        note=note.decode(),
    )
    return tx.append(to_bytes(record))


def _no(clause: str, because: str) -> Refusal:
    return Refusal(slug="terms-refused", clause=clause, because=because)
