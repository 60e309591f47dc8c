package deconflict_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley.example/parley/deconflict"
	"parley.example/parley/ledger"
)

var noon = time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC)

// at is a footprint of three hours round a place.
func at(id string, lat, lon, km float64, from time.Time) deconflict.Footprint {
	return deconflict.Footprint{
		ID: id, Version: 1, Purpose: "rescue", LegalBasis: "mountain rescue act, s. 4", Officer: "Maj. Rahimi",
		Places: []deconflict.Spot{{Lat: lat, Lon: lon, RadiusKM: km}}, From: from, Until: from.Add(3 * time.Hour),
	}
}

// small lets lists be padded to less, for tests of what does not depend on it.
func small(t *testing.T) {
	sizes := deconflict.Sizes
	deconflict.Sizes = append([]int{64, 128, 256}, sizes...)
	t.Cleanup(func() { deconflict.Sizes = sizes })
}

// arbiter makes and opens sheets; its signature is a hash in front here.
type arbiter struct{ secret []byte }

func (a arbiter) sheet(t testing.TB, party string, number int64) deconflict.Sheet {
	t.Helper()
	s, err := deconflict.NewSheet(a.secret, "accord", party, number, func(text string) ([]byte, error) {
		return fmt.Appendf(nil, "%x\n%s", sha256.Sum256([]byte(text)), text), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (a arbiter) open(note []byte) (string, error) {
	sum, text, _ := strings.Cut(string(note), "\n")
	if sum != fmt.Sprintf("%x", sha256.Sum256([]byte(text))) {
		return "", errors.New("not signed")
	}
	return text, nil
}

// exchange is an exchange between north, the opener, and south.
type exchange struct {
	t            testing.TB
	arb          arbiter
	north, south *deconflict.Side
	sizes        []int // of every message, in order
}

func (x *exchange) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *exchange) sent(v any) {
	b, ok := v.([]byte)
	if !ok {
		var err error
		b, err = json.Marshal(v)
		x.must(err)
	}
	x.sizes = append(x.sizes, len(b))
}

// hand gives a side its masks and says what its event says of them.
func (x *exchange) hand(party string, number int64, index int) (deconflict.Hand, ledger.DeconflictSeal) {
	x.t.Helper()
	if x.north.Terms.Arbiter == "" {
		h, err := deconflict.NewHand(nil)
		x.must(err)
		return h, ledger.DeconflictSeal{}
	}
	return x.arb.sheet(x.t, party, number).Deal(index), ledger.DeconflictSeal{Arbiter: "guarantor", Sheet: number, Mask: index}
}

func begin(t testing.TB, arbiter_ string, a, b []deconflict.Footprint) *exchange {
	t.Helper()
	x := &exchange{t: t, arb: arbiter{[]byte("guarantor's secret")}}
	terms := deconflict.Terms{Accord: "accord", Opener: "north", Joiner: "south", Arbiter: arbiter_, Session: [32]byte{7}}
	var err error
	x.north, err = deconflict.Open(terms, [32]byte{1}, a, noon.Add(-deconflict.Grace))
	x.must(err)
	ca, err := x.north.Commitment()
	x.must(err)
	x.sent(ca)
	x.south, err = deconflict.Join(terms, [32]byte{2}, ca, b, noon.Add(-deconflict.Grace))
	x.must(err)
	cb, err := x.south.Commitment()
	x.must(err)
	list, err := x.south.List()
	x.must(err)
	x.sent(cb)
	x.sent(list)
	x.must(x.north.TakeJoin(cb, list))
	return x
}

func (x *exchange) seal() {
	x.t.Helper()
	h, d := x.hand("north", 0, 3)
	body, err := x.north.Seal(nil, h, "north desk +93 20 1")
	x.must(err)
	x.sent(body)
	x.must(x.south.TakeSeal(d, body, x.arb.open))
	h, d = x.hand("south", 2, 5)
	d.Joins = true
	body, err = x.south.Seal(nil, h, "south desk +92 51 2")
	x.must(err)
	x.sent(body)
	x.must(x.north.TakeSeal(d, body, x.arb.open))
}

// show shows masks in turn, at most n.
func (x *exchange) show(n int) {
	x.t.Helper()
	from, to := x.north, x.south
	for range n {
		if !from.Turn() {
			return
		}
		part, mask, err := from.Show()
		x.must(err)
		x.sent(mask)
		x.must(to.TakeShown(part, mask))
		from, to = to, from
	}
}

// told is which footprints each side has been told of.
func (x *exchange) told() (north, south []string) {
	x.t.Helper()
	ids := func(s *deconflict.Side) (out []string) {
		o, contact, err := s.Overlaps()
		x.must(err)
		for _, f := range o {
			out = append(out, f.Footprint)
		}
		if (len(o) > 0) != (contact != "") {
			x.t.Errorf("%s: %d overlaps and contact %q", s.Me, len(o), contact)
		}
		return out
	}
	return ids(x.north), ids(x.south)
}

var arbiters = []string{"guarantor", ""}

// Both are told where and when, and how to reach each other, and nothing of what
// does not overlap.
func TestBothLearnWhereAndWhen(t *testing.T) {
	small(t)
	for _, arb := range arbiters {
		x := begin(t, arb,
			[]deconflict.Footprint{at("raid", 34.40, 70.50, 4, noon), at("far", 31.0, 65.0, 2, noon)},
			[]deconflict.Footprint{at("patrol", 34.43, 70.52, 3, noon.Add(2*time.Hour)), at("other-day", 34.40, 70.50, 4, noon.Add(48*time.Hour))})
		x.seal()
		x.show(99)
		if !x.north.Over() || !x.south.Over() {
			t.Fatalf("arbiter %q: it is not over", arb)
		}
		n, s := x.told()
		if len(n) != 1 || n[0] != "raid" || len(s) != 1 || s[0] != "patrol" {
			t.Errorf("arbiter %q: told %v and %v", arb, n, s)
		}
		on, contact, _ := x.north.Overlaps()
		os, _, _ := x.south.Overlaps()
		if contact != "south desk +92 51 2" {
			t.Errorf("north is told to call %q", contact)
		}
		if fmt.Sprint(on[0].Cells) != fmt.Sprint(os[0].Cells) || fmt.Sprint(on[0].Windows) != fmt.Sprint(os[0].Windows) {
			t.Errorf("told other places or times: %v, %v", on, os)
		}
		// From 14:00, when the patrol begins, to 16:00, the end of the slot in
		// which the raid ends.
		if w := on[0].Windows; len(w) != 1 || !w[0].From.Equal(noon.Add(2*time.Hour)) || !w[0].Until.Equal(noon.Add(4*time.Hour)) {
			t.Errorf("overlapping windows %v", w)
		}
	}
}

// Where nothing overlaps, what travels has the same size and shape as where much
// does, whatever the footprints, and says nothing.
func TestTranscriptsHaveOneShape(t *testing.T) {
	for _, arb := range arbiters {
		var want string
		for i, b := range [][]deconflict.Footprint{
			{at("same", 34.40, 70.50, 4, noon)}, {at("far", 31, 65, 1, noon)}, nil, {at("later", 34.40, 70.50, 9, noon.Add(99*time.Hour))},
		} {
			x := begin(t, arb, []deconflict.Footprint{at("raid", 34.40, 70.50, 4, noon)}, b)
			x.seal()
			x.show(99)
			if got := fmt.Sprint(x.sizes); i == 0 {
				want = got
			} else if got != want {
				t.Errorf("arbiter %q, plan %d: messages of %s bytes, want %s", arb, i, got, want)
			}
			n, s := x.told()
			if overlap := i == 0; (len(n) > 0) != overlap || (len(s) > 0) != overlap {
				t.Errorf("arbiter %q, plan %d: told %v and %v", arb, i, n, s)
			}
		}
	}
}

// Whoever stops, after whichever message: with an arbiter both are told or neither;
// without one, at most one part of eight is between them.
func TestAStopAtEveryMessage(t *testing.T) {
	small(t)
	a, b := []deconflict.Footprint{at("raid", 34.40, 70.50, 4, noon)}, []deconflict.Footprint{at("patrol", 34.40, 70.50, 4, noon)}
	for _, arb := range arbiters {
		for stop := 0; ; stop++ {
			x := begin(t, arb, a, b)
			if n, s := x.told(); len(n)+len(s) > 0 {
				t.Fatalf("told %v and %v before the seals", n, s)
			}
			x.seal()
			x.show(stop)
			if x.north.Over() && x.south.Over() {
				break
			}
			behind := len(x.south.Peer.Shown) - len(x.north.Peer.Shown)
			if behind < 0 || behind > 1 || x.north.Owed() != behind {
				t.Errorf("arbiter %q, stopped after %d masks: %d parts ahead, %d owed", arb, stop, behind, x.north.Owed())
			}
			if arb == "" {
				continue
			}
			// The opener asks; the arbiter shows each the other's mask.
			d := x.north.Peer.Sealed
			mask, err := deconflict.Mask(x.arb.secret, "accord", "south", d.Sheet, d.Mask)
			x.must(err)
			x.must(x.north.TakeShown(0, mask))
			d = x.south.Peer.Sealed
			mask, err = deconflict.Mask(x.arb.secret, "accord", "north", d.Sheet, d.Mask)
			x.must(err)
			x.must(x.south.TakeShown(0, mask))
			if n, s := x.told(); len(n) != 1 || len(s) != 1 {
				t.Errorf("after the arbiter: told %v and %v", n, s)
			}
		}
	}
}

// Nothing of a message can be changed, and nothing of another exchange fits: the
// seal is refused before a mask was shown.
func TestALieIsFoundBeforeAnythingIsShown(t *testing.T) {
	a, b := []deconflict.Footprint{at("raid", 34.40, 70.50, 4, noon)}, []deconflict.Footprint{at("patrol", 34.40, 70.50, 4, noon)}
	x := begin(t, "guarantor", a, b)
	h, d := x.hand("north", 0, 3)
	body, err := x.north.Seal(nil, h, "north desk")
	x.must(err)
	for at := 0; at < len(body); at += 97 {
		bad := bytes.Clone(body)
		bad[at] ^= 1
		s := *x.south
		if err := s.TakeSeal(d, bad, x.arb.open); err == nil && at < len(body)-272 { // the contact point's own seal comes last
			t.Errorf("a seal with another byte %d passed", at)
		}
	}
	for name, change := range map[string]func(*ledger.DeconflictSeal){
		"another mask":    func(d *ledger.DeconflictSeal) { d.Mask++ },
		"another sheet":   func(d *ledger.DeconflictSeal) { d.Sheet++ },
		"another arbiter": func(d *ledger.DeconflictSeal) { d.Arbiter = "" },
		"another part":    func(d *ledger.DeconflictSeal) { d.Joins = true },
		"a mask below":    func(d *ledger.DeconflictSeal) { d.Mask = -1 },
	} {
		wrong := d
		change(&wrong)
		s := *x.south
		if err := s.TakeSeal(wrong, body, x.arb.open); !errors.Is(err, deconflict.ErrCheat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A list or a commitment of ours that comes back, and another list than the one
	// committed to.
	ca, err := x.north.Commitment()
	x.must(err)
	own, err := x.north.List()
	x.must(err)
	n := *x.north
	if err := n.TakeJoin(ca, own); !errors.Is(err, deconflict.ErrCheat) {
		t.Errorf("our own list passed: %v", err)
	}
	cb, err := x.south.Commitment()
	x.must(err)
	if err := n.TakeJoin(cb, own); !errors.Is(err, deconflict.ErrCheat) {
		t.Errorf("another list passed: %v", err)
	}
	// The same two lists in another session.
	terms := x.north.Terms
	terms.Session[0]++
	again, err := deconflict.Join(terms, [32]byte{2}, ca, b, noon.Add(-deconflict.Grace))
	x.must(err)
	if err := again.TakeSeal(d, body, x.arb.open); err == nil {
		t.Error("a seal of another session passed")
	}
	// An arbiter that shows something else than the mask.
	x.must(x.south.TakeSeal(d, body, x.arb.open))
	wrong, err := deconflict.Mask(x.arb.secret, "accord", "north", d.Sheet, d.Mask+1)
	x.must(err)
	if err := x.south.TakeShown(0, wrong); !errors.Is(err, deconflict.ErrCheat) {
		t.Errorf("another mask passed: %v", err)
	}
	if err := x.south.TakeShown(1, wrong); !errors.Is(err, deconflict.ErrCheat) {
		t.Errorf("a mask of a part that is not there passed: %v", err)
	}
}

// An opening shows the footprints, and fails for any other than those matched.
func TestOpening(t *testing.T) {
	x := begin(t, "", []deconflict.Footprint{at("raid", 34.40, 70.50, 4, noon)}, nil)
	c, err := x.north.Commitment()
	x.must(err)
	o := x.north.Opening()
	fs, err := o.Check(c)
	if err != nil || len(fs) != 1 || fs[0].Officer != "Maj. Rahimi" {
		t.Fatalf("opening shows %+v, %v", fs, err)
	}
	other := o
	other.Plans = bytes.Replace(o.Plans, []byte("34.4"), []byte("34.5"), 1)
	if _, err := other.Check(c); err == nil {
		t.Error("another place passed")
	}
	// A prober commits to one footprint and matches a list of others.
	probe, err := deconflict.Open(x.north.Terms, [32]byte{1}, []deconflict.Footprint{at("probe", 33, 69, 4, noon)}, noon)
	x.must(err)
	list, err := probe.List()
	x.must(err)
	c.List = sha256.Sum256(list)
	if _, err := o.Check(c); err == nil || !strings.Contains(err.Error(), "not made of these footprints") {
		t.Errorf("a list of other cells: %v", err)
	}
}

// A side that was written down and read again goes on as if nothing had been.
func TestASideOutlivesACrash(t *testing.T) {
	small(t)
	x := begin(t, "", []deconflict.Footprint{at("raid", 34.40, 70.50, 4, noon)}, []deconflict.Footprint{at("patrol", 34.40, 70.50, 4, noon)})
	again := func(s *deconflict.Side) *deconflict.Side {
		b, err := json.Marshal(s)
		x.must(err)
		out := new(deconflict.Side)
		x.must(json.Unmarshal(b, out))
		return out
	}
	x.north, x.south = again(x.north), again(x.south)
	x.seal()
	for !x.north.Over() || !x.south.Over() {
		x.north, x.south = again(x.north), again(x.south)
		for _, p := range [][2]*deconflict.Side{{x.north, x.south}, {x.south, x.north}} {
			if p[0].Turn() {
				part, mask, err := p[0].Show()
				x.must(err)
				x.must(p[1].TakeShown(part, mask))
				x.must(p[1].TakeShown(part, mask)) // it comes twice
			}
		}
	}
	if n, s := x.told(); len(n) != 1 || len(s) != 1 {
		t.Errorf("told %v and %v", n, s)
	}
}

// A sheet that an arbiter sends is taken only whole.
func TestSheetIsChecked(t *testing.T) {
	a := arbiter{[]byte("s")}
	s := a.sheet(t, "north", 4)
	text, _ := a.open(s.Note)
	if err := s.Check(text, "accord", "north"); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(text, "accord", "south"); err == nil {
		t.Error("a sheet of somebody else passed")
	}
	s.Secrets[3] = s.Secrets[4]
	if err := s.Check(text, "accord", "north"); err == nil {
		t.Error("a sheet with another secret passed")
	}
}
