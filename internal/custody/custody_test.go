package custody_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"parley.example/parley/internal/custody"
	"parley.example/parley/ledger"
)

func split(t testing.TB, need, of int) (ledger.Key, []custody.Share) {
	t.Helper()
	key, err := ledger.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shares, err := custody.Split(rand.Reader, "north", key, need, of)
	if err != nil || len(shares) != of {
		t.Fatalf("%d shares, %v", len(shares), err)
	}
	return key, shares
}

// reread is a share as it comes back from its custodian.
func reread(t testing.TB, s custody.Share) custody.Share {
	t.Helper()
	s, err := custody.Parse(s.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Any three of five bring the key back, in any order; no two do.
func TestAnyEnoughBringItBack(t *testing.T) {
	key, s := split(t, 3, 5)
	for a := range s {
		for b := range s {
			for c := range s {
				if a == b || b == c || a == c {
					continue
				}
				got, err := custody.Combine([]custody.Share{reread(t, s[a]), reread(t, s[b]), reread(t, s[c])})
				if err != nil || !bytes.Equal(got.Seed(), key.Seed()) {
					t.Fatalf("shares %d, %d, %d: %v", a+1, b+1, c+1, err)
				}
			}
			if _, err := custody.Combine([]custody.Share{s[a], s[b]}); !errors.Is(err, custody.ErrShare) {
				t.Errorf("two shares: %v", err)
			}
		}
	}
	if _, err := custody.Combine([]custody.Share{s[0], s[1], s[1]}); !errors.Is(err, custody.ErrShare) {
		t.Errorf("a share twice: %v", err)
	}
	if _, err := custody.Combine(s); err != nil {
		t.Errorf("all: %v", err)
	}
}

// A share of another key, or of another splitting of the same, is refused.
func TestSharesGoTogether(t *testing.T) {
	key, s := split(t, 2, 3)
	_, others := split(t, 2, 3)
	again, err := custody.Split(rand.Reader, "north", key, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]custody.Share{"another key": others[1], "another splitting": again[1]} {
		if _, err := custody.Combine([]custody.Share{s[0], other}); !errors.Is(err, custody.ErrShare) || !strings.Contains(err.Error(), "another splitting") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, x := range [][2]int{{1, 3}, {4, 3}, {2, custody.MaxShares + 1}} {
		if _, err := custody.Split(rand.Reader, "north", key, x[0], x[1]); !errors.Is(err, custody.ErrShare) {
			t.Errorf("%d of %d: %v", x[0], x[1], err)
		}
	}
}

// Whatever is damaged in a share, it is found by looking at the share alone.
func TestDamagedShareIsNamed(t *testing.T) {
	_, s := split(t, 2, 2)
	file := s[0].Marshal()
	for i := range file {
		b := bytes.Clone(file)
		b[i] ^= 1
		if _, err := custody.Parse(b); !errors.Is(err, custody.ErrShare) {
			t.Fatalf("byte %d (%q) flipped: %v", i, file[i], err)
		}
	}
}

// Who changes a value and the sum with it is found by the commitments.
func TestFalseShareIsNamed(t *testing.T) {
	_, s := split(t, 2, 2)
	mine, other := strings.Split(string(s[0].Marshal()), "\n"), strings.Split(string(s[1].Marshal()), "\n")
	mine[3] = other[3]
	text := strings.Join(mine[:len(mine)-2], "\n") + "\n"
	_, err := custody.Parse(fmt.Appendf(nil, "%ssum %x\n", text, sha256.Sum256([]byte(text))))
	if !errors.Is(err, custody.ErrShare) || !strings.Contains(err.Error(), "committed") {
		t.Errorf("another's value: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	_, s := split(f, 2, 2)
	f.Add(s[0].Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := custody.Parse(b); err == nil && !bytes.Equal(s.Marshal(), b) {
			t.Error("a share has two spellings")
		}
	})
}
