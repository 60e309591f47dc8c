package node

import (
	"context"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// stateRows are the events from which one accord's state follows, by log, as far
// as they were read: few among many, which are not looked for again.
type stateRows map[string]logRows

type logRows struct {
	size int64         // of the log when it was read
	rows []store.Event // of stateKinds, below size; never changed
}

// noting is an update's transaction. What it reads is remembered only once it is
// committed: what is rolled back never was.
type noting struct {
	store.Tx
	read      map[string]stateRows // by accord
	cut       []string             // accords of which a log was cut
	incidents bool                 // whether some came or went
}

// PutIncident notes that an incident came.
func (t *noting) PutIncident(in store.Incident) error {
	t.incidents = true
	return t.Tx.PutIncident(in)
}

// DeleteIncident notes that an incident went.
func (t *noting) DeleteIncident(id string) error {
	t.incidents = true
	return t.Tx.DeleteIncident(id)
}

// AppendLeaves notes what becomes of an accord's state, where all of the entries are
// open and what came before is known: an act of ours need not be looked for.
func (t *noting) AppendLeaves(log string, first int64, leaves [][]byte, hs []tlog.Hash, openings ...store.Event) error {
	err := t.Tx.AppendLeaves(log, first, leaves, hs, openings...)
	id, _, perr := ledger.ParseOrigin(log)
	if err != nil || perr != nil || len(openings) != len(leaves) {
		return err
	}
	r, known := t.read[id][log]
	if !known || r.size != first {
		return nil
	}
	r = logRows{first + int64(len(leaves)), r.rows[:len(r.rows):len(r.rows)]}
	for _, e := range openings {
		if slices.Contains(stateKinds, e.Kind) {
			r.rows = append(r.rows, e)
		}
	}
	t.read[id] = maps.Clone(t.read[id]) // it is given to others when the update ends
	t.read[id][log] = r
	return nil
}

// TruncateLog notes that what was read of the log's accord counts no more.
func (t *noting) TruncateLog(log string, size int64) error {
	if id, _, err := ledger.ParseOrigin(log); err == nil {
		t.read[id], t.cut = stateRows{}, append(t.cut, id)
	}
	return t.Tx.TruncateLog(log, size)
}

// update runs fn in a read-write transaction.
func (n *Node) update(ctx context.Context, fn func(store.Tx) error) error {
	var t *noting
	err := n.st.Update(ctx, func(tx store.Tx) error {
		t = &noting{Tx: tx, read: make(map[string]stateRows)}
		return fn(t)
	})
	if err == nil {
		n.forget(t.cut)
		for id, rows := range t.read {
			n.remember(id, rows)
		}
		if t.incidents {
			tell(n.arrived)
		}
		n.changes.tell()
	}
	return err
}

// view runs fn on one consistent snapshot.
func (n *Node) view(ctx context.Context, fn func(store.Tx) error) error { return n.st.View(ctx, fn) }

// forget drops what is known of accords.
func (n *Node) forget(ids []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range ids {
		delete(n.states, id)
	}
}

// remember keeps the longer of what is known of each log.
func (n *Node) remember(id string, rows stateRows) {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.states[id]
	merged := make(stateRows, len(rows))
	for log, r := range rows {
		if merged[log] = r; known[log].size > r.size {
			merged[log] = known[log]
		}
	}
	n.states[id] = merged
}

// stateEvents returns the events of stateKinds in an accord's logs, in the order
// of logs. It reads what came since it was last asked.
func (n *Node) stateEvents(tx store.Tx, id string, logs []string) ([]store.Event, error) {
	t, updating := tx.(*noting)
	n.mu.Lock()
	known := n.states[id]
	n.mu.Unlock()
	if updating && t.read[id] != nil {
		known = t.read[id]
	}
	var out []store.Event
	now := make(stateRows, len(logs))
	for _, log := range logs {
		size, err := tx.LogSize(log)
		if err != nil {
			return nil, err
		}
		r := known[log]
		switch {
		case size < r.size: // an older snapshot
			end := slices.IndexFunc(r.rows, func(e store.Event) bool { return e.Index >= size })
			if end < 0 {
				end = len(r.rows)
			}
			r = logRows{size, r.rows[:end:end]}
		case size > r.size:
			more, err := tx.Events(store.EventQuery{Logs: []string{log}, Kinds: stateKinds, From: r.size})
			if err != nil {
				return nil, err
			}
			r = logRows{size, append(r.rows[:len(r.rows):len(r.rows)], more...)}
		}
		now[log] = r
		out = append(out, r.rows...)
	}
	if updating {
		t.read[id] = now
	} else {
		n.remember(id, now)
	}
	return out, nil
}
