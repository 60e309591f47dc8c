package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley.example/parley/accord"
	"parley.example/parley/deconflict"
	"parley.example/parley/internal/store"
	"parley.example/parley/release"
)

// Footprints are what our own people plan. They never leave this node: what is
// matched with partners is made of them (deconflicting.go).

const (
	docFootprint = "footprint" // by id: footprint
	docDesk      = "desk"      // by accord: Desk
)

// The states of a footprint.
const (
	footprintActive    = "active"
	footprintWithdrawn = "withdrawn"
	footprintOver      = "over"
)

// footprint is a footprint as it is kept.
type footprint struct {
	deconflict.Footprint
	Accords []string `json:"accords"`
	By      string   `json:"by"` // who entered it
	At      string   `json:"at"` // when this version was entered
	State   string   `json:"state"`
	Reason  string   `json:"reason,omitempty"`
	Before  []string `json:"before,omitempty"` // when earlier versions were entered
}

// FootprintAsk enters a footprint, or with ID a change of plan.
type FootprintAsk struct {
	deconflict.Footprint
	Accords []string `json:"accords,omitempty"` // none: every accord whose rung allows it
	By      User     `json:"-"`
}

// Footprint is a footprint with what is known of overlaps.
type Footprint struct {
	deconflict.Footprint
	Accords  []string       `json:"accords"`
	By       string         `json:"by"`
	At       string         `json:"at"`
	State    string         `json:"state"`  // active, withdrawn or over
	Answer   string         `json:"answer"` // for people: what to tell the unit
	Conflict bool           `json:"conflict"`
	Checked  bool           `json:"checked"` // every partner has answered for this version
	Cells    int            `json:"cells"`
	With     []FootprintFor `json:"with"`
}

// FootprintFor is what is known with regard to one partner.
type FootprintFor struct {
	Accord   string              `json:"accord"`
	Party    string              `json:"party"`
	Name     string              `json:"name"`
	State    string              `json:"state"` // checking, clear or conflict
	Reason   string              `json:"reason,omitempty"`
	Session  string              `json:"session,omitempty"`
	Contact  string              `json:"contact,omitempty"`
	At       string              `json:"at,omitempty"` // of the result
	Overlap  *deconflict.Overlap `json:"overlap,omitempty"`
	Acked    bool                `json:"acknowledged"` // by us
	Resolved string              `json:"resolved,omitempty"`
}

// The states towards a partner.
const (
	planChecking = "checking"
	planClear    = "clear"
	planConflict = "conflict"
)

// Desk is how a partner reaches us where plans overlap, under one accord.
type Desk struct {
	Accord  string `json:"accord"`
	Contact string `json:"contact"`
}

// SetDesk keeps the contact point that partners are told where plans overlap.
func (n *Node) SetDesk(ctx context.Context, d Desk) (Desk, error) {
	d.Contact = strings.TrimSpace(d.Contact)
	if d.Contact == "" || len(d.Contact) > deconflict.MaxContact {
		return d, fmt.Errorf("%w: a contact point has 1 to %d bytes, such as \"Joint desk, +93 20 210 0000\"", ErrInvalid, deconflict.MaxContact)
	}
	err := n.update(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, d.Accord)
		if err != nil {
			return err
		}
		d.Accord = pc.ID
		return putDoc(tx, docDesk, pc.ID, d)
	})
	return d, err
}

// desk is our contact point under an accord.
func (n *Node) desk(tx store.Tx, accordID string) (string, error) {
	var d Desk
	err := getDoc(tx, docDesk, accordID, &d)
	if errors.Is(err, store.ErrNotFound) {
		return n.cfg.Name, nil
	}
	return d.Contact, err
}

