package accord_test

import (
	"slices"
	"testing"

	"parley.example/parley/accord"
)

func TestDiffNamesWhatChanged(t *testing.T) {
	north, south, west := newParty(t, "north"), newParty(t, "south"), newParty(t, "west")
	a := terms([]party{north, south, west})
	b := terms([]party{north, south}, west)
	b.Ceiling.Rung, b.Nonce, b.RetentionDays = accord.Joint, "other", 30
	b.Purposes = append(b.Purposes, "border control")
	got, err := accord.Diff(a, b)
	if err != nil {
		t.Fatal(err)
	}
	var at []string
	for _, c := range got {
		at = append(at, c.Term)
	}
	for _, want := range []string{"ceiling.rung", "members.west.party", "witnesses.west.party", "purposes.border control", "retention_days"} {
		if !slices.Contains(at, want) {
			t.Errorf("%s is not named among %v", want, at)
		}
	}
	if slices.Contains(at, "nonce") || slices.Contains(at, "title") || slices.Contains(at, "members.north.root") {
		t.Errorf("terms that did not change are named: %v", at)
	}
	if same, err := accord.Diff(a, a); err != nil || len(same) != 0 {
		t.Errorf("an accord differs from itself: %v, %v", same, err)
	}
}
