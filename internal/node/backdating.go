package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// clockAllowance is by how much the times in one log may go back: clocks are
// wrong by hours and are set right.
const clockAllowance = 24 * time.Hour

// checkDates raises an alarm where new entries of a partner are dated back: an entry
// stands after those that were there before it, whatever time it claims. What
// proves it is the log itself, of which both entries are (receipts show them).
func (n *Node) checkDates(tx store.Tx, pc pact, from string, news link.News) error {
	latest, index, err := newestTime(tx, ledger.Origin(pc.ID, from), news.First)
	if err != nil {
		return err
	}
	for i, e := range news.Entries {
		leaf, err := ledger.ParseLeaf(e.Leaf)
		if err != nil {
			return err
		}
		at := news.First + int64(i)
		if leaf.At.Before(latest.Add(-clockAllowance)) {
			a := Alarm{
				At: stamp(n.now()), Accord: pc.ID, Party: from,
				Text: fmt.Sprintf("entry %d of %s is dated back: it says %s and stands after entry %d of %s", at, from, stamp(leaf.At), index, stamp(latest)),
			}
			sum := sha256.Sum256([]byte(a.Accord + a.Party + a.Text))
			a.ID = hex.EncodeToString(sum[:8])
			if err := putDoc(tx, docAlarm, a.ID, a); err != nil {
				return err
			}
		}
		if leaf.At.After(latest) {
			latest, index = leaf.At, at
		}
	}
	return nil
}

// docNewest holds the latest time that an entry of a partner's log bears, by log.
const docNewest = "newest-time"

type newest struct {
	At    time.Time `json:"at"`
	Index int64     `json:"index"`
	Size  int64     `json:"size"` // of the log when it was looked at
}

// newestTime is the latest time among a log's first size entries. What was
// looked at once is remembered.
func newestTime(tx store.Tx, log string, size int64) (latest time.Time, index int64, err error) {
	var known newest
	if err := getDoc(tx, docNewest, log, &known); err != nil && !errors.Is(err, store.ErrNotFound) {
		return latest, 0, err
	}
	const batch = 10_000
	for known.Size < size {
		leaves, err := tx.Leaves(log, known.Size, min(size, known.Size+batch))
		if err != nil {
			return latest, 0, err
		}
		for i, raw := range leaves {
			leaf, err := ledger.ParseLeaf(raw)
			if err != nil {
				return latest, 0, err
			}
			if leaf.At.After(known.At) {
				known.At, known.Index = leaf.At, known.Size+int64(i)
			}
		}
		known.Size += int64(len(leaves))
	}
	return known.At, known.Index, putDoc(tx, docNewest, log, known)
}
