package node

import (
	"context"
	"encoding/json"

	"parley.example/parley/internal/store"
)

// What only a test does: asking an arbiter for what is not due, and dealing masks that
// stand on no sheet.

func AskForKey(ctx context.Context, n *Node, accordID, arbiter string, released, taken []byte) ([]byte, error) {
	var pc pact
	if err := n.view(ctx, func(tx store.Tx) (err error) { pc, err = n.pact(tx, accordID); return err }); err != nil {
		return nil, err
	}
	a, err := n.askArbiter(ctx, pc, arbiter, arbiterAsk{Released: released, Taken: taken})
	return a.Mask, err
}

func SpoilMasks(ctx context.Context, n *Node, accordID, witness string) error {
	if err := n.readyLock(ctx, accordID); err != nil {
		return err
	}
	return n.update(ctx, func(tx store.Tx) error {
		var box maskBox
		raw, err := tx.Doc(docMasks, peerID(accordID, witness))
		if err == nil {
			err = json.Unmarshal(raw, &box)
		}
		if err != nil {
			return err
		}
		box.Sheet.Secrets[0], box.Sheet.Secrets[1] = box.Sheet.Secrets[1], box.Sheet.Secrets[0]
		return putDoc(tx, docMasks, peerID(accordID, witness), box)
	})
}

// LoseSeals forgets the keys of releases that left locked, as a lost database does.
func LoseSeals(ctx context.Context, n *Node) error {
	return n.update(ctx, func(tx store.Tx) error {
		docs, err := tx.ListDocs(docSeal)
		for _, d := range docs {
			if err == nil {
				err = tx.DeleteDoc(docSeal, d.ID)
			}
		}
		return err
	})
}
