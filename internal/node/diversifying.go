package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/watch"
)

// Diversification says over what attacks are spread, whether the mix changed, and
// whether attention has fixed on one place.
type Diversification struct {
	AsOf    string      `json:"as_of"`
	Weeks   int         `json:"weeks"`
	ByClass Spread      `json:"by_class"`
	ByArea  Spread      `json:"by_area"`
	Next    []NextShare `json:"next"` // where the next attack is likely, at most ten
	// NextDistrict is the same by district, of those with at least ten attacks: what
	// is said of a smaller one would be said of a few people.
	NextDistrict []NextShare `json:"next_district"`
	// Attribution is what the sources of the data ask to be shown.
	Attribution string     `json:"attribution,omitempty"`
	Looked      *Attention `json:"attention,omitempty"` // nil where nothing says where the node looks
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

// Diversification reads the last so many weeks against those before. Attention is
// that of the watches and assignments in force, the newest coverage plan and the
// reports read in the last quarter.
func (n *Node) Diversification(ctx context.Context, weeks int) (Diversification, error) {
	out := Diversification{Weeks: weeks, Next: []NextShare{}, NextDistrict: []NextShare{}}
	if weeks < 4 || weeks > 520 {
		return out, fmt.Errorf("%w: %d weeks; give 4 to 520", ErrInvalid, weeks)
	}
	w, err := n.watched(ctx)
	if err != nil {
		return out, err
	}
	out.AsOf, out.Attribution = stamp(w.asOf), w.attribution
	if out.ByClass, err = spread(w, watch.ByClass, weeks); err != nil {
		return out, err
	}
	if out.ByArea, err = spread(w, watch.ByArea, weeks); err != nil {
		return out, err
	}
	if out.Next, err = nextCells(w, watch.ByArea, 0); err != nil {
		return out, err
	}
	if out.NextDistrict, err = nextCells(w, byDistrict, leastCell); err != nil {
		return out, err
	}
	out.Looked, err = n.attention(ctx, w)
	return out, err
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

// leastCell is how many attacks a district needs to be shown.
const leastCell = 10

func byDistrict(in *incident.Incident) string { return in.Admin2 }

// nextCells is where the next attack is likely, at most ten cells of class and
// area, of areas with at least so many attacks.
func nextCells(w watched, area func(*incident.Incident) string, least int) ([]NextShare, error) {
	out := []NextShare{}
	both := func(in *incident.Incident) string {
		if area(in) == "" {
			return ""
		}
		return watch.ByClass(in) + "\x00" + area(in)
	}
	p, _, err := watch.Count(w.counted, both, w.asOf)
	if errors.Is(err, watch.ErrNoData) {
		return out, nil
	}
	if err != nil {
		return out, err
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
	held := make([]int, len(areas))
	for u, c := range cells {
		for _, y := range p.Counts[u] {
			held[c[1]] += y
		}
	}
	for r, c := range classes {
		for k, a := range areas {
			if held[k] >= least {
				out = append(out, NextShare{c, a, f.Prob(r, k)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b NextShare) int { return cmp.Compare(b.P, a.P) })
	return out[:min(len(out), 10)], nil
}
