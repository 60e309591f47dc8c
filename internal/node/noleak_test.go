package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
	"parley.example/parley/stix"
	"parley.example/parley/taxii"
)

// tapped is a line between nodes in one process that keeps everything that comes
// to one of them.
type tapped struct {
	nodes map[string]*node.Node
	to    string

	mu   sync.Mutex
	seen bytes.Buffer // guarded by mu
}

func (x *tapped) keep(p link.Parcel, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		fmt.Fprintln(&x.seen, err)
	}
	for _, e := range p.Entries {
		x.seen.Write(e.Event)
		x.seen.Write(e.Leaf)
	}
	for _, b := range p.Bodies {
		x.seen.Write(b.Bytes)
	}
	x.seen.Write(p.Accord)
	x.seen.Write(p.Checkpoint)
}

func (x *tapped) Exchange(ctx context.Context, _, _ string, p link.Parcel) (link.Parcel, error) {
	if p.To == x.to {
		x.keep(p, nil)
	}
	reply, err := x.nodes[p.To].Receive(ctx, p.From, p)
	if p.From == x.to {
		x.keep(reply, err)
	}
	return reply, err
}

func (*tapped) Finish(context.Context, string, string, string) (link.Parcel, bool, error) {
	return link.Parcel{}, false, nil
}
func (*tapped) Forget(string, string) {}

