package web

import (
	"context"

	"parley.example/parley/internal/node"
)

// fusedView is what is linked.
type fusedView struct {
	Events []node.FusedEvent `json:"events"`
	Split  []node.ReportLink `json:"split"` // reports that people said are of two events
}

// fusionRoutes link reports of one event.
func (s *Server) fusionRoutes() {
	n := s.node
	handle(s, "GET", "/fusion", "list-fused", readers, func(ctx context.Context, in *struct {
		Limit int `query:"limit" default:"1000" minimum:"1" maximum:"100000"`
	}) (v fusedView, err error) {
		v.Events, v.Split, err = n.FusedEvents(ctx, in.Limit)
		return v, err
	})
	handle(s, "POST", "/fusion/run", "fuse", readers, func(ctx context.Context, _ *none) (node.FuseRun, error) { return n.Fuse(ctx) })
	handle(s, "POST", "/fusion/judge", "judge-link", readers, func(ctx context.Context, in *input[node.LinkAsk]) (node.ReportLink, error) {
		in.Body.By = who(ctx)
		return n.JudgeLink(ctx, in.Body)
	})
}
