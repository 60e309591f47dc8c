package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// bestCheckpoint returns, among the checkpoints that cover an entry, the one
// that most others cosigned, and who they are; of equals the smallest.
func (n *Node) bestCheckpoint(tx store.Tx, pc pact, log string, index int64) (best store.Checkpoint, by []string, err error) {
	_, owner, err := ledger.ParseOrigin(log)
	if err != nil {
		return best, nil, err
	}
	open := n.opener(pc.Accord, owner)
	members := len(pc.Terms.Members) - 1
	size := index + 1
	// Newer checkpoints cover it as well; a few are enough to find a full set.
	for range 64 {
		cp, err := tx.CheckpointFrom(log, size)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return best, nil, err
		}
		opened, err := open(cp.Note, log)
		if err != nil {
			return best, nil, fmt.Errorf("stored checkpoint %d of %s: %w", cp.Size, log, err)
		}
		if best.Note == nil || len(opened.Cosigners) > len(by) {
			best, by = cp, opened.Cosigners
		}
		if len(by) >= members {
			break
		}
		size = cp.Size + 1
	}
	return best, by, nil
}

// witnessedCheckpoint returns the first witnessed checkpoint that covers an
// entry, who cosigned it and the proofs of witnesses; the zero value where
// there is none.
func (n *Node) witnessedCheckpoint(tx store.Tx, pc pact, log string, index int64) (cp store.Checkpoint, by []string, proofs [][]byte, witnesses []string, err error) {
	proofs, size, witnesses, err := n.witnessing(tx, log, index+1)
	if err != nil || proofs == nil {
		return cp, nil, nil, nil, err
	}
	if cp, err = tx.CheckpointFrom(log, size); err != nil || cp.Size != size {
		return store.Checkpoint{}, nil, nil, nil, err
	}
	_, owner, err := ledger.ParseOrigin(log)
	if err != nil {
		return cp, nil, nil, nil, err
	}
	opened, err := n.opener(pc.Accord, owner)(cp.Note, log)
	return cp, opened.Cosigners, proofs, witnesses, err
}

// Receipt makes the receipt file for an event whose opening we hold: ours, or
// a partner's that was opened to us.
func (n *Node) Receipt(ctx context.Context, log string, index int64) ([]byte, error) {
	accordID, owner, err := ledger.ParseOrigin(log)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if owner == n.cfg.Party {
		if err := n.checkpoint(ctx, log); err != nil {
			return nil, err
		}
	}
	var file []byte
	err = n.view(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, accordID)
		if err != nil {
			return err
		}
		row, err := tx.Event(log, index)
		if err != nil {
			return fmt.Errorf("event %d of %s: %w", index, clip(log), err)
		}
		leaves, err := tx.Leaves(log, index, index+1)
		if err != nil {
			return err
		}
		cp, by, err := n.bestCheckpoint(tx, pc, log, index)
		if err != nil {
			return err
		}
		// One that witnesses saw is better, unless members are missing on it.
		seen, seenBy, witnessings, _, err := n.witnessedCheckpoint(tx, pc, log, index)
		if err != nil {
			return err
		}
		if witnessings != nil && len(seenBy) >= len(by) {
			cp = seen
		} else {
			witnessings = nil
		}
		if cp.Note == nil {
			return fmt.Errorf("%w: no checkpoint covers the event yet", ErrState)
		}
		path, err := ledger.ProveInclusion(index, cp.Size, hashes{tx, log})
		if err != nil {
			return err
		}
		r := ledger.Receipt{Event: row.Bytes, Salt: row.Salt, Leaf: leaves[0], Index: index, Path: path, Checkpoint: cp.Note, Witnessings: witnessings}
		file = accord.NewReceipt(r, pc.Accord, n.currentBook()).Marshal()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := accord.VerifyReceipt(file); err != nil {
		return nil, fmt.Errorf("the receipt does not verify: %w", err)
	}
	return file, nil
}

