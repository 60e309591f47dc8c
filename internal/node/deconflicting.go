package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/deconflict"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
)

// Blind deconfliction: an exchange with one partner matches all that we plan under
// an accord with all that it plans; so the newest exchange between two says it all.
// Each message is a ledger event, some with a body; the events that come leave tasks
// (docTodo), which take the exchange one step further.

const (
	docExchange = "exchange" // by session in hex: exchange
	docMasks    = "masks"    // by accord/witness: maskBox
)

// The states of an exchange.
const (
	exchangeOpen    = "open"    // opened or joined; masks are not shown yet
	exchangeShowing = "showing" // both sealed
	exchangeDone    = "done"
	exchangeFailed  = "failed" // refused, or the other side broke the rules
)

// defaultExchanges is how many exchanges a member may open with another in 24 hours
// where the accord has no rule for kind footprint.
const defaultExchanges = 48

// footprintKind names deconfliction among an accord's match rules.
const footprintKind = "footprint"

// Exchange is one exchange with a partner.
type Exchange struct {
	ID      string   `json:"id"`
	Accord  string   `json:"accord"`
	Party   string   `json:"party"` // the partner
	Opener  string   `json:"opener"`
	Arbiter string   `json:"arbiter"` // "": masks are shown in turn
	At      string   `json:"at"`      // when we committed to our plans
	Done    string   `json:"done,omitempty"`
	State   string   `json:"state"`
	Reason  string   `json:"reason,omitempty"`
	Plans   []string `json:"plans"` // our footprints as id/version
	Size    int      `json:"size"`  // of our list, padded
	// Overlaps is what was found so far, by our footprints.
	Overlaps []deconflict.Overlap `json:"overlaps"`
	Contact  string               `json:"contact,omitempty"` // of the partner
	Owed     int                  `json:"owed"`              // masks that the partner owes us
	// Settled says that the arbiter had to show the partner's mask.
	Settled bool `json:"settled,omitempty"`
	// What our desk and theirs did about an overlap.
	Acked         string `json:"acknowledged,omitempty"` // when
	AckedBy       string `json:"acknowledged_by,omitempty"`
	TheyAcked     string `json:"they_acknowledged,omitempty"`
	Resolved      string `json:"resolved,omitempty"` // one of Resolutions
	ResolvedBy    string `json:"resolved_by,omitempty"`
	ResolvedNote  string `json:"resolved_note,omitempty"` // for us alone
	TheyResolved  string `json:"they_resolved,omitempty"`
	Sealed        int64  `json:"sealed"`         // index of our sealed event; -1 before
	PartnerSealed int64  `json:"partner_sealed"` // and of theirs
	Committed     int64  `json:"committed"`      // index of our opened or joined event
}

// exchange is an Exchange with what only this side may know.
type exchange struct {
	Exchange
	Side *deconflict.Side `json:"side"`
}

// maskBox is the masks that a witness made for us as an arbiter.
type maskBox struct {
	Next  int64            `json:"next"` // number of the sheet to ask for next
	Sheet deconflict.Sheet `json:"sheet"`
	Used  int              `json:"used"` // masks of Sheet that were dealt
}

func sessionID(session []byte) string { return hex.EncodeToString(session) }

// exchangesWith lists the exchanges with a partner under an accord, newest first: in
// the order in which we committed to our plans.
func (n *Node) exchangesWith(tx store.Tx, accordID, party string) ([]Exchange, error) {
	all, err := listDocs[Exchange](tx, docExchange)
	all = slices.DeleteFunc(all, func(s Exchange) bool { return s.Accord != accordID || s.Party != party })
	slices.SortFunc(all, func(a, b Exchange) int { return cmp.Compare(b.Committed, a.Committed) })
	return all, err
}

// plansUnder lists what counts under an accord now, by id.
func (n *Node) plansUnder(tx store.Tx, accordID string) ([]deconflict.Footprint, error) {
	all, err := listDocs[footprint](tx, docFootprint)
	var out []deconflict.Footprint
	for _, f := range all {
		if f.State == footprintActive && slices.Contains(f.Accords, accordID) && !f.Over(n.now()) {
			out = append(out, f.Footprint)
		}
	}
	return out, err
}

