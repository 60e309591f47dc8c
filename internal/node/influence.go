package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/watch"
)

// What the standing watch reads, and how far one partner may move it.

// watched is what the watch reads.
type watched struct {
	counted     []incident.Incident
	from        []string       // by incident: the party that gave it, "" for our own
	over        map[string]int // by party: reports beyond its influence
	asOf        time.Time      // the first Monday after the data
	attribution string
	named       map[string]map[string]int // reports by organisation and who names it
	fused       int                       // reports of events that another report counts for
	hash        [32]byte                  // of the rows read
}

// watchCache keeps what was made of the incidents held, until they change: the
// same rows always give the same answers.
type watchCache struct {
	mu      sync.Mutex
	held    watched          // without its incidents where those are many; guarded by mu
	answers map[string]Watch // by question; guarded by mu
}

// watchKept is how many incidents stay in memory between two looks.
const watchKept = 20_000

// fusedLink is the probability from which a link that nobody has judged yet makes
// two reports count as one event.
const fusedLink = .9

// firstReports maps each report that is linked to another one to the report that
// stands for its event: our own before a partner's, then by id.
func firstReports(rows []store.Incident, links []ReportLink) map[string]string {
	from := make(map[string]string, len(rows))
	for _, r := range rows {
		from[r.ID] = r.From
	}
	first := make(map[string]string)
	var find func(id string) string
	find = func(id string) string {
		if f, ok := first[id]; ok && f != id {
			first[id] = find(f)
			return first[id]
		}
		return id
	}
	for _, l := range links {
		_, left := from[l.Left]
		_, right := from[l.Right]
		if !left || !right || l.State != LinkConfirmed && (l.State != LinkProposed || l.P < fusedLink) {
			continue
		}
		a, b := find(l.Left), find(l.Right)
		if own := from[a] == ""; own != (from[b] == "") && !own || own == (from[b] == "") && b < a {
			a, b = b, a
		}
		first[a], first[b] = a, a
	}
	for id := range first {
		first[id] = find(id)
	}
	return first
}

// hashOf tells whether rows are the same as before.
func hashOf(rows []store.Incident, first map[string]string) (sum [32]byte) {
	h := sha256.New()
	for _, r := range rows {
		fmt.Fprintf(h, "%q %q %q %d\n", r.ID, r.From, first[r.ID], len(r.Doc))
		h.Write(r.Doc)
	}
	return [32]byte(h.Sum(nil))
}

// watched reads every incident held, each event once (fusing.go). In an area and week, the reports of one
// partner count up to one more than those of everybody else: a partner that
// floods us with a thousand alone moves the count by one.
func (n *Node) watched(ctx context.Context) (watched, error) {
	w := watched{over: make(map[string]int), named: make(map[string]map[string]int)}
	n.watching.mu.Lock()
	defer n.watching.mu.Unlock()
	var rows []store.Incident
	var links []ReportLink
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if rows, err = tx.ListIncidents(store.IncidentQuery{}); err != nil {
			return err
		}
		links, err = listDocs[ReportLink](tx, docLink)
		return err
	})
	if err != nil {
		return w, err
	}
	first := firstReports(rows, links)
	if w.hash = hashOf(rows, first); w.hash == n.watching.held.hash && len(n.watching.held.counted) > 0 {
		return n.watching.held, nil
	}
	type cell struct {
		area string
		week int64
	}
	where := func(in *incident.Incident) cell {
		return cell{in.Admin1, in.Middle().Unix() / (7 * 24 * 3600)}
	}
	var all []incident.Incident
	total, by := make(map[cell]int), make(map[cell]map[string]int)
	var last time.Time
	sources := map[string]bool{}
	for _, r := range rows {
		in, err := readIncident(r)
		if err != nil {
			return w, err
		}
		if in.End.After(last) {
			last = in.End
		}
		sources[in.Source] = true
		if in.Organisation != "" && in.Attack() {
			if w.named[in.Organisation] == nil {
				w.named[in.Organisation] = map[string]int{}
			}
			w.named[in.Organisation][cmp.Or(r.From, "own ("+in.Source+")")]++
		}
		all = append(all, in)
		c := where(&in)
		total[c]++
		if by[c] == nil {
			by[c] = make(map[string]int)
		}
		by[c][r.From]++
	}
	w.attribution = incident.Attributions(slices.Collect(maps.Keys(sources))...)
	used := make(map[cell]map[string]int)
	for i, r := range rows {
		c := where(&all[i])
		if used[c] == nil {
			used[c] = make(map[string]int)
		}
		if f, fused := first[r.ID]; fused && f != r.ID {
			w.fused++ // the event is counted by its first report
			continue
		}
		if r.From != "" && used[c][r.From] >= 1+total[c]-by[c][r.From] {
			w.over[r.From]++
			continue
		}
		used[c][r.From]++
		w.counted, w.from = append(w.counted, all[i]), append(w.from, r.From)
	}
	w.asOf = last.UTC().Truncate(24 * time.Hour)
	w.asOf = w.asOf.AddDate(0, 0, 7-(int(w.asOf.Weekday())+6)%7)
	if n.watching.held.hash != w.hash {
		n.watching.answers = make(map[string]Watch)
	}
	if n.watching.held = w; len(w.counted) > watchKept {
		n.watching.held.counted, n.watching.held.from = nil, nil
	}
	return w, nil
}

// leaveOut adds to each area what its forecast would be without each partner.
func (w watched) leaveOut(out *Watch, unit func(*incident.Incident) string, lift *watch.Lift) error {
	var parties []string
	for _, f := range w.from {
		if f != "" && !slices.Contains(parties, f) {
			parties = append(parties, f)
		}
	}
	slices.Sort(parties)
	for _, party := range parties {
		var rest []incident.Incident
		for i, in := range w.counted {
			if w.from[i] != party {
				rest = append(rest, in)
			}
		}
		r, err := watch.NewReport(rest, unit, w.asOf, out.Horizon, lift)
		if err != nil && !errors.Is(err, watch.ErrNoData) {
			return err
		}
		for i := range out.Areas {
			p := 0.0
			if r != nil {
				for _, c := range r.Cards {
					if c.Area == out.Areas[i].Area {
						p = c.P
					}
				}
			}
			if math.Abs(p-out.Areas[i].P) >= .01 {
				out.Areas[i].Without = append(out.Areas[i].Without, Without{party, p})
			}
		}
	}
	return nil
}
