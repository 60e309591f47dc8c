package cli_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley.example/parley/internal/cli"
	"parley.example/parley/internal/dist"
	"parley.example/parley/ledger"
)

// parley itself judges a release, by a key that it was built with or is shown.
func TestVerifyRelease(t *testing.T) {
	k, err := ledger.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	binary := put("parley", []byte("a binary"))
	m, err := dist.Make("v1", "0123456789abcdef", binary)
	if err != nil {
		t.Fatal(err)
	}
	note, err := m.Sign(k, "parley-release")
	if err != nil {
		t.Fatal(err)
	}
	file, public := put("release.txt", note), put("release.pub", []byte(k.Public().String("parley-release")+"\n"))
	verify := func(args ...string) (code int, ok bool, reasons string) {
		var out bytes.Buffer
		code = cli.Main(append([]string{"verify", "--json", file}, args...), strings.NewReader(""), &out, &out)
		var v struct {
			OK      bool
			What    string
			Signers []string
			Reasons []string
		}
		if err := json.Unmarshal(out.Bytes(), &v); err != nil || v.What != "release" {
			t.Fatalf("%v: %s", err, out.String())
		}
		if v.OK != (code == 0) || v.OK && (len(v.Signers) != 1 || v.Signers[0] != "parley-release") {
			t.Errorf("ok %v, signers %v, exit %d", v.OK, v.Signers, code)
		}
		return code, v.OK, strings.Join(v.Reasons, "\n")
	}
	if code, ok, why := verify(); ok || code != 1 || !strings.Contains(why, "--with") {
		t.Errorf("without a key: %d, %v, %s", code, ok, why)
	}
	if _, ok, why := verify("--with", public); !ok {
		t.Errorf("with the key: %s", why)
	}
	t.Run("built in", func(t *testing.T) {
		cli.ReleaseKey = k.Public().String("parley-release")
		defer func() { cli.ReleaseKey = "" }()
		if _, ok, why := verify(); !ok {
			t.Errorf("with the key built in: %s", why)
		}
	})
	put("parley", []byte("a Binary"))
	if code, ok, why := verify("--with", public); ok || code != 1 || !strings.Contains(why, "parley is not the file of the release") {
		t.Errorf("a changed file: %d, %v, %s", code, ok, why)
	}
	if err := os.Remove(binary); err != nil {
		t.Fatal(err)
	}
	if _, ok, why := verify("--with", public); ok || !strings.Contains(why, "none of its files") {
		t.Errorf("no file: %v, %s", ok, why)
	}
}
