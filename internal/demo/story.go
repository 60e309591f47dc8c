// Package demo plays Parley's story over real nodes: three processes with
// their own folders, keys, databases and consoles, driven through the same
// interfaces that people use. Its world is invented; only the places are real.
// Every step checks what it claims and fails when it is not so.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/client"
	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

// Options say how to play.
type Options struct {
	Binary string   // the parley binary
	Dir    string   // where the nodes' folders go; must be empty or not exist
	Data   []string // files that North imports besides its invented world
	Seed   uint64
	Say    func(string) // progress in words; nil for none
}

// Evidence is what a step measured or saw.
type Evidence map[string]any

// Step is one step of the story.
type Step struct {
	Step     int      `json:"step"`
	Title    string   `json:"title"`
	OK       bool     `json:"ok"`
	Seconds  float64  `json:"seconds"`
	Evidence Evidence `json:"evidence"`
	Error    string   `json:"error,omitempty"`
}

// Row is a row of the mission that this version answers.
type Row struct {
	Row      string   `json:"row"`
	OK       bool     `json:"ok"`
	Evidence Evidence `json:"evidence"`
}

// Result is the whole account. Rows of the mission that are not built yet are
// absent.
type Result struct {
	Rows    []Row    `json:"rows"`
	Steps   []Step   `json:"steps"`
	OK      bool     `json:"ok"`
	Seconds float64  `json:"seconds"`
	Memory  Evidence `json:"memory_bytes"` // resident, by node, at the end
	Notice  string   `json:"notice"`
}

// missionRows says which steps answer which row.
var missionRows = []struct {
	row   string
	steps []int
}{
	{"M1", []int{1, 2, 3, 4, 5}}, {"M2", []int{2, 5}}, {"M3", []int{8}}, {"M4", []int{10}}, {"M5", []int{5, 6}},
	{"M6", []int{12}}, {"M7", []int{11}}, {"M8", []int{9}}, {"M9", []int{9}}, {"M10", []int{7}},
}

// World is a running demonstration.
type World struct {
	opt                     Options
	north, south, guarantor *process
	accord                  string
	released                node.Release
	receipt                 []byte
	result                  Result
}

// Play makes the three nodes and plays the story. The nodes go on running
// until Stop. The result is complete even where a step failed; the error then
// says which.
func Play(ctx context.Context, opt Options) (*World, error) {
	if opt.Say == nil {
		opt.Say = func(string) {}
	}
	w := &World{opt: opt, result: Result{Rows: []Row{}, Steps: []Step{}, Memory: Evidence{}, Notice: Notice}}
	begin := time.Now()
	var failed error
	for i, s := range []struct {
		title string
		play  func(context.Context, Evidence) error
	}{
		{"Three nodes make their cards and exchange invitations", w.pair},
		{"North drafts an accord, South signs it, both show it in force", w.agree},
		{"North imports what it knows", w.importAll},
		{"The gate lets a report pass as a tearline", w.release},
		{"South receives, verifies and counter-signs; Guarantor sees commitments only", w.deliver},
		{"A receipt proves it offline and rejects any flipped bit", w.prove},
		{"South asks without telling and requests what it hit", w.ask},
		{"North suspends; nothing leaks; it resumes and what waited arrives", w.suspend},
		{"The watch reads quiet as a warning", w.watch},
		{"South says what use it had; both compute the same account", w.account},
		{"The watch looks beyond the last place and plans cover that leaves nothing bare", w.cover},
		{"Both find out blindly that their plans collide, and then work together", w.together},
	} {
		opt.Say(fmt.Sprintf("%d. %s", i+1, s.title))
		st := Step{Step: i + 1, Title: s.title, Evidence: Evidence{}}
		t := time.Now()
		err := s.play(ctx, st.Evidence)
		st.Seconds, st.OK = round(time.Since(t).Seconds()), err == nil
		if err != nil {
			st.Error = err.Error()
			failed = fmt.Errorf("step %d (%s): %w", i+1, s.title, err)
		}
		w.result.Steps = append(w.result.Steps, st)
		if failed != nil {
			break
		}
	}
	w.result.OK, w.result.Seconds = failed == nil, round(time.Since(begin).Seconds())
	for _, m := range missionRows {
		row := Row{Row: m.row, OK: true, Evidence: Evidence{}}
		for _, n := range m.steps {
			if n > len(w.result.Steps) {
				row.OK = false
				continue
			}
			st := w.result.Steps[n-1]
			row.OK = row.OK && st.OK
			row.Evidence[fmt.Sprintf("step %d", n)] = st.Evidence
		}
		w.result.Rows = append(w.result.Rows, row)
	}
	for _, p := range w.nodes() {
		w.result.Memory[p.party] = p.memory()
	}
	return w, failed
}

