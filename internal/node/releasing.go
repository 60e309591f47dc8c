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
		n.kick(pc.Accord)
	}
	return out, err
}

// release decides and, where something may pass and it is no dry run, writes
// everything that a release is, or a pending one.
func (n *Node) release(tx store.Tx, pc pact, ask ReleaseAsk, answers string) (Release, error) {
	g, err := n.gather(tx, pc, ask, answers, 0, nil)
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

// gathered is a release that has passed the gate for each of its recipients and
// has not left yet.
type gathered struct {
	ask    ReleaseAsk
	object store.Object
	out    Release
	copies []leaving
}

// leaving is a copy that is about to leave.
type leaving struct {
	release.Released
	was sentCopy // what the recipient has under that id already; zero: nothing
}

// gather puts an object to the gate for each recipient. caches, by recipient, may
// be nil.
func (n *Node) gather(tx store.Tx, pc pact, ask ReleaseAsk, answers string, approved int, caches map[string]*release.Cache) (gathered, error) {
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
	g := gathered{ask: ask, object: obj, out: Release{
		Outcome: release.Full, Reasons: []release.Reason{}, Redactions: []string{}, Original: obj.Bytes, To: ask.To, Tearline: json.RawMessage("null"),
	}}
	for _, to := range ask.To {
		in := n.gateInput(tx, pc, obj, []string{to}, ask.Purpose, ask.LegalBasis)
		in.Approved, in.Cache = approved, caches[to]
		rel, d, err := release.Mint(in, answers)
		if err != nil && !errors.Is(err, release.ErrWithheld) {
			return g, err
		}
		g.out.Outcome = min(g.out.Outcome, d.Outcome)
		g.out.Approvals = max(g.out.Approvals, d.Approvals)
		for _, r := range d.Reasons {
			if !slices.Contains(g.out.Reasons, r) {
				g.out.Reasons = append(g.out.Reasons, r)
			}
		}
		if len(g.out.Redactions) == 0 {
			g.out.Redactions = orEmpty(d.Redactions)
		}
		if d.Outcome == release.Tearline && string(g.out.Tearline) == "null" {
			g.out.Tearline = d.Copy
		}
		if err == nil {
			was := sentCopy{}
			was.First, was.Last, _ = in.Sent(rel.Record().Object)
			g.copies = append(g.copies, leaving{rel, was})
		}
	}
	if g.out.Outcome < release.Tearline {
		g.out.Tearline, g.out.Redactions = json.RawMessage("null"), []string{}
	}
	return g, nil
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
			a := act{kind: ledger.Released, data: rel.Record()}
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
			if err := n.queue(tx, rel.Released, index); err != nil {
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

// act is one act to append.
type act struct {
	kind     ledger.Kind
	data     any
	audience []string
}

// actAll appends acts of this party to its log under an accord, as [Node.act]
// does one, and returns the index of the first.
func (n *Node) actAll(tx store.Tx, a accord.Accord, acts []act) (int64, error) {
	if len(acts) == 1 {
		return n.act(tx, a, acts[0].kind, acts[0].data, acts[0].audience...)
	}
	log := ledger.Origin(a.ID, n.cfg.Party)
	size, err := tx.LogSize(log)
	if err != nil || len(acts) == 0 {
		return size, err
	}
	var seen []ledger.Seen
	for _, p := range n.others(a) {
		cp, err := tx.LatestCheckpoint(ledger.Origin(a.ID, p))
		switch {
		case err == nil:
			seen = append(seen, ledger.Seen{Party: p, Hash: ledger.CheckpointHash(cp.Note)})
		case !errors.Is(err, store.ErrNotFound):
			return 0, err
		}
	}
	now := n.now()
	leaves := make([][]byte, len(acts))
	events := make([]store.Event, len(acts))
	for i, x := range acts {
		raw, err := json.Marshal(x.data)
		if err != nil {
			return 0, fmt.Errorf("encoding %s: %w", x.kind, err)
		}
		leaf, ev, salt, err := ledger.NewLeaf(ledger.Event{Accord: a.ID, Party: n.cfg.Party, Kind: x.kind, At: now, Data: raw}, seen, n.opt.Rand)
		if err != nil {
			return 0, err
		}
		leaves[i] = leaf.Marshal()
		events[i] = store.Event{
			Log: log, Index: size + int64(i), Kind: string(x.kind), At: now.UnixMicro(), Bytes: ev, Salt: salt, Audience: strings.Join(x.audience, ","),
		}
	}
	hs, _, err := ledger.Grow(size, leaves, hashes{tx, log})
	if err != nil {
		return 0, err
	}
	if err := tx.AppendLeaves(log, size, leaves, hs); err != nil {
		return 0, fmt.Errorf("appending to the ledger: %w", err)
	}
	for _, e := range events {
		if err := tx.PutEvent(e); err != nil {
			return 0, err
		}
	}
	return size, nil
}

// gateInput is what a decision on an object of the library rests on.
func (n *Node) gateInput(tx store.Tx, pc pact, obj store.Object, to []string, purpose, basis string) release.Input {
	in := release.Input{
		Object: obj.Bytes, Origin: n.origin(tx, obj), Accord: pc.Accord, State: pc.state, Me: n.cfg.Party, To: to,
		Purpose: purpose, LegalBasis: basis, Now: n.now(), CopyKey: n.keys.copy, Policy: n.policy(),
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
		n.kick(pc.Accord)
	}
	return out, nil
}

func (n *Node) releaseBatch(tx store.Tx, pc pact, ask ReleaseManyAsk, objects []string) ([]OneReleased, error) {
	results := make([]OneReleased, len(objects))
	caches := make(map[string]*release.Cache)
	for _, to := range n.others(pc.Accord) {
		caches[to] = release.NewCache()
	}
	var leaving []*gathered
	var at []int
	for i, id := range objects {
		r := &results[i]
		r.Object = id
		one := ReleaseAsk{Object: id, Accord: pc.ID, To: ask.To, Purpose: ask.Purpose, LegalBasis: ask.LegalBasis, By: ask.By}
		g, err := n.gather(tx, pc, one, "", 0, caches)
		if errors.Is(err, store.ErrNotFound) {
			r.Reason = "no such object is held"
			continue
		}
		if err != nil {
			return nil, err
		}
		switch r.Outcome = g.out.Outcome; {
		case g.out.Outcome < release.Tearline:
			r.Reason = standsAgainst(g.out.Reasons)
		case g.out.Approvals > 0:
			r.Reason = fmt.Sprintf("it waits for the approval of %d", g.out.Approvals)
			if r.Pending, err = n.ask(tx, pc, g, ""); err != nil {
				return nil, err
			}
		default:
			leaving, at = append(leaving, &g), append(at, i)
		}
	}
	if err := n.send(tx, pc, leaving); err != nil {
		return nil, err
	}
	for i, g := range leaving {
		results[at[i]].Copies = g.out.Copies
	}
	return results, nil
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
