package node

import (
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley.example/parley/accord"
	"parley.example/parley/deconflict"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// Resolutions are how an overlap can be resolved. The partner is told which.
var Resolutions = []string{"moved-in-time", "moved-in-place", "cancelled", "joint", "agreed-as-planned", "handed-over"}

// Exchanges lists the exchanges with partners, newest first.
func (n *Node) Exchanges(ctx context.Context) ([]Exchange, error) {
	var out []Exchange
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = listDocs[Exchange](tx, docExchange)
		return err
	})
	slices.SortFunc(out, func(a, b Exchange) int {
		return cmp.Or(strings.Compare(b.At, a.At), strings.Compare(a.Accord, b.Accord), cmp.Compare(b.Committed, a.Committed))
	})
	return out, err
}

// ShowExchange shows one by its id or an unambiguous beginning of it.
func (n *Node) ShowExchange(ctx context.Context, id string) (Exchange, error) {
	all, err := n.Exchanges(ctx)
	all = slices.DeleteFunc(all, func(s Exchange) bool { return len(id) < 6 || !strings.HasPrefix(s.ID, id) })
	switch {
	case err != nil:
		return Exchange{}, err
	case len(all) == 0:
		return Exchange{}, fmt.Errorf("exchange %q: %w", clip(id), ErrNotFound)
	case len(all) > 1:
		return Exchange{}, fmt.Errorf("%w: %d exchanges begin with %q; give more of the id", ErrInvalid, len(all), clip(id))
	}
	return all[0], nil
}

// AcknowledgeOverlap records, for the partner to see, that our desk took note.
func (n *Node) AcknowledgeOverlap(ctx context.Context, id string, by User) (Exchange, error) {
	return n.overlapAct(ctx, id, ledger.OverlapAcknowledged, "", func(s *exchange) error {
		if s.Acked != "" {
			return fmt.Errorf("%w: it was acknowledged by %s", ErrState, s.AckedBy)
		}
		s.Acked, s.AckedBy = stamp(n.now()), by.Name
		return nil
	})
}

// ResolveOverlap records how an overlap was resolved. The partner is told how, and
// never the note.
func (n *Node) ResolveOverlap(ctx context.Context, id, how, note string, by User) (Exchange, error) {
	if !slices.Contains(Resolutions, how) {
		return Exchange{}, fmt.Errorf("%w: %q is none of %s", ErrInvalid, clip(how), strings.Join(Resolutions, ", "))
	}
	return n.overlapAct(ctx, id, ledger.OverlapResolved, how, func(s *exchange) error {
		if s.Acked == "" {
			return fmt.Errorf("%w: acknowledge the overlap first", ErrState)
		}
		s.Resolved, s.ResolvedBy, s.ResolvedNote = how, by.Name, note
		return nil
	})
}

func (n *Node) overlapAct(ctx context.Context, id string, kind ledger.Kind, how string, change func(*exchange) error) (Exchange, error) {
	v, err := n.ShowExchange(ctx, id)
	if err != nil {
		return v, err
	}
	n.deconflicting.Lock()
	defer n.deconflicting.Unlock()
	var s exchange
	var pc pact
	err = n.update(ctx, func(tx store.Tx) (err error) {
		if s, err = n.loadExchange(tx, v.ID); err != nil {
			return err
		}
		if len(s.Overlaps) == 0 {
			return fmt.Errorf("%w: nothing overlaps in this exchange", ErrState)
		}
		if err := change(&s); err != nil {
			return err
		}
		if pc, err = n.pact(tx, s.Accord); err != nil {
			return err
		}
		if _, err := n.act(tx, pc.Accord, kind, ledger.OverlapAct{To: s.Party, Session: s.Side.Terms.Session[:], How: how}, s.Party); err != nil {
			return err
		}
		return putDoc(tx, docExchange, s.ID, s)
	})
	if err == nil {
		n.kick(pc.Accord)
	}
	return s.Exchange, err
}

// takeOverlapAct notes what the partner's desk did.
func (n *Node) takeOverlapAct(tx store.Tx, pc pact, e ledger.Event) error {
	d, err := decodeData[ledger.OverlapAct](e)
	if err != nil || d.To != n.cfg.Party {
		return nil // it concerns nobody here
	}
	s, err := n.loadExchange(tx, sessionID(d.Session))
	if errors.Is(err, store.ErrNotFound) || err == nil && (s.Party != e.Party || s.Accord != pc.ID) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.TheyAcked == "" {
		s.TheyAcked = stamp(e.At)
	}
	if e.Kind == ledger.OverlapResolved {
		s.TheyResolved = clip(d.How)
	}
	return putDoc(tx, docExchange, s.ID, s)
}

