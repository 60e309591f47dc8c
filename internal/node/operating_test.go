package node_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
	"parley.example/parley/operation"
)

func jointWorld(t *testing.T) *world {
	t.Helper()
	return newWorldUnder(t, func(d *node.Draft) { d.Ceiling.Rung, d.Start = accord.Joint, accord.Joint })
}

func proposeIn(t testing.TB, n *node.Node, accordID string, exercise bool) node.Operation {
	t.Helper()
	op, err := n.ProposeOperation(t.Context(), node.ProposeAsk{
		Accord: accordID, Exercise: exercise, By: node.User{Name: "Rahimi"},
		Fields: map[string]string{"title": "Search of the upper valley", "purpose": "rescue", "legal_basis": "rescue act, s. 4", "officer": "Maj. Rahimi"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// do does an act and fails the test where it is refused.
func do(t testing.TB, n *node.Node, a operation.Act) node.Operation {
	t.Helper()
	op, err := n.ActInOperation(t.Context(), node.OperationAsk{Act: a, By: node.User{Name: "Amina"}})
	if err != nil {
		t.Fatalf("%s: %s %s: %v", n.Party(), a.Kind, a.Item, err)
	}
	return op
}

func refused(t testing.TB, n *node.Node, want string, a operation.Act) {
	t.Helper()
	if _, err := n.ActInOperation(t.Context(), node.OperationAsk{Act: a}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %s: %v, want %q", n.Party(), a.Kind, err, want)
	}
}

func same(t testing.TB, w *world, id string) node.Operation {
	t.Helper()
	a, err := w.north.ShowOperation(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.south.ShowOperation(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.State, b.State); diff != "" {
		t.Fatalf("north and south see different states: %s", diff)
	}
	return a
}

// A joint operation from proposal to after-action record, worked on offline by both
// sides, with a decision under two signatures and an attachment through the gate.
func TestJointOperation(t *testing.T) {
	w := jointWorld(t)
	op := proposeIn(t, w.north, w.accord, false)
	refused(t, w.north, "every member must have agreed", operation.Act{Operation: op.ID, Kind: operation.Activate})
	w.sync(w.north, "south")
	told, err := w.south.Notices(t.Context())
	if err != nil || len(told) != 1 || told[0].Kind != "operation" {
		t.Errorf("south is told %+v, %v", told, err)
	}
	do(t, w.south, operation.Act{Operation: op.ID, Kind: operation.Agree})
	do(t, w.north, operation.Act{Operation: op.ID, Kind: operation.Agree})
	w.sync(w.south, "north")
	if op = same(t, w, op.ID); op.State.State != operation.Agreed {
		t.Fatalf("it is %s: %v", op.State.State, op.Problems)
	}
	do(t, w.north, operation.Act{Operation: op.ID, Kind: operation.Activate})

	// Both work offline on the same task.
	set := func(n *node.Node, item string, kv ...string) {
		t.Helper()
		f := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			f[kv[i]] = kv[i+1]
		}
		do(t, n, operation.Act{Operation: op.ID, Kind: operation.Set, Item: item, Fields: f})
	}
	set(w.north, "task/road", "title", "Close the road", "owner", "north", "state", "open")
	set(w.north, "layer/search", "name", "Search areas", "geojson", `{"type":"FeatureCollection","features":[]}`)
	set(w.north, "decision/pass", "text", "Helicopters cross at the pass only")
	w.sync(w.north, "south")
	set(w.north, "task/road", "state", "doing")
	set(w.south, "task/road", "state", "dropped")
	set(w.south, "liaison/khan", "name", "Capt. Khan", "contact", "+92 91 4", "party", "south")
	do(t, w.south, operation.Act{Operation: op.ID, Kind: operation.Sign, Item: "decision/pass"})
	do(t, w.north, operation.Act{Operation: op.ID, Kind: operation.Sign, Item: "decision/pass"})
	w.sync(w.south, "north")
	w.sync(w.north, "south")
	if op = same(t, w, op.ID); op.Conflicts != 1 || len(op.Tasks[0].Conflicts) != 1 || !op.Decisions[0].Taken || len(op.Liaisons) != 1 || len(op.Layers) != 1 {
		t.Errorf("after both worked offline: %+v", op.State)
	}

	// What the gate withholds is not attached; what it lets pass is.
	ids := w.importReports()
	rel, _, err := w.north.AttachToOperation(t.Context(), node.AttachAsk{Operation: op.ID, Object: ids[1], Purpose: "protection", By: node.User{Name: "Amina"}})
	if err != nil || rel.Released {
		t.Errorf("what is for named persons only: released %v, %v", rel.Released, err)
	}
	rel, op, err = w.north.AttachToOperation(t.Context(), node.AttachAsk{Operation: op.ID, Object: ids[0], Purpose: "protection", Title: "Device", By: node.User{Name: "Amina"}})
	if err != nil || !rel.Released || len(op.Attached) != 1 || op.Attached[0].Copy == ids[0] {
		t.Errorf("attachment: released %v, %+v, %v", rel.Released, op.Attached, err)
	}
	do(t, w.south, operation.Act{Operation: op.ID, Kind: operation.Close, Text: "Both hikers found."})
	w.sync(w.south, "north")
	if op = same(t, w, op.ID); op.State.State != operation.Closed || len(op.Records) != 1 {
		t.Errorf("closed: %s, %+v", op.State.State, op.Records)
	}
	if in, err := w.south.Inbox(t.Context(), 10); err != nil || len(in) != 1 || in[0].ObjectID != op.Attached[0].Copy {
		t.Errorf("south's inbox: %+v, %v", in, err)
	}
	refused(t, w.north, "is closed", operation.Act{Operation: op.ID, Kind: operation.Set, Item: "task/x", Fields: map[string]string{"title": "x"}})
}

// A member can leave at once, also while the accord is suspended, and the others learn
// it; below rung joint nothing else is possible.
func TestLeavingWorksWhateverTheAccordsState(t *testing.T) {
	w := jointWorld(t)
	op := proposeIn(t, w.north, w.accord, true)
	if op.Title != "EXERCISE Search of the upper valley" || !op.Exercise {
		t.Errorf("an exercise is called %q", op.Title)
	}
	w.sync(w.north, "south")
	if _, err := w.south.Suspend(t.Context(), w.accord, "an incident"); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	refused(t, w.south, "suspended", operation.Act{Operation: op.ID, Kind: operation.Agree})
	do(t, w.south, operation.Act{Operation: op.ID, Kind: operation.Leave, Text: "ordered to"})
	w.sync(w.south, "north")
	if op = same(t, w, op.ID); op.State.State != operation.Abandoned || op.Members[1].Reason != "ordered to" || !op.Exercise {
		t.Errorf("%s, %+v", op.State.State, op.Members)
	}
	if _, err := w.north.ProposeOperation(t.Context(), node.ProposeAsk{Accord: w.accord, Fields: map[string]string{"title": "t", "purpose": "rescue", "officer": "o"}}); !errors.Is(err, node.ErrInvalid) {
		t.Errorf("without a legal basis: %v", err)
	}
	low := newWorld(t)
	if _, err := low.north.ProposeOperation(t.Context(), node.ProposeAsk{Accord: low.accord, Fields: map[string]string{"title": "t", "purpose": "rescue", "officer": "o", "legal_basis": "b"}}); err == nil || !strings.Contains(err.Error(), "rung joint") {
		t.Errorf("below rung joint: %v", err)
	}
	if ops, err := low.north.Operations(t.Context()); err != nil || len(ops) != 0 {
		t.Errorf("a refused proposal left %+v, %v", ops, err)
	}
}
