package node_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
)

// load gives a node a list of telephone numbers that may be matched.
func load(t testing.TB, n *node.Node, accordID, name string, phones ...string) node.ListLoaded {
	t.Helper()
	got, err := n.LoadMatchList(t.Context(), node.MatchList{Name: name, Selector: "phone", Accords: []string{accordID}}, strings.NewReader(strings.Join(phones, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func publish(t testing.TB, n *node.Node, accordID string, refresh bool) node.Publication {
	t.Helper()
	pub, err := n.PublishMatch(t.Context(), accordID, "phone", refresh)
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

// asked counts what a party's log says it asked.
func asked(t *testing.T, n *node.Node, accordID, party string) int {
	t.Helper()
	events, err := n.EventData(t.Context(), accordID, party, "match-asked")
	if err != nil {
		t.Fatal(err)
	}
	return len(events)
}

// A standing question tells of new hits alone. Within an epoch it finds them
// without asking; in a new one it asks again.
func TestStandingQuestion(t *testing.T) {
	w := newWorld(t)
	load(t, w.north, w.accord, "watched", "+93 70 123 4567", "not a number")
	if pub := publish(t, w.north, w.accord, false); pub.Epoch != 1 || pub.Held != 1 {
		t.Fatalf("published %+v", pub)
	}
	w.sync(w.north, "south")
	s, err := w.south.StandMatch(t.Context(), node.MatchAsk{
		Accord: w.accord, Selector: "phone", Case: "C-1", Values: []string{"0701234567", "0701234999"}, By: node.User{Name: "Amina"},
	})
	if err != nil || s.Epoch != 1 || len(s.Hits) != 1 || s.Hits[0].Asked != "0701234567" {
		t.Fatalf("standing question: %+v, %v", s, err)
	}
	if got := asked(t, w.south, w.accord, "south"); got != 1 {
		t.Fatalf("%d questions in the ledger, want 1", got)
	}
	hits := func() (values []string, notices int) {
		t.Helper()
		all, err := w.south.Standings(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("standing questions: %+v, %v", all, err)
		}
		for _, h := range all[0].Hits {
			values = append(values, h.Value)
		}
		ns, err := w.south.Notices(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range ns {
			if x.Kind == "hit" && x.Case == "C-1" {
				notices++
			}
		}
		return values, notices
	}
	if v, notices := hits(); len(v) != 1 || notices != 1 {
		t.Fatalf("hits %q, %d notices, want one of each", v, notices)
	}

	// The holder learns of the second number and sends the difference.
	load(t, w.north, w.accord, "more", "+93 70 123 4999")
	pub := publish(t, w.north, w.accord, true)
	if pub.Epoch != 1 || pub.Held != 2 || pub.Computed != 1 || pub.Bytes > 300 {
		t.Errorf("refreshed %+v, want one value computed and few bytes", pub)
	}
	w.sync(w.north, "south")
	if v, notices := hits(); len(v) != 2 || notices != 2 {
		t.Errorf("after the difference: hits %q, %d notices, want two of each", v, notices)
	}
	if got := asked(t, w.south, w.accord, "south"); got != 1 {
		t.Errorf("%d questions in the ledger after the difference, want still 1", got)
	}

	// A new epoch: asked again, nothing new told.
	if pub := publish(t, w.north, w.accord, false); pub.Epoch != 2 || pub.Computed != 2 {
		t.Errorf("published %+v", pub)
	}
	w.sync(w.north, "south")
	w.sync(w.south, "north")
	if got := asked(t, w.south, w.accord, "south"); got != 2 {
		t.Errorf("%d questions in the ledger after the new epoch, want 2", got)
	}
	if v, notices := hits(); len(v) != 2 || notices != 2 {
		t.Errorf("after the new epoch: hits %q, %d notices, want two of each", v, notices)
	}
	all, _ := w.south.Standings(t.Context())
	if all[0].Epoch != 2 {
		t.Errorf("the standing question stands in epoch %d, want 2", all[0].Epoch)
	}

	if s, err = w.south.StopStanding(t.Context(), s.ID); err != nil || s.State != "stopped" {
		t.Fatalf("stopping: %+v, %v", s, err)
	}
	publish(t, w.north, w.accord, false)
	w.sync(w.north, "south")
	w.sync(w.south, "north")
	if got := asked(t, w.south, w.accord, "south"); got != 2 {
		t.Errorf("%d questions after stopping, want still 2", got)
	}
}

// matchFiles returns the content of a node's key files.
func matchFiles(t *testing.T, n *node.Node) (secrets []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(n.Dir(), "match", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Keys []struct{ Secret string }
		}
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		for _, k := range r.Keys {
			secrets = append(secrets, k.Secret)
		}
	}
	return secrets
}

// When an epoch is over, its key is nowhere in the node's folder.
func TestKeysOfPastEpochsAreDestroyed(t *testing.T) {
	w := newWorld(t)
	load(t, w.north, w.accord, "watched", "+93 70 123 4567")
	publish(t, w.north, w.accord, false)
	old := matchFiles(t, w.north)
	if len(old) != 1 {
		t.Fatalf("%d keys after the first epoch began, want 1", len(old))
	}
	publish(t, w.north, w.accord, false)
	now := matchFiles(t, w.north)
	if len(now) != 1 || now[0] == old[0] {
		t.Fatalf("keys of the second epoch: %d, the old one among them: %v", len(now), slices.Contains(now, old[0]))
	}
	raw, err := base64.StdEncoding.DecodeString(old[0])
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(w.north.Dir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, raw) || bytes.Contains(b, []byte(old[0])) {
			t.Errorf("%s still holds the key of the epoch before", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A question that meets a change of epoch on its way is asked again by itself.
func TestAQuestionMeetsANewEpoch(t *testing.T) {
	w := newWorld(t)
	load(t, w.north, w.accord, "watched", "+93 70 123 4567")
	publish(t, w.north, w.accord, false)
	w.sync(w.north, "south")
	publish(t, w.north, w.accord, false) // south does not know yet
	q, err := w.south.AskMatch(t.Context(), node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C-2", Values: []string{"0701234567"}})
	if err != nil || q.State == "refused" {
		t.Fatalf("question: %+v, %v", q, err)
	}
	w.sync(w.south, "north")
	w.sync(w.south, "north")
	if q, err = w.south.ShowQuestion(t.Context(), q.ID, ""); err != nil || q.State != "answered" || q.Epoch != 2 || len(q.Hits) != 1 {
		t.Errorf("after the exchange: %+v, %v, want it answered in epoch 2", q, err)
	}
	h, err := w.north.MatchHistory(t.Context(), w.accord)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range h.Quotas {
		if x.Asker == "south" && x.Selector == "phone" && x.Used != 1 {
			t.Errorf("%d of the quota used, want 1: the stale question costs nothing", x.Used)
		}
	}
}

// stopAfter is a context that ends after it was looked at a number of times.
type stopAfter struct {
	context.Context
	looks atomic.Int64
}

func (c *stopAfter) Err() error {
	if c.looks.Add(-1) < 0 {
		return context.Canceled
	}
	return c.Context.Err()
}

// Publishing that is stopped in its middle, and a node that starts anew, go on
// where they were, under the same key.
func TestPublishingGoesOnWhereItStopped(t *testing.T) {
	w := newWorld(t)
	const held = 10_000
	phones := make([]string, held)
	for i := range phones {
		phones[i] = fmt.Sprintf("+9370%07d", i)
	}
	load(t, w.north, w.accord, "many", phones...)
	ctx := &stopAfter{Context: t.Context()}
	ctx.looks.Store(400) // of 16 values each; a part has 4,096
	if _, err := w.north.PublishMatch(ctx, w.accord, "phone", false); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped in the middle: %v", err)
	}
	key := matchFiles(t, w.north)
	w.northStop()
	w.north = open(t, w.north.Dir())
	pub := publish(t, w.north, w.accord, false)
	if pub.Epoch != 1 || pub.Held != held || pub.Computed >= held || pub.Computed == 0 {
		t.Errorf("went on with %+v, want epoch 1 and only the rest computed", pub)
	}
	if now := matchFiles(t, w.north); !slices.Equal(now, key) {
		t.Error("another key was made in between")
	}
	w.sync(w.north, "south")
	q, err := w.south.AskMatch(t.Context(), node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C-3", Values: []string{phones[3], phones[held-1], "+93709999999"}})
	if err != nil || len(q.Hits) != 2 {
		t.Errorf("question: %+v, %v, want two hits", q, err)
	}
}

// What the node renews by itself: the day's changes, and the key when it has
// served its time.
func TestRenewal(t *testing.T) {
	w := newWorld(t)
	load(t, w.north, w.accord, "watched", "+93 70 123 4567")
	publish(t, w.north, w.accord, false)
	load(t, w.north, w.accord, "more", "+93 70 123 4999")
	state := func() node.PublishState {
		t.Helper()
		if err := w.north.RenewMatch(t.Context()); err != nil {
			t.Fatal(err)
		}
		ps, err := w.north.Published(t.Context())
		if err != nil || len(ps) != 1 {
			t.Fatalf("published: %+v, %v", ps, err)
		}
		return ps[0]
	}
	if p := state(); p.Epoch != 1 || p.Held != 1 {
		t.Errorf("at once: %+v, want nothing renewed", p)
	}
	w.northClock.Add(int64(25 * time.Hour))
	if p := state(); p.Epoch != 1 || p.Held != 2 {
		t.Errorf("a day later: %+v, want the same epoch with two values", p)
	}
	w.northClock.Add(int64(7 * 24 * time.Hour))
	if p := state(); p.Epoch != 2 {
		t.Errorf("a week later: %+v, want a new epoch", p)
	}
	if _, err := w.north.Suspend(t.Context(), w.accord, "a pause"); err != nil {
		t.Fatal(err)
	}
	w.northClock.Add(int64(8 * 24 * time.Hour))
	if p := state(); p.Epoch != 2 {
		t.Errorf("while suspended: %+v, want nothing published", p)
	}
}

// Quotas for a case and for an officer are the holder's to enforce, and both
// sides see the same account of them.
func TestQuotasOfCaseAndOfficer(t *testing.T) {
	w := newWorldUnder(t, func(d *node.Draft) {
		d.Match = []accord.MatchRule{{Kind: "phone", Quota: 100, PerCase: 10, PerOfficer: 15}}
	})
	load(t, w.north, w.accord, "watched", "+93 70 123 4567")
	publish(t, w.north, w.accord, false)
	w.sync(w.north, "south")
	next := 0
	ask := func(officer, number string, count int) node.Question {
		t.Helper()
		a := node.MatchAsk{Accord: w.accord, Selector: "phone", Case: number, By: node.User{Name: officer}}
		for range count {
			next += 7919
			a.Values = append(a.Values, fmt.Sprintf("+93 70 %07d", next))
		}
		q, err := w.south.AskMatch(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	if q := ask("Amina", "C-1", 8); q.State != "answered" || q.Left != 2 {
		t.Errorf("first: %+v, want it answered with 2 left in the case", q)
	}
	if q := ask("Bilal", "C-1", 3); q.State != "refused" || !strings.Contains(q.Reason, "one case") {
		t.Errorf("over the case's quota: %s (%s)", q.State, q.Reason)
	}
	if q := ask("Amina", "C-2", 7); q.State != "answered" || q.Left != 0 {
		t.Errorf("second case: %+v, want it answered with none left", q)
	}
	if q := ask("Amina", "C-3", 1); q.State != "refused" || !strings.Contains(q.Reason, "one officer") {
		t.Errorf("over the officer's quota: %s (%s)", q.State, q.Reason)
	}
	if q := ask("Bilal", "C-3", 1); q.State != "answered" {
		t.Errorf("another officer: %s (%s)", q.State, q.Reason)
	}
	w.sync(w.south, "north")
	north, err := w.north.MatchHistory(t.Context(), w.accord)
	if err != nil {
		t.Fatal(err)
	}
	south, err := w.south.MatchHistory(t.Context(), w.accord)
	if err != nil {
		t.Fatal(err)
	}
	order := func(h *node.MatchHistory) {
		slices.SortFunc(h.Quotas, func(a, b node.MatchQuota) int { return strings.Compare(a.Asker+a.Selector, b.Asker+b.Selector) })
		slices.SortFunc(h.Events, func(a, b node.MatchEvent) int {
			return strings.Compare(fmt.Sprint(a.Log, a.Index), fmt.Sprint(b.Log, b.Index))
		})
	}
	order(&north)
	order(&south)
	if d := cmp.Diff(north, south); d != "" {
		t.Errorf("the two sides' histories differ (-north +south):\n%s", d)
	}
	i := slices.IndexFunc(north.Quotas, func(q node.MatchQuota) bool { return q.Asker == "south" })
	if q := north.Quotas[i]; q.Used != 16 || q.ByCase["C-1"] != 8 || q.ByCase["C-2"] != 7 {
		t.Errorf("the account: %+v", q)
	}
	text, _ := json.Marshal(north)
	for _, secret := range []string{"Amina", "Bilal", "9370"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the holder's history tells %q", secret)
		}
	}
	ns, err := w.north.Notices(t.Context())
	if err != nil || len(ns) != 2 || ns[0].Kind != "quota" || ns[0].Party != "south" {
		t.Errorf("north's notices: %+v, %v, want the two refusals", ns, err)
	}
}

// A list that looks like guessing is told to officer and oversight, also where
// it is split over several questions.
func TestGuessingIsTold(t *testing.T) {
	w := newWorld(t)
	load(t, w.north, w.accord, "watched", "+93 70 123 4567")
	publish(t, w.north, w.accord, false)
	w.sync(w.north, "south")
	for i := range 6 {
		q, err := w.south.AskMatch(t.Context(), node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C-4", Values: []string{fmt.Sprintf("+93 70 123 456%d", i)}, By: node.User{Name: "Amina"}})
		if err != nil {
			t.Fatal(err)
		}
		if told := len(q.Warnings) > 0; told != (i >= 4) {
			t.Errorf("question %d: warnings %q", i, q.Warnings)
		}
	}
	ns, err := w.south.Notices(t.Context())
	if err != nil || len(ns) != 2 || ns[0].Kind != "guessing" || !strings.Contains(ns[0].Text, "Amina") {
		t.Errorf("notices: %+v, %v", ns, err)
	}
	over, err := w.south.Overview(t.Context())
	if err != nil || !slices.ContainsFunc(over.Waiting, func(x node.Waiting) bool { return x.Title == ns[0].Text }) {
		t.Errorf("the overview does not show it: %+v, %v", over.Waiting, err)
	}
	if x, err := w.south.SeeNotice(t.Context(), ns[0].ID); err != nil || x.Seen == "" {
		t.Errorf("marking as seen: %+v, %v", x, err)
	}
}

// A list answers questions and nothing else: no release, search or request
// gives any of it away.
func TestAListNeverLeaves(t *testing.T) {
	w := newWorld(t)
	if got := load(t, w.north, w.accord, "watched", "+93 70 123 4567", "", "junk"); got.Count != 1 || got.NRefused != 1 || got.Refused[0].Line != 3 {
		t.Errorf("loaded %+v", got)
	}
	for _, bad := range []struct {
		list node.MatchList
		text string
	}{
		{node.MatchList{Name: "Bad name", Selector: "phone", Accords: []string{w.accord}}, "0701234567"},
		{node.MatchList{Name: "x", Selector: "shoe", Accords: []string{w.accord}}, "43"},
		{node.MatchList{Name: "x", Selector: "phone"}, "0701234567"},
		{node.MatchList{Name: "x", Selector: "email", Accords: []string{w.accord}}, "a@example.com"},
		{node.MatchList{Name: "x", Selector: "phone", Accords: []string{w.accord}}, "junk"},
		{node.MatchList{Name: "watched", Selector: "phone", Accords: []string{w.accord}}, "0701234568\n" + strings.Repeat("9", 10_000)},
	} {
		if _, err := w.north.LoadMatchList(t.Context(), bad.list, strings.NewReader(bad.text)); !errors.Is(err, node.ErrInvalid) {
			t.Errorf("%+v: %v, want it refused", bad.list, err)
		}
	}
	publish(t, w.north, w.accord, false)
	w.sync(w.north, "south")
	q, err := w.south.AskMatch(t.Context(), node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C-5", Values: []string{"0701234567", "0701234568"}})
	if err != nil || len(q.Hits) != 1 {
		t.Fatalf("question: %+v, %v; a list half replaced would hit twice or never", q, err)
	}
	req, err := w.south.MakeRequest(t.Context(), node.RequestAsk{Accord: w.accord, Case: "C-5", Purpose: "protection", Question: q.ID, Value: q.Hits[0].Value})
	if err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	in, err := w.north.Requests(t.Context())
	if err != nil || len(in) != 1 || !slices.Equal(in[0].Lists, []string{"watched"}) || len(in[0].Objects) != 0 {
		t.Fatalf("north's request: %+v, %v, want the list named and no object", in, err)
	}
	if v, _, err := w.north.AnswerRequest(t.Context(), req.ID, node.RequestAnswer{Release: true}); err != nil || v.State != "declined" {
		t.Errorf("releasing from a list: %+v, %v, want it declined", v, err)
	}
	if err := w.north.DropMatchList(t.Context(), "watched"); err != nil {
		t.Fatal(err)
	}
	if pub := publish(t, w.north, w.accord, true); pub.Held != 0 {
		t.Errorf("after unloading: %+v, want none held", pub)
	}
	w.sync(w.north, "south")
	if q, err = w.south.AskMatch(t.Context(), node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C-5", Values: []string{"0701234567"}}); err != nil || len(q.Hits) != 0 {
		t.Errorf("after unloading: %+v, %v, want no hit", q, err)
	}
}

// Oversight opens what was asked, and sees when it is shown something else.
func TestOversightOpensAQuestion(t *testing.T) {
	w := newWorld(t)
	load(t, w.north, w.accord, "watched", "+93 70 123 4567")
	publish(t, w.north, w.accord, false)
	w.sync(w.north, "south")
	q, err := w.south.AskMatch(t.Context(), node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C-6", Values: []string{"0701234567", "0701234000"}, By: node.User{Name: "Amina"}})
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.south.OpenQuestion(t.Context(), q.ID)
	if err != nil || !o.OK || !slices.Equal(o.Values, []string{"+93701234567", "+93701234000"}) || o.By != "Amina" {
		t.Fatalf("opening: %+v, %v", o, err)
	}
	v, err := accord.VerifyReceipt(o.Receipt)
	if err != nil || o.CheckEvent(v.Event) != nil {
		t.Errorf("the receipt in it: %v, %v", err, o.CheckEvent(v.Event))
	}
	less := o
	less.Values = o.Values[:1]
	if less.Check() == nil {
		t.Error("an opening with a value left out passes")
	}
	other := o
	other.Case = "C-7"
	if other.CheckEvent(v.Event) == nil {
		t.Error("an opening under another case passes")
	}
	if _, err := w.south.OpenQuestion(t.Context(), "nothere"); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("an unknown question: %v", err)
	}
}

// Selectors are found in observables, patterns and text, and answer questions
// within what the gate allows.
func TestSelectorsOfObjects(t *testing.T) {
	n := start(t, "north")
	objects := `{"type":"bundle","id":"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[
{"type":"domain-name","spec_version":"2.1","id":"domain-name--3c10e93f-798e-5a26-a0c1-08156efab7f5","value":"evil.example.com"},
{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","value":"198.51.100.3"},
{"type":"email-addr","spec_version":"2.1","id":"email-addr--2d77a846-6264-5d51-b586-e43822ea1ea3","value":"john@example.com"},
{"type":"file","spec_version":"2.1","id":"file--9a1f834d-2506-5367-baec-7aa63996ac43","hashes":{"SHA-256":"fe90a7e910cb3a4739bed9180e807e93fa70c90f25a8915476f5e4bfbac681db"}},
{"type":"indicator","spec_version":"2.1","id":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","created":"2016-04-06T20:03:48.000Z","modified":"2016-04-06T20:03:48.000Z","pattern":"[url:value = 'http://bad.example.net/x' OR file:hashes.MD5 = '3773a88f65a5e780c8dff9cdc3a056f3' OR domain-name:value NOT = 'good.example.org']","pattern_type":"stix","valid_from":"2016-01-01T00:00:00Z"},
{"type":"note","spec_version":"2.1","id":"note--0c7b5b88-8ff7-4a4d-aa9d-feb398cd0061","created":"2016-05-12T08:17:27.000Z","modified":"2016-05-12T08:17:27.000Z","content":"Called from +93 700 123 456.","object_refs":["indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"]}]}`
	got, err := n.ImportFile(t.Context(), strings.NewReader(objects), "stix", nil)
	if err != nil || got.Taken != 6 {
		t.Fatalf("imported %+v, %v", got, err)
	}
	for kind, want := range map[string][]string{
		"domain": {"evil.example.com"}, "ip": {"198.51.100.3"}, "email": {"john@example.com"}, "url": {"http://bad.example.net/x"},
		"hash":  {"md5:3773a88f65a5e780c8dff9cdc3a056f3", "sha256:fe90a7e910cb3a4739bed9180e807e93fa70c90f25a8915476f5e4bfbac681db"},
		"phone": {"+93700123456"},
	} {
		held, err := n.HeldSelectors(t.Context(), kind)
		if err != nil || !slices.Equal(held, want) {
			t.Errorf("%s: %q, %v, want %q", kind, held, err, want)
		}
	}
}
