package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/watch"
)

// The standing watch: what it reads, how far one partner may move it, what it
// said when, and the plans made from it.

// watched is what the watch reads.
type watched struct {
	counted     []incident.Incident
	from        []string       // by incident: the party that gave it, "" for our own
	over        map[string]int // by party: reports beyond its influence
	asOf        time.Time      // the first Monday after the data
	attribution string
	fused       int      // reports of events that another report counts for
	hash        [32]byte // of the rows read
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
	w := watched{over: make(map[string]int)}
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
	for _, r := range rows {
		in, err := readIncident(r)
		if err != nil {
			return w, err
		}
		if in.End.After(last) {
			last = in.End
		}
		if in.Source == incident.UCDP {
			w.attribution = incident.UCDPAttribution
		}
		all = append(all, in)
		c := where(&in)
		total[c]++
		if by[c] == nil {
			by[c] = make(map[string]int)
		}
		by[c][r.From]++
	}
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

// Diversification says over what attacks are spread, whether the mix changed, and
// whether attention has fixed on one place.
type Diversification struct {
	AsOf    string             `json:"as_of"`
	Weeks   int                `json:"weeks"`
	ByClass Spread             `json:"by_class"`
	ByArea  Spread             `json:"by_area"`
	Next    []NextShare        `json:"next"` // where the next attack is likely, at most ten
	Fixed   *watch.Attention   `json:"attention,omitempty"`
	Widest  []string           `json:"widest_gaps,omitempty"` // areas, of Fixed
	Looked  map[string]float64 `json:"looked,omitempty"`      // share of the attention by area
}

// Spread is a reading over one kind of division; a part that cannot be read says
// why.
type Spread struct {
	Kinds     []string         `json:"kinds"`
	Counts    []int            `json:"counts"`
	Diversity *watch.Diversity `json:"diversity,omitempty"`
	Drift     *watch.Drift     `json:"drift,omitempty"` // against the span before
	Turn      *watch.Turn      `json:"turn,omitempty"`
	Refused   []string         `json:"refused,omitempty"`
}

// NextShare is how likely the next attack is to fall into a cell.
type NextShare struct {
	Class string  `json:"class"`
	Area  string  `json:"area"`
	P     float64 `json:"p"`
}

// Diversification reads the last so many weeks against those before. The
// attention is that of the last coverage plan, if there is one.
func (n *Node) Diversification(ctx context.Context, weeks int) (Diversification, error) {
	out := Diversification{Weeks: weeks, Next: []NextShare{}}
	if weeks < 4 || weeks > 520 {
		return out, fmt.Errorf("%w: %d weeks; give 4 to 520", ErrInvalid, weeks)
	}
	w, err := n.watched(ctx)
	if err != nil {
		return out, err
	}
	out.AsOf = stamp(w.asOf)
	if out.ByClass, err = spread(w, watch.ByClass, weeks); err != nil {
		return out, err
	}
	if out.ByArea, err = spread(w, watch.ByArea, weeks); err != nil {
		return out, err
	}
	if err := nextCells(w, &out); err != nil {
		return out, err
	}
	return out, n.attention(ctx, w, &out)
}

func spread(w watched, by func(*incident.Incident) string, weeks int) (Spread, error) {
	s := Spread{Kinds: []string{}, Counts: []int{}}
	p, _, err := watch.Count(w.counted, by, w.asOf)
	if errors.Is(err, watch.ErrNoData) {
		s.Refused = append(s.Refused, err.Error())
		return s, nil
	}
	if err != nil {
		return s, err
	}
	last := len(p.Starts)
	from := max(last-weeks, 0)
	var before []int
	for u, unit := range p.Units {
		now, then := 0, 0
		for t := max(from-weeks, 0); t < last; t++ {
			if t >= from {
				now += p.Counts[u][t]
			} else {
				then += p.Counts[u][t]
			}
		}
		s.Kinds, s.Counts, before = append(s.Kinds, unit), append(s.Counts, now), append(before, then)
	}
	refuse := func(err error) {
		if text := err.Error(); !slices.Contains(s.Refused, text) {
			s.Refused = append(s.Refused, text)
		}
	}
	if d, err := watch.NewDiversity(s.Counts); err != nil {
		refuse(err)
	} else {
		s.Diversity = &d
	}
	if d, err := watch.NewDrift(before, s.Counts); err != nil {
		refuse(err)
	} else {
		s.Drift = &d
	}
	if t, err := watch.NewTurn(inOrder(w, by, p.Units, p.Starts[from])); err != nil {
		refuse(err)
	} else {
		s.Turn = &t
	}
	return s, nil
}

// inOrder is the kinds attacked since a day, in the order of time.
func inOrder(w watched, by func(*incident.Incident) string, kinds []string, since time.Time) (order []int) {
	ins := make([]*incident.Incident, 0, len(w.counted))
	for i := range w.counted {
		in := &w.counted[i]
		if !in.Middle().Before(since) && in.Middle().Before(w.asOf) && in.Attack() {
			ins = append(ins, in)
		}
	}
	slices.SortFunc(ins, func(a, b *incident.Incident) int {
		return cmp.Or(a.Middle().Compare(b.Middle()), strings.Compare(a.ID, b.ID))
	})
	for _, in := range ins {
		if k := slices.Index(kinds, by(in)); k >= 0 {
			order = append(order, k)
		}
	}
	return order
}

func nextCells(w watched, out *Diversification) error {
	both := func(in *incident.Incident) string {
		if in.Admin1 == "" {
			return ""
		}
		return watch.ByClass(in) + "\x00" + in.Admin1
	}
	p, _, err := watch.Count(w.counted, both, w.asOf)
	if errors.Is(err, watch.ErrNoData) {
		return nil
	}
	if err != nil {
		return err
	}
	var classes, areas []string
	cells := make([][2]int, len(p.Units))
	for u, unit := range p.Units {
		c, a, _ := strings.Cut(unit, "\x00")
		if !slices.Contains(classes, c) {
			classes = append(classes, c)
		}
		if !slices.Contains(areas, a) {
			areas = append(areas, a)
		}
		cells[u] = [2]int{slices.Index(classes, c), slices.Index(areas, a)}
	}
	f := watch.NewNextCell(len(classes), len(areas))
	for t := range p.Starts {
		counts := make([]int, len(classes)*len(areas))
		for u, c := range cells {
			counts[c[0]*len(areas)+c[1]] += p.Counts[u][t]
		}
		f.Add(counts)
	}
	for r, c := range classes {
		for k, a := range areas {
			out.Next = append(out.Next, NextShare{c, a, f.Prob(r, k)})
		}
	}
	slices.SortStableFunc(out.Next, func(a, b NextShare) int {
		switch {
		case a.P > b.P:
			return -1
		case a.P < b.P:
			return 1
		}
		return 0
	})
	out.Next = out.Next[:min(len(out.Next), 10)]
	return nil
}

// attention compares the newest coverage plan with last quarter and forecast.
func (n *Node) attention(ctx context.Context, w watched, out *Diversification) error {
	plans, err := n.CoveragePlans(ctx)
	if err != nil || len(plans) == 0 {
		return err
	}
	r, err := watch.NewReport(w.counted, watch.ByArea, w.asOf, 13, nil)
	if errors.Is(err, watch.ErrNoData) {
		return nil
	}
	if err != nil {
		return err
	}
	var look, last, risk []float64
	out.Looked = make(map[string]float64)
	for _, c := range r.Cards {
		cover := 0.0
		if i := slices.Index(plans[0].Plan.Cells, c.Area); i >= 0 {
			cover = plans[0].Plan.Cover[i]
		}
		quarter := 0
		for _, y := range c.Counts[max(len(c.Counts)-13, 0):] {
			quarter += y
		}
		look, last, risk = append(look, cover), append(last, float64(quarter)), append(risk, c.Mean)
		out.Looked[c.Area] = cover / float64(plans[0].Plan.Units)
	}
	a := watch.NewAttention(look, last, risk)
	out.Fixed = &a
	for _, i := range a.Widest {
		out.Widest = append(out.Widest, r.Cards[i].Area)
	}
	return nil
}

const docCoverage = "coverage" // by id: coverage

// CoverageAsk asks for a plan over the areas of the watch.
type CoverageAsk struct {
	Units   int     `json:"units"`
	Policy  string  `json:"policy,omitempty"`  // proportional where it is left out
	Floor   float64 `json:"floor"`             // share of the units spread evenly
	Horizon int     `json:"horizon,omitempty"` // weeks a period has; 4 where it is left out
	Periods int     `json:"periods,omitempty"` // drawn; 13 where it is left out
}

// Coverage is a plan with its committed draw.
type Coverage struct {
	ID         string         `json:"id"`
	At         string         `json:"at"`
	AsOf       string         `json:"as_of"` // of the data
	Plan       watch.Plan     `json:"plan"`
	Outcome    watch.Outcome  `json:"outcome"`
	TradeOff   []watch.Choice `json:"trade_off"`
	Commitment string         `json:"commitment"` // hex; give it away before the schedule begins
	Schedule   [][]int        `json:"schedule"`   // cells by period
	Ends       string         `json:"ends"`
	Seed       string         `json:"seed,omitempty"` // told once the schedule is over
}

type coverage struct {
	Coverage
	Secret []byte `json:"secret"`
}

// PlanCoverage makes a plan from the present forecast, commits to its draw and
// keeps both.
func (n *Node) PlanCoverage(ctx context.Context, ask CoverageAsk) (Coverage, error) {
	if ask.Policy == "" {
		ask.Policy = watch.Proportional
	}
	if ask.Horizon == 0 {
		ask.Horizon = 4
	}
	if ask.Periods == 0 {
		ask.Periods = 13
	}
	if ask.Periods < 1 || ask.Periods > 520 || ask.Horizon < 1 || ask.Horizon > maxHorizon {
		return Coverage{}, fmt.Errorf("%w: %d periods of %d weeks; give 1 to 520 of 1 to %d", ErrInvalid, ask.Periods, ask.Horizon, maxHorizon)
	}
	w, err := n.watched(ctx)
	if err != nil {
		return Coverage{}, err
	}
	r, err := watch.NewReport(w.counted, watch.ByArea, w.asOf, ask.Horizon, nil)
	if err != nil {
		return Coverage{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	var cells []string
	var risk []float64
	for _, c := range r.Cards {
		cells, risk = append(cells, c.Area), append(risk, c.Mean)
	}
	plan, err := watch.NewPlan(ask.Policy, ask.Units, ask.Floor, cells, risk)
	if err != nil {
		return Coverage{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var seed watch.Seed
	id := make([]byte, 8)
	if _, err := io.ReadFull(n.opt.Rand, seed[:]); err != nil {
		return Coverage{}, err
	}
	if _, err := io.ReadFull(n.opt.Rand, id); err != nil {
		return Coverage{}, err
	}
	commitment, err := plan.Commitment(seed)
	if err != nil {
		return Coverage{}, err
	}
	c := coverage{Secret: seed[:]}
	c.ID, c.At, c.AsOf, c.Plan, c.Outcome = hex.EncodeToString(id), stamp(n.now()), stamp(r.AsOf), *plan, plan.Outcome()
	c.Commitment, c.Schedule = hex.EncodeToString(commitment), plan.Schedule(seed, ask.Periods)
	c.Ends = stamp(n.now().AddDate(0, 0, 7*ask.Horizon*ask.Periods))
	if c.TradeOff, err = watch.TradeOff(ask.Units, cells, risk); err != nil {
		return Coverage{}, err
	}
	return c.Coverage, n.update(ctx, func(tx store.Tx) error { return putDoc(tx, docCoverage, c.ID, c) })
}

// CoveragePlans lists the plans made, newest first; the seed of a schedule that is
// over is told, so that anyone can check the draw.
func (n *Node) CoveragePlans(ctx context.Context) ([]Coverage, error) {
	out := []Coverage{}
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[coverage](tx, docCoverage)
		for _, c := range all {
			if c.Ends <= stamp(n.now()) {
				c.Seed = hex.EncodeToString(c.Secret)
			}
			out = append(out, c.Coverage)
		}
		return err
	})
	slices.SortStableFunc(out, func(a, b Coverage) int { return strings.Compare(b.At, a.At) })
	return out, err
}

// docSaid keeps what the watch said, by horizon and date of its data. It is
// written once; each record carries the hash of the one before, so that none can
// be changed or left out afterwards without its being seen.
const docSaid = "said:"

// Said is what the watch said on one date.
type Said struct {
	AsOf    string             `json:"as_of"`
	At      string             `json:"at"` // when it was said
	Horizon int                `json:"horizon"`
	P       map[string]float64 `json:"p"`      // by area
	Before  string             `json:"before"` // SHA-256 of the record before, hex; "" for the first
}

var saidHorizons = []int{1, 4, 13}

// RecordWatch notes what the watch says now, for every horizon, where it has not
// been noted for these data yet. It is called now and then while the node runs.
func (n *Node) RecordWatch(ctx context.Context) error {
	for _, h := range saidHorizons {
		w, err := n.Watch(ctx, h, "", 0)
		if err != nil {
			return err
		}
		if w.AsOf == "" {
			continue
		}
		s := Said{AsOf: w.AsOf, At: stamp(n.now()), Horizon: h, P: make(map[string]float64)}
		for _, a := range w.Areas {
			s.P[a.Area] = a.P
		}
		err = n.update(ctx, func(tx store.Tx) error {
			kind := fmt.Sprint(docSaid, h)
			all, err := tx.ListDocs(kind)
			if err != nil {
				return err
			}
			s.Before = ""
			for _, d := range all { // by id, which begins with the order in which they were said
				var was Said
				if err := json.Unmarshal(d.Body, &was); err != nil {
					return fmt.Errorf("stored forecast %s does not read: %w", d.ID, err)
				}
				if was.AsOf == s.AsOf {
					return nil
				}
				sum := sha256.Sum256(d.Body)
				s.Before = hex.EncodeToString(sum[:])
			}
			return putDoc(tx, kind, fmt.Sprintf("%08d", len(all)), s)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// SaidScore is what the watch said in the past and how it turned out.
type SaidScore struct {
	Horizon int     `json:"horizon"`
	Said    []Said  `json:"said"`   // newest first
	Scored  int     `json:"scored"` // forecasts whose horizon has passed
	Brier   float64 `json:"brier"`  // of those
	Whole   bool    `json:"whole"`  // no record was changed or left out
}

// WatchRecord reads what the watch said for a horizon and scores it against the
// incidents held now.
func (n *Node) WatchRecord(ctx context.Context, horizon int) (SaidScore, error) {
	out := SaidScore{Horizon: horizon, Said: []Said{}, Whole: true}
	w, err := n.watched(ctx)
	if err != nil {
		return out, err
	}
	p, _, err := watch.Count(w.counted, watch.ByArea, w.asOf)
	if err != nil && !errors.Is(err, watch.ErrNoData) {
		return out, err
	}
	err = n.view(ctx, func(tx store.Tx) error {
		all, err := tx.ListDocs(fmt.Sprint(docSaid, horizon))
		if err != nil {
			return err
		}
		before := ""
		for _, d := range all {
			var s Said
			if err := json.Unmarshal(d.Body, &s); err != nil {
				return fmt.Errorf("stored forecast %s does not read: %w", d.ID, err)
			}
			out.Whole = out.Whole && s.Before == before
			sum := sha256.Sum256(d.Body)
			before = hex.EncodeToString(sum[:])
			out.Said = append(out.Said, s)
		}
		return nil
	})
	slices.Reverse(out.Said)
	if p == nil {
		return out, err
	}
	for _, s := range out.Said {
		at, perr := time.Parse(time.RFC3339, s.AsOf)
		if perr != nil {
			out.Whole = false
			continue
		}
		from := slices.IndexFunc(p.Starts, func(t time.Time) bool { return !t.Before(at) })
		if from < 0 || from+horizon > len(p.Starts) {
			continue
		}
		for area, prob := range s.P {
			hit := 0.0
			if u := slices.Index(p.Units, area); u >= 0 {
				for _, y := range p.Counts[u][from : from+horizon] {
					if y > 0 {
						hit = 1
					}
				}
			}
			out.Scored++
			out.Brier += (prob - hit) * (prob - hit)
		}
	}
	if out.Scored > 0 {
		out.Brier /= float64(out.Scored)
	}
	return out, err
}

// keepWatch records what the watch says, once an hour.
func (n *Node) keepWatch(ctx context.Context) {
	if n.opt.Every < 0 {
		return // tests do it by hand
	}
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := n.RecordWatch(ctx); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("recording what the watch says", "error", err)
		}
	}
}
