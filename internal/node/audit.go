package node

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// Audit is the result of checking every log again.
type Audit struct {
	OK   bool       `json:"ok"`
	Logs []AuditLog `json:"logs"`
}

// AuditLog is one log's result.
type AuditLog struct {
	Log     string   `json:"log"`
	Entries int64    `json:"entries"`
	Opened  int      `json:"opened"` // whose content is open to us
	Faults  []string `json:"faults"`
}

// auditBatch is how many leaves are read at a time.
const auditBatch = 10_000

// Audit checks every log from its leaves up, trusting nothing that was
// computed before: each leaf's form, the tree that the leaves make against
// every stored hash's root and checkpoint, each opening against its leaf.
func (n *Node) Audit(ctx context.Context) (Audit, error) {
	out := Audit{OK: true, Logs: []AuditLog{}}
	err := n.view(ctx, func(tx store.Tx) error {
		logs, err := tx.Logs()
		if err != nil {
			return err
		}
		for _, log := range logs {
			a, err := n.auditLog(ctx, tx, log)
			if err != nil {
				return fmt.Errorf("log %s: %w", log, err)
			}
			out.OK = out.OK && len(a.Faults) == 0
			out.Logs = append(out.Logs, a)
		}
		return nil
	})
	return out, err
}

func (n *Node) auditLog(ctx context.Context, tx store.Tx, log string) (AuditLog, error) {
	a := AuditLog{Log: log, Faults: []string{}}
	fault := func(format string, args ...any) { a.Faults = append(a.Faults, fmt.Sprintf(format, args...)) }
	accordID, owner, err := ledger.ParseOrigin(log)
	if err != nil {
		return a, err
	}
	pc, err := n.pact(tx, accordID)
	if err != nil {
		return a, err
	}
	if a.Entries, err = tx.LogSize(log); err != nil {
		return a, err
	}
	var mine fresh
	for from := int64(0); from < a.Entries; from += auditBatch {
		if err := ctx.Err(); err != nil {
			return a, err
		}
		leaves, err := tx.Leaves(log, from, min(a.Entries, from+auditBatch))
		if err != nil {
			return a, err
		}
		events, err := tx.Events(store.EventQuery{Logs: []string{log}, From: from, Limit: len(leaves)})
		if err != nil {
			return a, err
		}
		opened := make(map[int64]store.Event, len(events))
		for _, e := range events {
			opened[e.Index] = e
		}
		for i, raw := range leaves {
			index := from + int64(i)
			leaf, err := ledger.ParseLeaf(raw)
			if err != nil {
				fault("entry %d: %v", index, err)
			} else if e, ok := opened[index]; ok {
				a.Opened++
				if err := leaf.Opens(e.Bytes, e.Salt); err != nil {
					fault("entry %d: %v", index, err)
				}
			}
		}
		hs, _, err := ledger.Grow(from, leaves, mine)
		if err != nil {
			return a, err
		}
		mine = append(mine, hs...)
	}
	others := slices.DeleteFunc(append(pc.Terms.Parties(), pc.Terms.WitnessParties()...), func(p string) bool { return p == owner })
	for size := int64(1); ; size++ {
		cp, err := tx.CheckpointFrom(log, size)
		if err != nil {
			break // none is left
		}
		size = cp.Size
		opened, err := ledger.OpenCheckpoint(cp.Note, log, n.currentBook().Keys(owner), n.currentBook().Cosigners(others...))
		if err != nil {
			fault("checkpoint at %d: %v", cp.Size, err)
			continue
		}
		if opened.Tree.N > a.Entries {
			continue // a partner's newer one: its entries are still to come
		}
		tree, err := ledger.TreeAt(opened.Tree.N, mine)
		if err != nil {
			return a, err
		}
		if tree != opened.Tree {
			fault("checkpoint at %d signs another tree than the entries make", cp.Size)
		}
	}
	return a, nil
}

// fresh holds hashes computed anew.
type fresh []tlog.Hash

func (f fresh) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(f)) {
			return nil, fmt.Errorf("hash %d is not there", x)
		}
		out[i] = f[x]
	}
	return out, nil
}
