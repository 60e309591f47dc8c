package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parley.example/parley/deconflict"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// The masks with which our side of an exchange, or a release, is sealed: from a sheet that an arbiter
// made, or our own.

// maskBox is the masks that a witness made for us as an arbiter.
type maskBox struct {
	Next  int64            `json:"next"` // number of the sheet to ask for next
	Sheet deconflict.Sheet `json:"sheet"`
	Used  int              `json:"used"` // masks of Sheet that were dealt
}

var errNoMask = errors.New("no mask of the arbiter is at hand")

// arbiterOf is a witness of whom we have a mask, "" where there is none.
func (n *Node) arbiterOf(ctx context.Context, pc pact) string {
	for _, w := range pc.Terms.WitnessParties() {
		err := n.haveMask(ctx, pc, w)
		if err == nil {
			return w
		}
		n.opt.Log.Info("no masks of the arbiter", "arbiter", w, "error", err)
	}
	return ""
}

func (n *Node) openSheet(pc pact, witness string, note []byte) (string, error) {
	text, _, err := ledger.OpenNote(note, n.currentBook().AccordSigners(pc.ID, witness))
	return text, err
}

// haveMask makes sure that a mask of a witness is at hand, and asks the witness for a
// sheet where none is.
func (n *Node) haveMask(ctx context.Context, pc pact, witness string) error {
	if !slices.Contains(pc.Terms.WitnessParties(), witness) {
		return fmt.Errorf("%w: %s is no witness of the accord", ErrInvalid, clip(witness))
	}
	var box maskBox
	key := peerID(pc.ID, witness)
	err := n.view(ctx, func(tx store.Tx) error {
		err := getDoc(tx, docMasks, key, &box)
		if errors.Is(err, store.ErrNotFound) {
			box, err = maskBox{Next: 1}, nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if box.Used < len(box.Sheet.Secrets) {
		if _, err := n.openSheet(pc, witness, box.Sheet.Note); err == nil {
			return nil
		}
		// The witness has another key now.
	}
	a, err := n.askArbiter(ctx, pc, witness, arbiterAsk{Sheet: box.Next})
	if err != nil {
		return err
	}
	if a.Sheet == nil || a.Sheet.Number != box.Next {
		return fmt.Errorf("the arbiter %s sent another sheet of masks than asked for", witness)
	}
	text, err := n.openSheet(pc, witness, a.Sheet.Note)
	if err == nil {
		err = a.Sheet.Check(text, pc.ID, n.cfg.Party)
	}
	if err != nil {
		return fmt.Errorf("sheet of masks of %s: %w", witness, err)
	}
	return n.update(ctx, func(tx store.Tx) error {
		return putDoc(tx, docMasks, key, maskBox{Next: box.Next + 1, Sheet: *a.Sheet})
	})
}

// deal reserves masks for an exchange. What was reserved before a crash is dealt
// again.
func (n *Node) deal(ctx context.Context, pc pact, s *exchange) (deconflict.Hand, error) {
	if len(s.Side.Hand.Secrets) > 0 {
		return s.Side.Hand, nil
	}
	var err error
	if s.Arbiter == "" {
		s.Side.Hand, err = deconflict.NewHand(n.opt.Rand)
		return s.Side.Hand, err
	}
	if err := n.haveMask(ctx, pc, s.Arbiter); err != nil {
		return s.Side.Hand, errors.Join(errNoMask, err)
	}
	err = n.update(ctx, func(tx store.Tx) (err error) {
		if s.Side.Hand, err = n.dealOne(tx, pc, s.Arbiter); err != nil {
			return err
		}
		return putDoc(tx, docExchange, s.ID, s)
	})
	return s.Side.Hand, err
}

// dealOne takes a mask of a witness's sheet; errNoMask where none is at hand.
func (n *Node) dealOne(tx store.Tx, pc pact, witness string) (h deconflict.Hand, err error) {
	var box maskBox
	key := peerID(pc.ID, witness)
	err = getDoc(tx, docMasks, key, &box)
	if errors.Is(err, store.ErrNotFound) || err == nil && box.Used >= len(box.Sheet.Secrets) {
		return h, errNoMask
	}
	if err != nil {
		return h, err
	}
	if _, err := n.openSheet(pc, witness, box.Sheet.Note); err != nil {
		return h, errNoMask // the witness has another key now
	}
	h = box.Sheet.Deal(box.Used)
	box.Sheet.Secrets[box.Used] = nil // it serves once
	box.Used++
	return h, putDoc(tx, docMasks, key, box)
}

// usedMask notes, as acts of ours come back, that a mask was dealt: none serves twice.
func usedMask(tx store.Tx, pc pact, witness string, sheet int64, mask int) error {
	if witness == "" {
		return nil
	}
	var box maskBox
	key := peerID(pc.ID, witness)
	if err := getDoc(tx, docMasks, key, &box); errors.Is(err, store.ErrNotFound) {
		box = maskBox{Next: 1}
	} else if err != nil {
		return err
	}
	switch {
	case sheet >= box.Next:
		box = maskBox{Next: sheet + 1}
	case sheet == box.Sheet.Number && mask >= box.Used:
		for i := box.Used; i <= mask && i < len(box.Sheet.Secrets); i++ {
			box.Sheet.Secrets[i] = nil
		}
		box.Used = mask + 1
	default:
		return nil
	}
	return putDoc(tx, docMasks, key, box)
}
