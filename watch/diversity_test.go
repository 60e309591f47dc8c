package watch_test

import (
	"crypto/sha256"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parley.example/parley/incident"
	"parley.example/parley/watch"
)

// With ten attacks on kinds of which 7.1 are effective, the plain entropy says 4.5
// on average and the corrected one about 6 (the shared BAR.md).
func TestDiversityOfSmallSamples(t *testing.T) {
	// Twelve kinds, geometric: exp(entropy) is close to 7.1.
	var p []float64
	total := 0.0
	for k := range 12 {
		p = append(p, math.Pow(.785, float64(k)))
		total += p[k]
	}
	h := 0.0
	for k := range p {
		p[k] /= total
		h -= p[k] * math.Log(p[k])
	}
	random := rand.New(rand.NewPCG(3, 4))
	mean, plain, inside := 0.0, 0.0, 0
	const draws = 200
	for range draws {
		counts := make([]int, len(p))
		for range 10 {
			u, k := random.Float64(), 0
			for u > p[k] && k < len(p)-1 {
				u -= p[k]
				k++
			}
			counts[k]++
		}
		d, err := watch.NewDiversity(counts)
		if err != nil {
			t.Fatal(err)
		}
		mean += d.Shannon.Value / draws
		e := 0.0
		for _, c := range counts {
			if c > 0 {
				e -= float64(c) / 10 * math.Log(float64(c)/10)
			}
		}
		plain += math.Exp(e) / draws
		if d.Shannon.Low <= math.Exp(h) && math.Exp(h) <= d.Shannon.High {
			inside++
		}
	}
	t.Logf("true %.2f, plain %.2f, Chao–Shen %.2f, true value inside the interval %d of %d", math.Exp(h), plain, mean, inside, draws)
	if math.Abs(mean-math.Exp(h)) >= math.Abs(plain-math.Exp(h))/2 {
		t.Errorf("the correction takes away less than half of the bias")
	}
	if inside < draws*85/100 {
		t.Errorf("the interval holds the true value in %d of %d", inside, draws)
	}
	if _, err := watch.NewDiversity([]int{4, 5}); !errors.Is(err, watch.ErrFewEvents) {
		t.Errorf("nine attacks: %v, want a refusal", err)
	}
	if d, err := watch.NewDiversity([]int{20, 20, 20, 20}); err != nil || math.Abs(d.Shannon.Value-4) > .1 || math.Abs(d.Dominant.Value-4) > .3 || d.Shannon.High < 4 || d.Shannon.Low > 4 {
		t.Errorf("four equal kinds: %+v, %v", d, err)
	}
}

func TestDrift(t *testing.T) {
	d, err := watch.NewDrift([]int{40, 10, 0}, []int{5, 10, 20})
	if err != nil || !d.Changed || d.Distance < .2 {
		t.Errorf("another mix: %+v, %v", d, err)
	}
	d, err = watch.NewDrift([]int{40, 10, 3}, []int{20, 6, 1})
	if err != nil || d.Changed {
		t.Errorf("the same mix: %+v, %v", d, err)
	}
	if _, err := watch.NewDrift([]int{40}, []int{9}); !errors.Is(err, watch.ErrFewEvents) {
		t.Errorf("nine attacks: %v", err)
	}
}