// matchPlans opens exchanges with the partners of accords. What cannot be opened
// now is opened by RenewDeconfliction; that is no error.
func (n *Node) matchPlans(ctx context.Context, accords []string) {
	for _, id := range accords {
		var others []string
		err := n.view(ctx, func(tx store.Tx) error {
			pc, err := n.pact(tx, id)
			if err == nil {
				others = n.others(pc.Accord)
			}
			return err
		})
		for _, p := range others {
			if _, oerr := n.OpenExchange(ctx, id, p); oerr != nil {
				err = errors.Join(err, oerr)
			}
		}
		if err != nil {
			n.opt.Log.Info("plans wait to be matched", "accord", id, "error", err)
		}
	}
}

// OpenExchange matches all that we plan under an accord with what a partner plans.
// It returns when the line has nothing more to bring; an exchange that goes on later
// is no error.
func (n *Node) OpenExchange(ctx context.Context, id, party string) (Exchange, error) {
	s, err := n.openExchange(ctx, id, party, false)
	if err != nil {
		return Exchange{}, err
	}
	// Messages also come with exchanges that the partner begins, so that one of ours
	// may find nothing new although the exchange goes on.
	before := ""
	for idle := 0; idle < 3; {
		if err := n.Sync(ctx, s.Accord, s.Party); err != nil {
			n.opt.Log.Info("exchange waits", "partner", s.Party, "error", err)
			break
		}
		var now []byte
		var at exchange
		err := n.view(ctx, func(tx store.Tx) (err error) {
			if now, err = tx.Doc(docExchange, s.ID); err == nil {
				err = json.Unmarshal(now, &at)
			}
			return err
		})
		if err != nil {
			return Exchange{}, err
		}
		if at.State == exchangeDone || at.State == exchangeFailed {
			break
		}
		if idle++; string(now) != before {
			idle, before = 0, string(now)
		}
	}
	return n.ShowExchange(ctx, s.ID)
}

