package ledger

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	flog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Origin names the log of one member's acts under one accord. It is the first
// line of the log's checkpoints and the name of the key that signs them (C2SP
// tlog-checkpoint).
func Origin(accord, party string) string { return "parley/" + accord + "/" + party }

// ParseOrigin splits what Origin made.
func ParseOrigin(origin string) (accord, party string, err error) {
	f := strings.Split(origin, "/")
	if len(f) != 3 || f[0] != "parley" || f[1] == "" || f[2] == "" {
		return "", "", fmt.Errorf("%w: %q is not the name of a log", ErrMalformed, origin)
	}
	return f[1], f[2], nil
}

// SignCheckpoint signs a tree as the owner of the log. The caller must have
// made sure, durably, that it never signed and never will sign another tree of
// that size.
func (k Key) SignCheckpoint(origin string, t Tree) ([]byte, error) {
	return k.SignNote(origin, checkpointText(origin, t))
}

func checkpointText(origin string, t Tree) string {
	return string(flog.Checkpoint{Origin: origin, Size: uint64(t.N), Hash: t.Hash[:]}.Marshal())
}

// Cosign adds timestamped cosignatures by party: cosignature/v1 with Ed25519
// and, where ml is not the zero value, the ML-DSA-44 one beside it (C2SP
// tlog-cosignature). A member's cosignature says: I durably hold the contents
// up to here. A witness's says: I have seen this tree and every tree before it
// that I signed is a prefix.
func Cosign(checkpoint []byte, party string, key Key, ml MLDSAKey) ([]byte, error) {
	text, _, err := NoteText(checkpoint)
	if err != nil {
		return nil, err
	}
	s, err := key.cosigner(party)
	if err != nil {
		return nil, err
	}
	signers := []note.Signer{s}
	if ml.seed != nil {
		s, err := ml.signer(party)
		if err != nil {
			return nil, err
		}
		signers = append(signers, s)
	}
	own, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return nil, fmt.Errorf("cosigning as %s: %w", party, err)
	}
	return MergeSignatures(checkpoint, own)
}

// Cosigner is a party that may cosign, and the keys that it does it with.
type Cosigner struct {
	Name string
	Key  PublicKey
	// MLDSA is the key of the second signature, without which the first does
	// not count; zero for a party whose card names none.
	MLDSA MLDSAPublicKey
	// Void marks keys that were revoked before this checkpoint: their
	// signatures are known and count for nothing.
	Void bool
}

// Checkpoint is a verified checkpoint.
type Checkpoint struct {
	Origin    string
	Tree      Tree
	Cosigners []string // parties whose cosignatures are on it, complete and valid, in order
	MLDSA     []string // those of them who cosigned with ML-DSA-44 too
	Note      []byte   // exact bytes
}

// CheckpointHash identifies a tree, whatever signatures are on it: the SHA-256
// of the checkpoint's text. It returns zeros for what is not a note.
func CheckpointHash(checkpoint []byte) [sha256.Size]byte {
	text, _, err := NoteText(checkpoint)
	if err != nil {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256([]byte(text))
}

// Opener opens a checkpoint of the log called origin, knowing whose keys count.
type Opener func(msg []byte, origin string) (Checkpoint, error)

// Keys is an Opener that knows the keys whatever the log and its size.
func Keys(owner []PublicKey, cosigners ...Cosigner) Opener {
	return func(msg []byte, origin string) (Checkpoint, error) {
		return OpenCheckpoint(msg, origin, owner, cosigners)
	}
}

// CheckpointSize reads the size that a checkpoint claims, without verifying
// anything: for finding out which keys are needed to open it.
func CheckpointSize(msg []byte) (int64, error) {
	text, _, err := NoteText(msg)
	if err != nil {
		return 0, err
	}
	cp, err := readCheckpoint(text)
	return cp.Tree.N, err
}

// ReadCheckpoint reads a checkpoint without verifying its signatures: one that
// the reader verified before and kept.
func ReadCheckpoint(msg []byte) (Checkpoint, error) {
	text, _, err := NoteText(msg)
	if err != nil {
		return Checkpoint{}, err
	}
	cp, err := readCheckpoint(text)
	cp.Note = msg
	return cp, err
}

func readCheckpoint(text string) (Checkpoint, error) {
	var f flog.Checkpoint
	rest, err := f.Unmarshal([]byte(text))
	if err != nil || len(rest) != 0 || f.Size > 1<<62 || len(f.Hash) != tlog.HashSize {
		return Checkpoint{}, fmt.Errorf("%w: not a checkpoint", ErrMalformed)
	}
	cp := Checkpoint{Origin: f.Origin, Tree: Tree{N: int64(f.Size), Hash: tlog.Hash(f.Hash)}}
	if checkpointText(cp.Origin, cp.Tree) != text {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint is not in canonical form", ErrMalformed)
	}
	return cp, nil
}

// OpenCheckpoint verifies a checkpoint of the log called origin: signed by its
// owner's key, with every further signature a valid cosignature by one of
// cosigners, and without extension lines. Of a cosigner with two keys, both
// signatures must be there: taking the stronger one off is an error.
func OpenCheckpoint(msg []byte, origin string, owner []PublicKey, cosigners []Cosigner) (Checkpoint, error) {
	var vs []note.Verifier
	type id struct {
		name string
		hash uint32
	}
	by := make(map[id]int) // the cosigner whose key it is
	for _, k := range owner {
		v, err := k.verifier(origin)
		if err != nil {
			return Checkpoint{}, err
		}
		vs = append(vs, v)
	}
	_, names, err := NoteText(msg)
	if err != nil {
		return Checkpoint{}, err
	}
	for i, c := range cosigners {
		if !slices.Contains(names, c.Name) {
			continue
		}
		v, err := c.Key.cosignatureVerifier(c.Name)
		if err != nil {
			return Checkpoint{}, err
		}
		vs = append(vs, v)
		by[id{v.Name(), v.KeyHash()}] = i
		if c.MLDSA == (MLDSAPublicKey{}) {
			continue
		}
		if v, err = c.MLDSA.verifier(c.Name); err != nil {
			return Checkpoint{}, err
		}
		vs = append(vs, v)
		by[id{v.Name(), v.KeyHash()}] = i
	}
	n, err := openStrict(msg, vs)
	if err != nil {
		return Checkpoint{}, err
	}
	cp := Checkpoint{Origin: origin, Note: msg}
	owned := false
	signed := make([]int, len(cosigners)) // signatures by each
	for _, s := range n.Sigs {
		i, ok := by[id{s.Name, s.Hash}]
		if !ok {
			owned = true // the only other keys are the owner's
			continue
		}
		signed[i]++
		c := cosigners[i]
		want := 1
		if c.MLDSA != (MLDSAPublicKey{}) {
			want = 2
		}
		if c.Void || signed[i] < want || slices.Contains(cp.Cosigners, c.Name) {
			continue
		}
		cp.Cosigners = append(cp.Cosigners, c.Name)
		if want == 2 {
			cp.MLDSA = append(cp.MLDSA, c.Name)
		}
	}
	for i, c := range cosigners {
		if c.MLDSA != (MLDSAPublicKey{}) && signed[i] == 1 && !c.Void {
			return Checkpoint{}, fmt.Errorf("%w: one of the two cosignatures of %s was left out", ErrNote, c.Name)
		}
	}
	if !owned {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint is not signed by the log's owner", ErrNote)
	}
	read, err := readCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if read.Origin != origin {
		return Checkpoint{}, fmt.Errorf("%w: not a checkpoint of %s", ErrMalformed, origin)
	}
	cp.Tree = read.Tree
	return cp, nil
}
