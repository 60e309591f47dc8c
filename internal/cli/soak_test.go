package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley.example/parley/internal/client"
	"parley.example/parley/internal/node"
)

var (
	soakFor    = flag.Duration("soak", 0, "how long TestSoak works nodes")
	crowdIdle  = flag.Int("idle", 500, "idle clients of TestCrowd")
	crowdTaken = flag.Int("active", 50, "active clients of TestCrowd")
)

// reading is what a process uses.
type reading struct{ memory, descriptors, goroutines float64 }

func (v *victim) reading(t *testing.T) (r reading) {
	t.Helper()
	var b []byte
	if err := v.Get(t.Context(), "/metrics", nil, &b); err != nil {
		t.Fatalf("%s: metrics: %v", v.party, err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		to := map[string]*float64{"process_resident_memory_bytes": &r.memory, "process_open_fds": &r.descriptors, "go_goroutines": &r.goroutines}[name]
		if to == nil {
			continue
		}
		var err error
		if *to, err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Three members and a witness at work with everything on, for as long as -args -soak
// says (make soak): what their processes use stays flat.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("it takes minutes: make soak, or go test ./internal/cli -run TestSoak -args -soak 5m")
	}
	members := []string{"north", "south", "west"}
	parties := append(slices.Clone(members), "guarantor")
	all := nodesOf(t, parties...)
	id := agreeAll(t, all, members)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var acts atomic.Int64
	for i, m := range members {
		v, rng := all[m], rand.New(rand.NewPCG(1, uint64(i)))
		wg.Go(func() {
			var reports []string
			for count := 0; ctx.Err() == nil; count++ {
				what, _, object, err := v.work(ctx, rng, id, count, reports)
				var refused *client.Problem
				if errors.As(err, &refused) && refused.Status >= 500 && ctx.Err() == nil {
					t.Errorf("%s: %s: %v", m, what, err)
				}
				if acts.Add(1); object != "" {
					reports = append(reports, object)
				}
			}
		})
		wg.Go(func() { v.browse(ctx, t) })
	}
	const samples = 16
	seen := make(map[string][]reading)
	tick := time.NewTicker(*soakFor / samples)
	defer tick.Stop()
	for range samples {
		<-tick.C
		for _, p := range parties {
			seen[p] = append(seen[p], all[p].reading(t))
		}
	}
	stop()
	wg.Wait()
	t.Logf("%d acts in %v", acts.Load(), *soakFor)
	for _, p := range parties {
		var was, is reading // the most of the second quarter, and of the last
		for i, r := range seen[p] {
			of := &was
			switch i / (samples / 4) {
			case 1:
			case 3:
				of = &is
			default:
				continue
			}
			of.memory, of.descriptors, of.goroutines = max(of.memory, r.memory), max(of.descriptors, r.descriptors), max(of.goroutines, r.goroutines)
		}
		t.Logf("%-9s memory %.0f → %.0f MB, descriptors %.0f → %.0f, goroutines %.0f → %.0f", p,
			was.memory/1e6, is.memory/1e6, was.descriptors, is.descriptors, was.goroutines, is.goroutines)
		if is.memory > 1.25*was.memory+16e6 || is.descriptors > was.descriptors+24 || is.goroutines > was.goroutines+32 {
			t.Errorf("%s uses more and more: %+v, then %+v", p, was, is)
		}
	}
}

// browse does what people at a console and machines beside them do.
func (v *victim) browse(ctx context.Context, t *testing.T) {
	cfg, err := node.ReadConfig(v.dir)
	if err != nil {
		t.Error(err)
		return
	}
	for i := 0; ctx.Err() == nil; i++ {
		_ = v.Get(ctx, "/overview", nil, nil)
		_ = v.Get(ctx, "/search", url.Values{"text": {"device"}}, nil)
		if resp, err := http.Get("http://" + cfg.Console + "/"); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		if i%200 == 0 {
			name := filepath.Join(v.dir, "soak.backup")
			c := parley(ctx, "backup", name, "--dir", v.dir, "--passphrase-file", "-")
			c.Stdin = strings.NewReader("passphrase of a soak\n")
			if out, err := c.CombinedOutput(); err != nil && ctx.Err() == nil {
				t.Errorf("%s: backup: %v: %s", v.party, err, out)
			}
			_ = os.Remove(name)
		}
	}
}

// A crowd of clients that hold a connection, and others that ask all the time: every
// answer comes, memory is bounded, and all is given back. make faults does it with
// 10,000 and 1,000.
func TestCrowd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "north")
	cfg := makeNode(t, dir)
	cmd, c := serveProcess(t, dir)
	before := descriptors(t, cmd.Process.Pid)
	idle := make([]net.Conn, *crowdIdle)
	for i := range idle {
		conn, err := net.DialTimeout("tcp", cfg.Console, time.Minute)
		if err == nil {
			_, err = io.WriteString(conn, "GET /api/v1/session HTTP/1.1\r\nHost: "+cfg.Console+"\r\n\r\n")
		}
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		idle[i] = conn
	}
	for i, conn := range idle {
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatalf("idle client %d has no answer: %v", i, err)
		}
	}
	start := time.Now()
	var wg sync.WaitGroup
	var answers atomic.Int64
	transport := &http.Transport{MaxIdleConnsPerHost: *crowdTaken, MaxConnsPerHost: *crowdTaken}
	defer transport.CloseIdleConnections()
	asker := &http.Client{Transport: transport, Timeout: time.Minute}
	const each = 20
	for range *crowdTaken {
		wg.Go(func() {
			for range each {
				resp, err := asker.Get("http://" + cfg.Console + "/api/v1/session")
				if err != nil {
					t.Errorf("an active client: %v", err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				answers.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if got, want := answers.Load(), int64(*crowdTaken*each); got != want {
		t.Errorf("%d answers, want %d", got, want)
	}
	if out, err := command(dir, "import", report(t, "n-1", "text")); err != nil {
		t.Errorf("import beside a crowd: %v: %s", err, out)
	}
	peak := peakMemory(t, cmd.Process.Pid)
	t.Logf("%d idle and %d active clients: %d answers in %v, at most %d MB, %d descriptors", *crowdIdle, *crowdTaken, answers.Load(), took.Round(time.Millisecond), peak>>10, descriptors(t, cmd.Process.Pid))
	if limit := 150<<10 + 40*(*crowdIdle+*crowdTaken); peak > limit {
		t.Errorf("%d kB are more than 150 MB and 40 kB for each client", peak)
	}
	for _, conn := range idle {
		_ = conn.Close()
	}
	transport.CloseIdleConnections()
	if err := waitUntil(t.Context(), func() bool { return descriptors(t, cmd.Process.Pid) <= before+4 }); err != nil {
		t.Errorf("%d descriptors are open after the crowd left, %d were before it", descriptors(t, cmd.Process.Pid), before)
	}
	if err := c.Get(t.Context(), "/session", nil, nil); err != nil {
		t.Error(err)
	}
}

// waitUntil waits for what is bound to come.
func waitUntil(ctx context.Context, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not come: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
