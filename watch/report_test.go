package watch_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/incident"
	"parley.example/parley/watch"
)

func ucdp(t testing.TB) (all []incident.Incident) {
	f, err := os.Open(shared(t, "data/ged_pak_1989_2021.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = incident.ReadUCDP(f, func(_ int, in incident.Incident, err error) error {
		all = append(all, in)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The panels of the shared data were made from the same file by the same rules.
func TestCountMatchesPanels(t *testing.T) {
	all := ucdp(t)
	for _, tc := range []struct {
		file   string
		by     func(*incident.Incident) string
		rename map[string]string
	}{
		{"pak_province_week.csv", watch.ByArea, nil},
		{"pak_class_week.csv", watch.ByClass, nil},
	} {
		want := panel(t, tc.file)
		got, left, err := watch.Count(all, tc.by, want.End())
		if err != nil {
			t.Fatal(err)
		}
		t.Log(tc.file, got.Units, left)
		skip := 0
		for got.Starts[skip].Before(want.Starts[0]) {
			skip++
		}
		for u, unit := range want.Units {
			at := -1
			for i, g := range got.Units {
				if g == unit {
					at = i
				}
			}
			if at < 0 {
				t.Errorf("%s: no unit %q", tc.file, unit)
				continue
			}
			off := 0
			for i, n := range want.Counts[u] {
				if d := got.Counts[at][skip+i] - n; d != 0 {
					off += max(d, -d)
				}
			}
			// Which attacks were religious is recoded from text, and may differ
			// in a few cases.
			if off > 0 && (tc.file != "pak_class_week.csv" || off > 4) {
				t.Errorf("%s: %s: counts differ by %d", tc.file, unit, off)
			}
		}
	}
}

// The lull table of the shared BAR.md.
func TestLullReproducesBar(t *testing.T) {
	for _, tc := range []struct {
		horizon, row, n    int
		observed, forecast float64
	}{{4, 0, 777, .198, .093}, {13, 0, 752, .419, .226}, {13, 2, 366, .169, .117}} {
		ev := evaluated(t, "pak_province_week.csv", tc.horizon)
		l := named(t, ev, "ewma").Lull[tc.row]
		if l.N != tc.n || !near(l.Observed, tc.observed, 0.005) || !near(l.Forecast, tc.forecast, 0.01) {
			t.Errorf("horizon %d: %+v, want %d %.3f %.3f", tc.horizon, l, tc.n, tc.observed, tc.forecast)
		}
	}
}

func at(date, area string) incident.Incident {
	return incident.Incident{
		Start: day(date), End: day(date), Admin1: area,
		Kind: incident.Bombing, Classes: []incident.Class{incident.Civilian},
	}
}

func TestReport(t *testing.T) {
	var in []incident.Incident
	// A busy area, with a lull of 12 weeks every 20 weeks, and one that fell
	// silent after a single attack.
	for w := range 400 {
		if w%20 < 8 {
			in = append(in, at(day("2015-01-05").AddDate(0, 0, 7*w+w%7).Format(time.DateOnly), "North"))
		}
	}
	in = append(in, at("2015-06-03", "South"))
	vague := at("2016-01-01", "North")
	vague.End = day("2016-03-01")
	strike := at("2016-01-01", "North")
	strike.Kind = incident.ForeignStrike
	in = append(in, vague, strike, at("2016-01-01", ""), at("2023-01-01", "North"))
	asOf := day("2015-01-05").AddDate(0, 0, 7*398) // 10 quiet weeks into a lull
	r, err := watch.NewReport(in, watch.ByArea, asOf.AddDate(0, 0, 3), 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !r.AsOf.Equal(asOf) || r.Used != 161 || len(r.Weeks) != 104 || !r.Weeks[103].Equal(asOf.AddDate(0, 0, -7)) {
		t.Errorf("as of %v, used %d, %d weeks", r.AsOf, r.Used, len(r.Weeks))
	}
	want := map[string]int{watch.NoUnit: 1, watch.NoAttack: 1, watch.TooVague: 1, watch.AfterReport: 1}
	if d := cmp.Diff(want, r.Left); d != "" {
		t.Error(d)
	}
	n, s := r.Cards[0], r.Cards[1]
	if n.Area != "North" || n.Total != 160 || n.QuietWeeks != 10 || n.Lull == nil || n.Lull.AtLeastWeeks != 8 ||
		n.Lull.Observed <= n.Lull.Forecast || n.P <= 0 || n.P >= 1 || n.Low > n.High || n.Mean <= 0 {
		t.Errorf("%+v", n)
	}
	if !strings.HasPrefix(n.Lull.Text, "Quiet for 10 weeks. After at least 8 quiet weeks, an attack followed within 4 weeks in ") ||
		!strings.HasSuffix(n.Lull.Text, " %. Quiet is not safety.") {
		t.Errorf("text %q", n.Lull.Text)
	}
	if s.Total != 1 || s.QuietWeeks != 376 || s.P <= 0 || s.Lull == nil || !s.LastAttack.Equal(day("2015-06-01")) {
		t.Errorf("%+v", s)
	}
	again, err := watch.NewReport(in, watch.ByArea, asOf, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(r)
	b, _ := json.Marshal(again)
	if string(a) != string(b) {
		t.Error("the same incidents give two reports")
	}
}

// Signals are no attacks. Where attacks followed them the past tells the factor;
// where it cannot, the report says so, and a person may set one.
func TestSignals(t *testing.T) {
	signal := func(day, area string) incident.Incident {
		in := at(day, area)
		in.Kind = incident.Signals[0]
		return in
	}
	var in []incident.Incident
	date := func(w int) string { return day("2012-01-02").AddDate(0, 0, 7*w).Format(time.DateOnly) }
	for w := range 400 {
		if w%8 == 0 { // a threat, and in three of four cases three attacks
			in = append(in, signal(date(w), "North"))
			if w%32 != 0 {
				for i := range 3 {
					in = append(in, at(date(w+1+i%2), "North"))
				}
			}
		}
		if w%11 == 0 {
			in = append(in, at(date(w), "South"))
		}
	}
	in = append(in, signal(date(398), "North"))
	asOf := day("2012-01-02").AddDate(0, 0, 7*400)
	r, err := watch.NewReport(in, watch.ByArea, asOf, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, s := r.Cards[0], r.Cards[1]
	if !r.Lift.Fitted || r.Lift.Factor <= 1 || n.Signals != 1 || n.P <= n.Plain || s.Signals != 0 || s.P != s.Plain {
		t.Errorf("fitted: %+v, north %v from %v, south %v from %v", r.Lift, n.P, n.Plain, s.P, s.Plain)
	}
	if r.Left[watch.ASignal] != 51 || n.Total != 38*3 && n.Total != 37*3 {
		t.Errorf("left out %v, north has %d attacks", r.Left, n.Total)
	}
	off, err := watch.SetLift(1)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = watch.NewReport(in, watch.ByArea, asOf, 2, &off); err != nil || r.Cards[0].P != n.Plain {
		t.Errorf("switched off: %v, %v", r.Cards[0].P, err)
	}
	few := append([]incident.Incident{signal(date(398), "South")}, in[len(in)/2:]...)
	for i := range few {
		if few[i].Kind.Signal() && few[i].Admin1 == "North" {
			few[i].Kind = incident.Bombing
		}
	}
	if r, err = watch.NewReport(few, watch.ByArea, asOf, 2, nil); err != nil || r.Lift.Fitted || r.Lift.Factor != 1 || !strings.Contains(r.Lift.Text, "no effect of signals can be fitted") {
		t.Errorf("too few: %+v, %v", r.Lift, err)
	}
	for _, f := range []float64{0, -1, 11, math.NaN()} {
		if _, err := watch.SetLift(f); err == nil {
			t.Errorf("a factor of %v is accepted", f)
		}
	}
}

// Where reports come late, the newest weeks are known to be short.
func TestReportsThatComeLate(t *testing.T) {
	var in []incident.Incident
	for w := range 200 {
		x := at(day("2015-01-05").AddDate(0, 0, 7*w).Format(time.DateOnly), "North")
		x.Created = x.End.AddDate(0, 0, 2)
		if w%2 == 1 {
			x.Created = x.End.AddDate(0, 0, 16) // in the third week
		}
		in = append(in, x)
	}
	r, err := watch.NewReport(in, watch.ByArea, day("2015-01-05").AddDate(0, 0, 7*200), 4, nil)
	if err != nil || r.Delay == nil || r.Delay.Within[0] < .45 || r.Delay.Within[0] > .55 || r.Delay.Within[2] != 1 {
		t.Fatalf("delay %+v, %v", r.Delay, err)
	}
	// Two weeks of which half is known, with one attack each: two more.
	if got := r.Cards[0].Unreported; got < 1.5 || got > 2.5 {
		t.Errorf("%.2f not reported yet, want about 2", got)
	}
	for i := range in {
		in[i].Created = time.Time{}
	}
	if r, err = watch.NewReport(in, watch.ByArea, time.Time{}, 4, nil); err != nil || r.Delay != nil || r.Cards[0].Unreported != 0 {
		t.Errorf("without entry dates: %+v, %v", r.Delay, err)
	}
}

func TestReportRefuses(t *testing.T) {
	if _, err := watch.NewReport(nil, watch.ByArea, time.Time{}, 4, nil); !errors.Is(err, watch.ErrNoData) {
		t.Errorf("no incidents: %v", err)
	}
	one := []incident.Incident{at("2020-01-01", "North")}
	for _, h := range []int{0, -1, 53} {
		if _, err := watch.NewReport(one, watch.ByArea, time.Time{}, h, nil); err == nil {
			t.Errorf("horizon %d accepted", h)
		}
	}
	r, err := watch.NewReport(one, watch.ByArea, time.Time{}, 4, nil)
	if err != nil || len(r.Cards) != 1 || r.Cards[0].BaseRate != -1 || r.Cards[0].Lull != nil {
		t.Errorf("one incident: %+v, %v", r, err)
	}
	if _, err := watch.NewReport([]incident.Incident{at("1500-01-01", "North"), at("2020-01-01", "North")}, watch.ByArea, time.Time{}, 4, nil); err == nil {
		t.Error("a panel of five centuries was made")
	}
}

func TestReadPanelRefuses(t *testing.T) {
	head := "start,a,b\n2002-01-07,0,1\n"
	for name, tc := range map[string]struct{ in, want string }{
		"empty":      {"", "empty"},
		"no units":   {"start\n", "header"},
		"no periods": {"start,a\n", "no periods"},
		"gap":        {head + "2002-01-21,0,0\n", "line 3: 2002-01-21 follows 2002-01-07, expected 2002-01-14"},
		"repeated":   {head + "2002-01-07,0,0\n", "gap or is out of order"},
		"not Monday": {"start,a\n2002-01-08,0\n", "is a Tuesday"},
		"no date":    {head + "2002-02-30,0,0\n", "is no date"},
		"mixed":      {head + "2002-02,0,0\n", "weeks and months are mixed"},
		"fields":     {head + "2002-01-14,0\n", "2 fields, the header has 3"},
		"negative":   {head + "2002-01-14,0,-1\n", `b: "-1" is not a count`},
		"words":      {head + "2002-01-14,dozens,1\n", `a: "dozens" is not a count`},
		"twice":      {"start,a,a\n", "appears twice"},
	} {
		if _, err := watch.ReadPanel(strings.NewReader(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	if _, err := watch.Evaluate(&watch.Panel{Starts: []time.Time{day("2002-01-07")}, Units: []string{"a"}, Counts: [][]int{{1}}}, 4, day("2002-01-07"), time.Time{}); err == nil {
		t.Error("a panel with nothing to test was evaluated")
	}
}

func FuzzReadPanel(f *testing.F) {
	f.Add([]byte("start,a,b\n2002-01-07,0,1\n2002-01-14,2,3\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := watch.ReadPanel(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		for _, c := range p.Counts {
			if len(c) != len(p.Starts) {
				t.Fatal("ragged panel")
			}
		}
	})
}

func BenchmarkReport(b *testing.B) {
	var in []incident.Incident
	for area := range 100 {
		for w := range 1040 {
			for range (w*7 + area*13) % 5 / 3 {
				in = append(in, at(day("2002-01-07").AddDate(0, 0, 7*w).Format(time.DateOnly), string(rune('A'+area))))
			}
		}
	}
	for b.Loop() {
		if _, err := watch.NewReport(in, watch.ByArea, time.Time{}, 4, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(in)), "incidents")
}

// The same incidents give the same report to the last bit, in whatever order they
// came.
func TestTheReportDoesNotDependOnOrder(t *testing.T) {
	all := ucdp(t)[:1500]
	first, err := watch.NewReport(all, watch.ByArea, day("2022-01-03"), 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	again, err := watch.NewReport(all, watch.ByArea, day("2022-01-03"), 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
}
