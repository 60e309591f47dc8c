package sim

import (
	"context"
	"time"

	"parley.example/parley/deconflict"
	"parley.example/parley/internal/node"
)

// plan enters a party's plan, or changes it, at one of a few places, so that plans
// collide now and then.
func (w *world) plan(ctx context.Context, p *process) error {
	spot := pick(w, []deconflict.Spot{{Lat: 34.40, Lon: 70.50, RadiusKM: 1}, {Lat: 34.41, Lon: 70.51, RadiusKM: 1}, {Lat: 34.40, Lon: 70.51, RadiusKM: 1}, {Lat: 31.60, Lon: 65.70, RadiusKM: 1}})
	from := w.time().Add(24 * time.Hour).Truncate(24 * time.Hour)
	ask := node.FootprintAsk{Footprint: deconflict.Footprint{
		Purpose: "protection", LegalBasis: "exercise order", Officer: "simulated", Places: []deconflict.Spot{spot},
		From: from, Until: from.Add(6 * time.Hour), EveryHours: 24, RepeatUntil: from.AddDate(0, 0, 20),
	}}
	all, err := p.Footprints(ctx)
	if err != nil {
		return err
	}
	for _, f := range all {
		if f.State != "withdrawn" {
			ask.ID = f.ID
		}
	}
	if ask.ID != "" && w.chance(0.2) {
		_, err = p.WithdrawFootprint(ctx, ask.ID, "not needed")
		return err
	}
	_, err = p.EnterFootprint(ctx, ask)
	return err
}

// settlePlans has everybody's arbiter settle what stands.
func (w *world) settlePlans() error {
	for _, p := range w.honest() {
		all, err := p.Exchanges(w.ctx)
		if err != nil {
			return err
		}
		for _, x := range all {
			if x.State == "showing" && x.Arbiter != "" {
				_, _ = p.SettleExchange(w.ctx, x.ID) // the check tells
			}
		}
	}
	return nil
}

// checkPlans checks that of each exchange between two honest members both were told of
// an overlap, or neither. Whose database lost its side of one is told by the next.
func (w *world) checkPlans(h, o *process) error {
	mine, err := h.Exchanges(w.ctx)
	if err != nil {
		return err
	}
	theirs, err := o.Exchanges(w.ctx)
	if err != nil {
		return err
	}
	for _, x := range mine {
		if x.Party != o.party {
			continue
		}
		w.result.Plans++
		told := o.gone != (span{})
		for _, y := range theirs {
			if y.ID == x.ID {
				told = len(y.Overlaps) > 0
			}
		}
		if len(x.Overlaps) > 0 {
			w.result.Overlaps++
			if !told {
				w.broken("%s was told that its plans overlap with those of %s, in exchange %s, and %s was not", h.party, o.party, x.ID[:12], o.party)
			}
		}
	}
	return nil
}
