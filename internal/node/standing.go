package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
)

const docStandMatch = "standmatch" // by id: standMatch

// Standing is a question that is asked again in each epoch and tells of new
// hits alone. When the partner adds to its set within an epoch, the answer held
// is enough to find out, and nothing is asked.
type Standing struct {
	ID       string        `json:"id"`
	Accord   string        `json:"accord"`
	To       string        `json:"to"`
	Selector string        `json:"selector"`
	Case     string        `json:"case"`
	By       string        `json:"by"`
	At       string        `json:"at"`
	State    string        `json:"state"` // active or stopped
	Reason   string        `json:"reason"`
	Count    int           `json:"count"`
	Epoch    uint64        `json:"epoch"` // answered last; 0 for never
	Hits     []StandingHit `json:"hits"`  // oldest first
	Problems []ValueFault  `json:"problems"`
}

// StandingHit is a hit with when it was first told.
type StandingHit struct {
	Hit
	At string `json:"at"`
}

type standMatch struct {
	Standing
	Values  []string          `json:"values"`
	Wrote   map[string]string `json:"wrote"`
	Entries []psi.Entry       `json:"entries"` // of Values, under Epoch
	Tried   string            `json:"tried"`   // when it was last asked
}

const (
	standingActive  = "active"
	standingStopped = "stopped"
)

// StandMatch keeps a question as a standing one and asks it at once.
func (n *Node) StandMatch(ctx context.Context, ask MatchAsk) (Standing, error) {
	q, err := n.newQuestion(ask)
	if err != nil {
		return Standing{}, err
	}
	id := make([]byte, 8)
	if _, err := io.ReadFull(n.opt.Rand, id); err != nil {
		return Standing{}, err
	}
	s := standMatch{Values: q.Values, Wrote: q.Wrote}
	s.ID, s.Selector, s.Case, s.By, s.State = hex.EncodeToString(id), ask.Selector, ask.Case, ask.By.Name, standingActive
	s.Count, s.Hits, s.Problems = len(q.Values), []StandingHit{}, q.Problems
	q.Standing = s.ID
	err = n.askMatch(ctx, &q, ask, func(tx store.Tx) error {
		s.Accord, s.To, s.At, s.Tried = q.Accord, q.To, q.At, q.At
		return putDoc(tx, docStandMatch, s.ID, s)
	})
	if err != nil {
		return s.Standing, err
	}
	reason := ""
	if err := n.Sync(ctx, q.Accord, q.To); err != nil {
		reason = "no line to the partner now; the question waits: " + err.Error()
	}
	err = n.view(ctx, func(tx store.Tx) error { return getDoc(tx, docStandMatch, s.ID, &s) })
	if s.Epoch == 0 && s.Reason == "" {
		s.Reason = reason
	}
	return s.Standing, err
}

// Standings lists standing questions, newest first.
func (n *Node) Standings(ctx context.Context) ([]Standing, error) {
	var out []Standing
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = listDocs[Standing](tx, docStandMatch)
		return err
	})
	slices.SortStableFunc(out, func(a, b Standing) int { return strings.Compare(b.At, a.At) })
	return out, err
}

// StopStanding ends a standing question; its hits stay.
func (n *Node) StopStanding(ctx context.Context, id string) (Standing, error) {
	var s standMatch
	err := n.update(ctx, func(tx store.Tx) error {
		if err := getDoc(tx, docStandMatch, id, &s); err != nil {
			return fmt.Errorf("standing question %q: %w", clip(id), err)
		}
		s.State, s.Entries = standingStopped, nil
		return putDoc(tx, docStandMatch, id, s)
	})
	return s.Standing, err
}

// standingDue leaves work for the standing questions that a new filter concerns.
func (n *Node) standingDue(tx store.Tx, accordID, holder string, k ledger.MatchKey) error {
	all, err := listDocs[standMatch](tx, docStandMatch)
	for _, s := range all {
		if s.State == standingActive && s.Accord == accordID && s.To == holder && s.Selector == k.Selector {
			err = errors.Join(err, tx.PutDoc(docTodo, standingTask(s), []byte("{}")))
		}
	}
	return err
}

func standingTask(s standMatch) string { return fmt.Sprintf("standing/%s/%s/0", s.Accord, s.ID) }

