package watch

import "math"

// The smoothed rate: s ← alpha·y + (1−alpha)·s from ewmaStart, and never below
// ewmaFloor in a forecast.
const (
	ewmaStart = 0.1
	ewmaFloor = 0.01
)

// alpha is the weight of the newest period in the smoothed rate.
func (s Step) alpha() float64 {
	if s == Monthly {
		return 0.2
	}
	return 0.15
}

// burnIn is how many first periods do not count when a size is fitted: the rate
// has not forgotten its start yet.
const burnIn = 26

// rates is a model that forecasts h times a rate per period, spread as a
// negative binomial.
type rates struct {
	horizon int
	rate    [][]float64 // by unit, then period; one more than there are periods
	size    []float64   // by period; one more than there are periods
}

// newEWMA forecasts a smoothed rate, which is what most dashboards do.
func newEWMA(p *Panel, horizon int) *rates {
	m := &rates{horizon: horizon, rate: make([][]float64, len(p.Units))}
	alpha := p.Step.alpha()
	for u, counts := range p.Counts {
		s := ewmaStart
		for _, y := range counts {
			m.rate[u] = append(m.rate[u], max(s, ewmaFloor))
			s = alpha*float64(y) + (1-alpha)*s
		}
		m.rate[u] = append(m.rate[u], max(s, ewmaFloor))
	}
	m.fit(p)
	return m
}

// newClimatology forecasts a unit's mean over its whole past.
func newClimatology(p *Panel, horizon int) *rates {
	m := &rates{horizon: horizon, rate: make([][]float64, len(p.Units))}
	for u, counts := range p.Counts {
		total := 0
		for t := range len(counts) + 1 {
			m.rate[u] = append(m.rate[u], max((float64(total)+0.05)/(float64(t)+0.05), ewmaFloor))
			if t < len(counts) {
				total += counts[t]
			}
		}
	}
	m.fit(p)
	return m
}

// fit finds the size that was likeliest on the past: anew at the first period of
// each calendar year and at the end, on all forecasts whose outcome was known by
// then.
func (m *rates) fit(p *Panel) {
	var fit sizeFit
	known := burnIn
	m.size = yearly(p, func(t int) float64 {
		for ; known+m.horizon <= t; known++ {
			for u := range p.Units {
				fit.add(m.mean(u, known), sum(p.Counts[u], known, m.horizon))
			}
		}
		return fit.size()
	})
}

// mean is the expected count of the unit over the horizon from period t on.
func (m *rates) mean(u, t int) float64 { return float64(m.horizon) * m.rate[u][t] }

func (m *rates) forecast(u, t int) PMF { return NB(m.mean(u, t), m.size[t]) }

func (m *rates) atLeastOne(u, t int) float64 { return 1 - zeroNB(m.mean(u, t), m.size[t]) }

func (m *rates) prob(u, t, k int) float64 { return math.Exp(LogNB(k, m.mean(u, t), m.size[t])) }
