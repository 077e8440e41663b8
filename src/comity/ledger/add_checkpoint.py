"""The request by which a log asks a witness to cosign (c2sp.org/tlog-witness, add-checkpoint).

    old <size>                 the size the log believes the witness cosigned last
    <base64 hash>              0 to 63 lines: a consistency proof from that size to the checkpoint's
    (an empty line)
    <checkpoint>               a signed note, as it will be published

Sizes and hashes have one spelling each; the note is kept as the bytes that came.
"""

from dataclasses import dataclass
from typing import Final

from comity.ledger.encoding import decode_base64, encode_base64, parse_decimal
from comity.ledger.errors import LedgerError
from comity.ledger.merkle import HASH_SIZE, Hash

MAX_PROOF_LINES: Final = 63
MAX_REQUEST_BYTES: Final = 1_010_000
"""A note of Go's limit, 1,000,000 bytes, and a proof."""


class MalformedRequest(LedgerError):
    """The body is not an add-checkpoint request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """What a log asks a witness."""

    old: int
    proof: tuple[Hash, ...]
    checkpoint: bytes


def format_request(request: AddCheckpoint) -> bytes:
    """The body to post."""
    lines = [f"old {request.old}\n", *(encode_base64(value) + "\n" for value in request.proof), "\n"]
    return "".join(lines).encode() + request.checkpoint


def parse_request(body: bytes) -> AddCheckpoint:
    """Read a body, or raise `MalformedRequest` and nothing else."""
    if len(body) > MAX_REQUEST_BYTES:
        raise MalformedRequest(f"a request has at most {MAX_REQUEST_BYTES} bytes, {len(body)} came")
    head, empty, checkpoint = body.partition(b"\n\n")
    if not empty:
        raise MalformedRequest("no empty line between the proof and the checkpoint")
    try:
        first, *lines = head.decode("ascii").split("\n")
        if not first.startswith("old "):
            raise ValueError(f"the first line is 'old <size>', {first[:40]!r} came")
        old = parse_decimal(first.removeprefix("old "))
        if len(lines) > MAX_PROOF_LINES:
            raise ValueError(f"a proof has at most {MAX_PROOF_LINES} lines, {len(lines)} came")
        proof = tuple(decode_base64(line) for line in lines)
    except ValueError as fault:
        raise MalformedRequest(str(fault)) from None
    if any(len(value) != HASH_SIZE for value in proof):
        raise MalformedRequest(f"each line of the proof holds {HASH_SIZE} bytes")
    return AddCheckpoint(old=old, proof=proof, checkpoint=checkpoint)
