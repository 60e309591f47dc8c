package accord

import (
	"fmt"
	"slices"

	"parley.example/parley/ledger"
)

// Verdict is what a verified receipt proves.
type Verdict struct {
	Event      ledger.Event
	Index      int64
	Accord     Accord
	Checkpoint ledger.Checkpoint
	Cards      []Card
	Members    []string // members, other than the actor, whose cosignature is on the checkpoint
	Witnesses  []string // witnesses whose cosignature is on it
}

// NewReceipt completes a receipt with the accord and the cards of everybody
// whose signature is in it.
func NewReceipt(r ledger.Receipt, a Accord, book *Book) ledger.Receipt {
	r.Accord = a.Note
	r.Cards = nil
	for _, c := range book.Cards(append(a.Terms.Parties(), a.Terms.WitnessParties()...)...) {
		r.Cards = append(r.Cards, c.Note())
	}
	return r
}

// VerifyReceipt checks a receipt offline. Its anchor is the accord inside it:
// the long-term keys that the accord pins vouch for the cards, the cards for
// the operational keys, and those for everything else. Whether that accord is
// the right one is for the reader: compare its id or the fingerprints.
func VerifyReceipt(file []byte) (Verdict, error) {
	var v Verdict
	r, err := ledger.ParseReceipt(file)
	if err != nil {
		return v, err
	}
	book := NewBook()
	for i, msg := range r.Cards {
		c, err := OpenCard(msg)
		if err != nil {
			return v, fmt.Errorf("card %d: %w", i+1, err)
		}
		if err := book.Add(c); err != nil {
			return v, err
		}
		v.Cards = append(v.Cards, c)
	}
	if v.Accord, err = Open(r.Accord, book); err != nil {
		return v, err
	}
	if !v.Accord.InForce() {
		return v, fmt.Errorf("%w: signed by %d of %d members", ErrAccord, len(v.Accord.SignedBy), len(v.Accord.Terms.Members))
	}
	t := v.Accord.Terms
	everybody := append(t.Parties(), t.WitnessParties()...)
	for _, c := range v.Cards {
		if !slices.Contains(everybody, c.Party) {
			return v, fmt.Errorf("%w: card of %s, which has no part in the accord", ErrStranger, c.Party)
		}
	}
	e, err := ledger.ParseEvent(r.Event)
	if err != nil {
		return v, err
	}
	if e.Accord != v.Accord.ID || !slices.Contains(t.Parties(), e.Party) {
		return v, fmt.Errorf("%w: the event belongs to another accord or party", ErrStranger)
	}
	others := slices.DeleteFunc(everybody, func(p string) bool { return p == e.Party })
	if v.Event, v.Checkpoint, err = r.Verify(book.Keys(e.Party), book.Signers(others...)); err != nil {
		return v, err
	}
	v.Index = r.Index
	for _, p := range v.Checkpoint.Cosigners {
		if slices.Contains(t.Parties(), p) {
			v.Members = append(v.Members, p)
		} else {
			v.Witnesses = append(v.Witnesses, p)
		}
	}
	return v, nil
}
