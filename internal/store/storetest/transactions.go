package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
)

var errTest = errors.New("test")

// fill writes one of everything under the name n.
func fill(tx store.Tx, n string) error {
	leaf := []byte("leaf of " + n)
	_, err := tx.PutObject(store.Object{ID: "object--" + n, Type: "t", Bytes: []byte(n)})
	return errors.Join(
		err,
		tx.PutDoc("k", n, []byte(n)),
		tx.PutCard(store.Card{Party: n, Sequence: 1, Note: []byte(n), Added: 1}),
		tx.AppendLeaves(n, 0, [][]byte{leaf}, []tlog.Hash{tlog.RecordHash(leaf)}),
		tx.PutEvent(store.Event{Log: n, Kind: "k", At: 1, Bytes: []byte(n), Salt: make([]byte, 32)}),
		tx.PutCheckpoint(store.Checkpoint{Log: n, Size: 1, Note: []byte(n), At: 1}),
		tx.PutBody([32]byte{n[0]}, []byte(n)),
		tx.PutOut(store.Out{Accord: "a", To: "b", Log: n, Digest: [32]byte{n[0]}, At: 1}),
		tx.PutIn(store.In{ID: n, At: 1, Doc: []byte(n)}),
		tx.PutIncident(store.Incident{ID: n, Start: 1, Doc: []byte(n)}),
		tx.PutSelector("phone", n, n),
		tx.PutStatus(store.Status{ID: n, At: 1, Doc: []byte(n)}),
	)
}

