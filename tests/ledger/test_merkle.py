"""The Merkle tree: one definition, three ways to the root, proofs that cannot be bent."""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import VECTORS, SmallLog

from comity.ledger import (
    EMPTY_ROOT,
    Frontier,
    NotInTree,
    ProofFailed,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    root_of,
)

LOG = SmallLog.of(64)
LEAVES = [leaf_hash(e) for e in LOG.entries]


def defined_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(defined_root(leaves[:k]), defined_root(leaves[k:]))


def flipped(value: bytes, bit: int = 0) -> bytes:
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(len(value), "big")


def vectors(kind: str) -> list[dict[str, Any]]:
    paths = sorted((VECTORS / "merkle" / kind).glob("*.json"))
    assert paths
    return [json.loads(path.read_text()) for path in paths]


def b64(text: str) -> bytes:
    return base64.b64decode(text)


def test_roots_of_the_reference_tree_are_the_published_ones():
    """The eight-leaf tree of Certificate Transparency has, at each size, the root that others publish."""
    tree = json.loads((VECTORS / "merkle" / "eight-leaves.json").read_text())
    log = SmallLog(bytes.fromhex(leaf) for leaf in tree["leaves"])

    assert [root_of(n, log.read).hex() for n in range(1, 9)] == tree["roots"]


def test_root_over_given_leaf_hashes_is_the_published_one():
    """A tree is over leaf hashes, wherever they come from (litewitness's test tree)."""
    tree = json.loads((VECTORS / "merkle" / "litewitness.json").read_text())
    frontier = Frontier.empty()
    for leaf in tree["leaf_hashes"]:
        frontier.append(bytes.fromhex(leaf))

    assert frontier.root() == b64(tree["root"])


