package peer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"testing"
)

// process is a process with one front, whose server says who it is and echoes.
type process struct {
	name  string
	board *Board
	front net.Listener
	peer  net.Listener
	stop  context.CancelFunc
	ended chan struct{}
}

func newProcess(t *testing.T, name string, seed byte) *process {
	t.Helper()
	b, err := New(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{name: name, board: b, ended: make(chan struct{})}
	for _, l := range []*net.Listener{&p.front, &p.peer} {
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() {
		defer close(p.ended)
		b.Serve(ctx, map[string]net.Listener{"echo": p.front}, p.peer)
	}()
	t.Cleanup(func() { stop(); <-p.ended })
	return p
}

// lead makes p answer; the server ends when the returned function is called.
func (p *process) lead() (end func()) {
	l := p.board.Lead(map[string]net.Listener{"echo": p.front})["echo"]
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, p.name+" ")
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return func() { _ = l.Close() }
}

func say(t *testing.T, to *process, what string) string {
	t.Helper()
	c, err := net.Dial("tcp", to.front.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, what); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// Any process takes any connection; the leader answers, also after it changed; who
// comes while nobody leads waits.
func TestAnyProcessAnswers(t *testing.T) {
	a, b := newProcess(t, "a", 1), newProcess(t, "b", 1)
	waited := make(chan string)
	go func() { waited <- say(t, b, "early") }()
	end := a.lead()
	b.board.Follow(a.peer.Addr().String())
	if got := <-waited; got != "a early" {
		t.Errorf("who came early got %q", got)
	}
	long := string(bytes.Repeat([]byte("x"), 1<<20))
	for _, p := range []*process{a, b} {
		if got := say(t, p, long); got != "a "+long {
			t.Errorf("through %s: %d bytes came back", p.name, len(got))
		}
	}
	end()
	a.board.Follow("")
	go func() { waited <- say(t, a, "between") }()
	b.lead()
	a.board.Follow(b.peer.Addr().String())
	if got := <-waited; got != "b between" {
		t.Errorf("who came between two leaders got %q", got)
	}
}

// Whoever has not the party's key gets nothing.
func TestStrangersAreRefused(t *testing.T) {
	a, stranger := newProcess(t, "a", 1), newProcess(t, "stranger", 2)
	a.lead()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if got, err := stranger.board.dial(t.Context(), a.peer.Addr().String(), "echo", near); err == nil {
		got.Close()
		t.Error("a stranger was served")
	}
	plain, err := tls.Dial("tcp", a.peer.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		if _, err = io.ReadAll(plain); err == nil {
			t.Error("who shows no key was served")
		}
		plain.Close()
	}
}