// What is marked for south reaches east by no path: not with an object that
// refers to it, in a granular part, a text, an answer, a refusal, a filter, a
// count, over TAXII, or in what the ledger says of all this.
func TestWhatIsMarkedForOneReachesNoOther(t *testing.T) {
	x := &tapped{nodes: make(map[string]*node.Node), to: "east"}
	line := func(o *node.Options) { o.Line = x }
	var ns []*node.Node
	for _, p := range []string{"north", "south", "east"} {
		n := start(t, p, line)
		x.nodes[p] = n
		ns = append(ns, n)
	}
	north, south, east := ns[0], ns[1], ns[2]
	introduce(t, ns...)
	d := draft("north", "south", "east")
	d.Witnesses = nil
	d.ObjectTypes = []string{"incident", "malware", "relationship", "note", "sighting", "report"}
	if err := north.SaveDraft(t.Context(), "d", d); err != nil {
		t.Fatal(err)
	}
	a, err := north.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	meet := func() {
		t.Helper()
		for _, from := range ns {
			for _, to := range ns {
				if from != to {
					if err := from.Sync(t.Context(), a.ID, to.Party()); err != nil {
						t.Fatalf("%s → %s: %v", from.Party(), to.Party(), err)
					}
				}
			}
		}
	}
	for _, n := range []*node.Node{south, east} {
		if err := north.Sync(t.Context(), a.ID, n.Party()); err != nil {
			t.Fatal(err)
		}
		if _, err := n.SignAccord(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		if err := n.Sync(t.Context(), a.ID, "north"); err != nil {
			t.Fatal(err)
		}
	}
	meet()

	const secret = "malware--00000000-0000-4000-8000-0000000000aa"
	const word = "QUICKSILVER"
	list, listed, err := stix.Releasability{To: []string{"north", "south"}, Listed: true}.Marking()
	if err != nil {
		t.Fatal(err)
	}
	amber := stix.Amber.MarkingRef()
	objects := []any{json.RawMessage(listed)}
	add := func(typ string, n int, marks []string, more map[string]any) string {
		id := fmt.Sprintf("%s--00000000-0000-4000-8000-0000000000%02x", typ, n)
		o := map[string]any{"type": typ, "spec_version": "2.1", "id": id, "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "object_marking_refs": marks}
		for k, v := range more {
			o[k] = v
		}
		objects = append(objects, o)
		return id
	}
	open := []string{amber}
	var all []string
	for _, id := range []string{
		add("malware", 0xaa, []string{amber, list}, map[string]any{"name": word, "is_family": false}),
		add("malware", 0x01, open, map[string]any{"name": "Open", "is_family": false}),
		add("relationship", 0x02, open, map[string]any{"relationship_type": "uses", "source_ref": secret, "target_ref": "malware--00000000-0000-4000-8000-000000000001"}),
		add("sighting", 0x03, open, map[string]any{"sighting_of_ref": secret}),
		add("note", 0x04, open, map[string]any{"content": "on it", "object_refs": []string{secret}}),
		add("report", 0x05, open, map[string]any{"name": "R", "published": "2026-01-02T03:04:05Z", "object_refs": []string{"malware--00000000-0000-4000-8000-000000000001", secret}}),
		add("malware", 0x06, open, map[string]any{"name": "Partly", "is_family": false, "description": word, "granular_markings": []any{map[string]any{"marking_ref": list, "selectors": []string{"description"}}}}),
		add("note", 0x07, []string{amber, list}, map[string]any{"content": word, "object_refs": []string{"malware--00000000-0000-4000-8000-000000000001"}}),
	} {
		all = append(all, id)
	}
	bundle, err := json.Marshal(map[string]any{"type": "bundle", "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d", "objects": objects})
	if err != nil {
		t.Fatal(err)
	}
	importText(t, north, string(bundle))

	for _, to := range []string{"south", "east"} {
		got, err := north.ReleaseMany(t.Context(), node.ReleaseManyAsk{Objects: all, Accord: a.ID, To: []string{to}, Purpose: "protection"})
		if err != nil || (to == "south" && got.Released < 6) || (to == "east" && (got.Released == 0 || got.Released > 3)) {
			t.Fatalf("to %s: %+v, %v", to, got, err)
		}
	}
	meet()
	// East asks for it by its id, for one that is not there, and for a value.
	var outcomes []string
	for _, id := range []string{secret, "malware--00000000-0000-4000-8000-0000000000bb"} {
		req, err := east.MakeRequest(t.Context(), node.RequestAsk{Accord: a.ID, To: "north", Case: "C", Purpose: "protection", Object: id})
		if err != nil {
			t.Fatal(err)
		}
		meet()
		if _, _, err := north.AnswerRequest(t.Context(), req.ID, node.RequestAnswer{Release: true}); err != nil {
			t.Fatal(err)
		}
		meet()
		reqs, err := east.Requests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reqs {
			if r.ID == req.ID {
				outcomes = append(outcomes, r.State+" "+r.Reason)
			}
		}
	}
	if len(outcomes) != 2 || outcomes[0] != outcomes[1] {
		t.Errorf("east tells them apart: %q", outcomes)
	}
	// Withdrawing what only south has, and a correction of it, are not east's.
	if _, err := north.Withdraw(t.Context(), node.WithdrawAsk{Accord: a.ID, Object: secret, Reason: word + " at risk"}); err != nil {
		t.Fatal(err)
	}
	meet()

	// Over TAXII: the collection of copies for east, by page, by id, by type.
	r := newReader(t, north, "protection", a.ID+"/east")
	alias := "out-" + a.ID[:12] + "-east"
	c, err := r.b.Collection(t.Context(), r.u, "parley", alias)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []taxii.Query{{Last: true, Limit: 100, Bytes: true}, {Limit: 100, Bytes: true, IDs: []string{secret}}, {Limit: 100, Bytes: true, Types: []string{"note", "relationship", "sighting"}}} {
		page, err := r.b.Page(t.Context(), r.u, "parley", c, q)
		x.mu.Lock()
		fmt.Fprint(&x.seen, err)
		for _, rec := range page.Records {
			x.seen.Write(rec.Bytes)
			fmt.Fprint(&x.seen, rec.ID)
		}
		x.mu.Unlock()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	seen := x.seen.String()
	if !strings.Contains(seen, "Partly") || !strings.Contains(seen, "Open") {
		t.Fatal("east did not get what it may have")
	}
	for _, tell := range []string{word, list} {
		if i := strings.Index(seen, tell); i >= 0 {
			t.Errorf("east was told %q: …%s…", tell, seen[max(0, i-200):min(len(seen), i+100)])
		}
	}
	// Its id came only from east itself, which asked for it, and in the answers
	// to that there is the request's id alone.
	if n := strings.Count(seen, secret); n > 0 {
		t.Errorf("east was told the id of it %d times", n)
	}
}