// holds reports which of what fill wrote under n is there.
func holds(tx store.Tx, n string) (present, absent []string, err error) {
	check := func(what string, err error) error {
		switch {
		case err == nil:
			present = append(present, what)
		case errors.Is(err, store.ErrNotFound):
			absent = append(absent, what)
		default:
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
	empty := func(n int, err error) error {
		if err == nil && n == 0 {
			return store.ErrNotFound
		}
		return err
	}
	_, doc := tx.Doc("k", n)
	_, card := tx.LatestCard(n)
	_, leaf := tx.Leaves(n, 0, 1)
	_, hash := tx.ReadHashes(n, []int64{0})
	size, serr := tx.LogSize(n)
	_, event := tx.Event(n, 0)
	_, point := tx.LatestCheckpoint(n)
	_, body := tx.Body([32]byte{n[0]})
	outs, oerr := tx.Outbox("a", "b")
	found := 0
	for _, o := range outs {
		if o.Log == n {
			found++
		}
	}
	_, in := tx.In(n)
	_, object := tx.Object("object--" + n)
	_, incident := tx.Incident(n)
	_, status := tx.Status(n)
	selectors, xerr := tx.SelectorObjects("phone", n)
	err = errors.Join(
		check("doc", doc), check("card", card), check("leaf", leaf), check("hash", hash),
		check("size", empty(int(size), serr)), check("event", event), check("checkpoint", point),
		check("body", body), check("out", empty(found, oerr)), check("in", in), check("object", object),
		check("incident", incident), check("status", status), check("selector", empty(len(selectors), xerr)),
	)
	return present, absent, err
}

func (h *harness) wantAll(n string) {
	h.t.Helper()
	h.view(func(tx store.Tx) error {
		_, absent, err := holds(tx, n)
		equal(h.t, "absent of "+n, absent, nil)
		return err
	})
}

func (h *harness) wantNothing(n string) {
	h.t.Helper()
	h.view(func(tx store.Tx) error {
		present, _, err := holds(tx, n)
		equal(h.t, "present of "+n, present, nil)
		logs, lerr := tx.Logs()
		for _, l := range logs {
			if l == n {
				h.t.Errorf("log %q is there", n)
			}
		}
		return errors.Join(err, lerr)
	})
}

func testAtomicity(t *testing.T, h *harness) {
	h.update(func(tx store.Tx) error { return fill(tx, "kept") })
	err := h.s.Update(t.Context(), func(tx store.Tx) error {
		if err := fill(tx, "lost"); err != nil {
			return err
		}
		if _, absent, err := holds(tx, "lost"); err != nil || len(absent) > 0 {
			t.Errorf("an Update does not see its own writes: %v, %v", absent, err)
		}
		return errTest
	})
	wantErr(t, "Update", err, errTest)
	h.wantAll("kept")
	h.wantNothing("lost")
	h.reopen()
	h.wantAll("kept")
	h.wantNothing("lost")
}

func testPanic(t *testing.T, h *harness) {
	within(t, "panic in Update", func() {
		defer func() {
			if r := recover(); r != "boom" {
				t.Errorf("recovered %v, want boom", r)
			}
		}()
		_ = h.s.Update(context.Background(), func(tx store.Tx) error {
			if err := fill(tx, "lost"); err != nil {
				return err
			}
			panic("boom")
		})
		t.Error("Update returned after a panic")
	})
	within(t, "panic in View", func() {
		defer func() {
			if r := recover(); r != "boom" {
				t.Errorf("recovered %v, want boom", r)
			}
		}()
		_ = h.s.View(context.Background(), func(store.Tx) error { panic("boom") })
		t.Error("View returned after a panic")
	})
	h.wantNothing("lost")
	within(t, "Update after a panic", func() {
		if err := h.s.Update(context.Background(), func(tx store.Tx) error { return fill(tx, "kept") }); err != nil {
			t.Error(err)
		}
	})
	h.wantAll("kept")
}

func testGoexit(t *testing.T, h *harness) {
	within(t, "Goexit", func() {
		_ = h.s.Update(context.Background(), func(tx store.Tx) error {
			_ = fill(tx, "lost")
			runtime.Goexit()
			return nil
		})
	})
	h.wantNothing("lost")
	h.update(func(tx store.Tx) error { return fill(tx, "kept") })
	h.wantAll("kept")
}

func testCancelled(t *testing.T, h *harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	run := func(store.Tx) error {
		t.Error("ran under a cancelled context")
		return nil
	}
	wantErr(t, "Update", h.s.Update(ctx, run), context.Canceled)
	wantErr(t, "View", h.s.View(ctx, run), context.Canceled)
	wantErr(t, "Backup", h.s.Backup(ctx, h.path+".bak"), context.Canceled)

	ctx, cancel = context.WithCancel(t.Context())
	err := h.s.Update(ctx, func(tx store.Tx) error {
		cancel()
		return fill(tx, "kept")
	})
	if err != nil {
		t.Errorf("Update whose context ended after its start: %v", err)
	}
	h.wantAll("kept")
}

func testCancelledWaiting(t *testing.T, h *harness) {
	ctx, cancel := context.WithCancel(t.Context())
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.s.Update(context.Background(), func(tx store.Tx) error {
			close(started)
			<-release
			return fill(tx, "first")
		}); err != nil {
			t.Errorf("first Update: %v", err)
		}
	})
	<-started
	second := make(chan error, 1)
	wg.Go(func() {
		second <- h.s.Update(ctx, func(tx store.Tx) error { return fill(tx, "second") })
	})
	cancel()
	within(t, "cancelled Update", func() { wantErr(t, "second Update", <-second, context.Canceled) })
	close(release)
	wg.Wait()
	h.wantAll("first")
	h.wantNothing("second")
}

func testDurability(t *testing.T, h *harness) {
	h.wantNothing("x")
	h.update(func(tx store.Tx) error { return fill(tx, "x") })
	h.wantAll("x")
	h.reopen()
	h.wantAll("x")
	h.update(func(tx store.Tx) error { return fill(tx, "y") })
	h.reopen()
	h.wantAll("x")
	h.wantAll("y")
}

func testViewIsolation(t *testing.T, h *harness) {
	h.update(func(tx store.Tx) error { return tx.PutDoc("k", "id", []byte("old")) })
	began, written := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := h.s.View(context.Background(), func(tx store.Tx) error {
			close(began) // the snapshot is taken before anything is read
			<-written
			doc, err := tx.Doc("k", "id")
			equal(t, "doc in the old snapshot", string(doc), "old")
			present, _, herr := holds(tx, "new")
			equal(t, "of new in the old snapshot", present, nil)
			return errors.Join(err, herr)
		})
		if err != nil {
			t.Errorf("View: %v", err)
		}
	})
	<-began
	h.update(func(tx store.Tx) error {
		if err := tx.PutDoc("k", "id", []byte("new")); err != nil {
			return err
		}
		// What is not committed shows nowhere else.
		var wg sync.WaitGroup
		wg.Go(func() {
			h.view(func(v store.Tx) error {
				doc, err := v.Doc("k", "id")
				equal(t, "doc beside an open Update", string(doc), "old")
				return err
			})
		})
		wg.Wait()
		return fill(tx, "new")
	})
	h.view(func(tx store.Tx) error {
		doc, err := tx.Doc("k", "id")
		equal(t, "doc in a new snapshot", string(doc), "new")
		return err
	})
	close(written)
	wg.Wait()
	h.wantAll("new")
}

