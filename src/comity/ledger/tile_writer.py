"""Writing tiles: the derived form of a ledger's entries, from its right edge on (c2sp.org/tlog-tiles).

The writer keeps the incomplete tile of each level in memory, at most 255 hashes each,
and the incomplete bundle.
A full tile is written the moment it fills; `write_edge` writes the partial tiles and the partial bundle.
A file that is already there with other content is never overwritten:
two contents for one name are two histories.

`resume` takes up the edge from the published files and compares its root with the signed one.
Files that are missing are made again from the entries, which are the truth; files that differ are a fault.
"""

from collections.abc import Callable
from typing import Final

from comity.ledger.checkpoint import TreeHead
from comity.ledger.errors import LedgerError
from comity.ledger.merkle import Frontier, Hash, leaf_hash
from comity.ledger.publish_files import Folder
from comity.ledger.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    decode_tile,
    encode_bundle,
    encode_tile,
    entries_path,
    hash_reader,
    tile_path,
    tiles_for,
)

READ_AT_ONCE: Final = 1_024
"""Entries read from the store in one go: at most 64 MB."""

ReadEntries = Callable[[int, int], tuple[bytes, ...]]


class HistoryChanged(LedgerError):
    """Published files, entries and signed head do not tell one history.
    Signing more could fork the ledger.
    """


class TileWriter:
    """The right edge of a published ledger, and how it grows."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._frontier = Frontier.empty()
        self._rows: list[list[Hash]] = []
        self._bundle: list[bytes] = []
        self._superseded: list[str] = []

    @classmethod
    def resume(cls, folder: Folder, head: TreeHead, entries: ReadEntries) -> "TileWriter":
        """Take up the edge at `head`, or raise `HistoryChanged`."""
        writer = cls(folder)
        rows = _published_rows(folder, head.size)
        if rows is None:
            writer.extend(head.size, entries)
            writer.write_edge()
        else:
            writer._load(head.size, rows, entries)
        if writer.root() != head.root:
            raise HistoryChanged(
                f"at size {head.size} tiles and entries lead to root {writer.root().hex()}, "
                f"but {head.root.hex()} was signed; nothing is signed until it is known which was changed: "
                f"compare with a mirror, restore the right files, and start again"
            )
        return writer

    @property
    def size(self) -> int:
        """How many entries have been taken in."""
        return self._frontier.size

    def root(self) -> Hash:
        """The root over them."""
        return self._frontier.root()

    def extend(self, size: int, entries: ReadEntries) -> None:
        """Take in the entries up to `size`, writing each tile and bundle that fills."""
        while self.size < size:
            batch = entries(self.size, min(size, self.size + READ_AT_ONCE))
            if not batch:
                raise HistoryChanged(
                    f"the store has {self.size} entries where {size} were promised; "
                    f"restore it from its newest backup, and never sign from a shorter one"
                )
            for entry in batch:
                self._append(entry)

    def write_edge(self) -> None:
        """Write the partial tiles and the partial bundle of the present size."""
        for level, row in enumerate(self._rows):
            if row:
                number = (self.size >> (TILE_HEIGHT * level)) // TILE_WIDTH
                self._put(tile_path(level, number, len(row)), encode_tile(row))
        if self._bundle:
            name = entries_path(self.size // TILE_WIDTH, len(self._bundle))
            self._put(name, encode_bundle(self._bundle))

    def drop_superseded(self) -> None:
        """Remove the partial tiles whose full tile is published: readers fall back to the full one."""
        for name in self._superseded:
            self._folder.remove(f"{name}.p")
        self._superseded.clear()

    def _append(self, entry: bytes) -> None:
        number = self.size // TILE_WIDTH
        self._bundle.append(entry)
        if len(self._bundle) == TILE_WIDTH:
            self._fill(entries_path(number), encode_bundle(self._bundle))
            self._bundle = []
        for level, n, value in self._frontier.completing(leaf_hash(entry)):
            if level % TILE_HEIGHT:
                continue
            row = self._row(level // TILE_HEIGHT)
            row.append(value)
            if len(row) == TILE_WIDTH:
                self._fill(tile_path(level // TILE_HEIGHT, n // TILE_WIDTH), encode_tile(row))
                row.clear()

    def _load(self, size: int, rows: list[list[Hash]], entries: ReadEntries) -> None:
        """Go on from published rows; the bundle comes from the store and must have the hashes of the first
        row.
        """
        self._rows = rows
        self._bundle = list(entries(size - size % TILE_WIDTH, size))
        if [leaf_hash(entry) for entry in self._bundle] != (rows[0] if rows else []):
            raise HistoryChanged(
                f"the last entries of the store are not those of the tiles at size {size}; "
                f"compare both with a mirror before anything more is signed"
            )
        self._frontier = Frontier.of(size, hash_reader(size, self._folder.read))

    def _row(self, level: int) -> list[Hash]:
        while len(self._rows) <= level:
            self._rows.append([])
        return self._rows[level]

    def _fill(self, name: str, content: bytes) -> None:
        self._put(name, content)
        self._superseded.append(name)

    def _put(self, name: str, content: bytes) -> None:
        present = self._folder.read(name)
        if present is not None and present != content:
            raise HistoryChanged(
                f"{name} is already there with other content; if a disk fault did this, move the file away "
                f"and it is made again from the entries"
            )
        self._folder.write(name, content)


def _published_rows(folder: Folder, size: int) -> list[list[Hash]] | None:
    """The incomplete row of each level as published at `size`; None where a file of the edge is missing."""
    rows: list[list[Hash]] = []
    for tile in tiles_for(size):
        if not isinstance(tile.level, int):
            raise AssertionError("tiles_for names tiles of hashes only")
        while len(rows) <= tile.level:
            rows.append([])
        if tile.width == TILE_WIDTH:
            continue
        content = folder.read(tile.path)
        if content is not None:
            rows[tile.level] = list(decode_tile(content, tile.width))
        elif (full := folder.read(tile_path(tile.level, tile.n))) is not None:
            rows[tile.level] = list(decode_tile(full)[: tile.width])
        else:
            return None
    return rows
