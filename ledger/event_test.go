package ledger_test

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"testing"

	"parley.example/parley/ledger"
)

func TestKindsAreAll(t *testing.T) {
	src, err := os.ReadFile("event.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []ledger.Kind
	for _, m := range regexp.MustCompile(`(?m)^\t\w+\s+Kind = "([a-z-]+)"`).FindAllSubmatch(src, -1) {
		want = append(want, ledger.Kind(m[1]))
	}
	if len(want) < 20 || !slices.Equal(ledger.Kinds, want) {
		t.Errorf("Kinds lists %d kinds, the source defines %d", len(ledger.Kinds), len(want))
	}
}

// Whoever writes a second implementation finds every kind in the specification.
func TestKindsAreSpecified(t *testing.T) {
	text, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range ledger.Kinds {
		if !bytes.Contains(text, []byte("`"+string(k)+"`")) {
			t.Errorf("docs/protocol.md does not say what %s is", k)
		}
	}
}

// The check by hand and the pattern say the same.
func FuzzLeafNames(f *testing.F) {
	for _, s := range []string{"", "a", "a.b-c_d/e", "A", "-a", "a b", "é", "a\n"} {
		f.Add(s)
	}
	re := regexp.MustCompile(`^[a-z0-9][a-z0-9._/-]{0,199}$`)
	f.Fuzz(func(t *testing.T, s string) {
		l := ledger.Leaf{Kind: ledger.Kind(s)}
		_, err := ledger.ParseLeaf(l.Marshal())
		if want := re.MatchString(s) && s[len(s)-1] != '\n'; want != (err == nil) {
			t.Errorf("%q: %v, want accepted %v", s, err, want)
		}
	})
}
