"""The Merkle tree of a ledger: hashes, roots, proofs (RFC 6962, section 2.1; SHA-256 only).

A leaf is SHA-256(0x00 || entry), a node SHA-256(0x01 || left || right), the empty tree SHA-256("").
A tree of n > 1 leaves splits at the largest power of two strictly smaller than n.

    >>> root_of(0, lambda level, n: b"") == EMPTY_ROOT
    True
    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'

A *complete subtree* (level, n) covers the 2**level leaves from n * 2**level on.
Complete subtrees never change as the tree grows, so they are all that a store has to keep:
every function here that needs the tree takes `read(level, n)`, which answers one such hash.

`prove_*` makes a proof from a store; `check_*` knows nothing of stores, returns nothing, and raises
`ProofFailed`: there is no boolean to forget.

Limits: a tree holds at most 2**63 - 1 leaves (c2sp.org/tlog-checkpoint and Go's int64), so no proof
is longer than 63 hashes for inclusion and 64 for consistency.

Not promised: anything about size 0. No proof ties a tree to the empty tree, and `check_consistency`
refuses size 0 on either side; a caller who starts from nothing compares with `EMPTY_ROOT` himself.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Self

from comity.ledger.errors import NotInTree, ProofFailed

Hash = bytes
"""32 bytes of SHA-256."""

ReadHash = Callable[[int, int], bytes]
"""(level, n) -> the hash of the complete subtree over leaves n * 2**level up to (n + 1) * 2**level."""

HASH_SIZE: Final = 32
MAX_SIZE: Final = 2**63 - 1
EMPTY_ROOT: Final[Hash] = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> Hash:
    """The leaf of one entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """The parent of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(size: int, read: ReadHash) -> Hash:
    """The root of the tree over the first `size` leaves."""
    if not 0 <= size <= MAX_SIZE:
        raise NotInTree(f"a tree has between 0 and {MAX_SIZE} leaves, {size} were asked for")
    return EMPTY_ROOT if size == 0 else _range_root(0, size, read)


def prove_inclusion(index: int, size: int, read: ReadHash) -> tuple[Hash, ...]:
    """The hashes that tie leaf `index` to the root at `size`, the leaf's sibling first.

    RFC 6962 calls this a Merkle audit path.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise NotInTree(f"entry {index} is not in a tree of {size}")
    path: list[Hash] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, read))
            high = middle
        else:
            path.append(_range_root(low, middle, read))
            low = middle
    return tuple(reversed(path))


def prove_consistency(old: int, size: int, read: ReadHash) -> tuple[Hash, ...]:
    """The hashes that show the first `old` leaves to be the same in the tree at `size`.

    Empty for equal sizes, and for `old` 0: there is nothing to show (c2sp.org/tlog-witness asks for
    an empty proof then), and `check_consistency` is not to be asked.
    """
    if not 0 <= old <= size <= MAX_SIZE:
        raise NotInTree(f"a tree of {old} is not the beginning of a tree of {size}")
    if old == 0:
        return ()
    path: list[Hash] = []
    low, high = 0, size
    whole = True  # the old tree's own root is known to the checker, until the walk turns right
    while old != high - low:
        width = _split(high - low)
        middle = low + width
        if old <= width:
            path.append(_range_root(middle, high, read))
            high = middle
        else:
            path.append(_range_root(low, middle, read))
            low = middle
            old -= width
            whole = False
    if not whole:
        path.append(_range_root(low, high, read))
    return tuple(reversed(path))


def check_inclusion(proof: Sequence[Hash], *, index: int, size: int, leaf: Hash, root: Hash) -> None:
    """Raise `ProofFailed` unless `proof` ties `leaf` at `index` to `root` at `size` (RFC 9162, 2.1.3.2)."""
    _check_hashes(root)
    if root_from(proof, index=index, size=size, leaf=leaf) != root:
        raise ProofFailed(f"the proof leads from entry {index} to another root than that of size {size}")


def root_from(proof: Sequence[Hash], *, index: int, size: int, leaf: Hash) -> Hash:
    """The root at `size` to which `proof` leads from `leaf` at `index`; raises `ProofFailed` where it leads to none."""
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofFailed(f"entry {index} cannot be in a tree of {size}")
    _check_hashes(leaf, *proof)
    here, last, value = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ProofFailed(f"the proof has more than the hashes needed for entry {index} of {size}")
        if here & 1 or here == last:
            value = node_hash(step, value)
            while not here & 1 and here:
                here >>= 1
                last >>= 1
        else:
            value = node_hash(value, step)
        here >>= 1
        last >>= 1
    if last:
        raise ProofFailed(f"the proof has {len(proof)} hashes, too few for entry {index} of {size}")
    return value


