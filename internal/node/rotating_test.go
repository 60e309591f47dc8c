package node_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
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

// The link key and the parcel key change with the card. Partners who have the old
// card find the key that they pinned behind the new one, whoever calls; once they
// have the new card the old key opens no line. What was sealed to the old parcel
// key is still opened, also what was our own.
func TestLinkAndParcelKeysChangeWithTheCard(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	w.receiveFirst(ids)
	w.sync(w.north, "guarantor")
	card := func(n *node.Node) accord.Card {
		t.Helper()
		c, err := accord.OpenCard([]byte(n.OwnCard().Note))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old := card(w.north)
	if _, err := w.north.AddFeed(t.Context(), node.FeedAsk{Name: "f", URL: "http://127.0.0.1:1/api/collections/x/objects/", User: "u", Secret: "s3cret", Every: "24h"}); err != nil {
		t.Fatal(err)
	}
	// South goes off the line with a stick for North under way.
	w.southStop()
	south, err := node.Open(t.Context(), w.south.Dir(), node.Options{Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer south.Close()
	if _, err := south.SetRung(t.Context(), w.accord, "north", accord.Match); err != nil {
		t.Fatal(err)
	}
	var stick bytes.Buffer
	if err := south.ExportParcel(t.Context(), w.accord, "north", &stick); err != nil {
		t.Fatal(err)
	}
	stolen := snapshot(t, filepath.Join(w.north.Dir(), "keys"))
	for range 2 {
		if _, err := w.north.RotateKey(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if c := card(w.north); c.Sequence != 3 || c.TLS == old.TLS || c.Parcel == old.Parcel {
		t.Fatalf("card %d names the same link or parcel key", c.Sequence)
	}
	if got, err := w.north.ImportParcel(t.Context(), &stick); err != nil || !got.News {
		t.Errorf("a stick sealed to the key before the last two: %+v, %v", got, err)
	}
	// The witness is called by North, South calls North.
	w.sync(w.north, "guarantor")
	w.sync(south, "north")
	for _, n := range []*node.Node{w.guarantor, south} {
		cards, err := n.Cards(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cards {
			if c.Party == "north" && c.Sequence != 3 {
				t.Errorf("%s has card %d of north, want 3", n.Party(), c.Sequence)
			}
		}
	}
	// All of it outlives a restart.
	w.northStop()
	north, _ := openStoppable(t, w.north.Dir(), func(*node.Options) {})
	w.sync(south, "north")
	w.sync(north, "guarantor")
	if f, err := north.RunFeed(t.Context(), "f"); err == nil && strings.Contains(f.Error, "does not open") {
		t.Errorf("the secret of a feed is lost: %s", f.Error)
	}
	var file bytes.Buffer
	if err := south.ExportParcel(t.Context(), w.accord, "north", &file); err != nil {
		t.Fatal(err)
	}
	if _, err := north.ImportParcel(t.Context(), &file); err != nil {
		t.Errorf("a stick sealed to the new key: %v", err)
	}
	// Whoever has the first link key alone is a stranger now.
	seed, err := os.ReadFile(filepath.Join(stolen, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(seed)))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := link.Certificate("north", ed25519.NewKeyFromSeed(raw))
	if err != nil {
		t.Fatal(err)
	}
	thief := link.NewClient(func() tls.Certificate { return cert }, t.TempDir())
	defer thief.Close()
	g := card(w.guarantor)
	_, err = thief.Exchange(t.Context(), g.Endpoints[0], g.TLS, link.Parcel{Header: link.Header{From: "north", To: "guarantor", Accord: w.accord}})
	if err == nil || errors.Is(err, link.ErrRefused) {
		t.Errorf("the old link key gets through the handshake: %v", err)
	}
}

// A crash between the card and the keys that it names is finished at the next
// start: the files of keys are old, the new ones lie beside them.
func TestInterruptedRotationIsFinished(t *testing.T) {
	dir := initNode(t, "north")
	n, err := node.Open(t.Context(), dir, node.Options{Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, filepath.Join(dir, "keys"))
	if _, err := n.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := n.OwnCard()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	after := snapshot(t, filepath.Join(dir, "keys"))
	read := func(dir, name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	next := read(after, "signing.key") + strings.Split(read(after, "tls.key"), "\n")[0] + "\n" + strings.Split(read(after, "parcel.key"), "\n")[0] + "\n"
	for _, kept := range [][]string{{}, {"signing.key"}, {"signing.key", "parcel.key"}, {"signing.key", "parcel.key", "tls.key"}} {
		for _, name := range []string{"signing.key", "parcel.key", "tls.key"} {
			from := before
			if slices.Contains(kept, name) {
				from = after
			}
			if err := os.WriteFile(filepath.Join(dir, "keys", name), []byte(read(from, name)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "keys", "signing.next"), []byte(next), 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := node.Open(t.Context(), dir, node.Options{Every: -1})
		if err != nil {
			t.Fatalf("after a crash with %v written: %v", kept, err)
		}
		if got := n.OwnCard(); got.Note != want.Note {
			t.Errorf("after a crash with %v written: card %d, want %d", kept, got.Sequence, want.Sequence)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"signing.key", "parcel.key", "tls.key"} {
			if got, want := read(filepath.Join(dir, "keys"), name), read(after, name); got != want {
				t.Errorf("after a crash with %v written: %s differs from what the rotation writes", kept, name)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "keys", "signing.next")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after a crash with %v written: signing.next is left: %v", kept, err)
		}
	}
}
