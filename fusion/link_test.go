package fusion_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/fusion"
)

// read reads a list; every line that is not a heading is a report.
func read(t testing.TB, csv string) []fusion.Report {
	t.Helper()
	list, notes, err := fusion.ReadCSV(strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		t.Logf("note: %s", n)
	}
	return list
}

func named(left, right []fusion.Report, pairs []fusion.Pair) []string {
	var out []string
	for _, p := range pairs {
		out = append(out, left[p.Left].ID+"="+right[p.Right].ID)
	}
	return out
}

const header = "id,date,place,admin1,lat,lon,killed,wounded,kind,text\n"

// Around each hard case stand plain events, as in a real list.
const (
	plainLeft = header +
		"a1,2014-01-03,Ghazni,Ghazni,33.55,68.42,3,5,bombing,roadside bomb hit a police vehicle\n" +
		"a2,2014-01-10,Kandahar,Kandahar,31.61,65.70,7,12,suicide bombing,bomber struck the governor's guards\n" +
		"a3,2014-02-02,Kunduz,Kunduz,36.73,68.86,2,0,shooting,gunmen killed two elders\n" +
		"a4,2014-02-19,Herat,Herat,34.35,62.20,1,,shooting,judge shot by gunmen on a motorcycle\n" +
		"a5,2014-03-04,Jalalabad,Nangarhar,34.43,70.45,11,22,suicide bombing,attack on a bank\n"
	plainRight = header +
		"b1,2014-01-03,Ghazny,Ghazni,33.55,68.43,3,4,IED,a bomb beside the road killed policemen\n" +
		"b2,2014-01-11,Qandahar,Kandahar,31.62,65.71,7,12,suicide attack,\n" +
		"b3,2014-02-02,کندز,Kunduz,36.73,68.86,2,,Armed Assault,two tribal elders were killed\n" +
		"b4,2014-02-19,Hirat,Herat,34.34,62.20,1,0,Assassination,\n" +
		"b5,2014-03-04,Jalal Abad,Nangarhar,34.43,70.45,12,22,Bombing/Explosion,bank attacked\n"
)

var plain = []string{"a1=b1", "a2=b2", "a3=b3", "a4=b4", "a5=b5"}

