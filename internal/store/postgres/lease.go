package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Term is how long a leader leads without renewing its lease: a leader that stops
// is followed by another after that time, one that ends at once.
const Term = 4 * time.Second

// ErrFenced reports a write by a process that another one has followed as leader.
var ErrFenced = errors.New("another process leads now; this one writes nothing more")

// Lease is a process's claim to lead: to be the one process that writes. Its token
// stands in the database and grows with every leader; every transaction that writes
// looks at it under the lock that the next leader has to take, so that what a former
// one still tries comes to nothing, however late it tries. A lock of the connection
// says that the leader lives, the database's clock how long it has been silent. It is
// safe for concurrent use.
type Lease struct {
	connect func(context.Context) (*pgx.Conn, error)
	address string

	mu    sync.Mutex // guards what follows, and lets one statement run at a time
	c     *pgx.Conn
	token int64 // 0: this process never led

	state   sync.Mutex    // guards what follows; never held while the database is asked
	until   time.Time     // up to when no other process can have followed
	renewed chan struct{} // closed at the next renewal
	gone    bool

	lost chan struct{} // closed when another process follows
	stop context.CancelFunc
	done sync.WaitGroup
}

// NewLease prepares to contend for a database at a URL, as Open takes it. address is
// where the other processes reach this one when it leads.
func NewLease(ctx context.Context, url, address string) (*Lease, error) {
	cfg, err := config(url)
	if err != nil {
		return nil, err
	}
	return newLease(ctx, func(ctx context.Context) (*pgx.Conn, error) {
		return pgx.ConnectConfig(ctx, cfg.ConnConfig.Copy())
	}, address)
}

func newLease(ctx context.Context, connect func(context.Context) (*pgx.Conn, error), address string) (*Lease, error) {
	c, err := connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := prepare(ctx, c); err != nil {
		return nil, fmt.Errorf("opening store: %w", errors.Join(err, c.Close(ctx)))
	}
	return &Lease{connect: connect, address: address, c: c, renewed: make(chan struct{}), lost: make(chan struct{})}, nil
}

// with runs fn on the lease's connection, which is made anew where it was cut. A
// connection on which something failed is not used again: it may hold locks.
func (l *Lease) with(ctx context.Context, fn func(*pgx.Conn) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.c == nil || l.c.IsClosed() {
		c, err := l.connect(ctx)
		if err != nil {
			return err
		}
		l.c = c
	}
	err := fn(l.c)
	if err != nil {
		_ = l.c.Close(bg)
	}
	return err
}

// Try takes the lead where nobody has it, or its holder was silent for a Term. Where
// another leads it says at which address. Once won, a lease is renewed until it is
// lost or closed; then another one is needed.
func (l *Lease) Try(ctx context.Context) (won bool, leader string, err error) {
	ctx, cancel := context.WithTimeout(ctx, Term)
	defer cancel()
	began := time.Now()
	err = l.with(ctx, func(c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(t pgx.Tx) error {
			var silent float64
			if err := t.QueryRow(ctx, "SELECT address, extract(epoch FROM clock_timestamp() - renewed)::float8 FROM lease FOR UPDATE").Scan(&leader, &silent); err != nil {
				return err
			}
			dead, over := false, silent > Term.Seconds()
			if err := t.QueryRow(ctx, "SELECT "+alive, int32(migrationLock)).Scan(&dead); err != nil {
				return err
			}
			if !dead && !over {
				return nil
			}
			if over {
				// Whoever stopped in the middle of a transaction holds locks.
				if _, err := t.Exec(ctx, evict, int32(migrationLock)); err != nil {
					return err
				}
			}
			if _, err := t.Exec(ctx, "LOCK TABLE counter IN SHARE ROW EXCLUSIVE MODE"); err != nil {
				return err
			}
			won = true
			return t.QueryRow(ctx, "UPDATE lease SET token = token + 1, address = $1, renewed = clock_timestamp() RETURNING token", l.address).Scan(&l.token)
		})
	})
	if err != nil || !won {
		return false, leader, err
	}
	l.extend(began)
	run, stop := context.WithCancel(bg)
	l.stop = stop
	l.done.Go(func() { l.keep(run) })
	return true, l.address, nil
}

