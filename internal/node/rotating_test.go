package node_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// carry hands a parcel over as a file: whoever has a signing key and knows the
// recipient's card can make one.
func carry(t *testing.T, from, to *node.Node, accordID string) error {
	t.Helper()
	var file bytes.Buffer
	if err := from.ExportParcel(t.Context(), accordID, to.Party(), &file); err != nil {
		t.Fatal(err)
	}
	_, err := to.ImportParcel(t.Context(), &file)
	return err
}

// A thief has North's operational key. What it signs before North's new card
// arrives is taken for North's; once the card is there, it is taken out, the
// thief gets nothing accepted any more whatever time it claims, and what North
// signed before stands.
func TestStolenKeyIsReplaced(t *testing.T) {
	w := newWorld(t)
	d := draft("north", "south")
	d.Effective = time.Now().Add(-48 * time.Hour)
	w.agreeOn(d)
	ids := w.importReports()
	rel, _ := w.receiveFirst(ids)
	w.sync(w.south, "north")
	w.northStop()
	stolen := snapshot(t, w.north.Dir())
	w.north, w.northStop = openStoppable(t, w.north.Dir())
	before, err := w.north.Receipt(t.Context(), rel.Event.Log, rel.Event.Index)
	if err != nil {
		t.Fatal(err)
	}
	// The thief's clock is where it likes.
	thief, err := node.Open(t.Context(), stolen, node.Options{Every: -1, Now: func() time.Time { return time.Now().Add(-24 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	if _, err := thief.Suspend(t.Context(), w.accord, "forged"); err != nil {
		t.Fatal(err)
	}
	if err := carry(t, thief, w.south, w.accord); err != nil {
		t.Fatalf("before the new card a thief cannot be told from North: %v", err)
	}
	if a, err := w.south.ShowAccord(t.Context(), w.accord); err != nil || a.Suspended == nil {
		t.Fatalf("south does not see the forged act, so this test shows nothing: %+v, %v", a, err)
	}
	proof, err := thief.Receipt(t.Context(), "parley/"+w.accord+"/north", newestIndex(t, thief, w.accord))
	if err != nil {
		t.Fatal(err)
	}

	c, err := w.north.RotateKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south", "guarantor")
	a, err := w.south.ShowAccord(t.Context(), w.accord)
	if err != nil || a.Suspended != nil {
		t.Errorf("the forged suspension stands: %+v, %v", a.Suspended, err)
	}
	for _, n := range []*node.Node{w.north, w.south} {
		tree, err := n.Tree(t.Context(), w.accord, "north", -1)
		own, oerr := w.north.Tree(t.Context(), w.accord, "north", -1)
		if err != nil || oerr != nil || tree != own {
			t.Errorf("%s holds %d entries of north, which has %d, %v", n.Party(), tree.N, own.N, err)
		}
		if au, err := n.Audit(t.Context()); err != nil || !au.OK {
			t.Errorf("audit by %s: %+v, %v", n.Party(), au, err)
		}
	}
	alarms, err := w.south.Alarms(t.Context())
	if err != nil || len(alarms) != 1 || alarms[0].Evidence != "" || !strings.Contains(alarms[0].Text, "accord-suspended") || !strings.Contains(alarms[0].Text, "somebody else signed") {
		t.Errorf("people are told %+v, %v", alarms, err)
	}

	// The thief goes on and is refused.
	if _, err := thief.Resume(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	if err := carry(t, thief, w.south, w.accord); !errors.Is(err, accord.ErrRevoked) {
		t.Errorf("the thief after the new card: %v, want ErrRevoked", err)
	}
	if err := thief.SaveDraft(t.Context(), "d", draft("north", "south")); err != nil {
		t.Fatal(err)
	}
	offer, err := thief.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := carry(t, thief, w.south, offer.ID); err == nil {
		t.Error("an accord that the thief signed is taken in")
	}
	// Receipts: old ones stand, with or without the new card; the thief's does
	// not for anyone who has it.
	if _, err := accord.VerifyReceipt(before); err != nil {
		t.Error(err)
	}
	if _, err := accord.VerifyReceipt(before, []byte(c.Note)); err != nil {
		t.Errorf("what was signed before does not verify with the new card: %v", err)
	}
	if _, err := accord.VerifyReceipt(proof, []byte(c.Note)); !errors.Is(err, accord.ErrRevoked) {
		t.Errorf("the thief's receipt with the new card: %v, want ErrRevoked", err)
	}
	after, err := w.north.Receipt(t.Context(), rel.Event.Log, rel.Event.Index)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := accord.VerifyReceipt(after); err != nil {
		t.Error(err)
	}
	// Life goes on under the new key.
	if _, err := w.north.SetRung(t.Context(), w.accord, "south", accord.Match); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south", "guarantor")
	w.sync(w.south, "north")
}

// newestIndex is the index of the newest event in north's log.
func newestIndex(t *testing.T, n *node.Node, accordID string) int64 {
	t.Helper()
	tree, err := n.Tree(t.Context(), accordID, "north", -1)
	if err != nil {
		t.Fatal(err)
	}
	return tree.N - 1
}
