"""Checkpoints and receipts: who signed, and whether one entry is under what they signed.

`verify_checkpoint` and a copied directory use the strict rule: every key that the policy names has signed, once,
and nobody else (`comity.ledger.open_checkpoint_strictly`).  A receipt may be older than a witness's signature,
so for it the rule of signed notes holds, and who is missing for the quorum is a fact of its own: before the
quorum an entry is *recorded*, after it is *held by both*.
"""

from comity.ledger import (
    CheckpointRefused,
    CheckpointVerdict,
    LedgerError,
    MalformedNote,
    Policy,
    QuorumMet,
    QuorumMissing,
    TreeHead,
    check_receipt,
    open_checkpoint_strictly,
    parse_receipt,
)
from comity.verify.facts import Fact, Verdict, counted, unestablished

SIGNATURE_FACTS = ("log signatures", "cosignatures", "quorum")


def check_checkpoint(data: bytes, policy: Policy, where: str = "checkpoint") -> tuple[list[Fact], TreeHead | None]:
    """The facts about a checkpoint under the strict rule, and its head where they hold."""
    try:
        opened = open_checkpoint_strictly(data, policy)
    except LedgerError as error:
        line = error.line if isinstance(error, CheckpointRefused | MalformedNote) else None
        text = str(error).removeprefix(f"line {line}: ") if line is not None else str(error)
        place = where if line is None else f"{where} line {line}"
        fact = Fact(name="checkpoint", holds=False, detail=text, where=place)
        return [fact, *unestablished(SIGNATURE_FACTS, "not looked at, because the checkpoint does not hold")], None
    head = opened.head
    said = f"{head.origin} at {counted(head.size, 'entry', 'entries')}, root {head.root.hex()}"
    return [Fact(name="checkpoint", holds=True, detail=said), *_signature_facts(opened)], head


def verify_checkpoint(data: bytes, policy: Policy, *, keys: Fact | None = None) -> Verdict:
    """Establish who signed a checkpoint that came alone."""
    facts, _ = check_checkpoint(data, policy)
    return Verdict(subject="checkpoint", facts=tuple([*([keys] if keys else []), *facts]))


def verify_receipt(data: bytes, entry: bytes, policy: Policy, *, keys: Fact | None = None) -> Verdict:
    """Establish that `entry` is where its receipt says, under a root that the log signed."""
    facts = [keys] if keys else []
    try:
        receipt = parse_receipt(data)
        found = check_receipt(receipt, entry, policy)
    except LedgerError as error:
        facts.append(Fact(name="receipt", holds=False, detail=str(error), where="receipt"))
        facts += unestablished(SIGNATURE_FACTS, "not established, because the receipt does not hold")
        return Verdict(subject="receipt", facts=tuple(facts))
    head = found.checkpoint.head
    said = f"this entry is entry {found.index} of {head.size} in {head.origin}, leaf {found.leaf.hex()}"
    facts += [Fact(name="receipt", holds=True, detail=said), *_signature_facts(found.checkpoint)]
    return Verdict(subject="receipt", facts=tuple(facts))


def _signature_facts(opened: CheckpointVerdict) -> list[Fact]:
    kinds = ", ".join(
        signature.key.kind.removesuffix("-cosigner").replace("ed25519", "Ed25519").replace("mldsa44", "ML-DSA-44")
        for signature in opened.log_signatures
    )
    signed = ", ".join(
        f"{each.witness} at {each.at:%Y-%m-%d %H:%M:%S} UTC" for each in opened.cosigned_by if each.at is not None
    )
    return [
        Fact(name="log signatures", holds=True, detail=f"by the log's own keys: {kinds}"),
        Fact(name="cosignatures", holds=True if signed else None, detail=signed or "none"),
        _quorum_fact(opened),
    ]


def _quorum_fact(opened: CheckpointVerdict) -> Fact:
    match opened.quorum:
        case QuorumMissing(missing=missing):
            said = f"not met: {', '.join(missing)} missing; what is under this root is recorded, not yet held by both"
            return Fact(name="quorum", holds=None, detail=said)
        case QuorumMet() if opened.cosigned_by:
            said = "met: what is under this root is held by those who cosigned"
            return Fact(name="quorum", holds=True, detail=said)
        case QuorumMet():
            said = "the policy asks for no cosignature: recorded, and held by nobody else"
            return Fact(name="quorum", holds=None, detail=said)
