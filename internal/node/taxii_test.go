package node_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
	"parley.example/parley/taxii"
)

// reader is an API user of a node with its backend.
type reader struct {
	t *testing.T
	n *node.Node
	b *node.TAXII
	u taxii.User
}

func newReader(t *testing.T, n *node.Node, purpose string, collections ...string) reader {
	t.Helper()
	token, _, err := n.MakeToken(t.Context(), node.TokenAsk{Name: "reader", Collections: collections, Purpose: purpose})
	if err != nil {
		t.Fatal(err)
	}
	b := n.TAXII()
	u, err := b.Authenticate(t.Context(), taxii.Credentials{Name: "reader", Secret: token})
	if err != nil {
		t.Fatal(err)
	}
	return reader{t, n, b, u}
}

// all reads a collection from its beginning.
func (r reader) all(id string) []taxii.Record {
	r.t.Helper()
	c, err := r.b.Collection(r.t.Context(), r.u, "parley", id)
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := r.b.Page(r.t.Context(), r.u, "parley", c, taxii.Query{Last: true, Limit: 1000, Bytes: true})
	if err != nil || p.More {
		r.t.Fatalf("page: more %v, %v", p.More, err)
	}
	return p.Records
}

func (w *world) released(from *node.Node) int {
	w.t.Helper()
	events, err := from.EventData(w.t.Context(), w.accord, from.Party(), "released")
	if err != nil {
		w.t.Fatal(err)
	}
	return len(events)
}

// A party without a node reads only what the gate let pass, each with one
// ledger event; what is withheld is as if it were not there.
func TestCopiesForAPartyWithoutANode(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	r := newReader(t, w.north, "protection", w.accord[:8]+"/south")
	alias := "out-" + w.accord[:12] + "-south"
	for range 3 {
		got := r.all(alias)
		if len(got) != 1 {
			t.Fatalf("%d copies, want the one that may pass", len(got))
		}
		for _, secret := range []string{"Informant", "Torkham", "courier", ids[0], ids[1]} {
			if strings.Contains(string(got[0].Bytes), secret) {
				t.Errorf("the copy tells %q", secret)
			}
		}
		if n := w.released(w.north); n != 1 {
			t.Fatalf("%d ledger events, want 1", n)
		}
	}
	if _, err := r.b.Collection(t.Context(), r.u, "parley", "own"); !errors.Is(err, taxii.ErrNotFound) {
		t.Errorf("our own collection: %v, want it unknown", err)
	}
	c, _ := r.b.Collection(t.Context(), r.u, "parley", alias)
	for _, id := range []string{ids[1], "incident--00000000-0000-4000-8000-000000000000"} {
		if p, err := r.b.Page(t.Context(), r.u, "parley", c, taxii.Query{IDs: []string{id}}); err != nil || len(p.Records) != 0 {
			t.Errorf("withheld or unknown %s: %v, %v", id, p, err)
		}
	}
	if _, err := r.b.Add(t.Context(), r.u, "parley", c, [][]byte{[]byte("{}")}); !errors.Is(err, taxii.ErrForbidden) {
		t.Errorf("adding to it: %v", err)
	}
	if err := r.b.Delete(t.Context(), r.u, "parley", c, taxii.Query{}); !errors.Is(err, taxii.ErrForbidden) {
		t.Errorf("deleting from it: %v", err)
	}
	// What came into the library is ours alone.
	if own := newReader(t, w.north, "", "own").all("own"); len(own) != 2 {
		t.Errorf("%d objects of our own, want 2", len(own))
	}
	if _, err := w.north.Suspend(t.Context(), w.accord, "test"); err != nil {
		t.Fatal(err)
	}
	r = newReader(t, w.north, "protection", w.accord+"/south")
	if got := r.all(alias); len(got) != 0 {
		t.Errorf("%d copies while suspended", len(got))
	}
	if _, err := w.north.Resume(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	if got := r.all(alias); len(got) != 1 || w.released(w.north) != 1 {
		t.Errorf("%d copies, %d events after resuming", len(got), w.released(w.north))
	}
	// What is withdrawn is served no more, and does not come back by itself.
	if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: ids[0], Reason: "source at risk"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := r.all(alias); len(got) != 0 {
			t.Errorf("%d copies after withdrawing", len(got))
		}
	}
	if _, err := w.north.SetRung(t.Context(), w.accord, "south", accord.Match); err != nil {
		t.Fatal(err)
	}
	if got := r.all(alias); len(got) != 0 {
		t.Errorf("%d copies below rung tearline", len(got))
	}
}