def check_consistency(proof: Sequence[Hash], *, old: int, size: int, old_root: Hash, root: Hash) -> None:
    """Raise `ProofFailed` unless the tree at `old` is the beginning of that at `size` (RFC 9162, 2.1.4.2)."""
    if not 1 <= old <= size <= MAX_SIZE:
        raise ProofFailed(f"no proof can tie a tree of {old} to one of {size}; both start at 1")
    _check_hashes(old_root, root, *proof)
    if old == size:
        if proof:
            raise ProofFailed(
                f"both trees have {size} entries, so the proof must be empty, not {len(proof)} hashes"
            )
        if old_root != root:
            raise ProofFailed(f"two different roots for one size, {size}")
        return
    if not proof:
        raise ProofFailed(f"an empty proof cannot tie size {old} to size {size}")
    rest = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    here, last = old - 1, size - 1
    while here & 1:
        here >>= 1
        last >>= 1
    old_value = value = rest[0]
    for step in rest[1:]:
        if last == 0:
            raise ProofFailed(f"the proof has more than the hashes needed from size {old} to {size}")
        if here & 1 or here == last:
            old_value = node_hash(step, old_value)
            value = node_hash(step, value)
            while not here & 1 and here:
                here >>= 1
                last >>= 1
        else:
            value = node_hash(value, step)
        here >>= 1
        last >>= 1
    if last:
        raise ProofFailed(f"the proof has {len(proof)} hashes, too few from size {old} to {size}")
    if old_value != old_root:
        raise ProofFailed(f"the proof leads to another root than that of the older size {old}")
    if value != root:
        raise ProofFailed(f"the proof leads to another root than that of size {size}")


class Frontier:
    """The right edge of a growing tree: the complete subtrees that make up its root, largest first.

    A mutable builder of at most 63 hashes. Appending costs two hashes on average.
    """

    __slots__ = ("_edge", "_size")

    def __init__(self, size: int, edge: Sequence[Hash]) -> None:
        if not 0 <= size <= MAX_SIZE or len(edge) != size.bit_count():
            raise NotInTree(f"a tree of {size} has an edge of one hash per set bit, not of {len(edge)}")
        _check_hashes(*edge)
        self._size = size
        self._edge = list(edge)

    @classmethod
    def empty(cls) -> Self:
        """The edge of the tree without leaves."""
        return cls(0, ())

    @classmethod
    def of(cls, size: int, read: ReadHash) -> Self:
        """The edge of a tree of `size` that a store already holds."""
        if not 0 <= size <= MAX_SIZE:
            raise NotInTree(f"a tree has between 0 and {MAX_SIZE} leaves, {size} were asked for")
        return cls(size, [read(level, n) for level, n in _complete_subtrees(0, size)])

    @property
    def size(self) -> int:
        """How many leaves were appended."""
        return self._size

    @property
    def edge(self) -> tuple[Hash, ...]:
        """The hashes to hand to `Frontier(size, edge)` in order to go on from here."""
        return tuple(self._edge)

    def append(self, leaf: Hash) -> None:
        """Add one leaf hash."""
        self.completing(leaf)

    def completing(self, leaf: Hash) -> list[tuple[int, int, Hash]]:
        """Add one leaf hash; answer every complete subtree it closed: (level, n, hash), itself first.

        What a writer of tiles needs: level 8 * L closed means one more hash in a tile of level L.
        """
        index = self._size
        if index >= MAX_SIZE:
            raise NotInTree(f"the tree is full at {MAX_SIZE} leaves")
        closed = [(0, index, leaf)]
        level = 0
        while index & 1:
            leaf = node_hash(self._edge.pop(), leaf)
            index >>= 1
            level += 1
            closed.append((level, index, leaf))
        self._edge.append(leaf)
        self._size += 1
        return closed

    def root(self) -> Hash:
        """The root over all leaves appended so far."""
        return _fold(self._edge) if self._edge else EMPTY_ROOT


def _split(width: int) -> int:
    """The largest power of two strictly smaller than `width` (> 1)."""
    return 1 << ((width - 1).bit_length() - 1)


def _complete_subtrees(low: int, high: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees (level, n) that leaves `low` up to `high` fall into, largest first.

    `low` is a multiple of the first width, as it is for every subtree that RFC 6962's split yields.
    """
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def _range_root(low: int, high: int, read: ReadHash) -> Hash:
    return _fold([read(level, n) for level, n in _complete_subtrees(low, high)])


def _fold(edge: Sequence[Hash]) -> Hash:
    value = edge[-1]
    for left in reversed(edge[:-1]):
        value = node_hash(left, value)
    return value


def _check_hashes(*hashes: Hash) -> None:
    for value in hashes:
        if len(value) != HASH_SIZE:
            raise ProofFailed(f"a hash has {HASH_SIZE} bytes, one of {len(value)} came")
