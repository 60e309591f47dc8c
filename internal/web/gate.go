package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"parley.example/parley/internal/node"
)

// tracers may learn whose copy a leaked text was made from.
var tracers = []string{node.Operator, node.Approver, node.Auditor}

// who is the person behind a request.
func who(ctx context.Context) node.User {
	c, _ := ctx.Value(userKey{}).(caller)
	return c.User
}

// gateRoutes are what people decide about releases.
func (s *Server) gateRoutes() {
	n := s.node
	handle(s, "POST", "/release", "release", officers, func(ctx context.Context, in *input[node.ReleaseAsk]) (node.Release, error) {
		in.Body.By = who(ctx)
		return n.ReleaseObject(ctx, in.Body)
	})
	handle(s, "POST", "/releases", "release-many", officers, func(ctx context.Context, in *input[node.ReleaseManyAsk]) (node.ManyReleased, error) {
		in.Body.By = who(ctx)
		return n.ReleaseMany(ctx, in.Body)
	})
	handle(s, "GET", "/releases", "list-releases", readers, func(ctx context.Context, _ *none) (out struct {
		Releases []node.PendingRelease `json:"releases"`
	}, err error) {
		out.Releases, err = n.PendingReleases(ctx)
		return out, err
	})
	handle(s, "POST", "/releases/{id}/approve", "approve-release", node.Approvers, func(ctx context.Context, in *byID) (node.PendingRelease, error) {
		return n.ApproveRelease(ctx, in.ID, who(ctx))
	})
	// Officers may take back what they asked for themselves.
	handle(s, "POST", "/releases/{id}/reject", "reject-release", deciders, func(ctx context.Context, in *byIDWith[reasonBody]) (node.PendingRelease, error) {
		return n.RejectRelease(ctx, in.ID, who(ctx), in.Body.Reason)
	})
	handle(s, "GET", "/copies", "list-copies", readers, func(ctx context.Context, in *struct {
		Object string `query:"object" maxLength:"200" doc:"one of ours; left out: the newest of all"`
		Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	}) (out struct {
		Copies []node.Dispatch `json:"copies"`
	}, err error) {
		out.Copies, err = n.Dispatches(ctx, in.Object, in.Limit)
		return out, err
	})
	handle(s, "POST", "/onward", "agree-onward", deciders, func(ctx context.Context, in *input[node.OnwardAsk]) (node.EventRef, error) {
		return n.AgreeOnward(ctx, in.Body)
	})
	s.mux.HandleFunc("POST /api/v1/trace", s.upload(tracers, func(ctx context.Context, _ *http.Request, body io.Reader) (any, error) {
		return n.TraceCopy(ctx, body)
	}))
	s.mux.HandleFunc("POST /api/v1/policy/dry-run", s.tryPolicy)
}

// maxPolicyRequest bounds a policy that is tried, in bytes.
const maxPolicyRequest = 4 << 20

// tryPolicy answers with one JSON value a line: every decision that would
// change, at last {"tally":…}, or {"error":…} where it broke off.
func (s *Server) tryPolicy(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	refuse := func(err error) {
		var se huma.StatusError
		errors.As(s.problem(ctx, err), &se)
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(se.GetStatus())
		_ = json.NewEncoder(w).Encode(se) // an error here means that the caller went away
	}
	if err := allow(ctx, []string{node.Operator, node.Approver}); err != nil {
		refuse(err)
		return
	}
	var trial node.PolicyTrial
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPolicyRequest))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&trial); err != nil {
		refuse(huma.Error422UnprocessableEntity("the request does not read: " + err.Error()))
		return
	}
	out := json.NewEncoder(w)
	begun := false
	begin := func() {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "application/x-ndjson")
		}
	}
	tally, err := s.node.TryPolicy(ctx, trial, func(c node.PolicyChange) error {
		begin()
		return out.Encode(c)
	})
	switch {
	case err != nil && !begun:
		refuse(err)
	case err != nil:
		_ = out.Encode(map[string]string{"error": s.problem(ctx, err).Error()})
	default:
		begin()
		_ = out.Encode(map[string]node.PolicyTally{"tally": tally})
	}
}
