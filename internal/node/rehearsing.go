package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"filippo.io/age"

	"parley.example/parley/internal/store"
)

// docRehearsal keeps the newest rehearsal, under one id.
const docRehearsal = "rehearsal"

// Rehearsal is a restore that was tried: a backup written, opened, restored into
// a folder of its own and its database read whole.
type Rehearsal struct {
	At    string `json:"at"`
	By    string `json:"by"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Bytes int64  `json:"bytes"` // of the backup
}

// RehearseRestore does with the node as it is now what a restore would do after a
// loss, beside it and without stopping it: the restored node is examined and not
// started. What it found is kept, also where it failed.
func (n *Node) RehearseRestore(ctx context.Context, by string) (Rehearsal, error) {
	r := Rehearsal{At: stamp(n.now()), By: by}
	check, err := n.rehearse(ctx, &r)
	if err != nil {
		check = Check{Found: err.Error()}
	}
	r.OK, r.Found = check.OK, check.Found
	return r, n.update(context.WithoutCancel(ctx), func(tx store.Tx) error { return putDoc(tx, docRehearsal, "last", r) })
}

func (n *Node) rehearse(ctx context.Context, r *Rehearsal) (c Check, err error) {
	snapshot, err := n.Snapshot(ctx)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Dir(snapshot))) }()
	// A key of this rehearsal alone: sealing and opening belong to what is tried.
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return c, err
	}
	file, err := os.Create(filepath.Join(filepath.Dir(snapshot), "rehearsal.age"))
	if err != nil {
		return c, err
	}
	defer file.Close()
	if _, err = WriteBackup(ctx, n.dir, snapshot, file, id.Recipient()); err != nil {
		return c, err
	}
	if r.Bytes, err = file.Seek(0, 1); err != nil {
		return c, err
	}
	if _, err = file.Seek(0, 0); err != nil {
		return c, err
	}
	dir := filepath.Join(filepath.Dir(snapshot), "restored")
	if _, err = Restore(ctx, file, dir, "", id); err != nil {
		return c, err
	}
	return ExamineStopped(ctx, dir)
}

// LastRehearsal is the newest rehearsal; ErrNotFound where there was none.
func (n *Node) LastRehearsal(ctx context.Context) (r Rehearsal, err error) {
	err = n.view(ctx, func(tx store.Tx) error { return getDoc(tx, docRehearsal, "last", &r) })
	return r, err
}
