package node_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
)

// receiveFirst shares the first report with South and returns South's item.
func (w *world) receiveFirst(ids []string) (node.Release, node.Item) {
	w.t.Helper()
	rel, err := w.north.ReleaseObject(w.t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"})
	if err != nil || !rel.Released {
		w.t.Fatalf("release: %+v, %v", rel, err)
	}
	w.sync(w.north, "south")
	items, err := w.south.Inbox(w.t.Context(), 0)
	if err != nil || len(items) == 0 {
		w.t.Fatalf("south's inbox: %v, %v", items, err)
	}
	return rel, items[0]
}

func TestWithdrawnObjectDisappearsAndTheFactStays(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	rel, it := w.receiveFirst(ids)
	if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: ids[0], Reason: "source at risk"}); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	if _, err := w.south.ShowObject(t.Context(), rel.Copy); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("south still shows the object: %v", err)
	}
	if ins, _, _ := w.south.Incidents(t.Context(), node.IncidentFilter{}); len(ins) != 0 {
		t.Errorf("south's watch still counts %d incidents", len(ins))
	}
	for _, format := range []string{"stix", "csv"} {
		if raw, n := export(t, w.south, node.ExportAsk{Format: format}); strings.Contains(string(raw), rel.Copy) || strings.Contains(string(raw), "Device found") {
			t.Errorf("south's %s export still has it: %+v", format, n)
		}
	}
	if found, err := w.south.Search(t.Context(), node.SearchAsk{Text: "device"}); err != nil || len(found.Objects) != 0 {
		t.Errorf("south still finds it: %+v, %v", found.Objects, err)
	}
	if x, err := w.south.Watch(t.Context(), 4, "", 0); err != nil || len(x.Areas) != 0 {
		t.Errorf("south's watch still shows %d areas, %v", len(x.Areas), err)
	}
	if got := newReader(t, w.south, "", "all:rw").all("in-" + w.accord[:12]); len(got) != 0 {
		t.Errorf("south's TAXII clients still get %d objects", len(got))
	}
	got, err := w.south.InboxItem(t.Context(), it.ID)
	if err != nil || got.State != "withdrawn" || got.Object != nil || !strings.Contains(got.Problem, "source at risk") {
		t.Errorf("inbox item: %+v, %v", got, err)
	}
	// Acknowledged in South's ledger, and both facts stay.
	for kind, party := range map[string]string{"withdrawal-honoured": "south", "withdrawn": "north", "released": "north"} {
		if ev, err := w.north.EventData(t.Context(), w.accord, party, kind); err != nil || len(ev) != 1 {
			t.Errorf("%s events of %s at north: %d, %v", kind, party, len(ev), err)
		}
	}
	if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: ids[0], Reason: "again"}); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("withdrawn twice: %v", err)
	}
}

// What was withdrawn before it left does not leave.
func TestWithdrawnBeforeDelivery(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	w.down(func(restart func()) {
		if rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"}); err != nil || !rel.Released {
			t.Fatalf("%v", err)
		}
		if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: ids[0], Reason: "too early"}); err != nil {
			t.Fatal(err)
		}
		restart()
	})
	w.sync(w.north, "south")
	if h, err := w.south.Held(t.Context()); err != nil || h.Objects != 0 || h.Inbox != 0 {
		t.Errorf("south holds %+v, %v; nothing should have left", h, err)
	}
}

func TestCorrectionReplacesWhatWasReleased(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	first, _ := w.receiveFirst(ids)
	changed := strings.Replace(reports, "A device was found beside a market road.", "Two devices were found beside a market road.", 1)
	if got, err := w.north.ImportFile(t.Context(), strings.NewReader(changed), "", nil); err != nil || got.Taken != 1 || got.Known != 1 {
		t.Fatalf("importing the corrected file: %+v, %v", got, err)
	}
	second, _ := w.receiveFirst(ids)
	if second.Copy != first.Copy {
		t.Errorf("the correction has another id: %s, was %s", second.Copy, first.Copy)
	}
	raw, err := w.south.ShowObject(t.Context(), second.Copy)
	if err != nil || !strings.Contains(string(raw), "Two devices") {
		t.Errorf("south shows %s, %v", raw, err)
	}
	items, _ := w.south.Inbox(t.Context(), 0)
	if len(items) != 2 || !items[0].Correction || items[1].Correction {
		t.Errorf("south's inbox does not tell the correction from the first release: %+v", items)
	}
}

func TestRetentionEnds(t *testing.T) {
	var late atomic.Int64
	w := &world{t: t, north: start(t, "north"), guarantor: start(t, "guarantor")}
	dir := initNode(t, "south")
	w.south, w.southStop = openStoppable(t, dir, func(o *node.Options) { o.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) } })
	w.agree(func(*node.Draft) {})
	rel, it := w.receiveFirst(w.importReports())
	late.Store(int64(91 * 24 * time.Hour))
	w.sync(w.north, "south")
	if _, err := w.south.ShowObject(t.Context(), rel.Copy); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("kept beyond its retention: %v", err)
	}
	if got, err := w.south.InboxItem(t.Context(), it.ID); err != nil || got.State != "expired" || got.Object != nil {
		t.Errorf("inbox item: %+v, %v", got, err)
	}
}

