package watch

// cube makes a three-dimensional slice over one array.
func cube(a, b, c int) [][][]float64 {
	flat := make([]float64, a*b*c)
	out := make([][][]float64, a)
	for i := range out {
		out[i] = make([][]float64, b)
		for j := range out[i] {
			out[i][j], flat = flat[:c:c], flat[c:]
		}
	}
	return out
}

// expandingMeans is each unit's mean over all that came before a period.
func expandingMeans(p *Panel) [][]float64 {
	out := make([][]float64, len(p.Units))
	for u, counts := range p.Counts {
		total := 0.0
		for t := range len(counts) + 1 {
			out[u] = append(out[u], (total+meanStart)/(float64(t)+meanStart))
			if t < len(counts) {
				total += float64(counts[t])
			}
		}
	}
	return out
}

func meanOverUnits(by [][]float64) []float64 {
	out := make([]float64, len(by[0]))
	for _, row := range by {
		for t, v := range row {
			out[t] += v / float64(len(by))
		}
	}
	return out
}

// yearly calls fit at the first period of each calendar year and at the end, and
// returns its last answer for every period; 1 before the first.
func yearly(p *Panel, fit func(t int) float64) []float64 {
	n := len(p.Starts)
	out := make([]float64, n+1)
	now := 1.0
	for t := range n + 1 {
		if t > 0 && (t == n || p.Starts[t].Year() != p.Starts[t-1].Year()) {
			now = fit(t)
		}
		out[t] = now
	}
	return out
}

// rowsOf calls a function for past origins: unit, period, and what the sum over
// the horizon turned out to be.
type rowsOf func(func(u, s, y int))

// maxFitRows bounds what a fit looks at: beyond it, origins are taken at equal
// distances.
const maxFitRows = 12_000

// refit calls fit at the first period of each calendar year and at the end, with
// the origins whose outcome was known by then, and what it returns for each
// period until the next fit; nil leaves the fit before in place.
func refit(p *Panel, horizon int, fit func(t int, rows rowsOf) (use func(s int))) {
	n := len(p.Starts)
	var use func(int)
	yearly(p, func(t int) float64 {
		step := 1
		for (t-horizon-glmStart)*len(p.Units)/step > maxFitRows {
			step++
		}
		now := fit(t, func(fn func(u, s, y int)) {
			for s := glmStart; s+horizon <= t; s += step {
				for u := range p.Units {
					fn(u, s, sum(p.Counts[u], s, horizon))
				}
			}
		})
		if now != nil {
			use = now
		}
		for s := t; use != nil && s <= n; s++ {
			if s < n && s > t && p.Starts[s].Year() != p.Starts[s-1].Year() || s == n && s > t {
				break // the next fit is for these
			}
			use(s)
		}
		return 0
	})
}

// mixture is the weighted mean of distributions; weights add up to one.
func mixture(parts []PMF, weights []float64) PMF {
	longest := 0
	for _, d := range parts {
		longest = max(longest, len(d))
	}
	out := make(PMF, longest)
	for i, d := range parts {
		for k, p := range d {
			out[k] += weights[i] * p
		}
	}
	return out
}
