package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// What bounds one parcel: entries by number and bytes, bodies by bytes.
const (
	maxEntries    = 20_000
	maxEntryBytes = 24 << 20
	maxBodies     = 32 << 20
)

// peer is what we know of a partner's copy under one accord.
type peer struct {
	Have int64 `json:"have"` // leaves of our log that it holds, or a witness of our node log
	// Witnessed is up to which size of our log it has the proof of witnesses.
	Witnessed   int64 `json:"witnessed,omitzero"`
	WitnessedBy int   `json:"witnessed_by,omitzero"`
	Contact     int64 `json:"contact"` // last successful exchange, Unix µs
	// Barred is when it was heard last while no content might pass.
	Barred int64  `json:"barred,omitzero"`
	Error  string `json:"error"` // why the last try failed; empty when it did not
	// Took is what we took in last of what its parcels repeat, Holds what it says
	// that it took in of ours (link.Header.Took). Holds is empty after a failure:
	// then everything is shown again.
	Took  string `json:"took,omitzero"`
	Holds string `json:"holds,omitzero"`
}

func peerID(accordID, party string) string { return accordID + "/" + party }

func (n *Node) peer(tx store.Tx, accordID, party string) (peer, error) {
	var p peer
	err := getDoc(tx, docPeer, peerID(accordID, party), &p)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return p, err
}

// parcel packs what a member or witness of an accord is due, as much as fits. It
// also tells how urgent the content in it is.
func (n *Node) parcel(ctx context.Context, id, to string) (p link.Parcel, urgency ledger.Priority, err error) {
	if p, urgency, err = n.parcelAfter(ctx, id, to, &packed{}); err != nil {
		return p, urgency, err
	}
	err = n.view(ctx, func(tx store.Tx) error {
		id := peerID(p.Header.Accord, to)
		if _, err := tx.Doc(docWant, id); !errors.Is(err, store.ErrNotFound) {
			return err // it lost its own log: all that we hold of it is shown
		}
		pr, err := n.peer(tx, p.Header.Accord, to)
		p.Shorten(pr.Holds)
		return err
	})
	return p, urgency, err
}

// parcelAfter is parcel for a partner that will hold what was packed before.
func (n *Node) parcelAfter(ctx context.Context, id, to string, before *packed) (p link.Parcel, urgency ledger.Priority, err error) {
	own := ledger.Origin(id, n.cfg.Party)
	restored := n.checkpoint(ctx, own)
	if restored != nil && !errors.Is(restored, ErrRestored) {
		return p, urgency, restored
	}
	err = n.view(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		p = link.Parcel{Header: link.Header{From: n.cfg.Party, To: to, Accord: pc.ID}, Accord: pc.Note}
		p.Cards = n.packCards(pc)
		if slices.Contains(pc.Terms.WitnessParties(), n.cfg.Party) {
			return n.witness.answer(&p, to)
		}
		if slices.Contains(pc.Terms.WitnessParties(), to) {
			return n.packNodeLog(tx, &p, to)
		}
		if restored != nil {
			// A database that is older than what was signed sends nothing, not
			// even what it signed then; it asks for what it lost.
			p, err = n.parcelLost(tx, pc, to, restored)
			return err
		}
		pr, err := n.peer(tx, pc.ID, to)
		if err != nil {
			return err
		}
		cp, err := tx.LatestCheckpoint(own)
		if errors.Is(err, store.ErrNotFound) {
			// Nothing done under it yet: an accord that waits for us.
			return n.packOther(tx, &p, pc, to)
		}
		if err != nil {
			return err
		}
		p.Checkpoint = cp.Note
		if err := n.packEntries(tx, &p, own, to, min(max(pr.Have, before.have), cp.Size), cp.Size); err != nil {
			return err
		}
		if urgency, err = n.packBodies(tx, &p, pc, to, before.bodies); err != nil {
			return err
		}
		if err := n.packWitnessing(tx, &p, own, pr); err != nil {
			return err
		}
		return n.packOther(tx, &p, pc, to)
	})
	return p, urgency, err
}