// SettleExchange asks the arbiter for what the partner owes us: as opener that it
// show both sides the masks, as joiner whether it did.
func (n *Node) SettleExchange(ctx context.Context, id string) (Exchange, error) {
	v, err := n.ShowExchange(ctx, id)
	if err != nil {
		return v, err
	}
	switch {
	case v.State == exchangeDone:
		return v, nil
	case v.State != exchangeShowing:
		return v, fmt.Errorf("%w: the exchange is %s; an arbiter can help once both have sealed", ErrState, v.State)
	case v.Arbiter == "":
		return v, fmt.Errorf("%w: the exchange has no arbiter; what %s owes is kept as evidence: parley deconflict evidence %s", ErrState, v.Party, v.ID[:12])
	}
	var pc pact
	if err := n.view(ctx, func(tx store.Tx) (err error) { pc, err = n.pact(tx, v.Accord); return err }); err != nil {
		return v, err
	}
	session, err := sessionBytes(v.ID)
	if err != nil {
		return v, err
	}
	ask := arbiterAsk{Session: session}
	if v.Opener == n.cfg.Party {
		ask = arbiterAsk{}
		if ask.Mine, err = n.Receipt(ctx, ledger.Origin(v.Accord, n.cfg.Party), v.Sealed); err != nil {
			return v, err
		}
		if ask.Theirs, err = n.Receipt(ctx, ledger.Origin(v.Accord, v.Party), v.PartnerSealed); err != nil {
			return v, err
		}
	}
	a, err := n.askArbiter(ctx, pc, v.Arbiter, ask)
	if err != nil {
		return v, err
	}
	if len(a.Mask) == 0 {
		return v, fmt.Errorf("%w: %s, the opener, has neither shown its mask nor asked the arbiter; nobody has learnt anything", ErrState, v.Party)
	}
	n.deconflicting.Lock()
	defer n.deconflicting.Unlock()
	var s exchange
	err = n.update(ctx, func(tx store.Tx) (err error) {
		if s, err = n.loadExchange(tx, v.ID); err != nil || s.State != exchangeShowing {
			return err
		}
		if err := s.Side.TakeShown(0, a.Mask); err != nil {
			return fmt.Errorf("%w: %w", errArbiterLies, err)
		}
		s.Settled = true
		return n.advance(tx, "", s.Accord, &s)
	})
	if errors.Is(err, errArbiterLies) {
		// The alarm must outlive the refusal.
		aerr := n.update(ctx, func(tx store.Tx) error {
			return n.alarm(tx, v.Accord, v.Arbiter, fmt.Sprintf("the arbiter %s shows a mask that is not the one it signed, in exchange %s", v.Arbiter, v.ID[:12]))
		})
		return v, errors.Join(err, aerr)
	}
	if err == nil {
		n.kick(pc.Accord)
	}
	return s.Exchange, err
}

// errArbiterLies reports a mask other than the one that the arbiter signed.
var errArbiterLies = errors.New("the arbiter shows another mask than it signed")

// sessionBytes is the inverse of sessionID.
func sessionBytes(id string) ([]byte, error) {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 32 {
		return nil, fmt.Errorf("%w: exchange %q", ErrInvalid, clip(id))
	}
	return b, nil
}

// OpenFootprints opens, for oversight, what our side of an exchange took part with.
func (n *Node) OpenFootprints(ctx context.Context, id string) (deconflict.PlansOpening, error) {
	v, err := n.ShowExchange(ctx, id)
	if err != nil {
		return deconflict.PlansOpening{}, err
	}
	var o deconflict.PlansOpening
	err = n.view(ctx, func(tx store.Tx) error {
		s, err := n.loadExchange(tx, v.ID)
		if err == nil {
			o = s.Side.Opening()
		}
		return err
	})
	if err != nil {
		return o, err
	}
	o.Receipt, err = n.Receipt(ctx, ledger.Origin(v.Accord, n.cfg.Party), v.Committed)
	return o, err
}

// CheckFootprintOpening judges an opening by the receipt in it, offline. It returns
// the footprints, and who committed to them.
func CheckFootprintOpening(o deconflict.PlansOpening, newer ...[]byte) ([]deconflict.Footprint, accord.Verdict, error) {
	v, err := accord.VerifyReceipt(o.Receipt, newer...)
	if err != nil {
		return nil, v, err
	}
	var d struct {
		Session []byte `json:"session"`
		Arbiter string `json:"arbiter"`
		ledger.DeconflictCommitment
	}
	if err := json.Unmarshal(v.Event.Data, &d); err != nil {
		return nil, v, err
	}
	opened := v.Event.Kind == ledger.DeconflictOpened && o.Terms.Opener == o.Party && o.Terms.Arbiter == d.Arbiter
	joined := v.Event.Kind == ledger.DeconflictJoined && o.Terms.Joiner == o.Party
	if !opened && !joined || v.Event.Party != o.Party || v.Event.Accord != o.Terms.Accord || !hmac.Equal(d.Session, o.Terms.Session[:]) {
		return nil, v, errors.New("the receipt is of another act")
	}
	fs, err := o.Check(d.DeconflictCommitment)
	return fs, v, err
}

