package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley.example/parley/accord"
	"parley.example/parley/deconflict"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
)

// The steps of an exchange: what each message of the partner leads to.

// takeDeconflict leaves a task for an event of an exchange. Those with a body come
// with it.
func takeDeconflict(tx store.Tx, pc pact, from string, index int64) error {
	return tx.PutDoc(docTodo, fmt.Sprintf("deconflict/%s/%s/%012d", pc.ID, from, index), []byte("{}"))
}

// stepDeconflict does one task. Tasks of all exchanges are done one after the other.
func (n *Node) stepDeconflict(ctx context.Context, task, id, from string, index int64) error {
	n.deconflicting.Lock()
	defer n.deconflicting.Unlock()
	var e ledger.Event
	var body []byte
	var pc pact
	waits, gone := false, false
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if _, err := tx.Doc(docTodo, task); err != nil {
			gone = errors.Is(err, store.ErrNotFound)
			return err
		}
		if pc, err = n.pact(tx, id); err != nil {
			return err
		}
		waits = pc.state.At(n.now()).Name != accord.InForce
		row, err := tx.Event(ledger.Origin(id, from), index)
		if err != nil {
			return err
		}
		if e, err = ledger.ParseEvent(row.Bytes); err == nil && (e.Kind == ledger.DeconflictSealed || e.Kind == ledger.DeconflictJoined) {
			_, body, err = contentOf(tx, ledger.Origin(id, from), index)
			if e.Kind == ledger.DeconflictJoined && err != nil {
				err = nil // a refusal has none
			}
		}
		return err
	})
	if gone || waits {
		return nil
	}
	if err != nil {
		return err
	}
	var again string // the exchange to open anew, with this partner
	switch e.Kind {
	case ledger.DeconflictOpened:
		err = n.joinExchange(ctx, task, pc, e, index)
	case ledger.DeconflictJoined:
		again, err = n.takeJoin(ctx, task, pc, e, index, body)
	case ledger.DeconflictSealed:
		err = n.takeSeal(ctx, task, pc, e, index, body)
	case ledger.DeconflictShown:
		err = n.takeShown(ctx, task, pc, e, index)
	default:
		err = n.update(ctx, func(tx store.Tx) error { return tx.DeleteDoc(docTodo, task) })
	}
	if err == nil && again != "" {
		_, err = n.openExchange(ctx, pc.ID, again, true)
	}
	if err == nil {
		n.kick(pc.Accord)
	}
	return err
}

// fail ends an exchange that cannot go on, tells people, and ends the task.
func (n *Node) fail(tx store.Tx, task string, s *exchange, from string, index int64, cause error) error {
	text := fmt.Sprintf("deconfliction with %s failed at entry %d of its log: %v", from, index, cause)
	var err error
	if errors.Is(cause, deconflict.ErrCheat) {
		err = n.alarm(tx, s.Accord, from, text)
	} else {
		err = n.notice(tx, Notice{Kind: noticeOverlap, Accord: s.Accord, Party: from, Text: text})
	}
	if s.ID != "" {
		s.State, s.Reason = exchangeFailed, cause.Error()
		err = errors.Join(err, putDoc(tx, docExchange, s.ID, s))
	}
	return errors.Join(err, tx.DeleteDoc(docTodo, task))
}

const noticeOverlap = "overlap" // plans overlap, or deconfliction did not come to an end