// packCards lists our cards, and those by which other parties of the accord
// changed their keys since they were introduced: our checkpoints bear their
// signatures, which the recipient must be able to check.
func (n *Node) packCards(pc pact) [][]byte {
	var out [][]byte
	book := n.currentBook()
	for _, c := range book.Cards(n.cfg.Party) {
		out = append(out, c.Note())
	}
	for _, p := range append(pc.Terms.Parties(), pc.Terms.WitnessParties()...) {
		if p == n.cfg.Party {
			continue
		}
		for _, c := range book.Cards(p) {
			if c.Sequence > 1 {
				out = append(out, c.Note())
			}
		}
	}
	return out
}

func (n *Node) packProof(tx store.Tx, p *link.Parcel, log string, from, to int64) error {
	if from == 0 || from == to {
		return nil
	}
	proof, err := ledger.ProveConsistency(from, to, hashes{tx, log})
	p.OldSize, p.Proof = from, proof
	return err
}

func (n *Node) packEntries(tx store.Tx, p *link.Parcel, log, to string, from, size int64) error {
	p.First = from
	var err error
	if p.Entries, err = packStretch(tx, log, from, min(size, from+maxEntries), func(e store.Event) bool { return visible(e, to) }); err != nil {
		return err
	}
	if end := from + int64(len(p.Entries)); end < size {
		p.More = true
		return n.packProof(tx, p, log, end, size)
	}
	return nil
}

// packStretch reads entries of a log, as many as fit into a parcel, with the
// openings that may be shown.
func packStretch(tx store.Tx, log string, from, to int64, show func(store.Event) bool) (out []link.Entry, err error) {
	total, full := 0, errors.New("parcel is full")
	err = tx.EachEntry(log, from, to, func(_ int64, entries []store.LogEntry) error {
		for _, e := range entries {
			x := link.Entry{Leaf: e.Leaf}
			if e.Opened && show(e.Event) {
				x.Event, x.Salt = e.Event.Bytes, e.Event.Salt
			}
			if total += len(x.Leaf) + len(x.Event); total > maxEntryBytes && len(out) > 0 {
				return full
			}
			out = append(out, x)
		}
		return nil
	})
	if errors.Is(err, full) {
		err = nil
	}
	return out, err
}

// packBodies adds what the gate released to the recipient, the most urgent
// first: beside immediate and flash content nothing less urgent travels, not
// even ahead of the entries that lead to it. It is what a suspension stops: only
// an accord in force lets content through.
func (n *Node) packBodies(tx store.Tx, p *link.Parcel, pc pact, to string, before map[int64]bool) (urgency ledger.Priority, err error) {
	if pc.state.At(n.now()).Name != accord.InForce {
		return urgency, nil
	}
	outs, err := tx.Outbox(pc.ID, to)
	outs = slices.DeleteFunc(outs, func(o store.Out) bool { return before[o.Index] })
	if err != nil || len(outs) == 0 {
		return urgency, err
	}
	top := ledger.Priority(outs[0].Priority)
	end := p.First + int64(len(p.Entries))
	total := 0
	for _, o := range outs {
		if top >= ledger.Immediate && ledger.Priority(o.Priority) < top {
			p.More = true
			break
		}
		if o.Index >= end {
			p.More = true
			continue // its event is not in this parcel
		}
		b, err := tx.Body(o.Digest)
		if err != nil {
			return urgency, err
		}
		if total += len(b); total > maxBodies && len(p.Bodies) > 0 {
			p.More = true
			break
		}
		p.Bodies = append(p.Bodies, link.Body{Index: o.Index, Bytes: b})
		urgency = top
	}
	return urgency, nil
}

// packOther adds how much of the other's log we hold, and our cosignature.
func (n *Node) packOther(tx store.Tx, p *link.Parcel, pc pact, to string) error {
	if !slices.Contains(pc.Terms.Parties(), to) {
		return nil
	}
	if err := n.packWant(tx, p, pc, to); err != nil {
		return err
	}
	pr, err := n.peer(tx, pc.ID, to)
	if err != nil {
		return err
	}
	p.Took = pr.Took
	theirs := ledger.Origin(pc.ID, to)
	_, witnessed, by, err := n.witnessing(tx, theirs, 1)
	if err != nil {
		return err
	}
	p.Witnessed, p.WitnessedBy = witnessed, len(by)
	if p.Have, err = tx.LogSize(theirs); err != nil {
		return err
	}
	cp, err := tx.LatestCheckpoint(theirs)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil && cp.Size == p.Have {
		p.Cosigned = cp.Note
	}
	if _, rerr := tx.Doc(docResend, peerID(pc.ID, to)); rerr == nil {
		p.Have = 0
	}
	if err != nil {
		return err
	}
	return n.packOwn(tx, p, pc, to)
}

