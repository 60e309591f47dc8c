package node_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/incident"
	"parley.example/parley/internal/node"
)

const fusingHeader = "id,date,title,place,admin1,lat,lon,killed,wounded,kind,class,organisation,claimed_by,source,tlp\n"

// Two datasets of North's own and a report that South releases.
const (
	policeLog = fusingHeader +
		"p1,2025-03-03,Bomb at the mill,Ghazni,Ghazni,33.55,68.42,3,5,bombing,civilian,,,police,amber\n" +
		"p2,2025-03-20,Shots at a checkpoint,Andar,Ghazni,33.38,68.35,2,0,armed-assault,security-forces,,,police,amber\n" +
		"p3,2025-05-11,Rocket on the bazaar,Kunduz,Kunduz,36.73,68.86,1,9,shelling,civilian,,,police,amber\n"
	pressLog = fusingHeader +
		"q1,2025-03-04,Explosion at a flour mill,Ghazny,Ghazni,33.55,68.43,4,5,bombing,civilian,Red Banner,Red Banner,press,green\n" +
		"q2,2025-05-11,Rocket hits market,Kondoz,Kunduz,36.73,68.86,1,9,shelling,business,,,press,green\n" +
		"q3,2025-06-30,Teacher shot,Herat,Herat,34.35,62.20,1,0,assassination,education,,,press,green\n"
)

func importAs(t *testing.T, n *node.Node, dataset, csv string) {
	t.Helper()
	if got := importTable(t, n, dataset, csv); got.Taken != 3 {
		t.Fatalf("%s: %+v", dataset, got)
	}
}

