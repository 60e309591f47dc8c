package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"parley.example/parley/fusion"
	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
)

// Fusion of what is held: reports of one event from several parties, or from
// several datasets of our own, are linked with a probability and the evidence.
// People confirm a link, split it, or undo what they said. The reports stay as
// they are; what they say differently is shown side by side.

const docLink = "link" // by left|right: ReportLink

// States of a link, and what people say of it.
const (
	LinkProposed  = "proposed"
	LinkConfirmed = "confirmed"
	LinkSplit     = "split"
	LinkNone      = "none" // made by hand and taken back

	LinkConfirm = "confirm"
	LinkPart    = "split"
	LinkUndo    = "undo"
)

// leastLink is the probability from which a link is proposed: more likely than
// not.
const leastLink = 0.5

// ReportLink says that two reports held are of one event, or, once split, that
// they are not.
type ReportLink struct {
	Left  string `json:"left"` // the lesser id
	Right string `json:"right"`
	// P and Evidence are those at At; 0 and none for a link made by hand. The
	// values compared stand in the reports, not here: they go when those go.
	P        float64           `json:"p"`
	Evidence []fusion.Evidence `json:"evidence"`
	State    string            `json:"state"`
	At       string            `json:"at"`
	Acts     []LinkAct         `json:"acts"` // what people said, oldest first
}

// LinkAct is what a person said of a link.
type LinkAct struct {
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	By      User   `json:"by"`
	At      string `json:"at"`
	Before  string `json:"before"` // the state that an undo brings back; "" where there was no link
}

// LinkAsk is a person's word on a link. Confirming two reports that were never
// linked links them.
type LinkAsk struct {
	Left    string `json:"left" minLength:"1" maxLength:"200"`
	Right   string `json:"right" minLength:"1" maxLength:"200"`
	Verdict string `json:"verdict" enum:"confirm,split,undo"`
	Reason  string `json:"reason,omitempty" maxLength:"2000"`
	By      User   `json:"-"`
}

// heldReport is an incident with its list: the party that gave it, or the
// dataset of our own that it is from. Reports of one list are of different
// events.
type heldReport struct {
	incident.Incident
	from, list string
	said       [sha256.Size]byte // of the record
}

func heldReports(tx store.Tx) ([]heldReport, error) {
	rows, err := tx.ListIncidents(store.IncidentQuery{})
	if err != nil {
		return nil, err
	}
	out := make([]heldReport, 0, len(rows))
	for _, r := range rows {
		in, err := readIncident(r)
		if err != nil {
			return nil, err
		}
		list := "party/" + r.From
		if r.From == "" {
			list = "own/" + in.Source
		}
		out = append(out, heldReport{in, r.From, list, sha256.Sum256(r.Doc)})
	}
	return out, nil
}

func linkKey(a, b string) string { return min(a, b) + "|" + max(a, b) }

// JudgeLink notes a person's word on whether two reports are of one event.
func (n *Node) JudgeLink(ctx context.Context, ask LinkAsk) (ReportLink, error) {
	l := ReportLink{Left: min(ask.Left, ask.Right), Right: max(ask.Left, ask.Right), Evidence: []fusion.Evidence{}, Acts: []LinkAct{}}
	if l.Left == l.Right {
		return l, fmt.Errorf("%w: name two reports", ErrInvalid)
	}
	key := linkKey(l.Left, l.Right)
	return l, n.update(ctx, func(tx store.Tx) error {
		for _, id := range []string{l.Left, l.Right} {
			if _, err := tx.Incident(id); errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("%w: no report %q is held", ErrNotFound, clip(id))
			} else if err != nil {
				return err
			}
		}
		err := getDoc(tx, docLink, key, &l)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		act := LinkAct{Verdict: ask.Verdict, Reason: strings.TrimSpace(ask.Reason), By: ask.By, At: stamp(n.now()), Before: l.State}
		switch ask.Verdict {
		case LinkConfirm:
			l.State = LinkConfirmed
		case LinkPart:
			l.State = LinkSplit
		case LinkUndo:
			return n.undoLink(tx, key, &l, act)
		default:
			return fmt.Errorf("%w: say %s, %s or %s", ErrInvalid, LinkConfirm, LinkPart, LinkUndo)
		}
		if l.At == "" {
			l.At = act.At
		}
		l.Acts = append(l.Acts, act)
		return putDoc(tx, docLink, key, l)
	})
}

// undoLink takes back what was said last that was not taken back yet. That both
// were said stays on record.
func (n *Node) undoLink(tx store.Tx, key string, l *ReportLink, act LinkAct) error {
	undone := 0
	for i := len(l.Acts) - 1; i >= 0; i-- {
		switch {
		case l.Acts[i].Verdict == LinkUndo:
			undone++
		case undone > 0:
			undone--
		default:
			if l.State = l.Acts[i].Before; l.State == "" {
				l.State = LinkNone
			}
			l.Acts = append(l.Acts, act)
			return putDoc(tx, docLink, key, *l)
		}
	}
	return fmt.Errorf("%w: nothing was said of these two reports that could be undone", ErrState)
}