// Sync exchanges parcels with a partner until neither has anything new for the
// other. It returns when the partner holds everything that it is due.
//
// A witness is shown nothing out of turn: Sync waits for the next tick of the
// node log.
func (n *Node) Sync(ctx context.Context, id, to string) error {
	witness := false
	err := n.view(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, id)
		witness = err == nil && slices.Contains(pc.Terms.WitnessParties(), to)
		return nil // syncNow tells what is wrong
	})
	if err == nil && witness {
		err = n.awaitTick(ctx)
	}
	if err != nil {
		return err
	}
	return n.syncNow(ctx, id, to)
}

func (n *Node) syncNow(ctx context.Context, id, to string) error {
	lock := n.pair(id, to)
	lock.Lock()
	defer lock.Unlock()
	err := n.sync(ctx, id, to)
	said := ""
	if err != nil {
		said = err.Error()
	}
	uerr := n.update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		pr, err := n.peer(tx, id, to)
		if err != nil || (pr.Error == said && said != "" && pr.Holds == "") {
			return err
		}
		if said != "" {
			pr.Holds = ""
		}
		if pr.Error = said; said == "" {
			pr.Contact = n.now().UnixMicro()
		}
		return putDoc(tx, docPeer, peerID(id, to), pr)
	})
	return errors.Join(err, uerr)
}

// maxRounds bounds the exchanges of one Sync, maxIdle those of them that bring
// nothing forward; what is left waits for the next.
const (
	maxRounds = 256
	maxIdle   = 3
)

func (n *Node) sync(ctx context.Context, id, to string) error {
	card, ok := n.currentBook().Card(to)
	if !ok || len(card.Endpoints) == 0 {
		return fmt.Errorf("%w: no address of %s is known", ErrNotFound, to)
	}
	var last debt
	for round, idle := 0, 0; round < maxRounds && idle < maxIdle; round++ {
		reply, err := n.round(ctx, id, to, card)
		if errors.Is(err, errOvertaken) {
			continue
		}
		if err != nil {
			return err
		}
		news, err := n.apply(ctx, to, reply)
		if err != nil {
			return fmt.Errorf("answer of %s: %w", to, err)
		}
		if news {
			idle = 0
			continue
		}
		owed, err := n.owed(ctx, id, to)
		if err != nil || owed == (debt{}) && !reply.More {
			return err
		}
		if idle++; owed != last {
			last, idle = owed, 0
		}
	}
	return nil
}

// round exchanges one parcel: the rest of one that was cut off, unless something
// urgent waits, or else a new one.
func (n *Node) round(ctx context.Context, id, to string, card accord.Card) (reply link.Parcel, err error) {
	err = n.fly(ctx, id, to, func(ctx context.Context, f *flight) error {
		urgent, inForce, err := n.urgent(ctx, id, to)
		if err != nil {
			return err
		}
		if !inForce {
			n.line.Forget(card.TLS, id)
		}
		for _, e := range card.Endpoints {
			if urgent || !inForce {
				break
			}
			n.aboard(f, ledger.Routine)
			got, ok, err := n.line.Finish(ctx, e, card.TLS, id)
			if err != nil || ok {
				reply = got
				return err
			}
			n.ashore(f)
		}
		p, urgency, err := n.parcel(ctx, id, to)
		if err != nil {
			return err
		}
		if len(p.Bodies) > 0 {
			n.aboard(f, urgency)
		}
		reply, err = n.exchange(ctx, card, p)
		return err
	})
	return reply, err
}

