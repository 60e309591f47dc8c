package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
	"parley.example/parley/release"
	"parley.example/parley/selector"
)

// The holder's side of private matching: publishing what may be matched and
// answering questions within quota. The asker's side is in matching.go.

// falsePositive is the chance that a value which the holder does not hold
// shows as a hit (psi's filters).
const falsePositive = "1 in 4,294,967,296 for each value asked"

// matchKey is our secret key for one epoch with one asker.
type matchKey struct {
	Epoch  uint64 `json:"epoch"`
	Secret []byte `json:"secret"`
}

func matchID(accordID, party, kind string) string { return accordID + "/" + party + "/" + kind }

// Publication is what publishing told the partners.
type Publication struct {
	Accord   string   `json:"accord"`
	Selector string   `json:"selector"`
	Epoch    uint64   `json:"epoch"`
	Held     int      `json:"held"` // never leaves this node; the filter is padded
	Bytes    int      `json:"bytes"`
	To       []string `json:"to"`
}

// PublishMatch opens a new epoch: a fresh key, and for each other member a
// filter of every selector of the kind that the gate lets that member match.
// Key and filter are committed to in the ledger.
func (n *Node) PublishMatch(ctx context.Context, id, kind string) (Publication, error) {
	var pc pact
	var objects map[string][]store.Object // by value
	epochs := make(map[string]uint64)
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, id); err != nil {
			return err
		}
		if err := n.mayTalk(pc); err != nil {
			return err
		}
		if _, ok := pc.Terms.Quota(kind); !ok {
			return fmt.Errorf("%w: the accord does not allow matching of kind %q", ErrInvalid, clip(kind))
		}
		for _, to := range n.others(pc.Accord) {
			var k matchKey
			err := getDoc(tx, docMatchKey, matchID(pc.ID, to, kind), &k)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			epochs[to] = k.Epoch + 1
		}
		objects, err = selectorObjects(tx, kind)
		return err
	})
	if err != nil {
		return Publication{}, err
	}
	out := Publication{Accord: pc.ID, Selector: kind, To: []string{}}
	for _, to := range n.others(pc.Accord) {
		if pc.state.Rung(n.cfg.Party, to) < accord.Match {
			continue
		}
		var inputs [][]byte
		err := n.view(ctx, func(tx store.Tx) error {
			inputs = n.matchable(tx, pc, to, objects)
			return nil
		})
		if err != nil {
			return out, err
		}
		if err := n.publish(ctx, pc, to, kind, epochs[to], inputs, &out); err != nil {
			return out, err
		}
	}
	if len(out.To) == 0 {
		return out, fmt.Errorf("%w: no other member stands at rung match or above", ErrState)
	}
	n.kick(pc.Accord)
	return out, nil
}

func selectorObjects(tx store.Tx, kind string) (map[string][]store.Object, error) {
	values, err := tx.SelectorValues(kind)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]store.Object, len(values))
	for _, v := range values {
		ids, err := tx.SelectorObjects(kind, v)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			o, err := tx.Object(id)
			if err != nil {
				return nil, err
			}
			out[v] = append(out[v], o)
		}
	}
	return out, nil
}

// matchable lists the values of objects that the gate lets a partner match.
func (n *Node) matchable(tx store.Tx, pc pact, to string, objects map[string][]store.Object) [][]byte {
	allowed := make(map[string]bool)
	var out [][]byte
	for v, os := range objects {
		if slices.ContainsFunc(os, func(o store.Object) bool {
			ok, known := allowed[o.ID]
			if !known {
				basis := ""
				if len(pc.Terms.LegalBases) > 0 {
					basis = pc.Terms.LegalBases[0]
				}
				d := release.Decide(n.gateInput(tx, pc, o, []string{to}, pc.Terms.Purposes[0], basis))
				ok = d.Outcome >= release.MatchOnly
				allowed[o.ID] = ok
			}
			return ok
		}) {
			out = append(out, []byte(v))
		}
	}
	slices.SortFunc(out, func(a, b []byte) int { return strings.Compare(string(a), string(b)) })
	return out
}

func (n *Node) publish(ctx context.Context, pc pact, to, kind string, epoch uint64, inputs [][]byte, out *Publication) error {
	key, err := psi.GenerateKey(n.opt.Rand)
	if err != nil {
		return err
	}
	info := psi.Info{Accord: pc.ID, Epoch: epoch, Kind: kind, Normaliser: selector.Version(kind)}
	holder, err := psi.NewHolder(key, info)
	if err != nil {
		return err
	}
	outputs, err := holder.Evaluate(ctx, inputs, nil)
	if err != nil {
		return err
	}
	filter, err := holder.Filter(outputs, 0)
	if err != nil {
		return err
	}
	rel, err := release.MintExchange(pc.Accord, pc.state, n.cfg.Party, to, kind, ledger.MatchPublished, filter, n.now())
	if err != nil {
		return err
	}
	err = n.update(ctx, func(tx store.Tx) error {
		index, err := n.act(tx, pc.Accord, ledger.MatchPublished, ledger.MatchKey{
			Selector: kind, Normaliser: info.Normaliser, Epoch: epoch, PublicKey: key.Public().Bytes(), Filter: rel.Digest(),
		}, to)
		if err != nil {
			return err
		}
		if err := n.queue(tx, rel, index); err != nil {
			return err
		}
		// The key of the epoch before is gone with this.
		return putDoc(tx, docMatchKey, matchID(pc.ID, to, kind), matchKey{epoch, key.Bytes()})
	})
	out.Epoch, out.Held, out.Bytes = epoch, len(inputs), len(filter)
	out.To = append(out.To, to)
	return err
}

