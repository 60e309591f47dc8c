package ledger

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree is a log's size and Merkle root (RFC 6962 section 2.1).
type Tree = tlog.Tree

// HashReader reads a log's stored hashes; the node's database is one.
type HashReader = tlog.HashReader

// Grow computes what appending leaves to a log of the given size adds: the
// hashes to store, in storage order, and the tree that results. It writes
// nothing.
func Grow(size int64, leaves [][]byte, r HashReader) (hashes []tlog.Hash, tree Tree, err error) {
	over := &overlay{base: r, start: tlog.StoredHashCount(size)}
	for i, leaf := range leaves {
		hs, err := tlog.StoredHashes(size+int64(i), leaf, over)
		if err != nil {
			return nil, tree, fmt.Errorf("hashing leaf %d: %w", size+int64(i), err)
		}
		over.added = append(over.added, hs...)
	}
	tree.N = size + int64(len(leaves))
	if tree.Hash, err = tlog.TreeHash(tree.N, over); err != nil {
		return nil, tree, fmt.Errorf("tree hash at size %d: %w", tree.N, err)
	}
	return over.added, tree, nil
}

// TreeAt computes the tree of the log's first n leaves.
func TreeAt(n int64, r HashReader) (Tree, error) {
	h, err := tlog.TreeHash(n, r)
	if err != nil {
		return Tree{}, fmt.Errorf("tree hash at size %d: %w", n, err)
	}
	return Tree{N: n, Hash: h}, nil
}

// ProveConsistency proves that the log at newSize extends the log at oldSize
// (RFC 6962 section 2.1.2). Extending the empty log needs no proof.
func ProveConsistency(oldSize, newSize int64, r HashReader) ([]tlog.Hash, error) {
	if oldSize == 0 || oldSize == newSize {
		return nil, nil
	}
	p, err := tlog.ProveTree(newSize, oldSize, r)
	if err != nil {
		return nil, fmt.Errorf("proving that size %d extends %d: %w", newSize, oldSize, err)
	}
	return p, nil
}

// ErrFork reports two signed trees of one log of which neither extends the
// other: the proof that its owner lied.
var ErrFork = errors.New("log was forked")

// ErrRollback reports a signed tree that is smaller than one seen before.
var ErrRollback = errors.New("log went backwards")

// CheckConsistency verifies that next extends old.
func CheckConsistency(old, next Tree, proof []tlog.Hash) error {
	switch {
	case next.N < old.N:
		return fmt.Errorf("%w: from size %d to %d", ErrRollback, old.N, next.N)
	case next.N == old.N && next.Hash != old.Hash:
		return fmt.Errorf("%w: two trees of size %d", ErrFork, old.N)
	case old.N == 0 || next.N == old.N:
		if len(proof) != 0 {
			return fmt.Errorf("%w: consistency proof where none is due", ErrMalformed)
		}
		return nil
	}
	if err := tlog.CheckTree(tlog.TreeProof(proof), next.N, next.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("%w: size %d does not extend size %d", ErrFork, next.N, old.N)
	}
	return nil
}

// overlay reads hashes that are computed but not stored yet before those stored.
type overlay struct {
	base  HashReader
	start int64
	added []tlog.Hash
}

func (o *overlay) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	var ask []int64
	var at []int
	for i, x := range indexes {
		switch {
		case x >= o.start+int64(len(o.added)):
			return nil, fmt.Errorf("hash %d does not exist yet", x)
		case x >= o.start:
			out[i] = o.added[x-o.start]
		default:
			ask, at = append(ask, x), append(at, i)
		}
	}
	if len(ask) == 0 {
		return out, nil
	}
	got, err := o.base.ReadHashes(ask)
	if err != nil {
		return nil, err
	}
	for i, h := range got {
		out[at[i]] = h
	}
	return out, nil
}
