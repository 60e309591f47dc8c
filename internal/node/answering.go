package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
	"parley.example/parley/release"
	"parley.example/parley/selector"
)

// The holder's answers to private questions, within quotas.

// answerMatch answers a partner's question: within quota, with the committed
// key, never while the accord is suspended (the task then waits). The quota is
// counted and the answer logged in the transaction that queues it.
func (n *Node) answerMatch(ctx context.Context, task, id, from string, index int64) error {
	var pc pact
	var d ledger.MatchQuestion
	var message []byte
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
		d, err = decodeData[ledger.MatchQuestion](e)
		return err
	})
	if err != nil || waits {
		return err
	}
	key, err := n.matchKey(matchJob(id, from, d.Selector), d.Epoch)
	if err != nil {
		return err
	}
	out := ledger.MatchAnswer{To: from, Asked: index, Selector: d.Selector, Count: d.Count, Case: d.Case, Officer: d.Officer}
	var answer []byte
	switch {
	case d.To != n.cfg.Party:
		out.Refused = "the question is for somebody else"
	case d.Count < 1 || d.Count > maxAsked:
		out.Refused = "the number of values asked is out of range"
	case key.Secret == nil:
		out.Refused, out.Stale = "the question belongs to another epoch; ask again with the newest filter", true
	default:
		if answer, err = n.evaluate(key, d, id, message); err != nil {
			out.Refused = "the question does not read: " + err.Error()
		}
	}
	return n.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Doc(docTodo, task); errors.Is(err, store.ErrNotFound) {
			return nil // answered meanwhile
		}
		now, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		// Counted here, where the answer is written: two questions at once
		// cannot use the same quota.
		out := out
		left, why, err := n.quotaLeft(tx, now, from, d)
		if err != nil {
			return err
		}
		if out.Refused == "" && d.Count > left {
			out.Refused = fmt.Sprintf("%s leaves %d in this period, %d were asked", why, left, d.Count)
			if err := n.notice(tx, Notice{Kind: noticeQuota, Accord: id, Party: from, Case: d.Case, Text: fmt.Sprintf("%s asked for more than %s", from, why)}); err != nil {
				return err
			}
		}
		if out.Left = left; out.Refused != "" {
			if _, err := n.act(tx, now.Accord, ledger.MatchAnswered, out, from); err != nil {
				return err
			}
			return tx.DeleteDoc(docTodo, task)
		}
		rel, err := release.MintExchange(now.Accord, now.state, n.cfg.Party, from, d.Selector, ledger.MatchAnswered, answer, n.now())
		if errors.Is(err, release.ErrWithheld) {
			if now.state.At(n.now()).Name != accord.InForce {
				return nil // suspended meanwhile: waits
			}
			out.Refused = "private matching needs rung match, and the rung granted is lower now"
			if _, err := n.act(tx, now.Accord, ledger.MatchAnswered, out, from); err != nil {
				return err
			}
			return tx.DeleteDoc(docTodo, task)
		}
		if err != nil {
			return err
		}
		out.Answer, out.Left = rel.Digest(), left-d.Count
		at, err := n.act(tx, now.Accord, ledger.MatchAnswered, out, from)
		if err != nil {
			return err
		}
		if err := n.queue(tx, rel, at, ledger.Routine); err != nil {
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
	if err := psi.Fits(message, d.Count); err != nil {
		return nil, err
	}
	return holder.Answer(n.opt.Rand, message)
}

// quotaPeriod is the time that a quota is for.
const quotaPeriod = 24 * time.Hour

// quotaLeft is how many values of a kind an asker may still ask in the period,
// by the narrowest of the accord's bounds, which why names. It counts from our
// own ledger what was answered, so that no crash loses or doubles any of it.
func (n *Node) quotaLeft(tx store.Tx, pc pact, asker string, d ledger.MatchQuestion) (left int, why string, err error) {
	rule, ok := pc.Terms.MatchRule(d.Selector)
	if !ok {
		return 0, "the accord, which does not allow this kind,", nil
	}
	used, err := n.used(tx, pc, n.cfg.Party, asker, d.Selector)
	if err != nil {
		return 0, "", err
	}
	left, why = rule.Quota-used.all, "the quota for "+d.Selector
	narrow := func(bound, used int, name string) {
		if l := bound - used; bound > 0 && l < left {
			left, why = l, name
		}
	}
	narrow(rule.PerCase, used.byCase[d.Case], "the quota for "+d.Selector+" under one case")
	narrow(rule.PerOfficer, used.byOfficer[d.Officer], "the quota for "+d.Selector+" of one officer")
	return max(left, 0), why, nil
}

// usage is what was answered in the period.
type usage struct {
	all               int
	byCase, byOfficer map[string]int
}

// used counts in the holder's log what it answered an asker in the period; both
// sides hold that log and count alike.
func (n *Node) used(tx store.Tx, pc pact, holder, asker, kind string) (usage, error) {
	u := usage{byCase: make(map[string]int), byOfficer: make(map[string]int)}
	rows, err := tx.Events(store.EventQuery{
		Logs: []string{ledger.Origin(pc.ID, holder)}, Kinds: []string{string(ledger.MatchAnswered)}, Since: n.now().Add(-quotaPeriod).UnixMicro(),
	})
	if err != nil {
		return u, err
	}
	for _, r := range rows {
		e, err := ledger.ParseEvent(r.Bytes)
		if err != nil {
			return u, err
		}
		a, err := decodeData[ledger.MatchAnswer](e)
		if err != nil {
			return u, err
		}
		if a.To == asker && a.Selector == kind && a.Refused == "" {
			u.all += a.Count
			u.byCase[a.Case] += a.Count
			u.byOfficer[a.Officer] += a.Count
		}
	}
	return u, nil
}

// officer is the pseudonym under which a partner counts what one of our
// officers asks: the same within an accord, another in each.
func (n *Node) officer(accordID, name string) string {
	if name == "" {
		return ""
	}
	m := hmac.New(sha256.New, n.keys.copy)
	fmt.Fprintf(m, "parley officer 1\x00%s\x00%s", accordID, name)
	return hex.EncodeToString(m.Sum(nil)[:8])
}
