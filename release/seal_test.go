package release_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
	"parley.example/parley/release"
)

var update = flag.Bool("update", false, "rewrite testdata/protocol/sealed.json")

var sealedFile = filepath.Join("..", "testdata", "protocol", "sealed.json")

// sealed is the vector of a sealed release; see docs/protocol.md.
type sealed struct {
	Comment string         `json:"comment"`
	Accord  string         `json:"accord"`
	Mask    []byte         `json:"mask"`
	Release ledger.Release `json:"release"`
	Body    []byte         `json:"body"`
	Content string         `json:"content"`
}

func seal(t testing.TB) (sealed, release.Released) {
	t.Helper()
	a, st := pact(t, nil)
	rel, _, err := release.Mint(input(a, st, report(nil)), "")
	if err != nil {
		t.Fatal(err)
	}
	m, err := psi.NewMask(nil)
	if err != nil {
		t.Fatal(err)
	}
	nonce := bytes.NewReader(bytes.Repeat([]byte{7}, 24))
	out, err := release.Seal(rel, release.Lock{Seal: ledger.Seal{Public: m.Public(), Arbiter: "guarantor", Sheet: 3, Mask: 4}, Secret: m.Bytes(), Note: []byte("the sheet\n")}, nonce)
	if err != nil {
		t.Fatal(err)
	}
	return sealed{"A sealed release, its mask, and what it opens to. The sheet stands for the note of an arbiter.", a.ID, m.Bytes(), out.Record(), out.Bytes(), string(rel.Bytes())}, out
}

func TestSealedVector(t *testing.T) {
	if *update {
		v, _ := seal(t)
		b, err := json.MarshalIndent(v, "", " ")
		if err == nil {
			err = os.WriteFile(sealedFile, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(sealedFile)
	if err != nil {
		t.Fatal(err)
	}
	var v sealed
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if _, err := psi.CheckMask(v.Mask, v.Release.Sealed.Public); err != nil {
		t.Error(err)
	}
	if note, err := release.SealedNote(v.Body); err != nil || string(note) != "the sheet\n" {
		t.Errorf("sheet %q, %v", note, err)
	}
	if got, err := release.Open(v.Release, v.Accord, v.Body, v.Mask); err != nil || string(got) != v.Content {
		t.Errorf("opens to %q, %v", got, err)
	}
}

// A sealed release opens with its own mask, under its own accord, as the object that it
// is, and only whole.
func TestSealedOpensOneWay(t *testing.T) {
	v, out := seal(t)
	if bytes.Contains(v.Body, []byte("device")) || out.Digest() != v.Release.Digest || v.Release.Digest == v.Release.Sealed.Content {
		t.Error("it is not locked, or the ledger does not name what leaves")
	}
	for i := range v.Body {
		b := bytes.Clone(v.Body)
		b[i] ^= 1
		if got, err := release.Open(v.Release, v.Accord, b, v.Mask); err == nil && i >= 8+len("the sheet\n") {
			t.Fatalf("byte %d flipped: opens to %q", i, got)
		}
		if _, err := release.Open(v.Release, v.Accord, v.Body[:i], v.Mask); !errors.Is(err, release.ErrSeal) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	other := v.Release
	other.Object = "incident--00000000-0000-4000-8000-000000000000"
	lied := v.Release
	lied.Sealed = &ledger.Seal{Content: other.Digest}
	open := v.Release
	open.Sealed = nil
	for name, f := range map[string]func() ([]byte, error){
		"another object":  func() ([]byte, error) { return release.Open(other, v.Accord, v.Body, v.Mask) },
		"another accord":  func() ([]byte, error) { return release.Open(v.Release, v.Accord[1:], v.Body, v.Mask) },
		"another mask":    func() ([]byte, error) { return release.Open(v.Release, v.Accord, v.Body, slices.Repeat([]byte{1}, 32)) },
		"another content": func() ([]byte, error) { return release.Open(lied, v.Accord, v.Body, v.Mask) },
		"not sealed":      func() ([]byte, error) { return release.Open(open, v.Accord, v.Body, v.Mask) },
	} {
		if got, err := f(); !errors.Is(err, release.ErrSeal) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := release.Seal(out, release.Lock{}, nil); !errors.Is(err, release.ErrWithheld) {
		t.Errorf("sealed twice: %v", err)
	}
	if _, err := release.Seal(release.Released{}, release.Lock{}, nil); !errors.Is(err, release.ErrWithheld) {
		t.Errorf("nothing sealed: %v", err)
	}
}

// The key passes where its release would.
func TestKeyNeedsWhatItsReleaseNeeds(t *testing.T) {
	v, _ := seal(t)
	a, st := pact(t, nil)
	if _, err := release.MintKey(a, st, "north", "south", v.Release, v.Mask, day); err != nil {
		t.Error(err)
	}
	for rung, ok := range map[accord.Rung]bool{accord.Contact: false, accord.Match: false, accord.Tearline: true} {
		a, st := pact(t, func(x *accord.Terms) { x.Start = rung })
		if _, err := release.MintKey(a, st, "north", "south", v.Release, v.Mask, day); (err == nil) != ok {
			t.Errorf("at rung %s: %v", rung, err)
		}
		whole := v.Release
		whole.Outcome = release.Full.String()
		if _, err := release.MintKey(a, st, "north", "south", whole, v.Mask, day); !errors.Is(err, release.ErrWithheld) {
			t.Errorf("the whole at rung %s: %v", rung, err)
		}
	}
	if _, err := release.MintKey(a, st, "north", "south", v.Release, v.Mask, day.AddDate(2, 0, 0)); !errors.Is(err, release.ErrWithheld) {
		t.Errorf("under an accord that has expired: %v", err)
	}
}

func FuzzOpenSealed(f *testing.F) {
	v, _ := seal(f)
	f.Add(v.Body, v.Mask)
	f.Add(v.Body[:40], []byte{})
	f.Fuzz(func(t *testing.T, body, mask []byte) {
		if _, err := release.SealedNote(body); err != nil && !errors.Is(err, release.ErrSeal) {
			t.Errorf("unexpected error %v", err)
		}
		if got, err := release.Open(v.Release, v.Accord, body, mask); err == nil && string(got) != v.Content {
			t.Errorf("opens to %q", got)
		}
	})
}