// answerMatch answers a partner's question: within quota, with the committed
// key, never while the accord is suspended (the task then waits). The quota is
// counted and the answer logged in the transaction that queues it.
func (n *Node) answerMatch(ctx context.Context, task, id, from string, index int64) error {
	var pc pact
	var d ledger.MatchQuestion
	var key matchKey
	var message []byte
	var left int
	waits := false
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, id); err != nil {
			return err
		}
		if waits = pc.state.At(n.now()).Name != accord.InForce; waits {
			return nil
		}
		var e ledger.Event
		if e, message, err = contentOf(tx, ledger.Origin(id, from), index); err != nil {
			return err
		}
		if d, err = decodeData[ledger.MatchQuestion](e); err != nil {
			return err
		}
		if left, err = n.quotaLeft(tx, pc, from, d.Selector); err != nil {
			return err
		}
		err = getDoc(tx, docMatchKey, matchID(id, from, d.Selector), &key)
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil || waits {
		return err
	}
	refused := ""
	var answer []byte
	switch {
	case d.To != n.cfg.Party:
		refused = "the question is for somebody else"
	case d.Count < 1 || d.Count > maxAsked:
		refused = "the number of values asked is out of range"
	case d.Count > left:
		refused = fmt.Sprintf("the quota for %s leaves %d in this period, %d were asked", d.Selector, left, d.Count)
	case key.Secret == nil || key.Epoch != d.Epoch:
		refused = "the question belongs to another epoch; ask again with the newest filter"
	default:
		if answer, err = n.evaluate(key, d, id, message); err != nil {
			refused = "the question does not read: " + err.Error()
		}
	}
	return n.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Doc(docTodo, task); errors.Is(err, store.ErrNotFound) {
			return nil // answered meanwhile
		}
		out := ledger.MatchAnswer{To: from, Asked: index, Selector: d.Selector, Count: d.Count, Case: d.Case, Left: left, Refused: refused}
		if refused != "" {
			if _, err := n.act(tx, pc.Accord, ledger.MatchAnswered, out, from); err != nil {
				return err
			}
			return tx.DeleteDoc(docTodo, task)
		}
		now, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		rel, err := release.MintExchange(now.Accord, now.state, n.cfg.Party, from, d.Selector, ledger.MatchAnswered, answer, n.now())
		if errors.Is(err, release.ErrWithheld) {
			return nil // suspended meanwhile: waits
		}
		if err != nil {
			return err
		}
		out.Answer, out.Left = rel.Digest(), left-d.Count
		at, err := n.act(tx, pc.Accord, ledger.MatchAnswered, out, from)
		if err != nil {
			return err
		}
		if err := n.queue(tx, rel, at); err != nil {
			return err
		}
		return tx.DeleteDoc(docTodo, task)
	})
}

func (n *Node) evaluate(key matchKey, d ledger.MatchQuestion, id string, message []byte) ([]byte, error) {
	secret, err := psi.ParseSecretKey(key.Secret)
	if err != nil {
		return nil, err
	}
	info := psi.Info{Accord: id, Epoch: key.Epoch, Kind: d.Selector, Normaliser: selector.Version(d.Selector)}
	holder, err := psi.NewHolder(secret, info)
	if err != nil {
		return nil, err
	}
	return holder.Answer(n.opt.Rand, message)
}

// quotaPeriod is the time that a quota is for.
const quotaPeriod = 24 * time.Hour

// quotaLeft counts from our own ledger what a partner was answered in the
// period, so that no crash loses or doubles any of it.
func (n *Node) quotaLeft(tx store.Tx, pc pact, asker, kind string) (int, error) {
	left, ok := pc.Terms.Quota(kind)
	if !ok {
		return 0, nil
	}
	rows, err := tx.Events(store.EventQuery{Logs: []string{ledger.Origin(pc.ID, n.cfg.Party)}, Kinds: []string{string(ledger.MatchAnswered)}})
	if err != nil {
		return 0, err
	}
	since := n.now().Add(-quotaPeriod).UnixMicro()
	for _, r := range rows {
		if r.At <= since {
			continue
		}
		e, err := ledger.ParseEvent(r.Bytes)
		if err != nil {
			return 0, err
		}
		a, err := decodeData[ledger.MatchAnswer](e)
		if err != nil {
			return 0, err
		}
		if a.To == asker && a.Selector == kind && a.Refused == "" {
			left -= a.Count
		}
	}
	return max(left, 0), nil
}
