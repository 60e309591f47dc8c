package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley.example/parley/accord"
	"parley.example/parley/deconflict"
	"parley.example/parley/internal/node"
)

func TestMain(m *testing.M) {
	// What is tested here does not depend on how far lists are padded.
	deconflict.Sizes = append([]int{128}, deconflict.Sizes...)
	goleak.VerifyTestMain(m)
}

const csvHeader = "id,date,end_date,date_precision,title,text,place,admin1,admin2,country,lat,lon,radius_km,class,kind,organisation,killed_low,killed,killed_high,wounded,source,reliability,credibility,source_sensitive,tlp,phones,plates,claimed_by,blamed\n"

// Two reports: one with a sensitive source and a telephone number, one that is
// for named persons only and has another.
const reports = csvHeader +
	`r1,2026-02-03,,day,Device found at Torkham bazaar,"Informant K saw it being laid.
=== TEARLINE ===
A device was found beside a market road.",Torkham bazaar,Nangarhar,Momand Dara,Afghanistan,34.1230,71.0950,1,civilian,bombing,Lantern Front (fictional),0,2,4,5,Informant K (fictional),B,2,yes,TLP:AMBER,+93 70 123 4567,,,
r2,2026-02-04,,day,Name of a courier,secret,Jalalabad,Nangarhar,Jalalabad,Afghanistan,34.43,70.45,1,civilian,armed-assault,,,,,,Informant L (fictional),A,1,yes,TLP:RED,+93 70 999 0000,,,
`

// world is North and South with Guarantor as witness, paired, with an accord
// in force.
type world struct {
	t                       testing.TB
	north, south, guarantor *node.Node
	northStop, southStop    func()
	northClock              atomic.Int64 // how far north's clock is ahead, a time.Duration
	accord                  string
}

func start(t testing.TB, party string, edit ...func(*node.Options)) *node.Node {
	t.Helper()
	return open(t, initNode(t, party), edit...)
}

func initNode(t testing.TB, party string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	cfg := node.Config{Party: party, Name: strings.ToUpper(party) + " (fictional)", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}
	if _, err := node.Init(dir, cfg); err != nil {
		t.Fatal(err)
	}
	return dir
}

// open opens and runs the node in dir until the test ends.
func open(t testing.TB, dir string, edit ...func(*node.Options)) *node.Node {
	t.Helper()
	n, _ := openStoppable(t, dir, edit...)
	return n
}

func openStoppable(t testing.TB, dir string, edit ...func(*node.Options)) (n *node.Node, stop func()) {
	t.Helper()
	opt := node.Options{Every: -1}
	for _, f := range edit {
		f(&opt)
	}
	n, err := node.Open(t.Context(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- n.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stopping %s: %v", n.Party(), err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("closing %s: %v", n.Party(), err)
		}
	}
	t.Cleanup(stop)
	return n, stop
}

func introduce(t testing.TB, ns ...*node.Node) {
	t.Helper()
	for _, a := range ns {
		for _, b := range ns {
			if a == b {
				continue
			}
			c := b.OwnCard()
			if _, err := a.AddCard(t.Context(), []byte(c.Note), c.Fingerprint); err != nil {
				t.Fatalf("%s takes the card of %s: %v", a.Party(), b.Party(), err)
			}
		}
	}
}

func draft(members ...string) node.Draft {
	return node.Draft{
		Title: "Exercise accord", Members: members, Witnesses: []string{"guarantor"},
		Purposes: []string{"protection"}, LegalBases: []string{"exercise order"}, ObjectTypes: []string{"incident"},
		Ceiling: accord.Ceiling{Rung: accord.Tearline, TLP: "TLP:AMBER", PlaceKM: 20, Time: "week"}, Start: accord.Tearline,
		Match:         []accord.MatchRule{{Kind: "phone", Quota: 100}, {Kind: "plate", Quota: 100}},
		RetentionDays: 90, Suspension: "content stops at once; ledgers go on",
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldUnder(t, func(*node.Draft) {})
}

// newWorldUnder is newWorld with other terms.
func newWorldUnder(t testing.TB, edit func(*node.Draft)) *world {
	t.Helper()
	w := &world{t: t, guarantor: start(t, "guarantor")}
	w.north, w.northStop = openStoppable(t, initNode(t, "north"), func(o *node.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(w.northClock.Load())) }
	})
	w.south, w.southStop = openStoppable(t, initNode(t, "south"))
	w.agree(edit)
	return w
}

