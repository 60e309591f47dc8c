package node_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
)

// A witness gets a checkpoint of the node log and a proof: nothing in what it
// is sent tells how much happened since the last time.
func TestWitnessSeesOneEntryATick(t *testing.T) {
	w := newWorld(t)
	sizes := func() (total int64) {
		lv, err := w.guarantor.Ledger(t.Context(), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lv.Logs {
			if l.Party == "north" {
				if !strings.HasPrefix(l.Log, "parley-node/north/") {
					t.Errorf("the witness is shown %s", l.Log)
				}
				total = l.Size
			}
		}
		return total
	}
	var seen []int64
	for _, acts := range []int{0, 1, 9} {
		for range acts {
			if _, err := w.north.Suspend(t.Context(), w.accord, "exercise"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.north.Resume(t.Context(), w.accord); err != nil {
				t.Fatal(err)
			}
		}
		w.sync(w.north, "guarantor")
		seen = append(seen, sizes())
	}
	if !slices.Equal(seen, []int64{1, 2, 3}) {
		t.Errorf("after 0, 2 and 18 acts the witness saw sizes %v, want one entry a tick", seen)
	}
	h, err := w.guarantor.Held(t.Context())
	if err != nil || h.Leaves != 0 || h.Events != 0 || h.Objects != 0 || h.Witnessed != 1 {
		t.Errorf("the witness holds %+v, %v", h, err)
	}
	au, err := w.north.Audit(t.Context())
	if err != nil || !au.OK {
		t.Errorf("audit: %+v, %v", au, err)
	}
}

// A node that shows its witness two histories of its node log is caught by the
// witness, with proof.
func TestNodeLogForkIsCaughtWithProof(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.sync(w.north, "guarantor")
	}
	w.northStop()
	evil := snapshot(t, w.north.Dir())
	north, stop := openStoppable(t, w.north.Dir())
	w.sync(north, "guarantor", "guarantor")
	w.sync(north, "guarantor") // six ticks
	stop()
	liar, _ := openStoppable(t, evil)
	for range 2 { // with the tick of the exchange its second history is as long
		if err := liar.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	err := liar.Sync(t.Context(), w.accord, "guarantor")
	if err == nil {
		t.Fatal("the witness cosigned two histories")
	}
	alarms, aerr := w.guarantor.Alarms(t.Context())
	if aerr != nil {
		t.Fatal(aerr)
	}
	proven := false
	for _, a := range alarms {
		if a.Evidence == "" {
			continue
		}
		v, err := accord.VerifyEvidence([]byte(a.Evidence))
		if err != nil || v.Party != "north" || !strings.HasPrefix(v.Log, "parley-node/north/") {
			t.Errorf("evidence accuses %q of %q, %v", v.Party, v.Log, err)
		}
		proven = true
	}
	if !proven {
		t.Errorf("no evidence: %+v, last error %v", alarms, err)
	}
}

// A witness cosigns nothing under an accord that is not signed by all: evidence
// that it gathered there would convince nobody.
func TestWitnessWaitsForEverySignature(t *testing.T) {
	w := &world{t: t, north: start(t, "north"), south: start(t, "south"), guarantor: start(t, "guarantor")}
	introduce(t, w.north, w.south, w.guarantor)
	if err := w.north.SaveDraft(t.Context(), "d", draft("north", "south")); err != nil {
		t.Fatal(err)
	}
	a, err := w.north.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	w.accord = a.ID
	witnessed := func() int {
		t.Helper()
		w.sync(w.north, "guarantor")
		h, err := w.guarantor.Held(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return h.Witnessed
	}
	if n := witnessed(); n != 0 {
		t.Errorf("under an accord that one of two signed the witness follows %d logs", n)
	}
	w.sync(w.north, "south")
	if _, err := w.south.SignAccord(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	if n := witnessed(); n != 1 {
		t.Errorf("once all signed it the witness follows %d logs, want 1", n)
	}
}

// What a witness signed last outlives its database: restored from a backup it
// vouches for no second history.
func TestWitnessRemembersBeyondItsDatabase(t *testing.T) {
	w := newWorld(t)
	dir := initNode(t, "observer")
	observer, stopObserver := openStoppable(t, dir)
	introduce(t, w.north, w.south, observer)
	d := draft("north", "south")
	d.Witnesses = []string{"observer"}
	w.agreeOn(d)
	w.sync(w.north, "observer")
	stopObserver()
	backup := snapshot(t, dir)
	w.northStop()
	evil := snapshot(t, w.north.Dir())

	north, stop := openStoppable(t, w.north.Dir())
	observer, stopObserver = openStoppable(t, dir)
	w.sync(north, "observer")
	stopObserver()
	stop()
	restoreDatabase(t, dir, backup)
	_, _ = openStoppable(t, dir)
	liar, _ := openStoppable(t, evil)
	if err := liar.Sync(t.Context(), w.accord, "observer"); err == nil {
		t.Error("a restored witness cosigned a second history")
	}
}

// restoreDatabase puts the database of a backup in place of a stopped node's.
func restoreDatabase(t *testing.T, dir, backup string) {
	t.Helper()
	for _, name := range []string{"parley.db", "parley.db-wal", "parley.db-shm"} {
		_ = os.Remove(filepath.Join(dir, name))
		b, err := os.ReadFile(filepath.Join(backup, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// agreeOn brings another accord between north and south in force.
func (w *world) agreeOn(d node.Draft) {
	t := w.t
	t.Helper()
	if err := w.north.SaveDraft(t.Context(), "d", d); err != nil {
		t.Fatal(err)
	}
	a, err := w.north.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	w.accord = a.ID
	w.sync(w.north, "south")
	if _, err := w.south.SignAccord(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
}

// alone runs a witness that has no node, until the test ends.
func alone(t *testing.T, party string, members ...*node.Node) (w *node.Witness, card []byte, dir string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := node.Init(dir, node.Config{Party: party, Name: party + " (fictional)", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	w, err := node.OpenWitness(dir, node.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		c := m.OwnCard()
		if _, err := node.AddWitnessCard(dir, []byte(c.Note), c.Fingerprint); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- w.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, w.Close()); err != nil {
			t.Errorf("stopping %s: %v", party, err)
		}
	})
	cards, err := node.WitnessCards(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cards {
		if c.Party == party {
			card = c.Note()
		}
	}
	return w, card, dir
}

// Three members and two witnesses, one of them without a node: what one member
// releases to all or to one, the receipts, and a member dropped by amendment.
func TestThreeMembersTwoWitnesses(t *testing.T) {
	w := &world{t: t, north: start(t, "north"), south: start(t, "south"), guarantor: start(t, "guarantor")}
	west := start(t, "west")
	all := []*node.Node{w.north, w.south, west}
	introduce(t, w.north, w.south, west, w.guarantor)
	_, card, dir := alone(t, "observer", w.north, w.south, west)
	for _, n := range append(slices.Clone(all), w.guarantor) {
		if _, err := n.AddCard(t.Context(), card, ""); err != nil {
			t.Fatal(err)
		}
	}
	c := w.guarantor.OwnCard()
	if _, err := node.AddWitnessCard(dir, []byte(c.Note), c.Fingerprint); err != nil {
		t.Fatal(err)
	}
	d := draft("north", "south", "west")
	d.Witnesses = []string{"guarantor", "observer"}
	if err := w.north.SaveDraft(t.Context(), "d", d); err != nil {
		t.Fatal(err)
	}
	a, err := w.north.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	w.accord = a.ID
	meet := func() {
		t.Helper()
		for range 2 {
			w.sync(w.north, "south", "west")
			w.sync(w.south, "north", "west")
			w.sync(west, "north", "south")
		}
		for _, n := range all {
			w.sync(n, "guarantor", "observer")
		}
		w.sync(w.north, "south", "west")
		w.sync(w.south, "north", "west")
		w.sync(west, "north", "south")
	}
	w.sync(w.north, "south", "west")
	for _, n := range []*node.Node{w.south, west} {
		if _, err := n.SignAccord(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		w.sync(n, "north")
	}
	meet()
	for _, n := range all {
		if x, err := n.ShowAccord(t.Context(), a.ID); err != nil || x.State != accord.InForce {
			t.Fatalf("%s shows the accord as %s, %v", n.Party(), x.State, err)
		}
	}
	ids := w.importReports()
	toOne, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: a.ID, Purpose: "protection", To: []string{"south"}})
	if err != nil || !toOne.Released {
		t.Fatalf("release to one: %+v, %v", toOne, err)
	}
	meet()
	inbox := func(n *node.Node) int {
		items, err := n.Inbox(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(items)
	}
	if inbox(w.south) != 1 || inbox(west) != 0 {
		t.Errorf("released to south alone: south has %d, west %d", inbox(w.south), inbox(west))
	}
	if _, err := west.Receipt(t.Context(), toOne.Event.Log, toOne.Event.Index); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("west makes a receipt of what was not for it: %v", err)
	}
	toAll, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: a.ID, Purpose: "protection"})
	if err != nil || !toAll.Released {
		t.Fatalf("release to all: %+v, %v", toAll, err)
	}
	meet()
	if inbox(west) != 1 {
		t.Errorf("released to all: west has %d", inbox(west))
	}
	// Every holder of the opening proves it, with all members and witnesses.
	for _, n := range []*node.Node{w.north, w.south} {
		file, err := n.Receipt(t.Context(), toOne.Event.Log, toOne.Event.Index)
		if err != nil {
			t.Fatalf("receipt by %s: %v", n.Party(), err)
		}
		v, err := accord.VerifyReceipt(file)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(v.Members)
		slices.Sort(v.Witnesses)
		slices.Sort(v.PostQuantum)
		if !slices.Equal(v.Members, []string{"south", "west"}) || !slices.Equal(v.Witnesses, []string{"guarantor", "observer"}) ||
			!slices.Equal(v.PostQuantum, []string{"guarantor", "observer", "south", "west"}) || v.WitnessedAt.IsZero() {
			t.Errorf("receipt by %s: members %v, witnesses %v, ML-DSA-44 by %v, witnessed at %v", n.Party(), v.Members, v.Witnesses, v.PostQuantum, v.WitnessedAt)
		}
		// The proof of witnesses counts bit by bit.
		from := bytes.Index(file, []byte("witnessing "))
		for i := from; i < len(file); i += 11 {
			bad := bytes.Clone(file)
			bad[i] ^= 1 << (i % 8)
			if _, err := accord.VerifyReceipt(bad); err == nil {
				t.Fatalf("byte %d of the receipt flipped and still accepted", i)
			}
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), ".db") }) {
		t.Errorf("the witness alone keeps a database: %v", err)
	}
	if logs, err := node.WitnessedLogs(dir); err != nil || len(logs) != 3 {
		t.Errorf("the witness alone signed %+v, %v", logs, err)
	}

	// North and South go on without West.
	d = draft("north", "south")
	d.Witnesses, d.Amends = []string{"guarantor", "observer"}, a.ID
	old := w.accord
	w.agreeOn(d)
	next := w.accord
	w.accord = old
	for _, n := range []*node.Node{w.north, w.south} {
		if x, err := n.ShowAccord(t.Context(), old); err != nil || x.State != accord.Ended {
			t.Errorf("%s shows the old accord as %s, %v", n.Party(), x.State, err)
		}
	}
	w.sync(w.north, "west")
	if x, err := west.ShowAccord(t.Context(), old); err != nil || x.State != accord.Ended {
		t.Errorf("west shows the accord that it was dropped from as %s, %v", x.State, err)
	}
	if _, err := west.ShowAccord(t.Context(), next); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("west knows the accord that it has no part in: %v", err)
	}
	w.accord = next
	rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: next, Purpose: "protection"})
	if err != nil || !rel.Released {
		t.Fatalf("release under the amendment: %+v, %v", rel, err)
	}
	w.sync(w.north, "south", "guarantor", "observer")
	if inbox(w.south) != 3 || inbox(west) != 1 {
		t.Errorf("after the amendment south has %d, west %d", inbox(w.south), inbox(west))
	}
}

// A witness alone that lost what it signed last does not sign.
func TestWitnessAloneWithoutItsStateRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := node.Init(dir, node.Config{Party: "observer", Name: "Observer (fictional)", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it opens again as long as the state is there
		w, err := node.OpenWitness(dir, node.Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := node.OpenWitness(dir, node.Options{}); !errors.Is(err, node.ErrRunning) {
			t.Errorf("opened twice: %v", err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "guard")); err != nil {
		t.Fatal(err)
	}
	if _, err := node.OpenWitness(dir, node.Options{}); !errors.Is(err, node.ErrStateGone) {
		t.Errorf("without its state: %v, want ErrStateGone", err)
	}
}
