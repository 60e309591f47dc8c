package watch

import "math"

// pool is a weighted mean of models. The weights follow, over all units, how
// much more likely each made what happened than the mean did: exponentiated
// gradient ascent of the mean's log-likelihood (Kivinen and Warmuth 1997), so
// that models which complete each other keep their places.
type pool struct {
	models []model
	weight [][]float64 // by period, then model
}

const (
	poolRate   = .1   // of ascent
	poolForget = .998 // a weight fades towards equality by this power each period
)

func newPool(p *Panel, horizon int, models ...model) *pool {
	n := len(p.Starts)
	m := &pool{models: models, weight: make([][]float64, n+1)}
	w, gain, said := make([]float64, len(models)), make([]float64, len(models)), make([]float64, len(models))
	for i := range w {
		w[i] = 1 / float64(len(w))
	}
	for t := range n + 1 {
		if s := t - horizon; s >= glmStart {
			clear(gain)
			for u := range p.Units {
				y, mix := sum(p.Counts[u], s, horizon), 0.0
				for i, x := range models {
					said[i] = x.prob(u, s, y)
					mix += w[i] * said[i]
				}
				for i := range gain {
					gain[i] += (said[i]/max(mix, math.SmallestNonzeroFloat64) - 1) / float64(len(p.Units))
				}
			}
			total := 0.0
			for i := range w {
				w[i] = math.Pow(w[i], poolForget) * math.Exp(poolRate*min(gain[i], 10))
				total += w[i]
			}
			for i := range w {
				w[i] /= total
			}
		}
		m.weight[t] = append([]float64(nil), w...)
	}
	return m
}

func (m *pool) forecast(u, t int) PMF {
	parts := make([]PMF, len(m.models))
	for i, x := range m.models {
		parts[i] = x.forecast(u, t)
	}
	return mixture(parts, m.weight[t])
}

func (m *pool) prob(u, t, k int) (p float64) {
	for i, x := range m.models {
		p += x.prob(u, t, k) * m.weight[t][i]
	}
	return p
}

func (m *pool) atLeastOne(u, t int) (p float64) {
	for i, x := range m.models {
		p += x.atLeastOne(u, t) * m.weight[t][i]
	}
	return p
}

// equal is the plain mean of models.
func equal(p *Panel, models ...model) *pool {
	m := &pool{models: models}
	for range len(p.Starts) + 1 {
		w := make([]float64, len(models))
		for i := range w {
			w[i] = 1 / float64(len(w))
		}
		m.weight = append(m.weight, w)
	}
	return m
}
