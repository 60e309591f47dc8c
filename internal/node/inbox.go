package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/stix"
)

// Item is something that a partner released to us (docs/api.md).
type Item struct {
	ID          string          `json:"id"`
	Accord      string          `json:"accord"`
	AccordTitle string          `json:"accord_title"`
	From        string          `json:"from"`
	FromName    string          `json:"from_name"`
	At          string          `json:"at"`
	Kind        string          `json:"kind"` // STIX type
	Title       string          `json:"title"`
	Marking     string          `json:"marking"`
	Grading     string          `json:"grading"`
	State       string          `json:"state"` // new, read, sealed, withdrawn or expired
	Outcome     string          `json:"outcome"`
	Purpose     string          `json:"purpose"`
	Expires     string          `json:"expires"`
	Answers     string          `json:"answers,omitempty"`
	ObjectID    string          `json:"object_id"`
	Provenance  Provenance      `json:"provenance"`
	Redactions  []string        `json:"redactions"`
	Problem     string          `json:"problem,omitempty"`    // why the content could not be read, or is not held any more
	Correction  bool            `json:"correction,omitempty"` // a newer version of what was released before
	Use         string          `json:"use,omitempty"`        // our judgement; one of ledger.Uses
	Object      json.RawMessage `json:"object,omitempty"`

	Priority ledger.Priority `json:"priority"`
}

// Provenance says by which undeniable act something came.
type Provenance struct {
	Log            string   `json:"log"`
	Index          int64    `json:"index"`
	EventAt        string   `json:"event_at"`
	CheckpointSize int64    `json:"checkpoint_size"`
	CosignedBy     []string `json:"cosigned_by"`
	Digest         string   `json:"digest"`
}

// takeContent acts on content that came for an event of a partner.
func (n *Node) takeContent(tx store.Tx, pc pact, from string, index int64, e ledger.Event, body []byte) error {
	switch e.Kind {
	case ledger.Released, ledger.Corrected:
		return n.takeRelease(tx, pc, from, index, e, body)
	case ledger.KeyShown:
		return n.takeKey(tx, pc, from, e, body)
	case ledger.MatchPublished:
		return n.takeFilter(tx, pc, from, index, e, body)
	case ledger.MatchAsked:
		return tx.PutDoc(docTodo, fmt.Sprintf("answer/%s/%s/%d", pc.ID, from, index), []byte("{}"))
	case ledger.MatchAnswered:
		return tx.PutDoc(docTodo, fmt.Sprintf("finish/%s/%s/%d", pc.ID, from, index), []byte("{}"))
	case ledger.DeconflictJoined, ledger.DeconflictSealed:
		return takeDeconflict(tx, pc, from, index)
	case ledger.JointAct:
		return n.takeJointAct(tx, pc, from, index, e, body)
	}
	return nil
}

// takeEvent acts on an event of a partner as it arrives, before any content.
func (n *Node) takeEvent(tx store.Tx, pc pact, index int64, e ledger.Event) error {
	switch e.Kind {
	case ledger.Received:
		return n.takeReceived(tx, pc, index, e)
	case ledger.Withdrawn:
		return n.takeWithdrawal(tx, pc, index, e)
	case ledger.RequestMade:
		return n.takeRequest(tx, pc, e)
	case ledger.RequestAnswered:
		return n.takeReply(tx, pc, e)
	case ledger.MatchAnswered:
		return n.takeRefusal(tx, pc, index, e)
	case ledger.DeconflictOpened, ledger.DeconflictShown:
		return takeDeconflict(tx, pc, e.Party, index)
	case ledger.DeconflictJoined:
		if d, err := decodeData[ledger.DeconflictJoin](e); err == nil && d.Refused != "" {
			return takeDeconflict(tx, pc, e.Party, index)
		}
	case ledger.OverlapAcknowledged, ledger.OverlapResolved:
		return n.takeOverlapAct(tx, pc, e)
	case ledger.JointAct:
		if d, err := decodeData[ledger.Joint](e); err == nil && d.Leaves > 0 {
			return n.takeJointAct(tx, pc, e.Party, index, e, nil)
		}
	}
	return nil
}

