package node

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
)

// hashes reads one log's stored hashes inside a transaction.
type hashes struct {
	tx  store.Tx
	log string
}

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	return h.tx.ReadHashes(h.log, indexes)
}

// act is one act to append. audience names who may read it; none means every
// member.
type act struct {
	kind     ledger.Kind
	data     any
	audience []string
}

// act appends an act of this party to its log under an accord, inside the
// transaction that makes the act's effects, and returns its index.
func (n *Node) act(tx store.Tx, a accord.Accord, kind ledger.Kind, data any, audience ...string) (int64, error) {
	return n.actAll(tx, a, []act{{kind, data, audience}})
}

// actAll appends acts of this party to its log under an accord, as [Node.act]
// does one, and returns the index of the first.
func (n *Node) actAll(tx store.Tx, a accord.Accord, acts []act) (int64, error) {
	if len(acts) == 0 {
		return tx.LogSize(ledger.Origin(a.ID, n.cfg.Party))
	}
	p, err := n.openPage(tx, a)
	if err != nil {
		return 0, err
	}
	entries := make([]entry, len(acts))
	for i, x := range acts {
		if entries[i], err = p.entry(x, n.opt.Rand); err != nil {
			return 0, err
		}
	}
	first := p.size
	return first, p.append(tx, entries)
}

// page is where the next acts go: the end of our log under an accord, as one
// transaction finds it.
type page struct {
	accord, party string
	log           string
	size          int64
	seen          []ledger.Seen
	now           time.Time
}

// entry is an act in the form in which it is written.
type entry struct {
	leaf  []byte
	event store.Event // without its index
}

// openPage finds the end of our log; it refuses where the log is not whole.
func (n *Node) openPage(tx store.Tx, a accord.Accord) (page, error) {
	p := page{accord: a.ID, party: n.cfg.Party, log: ledger.Origin(a.ID, n.cfg.Party)}
	var err error
	if p.size, err = tx.LogSize(p.log); err != nil {
		return p, err
	}
	if err := n.whole(tx, p.log, p.size); err != nil {
		return p, err
	}
	for _, m := range n.others(a) {
		s, ok, err := n.seenOf(tx, a, m)
		if err != nil {
			return p, err
		}
		if ok {
			p.seen = append(p.seen, s)
		}
	}
	p.now, err = n.actTime(tx, p.log, p.size)
	return p, err
}

// entry puts an act into its form. It touches nothing but rand.
func (p page) entry(x act, rand io.Reader) (entry, error) {
	raw, err := json.Marshal(x.data)
	if err != nil {
		return entry{}, fmt.Errorf("encoding %s: %w", x.kind, err)
	}
	leaf, ev, salt, err := ledger.NewLeaf(ledger.Event{Accord: p.accord, Party: p.party, Kind: x.kind, At: p.now, Data: raw}, p.seen, rand)
	if err != nil {
		return entry{}, err
	}
	return entry{leaf.Marshal(), store.Event{
		Log: p.log, Kind: string(x.kind), At: p.now.UnixMicro(), Bytes: ev, Salt: salt, Audience: strings.Join(x.audience, ","),
	}}, nil
}

// append writes entries, the first of them at p.size, and turns p to behind them.
func (p *page) append(tx store.Tx, entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	leaves := make([][]byte, len(entries))
	events := make([]store.Event, len(entries))
	for i, e := range entries {
		leaves[i], events[i] = e.leaf, e.event
		events[i].Index = p.size + int64(i)
	}
	hs, _, err := ledger.Grow(p.size, leaves, hashes{tx, p.log})
	if err != nil {
		return err
	}
	if err := tx.AppendLeaves(p.log, p.size, leaves, hs, events...); err != nil {
		return fmt.Errorf("appending to the ledger: %w", err)
	}
	p.size += int64(len(entries))
	return nil
}

// actTime is the time of an act: now, and never before the act before it, so
// that a clock that was set back does not look like an entry dated back.
func (n *Node) actTime(tx store.Tx, log string, size int64) (time.Time, error) {
	now := n.now()
	if size == 0 {
		return now, nil
	}
	last, err := tx.Leaves(log, size-1, size)
	if err != nil {
		return now, err
	}
	l, err := ledger.ParseLeaf(last[0])
	if err == nil && l.At.After(now) {
		now = l.At
	}
	return now, err
}

