package node

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// What a partner announces and does not send cannot be proven to others: the
// line may be bad. So people are told, once it had a day and a chance: the
// partner was heard since, and the accord let content pass.

// docAwaited is, by log/index, content that an entry announces to us and that
// has not come.
const docAwaited = "awaited"

// withheldAfter is how long announced content may be on its way while the
// partner is heard.
const withheldAfter = 24 * time.Hour

type awaited struct {
	Accord string `json:"accord"`
	Party  string `json:"party"`
	Index  int64  `json:"index"`
	Kind   string `json:"kind"`
	Since  int64  `json:"since"` // Unix µs; when it was announced
}

// expectAll notes the content that new entries announce to us and that did not
// come with them.
func (n *Node) expectAll(tx store.Tx, pc pact, got link.News, bodies []link.Body) error {
	came := make(map[int64]bool, len(bodies))
	for _, b := range bodies {
		came[b.Index] = true
	}
	for i, e := range got.Events {
		index := got.First + int64(i)
		if (e.Kind != ledger.Released && e.Kind != ledger.Corrected) || came[index] {
			continue
		}
		if err := n.expect(tx, pc, index, e); err != nil {
			return err
		}
	}
	return nil
}

// expect notes the content that a release announces to us.
func (n *Node) expect(tx store.Tx, pc pact, index int64, e ledger.Event) error {
	// What of a ledger.Release is needed here: backlogs have many.
	d, err := decodeData[struct {
		Object string   `json:"object"`
		To     []string `json:"to"`
	}](e)
	if err != nil || !slices.Contains(d.To, n.cfg.Party) {
		return err
	}
	if gone, err := wasWithdrawn(tx, pc.ID, e.Party, d.Object, index); err != nil || gone {
		return err
	}
	mark := entryMark(ledger.Origin(pc.ID, e.Party), index)
	if _, err := tx.Doc(docHeld, mark); err == nil {
		return nil
	}
	return putDoc(tx, docAwaited, mark, awaited{pc.ID, e.Party, index, string(e.Kind), n.now().UnixMicro()})
}

// withheld lists in words what partners announced and have not sent for a day
// although they were heard since.
func (n *Node) withheld(ctx context.Context) ([]Waiting, error) {
	var out []Waiting
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[awaited](tx, docAwaited)
		if err != nil {
			return err
		}
		peers := make(map[string]peer)
		for _, a := range all {
			id := peerID(a.Accord, a.Party)
			pr, known := peers[id]
			if !known {
				if pr, err = n.peer(tx, a.Accord, a.Party); err != nil {
					return err
				}
				peers[id] = pr
			}
			// Time in which content may not pass does not count.
			since := max(a.Since, pr.Barred)
			if time.Duration(pr.Contact-since)*time.Microsecond < withheldAfter {
				continue
			}
			out = append(out, Waiting{Kind: "alarm", At: stamp(time.UnixMicro(pr.Contact)), Page: "ledger", Title: fmt.Sprintf(
				"%s announced content in entry %d of its log (%s) and has not sent it since %s, although it was heard. Ask it; there is no proof of this for others",
				a.Party, a.Index, a.Kind, stamp(time.UnixMicro(since)))})
		}
		locked, err := listDocs[sealedIn](tx, docSealed)
		if err != nil {
			return err
		}
		for _, s := range locked {
			pr, err := n.peer(tx, s.Accord, s.From)
			if err != nil {
				return err
			}
			if since := max(s.At, pr.Barred); s.Receipt > 0 && time.Duration(pr.Contact-since)*time.Microsecond >= withheldAfter {
				out = append(out, Waiting{Kind: "alarm", At: stamp(time.UnixMicro(pr.Contact)), Page: "inbox", Title: fmt.Sprintf(
					"%s has our receipt for entry %d of its log since %s and has not shown the key of it, although it was heard. Ask it; our receipt and its release are in the ledgers",
					s.From, s.Index, stamp(time.UnixMicro(since)))})
			}
		}
		return nil
	})
	return out, err
}

// expectNot ends the waiting for what a partner withdrew.
func (n *Node) expectNot(tx store.Tx, pc pact, party, object string) error {
	docs, err := tx.ListDocs(docAwaited)
	if err != nil {
		return err
	}
	for _, d := range docs {
		var a awaited
		if err := json.Unmarshal(d.Body, &a); err != nil {
			return fmt.Errorf("stored %s does not read: %w", d.ID, err)
		}
		if a.Accord != pc.ID || a.Party != party {
			continue
		}
		row, err := tx.Event(ledger.Origin(pc.ID, party), a.Index)
		if err != nil {
			return err
		}
		e, err := ledger.ParseEvent(row.Bytes)
		if err != nil {
			return err
		}
		if x, err := decodeData[ledger.Release](e); err == nil && x.Object == object {
			if err := tx.DeleteDoc(docAwaited, d.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