func (n *Node) exchange(ctx context.Context, card accord.Card, p link.Parcel) (link.Parcel, error) {
	var errs []error
	for _, e := range card.Endpoints {
		reply, err := n.line.Exchange(ctx, e, card.TLS, p)
		if err == nil {
			return reply, nil
		}
		errs = append(errs, err)
	}
	return link.Parcel{}, errors.Join(errs...)
}

// urgent reports whether content waits that overtakes other content, and whether
// any may be sent at all.
func (n *Node) urgent(ctx context.Context, id, to string) (urgent, inForce bool, err error) {
	err = n.view(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		inForce = pc.state.At(n.now()).Name == accord.InForce
		outs, err := tx.Outbox(id, to)
		urgent = err == nil && len(outs) > 0 && ledger.Priority(outs[0].Priority) >= ledger.Immediate
		return err
	})
	return urgent, inForce, err
}

// debt is what a partner lacks and may be sent now; the zero debt is none.
type debt struct {
	entries int64 // of our log
	bodies  int   // of content
	next    int64 // the first of those
}

// owed tells what a partner lacks that may be sent now.
func (n *Node) owed(ctx context.Context, id, to string) (owed debt, err error) {
	err = n.view(ctx, func(tx store.Tx) error {
		owed = debt{}
		pc, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		log := ledger.Origin(id, n.cfg.Party)
		if slices.Contains(pc.Terms.WitnessParties(), to) {
			if !pc.InForce() {
				return nil // it witnesses nothing yet
			}
			l, err := n.nodeLog(tx)
			if err != nil {
				return err
			}
			log = l.Origin
		}
		size, err := tx.LogSize(log)
		if err != nil {
			return err
		}
		pr, err := n.peer(tx, id, to)
		if err != nil {
			return err
		}
		if _, err := tx.Doc(docWant, peerID(id, to)); err == nil {
			return nil // it lost its log and has been given what we hold
		}
		if owed.entries = max(size-pr.Have, 0); owed.entries > 0 || pc.state.At(n.now()).Name != accord.InForce {
			return nil
		}
		outs, err := tx.Outbox(id, to)
		if owed.bodies = len(outs); len(outs) > 0 {
			owed.next = outs[0].Seq
		}
		return err
	})
	return owed, err
}

// Receive takes a parcel from a partner and returns the one to answer with. It
// serves the link.
func (n *Node) Receive(ctx context.Context, from string, p link.Parcel) (reply link.Parcel, err error) {
	defer func() { n.exchanges.count(from, "in", err) }()
	if p.To != n.cfg.Party {
		return link.Parcel{}, fmt.Errorf("%w: the parcel is for %s, not for %s", link.ErrSay, clip(p.To), n.cfg.Party)
	}
	if _, err := n.apply(ctx, from, p); err != nil {
		if errors.Is(err, accord.ErrStranger) || errors.Is(err, accord.ErrAccord) || errors.Is(err, accord.ErrCard) {
			err = fmt.Errorf("%w: %w", link.ErrSay, err)
		}
		return link.Parcel{}, err
	}
	if reply, _, err = n.parcel(ctx, p.Header.Accord, from); err != nil || len(p.Aside) == 0 {
		return reply, err
	}
	err = n.view(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, p.Header.Accord)
		if err == nil && slices.Contains(pc.Terms.WitnessParties(), n.cfg.Party) {
			reply.Aside, err = n.arbitrate(pc.Accord, from, p.Aside)
		}
		return err
	})
	return reply, err
}

