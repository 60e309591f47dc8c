package node_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/deconflict"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

// fate is what becomes of a parcel.
type fate int

const (
	arrives fate = iota
	isLost       // and nothing arrives after it
	isLast       // it arrives, and nothing after it
	dropped      // it alone is lost
)

// cutLine is a line into nodes that fails at will. Keepers use it as well, so that
// which parcel carries a message is left to chance; what is cut is told by what it
// carries.
type cutLine struct {
	nodes map[string]*node.Node

	mu    sync.Mutex                    // guards all below; not held while a parcel is delivered
	rule  func(*cutLine, carried) fate  // of parcels between members; nil: all arrive
	dead  bool                          // nothing arrives between members
	down  map[string]bool               // parties that cannot be reached, by all or by one
	reply func(link.Parcel) link.Parcel // changes answers of the guarantor
}

// carried is a parcel's sender and the kinds of the entries in it.
type carried struct {
	from  string
	kinds []ledger.Kind
}

func (c carried) has(party string, kind ledger.Kind) bool {
	return c.from == party && slices.Contains(c.kinds, kind)
}

// judge is the fate of a parcel; where it is the last, the line is dead from now on.
func (l *cutLine) judge(p link.Parcel) fate {
	c := carried{from: p.From}
	for _, e := range p.Entries {
		if leaf, err := ledger.ParseLeaf(e.Leaf); err == nil {
			c.kinds = append(c.kinds, leaf.Kind)
		}
	}
	l.mu.Lock()
	rule, dead := l.rule, l.dead
	l.mu.Unlock()
	if dead || rule == nil {
		return map[bool]fate{true: isLost, false: arrives}[dead]
	}
	f := rule(l, c)
	if f == isLost || f == isLast {
		l.set(func() { l.dead = true })
	}
	return f
}

func (l *cutLine) Exchange(ctx context.Context, _, _ string, p link.Parcel) (link.Parcel, error) {
	noAnswer := errors.New("no answer")
	l.mu.Lock()
	down, change := l.down[p.To] || l.down[p.From+" to "+p.To], l.reply
	l.mu.Unlock()
	if down {
		return link.Parcel{}, noAnswer
	}
	if p.To == "guarantor" {
		reply, err := l.nodes[p.To].Receive(ctx, p.From, p)
		if change != nil {
			reply = change(reply)
		}
		return reply, err
	}
	there := l.judge(p)
	if there == isLost || there == dropped {
		return link.Parcel{}, noAnswer
	}
	reply, err := l.nodes[p.To].Receive(ctx, p.From, p)
	if there == isLast || err != nil {
		return link.Parcel{}, errors.Join(err, noAnswer)
	}
	if back := l.judge(reply); back == isLost || back == dropped {
		return link.Parcel{}, noAnswer
	}
	return reply, nil
}

func (*cutLine) Finish(context.Context, string, string, string) (link.Parcel, bool, error) {
	return link.Parcel{}, false, nil
}
func (*cutLine) Forget(string, string) {}

// set changes what the line does.
func (l *cutLine) set(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
}

func cutWorld(t *testing.T, edit func(*node.Draft)) (*world, *cutLine) {
	t.Helper()
	l := &cutLine{nodes: make(map[string]*node.Node), down: make(map[string]bool)}
	with := func(o *node.Options) { o.Line = l }
	w := &world{t: t, north: start(t, "north", with), south: start(t, "south", with), guarantor: start(t, "guarantor", with)}
	for _, n := range []*node.Node{w.north, w.south, w.guarantor} {
		l.nodes[n.Party()] = n
	}
	w.agree(edit)
	return w, l
}

// newest is a node's newest exchange.
func newest(t testing.TB, n *node.Node) (x node.Exchange) {
	t.Helper()
	all, err := n.Exchanges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range all {
		if i == 0 || s.Committed > x.Committed {
			x = s
		}
	}
	return x
}

// rest waits until no exchange between the members is under way.
func (w *world) rest() {
	_ = w.north.Sync(w.t.Context(), w.accord, "south")
	_ = w.south.Sync(w.t.Context(), w.accord, "north")
}