// What a partner released to us is one read-only collection for each accord.
func TestReceivedCollection(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"})
	if err != nil || !rel.Released {
		t.Fatalf("%+v, %v", rel, err)
	}
	w.sync(w.north, "south")
	r := newReader(t, w.south, "", "all:rw")
	got := r.all("in-" + w.accord[:12])
	if len(got) != 1 || string(got[0].Bytes) != string(rel.Tearline) {
		t.Errorf("received: %v", got)
	}
	if own := r.all("own"); len(own) != 0 {
		t.Errorf("%d objects of our own", len(own))
	}
	cs, err := r.b.Collections(t.Context(), r.u, "parley")
	if err != nil || len(cs) != 2 {
		t.Fatalf("collections %+v, %v", cs, err)
	}
	for _, c := range cs {
		if c.CanWrite != (c.Alias == "own") || !c.CanRead {
			t.Errorf("rights: %+v", c)
		}
	}
	r = newReader(t, w.south, "", w.accord)
	if cs, err = r.b.Collections(t.Context(), r.u, "parley"); err != nil || len(cs) != 1 {
		t.Errorf("collections of one accord: %+v, %v", cs, err)
	}
}

// An added incident is indexed as an imported one is, follows its newest
// version, and goes when it is deleted.
func TestAddedIncidentsAreIndexed(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	raw, err := w.north.ShowObject(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t, w.guarantor, "", "own:rw")
	c, err := r.b.Collection(t.Context(), r.u, "parley", "own")
	if err != nil {
		t.Fatal(err)
	}
	newer := regexp.MustCompile(`"modified":"[^"]*"`).ReplaceAllString(string(raw), `"modified":"2100-01-01T00:00:00.000Z"`)
	newer = strings.Replace(newer, "Device found at Torkham bazaar", "Device made safe", 1)
	titles := func() (out []string) {
		ins, _, err := r.n.Incidents(t.Context(), node.IncidentFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range ins {
			out = append(out, in.Title)
		}
		return out
	}
	add := func(o string) {
		t.Helper()
		st, err := r.b.Add(t.Context(), r.u, "parley", c, [][]byte{[]byte(o)})
		if err != nil || st.SuccessCount != 1 {
			t.Fatalf("add: %+v, %v", st, err)
		}
	}
	add(newer)
	add(string(raw))
	if got := titles(); len(got) != 1 || got[0] != "Device made safe" {
		t.Errorf("indexed: %q", got)
	}
	if err := r.b.Delete(t.Context(), r.u, "parley", c, taxii.Query{IDs: []string{ids[0]}, Last: true}); err != nil {
		t.Fatal(err)
	}
	if got := titles(); len(got) != 1 || got[0] != "Device found at Torkham bazaar" {
		t.Errorf("indexed after deleting the newest version: %q", got)
	}
	if err := r.b.Delete(t.Context(), r.u, "parley", c, taxii.Query{IDs: []string{ids[0]}}); err != nil {
		t.Fatal(err)
	}
	if got := titles(); len(got) != 0 {
		t.Errorf("indexed after deleting: %q", got)
	}
}

func TestTokensAreChecked(t *testing.T) {
	n := start(t, "north")
	for _, ask := range []node.TokenAsk{
		{Collections: []string{"own"}}, {Name: "a:b", Collections: []string{"own"}}, {Name: "a"}, {Name: "a", Collections: []string{"own:x"}},
		{Name: "a", Collections: []string{"own:"}}, {Name: "a", Collections: []string{"none"}}, {Name: "a", Collections: []string{"none:w"}}, {Name: "a", Collections: []string{"own:rww"}},
	} {
		if _, _, err := n.MakeToken(t.Context(), ask); err == nil {
			t.Errorf("%+v makes a token", ask)
		}
	}
	first, _, err := n.MakeToken(t.Context(), node.TokenAsk{Name: "a", Collections: []string{"own"}})
	if err != nil {
		t.Fatal(err)
	}
	second, u, err := n.MakeToken(t.Context(), node.TokenAsk{Name: "a", Collections: []string{"own"}})
	if err != nil || u.Hash != "" {
		t.Fatal(u, err)
	}
	b := n.TAXII()
	if _, err := b.Authenticate(t.Context(), taxii.Credentials{Secret: first}); !errors.Is(err, taxii.ErrUnauthorized) {
		t.Errorf("a replaced token: %v", err)
	}
	if _, err := b.Authenticate(t.Context(), taxii.Credentials{Secret: second}); err != nil {
		t.Error(err)
	}
	if err := n.RemoveAPIUser(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	b.Forget()
	if _, err := b.Authenticate(t.Context(), taxii.Credentials{Secret: second}); !errors.Is(err, taxii.ErrUnauthorized) {
		t.Errorf("a removed user: %v", err)
	}
	if err := n.RemoveAPIUser(t.Context(), "a"); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("removing again: %v", err)
	}
}