// joinExchange answers a partner's opening with all that we plan, or says why not.
func (n *Node) joinExchange(ctx context.Context, task string, pc pact, e ledger.Event, index int64) error {
	d, err := decodeData[ledger.DeconflictOpening](e)
	if err != nil || d.To != n.cfg.Party || len(d.Session) != 32 {
		return n.update(ctx, func(tx store.Tx) error {
			return n.fail(tx, task, &exchange{Exchange: Exchange{Accord: pc.ID}}, e.Party, index, errors.Join(err, fmt.Errorf("%w: the opening does not read", deconflict.ErrCheat)))
		})
	}
	t := deconflict.Terms{Accord: pc.ID, Opener: e.Party, Joiner: n.cfg.Party, Arbiter: d.Arbiter, Session: [32]byte(d.Session)}
	join := ledger.DeconflictJoin{To: e.Party, Session: d.Session}
	var plans []deconflict.Footprint
	joined := false
	err = n.view(ctx, func(tx store.Tx) (err error) {
		if joined, err = n.joinedBefore(tx, pc, d.Session); joined || err != nil {
			return err
		}
		plans, err = n.plansUnder(tx, pc.ID)
		if err == nil {
			join.Refused, err = n.refuseExchange(tx, pc, e, index, d)
		}
		return err
	})
	if err != nil {
		return err
	}
	if joined {
		return n.update(ctx, func(tx store.Tx) error { return tx.DeleteDoc(docTodo, task) })
	}
	if join.Refused == "" && d.Arbiter != "" {
		if err := n.haveMask(ctx, pc, d.Arbiter); err != nil {
			join.Refused, join.Alone = "no mask of the arbiter is at hand", true
		}
	}
	var side *deconflict.Side
	var list []byte
	cause := error(nil)
	if join.Refused == "" {
		var seed [32]byte
		if _, err := io.ReadFull(n.opt.Rand, seed[:]); err != nil {
			return err
		}
		side, cause = deconflict.Join(t, seed, d.DeconflictCommitment, plans, n.now().Add(-deconflict.Grace))
		if cause == nil {
			join.DeconflictCommitment, cause = side.Commitment()
		}
		if cause == nil {
			list, cause = side.List()
		}
		if cause != nil {
			join.Refused, join.DeconflictCommitment = "the plans cannot be matched now; call", ledger.DeconflictCommitment{}
		}
	}
	return n.update(ctx, func(tx store.Tx) error {
		now, err := n.pact(tx, pc.ID)
		if err != nil {
			return err
		}
		if join.Refused == "" {
			rel, err := release.MintMutual(now.Accord, now.state, n.cfg.Party, []string{e.Party}, accord.Match, list, n.now())
			if errors.Is(err, release.ErrWithheld) {
				if now.state.At(n.now()).Name != accord.InForce {
					return nil // suspended meanwhile: waits
				}
				join.Refused, join.DeconflictCommitment = "the rung is too low now", ledger.DeconflictCommitment{}
			} else if err != nil {
				return err
			} else {
				s := n.newExchange(side, e.Party)
				if s.Committed, err = n.act(tx, now.Accord, ledger.DeconflictJoined, join, e.Party); err != nil {
					return err
				}
				n.sides.Store(s.ID, side)
				return errors.Join(n.queue(tx, rel, s.Committed, ledger.Immediate), putDoc(tx, docExchange, s.ID, s), tx.DeleteDoc(docTodo, task))
			}
		}
		if cause != nil {
			if err := n.fail(tx, task, &exchange{Exchange: Exchange{Accord: pc.ID}}, e.Party, index, cause); err != nil {
				return err
			}
		}
		if _, err := n.act(tx, now.Accord, ledger.DeconflictJoined, join, e.Party); err != nil {
			return err
		}
		return tx.DeleteDoc(docTodo, task)
	})
}

// joinedBefore reports whether our log answers a session of which we know nothing
// more: our side of it was lost with the database, and to commit to another list
// would make an honest partner's seal look like a cheat's. The exchange comes to
// nothing, and a newer one takes its place.
func (n *Node) joinedBefore(tx store.Tx, pc pact, session []byte) (bool, error) {
	if _, err := tx.Doc(docExchange, sessionID(session)); !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	rows, err := tx.Events(store.EventQuery{Logs: []string{ledger.Origin(pc.ID, n.cfg.Party)}, Kinds: []string{string(ledger.DeconflictJoined)}})
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		e, err := ledger.ParseEvent(r.Bytes)
		if err != nil {
			return false, err
		}
		if d, err := decodeData[ledger.DeconflictJoin](e); err == nil && bytes.Equal(d.Session, session) {
			return true, nil
		}
	}
	return false, nil
}

