package node

import (
	"context"
	"errors"
	"fmt"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
	"parley.example/parley/stix"
	"parley.example/parley/taxii"
)

// Copies for partners who have no node: whoever made the token for such a
// collection decided for what purpose objects may pass, and the gate decides
// on each. What passes is released as by hand, with its ledger event in the
// same transaction, and served from the copy from then on.

const (
	docStanding = "standing" // by accord/party: standing
	// docStood marks objects that were released so, by accord/party/Added.
	docStood = "stood"
	// gatedAtOnce bounds the objects that one transaction puts to the gate, and
	// gatedInAll those that one request does.
	gatedAtOnce = 250
	gatedInAll  = 5000
)

// standing is how far our own objects were put to the gate for a party, and
// under which conditions: when these change, all are put to it again.
type standing struct {
	At    int64  `json:"at"`    // Added of the last one
	Under string `json:"under"` // what the decisions depended on
}

// releaseStanding puts our own objects that the gate has not yet seen for a
// party to it, and reports whether some remain. Objects that a released copy
// is of are not released twice.
func (n *Node) releaseStanding(ctx context.Context, in store.Collection, g Grant, q taxii.Query) (more bool, err error) {
	for range gatedInAll / gatedAtOnce {
		err = n.update(ctx, func(tx store.Tx) error {
			more, err = n.standOnce(tx, in, g)
			return err
		})
		if err != nil || !more {
			return more, err
		}
	}
	return more, ctx.Err()
}

func (n *Node) standOnce(tx store.Tx, in store.Collection, g Grant) (more bool, err error) {
	pc, err := n.pact(tx, in.Accord)
	if err != nil {
		return false, err
	}
	key := peerID(in.Accord, in.To)
	var at standing
	if err := getDoc(tx, docStanding, key, &at); err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	under := fmt.Sprint(pc.state.Rung(n.cfg.Party, in.To), g.Purpose, g.LegalBasis)
	before := at
	if at.Under != under {
		at = standing{Under: under}
	}
	types := pc.Terms.ObjectTypes
	objects, more, err := tx.ListObjects(store.ObjectQuery{
		In: &store.Collection{}, Types: types, Versions: store.Versions{Last: true}, After: at.At, Limit: gatedAtOnce, MaxBytes: pageBytes,
	})
	if err != nil {
		return false, err
	}
	for _, o := range objects {
		if err := n.stand(tx, pc, in, g, o); err != nil {
			return false, err
		}
		at.At = o.Added
	}
	if at == before {
		return more, nil
	}
	return more, putDoc(tx, docStanding, key, at)
}

// stand asks the gate about one object and releases it where it may pass.
func (n *Node) stand(tx store.Tx, pc pact, in store.Collection, g Grant, o store.Object) error {
	mark := fmt.Sprintf("%s/%d", peerID(in.Accord, in.To), o.Added)
	if _, err := tx.Doc(docStood, mark); err == nil || !errors.Is(err, store.ErrNotFound) {
		return err
	}
	basis := g.LegalBasis
	if basis == "" && len(pc.Terms.LegalBases) == 1 {
		basis = pc.Terms.LegalBases[0]
	}
	rel, _, err := release.Mint(n.gateInput(tx, pc, o, []string{in.To}, g.Purpose, basis), "")
	if errors.Is(err, release.ErrWithheld) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := n.act(tx, pc.Accord, ledger.Released, rel.Record(), in.To); err != nil {
		return err
	}
	if err := errors.Join(tx.PutBody(rel.Digest(), rel.Bytes()), tx.PutDoc(docStood, mark, []byte("1"))); err != nil {
		return err
	}
	if err := n.noteCopy(tx, pc.ID, in.To, rel.Record().Object, o.ID); err != nil {
		return err
	}
	return putCopy(tx, in, rel)
}

// putCopy keeps a released copy where the party can fetch it.
func putCopy(tx store.Tx, in store.Collection, rel release.Released) error {
	obj, err := stix.Parse(rel.Bytes())
	if err != nil {
		return fmt.Errorf("a released copy does not read: %w", err)
	}
	so := storedObject(obj, "", in.Accord)
	so.To = in.To
	_, err = tx.PutObject(so)
	if errors.Is(err, store.ErrConflict) {
		return nil // the same version was released in other words before; that copy stands
	}
	return err
}
