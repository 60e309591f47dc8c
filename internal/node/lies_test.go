package node

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// Lies that the code does not tell, for tests to see them caught.

// SuspendAt makes a node record a suspension with a time of its choice.
func SuspendAt(ctx context.Context, n *Node, accordID, reason string, at time.Time) error {
	return n.update(ctx, func(tx store.Tx) error {
		log := ledger.Origin(accordID, n.cfg.Party)
		size, err := tx.LogSize(log)
		if err != nil {
			return err
		}
		data, err := json.Marshal(ledger.Reason{Reason: reason})
		if err != nil {
			return err
		}
		leaf, ev, salt, err := ledger.NewLeaf(ledger.Event{Accord: accordID, Party: n.cfg.Party, Kind: ledger.AccordSuspended, At: at, Data: data}, nil, n.opt.Rand)
		if err != nil {
			return err
		}
		hs, _, err := ledger.Grow(size, [][]byte{leaf.Marshal()}, hashes{tx, log})
		if err != nil {
			return err
		}
		if err := tx.AppendLeaves(log, size, [][]byte{leaf.Marshal()}, hs); err != nil {
			return err
		}
		return tx.PutEvent(store.Event{Log: log, Index: size, Kind: string(ledger.AccordSuspended), At: at.UnixMicro(), Bytes: ev, Salt: salt})
	})
}

// Unsee makes a node's acts name the oldest checkpoint of a party that it holds.
func Unsee(ctx context.Context, n *Node, accordID, party string) error {
	return n.update(ctx, func(tx store.Tx) error {
		cp, err := tx.CheckpointFrom(ledger.Origin(accordID, party), 1)
		if err != nil {
			return err
		}
		return putDoc(tx, docNamed, peerID(accordID, party), named{ledger.CheckpointHash(cp.Note), 1 << 40})
	})
}

// SuspendUnseeing makes a node record a suspension that names no checkpoint.
func SuspendUnseeing(ctx context.Context, n *Node, accordID, reason string) error {
	return SuspendAt(ctx, n, accordID, reason, n.now())
}

// Act makes a node record an act of any kind.
func Act(ctx context.Context, n *Node, accordID string, kind ledger.Kind, data any) (index int64, err error) {
	err = n.update(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, accordID)
		if err == nil {
			index, err = n.act(tx, pc.Accord, kind, data)
		}
		return err
	})
	return index, err
}

// SuspendMany makes a node record many suspensions at once.
func SuspendMany(ctx context.Context, n *Node, accordID string, count int) error {
	return n.update(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, accordID)
		if err != nil {
			return err
		}
		_, err = n.actAll(tx, pc.Accord, slices.Repeat([]act{{kind: ledger.AccordSuspended, data: ledger.Reason{Reason: "exercise"}}}, count))
		return err
	})
}

// Rewrite writes a log anew, with the entries that lie changes, and with the hashes
// of what it then holds; the checkpoints stay.
func Rewrite(ctx context.Context, n *Node, log string, lie func(index int64, e *store.LogEntry)) error {
	return n.update(ctx, func(tx store.Tx) error {
		size, err := tx.LogSize(log)
		if err != nil {
			return err
		}
		cp, err := tx.LatestCheckpoint(log)
		if err != nil {
			return err
		}
		var leaves [][]byte
		var openings []store.Event
		err = tx.EachEntry(log, 0, size, func(first int64, entries []store.LogEntry) error {
			for i, e := range entries {
				lie(first+int64(i), &e)
				if leaves = append(leaves, e.Leaf); e.Opened {
					openings = append(openings, e.Event)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		hs, _, err := ledger.Grow(0, leaves, hashes{tx, log})
		return errors.Join(err, tx.TruncateLog(log, 0), tx.AppendLeaves(log, 0, leaves, hs, openings...), tx.PutCheckpoint(cp))
	})
}

// CutBack makes a node take its newest entries back, as is done with a thief's, and
// record others in their place.
func CutBack(ctx context.Context, n *Node, accordID string, entries int64, kind ledger.Kind, count int) error {
	return n.update(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, accordID)
		if err != nil {
			return err
		}
		log := ledger.Origin(accordID, n.cfg.Party)
		size, err := tx.LogSize(log)
		if err == nil {
			err = tx.TruncateLog(log, size-entries)
		}
		if err != nil {
			return err
		}
		_, err = n.actAll(tx, pc.Accord, slices.Repeat([]act{{kind: kind, data: ledger.Reason{Reason: "exercise"}}}, count))
		return err
	})
}
