// Package postgres implements store.Store on PostgreSQL 15 or later, for parties
// whose data has to outlive a machine. Updates of one process share commits (see
// group), those of several exclude one another by a table lock, and of the processes
// of a node one alone writes (Lease); Views read snapshots. A commit whose answer is lost, as in a
// failover, is looked up before anyone hears of it.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/group"
)

// Store is an open database. It implements store.Store.
type Store struct {
	w     *group.Writer
	s     *session
	views *pgxpool.Pool
	slots chan struct{} // one per View that may run
	lease *Lease        // nil: others may write too

	mu     sync.Mutex // guards closed; held while active grows
	closed bool
	active sync.WaitGroup // calls in progress
}

var _ store.Store = (*Store)(nil)

// Patience is how long a store waits for a server that is away: for a failover it
// is enough, and nobody who waits is told that nothing works.
const Patience = 30 * time.Second

// minServer is the oldest server that does what is asked of it (15.0).
const minServer = 150000

// ErrTaken reports that another process has the database to itself.
var ErrTaken = errors.New("another process has this database open")

// Options are for Open; the zero value serves.
type Options struct {
	// Sole keeps every other process that wants the same out, for as long as the
	// store is open; one that does not succeed gets ErrTaken.
	Sole bool
	// Lease is one that was won, in place of Sole. The store closes it.
	Lease *Lease
}

// config reads a URL.
func config(url string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	// What was acknowledged is on disk, and on the standby that the server names.
	cfg.ConnConfig.RuntimeParams["synchronous_commit"] = "on"
	cfg.ConnConfig.RuntimeParams["application_name"] = "parley"
	return cfg, nil
}

// Open opens the database at a URL (postgres://USER:PASSWORD@HOST:PORT/DATABASE,
// with search_path=SCHEMA for a schema of it), making or updating the schema as
// needed. It refuses an older server, a newer schema, and tables that are not
// Parley's. Errors name no password.
func Open(ctx context.Context, url string, o Options) (_ *Store, err error) {
	defer func() {
		if err != nil && o.Lease != nil {
			err = errors.Join(err, o.Lease.Close())
		}
	}()
	cfg, err := config(url)
	if err != nil {
		return nil, err
	}
	views := max(4, 2*runtime.GOMAXPROCS(0))
	cfg.MaxConns = int32(views)
	connect := func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, cfg.ConnConfig.Copy()) }
	if o.Sole {
		if o.Lease, err = newLease(ctx, connect, ""); err != nil {
			return nil, err
		}
		won, _, err := o.Lease.Try(ctx)
		if err == nil && !won {
			err = ErrTaken
		}
		if err != nil {
			return nil, fmt.Errorf("opening store: %w", err)
		}
	}
	c, err := connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := prepare(ctx, c); err != nil {
		return nil, fmt.Errorf("opening store: %w", errors.Join(err, c.Close(ctx)))
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", errors.Join(err, c.Close(ctx)))
	}
	s := &session{connect: connect, patience: Patience, c: c, now: time.Now, mark: "writer " + rand.Text(), lease: o.Lease}
	return &Store{s: s, w: group.Start(s, func() time.Time { return s.now() }), views: pool, slots: make(chan struct{}, views), lease: o.Lease}, nil
}

// Lost is closed once another process leads; nil where nothing is led.
func (s *Store) Lost() <-chan struct{} {
	if s.lease == nil {
		return nil
	}
	return s.lease.Lost()
}

func prepare(ctx context.Context, c *pgx.Conn) error {
	var version int
	var fsync string
	if err := c.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, current_setting('fsync')").Scan(&version, &fsync); err != nil {
		return err
	}
	if version < minServer {
		return fmt.Errorf("the server is PostgreSQL %d, need %d or later", version/10000, minServer/10000)
	}
	if fsync != "on" {
		return errors.New("the server has fsync off: what it acknowledges may be lost; set fsync = on")
	}
	return migrate(ctx, c)
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

// Update implements store.Store. fn runs on the caller's goroutine; a panic in it
// is rolled back and goes on to the caller.
func (s *Store) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.active.Done()
	return s.w.Update(ctx, fn)
}

// View implements store.Store. It waits while too many Views run; fn must therefore
// not start another.
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
	if s.lease != nil {
		if err := s.lease.current(ctx); err != nil {
			return fmt.Errorf("view: %w", err)
		}
	}
	c, err := s.snapshot(ctx)
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	defer func() {
		if _, err := c.Exec(bg, "ROLLBACK"); err != nil {
			_ = c.Conn().Close(bg) // whatever it held, it is not used again
		}
		c.Release()
	}()
	t := &tx{c: c.Conn()}
	defer func() { t.ended = true }()
	return fn(t)
}

// snapshot returns a connection that holds a snapshot taken now. BEGIN takes none;
// the first read does. A connection that a failover has cut is replaced.
func (s *Store) snapshot(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for {
		c, err := s.views.Acquire(ctx)
		if err == nil {
			if _, err = c.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT value FROM counter LIMIT 1"); err == nil {
				return c, nil
			}
			_ = c.Conn().Close(bg)
			c.Release()
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(retryPause):
		}
	}
}

// Close waits for the calls in progress, then closes the connections. Later calls
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
	s.views.Close()
	err := s.w.Stop()
	if s.lease != nil {
		err = errors.Join(err, s.lease.Close())
	}
	return err
}
