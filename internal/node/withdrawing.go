package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// docWithdrawn remembers, by accord/party/object, up to which entry of the
// party's log an object was withdrawn: content released before it that comes
// late is not shown any more.
const docWithdrawn = "withdrawn"

// WithdrawAsk takes back what was released.
type WithdrawAsk struct {
	Accord string   `json:"accord"`
	Object string   `json:"object"`       // our object, or the id of a released copy
	To     []string `json:"to,omitempty"` // empty: everybody who has it
	Reason string   `json:"reason"`
}

// Withdrawal is the account of taking something back: who had which copy.
type Withdrawal struct {
	Copies []ReleasedCopy `json:"copies"`
}

// Withdraw takes released copies back. What has not left yet does not leave;
// who has a copy must remove it and say so in its ledger. The fact that it was
// released and withdrawn stays.
func (n *Node) Withdraw(ctx context.Context, ask WithdrawAsk) (Withdrawal, error) {
	out := Withdrawal{Copies: []ReleasedCopy{}}
	var under accord.Accord
	if ask.Reason == "" {
		return out, fmt.Errorf("%w: give a reason; whoever has a copy will read it", ErrInvalid)
	}
	_, err := n.change(ctx, ask.Accord, func(tx store.Tx, pc pact) error {
		out.Copies, under = out.Copies[:0], pc.Accord
		docs, err := tx.ListDocs(docCopy)
		if err != nil {
			return err
		}
		log := ledger.Origin(pc.ID, n.cfg.Party)
		for _, d := range docs {
			var c sentCopy
			if err := json.Unmarshal(d.Body, &c); err != nil {
				return fmt.Errorf("stored copy %s does not read: %w", d.ID, err)
			}
			accordID, to, id := copyOf(d.ID)
			if accordID != pc.ID || (c.Object != ask.Object && id != ask.Object) || (len(ask.To) > 0 && !slices.Contains(ask.To, to)) {
				continue
			}
			if err := n.holdBack(tx, log, to, id); err != nil {
				return err
			}
			index, err := n.act(tx, pc.Accord, ledger.Withdrawn, ledger.Withdrawal{From: to, Object: id, Reason: ask.Reason}, to)
			if err != nil {
				return err
			}
			if err := retireCopy(tx, d.ID); err != nil {
				return err
			}
			if err := takeDown(tx, store.Collection{Accord: pc.ID, To: to}, id); err != nil {
				return err
			}
			out.Copies = append(out.Copies, ReleasedCopy{To: to, Copy: id, Event: EventRef{log, index}})
		}
		if len(out.Copies) == 0 {
			return fmt.Errorf("%w: nobody has a copy of %q under this accord", ErrNotFound, clip(ask.Object))
		}
		return nil
	})
	if err == nil {
		n.ground(under)
		n.kick(under) // what tells of it may have been among what was stopped
	}
	return out, err
}

// takeDown removes a copy from where its recipient could fetch it over TAXII.
func takeDown(tx store.Tx, in store.Collection, id string) error {
	rows, _, err := tx.ListObjects(store.ObjectQuery{In: &in, IDs: []string{id}})
	if err != nil {
		return err
	}
	for _, o := range rows {
		if err := tx.DeleteVersion(o.Added); err != nil {
			return err
		}
	}
	return nil
}

// holdBack takes what waits for a party of one copy out of the outbox.
func (n *Node) holdBack(tx store.Tx, log, to, id string) error {
	rows, err := tx.Events(store.EventQuery{Logs: []string{log}, Kinds: []string{string(ledger.Released), string(ledger.Corrected)}})
	if err != nil {
		return err
	}
	for _, r := range rows {
		e, err := ledger.ParseEvent(r.Bytes)
		if err != nil {
			return err
		}
		d, err := decodeData[ledger.Release](e)
		if err != nil {
			return err
		}
		if d.Object != id || !slices.Contains(d.To, to) {
			continue
		}
		if err := tx.Delivered(log, r.Index, to, n.now().UnixMicro()); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := n.dropSeal(tx, log, r.Index); err != nil {
			return err
		}
	}
	return nil
}