const (
	// alive takes the lock that says that the leader lives.
	alive = "pg_try_advisory_lock($1, hashtext(current_schema()))"
	// evict ends the connections that hold that lock, or the one for writing.
	evict = `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE granted AND pid <> pg_backend_pid()
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND (locktype = 'relation' AND relation = 'counter'::regclass AND mode = 'ShareRowExclusiveLock'
			OR locktype = 'advisory' AND classid::bigint = $1::int AND objid = hashtext(current_schema())::bit(32)::bigint::oid AND objsubid = 2)`
)

// extend notes that nobody can have followed before a Term from then on.
func (l *Lease) extend(from time.Time) {
	l.state.Lock()
	defer l.state.Unlock()
	l.until = from.Add(Term)
	close(l.renewed)
	l.renewed = make(chan struct{})
}

// keep renews the lease until it is lost.
func (l *Lease) keep(ctx context.Context) {
	t := time.NewTicker(Term / 5)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.lost:
			return
		case <-t.C:
		}
		try, cancel := context.WithTimeout(ctx, Term)
		began := time.Now()
		var held bool
		err := l.with(try, func(c *pgx.Conn) error {
			tag, err := c.Exec(try, "UPDATE lease SET renewed = clock_timestamp() WHERE token = $1", l.token)
			if err == nil && tag.RowsAffected() == 0 {
				err = ErrFenced
			}
			if err != nil {
				return err
			}
			// A new connection has to say that we live.
			return c.QueryRow(try, "SELECT count(*) > 0 OR "+alive+" FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'", int32(migrationLock)).Scan(&held)
		})
		cancel()
		switch {
		case err == nil:
			l.extend(began)
		case errors.Is(err, ErrFenced):
			l.lose()
		}
	}
}

// lose ends the claim for good.
func (l *Lease) lose() {
	l.state.Lock()
	defer l.state.Unlock()
	if !l.gone {
		l.gone = true
		close(l.lost)
	}
}

// Token counts the leaders up to this one; 0 where it was not won.
func (l *Lease) Token() int64 { return l.token }

// Lost is closed once another process leads.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// current waits until no other process can have followed: what is read then is not
// old. A process that was stopped and goes on waits here for its next renewal.
func (l *Lease) current(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for {
		l.state.Lock()
		gone, until, renewed := l.gone, l.until, l.renewed
		l.state.Unlock()
		switch {
		case gone:
			return ErrFenced
		case time.Now().Before(until):
			return nil
		}
		select {
		case <-renewed:
		case <-l.lost:
		case <-ctx.Done():
			return fmt.Errorf("the server is away: %w", ctx.Err())
		}
	}
}

// Close gives the lead up, so that another may have it at once.
func (l *Lease) Close() error {
	if l.stop != nil {
		l.stop()
		l.done.Wait()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.c == nil || l.c.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(bg, Term)
	defer cancel()
	_, _ = l.c.Exec(ctx, "UPDATE lease SET renewed = 'epoch', address = '' WHERE token = $1", l.token)
	return l.c.Close(ctx)
}

// File is a file that the processes of a party have in common. A removed one has a
// nil Body.
type File struct {
	Name    string
	Version int64
	Body    []byte
}

// Files returns the files of a version greater than since, in order of versions.
func (l *Lease) Files(ctx context.Context, since int64) (out []File, err error) {
	err = l.with(ctx, func(c *pgx.Conn) error {
		rows, err := c.Query(ctx, "SELECT name, version, body FROM files WHERE version > $1 ORDER BY version", since)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (f File, err error) {
			return f, r.Scan(text{&f.Name}, &f.Version, &f.Body)
		})
		return err
	})
	return out, err
}

// PutFile keeps a file, durably, unless another process leads by then (ErrFenced). It
// may be called inside an Update.
func (l *Lease) PutFile(ctx context.Context, f File) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for {
		err := l.with(ctx, func(c *pgx.Conn) error {
			tag, err := c.Exec(ctx, `WITH lead AS (SELECT 1 FROM lease WHERE token = $1 FOR SHARE)
				INSERT INTO files (name, version, body) SELECT $2, $3, $4 FROM lead
				ON CONFLICT (name) DO UPDATE SET version = excluded.version, body = excluded.body`, l.token, name(f.Name), f.Version, f.Body)
			if err == nil && tag.RowsAffected() == 0 {
				err = ErrFenced
			}
			return err
		})
		if err == nil || errors.Is(err, ErrFenced) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-l.lost:
			return ErrFenced
		case <-time.After(retryPause):
		}
	}
}
