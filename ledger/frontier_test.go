package ledger_test

import (
	"testing"

	"parley.example/parley/ledger"
)

func TestFrontierIsTheTree(t *testing.T) {
	m := new(memory)
	var f ledger.Frontier
	want, err := ledger.TreeAt(0, m)
	if err != nil || f.Tree() != want {
		t.Fatalf("empty: %v, want %v, %v", f.Tree(), want, err)
	}
	for i := range 200 {
		leaf := []byte{byte(i), 7}
		f.Add(leaf)
		if want := m.grow(t, leaf); f.Tree() != want {
			t.Fatalf("at %d: %v, want %v", i+1, f.Tree(), want)
		}
	}
}
