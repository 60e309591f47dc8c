package node_test

import (
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

// The state of an accord is that of its logs as they are, however much of them was
// read before: after acts of ours, and where entries were taken out and others came.
func TestStateFollowsTheLogs(t *testing.T) {
	w := byStick(t) // nothing is signed meanwhile: what is signed cannot be taken out
	state := func(want string) {
		t.Helper()
		a, err := w.north.ShowAccord(t.Context(), w.accord)
		if err != nil || a.State != want {
			t.Errorf("state %q, %v, want %q", a.State, err, want)
		}
	}
	state(string(accord.InForce))
	if _, err := w.north.Suspend(t.Context(), w.accord, "a pause"); err != nil {
		t.Fatal(err)
	}
	state(string(accord.Suspended))
	if err := node.CutBack(t.Context(), w.north, w.accord, 1, ledger.AccordResumed, 3); err != nil {
		t.Fatal(err)
	}
	state(string(accord.InForce))
	if err := node.CutBack(t.Context(), w.north, w.accord, 2, ledger.AccordSuspended, 1); err != nil {
		t.Fatal(err)
	}
	state(string(accord.Suspended))
}
