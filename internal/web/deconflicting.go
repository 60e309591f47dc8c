package web

import (
	"context"

	"parley.example/parley/deconflict"
	"parley.example/parley/internal/node"
)

// deconflictingRoutes are blind deconfliction: what our people plan, what overlaps,
// what was done about it, and what oversight may see, which is all of it.
func (s *Server) deconflictingRoutes() {
	n := s.node
	desk := append([]string{node.Operator}, officers...)
	see := append([]string{node.Auditor}, readers...)
	handle(s, "POST", "/deconflict/footprints", "enter-footprint", desk, func(ctx context.Context, in *input[node.FootprintAsk]) (node.Footprint, error) {
		in.Body.By = who(ctx)
		return n.EnterFootprint(ctx, in.Body)
	})
	handle(s, "GET", "/deconflict/footprints", "list-footprints", see, func(ctx context.Context, _ *none) (out struct {
		Footprints []node.Footprint `json:"footprints"`
	}, err error) {
		out.Footprints, err = n.Footprints(ctx)
		return out, err
	})
	handle(s, "GET", "/deconflict/footprints/{id}", "show-footprint", see, func(ctx context.Context, in *byID) (node.Footprint, error) {
		return n.ShowFootprint(ctx, in.ID)
	})
	handle(s, "POST", "/deconflict/footprints/{id}/withdraw", "withdraw-footprint", desk, func(ctx context.Context, in *byIDWith[reasonBody]) (node.Footprint, error) {
		return n.WithdrawFootprint(ctx, in.ID, in.Body.Reason)
	})
	handle(s, "GET", "/deconflict/exchanges", "list-exchanges", see, func(ctx context.Context, _ *none) (out struct {
		Exchanges []node.Exchange `json:"exchanges"`
	}, err error) {
		out.Exchanges, err = n.Exchanges(ctx)
		return out, err
	})
	handle(s, "GET", "/deconflict/exchanges/{id}", "show-exchange", see, func(ctx context.Context, in *byID) (node.Exchange, error) {
		return n.ShowExchange(ctx, in.ID)
	})
	handle(s, "POST", "/deconflict/exchanges", "open-exchange", desk, func(ctx context.Context, in *input[struct {
		Accord string `json:"accord"`
		To     string `json:"to,omitempty" doc:"may be left out where there is one other member"`
	}]) (node.Exchange, error) {
		return n.OpenExchange(ctx, in.Body.Accord, in.Body.To)
	})
	handle(s, "POST", "/deconflict/exchanges/{id}/acknowledge", "acknowledge-overlap", desk, func(ctx context.Context, in *byID) (node.Exchange, error) {
		return n.AcknowledgeOverlap(ctx, in.ID, who(ctx))
	})
	handle(s, "POST", "/deconflict/exchanges/{id}/resolve", "resolve-overlap", desk, func(ctx context.Context, in *byIDWith[struct {
		How  string `json:"how" doc:"moved-in-time, moved-in-place, cancelled, joint, agreed-as-planned or handed-over; the partner is told"`
		Note string `json:"note,omitempty" maxLength:"2000" doc:"for our own people alone"`
	}]) (node.Exchange, error) {
		return n.ResolveOverlap(ctx, in.ID, in.Body.How, in.Body.Note, who(ctx))
	})
	handle(s, "POST", "/deconflict/exchanges/{id}/settle", "settle-exchange", desk, func(ctx context.Context, in *byID) (node.Exchange, error) {
		return n.SettleExchange(ctx, in.ID)
	})
	handle(s, "GET", "/deconflict/exchanges/{id}/opening", "open-footprints", append([]string{node.Auditor}, officers...), func(ctx context.Context, in *byID) (deconflict.PlansOpening, error) {
		return n.OpenFootprints(ctx, in.ID)
	})
	handle(s, "GET", "/deconflict/exchanges/{id}/evidence", "export-owed-mask", append([]string{node.Auditor}, desk...), func(ctx context.Context, in *byID) (node.OweEvidence, error) {
		return n.ExchangeEvidence(ctx, in.ID)
	})
	handle(s, "POST", "/deconflict/desk", "set-desk", desk, func(ctx context.Context, in *input[node.Desk]) (node.Desk, error) {
		return n.SetDesk(ctx, in.Body)
	})
}
