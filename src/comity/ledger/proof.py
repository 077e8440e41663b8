"""Receipts: a proof, for anyone and without a server, that an entry is in a ledger (c2sp.org/tlog-proof).

    c2sp.org/tlog-proof@v1
    [extra <base64>]                what the format calls opaque; signed by nobody
    index <decimal>
    <base64 of a hash>              none or more, the leaf's sibling first
    (an empty line)
    the checkpoint, as signed

A file of this form is named `*.tlog-proof`.

`check_receipt` goes from the entry's bytes to the root that the log signed. What it answers are facts:
the entry is *recorded* as soon as the log signed, and *held* by those whom `checkpoint.quorum` counts.

Limits: at most 63 hashes (a ledger has fewer than 2**63 entries), a checkpoint of at most 1,000,000
bytes, and as much for `extra`. An `extra` line without content is refused: leaving it out says the same.

Not promised: that the entry is true, or that the log still serves it.
"""

from dataclasses import dataclass
from typing import Final

from comity.ledger.encoding import decode_base64, encode_base64, parse_decimal
from comity.ledger.errors import MalformedNote, MalformedReceipt
from comity.ledger.merkle import HASH_SIZE, MAX_SIZE, Hash, check_inclusion, leaf_hash
from comity.ledger.note import MAX_NOTE_BYTES, parse_note
from comity.ledger.opening import CheckpointVerdict, open_checkpoint
from comity.ledger.policy import Policy

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
MAX_PROOF_HASHES: Final = 63
MAX_EXTRA_BYTES: Final = 1_000_000
_MAX_BYTES: Final = MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A tlog-proof as parsed: nothing in it is established until `check_receipt`."""

    index: int
    proof: tuple[Hash, ...]
    checkpoint: bytes
    """The signed note, byte for byte."""
    extra: bytes | None = None
    """Unauthenticated; None where there is no such line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptVerdict:
    """What was established about one entry."""

    index: int
    leaf: Hash
    checkpoint: CheckpointVerdict
    """Who signed the root that the entry leads to. Its `quorum` is a fact here, not a condition."""


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt, or raise `MalformedReceipt` and nothing else."""
    if len(data) > _MAX_BYTES:
        raise MalformedReceipt(f"a receipt has at most {_MAX_BYTES} bytes, {len(data)} came")
    head, blank, checkpoint = data.partition(b"\n\n")
    if not blank:
        raise MalformedReceipt("no empty line between the proof and the checkpoint")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as e:
        raise MalformedReceipt("a proof is ASCII", line=head.count(b"\n", 0, e.start) + 1) from None
    if lines[0] != FIRST_LINE:
        raise MalformedReceipt(f"{FIRST_LINE!r} is expected, {lines[0][:40]!r} came", line=1)
    number = 2
    extra = None
    if len(lines) > 1 and lines[1].startswith("extra "):
        extra = _base64(lines[1].removeprefix("extra "), number)
        if not 1 <= len(extra) <= MAX_EXTRA_BYTES:
            raise MalformedReceipt(f"extra has 1 to {MAX_EXTRA_BYTES} bytes, {len(extra)} came", line=number)
        number = 3
    if len(lines) < number or not lines[number - 1].startswith("index "):
        raise MalformedReceipt("'index <decimal>' is expected", line=number)
    try:
        index = parse_decimal(lines[number - 1].removeprefix("index "), MAX_SIZE)
    except ValueError as e:
        raise MalformedReceipt(f"'index <decimal>' is expected: {e}", line=number) from None
    hashes = lines[number:]
    if len(hashes) > MAX_PROOF_HASHES:
        raise MalformedReceipt(f"a proof has at most {MAX_PROOF_HASHES} hashes, {len(hashes)} came")
    proof = []
    for place, line in enumerate(hashes, number + 1):
        value = _base64(line, place)
        if len(value) != HASH_SIZE:
            raise MalformedReceipt(f"a hash has {HASH_SIZE} bytes, {len(value)} came", line=place)
        proof.append(value)
    try:
        parse_note(checkpoint)
    except MalformedNote as e:
        begin = len(lines) + 2
        raise MalformedReceipt(f"the checkpoint, which begins on line {begin}, is not a note: {e}") from None
    return Receipt(index=index, proof=tuple(proof), checkpoint=checkpoint, extra=extra)


def format_receipt(receipt: Receipt) -> bytes:
    """The bytes of a receipt. `parse_receipt` gives the same receipt back."""
    lines = [FIRST_LINE]
    if receipt.extra is not None:
        lines.append(f"extra {encode_base64(receipt.extra)}")
    lines.append(f"index {receipt.index}")
    lines += [encode_base64(value) for value in receipt.proof]
    data = "\n".join(lines).encode("ascii") + b"\n\n" + receipt.checkpoint
    if parse_receipt(data) != receipt:
        raise AssertionError("a receipt was built that parse_receipt reads differently")
    return data


def check_receipt(receipt: Receipt, entry: bytes, policy: Policy) -> ReceiptVerdict:
    """Establish that `entry` is at the receipt's index under a checkpoint that a log of the policy signed.

    Raises `ProofFailed`, or what `open_checkpoint` raises.
    """
    verdict = open_checkpoint(receipt.checkpoint, policy)
    leaf = leaf_hash(entry)
    check_inclusion(
        receipt.proof, index=receipt.index, size=verdict.head.size, leaf=leaf, root=verdict.head.root
    )
    return ReceiptVerdict(index=receipt.index, leaf=leaf, checkpoint=verdict)


def _base64(text: str, number: int) -> bytes:
    try:
        return decode_base64(text)
    except ValueError as e:
        raise MalformedReceipt(str(e), line=number) from None
