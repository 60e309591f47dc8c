package web_test

import (
	"bytes"
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
)

// peer is another party's node, reached by parcels as files alone.
func peer(t *testing.T, party string) *node.Node {
	t.Helper()
	dir := t.TempDir()
	if _, err := node.Init(dir, node.Config{Party: party, Name: party, Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), dir, node.Options{Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// carry takes a parcel file from one node to another.
func carry(t *testing.T, from, to *node.Node, accord string) {
	t.Helper()
	var file bytes.Buffer
	if err := from.ExportParcel(t.Context(), accord, to.Party(), &file); err != nil {
		t.Fatal(err)
	}
	if _, err := to.ImportParcel(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
}

// makeAccord brings an accord between two nodes that know each other's cards
// into a state.
func makeAccord(t *testing.T, a, b *node.Node, state string) string {
	t.Helper()
	ctx := t.Context()
	must := func(_ node.Accord, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("bringing an accord to %q: %v", state, err)
		}
	}
	err := a.SaveDraft(ctx, "d", node.Draft{
		Title: "Exercise, " + state, Members: []string{a.Party(), b.Party()}, Purposes: []string{"protection"}, LegalBases: []string{"exercise order"},
		ObjectTypes: []string{"incident"}, Ceiling: accord.Ceiling{Rung: accord.Full, TLP: "TLP:AMBER", PlaceKM: 20, Time: "week"}, Start: accord.Tearline,
		Match: []accord.MatchRule{{Kind: "phone", Quota: 100}}, RetentionDays: 90, Suspension: "content stops at once; ledgers go on",
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.OfferAccord(ctx, "d")
	must(got, err)
	if state == "offered" {
		return got.ID
	}
	carry(t, a, b, got.ID)
	must(b.SignAccord(ctx, got.ID))
	carry(t, b, a, got.ID)
	switch state {
	case "suspended":
		must(a.Suspend(ctx, got.ID, "exercise"))
	case "ended":
		must(a.EndAccord(ctx, got.ID, "exercise"))
	}
	if now, err := a.ShowAccord(ctx, got.ID); err != nil || now.State != state {
		t.Fatalf("accord is %q, %v; want %q", now.State, err, state)
	}
	return got.ID
}