// refuseExchange says why an opening is not answered, "" where it is: over quota,
// overtaken by a newer one, or under a session that was used before.
func (n *Node) refuseExchange(tx store.Tx, pc pact, e ledger.Event, index int64, d ledger.DeconflictOpening) (string, error) {
	if _, err := tx.Doc(docExchange, sessionID(d.Session)); err == nil {
		return "the session was used before", nil
	}
	if d.Arbiter != "" && !slices.Contains(pc.Terms.WitnessParties(), d.Arbiter) {
		return "the arbiter is no witness of the accord", nil
	}
	most := defaultExchanges
	if r, ok := pc.Terms.MatchRule(footprintKind); ok {
		most = r.Quota
	}
	rows, err := tx.Events(store.EventQuery{
		Logs: []string{ledger.Origin(pc.ID, e.Party)}, Kinds: []string{string(ledger.DeconflictOpened)}, Since: e.At.Add(-quotaPeriod).UnixMicro(),
	})
	if err != nil {
		return "", err
	}
	before := 0
	for _, r := range rows {
		x, err := ledger.ParseEvent(r.Bytes)
		if err != nil {
			return "", err
		}
		o, err := decodeData[ledger.DeconflictOpening](x)
		if err != nil || o.To != n.cfg.Party {
			continue
		}
		if r.Index > index {
			return "a newer exchange was opened", nil
		}
		before++
	}
	if before > most {
		return fmt.Sprintf("the quota of %d exchanges in 24 hours is used up", most), nil
	}
	return "", nil
}

// takeJoin seals our answer to the joiner's list.
func (n *Node) takeJoin(ctx context.Context, task string, pc pact, e ledger.Event, index int64, list []byte) (again string, err error) {
	d, err := decodeData[ledger.DeconflictJoin](e)
	if err != nil || len(d.Session) != 32 {
		return "", n.update(ctx, func(tx store.Tx) error { return tx.DeleteDoc(docTodo, task) })
	}
	s, ok, err := n.mine(ctx, task, d.Session, func(s exchange) bool {
		return s.Opener == n.cfg.Party && s.Party == e.Party && s.Sealed < 0 && s.State == exchangeOpen
	})
	if err != nil || !ok {
		return "", err
	}
	if d.Refused != "" {
		if d.Alone && s.Arbiter != "" {
			again = e.Party
		}
		return again, n.update(ctx, func(tx store.Tx) error {
			if d.Refused == "a newer exchange was opened" || again != "" {
				s.State, s.Reason = exchangeFailed, d.Refused
				return errors.Join(putDoc(tx, docExchange, s.ID, s), tx.DeleteDoc(docTodo, task))
			}
			return n.fail(tx, task, &s, e.Party, index, fmt.Errorf("%s refused: %s", e.Party, clip(d.Refused)))
		})
	}
	if err := s.Side.TakeJoin(d.DeconflictCommitment, list); err != nil {
		return "", n.update(ctx, func(tx store.Tx) error { return n.fail(tx, task, &s, e.Party, index, err) })
	}
	return "", n.sealExchange(ctx, task, pc, &s, d.List)
}

// mine loads an exchange of ours for a task; where it is not as fits says, the task
// is ended and ok is false.
func (n *Node) mine(ctx context.Context, task string, session []byte, fits func(exchange) bool) (s exchange, ok bool, err error) {
	err = n.view(ctx, func(tx store.Tx) (err error) {
		s, err = n.loadExchange(tx, sessionID(session))
		return err
	})
	if err == nil && s.Side != nil && fits(s) {
		return s, true, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return s, false, err
	}
	return s, false, n.update(ctx, func(tx store.Tx) error { return tx.DeleteDoc(docTodo, task) })
}

