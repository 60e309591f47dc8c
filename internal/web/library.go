package web

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley.example/parley/internal/node"
)

type searchInput struct {
	Text    string   `query:"q" maxLength:"1000"`
	Types   []string `query:"type"`
	Marking string   `query:"marking"`
	Party   string   `query:"party" doc:"who released it to us; own for our own objects"`
	Accord  string   `query:"accord"`
	Area    string   `query:"area"`
	From    string   `query:"from" doc:"first day, YYYY-MM-DD"`
	To      string   `query:"to" doc:"last day, YYYY-MM-DD"`
	Before  int64    `query:"before" minimum:"0"`
	Limit   int      `query:"limit" minimum:"0" maximum:"1000"`
}

// libraryRoutes find objects.
func (s *Server) libraryRoutes() {
	n := s.node
	handle(s, "GET", "/search", "search", readers, s.search)
	handle(s, "GET", "/imports", "list-imports", []string{node.Analyst, node.Officer, node.Operator}, func(ctx context.Context, _ *none) (out struct {
		Imports []node.ImportRun `json:"imports"`
	}, err error) {
		out.Imports, err = n.Imports(ctx)
		return out, err
	})
	handle(s, "GET", "/objects/{id}/versions", "list-versions", readers, func(ctx context.Context, in *byID) (out struct {
		Versions []node.FoundObject `json:"versions"`
	}, err error) {
		out.Versions, err = n.Versions(ctx, in.ID)
		return out, err
	})
	handle(s, "GET", "/objects/{id}/relationships", "list-relationships", readers, func(ctx context.Context, in *byID) (out struct {
		Relationships []node.FoundObject `json:"relationships"`
	}, err error) {
		out.Relationships, err = n.Relationships(ctx, in.ID)
		return out, err
	})
}

func (s *Server) search(ctx context.Context, in *searchInput) (node.Found, error) {
	ask := node.SearchAsk{
		Text: in.Text, Types: in.Types, Marking: in.Marking, Party: in.Party, Accord: in.Accord, Area: in.Area, Before: in.Before, Limit: in.Limit,
	}
	for _, d := range []struct {
		text string
		to   *time.Time
		add  int
	}{{in.From, &ask.From, 0}, {in.To, &ask.To, 1}} {
		if d.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, d.text)
		if err != nil {
			return node.Found{}, huma.Error422UnprocessableEntity("give days as YYYY-MM-DD, not " + d.text)
		}
		*d.to = t.AddDate(0, 0, d.add)
	}
	return s.node.Search(ctx, ask)
}
