package node

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
	"parley.example/parley/stix"
)

// docCopy tells of which object of ours a released copy is; see copyKey.
const docCopy = "copy"

// ReleaseAsk asks to release an object.
type ReleaseAsk struct {
	Object     string   `json:"object"`
	Accord     string   `json:"accord"`
	To         []string `json:"to,omitempty"` // empty: every other member
	Purpose    string   `json:"purpose"`
	LegalBasis string   `json:"legal_basis,omitempty"`
	DryRun     bool     `json:"dry_run,omitempty"`
	// Priority says what goes first on the line.
	Priority ledger.Priority `json:"priority,omitzero"`
	// By is who asks; a release that our policy wants approved waits for
	// others.
	By User `json:"-"`
}

// Release is the gate's answer, with both versions side by side. Each recipient
// gets a copy of its own; of several, the one who may get least decides for all.
type Release struct {
	Outcome    release.Outcome  `json:"outcome"`
	Reasons    []release.Reason `json:"reasons"`
	Redactions []string         `json:"redactions"`
	Original   json.RawMessage  `json:"original"`
	Tearline   json.RawMessage  `json:"tearline"` // the first recipient's; null unless the outcome is tearline
	To         []string         `json:"to"`
	Approvals  int              `json:"approvals,omitempty"` // how many people besides the asker must agree
	Pending    string           `json:"pending,omitempty"`   // id of the release that waits for them
	Released   bool             `json:"released"`
	Event      *EventRef        `json:"event,omitempty"` // of the first copy
	Copy       string           `json:"copy,omitempty"`  // its id
	Digest     string           `json:"digest,omitempty"`
	Copies     []ReleasedCopy   `json:"copies,omitempty"`
}

// ReleasedCopy is what left for one recipient.
type ReleasedCopy struct {
	To     string   `json:"to"`
	Copy   string   `json:"copy"`
	Digest string   `json:"digest"`
	Event  EventRef `json:"event"`
}

// EventRef names a ledger event.
type EventRef struct {
	Log   string `json:"log"`
	Index int64  `json:"index"`
}

// ReleaseObject asks the gate and, unless it is a dry run, the gate withholds or
// our policy wants it approved, releases: the ledger event, the tree, the copy
// and its place in the outbox are one transaction. A withheld object is no
// error; the answer says why.
func (n *Node) ReleaseObject(ctx context.Context, ask ReleaseAsk) (Release, error) {
	var out Release
	var pc pact
	run := n.update
	if ask.DryRun {
		run = n.view
	}
	err := run(ctx, func(tx store.Tx) (err error) {
		pc, err = n.pact(tx, ask.Accord)
		if err != nil {
			return err
		}
		out, err = n.release(tx, pc, ask, "")
		return err
	})
	if err == nil && out.Released {
		n.urge(pc.Accord, out.To, ask.Priority)
	}
	return out, err
}

// urge makes the partners exchange parcels now, past less urgent content.
func (n *Node) urge(a accord.Accord, to []string, p ledger.Priority) {
	for _, party := range to {
		n.overtake(a.ID, party, p)
	}
	n.kick(a)
}

// release decides and, where something may pass and it is no dry run, writes
// everything that a release is, or a pending one.
func (n *Node) release(tx store.Tx, pc pact, ask ReleaseAsk, answers string) (Release, error) {
	g, err := n.gather(tx, pc, ask, answers, 0)
	if err != nil || ask.DryRun || g.out.Outcome < release.Tearline {
		return g.out, err
	}
	if g.out.Approvals > 0 {
		g.out.Pending, err = n.ask(tx, pc, g, answers)
		return g.out, err
	}
	err = n.send(tx, pc, []*gathered{&g})
	return g.out, err
}

// gathered is a release that was put to the gate for each of its recipients and
// has not left yet.
type gathered struct {
	ask    ReleaseAsk
	object store.Object
	out    Release
	weighs []weighing
	copies []leaving
}

