package web

import (
	"context"
	"io"
	"net/http"
	"strings"

	"parley.example/parley/internal/node"
)

// matchingRoutes are private matching: the asker's side, the holder's, and what
// oversight may open.
func (s *Server) matchingRoutes() {
	n := s.node
	oversight := append([]string{node.Auditor}, officers...)
	handle(s, "POST", "/match/publish", "publish-match", officers, func(ctx context.Context, in *input[struct {
		Accord   string `json:"accord"`
		Selector string `json:"selector"`
		Refresh  bool   `json:"refresh,omitempty" doc:"stay within the epoch and send what changed"`
	}]) (node.Publication, error) {
		return n.PublishMatch(ctx, in.Body.Accord, in.Body.Selector, in.Body.Refresh)
	})
	handle(s, "GET", "/match/published", "list-published", officers, func(ctx context.Context, _ *none) (out struct {
		Published []node.PublishState `json:"published"`
	}, err error) {
		out.Published, err = n.Published(ctx)
		return out, err
	})
	handle(s, "POST", "/match/ask", "ask-match", officers, func(ctx context.Context, in *input[node.MatchAsk]) (node.Question, error) {
		in.Body.By = who(ctx)
		return n.AskMatch(ctx, in.Body)
	})
	handle(s, "POST", "/match/preview", "preview-match", officers, func(_ context.Context, in *input[struct {
		Selector string   `json:"selector"`
		Values   []string `json:"values" maxItems:"10000"`
	}]) (out struct {
		Lines []node.AskedLine `json:"lines"`
	}, err error) {
		out.Lines, err = node.PreviewMatch(in.Body.Selector, in.Body.Values)
		return out, err
	})
	handle(s, "GET", "/match/questions", "list-questions", officers, func(ctx context.Context, _ *none) (out struct {
		Questions []node.Question `json:"questions"`
	}, err error) {
		out.Questions, err = n.Questions(ctx)
		return out, err
	})
	handle(s, "GET", "/match/questions/{id}", "show-question", officers, func(ctx context.Context, in *byID) (node.Question, error) {
		return n.ShowQuestion(ctx, in.ID, "")
	})
	handle(s, "GET", "/match/questions/{id}/opening", "open-question", oversight, func(ctx context.Context, in *byID) (node.Opening, error) {
		return n.OpenQuestion(ctx, in.ID)
	})
	handle(s, "GET", "/match/history", "match-history", oversight, func(ctx context.Context, in *struct {
		Accord string `query:"accord" doc:"may be left out: all accords"`
	}) (node.MatchHistory, error) {
		return n.MatchHistory(ctx, in.Accord)
	})
	handle(s, "GET", "/match/notices", "list-notices", oversight, func(ctx context.Context, _ *none) (out struct {
		Notices []node.Notice `json:"notices"`
	}, err error) {
		out.Notices, err = n.Notices(ctx)
		return out, err
	})
	handle(s, "POST", "/match/notices/{id}/seen", "see-notice", oversight, func(ctx context.Context, in *byID) (node.Notice, error) {
		return n.SeeNotice(ctx, in.ID)
	})
	handle(s, "POST", "/match/standing", "stand-match", officers, func(ctx context.Context, in *input[node.MatchAsk]) (node.Standing, error) {
		in.Body.By = who(ctx)
		return n.StandMatch(ctx, in.Body)
	})
	handle(s, "GET", "/match/standing", "list-standing", officers, func(ctx context.Context, _ *none) (out struct {
		Standing []node.Standing `json:"standing"`
	}, err error) {
		out.Standing, err = n.Standings(ctx)
		return out, err
	})
	handle(s, "DELETE", "/match/standing/{id}", "stop-standing", officers, func(ctx context.Context, in *byID) (node.Standing, error) {
		return n.StopStanding(ctx, in.ID)
	})
	handle(s, "GET", "/match/lists", "list-match-lists", officers, func(ctx context.Context, _ *none) (out struct {
		Lists []node.MatchList `json:"lists"`
	}, err error) {
		out.Lists, err = n.MatchLists(ctx)
		return out, err
	})
	handle(s, "DELETE", "/match/lists/{id}", "drop-match-list", officers, func(ctx context.Context, in *byID) (none, error) {
		return none{}, n.DropMatchList(ctx, in.ID)
	})
	// The list is a file, so it does not pass through the API library.
	s.mux.HandleFunc("POST /api/v1/match/lists/{id}", s.upload(officers, func(ctx context.Context, r *http.Request, body io.Reader) (any, error) {
		q := r.URL.Query()
		l := node.MatchList{Name: r.PathValue("id"), Selector: q.Get("selector"), By: who(ctx).Name}
		for _, a := range strings.Split(q.Get("accords"), ",") {
			if a != "" {
				l.Accords = append(l.Accords, a)
			}
		}
		return n.LoadMatchList(ctx, l, body)
	}))
}
