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
	// Correct sends the newest version to those alone who have an earlier one.
	Correct bool `json:"correct,omitempty"`
	// Priority says what goes first on the line.
	Priority ledger.Priority `json:"priority,omitzero"`
	// ReceiptFirst lets the content leave locked: its recipients get the key when they
	// have acknowledged it.
	ReceiptFirst bool `json:"receipt_first,omitempty"`
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
	// Sealed says that it left locked, Arbiter who can settle it then; "" for nobody.
	Sealed  bool   `json:"sealed,omitempty"`
	Arbiter string `json:"arbiter,omitempty"`
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
	} else if ask.ReceiptFirst {
		if err := n.readyLock(ctx, ask.Accord); err != nil {
			return out, err
		}
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
	err = n.send(tx, pc, &g)
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
	if ask.Purpose == "" && len(pc.Terms.Purposes) == 1 {
		ask.Purpose = pc.Terms.Purposes[0]
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
	if err := g.corrected(); err != nil {
		return err
	}
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

// corrected leaves out of a correction those who have nothing to be corrected.
func (g *gathered) corrected() error {
	if !g.ask.Correct {
		return nil
	}
	var to []string
	var weighs []weighing
	for i, w := range g.weighs {
		if w.err != nil || !w.was.First.IsZero() {
			to, weighs = append(to, g.ask.To[i]), append(weighs, w)
		}
	}
	if len(weighs) == 0 {
		return fmt.Errorf("%w: nobody named has a copy of %s under this accord; release it first", ErrNotFound, clip(g.ask.Object))
	}
	g.ask.To, g.weighs = to, weighs
	return nil
}

// copyKey is the id of the docCopy of a copy that left for a party.
func copyKey(accordID, to, copyID string) string { return accordID + "/" + to + "/" + copyID }

// copyOf is copyKey backwards.
func copyOf(key string) (accordID, to, copyID string) {
	accordID, key, _ = strings.Cut(key, "/")
	to, copyID, _ = strings.Cut(key, "/")
	return accordID, to, copyID
}

// sentCopy is what is remembered of a copy that left, beside its key.
type sentCopy struct {
	Object string    `json:"object"` // of which object of ours
	First  time.Time `json:"first"`  // when it left for the first time
	Last   time.Time `json:"last"`   // the time that its newest version bears, to the second
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
	c := sentCopy{Object: object, First: n.now(), Last: n.now()}
	if !held.First.IsZero() {
		if c.First = held.First; !c.Last.Truncate(time.Second).After(held.Last.Truncate(time.Second)) {
			c.Last = held.Last.Add(time.Second)
		}
	}
	return putDoc(tx, docCopy, copyKey(accordID, to, copyID), c)
}

// send writes a release: one event, one copy and one place in the outbox for each
// recipient.
func (n *Node) send(tx store.Tx, pc pact, g *gathered) error {
	p, err := n.openPage(tx, pc.Accord)
	if err != nil {
		return err
	}
	if g.ask.ReceiptFirst {
		if err := n.sealCopies(tx, pc, g, p.size); err != nil {
			return err
		}
	}
	var entries []entry
	for _, l := range g.copies {
		e, err := p.entry(l.act(g.ask.Priority, n.several(pc)), n.opt.Rand)
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	first := p.size
	if err := p.append(tx, entries); err != nil {
		return err
	}
	if err := n.dispatch(tx, pc, g, first); err != nil {
		return err
	}
	return n.noteCopies(tx, pc, g)
}

// several reports whether an accord has other members than one.
func (n *Node) several(pc pact) bool { return len(n.others(pc.Accord)) > 1 }

// act is what the ledger says of a copy that leaves.
func (l leaving) act(urgency ledger.Priority, several bool) act {
	rec := l.Record()
	rec.Priority = urgency
	a := act{kind: ledger.Released, data: rec}
	if !l.was.First.IsZero() {
		// A newer version of what the recipient has is a correction.
		a.kind = ledger.Corrected
	}
	if several {
		// A release to one of the members is not for the others' eyes.
		a.audience = l.To()
	}
	return a
}

// dispatch puts what was released, by the events from index on, into the outbox.
func (n *Node) dispatch(tx store.Tx, pc pact, g *gathered, index int64) error {
	log := ledger.Origin(pc.ID, n.cfg.Party)
	for _, l := range g.copies {
		if err := n.queue(tx, l.Released, index, g.ask.Priority); err != nil {
			return err
		}
		c := ReleasedCopy{To: l.To()[0], Copy: l.Record().Object, Digest: l.Digest().String(), Event: EventRef{log, index}}
		if s := l.Record().Sealed; s != nil {
			c.Sealed, c.Arbiter = true, s.Arbiter
		}
		g.out.Copies = append(g.out.Copies, c)
		index++
	}
	first := g.out.Copies[0]
	g.out.Released, g.out.Event, g.out.Copy, g.out.Digest = true, &first.Event, first.Copy, first.Digest
	return nil
}

// noteCopies remembers whose copies left.
func (n *Node) noteCopies(tx store.Tx, pc pact, g *gathered) error {
	for _, l := range g.copies {
		if err := n.noteNext(tx, pc.ID, l.To()[0], l.Record().Object, g.object.ID, l.was); err != nil {
			return err
		}
	}
	return nil
}

func newID(r io.Reader) (string, error) {
	b := make([]byte, 8)
	_, err := io.ReadFull(r, b)
	return fmt.Sprintf("%x", b), err
}

func digestOf(b []byte) string { return ledger.Digest(sha256.Sum256(b)).String() }
