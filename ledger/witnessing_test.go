package ledger_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"parley.example/parley/ledger"
)

// witnessed makes a node log of n ticks, of which the one at index holds a
// checkpoint, cosigned by a witness.
func witnessed(t testing.TB, n, index int) (w ledger.Witnessing, checkpoint []byte, open ledger.Opener) {
	t.Helper()
	owner, witness := key(t), key(t)
	ml, err := ledger.GenerateMLDSAKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err = owner.SignCheckpoint(ledger.Origin("a1", "north"), ledger.Tree{N: 9})
	if err != nil {
		t.Fatal(err)
	}
	other, err := owner.SignCheckpoint(ledger.Origin("a2", "north"), ledger.Tree{N: 3})
	if err != nil {
		t.Fatal(err)
	}
	m := new(memory)
	var tree ledger.Tree
	for i := range n {
		var cps [][]byte
		if i == index {
			cps = [][]byte{other, checkpoint}
		}
		tick, slots, err := ledger.NewTick(time.Unix(1700000000+int64(i), 0), cps, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if i == index {
			w = ledger.Witnessing{Of: 9, Slot: slots[1], Tick: tick.Marshal(), Index: int64(i)}
		}
		tree = m.grow(t, tick.Marshal())
	}
	if w.Path, err = ledger.ProveInclusion(int64(index), tree.N, m); err != nil {
		t.Fatal(err)
	}
	head, err := owner.SignCheckpoint(ledger.NodeOrigin("north", 1), tree)
	if err != nil {
		t.Fatal(err)
	}
	if w.Checkpoint, err = ledger.Cosign(head, "guarantor", witness, ml); err != nil {
		t.Fatal(err)
	}
	return w, checkpoint, ledger.Keys([]ledger.PublicKey{owner.Public()}, ledger.Cosigner{Name: "guarantor", Key: witness.Public(), MLDSA: ml.Public()})
}

func TestWitnessingProvesACheckpoint(t *testing.T) {
	for _, c := range []struct{ n, i int }{{1, 0}, {5, 2}, {64, 63}} {
		w, cp, open := witnessed(t, c.n, c.i)
		got, err := ledger.ParseWitnessing(w.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		tick, node, err := got.Verify(cp, open)
		if err != nil || len(node.Cosigners) != 1 || tick.At.Unix() != 1700000000+int64(c.i) {
			t.Errorf("%d of %d: tick %v, cosigners %v, %v", c.i, c.n, tick.At, node.Cosigners, err)
		}
	}
}

func TestWitnessingRejectsAnyFlippedBit(t *testing.T) {
	w, cp, open := witnessed(t, 5, 2)
	good := w.Marshal()
	for i := range good {
		if i > len(good)-3000 && i%7 != 0 {
			continue // within the one long signature, every seventh byte
		}
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		w, err := ledger.ParseWitnessing(bad)
		if err == nil {
			_, _, err = w.Verify(cp, open)
		}
		if err == nil {
			t.Fatalf("bit %d of byte %d flipped and still accepted", i%8, i)
		}
	}
}

// What a witness sees is the same whether the node did much or nothing.
func TestTicksLookAlike(t *testing.T) {
	owner := key(t)
	var cps [][]byte
	for _, accord := range []string{"a1", "a2", "a3"} {
		cp, err := owner.SignCheckpoint(ledger.Origin(accord, "north"), ledger.Tree{N: 1 << 40})
		if err != nil {
			t.Fatal(err)
		}
		cps = append(cps, cp)
	}
	at := time.Unix(1700000000, 0)
	idle, _, err := ledger.NewTick(at, nil, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	busy, slots, err := ledger.NewTick(at, cps, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if len(idle.Marshal()) != len(busy.Marshal()) {
		t.Errorf("an idle tick has %d bytes, a busy one %d", len(idle.Marshal()), len(busy.Marshal()))
	}
	// Who is shown one slot does not learn how many others there are.
	if len(slots) != 3 || len(slots[0].Path) != 6 || slots[0].Slots != 64 {
		t.Errorf("slots %+v", slots)
	}
	again, _, err := ledger.NewTick(at, cps, rand.Reader)
	if err != nil || again.Root == busy.Root {
		t.Error("the same checkpoints make the same tick twice")
	}
}

// A consistency proof that leads from another past shows that past, so that a
// witness, who holds no entries, can prove the fork.
func TestProofOfAnotherPastIsEvidence(t *testing.T) {
	owner := key(t)
	origin := ledger.NodeOrigin("north", 1)
	sign := func(tree ledger.Tree) ledger.Checkpoint {
		note, err := owner.SignCheckpoint(origin, tree)
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Checkpoint{Origin: origin, Tree: tree, Note: note}
	}
	for n := 2; n < 40; n++ {
		for k := 1; k < n; k++ {
			a, b := new(memory), new(memory)
			var old, other ledger.Tree
			for i := range n {
				if i < k {
					old = a.grow(t, []byte{byte(i)})
				}
				other = b.grow(t, []byte{byte(i), 1})
			}
			proof, err := ledger.ProveConsistency(int64(k), int64(n), b)
			if err != nil {
				t.Fatal(err)
			}
			f, ok := ledger.ProvesFork(sign(old), sign(other), proof)
			if k&(k-1) == 0 {
				if ok {
					t.Fatalf("%d→%d: the proof leaves the older root out and is taken for evidence", k, n)
				}
				continue
			}
			if !ok {
				t.Fatalf("%d→%d: no evidence", k, n)
			}
			if err := f.Verify(origin, ledger.Keys([]ledger.PublicKey{owner.Public()})); err != nil {
				t.Fatalf("%d→%d: %v", k, n, err)
			}
			// An honest proof accuses nobody.
			honest := new(memory)
			var was, now ledger.Tree
			for i := range n {
				now = honest.grow(t, []byte{byte(i)})
				if i < k {
					was = now
				}
			}
			if proof, err = ledger.ProveConsistency(int64(k), int64(n), honest); err != nil {
				t.Fatal(err)
			}
			if _, ok := ledger.ProvesFork(sign(was), sign(now), proof); ok {
				t.Fatalf("%d→%d: an honest log is accused", k, n)
			}
		}
	}
}

func FuzzParseWitnessing(f *testing.F) {
	w, _, _ := witnessed(f, 3, 1)
	f.Add(w.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := ledger.ParseWitnessing(b)
		if err == nil && !bytes.Equal(w.Marshal(), b) {
			t.Error("a witnessing has two spellings")
		}
		if err != nil && !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%v, want ErrMalformed", err)
		}
	})
}
