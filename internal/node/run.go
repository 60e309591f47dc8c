package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// maxPause is the longest pause between tries when a partner does not answer.
const maxPause = 5 * time.Minute

// Run serves the link and keeps partners in step until ctx ends, or another process
// leads (ErrFenced). ready, where
// it is not nil, is called once the link listens.
func (n *Node) Run(ctx context.Context, ready func()) error {
	l, err := n.partners, error(nil)
	if l == nil {
		if l, err = net.Listen("tcp", n.cfg.Link); err != nil {
			return fmt.Errorf("listening for partners on %s: %w", n.cfg.Link, err)
		}
	}
	l = Bounded(l, 1)
	srv := &http.Server{
		Handler: n.server, TLSConfig: link.ServerTLS(n.certificate, n.who),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog:     log.New(slogWriter{n}, "", 0),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // HTTP/1.1, as link.Client speaks
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- srv.ServeTLS(l, "", "") }()
	if ready != nil {
		ready()
	}
	n.runPartners(ctx)
	n.wg.Go(func() { n.keepFeeds(ctx) })
	n.wg.Go(func() { n.keepFiling(ctx) })
	n.wg.Go(func() { n.keepMatch(ctx) })
	n.wg.Go(func() { n.keepDeconfliction(ctx) })
	if n.opt.Cadence > 0 {
		n.wg.Go(func() { n.keepTicking(ctx) })
	}
	n.wg.Go(func() { n.keepWatch(ctx) })
	if n.files.shared() {
		n.wg.Go(func() { n.keepCommon(ctx) })
	}
	n.wg.Go(func() { n.keepFusing(ctx) })
	select {
	case err = <-served:
	case <-n.fenced:
		err = errors.Join(ErrFenced, srv.Close())
	case <-ctx.Done():
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err = srv.Shutdown(stop)
		done()
	}
	cancel()
	n.wg.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

type slogWriter struct{ n *Node }

func (w slogWriter) Write(b []byte) (int, error) {
	w.n.opt.Log.Debug("link", "message", string(b))
	return len(b), nil
}

// runPartners starts one keeper for each partner of each accord, now and as
// accords come in.
func (n *Node) runPartners(ctx context.Context) {
	n.mu.Lock()
	n.keep = func(a accord.Accord) {
		if slices.Contains(a.Terms.WitnessParties(), n.cfg.Party) {
			return // members come to a witness
		}
		for _, p := range a.Terms.Parties() { // witnesses are met at each tick
			if p != n.cfg.Party {
				n.keeper(ctx, a.ID, p)
			}
		}
	}
	n.mu.Unlock()
	err := n.view(ctx, func(tx store.Tx) error {
		ps, err := n.pacts(tx)
		for _, p := range ps {
			n.kick(p.Accord)
		}
		return err
	})
	if err != nil {
		n.opt.Log.Error("reading accords", "error", err)
	}
}

// kick makes the keepers of an accord's partners exchange parcels now.
func (n *Node) kick(a accord.Accord) {
	n.mu.Lock()
	keep := n.keep
	n.mu.Unlock()
	if keep != nil {
		keep(a)
	}
}

// backOff is the pause after a further try that failed.
func backOff(pause time.Duration) time.Duration { return min(2*pause, maxPause) }

// keeper wakes the goroutine that keeps one partner in step, or starts it.
func (n *Node) keeper(ctx context.Context, id, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := peerID(id, to)
	c, running := n.kicks[key]
	if !running {
		c = make(chan struct{}, 1)
		n.kicks[key] = c
	}
	select {
	case c <- struct{}{}:
	default:
	}
	if running || ctx.Err() != nil {
		return
	}
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		pause := n.opt.Every
		timer := time.NewTimer(0)
		defer timer.Stop()
		<-timer.C
		for {
			timer.Reset(max(pause, 0))
			tick := timer.C
			if pause < 0 {
				timer.Stop()
				tick = nil // only when something happens
			}
			select {
			case <-ctx.Done():
				return
			case <-c:
			case <-tick:
			}
			err := n.Sync(ctx, id, to)
			switch {
			case err == nil:
				pause = n.opt.Every
			case n.opt.Every > 0:
				pause = backOff(pause)
				n.opt.Log.Info("partner not in step", "partner", to, "error", err, "next", pause)
			}
		}
	}()
}

// flight is one exchange that is under way; Node.mu guards its fields.
type flight struct {
	stop     context.CancelCauseFunc
	done     chan struct{}
	content  bool            // content is on board
	priority ledger.Priority // of it
	barred   bool            // content may not go on board any more
}

var (
	errOvertaken = errors.New("something more urgent goes first")
	errGrounded  = errors.New("stopped: what was on its way may not arrive any more")
)

// fly runs an exchange with a partner; others may stop it. The caller holds the
// pair's lock.
func (n *Node) fly(ctx context.Context, id, to string, fn func(ctx context.Context, f *flight) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	f := &flight{stop: stop, done: make(chan struct{})}
	n.mu.Lock()
	n.flights[peerID(id, to)] = f
	n.mu.Unlock()
	err := fn(ctx, f)
	n.mu.Lock()
	delete(n.flights, peerID(id, to))
	n.mu.Unlock()
	close(f.done)
	n.exchanges.count(to, "out", err)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// aboard notes that content is on a flight, and how urgent.
func (n *Node) aboard(f *flight, p ledger.Priority) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f.content, f.priority = true, p
	if f.barred {
		f.stop(errGrounded)
	}
}

// ashore notes that nothing is on a flight.
func (n *Node) ashore(f *flight) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f.content = false
}

// overtake stops exchanges that carry less urgent content to a partner. What was
// cut off goes on when the urgent content is there.
func (n *Node) overtake(id, to string, p ledger.Priority) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f := n.flights[peerID(id, to)]; f != nil && p >= ledger.Immediate && f.content && f.priority < p {
		f.stop(errOvertaken)
	}
}

// halt stops the exchanges under an accord that carry content, keeps content off
// those that are packed now, and drops what was cut off before. It returns what
// it stopped.
func (n *Node) halt(a accord.Accord) (stopped []*flight) {
	n.mu.Lock()
	for _, to := range n.others(a) {
		if f := n.flights[peerID(a.ID, to)]; f != nil {
			if f.barred = true; f.content {
				f.stop(errGrounded)
				stopped = append(stopped, f)
			}
		}
	}
	n.mu.Unlock()
	for _, to := range n.others(a) {
		if card, ok := n.currentBook().Card(to); ok {
			n.line.Forget(card.TLS, a.ID)
		}
	}
	return stopped
}

// ground stops what carries content under an accord, in both directions, and
// waits until it has ended: a parcel packed before a suspension or withdrawal is
// not sent after it.
func (n *Node) ground(a accord.Accord) {
	for _, f := range n.halt(a) {
		<-f.done
	}
	n.halt(a) // what was stopped may have left something to be finished
	for _, to := range n.others(a) {
		n.server.Forget(to, a.ID)
	}
}

// drop is ground for a partner's suspension, which is learnt in the middle of an
// exchange: it does not wait.
func (n *Node) drop(a accord.Accord) {
	n.halt(a)
	for _, to := range n.others(a) {
		n.server.Drop(to, a.ID)
	}
}

// pair returns the lock for exchanges with one partner under one accord.
func (n *Node) pair(id, to string) *sync.Mutex {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := peerID(id, to)
	if n.pairing[key] == nil {
		n.pairing[key] = new(sync.Mutex)
	}
	return n.pairing[key]
}
