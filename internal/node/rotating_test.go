package node_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
)

func TestRotatedKeyIsTakenOverAndOldProofStands(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	rel, _ := w.receiveFirst(ids)
	w.sync(w.north, "guarantor")
	before, err := w.north.Receipt(t.Context(), rel.Event.Log, rel.Event.Index)
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.north.RotateKey(t.Context())
	if err != nil || c.Sequence != 2 {
		t.Fatalf("card %d, %v", c.Sequence, err)
	}
	if _, err := w.north.SetRung(t.Context(), w.accord, "south", accord.Match); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south", "guarantor") // under the new key
	a, err := w.south.ShowAccord(t.Context(), w.accord)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range a.Rungs {
		if r.From == "north" && r.Rung != "match" {
			t.Errorf("south did not take what the new key signed: rung %s", r.Rung)
		}
	}
	after, err := w.north.Receipt(t.Context(), rel.Event.Log, rel.Event.Index)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"from before": before, "from after": after} {
		if _, err := accord.VerifyReceipt(file); err != nil {
			t.Errorf("receipt %s the rotation: %v", name, err)
		}
	}
	// It outlives a restart.
	w.northStop()
	north, _ := openStoppable(t, w.north.Dir(), func(*node.Options) {})
	if _, err := north.SetRung(t.Context(), w.accord, "south", accord.Contact); err != nil {
		t.Fatal(err)
	}
	w.sync(north, "south")
	if au, err := w.south.Audit(t.Context()); err != nil || !au.OK {
		t.Errorf("south's audit: %+v, %v", au, err)
	}
}

// A node that was made before there were ML-DSA-44 keys gets both operational
// keys anew, under a new card.
func TestEarlyNodeGetsItsCosigningKey(t *testing.T) {
	dir := initNode(t, "north")
	file := filepath.Join(dir, "keys", "signing.key")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b[:bytes.IndexByte(b, '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	n := open(t, dir)
	c, err := accord.OpenCard([]byte(n.OwnCard().Note))
	if err != nil || c.Sequence != 2 || c.Cosigning == "" {
		t.Errorf("card %d with cosigning key %q, %v", c.Sequence, c.Cosigning, err)
	}
}
