package node

import (
	"errors"
	"slices"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
)

// What our own acts left in the database besides the ledger was lost with their
// entries. As these come back they are lived through once more: what we asked
// for, what we answered, which copies left and which were taken back.

// relive does for an act of ours that came back what it did when it was made. It
// touches no ledger, and nothing that is there already.
func (n *Node) relive(tx store.Tx, pc pact, e ledger.Event, known *ownObjects) error {
	switch e.Kind {
	case ledger.RequestMade:
		r, err := decodeData[ledger.Request](e)
		if err != nil {
			return err
		}
		if _, err := tx.Doc(docRequest, r.ID); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		v := requestView(pc.ID, n.cfg.Party, e.At, r)
		v.Direction = "out"
		return putDoc(tx, docRequest, v.ID, v)
	case ledger.RequestAnswered:
		r, err := decodeData[ledger.RequestReply](e)
		if err != nil {
			return err
		}
		var v Request
		if err := getDoc(tx, docRequest, r.ID, &v); errors.Is(err, store.ErrNotFound) || v.Direction != "in" || v.State != requestOpen {
			return nil // it comes later: see answered
		} else if err != nil {
			return err
		}
		v.State = stateAfter(r)
		return putDoc(tx, docRequest, v.ID, v)
	case ledger.Released, ledger.Corrected:
		r, err := decodeData[ledger.Release](e)
		if err != nil {
			return err
		}
		if r.Sealed != nil {
			if err := usedMask(tx, pc, r.Sealed.Arbiter, r.Sealed.Sheet, r.Sealed.Mask); err != nil {
				return err
			}
		}
		for _, to := range r.To {
			if err := n.reliveCopy(tx, pc, to, r.Object, e, known); err != nil {
				return err
			}
		}
	case ledger.DeconflictSealed:
		d, err := decodeData[ledger.DeconflictSeal](e)
		if err != nil {
			return err
		}
		return usedMask(tx, pc, d.Arbiter, d.Sheet, d.Mask)
	case ledger.Withdrawn:
		d, err := decodeData[ledger.Withdrawal](e)
		if err != nil {
			return err
		}
		return retireCopy(tx, copyKey(pc.ID, d.From, d.Object))
	}
	return nil
}

// reliveCopy remembers again that a copy left, and of which object, if that one is
// held still.
func (n *Node) reliveCopy(tx store.Tx, pc pact, to, copyID string, e ledger.Event, known *ownObjects) error {
	key := copyKey(pc.ID, to, copyID)
	var c sentCopy
	err := getDoc(tx, docCopy, key, &c)
	if errors.Is(err, store.ErrNotFound) {
		c = sentCopy{First: e.At}
		c.Object, err = known.of(n, tx, pc.ID, to, copyID)
	}
	if err != nil {
		return err
	}
	if e.At.After(c.Last) {
		c.Last = e.At
	}
	return putDoc(tx, docCopy, key, c)
}

// ownObjects finds of which object of ours a copy is: ids of copies cannot be
// read backwards. It reads the library once for each recipient.
type ownObjects struct {
	byCopy map[string]map[string]string // object by copy, by recipient
}

func (o *ownObjects) of(n *Node, tx store.Tx, accordID, to, copyID string) (object string, err error) {
	if o.byCopy == nil {
		o.byCopy = make(map[string]map[string]string)
	}
	if o.byCopy[to] == nil {
		all := make(map[string]string)
		for after, more := int64(0), true; more; {
			var objects []store.Object
			objects, more, err = tx.ListObjects(store.ObjectQuery{In: &store.Collection{}, Versions: store.Versions{Last: true}, After: after, Limit: 1000})
			if err != nil {
				return "", err
			}
			for _, x := range objects {
				after = x.Added
				if x.From == "" {
					all[release.CopyID(n.keys.copy, accordID, to, x.ID)] = x.ID
				}
			}
		}
		o.byCopy[to] = all
	}
	// Of an object that passed whole the copy has its own id.
	if object, ok := o.byCopy[to][copyID]; ok {
		return object, nil
	}
	return copyID, nil
}

// before finds, where a part of our log came back, an act of a kind that we had
// done already; without that nothing of ours can be missing beside the log.
func (n *Node) before(tx store.Tx, pc pact, kind ledger.Kind, match func(e ledger.Event) bool) (found bool, err error) {
	own := ledger.Origin(pc.ID, n.cfg.Party)
	var r Recovery
	if err := getDoc(tx, docRecovery, own, &r); errors.Is(err, store.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	rows, err := tx.Events(store.EventQuery{Logs: []string{own}, Kinds: []string{string(kind)}, From: r.From})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(rows, func(row store.Event) bool {
		e, err := ledger.ParseEvent(row.Bytes)
		return err == nil && match(e)
	}), nil
}

// answered is how we answered a request before its entry was lost here; "" where
// we did not.
func (n *Node) answered(tx store.Tx, pc pact, id string) (state string, err error) {
	_, err = n.before(tx, pc, ledger.RequestAnswered, func(e ledger.Event) bool {
		r, err := decodeData[ledger.RequestReply](e)
		if err != nil || r.ID != id {
			return false
		}
		state = stateAfter(r)
		return true
	})
	return state, err
}

// stateAfter is the state of a request that was answered so.
func stateAfter(r ledger.RequestReply) string {
	if r.Outcome != "released" {
		return requestDeclined
	}
	return requestAnswered
}

// honoured reports whether we honoured a withdrawal before its entry was lost here.
func (n *Node) honoured(tx store.Tx, pc pact, d ledger.Withdrawal, by string) (bool, error) {
	return n.before(tx, pc, ledger.Honoured, func(e ledger.Event) bool {
		h, err := decodeData[ledger.Withdrawal](e)
		return err == nil && h.Object == d.Object && h.From == by
	})
}
