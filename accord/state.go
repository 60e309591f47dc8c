package accord

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"parley.example/parley/ledger"
)

// Suspension says who stopped an accord, when and why.
type Suspension struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// State is where an accord stands, computed from its terms and the members'
// ledgers and nothing else. Each member's acts bear on the state in the order
// of that member's own log, so that the order in which logs arrive does not
// matter: whoever holds the same logs computes the same state.
type State struct {
	terms     Terms
	signed    int
	suspended map[string]Suspension
	ended     *Suspension
	amended   string                    // id of the accord in force that replaces this one
	grants    map[string][]grant        // by granting party, in log order
	accepted  map[string]map[int64]bool // offers accepted, by granting party and index
}

type grant struct {
	index int64
	to    string
	rung  Rung
	lower bool
}

// NewState is the state of an accord before any ledger event.
func NewState(a Accord) *State {
	return &State{
		terms: a.Terms, signed: len(a.SignedBy),
		suspended: make(map[string]Suspension), grants: make(map[string][]grant),
		accepted: make(map[string]map[int64]bool),
	}
}

// Apply folds in the event at index of the acting member's log. Events of one
// log must come in order. Kinds that do not bear on the state are passed over;
// an event by a party that is no member is an error.
func (s *State) Apply(index int64, e ledger.Event) error {
	if !slices.Contains(s.terms.Parties(), e.Party) {
		return fmt.Errorf("%w: %s acts under an accord it is no member of", ErrStranger, e.Party)
	}
	switch e.Kind {
	case ledger.AccordSuspended, ledger.AccordResumed, ledger.AccordEnded:
		var d ledger.Reason
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return fmt.Errorf("%s event: %w", e.Kind, err)
		}
		why := Suspension{By: e.Party, At: e.At, Reason: d.Reason}
		switch e.Kind {
		case ledger.AccordSuspended:
			s.suspended[e.Party] = why
		case ledger.AccordResumed:
			delete(s.suspended, e.Party)
		default:
			if s.ended == nil || why.At.Before(s.ended.At) {
				s.ended = &why
			}
		}
	case ledger.RungOffered, ledger.RungLowered, ledger.RungAccepted:
		var d ledger.Rung
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return fmt.Errorf("%s event: %w", e.Kind, err)
		}
		var r Rung
		if err := r.UnmarshalText([]byte(d.Rung)); err != nil {
			return fmt.Errorf("%s event: %w", e.Kind, err)
		}
		if e.Kind == ledger.RungAccepted {
			if e.Party != d.To {
				return fmt.Errorf("%s event: %s accepts what was offered to %s", e.Kind, e.Party, d.To)
			}
			if s.accepted[d.From] == nil {
				s.accepted[d.From] = make(map[int64]bool)
			}
			s.accepted[d.From][d.Offer] = true
			return nil
		}
		if e.Party != d.From {
			return fmt.Errorf("%s event: %s grants in the name of %s", e.Kind, e.Party, d.From)
		}
		s.grants[d.From] = append(s.grants[d.From], grant{index, d.To, min(r, s.terms.Ceiling.Rung), e.Kind == ledger.RungLowered})
	}
	return nil
}

// Rung is the rung that from grants to at present: the start rung, moved by
// from's own lowerings and by those of from's offers that to accepted, in the
// order of from's log.
func (s *State) Rung(from, to string) Rung {
	r := s.terms.Start
	for _, g := range s.grants[from] {
		switch {
		case g.to != to:
		case g.lower:
			r = min(r, g.rung)
		case s.accepted[from][g.index]:
			r = g.rung
		}
	}
	return r
}

// OpenOffer returns the newest offer of from to to that is neither accepted
// nor overtaken by a later act of from.
func (s *State) OpenOffer(from, to string) (index int64, r Rung, ok bool) {
	for _, g := range s.grants[from] {
		if g.to == to {
			index, r, ok = g.index, g.rung, !g.lower && !s.accepted[from][g.index]
		}
	}
	return index, r, ok
}

// Suspensions lists who keeps the accord suspended, by party.
func (s *State) Suspensions() []Suspension {
	var out []Suspension
	for _, p := range s.terms.Parties() {
		if x, ok := s.suspended[p]; ok {
			out = append(out, x)
		}
	}
	return out
}

// Amend ends the accord because another, which is in force and names it as the
// one it amends, replaces it.
func (s *State) Amend(by string) { s.amended = by }

// Ended tells who ended the accord, or nil.
func (s *State) Ended() *Suspension { return s.ended }

// Status is the accord's place in its life at a time, and why in words.
type Status struct {
	Name   string // offered, in force, suspended, ended
	Reason string
}

// String is the status as it stands in a sentence after "the accord is".
func (s Status) String() string {
	switch s.Name {
	case InForce:
		return s.Name
	case Offered:
		return "not in force yet: " + s.Reason
	}
	return s.Reason
}

// The names of a Status.
const (
	Offered   = "offered"
	InForce   = "in force"
	Suspended = "suspended"
	Ended     = "ended"
)

// At is the status at a time.
func (s *State) At(now time.Time) Status {
	switch {
	case s.amended != "":
		return Status{Ended, "ended: replaced by accord " + s.amended}
	case s.ended != nil:
		return Status{Ended, fmt.Sprintf("ended by %s: %s", s.ended.By, s.ended.Reason)}
	case !now.Before(s.terms.Expires):
		return Status{Ended, "ended: it expired on " + s.terms.Expires.UTC().Format(time.DateOnly)}
	case s.signed < len(s.terms.Members):
		return Status{Offered, fmt.Sprintf("signed by %d of %d members", s.signed, len(s.terms.Members))}
	case now.Before(s.terms.Effective):
		return Status{Offered, "takes effect on " + s.terms.Effective.UTC().Format(time.DateOnly)}
	}
	if x := s.Suspensions(); len(x) > 0 {
		return Status{Suspended, fmt.Sprintf("suspended by %s: %s", x[0].By, x[0].Reason)}
	}
	return Status{Name: InForce}
}