// importTable reads a table of some of Parley's own columns.
func importTable(t *testing.T, n *node.Node, dataset, csv string) node.Import {
	t.Helper()
	m := incident.ParleyMapping()
	m.Name = dataset
	header, _, _ := strings.Cut(csv, "\n")
	for f := range m.Columns {
		if !slices.Contains(strings.Split(header, ","), f) {
			delete(m.Columns, f)
		}
	}
	got, err := n.ImportFile(t.Context(), strings.NewReader(csv), "", &m)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func fuse(t *testing.T, n *node.Node) (node.FuseRun, []node.FusedEvent, []node.ReportLink) {
	t.Helper()
	run, err := n.Fuse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	events, split, err := n.FusedEvents(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return run, events, split
}

func titles(e node.FusedEvent) (out []string) {
	for _, r := range e.Reports {
		out = append(out, r.Title)
	}
	return out
}

func TestFusion(t *testing.T) {
	n := start(t, "north")
	importAs(t, n, "police", policeLog)
	importAs(t, n, "press", pressLog)
	run, events, _ := fuse(t, n)
	if run.Lists != 2 || run.Proposed != 2 || len(events) != 2 {
		t.Fatalf("%+v, %d events", run, len(events))
	}
	// Newest first; what the reports say stands side by side.
	mill := events[1]
	if diff := cmp.Diff([]string{"Bomb at the mill", "Explosion at a flour mill"}, titles(mill)); diff != "" {
		t.Error(diff)
	}
	l := mill.Links[0]
	if l.State != node.LinkProposed || l.P < .5 || len(l.Evidence) != 6 || l.Evidence[0].Says != "a day apart" {
		t.Errorf("link %+v", l)
	}
	police, press := incident.ID("police", "p1"), incident.ID("press", "q1")
	fields := map[string]node.FusedField{}
	for _, f := range mill.Fields {
		fields[f.Field] = f
	}
	want := []node.FusedValue{{Value: "3", By: []string{police}}, {Value: "4", By: []string{press}}}
	if diff := cmp.Diff(want, fields["killed"].Values); diff != "" || fields["killed"].Agree {
		t.Errorf("killed: %s", diff)
	}
	if f := fields["wounded"]; !f.Agree || len(f.Values) != 1 || len(f.Values[0].By) != 2 {
		t.Errorf("wounded: %+v", f)
	}
	if f := fields["claims"]; f.Values[0].Value != "Red Banner claims responsibility" || !slices.Equal(f.Values[0].By, []string{press}) {
		t.Errorf("claims: %+v", f)
	}

	// An analyst splits, undoes, confirms; comparing again does not overrule.
	who := node.User{Name: "Amina", Role: node.Analyst}
	judge := func(left, right, verdict string) node.ReportLink {
		t.Helper()
		l, err := n.JudgeLink(t.Context(), node.LinkAsk{Left: left, Right: right, Verdict: verdict, Reason: "seen both", By: who})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	judge(press, police, node.LinkPart)
	run, events, split := fuse(t, n)
	if run.Kept != 1 || len(events) != 1 || len(split) != 1 {
		t.Errorf("after a split: %+v, %d events, %d split", run, len(events), len(split))
	}
	if l := judge(police, press, node.LinkUndo); l.State != node.LinkProposed {
		t.Errorf("after undoing the split: %q", l.State)
	}
	if l := judge(police, press, node.LinkConfirm); l.State != node.LinkConfirmed || len(l.Acts) != 3 || l.Acts[2].By != who || l.Acts[0].Reason != "seen both" {
		t.Errorf("after confirming: %+v", l)
	}
	if _, events, _ = fuse(t, n); len(events) != 2 || events[1].Links[0].State != node.LinkConfirmed {
		t.Errorf("after confirming: %d events", len(events))
	}
	if l := judge(police, press, node.LinkUndo); l.State != node.LinkProposed {
		t.Errorf("after undoing the confirmation: %q", l.State)
	}
	if _, err := n.JudgeLink(t.Context(), node.LinkAsk{Left: police, Right: press, Verdict: node.LinkUndo}); !errors.Is(err, node.ErrState) {
		t.Errorf("nothing left to undo: %v", err)
	}

	// By hand: two reports that nothing links.
	other, third := incident.ID("police", "p2"), incident.ID("press", "q3")
	judge(other, third, node.LinkConfirm)
	if _, events, _ = fuse(t, n); len(events) != 3 {
		t.Errorf("after a link by hand: %d events", len(events))
	}
	if l := judge(other, third, node.LinkUndo); l.State != node.LinkNone {
		t.Errorf("after undoing it: %q", l.State)
	}
	if _, events, split = fuse(t, n); len(events) != 2 || len(split) != 0 {
		t.Errorf("after undoing it: %d events, %d split", len(events), len(split))
	}

	for _, ask := range []node.LinkAsk{
		{Left: police, Right: police, Verdict: node.LinkConfirm},
		{Left: police, Right: press, Verdict: "maybe"},
	} {
		if _, err := n.JudgeLink(t.Context(), ask); !errors.Is(err, node.ErrInvalid) {
			t.Errorf("%+v: %v", ask, err)
		}
	}
	if _, err := n.JudgeLink(t.Context(), node.LinkAsk{Left: police, Right: incident.ID("x", "y"), Verdict: node.LinkConfirm}); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("a report that is not held: %v", err)
	}
}

// What a partner gave is linked with what is our own, and a link goes when the
// partner withdraws its report.
func TestFusionWithAPartner(t *testing.T) {
	w := newWorld(t)
	importAs(t, w.north, "police", policeLog)
	importAs(t, w.south, "press", pressLog)
	rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: incident.ID("police", "p3"), Accord: w.accord, Purpose: "protection"})
	if err != nil || !rel.Released {
		t.Fatalf("%+v, %v", rel, err)
	}
	w.sync(w.north, "south")
	events, _, err := w.south.FusedEvents(t.Context(), 0) // linked by itself
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	var from []string
	for _, r := range events[0].Reports {
		from = append(from, r.From)
	}
	slices.Sort(from)
	if !slices.Equal(from, []string{"", "north"}) {
		t.Errorf("reports from %q", from)
	}
	for _, e := range events[0].Links[0].Evidence {
		if e.Left != "" || e.Right != "" {
			t.Errorf("the link keeps values of the reports: %+v", e)
		}
	}
	if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Object: incident.ID("police", "p3"), Accord: w.accord, Reason: "filed in error"}); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	if run, events, _ := fuse(t, w.south); run.Dropped != 1 || len(events) != 0 {
		t.Errorf("after the withdrawal: %+v, %d events", run, len(events))
	}
}
