package watch

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"parley.example/parley/incident"
)

// ErrNoData reports that no incident could be counted.
var ErrNoData = errors.New("no incident can be counted: there is nothing to watch yet")

// Reasons for which an incident is not counted.
const (
	NoUnit      = "no area"
	NoAttack    = "between states, or by a third state's forces"
	ASignal     = "a signal, not an attack"
	TooVague    = "time uncertain by more than 30 days"
	AfterReport = "after the reporting date"
)

// longest is the greatest uncertainty of time with which an event can still be
// counted in a week.
const longest = 30 * 24 * time.Hour

// ByArea names the first-level area of an incident.
func ByArea(in *incident.Incident) string { return in.Admin1 }

// ByClass names the main target class of an incident.
func ByClass(in *incident.Incident) string { return string(in.Class()) }

// Count counts incidents by unit and week, from the week of the first one up to
// the last whole week before asOf; a zero asOf means the end of the week of the
// latest incident. An event counts in the week of the middle of its time.
//
// Not counted, and listed in left by reason, are fighting between states and
// operations of a third state, events whose time is uncertain by more than 30
// days, events from asOf on, and incidents for which by gives "".
func Count(incidents []incident.Incident, by func(*incident.Incident) string, asOf time.Time) (p *Panel, left map[string]int, err error) {
	if asOf.IsZero() {
		for i := range incidents {
			if end := monday(incidents[i].Middle()).AddDate(0, 0, 7); end.After(asOf) {
				asOf = end
			}
		}
	}
	end := monday(asOf)
	left = map[string]int{}
	weeks := map[string][]time.Time{} // of each unit's events
	start := end
	for i := range incidents {
		in := &incidents[i]
		unit, week := by(in), monday(in.Middle())
		switch {
		case in.Kind.Signal():
			left[ASignal]++
		case in.Kind == incident.Interstate || in.Kind == incident.ForeignStrike:
			left[NoAttack]++
		case in.End.Sub(in.Start) > longest:
			left[TooVague]++
		case unit == "":
			left[NoUnit]++
		case !week.Before(end):
			left[AfterReport]++
		default:
			weeks[unit] = append(weeks[unit], week)
			if week.Before(start) {
				start = week
			}
		}
	}
	if len(weeks) == 0 {
		return nil, left, ErrNoData
	}
	p = &Panel{Step: Weekly}
	for u := range weeks {
		p.Units = append(p.Units, u)
	}
	slices.Sort(p.Units)
	index := map[time.Time]int{}
	for t := start; t.Before(end); t = p.Step.next(t) {
		index[t] = len(p.Starts)
		if p.Starts = append(p.Starts, t); len(p.Starts) > maxPeriods || len(p.Starts)*len(p.Units) > maxCells {
			return nil, left, fmt.Errorf("incidents of %d units since %s are more than a panel can hold",
				len(p.Units), start.Format(time.DateOnly))
		}
	}
	for _, u := range p.Units {
		counts := make([]int, len(p.Starts))
		for _, w := range weeks[u] {
			counts[index[w]]++
		}
		p.Counts = append(p.Counts, counts)
	}
	return p, left, nil
}

// countSignals counts signals by unit and week of a panel.
func countSignals(incidents []incident.Incident, by func(*incident.Incident) string, p *Panel) map[string][]int {
	out := map[string][]int{}
	for i := range incidents {
		in := &incidents[i]
		if !in.Kind.Signal() || in.Start.Before(p.Starts[0]) || !in.Start.Before(p.End()) {
			continue
		}
		week := int(monday(in.Start).Sub(p.Starts[0]) / (7 * 24 * time.Hour))
		unit := by(in)
		if out[unit] == nil {
			out[unit] = make([]int, len(p.Starts))
		}
		out[unit][week]++
	}
	return out
}
