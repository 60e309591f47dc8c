package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// docGone is what docCopy was for a copy that was withdrawn, so that it can still
// be said what became of an object.
const docGone = "copygone"

// Dispatch is one act by which something of ours went to a partner, was
// corrected there or was taken back, and how the partner confirmed it.
type Dispatch struct {
	Object      string   `json:"object"` // ours; "" where it is not known any more
	Title       string   `json:"title"`
	Copy        string   `json:"copy"` // the id that the partner has
	Accord      string   `json:"accord"`
	AccordTitle string   `json:"accord_title"`
	To          string   `json:"to"`
	Name        string   `json:"name"`
	Kind        string   `json:"kind"` // released, corrected or withdrawn
	At          string   `json:"at"`
	Event       EventRef `json:"event"`
	Outcome     string   `json:"outcome,omitempty"`
	Purpose     string   `json:"purpose,omitempty"`
	Marking     string   `json:"marking,omitempty"`
	Redactions  []string `json:"redactions,omitempty"`
	Reason      string   `json:"reason,omitempty"` // of a withdrawal
	// Confirmed is when the partner's ledger says that it holds the copy or has
	// removed it; "" before. ConfirmedBy is that entry.
	Confirmed   string    `json:"confirmed,omitempty"`
	ConfirmedBy *EventRef `json:"confirmed_by,omitempty"`
}

// maxDispatches bounds the list of all dispatches.
const maxDispatches = 1000

// Dispatches tells to whom an object of ours went and what they confirmed, newest
// first; the newest of all objects, at most limit, where object is "".
func (n *Node) Dispatches(ctx context.Context, object string, limit int) ([]Dispatch, error) {
	out := []Dispatch{}
	if limit <= 0 || limit > maxDispatches {
		limit = maxDispatches
	}
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := n.pacts(tx)
		if err != nil {
			return err
		}
		pacts := make(map[string]pact)
		q := store.EventQuery{Kinds: []string{string(ledger.Released), string(ledger.Corrected), string(ledger.Withdrawn)}, Newest: true}
		for _, pc := range all {
			if slices.Contains(pc.Terms.Parties(), n.cfg.Party) {
				log := ledger.Origin(pc.ID, n.cfg.Party)
				pacts[log], q.Logs = pc, append(q.Logs, log)
			}
		}
		if len(q.Logs) == 0 {
			return nil
		}
		copies, err := copiesOf(tx, object)
		if err != nil {
			return err
		}
		if object == "" {
			q.Limit = limit
		}
		rows, err := tx.Events(q)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if object != "" && !mentions(row.Bytes, copies) {
				continue
			}
			ds, err := n.dispatchesOf(tx, pacts[row.Log], row)
			if err != nil {
				return err
			}
			for _, d := range ds {
				if object == "" || copies[d.Copy] && d.Object == object {
					out = append(out, d)
				}
			}
		}
		return confirm(tx, pacts, out)
	})
	return out, err
}

// copiesOf returns the ids under which partners have or had an object.
func copiesOf(tx store.Tx, object string) (map[string]bool, error) {
	ids := make(map[string]bool)
	if object == "" {
		return ids, nil
	}
	for _, kind := range []string{docCopy, docGone} {
		docs, err := tx.ListDocs(kind)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if !bytes.Contains(d.Body, []byte(object)) {
				continue
			}
			var c sentCopy
			if err := json.Unmarshal(d.Body, &c); err != nil {
				return nil, fmt.Errorf("stored copy %s does not read: %w", d.ID, err)
			}
			if c.Object == object {
				_, _, id := copyOf(d.ID)
				ids[id] = true
			}
		}
	}
	return ids, nil
}

// mentions spares parsing events of other objects.
func mentions(event []byte, ids map[string]bool) bool {
	for id := range ids {
		if bytes.Contains(event, []byte(id)) {
			return true
		}
	}
	return false
}

