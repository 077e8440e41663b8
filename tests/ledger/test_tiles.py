"""Tiles: paths in one spelling, the right edge at every size, bundles to the byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import SmallLog

from comity.ledger import (
    MalformedTile,
    Tile,
    check_inclusion,
    decode_bundle,
    decode_tile,
    encode_bundle,
    encode_tile,
    entries_path,
    hash_reader,
    leaf_hash,
    new_bundles,
    new_tiles,
    parse_tile_path,
    prove_inclusion,
    root_of,
    tile_path,
    tiles_for,
)

levels = st.one_of(st.integers(0, 63), st.just("entries"))
tiles = st.builds(Tile, level=levels, n=st.integers(0, 2**63 - 1), width=st.integers(1, 256))


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("tile/0/x001/x234/067", Tile(level=0, n=1234067)),
        ("tile/0/000", Tile(level=0, n=0)),
        ("tile/63/999", Tile(level=63, n=999)),
        ("tile/1/x001/000.p/255", Tile(level=1, n=1000, width=255)),
        ("tile/entries/273.p/112", Tile(level="entries", n=273, width=112)),
    ],
)
def test_paths_are_those_of_the_specification(path, tile):
    """Three digits a group, all but the last with an x; a width only where the tile is partial."""
    assert path == tile.path
    assert tile == parse_tile_path(path)


@given(tiles)
def test_paths_are_read_back_as_written(tile):
    """Every tile's path reads back to the tile."""
    assert tile == parse_tile_path(tile.path)


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/00/000", "tile/64/000", "tile/-1/000",
        "tile/0/001/000", "tile/0/x000/000", "tile/0/x000/x000/001", "tile/0/x001", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p", "tile/0/000/", "/tile/0/000", "tile/0/../000",
        "tile/entries/000\n", "tile/0/٠٠٠", "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/data/000",
    ],
)  # fmt: skip
def test_a_second_spelling_of_a_path_is_refused(path):
    """A server can turn an accepted path into a file name without a second look."""
    with pytest.raises(MalformedTile):
        parse_tile_path(path)


@given(st.text())
def test_reading_a_path_is_total(path):
    """Any text is a tile's path in its one spelling, or `MalformedTile`."""
    for candidate in (path, f"tile/{path}", f"tile/0/{path}", f"tile/0/000.p/{path}"):
        try:
            assert candidate == parse_tile_path(candidate).path
        except MalformedTile:
            pass


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts():
    """273 full and one of 112 at level 0, one full and one of 17 at level 1, one of 1 at level 2."""
    found = list(tiles_for(70_000))

    assert 273 == sum(t.level == 0 and t.width == 256 for t in found)
    assert ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"] == [t.path for t in found[273:]]
    assert 274 == len(list(new_bundles(0, 70_000)))


def test_small_trees_have_the_tiles_that_follow_from_the_rule():
    """No empty tile is ever named, and a full tile goes upward at once."""
    assert [] == list(tiles_for(0))
    assert ["tile/0/000.p/1"] == [t.path for t in tiles_for(1)]
    assert ["tile/0/000", "tile/1/000.p/1"] == [t.path for t in tiles_for(256)]
    assert ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"] == [t.path for t in tiles_for(257)]


@given(st.integers(0, 80_000), st.integers(0, 3_000))
def test_growing_writes_exactly_the_tiles_that_are_new_or_wider(old, more):
    """What `new_tiles` names is what a larger tree has beyond a smaller one."""
    size = old + more
    assert set(new_tiles(old, size)) == set(tiles_for(size)) - set(tiles_for(old))
    assert set(new_bundles(old, size)) == set(new_bundles(0, size)) - set(new_bundles(0, old))


@pytest.mark.parametrize("sizes", [(1, 0), (-1, 0), (0, 2**63)])
def test_a_tree_never_shrinks(sizes):
    """Going back, or beyond the largest tree, is refused."""
    for named in (new_tiles, new_bundles):
        with pytest.raises(MalformedTile):
            list(named(*sizes))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_are_read_back_as_written(entries):
    """Entries, also empty ones, come back in order and to the byte."""
    assert tuple(entries) == decode_bundle(encode_bundle(entries), len(entries))


