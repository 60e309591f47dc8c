// Package group lets the Updates of a store that wait together share one
// transaction, and so one sync of the disk. A goroutine owns the only writing
// session and lends it to one Update after another, each inside a savepoint, and
// commits them together. An Update that fails undoes its own savepoint; a commit
// that fails fails them all.
package group

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"parley.example/parley/internal/store"
)

// A group commits when no Update waits, or when it has reached one of the maxima.
// eagerness is how often others may run before it is said that none waits.
const (
	eagerness    = 4
	maxGroup     = 512
	maxGroupTime = 5 * time.Millisecond
)

var errAbandoned = errors.New("function did not return")

// Session is a store's writing connection. It is used by one goroutine at a time.
type Session interface {
	Begin() error  // a transaction that excludes all other writers
	Save() error   // sets the savepoint
	Undo() error   // goes back to it
	Keep() error   // forgets it
	Commit() error // makes all durable; what it returns goes to every caller
	Rollback()     // ends a transaction that is of no use, whatever state it is in
	Tx() Tx        // the transaction as one Update sees it
	Close() error
}

// Tx is a transaction that can be ended.
type Tx interface {
	store.Tx
	// End makes every later use fail, and returns the first failure of one before.
	End() error
}

// Writer runs Updates in groups.
type Writer struct {
	queue   chan *request
	stopped chan struct{}
	s       Session          // the goroutine's, or the Update's that borrows it
	now     func() time.Time // the goroutine's
}

// request is one Update on its way. The writer sends at most one value into
// each channel that the caller receives from; none ever blocks it.
type request struct {
	ctx    context.Context
	state  atomic.Int32
	turn   chan Tx    // writer → caller: the session is yours
	done   chan error // caller → writer: fn's error
	result chan error // writer → caller: what became of it
}

// States of a request; whoever leaves waiting first decides.
const (
	waiting int32 = iota
	claimed
	abandoned
)

// Start makes a writer that owns a session.
func Start(s Session, now func() time.Time) *Writer {
	w := &Writer{s: s, now: now, queue: make(chan *request, maxGroup), stopped: make(chan struct{})}
	go func() {
		defer close(w.stopped)
		for r := range w.queue {
			w.group(r)
		}
	}()
	return w
}

// Stop ends the writer and closes its session. No Update may be running.
func (w *Writer) Stop() error {
	close(w.queue)
	<-w.stopped
	return w.s.Close()
}

// Waiting is how many Updates wait for a group.
func (w *Writer) Waiting() int { return len(w.queue) }

// Update is store.Store's: fn runs on the caller's goroutine.
func (w *Writer) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{
		ctx:    ctx,
		turn:   make(chan Tx, 1),
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

// run calls fn with the borrowed session and gives it back however fn ends.
func (r *request) run(t Tx, fn func(store.Tx) error) error {
	returned := false
	defer func() {
		if returned {
			return
		}
		_ = t.End() // fn did not return: all of it is undone
		r.done <- errAbandoned
		<-r.result
	}()
	err := fn(t)
	returned = true
	if failed := t.End(); err == nil {
		err = failed
	}
	r.done <- err
	return <-r.result
}

// group runs first and what waits behind it in one transaction.
func (w *Writer) group(first *request) {
	var (
		kept  []*request
		begun bool
		since = w.now()
		r     = first
	)
	for r != nil {
		if r.ctx.Err() == nil && r.state.CompareAndSwap(waiting, claimed) {
			if !begun {
				if err := w.s.Begin(); err != nil {
					r.result <- fmt.Errorf("update: begin: %w", err)
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

// one lends the session to r. It reports whether r's writes stand; where they do
// not, r has its result. An error means that the transaction is lost and that r
// and all before it have yet to hear so.
func (w *Writer) one(r *request) (ok bool, err error) {
	if err := w.s.Save(); err != nil {
		return false, fmt.Errorf("update: savepoint: %w", err)
	}
	r.turn <- w.s.Tx()
	fnErr := <-r.done
	if fnErr != nil {
		if err := w.s.Undo(); err != nil {
			return false, errors.Join(fnErr, fmt.Errorf("update: rollback: %w", err))
		}
	}
	if err := w.s.Keep(); err != nil {
		return false, errors.Join(fnErr, fmt.Errorf("update: release: %w", err))
	}
	if fnErr != nil {
		r.result <- fnErr
		return false, nil
	}
	return true, nil
}

func (w *Writer) commit(kept []*request) {
	if err := w.s.Commit(); err != nil {
		w.abort(kept, fmt.Errorf("update: commit: %w", err))
		return
	}
	for _, r := range kept {
		r.result <- nil
	}
}

// abort rolls the transaction back and fails requests with err.
func (w *Writer) abort(requests []*request, err error) {
	w.s.Rollback()
	for _, r := range requests {
		r.result <- err
	}
}
