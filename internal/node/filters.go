package node

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
)

// The filters that partners publish, as their asker holds them.

const docFilter = "filter" // by accord/party/kind: filterRef

// filterRef is what a holder committed to last.
type filterRef struct {
	Index int64           `json:"index"`
	Key   ledger.MatchKey `json:"key"`
	Bytes int             `json:"bytes"` // of what came last
	At    int64           `json:"at"`
}

// takeFilter notes which key and filter a holder is committed to now. What
// breaks the rules of publishing is kept as an alarm and has no effect: another
// key within an epoch, an epoch that comes back, a difference that does not
// lead to the filter committed to.
func (n *Node) takeFilter(tx store.Tx, pc pact, from string, index int64, e ledger.Event, body []byte) error {
	k, err := decodeData[ledger.MatchKey](e)
	if err != nil {
		return err
	}
	job := matchJob(pc.ID, from, k.Selector)
	var held filterRef
	err = getDoc(tx, docFilter, job, &held)
	known := err == nil
	if known && held.Index >= index {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	whole, wrong := readPublication(tx, held, k, known, body)
	if wrong != "" {
		return n.alarm(tx, pc.ID, from, fmt.Sprintf("%s published for kind %s, in entry %d of its log, %s; it is not used", from, k.Selector, index, wrong))
	}
	if k.Delta != (ledger.Digest{}) {
		if err := errors.Join(tx.PutBody(k.Filter, whole), tx.DeleteBody(k.Delta)); err != nil {
			return err
		}
	}
	if known && held.Key.Filter != k.Filter {
		if err := dropFilter(tx, held.Key.Filter); err != nil {
			return err
		}
	}
	if err := putDoc(tx, docFilter, job, filterRef{index, k, len(body), e.At.UnixMicro()}); err != nil {
		return err
	}
	return n.standingDue(tx, pc.ID, from, k)
}

// readPublication returns the whole filter that was published, or what is wrong
// with it.
func readPublication(tx store.Tx, held filterRef, k ledger.MatchKey, known bool, body []byte) (whole []byte, wrong string) {
	switch {
	case known && k.Epoch < held.Key.Epoch:
		return nil, fmt.Sprintf("epoch %d after epoch %d", k.Epoch, held.Key.Epoch)
	case known && k.Epoch == held.Key.Epoch && !bytes.Equal(k.PublicKey, held.Key.PublicKey):
		return nil, fmt.Sprintf("a second key for epoch %d", k.Epoch)
	}
	if k.Delta != (ledger.Digest{}) {
		if !known || k.Epoch != held.Key.Epoch {
			return nil, "a difference to a filter that it did not publish"
		}
		base, err := tx.Body(held.Key.Filter)
		if err != nil {
			return nil, "a difference to a filter that is not held"
		}
		f, err := psi.OpenFilter(base)
		if err != nil {
			return nil, "a difference to a filter that does not read"
		}
		if body, err = f.Apply(body); err != nil {
			return nil, "a difference that does not apply: " + err.Error()
		}
		if sha256.Sum256(body) != k.Filter {
			return nil, "a difference that leads to another filter than it committed to"
		}
	}
	f, err := psi.OpenFilter(body)
	if err != nil {
		return nil, "a filter that does not read: " + err.Error()
	}
	if !bytes.Equal(f.PublicKey().Bytes(), k.PublicKey) {
		return nil, "a filter made with another key than it committed to"
	}
	return body, ""
}

// dropFilter deletes a filter that was replaced, unless a question that waits
// for its answer belongs to it.
func dropFilter(tx store.Tx, d ledger.Digest) error {
	qs, err := listDocs[question](tx, docQuestion)
	if err != nil {
		return err
	}
	for _, q := range qs {
		if q.State == questionWaiting && q.Filter == d {
			return nil
		}
	}
	return tx.DeleteBody(d)
}

// filterCache keeps the filters that were opened last: opening one reads all of
// it.
type filterCache struct {
	mu   sync.Mutex
	open []*psi.Filter // newest last; guarded by mu
}

const filtersOpen = 4

// filter returns a filter held, opened.
func (n *Node) filter(tx store.Tx, d ledger.Digest) (*psi.Filter, error) {
	n.filters.mu.Lock()
	defer n.filters.mu.Unlock()
	for _, f := range n.filters.open {
		if f.Digest() == d {
			return f, nil
		}
	}
	raw, err := tx.Body(d)
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	f, err := psi.OpenFilter(raw)
	if err != nil {
		return nil, err
	}
	n.filters.open = append(n.filters.open, f)
	if len(n.filters.open) > filtersOpen {
		n.filters.open = slices.Delete(n.filters.open, 0, 1)
	}
	return f, nil
}
