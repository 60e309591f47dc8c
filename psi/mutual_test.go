package psi_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"parley.example/parley/psi"
)

// mutual is one exchange between two sides, up to the masks.
type mutual struct {
	a, b         *psi.Side
	sealA, sealB *psi.Seal // as the other has read them
	ownA, ownB   *psi.Seal
	masksA       []psi.Mask
	masksB       []psi.Mask
}

func newMutual(t testing.TB, va, vb [][]byte, size, parts int) mutual {
	t.Helper()
	m := mutual{}
	context := [32]byte{9}
	var err error
	must := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m.a, err = psi.NewSide([32]byte{1}, context, va, size)
	must()
	m.b, err = psi.NewSide([32]byte{2}, context, vb, size)
	must()
	for i := range parts {
		x, _ := psi.DeriveMask([]byte("a"), []byte{byte(i)})
		y, _ := psi.DeriveMask([]byte("b"), []byte{byte(i)})
		m.masksA, m.masksB = append(m.masksA, x), append(m.masksB, y)
	}
	la, err := psi.ParseList(m.a.List(), size)
	must()
	lb, err := psi.ParseList(m.b.List(), size)
	must()
	m.ownA, err = m.a.Seal(nil, lb, m.masksA)
	must()
	m.ownB, err = m.b.Seal(nil, la, m.masksB)
	must()
	m.sealA, err = m.b.CheckSeal(m.a.Public(), m.ownA.Marshal(), parts)
	must()
	m.sealB, err = m.a.CheckSeal(m.b.Public(), m.ownB.Marshal(), parts)
	must()
	return m
}

func (m mutual) common(t testing.TB, shown int) (a, b []int) {
	t.Helper()
	a, err := m.a.Common(m.ownA, m.masksA, m.sealB, m.masksB[:shown])
	if err != nil {
		t.Fatal(err)
	}
	b, err = m.b.Common(m.ownB, m.masksB, m.sealA, m.masksA[:shown])
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func numbered(from, to int) (out [][]byte) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Appendf(nil, "value %d", i))
	}
	return out
}

// Both sides find exactly what both have, whatever the number of masks, and
// nothing before a mask is shown.
func TestMutualFindsWhatBothHave(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, parts := range []int{1, 3, 8} {
		na, nb, both := 1+r.IntN(40), 1+r.IntN(40), r.IntN(20)
		va := append(numbered(0, both), numbered(1000, 1000+na-min(na, both))...)
		vb := append(numbered(0, both), numbered(2000, 2000+nb-min(nb, both))...)
		m := newMutual(t, va, vb, 64, parts)
		if a, b := m.common(t, 0); len(a)+len(b) > 0 {
			t.Errorf("%d parts: found %v and %v before a mask was shown", parts, a, b)
		}
		a, b := m.common(t, parts)
		var wantA []int
		for i := range both {
			wantA = append(wantA, i)
		}
		if !slices.Equal(a, wantA) || !slices.Equal(b, wantA) {
			t.Errorf("%d parts: found %v and %v, both have the first %d", parts, a, b, both)
		}
		for shown := range parts {
			half, _ := m.common(t, shown)
			for _, i := range half {
				if !slices.Contains(wantA, i) {
					t.Errorf("%d of %d masks: value %d is not common", shown, parts, i)
				}
			}
		}
	}
}

// What goes over the line has the same length whether much, little or nothing is
// common, and however many values a side has.
func TestMutualMessagesHaveOneShape(t *testing.T) {
	shape := func(m mutual) [4]int {
		return [4]int{len(m.a.List()), len(m.b.List()), len(m.ownA.Marshal()), len(m.ownB.Marshal())}
	}
	none := shape(newMutual(t, numbered(0, 5), numbered(100, 164), 64, 1))
	all := shape(newMutual(t, numbered(0, 64), numbered(0, 64), 64, 1))
	if none != all {
		t.Errorf("sizes %v without and %v with something in common", none, all)
	}
}

