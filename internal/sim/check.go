package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

// knowledge is what an all-seeing observer remembers, to hold the parties to it.
type knowledge struct {
	said  map[string]map[int64]string // roots that a party signed of a log, by party>log and size
	most  map[string]int64            // largest size in said
	held  map[string]int64            // size of a replica after the step before, by party>log
	items map[string]map[string]bool  // inbox items seen, by party
}

func newKnowledge() *knowledge {
	return &knowledge{
		said: make(map[string]map[int64]string), most: make(map[string]int64), held: make(map[string]int64), items: make(map[string]map[string]bool),
	}
}

// sent holds a party to what it puts on the line: no content without an entry
// in its log, none to anybody else than the entry says, none while it knows of
// a suspension; and its signatures are remembered.
func (w *world) sent(from *process, to string, p link.Parcel) error {
	if w.lies(from.party) {
		return nil
	}
	for _, b := range p.Bodies {
		e, err := from.EventAt(w.ctx, p.Header.Accord, from.party, b.Index)
		if err != nil {
			w.broken("content left %s without an entry in its log: %v", from.party, err)
			continue
		}
		if d, ok := link.BodyDigest(e); !ok || d != b.Digest() {
			w.broken("content left %s that is not what entry %d of its log announces", from.party, b.Index)
		}
		if !addressed(e, to) {
			w.broken("content of entry %d of %s, which is not for %s, went there", b.Index, from.party, to)
		}
	}
	if len(p.Bodies) > 0 {
		by, err := w.suspender(from, p.Header.Accord)
		if err != nil {
			return err
		}
		if by != "" {
			w.broken("content left %s for %s while the accord was suspended by %s", from.party, to, by)
		}
	}
	for i, e := range p.Entries {
		if e.Event == nil {
			continue
		}
		ev, err := ledger.ParseEvent(e.Event)
		if err != nil || !addressed(ev, to) {
			w.broken("entry %d of %s was opened to %s, whom it does not concern (%v)", p.First+int64(i), from.party, to, err)
		}
	}
	for _, x := range []struct {
		owner string
		note  []byte
	}{{from.party, p.Checkpoint}, {to, p.Cosigned}, {from.party, p.WitnessedTree}} {
		if err := w.signed(from.party, x.owner, x.note); err != nil {
			return err
		}
	}
	return nil
}

// addressed reports whether an event is for a member's eyes.
func addressed(e ledger.Event, to string) bool {
	switch e.Kind {
	case ledger.Released, ledger.Corrected, ledger.KeyShown, ledger.MatchAsked, ledger.MatchAnswered, ledger.RequestMade, ledger.RequestAnswered,
		ledger.DeconflictOpened, ledger.DeconflictJoined, ledger.DeconflictSealed, ledger.DeconflictShown:
		var d struct{ To json.RawMessage }
		return json.Unmarshal(e.Data, &d) == nil && strings.Contains(string(d.To), strconv.Quote(to))
	}
	return true
}

// suspender names who keeps the accord suspended as far as a party knows,
// counted from the entries that it holds.
func (w *world) suspender(p *process, accord string) (string, error) {
	for _, m := range w.members {
		count := 0
		for kind, n := range map[ledger.Kind]int{ledger.AccordSuspended: 1, ledger.AccordResumed: -1} {
			data, err := p.EventData(w.ctx, accord, m, string(kind))
			if err != nil {
				return "", err
			}
			count += n * len(data)
		}
		if count > 0 {
			return m, nil
		}
	}
	return "", nil
}

