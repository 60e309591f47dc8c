package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
)

// ReleaseAsk asks to release an object.
type ReleaseAsk struct {
	Object     string   `json:"object"`
	Accord     string   `json:"accord"`
	To         []string `json:"to,omitempty"` // empty: every other member
	Purpose    string   `json:"purpose"`
	LegalBasis string   `json:"legal_basis,omitempty"`
	DryRun     bool     `json:"dry_run,omitempty"`
}

// Release is the gate's answer, with both versions side by side.
type Release struct {
	Outcome    release.Outcome  `json:"outcome"`
	Reasons    []release.Reason `json:"reasons"`
	Redactions []string         `json:"redactions"`
	Original   json.RawMessage  `json:"original"`
	Tearline   json.RawMessage  `json:"tearline"` // null unless the outcome is tearline
	To         []string         `json:"to"`
	Released   bool             `json:"released"`
	Event      *EventRef        `json:"event,omitempty"`
	Copy       string           `json:"copy,omitempty"` // id of the released copy
	Digest     string           `json:"digest,omitempty"`
}

// EventRef names a ledger event.
type EventRef struct {
	Log   string `json:"log"`
	Index int64  `json:"index"`
}

// ReleaseObject asks the gate and, unless it is a dry run or the gate
// withholds, releases: the ledger event, the tree, the copy and its place in
// the outbox are one transaction. A withheld object is no error; the answer
// says why.
func (n *Node) ReleaseObject(ctx context.Context, ask ReleaseAsk) (Release, error) {
	var out Release
	var pc pact
	run := n.update
	if ask.DryRun {
		run = n.view
	}
	err := run(ctx, func(tx store.Tx) (err error) {
		pc, err = n.pact(tx, ask.Accord)
		if err != nil {
			return err
		}
		out, err = n.release(tx, pc, ask, "")
		return err
	})
	if err == nil && out.Released {
		n.kick(pc.Accord)
	}
	return out, err
}

// release decides and, where something may pass and it is no dry run, writes
// everything that a release is.
func (n *Node) release(tx store.Tx, pc pact, ask ReleaseAsk, answers string) (Release, error) {
	if len(ask.To) == 0 {
		ask.To = n.others(pc.Accord)
	}
	obj, err := tx.Object(ask.Object)
	if err != nil {
		return Release{}, fmt.Errorf("object %q: %w", clip(ask.Object), err)
	}
	if ask.LegalBasis == "" && len(pc.Terms.LegalBases) == 1 {
		ask.LegalBasis = pc.Terms.LegalBases[0]
	}
	in := n.gateInput(pc, obj, ask.To, ask.Purpose, ask.LegalBasis)
	rel, d, err := release.Mint(in, answers)
	out := Release{
		Outcome: d.Outcome, Reasons: d.Reasons, Redactions: orEmpty(d.Redactions), Original: obj.Bytes, To: ask.To,
		Tearline: json.RawMessage("null"),
	}
	if d.Outcome == release.Tearline {
		out.Tearline = d.Copy
	}
	if errors.Is(err, release.ErrWithheld) || ask.DryRun {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	// A release to some of the members is not for the others' eyes.
	var audience []string
	if len(ask.To) < len(n.others(pc.Accord)) {
		audience = ask.To
	}
	index, err := n.act(tx, pc.Accord, ledger.Released, rel.Record(), audience...)
	if err != nil {
		return out, err
	}
	if err := n.queue(tx, rel, index); err != nil {
		return out, err
	}
	out.Released, out.Event = true, &EventRef{ledger.Origin(pc.ID, n.cfg.Party), index}
	out.Copy, out.Digest = rel.Record().Object, rel.Digest().String()
	// Whose copy is which object of ours: for corrections and for tracing.
	return out, putDoc(tx, "copy", rel.Record().Object, map[string]string{"object": obj.ID, "accord": pc.ID})
}

func (n *Node) gateInput(pc pact, obj store.Object, to []string, purpose, basis string) release.Input {
	return release.Input{
		Object: obj.Bytes, Originator: obj.From, Accord: pc.Accord, State: pc.state, Me: n.cfg.Party, To: to,
		Purpose: purpose, LegalBasis: basis, Now: n.now(), CopyKey: n.keys.copy, Policy: n.opt.Policy,
	}
}