// dispatchesOf reads an event of ours, one dispatch for each recipient.
func (n *Node) dispatchesOf(tx store.Tx, pc pact, row store.Event) ([]Dispatch, error) {
	e, err := ledger.ParseEvent(row.Bytes)
	if err != nil {
		return nil, err
	}
	d := Dispatch{Accord: pc.ID, AccordTitle: pc.Terms.Title, Kind: string(e.Kind), At: stamp(e.At), Event: EventRef{row.Log, row.Index}}
	var to []string
	if e.Kind == ledger.Withdrawn {
		w, err := decodeData[ledger.Withdrawal](e)
		if err != nil {
			return nil, err
		}
		to, d.Copy, d.Reason = []string{w.From}, w.Object, w.Reason
	} else {
		r, err := decodeData[ledger.Release](e)
		if err != nil {
			return nil, err
		}
		to, d.Copy, d.Outcome, d.Purpose, d.Marking, d.Redactions = r.To, r.Object, r.Outcome, r.Purpose, r.Marking, r.Redactions
	}
	var out []Dispatch
	for _, party := range to {
		d.To, d.Name, d.Object, d.Title = party, partyName(pc, party), "", d.Copy
		for _, kind := range []string{docCopy, docGone} {
			var c sentCopy
			if getDoc(tx, kind, copyKey(pc.ID, party, d.Copy), &c) == nil {
				d.Object = c.Object
			}
		}
		if o, err := tx.Object(d.Object); d.Object != "" && err == nil {
			d.Title = title(o)
		}
		out = append(out, d)
	}
	return out, nil
}

// confirm fills in what partners' ledgers say of the dispatches.
func confirm(tx store.Tx, pacts map[string]pact, out []Dispatch) error {
	type place struct {
		log   string // ours
		index int64
		party string
	}
	sent := make(map[place]*Dispatch)
	back := make(map[string][]*Dispatch) // withdrawals by accord/party/copy, newest first
	logs := make(map[string]string)      // partners' logs → ours
	for i := range out {
		d := &out[i]
		if d.Kind == string(ledger.Withdrawn) {
			key := copyKey(d.Accord, d.To, d.Copy)
			back[key] = append(back[key], d)
		} else {
			sent[place{d.Event.Log, d.Event.Index, d.To}] = d
		}
		logs[ledger.Origin(d.Accord, d.To)] = d.Event.Log
	}
	if len(logs) == 0 {
		return nil
	}
	q := store.EventQuery{Kinds: []string{string(ledger.Received), string(ledger.Honoured)}}
	for log := range logs {
		q.Logs = append(q.Logs, log)
	}
	rows, err := tx.Events(q)
	if err != nil {
		return err
	}
	for _, row := range rows {
		e, err := ledger.ParseEvent(row.Bytes)
		if err != nil {
			return err
		}
		note := func(d *Dispatch) {
			if d != nil && d.Confirmed == "" {
				d.Confirmed, d.ConfirmedBy = stamp(e.At), &EventRef{row.Log, row.Index}
			}
		}
		ours := logs[row.Log]
		if e.Kind == ledger.Received {
			got, err := decodeData[ledger.Receipts](e)
			if err != nil {
				return err
			}
			for _, it := range got.Items {
				note(sent[place{ours, it.Index, e.Party}])
			}
			continue
		}
		got, err := decodeData[ledger.Withdrawal](e)
		if err != nil {
			return err
		}
		// Each withdrawal is honoured once, in the order in which they were made.
		for _, d := range slices.Backward(back[copyKey(pacts[ours].ID, e.Party, got.Object)]) {
			if d.Confirmed == "" {
				note(d)
				break
			}
		}
	}
	return nil
}

// retireCopy takes a copy off those that a partner has, if it is among them.
func retireCopy(tx store.Tx, key string) error {
	body, err := tx.Doc(docCopy, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = tx.PutDoc(docGone, key, body)
	}
	if err != nil {
		return err
	}
	return tx.DeleteDoc(docCopy, key)
}
