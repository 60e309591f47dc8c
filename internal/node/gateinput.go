package node

import (
	"context"
	"fmt"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
	"parley.example/parley/stix"
)

// gateInput is what a decision on an object of the library rests on.
func (n *Node) gateInput(tx store.Tx, pc pact, obj store.Object, to []string, purpose, basis string) release.Input {
	return n.gateInputUnder(tx, pc, obj, to, purpose, basis, n.policy())
}

func (n *Node) gateInputUnder(tx store.Tx, pc pact, obj store.Object, to []string, purpose, basis string, policy release.Policy) release.Input {
	in := release.Input{
		Object: obj.Bytes, Origin: n.origin(tx, obj), Accord: pc.Accord, State: pc.state, Me: n.cfg.Party, To: to,
		Purpose: purpose, LegalBasis: basis, Now: n.now(), CopyKey: n.keys.copy, Policy: policy,
	}
	in.Marking = func(id string) ([]byte, bool) { return marking(tx, id) }
	in.Held = func(id string) (release.Held, bool) {
		o, err := tx.Object(id)
		if err != nil {
			return release.Held{}, false // what cannot be read does not pass
		}
		return release.Held{Object: o.Bytes, Origin: n.origin(tx, o)}, true
	}
	sent := make(map[string]sentCopy) // zero: it never left
	in.Sent = func(copyID string) (first, last time.Time, ok bool) {
		c, asked := sent[copyID]
		if !asked {
			for _, p := range to {
				if getDoc(tx, docCopy, copyKey(pc.ID, p, copyID), &c) != nil {
					c = sentCopy{}
					break
				}
			}
			sent[copyID] = c
		}
		return c.First, c.Last, !c.First.IsZero()
	}
	return in
}

// marking returns a marking definition that may be relied on: one of our own, or
// a releasability marking, whose id follows from what it says. With any other, a
// partner could lay down what our markings mean.
func marking(tx store.Tx, id string) ([]byte, bool) {
	o, err := tx.Object(id)
	if err != nil || o.Type != "marking-definition" {
		return nil, false
	}
	if o.From == "" {
		return o.Bytes, true
	}
	obj, err := stix.Parse(o.Bytes)
	if err != nil {
		return nil, false
	}
	r, ok, err := stix.ReleasabilityOf(obj)
	if err != nil || !ok {
		return nil, false
	}
	own, _, err := r.Marking()
	return o.Bytes, err == nil && own == id
}

// origin tells where an object came from and what its originator agreed to. What
// cannot be read agrees to nothing.
func (n *Node) origin(tx store.Tx, obj store.Object) release.Origin {
	o := release.Origin{Party: obj.From}
	if obj.From == "" {
		return o
	}
	pc, err := n.pact(tx, obj.Accord)
	if err != nil {
		return o
	}
	o.Onward = pc.Terms.Onward
	rows, err := tx.Events(store.EventQuery{Logs: []string{ledger.Origin(pc.ID, obj.From)}, Kinds: []string{string(release.OnwardAgreed)}})
	if err != nil {
		return o
	}
	for _, row := range rows {
		e, err := ledger.ParseEvent(row.Bytes)
		if err != nil {
			continue
		}
		d, err := decodeData[release.Onward](e)
		if err == nil && d.Object == obj.ID {
			o.Consent = d.To // the newest counts
		}
	}
	return o
}

// OnwardAsk agrees to a partner's passing on what we released to it.
type OnwardAsk struct {
	Accord string   `json:"accord"`
	Party  string   `json:"party,omitempty"` // who may pass it on; empty where there is one other member
	Copy   string   `json:"copy"`            // the id under which that party has it
	To     []string `json:"to"`              // to whom; empty takes an earlier consent back
}

// AgreeOnward records, in our ledger, our consent to a partner's passing on a
// copy that we released to it, or that we take it back.
func (n *Node) AgreeOnward(ctx context.Context, ask OnwardAsk) (EventRef, error) {
	var ref EventRef
	var pc pact
	err := n.update(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, ask.Accord); err != nil {
			return err
		}
		if ask.Party, err = n.onlyOther(pc, ask.Party); err != nil {
			return err
		}
		if _, err := tx.Doc(docCopy, copyKey(pc.ID, ask.Party, ask.Copy)); err != nil {
			return fmt.Errorf("copy %q released to %s: %w", clip(ask.Copy), ask.Party, err)
		}
		for _, p := range ask.To {
			if err := accord.CheckParty(p); err != nil {
				return fmt.Errorf("%w: %w", ErrInvalid, err)
			}
		}
		ref.Log = ledger.Origin(pc.ID, n.cfg.Party)
		ref.Index, err = n.act(tx, pc.Accord, release.OnwardAgreed, release.Onward{Object: ask.Copy, To: orEmpty(ask.To)}, ask.Party)
		return err
	})
	if err == nil {
		n.kick(pc.Accord)
	}
	return ref, err
}
