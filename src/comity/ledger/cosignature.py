"""Cosignatures: what a cosigner signs over a checkpoint (c2sp.org/tlog-cosignature).

    blob = u64 big-endian POSIX seconds || signature

Ed25519 (type 04) signs   "cosignature/v1\\n" "time <seconds>\\n" <the whole note text>
ML-DSA-44 (type 06) signs  "subtree/v1\\n\\0", u8-len name, u64 time, u8-len origin, u64 start, u64 end,
                           32-byte root, with the empty context; over a checkpoint start is 0, end its size

Meaning: as of that time, the largest consistent tree that this cosigner has seen for that origin has
that root. In type 06 a time of zero withdraws "as of that time, the largest", and is read as None.
Nothing is said about truth or about extension lines (which type 04 covers and type 06 does not).

Type 04 does not commit to the cosigner's name: one key per cosigner, never shared.

Limits: a time is at most 2**63 - 1 by the specification; here also at most the year 9999, beyond
which Python has no instant. Type 04 is not given time zero here.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from comity.ledger.checkpoint import TreeHead
from comity.ledger.errors import BadSignature

TIME_SIZE: Final = 8
MAX_SECONDS: Final = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
MLDSA44_LABEL: Final = b"subtree/v1\n\x00"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def ed25519_message(text: str, seconds: int) -> bytes:
    """The bytes that a type 04 cosignature signs."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def mldsa44_message(name: str, seconds: int, head: TreeHead) -> bytes:
    """The bytes that a type 06 cosignature signs over a checkpoint."""
    cosigner, origin = name.encode(), head.origin.encode()
    if not 1 <= len(cosigner) <= 255 or not 1 <= len(origin) <= 255:
        raise BadSignature("an ML-DSA-44 cosignature takes a cosigner's name and an origin of 1 to 255 bytes")
    return b"".join((
        MLDSA44_LABEL,
        bytes([len(cosigner)]), cosigner,
        seconds.to_bytes(8, "big"),
        bytes([len(origin)]), origin,
        (0).to_bytes(8, "big"), head.size.to_bytes(8, "big"),
        head.root,
    ))  # fmt: skip


def join_time(seconds: int, signature: bytes) -> bytes:
    """The blob of a cosignature."""
    return seconds.to_bytes(TIME_SIZE, "big") + signature


def split_time(blob: bytes, signature_size: int) -> tuple[int, bytes]:
    """Seconds and signature of a blob, or `BadSignature`."""
    if len(blob) != TIME_SIZE + signature_size:
        raise BadSignature(
            f"a cosignature of this type has {TIME_SIZE + signature_size} bytes, not {len(blob)}"
        )
    seconds = int.from_bytes(blob[:TIME_SIZE], "big")
    if seconds > MAX_SECONDS:
        raise BadSignature(f"time {seconds} lies beyond the year 9999")
    return seconds, blob[TIME_SIZE:]


def seconds_of(at: datetime) -> int:
    """Whole POSIX seconds of an aware instant; the part of a second is dropped."""
    if at.tzinfo is None:
        raise AssertionError("an instant needs a time zone")
    seconds = (at - _EPOCH) // timedelta(seconds=1)
    if seconds < 1:
        raise AssertionError(f"{at} is not after 1970, so it cannot be the time of a cosignature")
    return seconds


def instant_of(seconds: int) -> datetime:
    """The instant of whole POSIX seconds."""
    return _EPOCH + timedelta(seconds=seconds)
