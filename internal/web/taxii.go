package web

import (
	"context"
	"net/http"

	"parley.example/parley/internal/node"
	"parley.example/parley/taxii"
)

// taxiiRoutes mounts the TAXII server, which knows its own users, and lets the
// operator make tokens for it.
func (s *Server) taxiiRoutes() {
	n, backend := s.node, s.node.TAXII()
	handler, err := taxii.NewServer(backend, backend, taxii.Options{Key: backend.Key(), Log: s.log})
	if err != nil { // the key is of fixed length
		s.log.Error("the TAXII server does not start", "error", err)
		s.taxii = http.NotFoundHandler()
		return
	}
	s.taxii = handler
	type tokenView struct {
		Token string       `json:"token"`
		User  node.APIUser `json:"user"`
	}
	handle(s, "POST", "/tokens", "make-token", operator, func(ctx context.Context, in *input[node.TokenAsk]) (tokenView, error) {
		token, u, err := n.MakeToken(ctx, in.Body)
		backend.Forget()
		return tokenView{token, u}, err
	})
	handle(s, "GET", "/tokens", "list-tokens", operator, func(ctx context.Context, _ *none) (out struct {
		Users []node.APIUser `json:"users"`
	}, err error) {
		out.Users, err = n.APIUsers(ctx)
		return out, err
	})
	handle(s, "DELETE", "/tokens/{id}", "remove-token", operator, func(ctx context.Context, in *byID) (none, error) {
		err := n.RemoveAPIUser(ctx, in.ID)
		backend.Forget()
		return none{}, err
	})
	s.feedRoutes()
	s.libraryRoutes()
}

// feedRoutes are for the feeds that the node polls.
func (s *Server) feedRoutes() {
	n := s.node
	handle(s, "GET", "/feeds", "list-feeds", readers, func(ctx context.Context, _ *none) (out struct {
		Feeds []node.Feed `json:"feeds"`
	}, err error) {
		out.Feeds, err = n.Feeds(ctx)
		return out, err
	})
	handle(s, "POST", "/feeds", "add-feed", operator, func(ctx context.Context, in *input[node.FeedAsk]) (node.Feed, error) {
		return n.AddFeed(ctx, in.Body)
	})
	handle(s, "POST", "/feeds/{id}/run", "run-feed", operator, func(ctx context.Context, in *byID) (node.Feed, error) {
		return n.RunFeed(ctx, in.ID)
	})
	handle(s, "DELETE", "/feeds/{id}", "remove-feed", operator, func(ctx context.Context, in *byID) (none, error) {
		return none{}, n.RemoveFeed(ctx, in.ID)
	})
}
