package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
)

// releasedAtOnce bounds the objects whose releases one transaction writes.
const releasedAtOnce = 1000

// ReleaseManyAsk asks to release many objects alike.
type ReleaseManyAsk struct {
	Objects    []string `json:"objects" maxItems:"50000"`
	Accord     string   `json:"accord"`
	To         []string `json:"to,omitempty"` // empty: every other member
	Purpose    string   `json:"purpose"`
	LegalBasis string   `json:"legal_basis,omitempty"`
	// DryRun decides and lets nothing leave; the account says what would.
	DryRun bool `json:"dry_run,omitempty"`
	By     User `json:"-"`

	Priority ledger.Priority `json:"priority,omitzero"`
}

// ManyReleased is the account of a release in bulk: every object left, waits or
// stayed with a reason.
type ManyReleased struct {
	Released int           `json:"released"`
	Pending  int           `json:"pending"`
	Withheld int           `json:"withheld"`
	Results  []OneReleased `json:"results"` // in the order asked
}

// OneReleased is what became of one object.
type OneReleased struct {
	Object  string          `json:"object"`
	Title   string          `json:"title"` // "" where it is not held
	Outcome release.Outcome `json:"outcome"`
	// Approvals is how many people besides the asker must agree.
	Approvals int            `json:"approvals,omitempty"`
	Copies    []ReleasedCopy `json:"copies,omitempty"`
	Pending   string         `json:"pending,omitempty"`
	Reason    string         `json:"reason,omitempty"` // why it stayed
}

// ReleaseMany releases objects in batches, each batch in one transaction. On an
// error the account tells of the batches before it, which have left.
func (n *Node) ReleaseMany(ctx context.Context, ask ReleaseManyAsk) (ManyReleased, error) {
	out := ManyReleased{Results: []OneReleased{}}
	var pc pact
	for objects := range slices.Chunk(ask.Objects, releasedAtOnce) {
		var results []OneReleased
		run := n.update
		if ask.DryRun {
			run = n.view
		}
		err := run(ctx, func(tx store.Tx) (err error) {
			if pc, err = n.pact(tx, ask.Accord); err != nil {
				return err
			}
			results, err = n.releaseBatch(tx, pc, ask, objects)
			return err
		})
		if err != nil {
			return out, err
		}
		for _, r := range results {
			switch {
			case len(r.Copies) > 0, ask.DryRun && r.Outcome >= release.Tearline && r.Approvals == 0:
				out.Released++
			case r.Pending != "", ask.DryRun && r.Approvals > 0:
				out.Pending++
			default:
				out.Withheld++
			}
		}
		out.Results = append(out.Results, results...)
		if ask.DryRun {
			continue
		}
		to := ask.To
		if len(to) == 0 {
			to = n.others(pc.Accord)
		}
		n.urge(pc.Accord, to, ask.Priority)
	}
	return out, nil
}

