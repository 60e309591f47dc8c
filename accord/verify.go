package accord

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	Witnesses  []string // witnesses who cosigned the node log in which it stands
	// PostQuantum are those of both whose cosignature is with ML-DSA-44 too.
	PostQuantum []string
	// WitnessedAt is when, by the actor's clock, the checkpoint was put into the
	// node log; zero where no witness saw it.
	WitnessedAt time.Time
	// Brief says that the file left out accord, cards and ML-DSA-44 cosignatures.
	Brief bool
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
//
// A receipt by a thief of a key carries no card that replaced it. Whoever knows
// newer cards of the parties passes them: what was signed with a replaced key
// beyond its position is [ErrRevoked]. A brief receipt needs its accord and the
// cards, or a whole receipt under that accord, among with.
func VerifyReceipt(file []byte, with ...[]byte) (Verdict, error) {
	var v Verdict
	r, err := ledger.ParseReceipt(file)
	if err != nil {
		return v, err
	}
	book, err := v.open(r.Accord, r.Cards, r.Brief, with)
	if err != nil {
		return v, err
	}
	t := v.Accord.Terms
	everybody := append(t.Parties(), t.WitnessParties()...)
	e, err := ledger.ParseEvent(r.Event)
	if err != nil {
		return v, err
	}
	if e.Accord != v.Accord.ID || !slices.Contains(t.Parties(), e.Party) {
		return v, fmt.Errorf("%w: the event belongs to another accord or party", ErrStranger)
	}
	open := book.Opener(e.Party, everybody...)
	if v.Event, v.Checkpoint, err = r.Verify(open); err != nil {
		return v, err
	}
	v.Index = r.Index
	for _, p := range v.Checkpoint.Cosigners {
		if slices.Contains(t.Parties(), p) {
			v.Members = append(v.Members, p)
		} else {
			v.Witnesses = append(v.Witnesses, p) // as early versions did it
		}
	}
	v.PostQuantum = append([]string(nil), v.Checkpoint.MLDSA...)
	for _, raw := range r.Witnessings {
		if err := v.witnessed(r.Checkpoint, raw, open); err != nil {
			return v, err
		}
	}
	return v, nil
}

// witnessed adds who cosigned the node log in which the checkpoint stands.
func (v *Verdict) witnessed(checkpoint, raw []byte, open ledger.Opener) error {
	w, err := ledger.ParseWitnessing(raw)
	if err != nil {
		return err
	}
	if p, err := ledger.ParseNodeOrigin(w.Origin()); err != nil || p != v.Event.Party {
		return fmt.Errorf("%w: the receipt is witnessed in the log of another node", ErrStranger)
	}
	tick, cp, err := w.Verify(checkpoint, open)
	if err != nil {
		return fmt.Errorf("witnessing: %w", err)
	}
	if v.WitnessedAt.IsZero() || tick.At.Before(v.WitnessedAt) {
		v.WitnessedAt = tick.At
	}
	for _, p := range cp.Cosigners {
		if slices.Contains(v.Accord.Terms.WitnessParties(), p) && !slices.Contains(v.Witnesses, p) {
			v.Witnesses = append(v.Witnesses, p)
			if slices.Contains(cp.MLDSA, p) {
				v.PostQuantum = append(v.PostQuantum, p)
			}
		}
	}
	return nil
}

// open checks the cards and the accord of a file and returns the keys that
// they vouch for.
func (v *Verdict) open(note []byte, cards [][]byte, brief string, with [][]byte) (*Book, error) {
	m, err := gather(with)
	if err != nil {
		return nil, err
	}
	if v.Brief = brief != ""; v.Brief {
		if note, cards, err = m.ground(brief); err != nil {
			return nil, err
		}
	}
	book := NewBook()
	for i, msg := range cards {
		c, err := OpenCard(msg)
		if err != nil {
			return nil, fmt.Errorf("card %d: %w", i+1, err)
		}
		if err := book.Add(c); err != nil {
			return nil, err
		}
		v.Cards = append(v.Cards, c)
	}
	for _, c := range m.cards {
		if _, ok := book.Card(c.Party); !ok {
			continue // it has no part in this
		}
		if err := book.Add(c); err != nil && !errors.Is(err, ErrStale) && !(v.Brief && errors.Is(err, ErrStranger)) {
			return nil, err
		}
	}
	if v.Accord, err = Open(note, book); err != nil {
		return nil, err
	}
	t := v.Accord.Terms
	if !v.Accord.InForce() {
		return nil, fmt.Errorf("%w: signed by %d of %d members", ErrAccord, len(v.Accord.SignedBy), len(t.Members))
	}
	everybody := append(t.Parties(), t.WitnessParties()...)
	for _, c := range v.Cards {
		if !slices.Contains(everybody, c.Party) {
			return nil, fmt.Errorf("%w: card of %s, which has no part in the accord", ErrStranger, c.Party)
		}
	}
	if v.Brief {
		book = book.classical()
	}
	return book, nil
}

