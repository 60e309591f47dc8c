package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"parley.example/parley/internal/store"
)

// RenewDeconfliction matches plans that are not matched yet, and standing ones once
// in each epoch, and has the arbiter settle what partners owe. It is called now and
// then while the node runs.
func (n *Node) RenewDeconfliction(ctx context.Context) error {
	type due struct{ accord, party string }
	var open []due
	var owed []string
	err := n.view(ctx, func(tx store.Tx) error {
		ps, err := n.pacts(tx)
		for _, pc := range ps {
			if err != nil || !slices.Contains(pc.Terms.Parties(), n.cfg.Party) {
				continue
			}
			for _, p := range n.others(pc.Accord) {
				now, oerr := n.exchangeDue(tx, pc, p)
				if err = errors.Join(err, oerr); now {
					open = append(open, due{pc.ID, p})
				}
				all, oerr := n.exchangesWith(tx, pc.ID, p)
				err = errors.Join(err, oerr)
				for _, s := range all {
					if s.State == exchangeShowing && s.Arbiter != "" && s.At <= stamp(n.now().Add(-settleAfter)) {
						owed = append(owed, s.ID)
					}
				}
			}
		}
		return err
	})
	for _, d := range open {
		if _, oerr := n.OpenExchange(ctx, d.accord, d.party); oerr != nil && !errors.Is(oerr, ErrState) {
			err = errors.Join(err, oerr)
		}
	}
	for _, id := range owed {
		if _, serr := n.SettleExchange(ctx, id); serr != nil {
			n.opt.Log.Info("not settled", "exchange", id, "error", serr)
		}
	}
	return err
}

const (
	// settleAfter is how long an exchange may stand before the arbiter is asked.
	settleAfter = 10 * time.Minute
	// reopenAfter is how long one that nobody joined may stand before it is opened
	// anew.
	reopenAfter    = 24 * time.Hour
	deconflictTend = time.Minute
)

// exchangeDue reports whether our plans should be matched with a partner now: some
// are in no exchange yet, or a standing one was last matched an epoch ago.
func (n *Node) exchangeDue(tx store.Tx, pc pact, party string) (bool, error) {
	if n.mayDeconflict(pc, party) != nil {
		return false, nil
	}
	plans, err := n.plansUnder(tx, pc.ID)
	if err != nil {
		return false, err
	}
	all, err := n.exchangesWith(tx, pc.ID, party)
	if err != nil {
		return false, err
	}
	now := n.now()
	for _, f := range plans {
		id := planID(f)
		i := slices.IndexFunc(all, func(s Exchange) bool { return s.State != exchangeFailed && slices.Contains(s.Plans, id) })
		if i < 0 {
			// One that failed just now is not tried at once again.
			j := slices.IndexFunc(all, func(s Exchange) bool { return slices.Contains(s.Plans, id) })
			if j < 0 || all[j].At <= stamp(now.Add(-time.Hour)) {
				return true, nil
			}
			continue
		}
		age := reopenAfter
		if all[i].State == exchangeDone {
			if age = epochLife; !f.Standing {
				continue
			}
		}
		if all[i].At <= stamp(now.Add(-age)) {
			return true, nil
		}
	}
	return false, nil
}

// keepDeconfliction calls RenewDeconfliction and SettleSealed until ctx ends.
func (n *Node) keepDeconfliction(ctx context.Context) {
	if n.opt.Every < 0 {
		return // tests do it by hand
	}
	tick := time.NewTicker(deconflictTend)
	defer tick.Stop()
	for {
		if err := errors.Join(n.RenewDeconfliction(ctx), n.SettleSealed(ctx)); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("matching plans and settling", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