// signed remembers a tree that a party signed or cosigned.
func (w *world) signed(by, log string, note []byte) error {
	if note == nil {
		return nil
	}
	text, _, err := ledger.NoteText(note)
	if err != nil {
		return err
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 3 {
		return fmt.Errorf("checkpoint of %s has %d lines", log, len(lines))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	key := by + ">" + lines[0] // the log; a witness sees another than members do
	if w.known.said[key] == nil {
		w.known.said[key] = make(map[int64]string)
	}
	if was, ok := w.known.said[key][size]; ok && was != lines[2] {
		w.broken("%s, an honest party, signed two trees of size %d of the log %s", by, size, log)
	}
	w.known.said[key][size] = lines[2]
	w.known.most[key] = max(w.known.most[key], size)
	return nil
}

// honest lists the honest members' processes, without those who do not hold yet
// what they held before a backup was put in their place.
func (w *world) honest() []*process {
	var out []*process
	for _, m := range w.members {
		if !w.lies(m) && !w.procs[m].restored {
			out = append(out, w.procs[m])
		}
	}
	return out
}

// check holds everybody to every invariant that must hold at any time. The
// whole check also reads what is costly to read.
func (w *world) check(whole bool) error {
	for _, p := range w.faces {
		if t := p.clock(); t.After(p.ahead) {
			p.ahead = t
		}
	}
	for _, h := range w.honest() {
		for _, o := range w.members {
			if err := w.checkReplica(h, o); err != nil {
				return err
			}
		}
		if !whole {
			continue
		}
		audit, err := h.Audit(w.ctx)
		if err != nil {
			return err
		}
		if !audit.OK {
			w.broken("the audit of %s finds faults: %+v", h.party, audit.Logs)
		}
		if err := w.checkInbox(h); err != nil {
			return err
		}
		if err := w.checkDates(h); err != nil {
			return err
		}
	}
	for _, p := range w.faces {
		if w.lies(p.party) {
			continue
		}
		if err := w.checkAlarms(p); err != nil {
			return err
		}
	}
	return nil
}

// checkReplica checks that a log never shrinks at its holder, that it is what
// the holder signed, and a prefix of its honest owner's.
func (w *world) checkReplica(h *process, owner string) error {
	key := h.party + ">" + ledger.Origin(w.accord, owner)
	t, err := h.Tree(w.ctx, w.accord, owner, -1)
	if err != nil {
		return err
	}
	if t.N < w.known.held[key] {
		w.broken("%s held %d entries of %s and now holds %d", h.party, w.known.held[key], owner, t.N)
	}
	w.known.held[key] = t.N
	log := h.party + ">" + ledger.Origin(w.accord, owner)
	if most := w.known.most[log]; t.N < most {
		w.broken("%s signed for %d entries of %s and holds %d", h.party, most, owner, t.N)
	} else if most > 0 {
		then, err := h.Tree(w.ctx, w.accord, owner, most)
		if err != nil {
			return err
		}
		if then.Hash.String() != w.known.said[log][most] {
			w.broken("%s holds another log of %s than it signed at size %d", h.party, owner, most)
		}
	}
	if owner == h.party || w.lies(owner) {
		return nil
	}
	if lost, err := w.lost(w.procs[owner]); err != nil || lost {
		return err
	}
	own, err := w.procs[owner].Tree(w.ctx, w.accord, owner, -1)
	if err != nil {
		return err
	}
	if t.N > own.N {
		w.broken("%s holds %d entries of %s, which has %d", h.party, t.N, owner, own.N)
		return nil
	}
	then, err := w.procs[owner].Tree(w.ctx, w.accord, owner, t.N)
	if err != nil {
		return err
	}
	if then.Hash != t.Hash {
		w.broken("the log of %s that %s holds is no prefix of the owner's", owner, h.party)
	}
	return nil
}

// checkDates checks that whoever holds an entry of the liar's that is dated back
// has noticed it.
func (w *world) checkDates(h *process) error {
	if w.liar == "" {
		return nil
	}
	t, err := h.Tree(w.ctx, w.accord, w.liar, -1)
	if err != nil {
		return err
	}
	var latest time.Time
	back := int64(-1)
	for i := range t.N {
		e, err := h.EventAt(w.ctx, w.accord, w.liar, i)
		if err != nil {
			continue // not opened to it
		}
		if e.At.Before(latest.Add(-24 * time.Hour)) {
			back = i
		}
		if e.At.After(latest) {
			latest = e.At
		}
	}
	if back < 0 {
		return nil
	}
	alarms, err := h.Alarms(w.ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(alarms, func(a node.Alarm) bool { return a.Party == w.liar && strings.Contains(a.Text, "dated back") }) {
		w.broken("%s holds entry %d of %s, which is dated back, and has not noticed", h.party, back, w.liar)
	}
	return nil
}

// checkInbox checks that what was received stays until it is withdrawn or
// expires, and that whatever the ledger acknowledges is there.
func (w *world) checkInbox(h *process) error {
	items, err := h.Inbox(w.ctx, 0)
	if err != nil {
		return err
	}
	now := make(map[string]node.Item)
	for _, it := range items {
		now[it.ID] = it
		gone, err := w.withdrawn(h, it.Accord, it.From, h.party, it.ObjectID, it.Provenance.Index)
		if err != nil {
			return err
		}
		switch expires, _ := time.Parse(time.RFC3339, it.Expires); {
		case it.State == "withdrawn" && !gone:
			w.broken("%s shows %s as withdrawn, and %s did not withdraw it", h.party, it.ID, it.From)
		case it.State == "expired" && expires.After(h.ahead.Add(time.Minute)):
			w.broken("%s let %s expire before its time", h.party, it.ID)
		case gone && it.State != "withdrawn" && it.State != "expired":
			w.broken("%s still shows %s, which %s withdrew", h.party, it.ID, it.From)
		}
	}
	if w.known.items[h.party] == nil {
		w.known.items[h.party] = make(map[string]bool)
	}
	for id := range w.known.items[h.party] {
		if _, ok := now[id]; !ok {
			w.broken("inbox item %s of %s is gone without a trace", id, h.party)
		}
	}
	for id := range now {
		w.known.items[h.party][id] = true
	}
	received, err := h.EventData(w.ctx, w.accord, h.party, string(ledger.Received))
	if err != nil {
		return err
	}
	for _, raw := range received {
		var r ledger.Receipts
		if err := json.Unmarshal(raw, &r); err != nil {
			return err
		}
		for _, x := range r.Items {
			e, err := h.EventAt(w.ctx, w.accord, r.From, x.Index)
			if err != nil {
				return err
			}
			if e.Kind != ledger.Released && e.Kind != ledger.Corrected {
				continue
			}
			if _, ok := now[w.itemID(r.From, x.Index)]; !ok {
				var d ledger.Release
				if err := json.Unmarshal(e.Data, &d); err != nil {
					return err
				}
				// What was withdrawn is not sent again to who lost it.
				if gone, err := w.withdrawn(h, w.accord, r.From, h.party, d.Object, x.Index); err != nil {
					return err
				} else if h.gone.accord != "" && (gone || w.procs[r.From].gone.accord != "") {
					continue // nor is what one lost before it had sent again what the other lost
				}
				waits := false // with the other, until content may pass
				for _, p := range []*process{h, w.procs[r.From]} {
					a, err := p.ShowAccord(w.ctx, w.accord)
					if err != nil {
						return err
					}
					waits = waits || h.gone.accord != "" && a.State != accord.InForce
				}
				if waits {
					continue
				}
				w.broken("%s acknowledged entry %d of %s and does not have its content", h.party, x.Index, r.From)
			}
		}
	}
	return nil
}

func (w *world) itemID(from string, index int64) string {
	return fmt.Sprintf("%s-%s-%d", w.accord[:12], from, index)
}

// withdrawn reports whether, as far as p knows, owner withdrew what it released
// to a party by an entry.
func (w *world) withdrawn(p *process, accord, owner, to, object string, index int64) (bool, error) {
	t, err := p.Tree(w.ctx, accord, owner, -1)
	if err != nil {
		return false, err
	}
	data, err := p.EventData(w.ctx, accord, owner, string(ledger.Withdrawn))
	if err != nil {
		return false, err
	}
	if !slices.ContainsFunc(data, func(raw json.RawMessage) bool {
		var d ledger.Withdrawal
		return json.Unmarshal(raw, &d) == nil && d.Object == object && d.From == to
	}) {
		return false, nil
	}
	for i := index + 1; i < t.N; i++ {
		e, err := p.EventAt(w.ctx, accord, owner, i)
		if err != nil || e.Kind != ledger.Withdrawn {
			continue
		}
		var d ledger.Withdrawal
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return false, err
		}
		if d.Object == object && d.From == to {
			return true, nil
		}
	}
	return false, nil
}

// checkAlarms checks that nobody but the liar is accused, and that what is
// called evidence convinces a stranger.
func (w *world) checkAlarms(p *process) error {
	alarms, err := p.Alarms(w.ctx)
	if err != nil {
		return err
	}
	for _, a := range alarms {
		if !w.lies(a.Party) {
			w.broken("%s accuses %s, which is honest: %s", p.party, a.Party, a.Text)
			continue
		}
		if a.Evidence == "" {
			continue
		}
		v, err := accord.VerifyEvidence([]byte(a.Evidence))
		if err != nil || v.Party != w.liar {
			w.broken("the evidence that %s has against %s does not convince: accuses %q, %v", p.party, w.liar, v.Party, err)
		}
	}
	return nil
}

// finish heals everything, lets everybody meet and checks what must hold then.
func (w *world) finish() error {
	w.healed, w.troubled = true, false
	w.arrive()
	w.readSticks()
	for _, p := range w.faces {
		p.skew(0)
	}
	w.pass(6 * time.Hour) // past every clock
	for range 2 {
		if err := w.meet(); err != nil {
			return err
		}
	}
	for _, p := range w.faces {
		if err := w.signOn(w.ctx, p); err != nil {
			return fmt.Errorf("%s signs on: %w", p.party, err)
		}
	}
	for _, p := range w.faces {
		if p.party == guarantor {
			continue
		}
		if _, err := p.Resume(w.ctx, w.accord); err != nil && !expected(err) {
			return fmt.Errorf("%s resumes: %w", p.party, err)
		}
	}
	for range 4 {
		if err := w.meet(); err != nil {
			return err
		}
	}
	if err := w.settlePlans(); err != nil {
		return err
	}
	if err := w.meet(); err != nil {
		return err
	}
	for _, p := range w.faces {
		p.restored = false // now it must hold all that it ever vouched for
	}
	if err := w.check(true); err != nil {
		return err
	}
	return w.checkEnd()
}

// meet lets everybody exchange parcels with everybody.
func (w *world) meet() error {
	for _, p := range w.faces {
		if p.party == guarantor {
			continue
		}
		if p.twin || (w.lies(p.party) && w.twin() != nil) {
			// Each face acts once more, so that it has something of its own.
			_, _ = p.Suspend(w.ctx, w.accord, "a history of its own")
			_, _ = p.Resume(w.ctx, w.accord)
		}
		for _, to := range w.procsOf(p) {
			err := p.Sync(w.ctx, w.accord, to.party)
			if err != nil && !w.lies(p.party) && !w.lies(to.party) {
				w.broken("with all links healed, %s cannot exchange with %s: %v", p.party, to.party, err)
			}
		}
	}
	return nil
}

// checkEnd checks what must hold once all links are healed.
func (w *world) checkEnd() error {
	honest := w.honest()
	for _, h := range honest {
		for _, o := range honest {
			if h == o {
				continue
			}
			if err := w.checkConverged(h, o); err != nil {
				return err
			}
			if err := w.checkPlans(h, o); err != nil {
				return err
			}
		}
		if two, err := w.twoHistories(); err != nil {
			return err
		} else if !two {
			continue
		}
		alarms, err := h.Alarms(w.ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(alarms, func(a node.Alarm) bool { return a.Evidence != "" }) {
			w.broken("%s was shown two histories of %s and has no evidence of it", h.party, w.liar)
		}
	}
	return nil
}

// twoHistories reports whether the faces of the liar have histories that exclude
// each other; under an accord that has ended neither may have added anything.
func (w *world) twoHistories() (bool, error) {
	twin := w.twin()
	if twin == nil {
		return false, nil
	}
	var trees [2]ledger.Tree
	size := int64(-1)
	for _, p := range []*process{w.procs[w.liar], twin} {
		t, err := p.Tree(w.ctx, w.accord, w.liar, -1)
		if err != nil {
			return false, err
		}
		if size < 0 || t.N < size {
			size = t.N
		}
	}
	for i, p := range []*process{w.procs[w.liar], twin} {
		var err error
		if trees[i], err = p.Tree(w.ctx, w.accord, w.liar, size); err != nil {
			return false, err
		}
	}
	return trees[0] != trees[1], nil
}

// checkConverged checks that two honest members agree.
func (w *world) checkConverged(h, o *process) error {
	own, err := o.Tree(w.ctx, w.accord, o.party, -1)
	if err != nil {
		return err
	}
	held, err := h.Tree(w.ctx, w.accord, o.party, -1)
	if err != nil {
		return err
	}
	if own != held {
		w.broken("with all links healed, %s holds %d entries of %s, which has %d", h.party, held.N, o.party, own.N)
		return nil
	}
	if w.sealed(h, o) || w.sealed(o, h) {
		return nil
	}
	var accounts [2][]byte
	for i, at := range []*process{h, o} {
		v, err := at.Account(w.ctx, w.accord, []*process{o, h}[i].party)
		if err != nil {
			return err
		}
		if accounts[i], err = json.Marshal(v.Account); err != nil {
			return err
		}
	}
	if !bytes.Equal(accounts[0], accounts[1]) {
		w.broken("%s and %s compute different accounts:\n%s\n%s", h.party, o.party, accounts[0], accounts[1])
	}
	for _, p := range []*process{h, o} {
		a, err := p.ShowAccord(w.ctx, w.accord)
		if err != nil {
			return err
		}
		if a.State != accord.InForce {
			return nil // a liar left it suspended: content waits
		}
	}
	if err := w.checkDelivered(h, o); err != nil {
		return err
	}
	return w.checkAnswered(h, o)
}

// sealed reports whether an entry of a party's log is closed to the party itself
// or to a reader since the log came back: nobody who gave it could read it, or not
// before it was given on. They cannot count alike then.
func (w *world) sealed(owner, reader *process) bool {
	if owner.gone.accord != w.accord {
		return false
	}
	for i := owner.gone.from; i < owner.gone.to; i++ {
		e, err := owner.EventAt(w.ctx, w.accord, owner.party, i)
		if err == nil && addressed(e, reader.party) {
			_, err = reader.EventAt(w.ctx, w.accord, owner.party, i)
		}
		if err != nil {
			w.result.Acts["sealed for good"]++
			return true
		}
	}
	return false
}

// checkDelivered checks that everything that o released to h is there, whole,
// or was withdrawn or has expired.
func (w *world) checkDelivered(h, o *process) error {
	own, err := o.Tree(w.ctx, w.accord, o.party, -1)
	if err != nil {
		return err
	}
	items, err := h.Inbox(w.ctx, 0)
	if err != nil {
		return err
	}
	byID := make(map[string]node.Item)
	for _, it := range items {
		byID[it.ID] = it
	}
	for i := range own.N {
		e, err := o.EventAt(w.ctx, w.accord, o.party, i)
		if err != nil {
			return err
		}
		if (e.Kind != ledger.Released && e.Kind != ledger.Corrected) || !addressed(e, h.party) {
			continue
		}
		var d ledger.Release
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return err
		}
		it, there := byID[w.itemID(o.party, i)]
		gone, err := w.withdrawn(o, w.accord, o.party, h.party, d.Object, i)
		if err != nil {
			return err
		}
		switch {
		case !there && !gone && o.gone.has(w.accord, i):
			// It had not left when the database was lost.
		case !there && !gone:
			w.broken("%s released entry %d to %s, and it never arrived", o.party, i, h.party)
		case there && !gone && it.State != "expired":
			full, err := h.InboxItem(w.ctx, it.ID)
			content := d.Digest
			if d.Sealed != nil {
				if content = d.Sealed.Content; it.State == "sealed" && d.Sealed.Arbiter == "" && o.gone.accord != "" {
					continue // its key was lost with the database, and nobody can make it again
				}
			}
			if err != nil || sha256.Sum256(full.Object) != content {
				w.broken("the content of entry %d of %s at %s is not what was released (%v)", i, o.party, h.party, err)
			}
		}
	}
	return nil
}

// checkAnswered checks that h's questions to o came to an end and that both
// see h's requests alike.
func (w *world) checkAnswered(h, o *process) error {
	qs, err := h.Questions(w.ctx)
	if err != nil {
		return err
	}
	for _, q := range qs {
		if q.Accord == w.accord && q.To == o.party && q.State == "waiting" {
			w.broken("question %s of %s to %s was never answered", q.ID, h.party, o.party)
		}
	}
	asked, err := h.Requests(w.ctx)
	if err != nil {
		return err
	}
	got, err := o.Requests(w.ctx)
	if err != nil {
		return err
	}
	state := make(map[string]string)
	for _, r := range got {
		state[r.ID] = r.State
	}
	for _, r := range asked {
		if r.Accord == w.accord && r.Direction == "out" && r.To == o.party && state[r.ID] != r.State {
			w.broken("request %s is %q for %s, which made it, and %q for %s", r.ID, r.State, h.party, state[r.ID], o.party)
		}
	}
	return nil
}
