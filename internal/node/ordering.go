package node

import (
	"errors"
	"fmt"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// Entries of a log must not go back: not in time, and not in what their owner
// had seen of ours. Whoever dates an entry back does one or the other, and the
// two entries prove it.

// docSaw is, by accord/party, the newest of our checkpoints that the party's log
// names, and where.
const docSaw = "saw"

// saw is a docSaw.
type saw struct {
	Index int64  `json:"index"` // of the party's entry that names it
	Hash  []byte `json:"hash"`
	Size  int64  `json:"size"`
}

// checkOrder looks for entries dated back among those that were just stored, and
// raises the alarm with evidence. The entries stay: they are what the party
// signed.
func (n *Node) checkOrder(tx store.Tx, pc pact, from string, got link.News) error {
	if len(got.Entries) == 0 {
		return nil
	}
	log := ledger.Origin(pc.ID, from)
	var before ledger.Leaf
	if got.First > 0 {
		held, err := tx.Leaves(log, got.First-1, got.First)
		if err != nil {
			return err
		}
		if before, err = ledger.ParseLeaf(held[0]); err != nil {
			return err
		}
	}
	var s saw
	if err := getDoc(tx, docSaw, peerID(pc.ID, from), &s); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	was := s
	for i, e := range got.Entries {
		index := got.First + int64(i)
		leaf, err := ledger.ParseLeaf(e.Leaf)
		if err != nil {
			return err
		}
		if leaf.At.Before(before.At) {
			if err := n.raiseDisorder(tx, pc, from, index-1, index, nil); err != nil {
				return err
			}
		}
		named := before.Names(n.cfg.Party)
		before = leaf
		if named && s.Hash != nil && !leaf.Names(n.cfg.Party) {
			first, found, err := n.checkpointNamed(tx, pc, [32]byte(s.Hash))
			if err != nil {
				return err
			}
			if found {
				if err := n.raiseDisorder(tx, pc, from, s.Index, index, [][]byte{first.Note}); err != nil {
					return err
				}
			}
		}
		for _, x := range leaf.Seen {
			if x.Party != n.cfg.Party || string(x.Hash[:]) == string(s.Hash) {
				continue
			}
			cp, ok, err := n.checkpointNamed(tx, pc, x.Hash)
			if err != nil {
				return err
			}
			switch {
			case !ok:
			case s.Hash != nil && cp.Size < s.Size:
				first, found, err := n.checkpointNamed(tx, pc, [32]byte(s.Hash))
				if err != nil {
					return err
				}
				if found {
					if err := n.raiseDisorder(tx, pc, from, s.Index, index, [][]byte{first.Note, cp.Note}); err != nil {
						return err
					}
				}
			default:
				s = saw{index, append([]byte(nil), x.Hash[:]...), cp.Size}
			}
		}
	}
	if string(s.Hash) == string(was.Hash) {
		return nil
	}
	return putDoc(tx, docSaw, peerID(pc.ID, from), s)
}

// recentCheckpoints is how many of our newest checkpoints a name is looked for
// among.
const recentCheckpoints = 256

// checkpointNamed finds which of our checkpoints a hash names.
func (n *Node) checkpointNamed(tx store.Tx, pc pact, hash [32]byte) (cp store.Checkpoint, ok bool, err error) {
	own := ledger.Origin(pc.ID, n.cfg.Party)
	size, err := tx.LogSize(own)
	if err != nil {
		return cp, false, err
	}
	// From the newest down, by doubling steps, then up within the step.
	for step := int64(recentCheckpoints); ; step *= 2 {
		from := max(size-step, 0)
		for at := from + 1; at <= size; {
			cp, err := tx.CheckpointFrom(own, at)
			if errors.Is(err, store.ErrNotFound) {
				break
			}
			if err != nil {
				return cp, false, err
			}
			if ledger.CheckpointHash(cp.Note) == hash {
				return cp, true, nil
			}
			at = cp.Size + 1
		}
		if from == 0 || step > 64*recentCheckpoints {
			return cp, false, nil
		}
		size = from
	}
}

func (n *Node) raiseDisorder(tx store.Tx, pc pact, from string, first, second int64, seen [][]byte) error {
	log := ledger.Origin(pc.ID, from)
	d := ledger.Disorder{Seen: seen}
	cp, err := tx.CheckpointFrom(log, second+1)
	if errors.Is(err, store.ErrNotFound) {
		return nil // shown when its log is audited: the tree over it is still to come
	}
	if err != nil {
		return err
	}
	d.Checkpoint = cp.Note
	for at, out := range map[int64]*ledger.Placed{first: &d.First, second: &d.Second} {
		leaves, err := tx.Leaves(log, at, at+1)
		if err != nil {
			return err
		}
		out.Index, out.Leaf = at, leaves[0]
		if out.Path, err = ledger.ProveInclusion(at, cp.Size, hashes{tx, log}); err != nil {
			return err
		}
	}
	file := accord.NewDisorder(d, pc.Accord, n.currentBook()).Marshal()
	v, err := accord.VerifyEvidence(file)
	if err != nil {
		return fmt.Errorf("evidence against %s does not hold: %w", from, err)
	}
	return n.putAlarm(tx, Alarm{Accord: pc.ID, Party: from, Text: v.Proven, Evidence: string(file)})
}

// docNamed is, by accord/party, the checkpoint of the party that our log named
// last, while we do not hold it any more: our log came back from a partner, and
// its next entry must not claim to have seen less.
const docNamed = "named"

// named is a docNamed.
type named struct {
	Hash [32]byte `json:"hash"`
	Size int64    `json:"size"` // of our log when it came back
}

// rememberNamed notes what the last entry of our log that came back had seen.
func (n *Node) rememberNamed(tx store.Tx, pc pact, leaf []byte, size int64) error {
	l, err := ledger.ParseLeaf(leaf)
	if err != nil {
		return err
	}
	for _, s := range l.Seen {
		if err := putDoc(tx, docNamed, peerID(pc.ID, s.Party), named{s.Hash, size}); err != nil {
			return err
		}
	}
	return nil
}

// seenOf is the newest checkpoint of a party that an entry of ours is to name.
func (n *Node) seenOf(tx store.Tx, a accord.Accord, party string) (s ledger.Seen, ok bool, err error) {
	var x named
	if err := getDoc(tx, docNamed, peerID(a.ID, party), &x); err == nil {
		return ledger.Seen{Party: party, Hash: x.Hash}, true, nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return s, false, err
	}
	cp, err := tx.LatestCheckpoint(ledger.Origin(a.ID, party))
	if errors.Is(err, store.ErrNotFound) {
		return s, false, nil
	}
	return ledger.Seen{Party: party, Hash: ledger.CheckpointHash(cp.Note)}, err == nil, err
}

// forgetNamed ends that once the party has shown, with a log that we hold in
// full, that it made its checkpoint after our entry: then it is no older than
// the one that the entry named.
func (n *Node) forgetNamed(tx store.Tx, pc pact, from string, p link.Parcel) error {
	var x named
	if err := getDoc(tx, docNamed, peerID(pc.ID, from), &x); errors.Is(err, store.ErrNotFound) || p.Checkpoint == nil || p.Cosigned == nil {
		return nil
	} else if err != nil {
		return err
	}
	ours, err := ledger.CheckpointSize(p.Cosigned)
	if err != nil || ours < x.Size {
		return err
	}
	theirs, err := ledger.CheckpointSize(p.Checkpoint)
	if err != nil {
		return err
	}
	held, err := tx.LatestCheckpoint(ledger.Origin(pc.ID, from))
	if err != nil || held.Size < theirs {
		return err
	}
	return tx.DeleteDoc(docNamed, peerID(pc.ID, from))
}
