package operation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley.example/parley/operation"
)

var noon = time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC)

// desk is a member that writes acts in knowledge of those it holds.
type desk struct {
	party string
	held  []operation.Entry
	clock int
}

const id = "operation-0123456789ab"

func (d *desk) write(t rapid.TB, a operation.Act) operation.Entry {
	t.Helper()
	a.Operation, a.After = id, map[string]int64{}
	for _, e := range d.held {
		if e.Party == d.party {
			a.N = max(a.N, e.Act.N)
		} else {
			a.After[e.Party] = max(a.After[e.Party], e.Act.N)
		}
	}
	a.N++
	b, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if a, err = operation.Parse(b); err != nil {
		t.Fatal(err)
	}
	d.clock++
	e := operation.Entry{Party: d.party, Index: a.N * 3, At: noon.Add(time.Duration(d.clock) * time.Minute), Act: a}
	d.held = append(d.held, e)
	return e
}

// take takes what another desk holds of its own.
func (d *desk) take(o *desk) {
	for _, e := range o.held {
		if e.Party == o.party && !slices.ContainsFunc(d.held, func(x operation.Entry) bool { return x.Party == e.Party && x.Act.N == e.Act.N }) {
			d.held = append(d.held, e)
		}
	}
}

func (d *desk) state(t rapid.TB) operation.State {
	t.Helper()
	s, err := operation.Merge(id, d.held)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func meet(ds ...*desk) {
	for _, a := range ds {
		for _, b := range ds {
			if a != b {
				a.take(b)
			}
		}
	}
}

func terms() map[string]string {
	return map[string]string{"title": "Search of the upper valley", "purpose": "rescue", "legal_basis": "rescue act, s. 4", "officer": "Maj. Rahimi"}
}

func proposed(t rapid.TB) (north, south *desk) {
	t.Helper()
	north, south = &desk{party: "north"}, &desk{party: "south"}
	north.write(t, operation.Act{Kind: operation.Propose, Members: []string{"north", "south"}, Fields: terms(), By: "Rahimi"})
	meet(north, south)
	return north, south
}

func agreed(t rapid.TB) (north, south *desk) {
	t.Helper()
	north, south = proposed(t)
	for _, d := range []*desk{north, south} {
		d.write(t, operation.Act{Kind: operation.Agree, Digest: d.state(t).Digest})
	}
	meet(north, south)
	return north, south
}

// The life of an operation, each step by what both know.
func TestLife(t *testing.T) {
	north, south := proposed(t)
	want := func(state string) {
		t.Helper()
		for _, d := range []*desk{north, south} {
			if s := d.state(t); s.State != state {
				t.Fatalf("%s sees it %s, want %s: %v", d.party, s.State, state, s.Problems)
			}
		}
	}
	want(operation.Proposed)
	south.write(t, operation.Act{Kind: operation.Agree, Digest: south.state(t).Digest})
	meet(north, south)
	want(operation.Proposed)
	// North changes the terms: south's agreement was to others.
	north.write(t, operation.Act{Kind: operation.Set, Item: "terms", Fields: map[string]string{"place": "upper valley only"}})
	meet(north, south)
	north.write(t, operation.Act{Kind: operation.Agree, Digest: north.state(t).Digest})
	meet(north, south)
	want(operation.Proposed)
	south.write(t, operation.Act{Kind: operation.Agree, Digest: south.state(t).Digest})
	meet(north, south)
	want(operation.Agreed)
	south.write(t, operation.Act{Kind: operation.Activate})
	meet(north, south)
	want(operation.Active)
	north.write(t, operation.Act{Kind: operation.Set, Item: "terms", Fields: map[string]string{"place": "everywhere"}})
	meet(north, south)
	want(operation.Active)
	if s := south.state(t); s.Terms.Fields["place"] != "upper valley only" || len(s.Problems) != 1 {
		t.Errorf("terms changed in action: %v, %v", s.Terms.Fields, s.Problems)
	}
	north.write(t, operation.Act{Kind: operation.Close, Text: "Both hikers found."})
	meet(north, south)
	want(operation.Closed)
	south.write(t, operation.Act{Kind: operation.Set, Item: "task/1", Fields: map[string]string{"title": "more"}})
	meet(north, south)
	if s := north.state(t); len(s.Tasks) > 0 || len(s.Records) != 1 || s.Records[0].Text != "Both hikers found." {
		t.Errorf("after the end: %+v, %+v", s.Tasks, s.Records)
	}
}

// An activation by somebody who does not know that all agreed is none, and a change
// of the terms that it had not seen takes it back.
func TestActivationNeedsEverybody(t *testing.T) {
	north, south := proposed(t)
	north.write(t, operation.Act{Kind: operation.Agree, Digest: north.state(t).Digest})
	north.write(t, operation.Act{Kind: operation.Activate})
	meet(north, south)
	if s := south.state(t); s.State != operation.Proposed || len(s.Problems) != 1 {
		t.Errorf("%s, %v", s.State, s.Problems)
	}
	north, south = agreed(t)
	north.write(t, operation.Act{Kind: operation.Activate})
	south.write(t, operation.Act{Kind: operation.Set, Item: "terms", Fields: map[string]string{"until": "2026-03-09T00:00:00Z"}})
	meet(north, south)
	if s := south.state(t); s.State != operation.Proposed || len(s.Problems) != 1 {
		t.Errorf("terms changed at the same time: %s, %v", s.State, s.Problems)
	}
}

// Edits in ignorance of each other both stand until somebody decides in knowledge of
// both; edits of other fields do not meet.
func TestConflictsAreShownAndSettled(t *testing.T) {
	north, south := agreed(t)
	north.write(t, operation.Act{Kind: operation.Set, Item: "task/1", Fields: map[string]string{"title": "Close the road", "owner": "north", "state": "open"}, By: "Amina"})
	meet(north, south)
	north.write(t, operation.Act{Kind: operation.Set, Item: "task/1", Fields: map[string]string{"due": "2026-03-07T06:00:00Z"}, By: "Amina"})
	south.write(t, operation.Act{Kind: operation.Set, Item: "task/1", Fields: map[string]string{"due": "2026-03-07T09:00:00Z", "state": "doing"}, By: "Khan"})
	meet(north, south)
	if diff := cmp.Diff(north.state(t), south.state(t)); diff != "" {
		t.Errorf("north and south see different states: %s", diff)
	}
	s := north.state(t)
	if len(s.Tasks) != 1 || s.Conflicts != 1 || len(s.Tasks[0].Conflicts) != 1 || s.Tasks[0].Conflicts[0].Field != "due" || len(s.Tasks[0].Conflicts[0].Values) != 2 {
		t.Fatalf("conflicts %+v", s.Tasks)
	}
	if s.Tasks[0].Fields["state"] != "doing" || s.Tasks[0].Fields["owner"] != "north" {
		t.Errorf("fields %+v", s.Tasks[0].Fields)
	}
	south.write(t, operation.Act{Kind: operation.Set, Item: "task/1", Fields: map[string]string{"due": "2026-03-07T06:00:00Z"}})
	meet(north, south)
	if s := north.state(t); s.Conflicts != 0 || s.Tasks[0].Fields["due"] != "2026-03-07T06:00:00Z" {
		t.Errorf("settled: %+v", s.Tasks)
	}
}

// A decision needs each side's signature under the same text.
func TestDecisions(t *testing.T) {
	north, south := agreed(t)
	north.write(t, operation.Act{Kind: operation.Set, Item: "decision/a", Fields: map[string]string{"text": "Helicopters cross at the pass only"}})
	meet(north, south)
	sign := func(d *desk) {
		d.write(t, operation.Act{Kind: operation.Sign, Item: "decision/a", Digest: d.state(t).Decisions[0].Digest})
		meet(north, south)
	}
	sign(north)
	if d := south.state(t).Decisions[0]; d.Taken || !slices.Equal(d.Signed, []string{"north"}) {
		t.Errorf("%+v", d)
	}
	sign(south)
	if d := north.state(t).Decisions[0]; !d.Taken {
		t.Errorf("%+v", d)
	}
	south.write(t, operation.Act{Kind: operation.Set, Item: "decision/a", Fields: map[string]string{"text": "Helicopters cross anywhere"}})
	meet(north, south)
	if d := north.state(t).Decisions[0]; d.Taken || len(d.Signed) > 0 {
		t.Errorf("after a change of the text: %+v", d)
	}
}

// Each side can leave at once; what it wrote before stays, what it writes after has no
// effect. Abandoning and closing at the same time count as abandoning.
func TestLeavingAndAbandoning(t *testing.T) {
	north, south := agreed(t)
	south.write(t, operation.Act{Kind: operation.Leave, Text: "withdrawn by our ministry"})
	south.write(t, operation.Act{Kind: operation.Remark, Text: "still here?"})
	meet(north, south)
	s := north.state(t)
	if s.State != operation.Abandoned || s.Members[1].Reason != "withdrawn by our ministry" || len(s.Problems) != 1 {
		t.Errorf("%s, %+v, %v", s.State, s.Members, s.Problems)
	}
	north, south = agreed(t)
	north.write(t, operation.Act{Kind: operation.Close, Text: "done"})
	south.write(t, operation.Act{Kind: operation.Abandon, Text: "not with us"})
	meet(north, south)
	if s := north.state(t); s.State != operation.Abandoned || len(s.Records) != 1 || len(s.Problems) != 1 {
		t.Errorf("%s, %+v, %v", s.State, s.Records, s.Problems)
	}
	if diff := cmp.Diff(north.state(t), south.state(t)); diff != "" {
		t.Error(diff)
	}
}

// Whatever three members do, offline and in whatever order acts arrive, all compute the
// same state, and no value is lost: it stands, or who superseded it had seen it.
func TestMergeIsTheSameEverywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ds := []*desk{{party: "east"}, {party: "north"}, {party: "south"}}
		ds[1].write(t, operation.Act{Kind: operation.Propose, Members: []string{"east", "north", "south"}, Fields: terms()})
		meet(ds...)
		for range rapid.IntRange(1, 40).Draw(t, "acts") {
			d := ds[rapid.IntRange(0, 2).Draw(t, "who")]
			item := fmt.Sprintf("task/%d", rapid.IntRange(1, 2).Draw(t, "task"))
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				d.write(t, operation.Act{Kind: operation.Agree, Digest: strings.Repeat("0", 64-len(d.state(t).Digest)) + d.state(t).Digest})
			case 1:
				d.write(t, operation.Act{Kind: operation.Activate})
			case 2:
				d.write(t, operation.Act{Kind: rapid.SampledFrom([]string{operation.Close, operation.Abandon, operation.Leave}).Draw(t, "end"), Text: "end"})
			case 3, 4, 5:
				d.take(ds[rapid.IntRange(0, 2).Draw(t, "from")])
			default:
				d.write(t, operation.Act{Kind: operation.Set, Item: item, Fields: map[string]string{"title": fmt.Sprint(d.clock), "note": d.party}})
			}
		}
		meet(ds...)
		want := ds[0].state(t)
		for _, d := range ds {
			r := rand.New(rand.NewPCG(uint64(len(d.held)), 1))
			r.Shuffle(len(d.held), func(i, j int) { d.held[i], d.held[j] = d.held[j], d.held[i] })
			if diff := cmp.Diff(want, d.state(t)); diff != "" {
				t.Fatalf("%s sees another state: %s", d.party, diff)
			}
		}
	})
}

