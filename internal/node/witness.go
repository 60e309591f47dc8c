package node

import (
	"context"
	"errors"
	"fmt"

	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// A witness is shown checkpoints and consistency proofs and nothing else: it
// learns how long each member's log is and vouches that the log only grows.

// witness checks a member's checkpoint against the one cosigned last and
// cosigns it. When the member's proof begins elsewhere, the reply says where
// we stand and the member tries again.
func (n *Node) witness(tx store.Tx, pc pact, from string, p link.Parcel) (news bool, err error) {
	if len(p.Entries) > 0 || len(p.Bodies) > 0 {
		return false, fmt.Errorf("%w: a witness takes no entries and no content", link.ErrParcel)
	}
	if p.Checkpoint == nil {
		return false, nil
	}
	log := ledger.Origin(pc.ID, from)
	cp, err := ledger.OpenCheckpoint(p.Checkpoint, log, n.currentBook().Keys(from), n.currentBook().Signers(append(pc.Terms.Parties(), pc.Terms.WitnessParties()...)...))
	if err != nil {
		return false, fmt.Errorf("%w: checkpoint: %w", link.ErrParcel, err)
	}
	last, err := n.lastWitnessed(tx, log, from)
	if err != nil {
		return false, err
	}
	if cp.Tree.N != last.Tree.N && p.OldSize != last.Tree.N {
		if cp.Tree.N > last.Tree.N {
			return false, nil // the proof begins elsewhere; our size goes back
		}
		return false, nil // an old parcel once more
	}
	if err := ledger.CheckConsistency(last.Tree, cp.Tree, p.Proof); err != nil {
		if errors.Is(err, ledger.ErrFork) {
			return false, &link.Evidence{Held: last.Note, Shown: p.Checkpoint, Err: fmt.Errorf("%s: %w", from, err)}
		}
		return false, err
	}
	if cp.Tree.N == last.Tree.N {
		return false, nil
	}
	note, err := n.keys.signing.Cosign(p.Checkpoint, n.cfg.Party)
	if err != nil {
		return false, err
	}
	return true, tx.PutDoc(docWitnessed, log, note)
}

func (n *Node) lastWitnessed(tx store.Tx, log, owner string) (ledger.Checkpoint, error) {
	note, err := tx.Doc(docWitnessed, log)
	if errors.Is(err, store.ErrNotFound) {
		return ledger.Checkpoint{}, nil
	}
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	return ledger.OpenCheckpoint(note, log, n.currentBook().Keys(owner), n.everybody())
}

// everybody lists every known party's keys.
func (n *Node) everybody() []ledger.Signed {
	return n.currentBook().Signers(n.currentBook().Parties()...)
}

// packWitness answers a member: how far we have seen its log, and our
// cosignature.
func (n *Node) packWitness(tx store.Tx, p *link.Parcel, pc pact, to string) error {
	last, err := n.lastWitnessed(tx, ledger.Origin(pc.ID, to), to)
	if err != nil {
		return err
	}
	p.Have, p.Cosigned = last.Tree.N, last.Note
	return nil
}

// Alarm is something that people must look at.
type Alarm struct {
	ID     string `json:"id"`
	At     string `json:"at"`
	Accord string `json:"accord"`
	Party  string `json:"party"`
	Text   string `json:"text"`
	Held   string `json:"held"`  // the checkpoint held
	Shown  string `json:"shown"` // the one that contradicts it
}

func (n *Node) keepEvidence(ctx context.Context, accordID, party string, e *link.Evidence) error {
	return n.update(ctx, func(tx store.Tx) error {
		digest := ledger.CheckpointHash(e.Shown)
		a := Alarm{
			ID: fmt.Sprintf("%x", digest[:8]), At: stamp(n.now()), Accord: accordID, Party: party,
			Text: e.Error(), Held: string(e.Held), Shown: string(e.Shown),
		}
		return putDoc(tx, docAlarm, a.ID, a)
	})
}

// Alarms lists the alarms that were raised.
func (n *Node) Alarms(ctx context.Context) ([]Alarm, error) {
	var out []Alarm
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = listDocs[Alarm](tx, docAlarm)
		return err
	})
	return out, err
}