// A seal of another list, key, mask or proof is refused: no bit can be changed.
func TestMutualRefusesWhatIsMadeUp(t *testing.T) {
	m := newMutual(t, numbered(0, 4), numbered(2, 6), 8, 2)
	good := m.ownB.Marshal()
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 1 << (at % 8)
		if _, err := m.a.CheckSeal(m.b.Public(), bad, 2); err == nil {
			t.Errorf("a seal with a changed byte %d passed", at)
		}
	}
	if _, err := m.a.CheckSeal(m.a.Public(), m.ownA.Marshal(), 2); err == nil {
		t.Error("our own seal came back to us and passed")
	}
	if _, err := m.a.CheckSeal(m.b.Public(), m.ownA.Marshal(), 2); err == nil {
		t.Error("our own seal under the other's key passed")
	}
	if _, err := m.a.CheckSeal(m.b.Public(), good, 1); err == nil {
		t.Error("a seal in other parts passed")
	}
	// A seal made in another exchange.
	old := newMutual(t, numbered(0, 5), numbered(2, 6), 8, 2)
	if _, err := m.a.CheckSeal(m.b.Public(), old.ownB.Marshal(), 2); err == nil {
		t.Error("a seal of another exchange passed")
	}
	list := m.b.List()
	for name, l := range map[string][]byte{
		"short":    list[:len(list)-1],
		"repeated": append(bytes.Clone(list[:32]), list[:len(list)-32]...),
		"identity": append(make([]byte, 32), list[32:]...),
		"unsorted": append(bytes.Clone(list[32:]), list[:32]...),
	} {
		if _, err := psi.ParseList(l, 8); err == nil {
			t.Errorf("a %s list passed", name)
		}
	}
	if _, err := psi.CheckMask(m.masksA[0].Bytes(), m.masksA[0].Public()); err != nil {
		t.Error(err)
	}
	if _, err := psi.CheckMask(m.masksA[0].Bytes(), m.masksB[0].Public()); err == nil {
		t.Error("another mask passed")
	}
}

// A side follows from seed, context and values: whoever is shown these can check
// the list that was committed to.
func TestMutualSideCanBeMadeAgain(t *testing.T) {
	again := func(seed, context byte, v [][]byte) []byte {
		s, err := psi.NewSide([32]byte{seed}, [32]byte{context}, v, 8)
		if err != nil {
			t.Fatal(err)
		}
		return s.List()
	}
	want := again(1, 1, numbered(0, 3))
	if !bytes.Equal(again(1, 1, numbered(0, 3)), want) {
		t.Error("the same side has another list")
	}
	for _, other := range [][]byte{again(2, 1, numbered(0, 3)), again(1, 2, numbered(0, 3)), again(1, 1, numbered(1, 4))} {
		if bytes.Equal(other, want) {
			t.Error("another side has the same list")
		}
	}
}

func FuzzCheckSeal(f *testing.F) {
	m := newMutual(f, numbered(0, 2), numbered(1, 3), 4, 1)
	f.Add(m.ownB.Marshal())
	f.Add([]byte("PSM1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := m.a.CheckSeal(m.b.Public(), data, 1)
		if err == nil && !bytes.Equal(s.Marshal(), data) {
			t.Error("a seal has two encodings")
		}
	})
}

func FuzzParseList(f *testing.F) {
	s, err := psi.NewSide([32]byte{1}, [32]byte{}, numbered(0, 2), 4)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.List())
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = psi.ParseList(data, 4) })
}

// BenchmarkMutual is one side's whole work for 2 × 512 values: its list, its seal,
// reading the other's, and the comparison.
func BenchmarkMutual(b *testing.B) {
	const size = 512
	va, vb := numbered(0, size), numbered(500, 500+size)
	m := newMutual(b, va, vb, size, 1)
	other, sealed := m.b.List(), m.ownB.Marshal()
	b.Run("512", func(b *testing.B) {
		for b.Loop() {
			s, err := psi.NewSide([32]byte{1}, [32]byte{9}, va, size)
			if err != nil {
				b.Fatal(err)
			}
			l, err := psi.ParseList(other, size)
			if err != nil {
				b.Fatal(err)
			}
			own, err := s.Seal(nil, l, m.masksA)
			if err != nil {
				b.Fatal(err)
			}
			theirs, err := s.CheckSeal(m.b.Public(), sealed, 1)
			if err != nil {
				b.Fatal(err)
			}
			if got, err := s.Common(own, m.masksA, theirs, m.masksB); err != nil || len(got) != 12 {
				b.Fatal(got, err)
			}
		}
	})
}
