package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// The node log is what witnesses see of us: an entry at each tick of a fixed
// cadence, whatever happens (ledger.Tick). A checkpoint of one of our logs is
// witnessed when it stands in a tick that the witnesses of its accord have
// cosigned; the proof of it, a ledger.Witnessing, goes into receipts and to
// the other members.

const (
	docNodeLog    = "node-log"   // "": nodeLog
	docTicked     = "ticked"     // by log: ticked
	docSlot       = "slot"       // by log/k: the k-th of the log's checkpoints in the node log, a slot
	docOpenSlot   = "open-slot"  // by log/k: slots that not every witness has cosigned yet
	docWitnessing = "witnessing" // by log: the newest Witnessing that its owner gave us
)

// nodeLog is our present node log.
type nodeLog struct {
	Origin string `json:"origin"`
	Head   []byte `json:"head"` // newest checkpoint
	At     int64  `json:"at"`   // time of the newest tick, Unix µs
	// Seen is how far each witness has it.
	Seen map[string]int64 `json:"seen,omitempty"`
}

// ticked says how many of a log's checkpoints stand in node logs, and the size
// of the newest.
type ticked struct {
	Count int64 `json:"count"`
	Size  int64 `json:"size"`
}

// slot is a checkpoint of one of our logs in the node log.
type slot struct {
	Log    string      `json:"log"`
	Size   int64       `json:"size"`
	Origin string      `json:"origin"` // of the node log
	Index  int64       `json:"index"`
	Slot   ledger.Slot `json:"slot"`
	Tick   []byte      `json:"tick"`
	// Proofs are ledger.Witnessings, By who cosigned in any of them.
	Proofs [][]byte `json:"proofs,omitempty"`
	By     []string `json:"by,omitempty"`
}

func slotID(log string, k int64) string { return fmt.Sprintf("%s/%016d", log, k) }

func (n *Node) nodeLog(tx store.Tx) (l nodeLog, err error) {
	err = getDoc(tx, docNodeLog, "", &l)
	if errors.Is(err, store.ErrNotFound) {
		return nodeLog{Origin: ledger.NodeOrigin(n.cfg.Party, n.now().Unix())}, nil
	}
	return l, err
}

// Tick puts the checkpoints of our logs that grew since the last tick into the
// node log. It adds one entry in any case.
func (n *Node) Tick(ctx context.Context) error {
	n.ticks.Lock()
	defer n.ticks.Unlock()
	err := n.tick(ctx)
	if errors.Is(err, ErrRestored) {
		// Witnesses have seen more of the node log than we hold. They keep no
		// entries, so it cannot be had back; another one begins.
		err = n.update(ctx, func(tx store.Tx) error {
			l, err := n.nodeLog(tx)
			if err != nil {
				return err
			}
			return n.beginNodeLog(tx, l)
		})
		if err == nil {
			err = n.tick(ctx)
		}
	}
	return err
}