// LedgerView shows the logs of all accords and their newest events
// (docs/api.md).
type LedgerView struct {
	Logs   []LogView   `json:"logs"`
	Events []EventView `json:"events"`
}

// LogView is one member's log.
type LogView struct {
	Log         string   `json:"log"`
	Party       string   `json:"party"`
	Accord      string   `json:"accord"`
	Size        int64    `json:"size"`
	Root        string   `json:"root"`
	At          string   `json:"at"`
	CosignedBy  []string `json:"cosigned_by"`
	WitnessedBy []string `json:"witnessed_by"`
}

// EventView is one event that is open to us.
type EventView struct {
	Log          string `json:"log"`
	Party        string `json:"party"`
	Index        int64  `json:"index"`
	Kind         string `json:"kind"`
	At           string `json:"at"`
	Summary      string `json:"summary"`
	Digest       string `json:"digest"`
	OrderedAfter string `json:"ordered_after"`
}

// Ledger lists logs and events, newest first. accordID "" means all; limit 0
// means 200 events.
func (n *Node) Ledger(ctx context.Context, accordID string, limit int) (LedgerView, error) {
	if limit <= 0 {
		limit = 200
	}
	out := LedgerView{Logs: []LogView{}, Events: []EventView{}}
	err := n.view(ctx, func(tx store.Tx) error {
		ps, err := n.pacts(tx)
		if err != nil {
			return err
		}
		var logs []string
		for _, p := range ps {
			if accordID != "" && !strings.HasPrefix(p.ID, accordID) {
				continue
			}
			for _, m := range p.Terms.Parties() {
				v, err := n.logView(tx, p, m)
				if err != nil {
					return err
				}
				logs = append(logs, v.Log)
				out.Logs = append(out.Logs, v)
			}
		}
		if len(logs) == 0 {
			return nil
		}
		rows, err := tx.Events(store.EventQuery{Logs: logs, Newest: true, Limit: limit})
		if err != nil {
			return err
		}
		for _, r := range rows {
			v, err := eventView(tx, r)
			if err != nil {
				return err
			}
			out.Events = append(out.Events, v)
		}
		return nil
	})
	return out, err
}

