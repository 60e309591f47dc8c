package node_test

import (
	"strings"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/deconflict"
	"parley.example/parley/internal/node"
)

// footprintAt is a rescue of three hours from tomorrow on, round a place.
func footprintAt(title string, lat, lon float64, hours int) node.FootprintAsk {
	from := time.Now().Add(time.Duration(24+hours) * time.Hour).Truncate(time.Hour)
	return node.FootprintAsk{By: node.User{Name: "Maj. Rahimi"}, Footprint: deconflict.Footprint{
		Title: title, Purpose: "rescue", LegalBasis: "exercise order", Officer: "Maj. Rahimi",
		Places: []deconflict.Spot{{Lat: lat, Lon: lon, RadiusKM: 3}}, From: from, Until: from.Add(3 * time.Hour),
	}}
}

func enter(t testing.TB, n *node.Node, ask node.FootprintAsk) node.Footprint {
	t.Helper()
	f, err := n.EnterFootprint(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func showFootprint(t testing.TB, n *node.Node, id string) node.Footprint {
	t.Helper()
	f, err := n.ShowFootprint(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func setDesk(t testing.TB, n *node.Node, accordID, contact string) {
	t.Helper()
	if _, err := n.SetDesk(t.Context(), node.Desk{Accord: accordID, Contact: contact}); err != nil {
		t.Fatal(err)
	}
}

func kinds(t testing.TB, n *node.Node, accordID, party, kind string) int {
	t.Helper()
	got, err := n.EventData(t.Context(), accordID, party, kind)
	if err != nil {
		t.Fatal(err)
	}
	return len(got)
}

// Two plans that collide: both desks are told, with contact points, acknowledge and
// resolve; a change of plan clears it on both sides. With an arbiter and without.
func TestDeconfliction(t *testing.T) {
	for name, witnesses := range map[string][]string{"arbiter": {"guarantor"}, "alone": nil} {
		t.Run(name, func(t *testing.T) {
			w := newWorldUnder(t, func(d *node.Draft) { d.Witnesses = witnesses })
			setDesk(t, w.north, w.accord, "North desk +93 20 1")
			setDesk(t, w.south, w.accord, "South desk +92 51 2")

			raid := enter(t, w.north, footprintAt("raid", 34.40, 70.50, 0))
			if raid.Answer != "accepted, no conflict" || !raid.Checked || raid.Conflict {
				t.Fatalf("north's plan: %q, %+v", raid.Answer, raid.With)
			}
			far := enter(t, w.south, footprintAt("far", 31, 65, 0))
			if far.Answer != "accepted, no conflict" {
				t.Fatalf("south's other plan: %q, %+v", far.Answer, far.With)
			}
			patrol := enter(t, w.south, footprintAt("patrol", 34.42, 70.51, 1))
			if patrol.Answer != "accepted, conflict: call North desk +93 20 1" {
				t.Fatalf("south's plan: %q, %+v", patrol.Answer, patrol.With)
			}
			raid = showFootprint(t, w.north, raid.ID)
			if raid.Answer != "accepted, conflict: call South desk +92 51 2" {
				t.Fatalf("north's plan: %q, %+v", raid.Answer, raid.With)
			}
			if far = showFootprint(t, w.south, far.ID); far.Answer != "accepted, no conflict" {
				t.Errorf("south's other plan: %q", far.Answer)
			}
			on, os := raid.With[0].Overlap, patrol.With[0].Overlap
			if len(on.Cells) == 0 || len(on.Windows) == 0 || on.Cells[0].Cell != os.Cells[0].Cell || !on.Windows[0].From.Equal(os.Windows[0].From) {
				t.Errorf("told other places or times: %+v, %+v", on, os)
			}
			for _, n := range []*node.Node{w.north, w.south} {
				told, err := n.Notices(t.Context())
				if err != nil || len(told) != 1 || told[0].Kind != "overlap" {
					t.Errorf("%s: notices %+v, %v", n.Party(), told, err)
				}
			}
			if x, _ := w.north.Exchanges(t.Context()); len(x) != 3 || x[0].State != "done" || (x[0].Arbiter == "") != (witnesses == nil) {
				t.Errorf("exchanges %+v", x)
			}

			// What was done about it is seen on both sides; the note is not.
			session := raid.With[0].Session
			if _, err := w.north.ResolveOverlap(t.Context(), session, "joint", "", node.User{}); err == nil {
				t.Error("resolved before it was acknowledged")
			}
			if _, err := w.north.AcknowledgeOverlap(t.Context(), session, node.User{Name: "Amina"}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.north.ResolveOverlap(t.Context(), session, "moved-in-place", "secret reason", node.User{Name: "Amina"}); err != nil {
				t.Fatal(err)
			}
			w.sync(w.north, "south")
			x, err := w.south.ShowExchange(t.Context(), session)
			if err != nil || x.TheyAcked == "" || x.TheyResolved != "moved-in-place" || x.Acked != "" {
				t.Errorf("south sees %+v, %v", x, err)
			}

			// North moves; the plans are matched anew.
			moved := footprintAt("raid", 35.40, 71.50, 0)
			moved.ID = raid.ID
			if raid = enter(t, w.north, moved); raid.Answer != "accepted, no conflict" || raid.Version != 2 {
				t.Errorf("after the change of plan: %q, version %d", raid.Answer, raid.Version)
			}
			if patrol = showFootprint(t, w.south, patrol.ID); patrol.Answer != "accepted, no conflict" {
				t.Errorf("south after north's change of plan: %q", patrol.Answer)
			}
		})
	}
}

// What is not allowed is refused with a reason, and nothing is sent.
func TestDeconflictionNeedsRungBasisAndTime(t *testing.T) {
	w := newWorldUnder(t, func(d *node.Draft) { d.Start = accord.Contact })
	f := footprintAt("raid", 34.4, 70.5, 0)
	if _, err := w.north.EnterFootprint(t.Context(), f); err == nil || !strings.Contains(err.Error(), "rung") {
		t.Errorf("at rung contact: %v", err)
	}
	f.LegalBasis = ""
	if _, err := w.north.EnterFootprint(t.Context(), f); err == nil || !strings.Contains(err.Error(), "legal basis") {
		t.Errorf("without a legal basis: %v", err)
	}
	f = footprintAt("raid", 34.4, 70.5, -99)
	if _, err := w.north.EnterFootprint(t.Context(), f); err == nil || !strings.Contains(err.Error(), "past") {
		t.Errorf("in the past: %v", err)
	}
	if n := kinds(t, w.north, w.accord, "north", "deconflict-opened"); n != 0 {
		t.Errorf("%d exchanges were opened", n)
	}
}

// Three members and a witness without a node as arbiter: whose plans collide learn it,
// the third learns nothing.
func TestDeconflictionOfThree(t *testing.T) {
	w := &world{t: t, north: start(t, "north"), south: start(t, "south")}
	west := start(t, "west")
	all := []*node.Node{w.north, w.south, west}
	introduce(t, all...)
	_, card, _ := alone(t, "observer", all...)
	for _, n := range all {
		if _, err := n.AddCard(t.Context(), card, ""); err != nil {
			t.Fatal(err)
		}
	}
	d := draft("north", "south", "west")
	d.Witnesses = []string{"observer"}
	if err := w.north.SaveDraft(t.Context(), "d", d); err != nil {
		t.Fatal(err)
	}
	a, err := w.north.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	w.accord = a.ID
	w.sync(w.north, "south", "west")
	for _, n := range []*node.Node{w.south, west} {
		if _, err := n.SignAccord(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		w.sync(n, "north")
	}
	w.sync(w.north, "south", "west")
	w.sync(w.south, "west")
	enter(t, w.south, footprintAt("far", 31, 65, 0))
	enter(t, west, footprintAt("patrol", 34.40, 70.50, 0))
	f := enter(t, w.north, footprintAt("raid", 34.40, 70.50, 0))
	states := map[string]string{}
	for _, x := range f.With {
		states[x.Party] = x.State
	}
	if !f.Checked || states["south"] != "clear" || states["west"] != "conflict" {
		t.Errorf("north: %+v", f.With)
	}
	told, err := w.south.Notices(t.Context())
	if err != nil || len(told) != 0 {
		t.Errorf("south is told %+v, %v", told, err)
	}
	if x := newest(t, w.north); x.Arbiter != "observer" {
		t.Errorf("the arbiter is %q", x.Arbiter)
	}
}
