package psi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"parley.example/parley/psi"
)

// randomOutputs makes n outputs without the cost of evaluating them.
func randomOutputs(seed string, n int) []psi.Output {
	out := make([]psi.Output, n)
	for i := range out {
		b := binary.BigEndian.AppendUint64([]byte(seed), uint64(i))
		s := sha256.Sum256(b)
		copy(out[i][:], s[:])
		copy(out[i][32:], s[:])
	}
	return out
}

func openFilter(t testing.TB, h *psi.Holder, outputs []psi.Output, padTo int) (*psi.Filter, []byte) {
	t.Helper()
	b, err := h.Filter(outputs, padTo)
	if err != nil {
		t.Fatal(err)
	}
	f, err := psi.OpenFilter(b)
	if err != nil {
		t.Fatal(err)
	}
	return f, b
}

func TestFilter(t *testing.T) {
	h, key := newHolder(t, phone)
	for _, n := range []int{0, 1, 2, 63, 64, 65, 1000, 1001, 20_000} {
		outputs := randomOutputs("in", n)
		f, b := openFilter(t, h, outputs, 0)
		if f.Len() != psi.FilterClass(n) {
			t.Errorf("%d outputs make %d entries, want %d", n, f.Len(), psi.FilterClass(n))
		}
		for i, o := range outputs {
			if !f.Contains(o) {
				t.Fatalf("output %d of %d is not in the filter", i, n)
			}
		}
		for i, o := range randomOutputs("out", 20_000) {
			if f.Contains(o) {
				t.Errorf("output %d is in a filter of %d others", i, n)
			}
		}
		if f.Digest() != sha256.Sum256(b) || !bytes.Equal(f.PublicKey().Bytes(), key.Public().Bytes()) {
			t.Error("digest or key is not the encoding's")
		}
		if err := f.Check(phone, key.Public()); err != nil {
			t.Error(err)
		}
		again, err := h.Filter(append(outputs, outputs...)[n:], 0)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%d outputs: another filter the second time (%v)", n, err)
		}
	}
}

// TestFilterSizeHides shows that the size tells the class and no more.
func TestFilterSizeHides(t *testing.T) {
	h, _ := newHolder(t, phone)
	low, high := len0(t, h, 1), len0(t, h, 1000)
	if d := high - low; d < -40 || d > 40 {
		t.Errorf("filters of 1 and of 1,000 outputs are %d bytes apart", d)
	}
	for _, n := range []int{0, 1, 999, 1000, 1001, 12345, 8_000_000} {
		c := psi.FilterClass(n)
		if c < n || c < 1000 || n > 1000 && float64(c) > 1.29*float64(n) {
			t.Errorf("%d is padded to %d", n, c)
		}
	}
	for _, bad := range []struct{ n, padTo int }{{11, 10}, {1, psi.MaxFilter + 1}, {1, -1}} {
		if _, err := h.Filter(randomOutputs("x", bad.n), bad.padTo); !errors.Is(err, psi.ErrSize) {
			t.Errorf("%d outputs padded to %d: %v, want ErrSize", bad.n, bad.padTo, err)
		}
	}
}

func len0(t *testing.T, h *psi.Holder, n int) int {
	_, b := openFilter(t, h, randomOutputs("x", n), 0)
	return len(b)
}

// TestFilterBytesPerItem holds the encoding to its goal of 4.3 bytes.
func TestFilterBytesPerItem(t *testing.T) {
	h, _ := newHolder(t, phone)
	const n = 100_000
	_, b := openFilter(t, h, randomOutputs("x", n), n)
	if per := float64(len(b)) / n; per > 4.3 {
		t.Errorf("%.3f bytes an entry, want at most 4.3", per)
	} else {
		t.Logf("%.3f bytes an entry", per)
	}
}

// TestFilterFalsePositives counts on a filter of one entry's width: an output
// next to an entry's must not be taken for it.
func TestFilterNeighbours(t *testing.T) {
	h, _ := newHolder(t, phone)
	outputs := randomOutputs("x", 1000)
	f, _ := openFilter(t, h, outputs, 1000)
	for _, o := range outputs {
		w := binary.BigEndian.Uint64(o[:8])
		step := uint64(1 << 32 / 500) // the value moves by one for 2³²/1,000 of the output
		for _, d := range []uint64{step, -step} {
			near := o
			binary.BigEndian.PutUint64(near[:8], w+d)
			if f.Contains(near) {
				t.Fatal("a neighbour is in the filter")
			}
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	h, _ := newHolder(t, phone)
	_, b := openFilter(t, h, randomOutputs("x", 50), 50)
	for n := range len(b) {
		if _, err := psi.OpenFilter(b[:n]); !known(err) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := psi.OpenFilter(append(bytes.Clone(b), 0)); !known(err) {
		t.Errorf("with a byte more: %v", err)
	}
	for _, n := range []uint64{0, 49, 51, psi.MaxFilter + 1, 1 << 62, 1<<64 - 1} {
		bad := bytes.Clone(b)
		binary.BigEndian.PutUint64(bad[68:], n)
		if _, err := psi.OpenFilter(bad); !known(err) {
			t.Errorf("claiming %d entries: %v", n, err)
		}
		bad = bytes.Clone(b)
		binary.BigEndian.PutUint64(bad[76:], n)
		if _, err := psi.OpenFilter(bad); !known(err) {
			t.Errorf("claiming %d bits: %v", n, err)
		}
	}
	bad := bytes.Clone(b)
	clear(bad[36:68])
	if _, err := psi.OpenFilter(bad); !errors.Is(err, psi.ErrElement) {
		t.Errorf("with the identity as key: %v", err)
	}
	// Equal entries: a difference of zero.
	bad = bytes.Clone(b)
	for i := len(bad) - 4*49; i < len(bad); i++ {
		bad[i] = 0
	}
	if _, err := psi.OpenFilter(bad); !errors.Is(err, psi.ErrEncoding) {
		t.Errorf("with equal entries: %v", err)
	}
	// The last byte of the quotients has a bit too many.
	bits := binary.BigEndian.Uint64(b[76:])
	if bits%8 != 0 {
		bad = bytes.Clone(b)
		bad[84+bits/8] |= 0x80
		if _, err := psi.OpenFilter(bad); !errors.Is(err, psi.ErrEncoding) {
			t.Errorf("with a bit behind the end: %v", err)
		}
	}
}

// TestFilterMemory opens hostile headers and a true filter under a limit.
func TestFilterMemory(t *testing.T) {
	h, _ := newHolder(t, phone)
	_, b := openFilter(t, h, randomOutputs("x", 50_000), 50_000)
	hostile := bytes.Clone(b[:2000])
	binary.BigEndian.PutUint64(hostile[68:], psi.MaxFilter)
	binary.BigEndian.PutUint64(hostile[76:], 2*psi.MaxFilter)
	for name, data := range map[string][]byte{"hostile": hostile, "true": b} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = psi.OpenFilter(data)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(len(data))/10+64<<10 {
			t.Errorf("%s filter of %d bytes allocates %d", name, len(data), grown)
		}
	}
}
