package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	sqlitedriver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"parley.example/parley/internal/store"
)

// A group commits when no Update waits, or when it has reached one of the maxima.
// eagerness is how often others may run before it is said that none waits.
const (
	eagerness    = 4
	maxGroup     = 512
	maxGroupTime = 5 * time.Millisecond
)

var (
	errEnded     = errors.New("transaction has ended")
	errAbandoned = errors.New("function did not return")
)

// writer owns the writing connection. Its goroutine opens a SQL transaction,
// lends the connection to one waiting Update after another, each inside a
// savepoint, and commits them together. An Update that fails undoes its own
// savepoint; a COMMIT that fails fails them all.
type writer struct {
	queue   chan *request
	stopped chan struct{}

	// The rest is owned by the goroutine, or by the Update that borrows c.
	c         *conn
	now       func() time.Time
	added     int64 // greatest Added given out; valid while addedRead
	addedRead bool  // in this group
	addedNew  bool  // in this group
	removals  bool  // some were noted in this group
	failed    error // the disk failed in a COMMIT: nothing is written any more
}

// request is one Update on its way. The writer sends at most one value into
// each channel that the caller receives from; none ever blocks it.
type request struct {
	ctx    context.Context
	state  atomic.Int32
	turn   chan *tx   // writer → caller: the connection is yours
	done   chan error // caller → writer: fn's error
	result chan error // writer → caller: what became of it
}

// States of a request; whoever leaves waiting first decides.
const (
	waiting int32 = iota
	claimed
	abandoned
)

func startWriter(c *conn, now func() time.Time) *writer {
	w := &writer{c: c, now: now, queue: make(chan *request, maxGroup), stopped: make(chan struct{})}
	go func() {
		defer close(w.stopped)
		for r := range w.queue {
			w.group(r)
		}
	}()
	return w
}

// stop ends the goroutine and closes the connection. No update may be running.
func (w *writer) stop() error {
	close(w.queue)
	<-w.stopped
	return w.c.close()
}

func (w *writer) update(ctx context.Context, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{
		ctx:    ctx,
		turn:   make(chan *tx, 1),
		done:   make(chan error, 1),
		result: make(chan error, 1),
	}
	select {
	case w.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case t := <-r.turn:
		return r.run(t, fn)
	case err := <-r.result:
		return err
	case <-ctx.Done():
	}
	if r.state.CompareAndSwap(waiting, abandoned) {
		return ctx.Err()
	}
	select {
	case t := <-r.turn:
		return r.run(t, fn)
	case err := <-r.result:
		return err
	}
}

// run calls fn with the borrowed connection and gives it back however fn ends.
func (r *request) run(t *tx, fn func(store.Tx) error) error {
	returned := false
	defer func() {
		if returned {
			return
		}
		t.ended = true
		r.done <- errAbandoned
		<-r.result
	}()
	err := fn(t)
	returned = true
	t.ended = true
	if err == nil {
		err = t.err
	}
	r.done <- err
	return <-r.result
}

// group runs first and what waits behind it in one SQL transaction.
func (w *writer) group(first *request) {
	var (
		kept  []*request
		begun bool
		since = w.now()
		r     = first
	)
	for r != nil {
		if r.ctx.Err() == nil && r.state.CompareAndSwap(waiting, claimed) {
			if !begun {
				if err := w.begin(); err != nil {
					r.result <- err
					return
				}
				begun = true
			}
			ok, err := w.one(r)
			if err != nil {
				w.abort(append(kept, r), err)
				return
			}
			if ok {
				kept = append(kept, r)
			}
		}
		r = nil
		if len(kept) < maxGroup && w.now().Sub(since) < maxGroupTime {
			// Whoever is about to ask, and only waits for a processor, comes along.
			for n := 0; n < eagerness && len(w.queue) == 0; n++ {
				runtime.Gosched()
			}
			select {
			case r = <-w.queue:
			default:
			}
		}
	}
	if begun {
		w.commit(kept)
	}
}

func (w *writer) begin() error {
	if w.failed != nil {
		return w.failed
	}
	w.addedRead, w.addedNew, w.removals = false, false, false
	if _, err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("update: begin: %w", err)
	}
	return nil
}

// one lends the connection to r. It reports whether r's writes stand; where
// they do not, r has its result. An error means that the transaction is lost
// and that r and all before it have yet to hear so.
func (w *writer) one(r *request) (ok bool, err error) {
	if _, err := w.c.exec("SAVEPOINT one"); err != nil {
		return false, fmt.Errorf("update: savepoint: %w", err)
	}
	r.turn <- &tx{c: w.c, w: w}
	fnErr := <-r.done
	if fnErr != nil {
		if _, err := w.c.exec("ROLLBACK TO one"); err != nil {
			return false, errors.Join(fnErr, fmt.Errorf("update: rollback: %w", err))
		}
	}
	if _, err := w.c.exec("RELEASE one"); err != nil {
		return false, errors.Join(fnErr, fmt.Errorf("update: release: %w", err))
	}
	if fnErr != nil {
		r.result <- fnErr
		return false, nil
	}
	return true, nil
}

func (w *writer) commit(kept []*request) {
	if w.addedNew {
		if _, err := w.c.exec("UPDATE counter SET value = ? WHERE name = 'added'", w.added); err != nil {
			w.abort(kept, fmt.Errorf("update: counter: %w", err))
			return
		}
	}
	if w.removals {
		if _, err := w.c.exec("DELETE FROM removals WHERE n <= (SELECT max(n) FROM removals) - ?", int64(maxRemovals)); err != nil {
			w.abort(kept, fmt.Errorf("update: removals: %w", err))
			return
		}
	}
	if _, err := w.c.exec("COMMIT"); err != nil {
		err = fmt.Errorf("update: commit: %w", err)
		if diskFailed(err) {
			// What a disk holds after a failed sync is unknown, and a second
			// sync that succeeds proves nothing about the first.
			err = fmt.Errorf("%w: %w", store.ErrUncertain, err)
			w.failed = fmt.Errorf("store takes no more updates until it is opened again: %w", err)
		}
		w.abort(kept, err)
		return
	}
	for _, r := range kept {
		r.result <- nil
	}
}

// abort rolls the transaction back and fails requests with err.
func (w *writer) abort(requests []*request, err error) {
	// Some errors have rolled back by themselves; then this fails, rightly.
	_, _ = w.c.exec("ROLLBACK")
	for _, r := range requests {
		r.result <- err
	}
}

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
