package ledger_test

import (
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

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

// BenchmarkAuditLeaves is what the audit of a log costs without its storage:
// reading each leaf's form and growing the tree. The limit beside it is the
// SHA-256 of the same leaf and node.
func BenchmarkAuditLeaves(b *testing.B) {
	l, _, _, err := ledger.NewLeaf(event(1), []ledger.Seen{{Party: "south"}}, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	leaf := l.Marshal()
	b.Run("audit", func(b *testing.B) {
		var f ledger.Frontier
		var last time.Time
		for b.Loop() {
			x, err := ledger.ParseLeaf(leaf)
			if err != nil || x.At.Before(last) {
				b.Fatal(err)
			}
			f.Add(leaf)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
	})
	b.Run("sha256", func(b *testing.B) {
		node := make([]byte, 65)
		for b.Loop() {
			sha256.Sum256(leaf)
			sha256.Sum256(node)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
	})
}
