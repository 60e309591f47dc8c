// Package ledger makes acts undeniable: an append-only log per member of an
// accord, whose entries are salted commitments, whose checkpoints the owner
// signs and the other members and witnesses co-sign. Nobody can later deny an
// act, date it back or show two histories; anyone who holds a [Receipt] can
// check it with nothing but the keys. Nobody without an entry's salt learns
// what it says.
//
// Trees follow RFC 6962 (golang.org/x/mod/sumdb/tlog); checkpoints,
// cosignatures and proofs follow the C2SP specifications signed-note,
// tlog-checkpoint, tlog-cosignature (Ed25519 and ML-DSA-44) and tlog-proof.
//
// An act is an [Event]; [NewLeaf] commits to its exact bytes; [Grow] adds the
// leaf to the tree; [Key.SignCheckpoint] signs the tree; a partner replays the
// leaves, compares the root and answers with [Cosign].
//
// The package holds no state and does no storage: keeping hashes, and never
// signing two trees of one size, is the caller's part.
package ledger
