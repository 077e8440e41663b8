"""Permits on the wire: the one header by which a provider's guard knows a recorded call.

    comity-permit: v1;<index>;<expires>;<signature>;<place>;<size>;<path>

`index` is the permit's entry in the ledger, `expires` is seconds since 1970.  A permit is a text,

    comity permit/1
    <ledger origin>
    <digest of the terms>
    <index>
    <METHOD> <target>
    <SHA-256 of the body as sent, hex>
    <expires>

each line ending in a newline.  So a permit fits one request under one arrangement, byte for byte,
for `PERMIT_SECONDS`.

Calls that are decided together are signed together: their texts are the leaves of a tree as RFC 6962
hashes it, and `signature` is Ed25519 (RFC 8032) by the gateway's permit key, the clause
`guard.permit_key`, over

    comity permits/1
    <ledger origin>
    <digest of the terms>
    <size: how many leaves>
    <root of the tree, hex>

`place` is the leaf's position and `path` its audit path, 32 bytes a hash.  Signature and path are
base64url without padding.  A lone permit is a tree of one, with an empty path.  The header is ASCII
and has at most 640 bytes.

`expires` counts from the time in the permit's own entry (`expiry_of`), so that the day of a permit
(`permit_day`) is the day of its entry, whatever the guard's clock says.

Bounds: the two clocks may differ by `SKEW_SECONDS`; a permit that expires later than a new one
could is refused too.

Not promised: that a permit is used once.  That takes a memory: `comity.gateway.guard_state`.
Nor that the entry exists: whoever holds the permit key can sign any index, and what catches that
is the comparison of the guard's counters with the ledger (`comity.gateway.guard_reconcile`).
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Final, NamedTuple

from comity.ledger import BadSignature, ProofFailed, Signer, Verifier, parse_vkey
from comity.ledger.merkle import HASH_SIZE, leaf_hash, node_hash, root_from

__all__ = [
    "HEADER",
    "PERMIT_SECONDS",
    "REASONS",
    "SKEW_SECONDS",
    "PermitNote",
    "PermitRefused",
    "PermitSlip",
    "check_permit",
    "expiry_of",
    "permit_day",
    "sign_permits",
]

HEADER: Final = "comity-permit"
PERMIT_SECONDS: Final = 60
"""From the entry to the expiry: connecting to a provider takes 10 s at most before the gateway gives up."""
SKEW_SECONDS: Final = 30
"""How far the gateway's clock and the guard's may differ; NTP keeps them within one."""

REASONS: Final = MappingProxyType(
    {
        "missing": "the request carries no permit",
        "malformed": "the header comity-permit is not in its form, or came twice",
        "signature": "the permit was not signed by this arrangement's permit key for this method, target and body",
        "expired": "the permit's time is over",
        "early": "the permit expires later than any that is signed now",
        "used": "the permit was used before",
        "oversized": "the body has more bytes than any that a gateway sends",
    }
)
"""Why a guard refuses, and counts it under this name."""

MAX_TREE: Final = 1_024
"""Permits under one signature; a ledger commits at most half as many calls together."""

_FORM: Final = re.compile(
    r"v1;(0|[1-9][0-9]{0,14});([1-9][0-9]{0,11});([A-Za-z0-9_-]{86});(0|[1-9][0-9]{0,3});([1-9][0-9]{0,3});"
    r"([A-Za-z0-9_-]{0,430})",
    re.ASCII,
)
_LINE: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)


class PermitRefused(Exception):
    """A request without a valid, unused permit; `reason` is a key of `REASONS`."""

    def __init__(self, reason: str, because: str = "") -> None:
        self.reason = reason
        super().__init__(because or REASONS[reason])


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitNote:
    """A permit whose signature holds and whose time is not over."""

    index: int
    """The permit's entry in the ledger."""
    expires: int
    """Seconds since 1970, by the gateway's clock."""


def expiry_of(at: datetime) -> int:
    """When the permit of an entry of time `at` expires, in seconds since 1970."""
    return int(at.timestamp()) + PERMIT_SECONDS


def permit_day(expires: int) -> str:
    """The day in UTC, `YYYY-MM-DD`, of the entry whose permit expires then.

    >>> permit_day(expiry_of(datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)))
    '2026-11-23'
    """
    return datetime.fromtimestamp(expires - PERMIT_SECONDS, UTC).date().isoformat()


