package watch

import "math"

// hurdle corrects, for units that have been quiet, what a model says of any
// event at all by how such spells ended before: a logistic regression on the
// model's own log-odds, drawn to leaving them as they are. Smoothed rates fall
// towards zero in a lull, and lulls end more often than that; and since the
// future is not the past, only a part of the correction is taken.
type hurdle struct {
	model
	odds [][]float64 // corrected probability of one event or more, by unit and period
}

const (
	hurdleFeatures = 6
	hurdleRidge    = .1
	hurdleQuiet    = 4  // periods of quiet from which on it corrects
	hurdlePart     = .6 // of the correction
	hurdleHalfLife = 3  // years after which a past spell counts half
)

func newHurdle(p *Panel, base model, horizon int) *hurdle {
	n := len(p.Starts)
	m := &hurdle{model: base}
	x := newPast(p)
	logit := make([][]float64, len(p.Units))
	for u := range p.Units {
		m.odds = append(m.odds, make([]float64, n+1))
		for t := range n + 1 {
			q := base.atLeastOne(u, t)
			m.odds[u][t] = q
			q = min(max(q, 1e-6), 1-1e-6)
			logit[u] = append(logit[u], math.Log(q/(1-q)))
		}
	}
	row := make([]float64, hurdleFeatures)
	fill := func(u, t int) (quiet bool) {
		// quiet counts from 1: the period after an event has the quiet 1.
		q := x.quiet[u][t]
		row[0] = logit[u][t]
		row[1] = math.Log(float64(q))
		row[2], row[3] = 0, 0
		if q > lullLengths[0] {
			row[2] = 1
		}
		if q > longQuiet {
			row[3] = 1
		}
		row[4] = math.Log(spanMean(x.before[u], t, 1, max(t, 1)) + featureHistory)
		row[5] = math.Log(spanMean(x.before[u], t, 1, 52) + .02)
		return q > hurdleQuiet
	}
	refit(p, horizon, func(t int, rows rowsOf) func(int) {
		f := &regression{family: binomial, ridge: hurdleRidge}
		half := hurdleHalfLife * p.Step.perYear()
		rows(func(u, s, y int) {
			if fill(u, s) {
				f.add(row, logit[u][s], min(float64(y), 1), math.Exp2(-float64(t-s)/half))
			}
		})
		if !f.solve() {
			return nil
		}
		return func(s int) {
			for u := range p.Units {
				if fill(u, s) {
					m.odds[u][s] += hurdlePart * (f.mean(row, logit[u][s]) - m.odds[u][s])
				}
			}
		}
	})
	return m
}

func (m *hurdle) atLeastOne(u, t int) float64 { return m.odds[u][t] }

func (m *hurdle) forecast(u, t int) PMF {
	d := m.model.forecast(u, t)
	up := m.odds[u][t] / max(1-d[0], math.SmallestNonzeroFloat64)
	d[0] = 1 - m.odds[u][t]
	for k := 1; k < len(d); k++ {
		d[k] *= up
	}
	return d
}

func (m *hurdle) prob(u, t, k int) float64 {
	if k == 0 {
		return 1 - m.odds[u][t]
	}
	return m.model.prob(u, t, k) * m.odds[u][t] / max(m.model.atLeastOne(u, t), math.SmallestNonzeroFloat64)
}