// A correction goes to those alone who have what it corrects, and to nobody where
// nobody has.
func TestCorrectReachesWhoHasACopy(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	ask := node.ReleaseAsk{Object: ids[0], Accord: w.accord, Correct: true} // the accord has one purpose
	if _, err := w.north.ReleaseObject(t.Context(), ask); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("nobody has a copy: %v, want ErrNotFound", err)
	}
	w.receiveFirst(ids)
	changed := strings.Replace(reports, "A device was found beside a market road.", "Two devices were found beside a market road.", 1)
	if _, err := w.north.ImportFile(t.Context(), strings.NewReader(changed), "", nil); err != nil {
		t.Fatal(err)
	}
	got, err := w.north.ReleaseObject(t.Context(), ask)
	if err != nil || !got.Released || len(got.Copies) != 1 || got.Copies[0].To != "south" {
		t.Errorf("%+v, %v", got, err)
	}
	w.sync(w.north, "south")
	if items, err := w.south.Inbox(t.Context(), 0); err != nil || len(items) != 2 || !items[0].Correction {
		t.Errorf("south's inbox: %+v, %v", items, err)
	}
}

// Both sides compute the same bytes, whoever asks.
func TestAccountIsTheSameOnBothSides(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	_, it := w.receiveFirst(ids)
	if _, err := w.south.Judge(t.Context(), it.ID, "useful"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.south.Judge(t.Context(), it.ID, "wrong"); !errors.Is(err, node.ErrState) {
		t.Errorf("judged twice: %v", err)
	}
	if _, err := w.south.MakeRequest(t.Context(), node.RequestAsk{Accord: w.accord, Case: "C", Purpose: "protection", Object: ids[1]}); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	reqs, err := w.north.Requests(t.Context())
	if err != nil || len(reqs) != 1 {
		t.Fatal(err, reqs)
	}
	if _, _, err := w.north.AnswerRequest(t.Context(), reqs[0].ID, node.RequestAnswer{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: ids[0], Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.north.Suspend(t.Context(), w.accord, "r"); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	w.sync(w.south, "north")
	a, err := w.north.Account(t.Context(), w.accord, "south")
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.south.Account(t.Context(), w.accord, "")
	if err != nil {
		t.Fatal(err)
	}
	ja, _ := json.Marshal(a.Account)
	jb, _ := json.Marshal(b.Account)
	if string(ja) != string(jb) {
		t.Errorf("the two sides differ:\nnorth %s\nsouth %s", ja, jb)
	}
	n, _ := a.Account.Side("north")
	s, _ := a.Account.Side("south")
	if n.Released != 1 || n.Useful != 1 || n.Withdrawn != 1 || n.Declined != 1 || s.Requests != 1 || s.Honoured != 1 {
		t.Errorf("account: north %+v, south %+v", n, s)
	}
}

func TestAmendmentReplacesAnAccord(t *testing.T) {
	w := newWorld(t)
	d := draft("north", "south")
	d.Title, d.Amends = "Amended", w.accord
	if err := w.north.SaveDraft(t.Context(), "d2", d); err != nil {
		t.Fatal(err)
	}
	a, err := w.north.OfferAccord(t.Context(), "d2")
	if err != nil {
		t.Fatal(err)
	}
	if old, _ := w.north.ShowAccord(t.Context(), w.accord); old.State != accord.InForce {
		t.Errorf("an offer alone ended the old accord: %s", old.State)
	}
	old := w.accord
	w.accord = a.ID
	w.sync(w.north, "south")
	if _, err := w.south.SignAccord(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	for _, n := range []*node.Node{w.north, w.south} {
		if x, err := n.ShowAccord(t.Context(), old); err != nil || x.State != accord.Ended {
			t.Errorf("%s shows the old accord as %s, %v", n.Party(), x.State, err)
		}
		if x, err := n.ShowAccord(t.Context(), a.ID); err != nil || x.State != accord.InForce {
			t.Errorf("%s shows the new accord as %s, %v", n.Party(), x.State, err)
		}
	}
}

func TestEndIsAnnounced(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		days int
		want string
	}{{100, ""}, {59, "60 days"}, {13, "14 days"}, {0, "1 days"}} {
		a, _ := w.north.ShowAccord(t.Context(), w.accord)
		end, err := time.Parse(time.RFC3339, a.Expires)
		if err != nil {
			t.Fatal(err)
		}
		w.northClock.Store(int64(time.Until(end.Add(-time.Duration(c.days)*24*time.Hour - time.Hour))))
		o, err := w.north.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, x := range o.Waiting {
			said += x.Title
		}
		if (c.want == "") != (said == "") || !strings.Contains(said, c.want) {
			t.Errorf("%d days before the end it says %q, want %q", c.days, said, c.want)
		}
	}
}
