package watch

import (
	"fmt"
	"time"

	"parley.example/parley/incident"
)

// Model names the forecast that cards show: a pool of models that is corrected
// after quiet spells.
const Model = "parley: EBX, INGARCH, GLM and EWMA pooled by skill, lulls corrected"

// shownWeeks is how many weeks of counts a card holds.
const shownWeeks = 104

// Report is the state of the watch on one day.
type Report struct {
	AsOf    time.Time   `json:"as_of"` // forecasts begin here, a Monday
	Horizon int         `json:"horizon"`
	Model   string      `json:"model"`
	Weeks   []time.Time `json:"weeks"` // Mondays of the last 104 weeks, or fewer
	Cards   []Card      `json:"cards"` // by area, ascending
	All     []int       `json:"all"`   // counts of all areas in those weeks
	Lull    []Lull      `json:"lull"`  // for the panel as a whole
	// Record is how the forecast and the two that it has to beat scored of late:
	// at the origins of the last three years whose horizon has passed, each made
	// from what came before it. Empty where the panel is shorter than four years.
	Record []Evaluation `json:"record"`
	// Delay is how long reports take; nil where entry dates are not known, so that
	// nothing can be said of attacks that are not reported yet.
	Delay *Delay `json:"delay"`
	// Lift is the effect given to signals; see NewReport.
	Lift Lift `json:"lift"`
	// Used and Left say how many incidents were counted, and how many were not
	// and why.
	Used int            `json:"used"`
	Left map[string]int `json:"left"`
}

// Card is what the watch says of one area.
type Card struct {
	Area   string `json:"area"`   // or whatever the report is by
	Counts []int  `json:"counts"` // in Report.Weeks
	Total  int    `json:"total"`  // since the panel began
	// LastAttack is the Monday of the week of the last attack.
	LastAttack time.Time `json:"last_attack"`
	QuietWeeks int       `json:"quiet_weeks"` // whole weeks without an attack up to AsOf
	// P is the probability of at least one attack within the horizon; Low and
	// High are the central 90 % interval of the number of attacks, Mean the
	// number expected.
	P    float64 `json:"p"`
	Low  int     `json:"low"`
	High int     `json:"high"`
	Mean float64 `json:"mean"`
	// BaseRate is the share of all earlier spans of that length in this area
	// with at least one attack; -1 where there is none yet.
	BaseRate float64 `json:"base_rate"`
	// Unreported is how many attacks of the newest weeks are to be expected beside
	// those counted, by how late reports came before; 0 where that is not known.
	Unreported float64 `json:"unreported"`
	// Signals is how many signals the last four weeks held; where there are some and
	// Report.Lift is not 1, P, Low, High and Mean are with it and Plain is P without.
	Signals int          `json:"signals"`
	Plain   float64      `json:"plain"`
	Lull    *LullWarning `json:"lull"` // nil where the area is not quiet
}

