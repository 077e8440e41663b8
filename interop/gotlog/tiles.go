package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// A directory serves tiles to tlog.TileHashReader.
type directory string

func (d directory) Height() int { return height }

// ReadTiles maps Go's tile paths, which name the height, to tlog-tiles' paths, which do not.
func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(d), filepath.FromSlash(path)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

// readBundle answers the entries first to first+width, which lie in one bundle.
func (d directory) readBundle(first int64, width int) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: -1, N: first >> height, W: width}
	path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(string(d), filepath.FromSlash(path)))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s is cut short", path)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	if len(entries) != width {
		return nil, fmt.Errorf("%s has %d entries, %d are expected", path, len(entries), width)
	}
	return entries, nil
}

// A rebuilt tree is the stored hashes in the order of tlog.StoredHashIndex.
type rebuilt []tlog.Hash

func (r rebuilt) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		if index >= int64(len(r)) {
			return nil, fmt.Errorf("no stored hash %d", index)
		}
		hashes = append(hashes, r[index])
	}
	return hashes, nil
}

// checkTiles reads a directory twice over: as a client does, by tlog.TileHashReader, and by building
// the tree anew from the entries. The second is needed because the reader of x/mod before 0.40 leaves
// some full tiles uncompared with their parents (CVE-2026-56865), and Debian's is older.
func checkTiles(dir, logKey string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return "", err
	}
	tree, err := openCheckpoint(data, logKey, nil)
	if err != nil {
		return "", err
	}
	tiles := directory(dir)
	hashes := tlog.TileHashReader(tree, tiles)
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return "", err
	}
	if root != tree.Hash {
		return "", errors.New("the tiles have another root than the checkpoint")
	}
	var anew rebuilt
	const width = 1 << height
	for first := int64(0); first < tree.N; first += width {
		count := width
		if rest := tree.N - first; rest < width {
			count = int(rest)
		}
		indexes := make([]int64, count)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		leaves, err := hashes.ReadHashes(indexes)
		if err != nil {
			return "", err
		}
		entries, err := tiles.readBundle(first, count)
		if err != nil {
			return "", err
		}
		for i, entry := range entries {
			n, leaf := first+int64(i), tlog.RecordHash(entry)
			if leaf != leaves[i] {
				return "", fmt.Errorf("entry %d does not match its leaf hash", n)
			}
			stored, err := tlog.StoredHashesForRecordHash(n, leaf, anew)
			if err != nil {
				return "", err
			}
			anew = append(anew, stored...)
		}
	}
	root, err = tlog.TreeHash(tree.N, anew)
	if err != nil {
		return "", err
	}
	if root != tree.Hash {
		return "", errors.New("the entries have another root than the checkpoint")
	}
	return tiles.compare(tree.N, anew)
}

// compare demands of every tile of the tree that it holds the hashes built anew.
func (d directory) compare(size int64, anew rebuilt) (string, error) {
	count := 0
	for level := 0; size>>uint(height*level) > 0; level++ {
		end := size >> uint(height*level)
		for n := int64(0); n<<height < end; n++ {
			width := 1 << height
			if rest := end - n<<height; rest < 1<<height {
				width = int(rest)
			}
			tile := tlog.Tile{H: height, L: level, N: n, W: width}
			if err := d.compareTile(tile, anew); err != nil {
				return "", err
			}
			count++
		}
	}
	return fmt.Sprintf("%d entries in %d tiles", size, count), nil
}

func (d directory) compareTile(tile tlog.Tile, anew rebuilt) error {
	want, err := tlog.ReadTileData(tile, anew)
	if err != nil {
		return err
	}
	have, err := d.ReadTiles([]tlog.Tile{tile})
	if err != nil {
		return err
	}
	if !bytes.Equal(have[0], want) {
		return fmt.Errorf("%s does not hold the hashes of the entries", tile.Path())
	}
	return nil
}
