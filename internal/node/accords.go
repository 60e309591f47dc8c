package node

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// Kinds of documents.
const (
	docAccord  = "accord"  // by id: the accord's note
	docDraft   = "draft"   // by name: Draft
	docPeer    = "peer"    // by accord/party: peer
	docAlarm   = "alarm"   // by id: Alarm
	docRequest = "request" // by id: request
	docTodo    = "todo"    // by kind/…: work that an applied parcel left
)

// maxOffered bounds how many accords of one partner may wait for signatures.
const maxOffered = 64

// Draft is an accord in the making, before anybody signed it.
type Draft struct {
	Title         string             `json:"title"`
	Members       []string           `json:"members"` // party ids whose cards are known
	Witnesses     []string           `json:"witnesses"`
	Purposes      []string           `json:"purposes"`
	LegalBases    []string           `json:"legal_bases"`
	ObjectTypes   []string           `json:"object_types"`
	Ceiling       accord.Ceiling     `json:"ceiling"`
	Start         accord.Rung        `json:"start"`
	Match         []accord.MatchRule `json:"match"`
	RetentionDays int                `json:"retention_days"`
	Onward        string             `json:"onward"`
	Suspension    string             `json:"suspension"`
	Effective     time.Time          `json:"effective,omitzero"` // zero: at once
	Expires       time.Time          `json:"expires,omitzero"`   // zero: a year later
	Amends        string             `json:"amends,omitempty"`
}

// ParseDraft reads a draft from JSON; unknown fields are refused, so that a
// misspelt term is not silently left out of an agreement.
func ParseDraft(b []byte) (Draft, error) {
	var d Draft
	if err := jsonv2.Unmarshal(b, &d, jsonv2.RejectUnknownMembers(true)); err != nil {
		return d, fmt.Errorf("%w: draft: %w", ErrInvalid, err)
	}
	return d, nil
}