func (n *Node) tick(ctx context.Context) error {
	var logs []string
	err := n.view(ctx, func(tx store.Tx) error {
		ps, err := n.pacts(tx)
		for _, p := range ps {
			if slices.Contains(p.Terms.Parties(), n.cfg.Party) && len(p.Terms.Witnesses) > 0 {
				logs = append(logs, ledger.Origin(p.ID, n.cfg.Party))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	logs = slices.DeleteFunc(logs, func(log string) bool {
		err := n.checkpoint(ctx, log)
		if err != nil {
			n.opt.Log.Warn("not witnessed", "log", log, "error", err)
		}
		return err != nil
	})
	var origin string
	err = n.update(ctx, func(tx store.Tx) error {
		l, err := n.nodeLog(tx)
		if err != nil {
			return err
		}
		origin = l.Origin
		var grown []store.Checkpoint
		for _, log := range logs {
			cp, err := tx.LatestCheckpoint(log)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			var t ticked
			if err := getDoc(tx, docTicked, log, &t); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if cp.Size > t.Size {
				grown = append(grown, cp)
			}
		}
		return n.appendTick(tx, l, grown)
	})
	if err != nil {
		return err
	}
	return n.checkpoint(ctx, origin)
}

func (n *Node) appendTick(tx store.Tx, l nodeLog, grown []store.Checkpoint) error {
	notes := make([][]byte, len(grown))
	for i, cp := range grown {
		notes[i] = cp.Note
	}
	l.At = max(n.now().UnixMicro(), l.At) // a clock set back does not take us back
	t, slots, err := ledger.NewTick(time.UnixMicro(l.At), notes, n.opt.Rand)
	if err != nil {
		return err
	}
	size, err := tx.LogSize(l.Origin)
	if err != nil {
		return err
	}
	leaf := t.Marshal()
	hs, _, err := ledger.Grow(size, [][]byte{leaf}, hashes{tx, l.Origin})
	if err != nil {
		return err
	}
	if err := tx.AppendLeaves(l.Origin, size, [][]byte{leaf}, hs); err != nil {
		return fmt.Errorf("appending to the node log: %w", err)
	}
	for i, cp := range grown {
		var t ticked
		if err := getDoc(tx, docTicked, cp.Log, &t); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		id := slotID(cp.Log, t.Count)
		if err := putDoc(tx, docSlot, id, slot{Log: cp.Log, Size: cp.Size, Origin: l.Origin, Index: size, Slot: slots[i], Tick: leaf}); err != nil {
			return err
		}
		if err := tx.PutDoc(docOpenSlot, id, []byte("1")); err != nil {
			return err
		}
		if err := putDoc(tx, docTicked, cp.Log, ticked{t.Count + 1, cp.Size}); err != nil {
			return err
		}
	}
	return putDoc(tx, docNodeLog, "", l)
}

// packNodeLog shows a witness the node log from what it saw last.
func (n *Node) packNodeLog(tx store.Tx, p *link.Parcel, to string) error {
	l, err := n.nodeLog(tx)
	if err != nil || l.Head == nil {
		return err
	}
	size, err := ledger.CheckpointSize(l.Head)
	if err != nil {
		return err
	}
	p.Checkpoint = l.Head
	return n.packProof(tx, p, l.Origin, min(l.Seen[to], size), size)
}

// takeCosignedNodeLog takes in a witness's cosignature on our node log.
func (n *Node) takeCosignedNodeLog(tx store.Tx, pc pact, from string, p link.Parcel) (news bool, err error) {
	l, err := n.nodeLog(tx)
	if err != nil {
		return false, err
	}
	pr, err := n.peer(tx, pc.ID, from)
	if err != nil {
		return false, err
	}
	seen := int64(0) // it knows another node log of ours, or none
	var cp ledger.Checkpoint
	if p.Cosigned != nil && originOf(p.Cosigned) == l.Origin {
		cp, err = n.opener(pc.Accord, n.cfg.Party)(p.Cosigned, l.Origin)
		if errors.Is(err, accord.ErrRevoked) {
			// A thief of our former key went on with it.
			return true, n.beginNodeLog(tx, l)
		}
		if err != nil {
			return false, fmt.Errorf("%w: cosigned node log: %w", link.ErrParcel, err)
		}
		seen = cp.Tree.N
	}
	size, err := tx.LogSize(l.Origin)
	if err != nil {
		return false, err
	}
	news = l.Seen[from] != seen
	pr.Have, pr.Contact, pr.Error = seen, n.now().UnixMicro(), ""
	if err := putDoc(tx, docPeer, peerID(pc.ID, from), pr); err != nil {
		return false, err
	}
	if seen > 0 {
		// Witnesses keep no entries: where the database is older than the node
		// log, what is missing cannot be had back.
		if seen > size {
			return true, n.beginNodeLog(tx, l)
		}
		if tree, err := ledger.TreeAt(seen, hashes{tx, l.Origin}); err != nil || tree != cp.Tree {
			return true, errors.Join(err, n.beginNodeLog(tx, l))
		}
	}
	if l.Seen == nil {
		l.Seen = make(map[string]int64)
	}
	l.Seen[from] = seen
	note := p.Cosigned
	if head, err := ledger.CheckpointSize(l.Head); err == nil && seen > 0 && head == seen {
		if note, err = ledger.MergeSignatures(l.Head, p.Cosigned); err != nil {
			return news, err
		}
		l.Head, news = note, news || string(note) != string(l.Head)
	}
	if err := putDoc(tx, docNodeLog, "", l); err != nil || seen == 0 {
		return news, err
	}
	return news, n.closeSlots(tx, l, note, seen)
}

// beginNodeLog begins another node log.
func (n *Node) beginNodeLog(tx store.Tx, l nodeLog) error {
	n.opt.Log.Warn("the node log cannot go on; another one begins", "log", l.Origin)
	_, epoch := cutLast(l.Origin)
	return putDoc(tx, docNodeLog, "", nodeLog{Origin: ledger.NodeOrigin(n.cfg.Party, max(n.now().Unix(), epoch+1)), At: l.At})
}

// closeSlots completes the proofs of the checkpoints that a cosigned node log
// covers.
func (n *Node) closeSlots(tx store.Tx, l nodeLog, note []byte, size int64) error {
	open, err := tx.ListDocs(docOpenSlot)
	if err != nil {
		return err
	}
	for _, d := range open {
		var s slot
		if err := getDoc(tx, docSlot, d.ID, &s); err != nil {
			return err
		}
		if s.Origin != l.Origin {
			if err := tx.DeleteDoc(docOpenSlot, d.ID); err != nil {
				return err
			}
			continue
		}
		if s.Index >= size {
			continue
		}
		id, _, err := ledger.ParseOrigin(s.Log)
		if err != nil {
			return err
		}
		pc, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		witnesses := pc.Terms.WitnessParties()
		kept, err := ledger.KeepSignatures(note, append([]string{l.Origin}, witnesses...)...)
		if err != nil {
			return err
		}
		w := ledger.Witnessing{Of: s.Size, Slot: s.Slot, Tick: s.Tick, Index: s.Index, Checkpoint: kept}
		if w.Path, err = ledger.ProveInclusion(s.Index, size, hashes{tx, l.Origin}); err != nil {
			return err
		}
		cp, err := n.opener(pc.Accord, n.cfg.Party)(kept, l.Origin)
		if err != nil {
			return err
		}
		fresh := slices.DeleteFunc(slices.Clone(cp.Cosigners), func(p string) bool { return slices.Contains(s.By, p) })
		switch {
		case len(fresh) == 0:
			continue
		case len(fresh)+len(s.By) == len(cp.Cosigners):
			s.Proofs = nil // this one proof has them all
		}
		s.Proofs, s.By = append(s.Proofs, w.Marshal()), append(s.By, fresh...)
		if err := putDoc(tx, docSlot, d.ID, s); err != nil {
			return err
		}
		if len(s.By) == len(witnesses) {
			if err := tx.DeleteDoc(docOpenSlot, d.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// witnessing finds the proofs that a checkpoint of a log at size or later was
// witnessed: of the first one, and the checkpoint's size.
func (n *Node) witnessing(tx store.Tx, log string, size int64) (proofs [][]byte, at int64, by []string, err error) {
	if _, owner, err := ledger.ParseOrigin(log); err != nil || owner != n.cfg.Party {
		var s slot
		err := getDoc(tx, docWitnessing, log, &s)
		if errors.Is(err, store.ErrNotFound) || s.Size < size {
			return nil, 0, nil, nil
		}
		return s.Proofs, s.Size, s.By, err
	}
	var t ticked
	if err := getDoc(tx, docTicked, log, &t); errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil, nil
	} else if err != nil {
		return nil, 0, nil, err
	}
	low, high := int64(0), t.Count // the first slot of that size or more
	for low < high {
		mid := (low + high) / 2
		var s slot
		if err := getDoc(tx, docSlot, slotID(log, mid), &s); err != nil {
			return nil, 0, nil, err
		}
		if s.Size < size {
			low = mid + 1
		} else {
			high = mid
		}
	}
	// One that no witness saw (it was away, or we began another node log) is
	// passed over.
	for ; low < t.Count; low++ {
		var s slot
		if err := getDoc(tx, docSlot, slotID(log, low), &s); err != nil {
			return nil, 0, nil, err
		}
		if len(s.By) > 0 {
			return s.Proofs, s.Size, s.By, nil
		}
	}
	return nil, 0, nil, nil
}

// packWitnessing adds the newest proof that our log was witnessed, if the
// other has none as new.
func (n *Node) packWitnessing(tx store.Tx, p *link.Parcel, log string, known peer) error {
	var t ticked
	if err := getDoc(tx, docTicked, log, &t); errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	for k := t.Count - 1; k >= 0; k-- {
		var s slot
		if err := getDoc(tx, docSlot, slotID(log, k), &s); err != nil || s.Size < known.Witnessed {
			return err
		}
		if len(s.By) == 0 {
			continue
		}
		if s.Size == known.Witnessed && len(s.By) <= known.WitnessedBy {
			return nil
		}
		cp, err := tx.CheckpointFrom(log, s.Size)
		if err == nil && cp.Size == s.Size {
			p.WitnessedTree, p.Witnessings = cp.Note, s.Proofs
		}
		return err
	}
	return nil
}

// takeWitnessing keeps a partner's proof that a checkpoint of its log was
// witnessed, and that checkpoint, if we hold the entries under it.
func (n *Node) takeWitnessing(tx store.Tx, pc pact, from string, p link.Parcel) error {
	if p.Witnessings == nil {
		return nil
	}
	log := ledger.Origin(pc.ID, from)
	open := n.opener(pc.Accord, from)
	cp, err := open(p.WitnessedTree, log)
	if err != nil {
		return fmt.Errorf("%w: witnessed checkpoint: %w", link.ErrParcel, err)
	}
	kept := slot{Log: log, Size: cp.Tree.N, Proofs: p.Witnessings}
	for _, raw := range p.Witnessings {
		w, err := ledger.ParseWitnessing(raw)
		if err != nil {
			return fmt.Errorf("%w: %w", link.ErrParcel, err)
		}
		if p, err := ledger.ParseNodeOrigin(w.Origin()); err != nil || p != from {
			return fmt.Errorf("%w: it is witnessed in the log of another node", link.ErrParcel)
		}
		_, node, err := w.Verify(cp.Note, open)
		if err != nil {
			return fmt.Errorf("%w: %w", link.ErrParcel, err)
		}
		for _, p := range node.Cosigners {
			if !slices.Contains(kept.By, p) {
				kept.By = append(kept.By, p)
			}
		}
	}
	held, err := n.replica(tx, log)
	if err != nil || held.Tree.N < cp.Tree.N {
		return err
	}
	past, err := ledger.TreeAt(cp.Tree.N, held.Hashes)
	if err != nil {
		return err
	}
	if past != cp.Tree {
		return link.HeldProves(held, cp, past)
	}
	if known, err := tx.CheckpointFrom(log, cp.Tree.N); errors.Is(err, store.ErrNotFound) || err == nil && known.Size != cp.Tree.N {
		note, err := n.cosign(cp.Note)
		if err != nil {
			return err
		}
		if err := tx.PutCheckpoint(store.Checkpoint{Log: log, Size: cp.Tree.N, Note: note, At: n.now().UnixMicro()}); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return putDoc(tx, docWitnessing, log, kept)
}

// opener opens checkpoints of a member's log under an accord.
func (n *Node) opener(a accord.Accord, owner string) ledger.Opener {
	return n.currentBook().Opener(owner, append(a.Terms.Parties(), a.Terms.WitnessParties()...)...)
}

// keepTicking ticks at the cadence and shows each tick to the witnesses.
func (n *Node) keepTicking(ctx context.Context) {
	for {
		// Aligned to the clock, so that when a node started tells nothing.
		next := n.now().Truncate(n.opt.Cadence).Add(n.opt.Cadence)
		timer := time.NewTimer(next.Sub(n.now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := n.Tick(ctx); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("node log", "error", err)
		}
		n.mu.Lock()
		close(n.ticked)
		n.ticked = make(chan struct{})
		n.mu.Unlock()
		n.showWitnesses(ctx)
	}
}

// showWitnesses exchanges with the witnesses of every accord.
func (n *Node) showWitnesses(ctx context.Context) {
	var ps []pact
	err := n.view(ctx, func(tx store.Tx) (err error) {
		ps, err = n.pacts(tx)
		return err
	})
	if err != nil {
		return
	}
	for _, p := range ps {
		if !slices.Contains(p.Terms.Parties(), n.cfg.Party) {
			continue
		}
		for _, w := range p.Terms.WitnessParties() {
			if err := n.syncNow(ctx, p.ID, w); err != nil && ctx.Err() == nil {
				n.opt.Log.Info("witness not in step", "witness", w, "error", err)
			}
		}
	}
}

// awaitTick makes sure that what was done before is in a tick: a person's wish
// to be witnessed waits for the next one, as everything does.
func (n *Node) awaitTick(ctx context.Context) error {
	if n.opt.Cadence < 0 {
		return n.Tick(ctx)
	}
	n.mu.Lock()
	c := n.ticked
	n.mu.Unlock()
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