func round(s float64) float64 { return float64(int(s*1000+0.5)) / 1000 }

// Result is the account of the story.
func (w *World) Result() Result { return w.result }

func (w *World) nodes() []*process {
	return slices.DeleteFunc([]*process{w.north, w.south, w.guarantor}, func(p *process) bool { return p == nil })
}

// Stop stops the nodes.
func (w *World) Stop() error {
	var errs []error
	for _, p := range w.nodes() {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}

// Links makes a one-time link to each console.
func (w *World) Links(ctx context.Context) (map[string]string, error) {
	out := make(map[string]string)
	for _, p := range w.nodes() {
		var l struct {
			Link string `json:"link"`
		}
		if err := p.Post(ctx, "/links", node.User{Name: "Duty officer (fictional)", Role: node.Officer}, &l); err != nil {
			return nil, err
		}
		out[p.party] = l.Link
	}
	return out, nil
}

func (w *World) pair(ctx context.Context, ev Evidence) error {
	names := map[string]string{
		"north":     "Northern Border Directorate (fictional)",
		"south":     "Southern Frontier Bureau (fictional)",
		"guarantor": "Guarantor Secretariat (fictional)",
	}
	for _, party := range []string{"north", "south", "guarantor"} {
		p, err := newProcess(ctx, w.opt.Binary, filepath.Join(w.opt.Dir, party), party, names[party])
		if err != nil {
			return err
		}
		switch party {
		case "north":
			w.north = p
		case "south":
			w.south = p
		default:
			w.guarantor = p
		}
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	folder := filepath.Join(w.opt.Dir, "invitations")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	prints := Evidence{}
	for _, a := range w.nodes() {
		var card node.Card
		if err := a.Get(ctx, "/card", nil, &card); err != nil {
			return err
		}
		file := filepath.Join(folder, a.party+".card")
		if err := os.WriteFile(file, []byte(card.Note), 0o644); err != nil {
			return err
		}
		prints[a.party] = card.Fingerprint
		for _, b := range w.nodes() {
			if a == b {
				continue
			}
			if out, err := b.run(ctx, "card", "add", file, "--fingerprint", card.Fingerprint); err != nil {
				return fmt.Errorf("%s takes the card of %s: %w: %s", b.party, a.party, err, out)
			}
		}
		w.opt.Say("   " + a.party + " " + card.Fingerprint)
	}
	ev["fingerprints"] = prints
	return nil
}

func (w *World) agree(ctx context.Context, ev Evidence) error {
	draft := node.Draft{
		Title:   "Exchange on attacks in the border districts (fictional)",
		Members: []string{"north", "south"}, Witnesses: []string{"guarantor"},
		Purposes: []string{"protection", "border control"}, LegalBases: []string{"Exercise Order 7 (fictional)"}, ObjectTypes: []string{"incident"},
		Ceiling: accord.Ceiling{Rung: accord.Joint, TLP: "TLP:AMBER", PlaceKM: 20, Time: "week"}, Start: accord.Tearline,
		Match:         []accord.MatchRule{{Kind: "phone", Quota: 1000}, {Kind: "plate", Quota: 200}, {Kind: "footprint", Quota: 100}},
		RetentionDays: 180, Onward: "none",
		Suspension: "Either member may suspend at once. Content stops; the ledgers go on being reconciled.",
	}
	if err := w.north.Post(ctx, "/drafts/border", draft, nil); err != nil {
		return err
	}
	var offered node.Accord
	if err := w.north.Post(ctx, "/drafts/border/offer", nil, &offered); err != nil {
		return err
	}
	w.accord = offered.ID
	if err := w.sync(ctx, w.north, "south"); err != nil {
		return err
	}
	if err := w.south.Post(ctx, "/accords/"+w.accord+"/sign", nil, nil); err != nil {
		return err
	}
	if err := w.sync(ctx, w.south, "north"); err != nil {
		return err
	}
	var texts []string
	for _, p := range []*process{w.north, w.south} {
		var a node.Accord
		if err := p.Get(ctx, "/accords/"+w.accord, nil, &a); err != nil {
			return err
		}
		if a.State != accord.InForce {
			return fmt.Errorf("%s shows the accord as %s", p.party, a.State)
		}
		texts = append(texts, a.Text)
		ev[p.party] = a.State
	}
	if texts[0] != texts[1] {
		return errors.New("the signed texts differ")
	}
	ev["accord"], ev["signed_bytes"], ev["identical"] = w.accord, len(texts[0]), true
	return nil
}

// sync exchanges parcels now, rather than when the node would do so by itself.
func (w *World) sync(ctx context.Context, p *process, with ...string) error {
	for _, to := range with {
		if err := p.Post(ctx, "/sync", map[string]string{"accord": w.accord, "party": to}, nil); err != nil {
			return fmt.Errorf("%s and %s exchange parcels: %w", p.party, to, err)
		}
	}
	return nil
}

func (w *World) importAll(ctx context.Context, ev Evidence) error {
	for _, p := range []*process{w.north, w.south} {
		var world bytes.Buffer
		if err := writeWorld(&world, p.party, w.opt.Seed); err != nil {
			return err
		}
		file := filepath.Join(w.opt.Dir, p.party+"-world.csv")
		if err := os.WriteFile(file, world.Bytes(), 0o644); err != nil {
			return err
		}
		got, err := importFile(ctx, p, file)
		if err != nil {
			return err
		}
		if len(got.Refused) > 0 {
			return fmt.Errorf("%s refuses rows of its own world: %v", p.party, got.Refused[0])
		}
		ev[p.party+" world"] = Evidence{"items": got.Items, "taken": got.Taken}
	}
	for _, name := range w.opt.Data {
		begin := time.Now()
		got, err := importFile(ctx, w.north, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if got.Taken+got.Known+len(got.Refused) != got.Items {
			return fmt.Errorf("%s: %d items, of which %d are not accounted for", name, got.Items, got.Items-got.Taken-got.Known-len(got.Refused))
		}
		s := time.Since(begin).Seconds()
		ev[filepath.Base(name)] = Evidence{
			"format": got.Format, "items": got.Items, "taken": got.Taken, "known": got.Known, "refused": len(got.Refused),
			"reasons": got.Refused[:min(len(got.Refused), 10)], "per_second": int(float64(got.Items) / s),
		}
		w.opt.Say(fmt.Sprintf("   %s: %d items, %d taken, %d refused, %.0f a second", filepath.Base(name), got.Items, got.Taken, len(got.Refused), float64(got.Items)/s))
	}
	return nil
}

func importFile(ctx context.Context, p *process, name string) (node.Import, error) {
	var got node.Import
	f, err := os.Open(name)
	if err != nil {
		return got, err
	}
	defer f.Close()
	return got, p.Send(ctx, "/import", nil, f, &got)
}

// find returns the id of North's own incident with a title.
func (w *World) find(ctx context.Context, title string) (string, error) {
	var out struct {
		Incidents []node.Incident `json:"incidents"`
	}
	q := url.Values{"from": {"2026-06-20"}, "limit": {"1000"}}
	if err := w.north.Get(ctx, "/incidents", q, &out); err != nil {
		return "", err
	}
	for _, in := range out.Incidents {
		if in.Title == title && in.From == "" {
			return in.ID, nil
		}
	}
	return "", fmt.Errorf("North holds no report called %q", title)
}

// decision is the gate's answer as it travels.
type decision struct {
	node.Release
	Outcome string `json:"outcome"`
	Reasons []struct {
		Rule    string `json:"rule"`
		Outcome string `json:"outcome"`
		Text    string `json:"text"`
	} `json:"reasons"`
}

func (w *World) ask4(ctx context.Context, object string, dry bool) (decision, error) {
	var d decision
	err := w.north.Post(ctx, "/release", node.ReleaseAsk{Object: object, Accord: w.accord, Purpose: "protection", DryRun: dry}, &d)
	return d, err
}

func (w *World) release(ctx context.Context, ev Evidence) error {
	id, err := w.find(ctx, reportTitle)
	if err != nil {
		return err
	}
	dry, err := w.ask4(ctx, id, true)
	if err != nil {
		return err
	}
	if dry.Released {
		return errors.New("a dry run released")
	}
	d, err := w.ask4(ctx, id, false)
	if err != nil {
		return err
	}
	if d.Outcome != "tearline" || !d.Released {
		return fmt.Errorf("the gate says %s, released %v", d.Outcome, d.Released)
	}
	for _, secret := range []string{"KESTREL", secretVillage, "34.2486", "70.8697", "2026-06-23", id} {
		if !strings.Contains(string(d.Original), secret) {
			return fmt.Errorf("the original lacks %q", secret)
		}
		if strings.Contains(string(d.Tearline), secret) {
			return fmt.Errorf("the tearline copy tells %q", secret)
		}
	}
	w.released = d.Release
	ev["outcome"], ev["reasons"], ev["redactions"], ev["event"] = d.Outcome, d.Reasons, d.Redactions, d.Event
	return nil
}

func (w *World) deliver(ctx context.Context, ev Evidence) error {
	if err := w.sync(ctx, w.north, "south"); err != nil {
		return err
	}
	if err := w.sync(ctx, w.south, "north", "guarantor"); err != nil {
		return err
	}
	if err := w.sync(ctx, w.north, "guarantor", "south"); err != nil {
		return err
	}
	it, err := w.inbox(ctx, func(it node.Item) bool { return it.Provenance.Digest == w.released.Digest })
	if err != nil {
		return err
	}
	if it.Marking != "TLP:AMBER" || it.Grading != "B2" || it.Provenance.Index != w.released.Event.Index {
		return fmt.Errorf("South's inbox shows marking %q, grading %q, event %d", it.Marking, it.Grading, it.Provenance.Index)
	}
	var held node.Held
	if err := w.guarantor.Get(ctx, "/held", nil, &held); err != nil {
		return err
	}
	if held.Leaves != 0 || held.Events != 0 || held.Objects != 0 || held.Inbox != 0 || held.Witnessed != 2 {
		return fmt.Errorf("Guarantor holds more than signed checkpoints: %+v", held)
	}
	var lv node.LedgerView
	if err := w.north.Get(ctx, "/ledger", nil, &lv); err != nil {
		return err
	}
	for _, l := range lv.Logs {
		if l.Party == "north" && (!slices.Contains(l.CosignedBy, "south") || !slices.Contains(l.WitnessedBy, "guarantor")) {
			return fmt.Errorf("North's log is cosigned by %v and witnessed by %v", l.CosignedBy, l.WitnessedBy)
		}
	}
	ev["inbox"] = Evidence{"title": it.Title, "marking": it.Marking, "grading": it.Grading, "from": it.FromName, "provenance": it.Provenance}
	ev["guarantor_holds"] = held
	return nil
}

func (w *World) inbox(ctx context.Context, want func(node.Item) bool) (node.Item, error) {
	var out struct {
		Items []node.Item `json:"items"`
	}
	if err := w.south.Get(ctx, "/inbox", nil, &out); err != nil {
		return node.Item{}, err
	}
	i := slices.IndexFunc(out.Items, want)
	if i < 0 {
		return node.Item{}, fmt.Errorf("South's inbox of %d items lacks it", len(out.Items))
	}
	return out.Items[i], nil
}

func (w *World) prove(ctx context.Context, ev Evidence) error {
	e := w.released.Event
	if err := w.north.Get(ctx, "/ledger/receipt", url.Values{"log": {e.Log}, "index": {fmt.Sprint(e.Index)}}, &w.receipt); err != nil {
		return err
	}
	file := filepath.Join(w.opt.Dir, "receipt.txt")
	if err := os.WriteFile(file, w.receipt, 0o644); err != nil {
		return err
	}
	// A folder with no node in it: nothing to ask but the file.
	nowhere := process{binary: w.opt.Binary, dir: filepath.Join(w.opt.Dir, "nowhere")}
	out, err := nowhere.run(ctx, "verify", file, "--json")
	if err != nil {
		return fmt.Errorf("parley verify rejects the receipt: %s", out)
	}
	var v struct {
		OK        bool     `json:"ok"`
		Signers   []string `json:"signers"`
		Witnesses []string `json:"witnesses"`
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil || !v.OK || !slices.Equal(v.Signers, []string{"north", "south"}) || !slices.Equal(v.Witnesses, []string{"guarantor"}) {
		return fmt.Errorf("parley verify says %s", out)
	}
	bad := bytes.Clone(w.receipt)
	bad[len(bad)/2] ^= 1
	flipped := filepath.Join(w.opt.Dir, "receipt-flipped.txt")
	if err := os.WriteFile(flipped, bad, 0o644); err != nil {
		return err
	}
	if out, err := nowhere.run(ctx, "verify", flipped); err == nil {
		return fmt.Errorf("parley verify accepts a flipped bit: %s", out)
	}
	tried := 0
	for i := 0; i < len(w.receipt); i += 11 {
		bad := bytes.Clone(w.receipt)
		bad[i] ^= 1 << (i % 8)
		if _, err := accord.VerifyReceipt(bad); err == nil {
			return fmt.Errorf("a flipped bit in byte %d is accepted", i)
		}
		tried++
	}
	ev["receipt_bytes"], ev["signers"], ev["witnesses"], ev["flips_rejected"] = len(w.receipt), v.Signers, v.Witnesses, tried
	return nil
}

func (w *World) ask(ctx context.Context, ev Evidence) error {
	in := map[string]string{"accord": w.accord, "selector": "phone"}
	if err := w.north.Post(ctx, "/match/publish", in, nil); err != nil {
		return err
	}
	if err := w.sync(ctx, w.north, "south"); err != nil {
		return err
	}
	ask := node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "CASE-2026-114"}
	for i := range 9 {
		ask.Values = append(ask.Values, fmt.Sprintf("+93 70 660 11%02d", i))
	}
	ask.Values = append(ask.Values, sharedPhone)
	var q node.Question
	if err := w.south.Post(ctx, "/match/ask", ask, &q); err != nil {
		return err
	}
	if q.State != "answered" || q.Count != 10 || len(q.Hits) != 1 || q.Hits[0].Asked != sharedPhone {
		return fmt.Errorf("the question came back %s with %d hits of %d asked", q.State, len(q.Hits), q.Count)
	}
	var seen struct {
		Events []json.RawMessage `json:"events"`
	}
	if err := w.north.Get(ctx, "/accords/"+w.accord+"/events", url.Values{"party": {"south"}, "kind": {string(ledger.MatchAsked)}}, &seen); err != nil {
		return err
	}
	if len(seen.Events) != 1 || !strings.Contains(string(seen.Events[0]), `"count":10`) || strings.Contains(string(seen.Events[0]), q.Hits[0].Value) {
		return fmt.Errorf("North's log shows of the question: %s", seen.Events)
	}
	request := node.RequestAsk{Accord: w.accord, Case: "CASE-2026-114", Purpose: "protection", Question: q.ID, Value: q.Hits[0].Value}
	var r node.Request
	if err := w.south.Post(ctx, "/requests", request, &r); err != nil {
		return err
	}
	if err := w.sync(ctx, w.south, "north"); err != nil {
		return err
	}
	var a node.Request
	if err := w.north.Post(ctx, "/requests/"+r.ID+"/answer", map[string]string{"decision": "release"}, &a); err != nil {
		return err
	}
	if a.State != "answered" {
		return fmt.Errorf("North's answer is %s: %s", a.State, a.Reason)
	}
	if err := w.sync(ctx, w.north, "south"); err != nil {
		return err
	}
	it, err := w.inbox(ctx, func(it node.Item) bool { return it.Answers == r.ID })
	if err != nil {
		return err
	}
	ev["asked"], ev["hits"], ev["quota_left"], ev["false_positive"] = q.Count, len(q.Hits), q.Left, q.FalsePositive
	ev["north_saw"], ev["answered_with"] = seen.Events[0], it.Title
	return nil
}

func (w *World) suspend(ctx context.Context, ev Evidence) error {
	id, err := w.find(ctx, laterTitle)
	if err != nil {
		return err
	}
	// South's line goes down; North releases and then thinks better of it.
	if err := w.south.stop(); err != nil {
		return err
	}
	d, err := w.ask4(ctx, id, false)
	if err != nil {
		return err
	}
	if !d.Released {
		return fmt.Errorf("the gate says %s", d.Outcome)
	}
	if err := w.north.Post(ctx, "/accords/"+w.accord+"/suspend", map[string]string{"reason": "a copy was seen where it should not be (exercise)"}, nil); err != nil {
		return err
	}
	if err := w.south.start(ctx); err != nil {
		return err
	}
	if err := w.sync(ctx, w.north, "south"); err != nil {
		return err
	}
	arrived := func(it node.Item) bool { return it.Provenance.Digest == d.Digest }
	if _, err := w.inbox(ctx, arrived); err == nil {
		return errors.New("content passed while the accord was suspended")
	}
	err = w.south.Post(ctx, "/requests", node.RequestAsk{Accord: w.accord, Case: "CASE-2026-115", Purpose: "protection", Object: id}, nil)
	var refused *client.Problem
	if !errors.As(err, &refused) || refused.Status != 409 || !strings.Contains(refused.Detail, "suspended by north") {
		return fmt.Errorf("South's request while suspended: %w", err)
	}
	ev["refused_with"] = refused.Detail
	for _, p := range []*process{w.north, w.south} {
		var o node.Overview
		if err := p.Get(ctx, "/overview", nil, &o); err != nil {
			return err
		}
		if o.Counts.Incidents == 0 {
			return fmt.Errorf("%s cannot work alone", p.party)
		}
		ev[p.party+"_incidents_while_suspended"] = o.Counts.Incidents
	}
	if err := w.north.Post(ctx, "/accords/"+w.accord+"/resume", nil, nil); err != nil {
		return err
	}
	if err := w.sync(ctx, w.north, "south", "guarantor"); err != nil {
		return err
	}
	it, err := w.inbox(ctx, arrived)
	if err != nil {
		return fmt.Errorf("after resuming: %w", err)
	}
	ev["arrived_after_resuming"] = it.Title
	return w.sync(ctx, w.south, "north", "guarantor")
}

func (w *World) watch(ctx context.Context, ev Evidence) error {
	var out node.Watch
	if err := w.north.Get(ctx, "/watch", url.Values{"horizon": {"4"}}, &out); err != nil {
		return err
	}
	if len(out.Areas) == 0 || len(out.Weeks) == 0 {
		return errors.New("the watch has no card")
	}
	shown := []Evidence{}
	for _, a := range out.Areas {
		if a.P < 0 || a.P > 1 || len(a.Counts) != len(out.Weeks) {
			return fmt.Errorf("the card of %s is not sound", a.Area)
		}
		if a.Lull != nil {
			shown = append(shown, Evidence{"area": a.Area, "p": a.P, "text": a.Lull.Text, "n": a.Lull.N, "observed": a.Lull.Observed, "forecast": a.Lull.Forecast})
		}
	}
	spoken := slices.IndexFunc(out.Areas, func(a node.WatchArea) bool { return a.Signals > 0 })
	if spoken < 0 || out.Lift.Text == "" {
		return errors.New("the watch does not show the statements of the last weeks")
	}
	ev["signals"] = Evidence{"area": out.Areas[spoken].Area, "last_four_weeks": out.Areas[spoken].Signals, "p": out.Areas[spoken].P, "without": out.Areas[spoken].Plain, "lift": out.Lift}
	var set node.Watch
	if err := w.north.Get(ctx, "/watch", url.Values{"horizon": {"4"}, "signals": {"1.5"}}, &set); err != nil {
		return err
	}
	if a := set.Areas[spoken]; a.P <= a.Plain {
		return errors.New("a factor that a person set does not raise the forecast")
	}
	ev["signals_set_by_a_person"] = Evidence{"p": set.Areas[spoken].P, "without": set.Areas[spoken].Plain, "lift": set.Lift}
	if len(shown) == 0 {
		return errors.New("no quiet area carries a warning")
	}
	var onsets node.Onsets
	if err := w.north.Get(ctx, "/watch/onsets", url.Values{"false_alarms": {"1"}}, &onsets); err != nil {
		return err
	}
	ev["onset_alarms"], ev["onset_score"], ev["record"] = len(onsets.Alarms), onsets.Score, out.Record
	ev["model"], ev["as_of"], ev["areas"], ev["lulls"], ev["left_out"] = out.Model, out.AsOf, len(out.Areas), shown, out.Left
	if out.Attribution != "" {
		ev["attribution"] = out.Attribution
	}
	return nil
}

// account lets South judge what it was given, and compares the two accounts.
func (w *World) account(ctx context.Context, ev Evidence) error {
	var box struct {
		Items []node.Item `json:"items"`
	}
	if err := w.south.Get(ctx, "/inbox", nil, &box); err != nil {
		return err
	}
	if len(box.Items) == 0 {
		return errors.New("south's inbox is empty")
	}
	var judged node.Item
	if err := w.south.Post(ctx, "/inbox/"+url.PathEscape(box.Items[len(box.Items)-1].ID)+"/judge", map[string]string{"use": "useful"}, &judged); err != nil {
		return err
	}
	for _, x := range []struct {
		from *process
		to   string
	}{{w.south, "north"}, {w.north, "south"}, {w.south, "north"}} {
		if err := x.from.Post(ctx, "/sync", map[string]string{"accord": w.accord, "party": x.to}, nil); err != nil {
			return err
		}
	}
	// Each is asked by the other's name; the account itself is the same bytes.
	var north, south struct {
		Account json.RawMessage `json:"account"`
	}
	query := func(party string) url.Values { return url.Values{"party": {party}} }
	if err := w.north.Get(ctx, "/accords/"+w.accord+"/account", query("south"), &north); err != nil {
		return err
	}
	if err := w.south.Get(ctx, "/accords/"+w.accord+"/account", query("north"), &south); err != nil {
		return err
	}
	if !bytes.Equal(north.Account, south.Account) {
		return fmt.Errorf("north's account differs from south's:\n%s\n%s", north.Account, south.Account)
	}
	ev["judged"], ev["use"], ev["identical"], ev["account"] = judged.Title, judged.Use, true, north.Account
	return nil
}

// cover reads how attacks are spread and plans with what North knows.
func (w *World) cover(ctx context.Context, ev Evidence) error {
	const units, floor = 2, .2
	var plan node.Coverage
	if err := w.north.Post(ctx, "/watch/coverage", node.CoverageAsk{Units: units, Floor: floor, Periods: 4}, &plan); err != nil {
		return err
	}
	least := 1.0
	for _, c := range plan.Plan.Cover {
		least = min(least, c)
	}
	if want := floor * units / float64(len(plan.Plan.Cells)); least < want-1e-9 {
		return fmt.Errorf("an area is covered %.3f, below the floor of %.3f", least, want)
	}
	for i, cells := range plan.Schedule {
		if len(cells) != units {
			return fmt.Errorf("period %d has %d units, not %d", i+1, len(cells), units)
		}
	}
	var d node.Diversification
	if err := w.north.Get(ctx, "/watch/diversification", url.Values{"weeks": {"52"}}, &d); err != nil {
		return err
	}
	if d.Looked == nil || len(d.Next) == 0 {
		return errors.New("attention was not compared with the forecast")
	}
	ev["areas"], ev["least_cover"], ev["outcome"], ev["commitment"] = len(plan.Plan.Cells), least, plan.Outcome, plan.Commitment
	ev["by_area"], ev["by_class"], ev["next"], ev["attention"] = d.ByArea, d.ByClass, d.Next[0], d.Looked
	return nil
}
