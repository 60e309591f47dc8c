package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
	"parley.example/parley/release"
)

// Receipt first, the owner's side: content leaves locked (release.Seal), and its key
// follows when the recipient's log says that it holds it. Where a witness can be had
// as arbiter, the key is a mask of its sheets: then neither side can keep back what
// the other is due.

const (
	docSeal = "seal" // by log/index of the release: ownSeal
	// sealedBit tells our own events of sealed releases from others without parsing them.
	sealedBit = `"sealed":{`
)

// ownSeal is a release of ours that left locked.
type ownSeal struct {
	Accord  string `json:"accord"`
	To      string `json:"to"`
	Index   int64  `json:"index"`
	At      int64  `json:"at"` // Unix µs
	Arbiter string `json:"arbiter,omitempty"`
	Secret  []byte `json:"secret,omitempty"` // the mask, until it was shown
	Shown   int64  `json:"shown,omitempty"`  // index of KeyShown plus one; 1 where it was shown elsewhere
	Asked   int64  `json:"asked,omitempty"`  // when the arbiter was asked last, Unix µs
}

func entryMark(log string, index int64) string { return fmt.Sprintf("%s/%d", log, index) }

// readyLock makes sure that a mask of an arbiter is at hand, where a release is to be
// sealed and a witness can be reached. Not in a transaction: it asks on the line.
func (n *Node) readyLock(ctx context.Context, accordID string) error {
	var pc pact
	err := n.view(ctx, func(tx store.Tx) (err error) {
		pc, err = n.pact(tx, accordID)
		return err
	})
	if err == nil {
		n.arbiterOf(ctx, pc)
	}
	return err
}

// dealLock deals what a release is sealed with: a mask of the first witness of whom one is
// at hand, else one of our own.
func (n *Node) dealLock(tx store.Tx, pc pact) (l release.Lock, err error) {
	for _, w := range pc.Terms.WitnessParties() {
		h, err := n.dealOne(tx, pc, w)
		if errors.Is(err, errNoMask) {
			continue
		}
		if err != nil {
			return l, err
		}
		m, err := psi.ParseMask(h.Secrets[0])
		if err != nil {
			return l, err
		}
		l.Seal = ledger.Seal{Public: m.Public(), Arbiter: w, Sheet: h.Sheet.Number, Mask: h.Index}
		l.Secret, l.Note = h.Secrets[0], h.Sheet.Note
		return l, nil
	}
	m, err := psi.NewMask(n.opt.Rand)
	if err != nil {
		return l, err
	}
	l.Public, l.Secret = m.Public(), m.Bytes()
	return l, nil
}

// sealCopies locks the copies that are about to leave and keeps the keys. The owner keeps
// the content as well, for tracing.
func (n *Node) sealCopies(tx store.Tx, pc pact, g *gathered, first int64) error {
	log := ledger.Origin(pc.ID, n.cfg.Party)
	for i := range g.copies {
		l, err := n.dealLock(tx, pc)
		if err != nil {
			return err
		}
		c := &g.copies[i]
		if err := tx.PutBody(c.Digest(), c.Bytes()); err != nil {
			return err
		}
		if c.Released, err = release.Seal(c.Released, l, n.opt.Rand); err != nil {
			return err
		}
		index := first + int64(i)
		s := ownSeal{Accord: pc.ID, To: c.To()[0], Index: index, At: n.now().UnixMicro(), Arbiter: l.Arbiter, Secret: l.Secret}
		if err := putDoc(tx, docSeal, entryMark(log, index), s); err != nil {
			return err
		}
	}
	return nil
}

// dropSeal forgets the key of a release that was withdrawn, and holds it back if it was
// shown and has not left.
func (n *Node) dropSeal(tx store.Tx, log string, index int64) error {
	var s ownSeal
	err := getDoc(tx, docSeal, entryMark(log, index), &s)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil && s.Shown > 0 {
		if err = tx.Delivered(log, s.Shown-1, s.To, n.now().UnixMicro()); errors.Is(err, store.ErrNotFound) {
			err = nil
		}
	}
	return errors.Join(err, tx.DeleteDoc(docSeal, entryMark(log, index)))
}

// acknowledged leaves a task where an entry of ours is a sealed release and its recipient
// says that it holds that very content. at is the entry of its log that says so.
func acknowledged(tx store.Tx, pc pact, row store.Event, by string, holds ledger.Digest, at int64) error {
	if !bytes.Contains(row.Bytes, []byte(sealedBit)) {
		return nil
	}
	e, err := ledger.ParseEvent(row.Bytes)
	if err != nil {
		return err
	}
	rec, err := decodeData[ledger.Release](e)
	if err != nil || rec.Sealed == nil || rec.Digest != holds || !slices.Contains(rec.To, by) {
		return err
	}
	return putDoc(tx, docTodo, fmt.Sprintf("show/%s/%s/%d", pc.ID, by, row.Index), at)
}