func TestActsThatCannotBeMeant(t *testing.T) {
	good := operation.Act{Operation: id, N: 1, Kind: operation.Propose, Members: []string{"north", "south"}, Fields: terms()}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*operation.Act){
		"no name of one": func(a *operation.Act) { a.Operation = "game-0123456789" },
		"its number":     func(a *operation.Act) { a.N = 0 },
		"sorted":         func(a *operation.Act) { a.Members = []string{"south", "north"} },
		"lack the officer": func(a *operation.Act) {
			a.Fields = map[string]string{"title": "t", "purpose": "rescue", "legal_basis": "b"}
		},
		"purpose is":   func(a *operation.Act) { a.Fields = terms(); a.Fields["purpose"] = "revenge" },
		"no field":     func(a *operation.Act) { a.Fields = terms(); a.Fields["target"] = "x" },
		"unknown":      func(a *operation.Act) { a.Kind = "strike" },
		"after-action": func(a *operation.Act) { a.Kind = operation.Close },
		"item kind":    func(a *operation.Act) { a.Kind, a.Item = operation.Set, "person/1" },
		"state of a task": func(a *operation.Act) {
			a.Kind, a.Item, a.Fields = operation.Set, "task/1", map[string]string{"state": "won"}
		},
		"want a time": func(a *operation.Act) {
			a.Kind, a.Item, a.Fields = operation.Set, "task/1", map[string]string{"due": "soon"}
		},
		"its digest": func(a *operation.Act) { a.Kind, a.Item = operation.Sign, "decision/1" },
	} {
		bad := good
		change(&bad)
		if err := bad.Check(); !errors.Is(err, operation.ErrAct) || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "digest") {
			t.Errorf("want %q in %v", want, err)
		}
	}
	if _, err := operation.Parse([]byte(`{"operation":"operation-0123456789ab","n":1,"n":2,"by":"","kind":"remark","text":"x"}`)); err == nil {
		t.Error("a name that stands twice passed")
	}
	if !operation.IsExercise(operation.NewID("0123456789ab", true)) || operation.IsExercise(id) {
		t.Error("exercise and operation are not told apart by name")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"operation":"operation-0123456789ab","n":1,"by":"","kind":"remark","text":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := operation.Parse(b)
		if err != nil {
			return
		}
		out, err := a.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := operation.Parse(out); err != nil || !cmp.Equal(a, again) {
			t.Errorf("%s reads as another act: %v", out, err)
		}
	})
}