// weighing is the gate's decision for one recipient.
type weighing struct {
	in  release.Input
	rel release.Released
	d   release.Decision
	err error
	was sentCopy // what the recipient has under that id already; zero: nothing
}

// leaving is a copy that is about to leave.
type leaving struct {
	release.Released
	was sentCopy
}

// gather puts an object to the gate for each recipient.
func (n *Node) gather(tx store.Tx, pc pact, ask ReleaseAsk, answers string, approved int) (gathered, error) {
	g, err := n.prepare(tx, pc, ask, approved, n.policy())
	if err != nil {
		return g, err
	}
	g.weigh(answers, nil)
	return g, g.conclude()
}

// prepare reads what the decisions on an object rest on.
func (n *Node) prepare(tx store.Tx, pc pact, ask ReleaseAsk, approved int, policy release.Policy) (gathered, error) {
	if len(ask.To) == 0 {
		ask.To = n.others(pc.Accord)
	}
	ask.To = slices.Compact(slices.Sorted(slices.Values(ask.To)))
	obj, err := tx.Object(ask.Object)
	if err != nil {
		return gathered{}, fmt.Errorf("object %q: %w", clip(ask.Object), err)
	}
	if ask.LegalBasis == "" && len(pc.Terms.LegalBases) == 1 {
		ask.LegalBasis = pc.Terms.LegalBases[0]
	}
	g := gathered{ask: ask, object: obj}
	for _, to := range ask.To {
		in := n.gateInputUnder(tx, pc, obj, []string{to}, ask.Purpose, ask.LegalBasis, policy)
		in.Approved = approved
		g.weighs = append(g.weighs, weighing{in: in})
	}
	return g, nil
}

// weigh decides for each recipient. It touches the transaction through its
// inputs' functions alone. caches, by recipient, may be nil.
func (g *gathered) weigh(answers string, caches map[string]*release.Cache) {
	for i, to := range g.ask.To {
		w := &g.weighs[i]
		w.in.Cache = caches[to]
		if w.rel, w.d, w.err = release.Mint(w.in, answers); w.err == nil {
			w.was.First, w.was.Last, _ = w.in.Sent(w.rel.Record().Object)
		}
	}
}

// conclude sums the decisions up.
func (g *gathered) conclude() error {
	g.out = Release{
		Outcome: release.Full, Reasons: []release.Reason{}, Redactions: []string{}, Original: g.object.Bytes, To: g.ask.To, Tearline: json.RawMessage("null"),
	}
	for _, w := range g.weighs {
		if w.err != nil && !errors.Is(w.err, release.ErrWithheld) {
			return w.err
		}
		g.out.Outcome = min(g.out.Outcome, w.d.Outcome)
		g.out.Approvals = max(g.out.Approvals, w.d.Approvals)
		for _, r := range w.d.Reasons {
			if !slices.Contains(g.out.Reasons, r) {
				g.out.Reasons = append(g.out.Reasons, r)
			}
		}
		if len(g.out.Redactions) == 0 {
			g.out.Redactions = orEmpty(w.d.Redactions)
		}
		if w.d.Outcome == release.Tearline && string(g.out.Tearline) == "null" {
			g.out.Tearline = w.d.Copy
		}
		if w.err == nil {
			g.copies = append(g.copies, leaving{w.rel, w.was})
		}
	}
	if len(g.weighs) == 0 {
		g.out.Outcome = release.Withhold
		g.out.Reasons = append(g.out.Reasons, release.Reason{Rule: "recipient", Outcome: release.Withhold, Text: "no recipient is named"})
	}
	if g.out.Outcome < release.Tearline {
		g.out.Tearline, g.out.Redactions = json.RawMessage("null"), []string{}
	}
	return nil
}

// copyKey is the id of the docCopy of a copy that left for a party.
func copyKey(accordID, to, copyID string) string { return accordID + "/" + to + "/" + copyID }