// showKey shows the key of a sealed release to who acknowledged it. The task waits
// while content may not pass, and until the acknowledgement stands under a checkpoint:
// only then is it a receipt.
func (n *Node) showKey(ctx context.Context, task, id, to string, index int64) error {
	var pc pact
	var rec ledger.Release
	var s ownSeal
	log := ledger.Origin(id, n.cfg.Party)
	over, waits, withdrawn := false, false, false
	err := n.view(ctx, func(tx store.Tx) error {
		var at int64
		if err := getDoc(tx, docTodo, task, &at); err != nil {
			over = errors.Is(err, store.ErrNotFound)
			return err
		}
		var err error
		if pc, err = n.pact(tx, id); err != nil {
			return err
		}
		cp, err := tx.LatestCheckpoint(ledger.Origin(id, to))
		if errors.Is(err, store.ErrNotFound) || err == nil && cp.Size <= at || pc.state.At(n.now()).Name != accord.InForce {
			waits = true
			return nil
		}
		if err != nil {
			return err
		}
		if _, rec, err = releaseAt(tx, log, index); err != nil {
			return err
		}
		if _, err := tx.Doc(docCopy, copyKey(id, to, rec.Object)); err != nil {
			withdrawn = errors.Is(err, store.ErrNotFound)
			return err
		}
		if err := getDoc(tx, docSeal, entryMark(log, index), &s); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	})
	if withdrawn {
		return n.update(ctx, func(tx store.Tx) error { return tx.DeleteDoc(docTodo, task) })
	}
	if over || waits {
		return nil
	}
	if err != nil {
		return err
	}
	if s.Secret == nil && s.Shown == 0 {
		if s, err = n.recallSeal(ctx, pc, to, index, rec); errors.Is(err, errNoMask) {
			n.opt.Log.Info("the arbiter did not give back a mask", "arbiter", rec.Sealed.Arbiter, "log", log, "index", index, "error", err)
			return nil // tried again with the next parcel; other tasks do not wait for it
		}
		if err != nil {
			return err
		}
	}
	err = n.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Doc(docTodo, task); errors.Is(err, store.ErrNotFound) {
			return nil // somebody else was faster
		}
		done := func() error { return tx.DeleteDoc(docTodo, task) }
		now, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.Doc(docCopy, copyKey(id, to, rec.Object)); errors.Is(err, store.ErrNotFound) {
			return done() // withdrawn meanwhile
		}
		if s.Shown > 0 {
			return done()
		}
		if s.Secret == nil {
			return errors.Join(done(), n.notice(tx, Notice{Kind: noticeSealed, Accord: id, Party: to, Text: fmt.Sprintf(
				"the key of entry %d of our log was lost with the database: %s has acknowledged what it cannot read. Withdraw the object and release it once more", index, to)}))
		}
		rel, err := release.MintKey(now.Accord, now.state, n.cfg.Party, to, rec, s.Secret, n.now())
		if errors.Is(err, release.ErrWithheld) {
			return nil // suspended or lowered: waits
		}
		if err != nil {
			return err
		}
		at, err := n.act(tx, now.Accord, ledger.KeyShown, ledger.ShownKey{To: to, Index: index, Key: rel.Digest()}, to)
		if err != nil {
			return err
		}
		s.Shown, s.Secret = at+1, nil
		return errors.Join(n.queue(tx, rel, at, rec.Priority), putDoc(tx, docSeal, entryMark(log, index), s), done())
	})
	if err == nil {
		n.kick(pc.Accord)
	}
	return err
}

// recallSeal finds a key that was lost with the database: our log, as it came back, may
// say that it was shown; else the arbiter can make the sheet again (errNoMask where it
// cannot be asked now). Without a Secret it is lost.
func (n *Node) recallSeal(ctx context.Context, pc pact, to string, index int64, rec ledger.Release) (ownSeal, error) {
	s := ownSeal{Accord: pc.ID, To: to, Index: index, At: n.now().UnixMicro(), Arbiter: rec.Sealed.Arbiter}
	shown := false
	err := n.view(ctx, func(tx store.Tx) (err error) {
		shown, err = n.before(tx, pc, ledger.KeyShown, func(e ledger.Event) bool {
			d, err := decodeData[ledger.ShownKey](e)
			return err == nil && d.Index == index
		})
		return err
	})
	if shown {
		s.Shown = 1 // where, does not matter any more
	}
	if err != nil || shown || s.Arbiter == "" {
		return s, err
	}
	a, err := n.askArbiter(ctx, pc, s.Arbiter, arbiterAsk{Sheet: rec.Sealed.Sheet})
	if err != nil {
		return s, errors.Join(errNoMask, err)
	}
	if i := rec.Sealed.Mask; a.Sheet != nil && i >= 0 && i < len(a.Sheet.Secrets) {
		if m, err := psi.CheckMask(a.Sheet.Secrets[i], rec.Sealed.Public); err == nil {
			s.Secret = m.Bytes()
		}
	}
	return s, nil
}
