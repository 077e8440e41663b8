"""Reading a published ledger: a tile directory (c2sp.org/tlog-tiles), as files or over HTTP.

    <prefix>/checkpoint                     the newest cosigned checkpoint
    <prefix>/tile/<L>/<N>[.p/<W>]           hashes
    <prefix>/tile/entries/<N>[.p/<W>]       entries

A partial tile may be gone once its full tile exists, so a reader tries the partial and falls back to the
full one.

`TileDirectory` fetches and decodes. It checks nothing: whoever calls opens the checkpoint under a policy
and compares roots. What it answers is bound to a size, because only a tree of a known size says which tiles
exist.

Limit: at most 1,024 files are kept in memory, 8 MB where they are full tiles.
"""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from comity.ledger.checkpoint import parse_head
from comity.ledger.errors import LedgerError, NotInTree
from comity.ledger.merkle import Hash, ReadHash, prove_inclusion
from comity.ledger.note import parse_note
from comity.ledger.proof import Receipt
from comity.ledger.tiles import TILE_WIDTH, decode_bundle, entries_path, hash_reader
from comity.ledger.transport import fetching

CACHED_TILES: Final = 1_024

Fetch = Callable[[str], bytes | None]
"""A name below the prefix -> its content, or None where there is none."""


class NotPublished(LedgerError):
    """A file that a published ledger has is not there."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is no {name} here; is this a published ledger, and was all of it copied?")


class TileDirectory:
    """A published ledger, from a folder, an http(s) address or a function that fetches."""

    def __init__(self, source: Path | str | Fetch) -> None:
        if callable(source):
            self._fetch: Fetch = source
        elif isinstance(source, str) and source.startswith(("http://", "https://")):
            self._fetch = fetching(source)
        else:
            root = Path(source)
            self._fetch = lambda name: _read(root / name)
        self._tiles: OrderedDict[str, bytes] = OrderedDict()

    def checkpoint(self) -> bytes:
        """The published checkpoint, unchecked and never cached;
        raises `NotPublished` before the first one.
        """
        found = self._fetch("checkpoint")
        if found is None:
            raise NotPublished("checkpoint")
        return found

    def size(self) -> int:
        """The size that the published checkpoint states, unchecked."""
        return parse_head(parse_note(self.checkpoint()).text).size

    def entries(self, start: int, stop: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """The entries with `start <= index < stop` in a tree of `size` (by default the published one)."""
        size = self.size() if size is None else size
        if not 0 <= start <= stop <= size:
            raise NotInTree(f"entries {start} to {stop} are not within the {size} of this ledger")
        found: list[bytes] = []
        for number in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)):
            base = number * TILE_WIDTH
            bundle = self._bundle(number, min(TILE_WIDTH, size - base))
            found.extend(bundle[max(0, start - base) : stop - base])
        return tuple(found)

    def hashes(self, size: int) -> ReadHash:
        """The hash reader for a tree of `size`, as `prove_inclusion` and its kin want it."""
        return hash_reader(size, self._tile)

    def read_hash(self, level: int, n: int) -> Hash:
        """The hash of complete subtree (level, n) in the tree that the published checkpoint names."""
        return self.hashes(self.size())(level, n)

    def _bundle(self, number: int, width: int) -> tuple[bytes, ...]:
        name, full = entries_path(number, width), entries_path(number)
        if (content := self._fetch(name)) is not None:
            return decode_bundle(content, width)
        if (content := self._fetch(full)) is not None:
            return decode_bundle(content)[:width]
        raise NotPublished(name)

    def _tile(self, name: str) -> bytes | None:
        if name in self._tiles:
            self._tiles.move_to_end(name)
            return self._tiles[name]
        content = self._fetch(name)
        if content is not None:
            self._tiles[name] = content
            if len(self._tiles) > CACHED_TILES:
                self._tiles.popitem(last=False)
        return content


def receipt(directory: TileDirectory, index: int, *, extra: bytes | None = None) -> Receipt | None:
    """The receipt of entry `index` under the published checkpoint; None until one covers it."""
    try:
        checkpoint = directory.checkpoint()
    except NotPublished:
        return None
    size = parse_head(parse_note(checkpoint).text).size
    if not 0 <= index < size:
        return None
    proof = prove_inclusion(index, size, directory.hashes(size))
    return Receipt(index=index, proof=proof, checkpoint=checkpoint, extra=extra)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