// OweEvidence is what is kept against a partner who sealed, holds our mask, and does
// not show its own.
type OweEvidence struct {
	Type    string `json:"type"` // OweEvidenceType
	Accord  string `json:"accord"`
	Party   string `json:"party"` // who owes
	By      string `json:"by"`
	Session []byte `json:"session"`
	Part    int    `json:"part"` // the first that is owed
	// Shown is the receipt of our mask of that part, with the cosignature by which
	// the party says that it holds it; Sealed of the party's own seal.
	Shown  []byte `json:"shown"`
	Sealed []byte `json:"sealed"`
}

// OweEvidenceType marks a file with such evidence.
const OweEvidenceType = "parley-owed-mask/1"

// ExchangeEvidence makes the evidence that a partner owes us a mask.
func (n *Node) ExchangeEvidence(ctx context.Context, id string) (OweEvidence, error) {
	v, err := n.ShowExchange(ctx, id)
	if err != nil {
		return OweEvidence{}, err
	}
	if v.Owed == 0 || v.State == exchangeDone {
		return OweEvidence{}, fmt.Errorf("%w: %s owes us nothing in this exchange", ErrState, v.Party)
	}
	out := OweEvidence{Type: OweEvidenceType, Accord: v.Accord, Party: v.Party, By: n.cfg.Party}
	if out.Session, err = sessionBytes(v.ID); err != nil {
		return out, err
	}
	own := ledger.Origin(v.Accord, n.cfg.Party)
	index := int64(-1)
	err = n.view(ctx, func(tx store.Tx) error {
		s, err := n.loadExchange(tx, v.ID)
		if err != nil {
			return err
		}
		out.Part = len(s.Side.Peer.Shown)
		rows, err := tx.Events(store.EventQuery{Logs: []string{own}, Kinds: []string{string(ledger.DeconflictShown)}, From: v.Sealed})
		for _, r := range rows {
			e, perr := ledger.ParseEvent(r.Bytes)
			if perr != nil {
				return perr
			}
			if d, derr := decodeData[ledger.DeconflictShow](e); derr == nil && hmac.Equal(d.Session, out.Session) && d.Part == out.Part {
				index = r.Index
			}
		}
		return err
	})
	if err == nil && index < 0 {
		err = fmt.Errorf("%w: our mask is not in the ledger", ErrState)
	}
	if err != nil {
		return out, err
	}
	if out.Shown, err = n.Receipt(ctx, own, index); err != nil {
		return out, err
	}
	out.Sealed, err = n.Receipt(ctx, ledger.Origin(v.Accord, v.Party), v.PartnerSealed)
	return out, err
}

// Check judges the evidence offline: the party sealed in this exchange and cosigned
// our log beyond the mask that we showed. That it did not show its own is the
// accuser's word; a receipt of its DeconflictShown event refutes it.
func (o OweEvidence) Check(newer ...[]byte) error {
	shown, err := accord.VerifyReceipt(o.Shown, newer...)
	if err != nil {
		return err
	}
	sealed, err := accord.VerifyReceipt(o.Sealed, newer...)
	if err != nil {
		return err
	}
	s, err := decodeData[ledger.DeconflictShow](shown.Event)
	if err != nil {
		return err
	}
	d, err := decodeData[ledger.DeconflictSeal](sealed.Event)
	if err != nil {
		return err
	}
	switch {
	case shown.Event.Kind != ledger.DeconflictShown || shown.Event.Party != o.By || s.To != o.Party || s.Part != o.Part || !hmac.Equal(s.Session, o.Session):
		return errors.New("the first receipt is not of the mask that was shown")
	case sealed.Event.Kind != ledger.DeconflictSealed || sealed.Event.Party != o.Party || !d.Joins || d.To != o.By || !hmac.Equal(d.Session, o.Session):
		return errors.New("the second receipt is not of the party's seal as joiner")
	case shown.Accord.ID != o.Accord || sealed.Accord.ID != o.Accord:
		return errors.New("the receipts are of another accord")
	case !slices.Contains(shown.Members, o.Party):
		return fmt.Errorf("%s has not cosigned that it holds the mask", o.Party)
	}
	return nil
}
