package ledger

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Frontier computes a log's tree from its leaves alone, in order, in memory that
// grows with the logarithm of the log: for auditing. The zero value is the empty
// log.
type Frontier struct {
	n     int64
	peaks []tlog.Hash // of the perfect subtrees, largest first (RFC 6962 section 2.1)
	buf   []byte
}

// Add appends a leaf.
func (f *Frontier) Add(leaf []byte) {
	f.buf = append(append(f.buf[:0], 0), leaf...) // tlog.RecordHash in half the time
	f.AddHash(sha256.Sum256(f.buf))
}

// AddHash appends a leaf of which the hash is known.
func (f *Frontier) AddHash(h tlog.Hash) {
	for range bits.TrailingZeros64(^uint64(f.n)) { // one merge for each full subtree
		last := len(f.peaks) - 1
		h = nodeHash(f.peaks[last], h)
		f.peaks = f.peaks[:last]
	}
	f.peaks = append(f.peaks, h)
	f.n++
}

// Tree is the tree of the leaves so far.
func (f *Frontier) Tree() Tree {
	if f.n == 0 {
		t, _ := TreeAt(0, noHashes{})
		return t
	}
	h := f.peaks[len(f.peaks)-1]
	for i := len(f.peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.peaks[i], h)
	}
	return Tree{N: f.n, Hash: h}
}

// nodeHash is tlog.NodeHash, over one piece of memory.
func nodeHash(left, right tlog.Hash) tlog.Hash {
	var b [1 + 2*tlog.HashSize]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+tlog.HashSize:], right[:])
	return sha256.Sum256(b[:])
}