// agree pairs the three nodes and brings the accord in force.
func (w *world) agree(edit func(*node.Draft)) {
	t := w.t
	t.Helper()
	introduce(t, w.north, w.south, w.guarantor)
	d := draft("north", "south")
	edit(&d)
	if err := w.north.SaveDraft(t.Context(), "d", d); err != nil {
		t.Fatal(err)
	}
	a, err := w.north.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	w.accord = a.ID
	w.sync(w.north, "south")
	if got, _ := w.south.ShowAccord(t.Context(), a.ID); got.State != accord.Offered {
		t.Fatalf("south sees %q before signing, want offered", got.State)
	}
	if _, err := w.south.SignAccord(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
}

func (w *world) sync(n *node.Node, to ...string) {
	w.t.Helper()
	for _, p := range to {
		if err := n.Sync(w.t.Context(), w.accord, p); err != nil {
			w.t.Fatalf("%s → %s: %v", n.Party(), p, err)
		}
	}
}

func (w *world) importReports() (taken []string) {
	w.t.Helper()
	got, err := w.north.ImportFile(w.t.Context(), strings.NewReader(reports), "", nil)
	if err != nil || got.Taken != 2 {
		w.t.Fatalf("import: %+v, %v", got, err)
	}
	ins, _, err := w.north.Incidents(w.t.Context(), node.IncidentFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, title := range []string{"Device found", "Name of a courier"} {
		i := slices.IndexFunc(ins, func(x node.Incident) bool { return strings.HasPrefix(x.Title, title) })
		taken = append(taken, ins[i].ID)
	}
	return taken
}

func TestAccordIsTheSameBytesOnBothSides(t *testing.T) {
	w := newWorld(t)
	a, err := w.north.ShowAccord(t.Context(), w.accord)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.south.ShowAccord(t.Context(), w.accord[:8])
	if err != nil {
		t.Fatal(err)
	}
	if a.State != accord.InForce || b.State != accord.InForce {
		t.Errorf("north sees %q, south %q, want in force on both", a.State, b.State)
	}
	if a.Text != b.Text || a.ID != b.ID {
		t.Error("the signed text differs between the two nodes")
	}
}

func TestReleaseLeavesAsTearline(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	ask := node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection", DryRun: true}
	dry, err := w.north.ReleaseObject(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if dry.Released || dry.Outcome.String() != "tearline" {
		t.Fatalf("dry run: released %v, outcome %v", dry.Released, dry.Outcome)
	}
	ask.DryRun = false
	rel, err := w.north.ReleaseObject(t.Context(), ask)
	if err != nil || !rel.Released {
		t.Fatalf("release: %+v, %v", rel, err)
	}
	for _, secret := range []string{"Informant", "Torkham", "Momand", "123 4567", "931234567", "r1", ids[0]} {
		if strings.Contains(string(rel.Tearline), secret) {
			t.Errorf("the extract tells %q:\n%s", secret, rel.Tearline)
		}
	}
	w.sync(w.north, "south", "guarantor")
	items, err := w.south.Inbox(t.Context(), 0)
	if err != nil || len(items) != 1 {
		t.Fatalf("south's inbox: %v, %v", items, err)
	}
	it := items[0]
	if it.Marking != "TLP:AMBER" || it.Grading != "B2" || it.Provenance.Digest != rel.Digest || it.From != "north" {
		t.Errorf("inbox item %+v", it)
	}
	full, err := w.south.InboxItem(t.Context(), it.ID)
	if err != nil || string(full.Object) != string(rel.Tearline) {
		t.Errorf("what arrived is not what left: %v", err)
	}
	// South holds it, says so, and both have countersigned.
	w.sync(w.south, "north")
	lv, err := w.north.Ledger(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lv.Logs {
		if l.Party == "north" && (!slices.Equal(l.CosignedBy, []string{"south"}) || !slices.Equal(l.WitnessedBy, []string{"guarantor"})) {
			t.Errorf("north's log: cosigned by %v, witnessed by %v", l.CosignedBy, l.WitnessedBy)
		}
	}
	ov, err := w.north.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ov.Partners {
		if p.WaitingOut != 0 {
			t.Errorf("%d bodies still wait for %s after it confirmed them", p.WaitingOut, p.Party)
		}
	}
	file, err := w.north.Receipt(t.Context(), rel.Event.Log, rel.Event.Index)
	if err != nil {
		t.Fatal(err)
	}
	v, err := accord.VerifyReceipt(file)
	if err != nil || !slices.Equal(v.Members, []string{"south"}) || !slices.Equal(v.Witnesses, []string{"guarantor"}) {
		t.Errorf("receipt: members %v, witnesses %v, %v", v.Members, v.Witnesses, err)
	}
}

func TestWitnessSeesCommitmentsOnly(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	if _, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"}); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south", "guarantor")
	w.sync(w.south, "guarantor")
	held, err := w.guarantor.Held(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if held.Leaves != 0 || held.Events != 0 || held.Objects != 0 || held.Inbox != 0 || held.Witnessed != 2 {
		t.Errorf("the witness holds %+v, want two witnessed logs and nothing else", held)
	}
}

func TestTheGateWithholds(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[1], Accord: w.accord, Purpose: "curiosity"})
	if err != nil || rel.Released {
		t.Fatalf("released %v, %v", rel.Released, err)
	}
	var rules []string
	for _, r := range rel.Reasons {
		if r.Outcome.String() == "withhold" {
			rules = append(rules, r.Rule)
		}
	}
	if !slices.Contains(rules, "marking") || !slices.Contains(rules, "purpose") {
		t.Errorf("rules that withheld: %v, want every one that did, marking and purpose among them", rules)
	}
	lv, _ := w.north.Ledger(t.Context(), "", 0)
	for _, e := range lv.Events {
		if e.Kind == "released" {
			t.Error("a withheld object left an event of release")
		}
	}
}

func TestPrivateQuestion(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	pub, err := w.north.PublishMatch(t.Context(), w.accord, "phone", false)
	if err != nil {
		t.Fatal(err)
	}
	// The number in the report for named persons only is not matchable.
	if pub.Held != 1 {
		t.Errorf("the filter covers %d values, want 1", pub.Held)
	}
	w.sync(w.north, "south")
	ask := node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C-7", Values: []string{"0093701234567", "+93 70 999 0000", "not a number"}}
	for _, last := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		ask.Values = append(ask.Values, "+93 70 555 000"+last)
	}
	q, err := w.south.AskMatch(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if q.State != "answered" || q.Count != 10 || len(q.Hits) != 1 || q.Hits[0].Asked != "0093701234567" || len(q.Problems) != 1 {
		t.Fatalf("question: %+v", q)
	}
	lv, err := w.north.Ledger(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range lv.Events {
		if e.Kind == "match-asked" {
			found = strings.Contains(e.Summary, "10 of kind phone") && strings.Contains(e.Summary, "C-7")
		}
		if strings.Contains(e.Summary, "1234567") {
			t.Errorf("north's ledger tells a number: %s", e.Summary)
		}
	}
	if !found {
		t.Error("north's ledger does not show that ten were asked under the case")
	}
	if q.Left != 90 {
		t.Errorf("quota left %d, want 90", q.Left)
	}

	// A request follows on the hit, and a person answers it through the gate.
	req, err := w.south.MakeRequest(t.Context(), node.RequestAsk{Accord: w.accord, Case: "C-7", Purpose: "protection", Question: q.ID, Value: q.Hits[0].Value})
	if err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	in, err := w.north.Requests(t.Context())
	if err != nil || len(in) != 1 || len(in[0].Objects) != 1 || in[0].Objects[0].ID != ids[0] {
		t.Fatalf("north's requests: %+v, %v", in, err)
	}
	v, rel, err := w.north.AnswerRequest(t.Context(), req.ID, node.RequestAnswer{Release: true})
	if err != nil || v.State != "answered" || rel == nil || !rel.Released {
		t.Fatalf("answer: %+v, %+v, %v", v, rel, err)
	}
	w.sync(w.north, "south")
	out, err := w.south.Requests(t.Context())
	if err != nil || out[0].State != "answered" || len(out[0].Objects) != 1 {
		t.Errorf("south's request: %+v, %v", out, err)
	}
}

func TestQuotaIsEnforcedByTheHolder(t *testing.T) {
	w := newWorld(t)
	w.importReports()
	if _, err := w.north.PublishMatch(t.Context(), w.accord, "phone", false); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	ask := node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C-8"}
	for i := range 60 {
		ask.Values = append(ask.Values, "+93 70 555 00"+string(rune('0'+i/10))+string(rune('0'+i%10)))
	}
	if q, err := w.south.AskMatch(t.Context(), ask); err != nil || q.State != "answered" || q.Left != 40 {
		t.Fatalf("first question: %+v, %v", q, err)
	}
	q, err := w.south.AskMatch(t.Context(), ask)
	if err != nil || q.State != "refused" || !strings.Contains(q.Reason, "quota") {
		t.Errorf("second question: state %q (%s), %v, want refused by quota", q.State, q.Reason, err)
	}
}

// What does not exist and what is withheld are answered with the same bytes.
func TestUnknownAndForbiddenLookAlike(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	var replies []string
	for _, object := range []string{ids[1], "incident--00000000-0000-4000-8000-000000000000"} {
		req, err := w.south.MakeRequest(t.Context(), node.RequestAsk{Accord: w.accord, Case: "C-9", Purpose: "protection", Object: object})
		if err != nil {
			t.Fatal(err)
		}
		w.sync(w.south, "north")
		if _, _, err := w.north.AnswerRequest(t.Context(), req.ID, node.RequestAnswer{Release: true}); err != nil {
			t.Fatal(err)
		}
		w.sync(w.north, "south")
		events, err := w.south.EventData(t.Context(), w.accord, "north", "request-answered")
		if err != nil || len(events) != len(replies)+1 {
			t.Fatalf("answers at south: %d, %v", len(events), err)
		}
		replies = append(replies, strings.ReplaceAll(string(events[len(events)-1]), req.ID, "ID"))
	}
	if replies[0] != replies[1] {
		t.Errorf("withheld is answered %s\nnot there is answered %s", replies[0], replies[1])
	}
	reqs, _ := w.south.Requests(t.Context())
	if reqs[0].State != reqs[1].State || reqs[0].Reason != reqs[1].Reason || reqs[0].State != "declined" {
		t.Errorf("south sees %q (%s) and %q (%s)", reqs[0].State, reqs[0].Reason, reqs[1].State, reqs[1].Reason)
	}
}

func TestSuspendAndResume(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	w.sync(w.north, "south", "guarantor")
	if _, err := w.north.Suspend(t.Context(), w.accord, "possible leak"); err != nil {
		t.Fatal(err)
	}
	rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"})
	if err != nil || rel.Released {
		t.Fatalf("released during our own suspension: %v, %v", rel.Released, err)
	}
	// South learns of it through the ledgers, which go on, and is refused.
	w.sync(w.south, "north")
	for name, do := range map[string]func() error{
		"request": func() error {
			_, err := w.south.MakeRequest(t.Context(), node.RequestAsk{Accord: w.accord, Case: "C", Purpose: "protection", Object: ids[0]})
			return err
		},
		"question": func() error {
			_, err := w.south.AskMatch(t.Context(), node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C", Values: []string{"+93 70 123 4567"}})
			return err
		},
	} {
		if err := do(); !errors.Is(err, node.ErrState) || !strings.Contains(err.Error(), "possible leak") {
			t.Errorf("%s while suspended: got %v, want a refusal with the reason", name, err)
		}
	}
	// Both go on working alone.
	if got, err := w.south.ImportFile(t.Context(), strings.NewReader(reports), "", nil); err != nil || got.Taken != 2 {
		t.Errorf("south's own work: %+v, %v", got, err)
	}
	if _, err := w.north.Resume(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	if rel, err = w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"}); err != nil || !rel.Released {
		t.Fatalf("after resuming: %v, %v", rel.Released, err)
	}
	w.sync(w.north, "south")
	if items, err := w.south.Inbox(t.Context(), 0); err != nil || len(items) != 1 {
		t.Errorf("after resuming south has %d items, %v", len(items), err)
	}
}

// A release made before a suspension and not delivered yet waits, and arrives
// after resuming; in between the ledger tells of it and its content does not.
func TestContentReleasedBeforeASuspensionWaits(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	w.sync(w.north, "south")
	if _, err := w.south.Suspend(t.Context(), w.accord, "our turn"); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	if rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"}); err != nil || rel.Released {
		t.Fatalf("the partner's suspension did not stop the gate: %v", err)
	}
	if _, err := w.south.Resume(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	// The line is down while North releases and then suspends.
	w.down(func(restart func()) {
		if rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"}); err != nil || !rel.Released {
			t.Fatalf("release: %v", err)
		}
		if err := w.north.Sync(t.Context(), w.accord, "south"); err == nil {
			t.Fatal("exchange with a node that is down succeeded")
		}
		if _, err := w.north.Suspend(t.Context(), w.accord, "pause"); err != nil {
			t.Fatal(err)
		}
		restart()
	})
	w.sync(w.north, "south")
	if items, _ := w.south.Inbox(t.Context(), 0); len(items) != 0 {
		t.Fatal("content passed a suspended accord")
	}
	if ev, _ := w.south.EventData(t.Context(), w.accord, "north", "released"); len(ev) != 1 {
		t.Fatalf("the ledger shows %d releases during the suspension, want 1", len(ev))
	}
	if _, err := w.north.Resume(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	if items, _ := w.south.Inbox(t.Context(), 0); len(items) != 1 {
		t.Error("what waited did not arrive after resuming")
	}
}

// down stops South while fn runs; restart brings it back.
func (w *world) down(fn func(restart func())) {
	dir := w.south.Dir()
	w.southStop()
	fn(func() { w.south, w.southStop = openStoppable(w.t, dir) })
}

func TestImportAccountsForEveryRow(t *testing.T) {
	n := start(t, "north")
	broken := csvHeader +
		"a,2026-01-05,,day,First,,Quetta,Balochistan,,Pakistan,30.18,66.99,5,civilian,bombing,,,1,,,Press,C,3,no,TLP:GREEN,,,,\n" +
		"b,2026-02-30,,day,No such day,,Quetta,Balochistan,,Pakistan,30.18,66.99,5,civilian,bombing,,,dozens,,,Press,C,3,no,TLP:GREEN,,,,\n" +
		"c,2026-01-06\n" +
		"d,2026-01-07,,day,Last,,Quetta,Balochistan,,Pakistan,30.18,66.99,5,civilian,bombing,,,1,,,Press,C,3,no,TLP:GREEN,,,,\n"
	got, err := n.ImportFile(t.Context(), strings.NewReader(broken), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Items != 4 || got.Taken != 2 || len(got.Refused) != 2 {
		t.Errorf("account %+v, want 4 rows, 2 taken, 2 refused", got)
	}
	for _, r := range got.Refused {
		if r.Item == 2 && (!strings.Contains(r.Reason, "dozens") || !strings.Contains(r.Reason, "2026-02-30")) {
			t.Errorf("row 2 is refused with %q, want every reason", r.Reason)
		}
	}
	if again, err := n.ImportFile(t.Context(), strings.NewReader(broken), "", nil); err != nil || again.Taken != 0 || again.Known != 2 {
		t.Errorf("imported again: %+v, %v", again, err)
	}
	dup := `{"type":"bundle","id":"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[{"type":"identity","type":"identity","id":"identity--5d0092c5-5f74-4287-9642-33f4c354e56d"}]}`
	got, err = n.ImportFile(t.Context(), strings.NewReader(dup), "", nil)
	if err == nil && (got.Taken != 0 || len(got.Refused) != 1) {
		t.Errorf("bundle with duplicate keys: %+v, want it refused with a reason", got)
	}
	if err != nil && !strings.Contains(err.Error(), "type") {
		t.Errorf("bundle with duplicate keys: %v, want the key named", err)
	}
}

func TestRungsNeedBothToRise(t *testing.T) {
	w := newWorld(t)
	if _, err := w.north.SetRung(t.Context(), w.accord, "south", accord.Contact); err != nil {
		t.Fatal(err)
	}
	ids := w.importReports()
	if rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"}); err != nil || rel.Released {
		t.Errorf("released at rung contact: %v, %v", rel.Released, err)
	}
	if _, err := w.north.SetRung(t.Context(), w.accord, "south", accord.Tearline); err != nil {
		t.Fatal(err)
	}
	rung := func(n *node.Node) string {
		a, err := n.ShowAccord(t.Context(), w.accord)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range a.Rungs {
			if r.From == "north" && r.To == "south" {
				return r.Rung
			}
		}
		return ""
	}
	if got := rung(w.north); got != "contact" {
		t.Errorf("an offer alone raised the rung to %s", got)
	}
	w.sync(w.north, "south")
	if _, err := w.south.AcceptRung(t.Context(), w.accord, "north"); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	if a, b := rung(w.north), rung(w.south); a != "tearline" || b != "tearline" {
		t.Errorf("after acceptance north sees %s, south %s", a, b)
	}
}

func TestWatchShowsACard(t *testing.T) {
	n := start(t, "north")
	var b strings.Builder
	b.WriteString(csvHeader)
	day := time.Date(2020, 1, 6, 0, 0, 0, 0, time.UTC)
	for i := range 60 {
		d := day.AddDate(0, 0, 14*i)
		b.WriteString("w" + d.Format("20060102") + "," + d.Format(time.DateOnly) + ",,day,Attack,,Quetta,Balochistan,,Pakistan,30.18,66.99,5,civilian,bombing,,,1,,,Press,C,3,no,TLP:GREEN,,,,\n")
	}
	if got, err := n.ImportFile(t.Context(), strings.NewReader(b.String()), "", nil); err != nil || got.Taken != 60 {
		t.Fatalf("%+v, %v", got, err)
	}
	w, err := n.Watch(t.Context(), 4, "", 0)
	if err != nil || len(w.Areas) != 1 || w.Areas[0].Area != "Balochistan" {
		t.Fatalf("%+v, %v", w, err)
	}
	if a := w.Areas[0]; a.P < 0.5 || a.P > 1 || a.Total != 60 || len(a.Counts) != len(w.Weeks) {
		t.Errorf("card %+v", a)
	}
	if _, err := n.Watch(t.Context(), 0, "", 0); !errors.Is(err, node.ErrInvalid) {
		t.Errorf("horizon 0: %v", err)
	}
	if b, _ := json.Marshal(w); !json.Valid(b) {
		t.Error("the watch does not encode (NaN?)")
	}
}

func TestInitRefusesAFolderInUse(t *testing.T) {
	n := start(t, "north")
	_, err := node.Init(n.Dir(), node.Config{Party: "north", Name: "x", Link: "127.0.0.1:0", Console: "127.0.0.1:0"})
	if !errors.Is(err, node.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
	if _, err := node.Open(t.Context(), filepath.Join(t.TempDir(), "none"), node.Options{}); err == nil || !strings.Contains(err.Error(), "parley init") {
		t.Errorf("opening nothing: %v, want to be told of parley init", err)
	}
}

// stopping is a context that ends when it was asked often enough.
type stopping struct {
	context.Context
	left *atomic.Int64
}

func (s stopping) Err() error {
	if s.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// An import that is stopped keeps what it stored, and the same file goes on
// there; another file begins anew.
func TestImportIsStoppedAndGoesOn(t *testing.T) {
	n := start(t, "north")
	tool := func(i int) string {
		return fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-%012d","created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","name":"t"}`, i)
	}
	const items = 2500
	objects := make([]string, items)
	for i := range objects {
		if objects[i] = tool(i); i == 10 || i == 2400 {
			objects[i] = `{"type":"tool"}`
		}
	}
	file := `{"type":"bundle","objects":[` + strings.Join(objects, ",") + "]}"
	var left atomic.Int64
	left.Store(items + 2300) // it is asked at each item, in both readings
	_, err := n.Import(stopping{t.Context(), &left}, strings.NewReader(file), node.ImportAsk{Run: "a", Name: "tools.json"})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "again to go on") {
		t.Fatalf("stopped import: %v", err)
	}
	runs, err := n.Imports(t.Context())
	if err != nil || len(runs) != 1 || runs[0].Running || runs[0].Name != "tools.json" || runs[0].Done != 2000 || runs[0].Of != items {
		t.Fatalf("imports %+v, %v", runs, err)
	}
	if other, err := n.ImportFile(t.Context(), strings.NewReader(tool(9999)), "", nil); err != nil || other.Continued != 0 || other.Taken != 1 {
		t.Errorf("another file: %+v, %v", other, err)
	}
	got, err := n.ImportFile(t.Context(), strings.NewReader(file), "", nil)
	if err != nil || got.Items != items || got.Taken != items-2 || got.Known != 0 || len(got.Refused) != 2 || got.Continued != 2000 {
		t.Fatalf("went on: %d items, %d taken, %d known, %d refused, %d before; %v", got.Items, got.Taken, got.Known, len(got.Refused), got.Continued, err)
	}
	if got.Refused[0].Item != 11 || got.Refused[1].Item != 2401 {
		t.Errorf("refused %+v", got.Refused)
	}
	if runs, _ := n.Imports(t.Context()); len(runs) != 0 {
		t.Errorf("left: %+v", runs)
	}
}

// A file that does not read to its end leaves nothing behind, however much of
// it is good.
func TestImportOfABrokenFileLeavesNothing(t *testing.T) {
	n := start(t, "north")
	var b strings.Builder
	b.WriteString(`{"type":"bundle","objects":[`)
	for i := range 2100 {
		fmt.Fprintf(&b, `{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-%012d","created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","name":"t"},`, i)
	}
	b.WriteString(`{"type":"tool"`)
	if _, err := n.ImportFile(t.Context(), strings.NewReader(b.String()), "stix", nil); !errors.Is(err, node.ErrInvalid) {
		t.Fatalf("broken file: %v", err)
	}
	found, err := n.Search(t.Context(), node.SearchAsk{Types: []string{"tool"}})
	if err != nil || len(found.Objects) != 0 {
		t.Errorf("%d objects, %v", len(found.Objects), err)
	}
	if runs, _ := n.Imports(t.Context()); len(runs) != 0 {
		t.Errorf("left: %+v", runs)
	}
}
