package node

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley.example/parley/internal/store"
	"parley.example/parley/watch"
)

const docCoverage = "coverage" // by id: coverage

// CoverageAsk asks for a plan over the areas of the watch.
type CoverageAsk struct {
	Units   int     `json:"units"`
	Policy  string  `json:"policy,omitempty"`  // proportional where it is left out
	Floor   float64 `json:"floor"`             // share of the units spread evenly
	Horizon int     `json:"horizon,omitempty"` // weeks a period has; 4 where it is left out
	Periods int     `json:"periods,omitempty"` // drawn; 13 where it is left out
}

// Coverage is a plan with its committed draw.
type Coverage struct {
	ID         string         `json:"id"`
	At         string         `json:"at"`
	AsOf       string         `json:"as_of"` // of the data
	Plan       watch.Plan     `json:"plan"`
	Outcome    watch.Outcome  `json:"outcome"`
	TradeOff   []watch.Choice `json:"trade_off"`
	Commitment string         `json:"commitment"` // hex; give it away before the schedule begins
	Schedule   [][]int        `json:"schedule"`   // cells by period
	Ends       string         `json:"ends"`
	Seed       string         `json:"seed,omitempty"` // told once the schedule is over
	// Attribution is what the sources of the data ask to be shown.
	Attribution string `json:"attribution,omitempty"`
}

type coverage struct {
	Coverage
	Secret []byte `json:"secret"`
}

// PlanCoverage makes a plan from the present forecast, commits to its draw and
// keeps both.
func (n *Node) PlanCoverage(ctx context.Context, ask CoverageAsk) (Coverage, error) {
	if ask.Policy == "" {
		ask.Policy = watch.Proportional
	}
	if ask.Horizon == 0 {
		ask.Horizon = 4
	}
	if ask.Periods == 0 {
		ask.Periods = 13
	}
	if ask.Periods < 1 || ask.Periods > 520 || ask.Horizon < 1 || ask.Horizon > maxHorizon {
		return Coverage{}, fmt.Errorf("%w: %d periods of %d weeks; give 1 to 520 of 1 to %d", ErrInvalid, ask.Periods, ask.Horizon, maxHorizon)
	}
	w, err := n.watched(ctx)
	if err != nil {
		return Coverage{}, err
	}
	r, err := watch.NewReport(w.counted, watch.ByArea, w.asOf, ask.Horizon, nil)
	if err != nil {
		return Coverage{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	var cells []string
	var risk []float64
	for _, c := range r.Cards {
		cells, risk = append(cells, c.Area), append(risk, c.Mean)
	}
	plan, err := watch.NewPlan(ask.Policy, ask.Units, ask.Floor, cells, risk)
	if err != nil {
		return Coverage{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var seed watch.Seed
	id := make([]byte, 8)
	if _, err := io.ReadFull(n.opt.Rand, seed[:]); err != nil {
		return Coverage{}, err
	}
	if _, err := io.ReadFull(n.opt.Rand, id); err != nil {
		return Coverage{}, err
	}
	commitment, err := plan.Commitment(seed)
	if err != nil {
		return Coverage{}, err
	}
	c := coverage{Secret: seed[:]}
	c.Attribution = w.attribution
	c.ID, c.At, c.AsOf, c.Plan, c.Outcome = hex.EncodeToString(id), stamp(n.now()), stamp(r.AsOf), *plan, plan.Outcome()
	c.Commitment, c.Schedule = hex.EncodeToString(commitment), plan.Schedule(seed, ask.Periods)
	c.Ends = stamp(n.now().AddDate(0, 0, 7*ask.Horizon*ask.Periods))
	if c.TradeOff, err = watch.TradeOff(ask.Units, cells, risk); err != nil {
		return Coverage{}, err
	}
	return c.Coverage, n.update(ctx, func(tx store.Tx) error { return putDoc(tx, docCoverage, c.ID, c) })
}

// CoveragePlans lists the plans made, newest first; the seed of a schedule that is
// over is told, so that anyone can check the draw.
func (n *Node) CoveragePlans(ctx context.Context) ([]Coverage, error) {
	out := []Coverage{}
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[coverage](tx, docCoverage)
		for _, c := range all {
			if c.Ends <= stamp(n.now()) {
				c.Seed = hex.EncodeToString(c.Secret)
			}
			out = append(out, c.Coverage)
		}
		return err
	})
	slices.SortStableFunc(out, func(a, b Coverage) int { return strings.Compare(b.At, a.At) })
	return out, err
}