func TestTurn(t *testing.T) {
	var turns, runs, random []int
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 60 {
		turns, runs, random = append(turns, i%3), append(runs, i/20), append(random, r.IntN(3))
	}
	for name, x := range map[string]struct {
		kinds []int
		text  string
	}{"turns": {turns, "in turn"}, "runs": {runs, "in runs"}, "chance": {random, "no order"}} {
		got, err := watch.NewTurn(x.kinds)
		if err != nil || !strings.HasPrefix(got.Text, x.text) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Mean −ln p of the cell of each attack, class by province, 2011 to 2021: to
// always expect the last cell gives 3.72, all history 1.88, the bar is 1.73.
func TestNextCellMeetsBar(t *testing.T) {
	all := ucdp(t)
	for _, x := range []struct {
		name string
		area func(*incident.Incident) string
		most float64
	}{
		{"province", watch.ByArea, 1.75},
		{"district", func(in *incident.Incident) string { return in.Admin2 }, 3.67},
	} {
		t.Run(x.name, func(t *testing.T) { nextCells(t, all, x.area, x.most) })
	}
}

// nextCells scores the forecast of the next class and area on 2011 to 2021.
func nextCells(t *testing.T, all []incident.Incident, area func(*incident.Incident) string, most float64) {
	cells := func(in *incident.Incident) string {
		if area(in) == "" {
			return ""
		}
		return watch.ByClass(in) + "|" + area(in)
	}
	p, _, err := watch.Count(all, cells, day("2022-01-03"))
	if err != nil {
		t.Fatal(err)
	}
	var classes, areas []string
	for _, u := range p.Units {
		c, a, _ := strings.Cut(u, "|")
		if !slices.Contains(classes, c) {
			classes = append(classes, c)
		}
		if !slices.Contains(areas, a) {
			areas = append(areas, a)
		}
	}
	f := watch.NewNextCell(len(classes), len(areas))
	n, score := 0, 0.0
	for w, start := range p.Starts {
		if start.Before(day("2002-01-07")) {
			continue
		}
		counts := make([]int, len(classes)*len(areas))
		for u, unit := range p.Units {
			c, a, _ := strings.Cut(unit, "|")
			row, column := slices.Index(classes, c), slices.Index(areas, a)
			y := p.Counts[u][w]
			counts[row*len(areas)+column] += y
			if !start.Before(day("2011-01-03")) && y > 0 {
				n += y
				score -= float64(y) * math.Log(f.Prob(row, column))
			}
		}
		f.Add(counts)
	}
	score /= float64(n)
	sum := 0.0
	for r := range classes {
		for c := range areas {
			sum += f.Prob(r, c)
		}
	}
	t.Logf("%d classes, %d areas, %d attacks: %.3f; probabilities add up to %.6f", len(classes), len(areas), n, score, sum)
	if score > most || math.Abs(sum-1) > 1e-9 {
		t.Errorf("score %.3f, sum %v", score, sum)
	}
}

func TestAttention(t *testing.T) {
	last, forecast := []float64{9, 1, 0, 0}, []float64{3, 3, 2, 2}
	fixed := watch.NewAttention([]float64{1, 0, 0, 0}, last, forecast)
	follows := watch.NewAttention(forecast, last, forecast)
	none := watch.NewAttention(nil2(4), last, forecast)
	if math.Abs(fixed.Fixation-.6) > 1e-9 || math.Abs(fixed.Gap-.7) > 1e-9 || fixed.Widest[0] != 1 {
		t.Errorf("eyes on the last place: %+v", fixed)
	}
	if follows.Fixation != 0 || follows.Gap != 0 || len(follows.Widest) != 0 {
		t.Errorf("eyes where the risk is: %+v", follows)
	}
	if none.Fixation != 0 || math.Abs(none.Gap-1) > 1e-9 {
		t.Errorf("no eyes: %+v", none)
	}
}

func nil2(n int) []float64 { return make([]float64, n) }

func TestPlans(t *testing.T) {
	cells := []string{"a", "b", "c", "d", "e"}
	risk := []float64{10, 5, 1, 0, .5}
	for _, policy := range []string{watch.Proportional, watch.Origami, watch.Uniform} {
		for _, floor := range []float64{0, .2, 1} {
			for _, units := range []int{1, 2, 5} {
				p, err := watch.NewPlan(policy, units, floor, cells, risk)
				if err != nil {
					t.Fatal(err)
				}
				total := 0.0
				for i, c := range p.Cover {
					total += c
					if least := floor * float64(units) / 5; c < least-1e-9 || c > 1+1e-9 {
						t.Errorf("%s %v: cell %d has %v, floor %v", policy, floor, i, c, least)
					}
				}
				if math.Abs(total-float64(units)) > 1e-6 {
					t.Errorf("%s floor %v, %d units: cover adds up to %v", policy, floor, units, total)
				}
			}
		}
	}
	// ORIGAMI levels what is left of the risk: no plan has a lower worst cell.
	o, _ := watch.NewPlan(watch.Origami, 2, 0, cells, risk)
	best := o.Outcome().Worst
	r := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		other := *o
		other.Cover = slices.Clone(o.Cover)
		i, j := r.IntN(5), r.IntN(5)
		move := min(r.Float64()*.2, 1-other.Cover[i], other.Cover[j])
		other.Cover[i] += move
		other.Cover[j] -= move
		if other.Outcome().Worst < best-1e-9 {
			t.Fatalf("moving %v from %d to %d lowers the worst cell to %v from %v", move, j, i, other.Outcome().Worst, best)
		}
	}
	for name, bad := range map[string]func() (*watch.Plan, error){
		"no cells":        func() (*watch.Plan, error) { return watch.NewPlan(watch.Uniform, 1, 0, nil, nil) },
		"too many units":  func() (*watch.Plan, error) { return watch.NewPlan(watch.Uniform, 6, 0, cells, risk) },
		"a negative risk": func() (*watch.Plan, error) { return watch.NewPlan(watch.Uniform, 1, 0, cells[:1], []float64{-1}) },
		"no number":       func() (*watch.Plan, error) { return watch.NewPlan(watch.Uniform, 1, math.NaN(), cells, risk) },
		"policy":          func() (*watch.Plan, error) { return watch.NewPlan("hotspots", 1, 0, cells, risk) },
	} {
		if _, err := bad(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestScheduleKeepsThePlan(t *testing.T) {
	cells := []string{"a", "b", "c", "d", "e", "f"}
	p, err := watch.NewPlan(watch.Proportional, 3, .2, cells, []float64{10, 5, 3, 1, 0, 2})
	if err != nil {
		t.Fatal(err)
	}
	seed := watch.Seed(sha256.Sum256([]byte("exercise")))
	commitment, err := p.Commitment(seed)
	if err != nil {
		t.Fatal(err)
	}
	const periods = 20_000
	schedule := p.Schedule(seed, periods)
	seen := make([]float64, len(cells))
	for i, s := range schedule {
		if len(s) != 3 || !slices.IsSorted(s) {
			t.Fatalf("period %d: %v, want three cells", i, s)
		}
		for _, c := range s {
			seen[c]++
		}
	}
	for c := range cells {
		if math.Abs(seen[c]/periods-p.Cover[c]) > .015 {
			t.Errorf("cell %s is drawn %.3f, planned %.3f", cells[c], seen[c]/periods, p.Cover[c])
		}
	}
	short := schedule[:50]
	if err := p.CheckSchedule(seed, commitment, short); err != nil {
		t.Errorf("the schedule drawn: %v", err)
	}
	changed := slices.Clone(short)
	changed[7] = []int{0, 1, 2}
	if slices.Equal(short[7], changed[7]) {
		changed[7] = []int{0, 1, 3}
	}
	if p.CheckSchedule(seed, commitment, changed) == nil {
		t.Error("a changed schedule passes")
	}
	other := *p
	other.Cover = slices.Clone(p.Cover)
	other.Cover[0] -= .1
	if other.CheckSchedule(seed, commitment, short) == nil {
		t.Error("another plan passes")
	}
}

// A replay over 97 districts and 132 months with ten units, risk by the watch's
// forecast: met is where a unit was (the shared BAR.md: proportional .660,
// ORIGAMI .671, an even spread .103).
func TestCoverageReplay(t *testing.T) {
	p := panel(t, "pak_district_month.csv")
	risks := watch.Risks(p, 1, day("2011-01-01"))
	met, bare, attacks := map[string]float64{}, map[string]float64{}, 0.0
	for i, risk := range risks {
		month := len(p.Starts) - len(risks) + i
		for _, policy := range []string{watch.Proportional, watch.Origami, watch.Uniform} {
			plan, err := watch.NewPlan(policy, 10, 0, p.Units, risk)
			if err != nil {
				t.Fatal(err)
			}
			for u := range p.Units {
				y := float64(p.Counts[u][month])
				met[policy] += y * plan.Cover[u]
				if plan.Cover[u] == 0 {
					bare[policy] += y
				}
				if policy == watch.Uniform {
					attacks += y
				}
			}
		}
	}
	for policy := range met {
		met[policy] /= attacks
		bare[policy] /= attacks
	}
	t.Logf("%d months, %.0f attacks: met %.3v, bare %.3v", len(risks), attacks, met, bare)
	if met[watch.Proportional] < .64 || met[watch.Origami] < .65 || math.Abs(met[watch.Uniform]-.103) > .001 || bare[watch.Proportional] > 0 {
		t.Errorf("met %v, bare %v", met, bare)
	}
}
