package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/group"
)

// bg is the context of statements: once an Update or a View has begun, its
// caller's context no longer matters.
var bg = context.Background()

// retryPause is the pause between tries to reach a server that is away.
const retryPause = 100 * time.Millisecond

// session is the writing connection. It belongs to the goroutine of the group, or
// to the Update that borrows it.
type session struct {
	connect  func(context.Context) (*pgx.Conn, error)
	patience time.Duration
	c        *pgx.Conn // nil or closed: to be made anew
	now      func() time.Time

	// mark is the name of this session's own counter, which every commit raises to
	// group: by it a commit whose answer was lost is known again.
	mark  string
	group int64

	added     int64  // greatest Added given out; valid while addedRead
	addedRead bool   // in this group
	addedNew  bool   // in this group
	removals  bool   // some were noted in this group
	lease     *Lease // nil: others may write too
	failed    error  // what became of a commit is not known: nothing is written any more
}

// reach sees to a connection that works, for as long as it has patience: after a
// failover the server is away for some seconds.
func (s *session) reach() error {
	ctx, cancel := context.WithTimeout(bg, s.patience)
	defer cancel()
	for {
		if s.c != nil && !s.c.IsClosed() {
			return nil
		}
		c, err := s.connect(ctx)
		if err == nil {
			s.c = c
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server is away: %w", err)
		case <-time.After(retryPause):
		}
	}
}

// Begin takes the table lock that excludes the writers of other processes, and sees
// that this one still leads.
func (s *session) Begin() error {
	if s.failed != nil {
		return s.failed
	}
	s.addedRead, s.addedNew, s.removals = false, false, false
	for try := 0; ; try++ {
		if err := s.reach(); err != nil {
			return err
		}
		err := s.begin()
		if err == nil {
			return nil
		}
		if !s.c.IsClosed() || try > 0 {
			s.Rollback()
			return err
		}
	}
}

func (s *session) begin() error {
	const lock = "BEGIN; LOCK TABLE counter IN SHARE ROW EXCLUSIVE MODE"
	if s.lease == nil {
		return s.do(lock)
	}
	// Each statement sees what was committed before it, and a new leader commits
	// under the lock.
	results, err := s.c.PgConn().Exec(bg, lock+"; SELECT token FROM lease").ReadAll()
	if err != nil {
		return err
	}
	if rows := results[len(results)-1].Rows; len(rows) != 1 || string(rows[0][0]) != strconv.FormatInt(s.lease.token, 10) {
		s.lease.lose()
		return ErrFenced
	}
	return nil
}

func (s *session) do(sql string) error {
	_, err := s.c.PgConn().Exec(bg, sql).ReadAll()
	return err
}

func (s *session) Save() error  { return s.do("SAVEPOINT one") }
func (s *session) Undo() error  { return s.do("ROLLBACK TO one") }
func (s *session) Keep() error  { return s.do("RELEASE one") }
func (s *session) Tx() group.Tx { return &tx{c: s.c, s: s} }

// Commit makes the transaction durable, on the standby too where the server
// replicates synchronously. Where the answer is lost, it asks what became of it.
func (s *session) Commit() error {
	s.group++
	var b pgx.Batch
	b.Queue("INSERT INTO counter (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", s.mark, s.group)
	if s.addedNew {
		b.Queue("UPDATE counter SET value = $1 WHERE name = 'added'", s.added)
	}
	if s.removals {
		b.Queue("DELETE FROM removals WHERE n <= (SELECT max(n) FROM removals) - $1", int64(maxRemovals))
	}
	if err := s.c.SendBatch(bg, &b).Close(); err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	tag, err := s.c.Exec(bg, "COMMIT")
	var pg *pgconn.PgError
	switch {
	case err == nil && tag.String() == "COMMIT":
		return nil
	case err == nil:
		return errors.New("the server rolled back")
	case errors.As(err, &pg) && !s.c.IsClosed():
		return err // it says no
	}
	return s.outcome(err)
}

// outcome finds out what became of a commit whose answer was lost. The lock is to
// be had once the transaction has ended, on whichever server has taken over; then
// the session's counter tells. (The transaction's own number would not: after a
// crash numbers are given out again.)
func (s *session) outcome(lost error) error {
	ctx, cancel := context.WithTimeout(bg, s.patience)
	defer cancel()
	_ = s.c.Close(ctx)
	for ctx.Err() == nil && s.reach() == nil {
		kept, err := s.kept(ctx)
		switch {
		case err == nil && kept:
			return nil
		case err == nil:
			return fmt.Errorf("nothing was written: %w", lost)
		}
		_ = s.c.Close(bg)
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
	s.failed = fmt.Errorf("store takes no more updates until it is opened again: %w: %w", store.ErrUncertain, lost)
	return fmt.Errorf("%w: %w", store.ErrUncertain, lost)
}

// kept reports whether the last commit was done.
func (s *session) kept(ctx context.Context) (kept bool, err error) {
	err = pgx.BeginFunc(ctx, s.c, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "LOCK TABLE counter IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		return t.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM counter WHERE name = $1 AND value = $2)", s.mark, s.group).Scan(&kept)
	})
	return kept, err
}

// Rollback ends a transaction; a connection that cannot is not used again.
func (s *session) Rollback() {
	if s.c == nil || s.c.IsClosed() {
		return
	}
	if err := s.do("ROLLBACK"); err != nil {
		_ = s.c.Close(bg)
	}
}

func (s *session) Close() error {
	if s.c == nil || s.c.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(bg, s.patience)
	defer cancel()
	_, _ = s.c.Exec(ctx, "DELETE FROM counter WHERE name = $1", s.mark) // it is of no use to others, nor does it harm
	return s.c.Close(ctx)
}

// nextAdded gives out the next Added: the clock, or one more than the last where
// the clock has not moved on. The counter is read in every group, since another
// process may have written in between.
func (s *session) nextAdded() (int64, error) {
	if !s.addedRead {
		if err := s.c.QueryRow(bg, "SELECT value FROM counter WHERE name = 'added'").Scan(&s.added); err != nil {
			return 0, err
		}
		s.addedRead = true
	}
	s.added, s.addedNew = max(s.now().UnixMicro(), s.added+1), true
	return s.added, nil
}
