package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"parley.example/parley/fusion"
	"parley.example/parley/internal/store"
)

// Looking for links, by a person's wish or as reports arrive. Two lists are
// compared whole, so that the links between them follow from what they hold and
// not from the order in which it came; what is remembered of them is a hash, so
// that lists that did not change are not compared again.

const docCompared = "compared" // by lists and kind: comparedLists

// comparedLists says what two lists held when they were compared last.
type comparedLists struct {
	Key  string `json:"key"`
	Hash string `json:"hash"`
}

// FuseRun is what looking for links did.
type FuseRun struct {
	Lists    int `json:"lists"`    // parties and datasets held
	Compared int `json:"compared"` // pairs of reports weighed
	Proposed int `json:"proposed"` // links that stand proposed between the lists compared
	Kept     int `json:"kept"`     // links that people judged before
	Dropped  int `json:"dropped"`  // proposals that no longer hold
}

// reportGroup is the reports of one list that can be of one event with those of
// another: attacks with attacks, signals with signals of their kind.
type reportGroup struct {
	list, kind string
	ids        []string
	reports    []fusion.Report
	sum        [sha256.Size]byte // of what they say
}

// listPair is two groups to compare.
type listPair struct {
	key         string
	left, right *reportGroup
	hash        string
}

// Fuse looks for reports of one event among all that is held and proposes links.
// What people confirmed or split stays.
func (n *Node) Fuse(ctx context.Context) (FuseRun, error) {
	return n.fuse(ctx, func(listPair, bool) bool { return true })
}

// fuse compares the pairs of lists that are picked, which is told whether they
// changed since they were compared last.
func (n *Node) fuse(ctx context.Context, pick func(p listPair, changed bool) bool) (FuseRun, error) {
	n.linking.Lock()
	defer n.linking.Unlock()
	var run FuseRun
	var held []heldReport
	before := map[string]string{}
	err := n.view(ctx, func(tx store.Tx) error {
		docs, err := listDocs[comparedLists](tx, docCompared)
		if err != nil {
			return err
		}
		for _, c := range docs {
			before[c.Key] = c.Hash
		}
		held, err = heldReports(tx)
		return err
	})
	if err != nil {
		return run, err
	}
	groups, group := groupReports(held)
	lists := map[string]bool{}
	for _, g := range groups {
		lists[g.list] = true
	}
	run.Lists = len(lists)
	picked, found, there := map[string]string{}, map[string]ReportLink{}, map[string]bool{}
	for _, p := range pairs(groups) {
		there[p.key] = true
		if !pick(p, before[p.key] != p.hash) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return run, err
		}
		picked[p.key] = p.hash
		run.Compared += n.link(p, found)
	}
	gone := false
	for key := range before {
		gone = gone || !there[key]
	}
	if len(picked) == 0 && !gone {
		return run, nil
	}
	// stands tells of a link whether its lists were left alone this time.
	stands := func(l ReportLink) bool {
		a, b := group[l.Left], group[l.Right]
		if a == nil || b == nil || a.kind != b.kind {
			return false
		}
		key := pairKey(a, b)
		return there[key] && picked[key] == ""
	}
	return run, n.update(ctx, func(tx store.Tx) error {
		if err := settleLinks(tx, &run, found, stands); err != nil {
			return err
		}
		for key := range before {
			if !there[key] {
				if err := tx.DeleteDoc(docCompared, key); err != nil {
					return err
				}
			}
		}
		for key, hash := range picked {
			if err := putDoc(tx, docCompared, key, comparedLists{key, hash}); err != nil {
				return err
			}
		}
		return nil
	})
}

// settleLinks brings the links held up to what was found; those that stand were
// not looked for.
func settleLinks(tx store.Tx, run *FuseRun, found map[string]ReportLink, stands func(ReportLink) bool) error {
	run.Proposed, run.Kept, run.Dropped = 0, 0, 0
	links, err := listDocs[ReportLink](tx, docLink)
	if err != nil {
		return err
	}
	settled := map[string]bool{}
	for _, l := range links {
		key := linkKey(l.Left, l.Right)
		now, again := found[key]
		here, err := bothHeld(tx, l)
		if err != nil {
			return err
		}
		switch {
		case !here: // withdrawn or expired
			delete(found, key)
		case l.State == LinkNone && again:
			now.Acts = l.Acts
			found[key] = now
			continue
		case l.State == LinkNone:
			continue
		case l.State != LinkProposed || len(l.Acts) > 0:
			settled[key] = true
			run.Kept++
			continue
		case again:
			if settled[key] = now.P == l.P && reflect.DeepEqual(now.Evidence, l.Evidence); settled[key] {
				run.Proposed++
			}
			continue
		case stands(l):
			continue
		}
		run.Dropped++
		if err := tx.DeleteDoc(docLink, key); err != nil {
			return err
		}
	}
	for key, l := range found {
		if settled[key] {
			continue
		}
		if here, err := bothHeld(tx, l); err != nil {
			return err
		} else if !here {
			continue
		}
		run.Proposed++
		if err := putDoc(tx, docLink, key, l); err != nil {
			return err
		}
	}
	return nil
}

