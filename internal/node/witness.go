package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"parley.example/parley/accord"
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
	cp, err := ledger.OpenCheckpoint(p.Checkpoint, log, n.currentBook().Keys(from), n.currentBook().Cosigners(append(pc.Terms.Parties(), pc.Terms.WitnessParties()...)...))
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
	if cp.Tree.N == last.Tree.N {
		// Whatever proof comes along proves nothing here.
		if cp.Tree.Hash == last.Tree.Hash {
			return false, nil
		}
		fork := ledger.Fork{Earlier: p.Checkpoint, Later: last.Note, Root: last.Tree.Hash}
		return false, &link.Evidence{Fork: fork, Err: fmt.Errorf("%w: %s signed another tree of size %d than the one witnessed", link.ErrFork, from, cp.Tree.N)}
	}
	if err := ledger.CheckConsistency(last.Tree, cp.Tree, p.Proof); err != nil {
		return false, fmt.Errorf("%w: %s: %w", link.ErrSuspect, from, err)
	}
	note, err := n.cosign(p.Checkpoint)
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
func (n *Node) everybody() []ledger.Cosigner {
	return n.currentBook().Cosigners(n.currentBook().Parties()...)
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
	// Evidence is a file that parley verify judges; empty where what was seen
	// cannot be proven to others (yet).
	Evidence string `json:"evidence"`
}

// docResend marks logs, by accord/party, that must be shown from the beginning
// once more: their owner signed a tree that does not extend what we hold.
const docResend = "resend"

// raise keeps what a partner did that it must not do, for people to see.
func (n *Node) raise(ctx context.Context, accordID, party string, cause error) error {
	return n.update(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, accordID)
		if err != nil {
			return err
		}
		a := Alarm{At: stamp(n.now()), Accord: pc.ID, Party: party, Text: cause.Error()}
		var ev *link.Evidence
		if errors.As(cause, &ev) {
			a.Evidence = string(accord.NewEvidence(ev.Fork, pc.Accord, n.currentBook()).Marshal())
			if err := tx.DeleteDoc(docResend, peerID(pc.ID, party)); err != nil {
				return err
			}
		} else if err := tx.PutDoc(docResend, peerID(pc.ID, party), []byte("{}")); err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(a.Party + a.Text + a.Evidence))
		a.ID = hex.EncodeToString(sum[:8])
		if _, err := tx.Doc(docAlarm, a.ID); err == nil {
			return nil // the same once more
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
