// Gotlog checks files of a Comity ledger with code that Comity's authors did not write:
// the signed-note and transparency-log packages of golang.org/x/mod.
//
//	gotlog proof PROOF ENTRY LOG-VKEY [WITNESS-VKEY...]
//	gotlog consistency REQUEST OLD-ROOT LOG-VKEY
//	gotlog tiles DIRECTORY LOG-VKEY
//
// Proof checks that the file PROOF (c2sp.org/tlog-proof) ties the bytes of the file ENTRY to a checkpoint
// that the log key and every witness key named have signed.
// Consistency checks the proof in an add-checkpoint request (c2sp.org/tlog-witness) from the
// base64 OLD-ROOT to the checkpoint in it.
// Tiles reads a whole directory (c2sp.org/tlog-tiles): every hash tile against the signed root, and
// every entry of every bundle against its leaf hash.
//
// Keys are Ed25519: a log's of signature type 01, a witness's of type 04 (cosignature/v1).
// Signatures of other types, ML-DSA-44 among them, are unknown here and ignored, as signed-note says.
//
// Exit status 0 and a line that begins with "ok" if all holds, else 1 and the reason.
//
// It builds with Debian's golang.org/x/mod 0.7 in GOPATH mode:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build
package main

import (
	"fmt"
	"os"
)

const usage = `usage:
  gotlog proof PROOF ENTRY LOG-VKEY [WITNESS-VKEY...]
  gotlog consistency REQUEST OLD-ROOT LOG-VKEY
  gotlog tiles DIRECTORY LOG-VKEY
`

func main() {
	var said string
	var err error
	switch args := os.Args[1:]; {
	case len(args) >= 4 && args[0] == "proof":
		said, err = checkProof(args[1], args[2], args[3], args[4:])
	case len(args) == 4 && args[0] == "consistency":
		said, err = checkConsistency(args[1], args[2], args[3])
	case len(args) == 3 && args[0] == "tiles":
		said, err = checkTiles(args[1], args[2])
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotlog:", err)
		os.Exit(1)
	}
	fmt.Println("ok", said)
}
