package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// A node whose database is older than what it signed must not go on from
// there: it would sign a second history of its own log. It does no act under
// the accord, asks the other members for their copies of its log, and goes on
// once it stands where it signed last. They return every entry, and open again
// those that they could read; what concerned nobody who answers stays sealed.

const (
	docLost     = "lost"     // by log: our log is known to be longer than we hold, how long is not known
	docRecovery = "recovery" // by log: Recovery
	docWant     = "want"     // by accord/party: from where the party wants its own log back
	docLack     = "lack"     // by accord/party: the docWant that it began with
)

// Recovery is how the return of one of our logs went.
type Recovery struct {
	Accord string `json:"accord"`
	Log    string `json:"log"`
	From   int64  `json:"from"` // entries that were held when the loss was noticed
	Size   int64  `json:"size"` // entries held now
	// Signed is how many we had signed; -1 where the guard is gone too, so that
	// a person must say when to go on.
	Signed int64 `json:"signed"`
	// Sealed are the entries that came back without what they say.
	Sealed []int64 `json:"sealed"`
	// Waiting are the members who have not given their copy yet.
	Waiting []string `json:"waiting"`
	// Lost says that no act is possible under the accord yet.
	Lost bool `json:"lost"`
}

// lost reports whether our log is longer than what is held of it. signed is how
// many entries were signed, -1 where that is not known.
func (n *Node) lost(tx store.Tx, log string, size int64) (lost bool, signed int64, err error) {
	g, ok, err := n.guard.last(log)
	if err != nil {
		return true, -1, err
	}
	if ok {
		if g.Size > size {
			return true, g.Size, nil
		}
	} else if signed, err := n.signedSize(tx, log); err != nil || signed > 0 {
		return true, -1, err // the guard is gone: restored on another machine
	}
	if _, err := tx.Doc(docLost, log); err == nil {
		return true, -1, nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return false, 0, err
	}
	return false, g.Size, nil
}

// whole is an error while our log is longer than what is held of it.
func (n *Node) whole(tx store.Tx, log string, size int64) error {
	lost, signed, err := n.lost(tx, log, size)
	switch {
	case err != nil || !lost:
		return err
	case signed < 0:
		return fmt.Errorf("log %s: what was signed last is not known: %w", log, ErrRestored)
	}
	return fmt.Errorf("log %s has %d entries, signed were %d: %w", log, size, signed, ErrRestored)
}

// parcelLost is the parcel of a node that asks for its own log.
func (n *Node) parcelLost(tx store.Tx, pc pact, to string, cause error) (link.Parcel, error) {
	own := ledger.Origin(pc.ID, n.cfg.Party)
	size, err := tx.LogSize(own)
	if err != nil {
		return link.Parcel{}, err
	}
	lost, _, err := n.lost(tx, own, size)
	if err != nil || !lost || !slices.Contains(pc.Terms.Parties(), to) {
		return link.Parcel{}, errors.Join(err, cause)
	}
	p := link.Parcel{Header: link.Header{From: n.cfg.Party, To: to, Accord: pc.ID, Want: size + 1}, Accord: pc.Note, Cards: n.packCards(pc)}
	if p.Have, err = tx.LogSize(ledger.Origin(pc.ID, to)); err != nil {
		return p, err
	}
	return p, n.packOwn(tx, &p, pc, to) // the other may have lost its log as well
}

// packWant asks a member who was not asked yet to open our own log again.
func (n *Node) packWant(tx store.Tx, p *link.Parcel, pc pact, to string) error {
	var r Recovery
	err := getDoc(tx, docRecovery, ledger.Origin(pc.ID, n.cfg.Party), &r)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if slices.Contains(r.Waiting, to) {
		p.Want = r.From + 1
	} else {
		p.Returned = r.From + 1
	}
	return err
}

// takeWant notes that a member has lost a part of its own log, which we give
// back, and of ours, for which what was delivered is sent once more.
func (n *Node) takeWant(tx store.Tx, pc pact, from string, p link.Parcel) (news bool, err error) {
	id := peerID(pc.ID, from)
	var before int64
	if err := getDoc(tx, docWant, id, &before); err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	switch {
	case p.Want == 0 && before > 0 && p.Returned > 0 && p.Returned <= before:
		return false, errors.Join(tx.DeleteDoc(docWant, id), tx.DeleteDoc(docLack, id))
	case p.Want == before || p.Want == 0: // a parcel from before the loss ends nothing
		return false, nil
	case before == 0:
		if err := errors.Join(putDoc(tx, docLack, id, p.Want), n.sendAgain(tx, pc, from, p.Want-1)); err != nil {
			return false, err
		}
	}
	return true, putDoc(tx, docWant, id, p.Want)
}

