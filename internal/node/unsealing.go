package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley.example/parley/deconflict"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
	"parley.example/parley/release"
)

// Receipt first, the recipient's side, and what both sides ask of the arbiter where the
// other does not do its part.

// docSealed is, by log/index of a partner's release, what we hold locked.
const docSealed = "sealed"

// sealedIn is content of a partner that we hold locked.
type sealedIn struct {
	Accord  string `json:"accord"`
	From    string `json:"from"`
	Index   int64  `json:"index"`
	Receipt int64  `json:"receipt"` // index of our event that acknowledges it, plus one
	At      int64  `json:"at"`      // Unix µs
	Key     []byte `json:"key,omitempty"`
	Asked   int64  `json:"asked,omitempty"` // when the arbiter was asked last, Unix µs
}

// sealHolds reports whether content came locked, and then whether the arbiter that it
// names could open it: only such content is acknowledged. If not, people are told.
func (n *Node) sealHolds(tx store.Tx, pc pact, from string, b link.Body, e ledger.Event) (locked, opens bool, err error) {
	if e.Kind != ledger.Released && e.Kind != ledger.Corrected {
		return false, false, nil
	}
	rec, err := decodeData[ledger.Release](e)
	if err != nil || rec.Sealed == nil {
		return false, false, err
	}
	cause := n.checkSeal(tx, pc, from, rec, b.Bytes)
	if errors.Is(cause, errUnvouched) {
		// The arbiter may have changed its key since. It is asked, and the content comes
		// again meanwhile.
		return true, false, putDoc(tx, docTodo, fmt.Sprintf("vouch/%s/%s/%d", pc.ID, from, rec.Sealed.Sheet), rec.Sealed.Arbiter)
	}
	if cause != nil {
		return true, false, n.alarm(tx, pc.ID, from, fmt.Sprintf("what %s sent for entry %d of its log is not acknowledged: %v", from, b.Index, cause))
	}
	return true, true, nil
}

// docVouched is, by accord/witness/party/number, the text of a party's sheet of masks as
// the witness itself showed it to us.
const docVouched = "vouched"

var errUnvouched = errors.New("the arbiter's sheet is not signed with the key that its card names now")

func (n *Node) checkSeal(tx store.Tx, pc pact, from string, rec ledger.Release, body []byte) error {
	note, err := release.SealedNote(body)
	if err != nil || rec.Sealed.Arbiter == "" {
		return err
	}
	if !slices.Contains(pc.Terms.WitnessParties(), rec.Sealed.Arbiter) {
		return fmt.Errorf("%w: its arbiter %s is no witness of the accord", release.ErrSeal, clip(rec.Sealed.Arbiter))
	}
	text, err := n.openSheet(pc, rec.Sealed.Arbiter, note)
	if err != nil {
		err = getDoc(tx, docVouched, sheetID(pc.ID, rec.Sealed.Arbiter, from, rec.Sealed.Sheet), &text)
		if errors.Is(err, store.ErrNotFound) {
			return errUnvouched
		}
		if err != nil {
			return err
		}
	}
	if err := deconflict.CheckSheet(text, pc.ID, from, rec.Sealed.Sheet, rec.Sealed.Mask, rec.Sealed.Public); err != nil {
		return fmt.Errorf("%w: %w", release.ErrSeal, err)
	}
	return nil
}

func sheetID(accordID, witness, party string, number int64) string {
	return fmt.Sprintf("%s/%s/%d", peerID(accordID, witness), party, number)
}

