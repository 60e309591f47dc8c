// Command release signs the files of a release, for parley verify.
//
//	release key FILE NAME                          makes a key; prints its public half
//	release sign --key FILE VERSION COMMIT FILE…   writes the signed manifest to standard output
package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"parley.example/parley/internal/dist"
	"parley.example/parley/ledger"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "key":
		return makeKey(args[1], args[2])
	case len(args) >= 6 && args[0] == "sign" && args[1] == "--key":
		return sign(args[2], args[3], args[4], args[5:])
	}
	return errors.New("usage: release key FILE NAME, or release sign --key FILE VERSION COMMIT FILE…")
}

// makeKey writes NAME and the seed in two words, and prints the public half.
func makeKey(file, name string) error {
	k, err := ledger.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s %x\n", name, k.Seed())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	fmt.Println(k.Public().String(name))
	return nil
}

func sign(file, version, commit string, names []string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	words := strings.Fields(string(b))
	if len(words) != 2 {
		return fmt.Errorf("%s: want a name and a seed", file)
	}
	seed, err := hex.DecodeString(words[1])
	if err != nil {
		return fmt.Errorf("%s: the seed does not read", file)
	}
	key, err := ledger.ParseKey(seed)
	if err != nil {
		return err
	}
	m, err := dist.Make(version, commit, names...)
	if err != nil {
		return err
	}
	note, err := m.Sign(key, words[0])
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(note)
	return err
}
