package node_test

import (
	"bytes"
	"strings"
	"testing"

	"parley.example/parley/internal/node"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// An audit names each entry of a long log that was tampered with, wherever it
// stands, and the checkpoint that does not sign what is there.
func TestAuditNamesWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	if err := node.SuspendMany(t.Context(), w.north, w.accord, 700); err != nil {
		t.Fatal(err)
	}
	if err := w.north.ExportParcel(t.Context(), w.accord, "south", new(bytes.Buffer)); err != nil { // signs a checkpoint
		t.Fatal(err)
	}
	log := ledger.Origin(w.accord, "north")
	faults := func() (entries int64, opened int, out []string) {
		t.Helper()
		au, err := w.north.Audit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range au.Logs {
			if l.Log == log {
				return l.Entries, l.Opened, l.Faults
			}
		}
		t.Fatal("our log was not audited")
		return 0, 0, nil
	}
	entries, opened, out := faults()
	if entries < 700 || int64(opened) != entries || len(out) != 0 {
		t.Fatalf("%d entries, %d opened, faults %q", entries, opened, out)
	}
	same := func(int64, *store.LogEntry) {}
	earlier := func(leaf []byte) []byte {
		l, err := ledger.ParseLeaf(leaf)
		if err != nil {
			t.Fatal(err)
		}
		l.At = l.At.Add(-1000000000)
		return l.Marshal()
	}
	for _, x := range []struct {
		name string
		lie  func(i int64, e *store.LogEntry)
		want []string
	}{
		{"nothing", same, nil},
		{"an event of others", func(i int64, e *store.LogEntry) {
			if i == 300 {
				e.Event.Bytes = bytes.Replace(e.Event.Bytes, []byte("exercise"), []byte("in haste"), 1)
			}
		}, []string{"entry 300: the event is not the one"}},
		{"another salt", func(i int64, e *store.LogEntry) {
			if i == 699 {
				e.Event.Salt = make([]byte, ledger.SaltSize)
			}
		}, []string{"entry 699: the event is not the one"}},
		{"a leaf dated back where stretches meet", func(i int64, e *store.LogEntry) {
			if i == 512 {
				e.Leaf, e.Opened = earlier(e.Leaf), false
			}
		}, []string{"entry 512: it is dated back", "checkpoint at"}},
		{"leaves that do not read", func(i int64, e *store.LogEntry) {
			if i == 255 || i == 256 {
				e.Leaf, e.Opened = []byte("no leaf"), false
			}
		}, []string{"entry 255: malformed", "entry 256: malformed", "checkpoint at"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			kept := make(map[int64]store.LogEntry)
			err := node.Rewrite(t.Context(), w.north, log, func(i int64, e *store.LogEntry) { kept[i] = *e; x.lie(i, e) })
			if err != nil {
				t.Fatal(err)
			}
			_, _, out := faults()
			if len(out) != len(x.want) {
				t.Fatalf("faults %q, want %q", out, x.want)
			}
			for i := range out {
				if !strings.HasPrefix(out[i], x.want[i]) {
					t.Errorf("fault %q, want %q", out[i], x.want[i])
				}
			}
			if err := node.Rewrite(t.Context(), w.north, log, func(i int64, e *store.LogEntry) { *e = kept[i] }); err != nil {
				t.Fatal(err)
			}
		})
	}
}