// takeWithdrawal honours a partner's withdrawal: the object disappears from
// views, exports and the watch, and our ledger says so.
func (n *Node) takeWithdrawal(tx store.Tx, pc pact, index int64, e ledger.Event) error {
	d, err := decodeData[ledger.Withdrawal](e)
	if err != nil || d.From != n.cfg.Party {
		return err
	}
	if err := n.expectNot(tx, pc, e.Party, d.Object); err != nil {
		return err
	}
	key := peerID(pc.ID, e.Party) + "/" + d.Object
	if err := putDoc(tx, docWithdrawn, key, index); err != nil {
		return err
	}
	if err := n.removeReceived(tx, pc.ID, e.Party, d.Object, "withdrawn", "withdrawn by "+e.Party+": "+d.Reason); err != nil {
		return err
	}
	if done, err := n.honoured(tx, pc, d, e.Party); err != nil || done {
		return err
	}
	_, err = n.act(tx, pc.Accord, ledger.Honoured, ledger.Withdrawal{From: e.Party, Object: d.Object}, e.Party)
	return err
}

// wasWithdrawn reports whether content of an entry was withdrawn by a later one.
func wasWithdrawn(tx store.Tx, accordID, party, object string, index int64) (bool, error) {
	var upTo int64
	err := getDoc(tx, docWithdrawn, peerID(accordID, party)+"/"+object, &upTo)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return index < upTo, err
}

// removeReceived removes a received object and leaves in the inbox that it was
// there and why it is not any more.
func (n *Node) removeReceived(tx store.Tx, accordID, from, object, state, why string) error {
	if o, err := tx.Object(object); err == nil && o.From == from {
		if err := errors.Join(tx.DeleteObject(object), tx.DeleteIncident(object), tx.DeleteSelectors(object)); err != nil {
			return err
		}
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	rows, err := tx.Inbox(0)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.From != from || r.Accord != accordID {
			continue
		}
		var it Item
		if err := json.Unmarshal(r.Doc, &it); err != nil {
			return err
		}
		if it.ObjectID != object || it.gone() {
			continue
		}
		var digest ledger.Digest
		if err := digest.UnmarshalText([]byte(it.Provenance.Digest)); err != nil {
			return err
		}
		if err := tx.DeleteBody(digest); err != nil {
			return err
		}
		it.State, it.Problem, it.Title = state, why, it.Kind+" "+state
		if r.Doc, err = json.Marshal(it); err != nil {
			return err
		}
		if err := tx.PutIn(r); err != nil {
			return err
		}
	}
	return nil
}

// gone reports whether the content is not held any more.
func (it Item) gone() bool { return it.State == "withdrawn" || it.State == "expired" }

// expire removes received content whose retention has ended.
func (n *Node) expire(ctx context.Context) error {
	now := stamp(n.now())
	due := func(it Item) bool { return !it.gone() && it.Expires != "" && it.Expires <= now }
	some := false
	each := func(tx store.Tx, do func(Item) error) error {
		rows, err := tx.Inbox(0)
		if err != nil {
			return err
		}
		for _, r := range rows {
			var it Item
			if err := json.Unmarshal(r.Doc, &it); err != nil {
				return err
			}
			if due(it) {
				if err := do(it); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err := n.view(ctx, func(tx store.Tx) error { return each(tx, func(Item) error { some = true; return nil }) })
	if err != nil || !some {
		return err
	}
	return n.update(ctx, func(tx store.Tx) error {
		return each(tx, func(it Item) error {
			return n.removeReceived(tx, it.Accord, it.From, it.ObjectID, "expired", "its retention ended on "+it.Expires)
		})
	})
}

// Judge says of what use a received item was. The releasing partner learns it
// through the ledger, and the account counts it.
func (n *Node) Judge(ctx context.Context, itemID, use string) (Item, error) {
	if !slices.Contains(ledger.Uses, use) {
		return Item{}, fmt.Errorf("%w: %q is none of %v", ErrInvalid, clip(use), ledger.Uses)
	}
	var pc pact
	var it Item
	err := n.update(ctx, func(tx store.Tx) error {
		row, err := tx.In(itemID)
		if err != nil {
			return fmt.Errorf("inbox item %q: %w", clip(itemID), err)
		}
		if it, err = n.item(tx, row); err != nil {
			return err
		}
		if it.Use != "" {
			return fmt.Errorf("%w: it was judged %s already", ErrState, it.Use)
		}
		if pc, err = n.pact(tx, it.Accord); err != nil {
			return err
		}
		it.Use = use
		if row.Doc, err = json.Marshal(it); err != nil {
			return err
		}
		if err := tx.PutIn(row); err != nil {
			return err
		}
		_, err = n.act(tx, pc.Accord, ledger.Judged, ledger.Judgement{Of: it.From, Object: it.ObjectID, Use: use}, it.From)
		return err
	})
	if err == nil {
		n.kick(pc.Accord)
	}
	return it, err
}
