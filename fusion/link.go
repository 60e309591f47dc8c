package fusion

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Pair is two reports that are taken to be of one event. Left and Right are
// positions in the lists.
type Pair struct {
	Left, Right int
	// P is the probability that they are, given both lists.
	P        float64
	Evidence []Evidence
}

// Evidence is what one feature says about a pair.
type Evidence struct {
	Feature string `json:"feature"` // date, place, killed, wounded, kind or text
	Left    string `json:"left"`
	Right   string `json:"right"`
	// Says names the level of agreement.
	Says string `json:"says"`
	// Weight is the base-2 logarithm of how much more often reports of one event
	// agree like this than reports of two; 0 where one side says nothing.
	Weight float64 `json:"weight"`
	// Similarity of names or texts, from 0 to 1, and the distance; nil where there
	// is none.
	Similarity *float64 `json:"similarity,omitempty"`
	KM         *float64 `json:"km,omitempty"`
}

// Result is what [Link] found.
type Result struct {
	// Pairs are in the order of the left list; no report is in two.
	Pairs []Pair
	// MinP is the probability that a pair had to reach.
	MinP float64
	// Expected is the expected number of events that both lists report, and
	// Precision and Recall what the probabilities expect of the pairs; 0 where
	// there are none.
	Expected, Precision, Recall float64
	// Compared is how many pairs were weighed, Uncompared how many reports of the
	// left list were left out because that were too many; 0 but for hundreds of
	// reports a day.
	Compared, Uncompared int
	// Weights are the weights learnt, by feature and level.
	Weights []Weight
}

// Weight is the weight of one level of agreement, on average.
type Weight struct {
	Feature, Level string
	// Same and Different are how often it occurs among reports of one event and
	// of two; their ratio's base-2 logarithm is Weight.
	Same, Different, Weight float64
}

// BestF1 as the least probability lets [Link] choose the one that makes the
// expected F1 greatest.
const BestF1 = -1

// Link finds the pairs of reports of one event. Pairs less likely than minP are
// left out; see [BestF1].
func Link(left, right []Report, minP float64) Result {
	c := &comparer{index: map[string]int{}, alike: map[uint64]float32{}}
	m := &model{c: c, left: c.prepare(left), right: c.prepare(right)}
	weigh(m.left, m.right)
	edges, uncompared := c.block(m.left, m.right)
	m.edges = edges
	out := Result{Pairs: []Pair{}, MinP: max(minP, 0), Compared: len(m.edges), Uncompared: uncompared}
	if len(m.edges) == 0 {
		return out
	}
	m.count()
	m.learn()
	for _, e := range m.edges {
		out.Expected += e.p
	}
	picked := assign(m.edges, len(left), len(right), 0.01)
	byP := slices.Clone(picked)
	slices.SortStableFunc(byP, func(a, b int) int {
		switch d := m.edges[b].p - m.edges[a].p; {
		case d > 0:
			return 1
		case d < 0:
			return -1
		}
		return 0
	})
	keep, sum, best := 0, 0.0, 0.0
	for k, i := range byP {
		sum += m.edges[i].p
		if f := 2 * sum / (float64(k+1) + out.Expected); f > best {
			best, keep = f, k+1
		}
	}
	if minP >= 0 {
		keep = 0
		for _, i := range byP {
			if m.edges[i].p >= minP {
				keep++
			}
		}
	} else if keep > 0 {
		out.MinP = m.edges[byP[keep-1]].p
	}
	kept := byP[:keep]
	slices.Sort(kept)
	sum = 0
	for _, i := range kept {
		e := &m.edges[i]
		sum += e.p
		out.Pairs = append(out.Pairs, Pair{Left: e.left, Right: e.right, P: round(e.p), Evidence: m.evidence(e)})
	}
	if keep > 0 {
		out.Precision, out.Recall = sum/float64(keep), sum/out.Expected
	}
	out.Weights = m.table()
	return out
}

// round makes a probability independent of the order of sums.
func round(p float64) float64 { return math.Round(p*1e6) / 1e6 }

func (m *model) evidence(e *edge) []Evidence {
	a, b := &m.left[e.left], &m.right[e.right]
	var out []Evidence
	for f := range features {
		// Of two features for one thing, the one that was compared.
		if (f == span || f == about) && e.levels[f] < 0 || (f == date || f == where) && e.levels[f+1] >= 0 {
			continue
		}
		x := Evidence{Feature: featureNames[f], Says: "not given"}
		if l := e.levels[f]; l >= 0 {
			x.Says, x.Weight = levels[f][l], math.Round(e.weight[f]/math.Ln2*100)/100
		}
		switch f {
		case date, span:
			x.Left, x.Right = spanText(a), spanText(b)
		case where, about:
			x.Left, x.Right = placeText(a.Report), placeText(b.Report)
			p := m.c.where(a, b)
			if p.similarity >= 0 {
				x.Similarity = &p.similarity
			}
			if p.km >= 0 {
				x.KM = &p.km
			}
			if p.swapped {
				x.Says += "; latitude and longitude seem exchanged in one"
			}
		case killed:
			x.Left, x.Right = a.Killed.String(), b.Killed.String()
		case wounded:
			x.Left, x.Right = a.Wounded.String(), b.Wounded.String()
		case kind:
			x.Left, x.Right = a.Kind, b.Kind
		case text:
			if e.levels[f] >= 0 {
				_, alike := compareTexts(a, b)
				x.Similarity = &alike
			}
		}
		out = append(out, x)
	}
	return out
}

func spanText(p *prepared) string {
	switch {
	case !p.dated:
		return ""
	case p.first == p.last:
		return p.From.Format("2006-01-02")
	}
	return p.From.Format("2006-01-02") + " to " + p.To.Format("2006-01-02")
}

func placeText(r *Report) string {
	s := strings.Trim(r.Place+", "+r.Admin1, ", ")
	if r.Placed {
		s = strings.TrimSpace(fmt.Sprintf("%s (%.4g, %.4g)", s, r.Lat, r.Lon))
	}
	return s
}
