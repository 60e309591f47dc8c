package node

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// Keys that a lone witness has drawn are in use exactly from the card that names them
// on, wherever a crash came.
func TestWitnessFinishesARotation(t *testing.T) {
	dir := t.TempDir()
	if _, err := Init(dir, Config{Party: "observer", Name: "Observer (fictional)", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	open := func() *Witness {
		w, err := OpenWitness(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	keysNow := func() map[string]string {
		out := make(map[string]string)
		names, err := filepath.Glob(filepath.Join(dir, keysFolder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(name)] = string(b)
		}
		return out
	}
	put := func(files map[string]string) {
		if err := os.RemoveAll(filepath.Join(dir, keysFolder)); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := writeFile(filepath.Join(dir, keysFolder, name), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := open()
	before := keysNow()
	card, err := w.RotateKeys()
	if err != nil {
		t.Fatal(err)
	}
	next := nextKeys{operational: w.keys.operational, tls: bytes.Clone(w.keys.tls.PrivateKey.(interface{ Seed() []byte }).Seed()), parcel: w.keys.parcel[0]}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	after := keysNow()
	if before[signingFile] == after[signingFile] || before[tlsFile] == after[tlsFile] || before[parcelFile] == after[parcelFile] || before["root.key"] != after["root.key"] {
		t.Fatal("other keys changed than should")
	}

	// After the card, with any part of the keys in use.
	for _, files := range [][]string{{}, {signingFile}, {signingFile, parcelFile}, {signingFile, parcelFile, tlsFile}} {
		put(before)
		if err := writeFile(filepath.Join(dir, keysFolder, nextFile), next.text()); err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if err := writeFile(filepath.Join(dir, keysFolder, name), []byte(after[name])); err != nil {
				t.Fatal(err)
			}
		}
		if err := open().Close(); err != nil {
			t.Fatal(err)
		}
		if got := keysNow(); !maps.Equal(got, after) {
			t.Errorf("with %v in use: the rotation was not finished", files)
		}
	}

	// Before the card: the keys that were drawn are forgotten.
	put(before)
	if err := os.Remove(cardFile(dir, card)); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, keysFolder, nextFile), next.text()); err != nil {
		t.Fatal(err)
	}
	if err := open().Close(); err != nil {
		t.Fatal(err)
	}
	if got := keysNow(); !maps.Equal(got, before) {
		t.Error("without the card: the old keys are not what is left")
	}
}
