package node

import (
	"context"
	"fmt"
	"io"

	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// ExportParcel writes what a partner is due as a file that only it can open:
// the same parcel that the line would carry, to travel on a stick. Nothing
// counts as delivered until the partner's own parcel says so.
func (n *Node) ExportParcel(ctx context.Context, id, to string, w io.Writer) error {
	a, err := n.ShowAccord(ctx, id)
	if err != nil {
		return err
	}
	card, ok := n.currentBook().Card(to)
	if !ok {
		return fmt.Errorf("%w: no card of %q is known", ErrNotFound, clip(to))
	}
	p, _, err := n.parcel(ctx, a.ID, to)
	if err != nil {
		return err
	}
	return link.Seal(w, p, card.Parcel)
}

// Arrival says what a parcel file was.
type Arrival struct {
	From    string `json:"from"`
	Accord  string `json:"accord"`
	Entries int    `json:"entries"` // in the parcel, new or not
	Bodies  int    `json:"bodies"`
	News    bool   `json:"news"` // false: everything in it was held already
	Gap     bool   `json:"gap"`  // an earlier parcel is missing; ask for one from Have on
	Have    int64  `json:"have"` // entries of From's log that are held now
}

// ImportParcel takes in a parcel file, all of it or nothing. A file that comes
// again is recognised.
func (n *Node) ImportParcel(ctx context.Context, r io.Reader) (Arrival, error) {
	p, err := link.Unseal(r, n.keys.parcel)
	if err != nil {
		return Arrival{}, err
	}
	if p.To != n.cfg.Party {
		return Arrival{}, fmt.Errorf("%w: the parcel is for %q", ErrInvalid, clip(p.To))
	}
	if _, ok := n.currentBook().Card(p.From); !ok {
		return Arrival{}, fmt.Errorf("%w: no card of its sender, %q, is known", ErrNotFound, clip(p.From))
	}
	out := Arrival{From: p.From, Accord: p.Header.Accord, Entries: len(p.Entries), Bodies: len(p.Bodies)}
	if out.News, err = n.apply(ctx, p.From, p); err != nil {
		return out, err
	}
	err = n.view(ctx, func(tx store.Tx) error {
		out.Have, err = tx.LogSize(ledger.Origin(p.Header.Accord, p.From))
		out.Gap = p.First > out.Have
		return err
	})
	return out, err
}
