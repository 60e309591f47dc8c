package node

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
)

// looked is the attention that the node reads from its watches, assignments,
// plans and reading.
func looked(t *testing.T, n *Node) *Attention {
	t.Helper()
	d, err := n.Diversification(t.Context(), 52)
	if err != nil {
		t.Fatal(err)
	}
	return d.Looked
}

func source(a *AttentionReading, name string) AttentionSource {
	for _, s := range a.Sources {
		if s.Source == name {
			return s
		}
	}
	return AttentionSource{}
}

// imported makes a node with a history whose newest attacks are in South, and
// returns the ids of two reports.
func imported(t *testing.T) (n *Node, clock *time.Time, north, south string) {
	t.Helper()
	n, clock = lone(t)
	end := history(t, n)
	var burst []incident.Incident
	for i := range 6 {
		burst = append(burst, attack("South", end.AddDate(0, 0, -7*i)))
	}
	file(t, n, "", burst...)
	csv := "id,date,title,admin1,kind,class\na,2024-12-16,x,North,bombing,civilian\nb,2024-12-17,y,South,bombing,health\n"
	m := incident.ParleyMapping()
	for f := range m.Columns {
		if !strings.Contains(","+csv[:strings.Index(csv, "\n")]+",", ","+f+",") {
			delete(m.Columns, f)
		}
	}
	got, err := n.ImportFile(t.Context(), strings.NewReader(csv), "", &m)
	if err != nil || got.Taken != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	return n, clock, incident.ID(m.Name, "a"), incident.ID(m.Name, "b")
}

func TestAttention(t *testing.T) {
	n, clock, north, south := imported(t)
	if a := looked(t, n); a != nil {
		t.Errorf("nobody looked anywhere yet: %+v", a)
	}
	read := func(id string, times int) {
		t.Helper()
		for range times {
			if _, err := n.ShowObject(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	read(south, 9)
	read(north, 1)
	a := looked(t, n)
	if a == nil || math.Abs(a.Looked["South"]-.9) > 1e-9 || a.Fixation <= 0 || a.Widest[0] != "North" {
		t.Fatalf("after reading of South: %+v", a)
	}
	if a.ByClass == nil || math.Abs(a.ByClass.Looked["health"]-.9) > 1e-9 {
		t.Errorf("by class: %+v", a.ByClass)
	}
	fixed := a.Fixation

	// A watch of North, and units there: each source counts alike.
	watched, err := n.SetFocus(t.Context(), FocusAsk{Area: "North"})
	if err != nil || !watched.Known {
		t.Fatalf("%+v, %v", watched, err)
	}
	if _, err := n.SetFocus(t.Context(), FocusAsk{Area: "North", Class: "civilian", Units: 3, Until: "2026-02-01"}); err != nil {
		t.Fatal(err)
	}
	a = looked(t, n)
	if len(a.Sources) != 3 || a.Fixation >= fixed || math.Abs(a.Looked["South"]-.3) > 1e-9 {
		t.Errorf("with a watch and units in North: %+v", a)
	}
	if s := source(&a.AttentionReading, FromAssignments); s.N != 3 || s.Looked["North"] != 1 {
		t.Errorf("assigned: %+v", s)
	}
	if s := source(&a.AttentionReading, FromReading); s.N != 10 || s.Fixation != fixed {
		t.Errorf("read: %+v, want what it was alone", s)
	}
	if _, err := n.PlanCoverage(t.Context(), CoverageAsk{Units: 1, Floor: .2, Periods: 2}); err != nil {
		t.Fatal(err)
	}
	if a = looked(t, n); len(a.Sources) != 4 || source(&a.AttentionReading, FromPlan).N != 1 {
		t.Errorf("with a plan: %+v", a.Sources)
	}

	// Assignments and plans run out, reading fades, a watch is ended.
	*clock = clock.AddDate(0, 0, 7*(readWeeks+1))
	if a = looked(t, n); len(a.Sources) != 1 || a.Sources[0].Source != FromWatches {
		t.Errorf("a quarter later: %+v", a.Sources)
	}
	if err := n.EndFocus(t.Context(), watched.ID); err != nil {
		t.Fatal(err)
	}
	if err := n.EndFocus(t.Context(), watched.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("ended twice: %v", err)
	}
	if a = looked(t, n); a != nil {
		t.Errorf("nothing is watched any more: %+v", a)
	}
}

// What is kept of reading names neither the reader nor the report, and is
// forgotten.
func TestReadingIsCountedForTheNodeAlone(t *testing.T) {
	n, clock, north, _ := imported(t)
	kept := func() (all string, weeks int) {
		for _, d := range held(t, n, func(tx store.Tx) ([]store.Doc, error) { return tx.ListDocs(docRead) }) {
			all += string(d.Body)
			weeks++
		}
		return all, weeks
	}
	if _, err := n.ShowObject(t.Context(), north); err != nil {
		t.Fatal(err)
	}
	if got, _ := kept(); got != `{"week":"2026-01-05","areas":{"North":{"civilian":1}}}` {
		t.Errorf("kept of reading: %s", got)
	}
	*clock = clock.AddDate(0, 0, 7*(readKept+1))
	if _, err := n.ShowObject(t.Context(), north); err != nil {
		t.Fatal(err)
	}
	if got, weeks := kept(); weeks != 1 || strings.Contains(got, "2026-01-05") {
		t.Errorf("half a year later: %s", got)
	}
}

func TestFocusIsRefused(t *testing.T) {
	n, _ := lone(t)
	for _, bad := range []FocusAsk{{}, {Area: " "}, {Area: "North", Class: "person"}, {Area: "North", Units: -1}, {Area: "North", Until: "tomorrow"}, {Area: "North", Until: "2026-02-30"}, {Area: "North", Until: "2025-12-31"}} {
		if _, err := n.SetFocus(t.Context(), bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v, want it refused", bad, err)
		}
	}
	if f, err := n.SetFocus(t.Context(), FocusAsk{Area: "Nroth"}); err != nil || f.Known {
		t.Errorf("an area that nothing is known of: %+v, %v", f, err)
	}
}

// The next cell is shown by district too, but not for a district of few attacks.
func TestNextDistricts(t *testing.T) {
	n, _ := lone(t)
	end := history(t, n)
	var some []incident.Incident
	for i, district := range []string{"Large", "Large", "Large", "Small"} {
		for k := range 4 {
			in := attack("North", end.AddDate(0, 0, -7*(4*i+k)))
			in.Admin2 = district
			some = append(some, in)
		}
	}
	file(t, n, "", some...)
	d, err := n.Diversification(t.Context(), 52)
	if err != nil || len(d.Next) != 2 {
		t.Fatalf("%+v, %v", d.Next, err)
	}
	if len(d.NextDistrict) != 1 || d.NextDistrict[0].Area != "Large" || d.NextDistrict[0].P <= .5 {
		t.Errorf("districts %+v, want Large alone", d.NextDistrict)
	}
}
