package node

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"parley.example/parley/internal/custody"
	"parley.example/parley/ledger"
)

// The long-term key signs cards, so a node needs it when it is made and when keys are
// replaced, once or twice a year. It can be split among custodians, and taken off the
// node meanwhile.

const (
	rootFile = "root.key"
	// custodyFile has the public half of a long-term key that is not on the node.
	custodyFile = "root.pub"
)

// ErrCustody reports that the long-term key is with its custodians.
var ErrCustody = errors.New("the long-term key is with its custodians: bring it back with parley keys combine SHARE…")

// rootKey reads the long-term key.
func rootKey(dir string, v *vault) (ledger.Key, error) {
	path := filepath.Join(dir, keysFolder, rootFile)
	b, err := v.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, keysFolder, custodyFile)); err == nil {
			return ledger.Key{}, fmt.Errorf("%w: %w", ErrState, ErrCustody)
		}
	}
	if err != nil {
		return ledger.Key{}, fmt.Errorf("keys: %w", err)
	}
	seed, err := parseSeed(b)
	if err != nil {
		return ledger.Key{}, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return ledger.ParseKey(seed)
}

// checkKeys reads the keys in a folder. Sealed ones are not read where pass is nil.
func checkKeys(dir, party string, pass func() ([]byte, error)) error {
	if pass == nil && Sealed(dir) {
		return nil
	}
	v, err := openVault(dir, pass)
	if err == nil {
		_, err = loadKeys(dir, party, v)
	}
	return err
}

// SplitRoot splits the long-term key of a node into n shares of which any need bring it
// back. The node keeps the key: see DropRoot.
func SplitRoot(dir string, pass func() ([]byte, error), need, n int) ([]custody.Share, error) {
	cfg, v, err := openFolder(dir, pass)
	if err != nil {
		return nil, err
	}
	root, err := rootKey(dir, v)
	if err != nil {
		return nil, err
	}
	shares, err := custody.Split(rand.Reader, cfg.Party, root, need, n)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return shares, nil
}

// CombineRoot brings the long-term key of a node back from shares. It may run.
func CombineRoot(dir string, pass func() ([]byte, error), shares []custody.Share) error {
	cfg, v, err := openFolder(dir, pass)
	if err != nil {
		return err
	}
	key, err := combine(cfg.Party, shares)
	if err != nil {
		return err
	}
	if want, err := os.ReadFile(filepath.Join(dir, keysFolder, custodyFile)); err == nil && string(bytes.TrimSpace(want)) != key.Public().String(cfg.Party) {
		return fmt.Errorf("%w: these are shares of another key than the one that was taken off this node", ErrInvalid)
	}
	return v.write(filepath.Join(dir, keysFolder, rootFile), []byte(hex.EncodeToString(key.Seed())+"\n"))
}

// DropRoot takes the long-term key off a node, after shares have shown that they bring
// it back. It may run.
func DropRoot(dir string, pass func() ([]byte, error), shares []custody.Share) error {
	cfg, v, err := openFolder(dir, pass)
	if err != nil {
		return err
	}
	root, err := rootKey(dir, v)
	if err != nil {
		return err
	}
	key, err := combine(cfg.Party, shares)
	if err != nil {
		return err
	}
	if key.Public() != root.Public() {
		return fmt.Errorf("%w: these shares bring back another key than this node has; nothing was removed", ErrInvalid)
	}
	if err := writeFile(filepath.Join(dir, keysFolder, custodyFile), []byte(root.Public().String(cfg.Party)+"\n")); err != nil {
		return err
	}
	path := filepath.Join(dir, keysFolder, rootFile)
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(os.Remove(path), wipe(old))
}

func openFolder(dir string, pass func() ([]byte, error)) (Config, *vault, error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return cfg, nil, err
	}
	v, err := openVault(dir, pass)
	return cfg, v, err
}

func combine(party string, shares []custody.Share) (ledger.Key, error) {
	key, err := custody.Combine(shares)
	if err == nil && shares[0].Party != party {
		err = fmt.Errorf("they are of %s", shares[0].Party)
	}
	if err != nil {
		return ledger.Key{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return key, nil
}
