package node_test

import (
	"strings"
	"testing"

	"parley.example/parley/internal/node"
)

// What went out is told with the partner's own word for it: held, corrected,
// removed.
func TestDispatchesFollowACopyToItsEnd(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	second := strings.NewReplacer("r1,", "r3,", "r2,", "r4,", "Device found", "Second device found").Replace(reports)
	if got, err := w.north.ImportFile(t.Context(), strings.NewReader(second), "", nil); err != nil || got.Taken != 2 {
		t.Fatalf("import: %+v, %v", got, err)
	}
	found, err := w.north.Search(t.Context(), node.SearchAsk{Text: "second device"})
	if err != nil || len(found.Objects) != 1 {
		t.Fatalf("search: %+v, %v", found, err)
	}
	ids[1] = found.Objects[0].ID
	release := func(object string) node.Release {
		rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: object, Accord: w.accord, Purpose: "protection"})
		if err != nil || !rel.Released {
			t.Fatalf("release of %s: %s, %+v, %v", object, rel.Outcome, rel.Reasons, err)
		}
		return rel
	}
	of := func(object string, want ...string) []node.Dispatch {
		t.Helper()
		got, err := w.north.Dispatches(t.Context(), object, 0)
		if err != nil || len(got) != len(want) {
			t.Fatalf("dispatches of %q: %+v, %v; want %v", object, got, err, want)
		}
		for i, d := range got {
			state := d.Kind
			if d.Confirmed != "" {
				state += ", confirmed"
			}
			if state != want[i] {
				t.Errorf("dispatch %d of %q: %s, want %s", i, object, state, want[i])
			}
		}
		return got
	}
	of("")
	rel := release(ids[0])
	d := of(ids[0], "released")[0]
	if d.Object != ids[0] || d.Copy != rel.Copy || d.Event != *rel.Event || d.To != "south" || d.Outcome != "tearline" || d.Title == "" {
		t.Errorf("dispatch: %+v", d)
	}
	w.sync(w.north, "south")
	d = of(ids[0], "released, confirmed")[0]
	if d.ConfirmedBy == nil {
		t.Fatalf("no entry confirms it: %+v", d)
	}
	if _, err := w.north.Receipt(t.Context(), d.ConfirmedBy.Log, d.ConfirmedBy.Index); err != nil {
		t.Errorf("receipt of the partner's entry: %v", err)
	}
	release(ids[1])
	of(ids[0], "released, confirmed")
	of("", "released", "released, confirmed")
	if got, err := w.north.Dispatches(t.Context(), "", 1); err != nil || len(got) != 1 || got[0].Object != ids[1] {
		t.Errorf("the newest alone: %+v, %v", got, err)
	}
	if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: ids[0], Reason: "source at risk"}); err != nil {
		t.Fatal(err)
	}
	if d := of(ids[0], "withdrawn", "released, confirmed"); d[0].Reason != "source at risk" || d[0].Object != ids[0] || d[0].To != "south" {
		t.Errorf("withdrawal: %+v", d[0])
	}
	w.sync(w.north, "south")
	of(ids[0], "withdrawn, confirmed", "released, confirmed")
	// Once more, and once more back: each withdrawal has its own confirmation.
	release(ids[0])
	if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: ids[0], Reason: "again"}); err != nil {
		t.Fatal(err)
	}
	of(ids[0], "withdrawn", "released", "withdrawn, confirmed", "released, confirmed")
	of("incident--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f")
}