// sendAgain puts what a party acknowledged in the part of its log that it lost,
// from an entry on, into the outbox once more, unless it was withdrawn. What it
// did not acknowledge is there still.
func (n *Node) sendAgain(tx store.Tx, pc pact, to string, from int64) error {
	log := ledger.Origin(pc.ID, n.cfg.Party)
	acks, err := tx.Events(store.EventQuery{Logs: []string{ledger.Origin(pc.ID, to)}, Kinds: []string{string(ledger.Received)}, From: from})
	if err != nil {
		return err
	}
	for _, a := range acks {
		e, err := ledger.ParseEvent(a.Bytes)
		if err != nil {
			return err
		}
		got, err := decodeData[ledger.Receipts](e)
		if err != nil {
			return err
		}
		for _, it := range got.Items {
			if got.From != n.cfg.Party {
				continue
			}
			if err := n.sendOneAgain(tx, pc, to, log, it.Index); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *Node) sendOneAgain(tx store.Tx, pc pact, to, log string, index int64) error {
	row, err := tx.Event(log, index)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it acknowledged what we never sent
	}
	if err != nil {
		return err
	}
	e, err := ledger.ParseEvent(row.Bytes)
	if err != nil {
		return err
	}
	digest, ok := link.BodyDigest(e)
	if !ok || !visible(row, to) {
		return nil
	}
	if _, err := tx.Body(digest); errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if e.Kind == ledger.KeyShown {
		// It goes where its release goes.
		k, err := decodeData[ledger.ShownKey](e)
		if err != nil {
			return err
		}
		if e, _, err = releaseAt(tx, log, k.Index); err != nil {
			return err
		}
	}
	if e.Kind == ledger.Released || e.Kind == ledger.Corrected {
		d, err := decodeData[ledger.Release](e)
		if err != nil {
			return err
		}
		if _, err := tx.Doc(docCopy, copyKey(pc.ID, to, d.Object)); errors.Is(err, store.ErrNotFound) {
			return nil // withdrawn
		} else if err != nil {
			return err
		}
	}
	return tx.PutOut(store.Out{Accord: pc.ID, To: to, Log: log, Index: index, Digest: digest, At: n.now().UnixMicro()})
}

// packOwn gives a member its own log back, from where it asked.
func (n *Node) packOwn(tx store.Tx, p *link.Parcel, pc pact, to string) error {
	var want int64
	if err := getDoc(tx, docWant, peerID(pc.ID, to), &want); errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	log := ledger.Origin(pc.ID, to)
	cp, err := tx.LatestCheckpoint(log)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := tx.LogSize(log)
	if err != nil {
		return err
	}
	p.Cosigned, p.OwnFirst = cp.Note, want-1
	end := min(size, cp.Size, p.OwnFirst+maxEntries)
	if end <= p.OwnFirst {
		return nil
	}
	if p.Own, err = packStretch(tx, log, p.OwnFirst, end, func(store.Event) bool { return true }); err != nil {
		return err
	}
	if end = p.OwnFirst + int64(len(p.Own)); end < cp.Size {
		p.OwnProof, err = ledger.ProveConsistency(end, cp.Size, hashes{tx, log})
	}
	return err
}

// takeOwn takes back what a member holds of our own log. The leaves prove
// themselves by our own signature on the member's copy, the openings by the
// leaves.
func (n *Node) takeOwn(tx store.Tx, pc pact, from string, p link.Parcel) (news bool, err error) {
	own := ledger.Origin(pc.ID, n.cfg.Party)
	size, err := tx.LogSize(own)
	if err != nil {
		return false, err
	}
	lost, signed, err := n.lost(tx, own, size)
	if err != nil {
		return false, err
	}
	r, err := n.recovery(tx, pc, own, size)
	if errors.Is(err, store.ErrNotFound) && !lost {
		return false, nil
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	if p.Cosigned == nil || !slices.Contains(n.others(pc.Accord), from) {
		if lost && !slices.Contains(r.Waiting, from) {
			return false, nil
		}
		return false, putDoc(tx, docRecovery, own, r)
	}
	cp, err := n.opener(pc.Accord, n.cfg.Party)(p.Cosigned, own)
	if err != nil {
		return false, fmt.Errorf("%w: our own log: %w", link.ErrParcel, err)
	}
	if p.OwnFirst > size {
		return false, putDoc(tx, docRecovery, own, r) // we ask again from where we stand
	}
	var leaves [][]byte
	for i, e := range p.Own {
		if p.OwnFirst+int64(i) >= size {
			leaves = append(leaves, e.Leaf)
		}
	}
	if !lost && len(leaves) > 0 {
		return false, fmt.Errorf("%w: it returns entries of our log that we never made", link.ErrParcel)
	}
	end := size + int64(len(leaves))
	if end <= cp.Tree.N && len(leaves) > 0 {
		hs, tree, err := ledger.Grow(size, leaves, hashes{tx, own})
		if err != nil {
			return false, err
		}
		if err := ledger.CheckConsistency(tree, cp.Tree, p.OwnProof); err != nil {
			return false, fmt.Errorf("%w: our own log as %s holds it does not go on from what is held here: %w", ErrRestored, from, err)
		}
		if err := n.checkGuard(own, tree, computedAfter{hashes{tx, own}, tlog.StoredHashCount(size), hs}); err != nil {
			return false, err
		}
		if err := tx.AppendLeaves(own, size, leaves, hs); err != nil {
			return false, err
		}
		if err := n.rememberNamed(tx, pc, leaves[len(leaves)-1], end); err != nil {
			return false, err
		}
		size, news = end, true
	}
	opened, err := n.takeOpenings(tx, pc, own, from, p)
	if err != nil {
		return false, err
	}
	news = news || opened
	if cp.Tree.N <= size {
		tree, err := ledger.TreeAt(cp.Tree.N, hashes{tx, own})
		if err != nil {
			return false, err
		}
		if tree != cp.Tree {
			return false, fmt.Errorf("%w: %s holds another log of ours than there is", ErrRestored, from)
		}
		// Its copy is here in full.
		if i := slices.Index(r.Waiting, from); i >= 0 {
			r.Waiting, news = slices.Delete(r.Waiting, i, i+1), true
		}
		if held, err := tx.CheckpointFrom(own, cp.Tree.N); errors.Is(err, store.ErrNotFound) || err == nil && held.Size != cp.Tree.N {
			err := tx.PutCheckpoint(store.Checkpoint{Log: own, Size: cp.Tree.N, Note: cp.Note, At: n.now().UnixMicro()})
			if err != nil {
				return false, err
			}
		} else if err != nil {
			return false, err
		}
	}
	r.Size, r.Signed = size, signed
	if err := putDoc(tx, docRecovery, own, r); err != nil {
		return false, err
	}
	n.opt.Log.Info("own log from a partner's copy", "log", own, "partner", from, "entries", size, "signed", signed)
	return news, nil
}

func (n *Node) recovery(tx store.Tx, pc pact, own string, size int64) (Recovery, error) {
	var r Recovery
	err := getDoc(tx, docRecovery, own, &r)
	if errors.Is(err, store.ErrNotFound) {
		return Recovery{Accord: pc.ID, Log: own, From: size, Size: size, Signed: -1, Waiting: n.others(pc.Accord)}, err
	}
	return r, err
}

// takeOpenings keeps what a member could read of our log, and that it could.
func (n *Node) takeOpenings(tx store.Tx, pc pact, own, from string, p link.Parcel) (news bool, err error) {
	var known ownObjects
	for i, e := range p.Own {
		index := p.OwnFirst + int64(i)
		held, err := tx.Leaves(own, index, index+1)
		if err != nil {
			return news, err
		}
		if !bytes.Equal(held[0], e.Leaf) {
			return news, fmt.Errorf("%w: %s holds another entry %d of our log than there is", ErrRestored, from, index)
		}
		if e.Event == nil {
			continue
		}
		ev, err := link.CheckEntry(e, pc.ID, n.cfg.Party)
		if err != nil {
			return news, fmt.Errorf("%w: entry %d of our own log: %w", link.ErrParcel, index, err)
		}
		row := store.Event{Log: own, Index: index, Kind: string(ev.Kind), At: ev.At.UnixMicro(), Bytes: e.Event, Salt: e.Salt, Audience: from}
		was, err := tx.Event(own, index)
		switch {
		case err == nil && (was.Audience == "" || visible(was, from)):
			continue
		case err == nil:
			row.Audience = was.Audience + "," + from
		case !errors.Is(err, store.ErrNotFound):
			return news, err
		default:
			if err := n.relive(tx, pc, ev, &known); err != nil {
				return news, err
			}
		}
		if err := tx.PutEvent(row); err != nil {
			return news, err
		}
		news = true
	}
	return news, nil
}

// checkGuard refuses a tree that contradicts what we signed last.
func (n *Node) checkGuard(log string, tree ledger.Tree, r ledger.HashReader) error {
	g, ok, err := n.guard.last(log)
	if err != nil || !ok || g.Size > tree.N {
		return err
	}
	then, err := ledger.TreeAt(g.Size, r)
	if err == nil && then.Hash != g.Root {
		err = fmt.Errorf("log %s as a partner returns it differs from what was signed at size %d: %w", log, g.Size, ErrRestored)
	}
	return err
}

// computedAfter reads hashes that are not stored yet after those that are.
type computedAfter struct {
	hashes
	from  int64
	added []tlog.Hash
}

func (c computedAfter) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= c.from {
			out[i] = c.added[x-c.from]
			continue
		}
		h, err := c.hashes.ReadHashes([]int64{x})
		if err != nil {
			return nil, err
		}
		out[i] = h[0]
	}
	return out, nil
}

