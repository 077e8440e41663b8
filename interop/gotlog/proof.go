package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

func checkProof(proofFile, entryFile, logKey string, witnessKeys []string) (string, error) {
	data, err := os.ReadFile(proofFile)
	if err != nil {
		return "", err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return "", err
	}
	head, checkpoint, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return "", errors.New("not a tlog-proof")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return "", errors.New("no index line")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return "", err
	}
	proof, err := parseHashes(lines[1:])
	if err != nil {
		return "", err
	}
	tree, err := openCheckpoint([]byte(checkpoint), logKey, witnessKeys)
	if err != nil {
		return "", err
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return "", err
	}
	return fmt.Sprintf("entry %d of %d", index, tree.N), nil
}

func checkConsistency(requestFile, oldRoot, logKey string) (string, error) {
	data, err := os.ReadFile(requestFile)
	if err != nil {
		return "", err
	}
	head, checkpoint, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || !strings.HasPrefix(lines[0], "old ") {
		return "", errors.New("not an add-checkpoint request")
	}
	old, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "old "), 10, 64)
	if err != nil {
		return "", err
	}
	proof, err := parseHashes(lines[1:])
	if err != nil {
		return "", err
	}
	root, err := tlog.ParseHash(oldRoot)
	if err != nil {
		return "", err
	}
	tree, err := openCheckpoint([]byte(checkpoint), logKey, nil)
	if err != nil {
		return "", err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, root); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d is the beginning of %d", old, tree.N), nil
}
