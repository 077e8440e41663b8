package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A cosigner verifies cosignature/v1 lines (c2sp.org/tlog-cosignature, signature type 04).
// It is a note.Verifier, so that note.Open does the rest.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(sig)
	if seconds > 1<<63-1 {
		return false
	}
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", seconds)), msg...)
	return ed25519.Verify(c.key, signed, sig[8:])
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("malformed witness key")
	}
	id, err := hex.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	material, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	if len(material) != 1+ed25519.PublicKeySize || material[0] != 4 {
		return nil, errors.New("a witness key of type 04 is expected")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), material...))
	if !bytes.Equal(id, sum[:4]) {
		return nil, errors.New("the witness key's ID is wrong")
	}
	return &cosigner{parts[0], binary.BigEndian.Uint32(id), material[1:]}, nil
}

// openCheckpoint answers the tree head that the log and all of the witnesses have signed.
func openCheckpoint(data []byte, logKey string, witnessKeys []string) (tlog.Tree, error) {
	var none tlog.Tree
	log, err := note.NewVerifier(logKey)
	if err != nil {
		return none, fmt.Errorf("log key: %w", err)
	}
	verifiers := []note.Verifier{log}
	for _, key := range witnessKeys {
		witness, err := newCosigner(key)
		if err != nil {
			return none, err
		}
		verifiers = append(verifiers, witness)
	}
	opened, err := note.Open(data, note.VerifierList(verifiers...))
	if err != nil {
		return none, err
	}
	for _, want := range verifiers {
		found := false
		for _, sig := range opened.Sigs {
			found = found || sig.Name == want.Name() && sig.Hash == want.KeyHash()
		}
		if !found {
			return none, fmt.Errorf("no signature by %s+%08x", want.Name(), want.KeyHash())
		}
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return none, fmt.Errorf("a checkpoint has three lines, this has %d", len(lines)-1)
	}
	if lines[0] != log.Name() {
		return none, fmt.Errorf("origin %q is not the log key's name %q", lines[0], log.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return none, fmt.Errorf("malformed size %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return none, err
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// parseHashes reads one base64 hash per line.
func parseHashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, fmt.Errorf("%w: %q", err, line)
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}