// NewReport counts the incidents by unit ([ByArea], [ByClass] …) and week, up to
// the last whole week before asOf, and forecasts the horizon weeks after it; see [Count]
// for what is counted and for a zero asOf. Incidents that are signals are not
// counted; they change the forecast of their unit by lift, or where it is nil by a
// factor fitted on the past, if the past allows one.
func NewReport(incidents []incident.Incident, by func(*incident.Incident) string, asOf time.Time, horizon int, lift *Lift) (*Report, error) {
	if horizon < 1 || horizon > 52 {
		return nil, fmt.Errorf("horizon of %d weeks: it must be 1 to 52", horizon)
	}
	p, left, err := Count(incidents, by, asOf)
	if err != nil {
		return nil, err
	}
	n := len(p.Starts)
	r := &Report{AsOf: p.End(), Horizon: horizon, Model: Model, Left: left}
	first := max(0, n-shownWeeks)
	r.Weeks = p.Starts[first:]
	r.All = make([]int, len(r.Weeks))
	models := newSuite(p, horizon, garchDefault)
	m := models.parley
	r.Delay = NewDelay(incidents, r.AsOf)
	signals := countSignals(incidents, by, p)
	if lift != nil {
		r.Lift = *lift
	} else {
		r.Lift = fitLift(p, signals, m, horizon)
	}
	// What happened after quiet spells stands beside what a smoothed rate said.
	r.Lull = lullTable(p, models.ewma, horizon, 0, n-horizon)
	if from, last := n-horizon-3*52, n-horizon; from >= 52 {
		for _, x := range []struct {
			name string
			model
		}{{"parley", m}, {"ewma", models.ewma}, {"climatology", newClimatology(p, horizon)}} {
			ev := score(p, x.model, horizon, from, last)
			ev.Model, ev.Lull = x.name, lullTable(p, x.model, horizon, from, last)
			r.Record = append(r.Record, ev)
		}
	}
	for u, area := range p.Units {
		counts := p.Counts[u]
		r.Used += sum(counts, 0, n)
		c := Card{Area: area, Counts: counts[first:], BaseRate: baseRate(counts, horizon)}
		for t, y := range counts {
			c.Total += y
			if c.QuietWeeks++; y > 0 {
				c.QuietWeeks, c.LastAttack = 0, p.Starts[t]
			}
		}
		for i, y := range c.Counts {
			r.All[i] += y
		}
		d := m.forecast(u, n)
		c.Plain = d.AtLeastOne()
		if c.Signals = recent(signals[area], n); c.Signals > 0 {
			d = lifted(d, r.Lift.Factor)
		}
		c.P, c.Mean = d.AtLeastOne(), d.Mean()
		c.Low, c.High = d.Interval(0.9)
		c.Unreported = r.Delay.Unreported(counts)
		c.Lull = warn(r.Lull, c.QuietWeeks, horizon)
		r.Cards = append(r.Cards, c)
	}
	return r, nil
}

func baseRate(counts []int, horizon int) float64 {
	spans := len(counts) - horizon + 1
	if spans < 1 {
		return -1
	}
	hits := 0
	for t := range spans {
		if sum(counts, t, horizon) > 0 {
			hits++
		}
	}
	return float64(hits) / float64(spans)
}

// Forecast is what comes next for each unit of a panel.
type Forecast struct {
	From    time.Time      `json:"from"` // the first period forecast
	Horizon int            `json:"horizon"`
	Model   string         `json:"model"`
	Units   []UnitForecast `json:"units"` // in the panel's order
}

// UnitForecast is a unit's probability of at least one event within the horizon,
// and how many are expected, with the central 90 % interval.
type UnitForecast struct {
	Unit     string  `json:"unit"`
	P        float64 `json:"p"`
	Mean     float64 `json:"mean"`
	Low      int     `json:"low"`
	High     int     `json:"high"`
	Quiet    int     `json:"quiet"`     // periods since the last event
	BaseRate float64 `json:"base_rate"` // -1: none yet
}

// NewForecast forecasts what follows a panel.
func NewForecast(p *Panel, horizon int) (Forecast, error) {
	if horizon < 1 || horizon > 52 {
		return Forecast{}, fmt.Errorf("horizon of %d periods: it must be 1 to 52", horizon)
	}
	n := len(p.Starts)
	f := Forecast{From: p.End(), Horizon: horizon, Model: Model}
	m := newSuite(p, horizon, garchDefault).parley
	for u, unit := range p.Units {
		d := m.forecast(u, n)
		x := UnitForecast{Unit: unit, P: d.AtLeastOne(), Mean: d.Mean(), BaseRate: baseRate(p.Counts[u], horizon)}
		x.Low, x.High = d.Interval(0.9)
		for t := n - 1; t >= 0 && p.Counts[u][t] == 0; t-- {
			x.Quiet++
		}
		f.Units = append(f.Units, x)
	}
	return f, nil
}
