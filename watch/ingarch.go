package watch

import "math"

// garch are the weights of the pooled INGARCH(1,1): λ = (1−a−b)·μ + a·y + b·λ,
// drawn back to a unit's long-run mean μ (Ferland, Latour and Oraichi 2006,
// J. Time Ser. Anal. 27(6)).
type garch struct{ a, b float64 }

// garchDefault was the best of a grid on attacks by province, 2002 to 2010.
var garchDefault = garch{.15, .845}

// garchOwn is how much of μ comes from the unit, the rest from all units.
const garchOwn = .98

// newINGARCH forecasts λ's expected path, spread as a negative binomial.
func newINGARCH(p *Panel, horizon int, g garch) *rates {
	m := &rates{horizon: horizon, rate: make([][]float64, len(p.Units))}
	means := expandingMeans(p)
	all := meanOverUnits(means)
	for u, counts := range p.Counts {
		lambda := garchOwn*means[u][0] + (1-garchOwn)*all[0]
		for t := range len(counts) + 1 {
			mu := garchOwn*means[u][t] + (1-garchOwn)*all[t]
			if t > 0 {
				lambda = (1-g.a-g.b)*mu + g.a*float64(counts[t-1]) + g.b*lambda
			}
			total, back := 0.0, 1.0
			for range horizon {
				total += mu + back*(lambda-mu)
				back *= g.a + g.b
			}
			m.rate[u] = append(m.rate[u], max(total/float64(horizon), ewmaFloor))
		}
	}
	m.fit(p)
	return m
}

// chooseGARCH returns the weights under which the next period was likeliest on
// the periods before until.
func chooseGARCH(p *Panel, until int) garch {
	best, top := garchDefault, math.Inf(-1)
	for _, a := range []float64{.05, .1, .15, .2, .3} {
		for _, persistence := range []float64{.97, .985, .995} {
			g := garch{a, persistence - a}
			m := newINGARCH(p, 1, g)
			like := 0.0
			for t := burnIn; t < until; t++ {
				for u := range p.Units {
					like += math.Log(max(m.prob(u, t, p.Counts[u][t]), math.SmallestNonzeroFloat64))
				}
			}
			if like > top {
				best, top = g, like
			}
		}
	}
	return best
}
