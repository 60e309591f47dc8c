package watch

import "math"

// The empirical-Bayes model: a unit's rate has a gamma posterior whose evidence
// is discounted, so that old weeks count less, and whose prior is the unit's own
// long-run mean drawn a little to that of all units. Several discounts run side
// by side and are weighted by how well each foresaw the unit's next period.
var ebDiscounts = []float64{.6, .75, .85, .92, .96, .98, .995}

const (
	ebPrior    = 2.0  // periods of evidence that the prior is worth
	ebOwn      = .95  // of the prior mean from the unit, the rest from all units
	ebForget   = .97  // a discount's weight fades by this power each period
	meanStart  = .05  // an expanding mean is (sum + meanStart) / (n + meanStart)
	maxPooling = 1000 // the largest size of ebSizes stands for none
)

// ebSizes are the sizes of over-dispersion that are tried beyond the gamma's own.
var ebSizes = []float64{.25, .5, 1, 2, 4, 8, 16, 64, maxPooling}

// ebx holds, by unit and period, the gamma posteriors and their weights.
type ebx struct {
	horizon int
	shape   [][][]float64 // a, by unit, period, discount
	rate    [][][]float64 // b
	weight  [][][]float64
	size    []float64 // over-dispersion, by period
}

func newEBX(p *Panel, horizon int) *ebx {
	n, units := len(p.Starts), len(p.Units)
	m := &ebx{
		horizon: horizon, shape: cube(units, n+1, len(ebDiscounts)), rate: cube(units, n+1, len(ebDiscounts)), weight: cube(units, n+1, len(ebDiscounts)),
	}
	means := expandingMeans(p)
	all := meanOverUnits(means)
	seen := make([]float64, len(ebDiscounts)) // discounted periods
	sums := make([][]float64, units)
	log := make([][]float64, units) // of the weights
	for u := range units {
		sums[u], log[u] = make([]float64, len(ebDiscounts)), make([]float64, len(ebDiscounts))
	}
	for t := range n + 1 {
		for u := range units {
			mu := ebOwn*means[u][t] + (1-ebOwn)*all[t]
			top := math.Inf(-1)
			for i := range ebDiscounts {
				m.shape[u][t][i] = ebPrior*mu + sums[u][i]
				m.rate[u][t][i] = ebPrior + seen[i]
				top = max(top, log[u][i])
			}
			total := 0.0
			for i := range ebDiscounts {
				w := math.Exp(log[u][i] - top)
				m.weight[u][t][i] = w
				total += w
			}
			for i := range ebDiscounts {
				m.weight[u][t][i] /= total
			}
			if t == n {
				continue
			}
			y := p.Counts[u][t]
			for i, d := range ebDiscounts {
				a, b := m.shape[u][t][i], m.rate[u][t][i]
				log[u][i] = ebForget*(log[u][i]-top) + LogNB(y, a/b, a)
				sums[u][i] = d*sums[u][i] + float64(y)
			}
		}
		for i, d := range ebDiscounts {
			seen[i] = d*seen[i] + 1
		}
	}
	m.fit(p)
	return m
}

// fit finds, for each calendar year, the over-dispersion that was likeliest on
// all forecasts whose outcome was known by then.
func (m *ebx) fit(p *Panel) {
	like := make([]float64, len(ebSizes))
	known := burnIn
	m.size = yearly(p, func(t int) float64 {
		for ; known+m.horizon <= t; known += min(m.horizon, 4) {
			for u := range p.Units {
				y := sum(p.Counts[u], known, m.horizon)
				for j, r := range ebSizes {
					like[j] += math.Log(max(m.probWith(u, known, y, r), math.SmallestNonzeroFloat64))
				}
			}
		}
		best := len(ebSizes) - 1
		for j := range ebSizes {
			if like[j] > like[best] {
				best = j
			}
		}
		return ebSizes[best]
	})
}

// part is the negative binomial of one discount.
func (m *ebx) part(u, t, i int, over float64) (mean, size float64) {
	a, b := m.shape[u][t][i], m.rate[u][t][i]
	return float64(m.horizon) * a / b, 1 / (1/a + 1/over)
}

func (m *ebx) probWith(u, t, k int, over float64) (p float64) {
	for i, w := range m.weight[u][t] {
		if w > 1e-12 {
			p += w * math.Exp(LogNB(k, first(m.part(u, t, i, over)), second(m.part(u, t, i, over))))
		}
	}
	return p
}

func (m *ebx) prob(u, t, k int) float64 { return m.probWith(u, t, k, m.size[t]) }

func (m *ebx) forecast(u, t int) PMF {
	parts, weights := make([]PMF, 0, len(ebDiscounts)), make([]float64, 0, len(ebDiscounts))
	for i, w := range m.weight[u][t] {
		if w > 1e-9 {
			parts, weights = append(parts, NB(m.part(u, t, i, m.size[t]))), append(weights, w)
		}
	}
	return mixture(parts, weights)
}

func (m *ebx) atLeastOne(u, t int) float64 {
	zero := 0.0
	for i, w := range m.weight[u][t] {
		zero += w * zeroNB(m.part(u, t, i, m.size[t]))
	}
	return 1 - zero
}

func first(a, _ float64) float64  { return a }
func second(_, b float64) float64 { return b }
