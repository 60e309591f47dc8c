package node_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
)

// snapshot copies a stopped node's folder.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// North keeps a copy of itself and tells South two histories. South notices at
// the first exchange, keeps proof that a third party accepts, and cosigns
// nothing of the second history.
func TestForkIsCaughtWithProof(t *testing.T) {
	w := newWorld(t)
	w.northStop()
	evil := snapshot(t, w.north.Dir())

	north, stop := openStoppable(t, w.north.Dir())
	if _, err := north.Suspend(t.Context(), w.accord, "the one history"); err != nil {
		t.Fatal(err)
	}
	w.sync(north, "south")
	stop()

	liar, stopLiar := openStoppable(t, evil)
	defer stopLiar()
	if _, err := liar.Suspend(t.Context(), w.accord, "the other history"); err != nil {
		t.Fatal(err)
	}
	if err := liar.Sync(t.Context(), w.accord, "south"); !errors.Is(err, link.ErrRefused) {
		t.Errorf("the second history: %v, want it refused", err)
	}
	alarms, err := w.south.Alarms(t.Context())
	if err != nil || len(alarms) != 1 || alarms[0].Party != "north" {
		t.Fatalf("alarms %+v, %v", alarms, err)
	}
	v, err := accord.VerifyEvidence([]byte(alarms[0].Evidence))
	if err != nil || v.Party != "north" {
		t.Errorf("evidence accuses %q, %v", v.Party, err)
	}
	a, err := w.south.ShowAccord(t.Context(), w.accord)
	if err != nil || a.Suspended == nil || a.Suspended.Reason != "the one history" {
		t.Errorf("south's view changed: %+v, %v", a.Suspended, err)
	}
	o, err := w.south.Overview(t.Context())
	if err != nil || len(o.Waiting) == 0 || o.Waiting[0].Kind != "alarm" {
		t.Errorf("nobody is told: %+v, %v", o.Waiting, err)
	}
}
