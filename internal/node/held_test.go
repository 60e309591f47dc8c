package node

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
)

// HeldSelectors lists, for tests, the values of a kind that are filed.
func (n *Node) HeldSelectors(ctx context.Context, kind string) (out []string, err error) {
	err = n.view(ctx, func(tx store.Tx) error {
		held, err := heldValues(tx, kind)
		for _, h := range held {
			out = append(out, h.value)
		}
		return err
	})
	return out, err
}

func TestGuessing(t *testing.T) {
	numbers := func(format string, from, n, step int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf(format, from+i*step))
		}
		return out
	}
	for name, x := range map[string]struct {
		values, before []string
		want           []string
	}{
		"a few numbers":            {values: numbers("+9370%07d", 1000, 10, 7919)},
		"four in a row":            {values: numbers("+9370%07d", 1000, 4, 1)},
		"five in a row":            {values: numbers("+9370%07d", 1000, 5, 1), want: []string{"5 values follow one another"}},
		"across a carry":           {values: numbers("+9370%07d", 1996, 6, 1), want: []string{"6 values follow one another"}},
		"continued":                {values: numbers("+9370%07d", 1004, 1, 1), before: numbers("+9370%07d", 1000, 4, 1), want: []string{"5 values follow one another"}},
		"an old run, a new number": {values: numbers("+9370%07d", 9000, 1, 1), before: numbers("+9370%07d", 1000, 9, 1)},
		"a whole block":            {values: numbers("KBL%05d", 12000, 20, 7), want: []string{"20 values differ in their last three digits alone"}},
		"hashes":                   {values: []string{"md5:d41d8cd98f00b204e9800998ecf84270", "md5:d41d8cd98f00b204e9800998ecf84271"}},
		"names":                    {values: []string{"HN.MHMD|1975", "HN.MHMD|1976", "HN.MHMD|1977", "HN.MHMD|1978", "HN.MHMD|1979"}, want: []string{"5 values follow one another"}},
	} {
		before := make(map[string]bool)
		for _, v := range x.before {
			before[v] = true
		}
		if got := guessing(x.values, before); !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

// A holder that publishes what does not agree with what it committed to is
// caught before anything is used.
func TestPublicationsThatLie(t *testing.T) {
	dir := t.TempDir()
	if _, err := Init(dir, Config{Party: "north", Name: "North", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	n, err := Open(t.Context(), dir, Options{Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	type set struct {
		key    ledger.MatchKey
		filter []byte
	}
	key, _ := psi.GenerateKey(nil)
	other, _ := psi.GenerateKey(nil)
	make := func(k *psi.SecretKey, epoch uint64, values ...string) set {
		t.Helper()
		h, err := psi.NewHolder(k, psi.Info{Accord: "a", Epoch: epoch, Kind: "phone", Normaliser: "phone/1"})
		if err != nil {
			t.Fatal(err)
		}
		var in [][]byte
		for _, v := range values {
			in = append(in, []byte(v))
		}
		outputs, err := h.Evaluate(t.Context(), in, nil)
		if err != nil {
			t.Fatal(err)
		}
		f, err := h.Filter(outputs, 0)
		if err != nil {
			t.Fatal(err)
		}
		return set{ledger.MatchKey{Selector: "phone", Normaliser: "phone/1", Epoch: epoch, PublicKey: k.Public().Bytes(), Filter: ledger.Digest(sha256.Sum256(f))}, f}
	}
	first, second := make(key, 2, "1"), make(key, 2, "1", "2")
	a, _ := psi.OpenFilter(first.filter)
	b, _ := psi.OpenFilter(second.filter)
	delta, err := b.Delta(a)
	if err != nil {
		t.Fatal(err)
	}
	with := func(s set, edit func(*ledger.MatchKey)) ledger.MatchKey { edit(&s.key); return s.key }
	withDelta := with(second, func(k *ledger.MatchKey) { k.Delta = ledger.Digest(sha256.Sum256(delta)) })
	none := filterRef{}
	held := filterRef{Index: 1, Key: first.key}
	err = n.update(t.Context(), func(tx store.Tx) error { return tx.PutBody(first.key.Filter, first.filter) })
	if err != nil {
		t.Fatal(err)
	}
	err = n.view(t.Context(), func(tx store.Tx) error {
		for name, x := range map[string]struct {
			held filterRef
			key  ledger.MatchKey
			body []byte
			good bool
		}{
			"the first":                {none, first.key, first.filter, true},
			"a new epoch":              {held, make(other, 3, "1").key, make(other, 3, "1").filter, true},
			"the same key, more":       {held, second.key, second.filter, true},
			"a difference":             {held, withDelta, delta, true},
			"an epoch that comes back": {held, make(other, 1, "1").key, make(other, 1, "1").filter, false},
			"two keys in an epoch":     {held, make(other, 2, "1").key, make(other, 2, "1").filter, false},
			"another key's filter":     {none, first.key, make(other, 2, "1").filter, false},
			"junk for a filter":        {none, first.key, []byte("junk"), false},
			"a difference to nothing":  {none, withDelta, delta, false},
			"a difference elsewhere":   {held, with(first, func(k *ledger.MatchKey) { k.Delta = ledger.Digest(sha256.Sum256(delta)) }), delta, false},
			"half a difference":        {held, withDelta, delta[:len(delta)-1], false},
		} {
			_, wrong := readPublication(tx, x.held, x.key, x.held.Index > 0, x.body)
			if (wrong == "") != x.good {
				t.Errorf("%s: found %q, want good %v", name, wrong, x.good)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