func TestHardCases(t *testing.T) {
	for _, c := range []struct {
		name, left, right string
		want              []string
		not               []string
	}{
		{
			name: "plain events, misspelt, in another script, a day late",
		},
		{
			name: "two attacks in one city on one day, told apart by casualties",
			left: "k1,2014-04-01,Kabul,Kabul,34.53,69.17,14,30,bombing,\n" +
				"k2,2014-04-01,Kabul,Kabul,34.53,69.17,2,1,bombing,\n",
			right: "m1,2014-04-01,Kabul,Kabul,34.53,69.17,2,1,bombing,\n" +
				"m2,2014-04-01,Kabul,Kabul,34.53,69.17,13,31,bombing,\n",
			want: []string{"k1=m2", "k2=m1"},
		},
		{
			name: "told apart by kind",
			left: "k1,2014-04-01,Kabul,Kabul,34.53,69.17,2,,suicide bombing,\n" +
				"k2,2014-04-01,Kabul,Kabul,34.53,69.17,2,,shooting,\n",
			right: "m1,2014-04-01,Kabul,Kabul,34.53,69.17,2,,gun attack,\n" +
				"m2,2014-04-01,Kabul,Kabul,34.53,69.17,2,,Suicide,\n",
			want: []string{"k1=m2", "k2=m1"},
		},
		{
			name: "told apart by text alone",
			left: "k1,2014-04-01,Kabul,Kabul,34.53,69.17,,,bombing,minibus of the education ministry near the stadium\n" +
				"k2,2014-04-01,Kabul,Kabul,34.53,69.17,,,bombing,election commission compound stormed\n",
			right: "m1,2014-04-01,Kabul,Kabul,34.53,69.17,,,bombing,the compound of the election commission was stormed\n" +
				"m2,2014-04-01,Kabul,Kabul,34.53,69.17,,,bombing,a minibus carrying staff of the education ministry\n",
			want: []string{"k1=m2", "k2=m1"},
		},
		{
			name:  "the same attack filed 243 km away",
			left:  "w1,2014-05-20,Sharana,Paktika,33.17,68.73,17,41,suicide bombing,truck bomb at a construction company\n",
			right: "v1,2014-05-20,Bamyan,Bamyan,34.82,66.79,17,41,suicide attack,a truck bomb exploded at a construction company\n",
			want:  []string{"w1=v1"},
		},
		{
			name:  "latitude and longitude exchanged in one list",
			left:  "w1,2014-05-20,Tarin Kot,Uruzgan,32.62,65.87,3,4,bombing,\n",
			right: "v1,2014-05-20,Tirin Kowt,Urozgan,65.87,32.62,3,4,bombing,\n",
			want:  []string{"w1=v1"},
		},
		{
			name:  "no date in one list, rare figures in both",
			left:  "w1,,Andkhoy,Faryab,36.95,65.12,23,57,bombing,market\n",
			right: "v1,2014-06-14,Andkhui,Faryab,36.95,65.12,23,57,bombing,bomb in a market\n",
			want:  []string{"w1=v1"},
		},
		{
			name:  "day and month exchanged",
			left:  "w1,2014-07-05,Shindand,Herat,33.30,62.14,6,9,bombing,\n",
			right: "v1,2014-05-07,Shin Dand,Hirat,33.30,62.14,6,9,bombing,\n",
			want:  []string{"w1=v1"},
		},
		{
			name:  "the same city, other days and figures: two events",
			left:  "w1,2014-07-05,Kabul,Kabul,34.53,69.17,6,9,bombing,airport gate\n",
			right: "v1,2014-07-29,Kabul,Kabul,34.53,69.17,1,0,shooting,judge\n",
			not:   []string{"w1=v1"},
		},
		{
			name:  "the same day far apart with other figures: two events",
			left:  "w1,2014-07-05,Kabul,Kabul,34.53,69.17,6,9,bombing,airport gate\n",
			right: "v1,2014-07-05,Farah,Farah,32.37,62.11,1,0,shooting,judge\n",
			not:   []string{"w1=v1"},
		},
		{
			name:  "casualties in words",
			left:  "w1,2014-07-05,Farah,Farah,32.37,62.11,dozens,10-12,bombing,\n",
			right: "v1,2014-07-05,Ferah,Farah,32.37,62.11,31,11,bombing,\n",
			want:  []string{"w1=v1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			left, right := read(t, plainLeft+c.left), read(t, plainRight+c.right)
			res := fusion.Link(left, right, fusion.BestF1)
			got := named(left, right, res.Pairs)
			want := append(slices.Clone(plain), c.want...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pairs (-want +got):\n%s", diff)
			}
			for _, n := range c.not {
				if slices.Contains(got, n) {
					t.Errorf("%s is paired", n)
				}
			}
			// The lists may change sides.
			var turned []string
			for _, p := range fusion.Link(right, left, fusion.BestF1).Pairs {
				turned = append(turned, left[p.Right].ID+"="+right[p.Left].ID)
			}
			slices.Sort(turned)
			slices.Sort(got)
			if diff := cmp.Diff(got, turned); diff != "" {
				t.Errorf("with the lists exchanged:\n%s", diff)
			}
		})
	}
}

func TestEvidence(t *testing.T) {
	left, right := read(t, plainLeft), read(t, plainRight)
	p := fusion.Link(left, right, fusion.BestF1).Pairs[1]
	want := map[string]string{
		"date": "a day apart", "place": "same place", "killed": "same number", "wounded": "same number",
		"kind": "same kind", "text": "not given",
	}
	for _, e := range p.Evidence {
		if e.Says != want[e.Feature] {
			t.Errorf("%s says %q, want %q", e.Feature, e.Says, want[e.Feature])
		}
		if (e.Weight == 0) != (e.Says == "not given") {
			t.Errorf("%s says %q with weight %v", e.Feature, e.Says, e.Weight)
		}
		delete(want, e.Feature)
	}
	if len(want) > 0 {
		t.Errorf("no evidence on %v", want)
	}
	if p.Evidence[1].Left != "Kandahar, Kandahar (31.61, 65.7)" || *p.Evidence[1].KM > 3 || *p.Evidence[1].Similarity < .9 {
		t.Errorf("place: %+v", p.Evidence[1])
	}
}

