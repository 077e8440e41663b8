"""Tiles: how a ledger lies on a disk or a web server (c2sp.org/tlog-tiles).

    tile/<L>/<N>[.p/<W>]        256 (or W) consecutive hashes of level 8 * L, 32 bytes each
    tile/entries/<N>[.p/<W>]    256 (or W) entries, each after its big-endian uint16 length

N is written in groups of three digits, all but the last prefixed with "x":

    >>> tile_path(0, 1234067)
    'tile/0/x001/x234/067'
    >>> tile_path(1, 0, 17), entries_path(273, 112)
    ('tile/1/000.p/17', 'tile/entries/273.p/112')

A *full* tile has 256 hashes and never changes; a *partial* one (width 1 to 255) is the right edge at
one size. The partial tile of level L at size s has floor(s / 256**L) mod 256 hashes; an empty tile is
not written, and a partial tile is never hashed upward.

    >>> [tile_path(t.level, t.n, t.width) for t in tiles_for(256)]
    ['tile/0/000', 'tile/1/000.p/1']

Limits: an entry has at most 65,535 bytes, because of its uint16 length; levels go up to 63.

Not promised: that the hashes in a tile are those of the tree. `hash_reader` hands out what it finds;
whoever uses it compares the root with a signed checkpoint.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from comity.ledger.errors import MalformedTile
from comity.ledger.merkle import HASH_SIZE, MAX_SIZE, Hash, ReadHash, node_hash

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 65_535
_PATH: Final = re.compile(
    r"tile/(?P<level>0|[1-9][0-9]?|entries)/(?P<n>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """The name of one tile or entry bundle."""

    level: int | Literal["entries"]
    n: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Its path below the log's prefix."""
        return (
            entries_path(self.n, self.width)
            if self.level == "entries"
            else tile_path(self.level, self.n, self.width)
        )


def tile_path(level: int, n: int, width: int = TILE_WIDTH) -> str:
    """The path of a tile of hashes."""
    if not 0 <= level <= MAX_LEVEL:
        raise MalformedTile(f"a tile's level is 0 to {MAX_LEVEL}, not {level}")
    return f"tile/{level}/{_numbered(n, width)}"


def entries_path(n: int, width: int = TILE_WIDTH) -> str:
    """The path of an entry bundle."""
    return f"tile/entries/{_numbered(n, width)}"


