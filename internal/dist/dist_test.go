package dist_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"parley.example/parley/internal/dist"
	"parley.example/parley/ledger"
)

func newKey(t testing.TB) (ledger.Key, []ledger.Signed) {
	t.Helper()
	k, err := ledger.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k, []ledger.Signed{{Name: "parley-release", Key: k.Public()}}
}

// release makes a signed release of two files.
func release(t testing.TB, k ledger.Key) (dir string, note []byte) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"parley": "a binary", "parley.deb": "a package"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := dist.Make("v1.2.3", "0123456789abcdef", filepath.Join(dir, "parley.deb"), filepath.Join(dir, "parley"))
	if err != nil {
		t.Fatal(err)
	}
	if note, err = m.Sign(k, "parley-release"); err != nil {
		t.Fatal(err)
	}
	return dir, note
}

func TestReleaseVerifies(t *testing.T) {
	k, keys := newKey(t)
	dir, note := release(t, k)
	m, signers, err := dist.Open(note, keys)
	if err != nil || m.Version != "v1.2.3" || len(m.Files) != 2 || len(signers) != 1 || !dist.IsManifest(note) {
		t.Fatalf("%+v, %v, %v", m, signers, err)
	}
	if wrong, absent, err := m.Check(dir); len(wrong)+len(absent) != 0 || err != nil {
		t.Errorf("a whole release: %v, %v, %v", wrong, absent, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "parley"), []byte("a Binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "parley.deb")); err != nil {
		t.Fatal(err)
	}
	wrong, absent, err := m.Check(dir)
	if err != nil || len(wrong) != 1 || !strings.Contains(wrong[0], "parley is not the file of the release") || len(absent) != 1 || absent[0] != "parley.deb" {
		t.Errorf("one changed, one absent: %v, %v, %v", wrong, absent, err)
	}
}

// Every flipped bit of a manifest is found, and another's key is not taken.
func TestManifestIsWhole(t *testing.T) {
	k, keys := newKey(t)
	_, note := release(t, k)
	for i := range note {
		b := bytes.Clone(note)
		b[i] ^= 1
		if _, _, err := dist.Open(b, keys); !errors.Is(err, dist.ErrManifest) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	_, others := newKey(t)
	if _, _, err := dist.Open(note, others); !errors.Is(err, dist.ErrManifest) {
		t.Errorf("by another's key: %v", err)
	}
	signed := func(text string) []byte {
		b, err := k.SignNote("parley-release", text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for name, text := range map[string]string{
		"no file":         "parley release\nversion v1\ncommit 0123456\n",
		"a folder":        "parley release\nversion v1\ncommit 0123456\n" + sum + " 0 ../etc\n",
		"upper case":      "parley release\nversion v1\ncommit 0123456\n" + strings.ToUpper(sum) + " 0 a\n",
		"twice":           "parley release\nversion v1\ncommit 0123456\n" + sum + " 0 a\n" + sum + " 0 a\n",
		"a size with +":   "parley release\nversion v1\ncommit 0123456\n" + sum + " +1 a\n",
		"something else":  "parley receipt\nversion v1\ncommit 0123456\n" + sum + " 0 a\n",
		"a strange label": "parley release\nvariant v1\ncommit 0123456\n" + sum + " 0 a\n",
	} {
		if _, _, err := dist.Open(signed(text), keys); !errors.Is(err, dist.ErrManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMaterials(t *testing.T) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("the test was built without modules")
	}
	info.Deps = append(info.Deps, &debug.Module{Path: "example.org/x", Version: "v1.0.0", Sum: "h1:abc="})
	b, err := dist.Materials(info, "v9")
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		BOMFormat, SpecVersion string
		Metadata               struct {
			Component struct{ Type, Version, PURL string }
		}
		Components []struct {
			Type, Name, Version, PURL string
			Properties                []struct{ Name, Value string }
		}
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if out.BOMFormat != "CycloneDX" || out.SpecVersion != "1.6" || out.Metadata.Component.Type != "application" || out.Metadata.Component.Version != "v9" {
		t.Errorf("%+v", out)
	}
	found := map[string]string{}
	for _, c := range out.Components {
		found[c.PURL] = c.Name
		if c.PURL == "pkg:golang/example.org/x@v1.0.0" && (len(c.Properties) != 1 || c.Properties[0].Value != "h1:abc=") {
			t.Errorf("no checksum: %+v", c)
		}
	}
	if found["pkg:golang/example.org/x@v1.0.0"] == "" || !strings.Contains(string(b), "pkg:golang/std@1.") {
		t.Errorf("components: %v", found)
	}
	if again, _ := dist.Materials(info, "v9"); !bytes.Equal(b, again) {
		t.Error("the same binary gives two bills")
	}
}

func FuzzOpen(f *testing.F) {
	k, keys := newKey(f)
	_, note := release(f, k)
	f.Add(note[:bytes.Index(note, []byte("\n\n"))+1])
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := k.SignNote("parley-release", string(text))
		if err != nil {
			return
		}
		m, _, err := dist.Open(b, keys)
		if err != nil {
			return
		}
		if again, err := m.Sign(k, "parley-release"); err != nil || !bytes.Equal(again, b) {
			t.Errorf("a manifest has two spellings (%v)", err)
		}
	})
}
