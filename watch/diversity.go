package watch

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// ErrFewEvents reports a sample too small for a reading.
var ErrFewEvents = errors.New("too few attacks for a reading")

const (
	leastEvents = 10  // no reading below
	resamples   = 999 // of bootstraps and permutations
	mixP        = .01 // below it the mix is said to have changed
)

// Range is an estimate with its central 95 % interval.
type Range struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Diversity says over how many kinds attacks are spread: Hill numbers, the
// effective number of kinds (Hill 1973, Ecology 54(2)).
type Diversity struct {
	N        int   `json:"n"`        // attacks
	Kinds    int   `json:"kinds"`    // seen
	Shannon  Range `json:"shannon"`  // order 1, Chao–Shen: corrected for kinds not seen
	Dominant Range `json:"dominant"` // order 2, without bias: weighs what is frequent
}

// NewDiversity reads counts by kind. Below ten attacks it is ErrFewEvents: small
// samples look less diverse than they are, and the correction cannot mend that.
func NewDiversity(counts []int) (Diversity, error) {
	d := Diversity{}
	for _, n := range counts {
		if n > 0 {
			d.Kinds++
		}
		d.N += n
	}
	if d.N < leastEvents {
		return d, fmt.Errorf("%w: %d, at least %d are needed", ErrFewEvents, d.N, leastEvents)
	}
	d.Shannon.Value, d.Dominant.Value = math.Exp(chaoShen(counts)), simpson(counts)
	random := rand.New(rand.NewPCG(uint64(d.N), uint64(d.Kinds))) // the same counts give the same interval
	share := assemblage(counts)
	var first, second []float64
	for range resamples {
		again := multinomial(random, share, d.N)
		first, second = append(first, math.Exp(chaoShen(again))), append(second, simpson(again))
	}
	d.Shannon.Low, d.Shannon.High = around(d.Shannon.Value, first)
	d.Dominant.Low, d.Dominant.High = around(d.Dominant.Value, second)
	return d, nil
}

// assemblage is the distribution that samples are drawn from for intervals: the
// kinds seen, scaled down to their estimated coverage, and as many unseen ones as
// Chao1 expects (Chao and Jost 2015, Methods Ecol. Evol. 6(8)).
func assemblage(counts []int) (share []float64) {
	n, once, twice := 0.0, 0.0, 0.0
	for _, c := range counts {
		n += float64(c)
		switch c {
		case 1:
			once++
		case 2:
			twice++
		}
	}
	unseen := once * (once - 1) / 2
	if twice > 0 {
		unseen = once * once / (2 * twice)
	}
	unseen = math.Ceil(unseen)
	missing := 0.0
	if unseen > 0 {
		missing = once / n
	}
	for _, c := range counts {
		share = append(share, (1-missing)*float64(c)/n)
	}
	for range int(unseen) {
		share = append(share, missing/unseen)
	}
	return share
}

// chaoShen is the entropy in nats with coverage and Horvitz–Thompson corrections
// (Chao and Shen 2003, Environ. Ecol. Stat. 10(4)).
func chaoShen(counts []int) (h float64) {
	n, singles := 0, 0
	for _, c := range counts {
		n += c
		if c == 1 {
			singles++
		}
	}
	if singles == n {
		singles = n - 1 // else the coverage is zero
	}
	coverage := 1 - float64(singles)/float64(n)
	for _, c := range counts {
		if c == 0 {
			continue
		}
		p := coverage * float64(c) / float64(n)
		h -= p * math.Log(p) / (1 - math.Pow(1-p, float64(n)))
	}
	return h
}

// simpson is the inverse of the unbiased chance that two attacks are of one kind.
func simpson(counts []int) float64 {
	n, same := 0.0, 0.0
	for _, c := range counts {
		n += float64(c)
		same += float64(c) * float64(c-1)
	}
	if same == 0 {
		return n // no two alike: at least as many kinds as attacks
	}
	return n * (n - 1) / same
}

func multinomial(random *rand.Rand, share []float64, n int) []int {
	out := make([]int, len(share))
	for range n {
		u, k := random.Float64(), 0
		for ; k < len(share)-1 && u >= share[k]; k++ {
			u -= share[k]
		}
		out[k]++
	}
	return out
}

