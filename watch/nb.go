package watch

import "math"

// LogNB is the logarithm of the negative binomial probability of k, with mean
// m > 0 and size r > 0: lnΓ(k+r) − lnΓ(r) − lnΓ(k+1) + r ln(r/(r+m)) + k ln(m/(r+m)).
func LogNB(k int, m, r float64) float64 {
	x := float64(k)
	return lgamma(x+r) - lgamma(r) - lgamma(x+1) + r*math.Log(r/(r+m)) + x*math.Log(m/(r+m))
}

func lgamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// zeroNB is the negative binomial probability of no event.
func zeroNB(m, r float64) float64 { return math.Exp(r * math.Log(r/(r+m))) }

// PMF is a distribution of counts: the probability of 0, 1, 2, …, cut off where
// what remains is below 1e-9. It is never empty.
type PMF []float64

// tail is the probability that may be cut off.
const tail = 1e-9

// maxSupport bounds a PMF; with the counts that a panel may hold it is not
// reached by forecasts that are not absurd.
const maxSupport = 1 << 16

// NB is the negative binomial distribution with mean m and size r.
func NB(m, r float64) PMF {
	p := zeroNB(m, r)
	q := m / (r + m)
	out, total := PMF{p}, p
	for k := 0; 1-total > tail && k < maxSupport; k++ {
		p *= (float64(k) + r) / float64(k+1) * q
		if p == 0 { // the start underflowed: go on from the logarithm
			p = math.Exp(LogNB(k+1, m, r))
		}
		out = append(out, p)
		total += p
	}
	return out
}

// At is the probability of k; at least the cut-off tail where k lies beyond it.
func (d PMF) At(k int) float64 {
	if k < len(d) {
		return max(d[k], math.SmallestNonzeroFloat64)
	}
	return tail
}

// AtLeastOne is the probability of one event or more.
func (d PMF) AtLeastOne() float64 { return 1 - d[0] }

// Mean is the expected count.
func (d PMF) Mean() (m float64) {
	for k, p := range d {
		m += float64(k) * p
	}
	return m
}

// Interval is the central interval that holds at least the given share of the
// probability: the quantiles at (1−share)/2 and 1−(1−share)/2.
func (d PMF) Interval(share float64) (low, high int) {
	return d.quantile((1 - share) / 2), d.quantile(1 - (1-share)/2)
}

func (d PMF) quantile(q float64) int {
	total := 0.0
	for k, p := range d {
		if total += p; total >= q-1e-12 {
			return k
		}
	}
	return len(d) - 1
}

// Score is how well a forecast fitted what happened; lower is better.
type Score struct {
	CRPS  float64 // continuous ranked probability score
	Log   float64 // −ln of the probability given to what happened
	Brier float64 // of the probability of at least one event
}

// Score compares the distribution with the count that was observed.
func (d PMF) Score(y int) Score {
	var s Score
	cdf := 0.0
	for k := range max(len(d), y+1) {
		if k < len(d) {
			cdf += d[k]
		}
		if k >= y {
			s.CRPS += (1 - cdf) * (1 - cdf)
		} else {
			s.CRPS += cdf * cdf
		}
	}
	s.Log = -math.Log(d.At(y))
	hit := 0.0
	if y > 0 {
		hit = 1
	}
	s.Brier = (d.AtLeastOne() - hit) * (d.AtLeastOne() - hit)
	return s
}

// Bounds within which a size is sought.
const (
	minSize = 0.05
	maxSize = 1000
)

// sizeFit gathers pairs and finds the size under which they are likeliest.
// Pairs may be added between fits.
type sizeFit struct {
	means  []float64
	counts []int
	above  []float64 // above[j] is the number of counts greater than j
	last   float64   // size found before; 0 at first
}

// add adds a forecast mean and the count that came.
func (f *sizeFit) add(mean float64, count int) {
	f.means = append(f.means, mean)
	f.counts = append(f.counts, count)
	for j := range count {
		if j == len(f.above) {
			f.above = append(f.above, 0)
		}
		f.above[j]++
	}
}

// slope is the derivative of the log-likelihood with respect to r. The gamma
// functions reduce to a sum over the counts: lnΓ(k+r) − lnΓ(r) = Σ_{j<k} ln(r+j).
func (f *sizeFit) slope(r float64) (g float64) {
	for j, n := range f.above {
		g += n / (r + float64(j))
	}
	for i, m := range f.means {
		g += math.Log(r/(r+m)) + (m-float64(f.counts[i]))/(r+m)
	}
	return g
}

// size returns the maximum-likelihood size within its bounds, by the Illinois
// method on the logarithm of r.
func (f *sizeFit) size() float64 {
	if len(f.means) == 0 {
		return 1
	}
	at := func(x float64) float64 { r := math.Exp(x); return r * f.slope(r) }
	lo, hi := math.Log(minSize), math.Log(maxSize)
	if f.last > minSize && f.last < maxSize { // a year of data moves it little
		if l, h := math.Log(f.last)-0.3, math.Log(f.last)+0.3; at(l) > 0 && at(h) < 0 {
			lo, hi = l, h
		}
	}
	glo, ghi := at(lo), at(hi)
	switch {
	case glo <= 0:
		f.last = math.Exp(lo)
		return f.last
	case ghi >= 0:
		f.last = math.Exp(hi)
		return f.last
	}
	side := 0
	for range 60 {
		x := (glo*hi - ghi*lo) / (glo - ghi)
		g := at(x)
		if math.Abs(hi-lo) < 1e-7 || g == 0 {
			break
		}
		if g > 0 {
			lo, glo = x, g
			if side == 1 {
				ghi /= 2
			}
			side = 1
		} else {
			hi, ghi = x, g
			if side == -1 {
				glo /= 2
			}
			side = -1
		}
		if math.Abs(g) < 1e-9*float64(len(f.means)) {
			lo, hi = x, x
			break
		}
	}
	f.last = math.Exp((lo + hi) / 2)
	return f.last
}
