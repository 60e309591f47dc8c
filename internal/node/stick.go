package node

import (
	"context"
	"fmt"
	"io"

	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// packed says what a partner will hold once it has the parcels before: where the
// next one of a file goes on.
type packed struct {
	have   int64          // entries of our log
	bodies map[int64]bool // content, by the index of its event
}

// ExportParcel writes what a partner is due as a file that only it can open: the
// same parcels that the line would carry, as many as are needed up to
// link.MaxFile, to travel on a stick. Nothing counts as delivered until the
// partner's own parcel says so.
func (n *Node) ExportParcel(ctx context.Context, id, to string, w io.Writer) error {
	a, err := n.ShowAccord(ctx, id)
	if err != nil {
		return err
	}
	card, ok := n.currentBook().Card(to)
	if !ok {
		return fmt.Errorf("%w: no card of %q is known", ErrNotFound, clip(to))
	}
	return link.Seal(w, card.Parcel, n.dir, func(yield func(link.Parcel, error) bool) {
		before := &packed{bodies: make(map[int64]bool)}
		total := int64(0)
		for {
			p, _, err := n.parcelAfter(ctx, a.ID, to, before)
			if err != nil {
				yield(p, err)
				return
			}
			for _, e := range p.Entries {
				total += int64(len(e.Leaf) + len(e.Event) + len(e.Salt))
			}
			for _, b := range p.Bodies {
				before.bodies[b.Index] = true
				total += int64(len(b.Bytes))
			}
			before.have = max(before.have, p.First+int64(len(p.Entries)))
			if !yield(p, nil) || !p.More || total > link.MaxFile-link.MaxParcel {
				return
			}
		}
	})
}

// Arrival says what a parcel file was.
type Arrival struct {
	From    string `json:"from"`
	Accord  string `json:"accord"`
	Parcels int    `json:"parcels"`
	Entries int    `json:"entries"` // in the file, new or not
	Bodies  int    `json:"bodies"`
	News    bool   `json:"news"` // false: everything in it was held already
	Gap     bool   `json:"gap"`  // an earlier parcel is missing; ask for one from Have on
	Have    int64  `json:"have"` // entries of From's log that are held now
}

// ImportParcel takes in a parcel file. A damaged file changes nothing; each
// parcel in a good one is taken in whole or not at all. A file that comes again
// is recognised.
func (n *Node) ImportParcel(ctx context.Context, r io.Reader) (Arrival, error) {
	var out Arrival
	err := link.Unseal(r, n.identities(), n.dir, func(p link.Parcel) error {
		if p.To != n.cfg.Party {
			return fmt.Errorf("%w: the parcel is for %q", ErrInvalid, clip(p.To))
		}
		if _, ok := n.currentBook().Card(p.From); !ok {
			return fmt.Errorf("%w: no card of its sender, %q, is known", ErrNotFound, clip(p.From))
		}
		out.From, out.Accord = p.From, p.Header.Accord
		out.Parcels++
		out.Entries += len(p.Entries)
		out.Bodies += len(p.Bodies)
		news, err := n.apply(ctx, p.From, p)
		if err != nil {
			return err
		}
		out.News = out.News || news
		return n.view(ctx, func(tx store.Tx) error {
			out.Have, err = tx.LogSize(ledger.Origin(p.Header.Accord, p.From))
			out.Gap = out.Gap || p.First > out.Have
			return err
		})
	})
	return out, err
}
