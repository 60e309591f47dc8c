package fusion

import "math"

// model learns how reports of one event differ.
type model struct {
	c           *comparer
	left, right []prepared
	edges       []edge

	// Levels counted over pairs of each report with a sample of the other list,
	// and which reports of each list are in the sample: every so manyeth.
	ofLeft, ofRight       []counts
	everyLeft, everyRight int
	all                   counts // over both
	same, different       [features][]float64
	activity              float64 // odds of a pair before any comparison
	byLeft, byRight       [][]int // edges of each report
	fromLeft, fromRight   []float64
	expected              float64
}

type counts [features][]float64

func newCounts() (c counts) {
	for f := range features {
		c[f] = make([]float64, len(levels[f]))
	}
	return c
}

func (c *counts) add(l [features]int8, x float64) {
	for f, level := range l {
		if level >= 0 {
			c[f][level] += x
		}
	}
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

const (
	// discount is for features that are not independent: what happens on one
	// day in one place tends to be alike.
	discount = 0.95
	sample   = 200 // reports of the other list with which each is compared
	strength = 20  // pairs that the prior counts for
	rounds   = 60
	sweeps   = 40
)

// count compares each report with a sample of the other list. How often a
// report agrees with strangers is what its agreement with a partner is worth:
// little for a place where much happens, much for a rare number.
func (m *model) count() {
	m.everyLeft, m.everyRight = max(1, len(m.left)/sample), max(1, len(m.right)/sample)
	m.all = newCounts()
	m.ofLeft, m.ofRight = make([]counts, len(m.left)), make([]counts, len(m.right))
	for i := range m.left {
		m.ofLeft[i] = newCounts()
		for j := 0; j < len(m.right); j += m.everyRight {
			l := m.c.compare(&m.left[i], &m.right[j])
			m.ofLeft[i].add(l, 1)
			m.all.add(l, 1)
		}
	}
	for j := range m.right {
		m.ofRight[j] = newCounts()
		for i := 0; i < len(m.left); i += m.everyLeft {
			l := m.c.compare(&m.left[i], &m.right[j])
			m.ofRight[j].add(l, 1)
			m.all.add(l, 1)
		}
	}
	m.byLeft, m.byRight = make([][]int, len(m.left)), make([][]int, len(m.right))
	for k, e := range m.edges {
		m.byLeft[e.left] = append(m.byLeft[e.left], k)
		m.byRight[e.right] = append(m.byRight[e.right], k)
	}
	m.fromLeft, m.fromRight = make([]float64, len(m.edges)), make([]float64, len(m.edges))
}

// learn alternates between the probabilities of pairs and the weights that
// follow from them (expectation maximisation) until neither changes.
func (m *model) learn() {
	for f := range features {
		m.same[f] = append([]float64(nil), prior[f]...)
	}
	m.expected = 0.5 * float64(min(len(m.left), len(m.right)))
	for range rounds {
		m.setActivity()
		m.setDifferent()
		m.score()
		m.propagate()
		change := 0.0
		before := m.expected
		m.expected = 0
		agreed := newCounts()
		for k := range m.edges {
			agreed.add(m.edges[k].levels, m.edges[k].p)
			m.expected += m.edges[k].p
		}
		for f := range features {
			n := sum(agreed[f])
			for l := range m.same[f] {
				x := (agreed[f][l] + strength*prior[f][l]) / (n + strength)
				change = max(change, math.Abs(x-m.same[f][l]))
				m.same[f][l] = x
			}
		}
		if change < 1e-4 && math.Abs(m.expected-before) < 1e-3*(1+before) {
			break
		}
	}
}

// setActivity gives the odds of any one pair from the number of events that
// both lists report: in a random matching of so many pairs it is their number
// over the product of the reports left single on either side.
func (m *model) setActivity() {
	l, r := float64(len(m.left)), float64(len(m.right))
	// Half an event that both report, and one that each alone reports, is
	// believed in before anything is seen.
	m.activity = (m.expected + 0.5) / ((l - m.expected + 1) * (r - m.expected + 1))
}

// setDifferent gives how often reports of two events agree: all pairs without
// those that are expected to be of one.
func (m *model) setDifferent() {
	// Among the pairs counted, one of one event is as frequent as among all.
	pairs := float64(len(m.left)) * float64(len(m.right))
	for f := range features {
		if m.different[f] == nil {
			m.different[f] = make([]float64, len(levels[f]))
		}
		n := sum(m.all[f])
		same := n * m.expected / pairs
		total := 0.0
		for l := range m.different[f] {
			m.different[f][l] = max(m.all[f][l]-same*m.same[f][l], 0) + 0.5
			total += m.different[f][l]
		}
		for l := range m.different[f] {
			m.different[f][l] /= total
		}
	}
}

// stranger is how often a report that was counted agrees like this with one of
// another event. The pair itself is left out of the count if it was in the
// sample. The mean over all reports is believed in like one agreement seen.
func stranger(c []float64, level int8, itself bool, mean float64) float64 {
	n, x := sum(c), c[level]
	if itself {
		n, x = n-1, x-1
	}
	return (x + 1) / (n + 1/mean)
}

func (m *model) score() {
	for k := range m.edges {
		e := &m.edges[k]
		total := math.Log(m.activity)
		for f, level := range e.levels {
			e.weight[f] = 0
			if level < 0 {
				continue
			}
			mean := m.different[f][level]
			u := (stranger(m.ofLeft[e.left][f], level, e.right%m.everyRight == 0, mean) +
				stranger(m.ofRight[e.right][f], level, e.left%m.everyLeft == 0, mean)) / 2
			e.weight[f] = discount * math.Log(m.same[f][level]/u)
			total += e.weight[f]
		}
		e.odds = math.Exp(max(-60, min(60, total)))
	}
}

// propagate gives each pair its probability in the distribution over all
// one-to-one matchings whose weight is the product of the odds of their pairs,
// by the recursion of Bayati and others, Simple deterministic approximation
// algorithms for counting matchings (STOC 2007): the message of a report to a
// pair is the probability that it would be single without it.
func (m *model) propagate() {
	for k := range m.edges {
		m.fromLeft[k], m.fromRight[k] = 1, 1
	}
	nextLeft, nextRight := make([]float64, len(m.edges)), make([]float64, len(m.edges))
	for range sweeps {
		m.single(m.byLeft, m.fromRight, m.fromLeft, nextLeft)
		m.single(m.byRight, m.fromLeft, m.fromRight, nextRight)
		change := 0.0
		for k := range m.edges {
			change = max(change, math.Abs(nextLeft[k]-m.fromLeft[k]), math.Abs(nextRight[k]-m.fromRight[k]))
		}
		m.fromLeft, nextLeft = nextLeft, m.fromLeft
		m.fromRight, nextRight = nextRight, m.fromRight
		if change < 1e-6 {
			break
		}
	}
	for k := range m.edges {
		e := &m.edges[k]
		x := e.odds * m.fromLeft[k] * m.fromRight[k]
		e.p = x / (1 + x)
	}
}

// single computes the messages of each report to its pairs from those that the
// other sides sent, half way from the last ones so that they settle.
func (m *model) single(of [][]int, from, last, next []float64) {
	var after []float64
	for _, es := range of {
		after = append(after[:0], make([]float64, len(es)+1)...)
		for x := len(es) - 1; x >= 0; x-- {
			after[x] = after[x+1] + m.edges[es[x]].odds*from[es[x]]
		}
		before := 0.0
		for x, k := range es {
			next[k] = math.Sqrt(last[k] / (1 + before + after[x+1]))
			before += m.edges[k].odds * from[k]
		}
	}
}

func (m *model) table() []Weight {
	var out []Weight
	for f := range features {
		for l, name := range levels[f] {
			out = append(out, Weight{featureNames[f], name, m.same[f][l], m.different[f][l], math.Log2(m.same[f][l] / m.different[f][l])})
		}
	}
	return out
}
