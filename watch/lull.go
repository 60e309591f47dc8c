package watch

import "fmt"

// lullLengths are the lengths of quiet, in periods, for which a table is made.
var lullLengths = []int{8, 13, 26}

// minAttacks is how many events a unit must have had before its quiet counts as
// a lull.
const minAttacks = 10

// minCases is how many cases a share must rest on to be stated.
const minCases = 10

// Lull is what happened after quiet of a certain length: of N origins with at
// least AtLeastWeeks quiet weeks before them (in units with ten events or more
// by then), the share Observed had an event within the horizon, where the model
// had said Forecast on average.
type Lull struct {
	AtLeastWeeks int     `json:"quiet_weeks"`
	N            int     `json:"n"`
	Observed     float64 `json:"observed"`
	Forecast     float64 `json:"forecast"`
	Brier        float64 `json:"brier"` // of the model on these cases
}

// lullTable looks at the origins [from, last].
func lullTable(p *Panel, m model, horizon, from, last int) []Lull {
	out := make([]Lull, len(lullLengths))
	for i, l := range lullLengths {
		out[i].AtLeastWeeks = l
	}
	for u := range p.Units {
		quiet, attacks := 0, 0
		for t := 0; t <= last; t++ {
			if t >= from && quiet >= lullLengths[0] && attacks >= minAttacks {
				forecast, hit := m.atLeastOne(u, t), 0.0
				if sum(p.Counts[u], t, horizon) > 0 {
					hit = 1
				}
				for i, l := range lullLengths {
					if quiet >= l {
						out[i].N++
						out[i].Observed += hit
						out[i].Forecast += forecast
						out[i].Brier += (forecast - hit) * (forecast - hit)
					}
				}
			}
			attacks += p.Counts[u][t]
			if quiet++; p.Counts[u][t] > 0 {
				quiet = 0
			}
		}
	}
	for i := range out {
		if n := float64(out[i].N); n > 0 {
			out[i].Observed, out[i].Forecast, out[i].Brier = out[i].Observed/n, out[i].Forecast/n, out[i].Brier/n
		}
	}
	return out
}

// LullWarning sets a unit's quiet beside what followed such quiet before.
type LullWarning struct {
	Lull
	Text string `json:"text"`
}

// warn picks the row of the table for a unit that has been quiet for so many
// weeks: the longest length that it has reached and that rests on enough
// cases. It is nil for a unit that is not quiet.
func warn(table []Lull, quiet, horizon int) *LullWarning {
	if quiet < lullLengths[0] {
		return nil
	}
	row := table[0]
	for _, l := range table[1:] {
		if quiet >= l.AtLeastWeeks && l.N >= minCases {
			row = l
		}
	}
	w := &LullWarning{Lull: row}
	if row.N < minCases {
		w.Text = fmt.Sprintf("Quiet for %d weeks. There are too few earlier lulls here (%d) to say how often they ended. Quiet is not safety.",
			quiet, row.N)
		return w
	}
	w.Text = fmt.Sprintf("Quiet for %d weeks. After at least %d quiet weeks, an attack followed within %s in %.0f %% of %d cases; "+
		"a smoothed rate said %.0f %%. Quiet is not safety.",
		quiet, row.AtLeastWeeks, weeks(horizon), 100*row.Observed, row.N, 100*row.Forecast)
	return w
}

func weeks(n int) string {
	if n == 1 {
		return "1 week"
	}
	return fmt.Sprintf("%d weeks", n)
}
