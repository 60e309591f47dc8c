package accord_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
)

// rotate is the party with new keys on a card that says where the old ones end.
func (p party) rotate(t testing.TB, sequence int64, sizes map[string]int64) party {
	t.Helper()
	next := newParty(t, p.id)
	next.root = p.root
	c := p.card
	c.Sequence = sequence
	var err error
	if c.Positions, err = accord.MakePositions(sequence, sizes, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if next.card, err = accord.SignCard(c, p.root, next.signing.Public(), next.cosigning.Public()); err != nil {
		t.Fatal(err)
	}
	return next
}

// Which key counts is decided by where in the log it signed.
func TestKeysCountUpToTheirPosition(t *testing.T) {
	a, north, south, _, _ := signed(t)
	log, elsewhere := ledger.Origin(a.ID, "north"), ledger.Origin("another", "north")
	second := north.rotate(t, 2, map[string]int64{log: 5})
	third := second.rotate(t, 3, map[string]int64{log: 9})
	book := bookOf(t, north, south)
	for _, p := range []party{second, third} {
		if err := book.Add(p.card); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		by   party
		log  string
		size int64
		ok   bool
	}{
		{north, log, 1, true}, {north, log, 5, true}, {north, log, 6, false}, {north, log, 100, false},
		{second, log, 6, true}, {second, log, 9, true}, {second, log, 10, false},
		{third, log, 10, true}, {third, log, 3, true},
		{north, elsewhere, 1, false}, {second, elsewhere, 1, false}, {third, elsewhere, 1, true},
	} {
		cp, err := c.by.signing.SignCheckpoint(c.log, ledger.Tree{N: c.size})
		if err != nil {
			t.Fatal(err)
		}
		_, err = book.Opener("north", "south")(cp, c.log)
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, accord.ErrRevoked) {
			t.Errorf("card %d at size %d of %s: %v, want accepted %v", c.by.card.Sequence, c.size, c.log, err, c.ok)
		}
	}
	// A cosignature of another's log is judged in the same way, and a void one
	// is passed over.
	theirs := ledger.Origin(a.ID, "south")
	second = north.rotate(t, 2, map[string]int64{theirs: 4})
	book = bookOf(t, north, south)
	if err := book.Add(second.card); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]int{4: 1, 5: 0} {
		cp, err := south.signing.SignCheckpoint(theirs, ledger.Tree{N: size})
		if err != nil {
			t.Fatal(err)
		}
		if cp, err = ledger.Cosign(cp, "north", north.signing, north.cosigning); err != nil {
			t.Fatal(err)
		}
		got, err := book.Opener("south", "north", "south")(cp, theirs)
		if err != nil || len(got.Cosigners) != want {
			t.Errorf("cosigned at %d: %v, %v, want %d", size, got.Cosigners, err, want)
		}
	}
}

// An accord that a replaced key signed stands if it was signed before the new
// card, and not otherwise.
func TestAccordByReplacedKey(t *testing.T) {
	a, north, south, guarantor, _ := signed(t)
	for named, want := range map[bool]bool{true: true, false: false} {
		sizes := map[string]int64{}
		if named {
			sizes[ledger.Origin(a.ID, "north")] = 0
		}
		book := bookOf(t, north, south, guarantor)
		if err := book.Add(north.rotate(t, 2, sizes).card); err != nil {
			t.Fatal(err)
		}
		if _, err := accord.Open(a.Note, book); (err == nil) != want {
			t.Errorf("named on the new card %v: %v", named, err)
		}
	}
}

// Nobody who does not know a log's name learns from a card that there is one.
func TestPositionsTellNothing(t *testing.T) {
	north := newParty(t, "north")
	for n := range 17 {
		sizes := map[string]int64{}
		for i := range n {
			sizes[ledger.Origin(fmt.Sprint("accord", i), "north")] = int64(i)
		}
		c := north.rotate(t, 2, sizes).card
		want := 16
		if n > 16 {
			want = 32
		}
		if len(c.Positions) != want {
			t.Errorf("%d logs make %d positions, want %d", n, len(c.Positions), want)
		}
		for log, size := range sizes {
			if got, ok := c.Position(log); !ok || got != size {
				t.Errorf("%s: %d, %v, want %d", log, got, ok, size)
			}
		}
		if _, ok := c.Position(ledger.Origin("unknown", "north")); ok {
			t.Error("a log that the card does not name is found")
		}
	}
	if size, ok := north.card.Position("any"); !ok || size < 1<<62 {
		t.Error("a first card bounds something")
	}
}
