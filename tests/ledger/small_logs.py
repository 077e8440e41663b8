"""A log in memory, with keys made from fixed seeds, for tests of formats."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from comity.ledger import (
    Frontier,
    KeyKind,
    Policy,
    Receipt,
    Signer,
    TreeHead,
    encode_bundle,
    encode_tile,
    format_head,
    generate_key,
    leaf_hash,
    new_bundles,
    parse_policy,
    prove_inclusion,
    root_of,
    sign_note,
    tiles_for,
)

VECTORS = Path(__file__).parent.parent / "vectors" / "ledger"
NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ORIGIN = "operator.example/a/0123456789abcdef"


@cache
def key(kind: KeyKind, name: str, seed: str = "") -> Signer:
    """The key that this kind, name and seed always give."""
    return generate_key(kind, name, lambda n: hashlib.shake_256(f"{kind} {name} {seed}".encode()).digest(n))


LOG = key("ed25519", ORIGIN)
LOG_MLDSA = key("mldsa44-cosigner", ORIGIN)
AUTHORITY = key("ed25519-cosigner", "authority.example/witness")
PROVIDER = key("ed25519-cosigner", "provider.example/witness")
EVERYBODY = (LOG, LOG_MLDSA, AUTHORITY, PROVIDER)
POLICY_TEXT = f"""\
# who must have seen it
log {LOG.vkey} https://operator.example/a/0123456789abcdef
log {LOG_MLDSA.vkey}
witness authority {AUTHORITY.vkey} https://authority.example/
witness provider {PROVIDER.vkey} https://provider.example/
group both all authority provider
quorum both
"""
POLICY: Policy = parse_policy(POLICY_TEXT)


class SmallLog:
    """Entries and every complete subtree above them."""

    def __init__(self, entries: Iterable[bytes]) -> None:
        self.entries = list(entries)
        self.hashes: dict[tuple[int, int], bytes] = {}
        frontier = Frontier.empty()
        for entry in self.entries:
            for level, n, value in frontier.completing(leaf_hash(entry)):
                self.hashes[level, n] = value

    @classmethod
    def of(cls, size: int) -> "SmallLog":
        return cls(b'{"kind":"probe","n":%d}' % n for n in range(size))

    @property
    def size(self) -> int:
        return len(self.entries)

    def read(self, level: int, n: int) -> bytes:
        return self.hashes[level, n]

    def text(self, size: int | None = None) -> str:
        size = self.size if size is None else size
        return format_head(TreeHead(origin=ORIGIN, size=size, root=root_of(size, self.read)))

    def checkpoint(self, *signers: Signer, size: int | None = None) -> bytes:
        return sign_note(self.text(size), signers or EVERYBODY, NOON)

    def receipt(self, index: int, *signers: Signer) -> Receipt:
        return Receipt(
            index=index,
            proof=prove_inclusion(index, self.size, self.read),
            checkpoint=self.checkpoint(*signers),
        )

    def write(self, directory: Path) -> None:
        """The directory that a web server would serve."""
        for tile in tiles_for(self.size):
            assert tile.level != "entries"
            first = tile.n * 256
            row = [self.hashes[8 * tile.level, first + i] for i in range(tile.width)]
            _put(directory / tile.path, encode_tile(row))
        for tile in new_bundles(0, self.size):
            first = tile.n * 256
            _put(directory / tile.path, encode_bundle(self.entries[first : first + tile.width]))
        _put(directory / "checkpoint", self.checkpoint())


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
