package accord

import (
	"fmt"
	"maps"
	"slices"

	"parley.example/parley/ledger"
)

// Book is what a node knows of whose keys are whose: for each party the pinned
// long-term key and every card signed by it. It is not safe for concurrent
// use.
type Book struct{ cards map[string][]Card }

// NewBook returns an empty book.
func NewBook() *Book { return &Book{cards: make(map[string][]Card)} }

// Add takes a card in. The first card of a party pins its long-term key; later
// ones must be signed by the same key ([ErrStranger]) and carry a higher
// sequence number ([ErrStale]). The very card that is known already is
// accepted without effect.
func (b *Book) Add(c Card) error {
	known := b.cards[c.Party]
	for _, k := range known {
		if slices.Equal(k.note, c.note) {
			return nil
		}
	}
	if len(known) > 0 {
		last := known[len(known)-1]
		if last.root != c.root {
			return fmt.Errorf("card of %s: %w (pinned fingerprint %s, this card %s)", c.Party, ErrStranger, Fingerprint(last.root), Fingerprint(c.root))
		}
		if c.Sequence <= last.Sequence {
			return fmt.Errorf("card of %s: %w: sequence %d, known %d", c.Party, ErrStale, c.Sequence, last.Sequence)
		}
		for _, k := range known {
			if k.signing == c.signing && k.cosigning != c.cosigning {
				return fmt.Errorf("card of %s: %w: it pairs a signing key that was used before with another cosigning key", c.Party, ErrCard)
			}
		}
	}
	b.cards[c.Party] = append(known, c)
	return nil
}

// Card returns the party's newest card.
func (b *Book) Card(party string) (Card, bool) {
	known := b.cards[party]
	if len(known) == 0 {
		return Card{}, false
	}
	return known[len(known)-1], true
}

// AccordSigners lists the keys that count on an accord, under the names of its
// members: those on their newest cards, and earlier ones if the cards that
// replaced them name the member's log under this accord.
func (b *Book) AccordSigners(id string, parties ...string) []ledger.Signed {
	var out []ledger.Signed
	for _, p := range parties {
		for i, c := range b.cards[p] {
			k := ledger.Signed{Name: p, Key: c.signing}
			if _, named := b.until(p, i, ledger.Origin(id, p)); named && !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

// Cards returns every card of the parties, oldest first within a party.
func (b *Book) Cards(parties ...string) []Card {
	var out []Card
	for _, p := range parties {
		out = append(out, b.cards[p]...)
	}
	return out
}

// Parties lists everybody whose card is known, ascending.
func (b *Book) Parties() []string { return slices.Sorted(maps.Keys(b.cards)) }
