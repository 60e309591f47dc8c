package node_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
)

// judged finds the one alarm with evidence of a node, and what it proves.
func judged(t *testing.T, n *node.Node) (node.Alarm, accord.Accusation) {
	t.Helper()
	alarms, err := n.Alarms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(alarms, func(a node.Alarm) bool { return a.Evidence != "" })
	if i < 0 {
		t.Fatalf("no evidence: %+v", alarms)
	}
	v, err := accord.VerifyEvidence([]byte(alarms[i].Evidence))
	if err != nil {
		t.Fatal(err)
	}
	bad := []byte(alarms[i].Evidence)
	for at := 0; at < len(bad); at += 37 {
		bad[at] ^= 1 << (at % 8)
		if _, err := accord.VerifyEvidence(bad); err == nil {
			t.Fatalf("evidence with byte %d changed still accuses", at)
		}
		bad[at] ^= 1 << (at % 8)
	}
	return alarms[i], v
}

// An entry that claims an earlier time than one before it is dated back; the two
// prove it to anyone.
func TestEntryDatedBackIsProven(t *testing.T) {
	w := newWorld(t)
	if err := node.SuspendAt(t.Context(), w.north, w.accord, "an hour ago, it says", time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	a, v := judged(t, w.south)
	if a.Party != "north" || v.Party != "north" || !strings.Contains(v.Proven, "dated back") {
		t.Errorf("alarm against %s, proven of %s: %s", a.Party, v.Party, v.Proven)
	}
	// It is told once, and the entry stands for all to see.
	w.sync(w.north, "south")
	if x, err := w.south.ShowAccord(t.Context(), w.accord); err != nil || x.Suspended == nil {
		t.Errorf("the entry is gone: %v", err)
	}
}

// An entry that claims not to have seen what an entry before it had seen is
// dated back as well, whatever its time.
func TestEntryThatUnseesIsProven(t *testing.T) {
	w := newWorld(t)
	for _, reason := range []string{"one", "two"} {
		if _, err := w.south.Suspend(t.Context(), w.accord, reason); err != nil {
			t.Fatal(err)
		}
		w.sync(w.south, "north")
		if _, err := w.north.SetRung(t.Context(), w.accord, "south", map[string]accord.Rung{"one": accord.Match, "two": accord.Contact}[reason]); err != nil {
			t.Fatal(err)
		}
		w.sync(w.north, "south")
		if _, err := w.south.Resume(t.Context(), w.accord); err != nil {
			t.Fatal(err)
		}
		w.sync(w.south, "north")
	}
	if alarms, err := w.south.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Fatalf("an honest log raises %+v, %v", alarms, err)
	}
	if err := node.Unsee(t.Context(), w.north, w.accord, "south"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.north.SetRung(t.Context(), w.accord, "south", accord.Tearline); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	_, v := judged(t, w.south)
	if v.Party != "north" || !strings.Contains(v.Proven, "claims to have seen only") {
		t.Errorf("proven of %s: %s", v.Party, v.Proven)
	}
}

// To name no checkpoint at all, after one was named, is the same lie; it is found
// in either direction, and told once.
func TestEntryThatNamesNothingIsProven(t *testing.T) {
	w := newWorld(t)
	w.importReports()
	for _, x := range []struct{ liar, honest *node.Node }{{w.north, w.south}, {w.south, w.north}} {
		to := x.honest.Party()
		for _, reason := range []string{"seeing", "again"} {
			if _, err := x.liar.Suspend(t.Context(), w.accord, reason); err != nil {
				t.Fatal(err)
			}
			if _, err := x.liar.Resume(t.Context(), w.accord); err != nil {
				t.Fatal(err)
			}
			w.sync(x.liar, to)
		}
		for range 2 {
			if err := node.SuspendUnseeing(t.Context(), x.liar, w.accord, "never saw anything"); err != nil {
				t.Fatal(err)
			}
			w.sync(x.liar, to)
		}
		if _, v := judged(t, x.honest); v.Party != x.liar.Party() || !strings.Contains(v.Proven, "claims to have seen none") {
			t.Errorf("proven of %s: %s", v.Party, v.Proven)
		}
		if alarms, err := x.honest.Alarms(t.Context()); err != nil || len(alarms) != 1 {
			t.Errorf("%s is told %d times, %v", to, len(alarms), err)
		}
		if _, err := x.liar.Resume(t.Context(), w.accord); err != nil {
			t.Fatal(err)
		}
		w.sync(x.liar, to)
	}
}

// A clock that is set back dates nothing back.
func TestClockSetBackAccusesNobody(t *testing.T) {
	w := newWorld(t)
	if _, err := w.north.Suspend(t.Context(), w.accord, "r"); err != nil {
		t.Fatal(err)
	}
	w.northClock.Store(int64(-3 * time.Hour))
	if _, err := w.north.SetRung(t.Context(), w.accord, "south", accord.Match); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south", "guarantor")
	if alarms, err := w.south.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
	if au, err := w.south.Audit(t.Context()); err != nil || !au.OK {
		t.Errorf("audit: %+v, %v", au, err)
	}
}

// holding is a line to one node that leaves content out, or carries nothing,
// while it is told to.
type holding struct {
	to   atomic.Pointer[node.Node]
	from string
	back atomic.Bool
	shut atomic.Bool
}

func (l *holding) Exchange(ctx context.Context, _, _ string, p link.Parcel) (link.Parcel, error) {
	if l.shut.Load() {
		return link.Parcel{}, errors.New("the line is shut")
	}
	if l.back.Load() {
		p.Bodies = nil
	}
	return l.to.Load().Receive(ctx, l.from, p)
}

func (l *holding) Finish(context.Context, string, string, string) (p link.Parcel, ok bool, err error) {
	return p, false, nil
}

func (l *holding) Forget(_, _ string) {}

// Content that was announced and does not come is shown to people after a day
// in which the partner was heard: no sooner, not while suspended, and no more
// once it came. (Acts start exchanges of their own, at any time.)
func TestWithheldContentIsShown(t *testing.T) {
	var late atomic.Int64
	l := &holding{from: "north"}
	w := &world{t: t, guarantor: start(t, "guarantor")}
	w.north = start(t, "north", func(o *node.Options) { o.Line = l })
	own := &holding{from: "south"}
	w.south = start(t, "south", func(o *node.Options) {
		o.Now, o.Line = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }, own
	})
	own.to.Store(w.north)
	l.to.Store(w.south)
	w.agree(func(*node.Draft) {})
	ids := w.importReports()
	l.back.Store(true)
	own.shut.Store(true) // else it fetches the content itself
	shown := func() (n int) {
		t.Helper()
		o, err := w.south.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range o.Waiting {
			if strings.Contains(x.Title, "north announced content") {
				n++
			}
		}
		return n
	}
	hear := func() {
		t.Helper()
		var err error
		for range 10 { // an act's own exchange may stop ours
			if err = w.north.Sync(t.Context(), w.accord, "south"); err == nil {
				return
			}
		}
		t.Fatal(err)
	}
	if rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"}); err != nil || !rel.Released {
		t.Fatal(rel, err)
	}
	hear()
	late.Store(int64(23 * time.Hour))
	hear()
	if shown() != 0 {
		t.Error("shown within a day")
	}
	if _, err := w.north.Suspend(t.Context(), w.accord, "r"); err != nil {
		t.Fatal(err)
	}
	late.Store(int64(40 * time.Hour))
	hear()
	if shown() != 0 {
		t.Error("shown although the accord is suspended")
	}
	if _, err := w.north.Resume(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	hear()
	late.Store(int64(70 * time.Hour))
	hear()
	if shown() != 1 {
		t.Error("not shown after a day in which it was heard")
	}
	if alarms, err := w.south.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Errorf("what cannot be proven accuses: %+v, %v", alarms, err)
	}
	l.back.Store(false)
	hear()
	if shown() != 0 {
		t.Error("still shown after it came")
	}
}
