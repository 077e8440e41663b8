"""Files of a copied ledger: every byte recomputed and compared, and the differing file named.

From the entry bundles every leaf hash, every tile and the root are computed anew; each tile is then
compared with its file, hash by hash, and the root with the one that was signed.  A Merkle root tells that
something differs; to tell *which* file was changed, the tiles are also checked from the signed root
downwards: a tile whose hashes lead to the root is right, so the entry that differs from it is wrong.

Partial tiles of earlier sizes may still lie about (c2sp.org/tlog-tiles lets a log keep them until the full
tile exists); each must be a prefix of what is there now.  A full tile may stand in a partial one's place.

Files beyond the signed size are normal in a copy of a running ledger: the publisher writes tiles before it
signs.  No signature covers them, and that is said.  Any name that no tile has is a fault.

A byte's position inside an entry cannot be told from a hash; the entry's byte range in its file is given.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from comity.ledger import Frontier, Hash, LedgerError, MalformedTile, TreeHead, leaf_hash, node_hash, root_of
from comity.ledger.tiles import (
    TILE_WIDTH,
    Tile,
    decode_bundle,
    decode_tile,
    encode_bundle,
    encode_tile,
    hash_reader,
    new_bundles,
    parse_tile_path,
    tiles_for,
)
from comity.verify.facts import Fact, Faults, counted

Fetch = Callable[[str], bytes | None]


class LedgerCopy(Protocol):
    """A copied ledger: a folder, or a server."""

    @property
    def name(self) -> str:
        """What to call it in a verdict."""
        ...

    def read(self, path: str) -> bytes | None:
        """The bytes of one file below the ledger's prefix, or None where there is none."""
        ...

    def paths(self) -> Sequence[str] | None:
        """Every file there is, or None where it cannot be listed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFiles:
    """The facts about the files, and the entries where all of them lead to the signed root."""

    facts: tuple[Fact, ...]
    entries: tuple[bytes, ...] | None


def check_files(copy: LedgerCopy, head: TreeHead) -> CheckedFiles:
    """Recompute everything below `tile/` and compare."""
    bundles = Faults("entries")
    entries = _read_entries(copy, head.size, bundles)
    rows = None if entries is None else _rows([leaf_hash(entry) for entry in entries])
    whole = entries is not None and rows is not None and _root(rows[0]) == head.root
    tiles = Faults("tiles")
    if entries is not None and rows is not None and whole:
        _compare_tiles(copy, head.size, rows, tiles)
        said = f"{counted(head.size, 'entry', 'entries')} lead to the root in the checkpoint"
        root = Fact(name="root", holds=True, detail=said)
    else:
        if entries is not None and rows is not None:
            _blame(copy, head, rows[0], entries, bundles, tiles)
        root = Fact(name="root", holds=False, detail="the entries do not lead to the root in the checkpoint")
    facts = [
        bundles.fact(f"{counted(head.size, 'entry', 'entries')} read from their bundles, none missing"),
        tiles.fact("every hash in every tile is that of the entries")
        if whole
        else tiles.fact("no tile can be compared, because the entries do not lead to the root", holds=None),
        root,
    ]
    facts += _other_files(copy, head.size, rows if whole else None, entries if whole else None)
    return CheckedFiles(facts=tuple(facts), entries=entries if whole else None)


def _read_entries(copy: LedgerCopy, size: int, faults: Faults) -> tuple[bytes, ...] | None:
    entries: list[bytes] = []
    complete = True
    for bundle in new_bundles(0, size):
        path, data = _find(copy, bundle)
        if data is None:
            faults.add(bundle.path, f"missing; it holds entries from {bundle.n * TILE_WIDTH} on")
            complete = False
            continue
        try:
            entries.extend(decode_bundle(data, _width_of(path))[: bundle.width])
        except MalformedTile as error:
            faults.add(path, str(error))
            complete = False
    return tuple(entries) if complete else None


def _find(copy: LedgerCopy, tile: Tile) -> tuple[str, bytes | None]:
    """A tile's file, or the full tile's in its place."""
    data = copy.read(tile.path)
    if data is not None or tile.width == TILE_WIDTH:
        return tile.path, data
    full = Tile(level=tile.level, n=tile.n).path
    return full, copy.read(full)


def _width_of(path: str) -> int:
    return parse_tile_path(path).width


def _rows(leaves: list[Hash]) -> list[list[Hash]]:
    """The hashes of the tiles, level by level."""
    rows = [leaves]
    while len(rows[-1]) >= TILE_WIDTH:
        below = rows[-1]
        starts = range(0, len(below) - TILE_WIDTH + 1, TILE_WIDTH)
        rows.append([_complete(below[start : start + TILE_WIDTH]) for start in starts])
    return rows


def _complete(row: Sequence[Hash]) -> Hash:
    """The root of a complete subtree whose hashes number a power of two."""
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def _root(leaves: Sequence[Hash]) -> Hash:
    frontier = Frontier.empty()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def _compare_tiles(copy: LedgerCopy, size: int, rows: list[list[Hash]], faults: Faults) -> None:
    for tile in tiles_for(size):
        expected = _expected(tile, rows)
        path, data = _find(copy, tile)
        if data is None:
            faults.add(tile.path, "missing")
            continue
        try:
            found = decode_tile(data, _width_of(path))[: tile.width]
        except MalformedTile as error:
            faults.add(path, str(error))
            continue
        for at, (theirs, ours) in enumerate(zip(found, expected, strict=True)):
            if theirs != ours:
                faults.add(path, f"hash {at} (bytes {at * 32} to {at * 32 + 31}) is not that of the entries")


def _expected(tile: Tile, rows: list[list[Hash]]) -> list[Hash]:
    if tile.level == "entries":
        raise AssertionError("entry bundles have no hashes")
    return rows[tile.level][tile.n * TILE_WIDTH : tile.n * TILE_WIDTH + tile.width]


def _blame(
    copy: LedgerCopy,
    head: TreeHead,
    leaves: Sequence[Hash],
    entries: Sequence[bytes],
    bundles: Faults,
    tiles: Faults,
) -> None:
    """Name the entries that differ from tiles that lead to the root, or say that neither leads there."""
    read = hash_reader(head.size, copy.read)
    try:
        led = root_of(head.size, read) == head.root
    except LedgerError as error:
        tiles.add("", str(error))
        return
    if not led:
        tiles.add("", "neither the tiles nor the entries lead to the root in the checkpoint")
    for first in range(0, head.size, TILE_WIDTH):
        width = min(TILE_WIDTH, head.size - first)
        try:
            theirs = [read(0, first + at) for at in range(width)]
            right = led and (width < TILE_WIDTH or _right(read, head.size, first // TILE_WIDTH, theirs))
        except LedgerError as error:
            tiles.add("", str(error))
            continue
        path, _ = _find(copy, Tile(level="entries", n=first // TILE_WIDTH, width=width))
        differing = [at for at in range(width) if leaf_hash(entries[first + at]) != theirs[at]]
        if differing and right:
            for at, begin, end in _ranges(entries[first : first + width]):
                if at in differing:
                    bundles.add(path, f"entry {first + at} (bytes {begin} to {end}) does not match its leaf hash")
        elif differing:
            bundles.add(path, f"entry {first + differing[0]} and the leaf hash in its tile differ")


def _right(read: Callable[[int, int], Hash], size: int, n: int, row: Sequence[Hash]) -> bool:
    """Whether a full tile of leaves leads, tile by tile, to hashes that the root covers."""
    level = 0
    while True:
        value = _complete(row)
        level += 1
        if read(8 * level, n) != value:
            return False
        first = n - n % TILE_WIDTH
        if (first + TILE_WIDTH) << (8 * level) > size:
            return True  # the parent is a partial tile, and all of these are in the root
        row = [read(8 * level, first + at) for at in range(TILE_WIDTH)]
        n //= TILE_WIDTH


def _ranges(entries: Sequence[bytes]) -> Iterator[tuple[int, int, int]]:
    begin = 0
    for at, entry in enumerate(entries):
        end = begin + 2 + len(entry)
        yield at, begin, end - 1
        begin = end


def _other_files(
    copy: LedgerCopy, size: int, rows: list[list[Hash]] | None, entries: Sequence[bytes] | None
) -> list[Fact]:
    paths = copy.paths()
    if paths is None:
        return [Fact(name="files", holds=None, detail="a server does not list its files; a copied folder can be")]
    faults, older = Faults("files"), Faults("older tiles")
    beyond = outside = compared = 0
    expected = {tile.path for tile in (*tiles_for(size), *new_bundles(0, size))}
    for path in paths:
        if not path.startswith("tile/"):
            outside += path != "checkpoint"
            continue
        if path in expected:
            continue
        try:
            tile = parse_tile_path(path)
        except MalformedTile:
            faults.add(path, "no tile of a ledger has this name")
            continue
        level = 0 if tile.level == "entries" else tile.level
        if (tile.n * TILE_WIDTH + tile.width) << (8 * level) > size:
            beyond += 1
        elif rows is not None and entries is not None:
            compared += 1
            begin = tile.n * TILE_WIDTH
            ours = (
                encode_bundle(entries[begin : begin + tile.width])
                if tile.level == "entries"
                else encode_tile(_expected(tile, rows))
            )
            if copy.read(path) != ours:
                older.add(path, "a partial tile of an earlier size is not the beginning of the present one")
    facts = [faults.fact("no file below tile/ but tiles")]
    if rows is not None:
        facts.append(older.fact(f"{counted(compared, 'tile')} of earlier sizes agree with the present ones"))
    if beyond:
        said = f"{counted(beyond, 'file')} beyond the {size} entries signed for: covered by no signature, not read"
        facts.append(Fact(name="beyond", holds=None, detail=said))
    if outside:
        said = f"{counted(outside, 'file')} beside the ledger: covered by no signature"
        facts.append(Fact(name="beside", holds=None, detail=said))
    return facts