// The line fails at every message, before it arrives or after. With the arbiter's
// help both are told or neither; and when the line is up again the exchange ends.
func TestTheLineFailsAtEveryMessage(t *testing.T) {
	w, l := cutWorld(t, func(*node.Draft) {})
	enter(t, w.south, footprintAt("patrol", 34.40, 70.50, 0))
	raid := footprintAt("raid", 34.40, 70.50, 0)
	settled := 0
	for _, m := range []struct {
		party string
		kind  ledger.Kind
	}{
		{"north", ledger.DeconflictOpened}, {"south", ledger.DeconflictJoined}, {"north", ledger.DeconflictSealed},
		{"south", ledger.DeconflictSealed}, {"north", ledger.DeconflictShown}, {"south", ledger.DeconflictShown},
	} {
		for _, end := range []fate{isLost, isLast} {
			l.set(func() {
				l.rule = func(_ *cutLine, c carried) fate {
					if c.has(m.party, m.kind) {
						return end
					}
					return arrives
				}
			})
			f := enter(t, w.north, raid)
			raid.ID = f.ID // the next one is a change of plan
			w.rest()
			at := fmt.Sprintf("%s of %s, arrives %v", m.kind, m.party, end == isLast)
			if l.set(func() {}); !l.dead {
				t.Fatalf("%s: the line was not cut", at)
			}
			id := newest(t, w.north).ID
			of := func(n *node.Node) node.Exchange {
				x, err := n.ShowExchange(t.Context(), id)
				if err != nil && !errors.Is(err, node.ErrNotFound) {
					t.Fatal(err)
				}
				return x
			}
			north, south := of(w.north), of(w.south)
			// Whoever stands still asks the arbiter: the opener, then the joiner.
			if north.State == "showing" {
				if _, err := w.north.SettleExchange(t.Context(), id); err != nil {
					t.Errorf("%s: the opener asks: %v", at, err)
				}
				settled++
			}
			if south.State == "showing" {
				_, err := w.south.SettleExchange(t.Context(), id)
				if asked := north.State == "showing"; (err == nil) != asked {
					t.Errorf("%s: the joiner asks: %v; the opener asked before: %v", at, err, asked)
				}
			}
			north, south = of(w.north), of(w.south)
			if (len(south.Overlaps) > 0) != (len(north.Overlaps) > 0) {
				t.Errorf("%s: north is told %+v, south %+v", at, north.Overlaps, south.Overlaps)
			}
			l.set(func() { l.rule, l.dead = nil, false })
			for range 3 {
				w.rest()
			}
			if north, south = of(w.north), of(w.south); north.State != "done" || south.State != "done" || len(north.Overlaps) == 0 || len(south.Overlaps) == 0 {
				t.Errorf("%s, line up again: north %+v, south %+v", at, north, south)
			}
		}
	}
	if settled == 0 {
		t.Error("the arbiter was never needed: the test cuts at the wrong places")
	}
}

// South stops as soon as it holds north's mask. North gets the result from the
// arbiter; where there is none, it keeps evidence that others can judge.
func TestAPartnerStopsEarly(t *testing.T) {
	for name, witnesses := range map[string][]string{"arbiter": {"guarantor"}, "alone": nil} {
		t.Run(name, func(t *testing.T) {
			w, l := cutWorld(t, func(d *node.Draft) { d.Witnesses = witnesses })
			enter(t, w.south, footprintAt("patrol", 34.40, 70.50, 0))
			var once sync.Once
			l.set(func() {
				l.rule = func(_ *cutLine, c carried) fate {
					if c.has("north", ledger.DeconflictShown) {
						once.Do(func() { // before the mask arrives
							if _, err := w.south.SetRung(context.Background(), w.accord, "north", accord.Contact); err != nil {
								t.Error(err)
							}
						})
					}
					return arrives
				}
			})
			enter(t, w.north, footprintAt("raid", 34.40, 70.50, 0))
			for range 3 {
				w.rest()
			}
			x := newest(t, w.north)
			if x.State != "showing" || x.Owed != 1 {
				t.Fatalf("north: %+v, want an exchange in which south owes a mask", x)
			}
			if witnesses != nil {
				got, err := w.north.SettleExchange(t.Context(), x.ID)
				if err != nil || got.State != "done" || !got.Settled || len(got.Overlaps) == 0 {
					t.Errorf("settled: %+v, %v", got, err)
				}
				return
			}
			if _, err := w.north.SettleExchange(t.Context(), x.ID); err == nil || !strings.Contains(err.Error(), "no arbiter") {
				t.Errorf("settled without an arbiter: %v", err)
			}
			ev, err := w.north.ExchangeEvidence(t.Context(), x.ID)
			if err != nil || ev.Party != "south" {
				t.Fatalf("evidence: %+v, %v", ev, err)
			}
			if err := ev.Check(); err != nil {
				t.Errorf("the evidence does not hold: %v", err)
			}
			ev.Party = "guarantor"
			if ev.Check() == nil {
				t.Error("the evidence accuses somebody else, and holds")
			}
		})
	}
}

