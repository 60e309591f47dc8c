package web

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley.example/parley/internal/node"
)

// supportView is what helps to find a fault from afar: how the node is made and
// how it stands, and no content, name, address or identifier of anybody.
type supportView struct {
	Made       string            `json:"made"`
	Version    string            `json:"version"`
	Go         string            `json:"go"`
	Platform   string            `json:"platform"`
	Modules    map[string]string `json:"modules"`
	Memory     uint64            `json:"memory_bytes"`
	Goroutines int               `json:"goroutines"`
	Settings   map[string]any    `json:"settings"`
	Checks     []supportCheck    `json:"checks"`
	Held       node.Held         `json:"held"`
	Logs       []int64           `json:"log_sizes"`
	Accords    map[string]int    `json:"accords_by_state"`
	Roles      map[string]int    `json:"people_by_role"`
	Feeds      []supportFeed     `json:"feeds"`
	Rehearsed  *string           `json:"restore_rehearsed"`
}

// supportCheck has no text: what was found may name partners and places.
type supportCheck struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
}

type supportFeed struct {
	Kind    string `json:"kind"`
	Every   string `json:"every"`
	Failing bool   `json:"failing"`
	Taken   int64  `json:"taken"`
	Refused int64  `json:"refused"`
}

func (s *Server) support(ctx context.Context) (supportView, error) {
	n, cfg := s.node, s.node.Config()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	v := supportView{
		Made: stampNow(), Version: s.version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Modules: map[string]string{},
		Memory: mem.Sys, Goroutines: runtime.NumGoroutine(), Accords: map[string]int{}, Roles: map[string]int{}, Logs: []int64{}, Feeds: []supportFeed{}, Checks: []supportCheck{},
		Settings: map[string]any{"tls": cfg.ConsoleCert != "", "postgres": cfg.Store != "", "oidc": cfg.OIDC != nil, "cadence": cfg.Cadence, "idle_lock_seconds": int(cfg.IdleLock().Seconds())},
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			v.Modules[m.Path] = m.Version
		}
	}
	checks, err := n.Examine(ctx)
	if err != nil {
		return v, err
	}
	for _, c := range checks {
		// "partner south" and the like are cut to their first word.
		name, _, _ := strings.Cut(c.Name, " ")
		v.Checks = append(v.Checks, supportCheck{name, c.OK})
	}
	if v.Held, err = n.Held(ctx); err != nil {
		return v, err
	}
	ledger, err := n.Ledger(ctx, "", 1)
	if err != nil {
		return v, err
	}
	for _, l := range ledger.Logs {
		v.Logs = append(v.Logs, l.Size)
	}
	accords, err := n.ListAccords(ctx)
	if err != nil {
		return v, err
	}
	for _, a := range accords {
		v.Accords[a.State]++
	}
	people, err := n.People(ctx)
	if err != nil {
		return v, err
	}
	for _, p := range people {
		v.Roles[p.Role]++
	}
	feeds, err := n.Feeds(ctx)
	if err != nil {
		return v, err
	}
	for _, f := range feeds {
		v.Feeds = append(v.Feeds, supportFeed{f.Kind, f.Every, f.Error != "", f.Taken, f.RefusedN})
	}
	if r, err := n.LastRehearsal(ctx); err == nil {
		v.Rehearsed = &r.At
	}
	return v, nil
}

// expiry is a date by which somebody has to act.
type expiry struct {
	What string `json:"what" enum:"card,accord,key-epoch"`
	Name string `json:"name"`
	Own  bool   `json:"own"`
	At   string `json:"at"`
}

// calendar lists what ends when: cards with their keys, and accords.
func (s *Server) calendar(ctx context.Context) ([]expiry, error) {
	out := []expiry{}
	cards, err := s.node.Cards(ctx)
	if err != nil {
		return out, err
	}
	for _, c := range cards {
		out = append(out, expiry{"card", c.Name, c.Own, c.Expires})
	}
	accords, err := s.node.ListAccords(ctx)
	for _, a := range accords {
		if a.State != "ended" {
			out = append(out, expiry{"accord", a.Title, true, a.Expires})
		}
	}
	return out, err
}

func (s *Server) adminRoutes() {
	n := s.node
	handle(s, "GET", "/calendar", "show-calendar", operator, func(ctx context.Context, _ *none) (out struct {
		Dates []expiry `json:"dates"`
	}, err error) {
		out.Dates, err = s.calendar(ctx)
		return out, err
	})
	type rehearsalView struct {
		Last *node.Rehearsal `json:"last" doc:"null: a restore was never tried"`
	}
	handle(s, "GET", "/rehearsal", "show-rehearsal", operator, func(ctx context.Context, _ *none) (rehearsalView, error) {
		r, err := n.LastRehearsal(ctx)
		if errors.Is(err, node.ErrNotFound) {
			return rehearsalView{}, nil
		}
		return rehearsalView{&r}, err
	})
	handle(s, "POST", "/rehearsal", "rehearse-restore", operator, func(ctx context.Context, _ *none) (rehearsalView, error) {
		r, err := n.RehearseRestore(ctx, who(ctx).Name)
		return rehearsalView{&r}, err
	})
	policymakers := []string{node.Operator, node.Approver}
	type policyView struct {
		Files map[string]string `json:"files"`
	}
	handle(s, "GET", "/policy", "show-policy", policymakers, func(context.Context, *none) (policyView, error) {
		files, err := n.PolicyFiles()
		return policyView{files}, err
	})
	handle(s, "POST", "/policy", "set-policy", operator, func(_ context.Context, in *input[struct {
		Was   map[string]string `json:"was" doc:"the files as they were read"`
		Files map[string]string `json:"files"`
	}]) (policyView, error) {
		if err := n.SetPolicy(in.Body.Was, in.Body.Files); err != nil {
			return policyView{}, err
		}
		files, err := n.PolicyFiles()
		return policyView{files}, err
	})
	s.roles["export-support"] = operator
	huma.Register(s.api, huma.Operation{OperationID: "export-support", Method: "GET", Path: "/api/v1/support", Summary: "support bundle, without content", Middlewares: huma.Middlewares{s.doorkeeper(operator)}},
		func(ctx context.Context, _ *none) (*huma.StreamResponse, error) {
			v, err := s.support(ctx)
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			b, err := json.MarshalIndent(v, "", "  ")
			if err != nil {
				return nil, err
			}
			return download("parley-support-"+time.Now().UTC().Format("20060102")+".json", append(b, '\n')), nil
		})
}
