// Package peer lets several processes serve one party: each takes whoever connects,
// and one of them, the leader, answers. A [Board] hands connections to the leader's
// servers, in the same process or through TLS to the one that leads, byte by byte; so
// nothing is kept by a process that does not lead, and nothing in it can be old. While
// nobody leads, connections wait. Both ends of a line between processes show the key
// that the party's processes have in common.
package peer

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	// patience is how long a connection waits for a leader.
	patience = 20 * time.Second
	// pause is how long the board waits before it asks the leader again.
	pause = 100 * time.Millisecond
	// greeting bounds the time for the first line between processes.
	greeting = 5 * time.Second
	// maxConns bounds the connections that are passed on or wait; more are refused.
	maxConns = 4096
)

// Board passes connections to the leader. It is safe for concurrent use.
type Board struct {
	tls *tls.Config
	log *slog.Logger

	mu      sync.Mutex
	lines   map[string]*line // of the leader's servers; nil where another leads
	leader  string           // address of another that leads, "" where nobody is known to
	changed chan struct{}    // closed at the next change
	slots   chan struct{}
	wg      sync.WaitGroup
}

// New makes a board. key is the one that the party's processes have in common.
func New(key ed25519.PrivateKey, log *slog.Logger) (*Board, error) {
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "parley"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<35, 0)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the certificate between processes: %w", err)
	}
	own := key.Public().(ed25519.PublicKey)
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		ClientAuth: tls.RequireAnyClientCert, InsecureSkipVerify: true, // the key is what is verified, below
		SessionTicketsDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if got, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey); !ok || !got.Equal(own) {
				return errors.New("the other side is no process of this party")
			}
			return nil
		},
	}
	return &Board{tls: cfg, log: log, changed: make(chan struct{}), slots: make(chan struct{}, maxConns)}, nil
}

// set changes who leads.
func (b *Board) set(lines map[string]*line, leader string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines, b.leader = lines, leader
	close(b.changed)
	b.changed = make(chan struct{})
}

// Follow says that the process at an address leads; "" that nobody is known to.
func (b *Board) Follow(leader string) {
	b.mu.Lock()
	same := b.lines == nil && b.leader == leader
	b.mu.Unlock()
	if !same {
		b.set(nil, leader)
	}
}

// Lead makes this process the leader, and returns what its servers listen on, by
// name. From then on connections go there; those who close them lead no more.
func (b *Board) Lead(fronts map[string]net.Listener) map[string]net.Listener {
	lines, out := make(map[string]*line), make(map[string]net.Listener)
	for name, l := range fronts {
		lines[name] = &line{addr: l.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
		out[name] = lines[name]
	}
	b.set(lines, "")
	return out
}

// Serve takes connections on the fronts, by name, and from other processes on
// between, until ctx ends; it closes the listeners.
func (b *Board) Serve(ctx context.Context, fronts map[string]net.Listener, between net.Listener) {
	stop := context.AfterFunc(ctx, func() {
		for _, l := range fronts {
			_ = l.Close()
		}
		_ = between.Close()
	})
	defer stop()
	for name, l := range fronts {
		b.wg.Go(func() {
			b.accept(ctx, l, func(c net.Conn) { b.route(ctx, name, c) })
		})
	}
	b.wg.Go(func() { b.accept(ctx, between, func(c net.Conn) { b.greet(ctx, c) }) })
	b.wg.Wait()
}

func (b *Board) accept(ctx context.Context, l net.Listener, fn func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			b.log.Warn("accepting connections", "error", err) // descriptors are used up, for example
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			continue
		}
		select {
		case b.slots <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		b.wg.Go(func() {
			defer func() { <-b.slots }()
			fn(c)
		})
	}
}

// route finds the leader for a connection, waiting for one.
func (b *Board) route(ctx context.Context, name string, c net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		b.mu.Lock()
		lines, leader, changed := b.lines, b.leader, b.changed
		b.mu.Unlock()
		switch {
		case lines != nil:
			if lines[name].deliver(ctx, c) {
				return
			}
		case leader != "":
			if far, err := b.dial(ctx, leader, name, c); err == nil {
				cancel()
				splice(c, far)
				return
			}
		}
		select {
		case <-ctx.Done():
			_ = c.Close()
			return
		case <-changed:
		case <-time.After(pause):
		}
	}
}

// dial reaches the leader and says for which of its servers a connection is, and
// where it came from.
func (b *Board) dial(ctx context.Context, leader, name string, c net.Conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, greeting)
	defer cancel()
	d := tls.Dialer{Config: b.tls}
	far, err := d.DialContext(ctx, "tcp", leader)
	if err != nil {
		return nil, err
	}
	_ = far.SetDeadline(time.Now().Add(greeting))
	from := c.RemoteAddr().String()
	if from == "" || strings.ContainsAny(from, " \n") {
		from = "local"
	}
	_, err = fmt.Fprintf(far, "%s %s\n", name, from)
	if err == nil {
		var yes [1]byte
		_, err = io.ReadFull(far, yes[:])
	}
	if err != nil {
		return nil, errors.Join(err, far.Close())
	}
	return far, far.SetDeadline(time.Time{})
}

// greet takes a connection from another process.
func (b *Board) greet(ctx context.Context, raw net.Conn) {
	c := tls.Server(raw, b.tls)
	_ = c.SetDeadline(time.Now().Add(greeting))
	r := bufio.NewReaderSize(c, 256)
	head, err := r.ReadSlice('\n')
	name, from, _ := strings.Cut(strings.TrimSpace(string(head)), " ")
	b.mu.Lock()
	l := b.lines[name]
	b.mu.Unlock()
	if err != nil || l == nil {
		_ = c.Close() // it looks again for who leads
		return
	}
	if _, err := c.Write([]byte("+")); err != nil {
		_ = c.Close()
		return
	}
	_ = c.SetDeadline(time.Time{})
	if !l.deliver(ctx, &passed{Conn: c, r: r, from: address(from)}) {
		_ = c.Close()
	}
}

// splice carries bytes both ways until both sides have ended, or one broke.
func splice(a, b net.Conn) {
	var wg sync.WaitGroup
	carry := func(to, from net.Conn) {
		_, err := io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
			return
		}
		_, _ = a.Close(), b.Close()
	}
	wg.Go(func() { carry(a, b) })
	wg.Go(func() { carry(b, a) })
	wg.Wait()
	_, _ = a.Close(), b.Close()
}

// address is where a connection came from.
type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }

// passed is a connection that another process passed on.
type passed struct {
	net.Conn
	r    *bufio.Reader
	from address
}

// Read implements net.Conn.
func (p *passed) Read(b []byte) (int, error) { return p.r.Read(b) }

// RemoteAddr implements net.Conn.
func (p *passed) RemoteAddr() net.Addr { return p.from }

// line is a listener of the leader that the board delivers to.
type line struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// deliver hands a connection over; false means that the listener is closed.
func (l *line) deliver(ctx context.Context, c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.closed:
	case <-ctx.Done():
	}
	return false
}

// Accept implements net.Listener.
func (l *line) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *line) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *line) Addr() net.Addr { return l.addr }
