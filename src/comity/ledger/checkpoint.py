"""Checkpoints: the text in which a log states its size and root (c2sp.org/tlog-checkpoint).

    <origin>                 the log's name, here also the name of its keys and the prefix of its tiles
    <size>                   decimal, no leading zero; 0 for the empty log
    <base64 of the root>     32 bytes
    [extension lines]        never written here

    >>> print(format_head(TreeHead(origin="example.com/log", size=0, root=bytes(32))), end="")
    example.com/log
    0
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

Extension lines are refused with `strict`, and otherwise skipped: ML-DSA-44 cosignatures do not cover
them and Ed25519 cosigners differ about them, so nothing here reads them.

Limits: an origin has at most 255 bytes (an ML-DSA-44 cosignature gives it a one-byte length).

Not promised: that anybody signed it. `opening` says who did.
"""

from dataclasses import dataclass
from typing import Final

from comity.ledger.encoding import decode_base64, encode_base64, parse_decimal
from comity.ledger.errors import MalformedCheckpoint
from comity.ledger.merkle import HASH_SIZE, MAX_SIZE, Hash

MAX_ORIGIN_BYTES: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """Which log, how many entries, which root."""

    origin: str
    size: int
    root: Hash


def format_head(head: TreeHead) -> str:
    """The three lines of a checkpoint."""
    _check_origin(head.origin)
    if not 0 <= head.size <= MAX_SIZE or len(head.root) != HASH_SIZE:
        raise MalformedCheckpoint(
            f"size {head.size} with a root of {len(head.root)} bytes cannot be a tree head"
        )
    return f"{head.origin}\n{head.size}\n{encode_base64(head.root)}\n"


def parse_head(text: str, *, strict: bool = False) -> TreeHead:
    """Read a checkpoint's text, or raise `MalformedCheckpoint` and nothing else.

    With `strict`, extension lines are refused instead of skipped.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "":
        raise MalformedCheckpoint(
            f"a checkpoint has three lines, each ending in a newline; {text[:80]!r} came"
        )
    if "" in lines[:-1]:
        raise MalformedCheckpoint("an empty line inside a checkpoint", line=lines.index("") + 1)
    if strict and len(lines) > 4:
        raise MalformedCheckpoint(
            f"extension line {lines[3][:40]!r}; only origin, size and root are expected", line=4
        )
    origin, size, root = lines[:3]
    _check_origin(origin)
    try:
        count = parse_decimal(size, MAX_SIZE)
    except ValueError as e:
        raise MalformedCheckpoint(f"a size is expected: {e}", line=2) from None
    try:
        value = decode_base64(root)
    except ValueError as e:
        raise MalformedCheckpoint(f"a root is expected: {e}", line=3) from None
    if len(value) != HASH_SIZE:
        raise MalformedCheckpoint(f"a root has {HASH_SIZE} bytes, {len(value)} came", line=3)
    return TreeHead(origin=origin, size=count, root=value)


def _check_origin(origin: str) -> None:
    try:
        length = len(origin.encode("utf-8"))
    except UnicodeEncodeError:
        raise MalformedCheckpoint("the origin holds a lone surrogate, which UTF-8 cannot carry") from None
    if not 1 <= length <= MAX_ORIGIN_BYTES or any(c < " " for c in origin):
        raise MalformedCheckpoint(
            f"an origin has 1 to {MAX_ORIGIN_BYTES} bytes on one line; {origin[:40]!r} came", line=1
        )