// forgot notes that a partner holds more of our log than we do, under our own
// signature: database and guard are both old. Acts stop from here on.
func (n *Node) forgot(ctx context.Context, id string) error {
	return n.update(ctx, func(tx store.Tx) error {
		return tx.PutDoc(docLost, ledger.Origin(id, n.cfg.Party), []byte("{}"))
	})
}

// Recoveries lists our logs that were lost or have come back.
func (n *Node) Recoveries(ctx context.Context) ([]Recovery, error) {
	out := []Recovery{}
	err := n.view(ctx, func(tx store.Tx) error {
		ps, err := n.pacts(tx)
		if err != nil {
			return err
		}
		for _, pc := range ps {
			if !slices.Contains(pc.Terms.Parties(), n.cfg.Party) {
				continue
			}
			own := ledger.Origin(pc.ID, n.cfg.Party)
			size, err := tx.LogSize(own)
			if err != nil {
				return err
			}
			lost, signed, err := n.lost(tx, own, size)
			if err != nil {
				return err
			}
			r, err := n.recovery(tx, pc, own, size)
			if errors.Is(err, store.ErrNotFound) && !lost {
				continue
			} else if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			r.Lost, r.Size, r.Signed, r.Sealed = lost, size, signed, []int64{}
			rows, err := tx.Events(store.EventQuery{Logs: []string{own}, From: r.From})
			if err != nil {
				return err
			}
			known := make(map[int64]bool, len(rows))
			for _, e := range rows {
				known[e.Index] = true
			}
			for i := r.From; i < size; i++ {
				if !known[i] {
					r.Sealed = append(r.Sealed, i)
				}
			}
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

// SignOn ends the waiting for what cannot be had back: our log goes on from
// what is held of it. It is for a person to say, and possible once every other
// member gave its copy. Where entries beyond were signed and are shown later,
// they prove two histories.
func (n *Node) SignOn(ctx context.Context, id string) (Recovery, error) {
	n.guard.mu.Lock()
	defer n.guard.mu.Unlock()
	var r Recovery
	err := n.update(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		own := ledger.Origin(pc.ID, n.cfg.Party)
		size, err := tx.LogSize(own)
		if err != nil {
			return err
		}
		lost, signed, err := n.lost(tx, own, size)
		if err != nil {
			return err
		}
		if !lost {
			return fmt.Errorf("%w: nothing of our log is missing", ErrState)
		}
		if r, err = n.recovery(tx, pc, own, size); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if len(r.Waiting) > 0 {
			return fmt.Errorf("%w: %s may hold more of our log and has not given it; exchange a parcel first", ErrState, r.Waiting[0])
		}
		tree, err := ledger.TreeAt(size, hashes{tx, own})
		if err != nil {
			return err
		}
		if err := n.guard.put(signedTree{own, tree.N, tree.Hash}); err != nil {
			return err
		}
		r.Size, r.Signed = size, signed
		return errors.Join(tx.DeleteDoc(docLost, own), putDoc(tx, docRecovery, own, r))
	})
	return r, err
}

// signedByUs reports whether an accord bears our signature.
func (n *Node) signedByUs(a accord.Accord) bool { return slices.Contains(a.SignedBy, n.cfg.Party) }