// sealExchange deals our masks and sends our seal. of is what it answers.
func (n *Node) sealExchange(ctx context.Context, task string, pc pact, s *exchange, of ledger.Digest) error {
	hand, err := n.deal(ctx, pc, s)
	if errors.Is(err, errNoMask) {
		return nil // waits for the arbiter
	}
	if err != nil {
		return err
	}
	var contact string
	if err := n.view(ctx, func(tx store.Tx) (err error) { contact, err = n.desk(tx, pc.ID); return err }); err != nil {
		return err
	}
	body, err := s.Side.Seal(n.opt.Rand, hand, contact)
	if err != nil {
		return err
	}
	return n.update(ctx, func(tx store.Tx) error {
		now, err := n.pact(tx, pc.ID)
		if err != nil {
			return err
		}
		rel, err := release.MintMutual(now.Accord, now.state, n.cfg.Party, []string{s.Party}, accord.Match, body, n.now())
		if errors.Is(err, release.ErrWithheld) {
			return nil // waits until it may go on
		}
		if err != nil {
			return err
		}
		d := ledger.DeconflictSeal{To: s.Party, Session: s.Side.Terms.Session[:], Of: of, Sealed: rel.Digest(), Joins: s.Opener != n.cfg.Party, Arbiter: s.Arbiter}
		if s.Arbiter != "" {
			d.Sheet, d.Mask = hand.Sheet.Number, hand.Index
		}
		if s.Sealed, err = n.act(tx, now.Accord, ledger.DeconflictSealed, d, s.Party); err != nil {
			return err
		}
		if s.PartnerSealed >= 0 {
			s.State = exchangeShowing
		}
		n.sides.Store(s.ID, s.Side)
		return errors.Join(n.queue(tx, rel, s.Sealed, ledger.Immediate), putDoc(tx, docExchange, s.ID, s), tx.DeleteDoc(docTodo, task))
	})
}

// takeSeal verifies the partner's seal. As joiner we seal then; as opener we show
// our first mask.
func (n *Node) takeSeal(ctx context.Context, task string, pc pact, e ledger.Event, index int64, body []byte) error {
	d, err := decodeData[ledger.DeconflictSeal](e)
	if err != nil || len(d.Session) != 32 {
		return n.update(ctx, func(tx store.Tx) error { return tx.DeleteDoc(docTodo, task) })
	}
	s, ok, err := n.mine(ctx, task, d.Session, func(s exchange) bool {
		// A crash may have come between taking the opener's seal and sending ours.
		return s.Party == e.Party && s.State == exchangeOpen && (s.PartnerSealed < 0 || s.PartnerSealed == index && s.Sealed < 0)
	})
	if err != nil || !ok {
		return err
	}
	joins := s.Opener != n.cfg.Party
	if s.PartnerSealed < 0 {
		open := func(note []byte) (string, error) { return n.openSheet(pc, s.Arbiter, note) }
		if err := s.Side.TakeSeal(d, body, open); err != nil {
			return n.update(ctx, func(tx store.Tx) error { return n.fail(tx, task, &s, e.Party, index, err) })
		}
		s.PartnerSealed = index
	}
	if joins {
		return n.sealExchange(ctx, task, pc, &s, d.Sealed)
	}
	s.State = exchangeShowing
	return n.update(ctx, func(tx store.Tx) error { return n.advance(tx, task, pc.ID, &s) })
}

// takeShown takes a mask of the partner and shows ours where it is our turn.
func (n *Node) takeShown(ctx context.Context, task string, pc pact, e ledger.Event, index int64) error {
	d, err := decodeData[ledger.DeconflictShow](e)
	if err != nil || len(d.Session) != 32 {
		return n.update(ctx, func(tx store.Tx) error { return tx.DeleteDoc(docTodo, task) })
	}
	s, ok, err := n.mine(ctx, task, d.Session, func(s exchange) bool {
		return s.Party == e.Party && s.State != exchangeFailed && s.Side.Peer.Seal != nil
	})
	if err != nil || !ok {
		return err
	}
	if s.State == exchangeOpen {
		return nil // our own seal waits; so does this
	}
	return n.update(ctx, func(tx store.Tx) error {
		if err := s.Side.TakeShown(d.Part, d.Mask); err != nil {
			return n.fail(tx, task, &s, e.Party, index, err)
		}
		return n.advance(tx, task, pc.ID, &s)
	})
}