// The same lists give the same pairs to the last digit, and exchanged lists the
// same pairs.
func TestDeterministicAndSymmetrical(t *testing.T) {
	left, right, _ := perturbed(realIncidents(t, "2012-01-01", "2012-09-01"), hard, 4)
	first := fusion.Link(left, right, fusion.BestF1)
	if diff := cmp.Diff(first, fusion.Link(left, right, fusion.BestF1)); diff != "" {
		t.Errorf("a second time:\n%s", diff)
	}
	turned := fusion.Link(right, left, fusion.BestF1)
	for i := range turned.Pairs {
		p := &turned.Pairs[i]
		p.Left, p.Right = p.Right, p.Left
	}
	slices.SortFunc(turned.Pairs, func(a, b fusion.Pair) int { return a.Left - b.Left })
	strip := func(ps []fusion.Pair) (out []string) {
		for _, p := range ps {
			out = append(out, fmt.Sprintf("%d %d %.4f", p.Left, p.Right, p.P))
		}
		return out
	}
	if diff := cmp.Diff(strip(first.Pairs), strip(turned.Pairs)); diff != "" {
		t.Errorf("exchanged:\n%s", diff)
	}
}

func TestMinP(t *testing.T) {
	left, right, _ := perturbed(realIncidents(t, "2012-01-01", "2012-06-01"), hard, 5)
	all, some, none := fusion.Link(left, right, 0), fusion.Link(left, right, .9), fusion.Link(left, right, 1)
	if !(len(all.Pairs) > len(some.Pairs) && len(some.Pairs) > len(none.Pairs)) {
		t.Errorf("%d pairs at 0, %d at .9, %d at 1", len(all.Pairs), len(some.Pairs), len(none.Pairs))
	}
	for _, p := range some.Pairs {
		if p.P < .9 {
			t.Errorf("a pair of %.3f", p.P)
		}
	}
	used := map[string]bool{}
	for _, p := range all.Pairs {
		for _, k := range []string{fmt.Sprint("L", p.Left), fmt.Sprint("R", p.Right)} {
			if used[k] {
				t.Errorf("%s is in two pairs", k)
			}
			used[k] = true
		}
	}
}

func TestFewAndNoReports(t *testing.T) {
	one := read(t, header+"x,2014-01-03,Ghazni,Ghazni,33.55,68.42,3,5,bombing,police vehicle\n")
	two := read(t, header+"y,2014-01-03,Ghazni,Ghazni,33.55,68.42,3,5,bombing,vehicle of the police\n")
	if res := fusion.Link(one, two, fusion.BestF1); len(res.Pairs) != 1 || res.Pairs[0].P < .8 {
		t.Errorf("one plain event: %+v", res.Pairs)
	}
	for _, c := range [][2][]fusion.Report{{nil, nil}, {one, nil}, {nil, one}, {make([]fusion.Report, 3), make([]fusion.Report, 2)}} {
		if res := fusion.Link(c[0], c[1], fusion.BestF1); res.Pairs == nil {
			t.Error("pairs are nil, not empty")
		}
	}
	empty := make([]fusion.Report, 3)
	for _, p := range fusion.Link(empty, empty, 0).Pairs {
		if p.P > .5 {
			t.Errorf("reports that say nothing are paired at %.2f", p.P)
		}
	}
}

func BenchmarkLink(b *testing.B) {
	left, right, _ := perturbed(realIncidents(b, "1989-01-01", "2022-01-01"), usual, 3)
	b.ReportMetric(float64(len(left)+len(right)), "reports")
	for b.Loop() {
		fusion.Link(left, right, fusion.BestF1)
	}
}
