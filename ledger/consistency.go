package ledger

import "golang.org/x/mod/sumdb/tlog"

// oldRoot computes the root that a consistency proof from size m shows for the
// older tree, given that it leads to next (RFC 9162 section 2.1.4.2, solved for
// the first hash). ok is false where the proof leads elsewhere, or where m is a
// power of two: then the proof leaves the older root to the verifier.
func oldRoot(m int64, next Tree, proof []tlog.Hash) (root tlog.Hash, ok bool) {
	if m <= 0 || m >= next.N || m&(m-1) == 0 || len(proof) == 0 {
		return root, false
	}
	fn, sn := m-1, next.N-1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	fr, sr := proof[0], proof[0]
	for _, c := range proof[1:] {
		if sn == 0 {
			return root, false
		}
		if fn&1 == 1 || fn == sn {
			fr, sr = tlog.NodeHash(c, fr), tlog.NodeHash(c, sr)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			sr = tlog.NodeHash(sr, c)
		}
		fn, sn = fn>>1, sn>>1
	}
	return fr, sn == 0 && sr == next.Hash
}

// ProvesFork makes evidence of a fork from a consistency proof that leads to
// the later of two signed trees, and from another tree than the earlier one.
// ok is false where the proof shows nothing of the kind.
func ProvesFork(earlier, later Checkpoint, proof []tlog.Hash) (f Fork, ok bool) {
	root := later.Tree.Hash
	if earlier.Tree.N != later.Tree.N {
		if root, ok = oldRoot(earlier.Tree.N, later.Tree, proof); !ok {
			return f, false
		}
	} else {
		proof = nil
	}
	if root == earlier.Tree.Hash {
		return f, false
	}
	return Fork{Earlier: earlier.Note, Later: later.Note, Root: root, Proof: proof}, true
}
