package node

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// MatchHistory is what both sides of an accord can see of private matching:
// when, how many, under which case. Content is in neither.
type MatchHistory struct {
	Events []MatchEvent `json:"events"` // newest first
	Quotas []MatchQuota `json:"quotas"`
}

// MatchEvent is a publication, a question or an answer.
type MatchEvent struct {
	Accord   string `json:"accord"`
	Log      string `json:"log"`
	Index    int64  `json:"index"`
	At       string `json:"at"`
	Kind     string `json:"kind"` // match-published, match-asked or match-answered
	From     string `json:"from"`
	To       string `json:"to"`
	Selector string `json:"selector"`
	Epoch    uint64 `json:"epoch,omitempty"`
	Case     string `json:"case,omitempty"`
	Officer  string `json:"officer,omitempty"` // pseudonym
	Count    int    `json:"count,omitempty"`
	Left     int    `json:"left"` // of an answer
	Refused  string `json:"refused,omitempty"`
}

// MatchQuota is how much of a quota is used in the present period.
type MatchQuota struct {
	Accord     string `json:"accord"`
	Asker      string `json:"asker"`
	Holder     string `json:"holder"`
	Selector   string `json:"selector"`
	Quota      int    `json:"quota"`
	Used       int    `json:"used"`
	PerCase    int    `json:"per_case,omitempty"`
	PerOfficer int    `json:"per_officer,omitempty"`
	// ByCase and ByOfficer count where the accord bounds them.
	ByCase    map[string]int `json:"by_case,omitempty"`
	ByOfficer map[string]int `json:"by_officer,omitempty"`
}

// MatchHistory tells what was published, asked and answered between us and the
// others under an accord, or under all where id is "".
func (n *Node) MatchHistory(ctx context.Context, id string) (MatchHistory, error) {
	out := MatchHistory{Events: []MatchEvent{}, Quotas: []MatchQuota{}}
	err := n.view(ctx, func(tx store.Tx) error {
		var all []pact
		if id != "" {
			pc, err := n.pact(tx, id)
			if err != nil {
				return err
			}
			all = []pact{pc}
		} else {
			ps, err := n.pacts(tx)
			if err != nil {
				return err
			}
			all = ps
		}
		for _, pc := range all {
			if !slices.Contains(pc.Terms.Parties(), n.cfg.Party) {
				continue
			}
			if err := n.matchEvents(tx, pc, &out); err != nil {
				return err
			}
			if err := n.matchQuotas(tx, pc, &out); err != nil {
				return err
			}
		}
		return nil
	})
	slices.SortStableFunc(out.Events, func(a, b MatchEvent) int { return strings.Compare(b.At, a.At) })
	return out, err
}

func (n *Node) matchEvents(tx store.Tx, pc pact, out *MatchHistory) error {
	for _, party := range pc.Terms.Parties() {
		log := ledger.Origin(pc.ID, party)
		rows, err := tx.Events(store.EventQuery{Logs: []string{log}, Kinds: []string{string(ledger.MatchPublished), string(ledger.MatchAsked), string(ledger.MatchAnswered)}})
		if err != nil {
			return err
		}
		for _, r := range rows {
			e, err := ledger.ParseEvent(r.Bytes)
			if err != nil {
				return err
			}
			// The three kinds name what they have in common alike.
			var d struct {
				ledger.MatchAnswer
				Epoch uint64 `json:"epoch"`
			}
			if err := json.Unmarshal(e.Data, &d); err != nil {
				return fmt.Errorf("entry %d of %s: %w", r.Index, log, err)
			}
			x := MatchEvent{
				Accord: pc.ID, Log: log, Index: r.Index, At: stamp(e.At), Kind: string(e.Kind), From: party, To: d.To, Selector: d.Selector,
				Epoch: d.Epoch, Case: d.Case, Officer: d.Officer, Count: d.Count, Left: d.Left, Refused: d.Refused,
			}
			if e.Kind == ledger.MatchPublished {
				if x.To = r.Audience; x.To == "" || party != n.cfg.Party {
					x.To = n.cfg.Party
				}
			}
			if x.From == n.cfg.Party || x.To == n.cfg.Party {
				out.Events = append(out.Events, x)
			}
		}
	}
	return nil
}