func (n *Node) logView(tx store.Tx, p pact, party string) (LogView, error) {
	log := ledger.Origin(p.ID, party)
	v := LogView{Log: log, Party: party, Accord: p.ID, CosignedBy: []string{}, WitnessedBy: []string{}}
	var err error
	if slices.Contains(p.Terms.WitnessParties(), n.cfg.Party) {
		// We see its node log alone.
		node, _, err := n.witness.of(party)
		if err != nil || node == "" {
			return v, err
		}
		cp, err := n.witness.last(node)
		if err != nil {
			return v, err
		}
		v.Log, v.Size, v.Root, v.WitnessedBy = node, cp.Tree.N, cp.Tree.Hash.String(), []string{n.cfg.Party}
		return v, nil
	}
	if v.Size, err = tx.LogSize(log); err != nil || v.Size == 0 {
		return v, err
	}
	tree, err := ledger.TreeAt(v.Size, hashes{tx, log})
	if err != nil {
		return v, err
	}
	v.Root = tree.Hash.String()
	cp, err := tx.LatestCheckpoint(log)
	if errors.Is(err, store.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.At = stamp(time.UnixMicro(cp.At))
	_, by, err := n.bestCheckpoint(tx, p, log, cp.Size-1)
	if err != nil {
		return v, err
	}
	v.CosignedBy = orEmpty(by)
	_, _, _, witnesses, err := n.witnessedCheckpoint(tx, p, log, cp.Size-1)
	v.WitnessedBy = orEmpty(witnesses)
	return v, err
}

func eventView(tx store.Tx, r store.Event) (EventView, error) {
	e, err := ledger.ParseEvent(r.Bytes)
	if err != nil {
		return EventView{}, err
	}
	v := EventView{Log: r.Log, Party: e.Party, Index: r.Index, Kind: r.Kind, At: stamp(e.At), Summary: summary(e)}
	leaves, err := tx.Leaves(r.Log, r.Index, r.Index+1)
	if err != nil {
		return v, err
	}
	leaf, err := ledger.ParseLeaf(leaves[0])
	if err != nil {
		return v, err
	}
	v.Digest = ledger.Digest(leaf.Commitment).String()
	for _, s := range leaf.Seen {
		v.OrderedAfter = fmt.Sprintf("%s %x", s.Party, s.Hash[:6])
	}
	return v, nil
}

// summary says in one line what an event records.
func summary(e ledger.Event) string {
	var s string
	say := func(v any, format func() string) {
		if json.Unmarshal(e.Data, v) == nil {
			s = format()
		}
	}
	switch e.Kind {
	case ledger.AccordOffered, ledger.AccordSigned:
		var d ledger.Offer
		say(&d, func() string { return d.Title })
	case ledger.AccordSuspended, ledger.AccordEnded:
		var d ledger.Reason
		say(&d, func() string { return d.Reason })
	case ledger.RungOffered, ledger.RungAccepted, ledger.RungLowered:
		var d ledger.Rung
		say(&d, func() string { return fmt.Sprintf("%s grants %s rung %s", d.From, d.To, d.Rung) })
	case ledger.Released:
		var d ledger.Release
		say(&d, func() string {
			return fmt.Sprintf("%s of %s to %s, %s, for %s", d.Outcome, d.Type, strings.Join(d.To, ", "), d.Marking, d.Purpose)
		})
	case ledger.Received:
		var d ledger.Receipts
		say(&d, func() string { return fmt.Sprintf("%d from %s", len(d.Items), d.From) })
	case ledger.MatchPublished:
		var d ledger.MatchKey
		say(&d, func() string { return fmt.Sprintf("%s, epoch %d", d.Selector, d.Epoch) })
	case ledger.MatchAsked:
		var d ledger.MatchQuestion
		say(&d, func() string { return fmt.Sprintf("%d of kind %s, case %s, to %s", d.Count, d.Selector, d.Case, d.To) })
	case ledger.MatchAnswered:
		var d ledger.MatchAnswer
		say(&d, func() string {
			if d.Refused != "" {
				return "refused: " + d.Refused
			}
			return fmt.Sprintf("%d of kind %s, case %s, %d left", d.Count, d.Selector, d.Case, d.Left)
		})
	case ledger.DeconflictOpened:
		var d ledger.DeconflictOpening
		say(&d, func() string { return fmt.Sprintf("plans of %d cells matched with %s", d.Size, d.To) })
	case ledger.DeconflictJoined:
		var d ledger.DeconflictJoin
		say(&d, func() string {
			if d.Refused != "" {
				return "refused: " + d.Refused
			}
			return fmt.Sprintf("plans of %d cells matched with %s", d.Size, d.To)
		})
	case ledger.DeconflictSealed, ledger.DeconflictShown:
		var d ledger.DeconflictShow // both name whom it is for
		say(&d, func() string { return "for " + d.To })
	case ledger.Deconflicted:
		var d ledger.DeconflictEnd
		say(&d, func() string { return fmt.Sprintf("%s with %s", d.Outcome, d.With) })
	case ledger.OverlapAcknowledged, ledger.OverlapResolved:
		var d ledger.OverlapAct
		say(&d, func() string { return strings.TrimSpace(fmt.Sprintf("with %s %s", d.To, d.How)) })
	case ledger.JointAct:
		var d ledger.Joint
		say(&d, func() string { return fmt.Sprintf("%s with %s", d.Operation, strings.Join(d.To, ", ")) })
	case ledger.RequestMade:
		var d ledger.Request
		say(&d, func() string {
			return fmt.Sprintf("case %s, for %s, due %s", d.Case, d.Purpose, d.Due.Format(time.DateOnly))
		})
	case ledger.RequestAnswered:
		var d ledger.RequestReply
		say(&d, func() string { return d.Outcome })
	}
	return s
}
