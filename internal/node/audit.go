package node

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// auditBatch is how many ticks are read at a time.
const auditBatch = 1000

// Audit checks every log from its leaves up, trusting nothing that was
// computed before: each leaf's form and time, each opening against its leaf,
// the tree that the leaves make against every checkpoint and the stored hashes.
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
	open := n.opener(pc.Accord, owner)
	var f ledger.Frontier
	var before time.Time
	next, err := n.nextCheckpoint(tx, log, 1)
	if err != nil {
		return a, err
	}
	sum := func(c *checked) error {
		if c.begin.Before(before) && !c.begin.IsZero() {
			c.faults[c.from] = errors.Join(ledger.ErrDatedBack, c.faults[c.from])
		}
		for i, h := range c.hashes {
			index := c.first + int64(i)
			if err := c.faults[i]; err != nil {
				fault("entry %d: %v", index, err)
			}
			f.AddHash(h)
			if next.Size != index+1 {
				continue
			}
			if cp, err := open(next.Note, log); err != nil {
				fault("checkpoint at %d: %v", next.Size, err)
			} else if cp.Tree != f.Tree() {
				fault("checkpoint at %d signs another tree than the entries make", next.Size)
			}
			if next, err = n.nextCheckpoint(tx, log, next.Size+1); err != nil {
				return err
			}
		}
		if a.Opened += c.opened; !c.end.IsZero() {
			before = c.end
		}
		return ctx.Err()
	}
	line := newAuditLine(accordID, owner, sum)
	err = tx.EachEntry(log, 0, a.Entries, line.take)
	if err = errors.Join(err, line.close()); err != nil {
		return a, err
	}
	// A partner's newer checkpoint may wait for its entries.
	stored, err := ledger.TreeAt(a.Entries, hashes{tx, log})
	if err != nil {
		return a, err
	}
	if stored != f.Tree() {
		fault("the stored hashes make another tree than the entries")
	}
	return a, nil
}

// nextCheckpoint is the first checkpoint of a log from a size on, zero where none
// is left.
func (n *Node) nextCheckpoint(tx store.Tx, log string, size int64) (store.Checkpoint, error) {
	cp, err := tx.CheckpointFrom(log, size)
	if errors.Is(err, store.ErrNotFound) {
		return store.Checkpoint{}, nil
	}
	return cp, err
}

// auditNodeLog checks our node log: the form of each tick, that time does not
// go back, and the tree against the newest checkpoint.
func (n *Node) auditNodeLog(tx store.Tx, a AuditLog) (_ AuditLog, err error) {
	fault := func(format string, args ...any) { a.Faults = append(a.Faults, fmt.Sprintf(format, args...)) }
	if a.Entries, err = tx.LogSize(a.Log); err != nil {
		return a, err
	}
	l, err := n.nodeLog(tx)
	if err != nil {
		return a, err
	}
	var head ledger.Checkpoint
	if l.Origin == a.Log && l.Head != nil {
		if head, err = n.currentBook().Opener(n.cfg.Party, n.currentBook().Parties()...)(l.Head, a.Log); err != nil {
			fault("checkpoint: %v", err)
		}
	}
	var f ledger.Frontier
	var last ledger.Tick
	for from := int64(0); from < a.Entries; from += auditBatch {
		leaves, err := tx.Leaves(a.Log, from, min(a.Entries, from+auditBatch))
		if err != nil {
			return a, err
		}
		for i, raw := range leaves {
			index := from + int64(i)
			t, err := ledger.ParseTick(raw)
			if err != nil || t.At.Before(last.At) {
				fault("tick %d does not read or goes back in time", index)
			}
			last = t
			if f.Add(raw); head.Tree.N == index+1 && head.Tree != f.Tree() {
				fault("its checkpoint signs another tree than the ticks make")
			}
		}
	}
	return a, nil
}