// takeReceived marks what the partner says it durably holds as delivered; not
// where it says so in a part of its log that it has lost since.
func (n *Node) takeReceived(tx store.Tx, pc pact, index int64, e ledger.Event) error {
	d, err := decodeData[ledger.Receipts](e)
	if err != nil || d.From != n.cfg.Party {
		return err
	}
	var lack int64
	if err := getDoc(tx, docLack, peerID(pc.ID, e.Party), &lack); err == nil && index >= lack-1 {
		return nil
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	log := ledger.Origin(pc.ID, n.cfg.Party)
	for _, it := range d.Items {
		row, err := tx.Event(log, it.Index)
		if errors.Is(err, store.ErrNotFound) {
			continue // it claims to hold what we never sent: nothing follows from it
		}
		if err != nil {
			return err
		}
		if err := acknowledged(tx, pc, row, e.Party, it.Digest, index); err != nil {
			return err
		}
		if row.At > 0 {
			if err := tx.Delivered(log, it.Index, e.Party, e.At.UnixMicro()); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
	}
	return nil
}

// takeRelease stores a released object beside the partner's name and shows it
// in the inbox. Content that does not read is shown as such: the partner's
// ledger says that it sent it.
func (n *Node) takeRelease(tx store.Tx, pc pact, from string, index int64, e ledger.Event, body []byte) error {
	rec, err := decodeData[ledger.Release](e)
	if err != nil {
		return err
	}
	if rec.Sealed != nil {
		return n.takeSealed(tx, pc, from, index, e, rec, body)
	}
	it := newItem(pc, from, index, e, rec, n.now())
	gone, err := wasWithdrawn(tx, pc.ID, from, rec.Object, index)
	if err != nil {
		return err
	}
	if gone {
		it = goneItem(it, from)
		if err := tx.DeleteBody(rec.Digest); err != nil {
			return err
		}
	} else if err := n.keepReleased(tx, pc, from, rec, body, &it); err != nil {
		return err
	}
	return n.putItem(tx, it)
}

// itemSealed is the state of an item whose key has not come yet.
const itemSealed = "sealed"

// newItem is what the inbox says of a release before its content is looked at.
func newItem(pc pact, from string, index int64, e ledger.Event, rec ledger.Release, now time.Time) Item {
	return Item{
		ID: fmt.Sprintf("%s-%s-%d", pc.ID[:12], from, index), Accord: pc.ID, From: from, At: stamp(now), Kind: rec.Type,
		Title: rec.Object, Marking: rec.Marking, Grading: rec.Grading, State: "new", Outcome: rec.Outcome, Purpose: rec.Purpose,
		Expires: stamp(rec.Expires), Answers: rec.Answers, Priority: rec.Priority, ObjectID: rec.Object, Redactions: orEmpty(rec.Redactions),
		Provenance: Provenance{Log: ledger.Origin(pc.ID, from), Index: index, EventAt: stamp(e.At), Digest: rec.Digest.String()},
		Correction: e.Kind == ledger.Corrected,
	}
}

// goneItem is an item of what was withdrawn before it arrived.
func goneItem(it Item, from string) Item {
	it.State, it.Problem, it.Title = "withdrawn", "withdrawn by "+from+" before it arrived", it.Kind+" withdrawn"
	return it
}

func (n *Node) putItem(tx store.Tx, it Item) error {
	doc, err := json.Marshal(it)
	if err != nil {
		return err
	}
	return tx.PutIn(store.In{ID: it.ID, Accord: it.Accord, From: it.From, At: n.now().UnixMicro(), Doc: doc})
}

func (n *Node) keepReleased(tx store.Tx, pc pact, from string, rec ledger.Release, body []byte, it *Item) error {
	obj, err := stix.Parse(body)
	if err != nil || obj.ID != rec.Object || obj.Type != rec.Type {
		it.Problem = "the content is not the object that the ledger announces"
		if err != nil {
			it.Problem = "the content does not read: " + err.Error()
		}
		return nil
	}
	if name := obj.String("name"); name != "" {
		it.Title = name
	}
	// Nobody may overwrite ours or another partner's object by using its id.
	if held, err := tx.Object(obj.ID); err == nil && held.From != from {
		it.Problem = "an object with this id is held from elsewhere; the received copy is kept apart"
		return nil
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err := tx.PutObject(storedObject(obj, from, pc.ID)); errors.Is(err, store.ErrConflict) {
		it.Problem = "another version with the same time stamp is held"
		return nil
	} else if err != nil {
		return err
	}
	if obj.Type != "incident" {
		return nil
	}
	in, err := incident.FromSTIX(body)
	if errors.Is(err, incident.ErrForeign) {
		return nil
	}
	if err != nil {
		it.Problem = "the incident does not read: " + err.Error()
		return nil
	}
	row, err := incidentRow(in, from)
	if err != nil {
		return err
	}
	return tx.PutIncident(*row)
}

// Inbox lists what partners released to us, newest first. limit 0 means all.
func (n *Node) Inbox(ctx context.Context, limit int) ([]Item, error) {
	out := []Item{}
	err := n.view(ctx, func(tx store.Tx) error {
		rows, err := tx.Inbox(limit)
		if err != nil {
			return err
		}
		for _, r := range rows {
			it, err := n.item(tx, r)
			if err != nil {
				return err
			}
			out = append(out, it)
		}
		return nil
	})
	return out, err
}

// InboxItem shows one item with its content and marks it as read.
func (n *Node) InboxItem(ctx context.Context, id string) (Item, error) {
	var it Item
	err := n.update(ctx, func(tx store.Tx) error {
		row, err := tx.In(id)
		if err != nil {
			return fmt.Errorf("inbox item %q: %w", clip(id), err)
		}
		if it, err = n.item(tx, row); err != nil {
			return err
		}
		if it.gone() || it.State == itemSealed {
			return nil
		}
		var digest ledger.Digest
		if err := digest.UnmarshalText([]byte(it.Provenance.Digest)); err != nil {
			return err
		}
		body, err := tx.Body(digest)
		if err != nil {
			return err
		}
		if json.Valid(body) {
			it.Object = body
		}
		if err := n.noteRead(tx, it.ObjectID); err != nil {
			return err
		}
		if it.State == "read" {
			return nil
		}
		stored := it
		stored.Object, stored.State = nil, "read"
		if row.Doc, err = json.Marshal(stored); err != nil {
			return err
		}
		return tx.PutIn(row)
	})
	return it, err
}

// item completes a stored item with what has been learnt since it came.
func (n *Node) item(tx store.Tx, row store.In) (Item, error) {
	var it Item
	if err := json.Unmarshal(row.Doc, &it); err != nil {
		return it, fmt.Errorf("stored inbox item %s does not read: %w", row.ID, err)
	}
	pc, err := n.pact(tx, it.Accord)
	if err != nil {
		return it, err
	}
	it.AccordTitle = pc.Terms.Title
	it.FromName = partyName(pc, it.From)
	cp, by, err := n.bestCheckpoint(tx, pc, it.Provenance.Log, it.Provenance.Index)
	if err != nil {
		return it, err
	}
	it.Provenance.CheckpointSize, it.Provenance.CosignedBy = cp.Size, orEmpty(by)
	return it, nil
}

func partyName(pc pact, party string) string {
	for _, m := range slices.Concat(pc.Terms.Members, pc.Terms.Witnesses) {
		if m.Party == party {
			return m.Name
		}
	}
	return party
}
