package accord

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"parley.example/parley/ledger"
)

// Brief makes a receipt or evidence short, for whoever has the accord and the
// cards of its parties: it leaves them out, and the ML-DSA-44 cosignatures, of
// evidence all cosignatures. It proves the same, against everybody who cannot forge
// Ed25519 signatures; keep the whole file for longer than that can be said.
func Brief(file []byte) ([]byte, error) {
	id := func(note []byte) (string, error) {
		text, _, err := ledger.NoteText(note)
		return idOf(text), err
	}
	switch {
	case ledger.IsFork(file):
		f, err := ledger.ParseFork(file)
		if err != nil || f.Brief != "" {
			return file, err
		}
		if f.Brief, err = id(f.Accord); err != nil {
			return nil, err
		}
		err = ownersAlone(&f.Earlier, &f.Later)
		return f.Marshal(), err
	case ledger.IsDisorder(file):
		d, err := ledger.ParseDisorder(file)
		if err != nil || d.Brief != "" {
			return file, err
		}
		if d.Brief, err = id(d.Accord); err != nil {
			return nil, err
		}
		notes := []*[]byte{&d.Checkpoint}
		for i := range d.Seen {
			notes = append(notes, &d.Seen[i])
		}
		err = ownersAlone(notes...)
		return d.Marshal(), err
	}
	r, err := ledger.ParseReceipt(file)
	if err != nil || r.Brief != "" {
		return file, err
	}
	if r.Brief, err = id(r.Accord); err != nil {
		return nil, err
	}
	if r.Checkpoint, err = ledger.DropMLDSA(r.Checkpoint); err != nil {
		return nil, err
	}
	for i, raw := range r.Witnessings {
		w, err := ledger.ParseWitnessing(raw)
		if err == nil {
			w.Checkpoint, err = ledger.DropMLDSA(w.Checkpoint)
		}
		if err != nil {
			return nil, err
		}
		r.Witnessings[i] = w.Marshal()
	}
	return r.Marshal(), nil
}

// ownersAlone takes the cosignatures off: what is proven of an owner rests on its
// own signatures.
func ownersAlone(checkpoints ...*[]byte) (err error) {
	for _, c := range checkpoints {
		if *c, err = ledger.OwnerAlone(*c); err != nil {
			return err
		}
	}
	return nil
}

// material is what a verifier has besides the file: accords and cards.
type material struct {
	accords map[string][]byte // by id
	cards   []Card
}

// gather sorts what the verifier gave: cards, accords, and whole receipts or
// evidence, of which it takes the accord and the cards. Nothing in it is trusted:
// the accord is known by its id, and its long-term keys vouch for the cards.
func gather(with [][]byte) (material, error) {
	m := material{accords: make(map[string][]byte)}
	for _, b := range with {
		accord, cards, err := groundOf(b)
		if err != nil {
			return m, err
		}
		if accord != nil {
			text, _, err := ledger.NoteText(accord)
			if err != nil {
				return m, err
			}
			m.accords[idOf(text)] = accord
		}
		for _, note := range cards {
			c, err := OpenCard(note)
			if err != nil {
				return m, err
			}
			if !slices.ContainsFunc(m.cards, func(k Card) bool { return bytes.Equal(k.note, c.note) }) {
				m.cards = append(m.cards, c)
			}
		}
	}
	slices.SortStableFunc(m.cards, func(a, b Card) int {
		return cmp.Or(cmp.Compare(a.Party, b.Party), cmp.Compare(a.Sequence, b.Sequence))
	})
	return m, nil
}

func groundOf(file []byte) (accord []byte, cards [][]byte, err error) {
	if f, err := ledger.ParseFork(file); err == nil {
		return f.Accord, f.Cards, nil
	}
	if d, err := ledger.ParseDisorder(file); err == nil {
		return d.Accord, d.Cards, nil
	}
	if r, err := ledger.ParseReceipt(file); err == nil {
		return r.Accord, r.Cards, nil
	}
	if _, err := OpenCard(file); err == nil {
		return nil, [][]byte{file}, nil
	}
	text, _, err := ledger.NoteText(file)
	if err == nil {
		var t Terms
		if err = decode(text, &t); err == nil {
			err = t.Check()
		}
	}
	if err != nil {
		return nil, nil, errors.New("a file given to verify with is no card, accord, receipt or evidence")
	}
	return file, nil, nil
}

// ground finds what a brief file leaves out: the accord of that id and the cards
// of its parties under the long-term keys that it pins.
func (m material) ground(id string) (note []byte, cards [][]byte, err error) {
	note, ok := m.accords[id]
	if !ok {
		return nil, nil, fmt.Errorf("%w: it is brief and rests on accord %.12s, which was not given to verify with", ErrAccord, id)
	}
	text, _, err := ledger.NoteText(note)
	if err != nil {
		return nil, nil, err
	}
	var t Terms
	if err := decode(text, &t); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrAccord, err)
	}
	for _, c := range m.cards {
		for _, p := range slices.Concat(t.Members, t.Witnesses) {
			if p.Party == c.Party && p.Root == c.Root {
				cards = append(cards, c.note)
			}
		}
	}
	return note, cards, nil
}

// classical is the book without the ML-DSA-44 keys, for files without their
// signatures.
func (b *Book) classical() *Book {
	out := NewBook()
	for party, cards := range b.cards {
		for _, c := range cards {
			c.cosigning = ledger.MLDSAPublicKey{}
			out.cards[party] = append(out.cards[party], c)
		}
	}
	return out
}
