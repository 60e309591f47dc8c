package fusion_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley.example/parley/fusion"
	"parley.example/parley/incident"
)

// realIncidents reads the real events between two days, or skips the test.
func realIncidents(t testing.TB, from, until string) []incident.Incident {
	t.Helper()
	dir := os.Getenv("PARLEY_DATA")
	if dir == "" {
		dir = "../../shared/data"
	}
	f, err := os.Open(filepath.Join(dir, "ged_pak_1989_2021.csv"))
	if err != nil {
		t.Skipf("the real events are not there (set PARLEY_DATA): %v", err)
	}
	defer f.Close()
	var out []incident.Incident
	err = incident.ReadUCDP(f, func(_ int, in incident.Incident, err error) error {
		if d := in.Start.Format(time.DateOnly); err == nil && d >= from && d < until {
			out = append(out, in)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// noise is how two parties' reports of one event differ.
type noise struct {
	drop     float64 // of each list's events are not in the other
	date     float64 // are dated one to three days off
	vague    float64 // are dated by month
	respell  float64 // have their place spelt otherwise
	district float64 // name the district in place of the place
	move     float64 // are filed at another event's place
	toll     float64 // have other casualties
	blank    float64 // of each of place, coordinates, casualties, kind are not given
	text     bool
}

var (
	usual = noise{drop: .2, date: .08, vague: .01, respell: .15, district: .03, move: .02, toll: .2, blank: .05, text: true}
	hard  = noise{drop: .3, date: .12, vague: .02, respell: .35, district: .06, move: .04, toll: .35, blank: .15}
)

var kindWords = [][2][]string{
	{{"Bombing/Explosion", "Explosives"}, {"bombing", "IED", "roadside bomb"}},
	{{"Bombing/Explosion; Suicide", "Suicide bombing"}, {"suicide-attack", "suicide bomber", "vehicle bomb"}},
	{{"Armed Assault", "Firearms"}, {"shooting", "gun attack", "armed clash"}},
	{{"Assassination"}, {"targeted killing", "shooting"}},
	{{"Shelling/artillery"}, {"mortar fire", "rocket attack"}},
}

// perturbed makes two lists of reports from real events and says which are of
// one event: each list drops events and files the rest in its own way. Places
// are respelt by exchanging letters as transliterations do, dates late by a
// day or two, figures rounded or changed, some events filed at another event's
// place. Real events have neither wounded nor weapons; those are made up.
func perturbed(events []incident.Incident, n noise, seed uint64) (left, right []fusion.Report, same map[[2]string]bool) {
	rnd := rand.New(rand.NewPCG(seed, 6))
	chance := func(p float64) bool { return rnd.Float64() < p }
	same = map[[2]string]bool{}
	for i := range events {
		in := &events[i]
		if in.End.Sub(in.Start) > 48*time.Hour {
			continue
		}
		base := fusion.FromIncident(in)
		base.To = base.From
		base.Wounded = fusion.Amount{}
		killed := base.Killed.Best
		hurt := int(rnd.ExpFloat64() * 1.5 * float64(killed))
		kind := rnd.IntN(len(kindWords))
		file := func(side int) fusion.Report {
			r := base
			r.ID = fmt.Sprintf("%c%d", "LR"[side], i)
			words := kindWords[kind][side]
			r.Kind, r.Text = words[rnd.IntN(len(words))], ""
			if n.text {
				r.Text = strings.SplitN(in.Title, ";", 2)[0]
				if side == 1 {
					r.Text = in.Text
				}
			}
			r.Lat += rnd.NormFloat64() * 0.02
			r.Lon += rnd.NormFloat64() * 0.02
			off := func(x int) fusion.Amount {
				if chance(n.toll) {
					x = max(0, x+int(math.Round(rnd.NormFloat64()*(1+0.3*float64(x)))))
				}
				return fusion.Amount{Low: x, Best: x, High: x, Known: !chance(n.blank)}
			}
			r.Killed, r.Wounded = off(killed), off(hurt)
			if side == 1 {
				return r
			}
			if chance(n.date) {
				d := []int{1, 1, 1, -1, -1, 2, -2, 3}[rnd.IntN(8)]
				r.From = r.From.AddDate(0, 0, d)
				r.To = r.From
			}
			if chance(n.vague) {
				r.From = time.Date(r.From.Year(), r.From.Month(), 1, 0, 0, 0, 0, time.UTC)
				r.To = r.From.AddDate(0, 1, -1)
			}
			if chance(n.respell) {
				r.Place = respell(r.Place, rnd)
			}
			if chance(n.district) && in.Admin2 != "" {
				r.Place = in.Admin2
			}
			if chance(n.move) {
				o := &events[rnd.IntN(len(events))]
				r.Place, r.Admin1, r.Lat, r.Lon = o.Place, o.Admin1, o.Lat, o.Lon
			}
			if chance(n.blank) {
				r.Place = ""
			}
			if chance(3 * n.blank) {
				r.Placed = false
			}
			if chance(n.blank) {
				r.Kind = ""
			}
			return r
		}
		l, r := file(0), file(1)
		inLeft, inRight := !chance(n.drop), !chance(n.drop)
		if inLeft {
			left = append(left, l)
		}
		if inRight {
			right = append(right, r)
		}
		if inLeft && inRight {
			same[[2]string{l.ID, r.ID}] = true
		}
	}
	rnd.Shuffle(len(right), func(i, j int) { right[i], right[j] = right[j], right[i] })
	return left, right, same
}

func respell(s string, rnd *rand.Rand) string {
	for _, suffix := range []string{" town", " village", " city", " district", " area"} {
		s = strings.TrimSuffix(s, suffix)
	}
	swaps := [][2]string{
		{"ee", "i"}, {"oo", "u"}, {"q", "k"}, {"k", "q"}, {"ai", "ay"}, {"ou", "u"}, {"w", "v"}, {"v", "w"}, {"kh", "k"}, {"gh", "g"},
		{"e", "i"}, {"i", "e"}, {"u", "o"}, {"o", "u"}, {"a", "aa"}, {"z", "zh"}, {"ll", "l"}, {"l", "ll"}, {"sh", "s"}, {"y", "i"}, {" ", ""}, {"-", " "},
	}
	low := strings.ToLower(s)
	done := 0
	for range 12 {
		w := swaps[rnd.IntN(len(swaps))]
		if i := strings.Index(low, w[0]); i >= 0 && done < 2 {
			low = low[:i] + w[1] + low[i+len(w[0]):]
			done++
		}
	}
	return low
}

func f1(found int, pairs int, truth int) float64 { return 2 * float64(found) / float64(pairs+truth) }

// score returns precision, recall and F1.
func score(left, right []fusion.Report, pairs []fusion.Pair, same map[[2]string]bool) (p, r, f float64) {
	found := 0
	for _, x := range pairs {
		if same[[2]string{left[x.Left].ID, right[x.Right].ID}] {
			found++
		}
	}
	return float64(found) / float64(max(1, len(pairs))), float64(found) / float64(len(same)), f1(found, len(pairs), len(same))
}

// naive pairs what has exactly the same date and place, in order.
func naive(left, right []fusion.Report) (out []fusion.Pair) {
	used := map[int]bool{}
	for i, l := range left {
		for j, r := range right {
			if !used[j] && l.Place != "" && l.From.Equal(r.From) && strings.EqualFold(l.Place, r.Place) {
				used[j] = true
				out = append(out, fusion.Pair{Left: i, Right: j})
				break
			}
		}
	}
	return out
}

func TestPerturbedLists(t *testing.T) {
	events := realIncidents(t, "2011-07-01", "2012-07-01")
	for _, c := range []struct {
		name  string
		noise noise
		few   int // events; 0 for all
		least float64
	}{
		{"usual", usual, 0, .95},
		{"usual, short lists", usual, 120, .95},
		{"hard", hard, 0, .85},
		{"hard, short lists", hard, 120, .85},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev := events
			if c.few > 0 {
				ev = ev[:c.few]
			}
			left, right, same := perturbed(ev, c.noise, 1)
			start := time.Now()
			res := fusion.Link(left, right, fusion.BestF1)
			took := time.Since(start)
			p, r, f := score(left, right, res.Pairs, same)
			_, _, base := score(left, right, naive(left, right), same)
			t.Logf("%d and %d reports, %d of one event: precision %.3f recall %.3f F1 %.3f (exact date and place: %.3f); expected precision %.3f, events in both %.0f; %d pairs weighed in %v",
				len(left), len(right), len(same), p, r, f, base, res.Precision, res.Expected, res.Compared, took.Round(time.Millisecond))
			if f < c.least {
				t.Errorf("F1 %.3f, want at least %.2f", f, c.least)
			}
			// What it says of its own pairs is near what they are.
			if math.Abs(res.Precision-p) > .05 {
				t.Errorf("expects %.3f of its pairs to be right, %.3f are", res.Precision, p)
			}
			all := fusion.Link(left, right, 0).Pairs
			for b := 0.0; b < 1; b += .2 {
				n, ok, sum := 0, 0, 0.0
				for _, x := range all {
					if x.P >= b && x.P < b+.2 || b+.2 > .99 && x.P == 1 {
						n++
						sum += x.P
						if same[[2]string{left[x.Left].ID, right[x.Right].ID}] {
							ok++
						}
					}
				}
				t.Logf("p %.1f–%.1f: %d pairs, %.2f expected right, %.2f are", b, b+.2, n, sum/float64(max(n, 1)), float64(ok)/float64(max(n, 1)))
			}
		})
	}
}
