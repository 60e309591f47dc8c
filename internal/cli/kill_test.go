package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley.example/parley/internal/client"
	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

var (
	killFor  = flag.Duration("kill", 6*time.Second, "how long TestKilledNodes kills nodes")
	killSeed = flag.Uint64("kill-seed", 0, "seed of what TestKilledNodes does and when it kills; 0: a fresh one")
)

// victim is a node as a process of its own, which is killed again and again.
type victim struct {
	*client.Client
	t          *testing.T
	party, dir string

	mu  sync.Mutex
	cmd *exec.Cmd // guarded by mu
}

func parley(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0])
	c.Args = append([]string{"parley"}, args...) // TestMain makes it that command
	return c
}

func (v *victim) run(args ...string) []byte {
	v.t.Helper()
	c := parley(v.t.Context(), append(args, "--dir", v.dir)...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		v.t.Fatalf("%s: parley %s: %v\n%s%s", v.party, strings.Join(args, " "), err, out, errs.Bytes())
	}
	return out
}

func (v *victim) start() {
	v.t.Helper()
	log, err := os.OpenFile(filepath.Join(v.dir, "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		v.t.Fatal(err)
	}
	defer log.Close()
	c := parley(context.Background(), "serve", "--dir", v.dir)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		v.t.Fatal(err)
	}
	v.mu.Lock()
	v.cmd = c
	v.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for v.Get(ctx, "/session", nil, nil) != nil {
		select {
		case <-ctx.Done():
			v.t.Fatalf("%s does not answer", v.party)
		case <-tick.C:
		}
	}
}

// end ends the process by a signal and waits for it.
func (v *victim) end(sig os.Signal) {
	v.mu.Lock()
	c := v.cmd
	v.cmd = nil
	v.mu.Unlock()
	if c == nil {
		return
	}
	_ = c.Process.Signal(sig)
	_ = c.Wait()
}

// promise is what a node acknowledged to its people.
type promise struct {
	from string
	node.ReleasedCopy
}

// Real processes that are killed at random points while people work: nothing
// that was acknowledged is lost, logs converge, accounts are equal, receipts
// verify. It kills for some seconds; -args -kill 5m does so for minutes.
func TestKilledNodes(t *testing.T) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	fmt.Printf("TestKilledNodes: seed %d; repeat with -args -kill-seed %d\n", seed, seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	members := []string{"north", "south", "west"}
	all := nodesOf(t, append(slices.Clone(members), "guarantor")...)
	id := agreeAll(t, all, members)

	var mu sync.Mutex
	var kept []promise
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	acts := make(map[string]int)
	for i, m := range members {
		work := rand.New(rand.NewPCG(seed, uint64(i)+1))
		v := all[m]
		wg.Go(func() {
			var reports []string // whose import was acknowledged
			for count := 0; ctx.Err() == nil; count++ {
				what, got, object, err := v.work(ctx, work, id, count, reports)
				mu.Lock()
				if err == nil {
					acts[what]++
				}
				for _, c := range got {
					kept = append(kept, promise{m, c})
				}
				mu.Unlock()
				if object != "" {
					reports = append(reports, object)
				}
				var refused *client.Problem
				if errors.As(err, &refused) && refused.Status >= 500 {
					t.Errorf("%s: %s: %v", m, what, err)
				}
			}
		})
	}
	kills := 0
	until := time.After(*killFor)
	order := slices.Sorted(maps.Keys(all))
	for running := true; running; {
		select {
		case <-until:
			running = false
		case <-time.After(time.Duration(20+rng.IntN(300)) * time.Millisecond): // the points are random on purpose
			v := all[order[rng.IntN(len(order))]]
			v.end(syscall.SIGKILL)
			kills++
			v.start()
		}
	}
	stop()
	wg.Wait()
	converge(t, all, members, id, kept)
	t.Logf("%d kills, acts %v, %d copies acknowledged", kills, acts, len(kept))
	if len(kept) == 0 || kills == 0 {
		t.Errorf("nothing was tried: %d kills, %d copies", kills, len(kept))
	}
	judgeAll(t, all, members, id, kept, rng)
}

// nodesOf starts a node of each party.
func nodesOf(t *testing.T, parties ...string) map[string]*victim {
	t.Helper()
	home, err := os.MkdirTemp("", "parley-kill-") // short: a socket's path must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	all := make(map[string]*victim)
	for _, party := range parties {
		v := &victim{t: t, party: party, dir: filepath.Join(home, party)}
		v.Client = client.New(v.dir)
		t.Cleanup(func() { v.end(syscall.SIGKILL); v.Close() })
		v.run("init", "--party", party, "--name", party+" (fictional)", "--link", "127.0.0.1:0", "--console", "127.0.0.1:0", "--cadence", "250ms")
		v.start()
		all[party] = v
	}
	return all
}

