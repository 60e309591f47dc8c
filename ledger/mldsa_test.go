package ledger_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"parley.example/parley/ledger"
)

// Who takes one of the two cosignatures off leaves a checkpoint that nobody
// accepts: a forger who breaks Ed25519 gains nothing.
func TestHalfACosignatureIsRefused(t *testing.T) {
	r, owner, cosigners := receipt(t, 3, 1)
	text, _, ok := bytes.Cut(r.Checkpoint, []byte("\n\n"))
	if !ok {
		t.Fatal("no signatures")
	}
	lines := strings.SplitAfter(strings.TrimPrefix(string(r.Checkpoint), string(text)+"\n\n"), "\n")
	lines = lines[:len(lines)-1]
	if len(lines) != 3 {
		t.Fatalf("%d signature lines, want the owner's, Ed25519 and ML-DSA-44", len(lines))
	}
	origin := ledger.Origin("a1", "north")
	for i := range lines {
		left := append(append([]string(nil), lines[:i]...), lines[i+1:]...)
		note := []byte(string(text) + "\n\n" + strings.Join(left, ""))
		if _, err := ledger.OpenCheckpoint(note, origin, []ledger.PublicKey{owner.Public()}, cosigners); !errors.Is(err, ledger.ErrNote) {
			t.Errorf("without line %d: %v, want ErrNote", i, err)
		}
	}
	// Without both, it is the checkpoint before anybody cosigned.
	cp, err := ledger.OpenCheckpoint([]byte(string(text)+"\n\n"+lines[0]), origin, []ledger.PublicKey{owner.Public()}, cosigners)
	if err != nil || len(cp.Cosigners) != 0 {
		t.Errorf("cosigners %v, %v", cp.Cosigners, err)
	}
}

// A cosignature under keys that were revoked before is known and counts for
// nothing.
func TestVoidCosignatureDoesNotCount(t *testing.T) {
	r, owner, cosigners := receipt(t, 3, 1)
	cosigners[0].Void = true
	cp, err := ledger.OpenCheckpoint(r.Checkpoint, ledger.Origin("a1", "north"), []ledger.PublicKey{owner.Public()}, cosigners)
	if err != nil || len(cp.Cosigners) != 0 || len(cp.MLDSA) != 0 {
		t.Errorf("cosigners %v, %v", cp.Cosigners, err)
	}
}

func TestMLDSAKeyText(t *testing.T) {
	k, err := ledger.GenerateMLDSAKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ledger.ParseMLDSAKey(k.Seed())
	if err != nil || again.Public() != k.Public() {
		t.Errorf("a key does not survive its seed: %v", err)
	}
	text := k.Public().String("north")
	name, p, err := ledger.ParseMLDSAPublicKey(text)
	if err != nil || name != "north" || p != k.Public() {
		t.Errorf("vkey read as %s, %v", name, err)
	}
	for _, bad := range []string{"", strings.Replace(text, "north", "south", 1), text[:len(text)-8], strings.Replace(text, "+B", "+A", 1)} {
		if _, _, err := ledger.ParseMLDSAPublicKey(bad); err == nil {
			t.Errorf("%.40s… is read as a key", bad)
		}
	}
	if (ledger.MLDSAPublicKey{}).String("north") != "" {
		t.Error("no key has a text")
	}
}
