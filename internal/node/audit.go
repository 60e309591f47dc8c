package node

import (
	"context"
	"fmt"

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
	if _, err := ledger.ParseNodeOrigin(log); err == nil {
		return n.auditNodeLog(tx, a)
	}
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
	open := n.opener(pc.Accord, owner)
	for size := int64(1); ; size++ {
		cp, err := tx.CheckpointFrom(log, size)
		if err != nil {
			break // none is left
		}
		size = cp.Size
		opened, err := open(cp.Note, log)
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

// auditNodeLog checks our node log: the form of each tick, that time does not
// go back, and the tree against the newest checkpoint.
func (n *Node) auditNodeLog(tx store.Tx, a AuditLog) (_ AuditLog, err error) {
	fault := func(format string, args ...any) { a.Faults = append(a.Faults, fmt.Sprintf(format, args...)) }
	if a.Entries, err = tx.LogSize(a.Log); err != nil {
		return a, err
	}
	var mine fresh
	var last ledger.Tick
	for from := int64(0); from < a.Entries; from += auditBatch {
		leaves, err := tx.Leaves(a.Log, from, min(a.Entries, from+auditBatch))
		if err != nil {
			return a, err
		}
		for i, raw := range leaves {
			t, err := ledger.ParseTick(raw)
			if err != nil || t.At.Before(last.At) {
				fault("tick %d does not read or goes back in time", from+int64(i))
			}
			last = t
		}
		hs, _, err := ledger.Grow(from, leaves, mine)
		if err != nil {
			return a, err
		}
		mine = append(mine, hs...)
	}
	l, err := n.nodeLog(tx)
	if err != nil || l.Origin != a.Log || l.Head == nil {
		return a, err
	}
	cp, err := n.currentBook().Opener(n.cfg.Party, n.currentBook().Parties()...)(l.Head, a.Log)
	if err != nil {
		fault("checkpoint: %v", err)
	} else if tree, err := ledger.TreeAt(cp.Tree.N, mine); err != nil || tree != cp.Tree {
		fault("its checkpoint signs another tree than the ticks make")
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
