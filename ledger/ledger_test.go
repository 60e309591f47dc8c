package ledger_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"parley.example/parley/ledger"
)

// memory is a log's stored hashes in memory.
type memory struct {
	hashes []tlog.Hash
	leaves [][]byte
}

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = m.hashes[x]
	}
	return out, nil
}

func (m *memory) grow(t testing.TB, leaves ...[]byte) ledger.Tree {
	t.Helper()
	hs, tree, err := ledger.Grow(int64(len(m.leaves)), leaves, m)
	if err != nil {
		t.Fatalf("Grow: %v", err)
	}
	m.hashes = append(m.hashes, hs...)
	m.leaves = append(m.leaves, leaves...)
	return tree
}

func key(t testing.TB) ledger.Key {
	t.Helper()
	k, err := ledger.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func event(n int) ledger.Event {
	data, _ := json.Marshal(ledger.Reason{Reason: "exercise"})
	return ledger.Event{Accord: "a1", Party: "north", Kind: ledger.AccordSuspended, At: time.Unix(1700000000+int64(n), 0), Data: data}
}

// receipt makes a log of n events and a receipt for one of them.
func receipt(t testing.TB, n, index int) (r ledger.Receipt, owner ledger.Key, cosigners []ledger.Cosigner) {
	t.Helper()
	owner = key(t)
	witness := key(t)
	ml, err := ledger.GenerateMLDSAKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m := new(memory)
	var tree ledger.Tree
	for i := range n {
		leaf, ev, salt, err := ledger.NewLeaf(event(i), []ledger.Seen{{Party: "south"}}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if i == index {
			r.Event, r.Salt, r.Leaf, r.Index = ev, salt, leaf.Marshal(), int64(i)
		}
		tree = m.grow(t, leaf.Marshal())
	}
	path, err := ledger.ProveInclusion(int64(index), tree.N, m)
	if err != nil {
		t.Fatal(err)
	}
	r.Path = path
	cp, err := owner.SignCheckpoint(ledger.Origin("a1", "north"), tree)
	if err != nil {
		t.Fatal(err)
	}
	if r.Checkpoint, err = ledger.Cosign(cp, "guarantor", witness, ml); err != nil {
		t.Fatal(err)
	}
	r.Accord = []byte("accord\n")
	r.Cards = [][]byte{[]byte("card one\n"), []byte("card two\n")}
	return r, owner, []ledger.Cosigner{{Name: "guarantor", Key: witness.Public(), MLDSA: ml.Public()}}
}

func TestReceiptProvesItsEvent(t *testing.T) {
	for _, c := range []struct{ n, i int }{{1, 0}, {2, 1}, {7, 3}, {64, 63}, {65, 0}} {
		r, owner, witness := receipt(t, c.n, c.i)
		parsed, err := ledger.ParseReceipt(r.Marshal())
		if err != nil {
			t.Fatalf("n=%d: %v", c.n, err)
		}
		e, cp, err := parsed.Verify(ledger.Keys([]ledger.PublicKey{owner.Public()}, witness...))
		if err != nil {
			t.Fatalf("n=%d: %v", c.n, err)
		}
		if e.Kind != ledger.AccordSuspended || cp.Tree.N != int64(c.n) || len(cp.Cosigners) != 1 || cp.Cosigners[0] != "guarantor" || len(cp.MLDSA) != 1 {
			t.Errorf("n=%d: verified to %v, size %d, cosigners %v", c.n, e.Kind, cp.Tree.N, cp.Cosigners)
		}
	}
}

// Every bit of what the ledger itself protects counts: event, salt, leaf,
// index, path, checkpoint, signatures and framing. (Accord and cards are
// checked by package accord.)
func TestReceiptRejectsAnyFlippedBit(t *testing.T) {
	r, owner, witness := receipt(t, 5, 2)
	good := r.Marshal()
	skip := bytes.Index(good, []byte("event ")) // accord and cards precede it
	for i := skip; i < len(good); i++ {
		for bit := range 8 {
			if i > len(good)-3000 && bit != i%8 {
				continue // within the one long signature, a bit of each byte
			}
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			parsed, err := ledger.ParseReceipt(bad)
			if err == nil {
				_, _, err = parsed.Verify(ledger.Keys([]ledger.PublicKey{owner.Public()}, witness...))
			}
			if err == nil {
				t.Fatalf("bit %d of byte %d (%q) flipped and still accepted", bit, i, good[max(0, i-10):i+10])
			}
		}
	}
	for n := range len(good) {
		if _, err := ledger.ParseReceipt(good[:n]); !errors.Is(err, ledger.ErrMalformed) {
			t.Fatalf("receipt cut at %d: got %v, want ErrMalformed", n, err)
		}
	}
}

func TestCheckpointBySomeoneElse(t *testing.T) {
	r, owner, _ := receipt(t, 3, 1)
	stranger := key(t)
	if _, _, err := r.Verify(ledger.Keys([]ledger.PublicKey{stranger.Public()})); !errors.Is(err, ledger.ErrNote) {
		t.Errorf("stranger's checkpoint: got %v, want ErrNote", err)
	}
	// A cosignature by a key that nobody vouches for is not passed over.
	if _, _, err := r.Verify(ledger.Keys([]ledger.PublicKey{owner.Public()})); !errors.Is(err, ledger.ErrNote) {
		t.Errorf("unknown cosigner: got %v, want ErrNote", err)
	}
}

func TestConsistencyFindsForksAndRollbacks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "n")
		k := rapid.IntRange(0, n).Draw(rt, "k")
		a, b := new(memory), new(memory)
		var ta, tb, old ledger.Tree
		for i := range n {
			if i == k {
				old = ta
			}
			leaf := []byte{byte(i)}
			ta = a.grow(t, leaf)
			if i == 0 {
				leaf = []byte{0xff}
			}
			tb = b.grow(t, leaf)
		}
		if k == n {
			old = ta
		}
		proof, err := ledger.ProveConsistency(old.N, ta.N, a)
		if err != nil {
			rt.Fatal(err)
		}
		if err := ledger.CheckConsistency(old, ta, proof); err != nil {
			rt.Fatalf("honest extension %d→%d refused: %v", old.N, ta.N, err)
		}
		if old.N > 0 {
			forged, err := ledger.ProveConsistency(old.N, tb.N, b)
			if err != nil {
				rt.Fatal(err)
			}
			if err := ledger.CheckConsistency(old, tb, forged); !errors.Is(err, ledger.ErrFork) {
				rt.Fatalf("fork %d→%d: got %v, want ErrFork", old.N, tb.N, err)
			}
		}
		if n > k {
			if err := ledger.CheckConsistency(ta, old, nil); !errors.Is(err, ledger.ErrRollback) {
				rt.Fatalf("rollback: got %v, want ErrRollback", err)
			}
		}
	})
}