// sentCopy is what is remembered of a copy that left.
type sentCopy struct {
	Object string    `json:"object"` // of which object of ours
	Accord string    `json:"accord"`
	To     string    `json:"to"`
	First  time.Time `json:"first"` // when it left for the first time
	Last   time.Time `json:"last"`  // the time that its newest version bears, to the second
}

// noteCopy remembers whose copy is which object of ours: for the times of later
// versions, for corrections and for tracing.
func (n *Node) noteCopy(tx store.Tx, accordID, to, copyID, object string) error {
	var held sentCopy
	if err := getDoc(tx, docCopy, copyKey(accordID, to, copyID), &held); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return n.noteNext(tx, accordID, to, copyID, object, held)
}

// noteNext is noteCopy where it is known what the recipient has already.
func (n *Node) noteNext(tx store.Tx, accordID, to, copyID, object string, held sentCopy) error {
	c := sentCopy{Object: object, Accord: accordID, To: to, First: n.now(), Last: n.now()}
	if !held.First.IsZero() {
		if c.First = held.First; !c.Last.Truncate(time.Second).After(held.Last.Truncate(time.Second)) {
			c.Last = held.Last.Add(time.Second)
		}
	}
	return putDoc(tx, docCopy, copyKey(accordID, to, copyID), c)
}

// send writes releases: one event, one copy and one place in the outbox for each
// recipient of each.
func (n *Node) send(tx store.Tx, pc pact, gs []*gathered) error {
	var acts []act
	several := len(n.others(pc.Accord)) > 1
	for _, g := range gs {
		for _, rel := range g.copies {
			rec := rel.Record()
			rec.Priority = g.ask.Priority
			a := act{kind: ledger.Released, data: rec}
			if !rel.was.First.IsZero() {
				// A newer version of what the recipient has is a correction.
				a.kind = ledger.Corrected
			}
			if several {
				// A release to one of the members is not for the others' eyes.
				a.audience = rel.To()
			}
			acts = append(acts, a)
		}
	}
	index, err := n.actAll(tx, pc.Accord, acts)
	if err != nil {
		return err
	}
	for _, g := range gs {
		for _, rel := range g.copies {
			if err := n.queue(tx, rel.Released, index, g.ask.Priority); err != nil {
				return err
			}
			c := ReleasedCopy{rel.To()[0], rel.Record().Object, rel.Digest().String(), EventRef{ledger.Origin(pc.ID, n.cfg.Party), index}}
			if err := n.noteNext(tx, pc.ID, c.To, c.Copy, g.object.ID, rel.was); err != nil {
				return err
			}
			g.out.Copies = append(g.out.Copies, c)
			index++
		}
		first := g.out.Copies[0]
		g.out.Released, g.out.Event, g.out.Copy, g.out.Digest = true, &first.Event, first.Copy, first.Digest
	}
	return nil
}

// gateInput is what a decision on an object of the library rests on.
func (n *Node) gateInput(tx store.Tx, pc pact, obj store.Object, to []string, purpose, basis string) release.Input {
	return n.gateInputUnder(tx, pc, obj, to, purpose, basis, n.policy())
}

func (n *Node) gateInputUnder(tx store.Tx, pc pact, obj store.Object, to []string, purpose, basis string, policy release.Policy) release.Input {
	in := release.Input{
		Object: obj.Bytes, Origin: n.origin(tx, obj), Accord: pc.Accord, State: pc.state, Me: n.cfg.Party, To: to,
		Purpose: purpose, LegalBasis: basis, Now: n.now(), CopyKey: n.keys.copy, Policy: policy,
	}
	in.Marking = func(id string) ([]byte, bool) { return marking(tx, id) }
	in.Held = func(id string) (release.Held, bool) {
		o, err := tx.Object(id)
		if err != nil {
			return release.Held{}, false // what cannot be read does not pass
		}
		return release.Held{Object: o.Bytes, Origin: n.origin(tx, o)}, true
	}
	sent := make(map[string]sentCopy) // zero: it never left
	in.Sent = func(copyID string) (first, last time.Time, ok bool) {
		c, asked := sent[copyID]
		if !asked {
			for _, p := range to {
				if getDoc(tx, docCopy, copyKey(pc.ID, p, copyID), &c) != nil {
					c = sentCopy{}
					break
				}
			}
			sent[copyID] = c
		}
		return c.First, c.Last, !c.First.IsZero()
	}
	return in
}