func (n *Node) terms(d Draft) (accord.Terms, error) {
	nonce := make([]byte, 16)
	if _, err := io.ReadFull(n.opt.Rand, nonce); err != nil {
		return accord.Terms{}, err
	}
	book := n.currentBook()
	members := func(ids []string) ([]accord.Member, error) {
		out := []accord.Member{}
		for _, id := range ids {
			c, ok := book.Card(id)
			if !ok {
				return nil, fmt.Errorf("%w: no card of %q is known; add it with parley card add", ErrInvalid, clip(id))
			}
			out = append(out, accord.Member{Party: id, Name: c.Name, Root: c.Root})
		}
		return out, nil
	}
	t := accord.Terms{
		Type: "parley-accord/1", Title: d.Title, Purposes: orEmpty(d.Purposes), LegalBases: orEmpty(d.LegalBases), ObjectTypes: orEmpty(d.ObjectTypes),
		Ceiling: d.Ceiling, Start: d.Start, Match: orEmpty(d.Match), RetentionDays: d.RetentionDays, Onward: d.Onward,
		Suspension: d.Suspension, Effective: d.Effective, Expires: d.Expires, Amends: d.Amends, Nonce: hex.EncodeToString(nonce),
	}
	if t.Effective.IsZero() {
		t.Effective = n.now().Truncate(time.Second)
	}
	if t.Expires.IsZero() {
		t.Expires = t.Effective.AddDate(1, 0, 0)
	}
	if t.Onward == "" {
		t.Onward = "none"
	}
	var err error
	if t.Members, err = members(d.Members); err != nil {
		return t, err
	}
	if t.Witnesses, err = members(d.Witnesses); err != nil {
		return t, err
	}
	if !slices.Contains(d.Members, n.cfg.Party) {
		return t, fmt.Errorf("%w: %s, this node, is not among the members", ErrInvalid, n.cfg.Party)
	}
	if err := t.Check(); err != nil {
		return t, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return t, nil
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// SaveDraft checks a draft and keeps it under a name.
func (n *Node) SaveDraft(ctx context.Context, name string, d Draft) error {
	if name == "" {
		return fmt.Errorf("%w: the draft needs a name", ErrInvalid)
	}
	if _, err := n.terms(d); err != nil {
		return err
	}
	return n.update(ctx, func(tx store.Tx) error { return putDoc(tx, docDraft, name, d) })
}

// KeptDraft is a draft with the name that it is kept under.
type KeptDraft struct {
	Name  string `json:"name"`
	Draft Draft  `json:"draft"`
}

// Drafts lists the drafts that were not offered yet, by name.
func (n *Node) Drafts(ctx context.Context) ([]KeptDraft, error) {
	out := []KeptDraft{}
	err := n.view(ctx, func(tx store.Tx) error {
		docs, err := tx.ListDocs(docDraft)
		for _, d := range docs {
			draft, err := ParseDraft(d.Body)
			if err != nil {
				return fmt.Errorf("stored draft %q: %w", d.ID, err)
			}
			out = append(out, KeptDraft{d.ID, draft})
		}
		return err
	})
	return out, err
}

// OfferAccord signs a saved draft and sends it to the other members.
func (n *Node) OfferAccord(ctx context.Context, name string) (Accord, error) {
	var d Draft
	err := n.view(ctx, func(tx store.Tx) error { return getDoc(tx, docDraft, name, &d) })
	if err != nil {
		return Accord{}, fmt.Errorf("draft %q: %w", clip(name), err)
	}
	t, err := n.terms(d)
	if err != nil {
		return Accord{}, err
	}
	a, err := accord.Offer(t, n.cfg.Party, n.signing(), n.currentBook())
	if err != nil {
		return Accord{}, err
	}
	err = n.update(ctx, func(tx store.Tx) error {
		if err := tx.PutDoc(docAccord, a.ID, a.Note); err != nil {
			return err
		}
		if _, err := n.act(tx, a, ledger.AccordOffered, ledger.Offer{Title: a.Terms.Title}); err != nil {
			return err
		}
		if _, err := n.act(tx, a, ledger.AccordSigned, ledger.Offer{Title: a.Terms.Title}); err != nil {
			return err
		}
		return tx.DeleteDoc(docDraft, name)
	})
	if err != nil {
		return Accord{}, err
	}
	n.kick(a)
	return n.ShowAccord(ctx, a.ID)
}

// SignAccord adds this party's signature to an accord that was offered to it.
func (n *Node) SignAccord(ctx context.Context, id string) (Accord, error) {
	a, err := n.signAccord(ctx, id)
	if err == nil {
		err = n.endReplaced(ctx)
	}
	return a, err
}

func (n *Node) signAccord(ctx context.Context, id string) (Accord, error) {
	return n.change(ctx, id, func(tx store.Tx, p pact) error {
		if slices.Contains(p.SignedBy, n.cfg.Party) {
			return fmt.Errorf("%w: it bears our signature already", ErrState)
		}
		if p.state.At(n.now()).Name == accord.Ended {
			return fmt.Errorf("%w: %s", ErrState, p.state.At(n.now()).Reason)
		}
		a, err := p.Sign(n.cfg.Party, n.signing(), n.currentBook())
		if err != nil {
			return err
		}
		if err := tx.PutDoc(docAccord, a.ID, a.Note); err != nil {
			return err
		}
		_, err = n.act(tx, a, ledger.AccordSigned, ledger.Offer{Title: a.Terms.Title})
		return err
	})
}

// change runs one act on an accord of which this party is a member, then lets
// the partners know.
func (n *Node) change(ctx context.Context, id string, fn func(store.Tx, pact) error) (Accord, error) {
	var a accord.Accord
	err := n.update(ctx, func(tx store.Tx) error {
		p, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		if !slices.Contains(p.Terms.Parties(), n.cfg.Party) {
			return fmt.Errorf("%w: this node is a witness of the accord, not a member", ErrState)
		}
		a = p.Accord
		return fn(tx, p)
	})
	if err != nil {
		return Accord{}, err
	}
	n.kick(a)
	return n.ShowAccord(ctx, a.ID)
}

// Suspend stops all content under an accord at once: when it returns, no parcel
// with content is on its way from us any more. Ledgers go on being reconciled.
func (n *Node) Suspend(ctx context.Context, id, reason string) (Accord, error) {
	var suspended accord.Accord
	a, err := n.change(ctx, id, func(tx store.Tx, p pact) error {
		if reason == "" {
			return fmt.Errorf("%w: give a reason; the other members will read it", ErrInvalid)
		}
		for _, s := range p.state.Suspensions() {
			if s.By == n.cfg.Party {
				return fmt.Errorf("%w: we suspended it already, at %s", ErrState, stamp(s.At))
			}
		}
		if st := p.state.At(n.now()); st.Name != accord.InForce && st.Name != accord.Suspended {
			return fmt.Errorf("%w: the accord is %s", ErrState, st)
		}
		if _, err := n.act(tx, p.Accord, ledger.AccordSuspended, ledger.Reason{Reason: reason}); err != nil {
			return err
		}
		suspended = p.Accord
		return nil
	})
	if err == nil {
		n.ground(suspended)
		n.kick(suspended) // the exchange that told of it may have been among those stopped
	}
	return a, err
}

// Resume takes our own suspension back. What waited is sent then.
func (n *Node) Resume(ctx context.Context, id string) (Accord, error) {
	a, err := n.change(ctx, id, func(tx store.Tx, p pact) error {
		if !slices.ContainsFunc(p.state.Suspensions(), func(s accord.Suspension) bool { return s.By == n.cfg.Party }) {
			return fmt.Errorf("%w: we have not suspended it", ErrState)
		}
		_, err := n.act(tx, p.Accord, ledger.AccordResumed, ledger.Reason{})
		return err
	})
	if err == nil {
		err = n.work(ctx)
	}
	return a, err
}

// EndAccord ends an accord for good.
func (n *Node) EndAccord(ctx context.Context, id, reason string) (Accord, error) {
	return n.change(ctx, id, func(tx store.Tx, p pact) error {
		if reason == "" {
			return fmt.Errorf("%w: give a reason; the other members will read it", ErrInvalid)
		}
		if p.state.Ended() != nil {
			return fmt.Errorf("%w: %s", ErrState, p.state.At(n.now()).Reason)
		}
		_, err := n.act(tx, p.Accord, ledger.AccordEnded, ledger.Reason{Reason: reason})
		return err
	})
}

// SetRung moves the rung that we grant a partner: down at once, up as an offer
// that takes effect when the partner accepts.
func (n *Node) SetRung(ctx context.Context, id, to string, rung accord.Rung) (Accord, error) {
	return n.change(ctx, id, func(tx store.Tx, p pact) error {
		if !slices.Contains(n.others(p.Accord), to) {
			return fmt.Errorf("%w: %q is not another member of the accord", ErrInvalid, clip(to))
		}
		if rung > p.Terms.Ceiling.Rung {
			return fmt.Errorf("%w: the accord's ceiling is %s", ErrState, p.Terms.Ceiling.Rung)
		}
		kind := ledger.RungOffered
		switch now := p.state.Rung(n.cfg.Party, to); {
		case rung == now:
			return fmt.Errorf("%w: %s stands at %s already", ErrState, to, now)
		case rung < now:
			kind = ledger.RungLowered
		}
		// Lowering is always possible; more trust needs an accord that stands.
		if st := p.state.At(n.now()); kind == ledger.RungOffered && (st.Name == accord.Offered || st.Name == accord.Ended) {
			return fmt.Errorf("%w: no rung can be raised under this accord: %s", ErrState, st.Reason)
		}
		_, err := n.act(tx, p.Accord, kind, ledger.Rung{From: n.cfg.Party, To: to, Rung: rung.String()})
		return err
	})
}

// AcceptRung accepts the rung that a partner offers us.
func (n *Node) AcceptRung(ctx context.Context, id, from string) (Accord, error) {
	return n.change(ctx, id, func(tx store.Tx, p pact) error {
		index, rung, ok := p.state.OpenOffer(from, n.cfg.Party)
		if !ok {
			return fmt.Errorf("%w: %q has no offer open", ErrState, clip(from))
		}
		_, err := n.act(tx, p.Accord, ledger.RungAccepted, ledger.Rung{From: from, To: n.cfg.Party, Rung: rung.String(), Offer: index})
		return err
	})
}

// Accord is an accord as people see it (docs/api.md).
type Accord struct {
	ID            string             `json:"id"`
	Title         string             `json:"title"`
	State         string             `json:"state"`
	Reason        string             `json:"reason"`
	Members       []AccordParty      `json:"members"`
	Witnesses     []AccordParty      `json:"witnesses"`
	Ceiling       AccordCeiling      `json:"ceiling"`
	Purposes      []string           `json:"purposes"`
	LegalBases    []string           `json:"legal_bases"`
	ObjectTypes   []string           `json:"object_types"`
	Match         []accord.MatchRule `json:"match"`
	RetentionDays int                `json:"retention_days"`
	Effective     string             `json:"effective"`
	Expires       string             `json:"expires"`
	Rungs         []AccordRung       `json:"rungs"`
	Suspended     *accord.Suspension `json:"suspended"`
	Text          string             `json:"text"` // the exact signed text
	Digest        string             `json:"digest"`
}

// AccordParty is a member or witness.
type AccordParty struct {
	Party       string `json:"party"`
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	Signed      bool   `json:"signed"`
	Me          bool   `json:"me"`
}

// AccordCeiling is the ceiling in words.
type AccordCeiling struct {
	Rung  string `json:"rung"`
	TLP   string `json:"tlp"`
	Place string `json:"place"`
	Time  string `json:"time"`
}

// AccordRung is what one member grants another; Offered is a rung that waits
// for acceptance.
type AccordRung struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Rung    string `json:"rung"`
	Offered string `json:"offered,omitempty"`
}

func (n *Node) accordView(p pact) Accord {
	t := p.Terms
	st := p.state.At(n.now())
	v := Accord{
		ID: p.ID, Title: t.Title, State: st.Name, Reason: st.Reason,
		Ceiling:  AccordCeiling{t.Ceiling.Rung.String(), t.Ceiling.TLP, "exact", t.Ceiling.Time},
		Purposes: orEmpty(t.Purposes), LegalBases: orEmpty(t.LegalBases), ObjectTypes: orEmpty(t.ObjectTypes), Match: orEmpty(t.Match),
		RetentionDays: t.RetentionDays, Effective: stamp(t.Effective), Expires: stamp(t.Expires),
		Text: p.Text, Digest: "sha256:" + p.ID, Witnesses: []AccordParty{}, Rungs: []AccordRung{},
	}
	if t.Ceiling.PlaceKM > 0 {
		v.Ceiling.Place = fmt.Sprintf("%g km", t.Ceiling.PlaceKM)
	}
	party := func(m accord.Member) AccordParty {
		return AccordParty{m.Party, m.Name, m.Fingerprint(), slices.Contains(p.SignedBy, m.Party), m.Party == n.cfg.Party}
	}
	for _, m := range t.Members {
		v.Members = append(v.Members, party(m))
		for _, o := range t.Members {
			if m.Party == o.Party {
				continue
			}
			r := AccordRung{From: m.Party, To: o.Party, Rung: p.state.Rung(m.Party, o.Party).String()}
			if _, offered, ok := p.state.OpenOffer(m.Party, o.Party); ok {
				r.Offered = offered.String()
			}
			v.Rungs = append(v.Rungs, r)
		}
	}
	for _, w := range t.Witnesses {
		v.Witnesses = append(v.Witnesses, party(w))
	}
	if x := p.state.Suspensions(); len(x) > 0 {
		v.Suspended = &x[0]
	}
	return v
}

// ListAccords lists every accord.
func (n *Node) ListAccords(ctx context.Context) ([]Accord, error) {
	out := []Accord{}
	err := n.view(ctx, func(tx store.Tx) error {
		ps, err := n.pacts(tx)
		for _, p := range ps {
			out = append(out, n.accordView(p))
		}
		return err
	})
	return out, err
}

// ShowAccord shows one accord, by its id or an unambiguous beginning of it.
func (n *Node) ShowAccord(ctx context.Context, id string) (Accord, error) {
	var v Accord
	err := n.view(ctx, func(tx store.Tx) error {
		p, err := n.pact(tx, id)
		if err == nil {
			v = n.accordView(p)
		}
		return err
	})
	return v, err
}

// takeAccord takes in an accord, or more signatures on one that is known, from
// a partner's parcel. An unknown accord must be offered by a member who signed
// it and must give this node a part.
func (n *Node) takeAccord(tx store.Tx, from string, note []byte) (accord.Accord, error) {
	a, err := n.openAccord(note)
	if err != nil {
		return a, err
	}
	held, err := tx.Doc(docAccord, a.ID)
	if err == nil {
		known, err := n.openAccord(held)
		if err != nil {
			return a, err
		}
		merged, err := known.Merge(note, n.currentBook())
		if err != nil || slices.Equal(merged.SignedBy, known.SignedBy) {
			return known, err
		}
		return merged, tx.PutDoc(docAccord, a.ID, merged.Note)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return a, err
	}
	everybody := append(a.Terms.Parties(), a.Terms.WitnessParties()...)
	if !slices.Contains(everybody, n.cfg.Party) || !slices.Contains(a.SignedBy, from) {
		return a, fmt.Errorf("%w: it gives us no part, or its sender has not signed it", accord.ErrAccord)
	}
	docs, err := tx.ListDocs(docAccord)
	if err != nil {
		return a, err
	}
	waiting := 0
	for _, d := range docs {
		if o, err := n.openAccord(d.Body); err == nil && !o.InForce() && slices.Contains(o.SignedBy, from) {
			waiting++
		}
	}
	if waiting >= maxOffered {
		return a, fmt.Errorf("%w: %d accords offered by %s wait already", accord.ErrAccord, waiting, from)
	}
	if _, ok, err := n.guard.last(ledger.Origin(a.ID, n.cfg.Party)); err != nil {
		return a, err
	} else if n.signedByUs(a) && !ok {
		// We signed it and know nothing of it: database and guard are gone.
		if err := tx.PutDoc(docLost, ledger.Origin(a.ID, n.cfg.Party), []byte("{}")); err != nil {
			return a, err
		}
	}
	return a, tx.PutDoc(docAccord, a.ID, a.Note)
}

// decodeData reads an event's data.
func decodeData[T any](e ledger.Event) (T, error) {
	var v T
	if err := json.Unmarshal(e.Data, &v); err != nil {
		return v, fmt.Errorf("%s event: %w", e.Kind, err)
	}
	return v, nil
}