class PermitSlip(NamedTuple):
    """What one permit is for; `target` is path and query exactly as sent upstream."""

    entry: int
    """The permit's, by its index in the ledger."""
    method: str
    target: str
    sent: str
    """SHA-256 of the body as sent, hex."""
    expires: int


def _texts(origin: str, digest: str, slips: Iterable[PermitSlip]) -> list[bytes]:
    """The leaves that a signature covers."""
    shared = f"comity permit/1\n{origin}\n{digest}"
    return [
        f"{shared}\n{entry}\n{method} {target}\n{sent}\n{expires}\n".encode()
        for entry, method, target, sent, expires in slips
    ]


def sign_permits(signer: Signer, *, origin: str, digest: str, slips: Sequence[PermitSlip]) -> list[str]:
    """The values of the header for requests that were decided together, by one signature."""
    if signer.kind != "ed25519" or not all(_LINE.fullmatch(target) for target in {slip.target for slip in slips}):
        raise AssertionError("a permit is signed with an Ed25519 note key, for a target of visible ASCII")
    if not 1 <= len(slips) <= MAX_TREE:
        raise AssertionError(f"{len(slips)} permits are to be signed together, at most {MAX_TREE} may")
    levels = [[leaf_hash(text) for text in _texts(origin, digest, slips)]]
    while len(below := levels[-1]) > 1:
        above = [node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append([*above, below[-1]] if len(below) % 2 else above)  # an odd one out is a node of the next level
    signature = _base64(signer.sign_note(_tree_text(origin, digest, len(slips), levels[-1][0])).blob)
    size = len(slips)
    return [
        f"v1;{slip.entry};{slip.expires};{signature};{place};{size};{_base64(_path(levels, place))}"
        for place, slip in enumerate(slips)
    ]


def _path(levels: Sequence[Sequence[bytes]], place: int) -> bytes:
    path = []
    for level in levels[:-1]:
        beside = place ^ 1
        if beside < len(level):
            path.append(level[beside])
        place >>= 1
    return b"".join(path)


def _tree_text(origin: str, digest: str, size: int, root: bytes) -> str:
    return f"comity permits/1\n{origin}\n{digest}\n{size}\n{root.hex()}\n"


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode()


def _from_base64(text: str) -> bytes:
    """The bytes; refuses a second spelling of them."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:  # a length that no bytes have
        raise PermitRefused("malformed") from None
    if _base64(data) != text:
        raise PermitRefused("malformed")
    return data


@lru_cache(maxsize=1024)
def _check_signature(vkey: str, text: str, signature: bytes) -> None:
    """Raise `BadSignature`; a tree's signature that held is not computed again for its other leaves."""
    parse_vkey(vkey).check(text, signature)


def check_permit(
    header: str | None,
    *,
    key: Verifier,
    origin: str,
    digest: str,
    method: str,
    target: str,
    body: bytes,
    now: datetime,
) -> PermitNote:
    """The permit in a header that fits this request, or `PermitRefused`; remembers nothing of calls."""
    if header is None:
        raise PermitRefused("missing")
    found = _FORM.fullmatch(header)
    if found is None:
        raise PermitRefused("malformed")
    index, expires, place, size = int(found[1]), int(found[2]), int(found[4]), int(found[5])
    signature, path = _from_base64(found[3]), _from_base64(found[6])
    if len(path) % HASH_SIZE or not place < size <= MAX_TREE:
        raise PermitRefused("malformed")
    sent = sha256(body).hexdigest()
    slip = PermitSlip(entry=index, method=method, target=target, sent=sent, expires=expires)
    hashes = [path[at : at + HASH_SIZE] for at in range(0, len(path), HASH_SIZE)]
    try:
        [text] = _texts(origin, digest, [slip])
        root = root_from(hashes, index=place, size=size, leaf=leaf_hash(text))
        _check_signature(key.vkey, _tree_text(origin, digest, size, root), signature)
    except (BadSignature, ProofFailed):
        raise PermitRefused("signature") from None
    seconds = now.timestamp()
    if seconds > expires + SKEW_SECONDS:
        late = int(seconds) - expires
        raise PermitRefused("expired", f"the permit expired {late} s ago; {SKEW_SECONDS} s are allowed between clocks")
    if expires > seconds + PERMIT_SECONDS + SKEW_SECONDS:
        far = expires - int(seconds)
        raise PermitRefused(
            "early", f"the permit expires in {far} s; {PERMIT_SECONDS} s are usual and {SKEW_SECONDS} s of skew allowed"
        )
    return PermitNote(index=index, expires=expires)
