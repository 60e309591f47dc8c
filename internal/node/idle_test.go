package node_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
)

// metered is a line into nodes that counts what travels, and is down at will. Who
// counts uses it between nodes that do not run, where nothing travels but what the
// test sends.
type metered struct {
	mu             sync.Mutex
	nodes          map[string]*node.Node
	parcels, bytes int
	bare           int // parcels that left out what is held
	down           bool
	empty          bool // content is lost on the way
}

func (m *metered) count(p link.Parcel) error {
	var b bytes.Buffer
	if err := p.Encode(&b); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parcels, m.bytes = m.parcels+1, m.bytes+b.Len()
	if p.Same {
		m.bare++
	}
	return nil
}

func (m *metered) Exchange(ctx context.Context, _, _ string, p link.Parcel) (link.Parcel, error) {
	m.mu.Lock()
	n, down := m.nodes[p.To], m.down
	if m.empty {
		p.Bodies = nil
	}
	m.mu.Unlock()
	if down {
		return link.Parcel{}, errors.New("no answer")
	}
	reply, err := n.Receive(ctx, p.From, p)
	return reply, errors.Join(m.count(p), m.count(reply), err)
}

// up makes the line carry.
func (m *metered) up() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = false
}

func (*metered) Finish(context.Context, string, string, string) (link.Parcel, bool, error) {
	return link.Parcel{}, false, nil
}
func (*metered) Forget(string, string) {}

// An exchange without news costs little: what the other is known to hold of
// cards, accord, checkpoints and cosignatures is left out, and shown again as soon
// as it changes, or the other may hold it no more.
func TestIdleExchange(t *testing.T) {
	m := &metered{nodes: make(map[string]*node.Node)}
	with := func(o *node.Options) { o.Line = m }
	southDir := initNode(t, "south")
	w := &world{t: t, north: quiet(t, initNode(t, "north"), with), guarantor: quiet(t, initNode(t, "guarantor"), with)}
	w.south, w.southStop = quietStoppable(t, southDir, with)
	for _, n := range []*node.Node{w.north, w.south, w.guarantor} {
		m.nodes[n.Party()] = n
	}
	w.agree(func(*node.Draft) {})
	idle := func(n *node.Node, to string) {
		t.Helper()
		for range 3 { // until cosignatures have gone round
			w.sync(n, to)
		}
		m.parcels, m.bytes, m.bare = 0, 0, 0
		w.sync(n, to)
		t.Logf("%s → %s: %d bytes in %d parcels", n.Party(), to, m.bytes, m.parcels)
		if m.parcels != 2 || m.bare != 2 || m.bytes > 1000 {
			t.Errorf("an idle exchange of %s has %d bytes in %d parcels, %d of them bare; want at most 1,000 in 2", n.Party(), m.bytes, m.parcels, m.bare)
		}
	}
	idle(w.north, "south")
	idle(w.south, "north")

	// An act changes the checkpoint, and both sides hold it cosigned at once.
	if _, err := w.north.Suspend(t.Context(), w.accord, "a pause"); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	for _, n := range []*node.Node{w.north, w.south} {
		if got, err := n.Ledger(t.Context(), w.accord, 10); err != nil || !cosigned(got, "north", "south") {
			t.Errorf("%s: the log of north is not cosigned by south: %v", n.Party(), err)
		}
	}
	idle(w.south, "north")

	// A lost exchange shows everything again.
	m.down = true
	if err := w.north.Sync(t.Context(), w.accord, "south"); err == nil {
		t.Fatal("syncs over a line that is down")
	}
	m.down, m.parcels, m.bare = false, 0, 0
	w.sync(w.north, "south")
	if m.bare == m.parcels {
		t.Error("after a failure nothing was shown again")
	}
	idle(w.north, "south")

	// So does a partner that was put back to before the last acts.
	w.southStop()
	backup := filepath.Join(t.TempDir(), "south")
	if err := os.CopyFS(backup, os.DirFS(southDir)); err != nil {
		t.Fatal(err)
	}
	w.south, w.southStop = quietStoppable(t, southDir, with)
	m.nodes["south"] = w.south
	if _, err := w.north.Resume(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	if _, err := w.south.Suspend(t.Context(), w.accord, "ours"); err != nil {
		t.Fatal(err)
	}
	idle(w.north, "south")
	w.southStop()
	w.south = quiet(t, backup, with)
	m.nodes["south"] = w.south
	_ = w.north.Sync(t.Context(), w.accord, "south") // this one tells
	if _, err := w.south.SetRung(t.Context(), w.accord, "north", accord.Match); !errors.Is(err, node.ErrRestored) {
		t.Errorf("south was put back and acts all the same: %v", err)
	}
}

// A partner to whom content never comes through is not called without end.
func TestWhatDoesNotArriveWaitsForTheNextExchange(t *testing.T) {
	m := &metered{nodes: make(map[string]*node.Node)}
	with := func(o *node.Options) { o.Line = m }
	w := &world{t: t, north: quiet(t, initNode(t, "north"), with), south: quiet(t, initNode(t, "south"), with), guarantor: quiet(t, initNode(t, "guarantor"), with)}
	for _, n := range []*node.Node{w.north, w.south, w.guarantor} {
		m.nodes[n.Party()] = n
	}
	w.agree(func(*node.Draft) {})
	w.sync(w.north, "south")
	ids := w.importReports()
	if rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"}); err != nil || !rel.Released {
		t.Fatal(rel, err)
	}
	m.empty, m.parcels = true, 0
	w.sync(w.north, "south")
	if m.parcels > 2*8 {
		t.Errorf("%d parcels went to and fro for content that does not come through", m.parcels)
	}
	m.empty = false
	w.sync(w.north, "south")
	if items, err := w.south.Inbox(t.Context(), 0); err != nil || len(items) != 1 {
		t.Errorf("south's inbox once the line carries again: %d, %v", len(items), err)
	}
}

// cosigned reports whether the newest checkpoint of a party's log has another's
// cosignature.
func cosigned(l node.LedgerView, party, by string) bool {
	for _, x := range l.Logs {
		if x.Party == party {
			return slices.Contains(x.CosignedBy, by)
		}
	}
	return false
}