// releaseBatch decides on objects on every processor, and writes what passes in
// the order asked meanwhile. Every decision rests on what was there before the
// batch.
func (n *Node) releaseBatch(tx store.Tx, pc pact, ask ReleaseManyAsk, objects []string) ([]OneReleased, error) {
	p, err := n.openPage(tx, pc.Accord)
	if err != nil {
		return nil, err
	}
	b := n.newWeighbridge(p, n.several(pc))
	defer b.stop() // before the transaction ends: decisions read from it
	results := make([]OneReleased, len(objects))
	ws := make([]*weighed, len(objects)) // nil: not held
	policy := n.policy()
	for i, id := range objects {
		results[i].Object = id
		one := ReleaseAsk{Object: id, Accord: pc.ID, To: ask.To, Purpose: ask.Purpose, LegalBasis: ask.LegalBasis, By: ask.By, Priority: ask.Priority}
		w, err := b.prepare(tx, pc, one, policy)
		switch {
		case errors.Is(err, store.ErrNotFound):
			results[i].Reason = "no such object is held"
		case err != nil:
			return nil, err
		default:
			ws[i] = w
		}
	}
	var entries []entry
	for i, w := range ws {
		if w == nil {
			continue
		}
		<-w.ready
		if w.err != nil {
			return nil, w.err
		}
		r, g := &results[i], w.g
		r.Title = w.title
		switch r.Outcome = g.out.Outcome; {
		case g.out.Outcome < release.Tearline:
			r.Reason = standsAgainst(g.out.Reasons)
		case g.out.Approvals > 0:
			r.Reason, r.Approvals = fmt.Sprintf("it waits for the approval of %d", g.out.Approvals), g.out.Approvals
		case ask.DryRun:
		default:
			b.tx.Lock()
			err = n.dispatch(tx, pc, g, p.size+int64(len(entries)))
			b.tx.Unlock()
			if err != nil {
				return nil, err
			}
			entries, r.Copies = append(entries, w.entries...), g.out.Copies
		}
	}
	b.stop()
	if err := p.append(tx, entries); err != nil {
		return nil, err
	}
	// What left and what waits is noted last, as decisions look at it.
	for i, w := range ws {
		switch {
		case w == nil || ask.DryRun || w.g.out.Outcome < release.Tearline:
		case w.g.out.Released:
			err = n.noteCopies(tx, pc, w.g)
		default:
			results[i].Pending, err = n.ask(tx, pc, *w.g, "")
		}
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

// weighbridge decides on the releases of a batch, on every processor. A
// transaction serves one at a time, so that all who reach into it share a lock.
type weighbridge struct {
	n       *Node
	page    page
	several bool
	queue   chan *weighed
	wg      sync.WaitGroup
	stopped bool
	halt    atomic.Bool
	tx      sync.Mutex
}

// weighed is a release that is being decided on.
type weighed struct {
	g       *gathered
	title   string
	salts   []byte // for the entry of each recipient
	entries []entry
	err     error
	ready   chan struct{}
}

func (n *Node) newWeighbridge(p page, several bool) *weighbridge {
	b := &weighbridge{n: n, page: p, several: several, queue: make(chan *weighed, releasedAtOnce)}
	for range runtime.GOMAXPROCS(0) {
		b.wg.Go(func() {
			caches := make(map[string]*release.Cache)
			for w := range b.queue {
				if !b.halt.Load() {
					w.err = b.weigh(w, caches)
				}
				close(w.ready)
			}
		})
	}
	return b
}

// stop ends the decisions; those not made yet are not made any more.
func (b *weighbridge) stop() {
	if !b.stopped {
		b.stopped = true
		b.halt.Store(true)
		close(b.queue)
	}
	b.wg.Wait()
}

// prepare reads what a decision rests on and hands it over to be made. No more
// than releasedAtOnce are taken.
func (b *weighbridge) prepare(tx store.Tx, pc pact, ask ReleaseAsk, policy release.Policy) (*weighed, error) {
	b.tx.Lock()
	g, err := b.n.prepare(tx, pc, ask, 0, policy)
	b.tx.Unlock()
	if err != nil {
		return nil, err
	}
	w := &weighed{g: &g, salts: make([]byte, ledger.SaltSize*len(g.weighs)), ready: make(chan struct{})}
	if _, err := io.ReadFull(b.n.opt.Rand, w.salts); err != nil {
		return nil, fmt.Errorf("drawing salts: %w", err)
	}
	for i := range g.weighs {
		locked(&b.tx, &g.weighs[i].in)
	}
	b.queue <- w
	return w, nil
}

func (b *weighbridge) weigh(w *weighed, caches map[string]*release.Cache) error {
	for _, to := range w.g.ask.To {
		if caches[to] == nil {
			caches[to] = release.NewCache()
		}
	}
	w.title = title(w.g.object)
	w.g.weigh("", caches)
	if err := w.g.conclude(); err != nil || w.g.out.Outcome < release.Tearline || w.g.out.Approvals > 0 {
		return err
	}
	salts := bytes.NewReader(w.salts)
	for _, l := range w.g.copies {
		e, err := b.page.entry(l.act(w.g.ask.Priority, b.several), salts)
		if err != nil {
			return err
		}
		w.entries = append(w.entries, e)
	}
	return nil
}

// locked makes an input's functions take a lock.
func locked(mu *sync.Mutex, in *release.Input) {
	marking, held, sent := in.Marking, in.Held, in.Sent
	in.Marking = func(id string) ([]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		return marking(id)
	}
	in.Held = func(id string) (release.Held, bool) {
		mu.Lock()
		defer mu.Unlock()
		return held(id)
	}
	in.Sent = func(id string) (first, last time.Time, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		return sent(id)
	}
}

// standsAgainst says in words what lets nothing pass.
func standsAgainst(reasons []release.Reason) string {
	var why []string
	for _, r := range reasons {
		if r.Outcome < release.Tearline {
			why = append(why, r.Text)
		}
	}
	return strings.Join(why, "; ")
}
