// Package storetest is the contract that every store.Store must keep, as one
// test suite. A backend calls Run from its own tests; what only it can show
// (crashes of the process, its files) it tests itself.
package storetest

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley.example/parley/internal/store"
)

// Opener opens the store at path, creating it where it is absent. The suite
// closes what it opens, and opens the same path again to look at what lasts.
type Opener = func(t *testing.T, path string) store.Store

// Run holds a backend to the contract.
func Run(t *testing.T, open func(t *testing.T, path string) store.Store) {
	tests := []struct {
		name string
		test func(t *testing.T, h *harness)
	}{
		{"Atomicity", testAtomicity},
		{"PanicRollsBack", testPanic},
		{"GoexitRollsBack", testGoexit},
		{"Cancelled", testCancelled},
		{"CancelledWhileWaiting", testCancelledWaiting},
		{"Durability", testDurability},
		{"ViewIsolation", testViewIsolation},
		{"UpdatesSerialise", testSerialise},
		{"OneFailureAmongMany", testOneFailure},
		{"ReadOnly", testReadOnly},
		{"EndedTransaction", testEnded},
		{"Closed", testClosed},
		{"Backup", testBackup},
		{"BackupWhileWriting", testBackupWhileWriting},
		{"Docs", testDocs},
		{"Cards", testCards},
		{"Leaves", testLeaves},
		{"TreeProofs", testTreeProofs},
		{"Events", testEvents},
		{"Checkpoints", testCheckpoints},
		{"TruncateLog", testTruncate},
		{"LongLogs", testLongLogs},
		{"Bodies", testBodies},
		{"Outbox", testOutbox},
		{"Inbox", testInbox},
		{"Objects", testObjects},
		{"ObjectQueries", testObjectQueries},
		{"Collections", testCollections},
		{"Removals", testRemovals},
		{"Library", testLibrary},
		{"Statuses", testStatuses},
		{"AddedNeverRepeats", testAddedNeverRepeats},
		{"PollerMissesNothing", testPoller},
		{"Incidents", testIncidents},
		{"Selectors", testSelectors},
		{"AwkwardValues", testAwkward},
		{"Model", testModel},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &harness{t: t, open: open, path: filepath.Join(t.TempDir(), "store.db")}
			h.s = open(t, h.path)
			defer h.close()
			tt.test(t, h)
		})
	}
}

// harness is one store under test.
type harness struct {
	t    *testing.T
	open Opener
	path string
	s    store.Store
}

func (h *harness) close() {
	h.t.Helper()
	if h.s == nil {
		return
	}
	if err := h.s.Close(); err != nil {
		h.t.Errorf("Close: %v", err)
	}
	h.s = nil
}

func (h *harness) reopen() {
	h.t.Helper()
	h.close()
	h.s = h.open(h.t, h.path)
}

// update runs fn and fails the test where the Update fails.
func (h *harness) update(fn func(tx store.Tx) error) {
	h.t.Helper()
	if err := h.s.Update(context.Background(), fn); err != nil {
		h.t.Fatalf("Update: %v", err)
	}
}

func (h *harness) view(fn func(tx store.Tx) error) {
	h.t.Helper()
	if err := h.s.View(context.Background(), fn); err != nil {
		h.t.Fatalf("View: %v", err)
	}
}

// must returns a function that fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// within fails the test where fn takes implausibly long: a hang.
func within(t *testing.T, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s: hangs", what)
	}
}