// askVouched has a witness show the public side of a partner's sheet.
func (n *Node) askVouched(ctx context.Context, task, id, of string, number int64) error {
	var pc pact
	var witness string
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if err := getDoc(tx, docTodo, task, &witness); err != nil {
			return err
		}
		pc, err = n.pact(tx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	a, err := n.askArbiter(ctx, pc, witness, arbiterAsk{Sheet: number, Of: of})
	if err != nil || a.Sheet == nil {
		n.opt.Log.Info("the arbiter did not vouch for a sheet of masks", "arbiter", witness, "party", of, "error", err)
		return nil // asked again with the next parcel
	}
	text, err := n.openSheet(pc, witness, a.Sheet.Note)
	return n.update(ctx, func(tx store.Tx) error {
		if err != nil {
			return errors.Join(tx.DeleteDoc(docTodo, task), n.alarm(tx, id, witness, fmt.Sprintf("the arbiter %s shows a sheet of masks that it did not sign: %v", witness, err)))
		}
		return errors.Join(tx.DeleteDoc(docTodo, task), putDoc(tx, docVouched, sheetID(id, witness, of, number), text))
	})
}

// takeSealed keeps locked content until its key comes, which may have been here before
// it.
func (n *Node) takeSealed(tx store.Tx, pc pact, from string, index int64, e ledger.Event, rec ledger.Release, body []byte) error {
	it := newItem(pc, from, index, e, rec, n.now())
	gone, err := wasWithdrawn(tx, pc.ID, from, rec.Object, index)
	if err != nil {
		return err
	}
	if gone {
		return n.putItem(tx, goneItem(it, from))
	}
	it.State, it.Title = itemSealed, "sealed "+rec.Type
	mark := entryMark(it.Provenance.Log, index)
	var s sealedIn
	if err := getDoc(tx, docSealed, mark, &s); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	s.Accord, s.From, s.Index, s.At = pc.ID, from, index, n.now().UnixMicro()
	if err := errors.Join(putDoc(tx, docSealed, mark, s), n.putItem(tx, it)); err != nil {
		return err
	}
	if s.Key != nil {
		return n.openSealed(tx, pc, s, e, rec, s.Key)
	}
	return nil
}

// takeKey takes the key of a sealed release.
func (n *Node) takeKey(tx store.Tx, pc pact, from string, e ledger.Event, key []byte) error {
	d, err := decodeData[ledger.ShownKey](e)
	if err != nil || d.To != n.cfg.Party {
		return err
	}
	log := ledger.Origin(pc.ID, from)
	of, rec, err := releaseAt(tx, log, d.Index)
	if err != nil || rec.Sealed == nil {
		return n.alarm(tx, pc.ID, from, fmt.Sprintf("%s shows a key for entry %d of its log, which is no sealed release to us", from, d.Index))
	}
	var s sealedIn
	mark := entryMark(log, d.Index)
	err = getDoc(tx, docSealed, mark, &s)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if _, held := tx.Doc(docHeld, mark); held == nil {
			return nil // it was opened, withdrawn or has expired
		}
		return putDoc(tx, docSealed, mark, sealedIn{Accord: pc.ID, From: from, Index: d.Index, Key: key})
	case err != nil:
		return err
	}
	return n.openSealed(tx, pc, s, of, rec, key)
}

// releaseAt reads a release in a log.
func releaseAt(tx store.Tx, log string, index int64) (e ledger.Event, rec ledger.Release, err error) {
	row, err := tx.Event(log, index)
	if err != nil {
		return e, rec, err
	}
	if e, err = ledger.ParseEvent(row.Bytes); err != nil {
		return e, rec, err
	}
	if e.Kind != ledger.Released && e.Kind != ledger.Corrected {
		return e, rec, fmt.Errorf("%w: entry %d is no release", ErrInvalid, index)
	}
	rec, err = decodeData[ledger.Release](e)
	return e, rec, err
}

// openSealed opens what was held locked, and puts it where an open release would have
// gone. A key that does not open it is an alarm, and its item says why.
func (n *Node) openSealed(tx store.Tx, pc pact, s sealedIn, e ledger.Event, rec ledger.Release, key []byte) error {
	it := newItem(pc, s.From, s.Index, e, rec, n.now())
	held, err := n.heldItem(tx, it.ID)
	if err != nil {
		return err
	}
	mark := entryMark(it.Provenance.Log, s.Index)
	if held.State != itemSealed { // withdrawn or expired meanwhile
		return tx.DeleteDoc(docSealed, mark)
	}
	body, err := tx.Body(rec.Digest)
	if err != nil {
		return err
	}
	var content []byte
	m, cause := psi.CheckMask(key, rec.Sealed.Public)
	if cause == nil {
		content, cause = release.Open(rec, pc.ID, body, m.Bytes())
	}
	if cause != nil {
		text := fmt.Sprintf("what %s released in entry %d of its log does not open: %v", s.From, s.Index, cause)
		if errors.Is(cause, release.ErrSeal) {
			// The right key, and still not what was announced: it stays so.
			held.Problem = text
			return errors.Join(n.putItem(tx, held), n.alarm(tx, pc.ID, s.From, text), tx.DeleteDoc(docSealed, mark))
		}
		return n.alarm(tx, pc.ID, s.From, text)
	}
	if err := errors.Join(tx.PutBody(rec.Sealed.Content, content), tx.DeleteBody(rec.Digest), tx.DeleteDoc(docSealed, mark)); err != nil {
		return err
	}
	it.Provenance.Digest = rec.Sealed.Content.String()
	if err := n.keepReleased(tx, pc, s.From, rec, content, &it); err != nil {
		return err
	}
	return n.putItem(tx, it)
}

// heldItem is an item as the inbox has it.
func (n *Node) heldItem(tx store.Tx, id string) (Item, error) {
	row, err := tx.In(id)
	if err != nil {
		return Item{}, err
	}
	return n.item(tx, row)
}

// noteReceipts remembers with which entry of our log we acknowledged what is locked.
func noteReceipts(tx store.Tx, marks []string, at int64) error {
	for _, mark := range marks {
		var s sealedIn
		if err := getDoc(tx, docSealed, mark, &s); errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		s.Receipt = at + 1
		if err := putDoc(tx, docSealed, mark, s); err != nil {
			return err
		}
	}
	return nil
}