// apply takes in a parcel: all of it or nothing. It reports whether there was
// anything new in it. A gap is no error: the reply tells where to go on.
func (n *Node) apply(ctx context.Context, from string, p link.Parcel) (news bool, err error) {
	err = n.takeCards(ctx, from, p.Cards)
	if err != nil {
		return false, err
	}
	var halted *accord.Accord
	err = n.update(ctx, func(tx store.Tx) error {
		news, halted = false, nil
		id := p.Header.Accord
		if p.Accord != nil {
			a, err := n.takeAccord(tx, from, p.Accord)
			if err != nil {
				return err
			}
			if a.ID != id {
				return fmt.Errorf("%w: it carries another accord than it names", link.ErrParcel)
			}
		}
		pc, err := n.pact(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			// The same answer as for an accord that exists without the sender.
			return fmt.Errorf("%w: no accord with that id between us", accord.ErrAccord)
		}
		if err != nil {
			return err
		}
		switch {
		case slices.Contains(pc.Terms.WitnessParties(), from):
			news, err = n.takeCosignedNodeLog(tx, pc, from, p)
			return err
		case !slices.Contains(pc.Terms.Parties(), from):
			return fmt.Errorf("%w: no accord with that id between us", accord.ErrAccord)
		case slices.Contains(pc.Terms.WitnessParties(), n.cfg.Party):
			if !pc.InForce() {
				return nil // what it would prove rests on an accord that all signed
			}
			news, err = n.witness.judge(p, from, n.opener(pc.Accord, from), n.cosign)
			return err
		}
		wanted, err := n.takeWant(tx, pc, from, p)
		if err != nil {
			return err
		}
		own := ledger.Origin(pc.ID, n.cfg.Party)
		size, err := tx.LogSize(own)
		if err != nil {
			return err
		}
		back, err := n.takeOwn(tx, pc, from, p)
		if err != nil {
			return err
		}
		if lost, _, err := n.lost(tx, own, size); err != nil || lost {
			news = back || wanted // nothing else is taken in until our log is whole
			return err
		}
		inForce := pc.state.At(n.now()).Name == accord.InForce
		news, err = n.takeMember(tx, pc, from, p)
		if news = news || back || wanted; err != nil || !inForce {
			return err
		}
		if pc, err = n.pact(tx, id); err == nil && pc.state.At(n.now()).Name != accord.InForce {
			halted = &pc.Accord
		}
		return err
	})
	if errors.Is(err, errForgot) {
		err = errors.Join(err, n.forgot(ctx, p.Header.Accord))
	}
	if err == nil && halted != nil {
		n.drop(*halted) // what the partner has just stopped is not sent on to its end
	}
	if errors.Is(err, link.ErrFork) || errors.Is(err, link.ErrSuspect) {
		err = errors.Join(err, n.raise(ctx, p.Header.Accord, from, err))
	}
	if err == nil {
		err = n.afterwards(ctx)
	}
	return news, err
}

// takeCards takes in newer cards of the sender and, passed on by it, of others
// whom we know, each signed by its party's pinned key.
func (n *Node) takeCards(ctx context.Context, from string, notes [][]byte) error {
	changed := false
	for _, note := range notes {
		c, err := accord.OpenCard(note)
		if err != nil {
			return err
		}
		known, ok := n.currentBook().Card(c.Party)
		if c.Party != from && (!ok || c.RootKey() != known.RootKey()) {
			// Only whoever is pinned already may be renewed by hearsay. So are we
			// ourselves, where our newest card was lost with the database.
			continue
		}
		if ok && c.Sequence <= known.Sequence && c.RootKey() == known.RootKey() {
			continue
		}
		if err := n.update(ctx, func(tx store.Tx) error { return n.putCard(tx, c) }); err != nil {
			return err
		}
		changed = true
	}
	if !changed {
		return nil
	}
	return n.loadBook(ctx)
}

// takeMember takes in another member's log, bodies and cosignature.
func (n *Node) takeMember(tx store.Tx, pc pact, from string, p link.Parcel) (news bool, err error) {
	log := ledger.Origin(pc.ID, from)
	if p.Checkpoint != nil {
		held, err := n.replica(tx, log)
		if err != nil {
			return false, err
		}
		got, err := link.Check(p, held, pc.Accord, n.currentBook())
		switch {
		case errors.Is(err, link.ErrGap):
			return false, nil
		case err != nil:
			return false, err
		}
		if err := n.keepNews(tx, log, got); err != nil {
			return false, err
		}
		if err := n.checkOrder(tx, pc, from, got); err != nil {
			return false, err
		}
		news = len(got.Entries) > 0
		for i, e := range got.Events {
			if got.Entries[i].Event == nil {
				continue
			}
			if err := n.takeEvent(tx, pc, got.First+int64(i), e); err != nil {
				return false, err
			}
		}
		if err := n.expectAll(tx, pc, got, p.Bodies); err != nil {
			return false, err
		}
		if news {
			// Suspensions and rungs may have changed with what came.
			if pc, err = n.pact(tx, pc.ID); err != nil {
				return false, err
			}
		}
	}
	more, err := n.takeBodies(tx, pc, from, p.Bodies)
	if err != nil {
		return false, err
	}
	if err := n.takeWitnessing(tx, pc, from, p); err != nil {
		return false, err
	}
	cosigned, err := n.takeCosigned(tx, pc, from, p)
	if err == nil {
		err = n.forgetNamed(tx, pc, from, p)
	}
	return news || more || cosigned, err
}

