package cli_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley.example/parley/internal/client"
	"parley.example/parley/internal/node"
	"parley.example/parley/internal/store/pgtest"
)

var haRounds = flag.Int("ha", 0, "how many times TestPrimaryDies kills the primary of a Patroni cluster")

// backIn is how long nothing may be acknowledged after a primary died.
const backIn = 30 * time.Second

// A node on a cluster of three PostgreSQL servers under Patroni works while the machine
// that leads dies, again and again: nothing that was acknowledged is lost, no log is
// forked, and it is acknowledged again within 30 seconds.
func TestPrimaryDies(t *testing.T) {
	if *haRounds == 0 {
		t.Skip("it takes some minutes, and Debian's patroni and etcd-server: make ha")
	}
	cluster, err := pgtest.StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	address, err := cluster.Address("north")
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "parley-ha-") // short: a socket's path must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	members := []string{"north", "south"}
	all := make(map[string]*victim)
	for _, party := range append(members[:2:2], "guarantor") {
		v := &victim{t: t, party: party, dir: filepath.Join(home, party)}
		v.Client = client.New(v.dir)
		t.Cleanup(func() { v.end(syscall.SIGKILL); v.Close() })
		args := []string{"init", "--party", party, "--name", party + " (fictional)", "--link", "127.0.0.1:0", "--console", "127.0.0.1:0", "--cadence", "1s"}
		if party == "north" {
			args = append(args, "--store", address)
		}
		v.run(args...)
		v.start()
		all[party] = v
	}
	id := agreeAll(t, all, members)
	north := all["north"]

	var mu sync.Mutex
	var kept []promise
	var titles []string
	var acknowledged time.Time
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		work := rand.New(rand.NewPCG(1, 1))
		var reports []string
		for count := 0; ctx.Err() == nil; count++ {
			_, got, object, err := north.work(ctx, work, id, count, reports)
			var refused *client.Problem
			if err != nil && !errors.As(err, &refused) && ctx.Err() == nil {
				t.Errorf("the node does not answer at all: %v", err)
				return
			}
			mu.Lock()
			for _, c := range got {
				kept = append(kept, promise{"north", c})
			}
			if object != "" {
				reports, titles = append(reports, object), append(titles, fmt.Sprintf("Report %d", count))
			}
			if len(got) > 0 || object != "" {
				acknowledged = time.Now()
			}
			mu.Unlock()
		}
	})
	last := func() (time.Time, int) {
		mu.Lock()
		defer mu.Unlock()
		return acknowledged, len(kept)
	}
	// more waits until as many further copies were acknowledged.
	more := func(count int) {
		t.Helper()
		_, before := last()
		if err := waitUntil(t.Context(), func() bool { _, n := last(); return n >= before+count }); err != nil {
			t.Fatalf("nothing is acknowledged any more: %v", err)
		}
	}
	for round := range *haRounds {
		more(20)
		m := cluster.Primary()
		if m == nil {
			t.Fatal("no machine leads")
		}
		began := time.Now()
		m.Kill()
		_, before := last()
		more(1)
		at, _ := last()
		t.Logf("round %d: %s died with %d copies acknowledged, the next one %.1f s later", round+1, m.Name, before, at.Sub(began).Seconds())
		if at.Sub(began) > backIn {
			t.Errorf("service was back after %v, want at most %v", at.Sub(began), backIn)
		}
		if err := m.Up(); err != nil {
			t.Fatal(err)
		}
		if err := cluster.Wait(2 * time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	wg.Wait()
	converge(t, all, members, id, kept)
	var held struct{ Incidents []node.Incident }
	if err := north.Get(t.Context(), "/incidents", url.Values{"limit": {fmt.Sprint(len(titles) + 10)}}, &held); err != nil {
		t.Fatal(err)
	}
	have := make(map[string]bool)
	for _, in := range held.Incidents {
		have[in.Title] = true
	}
	for _, title := range titles {
		if !have[title] {
			t.Errorf("%q was acknowledged and is lost", title)
		}
	}
	judgeAll(t, all, members, id, kept, rand.New(rand.NewPCG(2, 2)))
}