func testSerialise(t *testing.T, h *harness) {
	const goroutines, rounds = 8, 25
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range rounds {
				err := h.s.Update(context.Background(), func(tx store.Tx) error {
					doc, err := tx.Doc("k", "count")
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					n := 0
					if len(doc) > 0 {
						if _, err := fmt.Sscan(string(doc), &n); err != nil {
							return err
						}
					}
					return tx.PutDoc("k", "count", fmt.Append(nil, n+1))
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	wg.Wait()
	h.view(func(tx store.Tx) error {
		doc, err := tx.Doc("k", "count")
		equal(t, "count", string(doc), fmt.Sprint(goroutines*rounds))
		return err
	})
}

// testOneFailure lets Updates pile up behind a slow one, so that a backend
// that groups them has a group, and makes every third fail.
func testOneFailure(t *testing.T, h *harness) {
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = h.s.Update(context.Background(), func(store.Tx) error {
			close(started)
			<-release
			return nil
		})
	})
	<-started
	const n = 60
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			defer func() {
				if recover() != nil {
					errs[i] = errTest
				}
			}()
			errs[i] = h.s.Update(context.Background(), func(tx store.Tx) error {
				if err := tx.PutDoc("k", fmt.Sprintf("%02d", i), []byte("x")); err != nil {
					return err
				}
				switch i % 6 {
				case 1:
					return errTest
				case 4:
					panic(errTest)
				}
				return nil
			})
		})
	}
	close(release)
	wg.Wait()
	var want []store.Doc
	for i, err := range errs {
		if i%3 == 1 {
			wantErr(t, fmt.Sprint("Update ", i), err, errTest)
			continue
		}
		if err != nil {
			t.Errorf("Update %d: %v", i, err)
		}
		want = append(want, store.Doc{ID: fmt.Sprintf("%02d", i), Body: []byte("x")})
	}
	h.reopen()
	h.view(func(tx store.Tx) error {
		docs, err := tx.ListDocs("k")
		equal(t, "docs", docs, want)
		return err
	})
}

// writes is every writing method of store.Tx.
var writes = map[string]func(tx store.Tx) error{
	"PutDoc":          func(tx store.Tx) error { return tx.PutDoc("k", "z", nil) },
	"DeleteDoc":       func(tx store.Tx) error { return tx.DeleteDoc("k", "x") },
	"PutCard":         func(tx store.Tx) error { return tx.PutCard(store.Card{Party: "z"}) },
	"AppendLeaves":    func(tx store.Tx) error { return tx.AppendLeaves("z", 0, [][]byte{{1}}, make([]tlog.Hash, 1)) },
	"PutEvent":        func(tx store.Tx) error { return tx.PutEvent(store.Event{Log: "z"}) },
	"PutCheckpoint":   func(tx store.Tx) error { return tx.PutCheckpoint(store.Checkpoint{Log: "z"}) },
	"PutBody":         func(tx store.Tx) error { return tx.PutBody([32]byte{'z'}, nil) },
	"DeleteBody":      func(tx store.Tx) error { return tx.DeleteBody([32]byte{'x'}) },
	"PutOut":          func(tx store.Tx) error { return tx.PutOut(store.Out{Log: "z"}) },
	"Delivered":       func(tx store.Tx) error { return tx.Delivered("x", 0, "b", 1) },
	"PutIn":           func(tx store.Tx) error { return tx.PutIn(store.In{ID: "z"}) },
	"PutObject":       func(tx store.Tx) error { _, err := tx.PutObject(store.Object{ID: "z"}); return err },
	"DeleteObject":    func(tx store.Tx) error { return tx.DeleteObject("object--x") },
	"DeleteVersion":   func(tx store.Tx) error { return tx.DeleteVersion(1) },
	"PutEntry":        func(tx store.Tx) error { return tx.PutEntry(store.Entry{Added: 1}) },
	"PutStatus":       func(tx store.Tx) error { return tx.PutStatus(store.Status{ID: "x"}) },
	"DropStatuses":    func(tx store.Tx) error { return tx.DropStatuses(1) },
	"PutIncident":     func(tx store.Tx) error { return tx.PutIncident(store.Incident{ID: "z"}) },
	"DeleteIncident":  func(tx store.Tx) error { return tx.DeleteIncident("x") },
	"PutSelector":     func(tx store.Tx) error { return tx.PutSelector("phone", "z", "z") },
	"DeleteSelectors": func(tx store.Tx) error { return tx.DeleteSelectors("x") },
}