// EnterFootprint enters a footprint, or a new version of one, and matches it with
// the partners at once where a line is up. Where none is, it waits; that is no
// error.
func (n *Node) EnterFootprint(ctx context.Context, ask FootprintAsk) (Footprint, error) {
	f := footprint{Footprint: ask.Footprint, By: ask.By.Name, At: stamp(n.now()), State: footprintActive}
	f.From, f.Until, f.RepeatUntil = f.From.UTC(), f.Until.UTC(), f.RepeatUntil.UTC()
	if err := f.Check(); err != nil {
		return Footprint{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if cells, err := f.Cells(n.now().Add(-deconflict.Grace)); err != nil {
		return Footprint{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	} else if len(cells) == 0 {
		return Footprint{}, fmt.Errorf("%w: the whole footprint lies in the past", ErrInvalid)
	}
	id := make([]byte, 6)
	if _, err := io.ReadFull(n.opt.Rand, id); err != nil {
		return Footprint{}, err
	}
	err := n.update(ctx, func(tx store.Tx) error {
		if err := n.footprintAccords(tx, &f, ask.Accords); err != nil {
			return err
		}
		if f.Version = 1; f.ID == "" {
			f.ID = hex.EncodeToString(id)
			return putDoc(tx, docFootprint, f.ID, f)
		}
		var old footprint
		if err := getDoc(tx, docFootprint, f.ID, &old); err != nil {
			return fmt.Errorf("footprint %q: %w", clip(f.ID), err)
		}
		if old.State == footprintWithdrawn {
			return fmt.Errorf("%w: footprint %s was withdrawn; enter a new one", ErrState, f.ID)
		}
		f.Version, f.Before = old.Version+1, append(old.Before, old.At)
		return putDoc(tx, docFootprint, f.ID, f)
	})
	if err != nil {
		return Footprint{}, err
	}
	n.matchPlans(ctx, f.Accords)
	return n.ShowFootprint(ctx, f.ID)
}

// footprintAccords finds the accords under which a footprint counts, and checks its
// legal basis against theirs.
func (n *Node) footprintAccords(tx store.Tx, f *footprint, ids []string) error {
	named := len(ids) > 0
	var all []pact
	if !named {
		ps, err := n.pacts(tx)
		if err != nil {
			return err
		}
		all = ps
	}
	for _, id := range ids {
		pc, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		all = append(all, pc)
	}
	why := errors.New("there is none")
	for _, pc := range all {
		err := n.mayDeconflict(pc, n.others(pc.Accord)...)
		if !slices.Contains(pc.Terms.Parties(), n.cfg.Party) {
			err = fmt.Errorf("%w: we are no member of accord %s", ErrInvalid, pc.ID[:12])
		}
		// A suspended accord is no reason not to enter: it is matched when it is
		// resumed.
		if err != nil && (!named || pc.Terms.Ceiling.Rung < accord.Match) {
			why = err
			continue
		}
		f.Accords = append(f.Accords, pc.ID)
	}
	if len(f.Accords) == 0 {
		return fmt.Errorf("%w: no accord allows deconfliction: %w", ErrState, why)
	}
	return nil
}

// mayDeconflict is nil where the accord is in force and the rungs allow it with at
// least one of the parties.
func (n *Node) mayDeconflict(pc pact, with ...string) error {
	err := fmt.Errorf("%w: accord %s has no other member", ErrState, pc.ID[:12])
	for _, p := range with {
		if err = release.CheckMutual(pc.state, n.cfg.Party, []string{p}, accord.Match, n.now()); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrState, err)
}

// WithdrawFootprint takes a footprint back. Partners with whom it overlapped are
// matched anew, so that their desks learn that nothing overlaps any more.
func (n *Node) WithdrawFootprint(ctx context.Context, id, reason string) (Footprint, error) {
	var f footprint
	err := n.update(ctx, func(tx store.Tx) error {
		if err := getDoc(tx, docFootprint, id, &f); err != nil {
			return fmt.Errorf("footprint %q: %w", clip(id), err)
		}
		f.State, f.Reason = footprintWithdrawn, reason
		return putDoc(tx, docFootprint, f.ID, f)
	})
	if err != nil {
		return Footprint{}, err
	}
	n.matchPlans(ctx, f.Accords)
	return n.ShowFootprint(ctx, id)
}

// Footprints lists what our people entered, newest first.
func (n *Node) Footprints(ctx context.Context) ([]Footprint, error) {
	out := []Footprint{}
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[footprint](tx, docFootprint)
		if err != nil {
			return err
		}
		for _, f := range all {
			v, err := n.footprintView(tx, f)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b Footprint) int { return strings.Compare(b.At, a.At) })
	return out, err
}

// ShowFootprint shows a footprint with what is known of overlaps.
func (n *Node) ShowFootprint(ctx context.Context, id string) (out Footprint, err error) {
	err = n.view(ctx, func(tx store.Tx) error {
		var f footprint
		if err := getDoc(tx, docFootprint, id, &f); err != nil {
			return fmt.Errorf("footprint %q: %w", clip(id), err)
		}
		out, err = n.footprintView(tx, f)
		return err
	})
	return out, err
}

func (n *Node) footprintView(tx store.Tx, f footprint) (Footprint, error) {
	v := Footprint{Footprint: f.Footprint, Accords: f.Accords, By: f.By, At: f.At, State: f.State, With: []FootprintFor{}, Checked: true}
	if cells, err := f.Cells(n.now().Add(-deconflict.Grace)); err == nil {
		v.Cells = len(cells)
	}
	if f.State == footprintActive && f.Over(n.now()) {
		v.State = footprintOver
	}
	var calls []string
	for _, id := range f.Accords {
		pc, err := n.pact(tx, id)
		if err != nil {
			return v, err
		}
		for _, p := range n.others(pc.Accord) {
			w, err := n.footprintFor(tx, pc, p, f)
			if err != nil {
				return v, err
			}
			v.With = append(v.With, w)
			v.Checked = v.Checked && w.State != planChecking
			if w.State == planConflict {
				v.Conflict = true
				calls = append(calls, w.Contact)
			}
		}
	}
	switch {
	case v.State != footprintActive:
		v.Answer = v.State
	case v.Conflict:
		v.Answer = "accepted, conflict: call " + strings.Join(calls, "; ")
	case v.Checked:
		v.Answer = "accepted, no conflict"
	default:
		v.Answer = "accepted, not checked with every partner yet: do not rely on it, call"
	}
	if f.Unit != nil && v.State == footprintActive {
		v.Answer += fmt.Sprintf(" (tell %s, %s)", f.Unit.Name, f.Unit.Telephone)
	}
	return v, nil
}

// footprintFor is what is known of a footprint with regard to one partner: the
// newest exchange says it all, where this version took part.
func (n *Node) footprintFor(tx store.Tx, pc pact, party string, f footprint) (FootprintFor, error) {
	w := FootprintFor{Accord: pc.ID, Party: party, Name: memberName(pc, party), State: planChecking}
	all, err := n.exchangesWith(tx, pc.ID, party)
	if err != nil {
		return w, err
	}
	for _, s := range all { // newest first
		if s.Reason != "" && w.Reason == "" {
			w.Reason = s.Reason
		}
		if !slices.Contains(s.Plans, planID(f.Footprint)) {
			continue
		}
		i := slices.IndexFunc(s.Overlaps, func(o deconflict.Overlap) bool { return o.Footprint == f.ID })
		if i < 0 && s.State != exchangeDone {
			continue
		}
		w.Session, w.At, w.State, w.Reason = s.ID, s.Done, planClear, ""
		if i >= 0 {
			w.State, w.Contact, w.Overlap, w.Acked, w.Resolved = planConflict, s.Contact, &s.Overlaps[i], s.Acked != "", s.Resolved
			if w.Contact == "" {
				w.Contact = w.Name
			}
		}
		return w, nil
	}
	if err := n.mayDeconflict(pc, party); err != nil {
		w.Reason = err.Error()
	}
	return w, nil
}

func memberName(pc pact, party string) string {
	for _, m := range pc.Terms.Members {
		if m.Party == party {
			return m.Name
		}
	}
	return party
}

// planID names a version of a footprint.
func planID(f deconflict.Footprint) string { return fmt.Sprintf("%s/%d", f.ID, f.Version) }