// advance shows our next mask where it is our turn, tells what the masks known so far
// say, and ends the exchange where nothing is left to do. The task, where there is
// one, is done.
func (n *Node) advance(tx store.Tx, task, accordID string, s *exchange) error {
	pc, err := n.pact(tx, accordID)
	if err != nil {
		return err
	}
	if s.Side.Turn() {
		if err := release.CheckMutual(pc.state, n.cfg.Party, []string{s.Party}, accord.Match, n.now()); err != nil {
			return nil // suspended or lowered: waits, with the task
		}
		part, mask, err := s.Side.Show()
		if err != nil {
			return err
		}
		if _, err := n.act(tx, pc.Accord, ledger.DeconflictShown, ledger.DeconflictShow{To: s.Party, Session: s.Side.Terms.Session[:], Part: part, Mask: mask}, s.Party); err != nil {
			return err
		}
	}
	if s.Overlaps, s.Contact, err = s.Side.Overlaps(); err != nil {
		return err
	}
	s.Owed = s.Side.Owed()
	if len(s.Overlaps) > 0 {
		if err := n.tellOverlap(tx, pc, s); err != nil {
			return err
		}
	}
	if s.Side.Over() && s.State != exchangeDone {
		s.State, s.Done = exchangeDone, stamp(n.now())
		end := ledger.DeconflictEnd{With: s.Party, Session: s.Side.Terms.Session[:], Outcome: planClear}
		if len(s.Overlaps) > 0 {
			end.Outcome = "overlap"
		}
		if _, err := n.act(tx, pc.Accord, ledger.Deconflicted, end, n.cfg.Party); err != nil {
			return err
		}
		s.Side.Forget()
		n.sides.Delete(s.ID)
	}
	if task != "" {
		if err := tx.DeleteDoc(docTodo, task); err != nil {
			return err
		}
	}
	return putDoc(tx, docExchange, s.ID, s)
}

// tellOverlap tells our desk, once for each overlap. One that was known from the
// exchange before, between the same versions, keeps what was done about it.
func (n *Node) tellOverlap(tx store.Tx, pc pact, s *exchange) error {
	before, err := n.exchangesWith(tx, s.Accord, s.Party)
	if err != nil {
		return err
	}
	key, err := json.Marshal(s.Overlaps)
	if err != nil {
		return err
	}
	for _, b := range before {
		old, err := json.Marshal(b.Overlaps)
		if err != nil {
			return err
		}
		if b.ID != s.ID && string(old) == string(key) && slices.Equal(b.Plans, s.Plans) {
			s.Acked, s.AckedBy, s.TheyAcked = b.Acked, b.AckedBy, b.TheyAcked
			s.Resolved, s.ResolvedBy, s.ResolvedNote, s.TheyResolved = b.Resolved, b.ResolvedBy, b.ResolvedNote, b.TheyResolved
			if s.Acked != "" {
				return nil
			}
			break
		}
	}
	var ids []string
	for _, o := range s.Overlaps {
		ids = append(ids, o.Footprint)
	}
	contact := s.Contact
	if contact == "" {
		contact = memberName(pc, s.Party)
	}
	return n.notice(tx, Notice{
		Kind: noticeOverlap, Accord: s.Accord, Party: s.Party, Question: s.ID,
		Text: fmt.Sprintf("plans overlap with %s: footprint %s. Acknowledge, and call %s", s.Party, strings.Join(ids, ", "), contact),
	})
}
