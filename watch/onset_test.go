package watch_test

import (
	"testing"
	"time"

	"parley.example/parley/watch"
)

// weekly makes a panel of one unit that begins on a Monday in 2010.
func weekly(units map[string][]int) *watch.Panel {
	p := &watch.Panel{Step: watch.Weekly}
	for u, counts := range units {
		p.Units, p.Counts = append(p.Units, u), append(p.Counts, counts)
		if len(p.Starts) == 0 {
			for t := range counts {
				p.Starts = append(p.Starts, day("2010-01-04").AddDate(0, 0, 7*t))
			}
		}
	}
	return p
}

// returning is a quiet series that doubles and more from week 300 on.
func returning() []int {
	counts := make([]int, 320)
	for t := range counts {
		if t%9 == 0 {
			counts[t] = 1
		}
		if t >= 300 {
			counts[t] = 2
		}
	}
	return counts
}

func TestOnsets(t *testing.T) {
	if got := watch.Onsets(returning()); len(got) != 1 || got[0] != 297 {
		t.Errorf("onsets %v, want one in week 297", got)
	}
	steady := make([]int, 320)
	for t := range steady {
		steady[t] = t % 3
	}
	if got := watch.Onsets(steady); len(got) != 0 {
		t.Errorf("onsets of a steady series: %v", got)
	}
	r, err := watch.FindOnsets(weekly(map[string][]int{"North": returning()}), 1)
	if err != nil || len(r.Alarms) == 0 {
		t.Fatalf("alarms %+v, %v", r, err)
	}
	a := r.Alarms[len(r.Alarms)-1]
	if late := a.Week.Sub(day("2010-01-04").AddDate(0, 0, 7*300)); late < 0 || late > 3*7*24*time.Hour || !a.Confirmed || len(a.Evidence) != 8 || a.Evidence[7] != 2 || a.Usual > .2 {
		t.Errorf("alarm %+v, want one within three weeks, confirmed, with its evidence", a)
	}
	for name, bad := range map[string]func() error{
		"a short panel": func() error {
			_, err := watch.FindOnsets(weekly(map[string][]int{"a": make([]int, 50)}), 1)
			return err
		},
		"no rate": func() error {
			_, err := watch.FindOnsets(weekly(map[string][]int{"a": make([]int, 320)}), 0)
			return err
		},
		"months": func() error {
			p := weekly(map[string][]int{"a": make([]int, 320)})
			p.Step = watch.Monthly
			_, err := watch.EvaluateOnsets(p, 1, p.Starts[200])
			return err
		},
		"nothing to test": func() error {
			p := weekly(map[string][]int{"a": make([]int, 320)})
			_, err := watch.EvaluateOnsets(p, 1, p.Starts[310])
			return err
		},
	} {
		if bad() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// Series in which nothing ever happened promise nothing: neither threshold nor
// score depend on them.
func TestOnsetsOfSilentSeries(t *testing.T) {
	busy := map[string][]int{}
	for u := range 4 {
		counts := make([]int, 600)
		for t := range counts {
			if (t*t+u*t)%11 < 2 {
				counts[t] = 1 + (t/40+u)%3
			}
		}
		busy[string(rune('a'+u))] = counts
	}
	p := weekly(busy)
	alone, err := watch.EvaluateOnsets(p, 1, p.Starts[400])
	if err != nil || alone.Threshold <= 0 {
		t.Fatalf("%+v, %v", alone, err)
	}
	for u := range 20 {
		p.Units, p.Counts = append(p.Units, string(rune('A'+u))), append(p.Counts, make([]int, 600))
	}
	if got, err := watch.EvaluateOnsets(p, 1, p.Starts[400]); err != nil || got != alone {
		t.Errorf("with silent series %+v, without %+v, %v", got, alone, err)
	}
}

// On the real provinces the detector finds the returns of 2013 to 2021 early at
// the false alarms allowed, with a threshold from before.
func TestOnsetsOfProvinces(t *testing.T) {
	s, err := watch.EvaluateOnsets(panel(t, "pak_province_week.csv"), 1, day("2013-01-07"))
	t.Logf("%+v, %v", s, err)
	if err != nil || s.Onsets < 5 || s.Within8 < .8 || s.FalseAlarms > 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
