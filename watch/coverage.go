package watch

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Policies of a coverage plan.
const (
	Proportional = "proportional" // cover follows risk
	Origami      = "origami"      // the best answer to an attacker who sees the plan
	Uniform      = "uniform"
)

// Plan says how often each cell is covered: the probability that one of a number
// of units is there in a period. Nothing is left bare, and the draw of who goes
// where is random, so that nothing is predictable.
type Plan struct {
	Policy string    `json:"policy"`
	Units  int       `json:"units"`
	Floor  float64   `json:"floor"` // share of the units that is spread evenly
	Cells  []string  `json:"cells"`
	Risk   []float64 `json:"risk"`  // expected attacks by cell
	Cover  []float64 `json:"cover"` // by cell, 0 to 1; adds up to Units
}

// NewPlan covers cells of given risk. The floor, 0 to 1, is the share of the units
// spread evenly over all cells; the rest follows the policy.
func NewPlan(policy string, units int, floor float64, cells []string, risk []float64) (*Plan, error) {
	n := len(cells)
	switch {
	case n == 0 || n != len(risk):
		return nil, fmt.Errorf("%d cells with %d risks", n, len(risk))
	case units < 1 || units > n:
		return nil, fmt.Errorf("%d units for %d cells: give 1 to %d", units, n, n)
	case !(floor >= 0 && floor <= 1):
		return nil, fmt.Errorf("a floor of %v: give 0 to 1", floor)
	}
	for i, r := range risk {
		if !(r >= 0) || math.IsInf(r, 1) {
			return nil, fmt.Errorf("the risk of %s is %v", cells[i], r)
		}
	}
	p := &Plan{Policy: policy, Units: units, Floor: floor, Cells: cells, Risk: risk}
	base := make([]float64, n)
	for i := range base {
		base[i] = floor * float64(units) / float64(n)
	}
	rest := (1 - floor) * float64(units)
	switch policy {
	case Proportional:
		p.Cover = fill(base, rest, func(scale float64, i int) float64 { return scale * (risk[i] + 1e-9) })
	case Uniform:
		p.Cover = fill(base, rest, func(scale float64, _ int) float64 { return scale })
	case Origami:
		// What is left of each cell's risk is levelled from the top (Kiekintveld
		// et al. 2009, AAMAS, ORIGAMI): cover 1 − level/risk where that is above
		// the floor.
		p.Cover = fill(base, rest, func(scale float64, i int) float64 {
			if risk[i] <= 0 {
				return 0
			}
			return max(0, 1-1/(scale*risk[i])-base[i])
		})
	default:
		return nil, fmt.Errorf("policy %q is none of %s, %s, %s", policy, Proportional, Origami, Uniform)
	}
	return p, nil
}

// fill adds to base, by bisection on a scale, what uses up rest; no cell gets
// more than one in all. What a policy cannot place goes evenly to where there is
// room.
func fill(base []float64, rest float64, more func(scale float64, i int) float64) []float64 {
	at := func(scale float64) (cover []float64, used float64) {
		cover = make([]float64, len(base))
		for i, b := range base {
			cover[i] = min(1, b+more(scale, i))
			used += cover[i] - b
		}
		return cover, used
	}
	low, high := 0.0, 1.0
	for _, used := at(high); used < rest && high < 1e18; _, used = at(high) {
		high *= 2
	}
	for range 200 {
		mid := (low + high) / 2
		if _, used := at(mid); used < rest {
			low = mid
		} else {
			high = mid
		}
	}
	cover, used := at(high)
	for over := used - rest; over > 1e-12; { // the last step of the bisection
		i := slices.Index(cover, slices.Max(cover))
		cut := min(over, cover[i]-base[i])
		if cut <= 0 {
			break
		}
		cover[i] -= cut
		over -= cut
	}
	for left := rest - used; left > 1e-12; {
		room := 0
		for _, c := range cover {
			if c < 1-1e-12 {
				room++
			}
		}
		if room == 0 {
			break
		}
		share := left / float64(room)
		for i := range cover {
			if add := min(share, 1-cover[i]); add > 0 {
				cover[i] += add
				left -= add
			}
		}
	}
	return cover
}

// Outcome is what a plan does, if attacks fall as the risk says.
type Outcome struct {
	Met   float64 `json:"met"`   // share of attacks where a unit is; being there is not preventing
	Bare  float64 `json:"bare"`  // share of attacks where cover is zero
	Worst float64 `json:"worst"` // greatest share of all risk left uncovered in one cell: what an attacker who sees the plan goes for
}

// Outcome judges the plan.
func (p *Plan) Outcome() (o Outcome) {
	total := 0.0
	for _, r := range p.Risk {
		total += r
	}
	if total == 0 {
		return o
	}
	for i, r := range p.Risk {
		o.Met += r * p.Cover[i] / total
		if p.Cover[i] == 0 {
			o.Bare += r / total
		}
		o.Worst = max(o.Worst, r*(1-p.Cover[i])/total)
	}
	return o
}

// Choice is one point of the trade-off that people choose from.
type Choice struct {
	Policy  string  `json:"policy"`
	Floor   float64 `json:"floor"`
	Outcome Outcome `json:"outcome"`
}

// TradeOff lists plans from following risk closely to spreading evenly.
func TradeOff(units int, cells []string, risk []float64) ([]Choice, error) {
	var out []Choice
	for _, policy := range []string{Origami, Proportional} {
		for _, floor := range []float64{0, .1, .2, .3, .5, .75, 1} {
			p, err := NewPlan(policy, units, floor, cells, risk)
			if err != nil {
				return nil, err
			}
			out = append(out, Choice{policy, floor, p.Outcome()})
		}
	}
	return out, nil
}

// Seed decides a schedule's draw. It stays secret until the schedule is over.
type Seed [32]byte

// Commitment is what is published before the draw: the HMAC-SHA256 of the plan
// under the seed (RFC 2104). Whoever gets plan and seed later can check that
// nobody chose the draw.
func (p *Plan) Commitment(seed Seed) ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encoding the plan: %w", err)
	}
	m := hmac.New(sha256.New, seed[:])
	m.Write([]byte("parley coverage plan 1\n"))
	m.Write(b)
	return m.Sum(nil), nil
}

// CheckSchedule reports whether a schedule is what a plan and a seed committed to
// give.
func (p *Plan) CheckSchedule(seed Seed, commitment []byte, schedule [][]int) error {
	want, err := p.Commitment(seed)
	if err != nil {
		return err
	}
	if !hmac.Equal(want, commitment) {
		return errors.New("plan and seed are not those committed to")
	}
	for i, cells := range p.Schedule(seed, len(schedule)) {
		if !slices.Equal(cells, schedule[i]) {
			return fmt.Errorf("period %d was not drawn by the seed", i+1)
		}
	}
	return nil
}

// Schedule draws for each period the cells where the units go, ascending, by comb
// sampling: over many periods each cell has its cover, and each period exactly
// the units there are. The order of cells is drawn anew each time, so that
// neighbours in the list are not tied together.
func (p *Plan) Schedule(seed Seed, periods int) [][]int {
	random := rand.New(rand.NewChaCha8(seed))
	order := make([]int, len(p.Cells))
	for i := range order {
		order[i] = i
	}
	out := make([][]int, periods)
	for t := range out {
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		tooth, passed := random.Float64(), 0.0
		for _, cell := range order {
			passed += p.Cover[cell]
			if tooth < passed && len(out[t]) < p.Units {
				out[t] = append(out[t], cell)
				tooth++
			}
		}
		slices.Sort(out[t])
	}
	return out
}
