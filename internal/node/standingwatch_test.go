package node

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/watch"
)

// lone opens a node whose clock the test moves.
func lone(t *testing.T) (n *Node, clock *time.Time) {
	t.Helper()
	dir := t.TempDir()
	if _, err := Init(dir, Config{Party: "north", Name: "North", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	n, err := Open(t.Context(), dir, Options{Every: -1, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n, &now
}

// file puts incidents from a party into a node's index.
func file(t *testing.T, n *Node, from string, ins ...incident.Incident) {
	t.Helper()
	err := n.update(t.Context(), func(tx store.Tx) error {
		for _, in := range ins {
			row, err := incidentRow(in, from)
			if err != nil {
				return err
			}
			if err := tx.PutIncident(*row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var filed int

func attack(area string, day time.Time) incident.Incident {
	filed++
	return incident.Incident{
		ID: fmt.Sprintf("incident--%08d-0000-4000-8000-000000000000", filed), Start: day, End: day, Title: "x", Admin1: area,
		Kind: incident.Bombing, Classes: []incident.Class{incident.Civilian}, DatePrecision: incident.Day, Source: "own",
	}
}

// history is five years of an attack every fifth week in North and every
// fifteenth in South.
func history(t *testing.T, n *Node) (end time.Time) {
	t.Helper()
	first := time.Date(2020, 1, 8, 0, 0, 0, 0, time.UTC)
	var all []incident.Incident
	for w := range 260 {
		day := first.AddDate(0, 0, 7*w)
		if w%5 == 0 {
			all = append(all, attack("North", day))
		}
		if w%15 == 0 {
			all = append(all, attack("South", day))
		}
	}
	end = first.AddDate(0, 0, 7*259)
	file(t, n, "", append(all, attack("North", end))...)
	return end
}

func area(t *testing.T, w Watch, name string) WatchArea {
	t.Helper()
	i := slices.IndexFunc(w.Areas, func(a WatchArea) bool { return a.Area == name })
	if i < 0 {
		t.Fatalf("no card for %s", name)
	}
	return w.Areas[i]
}

// A partner that floods the watch with invented attacks hardly moves it, and what
// it does move is shown.
func TestOnePartnerCannotFloodTheWatch(t *testing.T) {
	n, _ := lone(t)
	end := history(t, n)
	calm, err := n.Watch(t.Context(), 4, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var flood []incident.Incident
	for i := range 1000 {
		flood = append(flood, attack("South", end.AddDate(0, 0, -7*(i%4))))
	}
	file(t, n, "south", flood...)
	w, err := n.Watch(t.Context(), 4, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	before, after := area(t, calm, "South"), area(t, w, "South")
	counted := after.Total - before.Total
	if counted < 1 || counted > 8 {
		t.Errorf("%d of a thousand invented attacks are counted", counted)
	}
	if w.Left["more from south than others confirm"] != 1000-counted {
		t.Errorf("left out: %v", w.Left)
	}
	if len(after.Without) != 1 || after.Without[0].Party != "south" || after.Without[0].P != before.P {
		t.Errorf("without the partner: %+v, want %v", after.Without, before.P)
	}
	// What others saw too counts.
	var seen []incident.Incident
	for range 3 {
		seen = append(seen, attack("North", end))
	}
	file(t, n, "", seen...)
	file(t, n, "south", attack("North", end), attack("North", end), attack("North", end))
	again, err := n.Watch(t.Context(), 4, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := area(t, again, "North").Total - area(t, w, "North").Total; got != 6 {
		t.Errorf("%d of six confirmed reports are counted", got)
	}
}

// Two reports of one event count once, the own one first; a split counts both.
func TestTheWatchCountsEventsNotReports(t *testing.T) {
	n, _ := lone(t)
	end := history(t, n)
	own, theirs := attack("North", end), attack("North", end)
	file(t, n, "", own)
	file(t, n, "south", theirs)
	count := func() int {
		t.Helper()
		w, err := n.Watch(t.Context(), 4, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		return area(t, w, "North").Total
	}
	apart := count()
	judge := func(state string, p float64) {
		t.Helper()
		err := n.update(t.Context(), func(tx store.Tx) error {
			return putDoc(tx, docLink, own.ID+"|"+theirs.ID, ReportLink{Left: own.ID, Right: theirs.ID, State: state, P: p})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		state string
		p     float64
		want  int
	}{{LinkConfirmed, 0, apart - 1}, {LinkSplit, .99, apart}, {LinkProposed, .95, apart - 1}, {LinkProposed, .6, apart}} {
		judge(x.state, x.p)
		if got := count(); got != x.want {
			t.Errorf("%s at %v: %d attacks, want %d", x.state, x.p, got, x.want)
		}
	}
	first := firstReports([]store.Incident{{ID: "a", From: "south"}, {ID: "b"}, {ID: "c", From: "west"}},
		[]ReportLink{{Left: "a", Right: "c", State: LinkConfirmed}, {Left: "b", Right: "c", State: LinkConfirmed}})
	if first["a"] != "b" || first["b"] != "b" || first["c"] != "b" {
		t.Errorf("three reports of one event stand under %v, want all under our own", first)
	}
}

// What the watch said is kept, scored, and cannot be changed unseen.
func TestTheWatchKeepsWhatItSaid(t *testing.T) {
	n, clock := lone(t)
	end := history(t, n)
	for range 6 {
		if err := n.RecordWatch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := n.RecordWatch(t.Context()); err != nil { // the same data: said already
			t.Fatal(err)
		}
		end = end.AddDate(0, 0, 7)
		*clock = clock.AddDate(0, 0, 7)
		file(t, n, "", attack("North", end))
	}
	got, err := n.WatchRecord(t.Context(), 1)
	if err != nil || len(got.Said) != 6 || !got.Whole {
		t.Fatalf("record: %d said, whole %v, %v", len(got.Said), got.Whole, err)
	}
	if got.Scored != 12 || got.Brier <= 0 || got.Brier >= 1 || got.Said[0].AsOf <= got.Said[5].AsOf {
		t.Errorf("scored %d, Brier %v; want two areas at six dates, newest first", got.Scored, got.Brier)
	}
	err = n.update(t.Context(), func(tx store.Tx) error {
		docs, err := tx.ListDocs(docSaid + "1")
		if err != nil {
			return err
		}
		var s Said
		if err := json.Unmarshal(docs[2].Body, &s); err != nil {
			return err
		}
		s.P["North"] = .99
		return putDoc(tx, docSaid+"1", docs[2].ID, s)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err = n.WatchRecord(t.Context(), 1); err != nil || got.Whole {
		t.Errorf("a forecast that was changed afterwards passes: %v", err)
	}
}

func TestCoveragePlanOfTheWatch(t *testing.T) {
	n, clock := lone(t)
	if _, err := n.PlanCoverage(t.Context(), CoverageAsk{Units: 1}); !errors.Is(err, ErrState) {
		t.Errorf("a plan without data: %v", err)
	}
	history(t, n)
	for _, bad := range []CoverageAsk{{Units: 0}, {Units: 3}, {Units: 1, Floor: 2}, {Units: 1, Policy: "hotspots"}, {Units: 1, Periods: -1}} {
		if _, err := n.PlanCoverage(t.Context(), bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v, want it refused", bad, err)
		}
	}
	c, err := n.PlanCoverage(t.Context(), CoverageAsk{Units: 1, Floor: .2, Periods: 10})
	if err != nil || len(c.Schedule) != 10 || len(c.TradeOff) == 0 || c.Seed != "" {
		t.Fatalf("plan: %+v, %v", c, err)
	}
	cover := maps.Collect(func(yield func(string, float64) bool) {
		for i, cell := range c.Plan.Cells {
			yield(cell, c.Plan.Cover[i])
		}
	})
	if cover["North"] <= cover["South"] || cover["South"] < .1 {
		t.Errorf("cover %v: want more where the risk is and nothing bare", cover)
	}
	d, err := n.Diversification(t.Context(), 104)
	if err != nil || d.Looked == nil || d.ByArea.Diversity == nil || d.ByArea.Diversity.N < 20 || len(d.Next) != 2 || d.ByClass.Turn == nil {
		t.Errorf("diversification: %+v, %v", d, err)
	}
	*clock = clock.AddDate(1, 0, 0)
	plans, err := n.CoveragePlans(t.Context())
	if err != nil || len(plans) != 1 || plans[0].Seed == "" {
		t.Fatalf("after the schedule: %+v, %v, want the seed told", plans, err)
	}
	var seed watch.Seed
	raw, err := hex.DecodeString(plans[0].Seed)
	if err != nil {
		t.Fatal(err)
	}
	copy(seed[:], raw)
	commitment, err := hex.DecodeString(c.Commitment)
	if err != nil {
		t.Fatal(err)
	}
	if err := plans[0].Plan.CheckSchedule(seed, commitment, c.Schedule); err != nil {
		t.Errorf("the draw: %v", err)
	}
}

func TestOnsetsAndRefusals(t *testing.T) {
	n, _ := lone(t)
	if r, err := n.Onsets(t.Context(), 1); err != nil || r.Refused == "" {
		t.Errorf("without data: %+v, %v, want it said", r, err)
	}
	if _, err := n.JudgeOnset(t.Context(), OnsetAsk{Area: "South", Week: "2024-01-01", Verdict: OnsetSeen}); !errors.Is(err, ErrNotFound) {
		t.Errorf("judging without data: %v", err)
	}
	end := history(t, n)
	var burst []incident.Incident
	for i := range 8 {
		burst = append(burst, attack("South", end.AddDate(0, 0, -i)))
	}
	file(t, n, "", burst...)
	r, err := n.Onsets(t.Context(), 1)
	if err != nil || !slices.ContainsFunc(r.Alarms, func(a JudgedOnset) bool { return a.Unit == "South" }) {
		t.Errorf("a burst in the south: %+v, %v", r, err)
	}
	i := slices.IndexFunc(r.Alarms, func(a JudgedOnset) bool { return a.Unit == "South" })
	week := r.Alarms[i].Week.Format(time.DateOnly)
	for _, bad := range []OnsetAsk{
		{Area: "South", Week: week, Verdict: "shrug"}, {Area: "South", Week: week, Verdict: OnsetDismissed}, {Area: "South", Week: "2020-01-06", Verdict: OnsetSeen},
		{Area: "South", Week: week, Verdict: OnsetEscalated}, {Area: "South", Week: week, Verdict: OnsetEscalated, Status: "Real"},
	} {
		if _, err := n.JudgeOnset(t.Context(), bad); !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNotFound) {
			t.Errorf("%+v: %v, want it refused", bad, err)
		}
	}
	j, err := n.JudgeOnset(t.Context(), OnsetAsk{Area: "South", Week: week, Verdict: OnsetEscalated, Status: "Exercise", Reason: "Exercise Lantern: send two units", By: User{Name: "Amina", Role: Officer}})
	if err != nil || !strings.Contains(j.CAP, "<status>Exercise</status>") || !strings.Contains(j.CAP, "<areaDesc>South</areaDesc>") {
		t.Fatalf("escalated: %+v, %v", j, err)
	}
	note, err := n.ShowObject(t.Context(), j.Object)
	if err != nil || !strings.Contains(string(note), `"note"`) || !strings.Contains(string(note), "send two units") {
		t.Errorf("the note: %s, %v", note, err)
	}
	if r, err = n.Onsets(t.Context(), 1); err != nil || r.Alarms[i].Judgement == nil || r.Alarms[i].Judgement.By.Name != "Amina" {
		t.Errorf("the judged alarm: %+v, %v", r, err)
	}
	if w, err := n.Watch(t.Context(), 4, "class", 0); err != nil || len(w.Areas) != 1 || w.Areas[0].Area != "civilian" {
		t.Errorf("by class: %+v, %v", w.Areas, err)
	}
	if _, err := n.Watch(t.Context(), 4, "person", 0); !errors.Is(err, ErrInvalid) {
		t.Errorf("by person: %v", err)
	}
	if _, err := n.Diversification(t.Context(), 1); !errors.Is(err, ErrInvalid) {
		t.Errorf("one week: %v", err)
	}
	d, err := n.Diversification(t.Context(), 4)
	if err != nil || len(d.ByClass.Refused) == 0 {
		t.Errorf("few attacks: %+v, %v, want a refusal in words", d.ByClass, err)
	}
}
