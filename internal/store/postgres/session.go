package postgres

import (
	"context"
	"errors"
	"fmt"
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
	xid      string // of the transaction under way

	added     int64 // greatest Added given out; valid while addedRead
	addedRead bool  // in this group
	addedNew  bool  // in this group
	removals  bool  // some were noted in this group
	failed    error // what became of a commit is not known: nothing is written any more
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

// Begin takes the table lock that excludes the writers of other processes, and
// notes the transaction's number, by which its outcome can be asked for.
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
	results, err := s.c.PgConn().Exec(bg, `BEGIN; LOCK TABLE counter IN SHARE ROW EXCLUSIVE MODE; SELECT pg_current_xact_id()::text`).ReadAll()
	if err != nil {
		return err
	}
	s.xid = string(results[len(results)-1].Rows[0][0])
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
	if s.addedNew {
		if _, err := s.c.Exec(bg, "UPDATE counter SET value = $1 WHERE name = 'added'", s.added); err != nil {
			return fmt.Errorf("counter: %w", err)
		}
	}
	if s.removals {
		if _, err := s.c.Exec(bg, "DELETE FROM removals WHERE n <= (SELECT max(n) FROM removals) - $1", int64(maxRemovals)); err != nil {
			return fmt.Errorf("removals: %w", err)
		}
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

// outcome finds out what became of a commit whose answer was lost. The number of
// the transaction holds on a standby that takes over, too.
func (s *session) outcome(lost error) error {
	ctx, cancel := context.WithTimeout(bg, s.patience)
	defer cancel()
	_ = s.c.Close(ctx)
	for ctx.Err() == nil {
		if s.reach() != nil {
			break
		}
		var status *string
		if err := s.c.QueryRow(ctx, "SELECT pg_xact_status($1::text::xid8)", s.xid).Scan(&status); err == nil {
			switch {
			case status == nil:
				cancel() // forgotten; it cannot happen within minutes
			case *status == "committed":
				return nil
			case *status == "aborted":
				return fmt.Errorf("nothing was written: %w", lost)
			}
		}
		select { // its process on the server may not have noticed yet
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
	s.failed = fmt.Errorf("store takes no more updates until it is opened again: %w: %w", store.ErrUncertain, lost)
	return fmt.Errorf("%w: %w", store.ErrUncertain, lost)
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
	return s.c.Close(bg)
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
