"""Forks: two checkpoints of one log that cannot both be true.

A witness that refuses a checkpoint keeps it, in a folder of two files: `held`, the checkpoint that it had
cosigned before, and `request`, what it was then asked to cosign (c2sp.org/tlog-witness, add-checkpoint).
Both bear signatures of the log's own keys.  Whoever has the two files and the log's keys can see what the log
did; the witness's word is not needed.

Two roots at one size prove that the log signed two histories.  At different sizes the two files alone prove
nothing: a proof that fails can come from a fork or from a fault of the log's publisher, so the fact then stays
open, and the log owes a proof that holds.

Not promised: which of the two histories is the true one. A copy of each, entry by entry, shows where they part.
"""

from typing import Final

from comity.ledger import (
    LedgerError,
    OpenedNote,
    Policy,
    ProofFailed,
    TreeHead,
    check_consistency,
    open_note,
    parse_head,
)
from comity.ledger.add_checkpoint import parse_request
from comity.verify.facts import Fact, Verdict, counted, unestablished

__all__ = ["HELD", "REQUEST", "verify_fork"]

HELD: Final = "held"
REQUEST: Final = "request"
FORK_FACTS: Final = ("held", "shown", "one history")


def verify_fork(held: bytes, request: bytes, policy: Policy, *, keys: Fact | None = None) -> Verdict:
    """Establish what a witness's evidence shows; a fork is the fact `one history`, failing."""
    before = [keys] if keys else []
    subject = "a witness's evidence"
    try:
        asked = parse_request(request)
        old, held_fact = _head("held", held, policy)
        new, shown_fact = _head("shown", asked.checkpoint, policy)
    except LedgerError as error:
        fault = Fact(name="evidence", holds=False, detail=str(error), where=f"{HELD}, {REQUEST}")
        return Verdict(subject=subject, facts=(*before, fault, *unestablished(FORK_FACTS, "the files do not hold")))
    facts = (*before, held_fact, shown_fact, _one_history(old, new, asked.proof))
    return Verdict(subject=f"{subject} against {old.origin}", facts=facts)


def _head(name: str, data: bytes, policy: Policy) -> tuple[TreeHead, Fact]:
    """A head that every key of the log signed; witnesses' signatures are named where they are."""
    known = {witness.key.vkey: witness.name for witness in policy.witnesses}
    opened = open_note(data, [*(log.key for log in policy.logs), *(witness.key for witness in policy.witnesses)])
    signed = {each.verifier.vkey for each in opened.verified}
    if missing := [log.key.kind for log in policy.logs if log.key.vkey not in signed]:
        raise LedgerError(f"{name}: the log's key ({', '.join(missing)}) has not signed, so it proves nothing")
    head = parse_head(opened.text)
    said = f"{counted(head.size, 'entry', 'entries')}, root {head.root.hex()}, signed by the log's own keys"
    return head, Fact(name=name, holds=True, detail=f"{said}{_cosigned(opened, known)}")


def _cosigned(opened: OpenedNote, known: dict[str, str]) -> str:
    names = [
        f"{known[each.verifier.vkey]} at {each.at:%Y-%m-%d %H:%M:%S} UTC"
        for each in opened.verified
        if each.verifier.vkey in known and each.at is not None
    ]
    return f"; cosigned by {', '.join(names)}" if names else "; cosigned by nobody"


def _one_history(old: TreeHead, new: TreeHead, proof: tuple[bytes, ...]) -> Fact:
    name = "one history"
    if old.origin != new.origin:
        return Fact(name=name, holds=None, detail=f"two logs, {old.origin} and {new.origin}: nothing to compare")
    if old.size == new.size and old.root != new.root:
        said = f"two roots: the log signed two histories of {counted(old.size, 'entry', 'entries')}"
        return Fact(name=name, holds=False, detail=said, where=f"{HELD}, {REQUEST}")
    try:
        check_consistency(proof, old=old.size, size=new.size, old_root=old.root, root=new.root)
    except ProofFailed as error:
        said = f"the proof from {old.size} to {new.size} fails ({error}); the log owes one that holds, or it is a fork"
        return Fact(name=name, holds=None, detail=said)
    return Fact(name=name, holds=True, detail=f"the later tree of {new.size} begins with the earlier one of {old.size}")