func testReadOnly(t *testing.T, h *harness) {
	h.update(func(tx store.Tx) error { return fill(tx, "x") })
	for name, write := range writes {
		h.view(func(tx store.Tx) error {
			wantErr(t, name, write(tx), store.ErrReadOnly)
			_, absent, err := holds(tx, "x") // the View goes on
			equal(t, "absent after "+name, absent, nil)
			return err
		})
	}
	h.wantAll("x")
	h.wantNothing("z")
}

func testEnded(t *testing.T, h *harness) {
	var kept []store.Tx
	keep := func(tx store.Tx) error { kept = append(kept, tx); return nil }
	h.update(keep)
	h.view(keep)
	wantErr(t, "Update", h.s.Update(t.Context(), func(tx store.Tx) error { _ = keep(tx); return errTest }), errTest)
	for _, tx := range kept {
		for name, write := range writes {
			if write(tx) == nil {
				t.Errorf("%s works after its transaction", name)
			}
		}
		if _, err := tx.Doc("k", "x"); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("Doc after its transaction: %v", err)
		}
	}
	h.wantNothing("z")
}

func testClosed(t *testing.T, h *harness) {
	// Close waits for what runs.
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.s.Update(context.Background(), func(tx store.Tx) error {
			close(started)
			<-release
			return fill(tx, "x")
		}); err != nil {
			t.Errorf("Update during Close: %v", err)
		}
	})
	<-started
	s := h.s
	wg.Go(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	close(release)
	wg.Wait()
	nop := func(store.Tx) error { t.Error("ran on a closed store"); return nil }
	wantErr(t, "Update", s.Update(t.Context(), nop), store.ErrClosed)
	wantErr(t, "View", s.View(t.Context(), nop), store.ErrClosed)
	wantErr(t, "Backup", s.Backup(t.Context(), h.path+".bak"), store.ErrClosed)
	wantErr(t, "Close", s.Close(), store.ErrClosed)
	h.s = h.open(t, h.path)
	h.wantAll("x")
}

func testBackup(t *testing.T, h *harness) {
	h.update(func(tx store.Tx) error { return fill(tx, "x") })
	path := filepath.Join(t.TempDir(), "copy.db")
	must(t, h.s.Backup(t.Context(), path))
	h.update(func(tx store.Tx) error { return fill(tx, "y") })
	if err := h.s.Backup(t.Context(), path); err == nil {
		t.Error("Backup over an existing file succeeds")
	}
	if err := h.s.Backup(t.Context(), filepath.Join(t.TempDir(), "absent", "copy.db")); err == nil {
		t.Error("Backup into an absent directory succeeds")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("Backup leaves %d files, want 1", len(entries))
	}
	c := &harness{t: t, open: h.open, path: path, s: h.open(t, path)}
	defer c.close()
	c.wantAll("x")
	c.wantNothing("y")
	c.update(func(tx store.Tx) error { return fill(tx, "z") })
	c.reopen()
	c.wantAll("z")
	h.wantNothing("z")
}

// testBackupWhileWriting checks that a copy taken in full traffic is one
// moment: a log, its hashes and the object written with each leaf agree.
func testBackupWhileWriting(t *testing.T, h *harness) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	ready := make(chan struct{})
	wg.Go(func() {
		for i := int64(0); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if i == 5 {
				close(ready)
			}
			if err := h.s.Update(context.Background(), func(tx store.Tx) error { return appendLeaf(tx, "log", i) }); err != nil {
				t.Errorf("Update: %v", err)
				return
			}
		}
	})
	<-ready
	path := filepath.Join(t.TempDir(), "copy.db")
	err := h.s.Backup(t.Context(), path)
	close(stop)
	wg.Wait()
	must(t, err)
	c := &harness{t: t, open: h.open, path: path, s: h.open(t, path)}
	defer c.close()
	c.checkLog("log", 5)
}