@pytest.mark.parametrize("vector", vectors("inclusion"), ids=lambda v: f"{v['leafIdx']}-of-{v['treeSize']}")
def test_published_inclusion_proofs_hold_and_no_mutation_of_them_does(vector):
    """Each published proof is accepted; wrong index, size, root, leaf, and a longer or shorter proof are not."""
    index, size = vector["leafIdx"], vector["treeSize"]
    root, leaf = b64(vector["root"]), b64(vector["leafHash"])
    proof = [b64(p) for p in vector["proof"] or []]
    check_inclusion(proof, index=index, size=size, leaf=leaf, root=root)

    garbage = bytes(32)
    mutations: list[tuple[list[bytes], int, int, bytes, bytes]] = [
        (proof, index - 1, size, leaf, root),
        (proof, index + 1, size, leaf, root),
        (proof, index ^ 2, size, leaf, root),
        (proof, index, size // 2, leaf, root),
        (proof, index, size * 2, leaf, root),
        (proof, index, size, b"WrongLeaf", root),
        (proof, index, size, leaf, b""),
        (proof, index, size, leaf, EMPTY_ROOT),
        (proof, index, size, leaf, garbage),
        ([*proof, b""], index, size, leaf, root),
        ([*proof, garbage], index, size, leaf, root),
        ([*proof, root], index, size, leaf, root),
        ([garbage, *proof], index, size, leaf, root),
        ([root, *proof], index, size, leaf, root),
        *((proof[:n] + [flipped(proof[n], 3)] + proof[n + 1 :], index, size, leaf, root) for n in range(len(proof))),
        *((proof[:n] + proof[n + 1 :], index, size, leaf, root) for n in range(len(proof))),
        *((proof[:n] + [garbage] + proof[n:], index, size, leaf, root) for n in range(len(proof) + 1)),
    ]
    for changed, at, total, of, to in mutations:
        with pytest.raises(ProofFailed):
            check_inclusion(changed, index=at, size=total, leaf=of, root=to)


@pytest.mark.parametrize("vector", vectors("consistency"), ids=lambda v: f"{v['size1']}-to-{v['size2']}")
def test_published_consistency_proofs_hold_and_no_mutation_of_them_does(vector):
    """Each published proof is accepted; wrong sizes, roots, and a longer or shorter proof are not."""
    old, size = vector["size1"], vector["size2"]
    old_root, root = b64(vector["root1"]), b64(vector["root2"])
    proof = [b64(p) for p in vector["proof"] or []]
    check_consistency(proof, old=old, size=size, old_root=old_root, root=root)

    garbage = bytes(32)
    mutations: list[tuple[list[bytes], int, int, bytes, bytes]] = [
        (proof, old - 1, size, old_root, root),
        (proof, old + 1, size, old_root, root),
        (proof, old ^ 2, size, old_root, root),
        (proof, old, size * 2, old_root, root),
        (proof, old, size // 2, old_root, root),
        (proof, old, size, garbage, root),
        (proof, old, size, old_root, garbage),
        ([*proof, garbage], old, size, old_root, root),
        ([*proof, b""], old, size, old_root, root),
        ([*proof, root], old, size, old_root, root),
        ([garbage, *proof], old, size, old_root, root),
        ([old_root, *proof], old, size, old_root, root),
        *((proof[:n] + [flipped(proof[n], 4)] + proof[n + 1 :], old, size, old_root, root) for n in range(len(proof))),
        *((proof[:n], old, size, old_root, root) for n in range(len(proof))),
    ]
    if old_root != root:
        mutations.append((proof, old, size, root, old_root))
    for changed, small, large, before, after in mutations:
        with pytest.raises(ProofFailed):
            check_consistency(changed, old=small, size=large, old_root=before, root=after)


def test_frontier_store_and_definition_agree_at_every_size():
    """Up to 64 leaves the builder, the reader of a store and RFC 6962's recursion give one root."""
    frontier = Frontier.empty()
    for size in range(65):
        assert frontier.size == size
        assert frontier.root() == root_of(size, LOG.read) == defined_root(LEAVES[:size])
        assert Frontier.of(size, LOG.read).root() == frontier.root()
        assert Frontier(size, frontier.edge).root() == frontier.root()
        if size < 64:
            frontier.append(LEAVES[size])


def test_every_leaf_of_every_tree_has_a_proof_that_only_it_satisfies():
    """Up to 64 leaves each entry is proved; a flipped bit in any hash, or another index, fails."""
    for size in range(1, 65):
        root = root_of(size, LOG.read)
        for index in range(size):
            proof = prove_inclusion(index, size, LOG.read)
            check_inclusion(proof, index=index, size=size, leaf=LEAVES[index], root=root)
            for n, value in enumerate(proof):
                bent = [*proof[:n], flipped(value, (index * 7 + size) % 256), *proof[n + 1 :]]
                with pytest.raises(ProofFailed):
                    check_inclusion(bent, index=index, size=size, leaf=LEAVES[index], root=root)
            with pytest.raises(ProofFailed):
                check_inclusion(proof, index=(index + 1) % size, size=size + (size == 1), leaf=LEAVES[index], root=root)


def test_every_tree_is_proved_the_beginning_of_every_larger_one():
    """Up to 64 leaves each pair of sizes is proved; a flipped bit in any hash or either root fails."""
    roots = [root_of(n, LOG.read) for n in range(65)]
    for size in range(1, 65):
        for old in range(1, size + 1):
            proof = prove_consistency(old, size, LOG.read)
            check_consistency(proof, old=old, size=size, old_root=roots[old], root=roots[size])
            for n, value in enumerate(proof):
                bent = [*proof[:n], flipped(value, (old * 5 + size) % 256), *proof[n + 1 :]]
                with pytest.raises(ProofFailed):
                    check_consistency(bent, old=old, size=size, old_root=roots[old], root=roots[size])
            with pytest.raises(ProofFailed):
                check_consistency(proof, old=old, size=size, old_root=flipped(roots[old]), root=roots[size])
            with pytest.raises(ProofFailed):
                check_consistency(proof, old=old, size=size, old_root=roots[old], root=flipped(roots[size]))


def test_nothing_is_tied_to_the_empty_tree():
    """Size 0 has no proof in either direction, not even to itself; the caller compares with H("")."""
    assert () == prove_consistency(0, 5, LOG.read)
    for old, size in [(0, 0), (0, 5), (5, 0), (-1, 5)]:
        with pytest.raises(ProofFailed):
            check_consistency((), old=old, size=size, old_root=EMPTY_ROOT, root=EMPTY_ROOT)
    with pytest.raises(ProofFailed):
        check_inclusion((), index=0, size=0, leaf=LEAVES[0], root=EMPTY_ROOT)


def test_a_hash_of_another_length_is_refused_even_where_the_bytes_would_fit():
    """Moving the boundary between left and right gives the same node, so every hash must have 32 bytes."""
    left, right = LEAVES[0], LEAVES[1]
    root = node_hash(left, right)
    assert root == node_hash(left[:31], left[31:] + right)

    for leaf, sibling in [(left[:31], left[31:] + right), (left + right[:1], right[1:])]:
        with pytest.raises(ProofFailed, match="32 bytes"):
            check_inclusion([sibling], index=0, size=2, leaf=leaf, root=root)
        with pytest.raises(ProofFailed, match="32 bytes"):
            check_consistency([sibling], old=1, size=2, old_root=leaf, root=root)
    with pytest.raises(ProofFailed, match="32 bytes"):
        check_inclusion([], index=0, size=1, leaf=b"short", root=b"short")
    with pytest.raises(ProofFailed, match="32 bytes"):
        check_consistency([], old=1, size=1, old_root=b"short", root=b"short")


def test_what_lies_beyond_the_tree_is_refused_by_name():
    """Asking for an entry or a size that is not there is one error of its own, so that a server can say 404."""
    for ask in [
        lambda: prove_inclusion(5, 5, LOG.read),
        lambda: prove_inclusion(-1, 5, LOG.read),
        lambda: prove_consistency(6, 5, LOG.read),
        lambda: root_of(-1, LOG.read),
        lambda: root_of(2**63, LOG.read),
        lambda: Frontier(3, (LEAVES[0],)),
        lambda: Frontier.of(-1, LOG.read),
    ]:
        with pytest.raises(NotInTree):
            ask()


@given(
    st.lists(st.binary(min_size=30, max_size=33), max_size=70),
    st.integers(-2, 2**64),
    st.integers(-2, 2**64),
    st.binary(min_size=32, max_size=32),
)
def test_checking_any_proof_ends_in_a_verdict(proof, a, b, root):
    """Whatever is handed in, a check returns or raises `ProofFailed`, and made-up proofs never pass."""
    with pytest.raises(ProofFailed):
        check_inclusion(proof, index=a, size=b, leaf=hashlib.sha256(root).digest(), root=root)
    with pytest.raises(ProofFailed):
        check_consistency(proof, old=a, size=b, old_root=hashlib.sha256(root).digest(), root=root)


@given(st.integers(1, 2**62), st.data())
def test_large_trees_are_proved_as_small_ones_are(size, data):
    """In a tree of up to 2**62 equal leaves, inclusion and consistency are proved from complete subtrees alone."""
    uniform = [leaf_hash(b"same")]
    for _ in range(63):
        uniform.append(node_hash(uniform[-1], uniform[-1]))
    read = lambda level, n: uniform[level]  # noqa: E731
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    root = root_of(size, read)

    check_inclusion(prove_inclusion(index, size, read), index=index, size=size, leaf=uniform[0], root=root)
    check_consistency(prove_consistency(old, size, read), old=old, size=size, old_root=root_of(old, read), root=root)