func (n *Node) matchQuotas(tx store.Tx, pc pact, out *MatchHistory) error {
	if pc.state.At(n.now()).Name != accord.InForce {
		return nil
	}
	for _, other := range n.others(pc.Accord) {
		for _, pair := range [][2]string{{n.cfg.Party, other}, {other, n.cfg.Party}} {
			for _, rule := range pc.Terms.Match {
				u, err := n.used(tx, pc, pair[1], pair[0], rule.Kind)
				if err != nil {
					return err
				}
				q := MatchQuota{
					Accord: pc.ID, Asker: pair[0], Holder: pair[1], Selector: rule.Kind, Quota: rule.Quota, Used: u.all,
					PerCase: rule.PerCase, PerOfficer: rule.PerOfficer,
				}
				if rule.PerCase > 0 {
					q.ByCase = u.byCase
				}
				if rule.PerOfficer > 0 {
					q.ByOfficer = u.byOfficer
				}
				out.Quotas = append(out.Quotas, q)
			}
		}
	}
	return nil
}

// Opening shows oversight what a question asked, against the commitment that
// went into the ledger when it was asked.
type Opening struct {
	Type       string   `json:"type"` // OpeningType
	Question   string   `json:"question"`
	Accord     string   `json:"accord"`
	To         string   `json:"to"`
	Selector   string   `json:"selector"`
	Case       string   `json:"case"`
	By         string   `json:"by"`
	At         string   `json:"at"`
	Log        string   `json:"log"`
	Index      int64    `json:"index"`
	Values     []string `json:"values"` // normalised, in the order committed to
	Salt       []byte   `json:"salt"`
	Commitment []byte   `json:"commitment"` // as it stands in the ledger
	Receipt    []byte   `json:"receipt"`    // of the event; `parley verify` reads it
	OK         bool     `json:"ok"`
}

// OpeningType marks a file with an opening.
const OpeningType = "parley-opening/1"

// OpenQuestion opens the commitment to what was asked. The receipt is made
// where the event has a checkpoint already.
func (n *Node) OpenQuestion(ctx context.Context, id string) (Opening, error) {
	var out Opening
	err := n.view(ctx, func(tx store.Tx) error {
		var q question
		if err := getDoc(tx, docQuestion, id, &q); err != nil {
			return fmt.Errorf("question %q: %w", clip(id), err)
		}
		out = Opening{
			Type: OpeningType, Question: q.ID, Accord: q.Accord, To: q.To, Selector: q.Selector, Case: q.Case, By: q.By, At: q.At,
			Log: ledger.Origin(q.Accord, n.cfg.Party), Index: q.Asked, Values: q.Values, Salt: q.Salt,
		}
		row, err := tx.Event(out.Log, out.Index)
		if err != nil {
			return err
		}
		e, err := ledger.ParseEvent(row.Bytes)
		if err != nil {
			return err
		}
		d, err := decodeData[ledger.MatchQuestion](e)
		out.Commitment = d.Commitment
		return err
	})
	if err != nil {
		return out, err
	}
	out.OK = out.Check() == nil
	if out.Receipt, err = n.Receipt(ctx, out.Log, out.Index); err != nil {
		return out, fmt.Errorf("receipt of the question: %w", err)
	}
	return out, nil
}

// Check reports whether the values are those committed to.
func (o Opening) Check() error {
	if !hmac.Equal(commitValues(o.Salt, o.Values), o.Commitment) {
		return errors.New("the values are not those that the ledger commits to")
	}
	return nil
}

// CheckEvent reports whether the opening belongs to an event: that of its
// receipt, verified by the caller.
func (o Opening) CheckEvent(e ledger.Event) error {
	d, err := decodeData[ledger.MatchQuestion](e)
	if err != nil {
		return err
	}
	if e.Kind != ledger.MatchAsked || e.Accord != o.Accord || d.Case != o.Case || d.Selector != o.Selector || d.To != o.To || !hmac.Equal(d.Commitment, o.Commitment) {
		return errors.New("the receipt is of another act")
	}
	if t, err := time.Parse(time.RFC3339Nano, o.At); err != nil || !t.Truncate(time.Second).Equal(e.At.Truncate(time.Second)) {
		return errors.New("the receipt is of another time")
	}
	return nil
}
