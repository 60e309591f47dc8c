package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
)

// nextKey is the file of a signing key that a rotation has made and not yet
// brought into use.
const nextKey = "signing.next"

// signing is the operational key in use.
func (n *Node) signing() ledger.Key {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.keys.signing
}

// cosign adds our cosignatures to a checkpoint.
func (n *Node) cosign(checkpoint []byte) ([]byte, error) {
	n.mu.Lock()
	key, ml := n.keys.signing, n.keys.cosigning
	n.mu.Unlock()
	return ledger.Cosign(checkpoint, n.cfg.Party, key, ml)
}

// RotateKey replaces the operational keys: a new card, signed by the
// long-term key, names the new ones, and partners learn it with the next
// parcel. What the old key signed stays verifiable.
func (n *Node) RotateKey(ctx context.Context) (Card, error) {
	n.guard.mu.Lock() // nothing is signed meanwhile
	defer n.guard.mu.Unlock()
	key, ml, err := drawOperational(n.opt.Rand)
	if err != nil {
		return Card{}, err
	}
	// The key is durable before the card that names it, so that a crash
	// between the two leaves either the old state or the new one.
	if err := writeFile(filepath.Join(n.dir, keysFolder, nextKey), operationalText(key, ml)); err != nil {
		return Card{}, err
	}
	c, ok := n.currentBook().Card(n.cfg.Party)
	if !ok {
		return Card{}, fmt.Errorf("%w: this node has no card yet", ErrState)
	}
	now := n.now().Truncate(time.Second)
	c.Sequence++
	c.NotBefore, c.NotAfter = now, now.Add(cardLife)
	if c, err = accord.SignCard(c, n.keys.root, key.Public(), ml.Public()); err != nil {
		return Card{}, err
	}
	v, err := n.keepCard(ctx, c)
	if err != nil {
		return Card{}, err
	}
	return v, n.settleKey()
}

// settleKey finishes or forgets a rotation: the next key is in use exactly if
// our newest card names it.
func (n *Node) settleKey() error {
	folder := filepath.Join(n.dir, keysFolder)
	b, err := os.ReadFile(filepath.Join(folder, nextKey))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	key, ml, err := parseOperational(b)
	if err != nil {
		return fmt.Errorf("%s is damaged: %w", nextKey, err)
	}
	if c, ok := n.currentBook().Card(n.cfg.Party); !ok || c.SigningKey() != key.Public() {
		return os.Remove(filepath.Join(folder, nextKey))
	}
	if err := writeFile(filepath.Join(folder, signingFile), b); err != nil {
		return err
	}
	n.mu.Lock()
	n.keys.signing, n.keys.cosigning = key, ml
	n.mu.Unlock()
	return os.Remove(filepath.Join(folder, nextKey))
}
