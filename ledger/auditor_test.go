package ledger_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"parley.example/parley/ledger"
)

type entry struct{ leaf, event, salt []byte }

func entryOf(t testing.TB, e ledger.Event, seen ...ledger.Seen) entry {
	t.Helper()
	l, ev, salt, err := ledger.NewLeaf(e, seen, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return entry{l.Marshal(), ev, salt}
}

// An auditor says of each entry what ParseLeaf and Opens say of it alone.
func TestAuditor(t *testing.T) {
	seen := ledger.Seen{Party: "south", Hash: [32]byte{1}}
	good := []entry{
		entryOf(t, event(1)), entryOf(t, event(2), seen), entryOf(t, event(2), seen),
		entryOf(t, event(3), ledger.Seen{Party: "south", Hash: [32]byte{2}}),
	}
	alone := func(x entry) error {
		l, err := ledger.ParseLeaf(x.leaf)
		if err != nil || x.event == nil {
			return err
		}
		return l.Opens(x.event, x.salt)
	}
	closed := good[1]
	closed.event, closed.salt = nil, nil
	a := ledger.NewAuditor("a1", "north")
	for i, x := range append(good, closed) {
		err := a.Check(x.leaf, x.event, x.salt)
		if back := i == len(good); errors.Is(err, ledger.ErrDatedBack) != back || (err == nil) == back {
			t.Errorf("entry %d: %v, want dated back: %v", i, err, back)
		}
	}
	// Every byte of leaf, event and salt counts, also behind one that was good.
	for which := range 3 {
		for i := range [][]byte{good[2].leaf, good[2].event, good[2].salt}[which] {
			bad := entry{bytes.Clone(good[2].leaf), bytes.Clone(good[2].event), bytes.Clone(good[2].salt)}
			[][]byte{bad.leaf, bad.event, bad.salt}[which][i] ^= 1
			a := ledger.NewAuditor("a1", "north")
			if err := a.Check(good[1].leaf, good[1].event, good[1].salt); err != nil {
				t.Fatal(err)
			}
			err, want := a.Check(bad.leaf, bad.event, bad.salt), alone(bad)
			if errors.Is(err, ledger.ErrDatedBack) {
				want = err // the flipped bit made its time an earlier one
			}
			if err == nil && want != nil || err != nil && want == nil {
				t.Errorf("byte %d of part %d: %v, want %v", i, which, err, want)
			}
		}
	}
	if err := ledger.NewAuditor("a1", "north").Check(good[0].leaf, good[0].event, good[0].salt[:31]); err == nil {
		t.Error("a short salt opens")
	}
	for _, other := range []*ledger.Auditor{ledger.NewAuditor("a2", "north"), ledger.NewAuditor("a1", "south")} {
		if err := other.Check(good[0].leaf, good[0].event, good[0].salt); err == nil {
			t.Error("an act under another accord or name passes")
		}
	}
}

// Another spelling of an event than ours is read, and refused where it disagrees
// with its leaf.
func TestAuditorReadsOtherSpellings(t *testing.T) {
	e := event(1)
	for _, x := range []struct {
		event string
		good  bool
	}{
		{fmt.Sprintf(`{ "kind": %q, "at": %q, "party": "north", "accord": "a1", "data": {} }`, e.Kind, e.At.UTC().Format(time.RFC3339)), true},
		{fmt.Sprintf(`{ "kind": "received", "at": %q, "party": "north", "accord": "a1", "data": {} }`, e.At.UTC().Format(time.RFC3339)), false},
		{fmt.Sprintf(`{ "kind": %q, "at": "2020-01-01T00:00:00Z", "party": "north", "accord": "a1", "data": {} }`, e.Kind), false},
		{fmt.Sprintf(`{ "kind": %q, "at": %q, "party": "south", "accord": "a1", "data": {} }`, e.Kind, e.At.UTC().Format(time.RFC3339)), false},
		{`{}`, false},
	} {
		salt := bytes.Repeat([]byte{7}, ledger.SaltSize)
		l := ledger.Leaf{Kind: e.Kind, At: e.At, Commitment: ledger.Commit(salt, []byte(x.event))}
		if err := ledger.NewAuditor("a1", "north").Check(l.Marshal(), []byte(x.event), salt); (err == nil) != x.good {
			t.Errorf("%s: %v, want good %v", x.event, err, x.good)
		}
	}
}

// BenchmarkAuditLeaves is what the audit of a log costs without its storage, on one
// core: each leaf's form and order, its opening, and the tree; beside it the
// SHA-256 of the same bytes.
func BenchmarkAuditLeaves(b *testing.B) {
	x := entryOf(b, ledger.Event{
		Accord: "7d8e8f", Party: "north", Kind: ledger.Released, At: time.Unix(1700000000, 0),
		Data: fmt.Appendf(nil, `{"object":"incident--%032x","notes":"%0300d"}`, 1, 2),
	}, ledger.Seen{Party: "south"})
	for _, opened := range []bool{false, true} {
		event, salt, what := x.event, x.salt, "opened"
		if !opened {
			event, salt, what = nil, nil, "closed"
		}
		b.Run(what, func(b *testing.B) {
			var f ledger.Frontier
			a := ledger.NewAuditor("7d8e8f", "north")
			for b.Loop() {
				if err := a.Check(x.leaf, event, salt); err != nil {
					b.Fatal(err)
				}
				f.Add(x.leaf)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
		})
		b.Run(what+"-sha256", func(b *testing.B) {
			node := make([]byte, 65)
			inner := append(make([]byte, 64), event...)
			outer := make([]byte, 96)
			for b.Loop() {
				sha256.Sum256(x.leaf)
				sha256.Sum256(node)
				if opened {
					sha256.Sum256(inner)
					sha256.Sum256(outer)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
		})
	}
}
