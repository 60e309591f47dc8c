// Package sqlite implements store.Store on one SQLite file in WAL mode with
// synchronous=FULL. One goroutine owns the only writing connection and lends
// it to one Update at a time; Updates that wait together share one COMMIT and
// so one sync of the disk (see writer). Views read snapshots on connections
// of their own and never wait for writers.
//
// Several processes may open the same file: they exclude one another by
// SQLite's locks. The file must not lie on a network file system.
package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"parley.example/parley/internal/store"
)

const (
	writerCacheKiB = 8 << 10
	readerCacheKiB = 1 << 10
)

// Store is an open database. It implements store.Store.
type Store struct {
	path  string
	w     *writer
	slots chan struct{} // one per View that may run
	idle  chan *conn    // open readers that no View uses

	mu     sync.Mutex // guards closed; held while active grows
	closed bool
	active sync.WaitGroup // calls in progress
}

var _ store.Store = (*Store)(nil)

// Open opens the database at path, creating it (mode 0600) or bringing its
// schema up to date as needed. It refuses a file of a newer schema or of
// another application.
func Open(path string) (*Store, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	c, err := openConn(path, writerCacheKiB, false)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := prepareFile(c); err != nil {
		return nil, fmt.Errorf("opening store %s: %w", path, errors.Join(err, c.close()))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("opening store %s: %w", path, errors.Join(err, c.close()))
	}
	views := max(4, 2*runtime.GOMAXPROCS(0))
	return &Store{
		path:  path,
		w:     startWriter(c, time.Now),
		slots: make(chan struct{}, views),
		idle:  make(chan *conn, views),
	}, nil
}

func prepareFile(c *conn) error {
	// For a new file only. Larger pages read many objects faster; smaller ones
	// write less for each id, which falls anywhere in its index.
	if _, err := c.exec("PRAGMA page_size = 8192"); err != nil {
		return err
	}
	var mode string
	err := c.query("PRAGMA journal_mode = WAL", nil, func(v []driver.Value) error {
		mode = text(v[0])
		return nil
	})
	if err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("journal mode is %q, need wal", mode)
	}
	// After a burst the log file is cut back to this size.
	if _, err := c.int64Of("PRAGMA journal_size_limit = 67108864"); err != nil {
		return err
	}
	return migrate(c)
}

// enter counts a call in, unless the store is closed.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.active.Add(1)
	return nil
}

// Update implements store.Store. fn runs on the caller's goroutine; a panic in
// it is rolled back and goes on to the caller. Once fn has started, ctx no
// longer matters.
func (s *Store) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.active.Done()
	return s.w.Update(ctx, fn)
}

// View implements store.Store. It waits while too many Views run; fn must
// therefore not start another.
func (s *Store) View(ctx context.Context, fn func(tx store.Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.active.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.slots }()
	c, err := s.reader()
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	defer func() {
		if _, err := c.exec("ROLLBACK"); err != nil {
			_ = c.close() // whatever it held, it is not used again
			return
		}
		s.idle <- c
	}()
	t := &tx{c: c}
	defer func() { t.ended = true }()
	return fn(t)
}

// reader returns a connection that holds a snapshot taken now.
func (s *Store) reader() (*conn, error) {
	var c *conn
	select {
	case c = <-s.idle:
	default:
		var err error
		if c, err = openConn(s.path, readerCacheKiB, true); err != nil {
			return nil, err
		}
	}
	if _, err := c.exec("BEGIN"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	// BEGIN takes no snapshot; the first read does.
	if _, err := c.int64Of("SELECT value FROM counter"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// Backup implements store.Store. The copy is compacted, synced, and appears
// at path only when it is complete; a file that is already there is an error.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.active.Done()
	if err := s.backup(ctx, path); err != nil {
		return fmt.Errorf("backup to %s: %w", path, err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return os.ErrExist
	}
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".backup-*") // mode 0600; VACUUM INTO takes an empty file
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	c, err := openConn(s.path, readerCacheKiB, false)
	if err != nil {
		return err
	}
	if err := errors.Join(c.vacuumInto(ctx, tmp.Name()), c.close()); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	// Unlike Rename, Link never replaces a file that came in between.
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// Verify reads every page of the file and reports what is damaged.
func (s *Store) Verify(ctx context.Context) error {
	return s.View(ctx, func(st store.Tx) error {
		var found []string
		err := st.(*tx).query("verify", "PRAGMA integrity_check(5)", nil, func(v []driver.Value) { found = append(found, text(v[0])) })
		if err == nil && (len(found) != 1 || found[0] != "ok") {
			err = fmt.Errorf("the file is damaged: %s", strings.Join(found, "; "))
		}
		return err
	})
}

// Close waits for the calls in progress, then closes the file. Later calls
// return store.ErrClosed. It must not be called from inside a transaction.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return store.ErrClosed
	}
	s.closed = true
	s.mu.Unlock()
	s.active.Wait()
	var errs []error
	close(s.idle)
	for c := range s.idle {
		errs = append(errs, c.close())
	}
	// The writer goes last: the last connection to close folds the write-ahead
	// log into the database, which a read-only one could not.
	return errors.Join(append(errs, s.w.Stop())...)
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