// queue puts what the gate let pass into the outbox, under the event that
// released it. It is the only way into the outbox.
func (n *Node) queue(tx store.Tx, r release.Released, index int64, p ledger.Priority) error {
	if len(r.Bytes()) == 0 {
		return errors.New("nothing was released")
	}
	if err := tx.PutBody(r.Digest(), r.Bytes()); err != nil {
		return err
	}
	for _, to := range r.To() {
		err := tx.PutOut(store.Out{
			Accord: r.Accord(), To: to, Log: ledger.Origin(r.Accord(), n.cfg.Party), Index: index,
			Digest: r.Digest(), Priority: int(p), At: n.now().UnixMicro(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkpoint makes sure that our log under an accord has a signed checkpoint
// at its present size.
func (n *Node) checkpoint(ctx context.Context, log string) error {
	n.guard.mu.Lock()
	defer n.guard.mu.Unlock()
	var note []byte
	var tree ledger.Tree
	err := n.view(ctx, func(tx store.Tx) error {
		size, err := tx.LogSize(log)
		if err != nil {
			return err
		}
		if err := n.whole(tx, log, size); err != nil {
			return err
		}
		signed, err := n.signedSize(tx, log)
		if err != nil || signed == size || size == 0 {
			return err
		}
		if tree, err = ledger.TreeAt(size, hashes{tx, log}); err != nil {
			return err
		}
		if err := n.guard.advance(log, tree, hashes{tx, log}); err != nil {
			return err
		}
		note, err = n.signing().SignCheckpoint(log, tree)
		return err
	})
	if err != nil || note == nil {
		return err
	}
	return n.update(ctx, func(tx store.Tx) error {
		if l, err := n.nodeLog(tx); err != nil || l.Origin == log {
			l.Head = note // one is enough: every tick has its own
			return errors.Join(err, putDoc(tx, docNodeLog, "", l))
		}
		return tx.PutCheckpoint(store.Checkpoint{Log: log, Size: tree.N, Note: note, At: n.now().UnixMicro()})
	})
}

// signedSize is the size of the newest checkpoint of a log of ours.
func (n *Node) signedSize(tx store.Tx, log string) (int64, error) {
	if l, err := n.nodeLog(tx); err != nil {
		return 0, err
	} else if l.Origin == log {
		if l.Head == nil {
			return 0, nil
		}
		return ledger.CheckpointSize(l.Head)
	}
	cp, err := tx.LatestCheckpoint(log)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return cp.Size, err
}

// pact is an accord with its present state.
type pact struct {
	accord.Accord
	state *accord.State
}

var stateKinds = []string{
	string(ledger.AccordSuspended), string(ledger.AccordResumed), string(ledger.AccordEnded),
	string(ledger.RungOffered), string(ledger.RungAccepted), string(ledger.RungLowered),
}

// pact reads an accord by its id or an unambiguous beginning of it.
func (n *Node) pact(tx store.Tx, id string) (pact, error) {
	note, err := tx.Doc(docAccord, id)
	if errors.Is(err, store.ErrNotFound) && len(id) >= 4 {
		docs, lerr := tx.ListDocs(docAccord)
		if lerr != nil {
			return pact{}, lerr
		}
		docs = slices.DeleteFunc(docs, func(d store.Doc) bool { return !strings.HasPrefix(d.ID, id) })
		switch len(docs) {
		case 1:
			note, err = docs[0].Body, nil
		case 0:
		default:
			return pact{}, fmt.Errorf("%w: %d accords begin with %q; give more of the id", ErrInvalid, len(docs), id)
		}
	}
	if err != nil {
		return pact{}, fmt.Errorf("accord %q: %w", clip(id), err)
	}
	return n.openPact(tx, note)
}

func (n *Node) openPact(tx store.Tx, note []byte) (pact, error) {
	a, err := n.openAccord(note)
	if err != nil {
		return pact{}, err
	}
	p := pact{a, accord.NewState(a)}
	var logs []string
	for _, m := range a.Terms.Parties() {
		logs = append(logs, ledger.Origin(a.ID, m))
	}
	events, err := n.stateEvents(tx, a.ID, logs)
	if err != nil {
		return pact{}, err
	}
	for _, row := range events {
		e, err := ledger.ParseEvent(row.Bytes)
		if err == nil {
			err = p.state.Apply(row.Index, e)
		}
		if err != nil {
			// A partner's act that breaks the rules has no effect; it stays
			// in the ledger for all to see.
			n.opt.Log.Warn("act without effect", "log", row.Log, "index", row.Index, "error", err)
		}
	}
	by, err := n.amended(tx, a)
	if err != nil {
		return pact{}, err
	}
	if by != "" {
		p.state.Amend(by)
	}
	return p, nil
}

// openAccord verifies a stored accord; the verdict on given bytes never
// changes for the better or worse while cards are only added, so it is kept.
func (n *Node) openAccord(note []byte) (accord.Accord, error) {
	key := sha256.Sum256(note)
	if a, ok := n.opened.Load(key); ok {
		return a.(accord.Accord), nil
	}
	a, err := accord.Open(note, n.currentBook())
	if err != nil {
		return accord.Accord{}, err
	}
	n.opened.Store(key, a)
	return a, nil
}

// pacts reads every accord, oldest id first.
func (n *Node) pacts(tx store.Tx) ([]pact, error) {
	docs, err := tx.ListDocs(docAccord)
	if err != nil {
		return nil, err
	}
	var out []pact
	for _, d := range docs {
		p, err := n.openPact(tx, d.Body)
		if err != nil {
			return nil, fmt.Errorf("accord %s: %w", d.ID, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// clip shortens what a user gave for a message.
func clip(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
