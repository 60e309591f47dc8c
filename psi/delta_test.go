package psi_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"parley.example/parley/psi"
)

func TestDelta(t *testing.T) {
	h, _ := newHolder(t, phone)
	base := randomOutputs("base", 1500)
	old, oldBytes := openFilter(t, h, base[:1200], 0)
	sets := map[string][]psi.Output{
		"the same":      base[:1200],
		"one more":      base[:1201],
		"one less":      base[:1199],
		"many more":     base[:1250],
		"many replaced": append(base[300:1200:1200], randomOutputs("other", 150)...),
		"all replaced":  randomOutputs("other", 1250),
	}
	for name, set := range sets {
		next, nextBytes := openFilter(t, h, set, old.Len())
		delta, err := next.Delta(old)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := old.Apply(delta)
		if err != nil || !bytes.Equal(got, nextBytes) {
			t.Errorf("%s: another filter results (%v)", name, err)
		}
		back, err := old.Delta(next)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := next.Apply(back); err != nil || !bytes.Equal(got, oldBytes) {
			t.Errorf("%s, back: another filter results (%v)", name, err)
		}
		if name == "one more" && len(delta) > 150 {
			t.Errorf("one more entry takes a delta of %d bytes", len(delta))
		}
		if name != "the same" {
			if _, err := next.Apply(delta); !errors.Is(err, psi.ErrContext) {
				t.Errorf("%s: applied twice: %v, want ErrContext", name, err)
			}
		}
		for n := range len(delta) {
			if _, err := old.Apply(delta[:n]); !known(err) {
				t.Fatalf("%s: cut to %d bytes: %v", name, n, err)
			}
		}
		for i := range delta {
			bad := bytes.Clone(delta)
			bad[i] ^= 1
			if out, err := old.Apply(bad); !known(err) {
				t.Fatalf("%s: byte %d altered: %d bytes, %v", name, i, len(out), err)
			}
			if i > 300 {
				break
			}
		}
	}
	larger, _ := openFilter(t, h, base, 0)
	if _, err := larger.Delta(old); !errors.Is(err, psi.ErrSize) {
		t.Errorf("delta to another class: %v, want ErrSize", err)
	}
	other, _ := newHolder(t, phone)
	foreign, _ := openFilter(t, other, base[:1200], 0)
	if _, err := foreign.Delta(old); !errors.Is(err, psi.ErrContext) {
		t.Errorf("delta to another key's: %v, want ErrContext", err)
	}
}

// TestDeltaSize reports what a day's changes cost: 1 % of 100,000 entries.
func TestDeltaSize(t *testing.T) {
	h, _ := newHolder(t, phone)
	const n, changed = 100_000, 1000
	base := randomOutputs("base", n)
	old, _ := openFilter(t, h, base, n)
	next, encoded := openFilter(t, h, append(base[changed:n:n], randomOutputs("new", changed)...), n)
	delta, err := next.Delta(old)
	if err != nil {
		t.Fatal(err)
	}
	per := float64(len(delta)) / changed
	if per > 9 {
		t.Errorf("%.1f bytes a changed entry, want at most 9", per)
	}
	t.Logf("%d of %d entries changed: %d bytes instead of %d, %.1f each", changed, n, len(delta), len(encoded), per)
}

func FuzzApply(f *testing.F) {
	h, _ := newHolder(f, phone)
	old, _ := openFilter(f, h, randomOutputs("old", 50), 50)
	next, _ := openFilter(f, h, randomOutputs("new", 50), 50)
	delta, err := next.Delta(old)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(delta)
	d := old.Digest()
	huge := append([]byte("PSD1"), d[:]...)
	huge = append(huge, make([]byte, 32)...)
	f.Add(binary.BigEndian.AppendUint64(huge, 1<<64-1))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := old.Apply(data)
		if err != nil {
			if !known(err) {
				t.Errorf("unknown error: %v", err)
			}
			return
		}
		if _, err := psi.OpenFilter(out); err != nil {
			t.Errorf("Apply makes a filter that does not open: %v", err)
		}
	})
}