// Growing in one batch and one by one gives the same tree and hashes.
func TestGrowInBatches(t *testing.T) {
	one, batch := new(memory), new(memory)
	var leaves [][]byte
	var last ledger.Tree
	for i := range 37 {
		leaves = append(leaves, []byte{byte(i)})
		last = one.grow(t, leaves[i])
	}
	batch.grow(t, leaves[:5]...)
	if got := batch.grow(t, leaves[5:]...); got != last || len(batch.hashes) != len(one.hashes) {
		t.Errorf("batch gives %v with %d hashes, one by one %v with %d", got, len(batch.hashes), last, len(one.hashes))
	}
}

func TestLeafHidesAndBinds(t *testing.T) {
	a, ev, salt, err := ledger.NewLeaf(event(1), nil, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, _, _, err := ledger.NewLeaf(event(1), nil, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if a.Commitment == b.Commitment {
		t.Error("two leaves of the same event can be told to be the same")
	}
	if bytes.Contains(a.Marshal(), []byte("exercise")) {
		t.Error("the leaf shows the event's content")
	}
	if err := a.Opens(ev, salt); err != nil {
		t.Error(err)
	}
	if err := a.Opens(bytes.Replace(ev, []byte("exercise"), []byte("Exercise"), 1), salt); err == nil {
		t.Error("the leaf opens to another event")
	}
}

func TestParsersAreStrict(t *testing.T) {
	leaf, ev, _, err := ledger.NewLeaf(event(1), []ledger.Seen{{Party: "b"}, {Party: "a"}}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ledger.ParseLeaf(leaf.Marshal()); err != nil || len(got.Seen) != 2 || got.Seen[0].Party != "a" {
		t.Errorf("leaf round trip: %v, %v", got, err)
	}
	dup := bytes.Replace(ev, []byte(`"kind"`), []byte(`"kind":"released","kind"`), 1)
	if _, err := ledger.ParseEvent(dup); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("event with a duplicate key: got %v, want ErrMalformed", err)
	}
	folded := bytes.Replace(ev, []byte(`"kind"`), []byte(`"KIND"`), 1)
	if _, err := ledger.ParseEvent(folded); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("event with a key in other case: got %v, want ErrMalformed", err)
	}
}

func FuzzParseReceipt(f *testing.F) {
	r, _, _ := receipt(f, 3, 1)
	f.Add(r.Marshal())
	f.Add([]byte("parley-receipt/1\nproof 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ledger.ParseReceipt(b)
		if err == nil && !bytes.Equal(r.Marshal(), b) {
			t.Error("a receipt has two spellings")
		}
	})
}

func FuzzParseLeaf(f *testing.F) {
	leaf, _, _, _ := ledger.NewLeaf(event(1), []ledger.Seen{{Party: "south"}}, rand.Reader)
	f.Add(leaf.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ledger.ParseLeaf(b)
		if err == nil && !bytes.Equal(l.Marshal(), b) {
			t.Error("a leaf has two spellings")
		}
	})
}

func FuzzParseEvent(f *testing.F) {
	_, ev, _, _ := ledger.NewLeaf(event(1), nil, rand.Reader)
	f.Add(ev)
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = ledger.ParseEvent(b) })
}

func BenchmarkAppendAndSign(b *testing.B) {
	k, m := key(b), new(memory)
	leaf, _, _, _ := ledger.NewLeaf(event(1), nil, rand.Reader)
	for b.Loop() {
		tree := m.grow(b, leaf.Marshal())
		if _, err := k.SignCheckpoint("parley/a1/north", tree); err != nil {
			b.Fatal(err)
		}
	}
}