func bothHeld(tx store.Tx, l ReportLink) (bool, error) {
	for _, id := range []string{l.Left, l.Right} {
		if _, err := tx.Incident(id); errors.Is(err, store.ErrNotFound) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

// groupReports divides what is held; of maps each report to its group.
func groupReports(held []heldReport) (groups []*reportGroup, of map[string]*reportGroup) {
	of = make(map[string]*reportGroup, len(held))
	type name struct{ list, kind string }
	named := map[name]*reportGroup{}
	for i := range held {
		h := &held[i]
		key := name{list: h.list}
		if h.Kind.Signal() {
			key.kind = string(h.Kind)
		}
		g := named[key]
		if g == nil {
			g = &reportGroup{list: key.list, kind: key.kind}
			named[key] = g
			groups = append(groups, g)
		}
		g.ids, g.reports = append(g.ids, h.ID), append(g.reports, fusion.FromIncident(&h.Incident))
		// Each sum holds the one before: no list is kept twice for its hash.
		g.sum = sha256.Sum256(fmt.Appendf(g.sum[:], "%q %x", h.ID, h.said))
		of[h.ID] = g
	}
	slices.SortFunc(groups, func(a, b *reportGroup) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.list, b.list))
	})
	return groups, of
}

func pairKey(a, b *reportGroup) string {
	return fmt.Sprintf("%s|%s|%s", a.kind, min(a.list, b.list), max(a.list, b.list))
}

func pairs(groups []*reportGroup) (out []listPair) {
	for i, a := range groups {
		for _, b := range groups[i+1:] {
			if a.kind == b.kind {
				sum := sha256.Sum256(append(a.sum[:], b.sum[:]...))
				out = append(out, listPair{pairKey(a, b), a, b, hex.EncodeToString(sum[:])})
			}
		}
	}
	return out
}

// link compares two groups, adds the links found, and returns how many pairs of
// reports were weighed.
func (n *Node) link(p listPair, found map[string]ReportLink) (compared int) {
	res := fusion.Link(p.left.reports, p.right.reports, leastLink)
	for _, x := range res.Pairs {
		l := ReportLink{
			Left: p.left.ids[x.Left], Right: p.right.ids[x.Right], P: x.P, Evidence: x.Evidence,
			State: LinkProposed, At: stamp(n.now()), Acts: []LinkAct{},
		}
		for k := range l.Evidence {
			l.Evidence[k].Left, l.Evidence[k].Right = "", ""
		}
		l.Left, l.Right = min(l.Left, l.Right), max(l.Left, l.Right)
		found[linkKey(l.Left, l.Right)] = l
	}
	return res.Compared
}

const (
	// linkedAtOnce bounds the reports in a pair of lists that somebody who wants
	// to see links waits for; longer lists are compared in the background alone.
	linkedAtOnce = 20_000
	// Linking takes one part in so many of the time, however much arrives.
	linkShare = 10
	// maxLinkPause bounds the pause after comparing long lists.
	maxLinkPause = 10 * time.Minute
)

// fuseSoon links what changed where that does not take long, for one who looks.
func (n *Node) fuseSoon(ctx context.Context) error {
	_, err := n.fuse(ctx, func(p listPair, changed bool) bool {
		return changed && len(p.left.ids)+len(p.right.ids) <= linkedAtOnce
	})
	return err
}

// keepFusing links reports as they arrive, by import, feed or parcel, until ctx
// ends.
func (n *Node) keepFusing(ctx context.Context) {
	if n.opt.Every < 0 {
		return // whoever looks links what is there
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.arrived:
		}
		start := time.Now()
		run, err := n.fuse(ctx, func(_ listPair, changed bool) bool { return changed })
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			n.opt.Log.Error("linking reports of one event", "error", err)
		case run.Compared > 0:
			n.opt.Log.Info("linked reports of one event", "compared", run.Compared, "proposed", run.Proposed, "dropped", run.Dropped)
		}
		pause := time.NewTimer(min((linkShare-1)*time.Since(start), maxLinkPause))
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
	}
}

// tell wakes what waits for incidents to have come or gone.
func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it was told already
	}
}
