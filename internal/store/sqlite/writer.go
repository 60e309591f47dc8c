package sqlite

import (
	"errors"
	"fmt"
	"time"

	sqlitedriver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/group"
)

var errEnded = errors.New("transaction has ended")

// writer is the only writing connection. Its fields belong to the goroutine of
// the group, or to the Update that borrows it.
type writer struct {
	*group.Writer
	c         *conn
	now       func() time.Time
	added     int64 // greatest Added given out; valid while addedRead
	addedRead bool  // in this group
	addedNew  bool  // in this group
	removals  bool  // some were noted in this group
	failed    error // the disk failed in a COMMIT: nothing is written any more
}

func startWriter(c *conn, now func() time.Time) *writer {
	w := &writer{c: c, now: now}
	w.Writer = group.Start((*session)(w), func() time.Time { return w.now() })
	return w
}

// session is the writer as its group uses it.
type session writer

func (s *session) do(sql string) error {
	_, err := s.c.exec(sql)
	return err
}

func (s *session) Begin() error {
	if s.failed != nil {
		return s.failed
	}
	s.addedRead, s.addedNew, s.removals = false, false, false
	return s.do("BEGIN IMMEDIATE")
}

func (s *session) Save() error  { return s.do("SAVEPOINT one") }
func (s *session) Undo() error  { return s.do("ROLLBACK TO one") }
func (s *session) Keep() error  { return s.do("RELEASE one") }
func (s *session) Tx() group.Tx { return &tx{c: s.c, w: (*writer)(s)} }
func (s *session) Close() error { return s.c.close() }

func (s *session) Commit() error {
	if s.addedNew {
		if _, err := s.c.exec("UPDATE counter SET value = ? WHERE name = 'added'", s.added); err != nil {
			return fmt.Errorf("counter: %w", err)
		}
	}
	if s.removals {
		if _, err := s.c.exec("DELETE FROM removals WHERE n <= (SELECT max(n) FROM removals) - ?", int64(maxRemovals)); err != nil {
			return fmt.Errorf("removals: %w", err)
		}
	}
	err := s.do("COMMIT")
	if err != nil && diskFailed(err) {
		// What a disk holds after a failed sync is unknown, and a second
		// sync that succeeds proves nothing about the first.
		err = fmt.Errorf("%w: %w", store.ErrUncertain, err)
		s.failed = fmt.Errorf("store takes no more updates until it is opened again: %w", err)
	}
	return err
}

// Rollback ends what some errors have ended by themselves; then it fails, rightly.
func (s *session) Rollback() { _ = s.do("ROLLBACK") }

func diskFailed(err error) bool {
	var e *sqlitedriver.Error
	return errors.As(err, &e) && e.Code()&0xff == lib.SQLITE_IOERR
}

// nextAdded gives out the next Added: the clock, or one more than the last
// where the clock has not moved on. The counter is read in every group, since
// another process may have written in between.
func (w *writer) nextAdded() (int64, error) {
	if !w.addedRead {
		n, err := w.c.int64Of("SELECT value FROM counter WHERE name = 'added'")
		if err != nil {
			return 0, err
		}
		w.added, w.addedRead = n, true
	}
	w.added, w.addedNew = max(w.now().UnixMicro(), w.added+1), true
	return w.added, nil
}
