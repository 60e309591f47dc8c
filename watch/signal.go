package watch

import (
	"fmt"
	"math"
)

// Signals are claims of responsibility, statements, threats, seizures and the
// like: not attacks, but signs that may go before them.

const (
	signalWeeks = 4  // that a signal acts on the forecast
	liftLeast   = 30 // origins with a signal before them, for a fit
	liftPrior   = 5  // attacks that a factor of one is worth
	maxLift     = 10
)

// Lift is how much more attacks follow a signal than the forecast says.
type Lift struct {
	Factor float64 `json:"factor"`
	Low    float64 `json:"low"` // central 95 % interval of what the past says
	High   float64 `json:"high"`
	Fitted bool    `json:"fitted"` // from the data; else it was set by a person, or is 1
	N      int     `json:"n"`      // past weeks with a signal shortly before
	Text   string  `json:"text"`
}

// SetLift is a factor that a person chose. It is an error outside 0.1 to 10.
func SetLift(factor float64) (Lift, error) {
	if !(factor >= 1/float64(maxLift) && factor <= maxLift) {
		return Lift{}, fmt.Errorf("a factor of %v: give 0.1 to %d; 1 is no effect", factor, maxLift)
	}
	l := Lift{Factor: factor, Low: factor, High: factor}
	if l.Text = "signals count for nothing"; factor != 1 {
		l.Text = fmt.Sprintf("a person set that signals change the rate by a factor of %.2g; no data stand behind it", factor)
	}
	return l, nil
}

// fitLift compares, for all past origins with a signal in the weeks before, the
// attacks that followed with those forecast. Windows overlap, so that the
// interval counts only one in every horizon of them. Signals only ever raise a
// forecast, and only where the whole interval does: that fewer attacks followed
// is no safety.
func fitLift(p *Panel, signals map[string][]int, m model, horizon int) Lift {
	l := Lift{Factor: 1, Low: 1, High: 1}
	came, expected := 0.0, 0.0
	for u, unit := range p.Units {
		s := signals[unit]
		for t := glmStart; s != nil && t+horizon <= len(p.Starts); t++ {
			if recent(s, t) == 0 {
				continue
			}
			l.N++
			came += float64(sum(p.Counts[u], t, horizon))
			expected += m.forecast(u, t).Mean()
		}
	}
	if l.N < liftLeast {
		l.Text = fmt.Sprintf("no effect of signals can be fitted: %d past weeks had one shortly before, %d are needed; set a factor if you know better", l.N, liftLeast)
		return l
	}
	l.Fitted = true
	factor := min((came+liftPrior)/(expected+liftPrior), maxLift)
	wide := 1.96 * math.Sqrt((came+liftPrior)*float64(horizon)) / (expected + liftPrior)
	l.Low, l.High = max(0, factor-wide), factor+wide
	said := fmt.Sprintf("%.2g times the attacks forecast followed signals in the past (%.2g to %.2g, from %d weeks)", factor, l.Low, l.High, l.N)
	if l.Low <= 1 {
		l.Text = said + "; chance could explain that, so they change nothing"
		return l
	}
	l.Factor, l.Text = factor, said
	return l
}

// recent is how many signals there were in the weeks before t.
func recent(signals []int, t int) int {
	if signals == nil {
		return 0
	}
	from := max(t-signalWeeks, 0)
	return sum(signals, from, t-from)
}

// lifted is a distribution whose mean is multiplied: mixed towards more or fewer
// events by treating the count as that many times as long a horizon.
func lifted(d PMF, factor float64) PMF {
	if factor == 1 || d.Mean() == 0 {
		return d
	}
	mean, variance := d.Mean(), 0.0
	for k, p := range d {
		variance += p * (float64(k) - mean) * (float64(k) - mean)
	}
	// The zero of the lifted count keeps its odds per attack: p0 to the power of
	// the factor; the rest has the shape of a negative binomial of the new mean.
	size := float64(maxSize)
	if variance > mean {
		size = min(max(mean*mean/(variance-mean), minSize), maxSize)
	}
	out := NB(mean*factor, size*factor)
	zero := math.Pow(d[0], factor)
	up := (1 - zero) / max(1-out[0], tail)
	out[0] = zero
	for k := 1; k < len(out); k++ {
		out[k] *= up
	}
	return out
}
