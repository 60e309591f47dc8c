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

	"parley.example/parley/deconflict"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
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
