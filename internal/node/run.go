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
)

// maxPause is the longest pause between tries when a partner does not answer.
const maxPause = 5 * time.Minute

// Run serves the link and keeps partners in step until ctx ends. ready, where
// it is not nil, is called once the link listens.
func (n *Node) Run(ctx context.Context, ready func()) error {
	l, err := net.Listen("tcp", n.cfg.Link)
	if err != nil {
		return fmt.Errorf("listening for partners on %s: %w", n.cfg.Link, err)
	}
	srv := &http.Server{
		Handler: link.Handler(n.who, n.Receive), TLSConfig: link.ServerTLS(n.keys.tls, n.who),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
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
	if n.opt.Cadence > 0 {
		n.wg.Go(func() { n.keepTicking(ctx) })
	}
	select {
	case err = <-served:
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
				pause = min(2*pause, maxPause)
				n.opt.Log.Info("partner not in step", "partner", to, "error", err, "next", pause)
			}
		}
	}()
}

// setFlight notes how to stop the exchange with a partner that is under way.
// The caller holds the pair's lock.
func (n *Node) setFlight(id, to string, stop context.CancelFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flights[peerID(id, to)] = stop
}

// ground stops the exchanges under an accord that are under way and waits until
// they have ended: a parcel packed before a suspension is not sent after it.
func (n *Node) ground(a accord.Accord) {
	for _, to := range n.others(a) {
		n.mu.Lock()
		stop := n.flights[peerID(a.ID, to)]
		n.mu.Unlock()
		if stop != nil {
			stop()
		}
		lock := n.pair(a.ID, to)
		lock.Lock()
		lock.Unlock() // only to wait
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
