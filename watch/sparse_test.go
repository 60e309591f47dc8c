package watch_test

import (
	"testing"

	"parley.example/parley/incident"
	"parley.example/parley/watch"
)

// Where nothing was ever reported, and where one attack was in twenty years, the
// forecast is low but not none: no data are no safety.
func TestAlmostNothingIsNotSafety(t *testing.T) {
	empty, one, busy := make([]int, 1043), make([]int, 1043), make([]int, 1043)
	one[17] = 1
	for t := range busy {
		busy[t] = t % 3 % 2
	}
	for name, units := range map[string]map[string][]int{
		"beside a busy area": {"a": busy, "b": empty, "c": one}, "alone": {"b": empty}, "once": {"c": one},
	} {
		f, err := watch.NewForecast(weekly(units), 13)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, u := range f.Units {
			if !(u.P > 0 && u.P < 1) || u.Mean <= 0 || u.High < u.Low {
				t.Errorf("%s: %+v", name, u)
			}
			if u.Unit != "a" && u.P > .3 {
				t.Errorf("%s: %s is forecast at %.2f", name, u.Unit, u.P)
			}
		}
	}
	if _, err := watch.FindOnsets(weekly(map[string][]int{"b": empty, "c": one}), 1); err != nil {
		t.Errorf("onsets: %v", err)
	}
}

// An area of which there are signals alone has no card that could be read as
// quiet; the signals are told as not counted.
func TestAnAreaWithoutAttacks(t *testing.T) {
	ins := []incident.Incident{
		{ID: "a", Admin1: "North", Kind: incident.Bombing, Start: day("2024-01-03"), End: day("2024-01-03")},
		{ID: "b", Admin1: "South", Kind: incident.Threat, Start: day("2024-01-04"), End: day("2024-01-04")},
	}
	r, err := watch.NewReport(ins, watch.ByArea, day("2024-03-04"), 4, nil)
	if err != nil || len(r.Cards) != 1 || r.Cards[0].Area != "North" || r.Left[watch.ASignal] != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
