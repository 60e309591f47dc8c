package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley.example/parley/internal/node"
)

// fiveYears is an attack in Ghazni every fifth week, then a burst.
func fiveYears() string {
	var b strings.Builder
	b.WriteString("id,date,title,admin1,kind,class,tlp\n")
	first := time.Date(2020, 1, 8, 0, 0, 0, 0, time.UTC)
	for w := 0; w < 260; w += 5 {
		fmt.Fprintf(&b, "w%d,%s,x,Ghazni,bombing,civilian,green\n", w, first.AddDate(0, 0, 7*w).Format(time.DateOnly))
	}
	for i := range 8 {
		fmt.Fprintf(&b, "b%d,%s,x,Ghazni,bombing,civilian,green\n", i, first.AddDate(0, 0, 7*259-i).Format(time.DateOnly))
	}
	return b.String()
}

// marked is fiveYears with another marking on one report of the burst.
func marked(tlp string) string {
	rows := strings.TrimSuffix(fiveYears(), "green\n")
	return rows + tlp + "\n"
}

// A file that is imported twice, and one with the same rows twice, change nothing
// that the watch says.
func TestADuplicatedFileDoesNotMoveTheWatch(t *testing.T) {
	n := start(t, "north")
	rows := fiveYears()
	first := importTable(t, n, "reports", rows)
	before, err := n.Watch(t.Context(), 4, "", 0)
	if err != nil || first.Taken != 60 {
		t.Fatalf("%+v, %v", first, err)
	}
	_, body, _ := strings.Cut(rows, "\n")
	if again := importTable(t, n, "reports", rows+body); again.Taken != 0 || again.Known != 120 {
		t.Errorf("again: %+v", again)
	}
	after, err := n.Watch(t.Context(), 4, "", 0)
	if err != nil || after.Areas[0].Total != before.Areas[0].Total || after.Areas[0].P != before.Areas[0].P {
		t.Errorf("%+v, was %+v, %v", after.Areas[0], before.Areas[0], err)
	}
}

// An alarm that a person escalates goes out as CAP, and to partners as a note
// that the gate decides on: marked as strictly as the reports that it rests on,
// and only under an accord that lets notes pass.
func TestEscalatingToAPartner(t *testing.T) {
	for _, x := range []struct {
		name     string
		types    []string
		csv      string
		released bool
		reason   string
	}{
		{"agreed", []string{"incident", "note"}, fiveYears(), true, ""},
		{"no notes agreed", []string{"incident"}, fiveYears(), false, "does not let objects of type note pass"},
		{"rests on what may not pass", []string{"incident", "note"}, marked("red"), false, "TLP:RED"},
		{"rests on what is not marked", []string{"incident", "note"}, marked(""), false, "TLP:RED"},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := newWorldUnder(t, func(d *node.Draft) { d.ObjectTypes = x.types })
			importTable(t, w.north, "reports", x.csv)
			on, err := w.north.Onsets(t.Context(), 1)
			if err != nil || len(on.Alarms) == 0 {
				t.Fatalf("%+v, %v", on, err)
			}
			a := on.Alarms[0]
			j, err := w.north.JudgeOnset(t.Context(), node.OnsetAsk{
				Area: a.Unit, Week: a.Week.Format(time.DateOnly), Verdict: node.OnsetEscalated, Status: "Exercise", Reason: "Exercise Lantern", By: node.User{Name: "Amina", Role: node.Officer},
			})
			if err != nil || !strings.Contains(j.CAP, "<status>Exercise</status>") {
				t.Fatalf("%+v, %v", j, err)
			}
			rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: j.Object, Accord: w.accord, Purpose: "protection"})
			if err != nil || rel.Released != x.released || !strings.Contains(fmt.Sprint(rel.Reasons), x.reason) {
				t.Fatalf("%v: %+v, %v", rel.Released, rel.Reasons, err)
			}
			w.sync(w.north, "south")
			box, err := w.south.Inbox(t.Context(), 0)
			if err != nil || len(box) != map[bool]int{true: 1}[x.released] {
				t.Fatalf("%+v, %v", box, err)
			}
			if x.released {
				it, err := w.south.InboxItem(t.Context(), box[0].ID)
				if err != nil || !strings.Contains(string(it.Object), "attacks in the eight weeks") || strings.Contains(string(it.Object), "Lantern") {
					t.Errorf("%s, %v", it.Object, err)
				}
			}
		})
	}
}