// NewEvidence completes evidence of a fork with the accord and the cards, as
// NewReceipt does a receipt.
func NewEvidence(f ledger.Fork, a Accord, book *Book) ledger.Fork {
	r := NewReceipt(ledger.Receipt{}, a, book)
	f.Accord, f.Cards = r.Accord, r.Cards
	return f
}

// NewDisorder completes evidence of disorder, as NewReceipt does a receipt.
func NewDisorder(d ledger.Disorder, a Accord, book *Book) ledger.Disorder {
	r := NewReceipt(ledger.Receipt{}, a, book)
	d.Accord, d.Cards = r.Accord, r.Cards
	return d
}

// Accusation is what verified evidence proves of Party.
type Accusation struct {
	Party  string
	Log    string
	Accord Accord
	Proven string   // in words
	Sizes  [2]int64 // of the two trees, where it signed two histories
}

// IsEvidence reports whether a file is evidence rather than a receipt.
func IsEvidence(file []byte) bool { return ledger.IsFork(file) || ledger.IsDisorder(file) }

// VerifyEvidence checks evidence offline, with the same anchor as VerifyReceipt.
func VerifyEvidence(file []byte, with ...[]byte) (Accusation, error) {
	if ledger.IsDisorder(file) {
		return verifyDisorder(file, with)
	}
	return verifyFork(file, with)
}

func verifyDisorder(file []byte, with [][]byte) (Accusation, error) {
	var out Accusation
	d, err := ledger.ParseDisorder(file)
	if err != nil {
		return out, err
	}
	var v Verdict
	book, err := v.open(d.Accord, d.Cards, d.Brief, with)
	if err != nil {
		return out, err
	}
	member := func(msg []byte) (log, party string, err error) {
		text, _, err := ledger.NoteText(msg)
		if err != nil {
			return "", "", err
		}
		log, _, _ = strings.Cut(text, "\n")
		id, party, err := ledger.ParseOrigin(log)
		if err == nil && (id != v.Accord.ID || !slices.Contains(v.Accord.Terms.Parties(), party)) {
			err = fmt.Errorf("%w: the log belongs to another accord or party", ErrStranger)
		}
		return log, party, err
	}
	everybody := append(v.Accord.Terms.Parties(), v.Accord.Terms.WitnessParties()...)
	if out.Log, out.Party, err = member(d.Checkpoint); err != nil {
		return Accusation{}, err
	}
	out.Accord = v.Accord
	out.Proven, err = d.Verify(out.Log, book.Opener(out.Party, everybody...), func(msg []byte) (string, ledger.Checkpoint, error) {
		log, party, err := member(msg)
		if err != nil {
			return party, ledger.Checkpoint{}, err
		}
		cp, err := book.Opener(party, everybody...)(msg, log)
		return party, cp, err
	})
	if err != nil {
		return Accusation{}, err
	}
	out.Proven = out.Party + " dated back: " + out.Proven
	return out, nil
}

func verifyFork(file []byte, with [][]byte) (Accusation, error) {
	var out Accusation
	f, err := ledger.ParseFork(file)
	if err != nil {
		return out, err
	}
	var v Verdict
	book, err := v.open(f.Accord, f.Cards, f.Brief, with)
	if err != nil {
		return out, err
	}
	text, _, err := ledger.NoteText(f.Earlier)
	if err != nil {
		return out, err
	}
	out.Log, _, _ = strings.Cut(text, "\n")
	party, err := ledger.ParseNodeOrigin(out.Log)
	t := v.Accord.Terms
	if err != nil {
		var accordID string
		if accordID, party, err = ledger.ParseOrigin(out.Log); err != nil {
			return out, err
		}
		if accordID != v.Accord.ID {
			return out, fmt.Errorf("%w: the log belongs to another accord", ErrStranger)
		}
	}
	if !slices.Contains(t.Parties(), party) {
		return out, fmt.Errorf("%w: the log belongs to another party", ErrStranger)
	}
	open := book.Opener(party, append(t.Parties(), t.WitnessParties()...)...)
	if err := f.Verify(out.Log, open); err != nil {
		return out, err
	}
	for i, note := range [][]byte{f.Earlier, f.Later} {
		cp, err := open(note, out.Log)
		if err != nil {
			return out, err
		}
		out.Sizes[i] = cp.Tree.N
	}
	out.Party, out.Accord = party, v.Accord
	out.Proven = fmt.Sprintf("%s signed two histories of its log: the tree of %d entries is not the beginning of the tree of %d", party, out.Sizes[0], out.Sizes[1])
	return out, nil
}
