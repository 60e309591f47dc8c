package node_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
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

// A node whose database was restored from an old backup, while the guard is
// where it was, refuses to sign rather than fork its own log.
func TestRestoredNodeDoesNotForkItself(t *testing.T) {
	w := newWorld(t)
	w.northStop()
	dir := w.north.Dir()
	backup := snapshot(t, dir)

	north, stop := openStoppable(t, dir)
	if _, err := north.Suspend(t.Context(), w.accord, "after the backup"); err != nil {
		t.Fatal(err)
	}
	w.sync(north, "south")
	stop()
	for _, name := range []string{"parley.db", "parley.db-wal", "parley.db-shm"} {
		_ = os.Remove(filepath.Join(dir, name))
		b, err := os.ReadFile(filepath.Join(backup, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	restored, _ := openStoppable(t, dir)
	// It does not even repeat what it signed then: nothing may be built on that.
	if err := restored.ExportParcel(t.Context(), w.accord, "south", io.Discard); !errors.Is(err, node.ErrRestored) {
		t.Errorf("a restored node hands out parcels: %v, want ErrRestored", err)
	}
	err := restored.Sync(t.Context(), w.accord, "south")
	if err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("a restored node exchanges parcels: %v", err)
	}
	if _, err := restored.Suspend(t.Context(), w.accord, "another act in the same place"); err != nil {
		t.Fatal(err)
	}
	if _, err := restored.Receipt(t.Context(), "parley/"+w.accord+"/north", 0); !errors.Is(err, node.ErrRestored) {
		t.Errorf("a restored node signs: %v, want ErrRestored", err)
	}
}

// Whoever writes today and says that it was last week is noticed; a clock that was
// hours ahead and is set right is not.
func TestBackdatedEntriesAreNoticed(t *testing.T) {
	w := newWorld(t)
	act := func() {
		t.Helper()
		if _, err := w.north.Suspend(t.Context(), w.accord, "a pause"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.north.Resume(t.Context(), w.accord); err != nil {
			t.Fatal(err)
		}
		w.sync(w.north, "south")
	}
	const day = 24 * time.Hour
	w.northClock.Store(int64(10*day + 5*time.Hour))
	act()
	w.northClock.Store(int64(10*day - 5*time.Hour))
	act()
	if alarms, err := w.south.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Fatalf("a wrong clock is taken for a lie: %+v, %v", alarms, err)
	}
	w.northClock.Store(int64(3 * day))
	act()
	alarms, err := w.south.Alarms(t.Context())
	if err != nil || len(alarms) != 2 || alarms[0].Party != "north" || !strings.Contains(alarms[0].Text, "dated back") {
		t.Errorf("two entries of a week ago: %+v, %v", alarms, err)
	}
}
