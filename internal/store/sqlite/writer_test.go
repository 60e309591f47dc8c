package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	sqlitedriver "modernc.org/sqlite"

	"parley.example/parley/internal/store"
)

func openAt(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openNew(t *testing.T) *Store {
	t.Helper()
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

func put(id string) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.PutDoc("k", id, []byte(id)) }
}

func docs(t *testing.T, s *Store) (ids []string) {
	t.Helper()
	err := s.View(t.Context(), func(tx store.Tx) error {
		list, err := tx.ListDocs("k")
		for _, d := range list {
			ids = append(ids, d.ID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestCommitFailureFailsAll refuses the COMMIT of a whole group.
func TestCommitFailureFailsAll(t *testing.T) {
	s := openNew(t)
	still := time.Now()
	s.w.now = func() time.Time { return still } // a group's time does not run out
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	errs := make([]error, 10)
	wg.Go(func() {
		errs[0] = s.Update(context.Background(), func(tx store.Tx) error {
			close(started)
			<-release
			return put("0")(tx)
		})
	})
	<-started
	// The goroutine that lends the connection waits for us: it is ours.
	commits := 0
	s.w.c.dc.(sqlitedriver.HookRegisterer).RegisterCommitHook(func() int32 {
		commits++
		if commits == 1 {
			return 1
		}
		return 0
	})
	for i := 1; i < len(errs); i++ {
		wg.Go(func() { errs[i] = s.Update(context.Background(), put("x")) })
	}
	for s.w.Waiting() < len(errs)-1 {
		runtime.Gosched() // until they wait in line
	}
	close(release)
	wg.Wait()
	for i, err := range errs {
		if err == nil {
			t.Errorf("Update %d succeeded although the commit of its group failed", i)
		}
	}
	if got := docs(t, s); len(got) > 0 {
		t.Errorf("docs %q are there", got)
	}
	if err := s.Update(t.Context(), put("after")); err != nil {
		t.Errorf("Update after a refused commit: %v", err)
	}
	if commits != 2 {
		t.Errorf("%d commits, want one for the group and one after", commits)
	}
}

// TestStatementFailureSticks ignores the error of a statement inside fn.
func TestStatementFailureSticks(t *testing.T) {
	s := openNew(t)
	err := s.Update(t.Context(), func(st store.Tx) error {
		if err := put("a")(st); err != nil {
			return err
		}
		if _, err := st.(*tx).exec("test", "INSERT INTO leaves (log, idx, leaf) VALUES (99, 0, NULL)"); err == nil {
			t.Error("a leaf of no log is taken: foreign keys are off")
		}
		if err := put("b")(st); err == nil {
			t.Error("a write after a failure is taken")
		}
		return nil
	})
	if err == nil {
		t.Error("Update succeeds after a statement failed")
	}
	if got := docs(t, s); len(got) > 0 {
		t.Errorf("docs %q are there", got)
	}
}

// TestClockGoesBack keeps Added rising while the clock falls.
func TestClockGoesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	at := time.Now()
	last := int64(0)
	for range 3 {
		s := openAt(t, path)
		s.w.now = func() time.Time { at = at.Add(-time.Hour); return at }
		for _, id := range []string{"a", "b"} {
			err := s.Update(t.Context(), func(tx store.Tx) error {
				if _, err := tx.PutObject(store.Object{ID: id, Version: last}); err != nil {
					return err
				}
				o, err := tx.Object(id)
				if o.Added <= last {
					t.Errorf("Added %d after %d", o.Added, last)
				}
				last = o.Added
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFailureStops proves that a writer whose disk failed refuses.
func TestDiskFailureStops(t *testing.T) {
	s := openNew(t)
	if err := s.Update(t.Context(), put("a")); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), func(store.Tx) error {
		s.w.failed = store.ErrUncertain
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), put("b")); !errors.Is(err, store.ErrUncertain) {
		t.Errorf("Update after a disk failure: %v", err)
	}
	if got := docs(t, s); len(got) != 1 {
		t.Errorf("docs %q", got)
	}
}

func TestSettings(t *testing.T) {
	s := openNew(t)
	for pragma, want := range map[string]int64{"synchronous": 2, "foreign_keys": 1, "busy_timeout": busyTimeout, "user_version": 8, "application_id": applicationID} {
		got, err := s.w.c.int64Of("PRAGMA " + pragma)
		if err != nil || got != want {
			t.Errorf("%s is %d (%v), want %d", pragma, got, err, want)
		}
	}
	r, err := s.reader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if _, err := r.exec("DELETE FROM docs"); err == nil {
		t.Error("a reading connection can write")
	}
	info, err := os.Stat(s.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestTwoProcessesShareAFile(t *testing.T) {
	// Two Stores on one file exclude each other as two processes do.
	path := filepath.Join(t.TempDir(), "store.db")
	a, b := openAt(t, path), openAt(t, path)
	defer a.Close()
	defer b.Close()
	var wg sync.WaitGroup
	for i, s := range []*Store{a, b} {
		wg.Go(func() {
			for n := range 50 {
				if err := s.Update(context.Background(), func(tx store.Tx) error {
					_, err := tx.PutObject(store.Object{ID: string(rune('a' + i)), Version: int64(n)})
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	err := a.View(t.Context(), func(tx store.Tx) error {
		all, _, err := tx.ListObjects(store.ObjectQuery{})
		if len(all) != 100 {
			t.Errorf("%d objects, want 100", len(all))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	make := func(name string, fn func(path string)) string {
		path := filepath.Join(dir, name)
		fn(path)
		return path
	}
	script := func(sql string) func(string) {
		return func(path string) {
			s := openAt(t, path)
			if err := s.w.c.run(sql); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct{ path, want string }{
		"newer schema":        {make("newer", script("PRAGMA user_version = 99")), "newer"},
		"another application": {make("other", script("PRAGMA application_id = 1")), "not a Parley database"},
		"not a database": {make("junk", func(p string) {
			if err := os.WriteFile(p, []byte(strings.Repeat("junk", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}), "not a database"},
		"no directory": {filepath.Join(dir, "absent", "x"), "no such file"},
		"a directory":  {dir, "directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := Open(tt.path)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want one with %q", err, tt.want)
			}
		})
	}
}

// TestPagesUseIndexes keeps the hot queries off full scans and sorts.
func TestPagesUseIndexes(t *testing.T) {
	s := openNew(t)
	queries := []string{
		"SELECT added FROM objects WHERE type = 'a' AND added > 5 ORDER BY added LIMIT 10",
		"SELECT added FROM objects WHERE type = 'a' UNION ALL SELECT added FROM objects WHERE type = 'b' ORDER BY added LIMIT 10",
		"SELECT added FROM objects WHERE sender = 'a' AND added > 5 ORDER BY added DESC LIMIT 10",
		"SELECT added FROM objects WHERE added > 5 ORDER BY added LIMIT 10",
		"SELECT seq FROM outbox WHERE accord = 'a' AND party = 'b' AND delivered IS NULL ORDER BY priority DESC, seq",
		"SELECT id FROM inbox ORDER BY at DESC, id DESC LIMIT 10",
		"SELECT id FROM incidents WHERE area = 'a' AND start >= 5 ORDER BY start, id",
		"SELECT DISTINCT value FROM selectors WHERE kind = 'a' ORDER BY value",
	}
	for _, q := range queries {
		err := s.w.c.query("EXPLAIN QUERY PLAN "+q, nil, func(v []driver.Value) error {
			if d := text(v[3]); strings.Contains(d, "TEMP B-TREE") {
				t.Errorf("%s: %s", q, d)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Removals of long ago are forgotten, and that is said.
func TestRemovalsAreForgotten(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(t.Context(), func(x store.Tx) error {
		if err := x.(*tx).c.run("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 10500) INSERT INTO removals (added) SELECT i FROM c"); err != nil {
			return err
		}
		return x.(*tx).removed(7)
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(tx store.Tx) error {
		_, mark, complete, err := tx.Removed(1)
		if complete || err != nil {
			t.Errorf("removals of long ago: complete %v, %v", complete, err)
		}
		added, same, complete, err := tx.Removed(mark - 5)
		if !complete || err != nil || len(added) != 5 || added[4] != 7 || same != mark {
			t.Errorf("the last five: %v, %d, complete %v, %v", added, same, complete, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