@given(st.binary(max_size=600), st.integers(1, 256))
def test_reading_a_bundle_is_total(data, width):
    """Any bytes are a bundle of that width that writes back to the same bytes, or `MalformedTile`."""
    try:
        entries = decode_bundle(data, width)
    except MalformedTile:
        return
    assert len(entries) == width
    assert data == encode_bundle(entries)


def test_the_longest_entry_fits_and_one_byte_more_does_not():
    """65,535 bytes are the limit of a uint16 length."""
    longest = b"x" * 65_535
    assert (longest,) == decode_bundle(encode_bundle([longest]), 1)
    with pytest.raises(MalformedTile, match="at most 65535"):
        encode_bundle([longest + b"x"])


@pytest.mark.parametrize(
    ("data", "width"),
    [(b"", 1), (b"\x00", 1), (b"\x00\x02x", 1), (b"\x00\x01xy", 1), (b"\x00\x00" * 2, 1), (b"\x00\x00", 2),
     (b"\x00\x00", 0), (b"\x00\x00" * 257, 257)],
)  # fmt: skip
def test_a_bundle_of_another_width_or_length_is_refused(data, width):
    """Too few, too many, cut short, and bytes left over are refused."""
    with pytest.raises(MalformedTile):
        decode_bundle(data, width)


def test_tiles_hold_whole_hashes():
    """A tile has exactly as many hashes as its name says."""
    row = [leaf_hash(bytes([n])) for n in range(256)]
    assert tuple(row) == decode_tile(encode_tile(row))
    for wrong in ([], [*row, row[0]], [b"short"]):
        with pytest.raises(MalformedTile):
            encode_tile(wrong)
    for data, width in [(b"x" * 31, 1), (b"x" * 64, 1), (b"", 0), (b"x" * 8192, 255)]:
        with pytest.raises(MalformedTile):
            decode_tile(data, width)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1000])
def test_a_directory_of_tiles_holds_the_whole_tree(size, tmp_path):
    """From tiles alone come the root and every entry's proof, and the bundles hold the entries."""
    log = SmallLog.of(size)
    log.write(tmp_path)

    def fetch(path: str) -> bytes | None:
        place = tmp_path / path
        return place.read_bytes() if place.is_file() else None

    read = hash_reader(size, fetch)
    root = root_of(size, log.read)
    assert root == root_of(size, read)
    for index in {0, size // 2, size - 1}:
        proof = prove_inclusion(index, size, read)
        check_inclusion(proof, index=index, size=size, leaf=leaf_hash(log.entries[index]), root=root)
    entries = [e for b in new_bundles(0, size) for e in decode_bundle((tmp_path / b.path).read_bytes(), b.width)]
    assert log.entries == entries


def test_a_partial_tile_that_is_gone_is_found_in_the_full_one():
    """A log may delete a partial tile once the full one exists; older sizes are still read."""
    log = SmallLog.of(256)
    full = encode_tile([log.hashes[0, n] for n in range(256)])
    fetch = {"tile/0/000": full}.get

    assert root_of(100, log.read) == root_of(100, hash_reader(100, fetch))


def test_a_missing_or_short_tile_is_named():
    """What is not there, or not what its name says, is an error that names the path."""
    with pytest.raises(MalformedTile, match=r"tile/0/000.p/5 is missing"):
        root_of(5, hash_reader(5, lambda path: None))
    with pytest.raises(MalformedTile, match="160 bytes"):
        root_of(5, hash_reader(5, lambda path: b"short"))
    for level, n in [(0, 5), (3, 0), (-1, 0), (0, -1)]:
        with pytest.raises(MalformedTile, match="no complete subtree"):
            hash_reader(5, lambda path: bytes(160))(level, n)


@pytest.mark.parametrize(("level", "n", "width"), [(64, 0, 256), (-1, 0, 256), (0, -1, 256), (0, 0, 0), (0, 0, 257)])
def test_a_tile_that_cannot_be_has_no_path(level, n, width):
    """Levels, numbers and widths outside the format are refused when written, too."""
    with pytest.raises(MalformedTile):
        tile_path(level, n, width)
    if level == 0:
        with pytest.raises(MalformedTile):
            entries_path(n, width)
