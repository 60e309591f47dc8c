package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// AccountView is the account with a partner and what it suggests.
type AccountView struct {
	Account  accord.Account   `json:"account"`
	Rung     string           `json:"rung"` // that we grant now
	Proposal *accord.Proposal `json:"proposal"`
}

// Account computes the account of this party and a partner under an accord
// from their two ledgers. Both compute the same.
func (n *Node) Account(ctx context.Context, id, party string) (AccountView, error) {
	var out AccountView
	err := n.view(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		if party, err = n.onlyOther(pc, party); err != nil {
			return err
		}
		logs := make(map[string][]ledger.Event)
		sizes := make(map[string]int64)
		for _, p := range []string{n.cfg.Party, party} {
			log := ledger.Origin(pc.ID, p)
			if sizes[p], err = tx.LogSize(log); err != nil {
				return err
			}
			rows, err := tx.Events(store.EventQuery{Logs: []string{log}})
			if err != nil {
				return err
			}
			for _, r := range rows {
				e, err := ledger.ParseEvent(r.Bytes)
				if err != nil {
					return err
				}
				logs[p] = append(logs[p], e)
			}
		}
		if out.Account, err = accord.NewAccount(pc.ID, n.cfg.Party, party, logs, sizes); err != nil {
			return err
		}
		rung := pc.state.Rung(n.cfg.Party, party)
		out.Rung = rung.String()
		out.Proposal = out.Account.Propose(party, rung, pc.Terms.Ceiling.Rung)
		return nil
	})
	return out, err
}

// warnDays are how many days ahead an accord's end is announced.
var warnDays = []int{60, 14, 1}

// expiryWarning says how soon an accord ends, once one of the marks is passed;
// empty while none is.
func (n *Node) expiryWarning(pc pact) string {
	left := pc.Terms.Expires.Sub(n.now())
	if left <= 0 || pc.state.Ended() != nil {
		return ""
	}
	for i := len(warnDays) - 1; i >= 0; i-- {
		if left.Hours() <= float64(24*warnDays[i]) {
			return fmt.Sprintf("%q ends in %d days or less, on %s; agree on an amendment", pc.Terms.Title, warnDays[i], stamp(pc.Terms.Expires))
		}
	}
	return ""
}

// amended reports whether another accord, in force, replaces this one.
func (n *Node) amended(tx store.Tx, a accord.Accord) (by string, err error) {
	docs, err := tx.ListDocs(docAccord)
	if err != nil {
		return "", err
	}
	for _, d := range docs {
		o, err := n.openAccord(d.Body)
		if err != nil {
			return "", err
		}
		if o.Terms.Amends == a.ID && o.InForce() && !n.now().Before(o.Terms.Effective) {
			return o.ID, nil
		}
	}
	return "", nil
}

// endReplaced ends accords that an amendment in force replaced and whose
// members do not all stand in it: who was dropped is told in our log.
func (n *Node) endReplaced(ctx context.Context) error {
	var replaced []pact
	var by []string
	err := n.view(ctx, func(tx store.Tx) error {
		docs, err := tx.ListDocs(docAccord)
		if err != nil {
			return err
		}
		for _, d := range docs {
			a, err := n.openAccord(d.Body)
			if err != nil {
				return err
			}
			if a.Terms.Amends == "" || !a.InForce() || n.now().Before(a.Terms.Effective) || !slices.Contains(a.Terms.Parties(), n.cfg.Party) {
				continue
			}
			old, err := n.pact(tx, a.Terms.Amends)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			dropped := slices.ContainsFunc(old.Terms.Parties(), func(p string) bool { return !slices.Contains(a.Terms.Parties(), p) })
			if dropped && old.state.Ended() == nil && slices.Contains(old.Terms.Parties(), n.cfg.Party) {
				replaced, by = append(replaced, old), append(by, a.ID)
			}
		}
		return nil
	})
	for i, old := range replaced {
		// What is between those who stay is theirs: no word of it.
		err = errors.Join(err, n.update(ctx, func(tx store.Tx) error {
			_, err := n.act(tx, old.Accord, ledger.AccordEnded, ledger.Reason{Reason: "replaced by another accord"})
			return err
		}))
		n.opt.Log.Info("accord ended", "accord", old.ID, "replaced by", by[i])
		n.kick(old.Accord)
	}
	return err
}
