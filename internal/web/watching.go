package web

import (
	"context"

	"parley.example/parley/internal/node"
)

// watchRoutes are what the standing watch says, and the plans made from it.
func (s *Server) watchRoutes() {
	n := s.node
	handle(s, "GET", "/watch", "watch", readers, func(ctx context.Context, in *struct {
		Horizon int     `query:"horizon" default:"4"`
		By      string  `query:"by" doc:"area, class or group"`
		Signals float64 `query:"signals" doc:"factor by which signals change the rate; left out, it is fitted; 1 switches them off"`
	}) (node.Watch, error) {
		return n.Watch(ctx, in.Horizon, in.By, in.Signals)
	})
	handle(s, "GET", "/watch/onsets", "watch-onsets", readers, func(ctx context.Context, in *struct {
		FalseAlarms float64 `query:"false_alarms" default:"1" doc:"allowed a series and year"`
	}) (node.Onsets, error) {
		return n.Onsets(ctx, in.FalseAlarms)
	})
	handle(s, "POST", "/watch/onsets/judge", "judge-onset", readers, func(ctx context.Context, in *input[node.OnsetAsk]) (node.OnsetJudgement, error) {
		in.Body.By = who(ctx)
		return n.JudgeOnset(ctx, in.Body)
	})
	handle(s, "GET", "/watch/diversification", "watch-diversification", readers, func(ctx context.Context, in *struct {
		Weeks int `query:"weeks" default:"52"`
	}) (node.Diversification, error) {
		return n.Diversification(ctx, in.Weeks)
	})
	handle(s, "GET", "/watch/record", "watch-record", append([]string{node.Auditor}, readers...), func(ctx context.Context, in *struct {
		Horizon int `query:"horizon" default:"4"`
	}) (node.SaidScore, error) {
		return n.WatchRecord(ctx, in.Horizon)
	})
	handle(s, "POST", "/watch/coverage", "plan-coverage", readers, func(ctx context.Context, in *input[node.CoverageAsk]) (node.Coverage, error) {
		return n.PlanCoverage(ctx, in.Body)
	})
	handle(s, "GET", "/watch/coverage", "list-coverage", readers, func(ctx context.Context, _ *none) (out struct {
		Plans []node.Coverage `json:"plans"`
	}, err error) {
		out.Plans, err = n.CoveragePlans(ctx)
		return out, err
	})
	type focuses struct {
		Focus []node.Focus `json:"focus"`
	}
	handle(s, "GET", "/watch/focus", "list-focus", readers, func(ctx context.Context, _ *none) (out focuses, err error) {
		out.Focus, err = n.Focuses(ctx)
		return out, err
	})
	handle(s, "POST", "/watch/focus", "set-focus", readers, func(ctx context.Context, in *input[node.FocusAsk]) (node.Focus, error) {
		return n.SetFocus(ctx, in.Body)
	})
	handle(s, "DELETE", "/watch/focus/{id}", "end-focus", readers, func(ctx context.Context, in *byID) (none, error) {
		return none{}, n.EndFocus(ctx, in.ID)
	})
}