// SettleSealed asks arbiters for what partners owe: the key of what we acknowledged, or
// the receipt of who had the key from the arbiter. It is called now and then while the
// node runs.
func (n *Node) SettleSealed(ctx context.Context) error {
	var in []sealedIn
	var out []ownSeal
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if in, err = listDocs[sealedIn](tx, docSealed); err == nil {
			out, err = listDocs[ownSeal](tx, docSeal)
		}
		return err
	})
	now := n.now()
	due := func(at, asked int64) bool {
		return at <= now.Add(-settleAfter).UnixMicro() && asked <= now.Add(-askedAgain).UnixMicro()
	}
	for _, s := range in {
		if s.Receipt > 0 && due(s.At, s.Asked) {
			err = errors.Join(err, n.settleKeyOf(ctx, s))
		}
	}
	for _, s := range out {
		if s.Secret != nil && s.Arbiter != "" && due(s.At, s.Asked) {
			err = errors.Join(err, n.settleReceiptOf(ctx, s))
		}
	}
	return err
}

// settleKeyOf has the arbiter show the key of what we acknowledged.
func (n *Node) settleKeyOf(ctx context.Context, s sealedIn) error {
	log := ledger.Origin(s.Accord, s.From)
	mark := entryMark(log, s.Index)
	var pc pact
	var e ledger.Event
	var rec ledger.Release
	var held Item
	err := n.update(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, s.Accord); err != nil {
			return err
		}
		if e, rec, err = releaseAt(tx, log, s.Index); err != nil {
			return err
		}
		if held, err = n.heldItem(tx, newItem(pc, s.From, s.Index, e, rec, n.now()).ID); err != nil {
			return err
		}
		if held.State != itemSealed {
			return tx.DeleteDoc(docSealed, mark) // withdrawn or expired: it is not ours to open
		}
		s.Asked = n.now().UnixMicro()
		return putDoc(tx, docSealed, mark, s)
	})
	if err != nil || held.State != itemSealed || rec.Sealed.Arbiter == "" {
		return err
	}
	var ask arbiterAsk
	if ask.Taken, err = n.Receipt(ctx, ledger.Origin(s.Accord, n.cfg.Party), s.Receipt-1); err != nil {
		return err
	}
	if ask.Released, err = n.Receipt(ctx, log, s.Index); err != nil {
		return err
	}
	a, err := n.askArbiter(ctx, pc, rec.Sealed.Arbiter, ask)
	if err != nil {
		n.opt.Log.Info("the arbiter did not show a key", "log", ledger.Origin(s.Accord, n.cfg.Party), "index", s.Index, "error", err)
		return nil
	}
	return n.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Doc(docSealed, mark); errors.Is(err, store.ErrNotFound) {
			return nil // the key came meanwhile
		}
		if _, err := psi.CheckMask(a.Mask, rec.Sealed.Public); err != nil {
			return n.alarm(tx, s.Accord, rec.Sealed.Arbiter, fmt.Sprintf("the arbiter %s shows a mask that is not the one it signed, for entry %d of %s", rec.Sealed.Arbiter, s.Index, s.From))
		}
		return n.openSealed(tx, pc, s, e, rec, a.Mask)
	})
}

// settleReceiptOf asks the arbiter whether the recipient of a sealed release, who is
// silent, had the key from it, and keeps the recipient's receipt that it took for it.
func (n *Node) settleReceiptOf(ctx context.Context, s ownSeal) error {
	mark := entryMark(ledger.Origin(s.Accord, n.cfg.Party), s.Index)
	var pc pact
	err := n.update(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, s.Accord); err != nil {
			return err
		}
		s.Asked = n.now().UnixMicro()
		return putDoc(tx, docSeal, mark, s)
	})
	if err != nil {
		return err
	}
	a, err := n.askArbiter(ctx, pc, s.Arbiter, arbiterAsk{Sealed: s.Index + 1, With: s.To})
	if err != nil {
		n.opt.Log.Info("the arbiter did not answer for a sealed release", "log", ledger.Origin(s.Accord, n.cfg.Party), "index", s.Index, "error", err)
		return nil
	}
	if len(a.Taken) == 0 {
		return nil
	}
	if err := n.takenBy(ctx, pc, s, a.Taken); err != nil {
		return n.update(ctx, func(tx store.Tx) error {
			return n.alarm(tx, s.Accord, s.Arbiter, fmt.Sprintf("the arbiter %s showed the key of entry %d of our log to %s for a receipt that does not hold: %v", s.Arbiter, s.Index, s.To, err))
		})
	}
	return n.update(ctx, func(tx store.Tx) error {
		s.Secret, s.Shown = nil, 1 // by the arbiter
		return errors.Join(putDoc(tx, docSeal, mark, s), n.notice(tx, Notice{
			Kind: noticeSealed, Accord: s.Accord, Party: s.To, Evidence: string(a.Taken),
			Text: fmt.Sprintf("%s had the arbiter %s show the key of entry %d of our log, and has not given us its receipt yet; the arbiter took it, and this is it", s.To, s.Arbiter, s.Index),
		}))
	})
}

// askedAgain is how long an arbiter that could not help is left alone.
const askedAgain = 6 * time.Hour