// marking returns a marking definition that may be relied on: one of our own, or
// a releasability marking, whose id follows from what it says. With any other, a
// partner could lay down what our markings mean.
func marking(tx store.Tx, id string) ([]byte, bool) {
	o, err := tx.Object(id)
	if err != nil || o.Type != "marking-definition" {
		return nil, false
	}
	if o.From == "" {
		return o.Bytes, true
	}
	obj, err := stix.Parse(o.Bytes)
	if err != nil {
		return nil, false
	}
	r, ok, err := stix.ReleasabilityOf(obj)
	if err != nil || !ok {
		return nil, false
	}
	own, _, err := r.Marking()
	return o.Bytes, err == nil && own == id
}

// origin tells where an object came from and what its originator agreed to. What
// cannot be read agrees to nothing.
func (n *Node) origin(tx store.Tx, obj store.Object) release.Origin {
	o := release.Origin{Party: obj.From}
	if obj.From == "" {
		return o
	}
	pc, err := n.pact(tx, obj.Accord)
	if err != nil {
		return o
	}
	o.Onward = pc.Terms.Onward
	rows, err := tx.Events(store.EventQuery{Logs: []string{ledger.Origin(pc.ID, obj.From)}, Kinds: []string{string(release.OnwardAgreed)}})
	if err != nil {
		return o
	}
	for _, row := range rows {
		e, err := ledger.ParseEvent(row.Bytes)
		if err != nil {
			continue
		}
		d, err := decodeData[release.Onward](e)
		if err == nil && d.Object == obj.ID {
			o.Consent = d.To // the newest counts
		}
	}
	return o
}

// OnwardAsk agrees to a partner's passing on what we released to it.
type OnwardAsk struct {
	Accord string   `json:"accord"`
	Party  string   `json:"party,omitempty"` // who may pass it on; empty where there is one other member
	Copy   string   `json:"copy"`            // the id under which that party has it
	To     []string `json:"to"`              // to whom; empty takes an earlier consent back
}

// AgreeOnward records, in our ledger, our consent to a partner's passing on a
// copy that we released to it, or that we take it back.
func (n *Node) AgreeOnward(ctx context.Context, ask OnwardAsk) (EventRef, error) {
	var ref EventRef
	var pc pact
	err := n.update(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, ask.Accord); err != nil {
			return err
		}
		if ask.Party, err = n.onlyOther(pc, ask.Party); err != nil {
			return err
		}
		if _, err := tx.Doc(docCopy, copyKey(pc.ID, ask.Party, ask.Copy)); err != nil {
			return fmt.Errorf("copy %q released to %s: %w", clip(ask.Copy), ask.Party, err)
		}
		for _, p := range ask.To {
			if err := accord.CheckParty(p); err != nil {
				return fmt.Errorf("%w: %w", ErrInvalid, err)
			}
		}
		ref.Log = ledger.Origin(pc.ID, n.cfg.Party)
		ref.Index, err = n.act(tx, pc.Accord, release.OnwardAgreed, release.Onward{Object: ask.Copy, To: orEmpty(ask.To)}, ask.Party)
		return err
	})
	if err == nil {
		n.kick(pc.Accord)
	}
	return ref, err
}

// releasedAtOnce bounds the objects whose releases one transaction writes.
const releasedAtOnce = 1000