def parse_tile_path(path: str) -> Tile:
    """Read a path below the log's prefix, or raise `MalformedTile` and nothing else.

    Only the one spelling that `tile_path` and `entries_path` give is accepted, so that a web server can
    turn an accepted path into a file name without looking at it again.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise MalformedTile(f"{path[:80]!r} is not the path of a tile, such as 'tile/0/x001/067.p/5'")
    level, width = found["level"], found["width"]
    tile = Tile(
        level="entries" if level == "entries" else int(level),
        n=int(found["n"].replace("x", "").replace("/", "")),
        width=TILE_WIDTH if width is None else int(width),
    )
    if tile.path != path:
        raise MalformedTile(f"{path[:80]!r} is a second spelling of {tile.path!r}")
    return tile


def tiles_for(size: int) -> Iterator[Tile]:
    """Every tile of hashes of a tree of `size`, level by level, the partial one last in each level."""
    return new_tiles(0, size)


def new_tiles(old: int, size: int) -> Iterator[Tile]:
    """The tiles of hashes that a tree of `size` has and a tree of `old` had not, or had narrower."""
    if not 0 <= old <= size <= MAX_SIZE:
        raise MalformedTile(f"a tree cannot go from {old} to {size} entries")
    level = 0
    while (end := size >> (TILE_HEIGHT * level)) > 0:
        begin = old >> (TILE_HEIGHT * level)
        if end > begin:
            for n in range(begin // TILE_WIDTH, -(-end // TILE_WIDTH)):
                yield Tile(level=level, n=n, width=min(TILE_WIDTH, end - n * TILE_WIDTH))
        level += 1


def new_bundles(old: int, size: int) -> Iterator[Tile]:
    """The entry bundles that a tree of `size` has and a tree of `old` had not, or had narrower."""
    if not 0 <= old <= size <= MAX_SIZE:
        raise MalformedTile(f"a tree cannot go from {old} to {size} entries")
    if old < size:
        for n in range(old // TILE_WIDTH, -(-size // TILE_WIDTH)):
            yield Tile(level="entries", n=n, width=min(TILE_WIDTH, size - n * TILE_WIDTH))


def encode_tile(hashes: Sequence[Hash]) -> bytes:
    """The bytes of a tile."""
    if not 1 <= len(hashes) <= TILE_WIDTH or any(len(h) != HASH_SIZE for h in hashes):
        raise MalformedTile(f"a tile has 1 to {TILE_WIDTH} hashes of {HASH_SIZE} bytes; {len(hashes)} came")
    return b"".join(hashes)


def decode_tile(data: bytes, width: int = TILE_WIDTH) -> tuple[Hash, ...]:
    """The hashes of a tile that must be `width` wide."""
    _check_width(width)
    if len(data) != width * HASH_SIZE:
        raise MalformedTile(f"a tile of width {width} has {width * HASH_SIZE} bytes, {len(data)} came")
    return tuple(data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of an entry bundle."""
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise MalformedTile(f"a bundle has 1 to {TILE_WIDTH} entries, {len(entries)} came")
    for number, entry in enumerate(entries):
        if len(entry) > MAX_ENTRY_BYTES:
            raise MalformedTile(
                f"entry {number} has {len(entry)} bytes, at most {MAX_ENTRY_BYTES} fit a bundle"
            )
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, width: int = TILE_WIDTH) -> tuple[bytes, ...]:
    """The entries of a bundle that must hold `width` of them."""
    _check_width(width)
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        begin = at + 2
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data) or begin > len(data):
            raise MalformedTile(f"entry {len(entries)} of the bundle is cut short at byte {len(data)}")
        entries.append(data[begin:at])
    if len(entries) != width or at != len(data):
        raise MalformedTile(
            f"{width} entries are expected; {len(entries)} came, with {len(data) - at} bytes after them"
        )
    return tuple(entries)


def hash_reader(size: int, fetch: Callable[[str], bytes | None]) -> ReadHash:
    """Read the hashes of a tree of `size` out of its tiles.

    `fetch(path)` answers a tile's bytes, or None where there is none. A partial tile that is gone is
    looked for in the full tile of the same number, as the specification lets a log replace it.
    Tiles are kept once read; make a new reader for a long-lived process.
    """
    kept: dict[tuple[int, int], tuple[Hash, ...]] = {}

    def tile(level: int, n: int) -> tuple[Hash, ...]:
        if (level, n) not in kept:
            width = min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - n * TILE_WIDTH)
            if width < 1:
                raise MalformedTile(f"a tree of {size} has no tile {n} at level {level}")
            data = fetch(tile_path(level, n, width))
            if data is not None:
                kept[level, n] = decode_tile(data, width)
            elif width < TILE_WIDTH and (full := fetch(tile_path(level, n))) is not None:
                kept[level, n] = decode_tile(full)[:width]
            else:
                raise MalformedTile(f"{tile_path(level, n, width)} is missing from the tiles of size {size}")
        return kept[level, n]

    def read(level: int, n: int) -> Hash:
        if level < 0 or n < 0 or (n + 1) << level > size:
            raise MalformedTile(f"a tree of {size} has no complete subtree {n} at level {level}")
        height = level % TILE_HEIGHT
        first = n << height
        row = tile(level // TILE_HEIGHT, first // TILE_WIDTH)[first % TILE_WIDTH :][: 1 << height]
        while len(row) > 1:
            row = tuple(node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2))
        return row[0]

    return read


def _numbered(n: int, width: int) -> str:
    _check_width(width)
    if not 0 <= n <= MAX_SIZE:
        raise MalformedTile(f"a tile's number is 0 to {MAX_SIZE}, not {n}")
    digits = str(n)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    path = "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def _check_width(width: int) -> None:
    if not 1 <= width <= TILE_WIDTH:
        raise MalformedTile(f"a tile's width is 1 to {TILE_WIDTH}, not {width}")
