package watch

import (
	"fmt"
	"sync"
	"time"
)

// Evaluation is how a model scored on the past.
type Evaluation struct {
	Model string  `json:"name"`
	N     int     `json:"n"`
	CRPS  float64 `json:"crps"`
	Log   float64 `json:"log"`
	Brier float64 `json:"brier"`
	// ECE is the mean distance, over ten equal bins of the probability of at
	// least one event, of the forecast from the observed share.
	ECE float64 `json:"ece"`
	// Coverage90 is how often the count lay in the central 90 % interval.
	Coverage90 float64 `json:"coverage90"`
	Lull       []Lull  `json:"lull"`
	// Reliability is how often at least one event came where so much was said, for
	// those of ten equal bins in which something was.
	Reliability []Reliability `json:"reliability"`
}

// Reliability is one bin of forecasts of at least one event.
type Reliability struct {
	N        int     `json:"n"`
	Forecast float64 `json:"forecast"` // mean probability
	Observed float64 `json:"observed"` // share with an event
}

// Evaluate scores models at every origin from testFrom on whose horizon has
// passed, each forecast made from what came before its origin. The horizon is
// in periods. "parley" is what the watch shows; "ewma", the smoothed rate of most
// dashboards, and "climatology", a unit's own mean over all its past, are what it
// has to beat; the others are what it is made of. A trainUntil that is not zero
// chooses the persistence of "ingarch" anew, on what came before it.
func Evaluate(p *Panel, horizon int, testFrom, trainUntil time.Time) ([]Evaluation, error) {
	from, last := p.index(testFrom), len(p.Starts)-horizon
	switch {
	case horizon < 1:
		return nil, fmt.Errorf("horizon %d is below 1", horizon)
	case from < 1 || from > last:
		return nil, fmt.Errorf("nothing to test: the panel runs from %s to %s",
			p.Starts[0].Format(time.DateOnly), p.End().Format(time.DateOnly))
	case trainUntil.After(testFrom):
		return nil, fmt.Errorf("training until %s would look into the test from %s", trainUntil.Format(time.DateOnly), testFrom.Format(time.DateOnly))
	}
	garch := garchDefault
	if !trainUntil.IsZero() {
		garch = chooseGARCH(p, p.index(trainUntil))
	}
	return evaluate(p, horizon, garch, from, last), nil
}

// evaluate scores every model at the origins [from, last].
func evaluate(p *Panel, horizon int, garch garch, from, last int) []Evaluation {
	s := newSuite(p, horizon, garch)
	var out []Evaluation
	for _, m := range []struct {
		name string
		model
	}{
		{"parley", s.parley}, {"ewma", s.ewma}, {"climatology", newClimatology(p, horizon)},
		{"ebx", s.ebx}, {"ingarch", s.ingarch}, {"glm", s.glm}, {"pool3", equal(p, s.ebx, s.ingarch, s.glm)},
	} {
		ev := score(p, m.model, horizon, from, last)
		ev.Model = m.name
		ev.Lull = lullTable(p, m.model, horizon, from, last)
		out = append(out, ev)
	}
	return out
}

// suite is the forecast that the watch shows and what it is made of.
type suite struct {
	ewma, ingarch, glm *rates
	ebx                *ebx
	parley             model
}

func newSuite(p *Panel, horizon int, garch garch) *suite {
	s := new(suite)
	var wg sync.WaitGroup
	wg.Go(func() { s.ewma, s.ingarch = newEWMA(p, horizon), newINGARCH(p, horizon, garch) })
	wg.Go(func() { s.glm = newGLM(p, horizon) })
	s.ebx = newEBX(p, horizon)
	wg.Wait()
	s.parley = newHurdle(p, newPool(p, horizon, s.ebx, s.ingarch, s.glm, s.ewma), horizon)
	return s
}

// model makes the distribution of a unit's count over the horizon from period t
// on, out of what came before t.
type model interface {
	forecast(u, t int) PMF
	// prob is what forecast says of exactly k events, cheaper.
	prob(u, t, k int) float64
	// atLeastOne is what forecast says of one event or more, cheaper.
	atLeastOne(u, t int) float64
}

func score(p *Panel, m model, horizon, from, last int) Evaluation {
	var ev Evaluation
	var bins [10]struct{ n, hits, p float64 }
	for u := range p.Units {
		for t := from; t <= last; t++ {
			d, y := m.forecast(u, t), sum(p.Counts[u], t, horizon)
			s := d.Score(y)
			ev.N++
			ev.CRPS += s.CRPS
			ev.Log += s.Log
			ev.Brier += s.Brier
			if low, high := d.Interval(0.9); y >= low && y <= high {
				ev.Coverage90++
			}
			b := &bins[min(9, int(d.AtLeastOne()*10))]
			b.n++
			b.p += d.AtLeastOne()
			if y > 0 {
				b.hits++
			}
		}
	}
	n := float64(ev.N)
	ev.CRPS, ev.Log, ev.Brier, ev.Coverage90 = ev.CRPS/n, ev.Log/n, ev.Brier/n, ev.Coverage90/n
	for _, b := range bins {
		if b.n > 0 {
			ev.ECE += abs(b.hits-b.p) / n
			ev.Reliability = append(ev.Reliability, Reliability{int(b.n), b.p / b.n, b.hits / b.n})
		}
	}
	return ev
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}

// Risks forecasts the expected count of each unit over the horizon, for every
// origin from a day on whose horizon has passed: what a coverage plan is replayed
// with.
func Risks(p *Panel, horizon int, from time.Time) (out [][]float64) {
	s := newSuite(p, horizon, garchDefault)
	for t := p.index(from); t+horizon <= len(p.Starts); t++ {
		row := make([]float64, len(p.Units))
		for u := range row {
			row[u] = s.parley.forecast(u, t).Mean()
		}
		out = append(out, row)
	}
	return out
}