// agreeAll introduces the nodes to each other and brings an accord in force.
func agreeAll(t *testing.T, all map[string]*victim, members []string) (id string) {
	t.Helper()
	for a, v := range all {
		for b, o := range all {
			if a == b {
				continue
			}
			var card node.Card
			if err := o.Get(t.Context(), "/card", nil, &card); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(v.dir, b+".card")
			if err := os.WriteFile(file, []byte(card.Note), 0o600); err != nil {
				t.Fatal(err)
			}
			v.run("card", "add", file, "--fingerprint", card.Fingerprint)
		}
	}
	draft := map[string]any{
		"title": "Exercise accord", "members": members, "witnesses": []string{"guarantor"}, "purposes": []string{"protection"},
		"legal_bases": []string{"exercise order"}, "object_types": []string{"incident"}, "start": "tearline",
		"ceiling": map[string]any{"rung": "tearline", "tlp": "TLP:AMBER", "place_km": 20, "time": "week"}, "retention_days": 90,
		"match": []any{}, "suspension": "content stops at once; ledgers go on",
	}
	b, err := json.Marshal(draft)
	if err != nil {
		t.Fatal(err)
	}
	first := all[members[0]]
	file := filepath.Join(first.dir, "draft.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	first.run("accord", "draft", "d", "--file", file)
	var offered struct{ ID string }
	if err := json.Unmarshal(first.run("accord", "offer", "d", "--json"), &offered); err != nil {
		t.Fatal(err)
	}
	for _, m := range members[1:] {
		syncAll(t, first, offered.ID, m)
		all[m].run("accord", "sign", offered.ID)
		syncAll(t, all[m], offered.ID, members[0])
	}
	for _, m := range members {
		for _, to := range slices.Sorted(maps.Keys(all)) {
			if to != m {
				syncAll(t, all[m], offered.ID, to)
			}
		}
	}
	return offered.ID
}

func syncAll(t *testing.T, v *victim, id, to string) {
	t.Helper()
	if err := v.Post(t.Context(), "/sync", map[string]string{"accord": id, "party": to}, nil); err != nil {
		t.Fatalf("%s → %s: %v", v.party, to, err)
	}
}

// work does what somebody may do next. Errors are the process's death, or a
// refusal.
func (v *victim) work(ctx context.Context, rng *rand.Rand, id string, count int, reports []string) (what string, got []node.ReleasedCopy, object string, err error) {
	switch x := rng.IntN(20); {
	case x < 6 || len(reports) == 0:
		csv := "id,date,end_date,date_precision,title,text,place,admin1,admin2,country,lat,lon,radius_km,class,kind,organisation,killed_low,killed,killed_high,wounded,source,reliability,credibility,source_sensitive,tlp,phones,plates,claimed_by,blamed\n" +
			fmt.Sprintf("%s-%d,2026-02-03,,day,Report %d,\"seen.\n=== TEARLINE ===\nA device was found.\",Torkham,Nangarhar,Momand Dara,Afghanistan,34.1230,71.0950,1,civilian,bombing,,0,2,4,5,Informant K (fictional),B,2,yes,TLP:AMBER,,,,\n", v.party, count, count)
		var in node.Import
		if err := v.Send(ctx, "/import", url.Values{"format": {"csv"}}, strings.NewReader(csv), &in); err != nil {
			return "import", nil, "", err
		}
		var list struct{ Incidents []node.Incident }
		if err := v.Get(ctx, "/incidents", url.Values{"limit": {"500"}}, &list); err != nil {
			return "import", nil, "", err
		}
		for _, in := range list.Incidents {
			if in.From == "" && in.Title == fmt.Sprintf("Report %d", count) {
				object = in.ID
			}
		}
		return "import", nil, object, nil
	case x < 15:
		p := []ledger.Priority{ledger.Routine, ledger.Routine, ledger.Urgent, ledger.Flash}[rng.IntN(4)]
		var rel struct {
			Copies []node.ReleasedCopy `json:"copies"`
		}
		err := v.Post(ctx, "/release", node.ReleaseAsk{Object: reports[rng.IntN(len(reports))], Accord: id, Purpose: "protection", Priority: p, ReceiptFirst: rng.IntN(4) == 0}, &rel)
		return "release", rel.Copies, "", err
	case x < 17:
		return "request", nil, "", v.Post(ctx, "/requests", node.RequestAsk{Accord: id, To: "south", Case: "C", Purpose: "protection", Object: reports[0]}, nil)
	case x < 19:
		var box struct{ Items []node.Item }
		if err := v.Get(ctx, "/inbox", nil, &box); err != nil || len(box.Items) == 0 {
			return "judge", nil, "", err
		}
		it := box.Items[rng.IntN(len(box.Items))]
		return "judge", nil, "", v.Post(ctx, "/inbox/"+url.PathEscape(it.ID)+"/judge", map[string]string{"use": "useful"}, nil)
	}
	// It may stand suspended because this process died in between.
	_ = v.Post(ctx, "/accords/"+id+"/suspend", map[string]string{"reason": "a pause"}, nil)
	return "suspend", nil, "", v.Post(ctx, "/accords/"+id+"/resume", nil, nil)
}

// converge lets everybody talk until all logs are the same everywhere and all
// content that was acknowledged has arrived.
func converge(t *testing.T, all map[string]*victim, members []string, id string, kept []promise) {
	t.Helper()
	for _, m := range members {
		_ = all[m].Post(t.Context(), "/accords/"+id+"/resume", nil, nil) // it may not be suspended
	}
	var missing string
	for range 20 {
		for _, m := range members {
			for _, to := range slices.Sorted(maps.Keys(all)) {
				if to != m {
					syncAll(t, all[m], id, to)
				}
			}
		}
		if missing = lacking(t, all, members, id, kept); missing == "" {
			return
		}
	}
	t.Fatalf("with everybody up and talking: %s", missing)
}

// lacking says what some member does not have.
func lacking(t *testing.T, all map[string]*victim, members []string, id string, kept []promise) string {
	t.Helper()
	sizes := make(map[string]string)
	arrived := make(map[string]bool)
	for _, m := range members {
		var a node.Audit
		if err := all[m].Get(t.Context(), "/audit", nil, &a); err != nil {
			t.Fatal(err)
		}
		if !a.OK {
			t.Fatalf("the audit of %s finds faults: %+v", m, a)
		}
		for _, l := range a.Logs {
			if !strings.HasPrefix(l.Log, "parley/"+id+"/") {
				continue
			}
			said := fmt.Sprint(l.Entries)
			if was := sizes[l.Log]; was != "" && was != said {
				return fmt.Sprintf("%s has %s entries at one member and %s at %s", l.Log, was, said, m)
			}
			sizes[l.Log] = said
		}
		var box struct{ Items []node.Item }
		if err := all[m].Get(t.Context(), "/inbox", nil, &box); err != nil {
			t.Fatal(err)
		}
		for _, it := range box.Items {
			if it.State == "sealed" {
				continue // its key is on the way
			}
			arrived[fmt.Sprintf("%s %s %d", m, it.Provenance.Log, it.Provenance.Index)] = true
			if it.Problem != "" {
				t.Fatalf("%s: %s: %s", m, it.ID, it.Problem)
			}
		}
	}
	for _, k := range kept {
		if !arrived[fmt.Sprintf("%s %s %d", k.To, k.Event.Log, k.Event.Index)] {
			return fmt.Sprintf("%s acknowledged the release of entry %d to %s, which does not have it", k.from, k.Event.Index, k.To)
		}
	}
	return ""
}

// judgeAll checks accounts and, with every node stopped, audits and receipts.
func judgeAll(t *testing.T, all map[string]*victim, members []string, id string, kept []promise, rng *rand.Rand) {
	t.Helper()
	account := func(at, with string) string {
		var v struct{ Account json.RawMessage }
		if err := all[at].Get(t.Context(), "/accords/"+id+"/account", url.Values{"party": {with}}, &v); err != nil {
			t.Fatal(err)
		}
		return string(v.Account)
	}
	for i, a := range members {
		for _, b := range members[i+1:] {
			if x, y := account(a, b), account(b, a); x != y || x == "" {
				t.Errorf("%s and %s compute different accounts:\n%s\n%s", a, b, x, y)
			}
		}
	}
	var alarms struct{ Alarms []node.Alarm }
	for party, v := range all {
		if err := v.Get(t.Context(), "/alarms", nil, &alarms); err != nil || len(alarms.Alarms) > 0 {
			t.Errorf("%s accuses an honest party: %+v, %v", party, alarms.Alarms, err)
		}
	}
	for range min(5, len(kept)) {
		k := kept[rng.IntN(len(kept))]
		file := filepath.Join(all[k.from].dir, "receipt.txt")
		all[k.from].run("receipt", "export", k.Event.Log, fmt.Sprint(k.Event.Index), "-o", file)
		out, err := parley(t.Context(), "verify", file, "--json").Output()
		if err != nil || !bytes.Contains(out, []byte(`"ok": true`)) {
			t.Errorf("the receipt for entry %d of %s: %v\n%s", k.Event.Index, k.from, err, out)
		}
	}
	for _, v := range all {
		v.end(syscall.SIGINT)
		v.run("log", "audit", "--json")
	}
}
