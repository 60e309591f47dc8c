package watch_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"parley.example/parley/watch"
)

// The figures of the shared BAR.md for EWMA-NB.
func TestEWMAReproducesBar(t *testing.T) {
	for _, tc := range []struct {
		panel            string
		horizon, n       int
		crps, log, brier float64
	}{
		{"pak_province_week.csv", 1, 4584, .3162, .6852, .1134},
		{"pak_province_week.csv", 4, 4560, .9313, 1.3016, .1029},
		{"pak_province_week.csv", 13, 4488, 2.7385, 2.0766, .0967},
		{"pak_class_week.csv", 1, 2292, .5162, .9515, .1132},
		{"pak_class_week.csv", 4, 2280, 1.5458, 1.7185, .1303},
		{"pak_district_month.csv", 1, 12804, .1412, .3417, .0601},
	} {
		ev := evaluated(t, tc.panel, tc.horizon)
		e := named(t, ev, "ewma")
		t.Logf("%s %d: %+v", tc.panel, tc.horizon, e)
		if e.N != tc.n {
			t.Errorf("n = %d, want %d", e.N, tc.n)
		}
		for _, c := range []struct {
			name      string
			got, want float64
		}{{"crps", e.CRPS, tc.crps}, {"log", e.Log, tc.log}, {"brier", e.Brier, tc.brier}} {
			if !near(c.got, c.want, 0.01) {
				t.Errorf("%s %d: %s = %.4f, want %.4f", tc.panel, tc.horizon, c.name, c.got, c.want)
			}
		}
	}
}

// evaluated scores the models on a shared panel from 2011 on, once for all tests.
func evaluated(t testing.TB, name string, horizon int) []watch.Evaluation {
	t.Helper()
	key := fmt.Sprint(name, horizon)
	if all, ok := evaluations[key]; ok {
		return all
	}
	all, err := watch.Evaluate(panel(t, name), horizon, day("2011-01-01"), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	evaluations[key] = all
	return all
}

var evaluations = map[string][]watch.Evaluation{}

// named returns one model's evaluation.
func named(t testing.TB, all []watch.Evaluation, name string) watch.Evaluation {
	t.Helper()
	for _, e := range all {
		if e.Model == name {
			return e
		}
	}
	t.Fatalf("no model %q", name)
	return watch.Evaluation{}
}

// What the watch shows, against the bar of the shared BAR.md: POOL3 on the
// table, and lulls within 0.03 of what was observed.
func TestParleyMeetsBar(t *testing.T) {
	for _, tc := range []struct {
		panel            string
		horizon          int
		crps, log, brier float64
	}{
		{"pak_province_week.csv", 1, .3132, .6727, .1117},
		{"pak_province_week.csv", 4, .9138, 1.2578, .0979},
		{"pak_province_week.csv", 13, 2.5155, 1.9579, .0864},
		{"pak_class_week.csv", 1, .5109, .9374, .1119},
		{"pak_class_week.csv", 4, 1.4960, 1.6553, .1244},
		{"pak_district_month.csv", 1, .140, .332, .0598},
	} {
		ev := evaluated(t, tc.panel, tc.horizon)
		e := named(t, ev, "parley")
		t.Logf("%s %d: CRPS %.4f log %.4f Brier %.4f ECE %.4f cover %.3f; lull %+v", tc.panel, tc.horizon, e.CRPS, e.Log, e.Brier, e.ECE, e.Coverage90, e.Lull)
		for _, c := range []struct {
			name      string
			got, want float64
		}{{"crps", e.CRPS, tc.crps}, {"log", e.Log, tc.log}, {"brier", e.Brier, tc.brier}} {
			if c.got > 1.004*c.want {
				t.Errorf("%s %d: %s = %.4f, the bar is %.4f", tc.panel, tc.horizon, c.name, c.got, c.want)
			}
		}
		n, ece := 0, 0.0
		for _, b := range e.Reliability {
			n += b.N
			ece += math.Abs(b.Forecast-b.Observed) * float64(b.N) / float64(e.N)
		}
		if n != e.N || math.Abs(ece-e.ECE) > 1e-9 {
			t.Errorf("%s %d: the reliability plot has %d forecasts and ECE %.4f, want %d and %.4f", tc.panel, tc.horizon, n, ece, e.N, e.ECE)
		}
		ewma := named(t, ev, "ewma")
		if e.Log >= ewma.Log || e.Brier >= ewma.Brier {
			t.Errorf("%s %d: no better than the smoothed rate", tc.panel, tc.horizon)
		}
		if tc.panel != "pak_province_week.csv" || tc.horizon == 1 {
			continue
		}
		for _, l := range e.Lull {
			if l.AtLeastWeeks != 13 && (l.Forecast < l.Observed-.03 || l.Forecast > l.Observed+.03) {
				t.Errorf("horizon %d, %d quiet weeks: forecast %.3f, observed %.3f", tc.horizon, l.AtLeastWeeks, l.Forecast, l.Observed)
			}
		}
		if most := map[int]float64{4: .137, 13: .173}[tc.horizon]; e.Lull[0].Brier >= most {
			t.Errorf("horizon %d: Brier in lulls %.4f, want below %.3f", tc.horizon, e.Lull[0].Brier, most)
		}
	}
}

// A forecast rests on the past alone: what comes later changes nothing of it.
func TestForecastsLookBackOnly(t *testing.T) {
	whole := panel(t, "pak_province_week.csv")
	cut := *whole
	n := 600
	cut.Starts = whole.Starts[:n]
	cut.Counts = nil
	for _, c := range whole.Counts {
		cut.Counts = append(cut.Counts, c[:n])
	}
	from, until := whole.Starts[400], whole.Starts[n]
	a, err := watch.Evaluate(&cut, 4, from, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	changed := cut
	changed.Starts = whole.Starts[:n+52]
	changed.Counts = nil
	for u, c := range whole.Counts {
		later := append([]int(nil), c[:n+52]...)
		for t := n; t < n+52; t++ {
			later[t] = (u*7 + t*13) % 9
		}
		changed.Counts = append(changed.Counts, later)
	}
	b, err := watch.EvaluateUntil(&changed, 4, from, until)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a {
		if a[i].N != b[i].N || a[i].CRPS != b[i].CRPS || a[i].Log != b[i].Log {
			t.Errorf("%s: what came after changed its forecasts: %+v, %+v", a[i].Model, a[i], b[i])
		}
	}
}
