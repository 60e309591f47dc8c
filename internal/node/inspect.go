package node

import (
	"context"
	"encoding/json"
	"fmt"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// Held counts what a node holds: for showing that a witness holds nothing but
// signed checkpoints.
type Held struct {
	Leaves    int64 `json:"leaves"`
	Events    int   `json:"events"`
	Objects   int64 `json:"objects"`
	Incidents int64 `json:"incidents"`
	Inbox     int   `json:"inbox"`
	Witnessed int   `json:"witnessed"` // logs whose checkpoints it cosigned as witness
}

// Held counts what this node holds.
func (n *Node) Held(ctx context.Context) (Held, error) {
	var h Held
	err := n.view(ctx, func(tx store.Tx) error {
		logs, err := tx.Logs()
		if err != nil {
			return err
		}
		for _, l := range logs {
			if _, err := ledger.ParseNodeOrigin(l); err == nil {
				continue // its own ticks
			}
			size, err := tx.LogSize(l)
			if err != nil {
				return err
			}
			h.Leaves += size
		}
		events, err := tx.Events(store.EventQuery{})
		if err != nil {
			return err
		}
		h.Events = len(events)
		byType, err := tx.CountObjects()
		if err != nil {
			return err
		}
		for _, c := range byType {
			h.Objects += c
		}
		if h.Incidents, err = tx.CountIncidents(store.IncidentQuery{}); err != nil {
			return err
		}
		in, err := tx.Inbox(0)
		if err != nil {
			return err
		}
		h.Inbox = len(in)
		w, err := n.witness.logs()
		h.Witnessed = len(w)
		return err
	})
	return h, err
}

// EventData returns the data of a member's events of one kind that are open to
// us, in the order of the log.
func (n *Node) EventData(ctx context.Context, accordID, party, kind string) ([]json.RawMessage, error) {
	var out []json.RawMessage
	err := n.view(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, accordID)
		if err != nil {
			return err
		}
		rows, err := tx.Events(store.EventQuery{Logs: []string{ledger.Origin(pc.ID, party)}, Kinds: []string{kind}})
		if err != nil {
			return err
		}
		for _, r := range rows {
			e, err := ledger.ParseEvent(r.Bytes)
			if err != nil {
				return fmt.Errorf("event %d: %w", r.Index, err)
			}
			out = append(out, e.Data)
		}
		return nil
	})
	return out, err
}

// Tree tells the tree of a member's log at a size up to what we hold of it; a
// negative size means all of it. A log not seen yet is the empty tree.
func (n *Node) Tree(ctx context.Context, accordID, party string, size int64) (ledger.Tree, error) {
	var out ledger.Tree
	err := n.view(ctx, func(tx store.Tx) error {
		log := ledger.Origin(accordID, party)
		held, err := tx.LogSize(log)
		if err != nil {
			return err
		}
		if size < 0 {
			size = held
		}
		if size > held {
			return fmt.Errorf("%w: entry %d of %s, held are %d", ErrNotFound, size-1, log, held)
		}
		out, err = ledger.TreeAt(size, hashes{tx, log})
		return err
	})
	return out, err
}

// EventAt returns one event of a member's log that is open to us.
func (n *Node) EventAt(ctx context.Context, accordID, party string, index int64) (ledger.Event, error) {
	var out ledger.Event
	err := n.view(ctx, func(tx store.Tx) error {
		row, err := tx.Event(ledger.Origin(accordID, party), index)
		if err != nil {
			return err
		}
		out, err = ledger.ParseEvent(row.Bytes)
		return err
	})
	return out, err
}