func (n *Node) replica(tx store.Tx, log string) (link.Replica, error) {
	size, err := tx.LogSize(log)
	if err != nil {
		return link.Replica{}, err
	}
	r := link.Replica{Hashes: hashes{tx, log}, Leaves: func(a, b int64) ([][]byte, error) { return tx.Leaves(log, a, b) }}
	if r.Tree, err = ledger.TreeAt(size, r.Hashes); err != nil {
		return r, err
	}
	cp, err := tx.LatestCheckpoint(log)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return r, err
	}
	r.Checkpoint = cp.Note
	return r, nil
}

// keepNews stores checked entries and, when the replica has reached the signed
// tree, the checkpoint with our cosignature: from the commit on we hold
// durably what it covers.
func (n *Node) keepNews(tx store.Tx, log string, got link.News) error {
	leaves := make([][]byte, len(got.Entries))
	var openings []store.Event
	for i, e := range got.Entries {
		leaves[i] = e.Leaf
		if e.Event == nil {
			continue
		}
		ev := got.Events[i]
		openings = append(openings, store.Event{
			Log: log, Index: got.First + int64(i), Kind: string(ev.Kind), At: ev.At.UnixMicro(), Bytes: e.Event, Salt: e.Salt,
		})
	}
	if err := tx.AppendLeaves(log, got.First, leaves, got.Hashes, openings...); err != nil {
		return err
	}
	cp := got.Checkpoint
	if cp.Tree != got.Tree {
		return nil
	}
	if held, err := tx.LatestCheckpoint(log); err == nil && held.Size == cp.Tree.N {
		merged, err := ledger.MergeSignatures(held.Note, cp.Note)
		if err != nil {
			return err
		}
		held.Note = merged
		return tx.PutCheckpoint(held)
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	note, err := n.cosign(cp.Note)
	if err != nil {
		return err
	}
	return tx.PutCheckpoint(store.Checkpoint{Log: log, Size: cp.Tree.N, Note: note, At: n.now().UnixMicro()})
}

// errForgot reports that a partner holds more of our log than we do, signed by
// us.
var errForgot = fmt.Errorf("%w: a partner holds more", ErrRestored)

// takeBodies takes in content whose events are known, and records in our own
// ledger that we hold it. Content that is held already is passed over.
func (n *Node) takeBodies(tx store.Tx, pc pact, from string, bodies []link.Body) (news bool, err error) {
	log := ledger.Origin(pc.ID, from)
	got := ledger.Receipts{From: from}
	var locked []string // marks of content that needs a key
	for _, b := range bodies {
		row, err := tx.Event(log, b.Index)
		if errors.Is(err, store.ErrNotFound) {
			return false, fmt.Errorf("%w: content for entry %d, which is not in the log or not for us", link.ErrParcel, b.Index)
		}
		if err != nil {
			return false, err
		}
		e, err := ledger.ParseEvent(row.Bytes)
		if err != nil {
			return false, err
		}
		digest, ok := link.BodyDigest(e)
		if !ok || digest != b.Digest() {
			return false, fmt.Errorf("%w: content of entry %d is not what the entry announces", link.ErrParcel, b.Index)
		}
		mark := entryMark(log, b.Index)
		if _, err := tx.Doc(docHeld, mark); err == nil {
			continue
		} else if !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
		isLocked, opens, err := n.sealHolds(tx, pc, from, b, e)
		if err != nil {
			return false, err
		}
		if isLocked && !opens {
			continue // nothing is acknowledged that could not be opened
		}
		if isLocked {
			locked = append(locked, mark)
		}
		if err := errors.Join(tx.PutDoc(docHeld, mark, []byte("1")), tx.DeleteDoc(docAwaited, mark)); err != nil {
			return false, err
		}
		if err := tx.PutBody(digest, b.Bytes); err != nil {
			return false, err
		}
		if err := n.takeContent(tx, pc, from, b.Index, e, b.Bytes); err != nil {
			return false, err
		}
		got.Items = append(got.Items, ledger.Receive{Index: b.Index, Digest: digest})
	}
	if len(got.Items) == 0 {
		return false, nil
	}
	at, err := n.act(tx, pc.Accord, ledger.Received, got, from)
	if err != nil {
		return false, err
	}
	return true, noteReceipts(tx, locked, at)
}

// docHeld marks content that was taken in, by log/index.
const docHeld = "held"

// takeCosigned takes in a partner's or witness's cosignature on our own
// checkpoint, and what it says it holds of our log.
func (n *Node) takeCosigned(tx store.Tx, pc pact, from string, p link.Parcel) (news bool, err error) {
	own := ledger.Origin(pc.ID, n.cfg.Party)
	size, err := tx.LogSize(own)
	if err != nil {
		return false, err
	}
	pr, err := n.peer(tx, pc.ID, from)
	if err != nil {
		return false, err
	}
	if p.Have > size && p.Cosigned == nil && !p.Same {
		return false, fmt.Errorf("%w: %s says that it holds %d entries of our log, which has %d", link.ErrParcel, from, p.Have, size)
	}
	before := pr
	p.Have = min(p.Have, size) // more must be shown, below
	pr.Have, pr.Witnessed, pr.WitnessedBy = p.Have, p.Witnessed, p.WitnessedBy
	pr.Contact, pr.Error = n.now().UnixMicro(), ""
	if pc.state.At(n.now()).Name != accord.InForce {
		pr.Barred = pr.Contact
	}
	if pr.Holds = p.Took; p.Checkpoint != nil && p.Cosigned != nil {
		pr.Took = p.Repeated()
	}
	if err := putDoc(tx, docPeer, peerID(pc.ID, from), pr); err != nil {
		return false, err
	}
	// Where the other no longer holds what we left out, it is shown once more.
	news = before.Have != pr.Have || before.Holds != pr.Holds
	if p.Cosigned == nil {
		return news, nil
	}
	cp, err := n.opener(pc.Accord, n.cfg.Party)(p.Cosigned, own)
	if errors.Is(err, accord.ErrRevoked) {
		// It has not learnt of our newer card yet, and holds what a thief signed.
		pr.Took = ""
		return news, putDoc(tx, docPeer, peerID(pc.ID, from), pr)
	}
	if err != nil {
		return news, fmt.Errorf("%w: cosigned checkpoint: %w", link.ErrParcel, err)
	}
	if cp.Tree.N > size {
		return news, fmt.Errorf("%w: %s cosigned %d entries of our log, which has %d", errForgot, from, cp.Tree.N, size)
	}
	tree, err := ledger.TreeAt(cp.Tree.N, hashes{tx, own})
	if err != nil {
		return news, err
	}
	if tree != cp.Tree {
		return news, fmt.Errorf("%w: a checkpoint of ours that we did not sign", ErrRestored)
	}
	held, err := tx.CheckpointFrom(own, cp.Tree.N)
	if err != nil || held.Size != cp.Tree.N {
		return news, errors.Join(err)
	}
	merged, err := ledger.MergeSignatures(held.Note, p.Cosigned)
	if err != nil || string(merged) == string(held.Note) {
		return news, err
	}
	held.Note = merged
	return true, tx.PutCheckpoint(held)
}

// afterwards does what an applied parcel leaves to do. A log that waits to
// come back does not hold up the rest.
func (n *Node) afterwards(ctx context.Context) error {
	err := errors.Join(n.expire(ctx), n.endReplaced(ctx), n.work(ctx))
	if errors.Is(err, ErrRestored) {
		n.opt.Log.Warn("left for later", "error", err)
		return nil
	}
	return err
}

// visible reports whether the opening of an event may be shown to a party.
func visible(e store.Event, to string) bool {
	return e.Audience == "" || slices.Contains(strings.Split(e.Audience, ","), to)
}
