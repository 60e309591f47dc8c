package watch

import (
	"time"

	"parley.example/parley/incident"
)

// Delay is how long reports take to be entered, where entry dates are known.
type Delay struct {
	N int `json:"n"` // reports that it rests on
	// Within is the share of reports that were entered within 1, 2, 3 … weeks.
	Within []float64 `json:"within"`
}

const (
	delayWeeks = 13
	delayLeast = 50 // reports, for an estimate
)

// NewDelay estimates the delay from incidents that were entered after they
// happened and within a quarter of a year; the last quarter before asOf is left
// out, since its late reports are still to come. It is nil where there are fewer
// than fifty.
func NewDelay(incidents []incident.Incident, asOf time.Time) *Delay {
	d := &Delay{Within: make([]float64, delayWeeks)}
	for i := range incidents {
		in := &incidents[i]
		late := int(in.Created.Sub(in.End) / (7 * 24 * time.Hour))
		if in.Created.IsZero() || in.Created.Before(in.End) || late >= delayWeeks || in.End.After(asOf.AddDate(0, 0, -7*delayWeeks)) {
			continue
		}
		// A record made from the start of its own event has no entry date.
		if in.Created.Equal(in.Start) {
			continue
		}
		d.N++
		d.Within[late]++
	}
	if d.N < delayLeast {
		return nil
	}
	sum := 0.0
	for w, n := range d.Within {
		sum += n / float64(d.N)
		d.Within[w] = sum
	}
	return d
}

// Unreported is how many attacks of the newest weeks are to be expected beside
// those counted, which end at asOf: what was reported within so many weeks stands
// for all of them (the chain-ladder estimate of incurred but not reported).
func (d *Delay) Unreported(counts []int) (expected float64) {
	if d == nil {
		return 0
	}
	for age := 0; age < delayWeeks && age < len(counts); age++ {
		if in := d.Within[age]; in > 0 {
			expected += float64(counts[len(counts)-1-age]) * (1/in - 1)
		}
	}
	return expected
}