// runStanding looks the answer held up in the newest filter of its epoch, or
// asks again where the epoch is a new one.
func (n *Node) runStanding(ctx context.Context, task, id string) error {
	var s standMatch
	ask, waits := false, false
	err := n.update(ctx, func(tx store.Tx) error {
		ask, waits = false, false
		err := getDoc(tx, docStandMatch, id, &s)
		if errors.Is(err, store.ErrNotFound) || err == nil && s.State != standingActive {
			return tx.DeleteDoc(docTodo, task)
		}
		if err != nil {
			return err
		}
		pc, err := n.pact(tx, s.Accord)
		if err != nil {
			return err
		}
		if waits = n.mayTalk(pc) != nil; waits {
			return nil
		}
		var ref filterRef
		if err := getDoc(tx, docFilter, matchJob(s.Accord, s.To, s.Selector), &ref); err != nil {
			return err
		}
		if ask = ref.Key.Epoch != s.Epoch; ask {
			qs, err := listDocs[question](tx, docQuestion)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(qs, func(q question) bool { return q.Standing == id && q.State == questionWaiting }) {
				ask = false // on its way; its answer, or the epoch after it, brings us back here
			}
			return nil
		}
		filter, err := n.filter(tx, ref.Key.Filter)
		if err != nil {
			return err
		}
		if _, err := n.standingHits(tx, &s, filter); err != nil {
			return err
		}
		return errors.Join(putDoc(tx, docStandMatch, id, s), tx.DeleteDoc(docTodo, task))
	})
	if err != nil || waits {
		return err
	}
	if !ask {
		return n.update(ctx, func(tx store.Tx) error { return tx.DeleteDoc(docTodo, task) })
	}
	in := MatchAsk{Accord: s.Accord, To: s.To, Selector: s.Selector, Case: s.Case, By: User{Name: s.By}}
	for _, v := range s.Values {
		in.Values = append(in.Values, s.Wrote[v])
	}
	q, err := n.newQuestion(in)
	if err == nil {
		q.Standing = id
		err = n.askMatch(ctx, &q, in, func(tx store.Tx) error {
			if err := getDoc(tx, docStandMatch, id, &s); err != nil {
				return err
			}
			s.Tried = q.At
			return errors.Join(putDoc(tx, docStandMatch, id, s), tx.DeleteDoc(docTodo, task))
		})
	}
	if errors.Is(err, ErrState) {
		return nil // suspended meanwhile: waits
	}
	if err == nil {
		n.kickID(ctx, s.Accord)
	}
	return err
}

// standingAnswered keeps the answer to a standing question and leaves in q what
// is new.
func (n *Node) standingAnswered(tx store.Tx, q *question, entries []psi.Entry) error {
	if q.Standing == "" {
		return nil
	}
	var s standMatch
	if err := getDoc(tx, docStandMatch, q.Standing, &s); err != nil {
		return err
	}
	s.Values, s.Entries, s.Epoch, s.Reason = q.Values, entries, q.Epoch, ""
	filter, err := n.filter(tx, q.Filter)
	if err != nil {
		return err
	}
	if q.Hits, err = n.standingHits(tx, &s, filter); err != nil {
		return err
	}
	if s.State == standingActive {
		// What was published since the question was asked.
		if err := tx.PutDoc(docTodo, standingTask(s), []byte("{}")); err != nil {
			return err
		}
	} else {
		s.Entries = nil
	}
	return putDoc(tx, docStandMatch, s.ID, s)
}

// standingRefused notes why a standing question was not answered.
func (n *Node) standingRefused(tx store.Tx, q *question) error {
	if q.Standing == "" {
		return nil
	}
	var s standMatch
	if err := getDoc(tx, docStandMatch, q.Standing, &s); err != nil {
		return err
	}
	s.Reason = q.Reason
	return putDoc(tx, docStandMatch, s.ID, s)
}

// standingHits adds to a standing question the hits that it did not have, and
// tells people of them.
func (n *Node) standingHits(tx store.Tx, s *standMatch, filter *psi.Filter) (news []Hit, err error) {
	news = []Hit{}
	for i, v := range s.Values {
		if !filter.Has(s.Entries[i]) || slices.ContainsFunc(s.Hits, func(h StandingHit) bool { return h.Value == v }) {
			continue
		}
		h := Hit{s.Wrote[v], v}
		news = append(news, h)
		s.Hits = append(s.Hits, StandingHit{h, stamp(n.now())})
	}
	if len(news) == 0 {
		return news, nil
	}
	return news, n.notice(tx, Notice{
		Kind: noticeHit, Accord: s.Accord, Party: s.To, Case: s.Case, Question: s.ID,
		Text: fmt.Sprintf("standing question under case %s: %s now knows %s (%s)", s.Case, s.To, told(news), s.Selector),
	})
}

// told names the first few hits.
func told(hits []Hit) string {
	var names []string
	for _, h := range hits[:min(len(hits), 5)] {
		names = append(names, h.Asked)
	}
	if more := len(hits) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// retryStanding asks again, a day later, what was refused.
func (n *Node) retryStanding(ctx context.Context) error {
	before := stamp(n.now().Add(-24 * time.Hour))
	err := n.update(ctx, func(tx store.Tx) error {
		all, err := listDocs[standMatch](tx, docStandMatch)
		for _, s := range all {
			if s.State == standingActive && s.Reason != "" && s.Tried < before {
				err = errors.Join(err, tx.PutDoc(docTodo, standingTask(s), []byte("{}")))
			}
		}
		return err
	})
	return errors.Join(err, n.work(ctx))
}

// kickID is kick by an accord's id.
func (n *Node) kickID(ctx context.Context, id string) {
	err := n.view(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, id)
		if err == nil {
			n.kick(pc.Accord)
		}
		return err
	})
	if err != nil {
		n.opt.Log.Error("reading an accord", "accord", id, "error", err)
	}
}