// around is the normal interval of 95 % with the deviation of the resamples; a
// number of kinds is at least one.
func around(value float64, resampled []float64) (low, high float64) {
	mean, square := 0.0, 0.0
	for _, v := range resampled {
		mean += v / float64(len(resampled))
	}
	for _, v := range resampled {
		square += (v - mean) * (v - mean) / float64(len(resampled))
	}
	wide := 1.96 * math.Sqrt(square)
	return max(1, value-wide), value + wide
}

// Drift compares the mix of kinds in two periods.
type Drift struct {
	Distance float64 `json:"distance"` // Jensen–Shannon divergence in bits, 0 to 1
	P        float64 `json:"p"`        // how often chance gives as much or more
	Changed  bool    `json:"changed"`  // the mix changed: a label, not an alarm
}

// NewDrift compares counts by kind before and now; both need ten attacks.
func NewDrift(before, now []int) (Drift, error) {
	a, b := sum(before, 0, len(before)), sum(now, 0, len(now))
	if a < leastEvents || b < leastEvents {
		return Drift{}, fmt.Errorf("%w: %d before and %d now, at least %d of each are needed", ErrFewEvents, a, b, leastEvents)
	}
	if len(before) != len(now) {
		return Drift{}, errors.New("the two periods do not have the same kinds")
	}
	d := Drift{Distance: jensenShannon(before, now)}
	var all []int
	for k := range before {
		for range before[k] + now[k] {
			all = append(all, k)
		}
	}
	random := rand.New(rand.NewPCG(uint64(a), uint64(b)))
	as, bs := make([]int, len(before)), make([]int, len(now))
	more := 1
	for range resamples {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		clear(as)
		clear(bs)
		for i, k := range all {
			if i < a {
				as[k]++
			} else {
				bs[k]++
			}
		}
		if jensenShannon(as, bs) >= d.Distance-1e-12 {
			more++
		}
	}
	d.P = float64(more) / (resamples + 1)
	d.Changed = d.P < mixP
	return d, nil
}

func jensenShannon(a, b []int) (d float64) {
	na, nb := float64(sum(a, 0, len(a))), float64(sum(b, 0, len(b)))
	for k := range a {
		p, q := float64(a[k])/na, float64(b[k])/nb
		m := (p + q) / 2
		if p > 0 {
			d += p / 2 * math.Log2(p/m)
		}
		if q > 0 {
			d += q / 2 * math.Log2(q/m)
		}
	}
	return d
}

// Turn says whether kinds are attacked in turn: whether the next attack avoids,
// or follows, the kind of the last one more than the mix alone explains.
type Turn struct {
	Same     float64 `json:"same"`     // share of attacks of the kind of the one before
	Expected float64 `json:"expected"` // the same in random order
	P        float64 `json:"p"`        // of a difference as great in random order
	Text     string  `json:"text"`
}

// NewTurn tests a sequence of kinds, oldest first, by permutation.
func NewTurn(kinds []int) (Turn, error) {
	if len(kinds) < leastEvents {
		return Turn{}, fmt.Errorf("%w: %d, at least %d are needed", ErrFewEvents, len(kinds), leastEvents)
	}
	same := func(s []int) float64 {
		n := 0
		for i := 1; i < len(s); i++ {
			if s[i] == s[i-1] {
				n++
			}
		}
		return float64(n) / float64(len(s)-1)
	}
	t := Turn{Same: same(kinds)}
	random := rand.New(rand.NewPCG(uint64(len(kinds)), 1))
	shuffled := slices.Clone(kinds)
	var all []float64
	for range resamples {
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		v := same(shuffled)
		all = append(all, v)
		t.Expected += v / resamples
	}
	more := 1
	for _, v := range all {
		if math.Abs(v-t.Expected) >= math.Abs(t.Same-t.Expected)-1e-12 {
			more++
		}
	}
	t.P = float64(more) / (resamples + 1)
	switch {
	case t.P >= mixP:
		t.Text = "no order beyond chance: kinds are attacked side by side, not in turn"
	case t.Same < t.Expected:
		t.Text = "in turn: the next attack avoids the kind of the last one more than chance explains"
	default:
		t.Text = "in runs: the next attack repeats the kind of the last one more than chance explains"
	}
	return t, nil
}