// ReleaseManyAsk asks to release many objects alike.
type ReleaseManyAsk struct {
	Objects    []string `json:"objects" maxItems:"50000"`
	Accord     string   `json:"accord"`
	To         []string `json:"to,omitempty"` // empty: every other member
	Purpose    string   `json:"purpose"`
	LegalBasis string   `json:"legal_basis,omitempty"`
	By         User     `json:"-"`

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
	Outcome release.Outcome `json:"outcome"`
	Copies  []ReleasedCopy  `json:"copies,omitempty"`
	Pending string          `json:"pending,omitempty"`
	Reason  string          `json:"reason,omitempty"` // why it stayed
}

// ReleaseMany releases objects in batches, each batch in one transaction. On an
// error the account tells of the batches before it, which have left.
func (n *Node) ReleaseMany(ctx context.Context, ask ReleaseManyAsk) (ManyReleased, error) {
	out := ManyReleased{Results: []OneReleased{}}
	var pc pact
	for objects := range slices.Chunk(ask.Objects, releasedAtOnce) {
		var results []OneReleased
		err := n.update(ctx, func(tx store.Tx) (err error) {
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
			case len(r.Copies) > 0:
				out.Released++
			case r.Pending != "":
				out.Pending++
			default:
				out.Withheld++
			}
		}
		out.Results = append(out.Results, results...)
		to := ask.To
		if len(to) == 0 {
			to = n.others(pc.Accord)
		}
		n.urge(pc.Accord, to, ask.Priority)
	}
	return out, nil
}

func (n *Node) releaseBatch(tx store.Tx, pc pact, ask ReleaseManyAsk, objects []string) ([]OneReleased, error) {
	results := make([]OneReleased, len(objects))
	gs := make([]*gathered, len(objects)) // nil: not held
	policy := n.policy()
	for i, id := range objects {
		results[i].Object = id
		one := ReleaseAsk{Object: id, Accord: pc.ID, To: ask.To, Purpose: ask.Purpose, LegalBasis: ask.LegalBasis, By: ask.By, Priority: ask.Priority}
		g, err := n.prepare(tx, pc, one, 0, policy)
		switch {
		case errors.Is(err, store.ErrNotFound):
			results[i].Reason = "no such object is held"
		case err != nil:
			return nil, err
		default:
			gs[i] = &g
		}
	}
	weighAll(gs)
	var out []*gathered
	var at []int
	for i, g := range gs {
		if g == nil {
			continue
		}
		if err := g.conclude(); err != nil {
			return nil, err
		}
		r := &results[i]
		switch r.Outcome = g.out.Outcome; {
		case g.out.Outcome < release.Tearline:
			r.Reason = standsAgainst(g.out.Reasons)
		case g.out.Approvals > 0:
			r.Reason = fmt.Sprintf("it waits for the approval of %d", g.out.Approvals)
			var err error
			if r.Pending, err = n.ask(tx, pc, *g, ""); err != nil {
				return nil, err
			}
		default:
			out, at = append(out, g), append(at, i)
		}
	}
	if err := n.send(tx, pc, out); err != nil {
		return nil, err
	}
	for i, g := range out {
		results[at[i]].Copies = g.out.Copies
	}
	return results, nil
}

// weighAll decides on many objects on every processor. A transaction serves one
// at a time, so that the functions that reach into it share a lock.
func weighAll(gs []*gathered) {
	var tx sync.Mutex
	for _, g := range gs {
		if g == nil {
			continue
		}
		for i := range g.weighs {
			locked(&tx, &g.weighs[i].in)
		}
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(gs)) {
		wg.Go(func() {
			caches := make(map[string]*release.Cache)
			for {
				i := int(next.Add(1)) - 1
				if i >= len(gs) {
					return
				}
				g := gs[i]
				if g == nil {
					continue
				}
				for _, to := range g.ask.To {
					if caches[to] == nil {
						caches[to] = release.NewCache()
					}
				}
				g.weigh("", caches)
			}
		})
	}
	wg.Wait()
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

func newID(r io.Reader) (string, error) {
	b := make([]byte, 8)
	_, err := io.ReadFull(r, b)
	return fmt.Sprintf("%x", b), err
}

func digestOf(b []byte) string { return ledger.Digest(sha256.Sum256(b)).String() }
