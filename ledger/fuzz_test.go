package ledger_test

import (
	"bytes"
	"os"
	"testing"

	"parley.example/parley/ledger"
)

// vector reads a file of the protocol's test vectors.
func vector(f *testing.F, name string) []byte {
	f.Helper()
	b, err := os.ReadFile("../testdata/protocol/" + name)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

func FuzzParseFork(f *testing.F) {
	f.Add(vector(f, "fork.txt"))
	f.Add(vector(f, "fork-brief.txt"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ledger.ParseFork(b)
		if err == nil && !bytes.Equal(x.Marshal(), b) {
			t.Error("evidence of a fork has two spellings")
		}
	})
}

func FuzzParseDisorder(f *testing.F) {
	f.Add(vector(f, "disorder.txt"))
	f.Add(vector(f, "disorder-brief.txt"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ledger.ParseDisorder(b)
		if err == nil && !bytes.Equal(x.Marshal(), b) {
			t.Error("evidence of disorder has two spellings")
		}
	})
}

func FuzzReadCheckpoint(f *testing.F) {
	f.Add([]byte("parley/a1/north\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— north AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ledger.ReadCheckpoint(b)
		if err != nil {
			return
		}
		if c.Tree.N < 0 {
			t.Errorf("a tree of %d entries", c.Tree.N)
		}
		if n, err := ledger.CheckpointSize(b); err != nil || n != c.Tree.N {
			t.Errorf("size %d (%v) beside %d of the whole", n, err, c.Tree.N)
		}
		_, _, _ = ledger.ParseOrigin(c.Origin)
		_, _ = ledger.ParseNodeOrigin(c.Origin)
	})
}

func FuzzParsePublicKeys(f *testing.F) {
	f.Add(key(f).Public().String("north"))
	f.Add("north+00000000+AA==")
	f.Fuzz(func(t *testing.T, s string) {
		if name, k, err := ledger.ParsePublicKey(s); err == nil && k.String(name) != s {
			t.Errorf("an Ed25519 key has two spellings: %q", s)
		}
		if name, k, err := ledger.ParseMLDSAPublicKey(s); err == nil && k.String(name) != s {
			t.Errorf("an ML-DSA-44 key has two spellings: %q", s)
		}
	})
}