// openExchange commits to our plans. alone leaves the arbiter out.
func (n *Node) openExchange(ctx context.Context, id, party string, alone bool) (Exchange, error) {
	var pc pact
	var plans []deconflict.Footprint
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, id); err != nil {
			return err
		}
		if party, err = n.onlyOther(pc, party); err != nil {
			return err
		}
		if err := n.mayDeconflict(pc, party); err != nil {
			return err
		}
		plans, err = n.plansUnder(tx, pc.ID)
		return err
	})
	if err != nil {
		return Exchange{}, err
	}
	t := deconflict.Terms{Accord: pc.ID, Opener: n.cfg.Party, Joiner: party}
	if !alone {
		t.Arbiter = n.arbiterOf(ctx, pc)
	}
	var seed [32]byte
	for _, b := range [][]byte{t.Session[:], seed[:]} {
		if _, err := io.ReadFull(n.opt.Rand, b); err != nil {
			return Exchange{}, err
		}
	}
	side, err := deconflict.Open(t, seed, plans, n.now().Add(-deconflict.Grace))
	if err != nil {
		return Exchange{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	c, err := side.Commitment()
	if err != nil {
		return Exchange{}, err
	}
	s := n.newExchange(side, party)
	err = n.update(ctx, func(tx store.Tx) error {
		now, err := n.pact(tx, pc.ID)
		if err != nil {
			return err
		}
		if err := n.mayDeconflict(now, party); err != nil {
			return err
		}
		s.Committed, err = n.act(tx, now.Accord, ledger.DeconflictOpened, ledger.DeconflictOpening{
			To: party, Session: t.Session[:], DeconflictCommitment: c, Arbiter: t.Arbiter, Officer: n.officer(pc.ID, "deconfliction desk"),
		}, party)
		if err != nil {
			return err
		}
		return putDoc(tx, docExchange, s.ID, s)
	})
	n.sides.Store(s.ID, side)
	return s.Exchange, err
}

func (n *Node) newExchange(side *deconflict.Side, party string) exchange {
	s := exchange{Side: side}
	s.ID, s.Accord, s.Party, s.Opener, s.Arbiter = sessionID(side.Terms.Session[:]), side.Terms.Accord, party, side.Terms.Opener, side.Terms.Arbiter
	s.At, s.State, s.Size, s.Overlaps, s.Plans = stamp(n.now()), exchangeOpen, side.Size, []deconflict.Overlap{}, []string{}
	s.Sealed, s.PartnerSealed, s.Committed = -1, -1, -1
	fs, _ := side.Footprints() // it was made of them
	for _, f := range fs {
		s.Plans = append(s.Plans, planID(f))
	}
	return s
}

// loadExchange reads an exchange; what it has computed already is taken from memory.
func (n *Node) loadExchange(tx store.Tx, id string) (exchange, error) {
	var s exchange
	if err := getDoc(tx, docExchange, id, &s); err != nil {
		return s, fmt.Errorf("exchange %q: %w", clip(id), err)
	}
	if c, ok := n.sides.Load(id); ok && s.Side != nil {
		s.Side.Adopt(c.(*deconflict.Side))
	}
	return s, nil
}

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
	err = n.view(ctx, func(tx store.Tx) (err error) {
		plans, err = n.plansUnder(tx, pc.ID)
		if err == nil {
			join.Refused, err = n.refuseExchange(tx, pc, e, index, d)
		}
		return err
	})
	if err != nil {
		return err
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

var errNoMask = errors.New("no mask of the arbiter is at hand")

// arbiterOf is a witness of whom we have a mask, "" where there is none.
func (n *Node) arbiterOf(ctx context.Context, pc pact) string {
	for _, w := range pc.Terms.WitnessParties() {
		err := n.haveMask(ctx, pc, w)
		if err == nil {
			return w
		}
		n.opt.Log.Info("no masks of the arbiter", "arbiter", w, "error", err)
	}
	return ""
}

func (n *Node) openSheet(pc pact, witness string, note []byte) (string, error) {
	text, _, err := ledger.OpenNote(note, n.currentBook().AccordSigners(pc.ID, witness))
	return text, err
}

// haveMask makes sure that a mask of a witness is at hand, and asks the witness for a
// sheet where none is.
func (n *Node) haveMask(ctx context.Context, pc pact, witness string) error {
	if !slices.Contains(pc.Terms.WitnessParties(), witness) {
		return fmt.Errorf("%w: %s is no witness of the accord", ErrInvalid, clip(witness))
	}
	var box maskBox
	key := peerID(pc.ID, witness)
	err := n.view(ctx, func(tx store.Tx) error {
		err := getDoc(tx, docMasks, key, &box)
		if errors.Is(err, store.ErrNotFound) {
			box, err = maskBox{Next: 1}, nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if box.Used < len(box.Sheet.Secrets) {
		if _, err := n.openSheet(pc, witness, box.Sheet.Note); err == nil {
			return nil
		}
		// The witness has another key now.
	}
	a, err := n.askArbiter(ctx, pc, witness, arbiterAsk{Sheet: box.Next})
	if err != nil {
		return err
	}
	if a.Sheet == nil || a.Sheet.Number != box.Next {
		return fmt.Errorf("the arbiter %s sent another sheet of masks than asked for", witness)
	}
	text, err := n.openSheet(pc, witness, a.Sheet.Note)
	if err == nil {
		err = a.Sheet.Check(text, pc.ID, n.cfg.Party)
	}
	if err != nil {
		return fmt.Errorf("sheet of masks of %s: %w", witness, err)
	}
	return n.update(ctx, func(tx store.Tx) error {
		return putDoc(tx, docMasks, key, maskBox{Next: box.Next + 1, Sheet: *a.Sheet})
	})
}

// deal reserves masks for an exchange. What was reserved before a crash is dealt
// again.
func (n *Node) deal(ctx context.Context, pc pact, s *exchange) (deconflict.Hand, error) {
	if len(s.Side.Hand.Secrets) > 0 {
		return s.Side.Hand, nil
	}
	var err error
	if s.Arbiter == "" {
		s.Side.Hand, err = deconflict.NewHand(n.opt.Rand)
		return s.Side.Hand, err
	}
	if err := n.haveMask(ctx, pc, s.Arbiter); err != nil {
		return s.Side.Hand, errors.Join(errNoMask, err)
	}
	err = n.update(ctx, func(tx store.Tx) error {
		var box maskBox
		key := peerID(pc.ID, s.Arbiter)
		if err := getDoc(tx, docMasks, key, &box); err != nil {
			return err
		}
		if box.Used >= len(box.Sheet.Secrets) {
			return errNoMask
		}
		s.Side.Hand = box.Sheet.Deal(box.Used)
		box.Sheet.Secrets[box.Used] = nil // it serves once
		box.Used++
		return errors.Join(putDoc(tx, docMasks, key, box), putDoc(tx, docExchange, s.ID, s))
	})
	return s.Side.Hand, err
}

// RenewDeconfliction matches plans that are not matched yet, and standing ones once
// in each epoch, and has the arbiter settle what partners owe. It is called now and
// then while the node runs.
func (n *Node) RenewDeconfliction(ctx context.Context) error {
	type due struct{ accord, party string }
	var open []due
	var owed []string
	err := n.view(ctx, func(tx store.Tx) error {
		ps, err := n.pacts(tx)
		for _, pc := range ps {
			if err != nil || !slices.Contains(pc.Terms.Parties(), n.cfg.Party) {
				continue
			}
			for _, p := range n.others(pc.Accord) {
				now, oerr := n.exchangeDue(tx, pc, p)
				if err = errors.Join(err, oerr); now {
					open = append(open, due{pc.ID, p})
				}
				all, oerr := n.exchangesWith(tx, pc.ID, p)
				err = errors.Join(err, oerr)
				for _, s := range all {
					if s.State == exchangeShowing && s.Arbiter != "" && s.At <= stamp(n.now().Add(-settleAfter)) {
						owed = append(owed, s.ID)
					}
				}
			}
		}
		return err
	})
	for _, d := range open {
		if _, oerr := n.OpenExchange(ctx, d.accord, d.party); oerr != nil && !errors.Is(oerr, ErrState) {
			err = errors.Join(err, oerr)
		}
	}
	for _, id := range owed {
		if _, serr := n.SettleExchange(ctx, id); serr != nil {
			n.opt.Log.Info("not settled", "exchange", id, "error", serr)
		}
	}
	return err
}

const (
	// settleAfter is how long an exchange may stand before the arbiter is asked.
	settleAfter = 10 * time.Minute
	// reopenAfter is how long one that nobody joined may stand before it is opened
	// anew.
	reopenAfter    = 24 * time.Hour
	deconflictTend = time.Minute
)

// exchangeDue reports whether our plans should be matched with a partner now: some
// are in no exchange yet, or a standing one was last matched an epoch ago.
func (n *Node) exchangeDue(tx store.Tx, pc pact, party string) (bool, error) {
	if n.mayDeconflict(pc, party) != nil {
		return false, nil
	}
	plans, err := n.plansUnder(tx, pc.ID)
	if err != nil {
		return false, err
	}
	all, err := n.exchangesWith(tx, pc.ID, party)
	if err != nil {
		return false, err
	}
	now := n.now()
	for _, f := range plans {
		id := planID(f)
		i := slices.IndexFunc(all, func(s Exchange) bool { return s.State != exchangeFailed && slices.Contains(s.Plans, id) })
		if i < 0 {
			// One that failed just now is not tried at once again.
			j := slices.IndexFunc(all, func(s Exchange) bool { return slices.Contains(s.Plans, id) })
			if j < 0 || all[j].At <= stamp(now.Add(-time.Hour)) {
				return true, nil
			}
			continue
		}
		age := reopenAfter
		if all[i].State == exchangeDone {
			if age = epochLife; !f.Standing {
				continue
			}
		}
		if all[i].At <= stamp(now.Add(-age)) {
			return true, nil
		}
	}
	return false, nil
}

// keepDeconfliction calls RenewDeconfliction until ctx ends.
func (n *Node) keepDeconfliction(ctx context.Context) {
	if n.opt.Every < 0 {
		return // tests do it by hand
	}
	tick := time.NewTicker(deconflictTend)
	defer tick.Stop()
	for {
		if err := n.RenewDeconfliction(ctx); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("matching plans", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
