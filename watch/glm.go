package watch

import "math"

// A pooled negative binomial regression of the sum over the horizon on what came before,
// with a ridge penalty on scaled features, refitted each year.

// features are those of a unit before period t: logarithms of its mean rates
// over growing spans, those of all units, and how long it has been quiet.
const features = 10

// spans of past periods, by lag, and what is added to their mean before the
// logarithm is taken.
var featureSpans = []struct {
	from, to int // lags, 1 is the newest
	floor    float64
}{{1, 1, .1}, {2, 4, .1}, {5, 13, .05}, {14, 52, .02}}

const (
	featureHistory = .01 // floor of the mean over all history
	longQuiet      = 26
)

// past answers sums over spans of a panel in constant time.
type past struct {
	before [][]float64 // before[u][t] is the sum of all before t
	all    []float64   // the same over all units
	quiet  [][]int     // periods since the last event, from 1; t+1 where none was
}

func newPast(p *Panel) *past {
	n := len(p.Starts)
	x := &past{all: make([]float64, n+1)}
	for _, counts := range p.Counts {
		b, q := make([]float64, n+1), make([]int, n+1)
		q[0] = 1
		for t, y := range counts {
			b[t+1] = b[t] + float64(y)
			if q[t+1] = q[t] + 1; y > 0 {
				q[t+1] = 1
			}
		}
		for t := range b {
			x.all[t] += b[t]
		}
		x.before, x.quiet = append(x.before, b), append(x.quiet, q)
	}
	return x
}

// mean is the mean of lags from to to before t, over what there is of them.
func spanMean(before []float64, t, from, to int) float64 {
	high, low := max(t-from+1, 0), max(t-to, 0)
	if high <= low {
		return 0
	}
	return (before[high] - before[low]) / float64(high-low)
}

// row fills in the features of unit u before period t.
func (x *past) row(u, t int, out []float64) {
	b, units := x.before[u], float64(len(x.before))
	for i, s := range featureSpans {
		out[i] = math.Log(spanMean(b, t, s.from, s.to) + s.floor)
	}
	out[4] = math.Log(spanMean(b, t, 1, max(t, 1)) + featureHistory)
	out[5] = math.Log(spanMean(x.all, t, 1, 1)/units + .1)
	out[6] = math.Log(spanMean(x.all, t, 1, 13)/units + .05)
	out[7] = math.Log1p(float64(x.quiet[u][t]))
	out[8] = 0
	if x.quiet[u][t] > longQuiet {
		out[8] = 1
	}
	out[9] = math.Log(spanMean(b, t, 1, 26) + .02)
}

const (
	glmRidge   = .1
	glmSize    = .5 // of the negative binomial under which it is fitted
	glmStart   = 52 // first period that a fit looks at
	glmLargest = 1e5
	glmLeast   = 1e-4
)

// newGLM forecasts the regression's mean, spread as a negative binomial.
func newGLM(p *Panel, horizon int) *rates {
	m := &rates{horizon: horizon}
	x := newPast(p)
	for _, means := range expandingMeans(p) { // until there is a fit
		for t := range means {
			means[t] = max(means[t], ewmaFloor)
		}
		m.rate = append(m.rate, means)
	}
	row := make([]float64, features)
	refit(p, horizon, func(_ int, rows rowsOf) func(int) {
		f := &regression{family: negbin, size: glmSize, ridge: glmRidge}
		rows(func(u, s, y int) {
			x.row(u, s, row)
			f.add(row, 0, float64(y), 1)
		})
		if !f.solve() {
			return nil
		}
		return func(s int) {
			for u := range p.Units {
				x.row(u, s, row)
				m.rate[u][s] = max(min(f.mean(row, 0), glmLargest)/float64(horizon), glmLeast)
			}
		}
	})
	m.fit(p)
	return m
}