// untilShowing brings an exchange of north with south to where both have sealed and
// north has shown its mask, which does not arrive.
func untilShowing(t *testing.T, w *world, l *cutLine) node.Exchange {
	t.Helper()
	enter(t, w.south, footprintAt("patrol", 34.40, 70.50, 0))
	w.rest()
	l.set(func() {
		l.rule = func(_ *cutLine, c carried) fate {
			if c.has("north", ledger.DeconflictShown) {
				return dropped
			}
			return arrives
		}
	})
	enter(t, w.north, footprintAt("raid", 34.40, 70.50, 0))
	w.rest()
	x := newest(t, w.north)
	if x.State != "showing" || x.Arbiter != "guarantor" || x.Opener != "north" {
		t.Fatalf("%+v, want an exchange that stands between the masks", x)
	}
	return x
}

// An arbiter that is away, one that shows another mask than it signed, and one that is
// asked by the wrong side.
func TestArbiterAwayOrLying(t *testing.T) {
	w, l := cutWorld(t, func(*node.Draft) {})
	x := untilShowing(t, w, l)
	l.set(func() { l.dead, l.down["guarantor"] = true, true })
	if _, err := w.north.SettleExchange(t.Context(), x.ID); err == nil || !strings.Contains(err.Error(), "arbiter guarantor") {
		t.Errorf("the arbiter is away: %v", err)
	}
	l.set(func() {
		l.down["guarantor"] = false
		l.reply = func(p link.Parcel) link.Parcel {
			var a map[string]any
			if json.Unmarshal(p.Aside, &a) == nil && a["mask"] != nil {
				a["mask"] = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
				p.Aside, _ = json.Marshal(a)
			}
			return p
		}
	})
	if _, err := w.north.SettleExchange(t.Context(), x.ID); err == nil || !strings.Contains(err.Error(), "another mask") {
		t.Errorf("the arbiter lies: %v", err)
	}
	alarms, err := w.north.Alarms(t.Context())
	if err != nil || len(alarms) != 1 || alarms[0].Party != "guarantor" {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
	l.set(func() { l.reply = nil })
	if got, err := w.north.SettleExchange(t.Context(), x.ID); err != nil || len(got.Overlaps) == 0 {
		t.Errorf("the arbiter tells the truth: %+v, %v", got, err)
	}
	if held, err := w.guarantor.Held(t.Context()); err != nil || held.Events+held.Inbox+int(held.Objects) != 0 {
		t.Errorf("the arbiter holds %+v, %v", held, err)
	}
}

// Without masks of the arbiter at hand and none to be had, masks are shown in turn.
func TestWithoutTheArbiterMasksAreShownInTurn(t *testing.T) {
	w, l := cutWorld(t, func(*node.Draft) {})
	l.set(func() { l.down["guarantor"] = true })
	enter(t, w.south, footprintAt("patrol", 34.40, 70.50, 0))
	f := enter(t, w.north, footprintAt("raid", 34.40, 70.50, 0))
	if x := newest(t, w.north); !f.Conflict || x.Arbiter != "" {
		t.Errorf("%+v", x)
	}
	// The opener has masks and the joiner has none: they go on without.
	l.set(func() { l.down["guarantor"], l.down["south to guarantor"] = false, true })
	if _, err := w.north.OpenExchange(t.Context(), w.accord, "south"); err != nil {
		t.Fatal(err)
	}
	all, err := w.north.Exchanges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var refused, done bool
	for _, x := range all {
		refused = refused || x.Arbiter == "guarantor" && x.State == "failed" && strings.Contains(x.Reason, "mask of the arbiter")
		done = done || x.Arbiter == "" && x.State == "done" && x.Opener == "north" && x.Committed > 2 && len(x.Overlaps) > 0
	}
	if !refused || !done {
		t.Errorf("refused %v, done without an arbiter %v: %+v", refused, done, all)
	}
}

// Who opens more exchanges than agreed, uses a session again, or shows a mask other
// than announced gets nowhere, and people are told.
func TestProbingAndReplayAreCaught(t *testing.T) {
	w, _ := cutWorld(t, func(d *node.Draft) { d.Match = append(d.Match, accord.MatchRule{Kind: "footprint", Quota: 3}) })
	enter(t, w.south, footprintAt("patrol", 34.40, 70.50, 0))
	probe := footprintAt("probe", 33, 69, 0)
	for i := range 3 {
		f := enter(t, w.north, probe)
		if probe.ID = f.ID; f.Answer != "accepted, no conflict" {
			t.Fatalf("probe %d: %q, %+v", i, f.Answer, f.With)
		}
	}
	probe.Places[0].Lat, probe.Places[0].Lon = 34.40, 70.50
	f := enter(t, w.north, probe)
	if f.Checked || !strings.Contains(f.With[0].Reason, "quota of 3") {
		t.Errorf("over quota: %q, %+v", f.Answer, f.With)
	}
	// South's oversight has north open what it probed with; a false one is seen.
	all, err := w.north.Exchanges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.north.OpenFootprints(t.Context(), all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	fs, v, err := node.CheckFootprintOpening(o)
	if err != nil || len(fs) != 1 || fs[0].Title != "probe" || v.Event.Party != "north" {
		t.Errorf("opening: %+v, %v", fs, err)
	}
	o.Plans = []byte(strings.Replace(string(o.Plans), `"title":"probe"`, `"title":"picnic"`, 1))
	if _, _, err := node.CheckFootprintOpening(o); err == nil {
		t.Error("a changed opening passed")
	}

	// The same session once more.
	session, err := w.north.EventData(t.Context(), w.accord, "north", "deconflict-opened")
	if err != nil {
		t.Fatal(err)
	}
	var first ledger.DeconflictOpening
	if err := json.Unmarshal(session[0], &first); err != nil {
		t.Fatal(err)
	}
	before := len(refusals(t, w.south, w.accord))
	if _, err := node.Act(t.Context(), w.north, w.accord, ledger.DeconflictOpened, first); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	if got := refusals(t, w.south, w.accord); len(got) != before+1 || got[before] != "the session was used before" {
		t.Errorf("refusals %q", got)
	}
}

// A mask other than the one announced fails the exchange, and people are told.
func TestAMaskOtherThanAnnounced(t *testing.T) {
	w, l := cutWorld(t, func(*node.Draft) {})
	x := untilShowing(t, w, l)
	session, err := hex.DecodeString(x.ID)
	if err != nil {
		t.Fatal(err)
	}
	// South never got north's mask and makes one up.
	show := ledger.DeconflictShow{To: "north", Session: session, Mask: []byte(strings.Repeat("\x01", 32))}
	if _, err := node.Act(t.Context(), w.south, w.accord, ledger.DeconflictShown, show); err != nil {
		t.Fatal(err)
	}
	w.rest()
	if x = newest(t, w.north); x.State != "failed" || len(x.Overlaps) > 0 {
		t.Errorf("north: %+v", x)
	}
	alarms, err := w.north.Alarms(t.Context())
	if err != nil || len(alarms) != 1 || alarms[0].Party != "south" {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
}

// refusals are why a node did not join exchanges.
func refusals(t *testing.T, n *node.Node, accordID string) (out []string) {
	t.Helper()
	got, err := n.EventData(t.Context(), accordID, n.Party(), "deconflict-joined")
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range got {
		var d ledger.DeconflictJoin
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		if d.Refused != "" {
			out = append(out, d.Refused)
		}
	}
	return out
}

// Clocks that are hours apart change nothing.
func TestClocksHoursApart(t *testing.T) {
	w := newWorld(t)
	w.northClock.Store(int64(7 * time.Hour))
	enter(t, w.south, footprintAt("patrol", 34.40, 70.50, 0))
	if f := enter(t, w.north, footprintAt("raid", 34.40, 70.50, 0)); !f.Conflict {
		t.Errorf("%q, %+v", f.Answer, f.With)
	}
}

// A standing footprint is matched again in each epoch, a footprint that was entered
// while there was no line when it is there, and one for a unit with a telephone says
// whom to call back.
func TestStandingFootprintsAreMatchedAgain(t *testing.T) {
	w := newWorld(t)
	post := footprintAt("post", 34.40, 70.50, 0)
	post.Standing, post.Until = true, time.Time{}
	post.Unit = &deconflict.Unit{Name: "Post 4", Telephone: "+93 70 1"}
	f := enter(t, w.north, post)
	if f.Answer != "accepted, no conflict (tell Post 4, +93 70 1)" {
		t.Errorf("%q", f.Answer)
	}
	opened := func() int { return kinds(t, w.north, w.accord, "north", "deconflict-opened") }
	for day, want := range []int{1, 1, 1, 1, 1, 1, 1, 2, 2} {
		w.northClock.Store(int64(time.Duration(day) * 24 * time.Hour))
		if err := w.north.RenewDeconfliction(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := opened(); got != want {
			t.Errorf("day %d: %d exchanges, want %d", day, got, want)
		}
	}
}
