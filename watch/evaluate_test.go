package watch_test

import (
	"testing"

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
		ev, err := watch.Evaluate(panel(t, tc.panel), tc.horizon, day("2011-01-01"))
		if err != nil {
			t.Fatal(err)
		}
		e := ev[0]
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
